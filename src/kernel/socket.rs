// SPDX-License-Identifier: BSD-2-Clause
//! Sockets and the addresses they are asked to use. C source:
//! `sys/sys/socketvar.h`, `sys/netinet/in_pcb.h`.
//!
//! The hooks run in a section that may not sleep, with the socket referenced by
//! the system call and none of its locks held.

use core::ffi::c_int;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::ptr::NonNull;

use sys_bindings as c;

use super::second_line::network_order;
use crate::{Errno, Result};

/// Bytes of a `sockaddr_in` up to and with the address: what the kernel reads
/// of one that calls itself AF_UNSPEC (udp_bind).
const NEEDED: usize = core::mem::offset_of!(c::sockaddr_in, sin_zero);

/// Where a socket stands, at one moment.
pub(crate) struct Ends {
    /// Its own address and port.
    pub(crate) local: SocketAddrV4,
    /// It has a peer.
    pub(crate) connected: bool,
}

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

    /// The credential that made it.
    pub(crate) fn owner(&self) -> *const c::ucred {
        // SAFETY: alive; constant from creation on.
        unsafe { (*self.0.as_ptr()).so_cred }
    }

    /// The ends of a TCP, UDP or raw socket, as its control block has them.
    pub(crate) fn ends(&self) -> Option<Ends> {
        // SAFETY: alive; an AF_INET socket's control block lives as long as it.
        let inp = unsafe { (*self.0.as_ptr()).so_pcb }.cast::<c::inpcb>();
        let inp = NonNull::new(inp)?;
        // SAFETY: alive.
        let ends = unsafe { &raw const (*inp.as_ptr()).inp_inc.inc_ie };
        // SAFETY: alive; a copy, taken without the block's lock: a bind(2) that
        // races is answered as if it came before or after.
        let ends = unsafe { ends.read_volatile() };
        // SAFETY: an IPv4 block holds an IPv4 address there.
        let address = unsafe { ends.ie_dependladdr.id46_addr.ia46_addr4.s_addr };
        Some(Ends {
            local: SocketAddrV4::new(host_order(address), u16::from_be(ends.ie_lport)),
            connected: ends.ie_fport != 0,
        })
    }

    /// Binds it: sobind, to this address and a port the kernel chooses.
    ///
    /// # Errors
    /// Those of bind(2), `EINVAL` for a socket already bound among them.
    pub(crate) fn bind(&self, address: Ipv4Addr) -> Result {
        let mut name = c::sockaddr_in {
            sin_len: 16,
            sin_family: 2,
            sin_port: 0,
            sin_addr: c::in_addr { s_addr: network_order(address) },
            sin_zero: [0; 8],
        };
        // SAFETY: a hook runs in the thread whose call it checks.
        let td = unsafe { c::rjail_c_curthread() };
        // SAFETY: the socket is alive and none of its locks is held; the name is
        // a whole sockaddr_in.
        let error = unsafe { c::sobind(self.0.as_ptr(), (&raw mut name).cast(), td) };
        Errno::check(error)
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

    /// The IPv4 address in it; `None` when it is too short to have one, which
    /// the protocol refuses.
    pub(crate) fn inet(&self) -> Option<Ipv4Addr> {
        // SAFETY: alive, and longer than the two bytes of its head.
        let len = unsafe { (*self.0.as_ptr()).sa_len };
        if usize::from(len) < NEEDED {
            return None;
        }
        let name = self.0.cast::<c::sockaddr_in>();
        // SAFETY: long enough for the address, by the test above.
        let address = unsafe { &raw const (*name.as_ptr()).sin_addr.s_addr };
        // SAFETY: as above; no alignment is assumed.
        let address = unsafe { address.read_unaligned() };
        Some(host_order(address))
    }

    /// Puts another IPv4 address in; only after [`Self::inet`] found one.
    pub(crate) fn set_inet(&mut self, address: Ipv4Addr) {
        if self.inet().is_none() {
            return;
        }
        let name = self.0.cast::<c::sockaddr_in>();
        // SAFETY: long enough, as `inet` found; ours alone (`new`).
        let place = unsafe { &raw mut (*name.as_ptr()).sin_addr.s_addr };
        // SAFETY: inside the name; no alignment is assumed.
        unsafe { place.write_unaligned(network_order(address)) };
    }
}

/// From `struct in_addr`.
pub(crate) const fn host_order(address: u32) -> Ipv4Addr {
    let [a, b, c, d] = address.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// The families and kinds the hooks name.
pub(crate) const AF_INET: c_int = c::AF_INET;
/// IPv6.
pub(crate) const AF_INET6: c_int = c::AF_INET6;
