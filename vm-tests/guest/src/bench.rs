// SPDX-License-Identifier: BSD-2-Clause
//! What calls cost: outside any jail, in a native one and in rjail's.
//!
//! The machine counts instructions: its time stamp counter moves by one for each,
//! whoever executes it, so that a figure is the number of instructions between
//! two readings. `rjail.columns` says where to measure, in this order; each place
//! is a group of tests, and each operation says, before its result,
//!
//! ```text
//! BENCH <number of the column> <times in a batch> <count>,<count>,... <operation>
//! ```
//!
//! where a count is the instructions of one batch. The first column of a boot is
//! there to warm the kernel up; the harness leaves it out.

use core::ffi::CStr;
use core::hint::black_box;

use cases::world::{JAIL_ADDR, USER};

use crate::answer::in_child_for;
use crate::console::{Tap, Text};
use crate::errno::{EBUSY, EINVAL};
use crate::jail::Kind;
use crate::malloc::{InUse, Malloc};
use crate::programs::{self, Held};
use crate::say;
use crate::sys::{self, Error, Result, Sockaddr, UnixName, WithSize};
use crate::world::{JAIL_NAME, JAIL_ROOT, PROGRAM_IN_JAIL, World};

/// The argument with which the program ends at once.
pub const END: &CStr = c"end";

/// Batches that count.
const BATCHES: usize = 11;
/// Batches before them, which fill the kernel's caches.
const FIRST: usize = 2;
/// Processes that sleep outside meanwhile.
const NEIGHBOURS: usize = 100;
/// Other jails, or other processes.
const CROWD: usize = 1000;
/// Other jails, to see what grows.
const MULTITUDE: usize = 10_000;
/// Seconds, that is thousands of millions of instructions, for one operation.
const PATIENCE: i64 = 600;

const AF_INET: i32 = 2;
const AF_UNIX: i32 = 1;
const STREAM: i32 = 1;
const DATAGRAM: i32 = 2;
const ANY: [u8; 4] = [0; 4];

/// Where the process that is measured lives. Its root is the same directory
/// everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After chroot(2).
    Outside,
    /// In a jail.
    Jail(Kind),
}

/// What else there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    None,
    Processes,
    /// So many, with a process each.
    Jails(usize),
}

/// A place, and the state of the machine around it.
#[derive(Clone, Copy)]
struct Column {
    word: &'static str,
    loaded: bool,
    place: Place,
    others: Others,
    operations: &'static [Operation],
    /// Those of [`QUICK`] alone.
    quick: bool,
}

const fn column(word: &'static str, loaded: bool, place: Place, others: Others) -> Column {
    Column { word, loaded, place, others, operations: OPERATIONS, quick: false }
}

const COLUMNS: &[Column] = &[
    column("none", false, Place::Outside, Others::None),
    column("native", false, Place::Jail(Kind::Native), Others::None),
    column("unjailed", true, Place::Outside, Others::None),
    column("rjail", true, Place::Jail(Kind::Rjail), Others::None),
    column("rjail-and-processes", true, Place::Jail(Kind::Rjail), Others::Processes),
    column("rjail-and-jails", true, Place::Jail(Kind::Rjail), Others::Jails(CROWD)),
    Column {
        quick: true,
        ..column("rjail-and-10000", true, Place::Jail(Kind::Rjail), Others::Jails(MULTITUDE))
    },
    column("outside-and-jail", true, Place::Outside, Others::Jails(1)),
    Column { operations: LOADING, ..column("load", false, Place::Outside, Others::None) },
    Column { quick: true, ..column("quick-none", false, Place::Outside, Others::None) },
    Column { quick: true, ..column("quick-unjailed", true, Place::Outside, Others::None) },
];

/// What a short measurement has: at least one of each way to the hooks.
const QUICK: &[&str] = &[
    "nothing",
    "kill(0), own process",
    "settimeofday of nothing",
    "setuid",
    "setresuid",
    "open and close, search denied, root",
    "stat, shallow, root",
    "stat, deep, user",
    "UDP bind to ANY",
    "UNIX connect and accept",
    "shm_open, close, unlink",
    "fork, exit, wait",
    // In a jail.
    "TCP connect and accept",
    "fork, enter, exit, wait",
    "fork, exit, wait, outside",
];

/// Something that is measured.
struct Operation {
    name: &'static str,
    run: fn(&mut Watch) -> Result<()>,
    /// Begun at the place, or by who makes the place?
    from: From,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// Any place.
    Anywhere,
    /// A jail; there is nothing like it outside.
    Jail,
    /// Outside, about to enter.
    Before,
    /// As before, rjail's alone, where there is no other jail and the policy can go.
    First,
    /// Outside, for the machine.
    Machine,
}

impl From {
    fn fits(self, column: &Column, preloaded: bool) -> bool {
        match (self, column.place) {
            (Self::Anywhere | Self::Machine, _) => true,
            (Self::First, place) => {
                let alone = column.others == Others::None;
                !preloaded && alone && place == Place::Jail(Kind::Rjail)
            }
            (_, place) => place != Place::Outside,
        }
    }
}

const fn anywhere(name: &'static str, run: fn(&mut Watch) -> Result<()>) -> Operation {
    Operation { name, run, from: From::Anywhere }
}

const OPERATIONS: &[Operation] = &[
    anywhere("nothing", nothing),
    anywhere("getpid", |watch| watch.repeat(2000, || sys::getpid().map(drop))),
    anywhere("kill(0), own process", kill_own),
    anywhere("kill(0), outside process", |watch| {
        let outside = watch.world.neighbour;
        watch.repeat(1000, || either(sys::kill(outside, 0)))
    }),
    anywhere("settimeofday of nothing", |watch| {
        watch.repeat(1000, || either(sys::settimeofday_nothing()))
    }),
    anywhere("setuid", |watch| watch.repeat(500, || sys::setuid(0))),
    anywhere("chown", |watch| watch.repeat(500, || sys::chown(c"/given", USER, USER))),
    anywhere("setgroups", |watch| watch.repeat(500, || sys::setgroups(5))),
    anywhere("setlogin", |watch| {
        // A session that was begun outside keeps its name.
        sys::setsid()?;
        watch.repeat(500, || sys::setlogin(c"bench"))
    }),
    anywhere("setresuid", |watch| {
        let mut saved = 1;
        watch.repeat(500, || {
            saved = 3 - saved;
            sys::setresuid(0, 0, saved)
        })
    }),
    anywhere("setrlimit, lower and raise", |watch| watch.repeat(500, sys::raise_limit)),
    anywhere("chroot", |watch| watch.repeat(500, || sys::chroot(c"/"))),
    anywhere("open and close, shallow, root", |watch| open(watch, SHALLOW)),
    anywhere("open and close, deep, root", |watch| open(watch, DEEP)),
    anywhere("open and close, shallow, user", |watch| {
        become_user()?;
        open(watch, SHALLOW)
    }),
    anywhere("open and close, deep, user", |watch| {
        become_user()?;
        open(watch, DEEP)
    }),
    anywhere("open and close, search denied, root", |watch| open(watch, DENIED)),
    anywhere("stat, shallow, root", |watch| stat(watch, SHALLOW)),
    anywhere("stat, deep, root", |watch| stat(watch, DEEP)),
    anywhere("stat, shallow, user", |watch| {
        become_user()?;
        stat(watch, SHALLOW)
    }),
    anywhere("stat, deep, user", |watch| {
        become_user()?;
        stat(watch, DEEP)
    }),
    anywhere("stat, search denied, root", |watch| stat(watch, DENIED)),
    anywhere("UDP socket and close", |watch| {
        watch.repeat(200, || sys::close(sys::socket(AF_INET, DATAGRAM, 0)?))
    }),
    anywhere("UDP bind to ANY", udp_bind),
    anywhere("UDP sendto unbound, receive", udp_sendto),
    anywhere("UDP send connected, receive", udp_connected),
    anywhere("TCP connect and accept", tcp_connect),
    anywhere("64 KB over loopback TCP", tcp_stream),
    anywhere("kern.proc of all", kern_proc),
    anywhere("fork, exit, wait", |watch| watch.repeat(20, || child(|| Ok(())))),
    anywhere("fork, exec, exit, wait", |watch| {
        watch.repeat(10, || child(|| sys::execve(PROGRAM_IN_JAIL, END)))
    }),
    anywhere("pipe round trip", pipe),
    anywhere("UNIX connect and accept", unix_connect),
    anywhere("shm_open, close, unlink", |watch| {
        watch.repeat(100, || {
            sys::close(sys::shm_open(c"/bench")?)?;
            sys::shm_unlink(c"/bench")
        })
    }),
    anywhere("pty open and close", |watch| {
        const O_RDWR_NOCTTY: i32 = 0x8002;
        watch.repeat(20, || sys::close(sys::posix_openpt(O_RDWR_NOCTTY)?))
    }),
    Operation { name: "fork, enter, exit, wait", run: enter, from: From::Before },
    Operation { name: "fork, exit, wait, outside", run: stay, from: From::Before },
    Operation { name: "fork, enter, exit, wait, first jail", run: enter_first, from: From::First },
    Operation { name: "kill of 100 processes", run: kill_all, from: From::Jail },
];

const LOADING: &[Operation] =
    &[Operation { name: "module load and unload", run: load, from: From::Machine }];

const SHALLOW: &CStr = c"/near";
const DEEP: &CStr = c"/a/b/c/d/e/f/g/h/far";
const DENIED: &CStr = c"/denied/file";

/// Counts the instructions of an operation.
struct Watch {
    world: World,
    place: Place,
    figures: Figures,
}

#[derive(Clone, Copy)]
struct Figures {
    times: u32,
    batches: [u64; BATCHES],
}

impl Watch {
    /// Does it so many times in each batch.
    fn repeat(&mut self, times: u32, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        self.repeat_after(times, || Ok(()), |()| work())
    }

    /// The same, after something that each batch needs and that does not count.
    fn repeat_after<T>(
        &mut self,
        times: u32,
        mut prepare: impl FnMut() -> Result<T>,
        mut work: impl FnMut(&T) -> Result<()>,
    ) -> Result<()> {
        self.figures.times = times;
        for batch in 0..FIRST + BATCHES {
            let ready = prepare()?;
            let began = sys::time_stamp();
            for _ in 0..times {
                work(&ready)?;
            }
            let count = sys::time_stamp() - began;
            if let Some(number) = batch.checked_sub(FIRST) {
                self.figures.batches[number] = count;
            }
        }
        Ok(())
    }
}

/// Measures what the harness wants to know.
pub fn run(world: World) -> Result<()> {
    let mut words = [0; 128];
    let words = sys::kenv_get(c"rjail.columns", &mut words)?;
    let preloaded = sys::kldfind(programs::MODULE_FILE).is_ok();
    // Nobody waits for a timer.
    sys::sysctl_write("net.inet.tcp.delayed_ack", 0)?;
    sys::touch_program()?;
    make_files()?;
    let neighbours = Held::start(NEIGHBOURS, || Ok(()))?;
    say_clock()?;
    let (mut passed, mut ran, mut number) = (0, 0, 0);
    for word in words.split(|byte| *byte == b' ') {
        let wanted = COLUMNS.iter().find(|column| column.word.as_bytes() == word);
        let column = wanted.ok_or(Error(EINVAL))?;
        let tap = measure_column(number, column, world, preloaded)?;
        number += 1;
        tap.end(number, column.word);
        passed += tap.passed;
        ran += tap.ran;
    }
    neighbours.let_go()?;
    say!("1..{number}");
    say!("RJAIL-VM-DONE {passed}/{ran}");
    Ok(())
}

/// What the counter counts: once around a loop of known length.
fn say_clock() -> Result<()> {
    const ROUNDS: u64 = 1_000_000;
    let mut least = [u64::MAX; 2];
    let mut nanoseconds = i64::MAX;
    for _ in 0..5 {
        for (least, rounds) in least.iter_mut().zip([1, ROUNDS]) {
            let began = sys::time_stamp();
            sys::count_down(rounds);
            *least = (*least).min(sys::time_stamp() - began);
        }
        let began = sys::monotonic()?;
        sys::count_down(ROUNDS);
        nanoseconds = nanoseconds.min(sys::monotonic()? - began);
    }
    let [short, long] = least;
    let mut version = [0; 128];
    let _ = sys::sysctl_named("kern.version", &mut version, None);
    let version = version.split(|byte| *byte == b'\n').next().unwrap_or_default();
    say!("BENCH-KERNEL {}", core::str::from_utf8(version).unwrap_or_default());
    say!("BENCH-CLOCK {} {} {nanoseconds} {short}", 2 * (ROUNDS - 1), long - short);
    Ok(())
}

fn make_files() -> Result<()> {
    const CREATE: i32 = 0x0201;
    let file = |path| sys::close(sys::open(path, CREATE, 0o644)?);
    for directory in [
        c"/jail/a",
        c"/jail/a/b",
        c"/jail/a/b/c",
        c"/jail/a/b/c/d",
        c"/jail/a/b/c/d/e",
        c"/jail/a/b/c/d/e/f",
        c"/jail/a/b/c/d/e/f/g",
        c"/jail/a/b/c/d/e/f/g/h",
    ] {
        sys::mkdir(directory, 0o755)?;
        // Not all may search it, so that the kernel has to look at who asks.
        sys::chmod(directory, 0o701)?;
    }
    sys::mkdir(c"/jail/denied", 0o755)?;
    for path in [c"/jail/near", c"/jail/given", c"/jail/denied/file", c"/jail/a/b/c/d/e/f/g/h/far"]
    {
        file(path)?;
    }
    sys::chmod(c"/jail/denied", 0)?;
    sys::chown(c"/jail/denied", USER, USER)?;
    sys::chown(c"/jail/given", USER, USER)
}

fn measure_column(number: u32, column: &Column, world: World, preloaded: bool) -> Result<Tap> {
    programs::have_module(column.loaded)?;
    if column.loaded {
        // Nothing comes or goes while something is measured, but what is to be there.
        let nobody = column.place == Place::Outside && column.others == Others::None;
        stay_armed(!nobody)?;
        if nobody {
            disarmed()?;
        }
    }
    let before = memory()?;
    let crowd = match column.others {
        Others::None => None,
        Others::Processes => Some(Held::start(CROWD, || Ok(()))?),
        Others::Jails(count) => {
            Some(Held::start(count, || Kind::Rjail.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR))?)
        }
    };
    if let Others::Jails(count) = column.others {
        let [ours, kernels] = memory()?;
        let [ours, kernels] = [(ours, before[0]), (kernels, before[1])]
            .map(|(now, before)| (now.count - before.count, now.bytes - before.bytes));
        say!("BENCH-MEMORY {count} {} {} {} {}", ours.0, ours.1, kernels.0, kernels.1);
    }
    let mine = column.operations.iter().filter(|operation| {
        operation.from.fits(column, preloaded) && (!column.quick || QUICK.contains(&operation.name))
    });
    let mut tap = Tap::begin(column.word, mine.clone().count());
    for operation in mine {
        let outcome = measure(operation, column.place, world);
        if let Ok(Figures { times, batches }) = &outcome {
            let mut text = Text::<300>::new();
            for batch in batches {
                // Cut off, the harness would see a batch too few.
                let _ = core::fmt::Write::write_fmt(&mut text, format_args!("{batch},"));
            }
            say!("BENCH {number} {times} {text} {}", operation.name);
        }
        tap.result(format_args!("{} [{}]", operation.name, column.word), outcome.map(drop));
    }
    if let Some(crowd) = crowd {
        crowd.let_go()?;
    }
    free_terminals();
    if column.loaded && programs::settle(0)? != 0 {
        say!("RJAIL-VM-LEAK {}: a jail without a process is left", column.word);
    }
    Ok(tap)
}

/// Frees the terminals of jails that are gone: looking a name up in each devfs(5) does.
fn free_terminals() {
    let _ = sys::file_id(c"/dev/none").or_else(|_| sys::file_id(c"/jail/dev/none"));
}

/// Whether the policy stays, or goes with the last jail.
fn stay_armed(stay: bool) -> Result<()> {
    sys::sysctl_write("security.rjail.linger", if stay { 86_400 } else { 0 })
}

/// Waits until the policy is gone.
fn disarmed() -> Result<()> {
    let deadline = sys::uptime() + 5000;
    while sys::sysctl_number("security.rjail.armed")? != 0 {
        if sys::uptime() > deadline {
            return Err(Error(EBUSY));
        }
        sys::pause(10);
    }
    Ok(())
}

/// What the module holds, without and with each jail's `struct prison`: the latter
/// comes second. Asked by a child: the answer takes memory, which would make later
/// forks dearer.
fn memory() -> Result<[InUse; 2]> {
    let ask = || -> Result<[InUse; 2]> {
        let mut malloc = Malloc::new()?;
        let [all, kernels] = ["rjail", "rjail_prison"].map(|name| malloc.in_use_lately(name));
        let (all, kernels) = (all?, kernels?);
        Ok([InUse { count: all.count - kernels.count, bytes: all.bytes - kernels.bytes }, kernels])
    };
    in_child_for(PATIENCE, ask)?.map_err(|_| Error(EINVAL))?
}

/// In a process of its own, so that nothing stays.
fn measure(
    operation: &Operation,
    place: Place,
    world: World,
) -> core::result::Result<Figures, Text<160>> {
    let figures = Figures { times: 0, batches: [0; BATCHES] };
    let work = || {
        let mut watch = Watch { world, place, figures };
        touch_stack();
        if matches!(operation.from, From::Anywhere | From::Jail) {
            live_at(place)?;
        }
        (operation.run)(&mut watch).map(|()| watch.figures)
    };
    match in_child_for(PATIENCE, work) {
        Ok(Ok(Ok(figures))) => Ok(figures),
        Ok(Ok(Err(error))) => Err(Text::of(format_args!("{error:?}"))),
        Ok(Err(status)) => Err(Text::of(format_args!("it ended: {status:?}"))),
        Err(error) => Err(Text::of(format_args!("fork: {error:?}"))),
    }
}

/// Every process has the same pages from the beginning, the program's as well:
/// what it did before would otherwise change what its fork(2) costs.
fn touch_stack() {
    black_box([1_u8; 64 << 10]);
}

fn live_at(place: Place) -> Result<()> {
    match place {
        Place::Outside => sys::chroot(JAIL_ROOT)?,
        Place::Jail(kind) => kind.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR)?,
    }
    sys::chdir(c"/")
}

fn become_user() -> Result<()> {
    sys::setgroups(USER)?;
    sys::setgid(USER)?;
    sys::setuid(USER)
}

/// Granted here and refused there: both have their price.
fn either(_: Result<()>) -> Result<()> {
    Ok(())
}

/// The loop alone.
fn nothing(watch: &mut Watch) -> Result<()> {
    watch.repeat(10_000, || {
        black_box(());
        Ok(())
    })
}

/// Forks, and waits for the end of a child that does this.
fn child(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let pid = sys::fork()?;
    if pid == 0 {
        sys::exit(i32::from(work().is_err()));
    }
    match sys::wait(pid, 0)? {
        (_, sys::Status::Exited(0)) => Ok(()),
        _ => Err(Error(EINVAL)),
    }
}

/// Something done while another process does its part.
fn with_helper(
    help: impl FnOnce() -> Result<()>,
    work: impl FnOnce(i32) -> Result<()>,
) -> Result<()> {
    let helper = sys::fork()?;
    if helper == 0 {
        let _ = help();
        sys::exit(1);
    }
    let outcome = work(helper);
    sys::kill(helper, 9)?;
    sys::wait(helper, 0)?;
    outcome
}

fn kill_own(watch: &mut Watch) -> Result<()> {
    let sleep = || loop {
        sys::pause(1_000_000);
    };
    with_helper(sleep, |own| watch.repeat(1000, || sys::kill(own, 0)))
}

fn open(watch: &mut Watch, path: &CStr) -> Result<()> {
    watch.repeat(500, || sys::close(sys::open(path, 0, 0)?))
}

fn stat(watch: &mut Watch, path: &CStr) -> Result<()> {
    watch.repeat(1000, || sys::file_id(path).map(drop))
}

fn udp_bind(watch: &mut Watch) -> Result<()> {
    watch.repeat(200, || {
        let fd = sys::socket(AF_INET, DATAGRAM, 0)?;
        sys::bind(fd, WithSize(&Sockaddr::new(ANY, 9000)))?;
        sys::close(fd)
    })
}

fn udp_receiver() -> Result<(i32, Sockaddr)> {
    let (fd, name) = (sys::socket(AF_INET, DATAGRAM, 0)?, Sockaddr::new(JAIL_ADDR, 9001));
    sys::bind(fd, WithSize(&name))?;
    Ok((fd, name))
}

fn udp_sendto(watch: &mut Watch) -> Result<()> {
    let (receiver, name) = udp_receiver()?;
    watch.repeat(100, || {
        let fd = sys::socket(AF_INET, DATAGRAM, 0)?;
        sys::send(fd, &[0; 16], name)?;
        sys::receive(receiver, &mut [0; 16])?;
        sys::close(fd)
    })
}

fn udp_connected(watch: &mut Watch) -> Result<()> {
    let (receiver, name) = udp_receiver()?;
    let fd = sys::socket(AF_INET, DATAGRAM, 0)?;
    sys::connect(fd, WithSize(&name))?;
    watch.repeat(200, || {
        sys::write(fd, &[0; 16])?;
        sys::read(receiver, &mut [0; 16]).map(drop)
    })
}

fn tcp_listener() -> Result<(i32, Sockaddr)> {
    let (fd, name) = (sys::socket(AF_INET, STREAM, 0)?, Sockaddr::new(JAIL_ADDR, 9002));
    sys::bind(fd, WithSize(&name))?;
    sys::listen(fd, 8)?;
    Ok((fd, name))
}

fn tcp_connect(watch: &mut Watch) -> Result<()> {
    let (listener, name) = tcp_listener()?;
    watch.repeat(50, || {
        let fd = sys::socket(AF_INET, STREAM, 0)?;
        sys::connect(fd, WithSize(&name))?;
        let peer = sys::accept(listener, 0, 0)?;
        sys::close_hard(fd)?;
        sys::close(fd)?;
        sys::close(peer)
    })
}

fn tcp_stream(watch: &mut Watch) -> Result<()> {
    const LENGTH: usize = 64 << 10;
    let (listener, name) = tcp_listener()?;
    let buffer = sys::allocate(LENGTH)?;
    let reader = || {
        let fd = sys::socket(AF_INET, STREAM, 0)?;
        sys::connect(fd, WithSize(&name))?;
        let buffer = sys::allocate(LENGTH)?;
        loop {
            let mut left = LENGTH;
            while left > 0 {
                left -= sys::read(fd, &mut buffer[..left])?;
            }
            sys::write(fd, &[0])?;
        }
    };
    with_helper(reader, |_| {
        let fd = sys::accept(listener, 0, 0)?;
        sys::close_hard(fd)?;
        watch.repeat(10, || {
            sys::write(fd, buffer)?;
            sys::read(fd, &mut [0]).map(drop)
        })
    })
}

fn kern_proc(watch: &mut Watch) -> Result<()> {
    const KERN_PROC_PROC: [i32; 3] = [1, 14, 8];
    // The kernel wires all of it: no larger than the longest answer asked for.
    let buffer = sys::allocate(256 << 10)?;
    watch.repeat(5, || sys::sysctl(&KERN_PROC_PROC, buffer, None).map(drop))
}

fn pipe(watch: &mut Watch) -> Result<()> {
    let [from_helper, to_parent] = sys::pipe()?;
    let [from_parent, to_helper] = sys::pipe()?;
    let echo = || loop {
        sys::read(from_parent, &mut [0])?;
        sys::write(to_parent, &[0])?;
    };
    with_helper(echo, |_| {
        watch.repeat(200, || {
            sys::write(to_helper, &[0])?;
            sys::read(from_helper, &mut [0]).map(drop)
        })
    })
}

fn unix_connect(watch: &mut Watch) -> Result<()> {
    const PATH: &CStr = c"/bench.sock";
    let _ = sys::unlink(PATH);
    let (listener, name) = (sys::socket(AF_UNIX, STREAM, 0)?, UnixName::new(PATH));
    sys::bind_unix(listener, WithSize(&name))?;
    sys::listen(listener, 8)?;
    watch.repeat(100, || {
        let fd = sys::socket(AF_UNIX, STREAM, 0)?;
        sys::connect_unix(fd, WithSize(&name))?;
        let peer = sys::accept(listener, 0, 0)?;
        sys::close(fd)?;
        sys::close(peer)
    })
}

fn enter(watch: &mut Watch) -> Result<()> {
    let Place::Jail(kind) = watch.place else { return Err(Error(EINVAL)) };
    watch.repeat(10, || child(|| kind.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR)))
}

/// The same with the policy to be registered each time.
fn enter_first(watch: &mut Watch) -> Result<()> {
    let Place::Jail(kind) = watch.place else { return Err(Error(EINVAL)) };
    free_terminals();
    stay_armed(false)?;
    let entered =
        watch.repeat_after(1, disarmed, |()| child(|| kind.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR)));
    stay_armed(true)?;
    entered
}

fn stay(watch: &mut Watch) -> Result<()> {
    watch.repeat(10, || child(|| Ok(())))
}

fn load(watch: &mut Watch) -> Result<()> {
    watch.repeat(1, || {
        programs::have_module(true)?;
        programs::have_module(false)
    })
}

/// kill(2) of all that the caller may kill, and the end of all of them.
fn kill_all(watch: &mut Watch) -> Result<()> {
    const PROCESSES: usize = 100;
    watch.repeat_after(
        1,
        || Held::start(PROCESSES, || Ok(())),
        |_| {
            sys::kill(-1, 9)?;
            for _ in 0..PROCESSES {
                sys::wait(-1, 0)?;
            }
            Ok(())
        },
    )
}
