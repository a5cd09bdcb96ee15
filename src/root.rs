// SPDX-License-Identifier: BSD-2-Clause
//! The hardened chroot: who may enter.
//!
//! A root directory confines only a process that holds no other way to a
//! directory above it. The paper (section 6.2) found two, ".." with a narrowed
//! root and a kept directory descriptor; the kernel's answers to them are
//! `pwd_chroot`, `pwd_chroot_chdir` and `chroot_refuse_vdir_fds` (C source:
//! `sys/kern/kern_descrip.c`). rjail asks for more than they do, because the
//! root is all that the label alone has.

#![forbid(unsafe_code)]

use crate::Errno;

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
    /// chroot(2) gave it a root before (`pwd_jdir` is set), be it the machine's.
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
    /// Step 4. chroot(2) gave it a root before. The kernel remembers one
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

    /// The reason as a sentence; the same for every descriptor, so that the
    /// kernel can keep a pointer to it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotPrivileged => "only the superuser makes jails",
            Self::Jailed => "the process is in a jail already",
            Self::NativeJailed => "the process is in a native jail",
            Self::RootNarrowed => "chroot(2) has set the root of the process before",
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
