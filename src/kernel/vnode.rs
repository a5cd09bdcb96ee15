// SPDX-License-Identifier: BSD-2-Clause
//! Directories. C source: `sys/kern/vfs_lookup.c`, `sys/kern/vfs_syscalls.c`.

use core::ffi::CStr;
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::process::Current;
use crate::request::Text;
use crate::{Errno, Result};

/// A directory, referenced and not locked.
///
/// # Invariants
/// One use count of the vnode is this one's.
pub(crate) struct Directory(NonNull<c::vnode>);

impl Directory {
    /// Looks a path of kernel memory up and asks all that chroot(2) asks of the
    /// directory it finds.
    ///
    /// # Errors
    /// Those of namei(9), `ENOTDIR`, `EACCES`, and what other policies say.
    pub(crate) fn look_up(current: &Current, path: &CStr) -> Result<Self> {
        Self::find(current, path, false)
    }

    /// The same for a path from the machine's root, wherever the caller's is.
    ///
    /// # Errors
    /// As [`Self::look_up`].
    pub(crate) fn look_up_from_machine(current: &Current, path: &Text) -> Result<Self> {
        let path = path.as_c_str();
        let beneath = path.to_bytes_with_nul().get(1..).unwrap_or_default();
        let beneath = CStr::from_bytes_with_nul(beneath).unwrap_or_default();
        Self::find(current, if beneath.is_empty() { c"." } else { beneath }, true)
    }

    fn find(current: &Current, path: &CStr, machine: bool) -> Result<Self> {
        let mut vnode = ptr::null_mut();
        // SAFETY: `path` ends in NUL and outlives the call.
        let error = unsafe { c::rjail_c_namei_directory(path.as_ptr(), machine, &raw mut vnode) };
        Errno::check(error)?;
        let directory = Self(NonNull::new(vnode).ok_or(Errno::ENOENT)?);
        // SAFETY: the vnode came back locked and referenced.
        unsafe { directory.may_be_entered(current) }.map(|()| directory)
    }

    /// The same questions about one that is there already.
    ///
    /// # Errors
    /// As [`Self::look_up`], without those of namei(9).
    pub(crate) fn ask(self, current: &Current) -> Result<Self> {
        // SAFETY: referenced (invariant) and not locked by this thread.
        unsafe { c::rjail_c_vnode_lock_again(self.0.as_ptr(), c::LK_EXCLUSIVE) };
        // SAFETY: just locked.
        unsafe { self.may_be_entered(current) }.map(|()| self)
    }

    /// # Safety
    /// Locked by this thread, which lets go of it here.
    unsafe fn may_be_entered(&self, current: &Current) -> Result {
        let vnode = self.0.as_ptr();
        // SAFETY: referenced and locked.
        let mut error = unsafe { c::change_dir(vnode, current.thread()) };
        if error == 0 {
            // SAFETY: locked and referenced still.
            error = unsafe { c::mac_vnode_check_chroot(current.credential(), vnode) };
        }
        // SAFETY: the caller's lock.
        unsafe { c::rjail_c_vnode_unlock(vnode) };
        Errno::check(error)
    }

    /// Makes it the root, the working and the jail directory of the process,
    /// all at once.
    ///
    /// # Errors
    /// `EPERM` with a directory open; nothing has changed. Afterwards the
    /// kernel has references of its own.
    pub(crate) fn enter(&self, current: &mut Current) -> Result {
        // SAFETY: the vnode is referenced and not locked; the thread is ours.
        Errno::check(unsafe { c::pwd_chroot_chdir(current.thread(), self.0.as_ptr()) })
    }

    /// The kernel's own.
    pub(crate) const fn as_ptr(&self) -> *mut c::vnode {
        self.0.as_ptr()
    }

    /// Gives the reference up.
    pub(crate) fn into_raw(self) -> *mut c::vnode {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }

    /// Takes a reference over.
    ///
    /// # Safety
    /// The caller owns a use count and gives it up here.
    pub(crate) unsafe fn from_raw(vnode: *mut c::vnode) -> Option<Self> {
        NonNull::new(vnode).map(Self)
    }
}

impl Clone for Directory {
    fn clone(&self) -> Self {
        // SAFETY: referenced (invariant), so it can be referenced again.
        unsafe { c::rjail_c_vref(self.0.as_ptr()) };
        Self(self.0)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // SAFETY: the use count is ours (invariant). May sleep: no caller holds
        // a lock.
        unsafe { c::vrele(self.0.as_ptr()) };
    }
}
