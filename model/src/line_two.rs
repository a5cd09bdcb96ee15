// SPDX-License-Identifier: BSD-2-Clause
//! The second line as a statement: what the kernel answers from `cr_prison`.
//!
//! Not rjail's code and not a copy of the kernel's: the answers that a jail of
//! rjail's gets from `prison_*()` (C source: `sys/kern/kern_jail.c`,
//! `sys/netinet/in_jail.c`), one sentence of code each. The real thing is
//! measured in the VM.

use core::net::Ipv4Addr;

use rjail::address::Lines;
use rjail::prison::JailFlags;
use rjail::privilege::{Native, Privilege, given_by};

use crate::machine::{Credential, Native as Prison};
use crate::{Errno, Result};

/// The jail that the kernel sees behind a credential.
fn prison(credential: &Credential) -> Option<&Prison> {
    credential.prison.as_deref()
}

/// `prison_check`: the processes of another jail do not exist.
///
/// # Errors
/// `ESRCH`.
pub fn trespass(subject: &Credential, object: &Credential) -> Result {
    match (prison(subject), prison(object)) {
        (None, _) => Ok(()),
        (Some(mine), Some(other)) if mine.jid == other.jid => Ok(()),
        (Some(_), _) => Err(Errno::ESRCH),
    }
}

/// `prison_priv_check`, as the table's column on the native jail has it.
///
/// # Errors
/// `EPERM`.
pub fn privilege(credential: &Credential, privilege: Privilege) -> Result {
    let Some(jail) = prison(credential) else { return Ok(()) };
    let granted = match privilege.row().native {
        Native::Same => given_by(Lines::Both, jail.flags).contains(privilege),
        Native::Tighter(_) => true,
    };
    if granted { Ok(()) } else { Err(Errno::EPERM) }
}

/// `prison_local_ip4`.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`.
pub fn local(credential: &Credential, asked: Ipv4Addr) -> Result<Ipv4Addr> {
    match prison(credential).map(|jail| jail.addresses.as_slice()) {
        None => Ok(asked),
        Some([]) => Err(Errno::EAFNOSUPPORT),
        Some(list) if list.contains(&asked) => Ok(asked),
        Some([only]) if asked.is_unspecified() => Ok(*only),
        Some(_) if asked.is_unspecified() => Ok(asked),
        Some([first, ..]) if asked == Ipv4Addr::LOCALHOST => Ok(*first),
        Some(_) => Err(Errno::EADDRNOTAVAIL),
    }
}

/// `prison_remote_ip4`.
///
/// # Errors
/// `EAFNOSUPPORT`.
pub fn remote(credential: &Credential, asked: Ipv4Addr) -> Result<Ipv4Addr> {
    match prison(credential).map(|jail| jail.addresses.as_slice()) {
        None => Ok(asked),
        Some([]) => Err(Errno::EAFNOSUPPORT),
        Some([first, ..]) if asked == Ipv4Addr::LOCALHOST => Ok(*first),
        Some(_) => Ok(asked),
    }
}

/// `prison_saddrsel_ip4` and `in_pcbladdr`: the source of a jailed socket that
/// is bound to "any".
#[must_use]
pub fn source(credential: &Credential, remote: Ipv4Addr) -> Option<Ipv4Addr> {
    let list = &prison(credential)?.addresses;
    if list.contains(&remote) { Some(remote) } else { list.first().copied() }
}

/// `prison_check_ip4` on a packet's destination: whether a socket gets it.
#[must_use]
pub fn delivers(owner: &Credential, destination: Ipv4Addr) -> bool {
    prison(owner).is_none_or(|jail| jail.addresses.contains(&destination))
}

/// `prison_check_af`.
///
/// # Errors
/// `EPROTONOSUPPORT`.
pub fn family(credential: &Credential, domain: i32) -> Result {
    use rjail::address::family::{INET, INET6, NETLINK, ROUTE, UNIX};
    let permitted = match prison(credential) {
        None => true,
        Some(jail) if domain == INET => !jail.addresses.is_empty(),
        Some(_) if domain == INET6 => false,
        Some(jail) => {
            let others = jail.flags.contains(JailFlags::SOCKET_AF);
            others || [UNIX, ROUTE, NETLINK].contains(&domain)
        }
    };
    if permitted { Ok(()) } else { Err(Errno::EPROTONOSUPPORT) }
}

/// The host name that a credential's jail keeps, if it is in one.
#[must_use]
pub fn hostname(credential: &Credential) -> Option<String> {
    prison(credential).map(|jail| jail.name().clone())
}

/// The system calls of auditing do not exist in a jail.
///
/// # Errors
/// `ENOSYS`.
pub fn audit(credential: &Credential) -> Result {
    if prison(credential).is_some() { Err(Errno::ENOSYS) } else { Ok(()) }
}

/// quotactl(2) asks the jail's permission before anything else.
///
/// # Errors
/// `EPERM`.
pub fn quotas(credential: &Credential) -> Result {
    let allowed = prison(credential).is_none_or(|jail| jail.flags.contains(JailFlags::QUOTAS));
    if allowed { Ok(()) } else { Err(Errno::EPERM) }
}
