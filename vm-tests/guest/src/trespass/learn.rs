// SPDX-License-Identifier: BSD-2-Clause
//! What a jail learns of others without naming them: the lists that ps(1),
//! fstat(1), pstat(8) and ipcs(1) read (there are no such programs here, but
//! their system calls), and what the kernel tells of itself.

use cases::world::JAIL_ADDR;

use super::{Party, early, int, jails_gone};
use crate::answer::{in_child, want};
use crate::errno::ENOENT;
use crate::jail::{Kind, PAPER};
use crate::privileges::calls::ask;
use crate::privileges::errno;
use crate::programs::{Context, Outcome, good};
use crate::say;
use crate::sys::{self, Result};
use crate::world::JAIL_ROOT;

const KERN: i32 = 1;
const PROC: i32 = 14;

/// Room for a list of every process.
pub const ROOM: usize = 512 << 10;

/// How many records of a list name a process that is neither of these two; minus an
/// errno when there is no list.
pub fn others(list: Result<&[u8]>, size: usize, at: usize, own: [i32; 2]) -> i64 {
    let list = match list {
        Ok(list) => list,
        Err(sys::Error(number)) => return -i64::from(number),
    };
    let number = |record: &[u8]| {
        let bytes = record.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        i32::from_le_bytes(bytes.unwrap_or_default())
    };
    list.chunks_exact(size).filter(|record| !own.contains(&number(record))).count() as i64
}

/// `struct kinfo_proc`: its size, and where the number is.
pub const PROCESS: (usize, usize) = (1088, 72);
/// `struct xfile`.
pub const FILE: (usize, usize) = (128, 8);

/// The list of processes of this kind.
fn processes(what: i32, room: &mut [u8]) -> Result<&[u8]> {
    let name = [KERN, PROC, what, 0];
    // Of all there is nothing more to say.
    let name = if what == 0 { &name[..3] } else { &name[..] };
    sys::sysctl(name, room, None).map(|length| &room[..length])
}

/// A question about the kernel.
type Ask = (&'static str, fn() -> i32);

const KERNEL: [Ask; 7] = [
    ("kldnext(2)", || ask!(KLDNEXT, 0)),
    ("kldfind(2)", || errno(sys::kldfind(c"kernel"))),
    ("kldstat(2)", || {
        const SIZE: u32 = 2080;
        let mut file = [0_u8; SIZE as usize];
        file[..4].copy_from_slice(&SIZE.to_le_bytes());
        ask!(KLDSTAT, 1, &mut file)
    }),
    ("kldsym(2)", || {
        let mut symbol = [32, sys::address_of(c"allproc"), 0, 0];
        ask!(KLDSYM, 0, 1, &mut symbol)
    }),
    ("sysctl kern.function_list", || errno(functions())),
    ("kenv(2), one", || errno(sys::kenv_get(c"rjail.mode", &mut [0; 128]))),
    ("kenv(2), all", || {
        const KENV_DUMP: i32 = 3;
        ask!(KENV, KENV_DUMP, 0, &mut [0_u8; 64], 64)
    }),
];

fn functions() -> Result<usize> {
    let room = sys::allocate(4 << 20)?;
    sys::sysctl_named("kern.function_list", room, None)
}

/// Modules, symbols and environment: hidden, and not natively.
pub fn kernel(_: &Context) -> Outcome {
    let answers = || KERNEL.map(|(_, call)| call());
    let placed = |enter: &dyn Fn() -> Result<()>| in_child(|| enter().map(|()| answers()));
    let open = Ok(Ok(Ok([0; 7])));
    want!("outside", placed(&|| sys::chdir(JAIL_ROOT)), open);
    let native = || Kind::Native.enter(JAIL_ROOT, c"inside.example", JAIL_ADDR);
    want!("in a native jail", placed(&native), open);
    want!("in a jail", placed(&|| good().enter().map(drop)), Ok(Ok(Ok([ENOENT; 7]))));
    // Programs find system calls by their modules' names.
    let modfind = in_child(|| good().enter().map(|_| ask!(MODFIND, c"sys/rjail")));
    want!("modfind(2) in a jail", modfind, Ok(Ok(Ok(0))));
    jails_gone()
}

/// Looks at all lists for so many milliseconds: minus how often it looked, or how
/// many others it saw.
fn look_out([milliseconds, own, ..]: [i64; 4]) -> i64 {
    let end = sys::uptime() + milliseconds;
    let own = [int(own), int(own)];
    let Ok(room) = sys::allocate(ROOM) else { return 1 };
    let (mut looks, mut seen) = (0, 0);
    while sys::uptime() < end {
        for what in [0, 8, 0x18] {
            // A list that was refused is counted as well: it was no look.
            seen += others(processes(what, room), PROCESS.0, PROCESS.1, own).abs();
        }
        let length = sys::sysctl_named("kern.file", room, None);
        seen += others(length.map(|length| &room[..length]), FILE.0, FILE.1, own).abs();
        looks += 1;
    }
    if seen > 0 { seen } else { -looks }
}

/// A process inside looks out while jails come and go: it never sees anybody.
pub fn watcher(_: &Context) -> Outcome {
    const MILLISECONDS: i64 = 2000;
    const ENOUGH: i32 = 1000;
    let watcher = early("the watcher", Party::with_flags(JAIL_ADDR, PAPER))?;
    let look = || watcher.begin(look_out, [MILLISECONDS, i64::from(watcher.pid), 0, 0]);
    let (mut jails, mut looks) = (0, 0);
    look();
    let (mut end, last) = (sys::uptime() + MILLISECONDS, sys::uptime() + 30_000);
    while jails < ENOUGH && sys::uptime() < last {
        if sys::uptime() >= end {
            let looked = -watcher.finish();
            want!("looks without a glimpse", looked > 0, true);
            looks += looked;
            look();
            end = sys::uptime() + MILLISECONDS;
        }
        let made = in_child(|| {
            good().enter()?;
            let child = sys::fork()?;
            if child == 0 {
                sys::exit(0);
            }
            sys::wait(child, 0)
        });
        want!("a jail that comes and goes", matches!(made, Ok(Ok(Ok(_)))), true);
        jails += 1;
    }
    looks += -watcher.finish();
    drop(watcher);
    say!("    # {jails} jails came and went, the watcher looked {looks} times");
    want!("hundreds of jails", jails > 200, true);
    want!("looks without a glimpse", looks > 20, true);
    jails_gone()
}
