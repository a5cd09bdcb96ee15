// SPDX-License-Identifier: BSD-2-Clause
//! Every way to use an address, outside, in a native jail, in one of rjail's.
//!
//! Who is reached, and from which address, is what a socket outside says that
//! got the datagram or the connection; the jailed one is not asked.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::places::{Jail, PLACES, RAW_SOCKETS, jail, put_back};
use super::sockets::{
    ALIAS6, ANY4, ANY6, DUAL, DUAL_TCP, H4, H6, ICMP4, ICMP6, IPPROTO_IP, IPPROTO_IPV6,
    IPPROTO_TCP, Ip, J4, J6, K4, K6, Kind, L4, L6, LITE4, LITE6, M4, RAW4, RAW6, S4, S6,
    SOL_SOCKET, Socket, TCP4, TCP6, UDP4, UDP6, add_to_loopback, change_places, ip4, packet_info,
    remove_from_loopback,
};
use super::tap::checksum;
use crate::answer::{in_child, want};
use crate::errno::{
    EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EISCONN, ENOENT, ENOPROTOOPT, EPERM,
    EPROTONOSUPPORT,
};
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, early, jails_gone, second_line};
use crate::say;
use crate::sys::{self, Error, Result};
use abi::loopback::{REFUSE, SHARE};

/// The services outside: one a kind on each address, and on "any".
const PORT: u16 = 7100;
const WILD_PORT: u16 = 7101;
/// Where the jailed receive.
const OWN_PORT: u16 = 7102;
/// Where another jail is on "any".
const JAILED_PORT: u16 = 7103;
const SERVED: [Ip; 9] = [L4, L6, M4, H4, H6, J4, J6, K4, K6];
/// Besides those that lo0 has anyhow.
const ADDED6: [Ip; 2] = [K6, ALIAS6];
const ADDED4: [[u8; 4]; 2] = [[10, 66, 0, 4], [127, 0, 0, 2]];
const NOWHERE4: Ip = ip4(255, 255, 255, 255);
const GROUP4: Ip = ip4(224, 0, 0, 1);

/// What the one who made the attempt says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The socket has this address.
    Name(Ip),
    /// Something was sent or connected: ask those outside.
    Sent,
    /// It was done.
    Yes,
    /// Those datagrams arrived, one bit each.
    Got(u8),
}

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It failed.
    No(i32),
    /// The socket has this address.
    At(Ip),
    /// The service here was reached, from there.
    To(Ip, Ip),
    /// The service on "any" was.
    Wild(Ip),
    /// Nobody was.
    Lost,
    /// It was done.
    Yes,
    /// Those datagrams arrived.
    Got(u8),
}
use Seen::{At, Got, Lost, No, To, Wild, Yes};

const ONE: Jail = jail(&[J4, J6]);
const TWO: Jail = jail(&[J4, K4, J6, K6]);
const INET: Jail = jail(&[J4]);
const INET6: Jail = jail(&[J6]);
const SPOOF: Jail = jail(&[J4, ALIAS6]);
const OWNS: Jail = jail(&[J4, L4, J6, L6]);
const REFUSES: Jail = Jail { loopback: REFUSE, ..ONE };
const SHARES: Jail = Jail { loopback: SHARE, ..ONE };
const RAW: Jail = ONE.with(RAW_SOCKETS);
const RAW_TWO: Jail = TWO.with(RAW_SOCKETS);
const NO_LOW_PORTS: Jail = Jail { flags: 0, ..ONE };

/// What was open before the jail was entered.
type Before = fn() -> Result<Socket>;

struct Attempt {
    what: &'static str,
    jail: Jail,
    before: Before,
    run: fn(Socket) -> Result<Told>,
    /// Outside, in a native jail, with both lines, with the label alone.
    wanted: [Seen; 4],
}

const fn attempt(
    what: &'static str,
    jail: Jail,
    run: fn(Socket) -> Result<Told>,
    wanted: [Seen; 4],
) -> Attempt {
    Attempt { what, jail, before: || Socket::new(UDP4), run, wanted }
}

/// The same with a socket from before.
const fn inherited(
    what: &'static str,
    jail: Jail,
    before: Before,
    run: fn(Socket) -> Result<Told>,
    wanted: [Seen; 4],
) -> Attempt {
    Attempt { what, jail, before, run, wanted }
}

/// No jail has it; only outside is it there.
const fn mine(ip: Ip) -> [Seen; 4] {
    [At(ip), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)]
}

/// The label alone lets nobody have a raw socket.
const fn raw(with: Seen) -> [Seen; 4] {
    [with, with, with, No(EPERM)]
}

/// Outside one, in any jail another.
const fn becomes(outside: Seen, inside: Seen) -> [Seen; 4] {
    [outside, inside, inside, inside]
}

fn bind(kind: Kind, ip: Ip) -> Result<Told> {
    Socket::new(kind)?.bound(ip, 0).map(Told::Name)
}

/// sendto(2) of a socket that is not connected.
fn send(kind: Kind, ip: Ip) -> Result<Told> {
    Socket::new(kind)?.send(0, ip, PORT).map(|()| Told::Sent)
}

/// connect(2), and a byte for who has no connections.
fn connect(kind: Kind, ip: Ip) -> Result<Told> {
    let socket = Socket::new(kind)?;
    socket.connect(ip, PORT)?;
    socket.write(0).map(|()| Told::Sent)
}

/// sendto(2) does not wait for the connection that it makes.
fn connected() -> Told {
    sys::pause(100);
    Told::Sent
}

fn listen(kind: Kind) -> Result<Told> {
    let socket = Socket::new(kind)?;
    sys::listen(socket.fd, 1)?;
    socket.name().map(Told::Name)
}

const IPV6_PKTINFO: i32 = 46;
const IP_SENDSRCADDR: i32 = 7;

/// NE-01.
const BIND: &[Attempt] = &[
    attempt("UDP: the host's", ONE, |_| bind(UDP4, H4), mine(H4)),
    attempt("UDP: another jail's", ONE, |_| bind(UDP4, S4), mine(S4)),
    attempt("UDP: its own", ONE, |_| bind(UDP4, J4), [At(J4); 4]),
    attempt("UDP: the second", TWO, |_| bind(UDP4, K4), [At(K4); 4]),
    attempt("UDP: any", ONE, |_| bind(UDP4, ANY4), becomes(At(ANY4), At(J4))),
    attempt("UDP: any of two", TWO, |_| bind(UDP4, ANY4), [At(ANY4), At(ANY4), At(ANY4), At(J4)]),
    attempt("UDP: 127.0.0.1", ONE, |_| bind(UDP4, L4), becomes(At(L4), At(J4))),
    attempt("UDP: 127.0.0.1 of its own", OWNS, |_| bind(UDP4, L4), [At(L4); 4]),
    attempt("UDP: 127.0.0.2", ONE, |_| bind(UDP4, M4), mine(M4)),
    attempt("UDP: a group", ONE, |_| bind(UDP4, GROUP4), mine(GROUP4)),
    attempt("UDP: broadcast", ONE, |_| bind(UDP4, NOWHERE4), [No(EADDRNOTAVAIL); 4]),
    attempt("TCP: the host's", ONE, |_| bind(TCP4, H4), mine(H4)),
    attempt("TCP: any", ONE, |_| bind(TCP4, ANY4), becomes(At(ANY4), At(J4))),
    attempt("TCP: 127.0.0.1", ONE, |_| bind(TCP4, L4), becomes(At(L4), At(J4))),
    attempt("UDP-Lite: the host's", ONE, |_| bind(LITE4, H4), mine(H4)),
    attempt("UDP-Lite: 127.0.0.1", ONE, |_| bind(LITE4, L4), becomes(At(L4), At(J4))),
    attempt("UDP6: the host's", ONE, |_| bind(UDP6, H6), mine(H6)),
    attempt("UDP6: another jail's", ONE, |_| bind(UDP6, S6), mine(S6)),
    attempt("UDP6: its own", ONE, |_| bind(UDP6, J6), [At(J6); 4]),
    attempt("UDP6: the second", TWO, |_| bind(UDP6, K6), [At(K6); 4]),
    attempt("UDP6: any", ONE, |_| bind(UDP6, ANY6), becomes(At(ANY6), At(J6))),
    attempt("UDP6: any of two", TWO, |_| bind(UDP6, ANY6), [At(ANY6), At(ANY6), At(ANY6), At(J6)]),
    attempt("UDP6: ::1", ONE, |_| bind(UDP6, L6), becomes(At(L6), At(J6))),
    attempt("UDP6: ::1 of its own", OWNS, |_| bind(UDP6, L6), [At(L6); 4]),
    attempt("TCP6: the host's", ONE, |_| bind(TCP6, H6), mine(H6)),
    attempt("TCP6: any", ONE, |_| bind(TCP6, ANY6), becomes(At(ANY6), At(J6))),
    attempt("TCP6: ::1", ONE, |_| bind(TCP6, L6), becomes(At(L6), At(J6))),
    attempt("UDP-Lite 6: the host's", ONE, |_| bind(LITE6, H6), mine(H6)),
    attempt(
        "127.0.0.1, refused",
        REFUSES,
        |_| bind(UDP4, L4),
        [At(L4), At(J4), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    attempt(
        "::1, refused",
        REFUSES,
        |_| bind(TCP6, L6),
        [At(L6), At(J6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    attempt("127.0.0.1, shared", SHARES, |_| bind(UDP4, L4), [At(L4); 4]),
    attempt("::1, shared", SHARES, |_| bind(TCP6, L6), [At(L6); 4]),
    // NE-06.
    attempt("mapped: the host's", ONE, |_| bind(DUAL, H4), mine(H4)),
    attempt("mapped: its own", ONE, |_| bind(DUAL, J4), [At(J4); 4]),
    attempt("mapped: 127.0.0.1", ONE, |_| bind(DUAL_TCP, L4), becomes(At(L4), At(J4))),
    attempt("mapped, for IPv6 alone", ONE, |_| bind(UDP6, H4), [No(EADDRNOTAVAIL); 4]),
    attempt(
        "both families: any",
        ONE,
        |_| bind(DUAL, ANY6),
        [At(ANY6), At(ANY6), At(ANY6), At(J6)],
    ),
    attempt("both families: the host's", ONE, |_| bind(DUAL_TCP, H6), mine(H6)),
    // Families that are not there.
    attempt("UDP6 without IPv6", INET, |_| bind(UDP6, J6), becomes(At(J6), No(EPROTONOSUPPORT))),
    attempt("TCP6 without IPv6", INET, |_| bind(TCP6, J6), becomes(At(J6), No(EPROTONOSUPPORT))),
    attempt("UDP without IPv4", INET6, |_| bind(UDP4, J4), becomes(At(J4), No(EPROTONOSUPPORT))),
    attempt("mapped without IPv4", INET6, |_| bind(DUAL, J4), becomes(At(J4), No(EAFNOSUPPORT))),
    inherited(
        "UDP6 from before, without IPv6",
        INET,
        || Socket::new(UDP6),
        |before| before.bound(J6, 0).map(Told::Name),
        becomes(At(J6), No(EAFNOSUPPORT)),
    ),
    // NE-30.
    attempt("port 80", ONE, |_| Socket::new(TCP6)?.bound(J6, 80).map(Told::Name), [At(J6); 4]),
    attempt(
        "port 80, without the flag",
        NO_LOW_PORTS,
        |_| Socket::new(TCP6)?.bound(J6, 80).map(Told::Name),
        [At(J6), At(J6), No(EACCES), No(EACCES)],
    ),
    // Listening binds.
    attempt("listen", ONE, |_| listen(TCP4), becomes(At(ANY4), At(J4))),
    attempt("listen, IPv6", ONE, |_| listen(TCP6), becomes(At(ANY6), At(J6))),
    attempt(
        "listen, both families",
        ONE,
        |_| listen(DUAL_TCP),
        [At(ANY6), At(ANY6), At(ANY6), At(J6)],
    ),
    attempt("listen, two addresses", TWO, |_| listen(TCP6), [At(ANY6), At(ANY6), At(ANY6), At(J6)]),
    inherited(
        "listen, bound to the host's before",
        ONE,
        || {
            let socket = Socket::new(TCP6)?;
            socket.bind(H6, 0).map(|()| socket)
        },
        |before| {
            sys::listen(before.fd, 1)?;
            before.name().map(Told::Name)
        },
        [At(H6), At(H6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
];

/// NE-04, NE-05, NE-06, NE-10: who is reached, and from where.
const REACH: &[Attempt] = &[
    attempt("UDP to 127.0.0.1", ONE, |_| send(UDP4, L4), becomes(To(L4, L4), To(J4, J4))),
    attempt("UDP to the host", ONE, |_| send(UDP4, H4), becomes(To(H4, H4), To(H4, J4))),
    attempt(
        "UDP to itself",
        TWO,
        |_| send(UDP4, K4),
        [To(K4, K4), To(K4, J4), To(K4, J4), To(K4, K4)],
    ),
    attempt(
        "UDP to the host, two addresses",
        TWO,
        |_| send(UDP4, H4),
        becomes(To(H4, H4), To(H4, J4)),
    ),
    attempt(
        "UDP to 127.0.0.2",
        ONE,
        |_| send(UDP4, M4),
        [To(M4, M4), To(M4, J4), To(J4, J4), To(J4, J4)],
    ),
    attempt(
        "UDP connected to 127.0.0.1",
        ONE,
        |_| connect(UDP4, L4),
        becomes(To(L4, L4), To(J4, J4)),
    ),
    attempt(
        "UDP connected to the host",
        ONE,
        |_| connect(UDP4, H4),
        becomes(To(H4, H4), To(H4, J4)),
    ),
    attempt("TCP to 127.0.0.1", ONE, |_| connect(TCP4, L4), becomes(To(L4, L4), To(J4, J4))),
    attempt("TCP to the host", ONE, |_| connect(TCP4, H4), becomes(To(H4, H4), To(H4, J4))),
    attempt(
        "UDP6 to ::1",
        ONE,
        |_| send(UDP6, L6),
        [To(L6, L6), To(L6, J6), To(J6, J6), To(J6, J6)],
    ),
    attempt(
        "UDP6 to ::1, two addresses",
        TWO,
        |_| send(UDP6, L6),
        [To(L6, L6), To(L6, J6), To(J6, J6), To(J6, J6)],
    ),
    attempt("UDP6 to the host", ONE, |_| send(UDP6, H6), becomes(To(H6, H6), To(H6, J6))),
    attempt("UDP6 to itself", TWO, |_| send(UDP6, K6), [To(K6, K6); 4]),
    attempt("UDP6 connected to ::1", ONE, |_| connect(UDP6, L6), becomes(To(L6, L6), To(J6, J6))),
    attempt(
        "UDP6 connected to the host",
        ONE,
        |_| connect(UDP6, H6),
        becomes(To(H6, H6), To(H6, J6)),
    ),
    attempt("TCP6 to ::1", ONE, |_| connect(TCP6, L6), becomes(To(L6, L6), To(J6, J6))),
    attempt("TCP6 to the host", ONE, |_| connect(TCP6, H6), becomes(To(H6, H6), To(H6, J6))),
    attempt("TCP6 to ::1 of its own", OWNS, |_| connect(TCP6, L6), [To(L6, L6); 4]),
    attempt(
        "127.0.0.1, refused",
        REFUSES,
        |_| connect(TCP4, L4),
        [To(L4, L4), To(J4, J4), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    attempt(
        "127.0.0.2, refused",
        REFUSES,
        |_| send(UDP4, M4),
        [To(M4, M4), To(M4, J4), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    attempt(
        "::1, refused",
        REFUSES,
        |_| send(UDP6, L6),
        [To(L6, L6), To(L6, J6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    attempt("127.0.0.1, shared", SHARES, |_| connect(TCP4, L4), [To(L4, L4); 4]),
    attempt("::1, shared", SHARES, |_| send(UDP6, L6), [To(L6, L6); 4]),
    attempt(
        "UDP of both families to mapped 127.0.0.1",
        ONE,
        |_| send(DUAL, L4),
        becomes(To(L4, L4), To(J4, J4)),
    ),
    attempt(
        "UDP of both families to the mapped host",
        ONE,
        |_| send(DUAL, H4),
        becomes(To(H4, H4), To(H4, J4)),
    ),
    attempt(
        "UDP of both families to ::1",
        ONE,
        |_| send(DUAL, L6),
        [To(L6, L6), To(L6, J6), To(J6, J6), To(J6, J6)],
    ),
    attempt("UDP6 alone to the mapped host", ONE, |_| send(UDP6, H4), [No(EINVAL); 4]),
    attempt(
        "TCP of both families to mapped 127.0.0.1",
        ONE,
        |_| connect(DUAL_TCP, L4),
        becomes(To(L4, L4), To(J4, J4)),
    ),
    attempt(
        "mapped, without IPv4",
        INET6,
        |_| connect(DUAL_TCP, L4),
        becomes(To(L4, L4), No(EAFNOSUPPORT)),
    ),
    // The kernel takes the end of the IPv6 address for the source.
    attempt(
        "mapped, bound to IPv6 that ends in the host's",
        SPOOF,
        |_| {
            let socket = Socket::new(DUAL)?;
            socket.bind(ALIAS6, 0)?;
            socket.send(0, H4, PORT).map(|()| Told::Sent)
        },
        [To(H4, H4), To(H4, H4), No(EAFNOSUPPORT), No(EAFNOSUPPORT)],
    ),
    attempt(
        "both families with one socket",
        ONE,
        |_| {
            let socket = Socket::new(DUAL)?;
            socket.send(0, H4, 9)?;
            socket.send(0, H6, PORT).map(|()| Told::Sent)
        },
        [To(H6, H6), No(EADDRNOTAVAIL), No(EAFNOSUPPORT), No(EAFNOSUPPORT)],
    ),
    attempt(
        "both families with one socket, two addresses",
        TWO,
        |_| {
            let socket = Socket::new(DUAL)?;
            socket.send(0, H4, 9)?;
            socket.send(0, H6, PORT).map(|()| Told::Sent)
        },
        [To(H6, H6), To(H6, J6), To(H6, J6), No(EAFNOSUPPORT)],
    ),
    // Another jail is somebody else.
    attempt("UDP to another jail", ONE, |_| send(UDP4, S4), becomes(To(S4, S4), To(S4, J4))),
    attempt("TCP to another jail", ONE, |_| connect(TCP4, S4), becomes(To(S4, S4), To(S4, J4))),
    attempt("UDP6 to another jail", TWO, |_| send(UDP6, S6), becomes(To(S6, S6), To(S6, J6))),
    attempt("TCP6 to another jail", ONE, |_| connect(TCP6, S6), becomes(To(S6, S6), To(S6, J6))),
    attempt(
        "another jail on any, at its own address",
        ONE,
        |_| Socket::new(UDP4)?.send(0, J4, JAILED_PORT).map(|()| Told::Sent),
        [Lost; 4],
    ),
    attempt(
        "another jail on any, at ::1",
        ONE,
        |_| Socket::new(UDP6)?.send(0, L6, JAILED_PORT).map(|()| Told::Sent),
        [Lost; 4],
    ),
    attempt(
        "another jail on any, at the other's address",
        ONE,
        |_| Socket::new(UDP6)?.send(0, S6, JAILED_PORT).map(|()| Told::Sent),
        becomes(To(S6, S6), To(S6, J6)),
    ),
    // NE-29: the paper's, and a native jail's.
    attempt(
        "a service of the host on any, at its own address",
        ONE,
        |_| Socket::new(UDP6)?.send(0, J6, WILD_PORT).map(|()| Told::Sent),
        [Wild(J6); 4],
    ),
    attempt(
        "the same at ::1",
        ONE,
        |_| Socket::new(UDP6)?.send(0, L6, WILD_PORT).map(|()| Told::Sent),
        [Wild(L6), Wild(J6), Wild(J6), Wild(J6)],
    ),
    attempt(
        "TCP fast open to 127.0.0.1",
        ONE,
        |_| {
            const TCP_FASTOPEN: i32 = 1025;
            let socket = Socket::new(TCP4)?;
            socket.set(IPPROTO_TCP, TCP_FASTOPEN, 1)?;
            socket.send(0, L4, PORT)?;
            Ok(connected())
        },
        becomes(To(L4, L4), To(J4, J4)),
    ),
    attempt(
        "TCP6, connected by sendto(2)",
        ONE,
        |_| send(TCP6, L6).map(|_| connected()),
        becomes(To(L6, L6), To(J6, J6)),
    ),
    attempt(
        "UDP, connected, disconnected, sent",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.connect(H4, 9)?;
            match socket.disconnect(16) {
                Err(Error(EAFNOSUPPORT)) => socket.send(0, H4, PORT).map(|()| Told::Sent),
                other => other.map(|()| Told::Yes),
            }
        },
        [To(H4, H4), To(H4, J4), To(H4, J4), No(EISCONN)],
    ),
    attempt(
        "the same by a name too short",
        ONE,
        |_| {
            let socket = Socket::new(UDP6)?;
            socket.connect(H6, 9)?;
            match socket.disconnect(8) {
                Err(Error(EAFNOSUPPORT)) => socket.send(0, H6, PORT).map(|()| Told::Sent),
                other => other.map(|()| Told::Yes),
            }
        },
        [To(H6, H6), To(H6, J6), To(H6, J6), No(EISCONN)],
    ),
    attempt(
        "connected, then bound",
        ONE,
        |_| {
            let socket = Socket::new(UDP6)?;
            socket.connect(H6, 9)?;
            socket.bind(J6, 0).map(|()| Told::Yes)
        },
        [No(EINVAL); 4],
    ),
];

/// NE-08, NE-09, NE-28: options, and what else names an address.
const OPTIONS: &[Attempt] = &[
    attempt(
        "IPV6_PKTINFO of the host's with a datagram",
        ONE,
        |_| {
            let socket = Socket::new(UDP6)?;
            let info = packet_info(H6);
            socket.send_with(H6, PORT, IPPROTO_IPV6, IPV6_PKTINFO, &info).map(|()| Told::Sent)
            // The label alone has no hook for it: docs/limits.md.
        },
        [To(H6, H6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), To(H6, H6)],
    ),
    attempt(
        "IPV6_PKTINFO of its own with a datagram",
        TWO,
        |_| {
            let socket = Socket::new(UDP6)?;
            let info = packet_info(K6);
            socket.send_with(H6, PORT, IPPROTO_IPV6, IPV6_PKTINFO, &info).map(|()| Told::Sent)
        },
        [To(H6, K6); 4],
    ),
    attempt(
        "IPV6_PKTINFO of the host's, to stay",
        ONE,
        |_| {
            let socket = Socket::new(UDP6)?;
            let info = packet_info(H6);
            get!(SETSOCKOPT, socket.fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 20)?;
            socket.send(0, H6, PORT).map(|()| Told::Sent)
        },
        [To(H6, H6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), To(H6, H6)],
    ),
    attempt(
        "mapped IPV6_PKTINFO of the host's",
        TWO,
        |_| {
            let socket = Socket::new(DUAL)?;
            socket.bind(ANY6, 0)?;
            let info = packet_info(H4);
            socket.send_with(H4, PORT, IPPROTO_IPV6, IPV6_PKTINFO, &info).map(|()| Told::Sent)
        },
        [To(H4, H4), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), No(EAFNOSUPPORT)],
    ),
    // With one address, and with the label alone, the socket is bound to it.
    attempt(
        "IP_SENDSRCADDR of the host's",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send_with(H4, PORT, IPPROTO_IP, IP_SENDSRCADDR, &H4[12..]).map(|()| Told::Sent)
        },
        becomes(To(H4, H4), No(EINVAL)),
    ),
    attempt(
        "IP_SENDSRCADDR of the host's, two addresses",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send_with(H4, PORT, IPPROTO_IP, IP_SENDSRCADDR, &H4[12..]).map(|()| Told::Sent)
        },
        [To(H4, H4), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), No(EINVAL)],
    ),
    attempt(
        "IP_SENDSRCADDR of its own, two addresses",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send_with(H4, PORT, IPPROTO_IP, IP_SENDSRCADDR, &K4[12..]).map(|()| Told::Sent)
        },
        [To(H4, K4), To(H4, K4), To(H4, K4), No(EINVAL)],
    ),
    attempt(
        "IP_BINDANY",
        ONE,
        |_| Socket::new(UDP4)?.set(IPPROTO_IP, 24, 1).map(|()| Told::Yes),
        becomes(Yes, No(EPERM)),
    ),
    attempt(
        "IPV6_BINDANY",
        ONE,
        |_| Socket::new(UDP6)?.set(IPPROTO_IPV6, 64, 1).map(|()| Told::Yes),
        becomes(Yes, No(EPERM)),
    ),
    inherited(
        "a socket from before with IPV6_BINDANY",
        ONE,
        || {
            let socket = Socket::new(UDP6)?;
            socket.set(IPPROTO_IPV6, 64, 1).map(|()| socket)
        },
        |before| before.bound(S6, 0).map(Told::Name),
        mine(S6),
    ),
    inherited(
        "a socket from before to ::1",
        ONE,
        || Socket::new(UDP6),
        |before| before.send(0, L6, PORT).map(|()| Told::Sent),
        [To(L6, L6), To(L6, J6), To(J6, J6), To(J6, J6)],
    ),
    inherited(
        "a socket from before to the host",
        ONE,
        || Socket::new(UDP4),
        |before| before.send(0, H4, PORT).map(|()| Told::Sent),
        becomes(To(H4, H4), To(H4, J4)),
    ),
    inherited(
        "one bound to the host's before",
        ONE,
        || {
            let socket = Socket::new(UDP4)?;
            socket.bind(H4, 0).map(|()| socket)
        },
        |before| before.send(0, J4, PORT).map(|()| Told::Sent),
        [To(J4, H4), To(J4, H4), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    inherited(
        "one of IPv6 bound to the host's before",
        ONE,
        || {
            let socket = Socket::new(UDP6)?;
            socket.bind(H6, 0).map(|()| socket)
        },
        |before| before.send(0, J6, PORT).map(|()| Told::Sent),
        [To(J6, H6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    inherited(
        "one bound to any before",
        ONE,
        || {
            let socket = Socket::new(DUAL)?;
            socket.bind(ANY6, 0).map(|()| socket)
        },
        |before| before.send(0, J6, PORT).map(|()| Told::Sent),
        [To(J6, J6), To(J6, J6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    // Received over a socket of UNIX: `before` parks it in one.
    inherited(
        "one bound to the host's, received",
        ONE,
        || {
            let socket = Socket::new(TCP6)?;
            socket.bind(H6, 0)?;
            let [near, far] = sys::socketpair()?;
            sys::pass(far, socket.fd)?;
            sys::close(socket.fd)?;
            Ok(socket.at(near))
        },
        |before| {
            let socket = before.at(sys::take(before.fd)?);
            socket.connect(H6, PORT).map(|()| Told::Sent)
        },
        [To(H6, H6), To(H6, H6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)],
    ),
    // NE-14, NE-20 and what else a jail must not have.
    attempt(
        "divert(4), the old way",
        ONE,
        |_| sys::socket(2, 3, 258).map(|_| Told::Yes),
        [No(EAFNOSUPPORT), No(EAFNOSUPPORT), No(EPROTONOSUPPORT), No(EPROTONOSUPPORT)],
    ),
    attempt("SCTP", ONE, |_| sys::socket(28, 5, 132).map(|_| Told::Yes), [No(EPROTONOSUPPORT); 4]),
    attempt(
        "SCTP, IPv4",
        ONE,
        |_| sys::socket(2, 1, 132).map(|_| Told::Yes),
        [No(EPROTONOSUPPORT); 4],
    ),
    // NE-02: of eight datagrams, to four addresses of each family, those to the
    // jail's come.
    inherited(
        "receive on any",
        ONE,
        sender,
        |before| receive(before, &[UDP4, UDP6], [ANY4, ANY6]),
        [Got(0xff), Got(0x22), Got(0x22), Got(0x22)],
    ),
    inherited(
        "receive on any of two",
        TWO,
        sender,
        |before| receive(before, &[UDP4, UDP6], [ANY4, ANY6]),
        [Got(0xff), Got(0xaa), Got(0xaa), Got(0x22)],
    ),
    inherited(
        "receive on any of both families",
        TWO,
        sender,
        |before| receive(before, &[DUAL], [ANY6; 2]),
        [Got(0xff), Got(0xaa), Got(0xaa), Got(0x20)],
    ),
    inherited(
        "receive on any of both, without IPv4",
        INET6,
        sender,
        |before| receive(before, &[DUAL], [ANY6; 2]),
        [Got(0xff), Got(0x20), Got(0x20), Got(0x20)],
    ),
    // NE-28: beside a balanced group of the host's on any.
    inherited(
        "receive beside a group of the host's",
        ONE,
        || {
            for (kind, any) in [(UDP4, ANY4), (UDP6, ANY6)] {
                let socket = Socket::new(kind)?;
                socket.set(SOL_SOCKET, SO_REUSEPORT_LB, 1)?;
                socket.bind(any, OWN_PORT)?;
            }
            sender()
        },
        |before| {
            let mut got = 0;
            for _ in 0..8 {
                let Told::Got(some) = receive(before, &[UDP4, UDP6], [ANY4, ANY6])? else {
                    return Err(Error(0));
                };
                got |= some;
            }
            // What came to addresses that are not the jail's, or nothing.
            Ok(Told::Got(u8::from(got & !0x22 != 0)))
        },
        [Got(1), Got(0), Got(0), Got(0)],
    ),
    // NE-12: with raw sockets, what is the jail's arrives, and nothing else.
    inherited("receive raw packets", RAW, raw_sender, receive_raw, {
        [Got(0xff), Got(0x22), Got(0x22), No(EPERM)]
    }),
    inherited("receive raw packets, two addresses", RAW_TWO, raw_sender, receive_raw, {
        [Got(0xff), Got(0xaa), Got(0xaa), No(EPERM)]
    }),
    attempt("ping itself", RAW, |_| ping(ICMP4, J4), raw(Yes)),
    attempt("ping the host", RAW, |_| ping(ICMP4, H4), raw(Yes)),
    attempt("ping 127.0.0.1", RAW, |_| ping(ICMP4, L4), raw(Yes)),
    attempt("ping itself, IPv6", RAW, |_| ping(ICMP6, J6), raw(Yes)),
    attempt("ping the host, IPv6", RAW, |_| ping(ICMP6, H6), raw(Yes)),
    attempt("ping without the flag", ONE, |_| ping(ICMP4, H4), becomes(Yes, No(EPERM))),
    // NE-22: the firewall's options, of which no kernel here has a module.
    attempt(
        "IP_FW3",
        RAW,
        |_| Socket::new(ICMP4)?.set(IPPROTO_IP, 48, 0).map(|()| Told::Yes),
        raw(No(ENOPROTOOPT)),
    ),
    attempt(
        "IP_DUMMYNET3",
        RAW,
        |_| Socket::new(ICMP4)?.set(IPPROTO_IP, 49, 0).map(|()| Told::Yes),
        raw(No(ENOPROTOOPT)),
    ),
    // NE-32: filters of connections, which no kernel here has.
    attempt("a filter of connections", ONE, |_| filter(true, b"nosuch"), [No(ENOENT); 4]),
    attempt("a filter of a module", ONE, |_| filter(true, b"httpready"), [No(ENOENT); 4]),
    attempt("a filter without listening", ONE, |_| filter(false, b"httpready"), [No(ENOENT); 4]),
    inherited(
        "receive beside a group of another jail",
        ONE,
        || {
            another_jails_group()?;
            sender()
        },
        |before| receive(before, &[UDP4, UDP6], [ANY4, ANY6]),
        [Got(0x77), Got(0x22), Got(0x22), Got(0x22)],
    ),
];

/// SO_ACCEPTFILTER, many times.
fn filter(listens: bool, name: &[u8]) -> Result<Told> {
    const SO_ACCEPTFILTER: i32 = 0x1000;
    let socket = Socket::new(TCP4)?;
    if listens {
        sys::listen(socket.fd, 1)?;
    }
    // `struct accept_filter_arg`: a name and an argument.
    let mut argument = [0x41; 256];
    argument[..16].fill(0);
    argument[..name.len()].copy_from_slice(name);
    let mut done = Ok(0);
    for _ in 0..100 {
        done = get!(SETSOCKOPT, socket.fd, SOL_SOCKET, SO_ACCEPTFILTER, &argument, 256);
        // None: takes it away again.
        let _ = get!(SETSOCKOPT, socket.fd, SOL_SOCKET, SO_ACCEPTFILTER, 0, 0);
    }
    done.map(|_| Told::Yes)
}

const SO_REUSEPORT_LB: i32 = 0x0001_0000;

/// A process outside that, at each byte, sends a datagram to each address, each
/// time from other ports: a group is balanced by them.
fn sender() -> Result<Socket> {
    sends(UDP4, UDP6)
}

fn sends(kind4: Kind, kind6: Kind) -> Result<Socket> {
    let [near, far] = sys::socketpair()?;
    if sys::fork()? == 0 {
        let _ = sys::close(near);
        let served = (|| {
            while sys::read(far, &mut [0])? == 1 {
                let [four, six] = [Socket::new(kind4)?, Socket::new(kind6)?];
                for (bit, to) in [H4, J4, S4, K4].into_iter().enumerate() {
                    four.send(u8::try_from(bit).unwrap_or(0), to, OWN_PORT)?;
                }
                for (bit, to) in [H6, J6, S6, K6].into_iter().enumerate() {
                    six.send(u8::try_from(bit + 4).unwrap_or(0), to, OWN_PORT)?;
                }
                sys::close(four.fd)?;
                sys::close(six.fd)?;
                sys::write(far, &[0])?;
            }
            Ok::<(), Error>(())
        })();
        sys::exit(i32::from(served.is_err()));
    }
    sys::close(far)?;
    Ok(Socket::new(UDP4)?.at(near))
}

/// The same with packets of a protocol that nobody has.
fn raw_sender() -> Result<Socket> {
    sends(RAW4, RAW6)
}

/// Which datagrams arrive of three rounds, one bit each. A kernel may lose one, which
/// has then two more chances; so has what must not arrive.
fn rounds(sender: Socket, mut next: impl FnMut() -> Option<u8>) -> Result<u8> {
    const ROUNDS: u32 = 3;
    /// What is sent through lo0 waits for another thread of the kernel: times 5 ms.
    const QUIET: u32 = 10;
    let mut got = 0;
    for _ in 0..ROUNDS {
        sender.write(0)?;
        sys::read(sender.fd, &mut [0])?;
        let mut quiet = 0;
        while quiet < QUIET {
            if let Some(bit) = next() {
                got |= 1_u8.checked_shl(bit.into()).unwrap_or(0);
                quiet = 0;
            } else {
                sys::pause(5);
                quiet += 1;
            }
        }
    }
    Ok(got)
}

/// Which of those arrive at raw sockets.
fn receive_raw(sender: Socket) -> Result<Told> {
    let sockets = [Socket::new(RAW4)?, Socket::new(RAW6)?];
    let got = rounds(sender, || {
        sockets.into_iter().find_map(|socket| socket.receive_packet().ok()).map(|[bit, ..]| bit)
    })?;
    Ok(Told::Got(got))
}

/// An echo request, and whether it is answered.
fn ping(kind: Kind, to: Ip) -> Result<Told> {
    let socket = Socket::new(kind)?;
    let (request, reply) = if kind == ICMP4 { (8, 0) } else { (128, 129) };
    // Type, code, checksum (the kernel's, for IPv6), identifier, number.
    let mut message = [request, 0, 0, 0, 0x12, 0x34, 0, 1];
    let sum = checksum(&[&message]);
    message[2..4].copy_from_slice(&sum);
    socket.send_bytes(&message, to, 0)?;
    for _ in 0..50 {
        while let Ok([kind, _, _, _, 0x12, 0x34, ..]) = socket.receive_packet() {
            if kind == reply {
                return Ok(Told::Yes);
            }
        }
        sys::pause(5);
    }
    Ok(Told::Got(0))
}

/// Which of those arrive at sockets that are bound so.
fn receive(sender: Socket, kinds: &[Kind], any: [Ip; 2]) -> Result<Told> {
    let mut sockets = [None; 2];
    for ((socket, kind), any) in sockets.iter_mut().zip(kinds).zip(any) {
        let made = Socket::new(*kind)?;
        made.set(SOL_SOCKET, SO_REUSEPORT_LB, 1)?;
        made.bind(any, OWN_PORT)?;
        *socket = Some(made);
    }
    let got = rounds(sender, || {
        sockets.into_iter().flatten().find_map(|socket| socket.receive().ok()).map(|(bit, _)| bit)
    })?;
    for socket in sockets.into_iter().flatten() {
        sys::close(socket.fd)?;
    }
    Ok(Told::Got(got))
}

/// Where the place is that is being tried.
static PLACE: AtomicUsize = AtomicUsize::new(0);

/// A jail of the same kind, or a native one beside who is outside.
fn other_kind() -> usize {
    PLACE.load(Ordering::Relaxed).max(1)
}

/// Another jail, with sockets on "any" in a balanced group, as long as the process
/// that asks for it is there.
fn another_jails_group() -> Result<()> {
    let [near, far] = sys::socketpair()?;
    if sys::fork()? == 0 {
        let ready = (|| {
            sys::close(near)?;
            jail(&[K4, K6]).enter(other_kind())?;
            for (kind, any) in [(UDP4, ANY4), (UDP6, ANY6)] {
                let socket = Socket::new(kind)?;
                socket.set(SOL_SOCKET, SO_REUSEPORT_LB, 1)?;
                socket.bind(any, OWN_PORT)?;
            }
            sys::write(far, &[0])?;
            sys::read(far, &mut [0])
        })();
        sys::exit(i32::from(ready.is_err()));
    }
    sys::close(far)?;
    match sys::read(near, &mut [0])? {
        1 => Ok(()),
        _ => Err(Error(0)),
    }
}

/// The other jail: a process in it, and its services, which were passed out.
struct Sibling {
    pid: i32,
    sockets: [Socket; 8],
}

impl Sibling {
    const KINDS: [(Kind, Ip); 4] = [(UDP4, S4), (TCP4, S4), (UDP6, S6), (TCP6, S6)];

    /// On its addresses, and on "any".
    fn start() -> Result<Self> {
        let [near, far] = sys::socketpair()?;
        let pid = sys::fork()?;
        if pid == 0 {
            let served = (|| {
                sys::close(near)?;
                jail(&[S4, S6]).enter(other_kind())?;
                for (kind, ip) in Self::KINDS {
                    let any = if super::sockets::is_ip4(&ip) { ANY4 } else { ANY6 };
                    for (ip, port) in [(ip, PORT), (any, JAILED_PORT)] {
                        let socket = service(kind, ip, port)?;
                        sys::pass(far, socket.fd)?;
                    }
                }
                Ok::<_, Error>(())
            })();
            while served.is_ok() {
                sys::pause(60_000);
            }
            sys::exit(1);
        }
        let any = Socket::new(UDP4)?;
        let mut sockets = [any; 8];
        for (at, socket) in sockets.iter_mut().enumerate() {
            *socket = any.of(Self::KINDS[at / 2].0).at(sys::take(near)?);
        }
        sys::close(any.fd)?;
        sys::close(near)?;
        sys::close(far)?;
        Ok(Self { pid, sockets })
    }

    /// Which of its addresses was reached, and from where.
    fn heard(&self) -> Option<Seen> {
        self.sockets.into_iter().enumerate().find_map(|(at, socket)| {
            let (kind, ip) = Self::KINDS[at / 2];
            if kind == TCP4 || kind == TCP6 {
                return socket.accept().ok().map(|from| To(ip, from));
            }
            socket.receive().ok().map(|(_, from)| To(ip, from))
        })
    }

    fn stop(self) -> Result<()> {
        for socket in self.sockets {
            sys::close(socket.fd)?;
        }
        sys::kill(self.pid, 9)?;
        sys::wait(self.pid, 0).map(drop)
    }
}

/// A socket that is bound, never waits, and listens if it can.
fn service(kind: Kind, ip: Ip, port: u16) -> Result<Socket> {
    let socket = Socket::new(kind)?;
    socket.bind(ip, port)?;
    socket.never_wait()?;
    if kind == TCP4 || kind == TCP6 {
        sys::listen(socket.fd, 8)?;
    }
    Ok(socket)
}

/// The services outside.
struct Services {
    datagrams: [Socket; 9],
    streams: [Socket; 9],
    wild: [Socket; 2],
}

impl Services {
    fn start() -> Result<Self> {
        for address in ADDED4 {
            sys::add_loopback_address(address, [255; 4])?;
        }
        for address in ADDED6 {
            add_to_loopback(address)?;
        }
        let of = |kind6: Kind, kind4: Kind, ip: Ip, port: u16| -> Result<Socket> {
            service(if super::sockets::is_ip4(&ip) { kind4 } else { kind6 }, ip, port)
        };
        let first = of(UDP6, UDP4, L4, PORT + 100)?;
        let mut services = Self { datagrams: [first; 9], streams: [first; 9], wild: [first; 2] };
        sys::close(first.fd)?;
        for ((datagrams, streams), ip) in
            services.datagrams.iter_mut().zip(&mut services.streams).zip(SERVED)
        {
            *datagrams = of(UDP6, UDP4, ip, PORT)?;
            *streams = of(TCP6, TCP4, ip, PORT)?;
        }
        services.wild = [of(UDP6, UDP4, ANY4, WILD_PORT)?, of(UDP6, UDP4, ANY6, WILD_PORT)?];
        Ok(services)
    }

    /// Who was reached.
    fn heard(&self, sibling: &Sibling) -> Seen {
        for _ in 0..50 {
            if let Some(seen) = sibling.heard() {
                return seen;
            }
            for (index, at) in SERVED.into_iter().enumerate() {
                if let Ok((_, from)) = self.datagrams[index].receive() {
                    return To(at, from);
                }
                if let Ok(from) = self.streams[index].accept() {
                    return To(at, from);
                }
            }
            for socket in self.wild {
                if let Ok((_, from)) = socket.receive() {
                    return Wild(from);
                }
            }
            sys::pause(5);
        }
        Lost
    }

    fn stop(self) -> Result<()> {
        for socket in self.datagrams.into_iter().chain(self.streams).chain(self.wild) {
            sys::close(socket.fd)?;
        }
        for address in ADDED6 {
            remove_from_loopback(address)?;
        }
        for [a, b, c, d] in ADDED4 {
            remove_from_loopback(ip4(a, b, c, d))?;
        }
        Ok(())
    }
}

/// Makes an attempt in one place.
fn made(attempt: &Attempt, place: usize, services: &Services, sibling: &Sibling) -> Seen {
    let told = in_child(|| {
        let before = (attempt.before)()?;
        attempt.jail.enter(place)?;
        (attempt.run)(before)
    });
    match told {
        Ok(Ok(Ok(Told::Sent))) => services.heard(sibling),
        Ok(Ok(Ok(Told::Name(ip)))) => At(ip),
        Ok(Ok(Ok(Told::Yes))) => Yes,
        Ok(Ok(Ok(Told::Got(mask)))) => Got(mask),
        Ok(Ok(Err(Error(errno)))) => No(errno),
        Ok(Err(_)) | Err(_) => No(-1),
    }
}

/// Plays all, in three places, with another jail beside: first the one, then the
/// other.
pub fn attempts(_: &Context) -> Outcome {
    const PROC_REAP_ACQUIRE: i32 = 2;
    let both = second_line();
    let (mut wrong, mut made_so_far) = (0, 0);
    early("orphans", get!(PROCCTL, 0, 0, PROC_REAP_ACQUIRE, 0))?;
    for swapped in [false, true] {
        change_places(swapped);
        let services = early("services", Services::start())?;
        for (place, name) in PLACES.into_iter().enumerate() {
            if place == if both { 3 } else { 2 } {
                continue;
            }
            PLACE.store(place, Ordering::Relaxed);
            let sibling = early("the other jail", Sibling::start())?;
            for (class, attempts) in [("bind", BIND), ("reach", REACH), ("options", OPTIONS)] {
                for attempt in attempts {
                    let seen = made(attempt, place, &services, &sibling);
                    made_so_far += 1;
                    let wanted = attempt.wanted[place];
                    if seen != wanted {
                        say!(
                            "    # {class}: {}, {name}, {swapped}: {seen:?}, wanted {wanted:?}",
                            attempt.what
                        );
                        wrong += 1;
                    }
                }
            }
            early("the other jail's end", sibling.stop())?;
        }
        early("the end of services", services.stop())?;
        // Whoever sends for the jailed, or is a jail beside them, ends with them;
        // until then it holds what the services were bound to.
        while sys::wait(-1, 0).is_ok() {}
    }
    change_places(false);
    early("variables", put_back())?;
    say!("    # {made_so_far} attempts");
    jails_gone()?;
    want!("attempts that came to something else", wrong, 0);
    Ok(())
}
