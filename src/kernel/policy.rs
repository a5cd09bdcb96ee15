// SPDX-License-Identifier: BSD-2-Clause
//! What the MAC framework knows of rjail, and hooks that wait. C source:
//! `mac_policy_register` in `sys/security/mac/mac_framework.c`.
//!
//! The framework's lock lets nobody in as soon as somebody waits to change the list
//! of policies. Whoever does waits for all hooks; a hook that waits for a vnode waits
//! for who has it locked; and that one may be about to ask a hook, with the vnode
//! locked, as chdir(2) does. So no change is begun while such a hook runs, and none of
//! them runs meanwhile: its system call begins again.

use core::ffi::c_int;

use sys_bindings as c;

use super::lock::{Shared, Sx};
use crate::{Errno, Result};

/// Shared by hooks that wait for a vnode, had by who changes the list of policies.
pub(crate) static WAITING: Sx<()> = Sx::new(());

/// In a hook: what follows may wait for a vnode, until this is dropped.
///
/// # Errors
/// `ERESTART`: not now. Sleeps.
pub(crate) fn may_wait() -> Result<Shared<'static>> {
    let shared = WAITING.try_share();
    if shared.is_none() {
        // SAFETY: hooks that wait may sleep.
        unsafe { c::rjail_c_pause() };
    }
    shared.ok_or(Errno::ERESTART)
}

/// Has the framework call the hooks, or no longer call them. Waits for all hooks of
/// all policies; sleeps.
///
/// # Errors
/// `EBUSY`: the policy of a module that the boot loader has loaded stays. The
/// framework's.
pub(crate) fn arm(on: bool) -> Result {
    let _none_waits = WAITING.lock();
    // SAFETY: the policy is static; the caller holds no lock that a hook takes. It is
    // taken out only while no label holds a reference, of which nobody would be told.
    Errno::check(unsafe { c::rjail_c_arm(c_int::from(on)) })
}

/// Has the framework call `rjail_vnode_check_lookup`, or no longer call it.
/// Waits for all hooks; sleeps.
///
/// # Errors
/// The framework's.
pub(crate) fn watch_lookups(on: bool) -> Result {
    let _none_waits = WAITING.lock();
    // SAFETY: the policy is static; the caller holds no lock that a hook takes.
    Errno::check(unsafe { c::rjail_c_watch_lookups(c_int::from(on)) })
}
