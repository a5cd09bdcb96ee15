// SPDX-License-Identifier: BSD-2-Clause
//! Memory that is not there: in `rjail_fault.ko`, which is the module with one more
//! question at each allocation, the first allocation of a call fails, then the second,
//! and so on until the call gets through. Each time it is ENOMEM, and nothing else.

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::ENOMEM;
use crate::jail::{self, Args};
use crate::line_two::Captive;
use crate::malloc::{InUse, Malloc};
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, Program, early, good, jid, settle};
use crate::say;
use crate::sys::{self, Error, Result};

/// Begin and end without the module.
pub const ALL: &[Program] = &[
    Program { name: "scarcity", seconds: 240, run: both_lines, needs: Some(MODULE) },
    Program { name: "scarcity_first_line", seconds: 240, run: label_alone, needs: Some(MODULE) },
];

const MODULE: &core::ffi::CStr = c"/rjail/rjail_fault.ko";
const FILE: &core::ffi::CStr = c"rjail_fault.ko";
const FROM: &core::ffi::CStr = c"/jail/scarce/a/it";
const TO: &core::ffi::CStr = c"/jail/scarce/b/it";
const SIGCONT: i32 = 19;

/// A call, with the least number of allocations that it has, with both lines and with
/// the label alone.
struct Call {
    what: &'static str,
    least: [u32; 2],
    make: fn(i64) -> Result<()>,
}

/// Those that change what is there come last.
const CALLS: &[Call] = &[
    Call { what: "rjail", least: [21, 14], make: |_| full().enter().map(drop) },
    Call { what: "rjail_hold", least: [23, 16], make: |_| jail::hold(&full()).map(drop) },
    Call { what: "rjail_attach", least: [0, 2], make: |jail| jail::attach(jail).map(drop) },
    Call { what: "rjail_get", least: [2, 2], make: |_| jail::info(jail::first()?).map(drop) },
    Call {
        what: "rjail_why",
        least: [1, 1],
        make: |jail| jail::why(jail, c"PRIV_KLD_LOAD", &mut [0; 64]).map(drop),
    },
    Call {
        what: "rename",
        least: [6, 6],
        make: |_| {
            get!(RENAME, FROM, TO)?;
            sys::sysctl_write("debug.rjail_fault.pid", 0)?;
            get!(RENAME, TO, FROM).map(drop)
        },
    },
    Call { what: "rjail_kill", least: [2, 2], make: |jail| jail::kill(jail, SIGCONT).map(drop) },
    Call {
        what: "rjail_kill, closing",
        least: [2, 2],
        make: |jail| jail::close(jail, 2000).map(drop),
    },
];

/// A jail with something of everything.
fn full() -> Args {
    const V6: &[[u8; 16]] = &[[0xfd, 0, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]];
    good()
        .with_ip6(V6)
        .with_privileges(c"+PRIV_KTRACE -PRIV_VFS_CHROOT")
        .with_name(c"scarce")
        .with_loopback(abi::loopback::SHARE)
}

fn both_lines(_: &Context) -> Outcome {
    with_module(1, |malloc| run(malloc, 0))
}

fn label_alone(_: &Context) -> Outcome {
    with_module(0, |malloc| run(malloc, 1))
}

fn with_module(second_line: i32, work: impl FnOnce(&mut Malloc) -> Outcome) -> Outcome {
    let module = early("kldload", sys::kldload(MODULE))?;
    let set = sys::sysctl_write("security.rjail.second_line", second_line)
        .and_then(|()| sys::sysctl_write("security.rjail.linger", 86_400));
    want!("set up", set, Ok(()));
    let mut malloc = early("malloc", Malloc::new())?;
    let outcome = work(&mut malloc);
    let _ = sys::sysctl_write("debug.rjail_fault.pid", 0);
    let left = settle(0);
    let unloaded = sys::kldunload(early("kldfind", sys::kldfind(FILE))?);
    outcome?;
    want!("jails afterwards", left, Ok(0));
    want!("kldunload", (module > 0, unloaded), (true, Ok(())));
    Ok(())
}

/// What there is: jails, the one's state, its processes and descriptors, and the memory
/// of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held(Result<i64>, Result<(u32, u32, u32)>, Result<InUse>);

impl Held {
    fn now(malloc: &mut Malloc, jail: i64) -> Self {
        let state = jail::info(jail).map(|info| (info.state, info.processes, info.descriptors));
        let jails = sys::sysctl_number("security.rjail.jails");
        Self(jails, state, malloc.in_use_lately("rjail"))
    }
}

fn run(malloc: &mut Malloc, lines: usize) -> Outcome {
    // Who fails the first time of all has the policy armed: that stays.
    want!(
        "before the first jail",
        sys::sysctl_number("security.rjail.armed").map(|n| n & 1),
        Ok(0)
    );
    for directory in [c"/jail/scarce", c"/jail/scarce/a", c"/jail/scarce/b", FROM] {
        early("mkdir", sys::mkdir(directory, 0o755))?;
    }
    let mut points = 0;
    // One without a process, of which rjail_get(2) has most to tell, and one with.
    let empty = early("hold", jail::hold(&good()))?;
    let first = early("its number", jail::first())?;
    let held = early("hold", jail::hold(&good()))?;
    let next = jail::get(first, abi::NEXT, &mut []).map(|info| info.jid);
    let jail = early("its number", next)?;
    let captive = early("a process", Captive::start(|| jail::attach(jail).map(drop)))?;
    let before = Held::now(malloc, jail);
    for call in CALLS {
        points += each(malloc, call, before, jail, lines)?;
    }
    drop(captive);
    want!("let go", [sys::close(held), sys::close(empty)], [Ok(()); 2]);
    for directory in [FROM, c"/jail/scarce/a", c"/jail/scarce/b", c"/jail/scarce"] {
        early("rmdir", get!(RMDIR, directory))?;
    }
    let least: u32 = CALLS.iter().map(|call| call.least[lines]).sum();
    say!("    # {points} allocations failed, one at a time");
    want!("so many at least", points >= least, true);
    Ok(())
}

/// The first allocation fails, then the second, ...; how many there were.
fn each(
    malloc: &mut Malloc,
    call: &Call,
    before: Held,
    jail: i64,
    lines: usize,
) -> core::result::Result<u32, Text<160>> {
    const MOST: i32 = 200;
    for nth in 1..MOST {
        let made = in_child(|| {
            sys::sysctl_write("debug.rjail_fault.seen", 0)?;
            sys::sysctl_write("debug.rjail_fault.nth", nth)?;
            sys::sysctl_write("debug.rjail_fault.pid", sys::getpid()?)?;
            let made = (call.make)(jail);
            Ok::<_, Error>((made, jid()?))
        });
        let seen = sys::sysctl_number("debug.rjail_fault.seen");
        early("pid", sys::sysctl_write("debug.rjail_fault.pid", 0))?;
        let seen = early("seen", seen)?;
        if seen < i64::from(nth) {
            if !matches!(made, Ok(Ok(Ok((Ok(()), _))))) {
                return Err(Text::of(format_args!("{} with memory: {made:?}", call.what)));
            }
            let points = u32::try_from(nth - 1).unwrap_or(0);
            say!("    # {}: {points} allocations", call.what);
            if points < call.least[lines] {
                return Err(Text::of(format_args!("{}: {points} allocations alone", call.what)));
            }
            return Ok(points);
        }
        if made != Ok(Ok(Ok((Err(Error(ENOMEM)), 0)))) {
            return Err(Text::of(format_args!("{}, no {nth}: {made:?}", call.what)));
        }
        let deadline = sys::uptime() + 3000;
        let mut now = Held::now(malloc, jail);
        while now != before && sys::uptime() < deadline {
            sys::pause(10);
            now = Held::now(malloc, jail);
        }
        if now != before {
            let what = call.what;
            return Err(Text::of(format_args!("{what}, no {nth}: {before:?}, now {now:?}")));
        }
    }
    Err(Text::of(format_args!("{}: no end", call.what)))
}
