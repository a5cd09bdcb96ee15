// SPDX-License-Identifier: BSD-2-Clause
//! Which IPv4 address a jailed socket uses.
//!
//! The paper rewrites addresses on their way into the protocol control block
//! (section 6.4): "any" becomes the jail's address, and so does 127.0.0.1, on
//! either end. The kernel does the same in `prison_local_ip4`,
//! `prison_remote_ip4` and `prison_get_ip4` (C source: `sys/netinet/in_jail.c`)
//! and limits the address families in `prison_check_af` (C source:
//! `sys/kern/kern_jail.c`).
//!
//! A jail's list is in the order it was given; its first address is the primary
//! one. Addresses are in host order here: the caller converts.

#![forbid(unsafe_code)]

use core::net::{Ipv4Addr, SocketAddrV4};

use crate::{Errno, Result};

/// Most addresses a jail can have; `RJAIL_MAX_IP4` in `kmod/rjail.h`.
pub const MAX: usize = 255;

/// Whether the kernel's own jail stands behind the label.
///
/// With it, the kernel filters what arrives at a socket bound to "any" by the
/// jail's list, checks the source of raw packets, and cuts interface and route
/// lists. With the label alone nobody does, so those are narrowed or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lines {
    /// `cr_prison` points at the jail's `struct prison`.
    Both,
    /// `security.rjail.second_line=0`.
    LabelAlone,
}

/// Whether a list of addresses can be a jail's.
///
/// - Determines: at most [`MAX`] addresses, each one that a socket can be bound
///   to, none of them twice. An empty list is a jail without IPv4.
/// - Returns: `Ok`, or `EINVAL` for too many, for 0.0.0.0, 255.255.255.255 and
///   multicast, and for a duplicate.
/// - Locks: none.
/// - Answers to: `prison_valid_v4`, and the duplicate check of `kern_jail_set`.
///   Multicast is refused here only: a socket bound to a group is not a
///   socket on the jail's address.
///
/// # Errors
/// `EINVAL`.
#[doc(alias = "prison_valid_v4")]
pub fn validate(list: &[Ipv4Addr]) -> Result {
    if list.len() > MAX {
        return Err(Errno::EINVAL);
    }
    let mut rest = list;
    while let Some((address, later)) = rest.split_first() {
        if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
            return Err(Errno::EINVAL);
        }
        if later.contains(address) {
            return Err(Errno::EINVAL);
        }
        rest = later;
    }
    Ok(())
}

/// The address that bind(2) gets when a jailed process asks for `asked`.
///
/// - Determines: an address of the jail is taken as it is; "any" becomes the
///   jail's address if it has one only; 127.0.0.1 becomes the primary address
///   unless the jail has it. With several addresses "any" stays, because the
///   kernel gives such a socket only what arrives for the jail's list; with the
///   label alone ([`Lines::LabelAlone`]) nobody would, so it becomes the
///   primary address there.
/// - Returns: in this order, `EAFNOSUPPORT` when the jail has no IPv4 address,
///   `EADDRNOTAVAIL` for an address that is not the jail's.
/// - Locks: none; the list does not change after creation. Callable where
///   nothing may sleep.
/// - Answers to: the paper, 6.4; `prison_local_ip4`.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`.
#[doc(alias = "prison_local_ip4")]
pub fn local(list: &[Ipv4Addr], asked: Ipv4Addr, lines: Lines) -> Result<Ipv4Addr> {
    let primary = primary(list)?;
    if list.contains(&asked) || asked == Ipv4Addr::LOCALHOST {
        return Ok(own(list, asked, primary));
    }
    if asked.is_unspecified() {
        let several = list.len() > 1;
        return Ok(if several && lines == Lines::Both { asked } else { primary });
    }
    Err(Errno::EADDRNOTAVAIL)
}

/// The address that connect(2) or sendto(2) reaches when a jailed process asks
/// for `asked`.
///
/// - Determines: 127.0.0.1 is the jail's primary address unless the jail has
///   127.0.0.1 itself. Any other address is left alone: a jail may talk to the
///   world, the host included, from its own address. With the label alone "any"
///   becomes the primary address too, because the kernel, if set to allow it
///   (`net.inet.ip.connect_inaddr_wild`), would put the host's there.
/// - Returns: `EAFNOSUPPORT` when the jail has no IPv4 address.
/// - Locks: none, as [`local`].
/// - Answers to: the paper, 6.4; `prison_remote_ip4`.
///
/// # Errors
/// `EAFNOSUPPORT`.
#[doc(alias = "prison_remote_ip4")]
pub fn remote(list: &[Ipv4Addr], asked: Ipv4Addr, lines: Lines) -> Result<Ipv4Addr> {
    let primary = primary(list)?;
    if asked == Ipv4Addr::LOCALHOST {
        return Ok(own(list, asked, primary));
    }
    if asked.is_unspecified() && lines == Lines::LabelAlone {
        return Ok(primary);
    }
    Ok(asked)
}

/// What must happen to a socket that is about to connect, listen or send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Nothing: it has an address of the jail's, or the kernel gives it one.
    Keep,
    /// Bind it to this address of the jail's first.
    Bind(Ipv4Addr),
}

/// Sees to it that a socket speaks from the jail's address.
///
/// - Determines: a socket bound to an address of the jail is left alone. One
///   that is bound to another came from outside, and is stopped. For one that is
///   not bound the kernel would choose among all addresses of the host, unless
///   the second line confines the choice: with the label alone it is bound to
///   [`pin`]'s answer first. So would one bound to "any" with a port of its own,
///   which cannot be bound again; with the label alone it can only have come
///   from outside, and is stopped. A second connect of a datagram socket makes
///   the kernel forget the first one's source and choose again: with the label
///   alone it is refused.
/// - Returns: in this order, `EAFNOSUPPORT` when the jail has no IPv4 address,
///   `EISCONN` for a connected socket with the label alone, `EADDRNOTAVAIL` for
///   a socket that is bound elsewhere.
/// - Locks: none, as [`local`]. The caller reads `bound` from the socket, and
///   binds, with nobody else binding it meanwhile or trusts the kernel to refuse
///   the second bind.
/// - Answers to: `prison_get_ip4`, `prison_saddrsel_ip4` and the choices of
///   `in_pcbladdr` (C source: `sys/netinet/in_pcb.c`). A native jail lets a
///   socket from outside speak on.
///
/// # Errors
/// `EAFNOSUPPORT`, `EISCONN`, `EADDRNOTAVAIL`.
#[doc(alias = "prison_get_ip4")]
#[doc(alias = "prison_saddrsel_ip4")]
#[doc(alias = "in_pcbladdr")]
pub fn source(
    list: &[Ipv4Addr],
    bound: SocketAddrV4,
    connected: bool,
    remote: Ipv4Addr,
    lines: Lines,
) -> Result<Source> {
    let pinned = pin(list, remote)?;
    match (lines, bound.port()) {
        (Lines::LabelAlone, _) if connected => Err(Errno::EISCONN),
        _ if list.contains(bound.ip()) => Ok(Source::Keep),
        _ if !bound.ip().is_unspecified() => Err(Errno::EADDRNOTAVAIL),
        (Lines::Both, _) => Ok(Source::Keep),
        (Lines::LabelAlone, 0) => Ok(Source::Bind(pinned)),
        (Lines::LabelAlone, _) => Err(Errno::EADDRNOTAVAIL),
    }
}

/// The source address of a jail that talks to `remote`.
///
/// - Determines: `remote` itself when it is the jail's own (a jail that talks to
///   itself does so from the address it talks to), else the primary address.
/// - Returns: `EAFNOSUPPORT` when the jail has no IPv4 address.
/// - Locks: none, as [`local`].
/// - Answers to: `prison_get_ip4`.
///
/// # Errors
/// `EAFNOSUPPORT`.
pub fn pin(list: &[Ipv4Addr], remote: Ipv4Addr) -> Result<Ipv4Addr> {
    let primary = primary(list)?;
    Ok(own(list, remote, primary))
}

/// The jail's primary address.
///
/// - Determines: the first of the list.
/// - Returns: `EAFNOSUPPORT` when the list is empty: to a jail without an IPv4
///   address the protocol is not there.
/// - Locks: none.
/// - Answers to: `prison_primary_ip4`.
///
/// # Errors
/// `EAFNOSUPPORT`.
#[doc(alias = "prison_primary_ip4")]
pub fn primary(list: &[Ipv4Addr]) -> Result<Ipv4Addr> {
    list.first().copied().ok_or(Errno::EAFNOSUPPORT)
}

/// Puts addresses in ascending order.
///
/// Not the library's sort, which has a panic for a comparison that is no order;
/// a jail has 255 addresses at most.
pub fn sort(addresses: &mut [Ipv4Addr]) {
    let mut rest = addresses;
    while let Some((first, later)) = rest.split_first_mut() {
        for other in &mut *later {
            if *other < *first {
                core::mem::swap(first, other);
            }
        }
        rest = later;
    }
}

/// Whose rules a socket follows: the jail's own, or, for one that was made by
/// somebody else, those of the label alone.
///
/// - Determines: the kernel confines a socket by the credential that made it, so
///   to a socket from before entry, or from another jail, the second line does
///   not speak.
/// - Returns: the jail's `lines` for its own sockets, else
///   [`Lines::LabelAlone`].
/// - Locks: none.
/// - Answers to: the uses of `inp_cred` in `sys/netinet/in_pcb.c`.
#[must_use]
pub const fn lines_of_socket(lines: Lines, own: bool) -> Lines {
    if own { lines } else { Lines::LabelAlone }
}

/// `asked` where it is the jail's, else the primary address.
fn own(list: &[Ipv4Addr], asked: Ipv4Addr, primary: Ipv4Addr) -> Ipv4Addr {
    if list.contains(&asked) { asked } else { primary }
}

/// What socket(2) is asked for, in FreeBSD's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Socket {
    /// `AF_*`.
    pub domain: i32,
    /// `SOCK_*`, without `SOCK_CLOEXEC` and its kind.
    pub kind: i32,
    /// `IPPROTO_*`, or 0.
    pub protocol: i32,
}

/// Address families that a decision names (C source: `sys/sys/socket.h`).
pub mod family {
    /// `AF_UNIX`.
    pub const UNIX: i32 = 1;
    /// `AF_INET`.
    pub const INET: i32 = 2;
    /// `AF_ROUTE`.
    pub const ROUTE: i32 = 17;
    /// `AF_INET6`.
    pub const INET6: i32 = 28;
    /// `AF_NETGRAPH`.
    pub const NETGRAPH: i32 = 32;
    /// `AF_NETLINK`.
    pub const NETLINK: i32 = 38;
}

/// Socket types that a decision names (C source: `sys/sys/socket.h`).
pub mod kind {
    /// `SOCK_STREAM`.
    pub const STREAM: i32 = 1;
    /// `SOCK_DGRAM`.
    pub const DGRAM: i32 = 2;
    /// `SOCK_RAW`.
    pub const RAW: i32 = 3;
}

/// Protocols that a decision names (C source: `sys/netinet/in.h`).
pub mod protocol {
    /// `IPPROTO_ICMP`.
    pub const ICMP: i32 = 1;
    /// `IPPROTO_TCP`.
    pub const TCP: i32 = 6;
    /// `IPPROTO_UDP`.
    pub const UDP: i32 = 17;
    /// `IPPROTO_DIVERT`, which `SOCK_RAW` in `AF_INET` still reaches.
    pub const DIVERT: i32 = 258;
}

/// What a jail may have beyond the sockets of every jail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// `SOCK_RAW` in IPv4: it holds `PRIV_NETINET_RAW`.
    pub raw: bool,
    /// Families beside UNIX, IP, routing and netlink (`RJAIL_SOCKET_AF`).
    pub other_families: bool,
}

/// Which sockets a jail may create.
///
/// - Determines: local sockets always; IPv4 when the jail has an address;
///   `SOCK_RAW` in IPv4 only when `may` says so; the routing socket and
///   netlink, whose answers the kernel cuts to the jail's address. IPv6: a
///   jail has no IPv6 address, so it has no IPv6. Every other family, named
///   here or not, only when `may` says so; their privileges are asked as well.
///   With the label alone the kernel cuts nothing: no routing socket, no
///   netlink, no raw sockets whatever the flag says, and of IPv4 only TCP and
///   UDP, whose addresses the hooks see.
/// - Returns: in this order, `EPROTONOSUPPORT` for a family, or an IPv4
///   protocol, that the jail lacks; `EPERM` for a raw socket without the
///   permission.
/// - Locks: none.
/// - Answers to: `prison_check_af`, whose refusal socreate(9) turns into
///   `EPROTONOSUPPORT`, and the privilege `PRIV_NETINET_RAW` (C source:
///   `sys/netinet/raw_ip.c`).
///
/// # Errors
/// `EPROTONOSUPPORT`, `EPERM`.
#[doc(alias = "prison_check_af")]
pub fn permits_socket(list: &[Ipv4Addr], asked: Socket, may: Sockets, lines: Lines) -> Result {
    let alone = lines == Lines::LabelAlone;
    match asked.domain {
        family::UNIX => Ok(()),
        family::ROUTE | family::NETLINK if !alone => Ok(()),
        family::INET if !list.is_empty() => match (asked.kind, asked.protocol) {
            // The old way to a divert(4) socket: another family in truth.
            (kind::RAW, protocol::DIVERT) => Err(Errno::EPROTONOSUPPORT),
            (kind::RAW, _) if may.raw && !alone => Ok(()),
            (kind::RAW, _) => Err(Errno::EPERM),
            (kind::STREAM, 0 | protocol::TCP) | (kind::DGRAM, 0 | protocol::UDP) => Ok(()),
            _ if alone => Err(Errno::EPROTONOSUPPORT),
            _ => Ok(()),
        },
        family::INET | family::INET6 => Err(Errno::EPROTONOSUPPORT),
        _ if may.other_families && !alone => Ok(()),
        _ => Err(Errno::EPROTONOSUPPORT),
    }
}
