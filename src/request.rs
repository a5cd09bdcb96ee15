// SPDX-License-Identifier: BSD-2-Clause
//! What a process hands in with rjail(2) and its kin: from its memory to values
//! that are within their limits, and back.
//!
//! Nothing of it is believed. Each byte is copied once, and what is checked is the
//! copy; only the size of a structure is read twice, and must be the same twice. C
//! source of what it answers to: copyin(9), `kern_jail_set` in `sys/kern/kern_jail.c`.

#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::ffi::CStr;
use core::mem::size_of;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::address::{self, Loopback};
use crate::kernel::memory::{try_collect, try_push};
use crate::kernel::plain::{Plain, bytes_of};
use crate::prison::Name;
use crate::privilege::{LONGEST, Named, Numbers, Privilege};
use crate::{Errno, Result};

/// Bytes of the longest path, its NUL included: `MAXPATHLEN`.
pub const PATH: usize = 1024;
/// Bytes of the longest host name, its NUL included: `MAXHOSTNAMELEN`.
pub const HOSTNAME: usize = 256;

/// The memory of a process: what it writes there meanwhile comes out of the next
/// read. An address may be anything.
pub trait Memory {
    /// Copies one value in.
    ///
    /// # Errors
    /// `EFAULT`.
    fn read<T: Plain>(&self, at: usize) -> Result<T>;

    /// Copies `count` values in.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`.
    fn read_slice<T: Plain>(&self, at: usize, count: usize) -> Result<Vec<T>>;

    /// Copies a string in: at most `limit` bytes, the NUL among them.
    ///
    /// # Errors
    /// `EFAULT`; `ENAMETOOLONG` when there is no NUL within the limit; `ENOMEM`.
    fn read_string(&self, at: usize, limit: usize) -> Result<Text>;

    /// Copies bytes out.
    ///
    /// # Errors
    /// `EFAULT`.
    fn write_bytes(&self, at: usize, bytes: &[u8]) -> Result;

    /// Copies one value out.
    ///
    /// # Errors
    /// `EFAULT`.
    fn write<T: Plain>(&self, at: usize, value: &T) -> Result {
        self.write_bytes(at, bytes_of(value))
    }

    /// Copies a string out with a NUL behind it, if it has room and the address is
    /// not null; how many bytes that takes.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a string that no `u32` counts.
    fn write_string(&self, at: usize, room: u32, text: &[u8]) -> Result<u32> {
        let size = text.len().checked_add(1).and_then(|size| u32::try_from(size).ok());
        let size = size.ok_or(Errno::EINVAL)?;
        if at != 0 && room >= size {
            self.write_bytes(at, text)?;
            self.write_bytes(at.wrapping_add(text.len()), &[0])?;
        }
        Ok(size)
    }

    /// Copies out as many values as there is room for, none to a null pointer; how
    /// many there are.
    ///
    /// # Errors
    /// `EFAULT`.
    fn write_list<T: Plain>(
        &self,
        at: usize,
        room: u32,
        list: impl Iterator<Item = T>,
    ) -> Result<u32> {
        let (mut there, mut place) = (0, at);
        for value in list {
            if at != 0 && there < room {
                self.write(place, &value)?;
                place = place.wrapping_add(size_of::<T>());
            }
            there += 1;
        }
        Ok(there)
    }
}

/// A string of a process, in kernel memory.
#[derive(Debug)]
pub struct Text(Bytes);

#[derive(Debug)]
enum Bytes {
    Copied(Vec<u8>),
    Static(&'static CStr),
}

impl Text {
    /// What was copied in, up to and with its NUL.
    #[must_use]
    pub const fn copied(bytes: Vec<u8>) -> Self {
        Self(Bytes::Copied(bytes))
    }

    /// One of the kernel's own.
    ///
    /// # Errors
    /// `ENOENT` for an empty one, `ENOMEM`. May sleep.
    pub fn new(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut bytes = try_collect(text.iter().copied())?;
        try_push(&mut bytes, 0)?;
        Ok(Self::copied(bytes))
    }

    /// One that the module itself made up.
    #[must_use]
    pub const fn from_static(text: &'static CStr) -> Self {
        Self(Bytes::Static(text))
    }

    /// With its NUL, for the kernel.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        match &self.0 {
            Bytes::Copied(bytes) => CStr::from_bytes_until_nul(bytes).unwrap_or_default(),
            Bytes::Static(text) => text,
        }
    }

    /// Without it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }
}

/// A structure that begins with its size and version.
pub trait Structure: Plain {
    /// Both.
    fn head(&self) -> (u32, u32);
}

macro_rules! structures {
    ($($name:ident)*) => {
        $(impl Structure for abi::$name {
            fn head(&self) -> (u32, u32) {
                (self.size, self.version)
            }
        })*
    };
}
structures! { Args Info Attach Kill Why }

/// Copies a structure in.
///
/// # Errors
/// `EFAULT`; `EINVAL` for another size or version than this kernel's.
pub fn structure<T: Structure>(memory: &impl Memory, at: usize) -> Result<T> {
    // The size comes first, so that a structure of another version is never
    // read as this one.
    let size = memory.read::<u32>(at)?;
    if usize::try_from(size) != Ok(size_of::<T>()) {
        return Err(Errno::EINVAL);
    }
    let value: T = memory.read(at)?;
    // Read a second time with the rest: another thread may have changed it.
    if value.head() == (size, abi::VERSION) { Ok(value) } else { Err(Errno::EINVAL) }
}

/// What rjail(2) was given, copied in and not yet believed.
#[derive(Debug)]
pub struct Request {
    /// Less than [`PATH`] bytes.
    pub path: Text,
    /// Less than [`HOSTNAME`] bytes.
    pub hostname: Text,
    /// Or none.
    pub name: Name,
    /// At most [`address::MAX`]; which ones, `Addresses::new` looks.
    pub ip4: Vec<Ipv4Addr>,
    /// Likewise.
    pub ip6: Vec<Ipv6Addr>,
    /// What the machine's own addresses are to it.
    pub loopback: Loopback,
    /// Any bits.
    pub flags: u32,
    /// And those that the sysctls name.
    pub defaults: bool,
    /// Single privileges.
    pub named: Named,
}

impl Request {
    /// Copies the arguments in, for the kernel that has these numbers.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a size, a version, a count, a choice of loopback, a
    /// privilege's name or the jail's; `ENAMETOOLONG`; `ENOMEM`.
    pub fn read(memory: &impl Memory, at: usize, numbers: &Numbers) -> Result<Self> {
        let args: abi::Args = structure(memory, at)?;
        let (ip4s, ip6s) = (count(args.ip4s)?, count(args.ip6s)?);
        let loopback = match args.loopback {
            abi::loopback::REWRITE => Loopback::Rewrite,
            abi::loopback::REFUSE => Loopback::Refuse,
            abi::loopback::SHARE => Loopback::Share,
            _ => return Err(Errno::EINVAL),
        };
        let path = memory.read_string(args.path, PATH)?;
        let hostname = memory.read_string(args.hostname, HOSTNAME)?;
        let ip4 = memory.read_slice(args.ip4, ip4s)?;
        let ip6 = memory.read_slice(args.ip6, ip6s)?;
        let named = if args.privileges == 0 {
            Named::NONE
        } else {
            Named::parse(numbers, memory.read_string(args.privileges, LONGEST)?.as_bytes())?
        };
        let name = if args.name == 0 {
            Name::NONE
        } else {
            Name::new(memory.read_string(args.name, Name::LONGEST + 1)?.as_bytes())?
        };
        let (flags, defaults) = (args.flags & !abi::DEFAULTS, args.flags & abi::DEFAULTS != 0);
        Ok(Self { path, hostname, name, ip4, ip6, loopback, flags, defaults, named })
    }
}

/// A number of addresses that a jail can have.
fn count(given: u32) -> Result<usize> {
    let count = usize::try_from(given).map_err(|_| Errno::EINVAL)?;
    if count > address::MAX { Err(Errno::EINVAL) } else { Ok(count) }
}

/// A jail's number, as a process gives it.
///
/// # Errors
/// `EINVAL` for one below 0.
pub fn jid(given: i64) -> Result<u64> {
    u64::try_from(given).map_err(|_| Errno::EINVAL)
}

/// Which jail rjail_get(2) is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one of this number.
    This(u64),
    /// The one of the next greater number.
    Next(u64),
    /// The one that this descriptor holds.
    HeldBy(i32),
}

impl Which {
    /// # Errors
    /// `EINVAL` for another choice, and a number below 0; `EBADF` for one that no
    /// descriptor has.
    pub fn new(which: u32, number: i64) -> Result<Self> {
        match which {
            abi::THIS => jid(number).map(Self::This),
            abi::NEXT => jid(number).map(Self::Next),
            abi::HELD_BY => i32::try_from(number).map(Self::HeldBy).map_err(|_| Errno::EBADF),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// A privilege that rjail_why(2) is asked about, by its name: the one that stands
/// for its number.
///
/// # Errors
/// `EFAULT`; `ENAMETOOLONG`; `EINVAL` for a name that this kernel has not.
pub fn privilege(memory: &impl Memory, at: usize, numbers: &Numbers) -> Result<Privilege> {
    let name = memory.read_string(at, abi::NAME)?;
    let privilege = Privilege::from_bytes(name.as_bytes()).ok_or(Errno::EINVAL)?;
    numbers.canonical(privilege).ok_or(Errno::EINVAL)
}

/// What a sysctl that is on or off was set to.
///
/// # Errors
/// `EINVAL` for neither 0 nor 1.
pub const fn switch(value: i32) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::EINVAL),
    }
}
