// SPDX-License-Identifier: BSD-2-Clause
//! The policy itself, as the MAC framework knows it or not. C source:
//! `mac_policy_register` in `sys/security/mac/mac_framework.c`.

use core::ffi::c_int;

use sys_bindings as c;

use crate::{Errno, Result};

/// Has the framework call the hooks, or no longer call them. Waits for all hooks of
/// all policies; sleeps.
///
/// # Errors
/// `EBUSY`: the policy of a module that the boot loader has loaded stays. The
/// framework's.
pub(crate) fn arm(on: bool) -> Result {
    // SAFETY: the policy is static; the caller holds no lock that a hook takes. It is
    // taken out only while no label holds a reference, of which nobody would be told.
    Errno::check(unsafe { c::rjail_c_arm(c_int::from(on)) })
}
