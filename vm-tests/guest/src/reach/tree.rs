// SPDX-License-Identifier: BSD-2-Clause
//! The whole tree of sysctls: each that can be written is written, with the
//! value that was read from it. Inside, the kernel may take none but those
//! that it marks as a jail's own, or as everybody's.

use core::ffi::CStr;

use super::{NOT_MADE, Place, early, errno, jails_gone, second_line};
use crate::answer::want;
use crate::console::Text;
use crate::errno::{EINVAL, EISDIR, ENOENT, ENOMEM, EPERM};
use crate::programs::{Context, Outcome};
use crate::say;
use crate::sys::{self, Error, Result, Status};

/// `net`.
const CTL_NET: i32 = 4;
const CTLTYPE: u32 = 0xf;
const CTLTYPE_NODE: u32 = 1;
const CTLFLAG_WR: u32 = 0x4000_0000;
const CTLFLAG_ANYBODY: u32 = 0x1000_0000;
const CTLFLAG_PRISON: u32 = 0x0400_0000;

/// Questions to the tree about itself.
const NAME: i32 = 1;
const FORMAT: i32 = 4;
const NEXT: i32 = 7;

/// Outside these are not written, not even with what they are: whatever is
/// written, they enter the debugger or end the machine, call the BIOS, switch a
/// disk controller's port, take their number under a mutex, of which a kernel
/// with WITNESS complains, or print tables.
const DANGEROUS: &[&str] = &[
    "debug.kdb.",
    "debug.kassert.",
    "debug.x86bios.",
    "dev.ahcich.",
    "net.inet.igmp.gsrdelay",
    "net.inet6.mld.gsrdelay",
    "kern.callout_stat",
];

/// A place in the tree.
#[derive(Clone, Copy)]
pub struct Oid {
    numbers: [i32; 26],
    length: usize,
}

impl Oid {
    /// Above all.
    const ROOT: Self = Self { numbers: [0; 26], length: 0 };

    /// The place of the network's.
    pub const fn of_net() -> Self {
        let mut numbers = [0; 26];
        numbers[2] = CTL_NET;
        Self { numbers, length: 1 }
    }

    /// Is it one of the network's?
    pub const fn is_of_net(&self) -> bool {
        self.numbers[2] == CTL_NET
    }

    /// Its numbers, as sysctl(3) takes them.
    pub fn numbers(&self) -> &[i32] {
        &self.numbers[2..2 + self.length]
    }

    /// What the kernel says about it.
    fn asked(&mut self, question: i32, answer: &mut [u8]) -> Result<usize> {
        (self.numbers[0], self.numbers[1]) = (0, question);
        sys::sysctl(&self.numbers[..2 + self.length], answer, None)
    }

    /// The next, of all there are.
    pub fn next(&mut self) -> Result<Option<Self>> {
        let mut bytes = [0; 96];
        let length = match self.asked(NEXT, &mut bytes) {
            Ok(length) => length,
            Err(Error(ENOENT)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (words, _) = bytes[..length].as_chunks::<4>();
        let mut next = Self { length: words.len(), ..Self::ROOT };
        for (number, word) in next.numbers[2..].iter_mut().zip(words) {
            *number = i32::from_le_bytes(*word);
        }
        Ok(Some(next))
    }

    fn kind(&mut self) -> Result<u32> {
        let mut bytes = [0; 128];
        self.asked(FORMAT, &mut bytes)?;
        let ([kind, ..], _) = bytes.as_chunks::<4>() else { return Err(Error(EINVAL)) };
        Ok(u32::from_le_bytes(*kind))
    }

    /// What it is called.
    pub fn name(&mut self) -> Text<96> {
        let mut bytes = [0; 96];
        let _ = self.asked(NAME, &mut bytes);
        let name = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
        Text::of(format_args!("{}", name.to_str().unwrap_or_default()))
    }

    /// The same for the same place, in every walk.
    fn key(&self) -> u32 {
        self.numbers().iter().fold(0x811c_9dc5, |key, number| {
            number
                .to_le_bytes()
                .iter()
                .fold(key, |key, byte| (key ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
        })
    }

    fn is_dangerous(&mut self) -> bool {
        let name = self.name();
        DANGEROUS.iter().any(|prefix| name.bytes().starts_with(prefix.as_bytes()))
    }

    /// Is it nothing but the place of others?
    fn only_holds(&self, kind: u32) -> bool {
        // Of a name of one number the kernel says only that it is too short.
        self.length == 1
            || kind & CTLTYPE == CTLTYPE_NODE
                && sys::sysctl(self.numbers(), &mut [], None) == Err(Error(EISDIR))
    }

    /// Reads it and writes that back; the errno of the write.
    fn write_back(&mut self, place: Place, room: &mut [u8]) -> i32 {
        let read = sys::sysctl(self.numbers(), room, None);
        let outside = place == Place::Outside;
        if outside && (read.is_err() || self.is_dangerous()) {
            return NOT_MADE;
        }
        // What has no value to read is tried with a zero.
        let value = match read {
            Ok(length) if length > 0 => &room[..length],
            _ if outside => return NOT_MADE,
            _ => &[0; 4],
        };
        errno(sys::sysctl(self.numbers(), &mut [], Some(value)))
    }
}

/// A sysctl that can be written, and what became of it.
#[derive(Clone, Copy)]
struct Written {
    key: u32,
    kind: u32,
    answer: i32,
}

/// A walk of the whole tree, by a child: what it wrote to, in the tree's order.
struct Walk {
    bytes: &'static [u8],
}

impl Walk {
    /// More than any kernel has.
    const MOST: usize = 16384;
    const EACH: usize = 12;
    /// Kind of the last, whose answer is how many nodes there are.
    const END: u32 = 0;

    fn in_place(place: Place) -> Result<Self> {
        let [from, to] = sys::pipe()?;
        let child = sys::fork()?;
        if child == 0 {
            let _ = sys::alarm(150);
            let _ = sys::close(from);
            let walked = Self::walk(place, to);
            sys::exit(errno(walked));
        }
        sys::close(to)?;
        let bytes = sys::allocate(Self::MOST * Self::EACH)?;
        let mut length = 0;
        loop {
            match sys::read(from, &mut bytes[length..])? {
                0 => break,
                more => length += more,
            }
        }
        sys::close(from)?;
        match sys::wait(child, 0)?.1 {
            Status::Exited(0) => Ok(Self { bytes: &bytes[..length] }),
            Status::Exited(number) => Err(Error(number)),
            _ => Err(Error(ENOMEM)),
        }
    }

    fn walk(place: Place, to: i32) -> Result<()> {
        let room = sys::allocate(1 << 18)?;
        place.enter()?;
        let mut nodes = 0;
        let mut oid = Oid::ROOT;
        while let Some(next) = oid.next()? {
            oid = next;
            nodes += 1;
            let kind = oid.kind()?;
            if kind & CTLFLAG_WR == 0 || oid.only_holds(kind) {
                continue;
            }
            let answer = oid.write_back(place, room);
            Written { key: oid.key(), kind, answer }.send(to)?;
        }
        Written { key: 0, kind: Self::END, answer: nodes }.send(to)
    }

    fn all(&self) -> impl Iterator<Item = Written> {
        let (words, _) = self.bytes.as_chunks::<4>();
        words.chunks_exact(3).map(|three| Written {
            key: u32::from_le_bytes(three[0]),
            kind: u32::from_le_bytes(three[1]),
            answer: i32::from_le_bytes(three[2]),
        })
    }

    /// How many there are in the whole tree, those that can not be written too.
    fn nodes(&self) -> i32 {
        self.all().last().map_or(0, |end| end.answer)
    }

    fn written(&self) -> impl Iterator<Item = Written> {
        self.all().filter(|written| written.kind != Self::END)
    }

    fn how_many(&self, which: impl Fn(&Written) -> bool) -> usize {
        self.written().filter(|written| which(written)).count()
    }
}

impl Written {
    fn send(&self, to: i32) -> Result<()> {
        let mut bytes = [0; Walk::EACH];
        bytes[..4].copy_from_slice(&self.key.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.kind.to_le_bytes());
        bytes[8..].copy_from_slice(&self.answer.to_le_bytes());
        sys::write(to, &bytes).map(drop)
    }
}

/// Does something with the name of each that can be written, in the walk's order.
fn named(mut work: impl FnMut(u32, &str)) -> Result<()> {
    let mut oid = Oid::ROOT;
    while let Some(next) = oid.next()? {
        oid = next;
        if oid.kind()? & CTLFLAG_WR != 0 {
            let name = oid.name();
            work(oid.key(), core::str::from_utf8(name.bytes()).unwrap_or_default());
        }
    }
    Ok(())
}

pub fn tree(_: &Context) -> Outcome {
    let both = second_line();
    let walk = |place| early("a walk", Walk::in_place(place));
    let native = walk(Place::Native)?;
    let jail = walk(Place::Jail)?;
    let same = |other: &Walk| {
        let keys = |walk: &Walk| walk.written().fold(0_u64, |sum, w| sum * 31 + u64::from(w.key));
        other.nodes() == jail.nodes() && keys(other) == keys(&jail)
    };
    want!("the same tree in a native jail", same(&native), true);
    let refused = |walk: &Walk| walk.how_many(|written| written.answer == EPERM);
    say!(
        "    # sysctls: {} in all, {} to be written; refused: {} in a native jail, {} in ours",
        jail.nodes(),
        jail.written().count(),
        refused(&native),
        refused(&jail)
    );
    want!("something can be written", jail.written().count() > 1000, true);

    let pairs = || native.written().zip(jail.written());
    let is_wrong = |(native, jail): &(Written, Written)| {
        let open = jail.kind & CTLFLAG_ANYBODY != 0 || both && jail.kind & CTLFLAG_PRISON != 0;
        jail.answer != EPERM && (!open || native.answer == EPERM)
    };
    let (mut wrong, mut tighter) = (0, 0);
    let named = named(|key, name| {
        let Some(pair) = pairs().find(|(_, jail)| jail.key == key) else { return };
        let (native, jail) = (pair.0.answer, pair.1.answer);
        if is_wrong(&pair) {
            say!("    # {name}: native {native}, ours {jail}");
            wrong += 1;
        } else if jail != EPERM {
            let whose = if pair.1.kind & CTLFLAG_PRISON != 0 { "a jail" } else { "anybody" };
            say!("    # {name}: for {whose}: native {native}, ours {jail}");
        } else if native != EPERM {
            tighter += 1;
        }
    });
    want!("their names", named, Ok(()));
    say!("    # sysctls that a native jail writes and ours does not: {tighter}");
    want!("sysctls that are open and must not be", wrong, 0);
    // With both lines no tighter either: what is marked for jails is theirs.
    want!("sysctls that are tighter", !both || tighter == 0, true);

    if both {
        let outside = walk(Place::Outside)?;
        want!("the same tree outside", same(&outside), true);
        let made = outside.how_many(|written| written.answer != NOT_MADE);
        let taken = outside.how_many(|written| written.answer == 0);
        say!(
            "    # sysctls outside: {taken} of {made} take back what they are, {} are not tried: \
             nothing to read, or dangerous: {DANGEROUS:?}",
            outside.written().count() - made
        );
        want!("refused outside", refused(&outside), 0);
        want!("taken outside", taken > 1000, true);
    }
    jails_gone()
}
