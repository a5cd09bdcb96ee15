// SPDX-License-Identifier: BSD-2-Clause
//! UNIX-domain sockets that have a name in a directory both sides reach.
//!
//! What travels through one is more than bytes: descriptors, with all the rights
//! they were opened with, directories above a jail's root among them
//! (FreeBSD-SA-26:04), and credentials that say nothing of a jail. So no jail
//! talks through one to anybody else, and nobody to it, unless the machine's
//! administrator says so. What was connected before somebody entered a jail, a
//! socketpair(2) say, goes on: whoever let it in decided that.

#![forbid(unsafe_code)]

use crate::prison::Jid;
use crate::{Errno, Result};

/// Whether a process may connect, or send a datagram, to a named socket.
///
/// - Determines: `subject` is the jail of the process, `owner` that of the
///   credential that made the socket; `None` is no jail. Within one jail, and
///   outside any, the kernel's own checks are enough; between two it depends on
///   `crossing`, which is `security.rjail.unix_cross_jail`.
/// - Returns: `Ok`, or `EACCES`: connect(2) has it for a socket that one may not
///   write to. `ECONNREFUSED` would say that nobody listens, and programs that
///   hear it remove the name and take the place.
/// - Locks: none; the values are copies.
/// - Answers to: `unp_connectat` (C source: `sys/kern/uipc_usrreq.c`), which lets
///   everybody connect who may write to the name; for a directory that came that
///   way, `restrict_rights` there.
///
/// # Errors
/// `EACCES`.
#[doc(alias = "unp_connectat")]
#[inline]
pub fn connect(subject: Option<Jid>, owner: Option<Jid>, crossing: bool) -> Result {
    if subject == owner || crossing { Ok(()) } else { Err(Errno::EACCES) }
}
