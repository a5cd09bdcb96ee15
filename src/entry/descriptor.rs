// SPDX-License-Identifier: BSD-2-Clause
//! Changes of a file's attributes, and what opens a file anew: through a
//! descriptor a jail reaches its own files only. C source:
//! `sys/kern/vfs_syscalls.c`, `sys/kern/vfs_acl.c`, `sys/kern/vfs_extattr.c`.

use core::ffi::{c_char, c_int, c_ulong};

use sys_bindings as c;

use crate::kernel::call;
use crate::kernel::credential::{Jail, jail_of};
use crate::kernel::path::{self, MachinePath, Unlocked};
use crate::kernel::policy;
use crate::{Errno, Result, descriptor};

/// Hooks that ask the same of what is changed, whatever it is changed to.
macro_rules! changes {
    ($($(#[$doc:meta])* $hook:ident($($rest:ty),*);)*) => { $(
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by the MAC framework alone: live credential, and a vnode that
        /// is referenced and locked.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $hook(
            cred: *mut c::ucred,
            vnode: *mut c::vnode,
            _label: *mut c::label,
            $(_: $rest),*
        ) -> c_int {
            // SAFETY: as this function's caller says.
            unsafe { change(cred, vnode) }
        }
    )* };
}

changes! {
    /// chmod(2) and its kin.
    rjail_vnode_check_setmode(c::mode_t);
    /// chown(2) and its kin.
    rjail_vnode_check_setowner(c::uid_t, c::gid_t);
    /// chflags(2) and its kin.
    rjail_vnode_check_setflags(c_ulong);
    /// utimensat(2) and its kin.
    rjail_vnode_check_setutimes(c::timespec, c::timespec);
    /// acl_set_fd(3) and its kin.
    rjail_vnode_check_setacl(c::acl_type_t, *mut c::acl);
    /// acl_delete_fd_np(3) and its kin.
    rjail_vnode_check_deleteacl(c::acl_type_t);
    /// extattr_set_fd(2) and its kin.
    rjail_vnode_check_setextattr(c_int, *const c_char);
    /// extattr_delete_fd(2) and its kin.
    rjail_vnode_check_deleteextattr(c_int, *const c_char);
}

/// # Safety
/// As the hooks.
#[inline]
unsafe fn change(cred: *const c::ucred, vnode: *mut c::vnode) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as the caller says.
    unsafe { change_inside(jail, vnode) }
}

/// # Safety
/// A vnode that is referenced and locked, by the running thread.
#[inline(never)]
unsafe fn change_inside(jail: &Jail, vnode: *mut c::vnode) -> c_int {
    // SAFETY: always there.
    let td = unsafe { c::rjail_c_curthread() };
    // SAFETY: it is curthread.
    let Some(through) = (unsafe { call::running(td) }).changes() else { return 0 };
    // SAFETY: as the caller says. Who asks has only just locked the vnode, and
    // takes it as it is.
    Errno::from_result(unsafe { act(jail, through, vnode) })
}

/// open(2) and its kin, once the file was found.
///
/// # Safety
/// A vnode that is referenced and locked, by the running thread.
pub(super) unsafe fn open(jail: &Jail, vnode: *mut c::vnode) -> Result {
    // SAFETY: always there.
    let td = unsafe { c::rjail_c_curthread() };
    // SAFETY: it is curthread.
    let Some(through) = (unsafe { call::running(td) }).reopens() else { return Ok(()) };
    // SAFETY: as the caller says. Of the vnode only its type was asked, which
    // stays, and no file was made: the kernel refuses that with an empty path.
    unsafe { act(jail, through, vnode) }
}

/// # Safety
/// A vnode that is referenced and locked, by the running thread; nobody up the
/// stack relies on the lock having been held until now.
unsafe fn act(jail: &Jail, through: i32, vnode: *mut c::vnode) -> Result {
    let _waits = policy::may_wait()?;
    // SAFETY: as the caller says.
    let _unlocked = unsafe { Unlocked::new(vnode) };
    // SAFETY: referenced, and not locked any more.
    let opener = unsafe { call::opener(through, vnode) };
    if opener.is(jail.jid()) {
        return descriptor::may_act(jail.jid(), opener, None, None);
    }
    // SAFETY: always there.
    let td = unsafe { c::rjail_c_curthread() };
    // SAFETY: it is curthread.
    let top = unsafe { path::jail_directory(td) };
    // SAFETY: nothing is locked.
    let root = top.and_then(|top| unsafe { MachinePath::of(top.as_ptr()) }.ok());
    // SAFETY: nothing is locked, and the caller of the hook has a reference.
    let path = unsafe { MachinePath::of(vnode) }.ok();
    let [root, path] = [&root, &path].map(|path| path.as_ref().map(MachinePath::as_bytes));
    descriptor::may_act(jail.jid(), opener, root, path)
}
