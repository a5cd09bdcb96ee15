// SPDX-License-Identifier: BSD-2-Clause
//! Who has a number. C source: `sys/kern/kern_proc.c`, `sys/kern/sys_procdesc.c`.

use core::ffi::{c_int, c_void};
use core::ptr;

use sys_bindings as c;

use super::credential::jid_of;
use crate::interpose::Found;
use crate::prison::Jid;
use crate::{Errno, Result};

/// Where [`tell`] writes.
struct Asked {
    subject: Jid,
    found: Found,
    /// Whether a process that is about to end counts.
    ending: bool,
}

impl Asked {
    const fn new(subject: Jid, ending: bool) -> Self {
        Self { subject, found: Found::NOBODY, ending }
    }

    fn place(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }
}

/// # Safety
/// A process that is locked; `to` is an [`Asked`] of the running thread's.
unsafe extern "C" fn tell(p: *mut c::proc_, session: bool, ending: bool, to: *mut c_void) {
    // SAFETY: as the caller says.
    let asked = unsafe { &mut *to.cast::<Asked>() };
    if ending && !asked.ending {
        return;
    }
    // SAFETY: the process lock keeps its credential.
    let cred = unsafe { (*p).p_ucred };
    // SAFETY: alive, as above.
    let object = unsafe { jid_of(cred) };
    asked.found = asked.found.and(asked.subject, object, session);
}

/// Who is the process of this number, or the group of minus this number. With no
/// lock held.
pub(crate) fn named(subject: Jid, id: c_int, ending: bool) -> Found {
    let mut asked = Asked::new(subject, ending);
    // SAFETY: calls `tell` with the place that it is given.
    unsafe { c::rjail_c_named(id, Some(tell), asked.place()) };
    asked.found
}

/// Whom the orphans of a process come to; 0 is the running one. With no lock held.
pub(crate) fn reaper(subject: Jid, id: c_int) -> Found {
    let mut asked = Asked::new(subject, true);
    // SAFETY: as above.
    unsafe { c::rjail_c_reaper(id, Some(tell), asked.place()) };
    asked.found
}

/// Whom a process descriptor of the running process stands for. With no lock held.
pub(crate) fn described(subject: Jid, descriptor: c_int) -> Found {
    let mut asked = Asked::new(subject, true);
    // SAFETY: as above.
    unsafe { c::rjail_c_described(descriptor, Some(tell), asked.place()) };
    asked.found
}

/// ioctl(2) with a number as its data. With no lock held.
///
/// # Errors
/// The kernel's.
pub(crate) fn ioctl_int(td: *mut c::thread, fd: c_int, command: u64, value: c_int) -> Result {
    // SAFETY: the running thread, in a system call; the number is a copy.
    Errno::check(unsafe { c::rjail_c_ioctl_int(td, fd, command, value) })
}
