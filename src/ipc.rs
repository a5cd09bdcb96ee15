// SPDX-License-Identifier: BSD-2-Clause
//! What processes share by a name, a key or a number: memory, semaphores and
//! message queues, of System V and of POSIX.
//!
//! Each object belongs to the jail whose process made it, and for every other
//! jail there is none, whatever it is called. The kernel keeps the objects of
//! native jails apart by a prefix that it puts before POSIX names, the path of
//! the jail's root, and two jails may have one root; of System V, by the prison
//! of the maker, or not at all where they share with the host.

#![forbid(unsafe_code)]

use crate::prison::Jid;
use crate::{Errno, Result};

/// How a process came to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// A path of POSIX, or a key of System V.
    Name,
    /// A number of System V.
    Number,
}

impl By {
    /// The answer where there is no object.
    #[must_use]
    pub const fn missing(self) -> Errno {
        match self {
            Self::Name => Errno::ENOENT,
            Self::Number => Errno::EINVAL,
        }
    }
}

/// The mark of a jail on an object that may outlast it, and the module too: a
/// number that no other jail has had since the machine started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(u64);

impl Mark {
    /// The mark of a jail. `loaded` is when the module was loaded, in fractions
    /// of 2^-32 seconds: numbers of jails begin anew then, and a later load
    /// begins further on than any machine makes jails.
    #[must_use]
    #[inline]
    pub const fn of(jail: Jid, loaded: u64) -> Self {
        Self(jail.get().wrapping_add(loaded))
    }

    /// As it is kept; 0 is nobody's, which is to say the host's.
    #[must_use]
    #[inline]
    pub const fn from_kept(kept: u64) -> Option<Self> {
        if kept == 0 { None } else { Some(Self(kept)) }
    }

    /// To be kept.
    #[must_use]
    #[inline]
    pub const fn kept(self) -> u64 {
        self.0
    }
}

/// Whether a process may come to an object by its name or number.
///
/// - Determines: `subject` is the jail of the process, `owner` that of whoever
///   made the object, `None` no jail; a jail is its number or its [`Mark`]. With
///   `shares` the jail shares objects of this kind with its host: the host's are
///   its own as well, but never another jail's.
/// - Returns: `Ok` for an unjailed subject, and within one jail; `ENOENT` or
///   `EINVAL` otherwise, the answer for an object that is not there. What a
///   process has open or attached already is not asked about.
/// - Locks: none; the values are copies. The callers hold the object's.
/// - Answers to: `shm_prison_cansee`, `sem_prison_cansee`, `msq_prison_cansee`
///   (C source: `sys/kern/sysv_shm.c`, `sysv_sem.c`, `sysv_msg.c`), and the
///   prefix of names in `shm_copyin_path` (`uipc_shm.c`) and `ksem_create`
///   (`uipc_sem.c`).
///
/// # Errors
/// `ENOENT`, `EINVAL`.
#[doc(alias = "shm_prison_cansee")]
#[doc(alias = "sem_prison_cansee")]
#[doc(alias = "msq_prison_cansee")]
#[inline]
pub fn reach<J: PartialEq>(subject: Option<J>, owner: Option<J>, shares: bool, by: By) -> Result {
    let hosts = owner.is_none();
    if subject.is_none() || subject == owner || (shares && hosts) {
        Ok(())
    } else {
        Err(by.missing())
    }
}
