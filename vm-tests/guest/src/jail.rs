// SPDX-License-Identifier: BSD-2-Clause
//! Entering a jail, rjail's or the kernel's own. The structure and the flags
//! are those of `kmod/rjail.h`.

use core::ffi::CStr;

use crate::sys::{self, Error, Result, address_of};

/// `RJAIL_PAPER`: its own host name, its own low ports.
pub const PAPER: u32 = 0x21;
/// Every flag that version 1 has.
pub const ALL_FLAGS: u32 = 0x7ff;
/// Most addresses a jail can have.
pub const MOST_ADDRESSES: u32 = 255;

const SIZE: u32 = 40;
const _: () = assert!(size_of::<Args>() == 40, "struct rjail_args of kmod/rjail.h");
const ENOENT: i32 = 2;
const ENOSYS: i32 = 78;

/// `struct rjail_args`. Pointers are numbers here, because some tests pass
/// wrong ones.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Args {
    /// Of this structure, bytes.
    pub size: u32,
    /// Of the interface.
    pub version: u32,
    /// The jail's root.
    pub path: usize,
    /// The jail's host name.
    pub hostname: usize,
    /// The jail's addresses.
    pub ip4: usize,
    /// How many.
    pub ip4s: u32,
    /// What root in the jail may do.
    pub flags: u32,
}

impl Args {
    /// Good arguments.
    pub fn new(path: &CStr, hostname: &CStr, ip4: &[[u8; 4]]) -> Self {
        Self {
            size: SIZE,
            version: 1,
            path: address_of(path),
            hostname: address_of(hostname),
            ip4: address_of(ip4),
            ip4s: u32::try_from(ip4.len()).unwrap_or(u32::MAX),
            flags: PAPER,
        }
    }

    /// rjail(2) with them.
    pub fn enter(&self) -> Result<i64> {
        enter_at(address_of(self))
    }
}

/// rjail(2) with arguments at this address; ENOSYS when the module is not there.
pub fn enter_at(arguments: usize) -> Result<i64> {
    let number = sys::module_syscall(c"sys/rjail")
        .map_err(|Error(e)| Error(if e == ENOENT { ENOSYS } else { e }))?;
    sys::rjail(number, arguments)
}

/// rjail(2) with these arguments in a child of vfork(2).
pub fn enter_after_vfork(args: &Args) -> Result<i64> {
    sys::rjail_after_vfork(sys::module_syscall(c"sys/rjail")?, address_of(args))
}

/// Which kind of jail a run is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// jail(2).
    Native,
    /// rjail(2).
    Rjail,
}

impl Kind {
    /// Makes a jail of this kind and enters it.
    pub fn enter(self, path: &CStr, hostname: &CStr, address: [u8; 4]) -> Result<()> {
        match self {
            Self::Native => sys::jail(path, hostname, address).map(drop),
            Self::Rjail => Args::new(path, hostname, &[address]).enter().map(drop),
        }
    }
}
