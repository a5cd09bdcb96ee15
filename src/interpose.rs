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
use crate::request::Memory;
use crate::visibility::{Leader, p_trespass, session};
use crate::{Errno, Result};

/// The words of a system call's arguments.
pub type Words = [u64; 8];

/// Numbers that a call is told by (C source: `sys/sys/syscall.h`, and where each
/// call has its own).
pub mod number {
    /// `SYS_ptrace`.
    pub const PTRACE: i32 = 26;
    /// `SYS_ktrace`.
    pub const KTRACE: i32 = 45;
    /// `SYS_ioctl`.
    pub const IOCTL: i32 = 54;
    /// `SYS_setpgid`.
    pub const SETPGID: i32 = 82;
    /// `SYS_fcntl`.
    pub const FCNTL: i32 = 92;
    /// `SYS_sched_setscheduler`.
    pub const SCHED_SETSCHEDULER: i32 = 329;
    /// `SYS_pdgetpid`.
    pub const PDGETPID: i32 = 520;
    /// `SYS_procctl`.
    pub const PROCCTL: i32 = 544;
    /// `F_SETOWN`.
    pub const F_SETOWN: i32 = 6;
    /// `PT_SC_REMOTE`.
    pub const PT_SC_REMOTE: i32 = 44;
    /// `P_PID`.
    pub const P_PID: i32 = 0;
    /// `PROC_REAP_STATUS`.
    pub const REAP_STATUS: i32 = 4;
    /// `PROC_REAP_GETPIDS`.
    pub const REAP_GETPIDS: i32 = 5;
    /// `PROC_PDEATHSIG_CTL`.
    pub const PDEATHSIG_CTL: i32 = 11;
    /// `PROC_PDEATHSIG_STATUS`.
    pub const PDEATHSIG_STATUS: i32 = 12;
    /// `TIOCSTI`.
    pub const TIOCSTI: u64 = 0x8001_7472;
    /// `TIOCSPGRP`.
    pub const TIOCSPGRP: u64 = 0x8004_7476;
    /// `FIOSETOWN`.
    pub const FIOSETOWN: u64 = 0x8004_667c;
    /// `SIOCSPGRP`.
    pub const SIOCSPGRP: u64 = 0x8004_7308;
}

/// What a call is about, by its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing that is settled here.
    Nothing,
    /// Input into a terminal: [`input`].
    Input,
    /// A number: what [`Whom`] says of it.
    Number(Whom, i32),
    /// A number that ioctl(2) has in memory, four bytes.
    InMemory {
        /// What is asked of it.
        whom: Whom,
        /// Of whatever is done with it.
        descriptor: i32,
        /// What is done.
        command: u64,
        /// Where the number is.
        at: usize,
    },
    /// A call in another process's name, which comes to the kernel's own vector:
    /// `EINVAL`.
    Remote,
    /// A process, by its descriptor: `ESRCH` if it is hidden.
    Described(i32),
    /// What kills a process with its parent: `EINVAL`, the kernel's answer for no
    /// process, if this one is hidden.
    DeathSignal(i32),
    /// How the reaper of a process stands, and where that goes.
    Reaper(i32, usize),
    /// Whom the reaper of a process has, and where that goes.
    Reaped(i32, usize),
}

/// What a number is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Traced: ktrace(2).
    Traced,
    /// Scheduled: sched_setscheduler(2); 0 is the caller.
    Scheduled,
    /// Signalled, a group by minus its number; 0 is nobody any more.
    Signalled,
    /// Signalled, a group by its number.
    SignalledGroup,
    /// The group in a terminal's foreground; 0 is none.
    Foreground,
    /// The group that a process joins: 0 is one of its own, and less is none.
    Joined,
}

impl Whom {
    /// The process, or minus the group, that a number means, and whether a process
    /// that is about to end counts. `None` where it means nobody: then nothing is in
    /// the way.
    #[must_use]
    pub const fn meant(self, given: i32) -> Option<(i32, bool)> {
        match (self, given) {
            (Self::Traced, _) => Some((given, false)),
            (_, 0) => None,
            (Self::Scheduled | Self::Signalled, _) => Some((given, false)),
            (Self::SignalledGroup, _) => Some((given.wrapping_neg(), false)),
            (Self::Joined, ..0) => None,
            (Self::Foreground | Self::Joined, _) => Some((given.wrapping_neg(), true)),
        }
    }

    /// What becomes of the call, when these were found.
    ///
    /// # Errors
    /// Those of [`Found`]'s answer.
    pub const fn settle(self, found: Found) -> Result {
        match self {
            Self::Traced | Self::Scheduled => found.named(),
            Self::Signalled | Self::SignalledGroup => found.signalled(),
            Self::Foreground => found.foreground(),
            Self::Joined => found.joined(),
        }
    }
}

impl Asked {
    /// What a call of these words asks. `ilp32`: of the 32-bit ABI, whose words are
    /// half as long, so that procctl(2) has the process in two of them.
    #[must_use]
    pub fn new(code: i32, words: &Words, ilp32: bool) -> Self {
        match code {
            number::IOCTL => Self::ioctl(words),
            number::FCNTL if int(words[1]) == number::F_SETOWN => {
                Self::Number(Whom::Signalled, int(words[2]))
            }
            number::KTRACE => Self::Number(Whom::Traced, int(words[3])),
            number::PTRACE if int(words[0]) == number::PT_SC_REMOTE => Self::Remote,
            number::SCHED_SETSCHEDULER => Self::Number(Whom::Scheduled, int(words[0])),
            number::PROCCTL => Self::procctl(words, ilp32),
            number::PDGETPID => Self::Described(int(words[0])),
            number::SETPGID => Self::Number(Whom::Joined, int(words[1])),
            _ => Self::Nothing,
        }
    }

    /// Terminals; and whom a socket, a pipe or a device has signals sent to.
    fn ioctl(words: &Words) -> Self {
        let command = words[1] & u64::from(u32::MAX);
        let whom = match command {
            number::TIOCSTI => return Self::Input,
            number::FIOSETOWN => Whom::Signalled,
            // Sockets take the group's number as it is, others the negative one of it.
            number::SIOCSPGRP => Whom::SignalledGroup,
            number::TIOCSPGRP => Whom::Foreground,
            _ => return Self::Nothing,
        };
        Self::InMemory { whom, descriptor: int(words[0]), command, at: address(words[2]) }
    }

    fn procctl(words: &Words, ilp32: bool) -> Self {
        let (id, command, data) = if ilp32 {
            (words[1] | words[2] << 32, words[3], words[4])
        } else {
            (words[1], words[2], words[3])
        };
        let Ok(id) = i32::try_from(id.cast_signed()) else { return Self::Nothing };
        match int(command) {
            _ if int(words[0]) != number::P_PID => Self::Nothing,
            number::PDEATHSIG_CTL | number::PDEATHSIG_STATUS => Self::DeathSignal(id),
            number::REAP_STATUS => Self::Reaper(id, address(data)),
            number::REAP_GETPIDS => Self::Reaped(id, address(data)),
            _ => Self::Nothing,
        }
    }
}

/// The low half, as the kernel reads an `int`.
const fn int(word: u64) -> i32 {
    let [a, b, c, d, ..] = word.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// amd64 alone: an address is a word.
fn address(word: u64) -> usize {
    usize::try_from(word).unwrap_or_default()
}

/// Bytes of `struct procctl_reaper_status`.
pub const STATUS: usize = 80;

/// How a reaper stands that has nobody: flags, children, descendants, the reaper, a
/// process below it, which is -1.
#[must_use]
pub fn no_status() -> [u8; STATUS] {
    let mut status = [0_u8; STATUS];
    if let Some(nobody) = status.get_mut(16..20) {
        nobody.fill(u8::MAX);
    }
    status
}

/// Tells that a reaper has nobody, which the first record says: `struct
/// procctl_reaper_pids` is how many have room, fifteen words, where.
///
/// # Errors
/// `EFAULT`.
pub fn no_pids(memory: &impl Memory, at: usize, ilp32: bool) -> Result {
    const RECORD: usize = 72;
    if memory.read::<u32>(at)? == 0 {
        return Ok(());
    }
    let place = at.wrapping_add(64);
    let records = if ilp32 {
        u64::from(memory.read::<u32>(place)?)
    } else {
        u64::from_le_bytes(memory.read::<[u8; 8]>(place)?)
    };
    memory.write(address(records), &[0_u8; RECORD])
}

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
