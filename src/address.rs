// SPDX-License-Identifier: BSD-2-Clause
//! Which IP address a jailed socket uses.
//!
//! The paper rewrites addresses on their way into the protocol control block
//! (section 6.4): "any" becomes the jail's address, and so does 127.0.0.1, on
//! either end. The kernel does the same in `prison_local_ip4`,
//! `prison_remote_ip4` and `prison_get_ip4` (C source: `sys/netinet/in_jail.c`),
//! and their likes for IPv6 (`sys/netinet6/in6_jail.c`), and limits the address
//! families in `prison_check_af` (C source: `sys/kern/kern_jail.c`).
//!
//! The rules are one set for both families. A jail's list is in the order it was
//! given; its first address is the primary one. Addresses are in host order
//! here: the caller converts.

#![forbid(unsafe_code)]

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::{Errno, Result};

/// Most addresses a jail can have of a family; `RJAIL_MAX_IP4` and
/// `RJAIL_MAX_IP6` in `kmod/rjail.h`.
pub const MAX: usize = 255;

/// An address of either family.
pub trait Address: Copy + Eq + Ord + core::fmt::Debug {
    /// "Any", which is none in particular: 0.0.0.0, `::`.
    const ANY: Self;
    /// 127.0.0.1, `::1`.
    const LOCALHOST: Self;

    /// Whether it is one of the machine's addresses of itself.
    fn is_loopback(self) -> bool;

    /// Whether a jail can have it: it is one interface's, whatever the zone.
    fn can_be_a_jails(self) -> bool;
}

impl Address for Ipv4Addr {
    const ANY: Self = Self::UNSPECIFIED;
    const LOCALHOST: Self = Self::LOCALHOST;

    fn is_loopback(self) -> bool {
        Self::is_loopback(&self)
    }

    fn can_be_a_jails(self) -> bool {
        !self.is_unspecified() && !self.is_broadcast() && !self.is_multicast()
    }
}

impl Address for Ipv6Addr {
    const ANY: Self = Self::UNSPECIFIED;
    const LOCALHOST: Self = Self::LOCALHOST;

    fn is_loopback(self) -> bool {
        Self::is_loopback(&self)
    }

    /// Neither one of IPv4's in disguise, whose rules are IPv4's, nor one that
    /// means nothing without its interface.
    fn can_be_a_jails(self) -> bool {
        let elsewhere = self.to_ipv4_mapped().is_some() || self.is_unicast_link_local();
        !self.is_unspecified() && !self.is_multicast() && !elsewhere
    }
}

/// What 127.0.0.1 and `::1` are to a jail that was not given them;
/// `RJAIL_LOOPBACK_*` in `kmod/rjail.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Loopback {
    /// The jail's primary address, as in the paper.
    #[default]
    Rewrite,
    /// Nothing.
    Refuse,
    /// The machine's: they are among the jail's addresses.
    Share,
}

/// The addresses of one family that a jail has.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a, A> {
    /// The primary one first.
    pub list: &'a [A],
    /// What the machine's own are to it.
    pub loopback: Loopback,
}

impl<A: Address> Own<'_, A> {
    /// Whether the jail has this address.
    #[must_use]
    pub fn has(self, address: A) -> bool {
        self.list.contains(&address)
    }
}

/// What "any" stands for on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Any {
    /// The addresses of the socket's own family.
    OneFamily,
    /// Those of IPv4 too: an IPv6 socket without `IPV6_V6ONLY`.
    BothFamilies,
}

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
///   to, none of them twice. An empty list is a jail without the family.
/// - Returns: `Ok`, or `EINVAL` for too many, for "any", 255.255.255.255 and
///   multicast, for an IPv6 address that is mapped from IPv4 or local to a link,
///   and for a duplicate.
/// - Locks: none.
/// - Answers to: `prison_valid_v4`, `prison_valid_v6`, and the duplicate check of
///   `kern_jail_set`. Multicast is refused here only: a socket bound to a group
///   is not a socket on the jail's address. So are the two of IPv6: the kernel
///   asks the IPv4 list about the first, and keeps the number of the interface
///   in the second, which nobody outside the kernel is to know.
///
/// # Errors
/// `EINVAL`.
#[doc(alias = "prison_valid_v4")]
#[doc(alias = "prison_valid_v6")]
pub fn validate<A: Address>(list: &[A]) -> Result {
    if list.len() > MAX {
        return Err(Errno::EINVAL);
    }
    let mut rest = list;
    while let Some((address, later)) = rest.split_first() {
        if !address.can_be_a_jails() || later.contains(address) {
            return Err(Errno::EINVAL);
        }
        rest = later;
    }
    Ok(())
}

/// The address that bind(2) gets when a jailed process asks for `asked`.
///
/// - Determines: an address of the jail is taken as it is; "any" becomes the
///   jail's address if it has one only and the socket has one family; 127.0.0.1
///   or `::1` becomes the primary address where the jail [rewrites
///   it](Loopback::Rewrite) and does not have it. Otherwise "any" stays, because
///   the kernel gives such a socket only what arrives for the jail's lists; with
///   the label alone ([`Lines::LabelAlone`]) nobody would, so it becomes the
///   primary address there.
/// - Returns: in this order, `EAFNOSUPPORT` when the jail has no address of the
///   family, `EADDRNOTAVAIL` for an address that is not the jail's.
/// - Locks: none; the list does not change after creation. Callable where
///   nothing may sleep.
/// - Answers to: the paper, 6.4; `prison_local_ip4`, `prison_local_ip6`.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`.
#[doc(alias = "prison_local_ip4")]
#[doc(alias = "prison_local_ip6")]
pub fn local<A: Address>(own: Own<'_, A>, asked: A, any: Any, lines: Lines) -> Result<A> {
    let primary = primary(own)?;
    if own.has(asked) {
        return Ok(asked);
    }
    if asked == A::LOCALHOST && own.loopback == Loopback::Rewrite {
        return Ok(primary);
    }
    if asked == A::ANY {
        let only = any == Any::OneFamily && own.list.len() == 1;
        return Ok(if only || lines == Lines::LabelAlone { primary } else { asked });
    }
    Err(Errno::EADDRNOTAVAIL)
}

/// The address that connect(2) or sendto(2) reaches when a jailed process asks
/// for `asked`.
///
/// - Determines: a loopback address that the jail does not have, all of 127/8
///   and `::1`, is what its [`Loopback`] says. Any other address is left alone: a
///   jail may talk to the world, the host included, from its own address. With
///   the label alone "any" becomes the primary address too, because the kernel,
///   if set to allow it (`net.inet.ip.connect_inaddr_wild`,
///   `net.inet6.ip6.connect_in6addr_wild`), would put the host's there.
/// - Returns: in this order, `EAFNOSUPPORT` when the jail has no address of the
///   family, `EADDRNOTAVAIL` for a loopback address that is refused.
/// - Locks: none, as [`local`].
/// - Answers to: the paper, 6.4; `prison_remote_ip4` and `prison_remote_ip6`,
///   which the kernel does not ask about the datagrams of an IPv6 socket that is
///   not connected (FreeBSD-SA-26:69), and which know 127.0.0.1 alone.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`.
#[doc(alias = "prison_remote_ip4")]
#[doc(alias = "prison_remote_ip6")]
pub fn remote<A: Address>(own: Own<'_, A>, asked: A, lines: Lines) -> Result<A> {
    let primary = primary(own)?;
    if asked.is_loopback() && !own.has(asked) {
        return match own.loopback {
            Loopback::Rewrite => Ok(primary),
            Loopback::Refuse => Err(Errno::EADDRNOTAVAIL),
            Loopback::Share => Ok(asked),
        };
    }
    if asked == A::ANY && lines == Lines::LabelAlone {
        return Ok(primary);
    }
    Ok(asked)
}

/// Where a socket stands, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends<A> {
    /// Its own address.
    pub local: A,
    /// Its own port, 0 for none.
    pub port: u16,
    /// It has a peer.
    pub connected: bool,
}

/// What must happen to a socket that is about to connect, listen or send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source<A> {
    /// Nothing: it has an address of the jail's, or the kernel gives it one.
    Keep,
    /// Bind it to this address of the jail's first.
    Bind(A),
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
/// - Returns: in this order, `EAFNOSUPPORT` when the jail has no address of the
///   family, `EISCONN` for a connected socket with the label alone,
///   `EADDRNOTAVAIL` for a socket that is bound elsewhere.
/// - Locks: none, as [`local`]. The caller reads `ends` from the socket, and
///   binds, with nobody else binding it meanwhile or trusts the kernel to refuse
///   the second bind.
/// - Answers to: `prison_get_ip4`, `prison_saddrsel_ip4` and the choices of
///   `in_pcbladdr` (C source: `sys/netinet/in_pcb.c`); `in6_selectsrc`. A native
///   jail lets a socket from outside speak on.
///
/// # Errors
/// `EAFNOSUPPORT`, `EISCONN`, `EADDRNOTAVAIL`.
#[doc(alias = "prison_get_ip4")]
#[doc(alias = "prison_saddrsel_ip4")]
#[doc(alias = "in_pcbladdr")]
#[doc(alias = "in6_selectsrc")]
pub fn source<A: Address>(
    own: Own<'_, A>,
    ends: Ends<A>,
    remote: A,
    lines: Lines,
) -> Result<Source<A>> {
    let pinned = pin(own, remote)?;
    match (lines, ends.port) {
        (Lines::LabelAlone, _) if ends.connected => Err(Errno::EISCONN),
        _ if own.has(ends.local) => Ok(Source::Keep),
        _ if ends.local != A::ANY => Err(Errno::EADDRNOTAVAIL),
        (Lines::Both, _) => Ok(Source::Keep),
        (Lines::LabelAlone, 0) => Ok(Source::Bind(pinned)),
        (Lines::LabelAlone, _) => Err(Errno::EADDRNOTAVAIL),
    }
}

/// Whether connect(2) may go on with a name that no protocol takes: too short, or
/// of no family. It is refused there, but the peer and the source are forgotten
/// first.
///
/// - Determines: a socket that has forgotten its source, and keeps its port, gets
///   what comes to any address of the machine; the second line filters that.
/// - Returns: `EISCONN` for a connected socket with the label alone.
/// - Locks: none.
/// - Answers to: `soconnectat`, `in_pcbdisconnect`.
///
/// # Errors
/// `EISCONN`.
pub const fn disconnect<A>(ends: &Ends<A>, lines: Lines) -> Result {
    match lines {
        Lines::LabelAlone if ends.connected => Err(Errno::EISCONN),
        _ => Ok(()),
    }
}

/// The source address of a jail that talks to `remote`.
///
/// - Determines: `remote` itself when it is the jail's own (a jail that talks to
///   itself does so from the address it talks to), else the primary address.
/// - Returns: `EAFNOSUPPORT` when the jail has no address of the family.
/// - Locks: none, as [`local`].
/// - Answers to: `prison_get_ip4`, `prison_get_ip6`.
///
/// # Errors
/// `EAFNOSUPPORT`.
pub fn pin<A: Address>(own: Own<'_, A>, remote: A) -> Result<A> {
    let primary = primary(own)?;
    Ok(if own.has(remote) { remote } else { primary })
}

/// The jail's primary address.
///
/// - Determines: the first of the list.
/// - Returns: `EAFNOSUPPORT` when the list is empty: to a jail without an
///   address of the family the protocol is not there.
/// - Locks: none.
/// - Answers to: `prison_primary_ip4`, `prison_bcopy_primary_ip6`.
///
/// # Errors
/// `EAFNOSUPPORT`.
#[doc(alias = "prison_primary_ip4")]
pub fn primary<A: Address>(own: Own<'_, A>) -> Result<A> {
    own.list.first().copied().ok_or(Errno::EAFNOSUPPORT)
}

/// Puts addresses in ascending order.
///
/// Not the library's sort, which has a panic for a comparison that is no order;
/// a jail has 255 addresses at most.
pub fn sort<T: Ord>(addresses: &mut [T]) {
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

/// Whether a socket that sends whole packets may be given an address inside.
///
/// - Determines: what a raw socket sends is checked by the kernel, header and all,
///   for the jail of the credential that made it. One from outside would speak from
///   whatever address it writes.
/// - Returns: `EPERM` for a raw socket that follows the rules of the label alone.
/// - Locks: none.
/// - Answers to: `rip_send`, which asks `prison_check_ip4` with `inp_cred`.
///
/// # Errors
/// `EPERM`.
pub const fn names_raw(kind: i32, lines: Lines) -> Result {
    match (kind, lines) {
        (kind::RAW, Lines::LabelAlone) => Err(Errno::EPERM),
        _ => Ok(()),
    }
}

/// Where an IPv6 socket stands, at one moment: it may speak IPv4 as well, under
/// addresses that are mapped to `::ffff:0:0/96`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dual {
    /// Its ends, as an IPv6 socket has them.
    pub inet6: Ends<Ipv6Addr>,
    /// The same as an IPv4 socket has them: of a socket that is bound to an IPv6
    /// address, the last four bytes of that.
    pub inet: Ends<Ipv4Addr>,
    /// `INP_IPV6`: it is bound to no IPv4 address.
    pub speaks_inet6: bool,
    /// `INP_IPV4`: it is bound to no IPv6 address.
    pub speaks_inet: bool,
    /// `IPV6_V6ONLY`.
    pub v6only: bool,
    /// It sends datagrams: `SOCK_DGRAM`.
    pub datagrams: bool,
}

/// [`local`], for an IPv6 socket: a mapped address is one of the jail's IPv4
/// addresses.
///
/// - Determines: as [`local`] of the family that the address is of.
/// - Returns: in this order, `EADDRNOTAVAIL` for a mapped address on a socket
///   that is for IPv6 alone; then as [`local`].
/// - Locks: none, as [`local`].
/// - Answers to: `udp6_bind`, `tcp6_usr_bind`.
///
/// # Errors
/// `EADDRNOTAVAIL`, `EAFNOSUPPORT`.
pub fn local_dual(
    inet: Own<'_, Ipv4Addr>,
    inet6: Own<'_, Ipv6Addr>,
    asked: Ipv6Addr,
    v6only: bool,
    lines: Lines,
) -> Result<Ipv6Addr> {
    match asked.to_ipv4_mapped() {
        Some(_) if v6only => Err(Errno::EADDRNOTAVAIL),
        Some(asked) => local(inet, asked, Any::OneFamily, lines).map(|mine| mine.to_ipv6_mapped()),
        None => local(inet6, asked, if v6only { Any::OneFamily } else { Any::BothFamilies }, lines),
    }
}

/// [`remote`] and [`source`], for an IPv6 socket: whom it reaches, and what must
/// happen to it before.
///
/// - Determines: as those of the family that `asked` is of. Where the kernel
///   sends a datagram to a mapped address it takes the last four bytes of what
///   the socket is bound to for its source, an IPv6 address or not, and asks no
///   jail; so a socket that could still be bound meanwhile is bound first, as the
///   kernel itself will: to the jail's IPv4 address if it has one only, else to
///   "any".
/// - Returns: in this order, `EINVAL` for a mapped address on a socket that is
///   for IPv6 alone, `EAFNOSUPPORT` for an address of the family that the socket
///   is not bound to; then as [`remote`] and [`source`].
/// - Locks: none, as [`source`].
/// - Answers to: `udp6_connect`, `udp6_send`, `tcp6_usr_connect`.
///
/// # Errors
/// `EINVAL`, `EAFNOSUPPORT`, `EADDRNOTAVAIL`, `EISCONN`.
pub fn remote_dual(
    inet: Own<'_, Ipv4Addr>,
    inet6: Own<'_, Ipv6Addr>,
    asked: Ipv6Addr,
    socket: Dual,
    lines: Lines,
) -> Result<(Ipv6Addr, Source<Ipv6Addr>)> {
    let Some(asked) = asked.to_ipv4_mapped() else {
        if !socket.speaks_inet6 {
            return Err(Errno::EAFNOSUPPORT);
        }
        let remote = remote(inet6, asked, lines)?;
        return Ok((remote, source(inet6, socket.inet6, remote, lines)?));
    };
    if socket.v6only {
        return Err(Errno::EINVAL);
    }
    if !socket.speaks_inet {
        return Err(Errno::EAFNOSUPPORT);
    }
    let remote = remote(inet, asked, lines)?;
    let unbound = socket.inet6.port == 0 && socket.inet6.local.is_unspecified();
    let source = match source(inet, socket.inet, remote, lines)? {
        Source::Keep if unbound && socket.datagrams => Source::Bind(match inet.list {
            [only] => only.to_ipv6_mapped(),
            _ => Ipv6Addr::UNSPECIFIED,
        }),
        Source::Keep => Source::Keep,
        Source::Bind(mine) => Source::Bind(mine.to_ipv6_mapped()),
    };
    Ok((remote.to_ipv6_mapped(), source))
}

/// What must happen to an IPv6 socket that is about to listen.
///
/// - Determines: as [`source`], of the family that the socket is bound to.
/// - Returns: as [`source`].
/// - Locks: none, as [`source`].
/// - Answers to: `tcp6_usr_listen`.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`, `EISCONN`.
pub fn listen_dual(
    inet: Own<'_, Ipv4Addr>,
    inet6: Own<'_, Ipv6Addr>,
    socket: Dual,
    lines: Lines,
) -> Result<Source<Ipv6Addr>> {
    if socket.speaks_inet6 {
        return source(inet6, socket.inet6, primary(inet6)?, lines);
    }
    Ok(match source(inet, socket.inet, primary(inet)?, lines)? {
        Source::Keep => Source::Keep,
        Source::Bind(mine) => Source::Bind(mine.to_ipv6_mapped()),
    })
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
    /// `SOCK_SEQPACKET`.
    pub const SEQPACKET: i32 = 5;
}

/// Protocols that a decision names (C source: `sys/netinet/in.h`).
pub mod protocol {
    /// `IPPROTO_ICMP`.
    pub const ICMP: i32 = 1;
    /// `IPPROTO_TCP`.
    pub const TCP: i32 = 6;
    /// `IPPROTO_UDP`.
    pub const UDP: i32 = 17;
    /// `IPPROTO_ICMPV6`.
    pub const ICMPV6: i32 = 58;
    /// `IPPROTO_SCTP`.
    pub const SCTP: i32 = 132;
    /// `IPPROTO_UDPLITE`.
    pub const UDPLITE: i32 = 136;
    /// `IPPROTO_DIVERT`, which `SOCK_RAW` in `AF_INET` still reaches.
    pub const DIVERT: i32 = 258;
}

/// Which IP families a jail has an address of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub inet: bool,
    /// IPv6.
    pub inet6: bool,
}

/// What a jail may have beyond the sockets of every jail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// `SOCK_RAW` in IPv4: it holds `PRIV_NETINET_RAW`.
    pub raw: bool,
    /// Families beside UNIX, IP, routing and netlink, and what IP has beside TCP,
    /// UDP and UDP-Lite (`RJAIL_SOCKET_AF`).
    pub other_families: bool,
}

/// Which sockets a jail may create.
///
/// - Determines: local sockets always; IPv4 and IPv6 when the jail has an address
///   of the family; of them TCP, UDP and UDP-Lite, whose addresses the hooks see,
///   and `SOCK_RAW` only when `may` says so; the routing socket and netlink, whose
///   answers the kernel cuts to the jail's addresses. Every other family or
///   protocol, named here or not, only when `may` says so; their privileges are
///   asked as well. SCTP is one of those: sctp_bindx(3) and its kin are options,
///   which no hook sees, and only the second line confines them. With the label
///   alone the kernel cuts nothing: none of them, no routing socket, no netlink,
///   no raw sockets whatever the flag says.
/// - Returns: in this order, `EPROTONOSUPPORT` for a family, or a protocol, that
///   the jail lacks; `EPERM` for a raw socket without the permission.
/// - Locks: none.
/// - Answers to: `prison_check_af`, whose refusal socreate(9) turns into
///   `EPROTONOSUPPORT`, and the privilege `PRIV_NETINET_RAW` (C source:
///   `sys/netinet/raw_ip.c`, `sys/netinet6/raw_ip6.c`).
///
/// # Errors
/// `EPROTONOSUPPORT`, `EPERM`.
#[doc(alias = "prison_check_af")]
pub fn permits_socket(has: Families, asked: Socket, may: Sockets, lines: Lines) -> Result {
    let alone = lines == Lines::LabelAlone;
    let others = may.other_families && !alone;
    let there = match asked.domain {
        family::INET => has.inet,
        family::INET6 => has.inet6,
        family::UNIX => return Ok(()),
        family::ROUTE | family::NETLINK if !alone => return Ok(()),
        _ if others => return Ok(()),
        _ => false,
    };
    match (asked.kind, asked.protocol) {
        _ if !there => Err(Errno::EPROTONOSUPPORT),
        // The old way to a divert(4) socket: another family in truth.
        (kind::RAW, protocol::DIVERT) => Err(Errno::EPROTONOSUPPORT),
        (kind::RAW, _) if may.raw && !alone => Ok(()),
        (kind::RAW, _) => Err(Errno::EPERM),
        (kind::STREAM, 0 | protocol::TCP) => Ok(()),
        (kind::DGRAM, 0 | protocol::UDP | protocol::UDPLITE) => Ok(()),
        _ if others => Ok(()),
        _ => Err(Errno::EPROTONOSUPPORT),
    }
}

/// Lists that `net.routetable` has (C source: `sys/sys/socket.h`).
pub mod list {
    /// `NET_RT_NHOP`: next hops, with the addresses that are spoken from.
    pub const NEXT_HOPS: i32 = 6;
    /// `NET_RT_NHGRP`: groups of them.
    pub const GROUPS: i32 = 7;
}

/// Which of the lists of `net.routetable` a jail may ask for.
///
/// - Determines: of interfaces, routes and neighbours the kernel lists what is the
///   jail's. Of next hops it lists all, the host's addresses and its gateways'
///   among them. With the label alone it cuts nothing.
/// - Returns: `EPERM`.
/// - Locks: none.
/// - Answers to: `sysctl_rtsock`, which asks `prison_if` and `rt_is_exportable`;
///   `nhops_dump_sysctl` asks nothing.
///
/// # Errors
/// `EPERM`.
pub const fn permits_list(what: i32, lines: Lines) -> Result {
    match (what, lines) {
        (list::NEXT_HOPS | list::GROUPS, _) | (_, Lines::LabelAlone) => Err(Errno::EPERM),
        _ => Ok(()),
    }
}
