// SPDX-License-Identifier: BSD-2-Clause
//! Memory that is not there: in `rjail_fault.ko`, which is the module with one more
//! question at each allocation, the first allocation of a call fails, then the second,
//! and so on until the call gets through. Each time it is ENOMEM, and nothing else. So
//! it is with kldload(2), which then says ENOEXEC whatever the module's error is. A hook
//! that finds no memory does without.

use core::ffi::CStr;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{ENOENT, ENOEXEC, ENOMEM};
use crate::jail::{self, Args};
use crate::line_two::{Captive, Header};
use crate::malloc::{InUse, Malloc};
use crate::privileges::calls::get;
use crate::probe::Probe;
use crate::programs::{Context, Outcome, Program, early, good, jid, settle};
use crate::say;
use crate::slots::{self, hush, kernel_said};
use crate::sys::{self, Error, Result};

/// Begin and end without the module.
pub const ALL: &[Program] = &[
    program("scarcity_at_load", at_load),
    program("scarcity_of_the_first", of_the_first),
    program("scarcity_watched", watched),
    program("scarcity_counted", counted),
    program("scarcity", both_lines),
    program("scarcity_first_line", label_alone),
];

/// The first of all, and each call: for a kernel that checks memory, and is slow.
pub const CALLS_ALONE: &[Program] =
    &[program("scarcity_of_the_first", of_the_first), program("scarcity", both_lines)];

const fn program(name: &'static str, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds: 240, run, needs: Some(MODULE) }
}

const MODULE: &CStr = c"/rjail/rjail_fault.ko";
const FILE: &CStr = c"rjail_fault.ko";
const FROM: &CStr = c"/jail/scarce/a/it";
const TO: &CStr = c"/jail/scarce/b/it";
const SIGCONT: i32 = 19;

/// A call, with the least number of allocations that it has, with both lines and with
/// the label alone.
struct Call {
    what: &'static str,
    least: [u32; 2],
    make: fn(i64) -> Result<()>,
}

const ENTER: Call = Call { what: "rjail", least: [19, 14], make: |_| full().enter().map(drop) };

/// Those that change what is there come last.
const CALLS: &[Call] = &[
    ENTER,
    Call { what: "rjail_hold", least: [21, 16], make: |_| jail::hold(&full()).map(drop) },
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
    slots::lend()?;
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

/// What there is: jails, the one's state, its processes and descriptors, the policies,
/// whether sockets cross a jail's border, and the memory of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held(Result<i64>, Result<(u32, u32, u32)>, [Result<i32>; 3], Result<InUse>);

const POLICIES: [&str; 3] = ["security.rjail.armed", "security.rjail.watching", CROSSING];
const CROSSING: &str = "security.rjail.unix_cross_jail";

impl Held {
    fn now(malloc: &mut Malloc, jail: i64) -> Self {
        let state = jail::info(jail).map(|info| (info.state, info.processes, info.descriptors));
        let jails = sys::sysctl_number("security.rjail.jails");
        Self(jails, state, POLICIES.map(int), malloc.in_use_lately("rjail"))
    }
}

fn int(name: &str) -> Result<i32> {
    let mut bytes = [0; 4];
    sys::sysctl_named(name, &mut bytes, None)?;
    Ok(i32::from_le_bytes(bytes))
}

fn run(malloc: &mut Malloc, lines: usize) -> Outcome {
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
    // What is accounted for a jail's name, of the two that make one.
    let accounted = u32::from(lines == 0 && int("kern.racct.enable") == Ok(1));
    let least = least + 2 * accounted;
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

/// The first jail of all has the framework know the policy: that fails too, and whatever
/// fails later leaves it unknown.
fn of_the_first(_: &Context) -> Outcome {
    with_module(1, |malloc| {
        want!("the time", sys::sysctl_write("security.rjail.linger", 0), Ok(()));
        let before = Held::now(malloc, 1);
        want!("nobody jailed", before.2[0], Ok(0));
        let [both, label] = ENTER.least;
        let first = Call { what: "the first rjail", least: [both + 1, label + 1], ..ENTER };
        each(malloc, &first, before, 1, 0).map(drop)
    })
}

/// The policy of look-ups is registered when a jail can be reached by a directory of
/// outside: by a socket that it brings along, or by the switch.
fn watched(_: &Context) -> Outcome {
    let [both, label] = ENTER.least;
    let calls = [
        Call {
            what: "rjail, with a socket",
            least: [both + 1, label + 1],
            make: |_| sys::socketpair().and_then(|_| full().enter()).map(drop),
        },
        Call { what: "unix_cross_jail", least: [1, 1], make: |_| sys::sysctl_write(CROSSING, 1) },
    ];
    for (second_line, lines) in [(1, 0), (0, 1)] {
        with_module(second_line, |malloc| {
            for call in &calls {
                let held = early("hold", jail::hold(&good()))?;
                let jail = early("its number", jail::first())?;
                let before = Held::now(malloc, jail);
                want!("what there is", before.2, [Ok(1), Ok(0), Ok(0)]);
                each(malloc, call, before, jail, lines)?;
                want!("watched now", int(POLICIES[1]), Ok(1));
                want!("the switch", sys::sysctl_write(CROSSING, 0), Ok(()));
                want!("let go", sys::close(held), Ok(()));
                want!("jails", settle(0), Ok(0));
                let deadline = sys::uptime() + 3000;
                while int(POLICIES[1]) != Ok(0) && sys::uptime() < deadline {
                    sys::pause(10);
                }
                want!("not watched any more", int(POLICIES[1]), Ok(0));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// What a jail's ledger has: privileges asked for, requests that are counted, and those
/// that are not.
fn ledger(jail: i64) -> Result<(usize, u64, u32)> {
    let mut rows: jail::Ledger = [abi::Row::default(); 300];
    let info = jail::get(jail, abi::THIS, &mut rows)?;
    let rows = rows.get(..info.rows as usize).unwrap_or_default();
    let requests = rows.iter().map(|row| row.allowed + row.denied);
    let used = requests.clone().filter(|requests| *requests > 0).count();
    Ok((used, requests.sum(), info.missed))
}

/// Privileges beyond the room of every jail are counted in memory that is not waited
/// for. Without it a request is answered as ever, and only not counted.
fn counted(_: &Context) -> Outcome {
    const ROOM: usize = 24;
    let header = early("the names", Header::read())?;
    let asked = header.lines().count() as u64;
    // Asks for each once: the answers, the privileges that have a count then, how many
    // requests more were counted, and how many were missed.
    let ask = |jail: i64, nth: i32, more: i32, probe: &Probe, pid: i32| {
        let (_, before, _) = early("ledger", ledger(jail))?;
        let fault = |name, value| sys::sysctl_write(name, value);
        early("seen", fault("debug.rjail_fault.seen", 0))?;
        early("nth", fault("debug.rjail_fault.nth", nth))?;
        early("more", fault("debug.rjail_fault.more", more))?;
        early("pid", sys::getpid().and_then(|pid| fault("debug.rjail_fault.pid", pid)))?;
        let mut answers = [0_u8; 1024];
        for (number, _) in header.lines() {
            let answer = probe.ask(pid, number);
            if let Some(place) = answers.get_mut(number) {
                *place = u8::try_from(answer.unwrap_or(-1)).unwrap_or(u8::MAX);
            }
        }
        early("pid", fault("debug.rjail_fault.pid", 0))?;
        early("more", fault("debug.rjail_fault.more", 0))?;
        let (used, after, missed) = early("ledger", ledger(jail))?;
        Ok::<_, Text<160>>((answers, used, after - before, missed))
    };
    for second_line in [1, 0] {
        with_module(second_line, |_| {
            Probe::during(|probe| {
                let (mut wanted, mut all) = (None, 0);
                for (nth, more) in [(0, 0), (1, 0), (1, i32::MAX)] {
                    let captive = Captive::start(|| good().enter().map(drop));
                    let captive = early("a jail", captive)?;
                    let jail = early("its number", jail::first())?;
                    let (answers, used, requests, missed) =
                        ask(jail, nth, more, probe, captive.pid)?;
                    want!("answers", *wanted.get_or_insert(answers) == answers, true);
                    want!("none is lost", requests + u64::from(missed), asked);
                    match (nth, more) {
                        (0, _) => {
                            want!("missed with memory", missed, 0);
                            all = used;
                        }
                        (_, 0) => want!("missed once", missed, 1),
                        _ => {
                            want!("privileges counted", used, ROOM);
                            want!("missed", u64::from(missed) + ROOM as u64, asked);
                            say!("    # {asked} privileges asked for, {missed} not counted");
                            let (again, used, more, still) = ask(jail, 0, 0, probe, captive.pid)?;
                            want!("with memory again", (used, more, still), (all, asked, missed));
                            want!("answers again", again == answers, true);
                        }
                    }
                    drop(captive);
                    want!("jails", settle(0), Ok(0));
                }
                Ok(())
            })
        })?;
    }
    Ok(())
}

/// kldload(2) with the first allocation failing, then the second, ...: each time the
/// kernel says why, nothing is left, and then it loads.
fn at_load(_: &Context) -> Outcome {
    const FIRST: u64 = 4;
    const ROUNDS: u64 = 20;
    let mut malloc = early("malloc", Malloc::new())?;
    slots::lend()?;
    let accounted = u64::from(int("kern.racct.enable") == Ok(1));
    // The first time the slot is asked for too, and remembered.
    want!("allocations", failing_loads(&mut malloc)? >= 11 + accounted, true);
    for _ in 1..FIRST {
        failing_loads(&mut malloc)?;
    }
    let mut before = [0; Malloc::MOST];
    let types = malloc.counts(&mut before);
    let mut failed = 0;
    for _ in 0..ROUNDS {
        failed += failing_loads(&mut malloc)?;
    }
    sys::pause(500);
    malloc.none_leaked(&before, types, ROUNDS)?;
    say!("    # {failed} loads failed, at {} allocations", failed / ROUNDS);
    Ok(())
}

/// A load for each allocation that it has; how many there were.
fn failing_loads(malloc: &mut Malloc) -> core::result::Result<u64, Text<160>> {
    const MOST: i32 = 100;
    let set = |name: &CStr, value: i32| {
        let text = Text::<16>::of(format_args!("{value}\0"));
        sys::kenv_set(name, CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default())
    };
    early("kenv", sys::getpid().and_then(|pid| set(PID, pid)))?;
    for nth in 1..MOST {
        early("kenv", set(NTH, nth))?;
        early("kern.msgbuf_clear", hush())?;
        match sys::kldload(MODULE) {
            Err(Error(ENOEXEC)) => {
                for line in ["rjail: ", "(error 12)", "MOD_LOAD (sys/rjail"] {
                    if kernel_said(line) != Ok(true) {
                        return Err(Text::of(format_args!("no {nth}: not said: {line}")));
                    }
                }
                let left = sys::kldfind(FILE).map(drop);
                want!("kldfind", left, Err(Error(ENOENT)));
                let sysctl = sys::sysctl_number("security.rjail.jails").map(drop);
                want!("its sysctls", sysctl, Err(Error(ENOENT)));
                let held = malloc.in_use_lately("rjail").map(|held| held.count);
                want!("its memory", held, Ok(0));
            }
            Ok(module) => {
                let seen = sys::sysctl_number("debug.rjail_fault.seen");
                let forgot = [PID, NTH].map(sys::kenv_unset);
                want!("kenv", forgot, [Ok(()); 2]);
                want!("nobody's", sys::sysctl_write("debug.rjail_fault.pid", 0), Ok(()));
                want!("all were tried", seen, Ok(i64::from(nth) - 1));
                want!("a jail", in_child(|| good().enter().is_ok()), Ok(Ok(true)));
                want!("jails", settle(0), Ok(0));
                want!("kldunload", sys::kldunload(module), Ok(()));
                return Ok(u64::try_from(nth - 1).unwrap_or(0));
            }
            other => return Err(Text::of(format_args!("no {nth}: {other:?}"))),
        }
    }
    Err(Text::of(format_args!("no end of allocations")))
}

const PID: &CStr = c"debug.rjail_fault.pid";
const NTH: &CStr = c"debug.rjail_fault.nth";
