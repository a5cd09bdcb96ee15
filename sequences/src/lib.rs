// SPDX-License-Identifier: BSD-2-Clause
//! Sequences: what several processes do in turn, in several jails and outside.
//!
//! A [`Step`] is an operation by one of [`SLOTS`] processes, which begin as two of
//! the host's and are otherwise forked on the way. [`generate`] makes a sequence of
//! a seed; every backend (the model kernel; the guest on a real kernel, in rjails
//! and in native ones) plays it in the same world and answers each step with a
//! [`Reply`]. No allocation: the guest links this crate as it is.
//!
//! The world: [`TREE`], mounted for each sequence, holds `secret` and the roots of
//! [`JAILS`] jails, each entered once; a root holds `a/`, `a/b/` and `file`. All is
//! mode 0777, so that users are told apart by privileges alone. Jail `k` has the
//! address of [`address`] `k`; the host's services are those of `cases::world`.

#![no_std]
#![forbid(unsafe_code)]

mod known;

use cases::{Addr, Errno, Kind};

pub use known::KNOWN;

/// Processes at most at a time.
pub const SLOTS: usize = 6;
/// Jails at most in a sequence.
pub const JAILS: usize = 4;
/// Steps that [`generate`] makes.
pub const STEPS: usize = 50;
/// Where the world of a sequence is.
pub const TREE: &str = "/seq";

/// Directories and files that steps name.
pub const PATHS: [&str; 24] = [
    "/",
    ".",
    "..",
    "../..",
    "../../..",
    "a",
    "a/b",
    "/a",
    "/a/b",
    "../a",
    "file",
    "/file",
    "secret",
    "../secret",
    "/seq/secret",
    "/seq",
    "/seq/J0",
    "/seq/J0/a",
    "/seq/J1",
    "/seq/J1/a/b",
    "../J0/a",
    "../../seq/J1/a",
    "a/../../..",
    "nothing",
];

/// What steps move and link; no "." or ".." at the end.
pub const FROM: [&str; 12] = [
    "a",
    "a/b",
    "file",
    "/a",
    "/file",
    "../J0/a",
    "/seq/J0/a",
    "/seq/J1/a/b",
    "/seq/J1/file",
    "/seq/secret",
    "../secret",
    "nothing",
];

/// Where named sockets are looked for.
pub const SOCKETS: [&str; 8] = [
    "sock",
    "/sock",
    "a/sock",
    "../sock",
    "/seq/sock",
    "/seq/J0/sock",
    "/seq/J1/sock",
    "/seq/J0/a/sock",
];

/// The addresses that steps name: `Jail` is that of jails 0 and 2, `Sibling` that of
/// jails 1 and 3.
pub const ADDRESSES: [Addr; 6] =
    [Addr::Any, Addr::Loopback, Addr::Jail, Addr::Sibling, Addr::Host, Addr::Foreign];

/// The address of a jail.
#[must_use]
pub const fn address(jail: u8) -> Addr {
    if jail.is_multiple_of(2) { Addr::Jail } else { Addr::Sibling }
}

/// Ports that steps name; the second needs a privilege.
pub const PORTS: [u16; 3] = [0, 80, 7100];

/// Kinds of sockets that steps open.
pub const KINDS: [Kind; 4] = [Kind::RawIcmp, Kind::Udp6, Kind::Local, Kind::Route];

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident $(($first:ident $(, $second:ident)?))? = $code:literal,)*) => {
        /// What a process does. Numbers are slots, jails, or places in the lists above.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Op {
            $($(#[$doc])* $name $((ops!(@type $first) $(, ops!(@type $second))?))?,)*
        }

        impl Op {
            /// The operation in three bytes.
            #[must_use]
            pub fn encode(self) -> [u8; 3] {
                match self {
                    $(ops!(@pattern $name $(($first $(, $second)?))?) =>
                        ops!(@bytes $code $(, $first $(, $second)?)?),)*
                }
            }

            /// Back; `None` for what no operation encodes as.
            #[must_use]
            pub fn decode([code, first, second]: [u8; 3]) -> Option<Self> {
                let op = match code {
                    $($code => ops!(@value $name, first, second $(, $first $(, $second)?)?),)*
                    _ => return None,
                };
                let known = op.encode() == [code, first, second] && op.is_in_range();
                known.then_some(op)
            }
        }
    };
    (@type $name:ident) => { u8 };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident ($first:ident)) => { Self::$name($first) };
    (@pattern $name:ident ($first:ident, $second:ident)) => { Self::$name($first, $second) };
    (@bytes $code:literal) => { [$code, 0, 0] };
    (@bytes $code:literal, $first:ident) => { [$code, $first, 0] };
    (@bytes $code:literal, $first:ident, $second:ident) => { [$code, $first, $second] };
    (@value $name:ident, $a:ident, $b:ident) => { Self::$name };
    (@value $name:ident, $a:ident, $b:ident, $first:ident) => { Self::$name($a) };
    (@value $name:ident, $a:ident, $b:ident, $first:ident, $second:ident) => { Self::$name($a, $b) };
}

ops! {
    /// fork(2) into a slot.
    Fork(slot) = 1,
    /// _exit(2).
    Exit = 2,
    /// rjail(2), natively jail(2), into a jail.
    Enter(jail) = 3,
    /// kill(2) with SIGKILL.
    Kill(slot) = 4,
    /// kill(2) with signal 0.
    Signal(slot) = 5,
    /// ptrace(2): attach, detach.
    Trace(slot) = 6,
    /// setpriority(2) to 1.
    Renice(slot) = 7,
    /// sysctl kern.proc.pid.
    Listed(slot) = 8,
    /// setuid(2) to an unprivileged user.
    Setuid = 9,
    /// chroot(2).
    Chroot(path) = 10,
    /// chdir(2), and where that is.
    Chdir(path) = 11,
    /// open(2) for reading, close(2).
    Open(path) = 12,
    /// open(2) of a directory, kept instead of the one before.
    Keep(path) = 13,
    /// fchdir(2) to the one that is kept, and where that is.
    FchdirKept = 14,
    /// close(2) of it.
    DropKept = 15,
    /// mkdir(2) of a fresh name in a directory.
    Mkdir(path) = 16,
    /// rename(2) to a fresh name in a directory.
    Rename(from, path) = 17,
    /// link(2) as a fresh name in a directory.
    Link(from, path) = 18,
    /// A UDP socket: bind(2), and to which address.
    BindUdp(address, port) = 19,
    /// A TCP socket: bind(2), and to which address.
    BindTcp(address, port) = 20,
    /// A TCP socket: listen(2), and on which address.
    Listen = 21,
    /// A UDP socket: connect(2), and from which address.
    ConnectUdp(address) = 22,
    /// A TCP socket: connect(2) to the service, and from which address.
    ConnectTcp(address) = 23,
    /// A UDP socket: sendto(2), and from which address.
    Send(address) = 24,
    /// socket(2) of another kind.
    Socket(kind) = 25,
    /// A UNIX-domain socket `sock` in the working directory, listened on, instead
    /// of the one before.
    Serve = 26,
    /// connect(2) to such a one.
    Local(path) = 27,
    /// shmget(2) of a key, made if it is not there.
    Segment(key) = 28,
    /// shm_open(2) of a name, made if it is not there.
    Shared(name) = 29,
    /// posix_openpt(2).
    Terminal = 30,
    /// Whose kern.hostname is read.
    Hostname = 31,
    /// kern.hostname is written.
    SetHostname = 32,
    /// Whether the process is in a jail, by sysctl.
    Jailed = 33,
    /// kldunload(2) of the module, which is in use.
    Unload = 34,
    /// rjail_attach(2), natively jail_attach(2), to a jail that somebody has entered.
    Attach(jail) = 35,
    /// semget(2) of a key, made if it is not there.
    Semaphores(key) = 36,
    /// msgget(2) of a key, made if it is not there.
    Queue(key) = 37,
}

impl Op {
    fn is_in_range(self) -> bool {
        let below = |number: u8, end: usize| usize::from(number) < end;
        match self {
            Self::Fork(slot)
            | Self::Kill(slot)
            | Self::Signal(slot)
            | Self::Trace(slot)
            | Self::Renice(slot)
            | Self::Listed(slot) => below(slot, SLOTS),
            Self::Enter(jail) | Self::Attach(jail) => below(jail, JAILS),
            Self::Chroot(path)
            | Self::Chdir(path)
            | Self::Open(path)
            | Self::Keep(path)
            | Self::Mkdir(path) => below(path, PATHS.len()),
            Self::Rename(from, path) | Self::Link(from, path) => {
                below(from, FROM.len()) && below(path, PATHS.len())
            }
            Self::BindUdp(address, port) | Self::BindTcp(address, port) => {
                below(address, ADDRESSES.len()) && below(port, PORTS.len())
            }
            Self::ConnectUdp(address) | Self::ConnectTcp(address) | Self::Send(address) => {
                below(address, ADDRESSES.len())
            }
            Self::Socket(kind) => below(kind, KINDS.len()),
            Self::Local(path) => below(path, SOCKETS.len()),
            Self::Segment(key) | Self::Semaphores(key) | Self::Queue(key) | Self::Shared(key) => {
                below(key, 3)
            }
            _ => true,
        }
    }

    /// The slot that it names besides the one that acts.
    #[must_use]
    pub const fn target(self) -> Option<u8> {
        match self {
            Self::Fork(slot)
            | Self::Kill(slot)
            | Self::Signal(slot)
            | Self::Trace(slot)
            | Self::Renice(slot)
            | Self::Listed(slot) => Some(slot),
            _ => None,
        }
    }
}

/// One operation by one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Who.
    pub actor: u8,
    /// What.
    pub op: Op,
}

/// A step, for lists.
#[must_use]
pub const fn step(actor: u8, op: Op) -> Step {
    Step { actor, op }
}

impl Step {
    /// In four bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 4] {
        let [code, first, second] = self.op.encode();
        [self.actor, code, first, second]
    }

    /// Back; `None` for what no step encodes as.
    #[must_use]
    pub fn decode([actor, code, first, second]: [u8; 4]) -> Option<Self> {
        let op = Op::decode([code, first, second])?;
        (usize::from(actor) < SLOTS).then_some(Self { actor, op })
    }
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It worked.
    Ok,
    /// It failed with this errno.
    No(u8),
    /// It worked, and the directory is this one.
    In(Place),
    /// It worked, and the address is this one of [`ADDRESSES`].
    At(u8),
    /// It worked, and the host name is this one.
    Named(Name),
    /// It worked, and this is the number, 0 or 1.
    Number(bool),
    /// Nobody is there to act, or to be acted on, or the slot is taken.
    Nobody,
    /// The backend has no such operation.
    NotThere,
}

/// A directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The machine's root.
    Machine,
    /// [`TREE`].
    Tree,
    /// The root of a jail.
    Jail(u8),
    /// Another.
    Elsewhere,
}

/// Whose host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// The machine's.
    Machine,
    /// That which a jail was made with.
    Jail(u8),
    /// That which a slot has written.
    Slot(u8),
    /// Another.
    Other,
}

impl Reply {
    /// An errno.
    #[must_use]
    pub fn no(errno: Errno) -> Self {
        Self::No(u8::try_from(errno.number()).unwrap_or(u8::MAX))
    }

    /// Whether it failed.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::No(_))
    }

    /// In a byte.
    #[must_use]
    pub const fn encode(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::No(errno) => {
                if errno > 0 && errno < 0x80 {
                    errno
                } else {
                    0x7f
                }
            }
            Self::In(Place::Machine) => 0x80,
            Self::In(Place::Tree) => 0x81,
            Self::In(Place::Jail(jail)) => 0x82 + jail,
            Self::In(Place::Elsewhere) => 0x8f,
            Self::At(address) => 0x90 + address,
            Self::Named(Name::Machine) => 0xa0,
            Self::Named(Name::Jail(jail)) => 0xa1 + jail,
            Self::Named(Name::Slot(slot)) => 0xb0 + slot,
            Self::Named(Name::Other) => 0xbf,
            Self::Number(number) => 0xc0 + number as u8,
            Self::Nobody => 0xfe,
            Self::NotThere => 0xff,
        }
    }

    /// Back; `None` for what no reply encodes as.
    #[must_use]
    pub const fn decode(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Ok,
            0x01..=0x7f => Self::No(byte),
            0x80 => Self::In(Place::Machine),
            0x81 => Self::In(Place::Tree),
            0x82..=0x85 => Self::In(Place::Jail(byte - 0x82)),
            0x8f => Self::In(Place::Elsewhere),
            0x90..=0x9f => Self::At(byte - 0x90),
            0xa0 => Self::Named(Name::Machine),
            0xa1..=0xa4 => Self::Named(Name::Jail(byte - 0xa1)),
            0xb0..=0xb5 => Self::Named(Name::Slot(byte - 0xb0)),
            0xbf => Self::Named(Name::Other),
            0xc0 | 0xc1 => Self::Number(byte == 0xc1),
            0xfe => Self::Nobody,
            0xff => Self::NotThere,
            _ => return None,
        })
    }
}

/// The sequence of a seed: two jails are entered, then anything goes.
#[must_use]
pub fn generate(seed: u64) -> [Step; STEPS] {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut steps = [step(0, Op::Fork(2)); STEPS];
    steps[1] = step(2, Op::Enter(0));
    steps[2] = step(0, Op::Fork(3));
    steps[3] = step(3, Op::Enter(1));
    // Who may be there, were every step to succeed; only to waste few steps.
    let mut alive = [true, true, true, true, false, false];
    let mut next_jail = 2;
    for place in &mut steps[4..] {
        *place = any(&mut random, &mut alive, &mut next_jail);
    }
    steps
}

fn any(random: &mut fastrand::Rng, alive: &mut [bool; SLOTS], next_jail: &mut u8) -> Step {
    let mut below = |end: usize| u8::try_from(random.usize(..end)).unwrap_or(0);
    // Somebody who is there, if the dice find one soon.
    let mut actor = below(SLOTS);
    for _ in 0..8 {
        if alive[usize::from(actor)] {
            break;
        }
        actor = below(SLOTS);
    }
    let other = |slot: u8| if slot == actor { (slot + 1) % 6 } else { slot };
    let op = match below(105) {
        0..7 => {
            let child = alive.iter().position(|alive| !alive).unwrap_or(5);
            alive[child] = true;
            Op::Fork(u8::try_from(child).unwrap_or(0))
        }
        7..9 => {
            alive[usize::from(actor)] = false;
            Op::Exit
        }
        9..13 => {
            let jail = *next_jail;
            if usize::from(jail) == JAILS {
                Op::Attach(below(JAILS))
            } else {
                *next_jail += 1;
                Op::Enter(jail)
            }
        }
        13..15 => Op::Kill(other(below(SLOTS))),
        15..20 => Op::Signal(other(below(SLOTS))),
        20..23 => Op::Trace(other(below(SLOTS))),
        23..25 => Op::Renice(other(below(SLOTS))),
        25..28 => Op::Listed(below(SLOTS)),
        28..29 => Op::Setuid,
        29..31 => Op::Chroot(below(PATHS.len())),
        31..42 => Op::Chdir(below(PATHS.len())),
        42..49 => Op::Open(below(PATHS.len())),
        49..52 => Op::Keep(below(PATHS.len())),
        52..55 => Op::FchdirKept,
        55..56 => Op::DropKept,
        56..59 => Op::Mkdir(below(PATHS.len())),
        59..62 => Op::Rename(below(FROM.len()), below(PATHS.len())),
        62..65 => Op::Link(below(FROM.len()), below(PATHS.len())),
        65..70 => Op::BindUdp(below(ADDRESSES.len()), below(PORTS.len())),
        70..73 => Op::BindTcp(below(ADDRESSES.len()), below(PORTS.len())),
        73..74 => Op::Listen,
        74..78 => Op::ConnectUdp(below(ADDRESSES.len())),
        78..80 => Op::ConnectTcp(below(ADDRESSES.len())),
        80..84 => Op::Send(below(ADDRESSES.len())),
        84..85 => Op::Socket(below(KINDS.len())),
        85..88 => Op::Serve,
        88..92 => Op::Local(below(SOCKETS.len())),
        92..93 => Op::Segment(below(3)),
        93..95 => Op::Shared(below(3)),
        95..96 => Op::Terminal,
        96..97 => Op::Hostname,
        97..98 => Op::SetHostname,
        98..99 => Op::Jailed,
        99..100 => Op::Unload,
        100..103 => Op::Attach(below(JAILS)),
        103..104 => Op::Semaphores(below(3)),
        _ => Op::Queue(below(3)),
    };
    step(actor, op)
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, Op, Reply, SLOTS, STEPS, Step, generate};

    #[test]
    fn steps_and_replies_come_back_as_they_went() {
        for seed in 0..200 {
            for step in generate(seed) {
                assert_eq!(Step::decode(step.encode()), Some(step));
            }
        }
        for step in KNOWN.iter().copied().flatten() {
            assert_eq!(Step::decode(step.encode()), Some(*step));
        }
        let replies = (0..=255).filter_map(Reply::decode).filter(|r| r.encode() != 0x7f).count();
        let back = (0..=255).filter(|b| Reply::decode(*b).is_some_and(|r| r.encode() == *b));
        assert_eq!(back.count(), replies + 1);
        assert_eq!(Step::decode([0, 99, 0, 0]), None);
        assert_eq!(Step::decode([6, 2, 0, 0]), None);
        assert_eq!(Step::decode([0, 2, 1, 0]), None, "an operand that it has not");
        assert_eq!(Op::decode([1, 6, 0]), None, "no such slot");
    }

    #[test]
    fn a_seed_is_one_sequence_and_seeds_differ() {
        assert_eq!(generate(7), generate(7));
        assert_ne!(generate(7), generate(8));
    }

    #[test]
    fn every_operation_comes_up() {
        let mut seen = [0_usize; 256];
        for seed in 0..200 {
            for step in generate(seed) {
                seen[usize::from(step.op.encode()[0])] += 1;
                assert!(usize::from(step.actor) < SLOTS);
            }
        }
        for (code, count) in seen.iter().enumerate().take(38).skip(1) {
            assert!(*count > 20, "operation {code}: {count}");
        }
        assert_eq!(seen.iter().sum::<usize>(), 200 * STEPS);
    }
}
