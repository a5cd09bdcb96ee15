// SPDX-License-Identifier: BSD-2-Clause
//! Character devices, as a vnode of devfs(5) leads to them. C source:
//! `sys/sys/conf.h`, `sys/kern/kern_conf.c`, `sys/fs/devfs/devfs_vnops.c`.

use core::ffi::{CStr, c_char, c_int};
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::credential::jid_of;
use crate::device::{Maker, Node};

/// A device and its driver.
///
/// # Invariants
/// Both are alive: the device's count of threads inside is one higher for this
/// value, or the device is one that never goes.
pub(crate) struct Device {
    device: NonNull<c::cdev>,
    driver: NonNull<c::cdevsw>,
    /// What the kernel wants back.
    counted: c_int,
}

impl Device {
    /// The device behind a vnode; `None` when there is no driver behind it, as
    /// with a node that is not in devfs, seen through another file system or
    /// destroyed.
    ///
    /// # Safety
    /// A locked vnode of a character device. No lock of devices is held.
    pub(crate) unsafe fn of(vnode: *mut c::vnode) -> Option<Self> {
        let (mut device, mut counted) = (ptr::null_mut(), 0);
        // SAFETY: as the caller says; the rest are places to write to.
        let driver = unsafe { c::devvn_refthread(vnode, &raw mut device, &raw mut counted) };
        let driver = NonNull::new(driver)?;
        Some(Self { device: NonNull::new(device)?, driver, counted })
    }

    fn driver(&self) -> &[u8] {
        // SAFETY: alive (invariant); constant.
        let name = unsafe { (*self.driver.as_ptr()).d_name };
        // SAFETY: null, or text that lives as long as the driver.
        unsafe { text(name) }
    }

    fn name(&self) -> &[u8] {
        // SAFETY: alive (invariant).
        let name = unsafe { &raw const (*self.device.as_ptr()).si_name };
        // SAFETY: written and closed before the device was first found, and
        // constant since.
        unsafe { text(name.cast()) }
    }

    fn maker(&self) -> Maker {
        // SAFETY: alive (invariant); constant from the making on.
        let cred = unsafe { (*self.device.as_ptr()).si_cred };
        if cred.is_null() {
            return Maker::System;
        }
        // SAFETY: a device keeps the credential it was made with.
        Maker::Process(unsafe { jid_of(cred) })
    }

    fn controls_caller(&self) -> bool {
        // SAFETY: alive (invariant); takes and drops the process lock.
        unsafe { c::rjail_c_is_controlling_terminal(self.device.as_ptr()) }
    }

    /// What a decision wants to know of it, asked for by the running process.
    pub(crate) fn node(&self) -> Node<'_> {
        Node {
            driver: self.driver(),
            name: self.name(),
            maker: self.maker(),
            controls: self.controls_caller(),
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: what `devvn_refthread` counted, given back once.
        unsafe { c::dev_relthread(self.device.as_ptr(), self.counted) };
    }
}

/// # Safety
/// Null, or text closed by a NUL that stays as it is for `'a`.
unsafe fn text<'a>(start: *const c_char) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(start) }.to_bytes()
}
