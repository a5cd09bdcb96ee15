// SPDX-License-Identifier: BSD-2-Clause
//! What leaves: the wires of two interfaces are watched while a process sends by
//! every way there is, with routes that prefer other sources. Not the socket is
//! asked which address it spoke from, but the packet.

use core::sync::atomic::{AtomicU16, Ordering};

use super::places::{Jail, PLACES, RAW_SOCKETS, jail, put_back};
use super::sockets::{
    ANY4, ANY6, DUAL, DUAL_TCP, ICMP4, ICMP6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, Ip, J4, J6,
    Kind, LITE4, LITE6, RAW4, RAW6, SOL_SOCKET, Socket, TCP4, TCP6, UDP4, UDP6, ip4, packet_info,
};
use super::tap::{
    A1, A1_6, A2, A2_6, A3, B1, B1_6, B2, B2_6, Datagram, FAR_A, FAR_A6, FAR_B, FAR_B_AS_HOST,
    FAR_B6, FAR_B6_AS_HOST, NEAR_A, NEAR_A6, NEAR_B, NEAR_B6, Taps,
};
use crate::answer::{in_child, want};
use crate::errno::{
    EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, EINPROGRESS, EINVAL, EISCONN, ENETUNREACH,
    EPERM,
};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::programs::{Context, Outcome, early, jails_gone, second_line};
use crate::say;
use crate::sys::{self, Error, Result};

/// The port that an attempt sends to, another one each time: what comes late from
/// an earlier one is told by it.
static PORT: AtomicU16 = AtomicU16::new(7200);
/// Where the jailed listen.
const OWN_PORT: u16 = 7200;

fn port() -> u16 {
    PORT.load(Ordering::Relaxed)
}

const SO_BROADCAST: i32 = 0x20;
const SO_SETFIB: i32 = 0x1014;
const IP_OPTIONS: i32 = 1;
const IP_HDRINCL: i32 = 2;
const IP_SENDSRCADDR: i32 = 7;
const IP_MULTICAST_IF: i32 = 9;
const IP_ADD_MEMBERSHIP: i32 = 12;
const IP_ONESBCAST: i32 = 23;
const IPV6_MULTICAST_IF: i32 = 9;
const IPV6_JOIN_GROUP: i32 = 12;
const IPV6_PKTINFO: i32 = 46;
const IPV6_PREFER_TEMPADDR: i32 = 63;
const TCP_FASTOPEN: i32 = 1025;

const EVERYBODY: Ip = ip4(255, 255, 255, 255);
const ALL_OF_B: Ip = ip4(10, 68, 0, 255);
const GROUP4: Ip = ip4(239, 1, 1, 1);
const GROUP6: Ip = [0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66];

/// What was seen on the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// The call failed, and nothing left.
    No(i32),
    /// One packet, by this wire, from there.
    Left(usize, Ip),
    /// Packets from these two.
    Both(Ip, Ip),
    /// The call succeeded, and nothing left.
    Nothing,
    /// More than that, or a packet although the call failed.
    Odd(i32, [Option<(usize, Ip)>; 3]),
}
use Seen::{Left, No, Nothing};

const ONE: Jail = jail(&[A2, A2_6]);
const TWO: Jail = jail(&[A2, B2, A2_6, B2_6]);
/// Its addresses are those of another interface.
const HOME: Jail = jail(&[J4, J6]);
/// No interface has its addresses.
const NOBODYS: Jail = jail(&[ip4(10, 69, 0, 9), super::sockets::fd66(0, 0, 0, 99)]);
const RAW: Jail = ONE.with(RAW_SOCKETS);
const RAW_TWO: Jail = TWO.with(RAW_SOCKETS);

/// Sockets, and the interfaces' numbers.
#[derive(Clone, Copy)]
struct Means {
    socket: Socket,
    indexes: [u16; 2],
}

struct Attempt {
    what: &'static str,
    jail: Jail,
    before: fn(Taps) -> Result<Socket>,
    run: fn(Means) -> Result<()>,
    wanted: [Seen; 4],
}

const fn attempt(
    what: &'static str,
    jail: Jail,
    run: fn(Means) -> Result<()>,
    wanted: [Seen; 4],
) -> Attempt {
    Attempt { what, jail, before: |_| Socket::new(UDP4), run, wanted }
}

const fn after(mut attempt: Attempt, before: fn(Taps) -> Result<Socket>) -> Attempt {
    attempt.before = before;
    attempt
}

/// Outside from one address, in any jail from another.
const fn from(wire: usize, outside: Ip, inside: Ip) -> [Seen; 4] {
    [Left(wire, outside), Left(wire, inside), Left(wire, inside), Left(wire, inside)]
}

/// The second line picks the address on the interface; the label alone has the
/// primary one.
const fn picks(wire: usize, outside: Ip, inside: Ip, alone: Ip) -> [Seen; 4] {
    [Left(wire, outside), Left(wire, inside), Left(wire, inside), Left(wire, alone)]
}

/// The label alone lets nobody have a raw socket.
const fn raw(outside: Seen, inside: Seen) -> [Seen; 4] {
    [outside, inside, inside, No(EPERM)]
}

/// Outside it leaves, inside it does not.
const fn never(outside: Seen, errno: i32) -> [Seen; 4] {
    [outside, No(errno), No(errno), No(errno)]
}

fn send(kind: Kind, to: Ip) -> Result<()> {
    Socket::new(kind)?.send(0, to, port())
}

fn connect(kind: Kind, to: Ip) -> Result<()> {
    let socket = Socket::new(kind)?;
    socket.connect(to, port())?;
    socket.write(0)
}

/// connect(2) of a stream, whose first packet is all that there will be.
fn begin(kind: Kind, to: Ip) -> Result<()> {
    let socket = Socket::new(kind)?;
    socket.never_wait()?;
    match socket.connect(to, port()) {
        Err(Error(EINPROGRESS)) => Ok(()),
        other => other,
    }
}

fn broadcast(to: Ip, to_all_ones: bool) -> Result<()> {
    let socket = Socket::new(UDP4)?;
    socket.set(SOL_SOCKET, SO_BROADCAST, 1)?;
    if to_all_ones {
        socket.set(IPPROTO_IP, IP_ONESBCAST, 1)?;
    }
    socket.send(0, to, port())
}

fn group4(interface: Ip) -> Result<()> {
    let socket = Socket::new(UDP4)?;
    let mut address = [0; 4];
    address.copy_from_slice(&interface[12..]);
    get!(SETSOCKOPT, socket.fd, IPPROTO_IP, IP_MULTICAST_IF, &address, 4)?;
    socket.send(0, GROUP4, port())
}

fn group6(index: u16) -> Result<()> {
    let socket = Socket::new(UDP6)?;
    socket.set(IPPROTO_IPV6, IPV6_MULTICAST_IF, i32::from(index))?;
    socket.send(0, GROUP6, port())
}

/// An echo request.
const PING4: [u8; 8] = [8, 0, 0xf7, 0xff - 1, 0, 1, 0, 0];
const PING6: [u8; 8] = [128, 0, 0, 0, 0, 1, 0, 0];

fn ping4(socket: Socket, to: Ip) -> Result<()> {
    socket.send_bytes(&PING4, to, 0)
}

fn ping6(socket: Socket, to: Ip) -> Result<()> {
    socket.send_bytes(&PING6, to, 0)
}

/// A packet of ours, header and all.
fn forged(kind: Kind, source: Ip, to: Ip, protocol: u8) -> Result<()> {
    let socket = Socket::new(kind)?;
    socket.set(IPPROTO_IP, IP_HDRINCL, 1)?;
    let packet = Datagram::new(source, to, protocol, &PING4, 2);
    let mut bytes = [0; 28];
    bytes.copy_from_slice(packet.bytes());
    socket.send_bytes(&bytes, to, 0)
}

const SOURCES: &[Attempt] = &[
    // Each way to a neighbour of the jail's own wire, of the other, and beyond.
    attempt("UDP, near", ONE, |_| send(UDP4, NEAR_A), from(0, A1, A2)),
    attempt("UDP, near the other", ONE, |_| send(UDP4, NEAR_B), from(1, B1, A2)),
    attempt("UDP, far", ONE, |_| send(UDP4, FAR_A), from(0, A1, A2)),
    attempt("UDP, far by the other", ONE, |_| send(UDP4, FAR_B), from(1, B1, A2)),
    attempt("UDP, a route from the host", ONE, |_| send(UDP4, FAR_B_AS_HOST), from(1, B1, A2)),
    attempt("UDP, two, near the other", TWO, |_| send(UDP4, NEAR_B), picks(1, B1, B2, A2)),
    attempt("UDP, two, far by the other", TWO, |_| send(UDP4, FAR_B), picks(1, B1, B2, A2)),
    attempt(
        "UDP, two, a route from the host",
        TWO,
        |_| send(UDP4, FAR_B_AS_HOST),
        picks(1, B1, B2, A2),
    ),
    attempt("UDP, from elsewhere", HOME, |_| send(UDP4, FAR_B), from(1, B1, J4)),
    attempt("UDP, from nowhere", NOBODYS, |_| send(UDP4, FAR_B), never(Left(1, B1), EADDRNOTAVAIL)),
    attempt("UDP connected, far by the other", ONE, |_| connect(UDP4, FAR_B), from(1, B1, A2)),
    attempt("UDP-Lite, far by the other", ONE, |_| send(LITE4, FAR_B), from(1, B1, A2)),
    attempt("TCP, far by the other", ONE, |_| begin(TCP4, FAR_B), from(1, B1, A2)),
    attempt("TCP, a route from the host", ONE, |_| begin(TCP4, FAR_B_AS_HOST), from(1, B1, A2)),
    attempt("TCP, two, far by the other", TWO, |_| begin(TCP4, FAR_B), picks(1, B1, B2, A2)),
    attempt("TCP, from elsewhere", HOME, |_| begin(TCP4, FAR_B), from(1, B1, J4)),
    attempt(
        "TCP fast open",
        ONE,
        |_| {
            let socket = Socket::new(TCP4)?;
            socket.set(IPPROTO_TCP, TCP_FASTOPEN, 1)?;
            socket.never_wait()?;
            match socket.send(0, FAR_B, port()) {
                // It would go on after its end, and keep the jail.
                Ok(()) | Err(Error(EINPROGRESS)) => sys::close_hard(socket.fd),
                other => other,
            }
        },
        from(1, B1, A2),
    ),
    attempt("UDP6, near", ONE, |_| send(UDP6, NEAR_A6), from(0, A1_6, A2_6)),
    attempt("UDP6, near the other", ONE, |_| send(UDP6, NEAR_B6), from(1, B1_6, A2_6)),
    attempt("UDP6, far", ONE, |_| send(UDP6, FAR_A6), from(0, A1_6, A2_6)),
    attempt("UDP6, far by the other", ONE, |_| send(UDP6, FAR_B6), from(1, B1_6, A2_6)),
    attempt(
        "UDP6, a route from the host",
        ONE,
        |_| send(UDP6, FAR_B6_AS_HOST),
        from(1, B1_6, A2_6),
    ),
    attempt("UDP6, two, far by the other", TWO, |_| send(UDP6, FAR_B6), picks(1, B1_6, B2_6, A2_6)),
    attempt("UDP6, from elsewhere", HOME, |_| send(UDP6, FAR_B6), from(1, B1_6, J6)),
    attempt(
        "UDP6, from nowhere",
        NOBODYS,
        |_| send(UDP6, FAR_B6),
        never(Left(1, B1_6), EADDRNOTAVAIL),
    ),
    attempt("UDP6 connected, far by the other", ONE, |_| connect(UDP6, FAR_B6), {
        from(1, B1_6, A2_6)
    }),
    attempt("UDP-Lite 6, far by the other", ONE, |_| send(LITE6, FAR_B6), from(1, B1_6, A2_6)),
    attempt("TCP6, far by the other", ONE, |_| begin(TCP6, FAR_B6), from(1, B1_6, A2_6)),
    attempt(
        "TCP6, two, far by the other",
        TWO,
        |_| begin(TCP6, FAR_B6),
        picks(1, B1_6, B2_6, A2_6),
    ),
    attempt(
        "TCP6, sendto(2)",
        ONE,
        |_| {
            let socket = Socket::new(TCP6)?;
            socket.never_wait()?;
            match socket.send(0, FAR_B6, port()) {
                Ok(()) | Err(Error(EINPROGRESS)) => sys::close_hard(socket.fd),
                other => other,
            }
        },
        from(1, B1_6, A2_6),
    ),
    attempt("mapped UDP, far by the other", ONE, |_| send(DUAL, FAR_B), from(1, B1, A2)),
    attempt("mapped UDP connected", ONE, |_| connect(DUAL, FAR_B), from(1, B1, A2)),
    attempt("mapped TCP, far by the other", ONE, |_| begin(DUAL_TCP, FAR_B), from(1, B1, A2)),
    attempt("UDP of both families to IPv6", ONE, |_| send(DUAL, FAR_B6), from(1, B1_6, A2_6)),
    // Bound first.
    attempt(
        "bound to any",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send(0, FAR_B, port())
        },
        from(1, B1, A2),
    ),
    attempt(
        "two, bound to any",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send(0, FAR_B, port())
        },
        picks(1, B1, B2, A2),
    ),
    attempt(
        "IPv6, two, bound to any",
        TWO,
        |_| {
            let socket = Socket::new(UDP6)?;
            socket.bind(ANY6, 0)?;
            socket.send(0, FAR_B6, port())
        },
        picks(1, B1_6, B2_6, A2_6),
    ),
    attempt(
        "two, bound to the second",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(B2, 0)?;
            socket.send(0, FAR_A, port())
        },
        [Left(0, B2); 4],
    ),
    attempt(
        "connected, forgotten, connected elsewhere",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.connect(FAR_A, 9)?;
            match socket.disconnect(16) {
                Err(Error(EAFNOSUPPORT)) => socket.connect(FAR_B, port())?,
                other => return other,
            }
            socket.write(0)
        },
        [Left(1, B1), Left(1, B2), Left(1, B2), No(EISCONN)],
    ),
    attempt(
        "connected to here, then there",
        TWO,
        |_| {
            let socket = Socket::new(UDP6)?;
            socket.connect(FAR_A6, 9)?;
            socket.connect(FAR_B6, port())?;
            socket.write(0)
        },
        [Left(1, B1_6), Left(1, B2_6), Left(1, B2_6), No(EISCONN)],
    ),
    attempt(
        "connected, then bound",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.connect(FAR_B, port())?;
            match socket.bind(B1, 0) {
                Err(Error(EINVAL | EADDRNOTAVAIL)) => socket.write(0),
                other => other,
            }
        },
        from(1, B1, A2),
    ),
];

const OPTIONS: &[Attempt] = &[
    attempt(
        "the other routing table",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.set(SOL_SOCKET, SO_SETFIB, 1)?;
            socket.send(0, FAR_A, port())
        },
        from(1, B1, A2),
    ),
    attempt(
        "the other routing table, TCP6",
        ONE,
        |_| {
            let socket = Socket::new(TCP6)?;
            socket.set(SOL_SOCKET, SO_SETFIB, 1)?;
            socket.never_wait()?;
            match socket.connect(FAR_A6, port()) {
                Err(Error(EINPROGRESS)) => Ok(()),
                other => other,
            }
        },
        from(1, B1_6, A2_6),
    ),
    attempt(
        "the other routing table, two",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.set(SOL_SOCKET, SO_SETFIB, 1)?;
            socket.send(0, FAR_A, port())
        },
        picks(1, B1, B2, A2),
    ),
    attempt(
        "setfib(2)",
        ONE,
        |_| {
            get!(SETFIB, 1)?;
            send(UDP4, FAR_A)
        },
        from(1, B1, A2),
    ),
    attempt(
        "IP_SENDSRCADDR of the host's",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send_with(FAR_B, port(), IPPROTO_IP, IP_SENDSRCADDR, &B1[12..])
        },
        [Left(1, B1), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), No(EINVAL)],
    ),
    attempt(
        "IP_SENDSRCADDR of its own",
        TWO,
        |_| {
            let socket = Socket::new(UDP4)?;
            socket.bind(ANY4, 0)?;
            socket.send_with(FAR_B, port(), IPPROTO_IP, IP_SENDSRCADDR, &A2[12..])
        },
        [Left(1, A2), Left(1, A2), Left(1, A2), No(EINVAL)],
    ),
    attempt(
        "IPV6_PKTINFO of the host's",
        ONE,
        |_| {
            let socket = Socket::new(UDP6)?;
            socket.send_with(FAR_B6, port(), IPPROTO_IPV6, IPV6_PKTINFO, &packet_info(B1_6))
            // The label alone has no hook for it: docs/limits.md.
        },
        [Left(1, B1_6), No(EADDRNOTAVAIL), No(EADDRNOTAVAIL), Left(1, B1_6)],
    ),
    attempt(
        "IPV6_PKTINFO of the other interface",
        ONE,
        |means| {
            let mut info = [0; 20];
            info[16..18].copy_from_slice(&means.indexes[1].to_le_bytes());
            Socket::new(UDP6)?.send_with(FAR_B6, port(), IPPROTO_IPV6, IPV6_PKTINFO, &info)
        },
        from(1, B1_6, A2_6),
    ),
    attempt(
        "IPV6_PREFER_TEMPADDR",
        ONE,
        |_| {
            let socket = Socket::new(UDP6)?;
            socket.set(IPPROTO_IPV6, IPV6_PREFER_TEMPADDR, 1)?;
            socket.send(0, FAR_B6, port())
        },
        from(1, B1_6, A2_6),
    ),
    attempt(
        "a source route",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            // Loosely, by the second gateway.
            let options: [u8; 8] = [131, 7, 4, 10, 68, 0, 254, 0];
            get!(SETSOCKOPT, socket.fd, IPPROTO_IP, IP_OPTIONS, &options, 8)?;
            socket.send(0, FAR_A, port())
        },
        from(1, A1, A2),
    ),
    // Groups and everybody.
    attempt("broadcast", ONE, |_| broadcast(ALL_OF_B, false), from(1, B1, A2)),
    attempt("broadcast, two", TWO, |_| broadcast(ALL_OF_B, false), picks(1, B1, B2, A2)),
    attempt("broadcast, all ones", ONE, |_| broadcast(ALL_OF_B, true), from(1, B1, A2)),
    attempt("to everybody", ONE, |_| broadcast(EVERYBODY, false), {
        [No(ENETUNREACH), No(EHOSTUNREACH), No(EHOSTUNREACH), No(EHOSTUNREACH)]
    }),
    attempt("broadcast without the option", ONE, |_| send(UDP4, ALL_OF_B), [No(EACCES); 4]),
    attempt("a group", ONE, |_| send(UDP4, GROUP4), from(0, A1, A2)),
    attempt("a group by the host's address", ONE, |_| group4(B1), from(1, B1, A2)),
    attempt("a group by the host's address, two", TWO, |_| group4(B1), picks(1, B1, B2, A2)),
    attempt(
        "a group by number",
        ONE,
        |means| {
            let socket = Socket::new(UDP4)?;
            // `struct ip_mreqn`: group, address, interface.
            let mut request = [0; 12];
            request[8..10].copy_from_slice(&means.indexes[1].to_le_bytes());
            get!(SETSOCKOPT, socket.fd, IPPROTO_IP, IP_MULTICAST_IF, &request, 12)?;
            socket.send(0, GROUP4, port())
        },
        from(1, B1, A2),
    ),
    attempt(
        "a group that it joined",
        ONE,
        |_| {
            let socket = Socket::new(UDP4)?;
            let mut request = [0; 8];
            request[..4].copy_from_slice(&GROUP4[12..]);
            request[4..].copy_from_slice(&B1[12..]);
            get!(SETSOCKOPT, socket.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, 8)?;
            socket.send(0, GROUP4, port())
        },
        from(0, A1, A2),
    ),
    attempt("a group of IPv6", ONE, |means| group6(means.indexes[1]), from(1, B1_6, A2_6)),
    attempt(
        "a group of IPv6, two",
        TWO,
        |means| group6(means.indexes[1]),
        picks(1, B1_6, B2_6, A2_6),
    ),
    attempt(
        "a group of IPv6 that it joined",
        ONE,
        |means| {
            let socket = Socket::new(UDP6)?;
            let mut request = [0; 20];
            request[..16].copy_from_slice(&GROUP6);
            request[16..18].copy_from_slice(&means.indexes[1].to_le_bytes());
            get!(SETSOCKOPT, socket.fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, 20)?;
            socket.set(IPPROTO_IPV6, IPV6_MULTICAST_IF, i32::from(means.indexes[1]))?;
            socket.send(0, GROUP6, port())
        },
        from(1, B1_6, A2_6),
    ),
];

const RAW_PACKETS: &[Attempt] = &[
    attempt("ICMP", RAW, |_| ping4(Socket::new(ICMP4)?, FAR_B), raw(Left(1, B1), Left(1, A2))),
    attempt("ICMP, two", RAW_TWO, |_| ping4(Socket::new(ICMP4)?, FAR_B), {
        raw(Left(1, B1), Left(1, B2))
    }),
    attempt(
        "ICMP, bound to the host's",
        RAW,
        |_| {
            let socket = Socket::new(ICMP4)?;
            socket.bind(B1, 0)?;
            ping4(socket, FAR_B)
        },
        raw(Left(1, B1), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "ICMP, connected",
        RAW,
        |_| {
            let socket = Socket::new(ICMP4)?;
            socket.connect(FAR_B, 0)?;
            get!(SENDTO, socket.fd, &PING4, 8, 0, 0, 0).map(drop)
        },
        raw(Left(1, B1), Left(1, A2)),
    ),
    attempt(
        "ICMP of IPv6",
        RAW,
        |_| ping6(Socket::new(ICMP6)?, FAR_B6),
        raw(Left(1, B1_6), Left(1, A2_6)),
    ),
    attempt(
        "ICMP of IPv6, bound to the host's",
        RAW,
        |_| {
            let socket = Socket::new(ICMP6)?;
            socket.bind(B1_6, 0)?;
            ping6(socket, FAR_B6)
        },
        raw(Left(1, B1_6), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "another protocol with IPV6_PKTINFO of the host's",
        RAW,
        |_| {
            let socket = Socket::new(RAW6)?;
            socket.send_with(FAR_B6, 0, IPPROTO_IPV6, IPV6_PKTINFO, &packet_info(B1_6))
        },
        raw(Left(1, B1_6), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "another protocol",
        RAW,
        |_| Socket::new(RAW4)?.send(0, FAR_B, 0),
        raw(Left(1, B1), Left(1, A2)),
    ),
    attempt(
        "another protocol, IPv6",
        RAW,
        |_| Socket::new(RAW6)?.send(0, FAR_B6, 0),
        raw(Left(1, B1_6), Left(1, A2_6)),
    ),
    attempt(
        "a header of its own",
        RAW,
        |_| forged(ICMP4, A2, FAR_B, 1),
        raw(Left(1, A2), Left(1, A2)),
    ),
    attempt(
        "a header with the host's source",
        RAW,
        |_| forged(ICMP4, B1, FAR_B, 1),
        raw(Left(1, B1), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "a header with another jail's source",
        RAW,
        |_| forged(ICMP4, A3, FAR_A, 1),
        raw(Left(0, A3), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "a header with a stranger's source",
        RAW,
        |_| forged(ICMP4, FAR_A, FAR_B, 17),
        raw(Left(1, FAR_A), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "a header with no source",
        RAW,
        |_| forged(ICMP4, ANY4, FAR_B, 1),
        raw(Left(1, B1), No(EADDRNOTAVAIL)),
    ),
    attempt(
        "a header with the machine's source",
        RAW,
        |_| forged(ICMP4, ip4(127, 0, 0, 1), FAR_B, 1),
        raw(No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)),
    ),
    // Made before entry, when nothing was asked: the kernel looks at no header of
    // theirs.
    after(
        attempt(
            "a raw socket from before",
            RAW,
            |means| ping4(means.socket, FAR_B),
            [Left(1, B1), Left(1, B1), No(EPERM), No(EPERM)],
        ),
        |_| Socket::new(ICMP4),
    ),
    after(
        attempt(
            "a raw socket of IPv6 from before",
            RAW,
            |means| ping6(means.socket, FAR_B6),
            [Left(1, B1_6), Left(1, B1_6), No(EPERM), No(EPERM)],
        ),
        |_| Socket::new(ICMP6),
    ),
    after(
        attempt(
            "one from before, bound",
            RAW,
            |means| {
                means.socket.bind(A2, 0)?;
                ping4(means.socket, FAR_B)
            },
            [Left(1, A2), Left(1, A2), No(EPERM), No(EPERM)],
        ),
        |_| Socket::new(ICMP4),
    ),
    after(
        attempt(
            "one from before, connected inside",
            RAW,
            |means| {
                means.socket.connect(FAR_B, 0)?;
                get!(SENDTO, means.socket.fd, &PING4, 8, 0, 0, 0).map(drop)
            },
            [Left(1, B1), Left(1, B1), No(EPERM), No(EPERM)],
        ),
        |_| Socket::new(ICMP4),
    ),
    after(
        attempt(
            "one from before, header and all",
            RAW,
            |means| {
                means.socket.set(IPPROTO_IP, IP_HDRINCL, 1)?;
                let packet = Datagram::new(B1, FAR_B, 1, &PING4, 2);
                let mut bytes = [0; 28];
                bytes.copy_from_slice(packet.bytes());
                means.socket.send_bytes(&bytes, FAR_B, 0)
            },
            [Left(1, B1), Left(1, B1), No(EPERM), No(EPERM)],
        ),
        |_| Socket::new(ICMP4),
    ),
];

/// A process outside that lets one packet arrive at each byte.
fn courier(taps: Taps, packets: &[Datagram]) -> Result<Socket> {
    let [near, far] = sys::socketpair()?;
    if sys::fork()? == 0 {
        let _ = sys::close(near);
        for packet in packets {
            if sys::read(far, &mut [0]) != Ok(1) {
                break;
            }
            let _ = taps.deliver(0, packet.bytes());
            let _ = sys::write(far, &[0]);
        }
        sys::exit(0);
    }
    sys::close(far)?;
    Ok(Socket::new(UDP4)?.at(near))
}

/// Two connections are begun, and ended.
fn connections(taps: Taps, from: Ip, to: [Ip; 2]) -> Result<Socket> {
    let [one, other] = to;
    courier(taps, &[syn(from, one), syn(from, other), reset(from, one), reset(from, other)])
}

fn arrives(courier: Socket) -> Result<()> {
    courier.write(0)?;
    sys::read(courier.fd, &mut [0]).map(drop)
}

/// The first packet of a connection to that port.
fn syn(from: Ip, to: Ip) -> Datagram {
    let mut segment = [0; 20];
    segment[..2].copy_from_slice(&port().to_be_bytes());
    segment[2..4].copy_from_slice(&OWN_PORT.to_be_bytes());
    segment[7] = 1;
    (segment[12], segment[13], segment[14]) = (0x50, 2, 0x10);
    Datagram::new(from, to, 6, &segment, 16)
}

/// The end of a connection that was begun so: else the kernel keeps it, and the
/// listener's jail, until it has answered often enough.
fn reset(from: Ip, to: Ip) -> Datagram {
    let mut segment = [0; 20];
    segment[..2].copy_from_slice(&port().to_be_bytes());
    segment[2..4].copy_from_slice(&OWN_PORT.to_be_bytes());
    segment[7] = 2;
    (segment[12], segment[13]) = (0x50, 4);
    Datagram::new(from, to, 6, &segment, 16)
}

/// A datagram to a port that nobody has.
fn to_nobody(from: Ip, to: Ip) -> Datagram {
    let mut datagram = [0; 12];
    datagram[..2].copy_from_slice(&port().to_be_bytes());
    datagram[2..4].copy_from_slice(&9_u16.to_be_bytes());
    datagram[5] = 12;
    Datagram::new(from, to, 17, &datagram, 6)
}

fn listens(kind: Kind, any: Ip, courier: Socket) -> Result<()> {
    let socket = Socket::new(kind)?;
    socket.bind(any, OWN_PORT)?;
    sys::listen(socket.fd, 2)?;
    arrives(courier)?;
    arrives(courier)?;
    arrives(courier)?;
    arrives(courier)
}

const ANSWERS: &[Attempt] = &[
    // A connection to the host's address comes to a jail's listener on "any" nowhere:
    // the first answer is a reset or, outside, an acknowledgement.
    after(
        attempt("a listener on any", ONE, |means| listens(TCP4, ANY4, means.socket), {
            [Seen::Both(A1, A2), Seen::Both(A1, A2), Seen::Both(A1, A2), Seen::Both(A1, A2)]
        }),
        |taps| connections(taps, NEAR_A, [A1, A2]),
    ),
    after(
        attempt("a listener on any, IPv6", ONE, |means| listens(TCP6, ANY6, means.socket), {
            [Seen::Both(A1_6, A2_6); 4]
        }),
        |taps| connections(taps, NEAR_A6, [A1_6, A2_6]),
    ),
    after(
        attempt("a port that nobody has", ONE, |means| arrives(means.socket), [Left(0, A2); 4]),
        |taps| courier(taps, &[to_nobody(NEAR_A, A2)]),
    ),
    after(
        attempt("a port that nobody has, IPv6", ONE, |means| arrives(means.socket), {
            [Left(0, A2_6); 4]
        }),
        |taps| courier(taps, &[to_nobody(NEAR_A6, A2_6)]),
    ),
];

/// What was on the wires after a call that ended so; what is sent twice counts once.
fn seen(taps: &Taps, ended: Result<()>) -> Seen {
    let mut sources = [None; 3];
    // The sender has returned; what another thread of the kernel sends may not be
    // there yet.
    for _ in 0..10 {
        while let Some(packet) = taps.next() {
            let late = packet.protocol == 6 && packet.head[2..4] != port().to_be_bytes();
            let source = Some((packet.wire, packet.from));
            if late || sources.contains(&source) {
                continue;
            }
            if let Some(place) = sources.iter_mut().find(|place| place.is_none()) {
                *place = source;
            }
        }
        if sources[0].is_some() {
            break;
        }
        sys::pause(1);
    }
    match (ended, sources) {
        (Err(Error(errno)), [None, ..]) => No(errno),
        (Ok(()), [None, ..]) => Nothing,
        (Ok(()), [Some((wire, from)), None, _]) => Left(wire, from),
        (Ok(()), [Some((_, first)), Some((_, second)), None]) => Seen::Both(first, second),
        (ended, sources) => Seen::Odd(errno(ended), sources),
    }
}

fn made(attempt: &Attempt, place: usize, taps: Taps, indexes: [u16; 2]) -> Seen {
    taps.forget();
    PORT.fetch_add(1, Ordering::Relaxed);
    let ended = in_child(|| {
        let socket = (attempt.before)(taps)?;
        attempt.jail.enter(place)?;
        (attempt.run)(Means { socket, indexes })
    });
    match ended {
        Ok(Ok(ended)) => seen(&taps, ended),
        _ => Seen::Odd(-1, [None; 3]),
    }
}

/// Plays all, in three places.
pub fn wire(_: &Context) -> Outcome {
    let both = second_line();
    let taps = early("the interfaces", Taps::start())?;
    let indexes = early("their numbers", taps.index(0).and_then(|a| Ok([a, taps.index(1)?])))?;
    let (mut wrong, mut count) = (0, 0);
    for attempt in [SOURCES, OPTIONS, RAW_PACKETS, ANSWERS].into_iter().flatten() {
        for (place, name) in PLACES.into_iter().enumerate() {
            if place == if both { 3 } else { 2 } {
                continue;
            }
            let seen = made(attempt, place, taps, indexes);
            count += 1;
            if seen != attempt.wanted[place] {
                say!(
                    "    # {}, {name}: {seen:?}, wanted {:?}",
                    attempt.what,
                    attempt.wanted[place]
                );
                wrong += 1;
            }
        }
    }
    early("variables", put_back())?;
    // Couriers end with those that they wait for.
    sys::reap();
    early("the interfaces away", taps.stop())?;
    say!("    # {count} attempts");
    jails_gone()?;
    want!("attempts that came to something else", wrong, 0);
    Ok(())
}
