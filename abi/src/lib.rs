// SPDX-License-Identifier: BSD-2-Clause
//! `kmod/rjail.h` in Rust: what user programs and the kernel module say to each
//! other. The module asserts, while it is compiled, that both have one layout.
//!
//! Addresses are numbers here: the kernel believes none of them.

#![no_std]
#![forbid(unsafe_code)]

/// `RJAIL_VERSION`: of the structures.
pub const VERSION: u32 = 1;

/// What the system call is to do: its first argument.
pub mod operation {
    /// `RJAIL_CREATE`, with [`Args`](super::Args).
    pub const CREATE: i32 = 1;
    /// `RJAIL_GET`, with [`Info`](super::Info).
    pub const GET: i32 = 2;
}

/// `RJAIL_DEFAULTS`: a flag beside those of a jail, for what the sysctls under
/// `security.rjail` say.
pub const DEFAULTS: u32 = 0x8000_0000;

/// `RJAIL_MAX_IP4`: most addresses a jail can have.
pub const MAX_IP4: u32 = 255;

/// `struct rjail_args`: how to make a jail.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Args {
    /// Of this structure, bytes.
    pub size: u32,
    /// [`VERSION`].
    pub version: u32,
    /// The jail's root, a directory: a C string.
    pub path: usize,
    /// The jail's host name: a C string.
    pub hostname: usize,
    /// Its addresses, four bytes each, network order.
    pub ip4: usize,
    /// How many.
    pub ip4s: u32,
    /// What root in the jail may do.
    pub flags: u32,
    /// Privileges to add and take away: a C string of `+NAME` and `-NAME`
    /// between blanks, or null.
    pub privileges: usize,
}

/// `struct rjail_info`: what a jail is, and did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Info {
    /// Of this structure, bytes.
    pub size: u32,
    /// [`VERSION`].
    pub version: u32,
    /// In: which jail. Out: the same, or the next.
    pub jid: i64,
    /// In: [`THIS`] or [`NEXT`].
    pub which: u32,
    /// Out: its flags.
    pub flags: u32,
    /// Out: 2, or 1 when the label alone confines it.
    pub lines: u32,
    /// Out: how many addresses it has.
    pub ip4s: u32,
    /// In: room at `ledger`, in rows. Out: rows that there are.
    pub rows: u32,
    /// Out: requests for privileges by numbers that have no name.
    pub unnamed: u32,
    /// Out: the last such number.
    pub last_unnamed: i32,
    /// Out: requests in no count, for want of memory.
    pub missed: u32,
    /// Where the ledger goes, [`Row`]s, or null.
    pub ledger: usize,
}

/// `RJAIL_THIS`: the jail of this number.
pub const THIS: u32 = 0;
/// `RJAIL_NEXT`: the jail of the next greater number.
pub const NEXT: u32 = 1;

/// Bytes of a privilege's name, its NUL included.
pub const NAME: usize = 32;

/// `struct rjail_privilege`: one privilege, as one jail has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// As `sys/priv.h` names it, NUL to the end.
    pub name: [u8; NAME],
    /// The kernel's number.
    pub number: i32,
    /// [`HELD`], or not.
    pub state: u32,
    /// How often it was allowed, or more often at 2^32 - 1.
    pub allowed: u64,
    /// How often it was denied, or more often at 2^24 - 1.
    pub denied: u64,
}

/// `RJAIL_HELD`: root in the jail has it.
pub const HELD: u32 = 1;

impl Row {
    /// The name without what fills it up.
    #[must_use]
    pub fn name(&self) -> &str {
        let end = self.name.iter().position(|byte| *byte == 0).unwrap_or(NAME);
        self.name.get(..end).and_then(|name| core::str::from_utf8(name).ok()).unwrap_or_default()
    }
}
