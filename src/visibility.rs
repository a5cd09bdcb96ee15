// SPDX-License-Identifier: BSD-2-Clause
//! Who may see and touch whom.
//!
//! One question, asked by signals, debugging, scheduling, waiting and every
//! listing: may this credential know of that one? The paper's `p_trespass`
//! (section 6.3), the kernel's `prison_check` (C source: `sys/kern/kern_jail.c`)
//! and its callers `p_cansignal`, `p_candebug`, `p_cansched`, `p_canwait` and
//! `cr_cansee` (C source: `sys/kern/kern_prot.c`).
//!
//! A jail has no jails within it, so "same jail" is the whole rule: the kernel's
//! rule that a parent jail sees its children's processes has no case here.

#![forbid(unsafe_code)]

use crate::prison::Jid;
use crate::{Errno, Result};

/// Whether a process may affect, or learn of, another.
///
/// - Determines: `subject` is the jail of the credential that asks, `object`
///   the jail of the process asked about; `None` is no jail. Everything that is
///   not in the subject's own jail does not exist for it.
/// - Returns: `Ok` for an unjailed subject and within one jail; `ESRCH`
///   otherwise, the answer for a process that is not there. Never `EPERM`: that
///   would say that it is.
/// - Locks: none; the values are copies.
/// - Answers to: `p_trespass` (paper, 6.3), `prison_check`.
///
/// # Errors
/// `ESRCH`.
#[doc(alias = "prison_check")]
#[doc(alias = "cr_cansee")]
#[doc(alias = "p_cansignal")]
#[doc(alias = "p_candebug")]
#[doc(alias = "p_cansched")]
#[doc(alias = "p_canwait")]
#[inline]
pub fn p_trespass(subject: Option<Jid>, object: Option<Jid>) -> Result {
    match subject {
        None => Ok(()),
        Some(_) if subject == object => Ok(()),
        Some(_) => Err(Errno::ESRCH),
    }
}

/// Whether a process may learn of a socket or a protocol control block.
///
/// - Determines: as [`p_trespass`], where `owner` is the jail of the credential
///   that made the socket.
/// - Returns: `Ok`, or `ENOENT`: what is skipped in a list is "no entry", not
///   "no process". The callers differ in nothing else.
/// - Locks: none. The caller of `inpcb_check_visible` holds the inpcb lock.
/// - Answers to: `cr_canseeinpcb` (C source: `sys/netinet/in_prot.c`),
///   `cr_canseesocket` (C source: `sys/kern/kern_prot.c`).
///
/// # Errors
/// `ENOENT`.
#[doc(alias = "cr_canseeinpcb")]
#[doc(alias = "cr_canseesocket")]
#[inline]
pub fn socket(subject: Option<Jid>, owner: Option<Jid>) -> Result {
    p_trespass(subject, owner).map_err(|_| Errno::ENOENT)
}
