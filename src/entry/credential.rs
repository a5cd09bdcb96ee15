// SPDX-License-Identifier: BSD-2-Clause
//! The label of a credential, and who sees whom. C source:
//! `sys/security/mac/mac_cred.c`.

use core::ffi::c_int;

use sys_bindings as c;

use crate::kernel::credential::{Label, jid_of};
use crate::{Errno, visibility};

/// A new label: the framework zeroes its slots, and zero is no jail. That the
/// hook exists is what makes the framework give credentials labels.
#[unsafe(no_mangle)]
extern "C" fn rjail_cred_init_label(_label: *mut c::label) {}

/// A credential is copied: so is its jail.
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_cred_copy_label(src: *mut c::label, dest: *mut c::label) {
    // SAFETY: null (made before the module), or alive.
    let src = unsafe { Label::new(src) };
    // SAFETY: as above.
    let dest = unsafe { Label::new(dest) };
    // A label made before the module has no jail, and takes none: rjail(2)
    // stops every thread that could be between making one and filling it in.
    if let (Some(src), Some(dest)) = (src, dest) {
        // SAFETY: `dest` is in a credential under construction.
        unsafe { dest.set(src.jail_ref()) };
    }
}

/// A credential dies, perhaps under locks: its reference goes, and no more.
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_cred_destroy_label(label: *mut c::label) {
    // SAFETY: null, or alive until this returns.
    if let Some(label) = unsafe { Label::new(label) } {
        // SAFETY: the credential's count is zero: nobody else has it.
        unsafe { label.set(None) };
    }
}

/// cr_cansee(9) asks.
///
/// # Safety
/// Called by the MAC framework alone, with live credentials.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_cred_check_visible(cr1: *mut c::ucred, cr2: *mut c::ucred) -> c_int {
    // SAFETY: alive during the call.
    let Some(subject) = (unsafe { jid_of(cr1) }) else { return 0 };
    // SAFETY: alive during the call.
    let object = unsafe { jid_of(cr2) };
    Errno::from_result(visibility::p_trespass(Some(subject), object))
}
