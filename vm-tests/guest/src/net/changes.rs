// SPDX-License-Identifier: BSD-2-Clause
//! Changing what is seen: addresses, links, routes, neighbours, next hops, and the
//! connections of others. Outside each change is made, and undone.

use super::netlink::{self, Body, NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST};
use super::places::{Jail, PLACES, jail};
use super::sockets::{H4, H6, Ip, J4, J6, Socket, TCP4, TCP6, UDP4, UDP6, encode, ip4, ip6_at};
use super::tap::{
    A2, A2_6, A3, A3_6, NEAR_A, NEAR_B, NEAR_B6, RTF_GATEWAY, RTF_HOST, RTF_LLDATA, RTF_STATIC,
    RTM_ADD, RTM_CHANGE, RTM_DELETE, RtMessage, Taps, add_address, index_of,
};
use crate::answer::{in_child, want};
use crate::errno::{EADDRNOTAVAIL, EPERM, EPROTONOSUPPORT};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::privileges::scene::{interface, interface_with};
use crate::programs::{Context, Outcome, early, jails_gone, second_line};
use crate::say;
use crate::sys::{self, Result};

const MINE: Jail = jail(&[J4, A2, J6, A2_6]);
const TAP0: &[u8] = b"tap0";
/// Added and taken away: an address, a network, a neighbour.
const NEW4: Ip = ip4(10, 67, 0, 88);
const NEW6: Ip = ip6_at(0x67, 0x88);
const NET4: Ip = ip4(10, 99, 0, 0);
const NET6: Ip = ip6_at(0x98, 0);
const PORT: u16 = 7400;

/// What a change may use.
#[derive(Clone, Copy)]
struct Means {
    /// The number of tap0.
    index: u16,
    /// A socket from before entry.
    before: i32,
}

type Step = fn(Means) -> Result<()>;

struct Change {
    what: &'static str,
    /// Outside, before it.
    prepare: Step,
    /// What is open when the jail is entered.
    before: fn() -> Result<i32>,
    run: Step,
    /// Outside, after it.
    undo: Step,
    /// Outside, in a native jail, with both lines, with the label alone.
    wanted: [i32; 4],
}

const fn change(what: &'static str, run: Step, wanted: [i32; 4]) -> Change {
    Change { what, prepare: |_| Ok(()), before: || Ok(-1), run, undo: |_| Ok(()), wanted }
}

impl Change {
    const fn prepared(mut self, prepare: Step) -> Self {
        self.prepare = prepare;
        self
    }

    const fn undone(mut self, undo: Step) -> Self {
        self.undo = undo;
        self
    }

    const fn with(mut self, before: fn() -> Result<i32>) -> Self {
        self.before = before;
        self
    }
}

/// Refused by the privilege, everywhere but outside.
const REFUSED: [i32; 4] = [0, EPERM, EPERM, EPERM];
/// Not the jail's address; that of the machine to the kernel, if the label is alone.
const NOT_ITS: [i32; 4] = [0, EADDRNOTAVAIL, EADDRNOTAVAIL, EPERM];
/// The same on a socket that the label alone does not have.
const NO_SOCKET: [i32; 4] = [0, EPERM, EPERM, EPROTONOSUPPORT];

const SIOCSIFFLAGS: usize = 0x8020_6910;
const SIOCSIFMTU: usize = 0x8020_6934;
const SIOCSIFNAME: usize = 0x8020_6928;
const SIOCSIFLLADDR: usize = 0x8020_693c;
const SIOCDIFADDR: usize = 0x8020_6919;
const SIOCDIFADDR_IN6: usize = 0x8120_6919;
const SIOCIFCREATE: usize = 0xc020_697a;
const SIOCIFDESTROY: usize = 0x8020_6979;

fn ioctl<const N: usize>(number: usize, request: [u8; N]) -> Result<()> {
    let mut request = request;
    let socket = Socket::new(UDP4)?;
    let done = get!(IOCTL, socket.fd, number, &mut request).map(drop);
    sys::close(socket.fd).and(done)
}

fn take_away(ip: Ip) -> Result<()> {
    if super::sockets::is_ip4(&ip) {
        return ioctl(SIOCDIFADDR, interface_with::<32>(TAP0, 16, &encode(false, ip, 0).0[..16]));
    }
    let request = interface_with::<288>(TAP0, 16, &encode(true, ip, 0).0);
    let socket = Socket::new(UDP6)?;
    let done = get!(IOCTL, socket.fd, SIOCDIFADDR_IN6, &request).map(drop);
    sys::close(socket.fd).and(done)
}

const BY_REQUEST: &[Change] = &[
    change("SIOCAIFADDR", |_| add_address(TAP0, NEW4, 32), REFUSED).undone(|_| take_away(NEW4)),
    // The kernel looks for the address among the jail's before it asks for the
    // privilege.
    change("SIOCAIFADDR_IN6", |_| add_address(TAP0, NEW6, 128), NOT_ITS)
        .undone(|_| take_away(NEW6)),
    change("SIOCAIFADDR_IN6 of its own", |_| add_address(TAP0, A2_6, 128), REFUSED),
    change("SIOCDIFADDR_IN6 of its own", |_| take_away(A2_6), REFUSED)
        .undone(|_| add_address(TAP0, A2_6, 128)),
    change("SIOCAIFADDR of its own address", |_| add_address(TAP0, A2, 24), REFUSED)
        .undone(|_| add_address(TAP0, A2, 32)),
    change("SIOCDIFADDR of its own", |_| take_away(A2), REFUSED)
        .undone(|_| add_address(TAP0, A2, 32)),
    change("SIOCDIFADDR of another's", |_| take_away(A3), REFUSED)
        .undone(|_| add_address(TAP0, A3, 32)),
    change("SIOCDIFADDR_IN6 of another's", |_| take_away(A3_6), NOT_ITS)
        .undone(|_| add_address(TAP0, A3_6, 128)),
    // One that means nothing to it: IFF_DEBUG.
    change(
        "SIOCSIFFLAGS",
        |_| ioctl(SIOCSIFFLAGS, interface_with::<32>(TAP0, 16, &[0x47, 0x88])),
        REFUSED,
    )
    .undone(|_| ioctl(SIOCSIFFLAGS, interface_with::<32>(TAP0, 16, &[0x43, 0x88]))),
    change(
        "SIOCSIFMTU",
        |_| ioctl(SIOCSIFMTU, interface_with::<32>(TAP0, 16, &1400_u16.to_le_bytes())),
        REFUSED,
    )
    .undone(|_| ioctl(SIOCSIFMTU, interface_with::<32>(TAP0, 16, &1500_u16.to_le_bytes()))),
    change(
        "SIOCSIFLLADDR",
        |_| ioctl(SIOCSIFLLADDR, interface_with::<32>(TAP0, 16, &[6, 18, 2, 0, 0, 0, 0, 1])),
        REFUSED,
    ),
    change("SIOCIFCREATE", |_| ioctl(SIOCIFCREATE, interface::<32>(b"tap9")), REFUSED)
        .undone(|_| ioctl(SIOCIFDESTROY, interface::<32>(b"tap9"))),
    change("SIOCIFDESTROY", |_| ioctl(SIOCIFDESTROY, interface::<32>(b"tap9")), REFUSED)
        .prepared(|_| ioctl(SIOCIFCREATE, interface::<32>(b"tap9")))
        .undone(|_| ioctl(SIOCIFDESTROY, interface::<32>(b"tap9")).or(Ok(()))),
    change(
        "SIOCSIFNAME",
        |_| {
            let name = *b"mine\0";
            let at = sys::address_of(&name).to_le_bytes();
            ioctl(SIOCSIFNAME, interface_with::<32>(b"tap9", 16, &at))
        },
        REFUSED,
    )
    .prepared(|_| ioctl(SIOCIFCREATE, interface::<32>(b"tap9")))
    .undone(|_| {
        let gone = ioctl(SIOCIFDESTROY, interface::<32>(b"mine"));
        gone.or_else(|_| ioctl(SIOCIFDESTROY, interface::<32>(b"tap9")))
    }),
];

fn to_net(kind: u8, gateway: Ip) -> RtMessage {
    let message = RtMessage::new(kind, RTF_GATEWAY | RTF_STATIC);
    message.to(NET4).gateway(gateway).bits(false, 24)
}

fn to_net6(kind: u8, gateway: Ip) -> RtMessage {
    let message = RtMessage::new(kind, RTF_GATEWAY | RTF_STATIC);
    message.to(NET6).gateway(gateway).bits(true, 64)
}

fn to_neighbour(kind: u8, index: u16) -> RtMessage {
    RtMessage::new(kind, RTF_HOST | RTF_STATIC | RTF_LLDATA).to(NEW4).hardware(index)
}

/// A message on a socket from before entry.
fn write(means: Means, message: &RtMessage) -> Result<()> {
    sys::write(means.before, message.bytes()).map(drop)
}

const BY_ROUTE: &[Change] = &[
    change("RTM_ADD", |_| to_net(RTM_ADD, NEAR_B).send(0), NO_SOCKET)
        .undone(|_| to_net(RTM_DELETE, NEAR_B).send(0)),
    change("RTM_ADD, IPv6", |_| to_net6(RTM_ADD, NEAR_B6).send(0), NO_SOCKET)
        .undone(|_| to_net6(RTM_DELETE, NEAR_B6).send(0)),
    change("RTM_ADD to the other table", |_| to_net(RTM_ADD, NEAR_B).source(A3).send(1), NO_SOCKET)
        .undone(|_| to_net(RTM_DELETE, NEAR_B).send(1)),
    change("RTM_CHANGE", |_| to_net(RTM_CHANGE, NEAR_A).send(0), NO_SOCKET)
        .prepared(|_| to_net(RTM_ADD, NEAR_B).send(0))
        .undone(|_| RtMessage::new(RTM_DELETE, RTF_STATIC).to(NET4).bits(false, 24).send(0)),
    change("RTM_DELETE", |_| to_net(RTM_DELETE, NEAR_B).send(0), NO_SOCKET)
        .prepared(|_| to_net(RTM_ADD, NEAR_B).send(0))
        .undone(|_| to_net(RTM_DELETE, NEAR_B).send(0).or(Ok(()))),
    change("a neighbour", |means| to_neighbour(RTM_ADD, means.index).send(0), NO_SOCKET)
        .undone(|means| to_neighbour(RTM_DELETE, means.index).send(0)),
    change("a neighbour away", |means| to_neighbour(RTM_DELETE, means.index).send(0), NO_SOCKET)
        .prepared(|means| to_neighbour(RTM_ADD, means.index).send(0))
        .undone(|means| to_neighbour(RTM_DELETE, means.index).send(0).or(Ok(()))),
    // Asked is who writes, not who opened.
    change("RTM_ADD by a socket from before", |means| write(means, &to_net(RTM_ADD, NEAR_B)), {
        REFUSED
    })
    .with(|| sys::socket(17, 3, 0))
    .undone(|_| to_net(RTM_DELETE, NEAR_B).send(0)),
];

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_NEWNEXTHOP: u16 = 104;
const RTM_DELNEXTHOP: u16 = 105;

fn ask(fd: i32, kind: u16, body: &Body) -> Result<()> {
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
    netlink::ask(fd, kind, flags, body.bytes(), &mut [0; 1024]).map(drop)
}

fn tell(kind: u16, body: &Body) -> Result<()> {
    let fd = netlink::open()?;
    let done = ask(fd, kind, body);
    sys::close(fd).and(done)
}

fn route() -> Body {
    // `struct rtmsg`: family, lengths, service, table, origin, scope, type, flags.
    let body = Body::new(&[2, 24, 0, 0, 0, 4, 0, 1, 0, 0, 0, 0]);
    body.with(1, &NET4[12..]).with(5, &NEAR_B[12..])
}

fn address(index: u16) -> Body {
    // `struct ifaddrmsg`: family, length, flags, scope, interface.
    let [low, high] = index.to_le_bytes();
    Body::new(&[2, 32, 0, 0, low, high, 0, 0]).with(2, &NEW4[12..]).with(1, &NEW4[12..])
}

fn nearby(index: u16) -> Body {
    // `struct ndmsg`: family, interface, state, flags, type.
    let [low, high] = index.to_le_bytes();
    let body = Body::new(&[2, 0, 0, 0, low, high, 0, 0, 0x80, 0, 0, 0]);
    body.with(1, &NEW4[12..]).with(2, &[2, 0, 0, 0, 0, 0xfd])
}

fn link() -> Body {
    // `struct ifinfomsg`, then a name, and a kind within something.
    let body = Body::new(&[0; 16]).with(3, b"tap9\0");
    body.with(18, &[8, 0, 1, 0, b't', b'a', b'p', 0])
}

fn link_of(index: u16) -> Body {
    let [low, high] = index.to_le_bytes();
    let mut message = [0; 16];
    (message[4], message[5]) = (low, high);
    Body::new(&message)
}

fn hop(index: u16) -> Body {
    // `struct nhmsg`: family, scope, origin, reserved, flags; number, gateway, link.
    let [low, high] = index.to_le_bytes();
    let body = Body::new(&[2, 0, 4, 0, 0, 0, 0, 0]).with(1, &7_u32.to_le_bytes());
    body.with(6, &NEAR_A[12..]).with(5, &[low, high, 0, 0])
}

fn hop_of_number() -> Body {
    Body::new(&[2, 0, 0, 0, 0, 0, 0, 0]).with(1, &7_u32.to_le_bytes())
}

/// Adds a next hop by the gateway on that interface.
pub fn add_hop(index: u16) -> Result<()> {
    tell(RTM_NEWNEXTHOP, &hop(index))
}

/// Takes it away.
pub fn remove_hop() -> Result<()> {
    tell(RTM_DELNEXTHOP, &hop_of_number())
}

const BY_NETLINK: &[Change] = &[
    change("netlink: a route", |_| tell(RTM_NEWROUTE, &route()), NO_SOCKET)
        .undone(|_| to_net(RTM_DELETE, NEAR_B).send(0)),
    change("netlink: a route away", |_| tell(RTM_DELROUTE, &route()), NO_SOCKET)
        .prepared(|_| to_net(RTM_ADD, NEAR_B).send(0))
        .undone(|_| to_net(RTM_DELETE, NEAR_B).send(0).or(Ok(()))),
    change("netlink: an address", |means| tell(RTM_NEWADDR, &address(means.index)), NO_SOCKET)
        .undone(|_| take_away(NEW4)),
    change("netlink: an address away", |means| tell(RTM_DELADDR, &address(means.index)), {
        NO_SOCKET
    })
    .prepared(|_| add_address(TAP0, NEW4, 32))
    .undone(|_| take_away(NEW4).or(Ok(()))),
    change("netlink: a neighbour", |means| tell(RTM_NEWNEIGH, &nearby(means.index)), NO_SOCKET)
        .undone(|means| to_neighbour(RTM_DELETE, means.index).send(0)),
    change("netlink: a neighbour away", |means| tell(RTM_DELNEIGH, &nearby(means.index)), {
        NO_SOCKET
    })
    .prepared(|means| to_neighbour(RTM_ADD, means.index).send(0))
    .undone(|means| to_neighbour(RTM_DELETE, means.index).send(0).or(Ok(()))),
    change("netlink: a link", |_| tell(RTM_NEWLINK, &link()), NO_SOCKET)
        .undone(|_| ioctl(SIOCIFDESTROY, interface::<32>(b"tap9"))),
    change("netlink: a link away", |_| tell(RTM_DELLINK, &link_of(index_of(b"tap9")?)), NO_SOCKET)
        .prepared(|_| ioctl(SIOCIFCREATE, interface::<32>(b"tap9")))
        .undone(|_| ioctl(SIOCIFDESTROY, interface::<32>(b"tap9")).or(Ok(()))),
    change("netlink: a next hop", |means| add_hop(means.index), NO_SOCKET).undone(|_| remove_hop()),
    change("netlink: a next hop away", |_| remove_hop(), NO_SOCKET)
        .prepared(|means| add_hop(means.index))
        .undone(|_| remove_hop().or(Ok(()))),
    // NE-18: asked is who opened, not who writes: docs/limits.md.
    change("netlink from before: a route", |means| ask(means.before, RTM_NEWROUTE, &route()), {
        [0, 0, 0, 0]
    })
    .with(netlink::open)
    .undone(|_| to_net(RTM_DELETE, NEAR_B).send(0)),
];

/// A connection of the host's, which `net.inet.tcp.drop` would end.
fn connected(kind: super::sockets::Kind, ip: Ip) -> Result<()> {
    let listener = Socket::new(kind)?;
    listener.bind(ip, PORT)?;
    sys::listen(listener.fd, 1)?;
    let connection = Socket::new(kind)?;
    connection.bind(ip, PORT + 1)?;
    connection.connect(ip, PORT)?;
    // Nothing lingers when this process ends.
    sys::close_hard(connection.fd)
}

/// `net.inet.tcp.drop`, of either family.
fn drop_connection(inet6: bool, ip: Ip) -> Result<()> {
    // Two of `struct sockaddr_storage`.
    let mut pair = [0; 256];
    pair[..28].copy_from_slice(&encode(inet6, ip, PORT).0);
    pair[128..156].copy_from_slice(&encode(inet6, ip, PORT + 1).0);
    sys::sysctl_named("net.inet.tcp.drop", &mut [], Some(&pair)).map(drop)
}

const BY_VARIABLE: &[Change] = &[
    change("net.inet.tcp.drop", |_| drop_connection(false, H4), REFUSED)
        .prepared(|_| connected(TCP4, H4)),
    change("net.inet.tcp.drop, IPv6", |_| drop_connection(true, H6), REFUSED)
        .prepared(|_| connected(TCP6, H6)),
];

fn made(change: &Change, place: usize, index: u16) -> i32 {
    let told = in_child(|| {
        let means = Means { index, before: (change.before)()? };
        MINE.enter(place)?;
        (change.run)(means)
    });
    match told {
        Ok(Ok(done)) => errno(done),
        _ => -1,
    }
}

/// Makes one change in one place; whether that is what was wanted.
fn tried(change: &Change, place: usize, index: u16) -> bool {
    let outside = Means { index, before: -1 };
    let prepared = (change.prepare)(outside);
    let made = made(change, place, index);
    // Where it was refused there may be nothing to undo.
    let undone = (change.undo)(outside);
    let right =
        made == change.wanted[place] && prepared == Ok(()) && (made != 0 || undone == Ok(()));
    if !right {
        say!(
            "    # {}, {}: {made}, wanted {}; before {prepared:?}, after {undone:?}",
            change.what,
            PLACES[place],
            change.wanted[place]
        );
    }
    right
}

/// Each way to change the network's configuration.
pub fn changes(_: &Context) -> Outcome {
    let both = second_line();
    let taps = early("the interfaces", Taps::start())?;
    let index = early("their number", taps.index(0))?;
    let (mut wrong, mut count) = (0, 0);
    for change in [BY_REQUEST, BY_ROUTE, BY_NETLINK, BY_VARIABLE].into_iter().flatten() {
        for place in [0, 1, if both { 2 } else { 3 }] {
            count += 1;
            // What it opened is closed with it.
            let right = in_child(|| tried(change, place, index));
            wrong += i32::from(right != Ok(Ok(true)));
        }
    }
    early("the interfaces away", taps.stop())?;
    say!("    # {count} changes");
    jails_gone()?;
    want!("changes that were answered otherwise", wrong, 0);
    Ok(())
}
