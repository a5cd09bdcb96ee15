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
    /// `RJAIL_ATTACH`, with [`Attach`](super::Attach).
    pub const ATTACH: i32 = 3;
    /// `RJAIL_KILL`, with [`Kill`](super::Kill).
    pub const KILL: i32 = 4;
    /// `RJAIL_WHY`, with [`Why`](super::Why).
    pub const WHY: i32 = 5;
    /// `RJAIL_HOLD`, with [`Args`](super::Args).
    pub const HOLD: i32 = 6;
}

/// `RJAIL_DEFAULTS`: a flag beside those of a jail, for what the sysctls under
/// `security.rjail` say.
pub const DEFAULTS: u32 = 0x8000_0000;

/// `RJAIL_MAX_IP4`: most IPv4 addresses a jail can have.
pub const MAX_IP4: u32 = 255;
/// `RJAIL_MAX_IP6`: most IPv6 addresses.
pub const MAX_IP6: u32 = 255;
/// `RJAIL_MAX_NAME`: longest name, without its NUL.
pub const MAX_NAME: u32 = 64;

/// `RJAIL_LOOPBACK_*`: what 127.0.0.1 and `::1` are inside.
pub mod loopback {
    /// The jail's first address of the family.
    pub const REWRITE: u32 = 0;
    /// Nothing: `EADDRNOTAVAIL`.
    pub const REFUSE: u32 = 1;
    /// The machine's, among the addresses of the jail.
    pub const SHARE: u32 = 2;
}

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
    /// Its IPv4 addresses, four bytes each, network order.
    pub ip4: usize,
    /// How many.
    pub ip4s: u32,
    /// What root in the jail may do.
    pub flags: u32,
    /// Privileges to add and take away: a C string of `+NAME` and `-NAME`
    /// between blanks, or null.
    pub privileges: usize,
    /// Its IPv6 addresses, sixteen bytes each.
    pub ip6: usize,
    /// How many.
    pub ip6s: u32,
    /// One of [`loopback`].
    pub loopback: u32,
    /// Its name for rctl(8), a C string, or null.
    pub name: usize,
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
    /// In: [`THIS`], [`NEXT`] or [`HELD_BY`].
    pub which: u32,
    /// Out: its flags.
    pub flags: u32,
    /// Out: 2, or 1 when the label alone confines it.
    pub lines: u32,
    /// In: room at `ip4`, in addresses. Out: IPv4 addresses that there are.
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
    /// Where the IPv4 addresses go, four bytes each, network order, or null.
    pub ip4: usize,
    /// Where its host name goes, or null.
    pub hostname: usize,
    /// Where its path goes, from the machine's root, or null.
    pub path: usize,
    /// In: room at `hostname`. Out: the bytes of it, its NUL included.
    pub hostname_size: u32,
    /// In: room at `path`. Out: the bytes of it, its NUL included.
    pub path_size: u32,
    /// Out: [`ALIVE`], [`CLOSING`] or [`DYING`].
    pub state: u32,
    /// Out: its processes, zombies included.
    pub processes: u32,
    /// Out: the descriptors that hold it.
    pub descriptors: u32,
    /// Out: its credentials, of processes, files, sockets and whatever else.
    pub credentials: u32,
    /// Out: its files that processes outside have open; counted while it has no
    /// process.
    pub files: u32,
    /// Out: its connections and ports, likewise.
    pub connections: u32,
    /// Where the IPv6 addresses go, or null.
    pub ip6: usize,
    /// In: room at `ip6`, in addresses. Out: IPv6 addresses that there are.
    pub ip6s: u32,
    /// Out: one of [`loopback`].
    pub loopback: u32,
    /// Where its name goes, or null; empty when it was given none.
    pub name: usize,
    /// In: room at `name`. Out: the bytes of it, its NUL included.
    pub name_size: u32,
    /// Out: 0.
    pub spare: u32,
}

/// `RJAIL_THIS`: the jail of this number.
pub const THIS: u32 = 0;
/// `RJAIL_NEXT`: the jail of the next greater number.
pub const NEXT: u32 = 1;
/// `RJAIL_HELD_BY`: the jail that this descriptor holds.
pub const HELD_BY: u32 = 2;

/// `RJAIL_ALIVE`: it can be entered.
pub const ALIVE: u32 = 0;
/// `RJAIL_CLOSING`: nobody enters it any more, and its processes are ending.
pub const CLOSING: u32 = 1;
/// `RJAIL_DYING`: no process is left; something still has its credential.
pub const DYING: u32 = 2;

/// `struct rjail_attach`: which jail to enter.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Attach {
    /// Of this structure, bytes.
    pub size: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Which jail.
    pub jid: i64,
}

/// `struct rjail_kill`: a signal to all of a jail.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Kill {
    /// Of this structure, bytes.
    pub size: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Which jail.
    pub jid: i64,
    /// The signal; 0 only counts.
    pub signal: i32,
    /// [`CLOSE`], or 0.
    pub flags: u32,
    /// With [`CLOSE`]: how long to wait for the last process at most.
    pub milliseconds: u64,
}

/// `RJAIL_CLOSE`: nobody enters any more, and what is forked dies at birth.
pub const CLOSE: u32 = 1;
/// `RJAIL_MAX_WAIT`: the longest wait, in milliseconds.
pub const MAX_WAIT: u64 = 3_600_000;

/// `struct rjail_why`: could root in a jail use a privilege, and why (not)?
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Why {
    /// Of this structure, bytes.
    pub size: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Which jail.
    pub jid: i64,
    /// The privilege's name: a C string.
    pub privilege: usize,
    /// Where a sentence goes, or null.
    pub text: usize,
    /// In: room at `text`. Out: the bytes of it, its NUL included.
    pub text_size: u32,
    /// Out: 1, or 0 when one of the lines refuses it.
    pub allowed: u32,
    /// Out: which line that is, or 0.
    pub line: u32,
    /// Out: what settles it: [`by`].
    pub by: u32,
    /// Out: any one of these flags would give it.
    pub flags: u32,
    /// Out: the kernel's number of it.
    pub number: i32,
}

/// What settles whether a jail has a privilege.
pub mod by {
    /// `RJAIL_BY_TABLE`: the same for every jail.
    pub const TABLE: u32 = 0;
    /// `RJAIL_BY_FLAG`: one of the flags, given or missing.
    pub const FLAG: u32 = 1;
    /// `RJAIL_BY_NAME`: `+NAME`, given or missing.
    pub const NAME: u32 = 2;
    /// `RJAIL_BY_TAKEN`: `-NAME`.
    pub const TAKEN: u32 = 3;
    /// `RJAIL_BY_SECOND_LINE`: the kernel's own check alone.
    pub const SECOND_LINE: u32 = 4;
}

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
