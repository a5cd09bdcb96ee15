// SPDX-License-Identifier: BSD-2-Clause
//! The IP address in a name of a socket: where it is, and how another gets there. C
//! source: `sys/netinet/in.h`, `sys/netinet6/in6.h`, `getsockaddr` in
//! `sys/kern/uipc_syscalls.c`.

#![forbid(unsafe_code)]

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::address::family;

/// Bytes of a `sockaddr_in` up to and with the address: what the kernel reads of one
/// that calls itself AF_UNSPEC (udp_bind).
pub const NEEDED: usize = 8;
/// The same of a `sockaddr_in6`.
pub const NEEDED6: usize = 24;
/// Where a `sockaddr_in` has its address.
pub const AT: usize = 4;
/// The same of a `sockaddr_in6`.
pub const AT6: usize = 8;

/// The name of a bind, connect or send: its length, its family, and what is in it,
/// as long as the kernel took it to be.
pub struct Sockaddr<'a>(&'a mut [u8]);

impl<'a> Sockaddr<'a> {
    /// This one.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes)
    }

    /// The IPv4 address in it; `None` when it is too short to have one, which
    /// the protocol refuses.
    #[must_use]
    pub fn inet(&self) -> Option<Ipv4Addr> {
        self.address::<4>(AT, NEEDED).map(Ipv4Addr::from)
    }

    /// Puts another IPv4 address in, where [`Self::inet`] finds one.
    pub fn set_inet(&mut self, address: Ipv4Addr) {
        self.set(AT, NEEDED, address.octets());
    }

    /// The IPv6 address in it, or an IPv4 address as a mapped one: TCP takes
    /// either on an IPv6 socket that is bound to IPv4. `None` when it is too short
    /// or of no family, which every protocol refuses.
    #[must_use]
    pub fn inet6(&self) -> Option<Ipv6Addr> {
        match self.family() {
            family::INET => self.inet().map(|address| address.to_ipv6_mapped()),
            family::INET6 => self.address::<16>(AT6, NEEDED6).map(Ipv6Addr::from),
            _ => None,
        }
    }

    /// Puts another address of the same family in, where [`Self::inet6`] finds one.
    pub fn set_inet6(&mut self, address: Ipv6Addr) {
        match (address.to_ipv4_mapped(), self.family()) {
            (Some(address), family::INET) => self.set_inet(address),
            (_, family::INET6) => self.set(AT6, NEEDED6, address.octets()),
            _ => {}
        }
    }

    /// AF_*, as it says itself; none of one too short to say.
    fn family(&self) -> i32 {
        self.0.get(1).copied().map_or(0, i32::from)
    }

    /// What is there, in a name of so many bytes at least.
    fn address<const N: usize>(&self, at: usize, needed: usize) -> Option<[u8; N]> {
        let rest = self.0.get(at..).filter(|_| self.0.len() >= needed)?;
        rest.first_chunk().copied()
    }

    fn set<const N: usize>(&mut self, at: usize, needed: usize, address: [u8; N]) {
        if self.0.len() < needed {
            return;
        }
        if let Some(place) = self.0.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = address;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::{NEEDED, NEEDED6, Sockaddr};

    const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const A6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

    #[test]
    fn an_address_is_found_and_replaced_and_the_rest_stays() {
        let mut bytes = [16, 2, 0, 80, 10, 0, 0, 9, 7, 7, 7, 7, 7, 7, 7, 7];
        let mut name = Sockaddr::new(&mut bytes);
        assert_eq!(name.inet(), Some(Ipv4Addr::new(10, 0, 0, 9)));
        assert_eq!(name.inet6(), Some(Ipv4Addr::new(10, 0, 0, 9).to_ipv6_mapped()));
        name.set_inet6(A.to_ipv6_mapped());
        name.set_inet6(A6);
        assert_eq!(bytes, [16, 2, 0, 80, 10, 0, 0, 2, 7, 7, 7, 7, 7, 7, 7, 7]);
        let mut bytes = [5_u8; 28];
        bytes[1] = 28;
        let mut name = Sockaddr::new(&mut bytes);
        name.set_inet6(A6);
        assert_eq!(name.inet6(), Some(A6));
        assert_eq!((&bytes[..8], &bytes[24..]), (&[5, 28, 5, 5, 5, 5, 5, 5][..], &[5; 4][..]));
    }

    #[test]
    fn one_too_short_has_none_and_stays() {
        for len in 0..NEEDED6 {
            let mut bytes = [9_u8; NEEDED6];
            if let Some(family) = bytes.get_mut(1) {
                *family = 28;
            }
            let before = bytes;
            let mut name = Sockaddr::new(&mut bytes[..len]);
            assert_eq!(name.inet6(), None, "{len}");
            name.set_inet6(A6);
            assert_eq!(name.inet().is_some(), len >= NEEDED, "{len}");
            assert_eq!(bytes, before);
        }
        assert_eq!(Sockaddr::new(&mut [16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).inet6(), None);
    }
}
