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

/// Whether a process may learn of the kernel that runs it: its modules, its
/// symbols, its environment.
///
/// - Determines: from `subject`, the jail of the credential that asks, alone.
/// - Returns: `Ok` outside any jail; `ENOENT` otherwise, the answer for a module,
///   a symbol or a variable that is not there.
/// - Locks: none.
/// - Answers to: nothing in the kernel: a native jail reads all three. C source of
///   the callers: `sys/kern/kern_linker.c`, `sys/kern/kern_environment.c`.
///
/// # Errors
/// `ENOENT`.
#[doc(alias = "mac_kld_check_stat")]
#[doc(alias = "mac_kenv_check_get")]
#[doc(alias = "mac_kenv_check_dump")]
#[inline]
pub fn kernel(subject: Option<Jid>) -> Result {
    subject.map_or(Ok(()), |_| Err(Errno::ENOENT))
}

/// Who leads a session: nobody any more, or a process of this jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leader {
    /// It is gone, or could not be asked.
    Unknown,
    /// It is in this jail, `None` outside any.
    In(Option<Jid>),
}

/// Whether a jailed process may change what belongs to its whole session, its
/// login name.
///
/// - Determines: `subject` is its jail, `leader` the process that began the
///   session. A process that entered without setsid(2) shares its session with
///   whoever let it in, and a name that they trust.
/// - Returns: `Ok` where the session is the jail's; `EPERM` otherwise.
/// - Locks: none; the values are copies.
/// - Answers to: `sys_setlogin` (C source: `sys/kern/kern_prot.c`), which asks
///   for the privilege alone.
///
/// # Errors
/// `EPERM`.
#[doc(alias = "sys_setlogin")]
pub fn session(subject: Jid, leader: Leader) -> Result {
    if leader == Leader::In(Some(subject)) { Ok(()) } else { Err(Errno::EPERM) }
}
