// SPDX-License-Identifier: BSD-2-Clause
//! Look-ups: the policy that sees their steps. C source:
//! `sys/security/mac/mac_framework.c`, `cache_can_fplookup` in
//! `sys/kern/vfs_cache.c`.

use core::ffi::c_int;

use sys_bindings as c;

use crate::{Errno, Result};

/// Has the MAC framework call `rjail_vnode_check_lookup`, or no longer call it.
/// Waits for all hooks; sleeps.
///
/// # Errors
/// The framework's.
pub(crate) fn watch(on: bool) -> Result {
    // SAFETY: the policy is static; the caller holds no lock that a hook takes.
    Errno::check(unsafe { c::rjail_c_watch_lookups(c_int::from(on)) })
}

/// Whether a step of a look-up goes up.
///
/// # Safety
/// What a hook got.
pub(crate) unsafe fn goes_up(step: *const c::componentname) -> bool {
    // SAFETY: as the caller says.
    unsafe { c::rjail_c_goes_up(step) }
}
