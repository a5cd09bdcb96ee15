// SPDX-License-Identifier: BSD-2-Clause
//! Where directories are, seen from the machine's root. C source:
//! `vn_fullpath_global` in `sys/kern/vfs_cache.c`, `kern_renameat` in
//! `sys/kern/vfs_syscalls.c`.

use core::ffi::{CStr, c_char, c_int};
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::vnode::Directory;
use crate::kernel::memory::try_collect;
use crate::root::View;
use crate::{Errno, Result};

/// The path of a directory.
///
/// # Invariants
/// `path` ends in NUL and lies in `memory`, which is this one's.
pub(crate) struct MachinePath {
    path: NonNull<c_char>,
    memory: NonNull<c_char>,
}

impl MachinePath {
    /// The path of a vnode, which may be old by the time this returns.
    ///
    /// # Errors
    /// What vn_fullpath(9) answers for a path that is too long, a directory that
    /// is gone, or one that the name cache has forgotten and the caller may not
    /// read.
    ///
    /// # Safety
    /// The vnode is referenced, and the running thread holds no vnode's lock.
    pub(crate) unsafe fn of(vnode: *mut c::vnode) -> Result<Self> {
        let (mut path, mut memory) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: as the caller says.
        Errno::check(unsafe { c::rjail_c_path(vnode, &raw mut path, &raw mut memory) })?;
        let memory = NonNull::new(memory).ok_or(Errno::ENOENT)?;
        Ok(Self { path: NonNull::new(path).unwrap_or(memory), memory })
    }

    /// The same of a directory that is held.
    ///
    /// # Errors
    /// As [`Self::of`].
    ///
    /// # Safety
    /// The running thread holds no vnode's lock.
    pub(crate) unsafe fn of_directory(directory: &Directory) -> Result<Self> {
        // SAFETY: referenced; for the rest as the caller says.
        unsafe { Self::of(directory.as_ptr()) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: invariant.
        unsafe { CStr::from_ptr(self.path.as_ptr()) }.to_bytes()
    }
}

impl Drop for MachinePath {
    fn drop(&mut self) {
        // SAFETY: ours (invariant), freed once.
        unsafe { c::rjail_c_path_free(self.memory.as_ptr()) };
    }
}

/// A vnode whose lock, which somebody up the stack took, is let go of for a
/// while: whoever walks up the tree takes the locks of parents.
pub(crate) struct Unlocked {
    vnode: NonNull<c::vnode>,
    how: c_int,
}

impl Unlocked {
    /// Lets go of the lock until the value is dropped.
    ///
    /// # Safety
    /// Null, or referenced and locked by the running thread; nobody up the stack
    /// relies on the lock having been held throughout, once this is dropped.
    pub(crate) unsafe fn new(vnode: *mut c::vnode) -> Option<Self> {
        let vnode = NonNull::new(vnode)?;
        // SAFETY: locked, as the caller says.
        let how = unsafe { c::rjail_c_vnode_unlock_any(vnode.as_ptr()) };
        Some(Self { vnode, how })
    }
}

impl Drop for Unlocked {
    fn drop(&mut self) {
        // SAFETY: referenced, and not locked by this thread since `new`.
        unsafe { c::rjail_c_vnode_lock_again(self.vnode.as_ptr(), self.how) };
    }
}

/// The directory of a thread above which ".." never goes: its jail's root.
///
/// # Safety
/// `td` is `curthread`.
pub(crate) unsafe fn jail_directory(td: *mut c::thread) -> Option<Directory> {
    // SAFETY: as the caller says; the vnode comes back referenced.
    let vnode = unsafe { c::rjail_c_jail_directory(td) };
    // SAFETY: that reference.
    unsafe { Directory::from_raw(vnode) }
}

/// Makes [`Move`] usable. Once, before any hook.
pub(crate) fn moves_init() {
    // SAFETY: allots a slot; sleeping is allowed at load.
    unsafe { c::rjail_c_moves_init() };
}

/// Undoes [`moves_init`]; no hook runs any more.
pub(crate) fn moves_fini() {
    // SAFETY: allotted at load.
    unsafe { c::rjail_c_moves_fini() };
}

/// The directory that the running thread moves.
///
/// # Invariants
/// The thread has begun, and is between the two questions of its rename(2).
pub(crate) struct Move(NonNull<c::vnode>);

impl Move {
    /// Remembers out of which directory; null is for a move that does not matter.
    ///
    /// # Errors
    /// `ENOMEM`. May sleep.
    pub(crate) fn begin(from: *mut c::vnode) -> Result {
        // SAFETY: an address, kept until the next call and not followed.
        Errno::check(unsafe { c::rjail_c_move_begin(from) })
    }

    /// What the running thread has begun.
    pub(crate) fn current() -> Option<Self> {
        // SAFETY: reads the running thread's own.
        NonNull::new(unsafe { c::rjail_c_move_from() }).map(Self)
    }

    /// Out of which directory.
    pub(crate) const fn from(&self) -> *mut c::vnode {
        self.0.as_ptr()
    }

    /// Whether [`Self::allow`] was the answer to the same move the last time.
    ///
    /// # Safety
    /// `to` is referenced.
    pub(crate) unsafe fn is_allowed(&self, to: *mut c::vnode) -> bool {
        // SAFETY: begun (invariant).
        unsafe { c::rjail_c_move_allowed(to) }
    }

    /// Remembers that it may be done.
    ///
    /// # Safety
    /// Both directories are referenced.
    pub(crate) unsafe fn allow(&self, to: *mut c::vnode) {
        // SAFETY: begun (invariant); as the caller says.
        unsafe { c::rjail_c_move_allow(to) };
    }
}

/// Whether a rename is one of a directory.
///
/// # Safety
/// The target name that a hook got.
pub(crate) unsafe fn moves_directory(target: *const c::componentname) -> bool {
    // SAFETY: as the caller says.
    unsafe { c::rjail_c_moves_directory(target) }
}

/// Whether a vnode is a directory.
///
/// # Safety
/// Referenced.
pub(crate) unsafe fn is_directory(vnode: *const c::vnode) -> bool {
    // SAFETY: as the caller says.
    unsafe { c::rjail_c_vnode_is_directory(vnode) }
}

/// The number of a mount, and the path it was mounted at.
///
/// # Safety
/// The mount stays for `'a`.
pub(crate) unsafe fn mount<'a>(mount: *const c::mount) -> ([i32; 2], &'a [u8]) {
    let mut id = [0; 2];
    // SAFETY: alive; `id` has room for two.
    unsafe { c::rjail_c_mount_id(mount, id.as_mut_ptr()) };
    // SAFETY: alive.
    let path = unsafe { c::rjail_c_mount_path(mount) };
    // SAFETY: ends in NUL, inside the mount, which does not change it.
    (id, unsafe { CStr::from_ptr(path) }.to_bytes())
}

impl Directory {
    /// What this directory, as a root, is to the mounts. Sleeps.
    pub(crate) fn view(&self) -> View {
        let mut mount = [0; 2];
        // SAFETY: referenced; `mount` has room for two.
        unsafe { c::rjail_c_mount_of(self.as_ptr(), mount.as_mut_ptr()) };
        // SAFETY: rjail(2) holds no lock here.
        let path = unsafe { MachinePath::of_directory(self) };
        let path = path.and_then(|path| try_collect(path.as_bytes().iter().copied()));
        View { mount, path: path.unwrap_or_default() }
    }
}
