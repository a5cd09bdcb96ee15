// SPDX-License-Identifier: BSD-2-Clause
//! The init of the test machine: builds the world, plays every case in every
//! way, runs the test programs, prints TAP and a last line that says that it
//! got to the end, and switches the machine off.
//!
//! The harness gives its orders in the kernel environment: `rjail.mode` (was
//! the module loaded by the boot loader?), `rjail.test` (this group or test
//! alone), `rjail.churn` and `rjail.churn_seconds` (how often to load and
//! unload, and how long at most), `rjail.columns` (what to measure, when the mode
//! is `bench`).

#![no_std]
#![no_main]
#![expect(clippy::result_large_err, reason = "no allocator: a message travels as its bytes")]

mod answer;
mod arming;
mod bench;
mod calls;
mod console;
mod devices;
mod errno;
mod escape;
mod filter;
mod jail;
mod kasan;
mod line_two;
mod malloc;
mod net;
mod play;
mod privileges;
mod probe;
mod programs;
mod reach;
mod scarcity;
mod sequences;
mod slots;
mod static_probes;
mod sys;
mod tool;
mod trespass;
mod unix;
mod world;
mod zones;

use core::ffi::CStr;
use core::panic::PanicInfo;

use cases::{CASES, Case};

use answer::in_child_for;
use console::{Tap, Text};
use malloc::{InUse, Malloc};
use play::Mode;
use programs::{Context, Program};
use sys::Result;
use world::World;

/// A part of the run: some preparation, then tests that share it.
struct Group {
    name: &'static str,
    /// Is rjail in the kernel meanwhile?
    loaded: bool,
    /// With the second line?
    second_line: bool,
    /// How the cases are played, if they are.
    mode: Option<Mode>,
    programs: &'static [&'static [Program]],
}

impl Group {
    const fn cases(mode: Mode, loaded: bool) -> Self {
        let name = match mode {
            Mode::Outside => "outside",
            Mode::Native => "native",
            Mode::Unjailed => "unjailed",
            Mode::Inside => "inside",
            Mode::FirstLine => "first-line",
        };
        Self { name, loaded, second_line: true, mode: Some(mode), programs: &[] }
    }

    const fn programs(
        name: &'static str,
        loaded: bool,
        programs: &'static [&'static [Program]],
    ) -> Self {
        Self { name, loaded, second_line: true, mode: None, programs }
    }

    const fn without_second_line(mut self) -> Self {
        self.second_line = false;
        self
    }
}

/// The module is a file that the guest loads.
const LATE: &[Group] = &[
    Group::cases(Mode::Outside, false),
    Group::cases(Mode::Native, false),
    Group::programs("escape-native", false, &[escape::CLASSES, escape::RACES]),
    Group::programs("sequences-native", false, &[sequences::NATIVE]),
    Group::programs("load", false, &[programs::LOADING]),
    Group::cases(Mode::Unjailed, true),
    Group::cases(Mode::Inside, true),
    Group::cases(Mode::FirstLine, true).without_second_line(),
    Group::programs(
        "programs",
        true,
        &[
            programs::EITHER,
            programs::RACES,
            programs::ARMING,
            programs::ARMING_RACES,
            programs::BOTH_LINES,
        ],
    ),
    Group::programs(
        "programs-first-line",
        true,
        &[
            programs::EITHER,
            programs::RACES,
            programs::ARMING,
            programs::ARMING_RACES,
            programs::LABEL_ALONE,
        ],
    )
    .without_second_line(),
    Group::programs("escape", true, &[escape::CLASSES, escape::RACES]),
    Group::programs("escape-first-line", true, &[escape::CLASSES, escape::RACES])
        .without_second_line(),
    Group::programs("reach", true, &[reach::ALL]),
    Group::programs("reach-first-line", true, &[reach::ALL]).without_second_line(),
    Group::programs("trespass", true, &[trespass::BOTH_LINES, trespass::EITHER]),
    Group::programs("trespass-first-line", true, &[trespass::EITHER]).without_second_line(),
    Group::programs("calls", true, &[calls::EITHER, calls::RACES, calls::HOSTILE, calls::LONG]),
    Group::programs("calls-first-line", true, &[calls::EITHER, calls::RACES]).without_second_line(),
    Group::programs("races", true, &[calls::ENTRY_RACES]),
    Group::programs("races-first-line", true, &[calls::ENTRY_RACES]).without_second_line(),
    Group::programs("sequences", true, &[sequences::BOTH]),
    Group::programs("sequences-first-line", true, &[sequences::LABEL]).without_second_line(),
    Group::programs(
        "unload",
        true,
        &[programs::UNLOADING, programs::UNLOADING_RACES, calls::UNLOADING],
    ),
    Group::programs("scarcity", false, &[scarcity::ALL]),
    Group::programs("slots", false, &[slots::LATE]),
    Group::programs("churn", false, &[programs::CHURN]),
];

/// The boot loader has loaded the module with the kernel.
const BOOT: &[Group] = &[
    Group::programs("unarmed", true, &[programs::BEFORE_THE_FIRST]),
    Group::cases(Mode::Unjailed, true),
    Group::cases(Mode::Inside, true),
    Group::programs("programs", true, &[programs::EITHER, programs::RACES, programs::BOTH_LINES]),
    Group::programs("escape", true, &[escape::CLASSES, escape::RACES]),
    Group::programs("reach", true, &[reach::ALL]),
    Group::programs("trespass", true, &[trespass::BOTH_LINES, trespass::EITHER]),
    Group::programs("calls", true, &[calls::EITHER, calls::RACES]),
    Group::programs("preloaded", true, &[programs::PRELOADED, slots::PRELOADED]),
];

/// The boot loader has loaded it too, but other policies have all label slots.
const FULL: &[Group] = &[
    Group::programs("no-slot", false, &[slots::AT_BOOT]),
    Group::programs("scarcity", false, &[scarcity::ALL]),
];

/// The module is a file, the kernel checks memory, and is slow: the races, and bad input.
const RACES: &[Group] = &[
    Group::programs(
        "races",
        true,
        &[programs::RACES, programs::ARMING_RACES, calls::RACES, calls::ENTRY_RACES, escape::RACES],
    ),
    Group::programs("races-first-line", true, &[escape::RACES]).without_second_line(),
    Group::programs("hostile", true, &[calls::HOSTILE]),
    Group::programs("unload", true, &[programs::UNLOADING_RACES]),
    Group::programs("scarcity", false, &[scarcity::CALLS_ALONE]),
    Group::programs("kasan", false, &[kasan::PLANTED]),
];

/// As late, but only to show what a jail does.
const DEMO: &[Group] = &[Group::cases(Mode::Unjailed, true), Group::cases(Mode::Inside, true)];

/// No module at hand.
const NONE: &[Group] = &[Group::cases(Mode::Outside, false), Group::cases(Mode::Native, false)];

/// Where the program begins: as init, or run again by one of its tests.
fn start(argument: Option<&CStr>) -> ! {
    let is_init = sys::getpid() == Ok(1);
    if argument == Some(bench::END) {
        sys::exit(0);
    }
    if let Some(argument) = argument.filter(|_| !is_init) {
        sys::exit(programs::run_again(argument));
    }
    if let Err(why) = run() {
        say!("# the run ended early: {why}");
    }
    let _ = sys::reboot(0x4000);
    sys::exit(1)
}

type Early = Text<160>;

fn run() -> core::result::Result<(), Early> {
    // Nothing is open yet: this is descriptor 0, the console of all that follow.
    let _ = sys::open(c"/dev/console", 2, 0);
    say!("TAP version 14");
    let world = world::build().map_err(|e| Text::of(format_args!("world: {e:?}")))?;
    if sys::kenv_get(c"rjail.mode", &mut [0; 128]) == Ok(b"bench") {
        return bench::run(world).map_err(|e| Text::of(format_args!("bench: {e:?}")));
    }
    let mut malloc = Malloc::new().map_err(|e| Text::of(format_args!("malloc: {e:?}")))?;
    let orders = Orders::read();
    let (mut passed, mut ran, mut number) = (0, 0, 0);
    for group in orders.groups {
        if orders.tests_of(group) == 0 {
            continue;
        }
        number += 1;
        let tap = run_group(group, &orders, &world, &mut malloc)?;
        tap.end(number, group.name);
        passed += tap.passed;
        ran += tap.ran;
    }
    say!("1..{number}");
    lock_orders();
    say!("RJAIL-VM-DONE {passed}/{ran}");
    Ok(())
}

/// Where WITNESS saw the two orders of each reversal that it has complained of; the
/// complaint itself has the second alone.
fn lock_orders() {
    let Ok(room) = sys::allocate(1 << 18) else { return };
    let Ok(length) = sys::sysctl_named("debug.witness.badstacks", room, None) else { return };
    let text = core::str::from_utf8(room.get(..length).unwrap_or_default()).unwrap_or_default();
    for line in text.trim_end_matches('\0').lines().filter(|line| !line.is_empty()) {
        say!("ORDER {line}");
    }
}

/// What the harness wants.
struct Orders {
    groups: &'static [Group],
    /// Only the cases of the demonstration.
    only_shown: bool,
    test: Text<128>,
    churn: u32,
    churn_seconds: i64,
}

impl Orders {
    fn read() -> Self {
        let mut mode = [0; 128];
        let (groups, only_shown) = match sys::kenv_get(c"rjail.mode", &mut mode) {
            Ok(b"late") => (LATE, false),
            Ok(b"boot") => (BOOT, false),
            Ok(b"full") => (FULL, false),
            Ok(b"races") => (RACES, false),
            Ok(b"demo") => (DEMO, true),
            _ => (NONE, false),
        };
        let number = |name| {
            let mut value = [0; 128];
            let digits = sys::kenv_get(name, &mut value).unwrap_or_default();
            core::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).unwrap_or(0)
        };
        let mut name = [0; 128];
        let name = sys::kenv_get(c"rjail.test", &mut name).unwrap_or_default();
        let test = Text::of(format_args!("{}", core::str::from_utf8(name).unwrap_or_default()));
        let churn = number(c"rjail.churn");
        let churn_seconds = i64::from(number(c"rjail.churn_seconds"));
        Self { groups, only_shown, test, churn, churn_seconds }
    }

    fn wants(&self, group: &Group, test: &str) -> bool {
        let all = self.test.bytes();
        let named = |wanted: &[u8], name: &str| match wanted.strip_suffix(b"*") {
            Some(begin) => name.as_bytes().starts_with(begin),
            None => name.as_bytes() == wanted,
        };
        let mut names = all.split(|byte| *byte == b',');
        all.is_empty() || names.any(|wanted| named(wanted, group.name) || named(wanted, test))
    }

    fn tests_of(&self, group: &Group) -> usize {
        self.programs_of(group).count() + self.cases_of(group).count()
    }

    /// Without those that need a file which the harness had not to give, and
    /// counts as skipped.
    fn programs_of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'static Program> + 'a {
        group.programs.iter().copied().flatten().filter(|program| {
            self.wants(group, program.name)
                && program.needs.is_none_or(|file| sys::file_id(file).is_ok())
        })
    }

    fn cases_of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'static Case> + 'a {
        CASES.iter().filter(|case| {
            group.mode.is_some_and(|mode| mode.has(case))
                && self.wants(group, case.name)
                && (!self.only_shown || cases::DEMO.contains(&case.name))
        })
    }
}

fn run_group(
    group: &Group,
    orders: &Orders,
    world: &World,
    malloc: &mut Malloc,
) -> core::result::Result<Tap, Early> {
    let early = |what: &'static str| {
        move |error: sys::Error| Text::of(format_args!("{}: {what}: {error:?}", group.name))
    };
    programs::have_module(group.loaded).map_err(early("kldload"))?;
    if group.loaded {
        let on = i32::from(group.second_line);
        sys::sysctl_write("security.rjail.second_line", on).map_err(early("second_line"))?;
        // Going, the policy says so, and not in the middle of a line of ours.
        sys::sysctl_write("security.rjail.linger", 86_400).map_err(early("linger"))?;
    }
    let mut tap = Tap::begin(group.name, orders.tests_of(group));
    if let Some(mode) = group.mode {
        let world = world.with_sibling(mode.kind()).map_err(early("sibling"))?;
        let before = held(malloc);
        for case in orders.cases_of(group) {
            let got = play::play(case, mode, &world);
            let wanted = mode.wanted(case);
            let outcome = if got == wanted.into() {
                if mode.is_in_rjail() { unchanged(malloc, before) } else { Ok(()) }
            } else {
                Err(Text::of(format_args!("got {got:?}, wanted {wanted:?}")))
            };
            tap.result(format_args!("case {} [{}]", case.name, mode.name()), outcome);
            say!("ANSWER {} {} {got:?}", case.name, mode.name());
        }
        world.end_sibling().map_err(early("end of the sibling"))?;
        if group.loaded && programs::settle(0) != Ok(0) {
            say!("RJAIL-VM-LEAK {}: a jail without a process is left", group.name);
        }
    }
    let context =
        Context { world: *world, churn: orders.churn, churn_seconds: orders.churn_seconds };
    for program in orders.programs_of(group) {
        let before = held(malloc);
        let outcome = match in_child_for(program.seconds, || (program.run)(&context)) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(status)) => Err(Text::of(format_args!("it ended: {status:?}"))),
            Err(error) => Err(Text::of(format_args!("fork: {error:?}"))),
        };
        let outcome = outcome.and_then(|()| unchanged(malloc, before));
        tap.result(format_args!("{} [{}]", program.name, group.name), outcome);
    }
    Ok(tap)
}

/// What the module's malloc types hold.
fn held(malloc: &mut Malloc) -> Result<InUse> {
    malloc.in_use_lately("rjail")
}

/// The same again, given the time that a deferred teardown may take?
fn unchanged(malloc: &mut Malloc, before: Result<InUse>) -> core::result::Result<(), Text<160>> {
    let deadline = sys::uptime() + 3000;
    loop {
        // Orphans keep their credentials until then.
        sys::reap();
        let now = held(malloc);
        if now.is_ok() && now == before {
            return Ok(());
        }
        if sys::uptime() > deadline {
            return Err(Text::of(format_args!("leak: held {before:?}, now {now:?}")));
        }
        sys::pause(20);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("RJAIL-GUEST-BUG {info}");
    sys::exit(70)
}
