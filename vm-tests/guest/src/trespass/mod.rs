// SPDX-License-Identifier: BSD-2-Clause
//! Along every path by which one process reaches another, or learns of it: the
//! host, a jail, another jail. Each call is made outside, where it must work,
//! inside on what is the jail's own, where it must work too, and inside on what
//! is another's, where the answer must be that there is no such thing; the same
//! in native jails, and in jails with the label alone.

mod ipc;
mod learn;
pub mod limits;
pub mod reach;
mod rest;

pub use rest::{CRASH, crash, idle, look_for};

use cases::world::{JAIL_ADDR, SIBLING_ADDR};

use crate::jail::{Args, Kind};
use crate::programs::{Context, Outcome, Program, early, jails_gone, second_line};
use crate::sys::{self, Error, Result, Shared};
use crate::world::{JAIL_NAME, JAIL_ROOT};

/// The same with both lines and with the label alone.
pub const EITHER: &[Program] = &[
    program("reach-calls", 120, reach::calls),
    program("reach-everybody", 60, reach::everybody),
    program("reach-descendants", 60, rest::descendants),
    program("across-entry", 60, rest::entry),
    program("shared-session", 60, rest::session),
    program("procfs", 60, rest::procfs),
    program("requests", 60, rest::requests),
    program("posix-memory", 60, ipc::posix_memory),
    Program { needs: Some(ipc::SEM), ..program("posix-semaphores", 60, ipc::posix_semaphores) },
    Program { needs: Some(ipc::MQUEUE), ..program("posix-queues", 60, ipc::posix_queues) },
    program("system-v", 120, ipc::system_v),
];

/// With both lines.
pub const BOTH_LINES: &[Program] = &[
    program("reach-many", 240, reach::many),
    program("reach-known", 60, reach::known),
    program("learn-kernel", 60, learn::kernel),
    program("learn-watcher", 60, learn::watcher),
    program("limits", 60, limits::limits),
    program("lists", 60, rest::lists),
    Program { needs: Some(rest::LINPROCFS), ..program("linprocfs", 60, rest::linprocfs) },
    program("core-dumps", 60, rest::cores),
    program("processor-sets", 60, rest::sets),
];

const fn program(name: &'static str, seconds: i64, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds, run, needs: None }
}

/// What a party is asked to do; a negative answer is an errno.
type Request = fn([i64; 4]) -> i64;

/// It ended before it answered.
const DIED: i64 = -1000;

#[derive(Clone, Copy)]
struct Slot {
    request: Request,
    arguments: [i64; 4],
    answer: i64,
}

/// A process somewhere, which does what it is asked, until it is dropped. It
/// leads a session and a group of its own.
pub struct Party {
    /// Its number.
    pub pid: i32,
    slot: Shared<Slot>,
    ask: i32,
    answered: i32,
}

impl Party {
    /// Starts one, which goes to its place first.
    pub fn start(enter: impl FnOnce() -> Result<()>) -> Result<Self> {
        let [asked, ask] = sys::pipe()?;
        let [answered, answer] = sys::pipe()?;
        let slot = Shared::new(Slot { request: |_| 0, arguments: [0; 4], answer: DIED })?;
        let pid = sys::fork()?;
        if pid == 0 {
            let _ = sys::alarm(120);
            let _ = sys::close(ask).and(sys::close(answered));
            let there = sys::setsid().and_then(|_| enter());
            let mut done = there.err().map_or(0, |Error(number)| number);
            loop {
                let _ = sys::write(answer, &done.to_le_bytes()[..1]);
                done = 0;
                if sys::read(asked, &mut [0]) != Ok(1) {
                    sys::exit(0);
                }
                let what = slot.get();
                slot.set(Slot { answer: (what.request)(what.arguments), ..what });
            }
        }
        sys::close(asked)?;
        sys::close(answer)?;
        let party = Self { pid, slot, ask, answered };
        match party.heard() {
            Some(0) => Ok(party),
            Some(errno) => Err(Error(i32::from(errno))),
            None => Err(Error(-1)),
        }
    }

    /// Outside any jail; its working directory is the jail's root.
    pub fn outside() -> Result<Self> {
        Self::start(|| sys::chdir(JAIL_ROOT))
    }

    /// In a jail whose root all jails here share: only the jail tells them apart.
    pub fn inside(kind: Kind) -> Result<Self> {
        Self::start(|| kind.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR))
    }

    /// In another such jail.
    pub fn sibling(kind: Kind) -> Result<Self> {
        Self::start(|| kind.enter(JAIL_ROOT, c"sibling.example", SIBLING_ADDR))
    }

    /// In a jail of rjail's with these flags.
    pub fn with_flags(address: [u8; 4], flags: u32) -> Result<Self> {
        Self::start(|| {
            Args::new(JAIL_ROOT, JAIL_NAME, &[address]).with_flags(flags).enter().map(drop)
        })
    }

    fn heard(&self) -> Option<u8> {
        let mut byte = [0];
        (sys::read(self.answered, &mut byte) == Ok(1)).then_some(byte[0])
    }

    /// Has it do something; what came of it.
    pub fn ask(&self, request: Request, arguments: [i64; 4]) -> i64 {
        self.begin(request, arguments);
        self.finish()
    }

    /// Has it begin.
    pub fn begin(&self, request: Request, arguments: [i64; 4]) {
        self.slot.set(Slot { request, arguments, answer: DIED });
        // One that is gone is not heard of either.
        let _ = sys::write(self.ask, &[0]);
    }

    /// What came of it.
    pub fn finish(&self) -> i64 {
        if self.heard() == Some(0) { self.slot.get().answer } else { DIED }
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = sys::kill(self.pid, 9);
        let _ = sys::close(self.ask).and(sys::close(self.answered));
        let _ = sys::wait(self.pid, 0);
    }
}

/// For a child of a party: closes the pipes that it is asked through, so that the
/// party's end is noticed.
fn leave_pipes() {
    for descriptor in 3..64 {
        let _ = sys::close(descriptor);
    }
}

/// What a call gave, or minus its errno.
fn value(result: Result<usize>) -> i64 {
    result.map_or_else(|Error(number)| -i64::from(number), |value| value as i64)
}

/// The low half of an argument.
fn int(argument: i64) -> i32 {
    let [a, b, c, d, ..] = argument.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
