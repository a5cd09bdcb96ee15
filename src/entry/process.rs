// SPDX-License-Identifier: BSD-2-Clause
//! p_trespass at each place where one process reaches for another. C source:
//! `sys/kern/kern_prot.c`, `sys/security/mac/mac_process.c`.

use core::ffi::c_int;

use sys_bindings as c;

use crate::kernel::credential::jid_of;
use crate::{Errno, visibility};

/// The one rule behind all hooks of this file.
///
/// # Safety
/// A live credential; a process that the caller has locked.
#[inline]
unsafe fn p_trespass(cred: *const c::ucred, p: *const c::proc_) -> c_int {
    // SAFETY: alive during the call.
    let Some(subject) = (unsafe { jid_of(cred) }) else { return 0 };
    // SAFETY: the process lock keeps its credential.
    let object = unsafe { (*p).p_ucred };
    // SAFETY: as above.
    let object = unsafe { jid_of(object) };
    Errno::from_result(visibility::p_trespass(Some(subject), object))
}

/// kill(2) and its kin: p_cansignal(9).
///
/// # Safety
/// Called by the MAC framework alone, with the process locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_proc_check_signal(
    cred: *mut c::ucred,
    p: *mut c::proc_,
    _signal: c_int,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { p_trespass(cred, p) }
}

/// ptrace(2), ktrace(2), procfs: p_candebug(9).
///
/// # Safety
/// Called by the MAC framework alone, with the process locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_proc_check_debug(cred: *mut c::ucred, p: *mut c::proc_) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { p_trespass(cred, p) }
}

/// setpriority(2), sched_setparam(2), cpuset(2): p_cansched(9).
///
/// # Safety
/// Called by the MAC framework alone, with the process locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_proc_check_sched(cred: *mut c::ucred, p: *mut c::proc_) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { p_trespass(cred, p) }
}

/// wait4(2) and its kin: p_canwait(9).
///
/// # Safety
/// Called by the MAC framework alone, with the process locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_proc_check_wait(cred: *mut c::ucred, p: *mut c::proc_) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { p_trespass(cred, p) }
}
