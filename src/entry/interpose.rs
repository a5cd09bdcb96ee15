// SPDX-License-Identifier: BSD-2-Clause
//! System calls of jailed processes that would reach others unasked. C source:
//! `sys/kern/subr_syscall.c`; `kmod/interpose.c` calls.

use core::ffi::{c_int, c_void};

use sys_bindings as c;

use crate::kernel::credential::jid_of;
use crate::kernel::interpose::{described, ioctl_int, named, reaper};
use crate::kernel::process::session_leader;
use crate::kernel::uaccess::UserPtr;
use crate::prison::Jid;
use crate::visibility::Leader;
use crate::{Errno, Result, interpose};

/// The words of a system call's arguments.
type Words = [u64; 8];

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
    let settled = match code {
        // SAFETY: our own credential, and no lock is held.
        c::SYS_ioctl => ioctl(td, subject, &words, || unsafe { session_leader(cred) }),
        c::SYS_fcntl => fcntl(subject, &words),
        c::SYS_ktrace => named(subject, int(words[3]), false).named().into(),
        c::SYS_ptrace => ptrace(&words),
        c::SYS_sched_setscheduler => scheduler(subject, &words),
        c::SYS_procctl => procctl(subject, &words, ilp32),
        c::SYS_pdgetpid => pdgetpid(subject, &words),
        c::SYS_setpgid => join(subject, int(words[1])).into(),
        _ => Settled::No,
    };
    let Settled::Yes(answer) = settled else { return false };
    // SAFETY: as the caller says.
    unsafe { error.write(Errno::from_result(answer)) };
    true
}

/// The low half, as the kernel reads an `int`.
const fn int(word: u64) -> c_int {
    let [a, b, c, d, ..] = word.to_le_bytes();
    c_int::from_le_bytes([a, b, c, d])
}

fn pointer<T>(word: u64) -> UserPtr<T> {
    // amd64 alone: an address is a word.
    UserPtr::at(usize::try_from(word).unwrap_or_default())
}

/// Terminals; and whom a socket, a pipe or a device has signals sent to.
fn ioctl(
    td: *mut c::thread,
    subject: Jid,
    words: &Words,
    leader: impl FnOnce() -> Option<Leader>,
) -> Settled {
    let command = words[1] & u64::from(u32::MAX);
    if command == c::rjail_ioctl_sti {
        return interpose::input(subject, leader().unwrap_or(Leader::Unknown)).into();
    }
    let given: fn(Jid, c_int) -> Result = match command {
        command if command == c::rjail_ioctl_setown => signalled,
        // Sockets take the group's number as it is, others the negative one of it.
        command if command == c::rjail_ioctl_spgrp => {
            |subject, id| signalled(subject, id.wrapping_neg())
        }
        command if command == c::rjail_ioctl_foreground => |subject, id| {
            if id == 0 { Ok(()) } else { named(subject, id.wrapping_neg(), true).foreground() }
        },
        _ => return Settled::No,
    };
    let value = match pointer::<[u8; 4]>(words[2]).read() {
        Ok(bytes) => c_int::from_le_bytes(bytes),
        Err(errno) => return Settled::Yes(Err(errno)),
    };
    // With the number that was looked at, whatever the process writes there now.
    let asked = given(subject, value).and_then(|()| ioctl_int(td, int(words[0]), command, value));
    Settled::Yes(asked)
}

/// fcntl(2) of `F_SETOWN`.
fn fcntl(subject: Jid, words: &Words) -> Settled {
    if int(words[1]) == c::F_SETOWN {
        signalled(subject, int(words[2])).into()
    } else {
        Settled::No
    }
}

/// 0 is nobody any more.
fn signalled(subject: Jid, id: c_int) -> Result {
    if id == 0 { Ok(()) } else { named(subject, id, false).signalled() }
}

/// setpgid(2): 0 is a group of the process's own, and less is none.
fn join(subject: Jid, group: c_int) -> Result {
    if group > 0 { named(subject, group.wrapping_neg(), true).joined() } else { Ok(()) }
}

/// A call made in another process's name comes to the kernel's own vector.
fn ptrace(words: &Words) -> Settled {
    if int(words[0]) == c::PT_SC_REMOTE { Settled::Yes(Err(Errno::EINVAL)) } else { Settled::No }
}

/// 0 is the caller.
fn scheduler(subject: Jid, words: &Words) -> Settled {
    match int(words[0]) {
        0 => Settled::No,
        id => named(subject, id, false).named().into(),
    }
}

fn pdgetpid(subject: Jid, words: &Words) -> Settled {
    if described(subject, int(words[0])).hidden() {
        Settled::Yes(Err(Errno::ESRCH))
    } else {
        Settled::No
    }
}

/// procctl(2) of one process: of a hidden one what the kernel says of none, and of
/// a hidden reaper nothing.
fn procctl(subject: Jid, words: &Words, ilp32: bool) -> Settled {
    // The 32-bit ABI has the number in two words.
    let (id, command, data) = if ilp32 {
        (words[1] | words[2] << 32, words[3], words[4])
    } else {
        (words[1], words[2], words[3])
    };
    if int(words[0]) != c::P_PID {
        return Settled::No;
    }
    let Ok(id) = c_int::try_from(id.cast_signed()) else { return Settled::No };
    match int(command) {
        c::PROC_PDEATHSIG_CTL | c::PROC_PDEATHSIG_STATUS if named(subject, id, false).hidden() => {
            Settled::Yes(Err(Errno::EINVAL))
        }
        c::PROC_REAP_STATUS if is_hidden_reaper(subject, id) => {
            // Flags, children, descendants, the reaper, a process below it: -1.
            let mut status = [0_u8; 80];
            if let Some(nobody) = status.get_mut(16..20) {
                nobody.fill(u8::MAX);
            }
            Settled::Yes(pointer(data).write(&status))
        }
        c::PROC_REAP_GETPIDS if is_hidden_reaper(subject, id) => Settled::Yes(no_pids(data, ilp32)),
        _ => Settled::No,
    }
}

/// Whether the process is seen, and its reaper is not.
fn is_hidden_reaper(subject: Jid, id: c_int) -> bool {
    (id == 0 || named(subject, id, true).own) && reaper(subject, id).hidden()
}

/// `struct procctl_reaper_pids`: how many have room, fifteen words, where; nobody
/// is there, which the first record says.
fn no_pids(data: u64, ilp32: bool) -> Result {
    const RECORD: usize = 72;
    let count = pointer::<u32>(data).read()?;
    if count == 0 {
        return Ok(());
    }
    let place = data.wrapping_add(64);
    let records = if ilp32 {
        u64::from(pointer::<u32>(place).read()?)
    } else {
        u64::from_le_bytes(pointer::<[u8; 8]>(place).read()?)
    };
    pointer(records).write(&[0_u8; RECORD])
}
