// SPDX-License-Identifier: BSD-2-Clause
//! Where directories are, seen from the machine's root. C source:
//! `vn_fullpath_global` in `sys/kern/vfs_cache.c`, `kern_renameat` in
//! `sys/kern/vfs_syscalls.c`.

use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int};
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::vnode::Directory;
use crate::kernel::fixed::Fixed;
use crate::kernel::memory::try_push;
use crate::root::{Identity, View};
use crate::{Errno, Result};

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

/// The mounts that show what lies elsewhere: nullfs(4), unionfs(4).
///
/// # Invariants
/// The mount is busy, by this one.
pub(crate) struct Loopbacks(Option<NonNull<c::mount>>);

impl Loopbacks {
    pub(crate) const fn all() -> Self {
        Self(None)
    }

    /// The next one, which stays until the one after is asked for. Sleeps.
    ///
    /// # Safety
    /// The running thread holds no vnode's lock.
    pub(crate) unsafe fn next_root(&mut self) -> Option<Directory> {
        loop {
            let mount = self.0.take().map_or(ptr::null_mut(), NonNull::as_ptr);
            // SAFETY: null, or busy, and let go of by the call.
            self.0 = NonNull::new(unsafe { c::rjail_c_mount_next_loopback(mount) });
            // SAFETY: busy; for the rest as the caller says.
            let root = unsafe { c::rjail_c_mount_root(self.0?.as_ptr()) };
            // SAFETY: null or referenced.
            if let Some(root) = unsafe { Directory::from_raw(root) } {
                return Some(root);
            }
        }
    }
}

impl Drop for Loopbacks {
    fn drop(&mut self) {
        if let Some(mount) = self.0.take() {
            // SAFETY: busy (invariant).
            unsafe { c::rjail_c_mount_unbusy(mount.as_ptr()) };
        }
    }
}

/// What a directory shows, below all file systems that only show another; itself
/// where there is none. `None`: it is going away.
///
/// # Safety
/// Referenced, and the running thread holds no vnode's lock.
pub(crate) unsafe fn lowest(vnode: *mut c::vnode) -> Option<Directory> {
    // SAFETY: as the caller says.
    let low = unsafe { c::rjail_c_lowest(vnode) };
    // SAFETY: null or referenced.
    unsafe { Directory::from_raw(low) }
}

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

/// A directory and all those above it, up to the machine's root.
pub(crate) struct Upwards {
    next: Result<Option<Directory>>,
}

impl Upwards {
    /// # Safety
    /// Referenced.
    pub(crate) unsafe fn from(vnode: *mut c::vnode) -> Self {
        // SAFETY: as the caller says.
        unsafe { c::rjail_c_vref(vnode) };
        // SAFETY: that reference.
        Self { next: Ok(unsafe { Directory::from_raw(vnode) }) }
    }

    /// Why the last one was the last: an error, or the machine's root.
    ///
    /// # Errors
    /// The file system's; `ENOENT` from a directory that was removed.
    pub(crate) const fn end(&self) -> Result {
        match self.next {
            Ok(_) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// As [`Self::end`]; `ENOMEM`.
    pub(crate) fn collect(mut self) -> Result<Vec<Identity>> {
        let mut all = Vec::new();
        for directory in self.by_ref() {
            try_push(&mut all, directory)?;
        }
        self.end().map(|()| all)
    }
}

/// The running thread holds no vnode's lock. Sleeps.
impl Iterator for Upwards {
    type Item = Identity;

    fn next(&mut self) -> Option<Identity> {
        let directory = core::mem::replace(&mut self.next, Ok(None)).ok()??;
        let found = directory.identity_and_above();
        let (identity, next) = match found {
            Ok((identity, above)) => (Some(identity), Ok(above)),
            Err(errno) => (None, Err(errno)),
        };
        self.next = next;
        identity
    }
}

impl Directory {
    /// Which one it is, and the one above. The running thread holds no vnode's
    /// lock. Sleeps.
    ///
    /// # Errors
    /// As [`Upwards::end`].
    fn identity_and_above(&self) -> Result<(Identity, Option<Self>)> {
        let (mut id, mut above) = (Identity::NOTHING, ptr::null_mut());
        let (mount, file) = (id.mount.as_mut_ptr(), &raw mut id.file);
        // SAFETY: referenced; `mount` has room for two.
        let error = unsafe { c::rjail_c_directory(self.as_ptr(), mount, file, &raw mut above) };
        Errno::check(error)?;
        // SAFETY: null or referenced.
        Ok((id, unsafe { Self::from_raw(above) }))
    }

    /// Which one it is. The running thread holds no vnode's lock. Sleeps.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn identity(&self) -> Result<Identity> {
        let mut id = Identity::NOTHING;
        let (mount, file) = (id.mount.as_mut_ptr(), &raw mut id.file);
        // SAFETY: referenced; `mount` has room for two, and nothing above is asked for.
        let error = unsafe { c::rjail_c_directory(self.as_ptr(), mount, file, ptr::null_mut()) };
        Errno::check(error).map(|()| id)
    }

    /// What this directory, as a root, is to the mounts. Sleeps.
    ///
    /// # Errors
    /// `ENOENT`: the file system does not say what it shows. `ENOMEM`.
    pub(crate) fn view(&self) -> Result<View> {
        let root = self.identity()?;
        // SAFETY: referenced, and rjail(2) holds no lock here.
        let lowest = unsafe { lowest(self.as_ptr()) }.ok_or(Errno::ENOENT)?;
        let same = ptr::eq(lowest.as_ptr(), self.as_ptr());
        let shown = if same { root } else { lowest.identity()? };
        // SAFETY: as above.
        let path = unsafe { MachinePath::of(self.as_ptr()) };
        let path = match path {
            Ok(path) => Fixed::copy_of(path.as_bytes())?,
            // The name cache does not know it.
            Err(_) => Fixed::EMPTY,
        };
        Ok(View { root, shown, path })
    }
}
