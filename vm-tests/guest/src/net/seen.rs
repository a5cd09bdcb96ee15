// SPDX-License-Identifier: BSD-2-Clause
//! What is seen of addresses: every list that the kernel gives is searched for
//! the addresses of the host, of the jail that asks, of another jail, of neighbours
//! and of networks beyond, as bytes and as text.

use core::ffi::CStr;
use core::fmt::{self, Write};

use super::changes::{add_hop, remove_hop};
use super::netlink::{self, NLM_F_DUMP, NLM_F_REQUEST};
use super::places::{Jail, PLACES, jail};
use super::sockets::{
    H4, H6, ICMP4, Ip, J4, J6, L4, S4, S6, Socket, TCP4, TCP6, UDP4, UDP6, add_to_loopback, encode,
    ip4, ip6_at, is_ip4, remove_from_loopback,
};
use super::tap::{
    A1, A1_6, A2, A2_6, A3, A3_6, B1, B1_6, B2, B2_6, FAR_B, FAR_B_AS_HOST, FAR_B6, FAR_B6_AS_HOST,
    NEAR_A, NEAR_A6, NEAR_B, NEAR_B6, RTM_GET, RtMessage, Taps, index_of,
};
use crate::answer::{in_child, in_child_for, want};
use crate::console::Text;
use crate::errno::{EADDRNOTAVAIL, ENOENT, EPERM, EPROTONOSUPPORT, ESRCH};
use crate::privileges::calls::get;
use crate::privileges::scene::interface;
use crate::programs::{Context, Outcome, early, jails_gone, second_line};
use crate::reach::Oid;
use crate::say;
use crate::sys::{self, Error, Result, UnixName, WithSize, address_of};

const PORT: u16 = 7300;
/// An address that comes and goes.
const X4: Ip = ip4(10, 66, 0, 77);
const X6: Ip = super::sockets::fd66(0, 0, 0, 0x77);

/// The jail that asks has two addresses of each family, and so has the other.
const MINE: Jail = jail(&[J4, A2, J6, A2_6]);
const OTHERS: Jail = jail(&[S4, A3, S6, A3_6]);

/// Whose addresses they are, each with its letter.
const WHOSE: [(char, &[Ip]); 8] = [
    ('L', &[L4]),
    ('H', &[H4, H6]),
    ('T', &[A1, A1_6, B1, B1_6, B2, B2_6]),
    ('J', &[J4, A2, J6, A2_6]),
    ('S', &[S4, A3, S6, A3_6]),
    ('N', &[NEAR_A, NEAR_A6, NEAR_B, NEAR_B6]),
    ('F', &[ip4(192, 0, 2, 0), ip4(203, 0, 113, 0), FAR_B, FAR_B6, ip6_at(0x69, 0)]),
    ('X', &[X4, X6]),
];
/// Names of UNIX-domain sockets: the host's, the jail's, the other's.
const UNIX: [(char, &[u8]); 3] =
    [('h', b"of-the-host"), ('j', b"of-the-jail"), ('s', b"of-another")];

/// Three each: a stream's, of datagrams, of packets in order.
const HOSTS: [&CStr; 3] = [c"/jail/of-the-host1", c"/jail/of-the-host2", c"/jail/of-the-host3"];
const HERE: [&CStr; 3] = [c"/jail/of-the-jail1", c"/jail/of-the-jail2", c"/jail/of-the-jail3"];
const INSIDE: [&CStr; 3] = [c"/of-the-jail1", c"/of-the-jail2", c"/of-the-jail3"];
const ANOTHERS: [&CStr; 3] = [c"/jail/of-another1", c"/jail/of-another2", c"/jail/of-another3"];
const OTHERS_NAMES: [&CStr; 3] = [c"/of-another1", c"/of-another2", c"/of-another3"];

/// What an answer names.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Named(u16);

impl Named {
    /// By its letters.
    const fn by(letters: &str) -> Self {
        let (letters, mut set, mut at) = (letters.as_bytes(), 0, 0);
        while at < letters.len() {
            let mut bit = 0;
            while bit < WHOSE.len() {
                if WHOSE[bit].0 as u8 == letters[at] {
                    set |= 1 << bit;
                }
                bit += 1;
            }
            bit = 0;
            while bit < UNIX.len() {
                if UNIX[bit].0 as u8 == letters[at] {
                    set |= 0x100 << bit;
                }
                bit += 1;
            }
            at += 1;
        }
        Self(set)
    }

    /// Those that are in these bytes.
    fn in_bytes(bytes: &[u8]) -> Self {
        let mut set = 0;
        for (bit, (_, addresses)) in WHOSE.iter().enumerate() {
            if addresses.iter().any(|ip| names(bytes, ip)) {
                set |= 1 << bit;
            }
        }
        for (bit, (_, name)) in UNIX.iter().enumerate() {
            if contains(bytes, name) {
                set |= 0x100 << bit;
            }
        }
        Self(set)
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for (bit, (letter, _)) in WHOSE.iter().enumerate() {
            if self.0 & 1 << bit != 0 {
                f.write_char(*letter)?;
            }
        }
        for (bit, (letter, _)) in UNIX.iter().enumerate() {
            if self.0 & 0x100 << bit != 0 {
                f.write_char(*letter)?;
            }
        }
        f.write_char('"')
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether an address is there, in network order or written out.
fn names(bytes: &[u8], ip: &Ip) -> bool {
    let raw = if is_ip4(ip) { &ip[12..] } else { &ip[..] };
    if contains(bytes, raw) {
        return true;
    }
    let text: Text<48> = if is_ip4(ip) {
        Text::of(format_args!("{}.{}.{}.{}", ip[12], ip[13], ip[14], ip[15]))
    } else {
        Text::of(format_args!("{}", core::net::Ipv6Addr::from(*ip)))
    };
    let text = text.bytes();
    bytes
        .windows(text.len() + 1)
        .any(|window| window.starts_with(text) && !window[text.len()].is_ascii_hexdigit())
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    No(i32),
    All(Named),
}

impl Seen {
    /// Outside there may be more: what other tests left.
    fn is(self, wanted: Self, place: usize) -> bool {
        match (self, wanted) {
            (Self::All(Named(seen)), Self::All(Named(wanted))) if place == 0 => {
                seen & wanted == wanted
            }
            _ => self == wanted,
        }
    }
}

/// What a question may use.
#[derive(Clone, Copy)]
struct Scene {
    /// A process outside that adds an address and takes it away, at each byte.
    changer: i32,
}

type Ask = fn(&Scene, &mut [u8]) -> Result<usize>;

struct Question {
    what: &'static str,
    ask: Ask,
    wanted: [Seen; 4],
}

const fn question(what: &'static str, ask: Ask, wanted: [Seen; 4]) -> Question {
    Question { what, ask, wanted }
}

/// What these letters stand for.
const fn all(letters: &str) -> Seen {
    Seen::All(Named::by(letters))
}

/// Outside this, in any jail that.
const fn cut(outside: &str, inside: &str) -> [Seen; 4] {
    [all(outside), all(inside), all(inside), all(inside)]
}

const NET_RT_DUMP: i32 = 1;
const NET_RT_FLAGS: i32 = 2;
const NET_RT_IFLIST: i32 = 3;
const NET_RT_IFMALIST: i32 = 4;
const NET_RT_IFLISTL: i32 = 5;
const NET_RT_NHOP: i32 = 6;
const RTF_LLINFO: i32 = 0x400;

/// sysctl(3) of `net.routetable`.
fn table(family: i32, what: i32, argument: i32, into: &mut [u8]) -> Result<usize> {
    const CTL_NET: i32 = 4;
    const AF_ROUTE: i32 = 17;
    let name = [CTL_NET, AF_ROUTE, 0, family, what, argument, 0];
    let length = if matches!(what, NET_RT_DUMP | NET_RT_NHOP) { 7 } else { 6 };
    sys::sysctl(&name[..length], into, None)
}

/// A native jail is told all of them.
const fn hops(all_of_them: &str) -> [Seen; 4] {
    [all(all_of_them), all(all_of_them), Seen::No(EPERM), Seen::No(EPERM)]
}

/// With the label alone nobody would cut the list.
const fn listed(outside: &str) -> [Seen; 4] {
    [all(outside), all("J"), all("J"), Seen::No(EPERM)]
}

const LISTS: &[Question] = &[
    question("NET_RT_IFLIST", |_, into| table(0, NET_RT_IFLIST, 0, into), listed("LHTJS")),
    question("NET_RT_IFLISTL", |_, into| table(0, NET_RT_IFLISTL, 0, into), listed("LHTJS")),
    question("NET_RT_IFMALIST", |_, into| table(0, NET_RT_IFMALIST, 0, into), {
        [all(""), all(""), all(""), Seen::No(EPERM)]
    }),
    question("NET_RT_DUMP", |_, into| table(2, NET_RT_DUMP, 0, into), listed("LHTJSNF")),
    question("NET_RT_DUMP, IPv6", |_, into| table(28, NET_RT_DUMP, 0, into), listed("HTJSNF")),
    question("NET_RT_DUMP, all", |_, into| table(0, NET_RT_DUMP, 0, into), listed("LHTJSNF")),
    question("NET_RT_NHOP", |_, into| table(2, NET_RT_NHOP, 0, into), hops("LHTJSN")),
    question("NET_RT_NHOP, IPv6", |_, into| table(28, NET_RT_NHOP, 0, into), hops("HTJSN")),
    question("neighbours", |_, into| table(2, NET_RT_FLAGS, RTF_LLINFO, into), listed("TJSN")),
    question(
        "neighbours, IPv6",
        |_, into| table(28, NET_RT_FLAGS, RTF_LLINFO, into),
        listed("TJSN"),
    ),
    question(
        "net.inet.tcp.pcblist",
        |_, into| sys::sysctl_named("net.inet.tcp.pcblist", into, None),
        cut("HJS", "J"),
    ),
    question(
        "net.inet.udp.pcblist",
        |_, into| sys::sysctl_named("net.inet.udp.pcblist", into, None),
        cut("HJS", "J"),
    ),
    question(
        "net.inet.raw.pcblist",
        |_, into| sys::sysctl_named("net.inet.raw.pcblist", into, None),
        cut("H", ""),
    ),
    question(
        "net.inet.tcp.hostcache.list",
        |_, into| sys::sysctl_named("net.inet.tcp.hostcache.list", into, None),
        [all(""), Seen::No(EPERM), Seen::No(EPERM), all("")],
    ),
    question(
        "net.local.stream.pcblist",
        |_, into| sys::sysctl_named("net.local.stream.pcblist", into, None),
        cut("hjs", "j"),
    ),
    question(
        "net.local.dgram.pcblist",
        |_, into| sys::sysctl_named("net.local.dgram.pcblist", into, None),
        cut("hjs", "j"),
    ),
    question(
        "net.local.seqpacket.pcblist",
        |_, into| sys::sysctl_named("net.local.seqpacket.pcblist", into, None),
        cut("hjs", "j"),
    ),
];

const LO0: &[u8] = b"lo0";
const TAP0: &[u8] = b"tap0";
const TAP1: &[u8] = b"tap1";

/// An ioctl(2) of an interface, of a request in which an address may be.
fn ioctl<const N: usize>(
    number: usize,
    name: &[u8],
    asked: Option<Ip>,
    into: &mut [u8],
) -> Result<usize> {
    let inet6 = N > 100;
    let mut request = interface::<N>(name);
    if let Some(asked) = asked {
        let (bytes, size) = encode(inet6, asked, 0);
        let size = usize::try_from(size).unwrap_or(0);
        request[16..16 + size].copy_from_slice(&bytes[..size]);
    }
    let socket = Socket::new(if inet6 { UDP6 } else { UDP4 })?;
    get!(IOCTL, socket.fd, number, &mut request)?;
    sys::close(socket.fd)?;
    into[..N].copy_from_slice(&request);
    Ok(N)
}

const SIOCGIFADDR: usize = 0xc020_6921;
const SIOCGIFBRDADDR: usize = 0xc020_6923;
const SIOCGIFNETMASK: usize = 0xc020_6925;
const SIOCGIFALIAS: usize = 0xc044_692d;
const SIOCGIFADDR_IN6: usize = 0xc120_6921;
const SIOCGIFNETMASK_IN6: usize = 0xc120_6925;
const SIOCGIFAFLAG_IN6: usize = 0xc120_6949;
const SIOCGIFALIFETIME_IN6: usize = 0xc120_6951;
const SIOCGNBRINFO_IN6: usize = 0xc038_694e;

/// No hook sees ioctl(2): the label alone hides nothing (docs/limits.md).
const fn refused(outside: &str, errno: i32) -> [Seen; 4] {
    [all(outside), Seen::No(errno), Seen::No(errno), all(outside)]
}

/// The same, of what the jail is shown another of.
const fn instead(outside: &str, inside: &str) -> [Seen; 4] {
    [all(outside), all(inside), all(inside), all(outside)]
}

const REQUESTS: &[Question] = &[
    question(
        "SIOCGIFCONF",
        |_, into| {
            let answer = sys::allocate(4096)?;
            let mut request = [4096, address_of(answer)];
            let socket = Socket::new(UDP4)?;
            get!(IOCTL, socket.fd, 0xc010_6924_usize, &mut request)?;
            into[..4096].copy_from_slice(answer);
            Ok(4096)
        },
        instead("LHTJS", "J"),
    ),
    question(
        "SIOCGIFADDR of lo0",
        |_, into| ioctl::<32>(SIOCGIFADDR, LO0, None, into),
        instead("L", "J"),
    ),
    question(
        "SIOCGIFADDR of tap0",
        |_, into| ioctl::<32>(SIOCGIFADDR, TAP0, None, into),
        instead("T", "J"),
    ),
    question(
        "SIOCGIFADDR of tap1",
        |_, into| ioctl::<32>(SIOCGIFADDR, TAP1, None, into),
        refused("T", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFADDR of the host's",
        |_, into| ioctl::<32>(SIOCGIFADDR, TAP0, Some(A1), into),
        refused("T", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFBRDADDR of the host's",
        |_, into| ioctl::<32>(SIOCGIFBRDADDR, TAP0, Some(A1), into),
        refused("", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFNETMASK of the host's",
        |_, into| ioctl::<32>(SIOCGIFNETMASK, TAP0, Some(A1), into),
        refused("", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFALIAS of the host's",
        |_, into| ioctl::<68>(SIOCGIFALIAS, TAP0, Some(A1), into),
        refused("T", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFALIAS of its own",
        |_, into| ioctl::<68>(SIOCGIFALIAS, TAP0, Some(A2), into),
        cut("J", "J"),
    ),
    question(
        "SIOCGIFADDR_IN6 of the host's",
        |_, into| ioctl::<288>(SIOCGIFADDR_IN6, TAP0, Some(A1_6), into),
        refused("T", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFADDR_IN6 of its own",
        |_, into| ioctl::<288>(SIOCGIFADDR_IN6, TAP0, Some(A2_6), into),
        cut("J", "J"),
    ),
    question(
        "SIOCGIFNETMASK_IN6 of the host's",
        |_, into| ioctl::<288>(SIOCGIFNETMASK_IN6, TAP0, Some(A1_6), into),
        refused("", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFAFLAG_IN6 of the host's",
        |_, into| ioctl::<288>(SIOCGIFAFLAG_IN6, TAP0, Some(A1_6), into),
        refused("T", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGIFALIFETIME_IN6 of another jail's",
        |_, into| ioctl::<288>(SIOCGIFALIFETIME_IN6, TAP0, Some(A3_6), into),
        refused("", EADDRNOTAVAIL),
    ),
    question(
        "SIOCGNBRINFO_IN6 of a neighbour",
        |_, into| {
            // `struct in6_nbrinfo`: name, address, asked, router, state, expiry.
            let mut request = interface::<56>(TAP0);
            request[16..32].copy_from_slice(&NEAR_A6);
            let socket = Socket::new(UDP6)?;
            get!(IOCTL, socket.fd, SIOCGNBRINFO_IN6, &mut request)?;
            into[..56].copy_from_slice(&request);
            // That it is there.
            Ok(56)
        },
        cut("N", "N"),
    ),
    question(
        "net.inet.tcp.getcred of the host's connection",
        |_, into| {
            let mut pair = [0; 32];
            pair[..16].copy_from_slice(&encode(false, H4, PORT).0[..16]);
            pair[16..].copy_from_slice(&encode(false, H4, PORT + 1).0[..16]);
            sys::sysctl_named("net.inet.tcp.getcred", into, Some(&pair)).map(|_| 0)
        },
        [all(""), Seen::No(ENOENT), Seen::No(ENOENT), Seen::No(EPERM)],
    ),
];

/// What a routing socket answers to a question for the way to an address.
fn way_to(ip: Ip, into: &mut [u8]) -> Result<usize> {
    const AF_ROUTE: i32 = 17;
    const RTA_IFP: u8 = 0x10;
    const RTA_IFA: u8 = 0x20;
    let fd = sys::socket(AF_ROUTE, 3, 0)?;
    sys::receive_timeout(fd, 500)?;
    let message = RtMessage::new(RTM_GET, 0).to(ip).wanting(RTA_IFP | RTA_IFA);
    sys::write(fd, message.bytes())?;
    let length = sys::read(fd, into)?;
    sys::close(fd)?;
    // What was asked is in the answer.
    forget(&mut into[..length], ip);
    Ok(length)
}

/// Takes an address out of an answer.
fn forget(bytes: &mut [u8], ip: Ip) {
    let raw = if is_ip4(&ip) { &ip[12..] } else { &ip[..] };
    for at in 0..bytes.len().saturating_sub(raw.len() - 1) {
        if &bytes[at..at + raw.len()] == raw {
            bytes[at..at + raw.len()].fill(0);
        }
    }
}

/// What comes to a routing socket, or to a netlink(4) socket of these groups, while
/// an address outside comes and goes.
fn told_of_changes(fd: i32, scene: &Scene, into: &mut [u8]) -> Result<usize> {
    sys::receive_timeout(fd, 200)?;
    sys::write(scene.changer, &[0])?;
    sys::read(scene.changer, &mut [0])?;
    let mut length = 0;
    while let Ok(more) = sys::read(fd, &mut into[length..]) {
        length += more;
    }
    sys::close(fd)?;
    Ok(length)
}

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;
const RTM_GETNEXTHOP: u16 = 106;

fn dump(kind: u16, structure: usize, into: &mut [u8]) -> Result<usize> {
    let fd = netlink::open()?;
    let length = netlink::ask(fd, kind, NLM_F_REQUEST | NLM_F_DUMP, &[0; 16][..structure], into);
    sys::close(fd).and(length)
}

/// The label alone has neither of these sockets.
const fn by_socket(outside: &str, native: Seen, both: Seen) -> [Seen; 4] {
    [all(outside), native, both, Seen::No(EPROTONOSUPPORT)]
}

const SOCKETS: &[Question] = &[
    // A jail is told the way to itself, and no other.
    question("RTM_GET of a network beyond", |_, into| way_to(FAR_B, into), {
        by_socket("TNF", Seen::No(ESRCH), Seen::No(ESRCH))
    }),
    question("RTM_GET of one with the host's source", |_, into| way_to(FAR_B_AS_HOST, into), {
        by_socket("TNF", Seen::No(ESRCH), Seen::No(ESRCH))
    }),
    question("RTM_GET of the host's address", |_, into| way_to(A1, into), {
        by_socket("", Seen::No(ESRCH), Seen::No(ESRCH))
    }),
    question("RTM_GET of its own address", |_, into| way_to(A2, into), {
        by_socket("", all(""), all(""))
    }),
    question("RTM_GET of a network beyond, IPv6", |_, into| way_to(FAR_B6, into), {
        by_socket("TNF", Seen::No(ESRCH), Seen::No(ESRCH))
    }),
    question("RTM_GET of a network by the host, IPv6", |_, into| way_to(FAR_B6_AS_HOST, into), {
        by_socket("TN", Seen::No(ESRCH), Seen::No(ESRCH))
    }),
    question(
        "a routing socket while an address comes and goes",
        |scene, into| told_of_changes(sys::socket(17, 3, 0)?, scene, into),
        by_socket("X", all("X"), all("X")),
    ),
    question(
        "netlink while an address comes and goes",
        |scene, into| {
            let fd = netlink::open()?;
            // `struct sockaddr_nl`, all groups that the old way has.
            let mut name = [0_u8; 12];
            (name[0], name[1]) = (12, 38);
            name[8..].fill(0xff);
            get!(BIND, fd, &name, 12)?;
            // The new way: NETLINK_ADD_MEMBERSHIP of addresses.
            for group in [5_i32, 9, 7, 11, 1, 3] {
                let _ = get!(SETSOCKOPT, fd, 270, 1, &[group], 4);
            }
            told_of_changes(fd, scene, into)
        },
        by_socket("X", all(""), all("")),
    ),
    question(
        "netlink: links",
        |_, into| dump(RTM_GETLINK, 16, into),
        by_socket("", all(""), all("")),
    ),
    question(
        "netlink: addresses",
        |_, into| dump(RTM_GETADDR, 8, into),
        by_socket("LHTJS", all("J"), all("J")),
    ),
    question(
        "netlink: routes",
        |_, into| dump(RTM_GETROUTE, 12, into),
        by_socket("LHTJSNF", all("J"), all("J")),
    ),
    question(
        "netlink: neighbours",
        |_, into| dump(RTM_GETNEIGH, 12, into),
        by_socket("TJSN", Seen::No(EPERM), Seen::No(EPERM)),
    ),
    question(
        "netlink: next hops",
        |_, into| dump(RTM_GETNEXTHOP, 8, into),
        by_socket("N", Seen::No(EPERM), Seen::No(EPERM)),
    ),
];

/// The variables of `net` that may name somebody else's addresses: in a native jail,
/// with both lines, with the label alone (docs/limits.md).
const TREE: [&[&str]; 3] =
    [&[], &[], &["net.inet.tcp.fastopen.ccache_list", "net.inet.tcp.hostcache.list"]];

/// Reads the whole tree of `net`, and says which of it names what is not the jail's.
/// At most 16, by their place in the tree's order.
fn walk(place: usize) -> Result<([u16; 16], usize, usize)> {
    let into = sys::allocate(1 << 18)?;
    MINE.enter(place)?;
    forget_names(INSIDE);
    populate(J4, J6, INSIDE, PORT + 10)?;
    let own = Named::by("LJj").0;
    let (mut found, mut count, mut read, mut at) = ([0; 16], 0, 0, 0);
    let mut oid = Oid::of_net();
    while let Some(next) = oid.next()?.filter(Oid::is_of_net) {
        oid = next;
        at += 1;
        let Ok(length) = sys::sysctl(oid.numbers(), into, None) else { continue };
        read += 1;
        if Named::in_bytes(&into[..length]).0 & !own != 0 {
            found[count % 16] = at;
            count += 1;
        }
    }
    forget_names(INSIDE);
    Ok((found, count, read))
}

/// The same in a place, against what is known.
fn tree(place: usize) -> Outcome {
    let (found, count, read) = match in_child_for(120, || walk(place)) {
        Ok(Ok(Ok(walked))) => walked,
        other => return Err(Text::of(format_args!("the tree: {other:?}"))),
    };
    want!("variables of net that are read", read > 300, true);
    let (mut at, mut wrong) = (0, 0);
    let mut oid = Oid::of_net();
    while let Some(next) = early("the tree", oid.next())?.filter(Oid::is_of_net) {
        oid = next;
        at += 1;
        if !found[..count.min(16)].contains(&at) {
            continue;
        }
        let name = oid.name();
        let name = core::str::from_utf8(name.bytes()).unwrap_or_default();
        if !TREE[place - 1].contains(&name) {
            say!("    # {name}, {}: names what is not the jail's", PLACES[place]);
            wrong += 1;
        }
    }
    say!("    # {read} variables of net read, {}", PLACES[place]);
    want!(
        "variables that name somebody else's",
        (wrong, count <= TREE[place - 1].len()),
        (0, true)
    );
    Ok(())
}

/// Takes names of sockets away, those that are there.
fn forget_names(names: [&CStr; 3]) {
    for name in names {
        let _ = sys::unlink(name);
    }
}

/// The sockets outside and in the other jail: a connection, one that waits to be
/// accepted, datagrams, names.
fn populate(four: Ip, six: Ip, names: [&CStr; 3], port: u16) -> Result<()> {
    for (kind, ip) in [(TCP4, four), (TCP6, six)] {
        let listener = Socket::new(kind)?;
        listener.bind(ip, port)?;
        sys::listen(listener.fd, 4)?;
        let waits = Socket::new(kind)?;
        waits.bind(ip, port + 1)?;
        waits.connect(ip, port)?;
        // Nothing lingers when this process ends.
        sys::close_hard(waits.fd)?;
    }
    for (kind, ip) in [(UDP4, four), (UDP6, six)] {
        let socket = Socket::new(kind)?;
        socket.bind(ip, port)?;
        Socket::new(kind)?.connect(ip, port)?;
    }
    for (kind, name) in [1, 2, 5].into_iter().zip(names) {
        let local = sys::socket(1, kind, 0)?;
        sys::bind_unix(local, WithSize(&UnixName::new(name)))?;
    }
    Ok(())
}

/// A process that makes itself ready, and stays until it is ended.
fn stays(ready: impl FnOnce() -> Result<()>) -> Result<i32> {
    let [near, far] = sys::socketpair()?;
    let child = sys::fork()?;
    if child == 0 {
        let made = ready();
        let errno = made.map_or_else(|Error(errno)| errno, |()| 0);
        let _ = sys::write(far, &[u8::try_from(errno).unwrap_or(255)]);
        let _ = sys::close(near);
        // Until the other end is closed.
        let _ = sys::read(far, &mut [0]);
        sys::pause(60_000);
        sys::exit(0);
    }
    let mut errno = [255];
    sys::read(near, &mut errno)?;
    sys::close(far)?;
    if errno == [0] { Ok(child) } else { Err(Error(i32::from(errno[0]))) }
}

/// A process that at each byte adds an address of each family, and takes it away.
fn changer() -> Result<i32> {
    let [near, far] = sys::socketpair()?;
    if sys::fork()? == 0 {
        let _ = sys::close(near);
        while sys::read(far, &mut [0]) == Ok(1) {
            let _ = sys::add_loopback_address([10, 66, 0, 77], [255; 4]);
            let _ = add_to_loopback(X6);
            let _ = remove_from_loopback(X4);
            let _ = remove_from_loopback(X6);
            let _ = sys::write(far, &[0]);
        }
        sys::exit(0);
    }
    sys::close(far)?;
    Ok(near)
}

fn ended(child: i32) -> Result<()> {
    sys::kill(child, 9)?;
    sys::wait(child, 0).map(drop)
}

/// What a question comes to in a place, the other jail being there as well.
fn answer(question: &Question, place: usize) -> Seen {
    let told = in_child(|| {
        let changer = changer()?;
        let into = sys::allocate(1 << 18)?;
        MINE.enter(place)?;
        let names = if place == 0 { HERE } else { INSIDE };
        forget_names(names);
        populate(J4, J6, names, PORT + 10)?;
        let length = (question.ask)(&Scene { changer }, into)?;
        let named = Named::in_bytes(&into[..length]);
        forget_names(names);
        Ok::<_, Error>(named)
    });
    match told {
        Ok(Ok(Ok(named))) => Seen::All(named),
        Ok(Ok(Err(Error(errno)))) => Seen::No(errno),
        _ => Seen::No(-1),
    }
}

/// What each list names: outside, in a native jail, in one of rjail's.
pub fn seen(_: &Context) -> Outcome {
    let both = second_line();
    let taps = early("the interfaces", Taps::start())?;
    let index = early("a number", index_of(TAP0))?;
    early("a next hop", add_hop(index))?;
    let host = early(
        "the host's sockets",
        stays(|| {
            Socket::new(ICMP4)?.bind(H4, 0)?;
            populate(H4, H6, HOSTS, PORT)
        }),
    )?;
    let (mut wrong, mut count, mut trees) = (0, 0, Ok(()));
    for (place, name) in PLACES.into_iter().enumerate() {
        if place == if both { 3 } else { 2 } {
            continue;
        }
        let other = early(
            "the other jail",
            stays(|| {
                OTHERS.enter(place.max(1))?;
                populate(S4, S6, OTHERS_NAMES, PORT + 20)
            }),
        )?;
        for question in [LISTS, REQUESTS, SOCKETS].into_iter().flatten() {
            let seen = answer(question, place);
            count += 1;
            if !seen.is(question.wanted[place], place) {
                say!(
                    "    # {}, {name}: {seen:?}, wanted {:?}",
                    question.what,
                    question.wanted[place]
                );
                wrong += 1;
            }
        }
        if place > 0 {
            let tree = tree(place);
            if let Err(why) = &tree {
                say!("    # {name}: {why}");
            }
            trees = trees.and(tree);
        }
        early("the other jail's end", ended(other))?;
        forget_names(ANOTHERS);
    }
    early("the host's end", ended(host))?;
    forget_names(HOSTS);
    early("the next hop away", remove_hop())?;
    early("the interfaces away", taps.stop())?;
    say!("    # {count} questions");
    jails_gone()?;
    want!("questions that were answered otherwise", wrong, 0);
    trees
}
