// SPDX-License-Identifier: BSD-2-Clause
//! The hardened chroot: who may enter, and the edge of a root afterwards.
//!
//! A root directory confines only a process that holds no other way to a
//! directory above it. The paper (section 6.2) found two, ".." with a narrowed
//! root and a kept directory descriptor; the kernel's answers to them are
//! `pwd_chroot`, `pwd_chroot_chdir` and `chroot_refuse_vdir_fds` (C source:
//! `sys/kern/kern_descrip.c`). rjail asks for more than they do, because the
//! root is all that the label alone has.

#![forbid(unsafe_code)]

use crate::kernel::fixed::Fixed;
use crate::prison::JailFlags;
use crate::{Errno, Result};

/// What is known of a process that asks to enter a jail.
///
/// All of it stays true until the root is set: see [`admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entrant {
    /// It holds the privilege to make a jail.
    pub privileged: bool,
    /// It is in a jail of rjail's.
    pub jailed: bool,
    /// It is in a jail of the kernel's.
    pub native_jailed: bool,
    /// chroot(2) gave it a root before (`pwd_jdir` is set), be it the machine's,
    /// and that is not the jail's.
    pub root_narrowed: bool,
    /// A descriptor of its table that is a directory, if any is.
    pub open_directory: Option<i32>,
    /// A descriptor that stands for a jail of the kernel's, if any does.
    pub open_jail: Option<i32>,
    /// Another process uses its descriptor table (rfork(2) without `RFFDG`).
    pub descriptors_shared: bool,
    /// Another process uses its root and working directory.
    pub directories_shared: bool,
    /// Another process runs in the same memory or with the same signal handlers:
    /// vfork(2), rfork(2) with `RFMEM` or `RFSIGSHARE`.
    pub memory_shared: bool,
}

impl Entrant {
    /// One whom nothing stands against.
    pub const READY: Self = Self {
        privileged: true,
        jailed: false,
        native_jailed: false,
        root_narrowed: false,
        open_directory: None,
        open_jail: None,
        descriptors_shared: false,
        directories_shared: false,
        memory_shared: false,
    };
}

/// Why a process may not enter a jail: one variant for each step of [`admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Step 1. It is not the superuser.
    NotPrivileged,
    /// Step 2. It is in a jail already, and a jail cannot be left.
    Jailed,
    /// Step 3. It is in a native jail, whose promises rjail does not know.
    NativeJailed,
    /// Step 4. chroot(2) gave it another root before. The kernel remembers one
    /// directory beside the root that ".." never passes, the one of the first
    /// chroot(2): it must be the jail's. Even chroot(2) to "/" uses it up.
    RootNarrowed,
    /// Step 5. It holds this directory open: fchdir(2) would lead out.
    OpenDirectory(i32),
    /// Step 6. It holds this jail descriptor open: jail_remove_jd(2) and its kin
    /// ask who opened it, not who uses it.
    OpenJail(i32),
    /// Step 7. Another process could put a directory into the descriptor table
    /// after step 5 looked.
    DescriptorsShared,
    /// Step 8. Another process could move the root or the working directory
    /// afterwards, and would itself be moved.
    DirectoriesShared,
    /// Step 9. Another process runs in the same memory or with the same signal
    /// handlers: what the jail changes of this one it would change of that one,
    /// outside.
    MemoryShared,
}

impl Refusal {
    /// The errno that rjail(2) fails with.
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::NotPrivileged
            | Self::Jailed
            | Self::NativeJailed
            | Self::RootNarrowed
            | Self::OpenDirectory(_)
            | Self::OpenJail(_) => Errno::EPERM,
            Self::DescriptorsShared | Self::DirectoriesShared | Self::MemoryShared => Errno::EBUSY,
        }
    }

    /// The number of the step, which exterr(3) shows.
    #[must_use]
    pub const fn step(self) -> u32 {
        match self {
            Self::NotPrivileged => 1,
            Self::Jailed => 2,
            Self::NativeJailed => 3,
            Self::RootNarrowed => 4,
            Self::OpenDirectory(_) => 5,
            Self::OpenJail(_) => 6,
            Self::DescriptorsShared => 7,
            Self::DirectoriesShared => 8,
            Self::MemoryShared => 9,
        }
    }

    /// The descriptor that is in the way, if one is.
    #[must_use]
    pub const fn descriptor(self) -> Option<i32> {
        match self {
            Self::OpenDirectory(descriptor) | Self::OpenJail(descriptor) => Some(descriptor),
            _ => None,
        }
    }

    /// The reason as a sentence; the same for every descriptor.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotPrivileged => "only the superuser makes jails",
            Self::Jailed => "the process is in a jail already",
            Self::NativeJailed => "the process is in a native jail",
            Self::RootNarrowed => "chroot(2) has given the process another root before",
            Self::OpenDirectory(_) => "the process holds a directory open",
            Self::OpenJail(_) => "the process holds a jail descriptor open",
            Self::DescriptorsShared => "another process shares the descriptor table",
            Self::DirectoriesShared => "another process shares the root and working directory",
            Self::MemoryShared => "another process shares the memory or the signal handlers",
        }
    }
}

/// Whether a process may enter a jail.
///
/// - Determines: the nine steps of [`Refusal`], in their order; the first that
///   fails is the answer. What would be permanent (`EPERM`) comes before what
///   could be otherwise a moment later (`EBUSY`).
/// - Returns: `Ok`, or the step that failed; [`Refusal::errno`] has its errno.
/// - Locks: none. The caller sees to it that nobody changes the answers until
///   the root is set: it has stopped the other threads of its process, and steps
///   7 to 9 say that no other process can.
/// - Answers to: the paper, 6.2; `chroot_refuse_vdir_fds`. Steps 4 and 6 to 9
///   are rjail's own: a native jail lets such a process in.
///
/// # Errors
/// The step that failed.
#[doc(alias = "chroot_refuse_vdir_fds")]
#[doc(alias = "pwd_chroot_chdir")]
#[doc(alias = "do_jail_attach")]
pub const fn admit(entrant: &Entrant) -> core::result::Result<(), Refusal> {
    if !entrant.privileged {
        return Err(Refusal::NotPrivileged);
    }
    if entrant.jailed {
        return Err(Refusal::Jailed);
    }
    if entrant.native_jailed {
        return Err(Refusal::NativeJailed);
    }
    if entrant.root_narrowed {
        return Err(Refusal::RootNarrowed);
    }
    if let Some(descriptor) = entrant.open_directory {
        return Err(Refusal::OpenDirectory(descriptor));
    }
    if let Some(descriptor) = entrant.open_jail {
        return Err(Refusal::OpenJail(descriptor));
    }
    if entrant.descriptors_shared {
        return Err(Refusal::DescriptorsShared);
    }
    if entrant.directories_shared {
        return Err(Refusal::DirectoriesShared);
    }
    if entrant.memory_shared {
        return Err(Refusal::MemoryShared);
    }
    Ok(())
}

/// Whether the directory with path `root` is, or holds, the one with `path`. By
/// the names alone: both are absolute, without "." and ".." and a slash at the
/// end, as the kernel makes them.
#[must_use]
pub fn contains(root: &[u8], path: &[u8]) -> bool {
    match root {
        [] => false,
        b"/" => true,
        root => path.strip_prefix(root).is_some_and(|rest| matches!(rest, [] | [b'/', ..])),
    }
}

/// Whether a jailed process may make a directory its working directory or its
/// root, or go up from it.
///
/// - Determines: `root` is the jail's root, `upwards` the directory and all those
///   above it, in that order. A descriptor can lead outside: received, or opened
///   inside before the directory was moved. So can ".." from there: see
///   [`crate::unix`].
/// - Returns: `Ok`, or `ENOENT`: what is outside does not exist. Where the kernel
///   finds no way up (the directory is removed) chdir(2) does not ask: a removed
///   directory has no "..".
/// - Locks: none; the answer may be a moment old.
/// - Answers to: `change_dir`, which asks no such thing; `fget_cap` with
///   `FD_RESOLVE_BENEATH`, which knows where a descriptor came from but not where
///   it leads.
///
/// # Errors
/// `ENOENT`.
#[doc(alias = "change_dir")]
pub fn may_stand<T: PartialEq>(root: T, upwards: impl IntoIterator<Item = T>) -> Result {
    if upwards.into_iter().any(|directory| directory == root) { Ok(()) } else { Err(Errno::ENOENT) }
}

/// Whether anybody, jailed or not, may move a directory from one to another.
///
/// - Determines: `roots` are all jails' roots; `from` and `to` the two
///   directories, each with all those above it. One that is moved out of a jail
///   takes along whoever stands in it, and ".." then climbs outside: no look-up
///   passes the root. Asked a second time of what nullfs(4) shows: there the roots
///   are also the trees that mounts beneath a jail's root show.
/// - Returns: `Ok`, or `EXDEV` when the directory would leave a jail's root. A
///   root is to directories what the edge of a file system is: mv(1) copies, and
///   removes what it copied.
/// - Locks: none here; the caller has the mount's rename lock.
/// - Answers to: nothing; jail(8) warns of it.
///
/// # Errors
/// `EXDEV`.
#[doc(alias = "kern_renameat")]
pub fn may_move<T: PartialEq>(roots: impl IntoIterator<Item = T>, from: &[T], to: &[T]) -> Result {
    let leaves = |root: T| from.contains(&root) && !to.contains(&root);
    if roots.into_iter().any(leaves) { Err(Errno::EXDEV) } else { Ok(()) }
}

/// Which directory it is, for as long as nobody removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The number of its mount (`f_fsid`).
    pub mount: [i32; 2],
    /// Its number there (`va_fileid`).
    pub file: u64,
}

impl Identity {
    /// No directory's.
    pub const NOTHING: Self = Self { mount: [0; 2], file: 0 };
}

/// What a jail's root is to the mounts, as it was when the jail was made: an
/// identity, so that the file system can be unmounted when the last process is
/// gone.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    /// The root.
    pub root: Identity,
    /// What it shows, below all file systems that only show another; or the same.
    pub shown: Identity,
    /// The path of the root; empty if the kernel found none.
    pub path: Fixed<u8>,
}

impl View {
    /// Of a root that sees no mount.
    pub const NOTHING: Self =
        Self { root: Identity::NOTHING, shown: Identity::NOTHING, path: Fixed::EMPTY };
}

/// Whether a jail may learn of a mount.
///
/// - Determines: `mount` is its number, `at` the path it was mounted at.
/// - Returns: `Ok` for all with [`JailFlags::STATFS_ALL`]; else for the mount of
///   the root and those beneath, `ENOENT` for the others. `enforce_statfs` 2
///   hides those beneath as well, from lists; that is line two's, because this
///   one question stands for lists and for statfs(2) of what the process has
///   open, which opendir(3) needs.
/// - Locks: none.
/// - Answers to: `prison_canseemount`.
///
/// # Errors
/// `ENOENT`.
#[doc(alias = "prison_canseemount")]
#[doc(alias = "prison_enforce_statfs")]
pub fn may_see_mount(flags: JailFlags, view: &View, mount: [i32; 2], at: &[u8]) -> Result {
    let own = mount == view.root.mount || contains(&view.path, at);
    if own || flags.contains(JailFlags::STATFS_ALL) { Ok(()) } else { Err(Errno::ENOENT) }
}
