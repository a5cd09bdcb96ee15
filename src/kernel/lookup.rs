// SPDX-License-Identifier: BSD-2-Clause
//! The steps of look-ups. C source: `vfs_lookup` in `sys/kern/vfs_lookup.c`.

use sys_bindings as c;

/// Whether a step of a look-up goes up.
///
/// # Safety
/// What a hook got.
pub(crate) unsafe fn goes_up(step: *const c::componentname) -> bool {
    // SAFETY: as the caller says.
    unsafe { c::rjail_c_goes_up(step) }
}
