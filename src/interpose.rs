// SPDX-License-Identifier: BSD-2-Clause
//! System calls that reach another process and ask no hook about it.
//!
//! The kernel looks a number up, and says by its errno whether somebody has it,
//! or goes by sessions, which a jailed process may share with those outside: then
//! signals and input get across. For a process in a jail these calls are settled
//! here first. C source: `fsetown` in `sys/kern/kern_descrip.c`, `sys_ktrace` in
//! `sys/kern/kern_ktrace.c`, `sys/kern/p1003_1b.c`, `sys/kern/kern_procctl.c`,
//! `tty_generic_ioctl` in `sys/kern/tty.c`.

#![forbid(unsafe_code)]

use crate::prison::Jid;
use crate::visibility::{Leader, p_trespass, session};
use crate::{Errno, Result};

/// Who has a number, of a process or of a group, to somebody in a jail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Found {
    /// A process of the same jail.
    pub own: bool,
    /// One that is not.
    pub others: bool,
    /// They are of the caller's session.
    pub session: bool,
}

impl Found {
    /// Nobody.
    pub const NOBODY: Self = Self { own: false, others: false, session: false };

    /// The same and one more process.
    ///
    /// - Determines: `subject` is the jail of whoever asks, `object` that of the
    ///   process; `session` says whether it is of the caller's.
    #[must_use]
    pub fn and(self, subject: Jid, object: Option<Jid>, session: bool) -> Self {
        let own = p_trespass(Some(subject), object).is_ok();
        Self { own: self.own || own, others: self.others || !own, session }
    }

    /// Whether it can be named at all: ktrace(2), sched_setscheduler(2).
    ///
    /// - Returns: `Ok` if one of its processes is seen; the kernel then asks about
    ///   each. `ESRCH` where there is none, and where there is one outside alike.
    /// - Answers to: `pfind` and `pgfind` in `sys_ktrace`.
    ///
    /// # Errors
    /// `ESRCH`.
    pub const fn named(self) -> Result {
        if self.own { Ok(()) } else { Err(Errno::ESRCH) }
    }

    /// Whether it can be had SIGIO and SIGURG sent to: fcntl(2) of `F_SETOWN`.
    ///
    /// - Returns: as [`named`](Self::named); `EPERM`, the kernel's answer, in
    ///   another session, and for a group of which a part is outside.
    /// - Answers to: `fsetown`.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`.
    pub const fn signalled(self) -> Result {
        match self {
            Self { own: false, .. } => Err(Errno::ESRCH),
            Self { others: false, session: true, .. } => Ok(()),
            _ => Err(Errno::EPERM),
        }
    }

    /// Whether a terminal can be given to the group: ioctl(2) of `TIOCSPGRP`.
    ///
    /// - Returns: `EPERM` for no group, one of another session, which is the
    ///   kernel's answer, and one that is outside, or a part of it.
    /// - Answers to: `TIOCSPGRP` in `tty_generic_ioctl`.
    ///
    /// # Errors
    /// `EPERM`.
    pub const fn foreground(self) -> Result {
        if self.own && !self.others && self.session { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Whether a process can join the group: setpgid(2).
    ///
    /// - Returns: `EPERM`, the kernel's answer for no group, where all of it is
    ///   outside.
    /// - Answers to: `sys_setpgid`, which asks for the same session.
    ///
    /// # Errors
    /// `EPERM`.
    pub const fn joined(self) -> Result {
        if self.hidden() { Err(Errno::EPERM) } else { Ok(()) }
    }

    /// Whether it is somebody outside alone.
    #[must_use]
    pub const fn hidden(self) -> bool {
        self.others && !self.own
    }
}

/// Whether input can be put into a terminal: ioctl(2) of `TIOCSTI`, which reaches
/// the controlling one alone.
///
/// - Determines: `leader` leads the session of the process.
/// - Returns: `EPERM` in a session that was begun outside: what is typed there is
///   read outside.
/// - Answers to: `tty_sti_check`.
///
/// # Errors
/// `EPERM`.
pub fn input(subject: Jid, leader: Leader) -> Result {
    session(subject, leader)
}
