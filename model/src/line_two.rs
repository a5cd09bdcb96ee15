// SPDX-License-Identifier: BSD-2-Clause
//! The second line as a statement: what the kernel answers from `cr_prison`.
//!
//! Not rjail's code and not a copy of the kernel's: the answers that a jail of
//! rjail's gets from `prison_*()` (C source: `sys/kern/kern_jail.c`,
//! `sys/netinet/in_jail.c`, `sys/netinet6/in6_jail.c`), one sentence of code each. The real thing is
//! measured in the VM.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rjail::address::{Any, Lines};
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

/// `prison_local_ip4` and `prison_local_ip6`.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`.
pub fn local(credential: &Credential, asked: IpAddr, any: Any) -> Result<IpAddr> {
    let Some(jail) = prison(credential) else { return Ok(asked) };
    let list = own(jail, asked);
    let localhost = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    match list.as_slice() {
        [] => Err(Errno::EAFNOSUPPORT),
        list if list.contains(&asked) => Ok(asked),
        [only] if asked.is_unspecified() && any == Any::OneFamily => Ok(*only),
        _ if asked.is_unspecified() => Ok(asked),
        [first, ..] if localhost.contains(&asked) => Ok(*first),
        _ => Err(Errno::EADDRNOTAVAIL),
    }
}

/// Whether the jail has an address of the family.
///
/// # Errors
/// `EAFNOSUPPORT`.
pub fn family_of(credential: &Credential, asked: IpAddr) -> Result {
    match prison(credential) {
        Some(jail) if own(jail, asked).is_empty() => Err(Errno::EAFNOSUPPORT),
        _ => Ok(()),
    }
}

/// `prison_remote_ip4` and `prison_remote_ip6`.
///
/// # Errors
/// `EAFNOSUPPORT`.
pub fn remote(credential: &Credential, asked: IpAddr) -> Result<IpAddr> {
    let Some(jail) = prison(credential) else { return Ok(asked) };
    family_of(credential, asked)?;
    let localhost = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    match own(jail, asked).as_slice() {
        list if list.contains(&asked) => Ok(asked),
        [first, ..] if localhost.contains(&asked) => Ok(*first),
        _ => Ok(asked),
    }
}

/// `prison_saddrsel_ip4` and `in_pcbladdr`, `in6_selectsrc`: the source of a
/// jailed socket that is bound to "any".
#[must_use]
pub fn source(credential: &Credential, remote: IpAddr) -> Option<IpAddr> {
    let list = own(prison(credential)?, remote);
    if list.contains(&remote) { Some(remote) } else { list.first().copied() }
}

/// `prison_check_ip4` and `prison_check_ip6` on a packet's destination: whether a
/// socket gets it.
#[must_use]
pub fn delivers(owner: &Credential, destination: IpAddr) -> bool {
    prison(owner).is_none_or(|jail| own(jail, destination).contains(&destination))
}

/// The addresses of the family that `like` is of.
fn own(jail: &Prison, like: IpAddr) -> Vec<IpAddr> {
    match like {
        IpAddr::V4(_) => jail.addresses.inet().list.iter().copied().map(IpAddr::V4).collect(),
        IpAddr::V6(_) => jail.addresses.inet6().list.iter().copied().map(IpAddr::V6).collect(),
    }
}

/// `prison_check_af`.
///
/// # Errors
/// `EPROTONOSUPPORT`.
pub fn family(credential: &Credential, domain: i32) -> Result {
    use rjail::address::family::{INET, INET6, NETLINK, ROUTE, UNIX};
    let permitted = match prison(credential) {
        None => true,
        Some(jail) if domain == INET => jail.addresses.families().inet,
        Some(jail) if domain == INET6 => jail.addresses.families().inet6,
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
