// SPDX-License-Identifier: BSD-2-Clause
//! Which sockets there are: every family with every type, every protocol of IP with
//! every type, and families by number that no kernel has, in every kind of jail.

use super::places::{Jail, PLACES, RAW_SOCKETS, SOCKET_AF, jail, put_back};
use super::sockets::{J4, J6};
use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EPERM, EPROTONOSUPPORT};
use crate::privileges::errno;
use crate::programs::{Context, Outcome, early, jails_gone, second_line};
use crate::say;
use crate::sys;

const UNIX: i32 = 1;
const INET: i32 = 2;
const ROUTE: i32 = 17;
/// `pseudo_AF_KEY`, which `PF_KEY` is.
const KEY: i32 = 27;
const INET6: i32 = 28;
const NETLINK: i32 = 38;

const STREAM: i32 = 1;
const DATAGRAM: i32 = 2;
const RAW: i32 = 3;
const TYPES: usize = 8;

const TCP: i32 = 6;
const UDP: i32 = 17;
const UDPLITE: i32 = 136;
const DIVERT: i32 = 258;

/// Families from -1 on; the kernel has 43, and room for a vendor's.
const FAMILIES: usize = 160;
/// Protocols of IP from -1 on: those there are, and the kernel's own above them.
const PROTOCOLS: usize = 264;

/// An errno for each.
type Answers<const N: usize> = [[u8; TYPES]; N];

fn number(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(0)
}

fn answer(family: i32, kind: usize, protocol: i32) -> u8 {
    let made = sys::socket(family, number(kind), protocol);
    if let Ok(fd) = made {
        let _ = sys::close(fd);
    }
    u8::try_from(errno(made)).unwrap_or(u8::MAX)
}

fn by_family() -> Answers<FAMILIES> {
    core::array::from_fn(|family| core::array::from_fn(|kind| answer(number(family) - 1, kind, 0)))
}

fn by_protocol(family: i32) -> Answers<PROTOCOLS> {
    core::array::from_fn(|protocol| {
        core::array::from_fn(|kind| answer(family, kind, number(protocol) - 1))
    })
}

/// A jail, and what it may.
#[derive(Clone, Copy)]
struct Kind {
    jail: Jail,
    what: &'static str,
}

impl Kind {
    const fn has(&self, flag: u32) -> bool {
        self.jail.flags & flag != 0
    }

    fn owns(&self, family: i32) -> bool {
        let inet6 = family == INET6;
        self.jail.addresses.iter().any(|ip| super::sockets::is_ip4(ip) != inet6)
    }

    /// What socket(2) must answer inside: that of outside, or an errno.
    fn wanted(&self, both: bool, [family, kind, protocol]: [i32; 3]) -> Option<i32> {
        let others = both && self.has(SOCKET_AF);
        match family {
            UNIX => return None,
            ROUTE | NETLINK if both => return None,
            INET | INET6 if self.owns(family) => {}
            INET | INET6 => return Some(EPROTONOSUPPORT),
            // For root outside any jail.
            KEY if others && kind == RAW => return Some(EPERM),
            _ if others => return None,
            _ => return Some(EPROTONOSUPPORT),
        }
        match (kind, protocol) {
            (RAW, DIVERT) => Some(EPROTONOSUPPORT),
            (RAW, _) if both && self.has(RAW_SOCKETS) => None,
            (RAW, _) => Some(EPERM),
            (STREAM, 0 | TCP) | (DATAGRAM, 0 | UDP | UDPLITE) => None,
            _ if others => None,
            _ => Some(EPROTONOSUPPORT),
        }
    }
}

const KINDS: [Kind; 7] = [
    Kind { jail: jail(&[J4, J6]), what: "both families" },
    Kind { jail: jail(&[J4]), what: "IPv4" },
    Kind { jail: jail(&[J6]), what: "IPv6" },
    Kind { jail: jail(&[]), what: "no address" },
    Kind { jail: jail(&[J4, J6]).with(RAW_SOCKETS), what: "raw sockets" },
    Kind { jail: jail(&[J4, J6]).with(SOCKET_AF), what: "other families" },
    Kind { jail: jail(&[J4, J6]).with(RAW_SOCKETS | SOCKET_AF), what: "raw and others" },
];

/// What came to something else in a table, and how many there were.
#[derive(Clone, Copy, Default)]
struct Count {
    wrong: u32,
    looser: u32,
    all: u32,
    made: u32,
}

fn compare<const N: usize>(
    count: &mut Count,
    kind: &Kind,
    both: bool,
    [outside, native, ours]: [&Answers<N>; 3],
    of: impl Fn(usize) -> [i32; 2],
) {
    for row in 0..N {
        for column in 0..TYPES {
            let [family, protocol] = of(row);
            let asked = [family, number(column), protocol];
            let [outside, native, ours] =
                [outside, native, ours].map(|answers| i32::from(answers[row][column]));
            let wanted = kind.wanted(both, asked).unwrap_or(outside);
            count.all += 1;
            count.made += u32::from(ours == 0);
            if ours != wanted {
                say!("    # {}, socket{asked:?}: {ours}, wanted {wanted}", kind.what);
                count.wrong += 1;
            }
            if ours == 0 && native != 0 {
                say!("    # {}, socket{asked:?}: native {native}, ours is there", kind.what);
                count.looser += 1;
            }
        }
    }
}

fn in_place<T: Copy>(kind: &Kind, place: usize, work: fn() -> T) -> Result<T, Text<160>> {
    match in_child(|| kind.jail.enter(place).map(|()| work())) {
        Ok(Ok(Ok(answers))) => Ok(answers),
        Ok(Ok(Err(error))) => Err(Text::of(format_args!("{}: {error:?}", PLACES[place]))),
        other => Err(Text::of(format_args!("{}: {}", PLACES[place], other.is_ok()))),
    }
}

/// Every socket that there is to ask for.
pub fn families(_: &Context) -> Outcome {
    let both = second_line();
    let ours = if both { 2 } else { 3 };
    let mut count = Count::default();
    for kind in &KINDS {
        let answers = |work| -> Result<[Answers<FAMILIES>; 3], Text<160>> {
            Ok([in_place(kind, 0, work)?, in_place(kind, 1, work)?, in_place(kind, ours, work)?])
        };
        let [a, b, c] = answers(by_family)?;
        compare(&mut count, kind, both, [&a, &b, &c], |row| [number(row) - 1, 0]);
        for (family, work) in
            [(INET, (|| by_protocol(INET)) as fn() -> _), (INET6, || by_protocol(INET6))]
        {
            let answers =
                [in_place(kind, 0, work)?, in_place(kind, 1, work)?, in_place(kind, ours, work)?];
            let [a, b, c] = &answers;
            compare(&mut count, kind, both, [a, b, c], |row| [family, number(row) - 1]);
        }
    }
    early("variables", put_back())?;
    say!("    # {} sockets asked for inside, {} made", count.all, count.made);
    jails_gone()?;
    want!("sockets that were answered otherwise", count.wrong, 0);
    want!("sockets that a native jail does not have", count.looser, 0);
    Ok(())
}
