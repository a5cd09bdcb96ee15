// SPDX-License-Identifier: BSD-2-Clause
//! Entering a jail, rjail's or the kernel's own, and asking what one did.

use core::ffi::CStr;

use crate::errno::{EINVAL, ENOENT, ENOSYS};
use crate::net::sockets::{Ip, Lists, ip4};
use crate::sys::{self, Error, Result, Shared, address_of};

/// `RJAIL_PAPER`: its own host name, its own low ports.
pub const PAPER: u32 = 0x21;
/// `RJAIL_STATFS_BELOW`: mounts beneath the root are seen.
pub const STATFS_BELOW: u32 = 0x0800;
/// `RJAIL_STATFS_ALL`: all mounts are seen.
pub const STATFS_ALL: u32 = 0x1000;
/// `RJAIL_TUN`: devices of tunnels.
pub const TUN: u32 = 0x4000;
/// `RJAIL_ALL_DEVICES`: no list of devices.
pub const ALL_DEVICES: u32 = 0x8000;
/// `RJAIL_SYSVIPC`: System V IPC, the host's as well.
pub const SYSVIPC: u32 = 0x8;
/// `RJAIL_SYSVIPC_OWN`: System V IPC of its own.
pub const SYSVIPC_OWN: u32 = 0x1_0000;
/// Every flag that version 1 has.
pub const ALL_FLAGS: u32 = 0x1_ffff;
/// Most addresses a jail can have.
pub const MOST_ADDRESSES: u32 = abi::MAX_IP4;

/// `struct rjail_args`.
#[derive(Clone, Copy)]
pub struct Args(pub abi::Args);

impl Args {
    /// Good arguments.
    pub fn new(path: &CStr, hostname: &CStr, ip4: &[[u8; 4]]) -> Self {
        Self(abi::Args {
            size: size_of::<abi::Args>().try_into().unwrap_or(0),
            version: abi::VERSION,
            path: address_of(path),
            hostname: address_of(hostname),
            ip4: address_of(ip4),
            ip4s: u32::try_from(ip4.len()).unwrap_or(u32::MAX),
            flags: PAPER,
            privileges: 0,
            ip6: 0,
            ip6s: 0,
            loopback: abi::loopback::REWRITE,
            name: 0,
        })
    }

    /// The same with these IPv6 addresses.
    pub fn with_ip6(mut self, ip6: &[[u8; 16]]) -> Self {
        self.0.ip6 = address_of(ip6);
        self.0.ip6s = u32::try_from(ip6.len()).unwrap_or(u32::MAX);
        self
    }

    /// The same with this kind of loopback.
    pub const fn with_loopback(mut self, loopback: u32) -> Self {
        self.0.loopback = loopback;
        self
    }

    /// The same with this name.
    pub fn with_name(mut self, name: &CStr) -> Self {
        self.0.name = address_of(name);
        self
    }

    /// The same with these flags alone.
    pub const fn with_flags(mut self, flags: u32) -> Self {
        self.0.flags = flags;
        self
    }

    /// The same with these privileges added and taken away.
    pub fn with_privileges(mut self, privileges: &CStr) -> Self {
        self.0.privileges = address_of(privileges);
        self
    }

    /// rjail(2) with them.
    pub fn enter(&self) -> Result<i64> {
        enter_at(address_of(&self.0))
    }
}

/// rjail(2) with arguments at this address; ENOSYS when the module is not there.
pub fn enter_at(arguments: usize) -> Result<i64> {
    sys::rjail(number()?, abi::operation::CREATE, arguments)
}

/// The system call's, found as `rjail.h` does.
fn number() -> Result<usize> {
    let number = sys::sysctl_number("security.rjail.syscall")
        .map_err(|Error(e)| Error(if e == ENOENT { ENOSYS } else { e }))?;
    usize::try_from(number).map_err(|_| Error(ENOSYS))
}

/// Room for the ledger of one jail: more rows than any kernel has privileges.
pub type Ledger = [abi::Row; 300];

/// rjail_get(2) of the jail with this number, or of the next.
pub fn get(jid: i64, which: u32, ledger: &mut [abi::Row]) -> Result<abi::Info> {
    let mut info = abi::Info {
        size: size_of::<abi::Info>().try_into().unwrap_or(0),
        version: abi::VERSION,
        jid,
        which,
        ..abi::Info::default()
    };
    let found = sys::rjail_get(number()?, &mut info, ledger)?;
    if found == info.jid { Ok(info) } else { Err(Error(EINVAL)) }
}

/// Whether the jail with this number is called so.
pub fn is_named(jid: i64, name: &CStr) -> Result<bool> {
    let bytes = Shared::new([0_u8; 80])?;
    let mut info = abi::Info {
        size: size_of::<abi::Info>().try_into().unwrap_or(0),
        version: abi::VERSION,
        jid,
        name: bytes.address(),
        name_size: 80,
        ..abi::Info::default()
    };
    sys::rjail_get(number()?, &mut info, &mut [])?;
    let said = bytes.get();
    let size = name.to_bytes_with_nul().len();
    Ok(usize::try_from(info.name_size) == Ok(size)
        && CStr::from_bytes_until_nul(&said).ok() == Some(name))
}

/// rjail_get(2) with a structure at this address.
pub fn get_at(structure: usize) -> Result<i64> {
    sys::rjail(number()?, abi::operation::GET, structure)
}

/// The system call with an operation that it may not have.
pub fn operate(operation: i32, structure: usize) -> Result<i64> {
    sys::rjail(number()?, operation, structure)
}

/// rjail(2) with these arguments in a child of vfork(2).
pub fn enter_after_vfork(args: &Args) -> Result<i64> {
    operate_after_vfork(abi::operation::CREATE, address_of(&args.0))
}

/// The system call in a child of vfork(2).
pub fn operate_after_vfork(operation: i32, structure: usize) -> Result<i64> {
    sys::rjail_after_vfork(number()?, operation, structure)
}

/// Arguments of rjail_attach(2).
pub fn attach_args(jid: i64) -> abi::Attach {
    let size = size_of::<abi::Attach>().try_into().unwrap_or(0);
    abi::Attach { size, version: abi::VERSION, jid }
}

/// rjail_attach(2).
pub fn attach(jid: i64) -> Result<i64> {
    operate(abi::operation::ATTACH, address_of(&attach_args(jid)))
}

/// Arguments of rjail_kill(2).
pub fn kill_args(jid: i64, signal: i32, flags: u32, milliseconds: u64) -> abi::Kill {
    let size = size_of::<abi::Kill>().try_into().unwrap_or(0);
    abi::Kill { size, version: abi::VERSION, jid, signal, flags, milliseconds }
}

/// rjail_kill(2) without a flag.
pub fn kill(jid: i64, signal: i32) -> Result<i64> {
    operate(abi::operation::KILL, address_of(&kill_args(jid, signal, 0, 0)))
}

/// rjail_kill(2) with `RJAIL_CLOSE`.
pub fn close(jid: i64, milliseconds: u64) -> Result<i64> {
    const SIGKILL: i32 = 9;
    let args = kill_args(jid, SIGKILL, abi::CLOSE, milliseconds);
    operate(abi::operation::KILL, address_of(&args))
}

/// rjail_hold(2).
pub fn hold(args: &Args) -> Result<i32> {
    let descriptor = operate(abi::operation::HOLD, address_of(&args.0))?;
    i32::try_from(descriptor).map_err(|_| Error(EINVAL))
}

/// Arguments of rjail_why(2).
pub fn why_args(jid: i64, privilege: &CStr) -> abi::Why {
    let size = size_of::<abi::Why>().try_into().unwrap_or(0);
    let privilege = address_of(privilege);
    abi::Why { size, version: abi::VERSION, jid, privilege, ..abi::Why::default() }
}

/// rjail_why(2), with the text as far as there is room.
pub fn why(jid: i64, privilege: &CStr, text: &mut [u8]) -> Result<abi::Why> {
    let mut why = why_args(jid, privilege);
    let found = sys::rjail_why(number()?, &mut why, text)?;
    if found == jid { Ok(why) } else { Err(Error(EINVAL)) }
}

/// What rjail_get(2) says of a jail.
pub fn info(jid: i64) -> Result<abi::Info> {
    get(jid, abi::THIS, &mut [])
}

/// The number of the jail that comes first.
pub fn first() -> Result<i64> {
    get(0, abi::NEXT, &mut []).map(|info| info.jid)
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
    /// The same with an address of each family.
    pub fn enter_both(
        self,
        path: &CStr,
        hostname: &CStr,
        (inet, inet6): ([u8; 4], Ip),
    ) -> Result<()> {
        let [a, b, c, d] = inet;
        match self {
            Self::Native => Lists::of(&[ip4(a, b, c, d), inet6]).enter_native_at(path, hostname),
            Self::Rjail => Args::new(path, hostname, &[inet]).with_ip6(&[inet6]).enter().map(drop),
        }
    }

    /// Makes a jail of this kind and enters it.
    pub fn enter(self, path: &CStr, hostname: &CStr, address: [u8; 4]) -> Result<()> {
        match self {
            Self::Native => sys::jail(path, hostname, address).map(drop),
            Self::Rjail => Args::new(path, hostname, &[address]).enter().map(drop),
        }
    }
}
