// SPDX-License-Identifier: BSD-2-Clause
//! Sockets of both families under one kind of address: 16 bytes, those of IPv4
//! mapped to `::ffff:0:0/96`.

use core::ffi::CStr;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::tap::add_address;
use crate::privileges::calls::get;
use crate::sys::{self, Error, Result, address_of};

/// An address of either family.
pub type Ip = [u8; 16];

/// An IPv4 address.
pub const fn ip4(a: u8, b: u8, c: u8, d: u8) -> Ip {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// An IPv6 address of fd66::/16, by its last four bytes.
pub const fn fd66(a: u8, b: u8, c: u8, d: u8) -> Ip {
    [0xfd, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

pub use cases::world::inet6 as ip6_at;

/// The host's; those that the jails get; another jail's; the machine's own.
pub const H4: Ip = ip4(10, 66, 0, 1);
pub const J4: Ip = ip4(10, 66, 0, 2);
pub const S4: Ip = ip4(10, 66, 0, 3);
pub const K4: Ip = ip4(10, 66, 0, 4);
pub const L4: Ip = ip4(127, 0, 0, 1);
pub const M4: Ip = ip4(127, 0, 0, 2);
pub const ANY4: Ip = ip4(0, 0, 0, 0);
pub const H6: Ip = fd66(0, 0, 0, 1);
pub const J6: Ip = fd66(0, 0, 0, 2);
pub const S6: Ip = fd66(0, 0, 0, 3);
pub const K6: Ip = fd66(0, 0, 0, 4);
/// It ends in the bytes of [`H4`].
pub const ALIAS6: Ip = fd66(10, 66, 0, 1);
pub const L6: Ip = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const ANY6: Ip = [0; 16];

pub const IPPROTO_IP: i32 = 0;
pub const IPPROTO_TCP: i32 = 6;
pub const IPPROTO_IPV6: i32 = 41;
pub const SOL_SOCKET: i32 = 0xffff;
const IPV6_V6ONLY: i32 = 27;
const MSG_DONTWAIT: i32 = 0x80;

/// Whether the two jails have changed places: who says J means S.
static SWAPPED: AtomicBool = AtomicBool::new(false);

/// From now on, here and in children, each jail has the other's addresses.
pub fn change_places(swapped: bool) {
    SWAPPED.store(swapped, Ordering::Relaxed);
}

/// The address that is meant, and the other way round.
fn meant(ip: Ip) -> Ip {
    const PAIRS: [(Ip, Ip); 2] = [(J4, S4), (J6, S6)];
    let swapped = SWAPPED.load(Ordering::Relaxed);
    let pair = PAIRS.into_iter().find(|(one, other)| swapped && (*one == ip || *other == ip));
    match pair {
        Some((one, other)) if one == ip => other,
        Some((one, _)) => one,
        None => ip,
    }
}

/// What kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    family: i32,
    kind: i32,
    protocol: i32,
    /// IPv6 with IPv4 besides.
    dual: bool,
}

const fn kind(family: i32, kind: i32, protocol: i32, dual: bool) -> Kind {
    Kind { family, kind, protocol, dual }
}

pub const UDP4: Kind = kind(2, 2, 0, false);
pub const TCP4: Kind = kind(2, 1, 0, false);
pub const LITE4: Kind = kind(2, 2, 136, false);
pub const UDP6: Kind = kind(28, 2, 0, false);
pub const TCP6: Kind = kind(28, 1, 0, false);
pub const LITE6: Kind = kind(28, 2, 136, false);
pub const ICMP4: Kind = kind(2, 3, 1, false);
pub const ICMP6: Kind = kind(28, 3, 58, false);
/// Raw, for whatever protocol, which no kernel of ours has.
pub const RAW4: Kind = kind(2, 3, 254, false);
pub const RAW6: Kind = kind(28, 3, 254, false);
/// Without `IPV6_V6ONLY`.
pub const DUAL: Kind = kind(28, 2, 0, true);
pub const DUAL_TCP: Kind = kind(28, 1, 0, true);

/// A socket.
#[derive(Clone, Copy)]
pub struct Socket {
    pub fd: i32,
    inet6: bool,
}

impl Socket {
    /// socket(2).
    pub fn new(kind: Kind) -> Result<Self> {
        let fd = sys::socket(kind.family, kind.kind, kind.protocol)?;
        let socket = Self { fd, inet6: kind.family == 28 };
        if socket.inet6 {
            socket.set(IPPROTO_IPV6, IPV6_V6ONLY, i32::from(!kind.dual))?;
        }
        Ok(socket)
    }

    /// The same socket behind another descriptor.
    pub const fn at(self, fd: i32) -> Self {
        Self { fd, ..self }
    }

    /// One of this kind, whatever it is.
    pub const fn of(self, kind: Kind) -> Self {
        Self { inet6: kind.family == 28, ..self }
    }

    /// setsockopt(2) of a number.
    pub fn set(self, level: i32, name: i32, value: i32) -> Result<()> {
        get!(SETSOCKOPT, self.fd, level, name, &[value], 4).map(drop)
    }

    /// bind(2).
    pub fn bind(self, ip: Ip, port: u16) -> Result<()> {
        let (name, size) = encode(self.inet6, ip, port);
        get!(BIND, self.fd, &name, size).map(drop)
    }

    /// bind(2), then what getsockname(2) says.
    pub fn bound(self, ip: Ip, port: u16) -> Result<Ip> {
        self.bind(ip, port)?;
        self.name()
    }

    /// connect(2).
    pub fn connect(self, ip: Ip, port: u16) -> Result<()> {
        let (name, size) = encode(self.inet6, ip, port);
        get!(CONNECT, self.fd, &name, size).map(drop)
    }

    /// connect(2) with a name of so many bytes that is of no family.
    pub fn disconnect(self, size: i32) -> Result<()> {
        let mut name = [0_u8; 28];
        name[0] = size.to_le_bytes()[0];
        get!(CONNECT, self.fd, &name, size).map(drop)
    }

    /// getsockname(2), without the port.
    pub fn name(self) -> Result<Ip> {
        let (mut name, mut size) = ([0_u8; 28], [28_u32]);
        get!(GETSOCKNAME, self.fd, &mut name, &mut size)?;
        Ok(decode(&name))
    }

    /// getpeername(2), without the port.
    pub fn peer(self) -> Result<Ip> {
        let (mut name, mut size) = ([0_u8; 28], [28_u32]);
        get!(GETPEERNAME, self.fd, &mut name, &mut size)?;
        Ok(decode(&name))
    }

    /// sendto(2) of one byte.
    pub fn send(self, byte: u8, ip: Ip, port: u16) -> Result<()> {
        let (name, size) = encode(self.inet6, ip, port);
        get!(SENDTO, self.fd, &[byte], 1, 0, &name, size).map(drop)
    }

    /// sendto(2) of these bytes.
    pub fn send_bytes<const N: usize>(self, bytes: &[u8; N], ip: Ip, port: u16) -> Result<()> {
        let (name, size) = encode(self.inet6, ip, port);
        get!(SENDTO, self.fd, bytes, N, 0, &name, size).map(drop)
    }

    /// write(2) of one byte.
    pub fn write(self, byte: u8) -> Result<()> {
        sys::write(self.fd, &[byte]).map(drop)
    }

    /// sendmsg(2) of one byte with a control message.
    pub fn send_with(self, ip: Ip, port: u16, level: i32, what: i32, data: &[u8]) -> Result<()> {
        let (name, size) = encode(self.inet6, ip, port);
        let mut control = [0_u8; 48];
        let length = 16 + data.len();
        control[..4].copy_from_slice(&u32::try_from(length).unwrap_or(0).to_le_bytes());
        control[4..8].copy_from_slice(&level.to_le_bytes());
        control[8..12].copy_from_slice(&what.to_le_bytes());
        control[16..length].copy_from_slice(data);
        let byte = [0_u8];
        let vector = [address_of(&byte), 1];
        // The whole of a `struct msghdr`, padding included.
        let message = [
            address_of(&name),
            usize::try_from(size).unwrap_or(0),
            address_of(&vector),
            1,
            address_of(&control),
            length.next_multiple_of(8),
            0,
        ];
        get!(SENDMSG, self.fd, &message, 0).map(drop)
    }

    /// One datagram that is there: its byte and its sender.
    pub fn receive(self) -> Result<(u8, Ip)> {
        let (mut byte, mut from, mut size) = ([0_u8], [0_u8; 28], [28_u32]);
        get!(RECVFROM, self.fd, &mut byte, 1, MSG_DONTWAIT, &mut from, &mut size)?;
        Ok((byte[0], decode(&from)))
    }

    /// The sender of the next datagram, with its port.
    pub fn receive_from(self) -> Result<(Ip, u16)> {
        let (mut byte, mut from, mut size) = ([0_u8], [0_u8; 28], [28_u32]);
        get!(RECVFROM, self.fd, &mut byte, 1, 0, &mut from, &mut size)?;
        Ok((decode(&from), u16::from_be_bytes([from[2], from[3]])))
    }

    /// One packet that is there, of a raw socket: its header's length, and the bytes.
    pub fn receive_packet(self) -> Result<[u8; 64]> {
        let mut bytes = [0_u8; 64];
        let (mut from, mut size) = ([0_u8; 28], [28_u32]);
        get!(RECVFROM, self.fd, &mut bytes, 64, MSG_DONTWAIT, &mut from, &mut size)?;
        if !self.inet6 {
            // With its IP header.
            let header = usize::from(bytes[0] & 15) * 4;
            bytes.copy_within(header.min(63).., 0);
        }
        Ok(bytes)
    }

    /// One connection that is there: who it is from. It is forgotten at once.
    pub fn accept(self) -> Result<Ip> {
        let (mut from, mut size) = ([0_u8; 28], [28_u32]);
        let fd = get!(ACCEPT, self.fd, &mut from, &mut size)?;
        let fd = i32::try_from(fd).map_err(|_| Error(0))?;
        sys::close_hard(fd)?;
        sys::close(fd)?;
        Ok(decode(&from))
    }

    /// Calls that would wait fail.
    pub fn never_wait(self) -> Result<()> {
        const F_SETFL: i32 = 4;
        const O_NONBLOCK: i32 = 4;
        get!(FCNTL, self.fd, F_SETFL, O_NONBLOCK).map(drop)
    }
}

/// `struct sockaddr_in` or `sockaddr_in6`, and how much of it.
pub fn encode(inet6: bool, ip: Ip, port: u16) -> ([u8; 28], i32) {
    let ip = meant(ip);
    let mut name = [0; 28];
    name[2..4].copy_from_slice(&port.to_be_bytes());
    if inet6 {
        (name[0], name[1]) = (28, 28);
        name[8..24].copy_from_slice(&ip);
        (name, 28)
    } else {
        (name[0], name[1]) = (16, 2);
        name[4..8].copy_from_slice(&ip[12..]);
        (name, 16)
    }
}

fn decode(name: &[u8; 28]) -> Ip {
    if name[1] == 28 {
        let mut ip = ANY6;
        ip.copy_from_slice(&name[8..24]);
        meant(ip)
    } else {
        meant(ip4(name[4], name[5], name[6], name[7]))
    }
}

/// `struct in6_pktinfo` of no interface.
pub fn packet_info(ip: Ip) -> [u8; 20] {
    let mut info = [0; 20];
    info[..16].copy_from_slice(&ip);
    info
}

/// Whether it is one of IPv4's.
pub fn is_ip4(ip: &Ip) -> bool {
    ip[..12] == ANY4[..12]
}

/// Adds an IPv6 address to lo0.
pub fn add_to_loopback(ip: Ip) -> Result<()> {
    add_address(b"lo0", ip, 128)
}

/// Takes it away again.
pub fn remove_from_loopback(ip: Ip) -> Result<()> {
    const SIOCDIFADDR_IN6: usize = 0x8120_6919;
    const SIOCDIFADDR: usize = 0x8020_6919;
    let mut request = [0_u8; 288];
    request[..3].copy_from_slice(b"lo0");
    let six = !is_ip4(&ip);
    let (name, size) = encode(six, ip, 0);
    let size = usize::try_from(size).unwrap_or(0);
    request[16..16 + size].copy_from_slice(&name[..size]);
    let socket = Socket::new(if six { UDP6 } else { UDP4 })?;
    let request_number = if six { SIOCDIFADDR_IN6 } else { SIOCDIFADDR };
    let done = get!(IOCTL, socket.fd, request_number, &request).map(drop);
    sys::close(socket.fd).and(done)
}

/// Lists of one family each, as rjail(2) and jail(2) take them.
#[derive(Clone, Copy)]
pub struct Lists {
    ip4: [[u8; 4]; 4],
    ip4s: usize,
    ip6: [Ip; 4],
    ip6s: usize,
}

impl Lists {
    /// Sorts addresses by family.
    pub fn of(addresses: &[Ip]) -> Self {
        let mut lists = Self { ip4: [[0; 4]; 4], ip4s: 0, ip6: [ANY6; 4], ip6s: 0 };
        for ip in addresses.iter().map(|ip| meant(*ip)) {
            if is_ip4(&ip) {
                lists.ip4[lists.ip4s].copy_from_slice(&ip[12..]);
                lists.ip4s += 1;
            } else {
                lists.ip6[lists.ip6s] = ip;
                lists.ip6s += 1;
            }
        }
        lists
    }

    /// The same with the machine's loopback addresses at the end of each.
    pub fn and_loopback(mut self) -> Self {
        self.ip4[self.ip4s].copy_from_slice(&L4[12..]);
        self.ip6[self.ip6s] = L6;
        self.ip4s += 1;
        self.ip6s += 1;
        self
    }

    /// IPv4's.
    pub fn ip4(&self) -> &[[u8; 4]] {
        &self.ip4[..self.ip4s]
    }

    /// IPv6's.
    pub fn ip6(&self) -> &[Ip] {
        &self.ip6[..self.ip6s]
    }

    /// jail(2) with them.
    pub fn enter_native(&self) -> Result<()> {
        self.enter_native_at(c"/jail", c"native.example")
    }

    /// The same with another directory and another name.
    pub fn enter_native_at(&self, path: &CStr, hostname: &CStr) -> Result<()> {
        let at = |list: usize, count: usize| if count == 0 { 0 } else { list };
        let counts = [self.ip4s, self.ip6s].map(|n| u32::try_from(n).unwrap_or(0));
        // `struct jail`: version, three strings, two counts, two lists.
        let args = [
            2,
            address_of(path),
            address_of(hostname),
            0,
            usize::try_from(u64::from(counts[0]) | u64::from(counts[1]) << 32).unwrap_or(0),
            at(ptr::from_ref(&self.ip4).expose_provenance(), self.ip4s),
            at(ptr::from_ref(&self.ip6).expose_provenance(), self.ip6s),
        ];
        get!(JAIL, &args).map(drop)
    }
}
