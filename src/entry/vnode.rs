// SPDX-License-Identifier: BSD-2-Clause
//! Opening: devices, sockets by their names, and files anew. C source:
//! `sys/kern/vfs_vnops.c`, `sys/kern/uipc_usrreq.c`, `sys/kern/vfs_syscalls.c`,
//! `sys/security/mac/mac_vfs.c`.

use core::ffi::c_int;

use sys_bindings as c;

use super::descriptor;
use crate::kernel::credential::{Jail, jail_of, jid_of};
use crate::kernel::device::Device;
use crate::kernel::unix;
use crate::{Errno, Result, device, jail};

/// open(2) and its kin; connect(2) and sendto(2) to a UNIX-domain socket by its
/// name, which ask to write to the name.
///
/// An unjailed process passes unless it connects to a socket, which may be a
/// jail's. A socket that is opened otherwise is opened as `O_PATH`.
///
/// # Safety
/// Called by the MAC framework alone: live credential, locked vnode.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_vnode_check_open(
    cred: *mut c::ucred,
    vnode: *mut c::vnode,
    _label: *mut c::label,
    access: c::accmode_t,
) -> c_int {
    // SAFETY: locked, so of one type meanwhile.
    if unsafe { (*vnode).v_type } == c::VSOCK {
        // SAFETY: as this function's caller says; a socket's.
        return unsafe { open_socket(cred, vnode, access) };
    }
    // SAFETY: alive during the call.
    if unsafe { jid_of(cred) }.is_none() {
        return 0;
    }
    // SAFETY: as this function's caller says.
    unsafe { open_inside(cred, vnode) }
}

/// # Safety
/// A live credential, and a referenced and locked vnode of a socket.
#[inline(never)]
unsafe fn open_socket(cred: *const c::ucred, vnode: *mut c::vnode, access: c::accmode_t) -> c_int {
    if access & c::VWRITE != 0 {
        // SAFETY: as the caller says.
        return unsafe { connect(cred, vnode) };
    }
    // SAFETY: as the caller says.
    unsafe { open_inside(cred, vnode) }
}

/// # Safety
/// A live credential, and a locked vnode of a socket.
unsafe fn connect(cred: *const c::ucred, vnode: *mut c::vnode) -> c_int {
    // SAFETY: as the caller says.
    let subject = unsafe { jid_of(cred) };
    // SAFETY: as the caller says.
    let owner = unsafe { unix::owner(vnode) };
    // Nobody's: the kernel says ECONNREFUSED.
    let Some(owner) = owner else { return 0 };
    // SAFETY: `owner` is a reference.
    let owner = unsafe { jid_of(owner.as_ptr()) };
    Errno::from_result(crate::unix::connect(subject, owner, jail::unix_cross_jail()))
}

/// # Safety
/// A live credential, and a vnode that is referenced and locked.
#[inline(never)]
unsafe fn open_inside(cred: *const c::ucred, vnode: *mut c::vnode) -> c_int {
    // SAFETY: as the caller says.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as for the hook.
    if unsafe { (*vnode).v_type } == c::VCHR {
        // SAFETY: as the caller says; a device's.
        if let Err(errno) = unsafe { open_device(jail, vnode) } {
            return errno.number();
        }
    }
    // SAFETY: as the caller says.
    Errno::from_result(unsafe { descriptor::open(jail, vnode) })
}

/// # Safety
/// A locked vnode of a device.
unsafe fn open_device(jail: &Jail, vnode: *mut c::vnode) -> Result {
    // SAFETY: as the caller says.
    let found = unsafe { Device::of(vnode) };
    let node = found.as_ref().map(Device::node);
    device::open(jail.jid(), jail.flags(), node.as_ref())
}

/// revoke(2).
///
/// # Safety
/// Called by the MAC framework alone: live credential, locked vnode of a device.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_vnode_check_revoke(
    cred: *mut c::ucred,
    vnode: *mut c::vnode,
    _label: *mut c::label,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as this function's caller says.
    unsafe { revoke_inside(jail, vnode) }
}

/// # Safety
/// A locked vnode of a device.
#[inline(never)]
unsafe fn revoke_inside(jail: &Jail, vnode: *mut c::vnode) -> c_int {
    // SAFETY: as the caller says.
    let found = unsafe { Device::of(vnode) };
    let node = found.as_ref().map(Device::node);
    Errno::from_result(device::revoke(jail.jid(), node.as_ref()))
}
