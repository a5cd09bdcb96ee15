// SPDX-License-Identifier: BSD-2-Clause
//! The mounts that a jail learns of. C source: `kern_getfsstat` and
//! `kern_do_statfs` in `sys/kern/vfs_syscalls.c`.

use core::ffi::c_int;

use sys_bindings as c;

use crate::kernel::credential::{Jail, jail_of};
use crate::kernel::path;
use crate::{Errno, root};

/// statfs(2) and its kin. No sleep: getfsstat(2) holds the list's mutex.
///
/// # Safety
/// Called by the MAC framework alone: live credential, mount that stays.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_mount_check_stat(
    cred: *mut c::ucred,
    mount: *mut c::mount,
    _label: *mut c::label,
) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as this function's caller says.
    unsafe { stat_inside(jail, mount) }
}

/// # Safety
/// The mount stays.
#[inline(never)]
unsafe fn stat_inside(jail: &Jail, mount: *const c::mount) -> c_int {
    // SAFETY: busy, or on the list whose mutex is held.
    let (mount, at) = unsafe { path::mount(mount) };
    Errno::from_result(root::may_see_mount(jail.flags(), jail.view(), mount, at))
}
