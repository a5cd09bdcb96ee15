// SPDX-License-Identifier: BSD-2-Clause
//! Entry, and a jail's end, beside whatever else happens at that moment on the other
//! processor: for some seconds each, and nobody is ever half-way in.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cases::world::HOST_ADDR;

use crate::answer::{in_child_for, want};
use crate::console::Text;
use crate::errno::{EAGAIN, EBUSY, ECHILD, EINTR, ENOENT, ENOMEM, ENOSYS, EPERM};
use crate::jail;
use crate::privileges::calls::get;
use crate::programs::{
    Context, Held, MODULE, O_DIRECTORY, Outcome, early, good, jid, settle, unload,
};
use crate::say;
use crate::sys::{self, Error, FileId, Result, Shared, Sockaddr, Status, WithSize};
use crate::world::{PROGRAM, copy};

use super::{gone, reap_some, sleep_for_good};

/// How long each race lasts.
const LASTS: i64 = 1000;
/// Rounds at least, on a machine that is slow.
const FEWEST: u32 = 4;
/// A directory outside, which no jail shows.
const OUTSIDE: &CStr = c"/sibling";
/// One that is in the jail as well.
const WITHIN: &CStr = c"/dir";
const SIGKILL: i32 = 9;

/// What the threads of one process share.
struct Stage {
    machine: FileId,
    root: FileId,
    step: fn(&'static Stage),
    /// Where descriptors come in.
    socket: i32,
    steps: AtomicU32,
    /// Shared with children.
    wrong: &'static AtomicU32,
    entered: AtomicBool,
    stop: AtomicBool,
    stopped: AtomicBool,
}

impl Stage {
    fn new(context: &Context, step: fn(&'static Self), socket: i32) -> Result<&'static Self> {
        sys::keep(Self {
            machine: context.world.machine_root,
            root: context.world.jail_root,
            step,
            socket,
            steps: AtomicU32::new(0),
            wrong: sys::counters(1)?.first().ok_or(Error(ENOMEM))?,
            entered: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        })
    }

    /// Whether the caller is outside or in its jail, and not something in between.
    fn is_whole(&self) -> bool {
        // Said first, so that what is seen then is of after it.
        let entered = self.entered.load(Ordering::SeqCst);
        let before = jid();
        let root = sys::file_id(c"/");
        match (before, jid()) {
            (Ok(0), Ok(0)) => !entered && root == Ok(self.machine),
            // Another thread has entered in between.
            (Ok(0), Ok(_)) => !entered,
            (before, after) => before == after && root == Ok(self.root),
        }
    }

    fn look(&self) {
        if !self.is_whole() {
            self.wrong.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What comes of a child, which looks too.
    fn child(&self, forked: Result<i32>) {
        match forked {
            Ok(0) => {
                self.look();
                sys::exit(0);
            }
            Ok(child) => {
                // One that is outside is nobody to whom it has left there.
                let gone = matches!(end_of(child), Ok(Status::Exited(0)) | Err(Error(ECHILD)));
                self.wrong.fetch_add(u32::from(!gone), Ordering::SeqCst);
            }
            Err(_) => {}
        }
    }

    fn wait_for(&self, what: impl Fn(&Self) -> bool) {
        let deadline = sys::uptime() + 2000;
        while !what(self) && sys::uptime() < deadline {
            let _ = get!(SCHED_YIELD);
        }
    }
}

fn end_of(child: i32) -> Result<Status> {
    loop {
        match sys::wait(child, 0) {
            Err(Error(EINTR)) => {}
            ended => return ended.map(|(_, status)| status),
        }
    }
}

/// The second thread.
fn go_on(stage: &'static Stage) -> ! {
    while !stage.stop.load(Ordering::SeqCst) {
        (stage.step)(stage);
        stage.steps.fetch_add(1, Ordering::SeqCst);
    }
    stage.stopped.store(true, Ordering::SeqCst);
    sleep_for_good()
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rounds: u32,
    refused: u32,
    steps: u32,
    wrong: u32,
}

impl Tally {
    fn and(self, other: Self) -> Self {
        Self {
            rounds: self.rounds + other.rounds,
            refused: self.refused + other.refused,
            steps: self.steps + other.steps,
            wrong: self.wrong + other.wrong,
        }
    }
}

/// Enters as soon as it may, the other thread being at it.
fn enter(stage: &Stage, round: u32) -> Result<Tally> {
    stage.wait_for(|stage| stage.steps.load(Ordering::SeqCst) > round % 3);
    let deadline = sys::uptime() + 8000;
    let mut refused = 0;
    while let Err(error) = good().enter() {
        let may_be = matches!(error, Error(EBUSY | EPERM | EAGAIN));
        if !may_be || sys::uptime() > deadline {
            return Err(error);
        }
        refused += 1;
    }
    stage.entered.store(true, Ordering::SeqCst);
    // The other one is at it inside as well.
    let then = stage.steps.load(Ordering::SeqCst);
    stage.wait_for(|stage| stage.steps.load(Ordering::SeqCst) > then + 1);
    stage.stop.store(true, Ordering::SeqCst);
    stage.wait_for(|stage| stage.stopped.load(Ordering::SeqCst));
    let steps = stage.steps.load(Ordering::SeqCst);
    let mut wrong = stage.wrong.load(Ordering::SeqCst);
    wrong += u32::from(!stage.stopped.load(Ordering::SeqCst));
    // As whom ever the other thread has left it.
    let _ = get!(SETEUID, 0);
    wrong += u32::from(!stage.is_whole());
    // Nothing that it has leads out: its working directory, its descriptors.
    wrong += u32::from(climbed() != Ok(stage.root));
    for descriptor in 3..64 {
        if sys::fchdir(descriptor).is_ok() {
            wrong += u32::from(climbed() != Ok(stage.root));
        }
    }
    Ok(Tally { rounds: 1, refused, steps, wrong })
}

fn climbed() -> Result<FileId> {
    for _ in 0..6 {
        sys::chdir(c"..")?;
    }
    sys::file_id(c".")
}

/// Rounds of a process that enters while a second thread of it takes steps.
fn beside(context: &Context, what: &str, step: fn(&'static Stage), socket: i32) -> Outcome {
    let mut all = Tally::default();
    let until = sys::uptime() + LASTS;
    while sys::uptime() < until || all.rounds < FEWEST {
        let round = all.rounds;
        let tally = in_child_for(15, || {
            let stage = Stage::new(context, step, socket)?;
            sys::thread(go_on, stage)?;
            enter(stage, round)
        });
        match tally {
            Ok(Ok(Ok(tally))) => all = all.and(tally),
            other => return Err(Text::of(format_args!("round {round}: {other:?}"))),
        }
        // Orphans are ours: what the other thread has forked.
        reap_some();
    }
    finish(what, all)
}

fn finish(what: &str, all: Tally) -> Outcome {
    gone()?;
    quiet()?;
    let Tally { rounds, refused, steps, wrong } = all;
    say!("    # {what}: {rounds} entries, {refused} put off, {steps} steps beside them");
    want!("half-way or outside", wrong, 0);
    want!("steps enough", steps > rounds, true);
    Ok(())
}

/// The kernel says on the console when look-ups are no longer watched: not in the
/// middle of a line of ours.
fn quiet() -> Outcome {
    let deadline = sys::uptime() + 5000;
    while sys::sysctl_number("security.rjail.watching") != Ok(0) {
        if sys::uptime() > deadline {
            return Err(Text::of(format_args!("look-ups are watched without a jail")));
        }
        sys::pause(5);
    }
    sys::pause(20);
    Ok(())
}

/// Beside fork(2).
pub fn fork(context: &Context) -> Outcome {
    beside(context, "fork(2)", |stage| stage.child(sys::fork()), -1)
}

/// Beside rfork(2), with the descriptors copied, shared, or new.
pub fn rfork(context: &Context) -> Outcome {
    const RFPROC: i32 = 1 << 4;
    const RFFDG: i32 = 1 << 2;
    const RFCFDG: i32 = 1 << 12;
    let step = |stage: &'static Stage| {
        for flags in [RFPROC, RFPROC | RFFDG, RFPROC | RFCFDG] {
            stage.child(sys::rfork(flags));
        }
    };
    beside(context, "rfork(2)", step, -1)
}

/// Beside vfork(2): the child, in the same memory, asks what only somebody outside is
/// told.
pub fn vfork(context: &Context) -> Outcome {
    let step = |stage: &'static Stage| {
        let entered = stage.entered.load(Ordering::SeqCst);
        let asked = jail::kill_args(0, 0, 0, 0);
        let at = sys::address_of(&asked);
        let told = jail::operate_after_vfork(abi::operation::KILL, at);
        // Jail 0 is none.
        let right = match told {
            Err(Error(ENOENT)) => !entered,
            // Inside; or the system call has no number to be found by.
            Err(Error(EPERM | EINTR | EAGAIN | ECHILD)) => true,
            _ => false,
        };
        stage.wrong.fetch_add(u32::from(!right), Ordering::SeqCst);
        stage.look();
    };
    beside(context, "vfork(2)", step, -1)
}

/// Beside thr_new(2) and thr_exit(2).
pub fn thr_new(context: &Context) -> Outcome {
    fn one_more(stage: &'static Stage) -> ! {
        stage.look();
        sys::end_thread()
    }
    let step = |stage: &'static Stage| {
        let _ = sys::thread(one_more, stage);
        stage.look();
    };
    beside(context, "thr_new(2)", step, -1)
}

/// Beside seteuid(2) and setgroups(2), which copy the credential.
pub fn setuid(context: &Context) -> Outcome {
    let step = |stage: &'static Stage| {
        let changed = get!(SETEUID, 1001).and(get!(SETEUID, 0)).map(drop);
        let changed = changed.and(sys::setgroups(7));
        stage.wrong.fetch_add(u32::from(changed.is_err()), Ordering::SeqCst);
        stage.look();
    };
    beside(context, "seteuid(2)", step, -1)
}

/// Beside chdir(2), out of the jail's root and back.
pub fn chdir(context: &Context) -> Outcome {
    let step = |stage: &'static Stage| {
        let _ = sys::chdir(OUTSIDE);
        let _ = sys::chdir(WITHIN);
        stage.look();
    };
    beside(context, "chdir(2)", step, -1)
}

/// Beside fchdir(2) to a directory of outside.
pub fn fchdir(context: &Context) -> Outcome {
    let step = |stage: &'static Stage| {
        if let Ok(directory) = sys::open(OUTSIDE, O_DIRECTORY, 0) {
            let _ = sys::fchdir(directory);
            let _ = sys::close(directory);
        }
        let _ = sys::chdir(c"/");
        stage.look();
    };
    beside(context, "fchdir(2)", step, -1)
}

/// Beside dup2(2) of a directory of outside.
pub fn dup(context: &Context) -> Outcome {
    let step = |stage: &'static Stage| {
        if let Ok(directory) = sys::open(OUTSIDE, O_DIRECTORY, 0) {
            let mut from = directory;
            for to in [50, 40, 60, 30] {
                let _ = get!(DUP2, from, to);
                let _ = sys::close(from);
                from = to;
            }
            let _ = sys::close(from);
        }
        stage.look();
    };
    beside(context, "dup2(2)", step, -1)
}

/// Beside directories of outside that come in by `SCM_RIGHTS`.
pub fn passed(context: &Context) -> Outcome {
    let [ours, theirs] = early("a pair", sys::socketpair())?;
    let giver = early("fork", sys::fork())?;
    if giver == 0 {
        let _ = sys::alarm(60);
        let _ = sys::close(ours);
        let given = sys::open(OUTSIDE, O_DIRECTORY, 0);
        while given.and_then(|directory| sys::pass(theirs, directory)).is_ok() {}
        sys::exit(0);
    }
    want!("theirs", sys::close(theirs), Ok(()));
    let step = |stage: &'static Stage| {
        // Inside it may stay open: it must lead nowhere.
        if let Ok(directory) = sys::take(stage.socket)
            && !stage.entered.load(Ordering::SeqCst)
        {
            let _ = sys::close(directory);
        }
        stage.look();
    };
    let outcome = beside(context, "SCM_RIGHTS", step, ours);
    let _ = sys::kill(giver, SIGKILL);
    want!("the giver", end_of(giver).is_ok(), true);
    want!("ours", sys::close(ours), Ok(()));
    outcome
}

/// Beside a debugger of outside, who attaches and detaches all the time.
pub fn traced(context: &Context) -> Outcome {
    const ATTACH: i32 = 10;
    const DETACH: i32 = 11;
    let tally = early("memory", Shared::new(Tally::default()))?;
    // The one that enters is done, and the debugger has let go of it: what is traced and
    // has threads must not end at that moment, as a debug kernel says.
    let [done, free] = [(), ()].map(|()| Shared::new(false));
    let (done, free) = (early("memory", done)?, early("memory", free)?);
    let mut attached = 0_u32;
    let until = sys::uptime() + LASTS;
    while sys::uptime() < until || tally.get().rounds < FEWEST {
        let before = tally.get();
        done.set(false);
        free.set(false);
        let entrant = early("fork", sys::fork())?;
        if entrant == 0 {
            let _ = sys::alarm(15);
            let came = Stage::new(context, Stage::look, -1).and_then(|stage| {
                sys::thread(go_on, stage)?;
                enter(stage, before.rounds)
            });
            if let Ok(came) = came {
                tally.set(before.and(came));
            }
            done.set(true);
            while !free.get() {
                let _ = get!(SCHED_YIELD);
            }
            sys::exit(i32::from(came.is_err()));
        }
        let ended = loop {
            if done.get() {
                free.set(true);
                break early("its end", end_of(entrant))?;
            }
            let found = sys::ptrace(ATTACH, entrant, 0, 0);
            attached += u32::from(found.is_ok());
            match sys::wait(entrant, if found.is_ok() { 0 } else { sys::NOHANG }) {
                Ok((0, _)) | Err(Error(EINTR)) => {}
                Ok((_, Status::Stopped(_))) => {
                    let _ = sys::ptrace(DETACH, entrant, 1, 0);
                }
                Ok((_, status)) => break status,
                Err(error) => return Err(Text::of(format_args!("wait: {error:?}"))),
            }
            let _ = get!(SCHED_YIELD);
        };
        want!("the one that enters", ended, Status::Exited(0));
    }
    want!("attached to often", attached > tally.get().rounds, true);
    finish("ptrace(2)", tally.get())
}

/// What the program does when execve(2) ran it in the middle of an entry.
pub fn within(argument: &CStr) -> Option<i32> {
    let mut numbers = argument.to_str().ok()?.strip_prefix("race-")?.split('-');
    let mut number = || numbers.next()?.parse().ok();
    let [machine, root] = [(number()?, number()?), (number()?, number()?)];
    Some(match (jid(), sys::file_id(c"/")) {
        (Ok(0), Ok(seen)) if seen == machine => RAN_OUTSIDE,
        (Ok(1..), Ok(seen)) if seen == root => RAN_INSIDE,
        _ => 1,
    })
}

const RAN_OUTSIDE: i32 = 44;
const RAN_INSIDE: i32 = 45;

/// The process ends, or becomes another program, by one of its threads, while the other
/// enters: how often with which of the statuses.
fn overtaken<const N: usize>(
    context: &Context,
    statuses: [i32; N],
    end: impl Fn() -> i32,
) -> core::result::Result<[u32; N], Text<160>> {
    let mut ended = [0; N];
    let until = sys::uptime() + LASTS;
    while sys::uptime() < until || ended.iter().sum::<u32>() < FEWEST {
        let child = early("fork", sys::fork())?;
        if child == 0 {
            let _ = sys::alarm(15);
            let stage = Stage::new(
                context,
                |_| {
                    if let Ok(1..) = good().enter() {
                        loop {
                            let _ = get!(SCHED_YIELD);
                        }
                    }
                },
                -1,
            );
            let begun = stage.and_then(|stage| sys::thread(go_on, stage));
            for _ in 0..(sys::time_stamp() >> 4) % 32 {
                let _ = get!(SCHED_YIELD);
            }
            sys::exit(if begun.is_ok() { end() } else { 1 });
        }
        let status = end_of(child);
        match statuses.iter().position(|wanted| status == Ok(Status::Exited(*wanted))) {
            Some(which) => ended[which] += 1,
            None => return Err(Text::of(format_args!("its end: {status:?}"))),
        }
        reap_some();
    }
    gone()?;
    Ok(ended)
}

/// Beside _exit(2) of the process.
pub fn exit(context: &Context) -> Outcome {
    let [ended] = overtaken(context, [7], || 7)?;
    say!("    # _exit(2): {ended} processes that were entering");
    Ok(())
}

/// Beside execve(2): the program runs outside or inside, whole.
pub fn exec(context: &Context) -> Outcome {
    // The same name outside and inside.
    want!("a directory", sys::mkdir(c"/jail/rjail", 0o755), Ok(()));
    want!("the program in it", copy(PROGRAM, c"/jail/rjail/guest"), Ok(()));
    let (machine, root) = (context.world.machine_root, context.world.jail_root);
    let ids = [machine.0, machine.1, root.0, root.1];
    let argument =
        Text::<100>::of(format_args!("race-{}-{}-{}-{}\0", ids[0], ids[1], ids[2], ids[3]));
    let argument = CStr::from_bytes_until_nul(argument.bytes()).unwrap_or_default();
    let execute = || {
        let deadline = sys::uptime() + 5000;
        // Another thread may be stopping all.
        while sys::execve(PROGRAM, argument).is_err() && sys::uptime() < deadline {}
        1
    };
    let outcome = overtaken(context, [RAN_OUTSIDE, RAN_INSIDE], execute);
    want!("the program's end", sys::unlink(c"/jail/rjail/guest"), Ok(()));
    want!("the directory's", get!(RMDIR, c"/jail/rjail").map(drop), Ok(()));
    let [outside, inside] = outcome?;
    say!("    # execve(2): {outside} programs outside, {inside} inside");
    Ok(())
}

/// Three enter a jail at the moment when the last one in it ends: each is in, whole, or
/// is told that there is no such jail.
pub fn last_exit(context: &Context) -> Outcome {
    let (mut rounds, mut inside, mut outside) = (0_u32, 0, 0);
    let until = sys::uptime() + LASTS;
    while sys::uptime() < until || rounds < FEWEST {
        reap_some();
        // The one in the jail has the pipe as well, every other time: its end is then
        // what the others wait for.
        let early_pipe = early("a pipe", sys::pipe())?;
        let held = early("a jail", Held::start(1, || good().enter().map(drop)))?;
        let late_pipe = early("a pipe", sys::pipe())?;
        let ([wait, go], unused) =
            if rounds % 2 == 0 { (early_pipe, late_pipe) } else { (late_pipe, early_pipe) };
        want!("the other pipe", unused.map(sys::close), [Ok(()); 2]);
        let jail = early("its number", jail::first())?;
        let stage = early("memory", Stage::new(context, |_| {}, -1))?;
        let mut pids = [0; 3];
        for pid in &mut pids {
            *pid = early("fork", sys::fork())?;
            if *pid == 0 {
                let _ = sys::alarm(15);
                let _ = sys::close(go);
                let _ = sys::read(wait, &mut [0]);
                match jail::attach(jail) {
                    Ok(_) => {
                        stage.entered.store(true, Ordering::SeqCst);
                        sys::exit(if stage.is_whole() { 0 } else { 1 });
                    }
                    Err(Error(errno)) => sys::exit(errno),
                }
            }
        }
        want!("go", [sys::close(go), sys::close(wait)], [Ok(()); 2]);
        for _ in 0..(rounds % 5) * 4 {
            let _ = get!(SCHED_YIELD);
        }
        want!("the last one", held.end(), Ok(Status::Exited(0)));
        for pid in pids {
            match end_of(pid) {
                Ok(Status::Exited(0)) => inside += 1,
                Ok(Status::Exited(ENOENT)) => outside += 1,
                other => return Err(Text::of(format_args!("one that enters: {other:?}"))),
            }
        }
        gone()?;
        rounds += 1;
    }
    say!("    # {rounds} last ones in {LASTS} ms: {inside} got in beside them, {outside} not");
    Ok(())
}

/// A jail is taken apart while its sockets, which a process outside has, are used and
/// closed there.
pub fn late_sockets(_: &Context) -> Outcome {
    const SOCKETS: usize = 6;
    let (mut rounds, mut sent) = (0_u32, 0_u32);
    let until = sys::uptime() + LASTS;
    while sys::uptime() < until || rounds < FEWEST {
        reap_some();
        let [ours, theirs] = early("a pair", sys::socketpair())?;
        let maker = early("fork", sys::fork())?;
        if maker == 0 {
            let _ = sys::alarm(15);
            let made = good().enter().and_then(|_| {
                let [one, other] = sys::socketpair()?;
                let stream = sys::socket(2, 1, 0)?;
                // No connection of it lingers.
                sys::close_hard(stream)?;
                let service = Sockaddr::new(HOST_ADDR, cases::world::SERVICE_PORT);
                sys::connect(stream, WithSize(&service))?;
                let listens = sys::socket(2, 1, 0)?;
                sys::listen(listens, 4)?;
                let [bound, fresh] = [sys::socket(2, 2, 0)?, sys::socket(2, 2, 0)?];
                sys::bind(bound, WithSize(&Sockaddr::new([0; 4], 0)))?;
                let all: [i32; SOCKETS] = [one, other, stream, listens, bound, fresh];
                all.into_iter().try_for_each(|socket| sys::pass(theirs, socket))
            });
            sys::exit(made.err().map_or(0, |Error(errno)| errno));
        }
        let taken = [(); SOCKETS].map(|()| sys::take(ours));
        want!("taken", taken.iter().all(Result::is_ok), true);
        let taken = taken.map(|socket| socket.unwrap_or(-1));
        // The maker is on its way.
        for _ in 0..rounds % 7 {
            let to = Sockaddr::new(HOST_ADDR, cases::world::SERVICE_PORT);
            sent += u32::from(sys::send(taken[5], b"late", to).is_ok());
            let _ = sys::write(taken[0], b"late");
            let _ = jail::first().and_then(jail::info);
        }
        for socket in taken {
            want!("closed", sys::close(socket), Ok(()));
        }
        want!("the maker", end_of(maker), Ok(Status::Exited(0)));
        want!("the pair", [sys::close(ours), sys::close(theirs)], [Ok(()); 2]);
        gone()?;
        rounds += 1;
    }
    // A socket that came from inside has its maker's addresses outside too.
    quiet()?;
    say!("    # {rounds} jails with {SOCKETS} sockets outside in {LASTS} ms, {sent} sends late");
    Ok(())
}

/// The module goes and comes while processes enter all the time: each is in, whole, or
/// is told that there is no such call, or to come again.
pub fn unloaded(context: &Context) -> Outcome {
    const ENTRANTS: usize = 2;
    want!("kern.signosys", sys::sysctl_write("kern.signosys", 0), Ok(()));
    let counted = early("memory", sys::counters(3))?;
    let stop = early("memory", Shared::new(false))?;
    let mut entrants = [0; ENTRANTS];
    for entrant in &mut entrants {
        *entrant = early("fork", sys::fork())?;
        if *entrant == 0 {
            let _ = sys::alarm(60);
            while !stop.get() {
                let ended = in_child_for(15, || {
                    let stage = Stage::new(context, |_| {}, -1)?;
                    good().enter()?;
                    stage.entered.store(true, Ordering::SeqCst);
                    Ok::<_, Error>(stage.is_whole())
                });
                let kind = match ended {
                    Ok(Ok(Ok(true))) => 0,
                    Ok(Ok(Err(Error(ENOSYS | EAGAIN)))) => 1,
                    _ => 2,
                };
                counted[kind].fetch_add(1, Ordering::Relaxed);
            }
            sys::exit(0);
        }
    }
    let (mut unloads, mut refused) = (0_u32, 0_u32);
    let until = sys::uptime() + 2 * LASTS;
    while sys::uptime() < until {
        match unload() {
            Ok(()) => {
                unloads += 1;
                want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
                sys::pause(i64::from(unloads % 4) * 5);
            }
            Err(Error(EBUSY)) => {
                refused += 1;
                sys::pause(1);
            }
            Err(error) => return Err(Text::of(format_args!("kldunload: {error:?}"))),
        }
    }
    stop.set(true);
    for entrant in entrants {
        want!("who enters", end_of(entrant), Ok(Status::Exited(0)));
    }
    want!("kern.signosys", sys::sysctl_write("kern.signosys", 1), Ok(()));
    want!("jails at last", settle(0), Ok(0));
    let [inside, absent, wrong] =
        [0, 1, 2].map(|kind: usize| counted[kind].load(Ordering::Relaxed));
    say!("    # {unloads} unloads, {refused} put off; {inside} entered, {absent} found no module");
    want!("half-way", wrong, 0);
    want!("unloads and entries", unloads > 0 && inside > 0, true);
    Ok(())
}
