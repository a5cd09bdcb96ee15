// SPDX-License-Identifier: BSD-2-Clause
//! Where something is tried: outside, in a native jail, in one of rjail's.

use super::sockets::{Ip, Lists};
use crate::errno::EADDRINUSE;
use crate::jail::{Args, PAPER};
use crate::sys::{self, Error, Result};
use abi::loopback::{REWRITE, SHARE};

/// Their names.
pub const PLACES: [&str; 4] = ["outside", "native", "both lines", "the label"];

/// A jail.
#[derive(Clone, Copy)]
pub struct Jail {
    /// Of either family.
    pub addresses: &'static [Ip],
    /// `RJAIL_LOOPBACK_*`.
    pub loopback: u32,
    /// `RJAIL_*`.
    pub flags: u32,
}

/// The paper's jail with these addresses.
pub const fn jail(addresses: &'static [Ip]) -> Jail {
    Jail { addresses, loopback: REWRITE, flags: PAPER }
}

/// `RJAIL_RAW_SOCKETS`, `RJAIL_SOCKET_AF`.
pub const RAW_SOCKETS: u32 = 0x02;
pub const SOCKET_AF: u32 = 0x2000;

/// What jail(2) gives its jails, as far as our flags say the same, and what it is
/// without the flag.
const DEFAULTS: [(u32, &str, i32); 2] = [
    (RAW_SOCKETS, "security.jail.allow_raw_sockets", 0),
    (SOCKET_AF, "security.jail.socket_unixiproute_only", 1),
];

impl Jail {
    /// The same with these flags besides.
    pub const fn with(mut self, flags: u32) -> Self {
        self.flags |= flags;
        self
    }

    /// Makes it in that place, and enters it.
    pub fn enter(self, place: usize) -> Result<()> {
        let lists = Lists::of(self.addresses);
        match place {
            0 => Ok(()),
            1 => self.enter_native(lists),
            _ => {
                let args =
                    Args::new(c"/jail", c"inside.example", lists.ip4()).with_ip6(lists.ip6());
                args.with_flags(self.flags).with_loopback(self.loopback).enter().map(drop)
            }
        }
    }

    /// jail(2) takes the flags from variables.
    fn enter_native(self, lists: Lists) -> Result<()> {
        let lists = if self.loopback == SHARE { lists.and_loopback() } else { lists };
        for (flag, name, without) in DEFAULTS {
            let change = i32::from(self.flags & flag != 0);
            sys::sysctl_write(name, without ^ change)?;
        }
        let mut entered = lists.enter_native();
        // No two native jails have one address, and the last may not be gone yet.
        for _ in 0..500 {
            if entered != Err(Error(EADDRINUSE)) {
                break;
            }
            sys::pause(10);
            entered = lists.enter_native();
        }
        entered
    }
}

/// Puts the variables of jail(2) back.
pub fn put_back() -> Result<()> {
    DEFAULTS.into_iter().try_for_each(|(_, name, without)| sys::sysctl_write(name, without))
}
