// SPDX-License-Identifier: BSD-2-Clause
//! Directories. C source: `sys/kern/vfs_lookup.c`, `sys/kern/vfs_syscalls.c`.

use core::ffi::CStr;
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::process::Current;
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
        let mut vnode = ptr::null_mut();
        let td = current.thread();
        // SAFETY: `path` ends in NUL and outlives the call.
        let error = unsafe { c::rjail_c_namei_directory(td, path.as_ptr(), &raw mut vnode) };
        Errno::check(error)?;
        let directory = Self(NonNull::new(vnode).ok_or(Errno::ENOENT)?);
        // SAFETY: the vnode came back locked and referenced.
        let mut error = unsafe { c::change_dir(vnode, td) };
        if error == 0 {
            // SAFETY: locked and referenced still.
            error = unsafe { c::mac_vnode_check_chroot(current.credential(), vnode) };
        }
        // SAFETY: we hold the lock that namei took.
        unsafe { c::rjail_c_vnode_unlock(vnode) };
        Errno::check(error)?;
        Ok(directory)
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
