// SPDX-License-Identifier: BSD-2-Clause
//! The makers of objects that processes share. C source: `sys/sys/ksem.h`,
//! `sys/sys/mman.h`; `sys/sys/shm.h`, `sys/sys/sem.h`, `sys/sys/msg.h`.
//!
//! An object of System V keeps its maker's credential; of POSIX it keeps none,
//! so its label holds a [`Mark`]. A mark counts nothing: an object may outlast
//! its jail.

use core::sync::atomic::{AtomicU64, Ordering};

use sys_bindings as c;

use super::credential::{Label, jid_of};
use crate::ipc::Mark;
use crate::prison::Jid;

/// When the module was loaded.
static LOADED: AtomicU64 = AtomicU64::new(0);

/// From now on marks are those of this load.
pub(crate) fn begin_marks() {
    // SAFETY: reads the clock.
    LOADED.store(unsafe { c::rjail_c_uptime() }, Ordering::Relaxed);
}

/// The mark of a jail.
pub(crate) fn mark(jail: Jid) -> Mark {
    Mark::of(jail, LOADED.load(Ordering::Relaxed))
}

/// The mark in a label; a label made before the module, which is null, has none.
///
/// # Safety
/// Null, or the label of a live object.
pub(crate) unsafe fn marked(label: *mut c::label) -> Option<Mark> {
    // SAFETY: as the caller says.
    let label = unsafe { Label::new(label) }?;
    Mark::from_kept(label.number())
}

/// Puts one in.
///
/// # Safety
/// Null, or the label of an object that nobody else can reach yet.
pub(crate) unsafe fn set_mark(label: *mut c::label, mark: Mark) {
    // SAFETY: as the caller says.
    if let Some(label) = unsafe { Label::new(label) } {
        // SAFETY: as the caller says.
        unsafe { label.set_number(mark.kept()) };
    }
}

/// The jail of an object's maker.
///
/// # Safety
/// Null, which is an object that is gone, or a credential that stays meanwhile.
pub(crate) unsafe fn maker(cred: *const c::ucred) -> Option<Jid> {
    if cred.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    unsafe { jid_of(cred) }
}
