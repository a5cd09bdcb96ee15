// SPDX-License-Identifier: BSD-2-Clause
//! The jail's addresses: the sockaddr is rewritten where it is checked, on its way into
//! the protocol control block. C source: `sys/kern/uipc_syscalls.c`,
//! `sys/security/mac/mac_socket.c`, `sys/netinet/in_pcb.c`.

use core::ffi::{c_int, c_void};

use sys_bindings as c;

use crate::address::{self, Any, Lines, Source};
use crate::kernel::credential::{Jail, jail_of, jid_of};
use crate::kernel::socket::{AF_INET, AF_INET6, Name, Socket, SocketName};
use crate::{Errno, Result, visibility};

/// socket(2), socketpair(2).
///
/// # Safety
/// Called by the MAC framework alone, with a live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_socket_check_create(
    cred: *mut c::ucred,
    domain: c_int,
    kind: c_int,
    protocol: c_int,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    let asked = address::Socket { domain, kind, protocol };
    Errno::from_result(address::permits_socket(
        jail.addresses().families(),
        asked,
        jail.sockets(),
        jail.lines(),
    ))
}

/// bind(2), bindat(2).
///
/// # Safety
/// Called by the MAC framework alone: live credential and socket, and an
/// address in kernel memory that nobody else uses.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_socket_check_bind(
    cred: *mut c::ucred,
    so: *mut c::socket,
    _label: *mut c::label,
    sa: *mut c::sockaddr,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { with_name(cred, so, sa, bind) }
}

/// connect(2), connectat(2), and sendto(2) or sendmsg(2) with an address.
///
/// # Safety
/// As [`rjail_socket_check_bind`].
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_socket_check_connect(
    cred: *mut c::ucred,
    so: *mut c::socket,
    _label: *mut c::label,
    sa: *mut c::sockaddr,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { with_name(cred, so, sa, connect) }
}

/// listen(2).
///
/// # Safety
/// Called by the MAC framework alone: live credential and socket.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_socket_check_listen(
    cred: *mut c::ucred,
    so: *mut c::socket,
    _label: *mut c::label,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as this function's caller says.
    unsafe { listen_inside(jail, so) }
}

/// # Safety
/// A live socket.
#[inline(never)]
unsafe fn listen_inside(jail: &Jail, so: *mut c::socket) -> c_int {
    // SAFETY: alive, as the caller says.
    let Some(socket) = (unsafe { Socket::new(so) }) else { return 0 };
    Errno::from_result(listen(jail, &socket))
}

/// Lists of sockets: cr_canseesocket(9).
///
/// # Safety
/// Called by the MAC framework alone: live credential and socket.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_socket_check_visible(
    cred: *mut c::ucred,
    so: *mut c::socket,
    _label: *mut c::label,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(subject) = (unsafe { jid_of(cred) }) else { return 0 };
    // SAFETY: alive during the call.
    let Some(socket) = (unsafe { Socket::new(so) }) else { return 0 };
    // SAFETY: a socket keeps its credential.
    let owner = unsafe { jid_of(socket.owner()) };
    Errno::from_result(visibility::socket(Some(subject), owner))
}

/// Lists of connections: cr_canseeinpcb(9).
///
/// # Safety
/// Called by the MAC framework alone: live credential, control block locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_inpcb_check_visible(
    cred: *mut c::ucred,
    inp: *mut c::inpcb,
    _label: *mut c::label,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(subject) = (unsafe { jid_of(cred) }) else { return 0 };
    // SAFETY: locked, so alive; its credential is constant until it is freed.
    let owner = unsafe { (*inp).inp_cred };
    // SAFETY: a control block keeps its credential.
    let owner = unsafe { jid_of(owner) };
    Errno::from_result(visibility::socket(Some(subject), owner))
}

/// sysctl(3): lists of interfaces, routes and neighbours.
///
/// # Safety
/// Called by the MAC framework alone: live credential and node, and so many
/// numbers, where the node takes some.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_system_check_sysctl(
    cred: *mut c::ucred,
    oid: *mut c::sysctl_oid,
    numbers: *mut c_void,
    count: c_int,
    _request: *mut c::sysctl_req,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as this function's caller says.
    unsafe { variable(jail, oid, numbers.cast(), count) }
}

/// # Safety
/// As [`rjail_system_check_sysctl`].
#[inline(never)]
unsafe fn variable(
    jail: &Jail,
    oid: *const c::sysctl_oid,
    numbers: *const c_int,
    count: c_int,
) -> c_int {
    // SAFETY: as the caller says; of other nodes it reads no number.
    let what = unsafe { c::rjail_c_routes_asked(oid, numbers, count) };
    Errno::from_result(match what {
        ..0 => Ok(()),
        what => address::permits_list(what, jail.lines()),
    })
}

/// Puts what a hook got into types, and asks.
///
/// # Safety
/// Live credential and socket, and an address in kernel memory that nobody else
/// uses.
#[inline]
unsafe fn with_name(
    cred: *const c::ucred,
    so: *mut c::socket,
    sa: *mut c::sockaddr,
    decide: impl FnOnce(&Jail, &Socket, Name) -> Result,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as the caller says.
    unsafe { with_name_inside(jail, so, sa, decide) }
}

/// # Safety
/// As [`with_name`].
#[inline(never)]
unsafe fn with_name_inside(
    jail: &Jail,
    so: *mut c::socket,
    sa: *mut c::sockaddr,
    decide: impl FnOnce(&Jail, &Socket, Name) -> Result,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(socket) = (unsafe { Socket::new(so) }) else { return 0 };
    // SAFETY: the kernel's own copy, of `sa_len` bytes.
    let Some(name) = (unsafe { Name::new(sa) }) else { return 0 };
    Errno::from_result(decide(jail, &socket, name))
}

fn bind(jail: &Jail, socket: &Socket, mut name: Name) -> Result {
    let mut name = name.inside();
    let (own, lines) = (jail.addresses(), lines(jail, socket));
    let family = socket.family();
    permits_raw(family, socket, lines)?;
    match family {
        // An address too short to hold one is for the protocol to refuse.
        AF_INET => name.inet().map_or(Ok(()), |asked| {
            name.set_inet(address::local(own.inet(), asked, Any::OneFamily, lines)?);
            Ok(())
        }),
        AF_INET6 => name.inet6().map_or(Ok(()), |asked| {
            let v6only = socket.dual().is_some_and(|socket| socket.v6only);
            name.set_inet6(address::local_dual(own.inet(), own.inet6(), asked, v6only, lines)?);
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn connect(jail: &Jail, socket: &Socket, mut name: Name) -> Result {
    let mut name = name.inside();
    let (own, lines) = (jail.addresses(), lines(jail, socket));
    let family = socket.family();
    permits_raw(family, socket, lines)?;
    match family {
        AF_INET => {
            let Some(ends) = socket.ends() else { return Ok(()) };
            let Some(asked) = name.inet() else { return address::disconnect(&ends, lines) };
            let remote = address::remote(own.inet(), asked, lines)?;
            confine(socket, address::source(own.inet(), ends, remote, lines)?)?;
            name.set_inet(remote);
            Ok(())
        }
        AF_INET6 => {
            let Some(dual) = socket.dual() else { return Ok(()) };
            let Some(asked) = name.inet6() else { return address::disconnect(&dual.inet6, lines) };
            let (remote, source) =
                address::remote_dual(own.inet(), own.inet6(), asked, dual, lines)?;
            confine(socket, source)?;
            name.set_inet6(remote);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A raw socket of either family: [`address::names_raw`].
fn permits_raw(family: c_int, socket: &Socket, lines: Lines) -> Result {
    match family {
        AF_INET | AF_INET6 => address::names_raw(socket.kind(), lines),
        _ => Ok(()),
    }
}

fn listen(jail: &Jail, socket: &Socket) -> Result {
    let (own, lines) = (jail.addresses(), lines(jail, socket));
    match socket.family() {
        AF_INET => {
            let primary = address::primary(own.inet())?;
            let Some(ends) = socket.ends() else { return Ok(()) };
            confine(socket, address::source(own.inet(), ends, primary, lines)?)
        }
        AF_INET6 => {
            let Some(dual) = socket.dual() else { return Ok(()) };
            confine(socket, address::listen_dual(own.inet(), own.inet6(), dual, lines)?)
        }
        _ => Ok(()),
    }
}

/// Sees to it that a socket about to speak or to listen has one of the jail's
/// addresses, or will be given one: [`address::source`].
fn confine<A: SocketName>(socket: &Socket, source: Source<A>) -> Result {
    match source {
        Source::Keep => Ok(()),
        Source::Bind(mine) => socket.bind(mine),
    }
}

/// Who confines this socket: [`address::lines_of_socket`].
fn lines(jail: &Jail, socket: &Socket) -> Lines {
    // SAFETY: a socket keeps its credential.
    let owner = unsafe { jid_of(socket.owner()) };
    address::lines_of_socket(jail.lines(), owner == Some(jail.jid()))
}
