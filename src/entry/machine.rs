// SPDX-License-Identifier: BSD-2-Clause
//! What the kernel tells of itself. C source: `sys/security/mac/mac_kld.c`,
//! `sys/security/mac/mac_system.c`.

use core::ffi::{c_char, c_int};

use sys_bindings as c;

use crate::kernel::credential::jid_of;
use crate::{Errno, visibility};

/// # Safety
/// A live credential.
#[inline]
unsafe fn kernel(cred: *const c::ucred) -> c_int {
    // SAFETY: alive during the call.
    let Some(subject) = (unsafe { jid_of(cred) }) else { return 0 };
    Errno::from_result(visibility::kernel(Some(subject)))
}

/// kldfind(2), kldnext(2), kldstat(2), kldsym(2), `kern.function_list`.
///
/// # Safety
/// Called by the MAC framework alone, with a live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_kld_check_stat(cred: *mut c::ucred) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { kernel(cred) }
}

/// kenv(2), one variable.
///
/// # Safety
/// Called by the MAC framework alone, with a live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_kenv_check_get(cred: *mut c::ucred, _name: *mut c_char) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { kernel(cred) }
}

/// kenv(2), all of them.
///
/// # Safety
/// Called by the MAC framework alone, with a live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_kenv_check_dump(cred: *mut c::ucred) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { kernel(cred) }
}
