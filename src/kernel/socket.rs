// SPDX-License-Identifier: BSD-2-Clause
//! Sockets and the addresses they are asked to use. C source:
//! `sys/sys/socketvar.h`, `sys/netinet/in_pcb.h`.
//!
//! The hooks run in a section that may not sleep, with the socket referenced by
//! the system call and none of its locks held.

use core::ffi::c_int;
use core::mem::offset_of;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ptr::NonNull;
use core::slice;

use static_assertions::const_assert_eq;
use sys_bindings as c;

use super::second_line::{host_order6, network_order, network_order6};
use crate::address::{Dual, Ends};
use crate::sockaddr::{self, Sockaddr};
use crate::{Errno, Result};

const_assert_eq!(sockaddr::AT, offset_of!(c::sockaddr_in, sin_addr));
const_assert_eq!(sockaddr::NEEDED, offset_of!(c::sockaddr_in, sin_zero));
const_assert_eq!(sockaddr::AT6, offset_of!(c::sockaddr_in6, sin6_addr));
const_assert_eq!(sockaddr::NEEDED6, offset_of!(c::sockaddr_in6, sin6_scope_id));

/// A socket that a system call works on.
pub(crate) struct Socket(NonNull<c::socket>);

impl Socket {
    /// The socket a hook was called with.
    ///
    /// # Safety
    /// Alive for as long as the value is used.
    pub(crate) unsafe fn new(so: *mut c::socket) -> Option<Self> {
        NonNull::new(so).map(Self)
    }

    fn protocol(&self) -> *const c::protosw {
        // SAFETY: alive; constant from creation on.
        unsafe { (*self.0.as_ptr()).so_proto }
    }

    /// AF_*, of the socket, whatever an address says of itself.
    pub(crate) fn family(&self) -> i32 {
        // SAFETY: a protocol is static and in a domain.
        let domain = unsafe { (*self.protocol()).pr_domain };
        // SAFETY: static, as the protocol.
        unsafe { (*domain).dom_family }
    }

    /// SOCK_*.
    pub(crate) fn kind(&self) -> i32 {
        // SAFETY: alive; constant from creation on.
        i32::from(unsafe { (*self.protocol()).pr_type })
    }

    /// The credential that made it.
    pub(crate) fn owner(&self) -> *const c::ucred {
        // SAFETY: alive; constant from creation on.
        unsafe { (*self.0.as_ptr()).so_cred }
    }

    /// Its control block, if it has one: of an IP socket.
    fn inpcb(&self) -> Option<NonNull<c::inpcb>> {
        // SAFETY: alive; an IP socket's control block lives as long as it.
        NonNull::new(unsafe { (*self.0.as_ptr()).so_pcb }.cast::<c::inpcb>())
    }

    /// The ends of an IPv4 socket, as its control block has them.
    pub(crate) fn ends(&self) -> Option<Ends<Ipv4Addr>> {
        let inp = self.inpcb()?;
        // SAFETY: alive.
        let ends = unsafe { &raw const (*inp.as_ptr()).inp_inc.inc_ie };
        // SAFETY: alive; a copy, taken without the block's lock: a bind(2) that
        // races is answered as if it came before or after.
        Some(inet(&unsafe { ends.read_volatile() }))
    }

    /// Where an IPv6 socket stands, as its control block has it.
    pub(crate) fn dual(&self) -> Option<Dual> {
        let inp = self.inpcb()?;
        // SAFETY: alive.
        let ends = unsafe { &raw const (*inp.as_ptr()).inp_inc.inc_ie };
        // SAFETY: alive; a copy without the lock, as above.
        let ends = unsafe { ends.read_volatile() };
        // SAFETY: alive.
        let speaks = unsafe { &raw const (*inp.as_ptr()).inp_vflag };
        // SAFETY: alive; one byte.
        let speaks = unsafe { speaks.read_volatile() };
        // SAFETY: alive.
        let flags = unsafe { &raw const (*inp.as_ptr()).inp_flags };
        // SAFETY: alive; one word.
        let flags = unsafe { flags.read_volatile() };
        Some(Dual {
            inet6: inet6(&ends),
            inet: inet(&ends),
            speaks_inet6: i32::from(speaks) & c::INP_IPV6 != 0,
            speaks_inet: i32::from(speaks) & c::INP_IPV4 != 0,
            v6only: flags & c::IN6P_IPV6_V6ONLY != 0,
            datagrams: self.kind() == c::SOCK_DGRAM,
        })
    }

    /// Binds it: sobind, to this address and a port the kernel chooses.
    ///
    /// # Errors
    /// Those of bind(2), `EINVAL` for a socket already bound among them.
    pub(crate) fn bind<A: SocketName>(&self, address: A) -> Result {
        let mut name = address.name();
        // SAFETY: a hook runs in the thread whose call it checks.
        let td = unsafe { c::rjail_c_curthread() };
        // SAFETY: the socket is alive and none of its locks is held; the name is
        // a whole one of its family.
        let error = unsafe { c::sobind(self.0.as_ptr(), (&raw mut name).cast(), td) };
        Errno::check(error)
    }
}

/// The IPv4 half of a control block's ends.
fn inet(ends: &c::in_endpoints) -> Ends<Ipv4Addr> {
    // SAFETY: bytes, which are always some address.
    let address = unsafe { ends.ie_dependladdr.id46_addr.ia46_addr4.s_addr };
    Ends { local: host_order(address), port: port(ends), connected: ends.ie_fport != 0 }
}

/// The whole of them.
fn inet6(ends: &c::in_endpoints) -> Ends<Ipv6Addr> {
    // SAFETY: bytes, which are always some address.
    let address = unsafe { &ends.ie_dependladdr.id6_addr };
    Ends { local: host_order6(address), port: port(ends), connected: ends.ie_fport != 0 }
}

const fn port(ends: &c::in_endpoints) -> u16 {
    u16::from_be(ends.ie_lport)
}

/// An address that a socket can be bound to.
pub(crate) trait SocketName {
    /// `struct sockaddr_in`, or its like.
    type Name;

    /// The address with port 0.
    fn name(self) -> Self::Name;
}

impl SocketName for Ipv4Addr {
    type Name = c::sockaddr_in;

    fn name(self) -> c::sockaddr_in {
        c::sockaddr_in {
            sin_len: 16,
            sin_family: 2,
            sin_port: 0,
            sin_addr: c::in_addr { s_addr: network_order(self) },
            sin_zero: [0; 8],
        }
    }
}

impl SocketName for Ipv6Addr {
    type Name = c::sockaddr_in6;

    fn name(self) -> c::sockaddr_in6 {
        c::sockaddr_in6 {
            sin6_len: 28,
            sin6_family: 28,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: network_order6(self),
            sin6_scope_id: 0,
        }
    }
}

/// The address of a bind, connect or send: the kernel's own copy, which is what
/// reaches the protocol.
pub(crate) struct Name(NonNull<c::sockaddr>);

impl Name {
    /// The address a hook was called with.
    ///
    /// # Safety
    /// `sa_len` bytes, alive and this code's alone for as long as it is used.
    pub(crate) unsafe fn new(sa: *mut c::sockaddr) -> Option<Self> {
        NonNull::new(sa).map(Self)
    }

    /// What is in it.
    pub(crate) fn inside(&mut self) -> Sockaddr<'_> {
        // SAFETY: alive, and longer than the two bytes of its head.
        let len = unsafe { (*self.0.as_ptr()).sa_len };
        let bytes = self.0.as_ptr().cast::<u8>();
        // SAFETY: as many bytes as it says, ours alone (`new`).
        Sockaddr::new(unsafe { slice::from_raw_parts_mut(bytes, usize::from(len)) })
    }
}

/// From `struct in_addr`.
const fn host_order(address: u32) -> Ipv4Addr {
    let [a, b, c, d] = address.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// The families and kinds the hooks name.
pub(crate) const AF_INET: c_int = c::AF_INET;
/// IPv6.
pub(crate) const AF_INET6: c_int = c::AF_INET6;
