// SPDX-License-Identifier: BSD-2-Clause
//! System calls of jailed processes that would reach others unasked. C source:
//! `sys/kern/subr_syscall.c`; `kmod/interpose.c` calls.

use core::ffi::{c_int, c_void};

use static_assertions::const_assert_eq;
use sys_bindings as c;

use crate::interpose::{Asked, Whom, Words, input, no_pids, no_status, number};
use crate::kernel::credential::jid_of;
use crate::kernel::interpose::{described, ioctl_int, named, reaper};
use crate::kernel::process::session_leader;
use crate::kernel::uaccess::User;
use crate::prison::Jid;
use crate::request::Memory as _;
use crate::visibility::Leader;
use crate::{Errno, Result};

const_assert_eq!(number::PTRACE, c::SYS_ptrace);
const_assert_eq!(number::KTRACE, c::SYS_ktrace);
const_assert_eq!(number::IOCTL, c::SYS_ioctl);
const_assert_eq!(number::SETPGID, c::SYS_setpgid);
const_assert_eq!(number::FCNTL, c::SYS_fcntl);
const_assert_eq!(number::SCHED_SETSCHEDULER, c::SYS_sched_setscheduler);
const_assert_eq!(number::PDGETPID, c::SYS_pdgetpid);
const_assert_eq!(number::PROCCTL, c::SYS_procctl);
const_assert_eq!(number::F_SETOWN, c::F_SETOWN);
const_assert_eq!(number::PT_SC_REMOTE, c::PT_SC_REMOTE);
const_assert_eq!(number::P_PID, c::P_PID);
const_assert_eq!(number::REAP_STATUS, c::PROC_REAP_STATUS);
const_assert_eq!(number::REAP_GETPIDS, c::PROC_REAP_GETPIDS);
const_assert_eq!(number::PDEATHSIG_CTL, c::PROC_PDEATHSIG_CTL);
const_assert_eq!(number::PDEATHSIG_STATUS, c::PROC_PDEATHSIG_STATUS);
const_assert_eq!(number::TIOCSTI, c::rjail_ioctl_sti);
const_assert_eq!(number::TIOCSPGRP, c::rjail_ioctl_foreground);
const_assert_eq!(number::FIOSETOWN, c::rjail_ioctl_setown);
const_assert_eq!(number::SIOCSPGRP, c::rjail_ioctl_spgrp);

/// What becomes of a call.
enum Settled {
    /// The kernel does it, as ever.
    No,
    /// It was done, or refused.
    Yes(Result),
}

impl From<Result> for Settled {
    fn from(decided: Result) -> Self {
        if decided.is_ok() { Self::No } else { Self::Yes(decided) }
    }
}

/// A call of a process whose vector is rjail's: whether it is settled, and with
/// which errno.
///
/// # Safety
/// `td` is `curthread`, in the system call `code`, with no lock held; `args` are
/// its arguments, eight words; `error` is a place to write to.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_interpose(
    td: *mut c::thread,
    code: c_int,
    args: *const c_void,
    ilp32: bool,
    error: *mut c_int,
) -> bool {
    // SAFETY: written by this thread alone, and we are it.
    let cred = unsafe { (*td).td_ucred };
    // SAFETY: the thread holds its credential during the system call.
    let Some(subject) = (unsafe { jid_of(cred) }) else { return false };
    // SAFETY: as the caller says.
    let words = unsafe { args.cast::<Words>().read() };
    let settled = match Asked::new(code, &words, ilp32) {
        Asked::Nothing => Settled::No,
        Asked::Input => {
            // SAFETY: our own credential, and no lock is held.
            let leader = unsafe { session_leader(cred) };
            input(subject, leader.unwrap_or(Leader::Unknown)).into()
        }
        Asked::Number(whom, given) => settle(subject, whom, given).into(),
        Asked::InMemory { whom, descriptor, command, at } => {
            Settled::Yes(User.read(at).map(c_int::from_le_bytes).and_then(|given| {
                settle(subject, whom, given)?;
                // With the number that was looked at, whatever is written there now.
                ioctl_int(td, descriptor, command, given)
            }))
        }
        Asked::Remote => Settled::Yes(Err(Errno::EINVAL)),
        Asked::Described(descriptor) if described(subject, descriptor).hidden() => {
            Settled::Yes(Err(Errno::ESRCH))
        }
        Asked::DeathSignal(id) if named(subject, id, false).hidden() => {
            Settled::Yes(Err(Errno::EINVAL))
        }
        Asked::Reaper(id, at) if is_hidden_reaper(subject, id) => {
            Settled::Yes(User.write(at, &no_status()))
        }
        Asked::Reaped(id, at) if is_hidden_reaper(subject, id) => {
            Settled::Yes(no_pids(&User, at, ilp32))
        }
        Asked::Described(_) | Asked::DeathSignal(_) | Asked::Reaper(..) | Asked::Reaped(..) => {
            Settled::No
        }
    };
    let Settled::Yes(answer) = settled else { return false };
    // SAFETY: as the caller says.
    unsafe { error.write(Errno::from_result(answer)) };
    true
}

/// What becomes of a call with this number.
fn settle(subject: Jid, whom: Whom, given: c_int) -> Result {
    let Some((id, ending)) = whom.meant(given) else { return Ok(()) };
    whom.settle(named(subject, id, ending))
}

/// Whether the process is seen, and its reaper is not.
fn is_hidden_reaper(subject: Jid, id: c_int) -> bool {
    (id == 0 || named(subject, id, true).own) && reaper(subject, id).hidden()
}
