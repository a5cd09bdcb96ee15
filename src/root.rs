// SPDX-License-Identifier: BSD-2-Clause
//! The hardened chroot: who may enter, and what holds inside.
//!
//! A root directory confines only a process that holds no other way to a
//! directory above it. The paper (section 4.1) found two, ".." with a narrowed
//! root and a kept directory descriptor; the kernel's answers to them are
//! `pwd_chroot`, `pwd_chroot_chdir` and `chroot_refuse_vdir_fds` (C source:
//! `sys/kern/kern_descrip.c`). rjail asks for more than they do, because the
//! root is all that the label alone has.

#![forbid(unsafe_code)]

use crate::{Errno, Result};

/// What is known of a process that asks to enter a jail.
///
/// All of it is read under the locks that keep it true until the root is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entrant {
    /// It holds the privilege to make a jail.
    pub privileged: bool,
    /// It is in a jail of rjail's.
    pub jailed: bool,
    /// It is in a jail of the kernel's.
    pub native_jailed: bool,
    /// Its root directory is not the machine's: chroot(2) narrowed it.
    pub root_narrowed: bool,
    /// A descriptor of its table that is a directory, if any is.
    pub open_directory: Option<i32>,
    /// It has more than one thread.
    pub threaded: bool,
    /// Another process uses its descriptor table (rfork(2) without `RFFDG`).
    pub descriptors_shared: bool,
    /// Another process uses its root and working directory.
    pub directories_shared: bool,
}

impl Entrant {
    /// One whom nothing stands against.
    pub const READY: Self = Self {
        privileged: true,
        jailed: false,
        native_jailed: false,
        root_narrowed: false,
        open_directory: None,
        threaded: false,
        descriptors_shared: false,
        directories_shared: false,
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
    /// Step 4. chroot(2) narrowed its root. The kernel remembers one directory
    /// that ".." never passes, the one of the first chroot(2): it must be the
    /// jail's.
    RootNarrowed,
    /// Step 5. It holds this directory open: fchdir(2) would lead out.
    OpenDirectory(i32),
    /// Step 6. Another thread may be in a system call with the old credential,
    /// and open a directory after step 5 looked.
    Threaded,
    /// Step 7. Another process could put a directory into the descriptor table
    /// after step 5 looked.
    DescriptorsShared,
    /// Step 8. Another process could move the root or the working directory
    /// afterwards, and would itself be moved.
    DirectoriesShared,
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
            | Self::OpenDirectory(_) => Errno::EPERM,
            Self::Threaded | Self::DescriptorsShared | Self::DirectoriesShared => Errno::EBUSY,
        }
    }

    /// The reason as a sentence; the same for every descriptor, so that the
    /// kernel can keep a pointer to it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotPrivileged => "only the superuser makes jails",
            Self::Jailed => "the process is in a jail already",
            Self::NativeJailed => "the process is in a native jail",
            Self::RootNarrowed => "chroot(2) has narrowed the root of the process",
            Self::OpenDirectory(_) => "the process holds a directory open",
            Self::Threaded => "the process has more than one thread",
            Self::DescriptorsShared => "another process shares the descriptor table",
            Self::DirectoriesShared => "another process shares the root and working directory",
        }
    }
}

/// Whether a process may enter a jail.
///
/// - Determines: the eight steps of [`Refusal`], in their order; the first that
///   fails is the answer. What would be permanent (`EPERM`) comes before what
///   could be otherwise a moment later (`EBUSY`).
/// - Returns: `Ok`, or the step that failed; [`Refusal::errno`] has its errno.
/// - Locks: the caller holds those of the descriptor table and of the
///   directories from reading the [`Entrant`] until the root is set.
/// - Answers to: the paper, 4.1; `chroot_refuse_vdir_fds`. Steps 4, 6, 7 and 8
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
    if entrant.threaded {
        return Err(Refusal::Threaded);
    }
    if entrant.descriptors_shared {
        return Err(Refusal::DescriptorsShared);
    }
    if entrant.directories_shared {
        return Err(Refusal::DirectoriesShared);
    }
    Ok(())
}

/// Whether a process may chroot(2), or fchroot(2), again.
///
/// - Determines: nothing stands against a nested root as such; but the new root
///   forgets the old, so inside a jail no directory may be open across it. The
///   kernel asks the same of every narrowed process, unless
///   `kern.chroot_allow_open_directories` is 2: inside a jail no setting helps.
/// - Returns: `Ok` for the unjailed; `EPERM` with a directory open.
/// - Locks: the caller holds the descriptor table's, if it can; where it cannot,
///   the kernel asks again under it.
/// - Answers to: `pwd_chroot`.
///
/// # Errors
/// `EPERM`.
#[doc(alias = "pwd_chroot")]
#[doc(alias = "kern_chroot")]
pub const fn chroot(jailed: bool, open_directory: Option<i32>) -> Result {
    match open_directory {
        Some(_) if jailed => Err(Errno::EPERM),
        _ => Ok(()),
    }
}

/// Where a directory lies, seen from a jail's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The root itself, or beneath it.
    Beneath,
    /// Not beneath it.
    Outside,
    /// The kernel cannot tell: the directory was removed, or its parent is not
    /// known without a lookup.
    Unknown,
}

/// Whether a process may make a directory its working directory.
///
/// - Determines: a jailed process stands beneath its jail's root, however it
///   came by the directory: by name, by a kept descriptor, by one received over
///   a socket.
/// - Returns: `Ok` for the unjailed, and for a directory beneath the root;
///   `ENOENT` for one that is not, or of which that cannot be shown: outside
///   names do not exist.
/// - Locks: none; the caller keeps the vnode referenced.
/// - Answers to: the paper, 4.1; `change_dir` (C source:
///   `sys/kern/vfs_syscalls.c`).
///
/// # Errors
/// `ENOENT`.
#[doc(alias = "change_dir")]
#[doc(alias = "sys_fchdir")]
pub const fn chdir(jailed: bool, directory: Place) -> Result {
    match directory {
        Place::Outside | Place::Unknown if jailed => Err(Errno::ENOENT),
        _ => Ok(()),
    }
}
