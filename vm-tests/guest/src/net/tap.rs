// SPDX-License-Identifier: BSD-2-Clause
//! Two Ethernet interfaces whose wire ends in this program: tap(4). What the
//! machine sends is read from them frame by frame, and what it shall receive is
//! written to them.

use core::ffi::CStr;

use super::sockets::{Ip, Socket, UDP4, UDP6, encode, ip4, ip6_at, is_ip4};
use crate::errno::EEXIST;
use crate::privileges::calls::get;
use crate::privileges::scene::interface;
use crate::sys::{self, Error, Result};

const SIOCIFCREATE: usize = 0xc020_697a;
const SIOCIFDESTROY: usize = 0x8020_6979;
const SIOCGIFINDEX: usize = 0xc020_6920;
const SIOCGHWADDR: usize = 0xc020_693e;
const SIOCAIFADDR: usize = 0x8044_692b;
const SIOCAIFADDR_IN6: usize = 0x8088_691b;
const AF_ROUTE: i32 = 17;
const RAW: i32 = 3;
const O_RDWR_NONBLOCK: i32 = 6;

const NAMES: [&[u8]; 2] = [b"tap0", b"tap1"];
const DEVICES: [&CStr; 2] = [c"/dev/tap0", c"/dev/tap1"];

/// The host's addresses there, and those of jails.
pub const A1: Ip = ip4(10, 67, 0, 1);
pub const A2: Ip = ip4(10, 67, 0, 2);
pub const A3: Ip = ip4(10, 67, 0, 3);
pub const B1: Ip = ip4(10, 68, 0, 1);
pub const B2: Ip = ip4(10, 68, 0, 2);
pub const A1_6: Ip = ip6_at(0x67, 1);
pub const A2_6: Ip = ip6_at(0x67, 2);
pub const A3_6: Ip = ip6_at(0x67, 3);
pub const B1_6: Ip = ip6_at(0x68, 1);
pub const B2_6: Ip = ip6_at(0x68, 2);
/// A neighbour on each wire, who is the gateway to everywhere else.
pub const NEAR_A: Ip = ip4(10, 67, 0, 254);
pub const NEAR_B: Ip = ip4(10, 68, 0, 254);
pub const NEAR_A6: Ip = ip6_at(0x67, 0xfe);
pub const NEAR_B6: Ip = ip6_at(0x68, 0xfe);
/// Behind the gateways: by default over the first wire, over the second one, and
/// over the second one with a route that names the host's address for the source.
pub const FAR_A: Ip = ip4(198, 51, 100, 9);
pub const FAR_B: Ip = ip4(192, 0, 2, 9);
pub const FAR_B_AS_HOST: Ip = ip4(203, 0, 113, 9);
pub const FAR_A6: Ip = ip6_at(0x99, 9);
pub const FAR_B6: Ip = ip6_at(0x69, 9);
pub const FAR_B6_AS_HOST: Ip = ip6_at(0x6a, 9);

const FIRST: [[Ip; 2]; 2] = [[A1, A1_6], [B1, B1_6]];
const MORE: [&[Ip]; 2] = [&[A2, A3, A2_6, A3_6], &[B2, B2_6]];
const NEIGHBOURS: [[Ip; 2]; 2] = [[NEAR_A, NEAR_A6], [NEAR_B, NEAR_B6]];
/// The hardware address of all neighbours.
const NEIGHBOUR: [u8; 6] = [2, 0, 0, 0, 0, 0xfe];

/// A packet on one of the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which.
    pub wire: usize,
    /// Its source and its destination.
    pub from: Ip,
    pub to: Ip,
    /// `IPPROTO_*`.
    pub protocol: u8,
    /// The first bytes behind the IP header.
    pub head: [u8; 20],
}

/// The interfaces, and the other ends of their wires.
#[derive(Clone, Copy)]
pub struct Taps {
    wires: [i32; 2],
    hardware: [[u8; 6]; 2],
}

impl Taps {
    /// Makes them, with addresses, neighbours and routes.
    pub fn start() -> Result<Self> {
        // So that nobody but those who are tested speaks.
        sys::sysctl_write("net.inet6.ip6.auto_linklocal", 0)?;
        sys::sysctl_write("net.inet6.ip6.dad_count", 0)?;
        sys::sysctl_write("net.link.tap.up_on_open", 1)?;
        sys::sysctl_write("net.add_addr_allfibs", 1)?;
        sys::sysctl_write("net.fibs", 2)?;
        let mut taps = Self { wires: [-1; 2], hardware: [[0; 6]; 2] };
        for wire in 0..2 {
            ioctl(SIOCIFCREATE, &mut interface::<32>(NAMES[wire]))?;
            taps.wires[wire] = sys::open(DEVICES[wire], O_RDWR_NONBLOCK, 0)?;
            let mut request = interface::<32>(NAMES[wire]);
            ioctl(SIOCGHWADDR, &mut request)?;
            taps.hardware[wire].copy_from_slice(&request[18..24]);
            for ip in FIRST[wire] {
                add_address(NAMES[wire], ip, if is_ip4(&ip) { 24 } else { 64 })?;
            }
            for ip in MORE[wire] {
                add_address(NAMES[wire], *ip, if is_ip4(ip) { 32 } else { 128 })?;
            }
            for ip in NEIGHBOURS[wire] {
                neighbour(taps.index(wire)?, ip)?;
            }
        }
        for (to, bits, gateway, source) in [
            (ip4(0, 0, 0, 0), 0, NEAR_A, None),
            (FAR_B, 24, NEAR_B, None),
            (FAR_B_AS_HOST, 24, NEAR_B, Some(B1)),
            ([0; 16], 0, NEAR_A6, None),
            (FAR_B6, 64, NEAR_B6, None),
            (FAR_B6_AS_HOST, 64, NEAR_B6, Some(B1_6)),
        ] {
            route(RTM_ADD, 0, to, bits, gateway, source)?;
        }
        // In the other table the same is over the second wire.
        route(RTM_ADD, 1, FAR_A, 24, NEAR_B, Some(B1))?;
        route(RTM_ADD, 1, FAR_A6, 64, NEAR_B6, Some(B1_6))?;
        // The link comes up in the kernel's own time, and with it the addresses.
        sys::pause(300);
        taps.forget();
        Ok(taps)
    }

    /// The number of an interface.
    pub fn index(&self, wire: usize) -> Result<u16> {
        index_of(NAMES[wire])
    }

    /// The next packet that was sent, none when there is none; what the kernel says
    /// about itself (ARP, neighbours, groups) is passed over.
    pub fn next(&self) -> Option<Packet> {
        let mut frame = [0; 2048];
        for (wire, fd) in self.wires.into_iter().enumerate() {
            while let Ok(length) = sys::read(fd, &mut frame) {
                if let Some(packet) = parse(wire, &frame[..length]) {
                    return Some(packet);
                }
            }
        }
        None
    }

    /// Passes over what was sent so far.
    pub fn forget(&self) {
        while self.next().is_some() {}
    }

    /// A packet arrives from the wire.
    pub fn deliver(&self, wire: usize, packet: &[u8]) -> Result<()> {
        let mut frame = [0; 256];
        frame[..6].copy_from_slice(&self.hardware[wire]);
        frame[6..12].copy_from_slice(&NEIGHBOUR);
        let kind: u16 = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        frame[12..14].copy_from_slice(&kind.to_be_bytes());
        frame[14..14 + packet.len()].copy_from_slice(packet);
        sys::write(self.wires[wire], &frame[..14 + packet.len()]).map(drop)
    }

    /// Takes all of it away.
    pub fn stop(self) -> Result<()> {
        for (to, bits, gateway) in [
            (ip4(0, 0, 0, 0), 0, NEAR_A),
            (FAR_B, 24, NEAR_B),
            (FAR_B_AS_HOST, 24, NEAR_B),
            ([0; 16], 0, NEAR_A6),
            (FAR_B6, 64, NEAR_B6),
            (FAR_B6_AS_HOST, 64, NEAR_B6),
        ] {
            route(RTM_DELETE, 0, to, bits, gateway, None)?;
        }
        route(RTM_DELETE, 1, FAR_A, 24, NEAR_B, None)?;
        route(RTM_DELETE, 1, FAR_A6, 64, NEAR_B6, None)?;
        for (wire, name) in self.wires.into_iter().zip(NAMES) {
            sys::close(wire)?;
            ioctl(SIOCIFDESTROY, &mut interface::<32>(name))?;
        }
        sys::sysctl_write("net.inet6.ip6.dad_count", 1)?;
        sys::sysctl_write("net.inet6.ip6.auto_linklocal", 1)
    }
}

/// What is in a frame, unless the kernel speaks for itself.
fn parse(wire: usize, frame: &[u8]) -> Option<Packet> {
    const IGMP: u8 = 2;
    const ICMP6: u8 = 58;
    /// Multicast listeners, router and neighbour discovery.
    const OF_THE_LINK: [core::ops::RangeInclusive<u8>; 2] = [130..=137, 143..=143];
    let (packet, kind) = (frame.get(14..)?, frame.get(12..14)?);
    let (from, to, protocol, head) = match kind {
        [0x08, 0x00] => {
            let size = usize::from(packet.first()? & 15) * 4;
            let of =
                |at: usize| Some(ip4(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]));
            packet.get(..20)?;
            (of(12)?, of(16)?, packet[9], packet.get(size..)?)
        }
        [0x86, 0xdd] => {
            let of = |at: usize| <Ip>::try_from(packet.get(at..at + 16)?).ok();
            let (mut protocol, mut rest) = (*packet.get(6)?, packet.get(40..)?);
            // Options of hops, in front of a report of groups.
            while protocol == 0 {
                (protocol, rest) =
                    (*rest.first()?, rest.get(8 + usize::from(*rest.get(1)?) * 8..)?);
            }
            (of(8)?, of(24)?, protocol, rest)
        }
        _ => return None,
    };
    let first = head.first().copied().unwrap_or(0);
    if protocol == IGMP || protocol == ICMP6 && OF_THE_LINK.iter().any(|r| r.contains(&first)) {
        return None;
    }
    let mut start = [0; 20];
    let length = head.len().min(20);
    start[..length].copy_from_slice(&head[..length]);
    Some(Packet { wire, from, to, protocol, head: start })
}

/// The number of an interface.
pub fn index_of(name: &[u8]) -> Result<u16> {
    let mut request = interface::<32>(name);
    ioctl(SIOCGIFINDEX, &mut request)?;
    Ok(u16::from_le_bytes([request[16], request[17]]))
}

fn ioctl<const N: usize>(number: usize, request: &mut [u8; N]) -> Result<()> {
    let socket = Socket::new(UDP4)?;
    let done = get!(IOCTL, socket.fd, number, request).map(drop);
    sys::close(socket.fd).and(done)
}

/// A mask of so many bits, as an address of a family.
fn mask(inet6: bool, bits: usize) -> Ip {
    let mut mask = [0; 16];
    let bits = if inet6 { bits } else { 96 + bits };
    for bit in if inet6 { 0 } else { 96 }..bits {
        mask[bit / 8] |= 0x80 >> (bit % 8);
    }
    mask
}

/// Adds an address of either family to an interface.
pub fn add_address(name: &[u8], ip: Ip, bits: usize) -> Result<()> {
    const IN6_IFF_NODAD: u32 = 0x20;
    if is_ip4(&ip) {
        // `struct ifaliasreq`: name, address, broadcast, mask, group.
        let mut request = interface::<68>(name);
        request[16..32].copy_from_slice(&encode(false, ip, 0).0[..16]);
        request[48..64].copy_from_slice(&encode(false, mask(false, bits), 0).0[..16]);
        return ioctl(SIOCAIFADDR, &mut request);
    }
    // `struct in6_aliasreq`: name, address, destination, mask, flags, lifetimes.
    let mut request = interface::<136>(name);
    request[16..44].copy_from_slice(&encode(true, ip, 0).0);
    request[72..100].copy_from_slice(&encode(true, mask(true, bits), 0).0);
    request[100..104].copy_from_slice(&IN6_IFF_NODAD.to_le_bytes());
    request[120..128].copy_from_slice(&[0xff; 8]);
    let socket = Socket::new(UDP6)?;
    let done = get!(IOCTL, socket.fd, SIOCAIFADDR_IN6, &request).map(drop);
    sys::close(socket.fd).and(done)
}

pub const RTM_ADD: u8 = 1;
pub const RTM_DELETE: u8 = 2;
pub const RTM_CHANGE: u8 = 3;
pub const RTM_GET: u8 = 4;
pub const RTF_GATEWAY: i32 = 0x2;
pub const RTF_HOST: i32 = 0x4;
pub const RTF_STATIC: i32 = 0x800;
pub const RTF_LLDATA: i32 = 0x400;

/// A message for a routing socket: a `struct rt_msghdr`, then addresses.
pub struct RtMessage {
    bytes: [u8; 512],
    length: usize,
}

impl RtMessage {
    /// A message of this kind, without addresses.
    pub fn new(kind: u8, flags: i32) -> Self {
        const RTM_VERSION: u8 = 5;
        const HEADER: usize = 152;
        let mut bytes = [0; 512];
        (bytes[2], bytes[3]) = (RTM_VERSION, kind);
        bytes[8..12].copy_from_slice(&flags.to_le_bytes());
        bytes[20..24].copy_from_slice(&1_i32.to_le_bytes());
        Self { bytes, length: HEADER }
    }

    fn put(mut self, which: u8, name: &[u8]) -> Self {
        self.bytes[12] |= which;
        self.bytes[self.length..self.length + name.len()].copy_from_slice(name);
        self.length += name.len().next_multiple_of(8);
        let length = u16::try_from(self.length).unwrap_or(0);
        self.bytes[..2].copy_from_slice(&length.to_le_bytes());
        self
    }

    fn put_ip(self, which: u8, ip: Ip) -> Self {
        let inet6 = !is_ip4(&ip);
        self.put_name(which, inet6, ip)
    }

    fn put_name(self, which: u8, inet6: bool, ip: Ip) -> Self {
        let (name, size) = encode(inet6, ip, 0);
        self.put(which, &name[..usize::try_from(size).unwrap_or(0)])
    }

    /// Answers shall have these addresses besides.
    pub const fn wanting(mut self, which: u8) -> Self {
        self.bytes[12] |= which;
        self
    }

    /// The whole of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// `RTA_DST`.
    pub fn to(self, ip: Ip) -> Self {
        self.put_ip(1, ip)
    }

    /// `RTA_GATEWAY`.
    pub fn gateway(self, ip: Ip) -> Self {
        self.put_ip(2, ip)
    }

    /// `RTA_GATEWAY`, a `struct sockaddr_dl` of a neighbour.
    pub fn hardware(self, index: u16) -> Self {
        let mut name = [0; 54];
        (name[0], name[1]) = (54, 18);
        name[2..4].copy_from_slice(&index.to_le_bytes());
        (name[4], name[6]) = (6, 6);
        name[8..14].copy_from_slice(&NEIGHBOUR);
        self.put(2, &name)
    }

    /// `RTA_NETMASK`.
    pub fn bits(self, inet6: bool, bits: usize) -> Self {
        self.put_name(4, inet6, mask(inet6, bits))
    }

    /// `RTA_IFA`.
    pub fn source(self, ip: Ip) -> Self {
        self.put_ip(0x20, ip)
    }

    /// write(2) of it to a routing socket of this table.
    pub fn send(self, table: i32) -> Result<()> {
        const SOL_SOCKET: i32 = 0xffff;
        const SO_SETFIB: i32 = 0x1014;
        let fd = sys::socket(AF_ROUTE, RAW, 0)?;
        let done = get!(SETSOCKOPT, fd, SOL_SOCKET, SO_SETFIB, &[table], 4)
            .and_then(|_| sys::write(fd, self.bytes()));
        sys::close(fd).and(done.map(drop))
    }
}

fn route(kind: u8, table: i32, to: Ip, bits: usize, gateway: Ip, source: Option<Ip>) -> Result<()> {
    let inet6 = !is_ip4(&gateway);
    let message = RtMessage::new(kind, RTF_GATEWAY | RTF_STATIC);
    let message = message.put_name(1, inet6, to).gateway(gateway).bits(inet6, bits);
    let message = match source {
        Some(source) => message.source(source),
        None => message,
    };
    message.send(table)
}

fn neighbour(index: u16, ip: Ip) -> Result<()> {
    let message = RtMessage::new(RTM_ADD, RTF_HOST | RTF_STATIC | RTF_LLDATA);
    match message.to(ip).hardware(index).send(0) {
        Err(Error(EEXIST)) => Ok(()),
        other => other,
    }
}

/// The Internet checksum of some bytes.
pub fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap_or(0)).to_be_bytes()
}

/// Bytes behind an IP header, at most 40 of them, and their length.
pub struct Datagram {
    bytes: [u8; 80],
    length: usize,
}

impl Datagram {
    /// An IP packet of either family; where `sum` is, the checksum goes.
    pub fn new(from: Ip, to: Ip, protocol: u8, payload: &[u8], sum: usize) -> Self {
        let mut bytes = [0; 80];
        let inet6 = !is_ip4(&from);
        let header = if inet6 { 40 } else { 20 };
        let length = u16::try_from(payload.len()).unwrap_or(0);
        let mut body = [0; 40];
        body[..payload.len()].copy_from_slice(payload);
        if inet6 {
            (bytes[0], bytes[6], bytes[7]) = (0x60, protocol, 64);
            bytes[4..6].copy_from_slice(&length.to_be_bytes());
            bytes[8..24].copy_from_slice(&from);
            bytes[24..40].copy_from_slice(&to);
        } else {
            (bytes[0], bytes[8], bytes[9]) = (0x45, 64, protocol);
            bytes[2..4].copy_from_slice(&(length + 20).to_be_bytes());
            bytes[12..16].copy_from_slice(&from[12..]);
            bytes[16..20].copy_from_slice(&to[12..]);
            let own = checksum(&[&bytes[..20]]);
            bytes[10..12].copy_from_slice(&own);
        }
        let addresses: [&[u8]; 2] = if inet6 { [&from, &to] } else { [&from[12..], &to[12..]] };
        // ICMP of IPv4 sums nothing but itself.
        let pseudo = [0, protocol, length.to_be_bytes()[0], length.to_be_bytes()[1]];
        let value = if protocol == 1 {
            checksum(&[payload])
        } else {
            checksum(&[addresses[0], addresses[1], &pseudo, payload])
        };
        body[sum..sum + 2].copy_from_slice(&value);
        bytes[header..header + payload.len()].copy_from_slice(&body[..payload.len()]);
        Self { bytes, length: header + payload.len() }
    }

    /// The whole of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
