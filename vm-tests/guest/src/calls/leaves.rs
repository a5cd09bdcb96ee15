// SPDX-License-Identifier: BSD-2-Clause
//! All that a jail's life takes of the kernel is given back: malloc(9), uma(9), and what
//! the kernel counts besides.

use core::ffi::CStr;
use core::mem;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EACCES, EPERM};
use crate::jail::{self, Args};
use crate::malloc::Malloc;
use crate::privileges::calls::get;
use crate::probe::Probe;
use crate::programs::{Context, O_DIRECTORY, Outcome, early};
use crate::say;
use crate::sys::{self, Error, Result, Status};
use crate::unix;
use crate::world::{JAIL_NAME, PROGRAM, copy};
use crate::zones::Zones;

use super::{gone, reap_some, sleep_for_good};

const ROUNDS: u64 = 60;
/// Fewer than one a round, and more than what comes and goes by itself.
const MOST: u64 = ROUNDS * 3 / 4;

/// What leaks grows each time. Once it may be that more was needed at the same moment
/// than ever before, and is kept: threads, say.
const BATCHES: u32 = 2;

/// Zones that keep what is free: pages, what they are found by, slabs; and what devd(8)
/// has not read.
const CACHES: [&str; 4] = ["vm pgcache", "RADIX NODE", "UMA ", "DEVCTL"];

const TOP: &CStr = c"/sibling/leaves";
const ROOT: &CStr = c"/sibling/leaves/root";
const SIGUSR2: i32 = 31;

/// With System V IPC of its own, for which the kernel's modules keep something too.
fn args() -> Args {
    Args::new(ROOT, JAIL_NAME, const { &[cases::world::JAIL_ADDR] }).with_flags(jail::SYSVIPC_OWN)
}

/// Everything that is counted.
struct Counted {
    malloc: Malloc,
    zones: Zones,
    types: [u64; Malloc::MOST],
    items: [u64; Zones::MOST],
    others: [u64; 5],
    kinds: [usize; 2],
}

impl Counted {
    fn new() -> Result<Self> {
        Ok(Self {
            malloc: Malloc::new()?,
            zones: Zones::new()?,
            types: [0; Malloc::MOST],
            items: [0; Zones::MOST],
            others: [0; 5],
            kinds: [0; 2],
        })
    }

    fn count(&mut self, probe: &Probe) -> Result<()> {
        // What the kernel frees later, it frees within moments.
        sys::pause(500);
        self.kinds = [self.malloc.counts(&mut self.types)?, self.zones.counts(&mut self.items)?];
        let [references, users, used, held] = probe.counts()?;
        let children = sys::sysctl_number("security.jail.children.cur")?;
        self.others = [references, users, used, held, u64::try_from(children).unwrap_or(0)];
        Ok(())
    }

    /// How many kinds have more than they had, of rjail's own and of the kernel's.
    fn grown(&self, before: &Self) -> [u32; 2] {
        let mut grown = [0, 0];
        let mut compare = |name: &str, own: bool, was: u64, is: u64| {
            if is > was.saturating_add(if own { 0 } else { MOST }) {
                say!("    # {name}: {was}, then {is}");
                grown[usize::from(!own)] += 1;
            }
        };
        for (at, (was, is)) in before.types.iter().zip(self.types).enumerate() {
            let name = self.malloc.name(at);
            compare(name, name.starts_with("rjail"), *was, is);
        }
        for (at, (was, is)) in before.items.iter().zip(self.items).enumerate() {
            let name = self.zones.name(at);
            if !CACHES.iter().any(|cache| name.starts_with(cache)) {
                compare(name, false, *was, is);
            }
        }
        for (name, (was, is)) in OTHERS.into_iter().zip(before.others.iter().zip(self.others)) {
            compare(name, name.starts_with("jails"), *was, is);
        }
        grown
    }
}

const OTHERS: [&str; 5] = [
    "references to the machine's prison",
    "users of the machine's prison",
    "users of the machine's root",
    "holders of the machine's root",
    "jails of the machine's prison",
];

/// Sixty rounds of all that is done with jails, after a few that fill the kernel's
/// own caches; sixty more where something grew.
pub fn nothing_kept(_: &Context) -> Outcome {
    Probe::during(|probe| {
        want!("a directory", sys::mkdir(TOP, 0o755), Ok(()));
        let outcome = rounds(probe);
        let _ = sys::unmount(TOP, 0x0008_0000);
        let _ = get!(RMDIR, TOP);
        outcome
    })
}

fn rounds(probe: &Probe) -> Outcome {
    reap_some();
    let counted = early("statistics", Counted::new())?;
    let (mut before, mut after) = (counted, early("statistics", Counted::new())?);
    for _ in 0..10 {
        round()?;
    }
    early("statistics", before.count(probe))?;
    for again in 1..=BATCHES {
        for _ in 0..ROUNDS {
            round()?;
        }
        early("statistics", after.count(probe))?;
        want!("types and zones", after.kinds, before.kinds);
        let [own, others] = after.grown(&before);
        want!("of rjail's, kinds that grew", own, 0);
        if others == 0 {
            let [types, zones] = after.kinds;
            let rounds = u64::from(again) * ROUNDS;
            say!("    # {rounds} rounds: {types} types of malloc(9), {zones} zones of uma(9)");
            return Ok(());
        }
        mem::swap(&mut before, &mut after);
    }
    Err(Text::of(format_args!("something grew in each of {BATCHES} times {ROUNDS} rounds")))
}

/// On a file system of its own, which is unmounted at the end.
fn round() -> Outcome {
    want!("mounted", sys::nmount(c"tmpfs", TOP), Ok(()));
    for directory in [ROOT, c"/sibling/leaves/root/a", c"/sibling/leaves/root/a/b"] {
        want!("a directory", sys::mkdir(directory, 0o755), Ok(()));
    }
    want!("the program", copy(PROGRAM, c"/sibling/leaves/root/guest"), Ok(()));
    // With a credential of its own, of which nobody else has a part.
    let ended = in_child(|| sys::setgroups(9).and_then(|()| held()));
    want!("by a descriptor", ended, Ok(Ok(Ok(()))));
    let ended = in_child(|| sys::setgroups(9).and_then(|()| entered()));
    want!("by a process", ended, Ok(Ok(Ok(()))));
    let refused = in_child(|| {
        sys::setgroups(9)?;
        sys::open(TOP, O_DIRECTORY, 0)?;
        args().enter()
    });
    want!("refused at last", refused, Ok(Ok(Err(Error(EPERM)))));
    gone()?;
    let unmounted = sys::unmount(TOP, 0);
    want!("unmounted", unmounted, Ok(()));
    Ok(())
}

/// A jail that a descriptor holds: entered, killed, closed.
fn held() -> Result<()> {
    let descriptor = jail::hold(&args())?;
    let number = jail::get(i64::from(descriptor), abi::HELD_BY, &mut [])?.jid;
    let [ready, tell] = sys::pipe()?;
    let child = sys::fork()?;
    if child == 0 {
        let entered = jail::attach(number);
        let _ = sys::ignore_signal(SIGUSR2);
        let _ = sys::write(tell, &[u8::from(entered.is_ok())]);
        sleep_for_good();
    }
    let mut entered = [0];
    sys::read(ready, &mut entered)?;
    jail::kill(number, SIGUSR2)?;
    jail::close(number, 5000)?;
    sys::wait(child, 0)?;
    sys::close(descriptor)?;
    if entered == [1] { Ok(()) } else { Err(Error(EPERM)) }
}

/// A process with two threads, which does inside what the hooks keep something for.
fn entered() -> Result<()> {
    sys::thread(|(): &()| sleep_for_good(), &())?;
    // Of outside, by a name inside.
    let server = unix::serve_at("/sibling/leaves/root/sock", false)?;
    args().enter()?;
    let refused = unix::connect_to("/sock");
    let own = unix::serve_at("/own", false)?;
    unix::connect_to("/own")?;
    sys::close(own).and(sys::close(server))?;
    get!(RENAME, c"/a/b", c"/b")?;
    let _ = get!(RENAME, c"/b", c"/a/b")?;
    let _ = sys::kill(1, 0);
    let _ = get!(FCNTL, 0, 6, -1);
    let _ = get!(SETPGID, 0, 1);
    let ran = in_child(|| sys::execve(c"/guest", c"nothing"));
    let ran = ran == Ok(Err(Status::Exited(1)));
    let shared = sys::shm_open(c"/leaves").and_then(sys::close);
    let _ = sys::shm_unlink(c"/leaves");
    shared?;
    if ran && refused == Err(Error(EACCES)) { Ok(()) } else { Err(Error(-1)) }
}
