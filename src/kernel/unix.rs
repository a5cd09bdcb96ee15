// SPDX-License-Identifier: BSD-2-Clause
//! UNIX-domain sockets by their names. C source: `sys/kern/uipc_usrreq.c`,
//! `sys/sys/unpcb.h`.

use sys_bindings as c;

use super::credential::Credential;

/// The credential that made the socket bound to a name; `None` when nobody has
/// bound it, or has closed it since. It cannot be another socket's a moment
/// later: a name is bound once, when it is made.
///
/// # Safety
/// A locked vnode of a socket. Neither its interlock nor a lock of a UNIX-domain
/// socket is held.
pub(crate) unsafe fn owner(vnode: *mut c::vnode) -> Option<Credential> {
    // SAFETY: as the caller says; takes and drops the lock that the socket is
    // bound and unbound under.
    let owner = unsafe { c::rjail_c_socket_owner(vnode) };
    // SAFETY: null, or comes with a reference, which is ours.
    unsafe { Credential::from_raw(owner) }
}
