// SPDX-License-Identifier: BSD-2-Clause
//! The module's one taskqueue(9) task: it empties the graveyard.

use sys_bindings as c;

/// Asks for a run of the task. Neither sleeps nor allocates.
pub(crate) fn enqueue() {
    // SAFETY: the task is static, and drained before the module goes.
    unsafe { c::rjail_c_teardown_enqueue() };
}

/// Waits until no run of the task is pending. Sleeps.
pub(crate) fn drain() {
    // SAFETY: called from a thread that may sleep and is not the task.
    unsafe { c::rjail_c_teardown_drain() };
}

/// Makes the kernel let go of what threads that have exited still hold.
pub(crate) fn reap_threads() {
    // SAFETY: called from a thread that may sleep and holds no lock.
    unsafe { c::rjail_c_reap_threads() };
}
