// SPDX-License-Identifier: BSD-2-Clause
//! The module's two taskqueue(9) tasks: one empties the graveyard, the other takes
//! the policy out some time after the last jail.

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

/// Asks for a run of the second task in so many seconds, and no earlier: what was
/// asked for before is put off.
pub(crate) fn disarm_in(seconds: u32) {
    // SAFETY: the task is static, and drained before the module goes.
    unsafe { c::rjail_c_disarm_in(seconds) };
}

/// Takes back what [`disarm_in`] asked for, and waits for a run that has begun.
/// Sleeps.
pub(crate) fn disarm_drain() {
    // SAFETY: called from a thread that may sleep and is not the task.
    unsafe { c::rjail_c_disarm_drain() };
}

/// Makes the kernel let go of what threads that have exited still hold.
pub(crate) fn reap_threads() {
    // SAFETY: called from a thread that may sleep and holds no lock.
    unsafe { c::rjail_c_reap_threads() };
}
