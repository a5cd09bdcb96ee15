// SPDX-License-Identifier: BSD-2-Clause
//! rjail_kill(2): all of a jail and nobody else, once, whatever they are doing; and a
//! jail that is closed.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::answer::{in_child, in_child_for, want};
use crate::console::Text;
use crate::errno::{EAGAIN, ECHILD, EFAULT, EINTR, EINVAL, ENOENT, EPERM};
use crate::jail::{self, kill_args};
use crate::programs::{Context, Held, KERNEL, Outcome, UNMAPPED, early, good};
use crate::say;
use crate::sys::{self, Error, Result, Shared, Status, address_of};

use super::{enter_with, gone, reap_some, sleep_for_good, waiting, wrong_calls};

const SIGKILL: i32 = 9;
const SIGALRM: i32 = 14;
const SIGSTOP: i32 = 17;
const SIGCONT: i32 = 19;
const SIGUSR1: i32 = 30;

/// A signal reaches all of the jail and nobody outside; 0 counts.
pub fn all(context: &Context) -> Outcome {
    const COUNT: i64 = 40;
    reap_some();
    let neighbour = context.world.neighbour;
    let ours = early("another of ours", crate::line_two::Captive::start(|| Ok(())))?;
    let first = early("a jail", Held::start(1, || enter_with(4)))?;
    let spared = early("its number", jail::first())?;
    let second = early("a jail", Held::start(1, || enter_with(39)))?;
    let killed = jail::get(spared, abi::NEXT, &mut []).map_or(-1, |info| info.jid);
    want!("counted", [jail::kill(spared, 0), jail::kill(killed, 0)], [Ok(5), Ok(COUNT)]);
    want!("killed", jail::kill(killed, SIGUSR1), Ok(COUNT));
    let ended = second.let_go();
    want!("the killed one's maker", ended, Ok(()));
    want!("the other", jail::kill(spared, 0), Ok(5));
    want!("a process outside", sys::kill(neighbour, 0), Ok(()));
    want!("ours", sys::wait(ours.pid, sys::NOHANG), Ok((0, Status::Running)));
    want!("the other, killed", jail::kill(spared, SIGKILL), Ok(5));
    want!("its maker", first.let_go(), Ok(()));
    drop(ours);
    gone()?;
    want!("a jail that is gone", jail::kill(killed, SIGKILL), Err(Error(ENOENT)));
    Ok(())
}

/// Who may not, and what is no order; nobody has got anything then.
pub fn errors(_: &Context) -> Outcome {
    let (held, jail) = waiting(3)?;
    let order = |signal, flags, milliseconds| {
        let args = kill_args(jail, signal, flags, milliseconds);
        jail::operate(abi::operation::KILL, address_of(&args))
    };
    for (what, signal, flags, milliseconds) in [
        ("signal -1", -1, 0, 0),
        ("signal 129", 129, 0, 0),
        ("the least signal", i32::MIN, 0, 0),
        ("a flag that there is not", SIGKILL, 2, 0),
        ("all flags", SIGKILL, u32::MAX, 0),
        ("close with another signal", 15, abi::CLOSE, 0),
        ("close with none", 0, abi::CLOSE, 0),
        ("a time without close", SIGKILL, 0, 1),
        ("more than an hour", SIGKILL, abi::CLOSE, abi::MAX_WAIT + 1),
        ("all of time", SIGKILL, abi::CLOSE, u64::MAX),
    ] {
        let got = order(signal, flags, milliseconds);
        if got != Err(Error(EINVAL)) {
            return Err(Text::of(format_args!("{what}: {got:?}")));
        }
    }
    let args = kill_args(jail, SIGKILL, 0, 0);
    let with = |change: fn(&mut abi::Kill)| {
        let mut changed = args;
        change(&mut changed);
        changed
    };
    for (what, args, errno) in [
        ("size 0", with(|a| a.size = 0), EINVAL),
        ("size of more", with(|a| a.size += 1), EINVAL),
        ("version 2", with(|a| a.version = 2), EINVAL),
        ("jail -1", with(|a| a.jid = -1), EINVAL),
        ("jail 0", with(|a| a.jid = 0), ENOENT),
        ("another jail", with(|a| a.jid += 1), ENOENT),
    ] {
        wrong_calls(abi::operation::KILL, &[(what, address_of(&args), errno)])?;
    }
    wrong_calls(
        abi::operation::KILL,
        &[("null", 0, EFAULT), ("unmapped", UNMAPPED, EFAULT), ("the kernel's", KERNEL, EFAULT)],
    )?;
    let kill = || jail::kill(jail, SIGKILL);
    let user = in_child(|| sys::setuid(1001).and_then(|()| kill()));
    want!("by a user", user, Ok(Ok(Err(Error(EPERM)))));
    let inside = in_child(|| jail::attach(jail).and_then(|_| kill()));
    want!("from inside", inside, Ok(Ok(Err(Error(EPERM)))));
    let native = in_child(|| {
        jail::Kind::Native.enter(c"/jail", c"native", [10, 66, 0, 2])?;
        kill()
    });
    want!("from a native jail", native, Ok(Ok(Err(Error(EPERM)))));
    want!("all are there", jail::kill(jail, 0), Ok(3));
    want!("and can be entered", in_child(|| jail::attach(jail)), Ok(Ok(Ok(jail))));
    want!("the end", jail::close(jail, 5000).is_ok(), true);
    want!("the maker", held.let_go(), Ok(()));
    gone()
}

/// Stopped ones: by SIGSTOP to all, continued, stopped again, and closed.
pub fn stops(_: &Context) -> Outcome {
    let mut pids = [0; 4];
    reap_some();
    let number = early("memory", Shared::new(0))?;
    for pid in &mut pids {
        let [ready, tell] = early("a pipe", sys::pipe())?;
        *pid = early("fork", sys::fork())?;
        if *pid == 0 {
            let entered =
                if number.get() == 0 { good().enter() } else { jail::attach(number.get()) };
            number.set(entered.unwrap_or(-1));
            let _ = sys::write(tell, &[0]);
            sleep_for_good();
        }
        want!("ready", sys::read(ready, &mut [0]), Ok(1));
        want!("the pipe", [sys::close(ready), sys::close(tell)], [Ok(()); 2]);
    }
    let jail = number.get();
    let all = pids.len() as i64;
    want!("in the jail", jail::kill(jail, 0), Ok(all));
    for _ in 0..2 {
        want!("stop", jail::kill(jail, SIGSTOP), Ok(all));
        for pid in pids {
            let stopped = sys::wait(pid, sys::UNTRACED);
            want!("stopped", stopped, Ok((pid, Status::Stopped(SIGSTOP))));
        }
        want!("continue", jail::kill(jail, SIGCONT), Ok(all));
    }
    want!("stop", jail::kill(jail, SIGSTOP), Ok(all));
    want!("counted while stopped", jail::kill(jail, 0), Ok(all));
    want!("close", jail::close(jail, 5000), Ok(all));
    for pid in pids {
        want!("killed", sys::wait(pid, 0), Ok((pid, Status::Killed(SIGKILL))));
    }
    gone()
}

/// A process that waits for its child of vfork(2), and the child.
pub fn vforked(_: &Context) -> Outcome {
    for close in [false, true] {
        reap_some();
        let parent = early("fork", sys::fork())?;
        if parent == 0 {
            let _ = good().enter();
            let _ = sys::vfork_and_sleep();
            sys::exit(1);
        }
        let deadline = sys::uptime() + 5000;
        let count = || jail::first().and_then(|jail| jail::kill(jail, 0));
        while count() != Ok(2) && sys::uptime() < deadline {
            sys::pause(5);
        }
        want!("parent and child", count(), Ok(2));
        let jail = early("the jail", jail::first())?;
        let killed = if close { jail::close(jail, 5000) } else { jail::kill(jail, SIGKILL) };
        want!("killed", killed, Ok(2));
        want!("the parent", sys::wait(parent, 0), Ok((parent, Status::Killed(SIGKILL))));
        gone()?;
    }
    Ok(())
}

/// Processes that take the signal and go on get it once each time, others forking all
/// around them: for as many signals as it takes to have as many forks, on a slow machine.
pub fn once(_: &Context) -> Outcome {
    const TAKERS: usize = 4;
    const TIMES: u32 = 40;
    const LONGEST: i64 = 30_000;
    let counters = early("memory", sys::counters(TAKERS + 1))?;
    let (hops, takers) = counters.split_last().ok_or(Text::new())?;
    let outcome = in_child_for(50, || -> Outcome {
        reap_some();
        let [ready, tell] = early("a pipe", sys::pipe())?;
        let maker = early("fork", sys::fork())?;
        if maker == 0 {
            let made = good().enter().is_ok();
            // Before there is anybody who says that all are ready.
            let _ = sys::ignore_signal(SIGUSR1);
            for taker in takers {
                if sys::fork() == Ok(0) {
                    let _ = sys::count_signals(SIGUSR1, taker);
                    let _ = sys::write(tell, &[u8::from(made)]);
                    sleep_for_good();
                }
            }
            for how in [Fork::Plain, Fork::Descriptor] {
                if sys::fork() == Ok(0) {
                    hop(hops, how);
                }
            }
            sleep_for_good();
        }
        for _ in takers {
            let mut made = [0];
            want!("a taker", sys::read(ready, &mut made), Ok(1));
            want!("is in the jail", made, [1]);
        }
        let jail = early("its number", jail::first())?;
        let begun = sys::uptime();
        let mut time = 0;
        while time < TIMES
            || hops.load(Ordering::Relaxed) <= TIMES && sys::uptime() < begun + LONGEST
        {
            time += 1;
            let sent = jail::kill(jail, SIGUSR1);
            want!("to takers, hoppers and the maker", sent.is_ok_and(|sent| sent >= 5), true);
            let deadline = sys::uptime() + 3000;
            while takers.iter().any(|taker| taker.load(Ordering::Relaxed) < time)
                && sys::uptime() < deadline
            {
                reap_some();
                sys::pause(1);
            }
            for taker in takers {
                want!("signals taken", taker.load(Ordering::Relaxed), time);
            }
        }
        want!("the end", jail::close(jail, 10_000).is_ok(), true);
        all_gone()?;
        let hopped = hops.load(Ordering::Relaxed);
        say!("    # {time} signals to {TAKERS} that take them, beside {hopped} forks");
        want!("they forked meanwhile", hopped > TIMES, true);
        Ok(())
    });
    ended(outcome)?;
    gone()
}

/// How a child is made.
#[derive(Clone, Copy)]
enum Fork {
    Plain,
    Descriptor,
    Shared,
}

/// Forks, ends, and the child goes on so: nobody is there long enough to be named.
fn hop(hops: &AtomicU32, how: Fork) -> ! {
    const RFPROC: i32 = 1 << 4;
    loop {
        let child = match how {
            Fork::Plain => sys::fork(),
            Fork::Descriptor => sys::pdfork(),
            Fork::Shared => sys::rfork(RFPROC),
        };
        match child {
            Ok(0) => {
                hops.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => sys::exit(0),
            Err(_) => {}
        }
    }
}

/// Takes leave of all, who must end of themselves and soon.
fn all_gone() -> Outcome {
    let deadline = sys::uptime() + 10_000;
    loop {
        match sys::wait(-1, sys::NOHANG) {
            Err(Error(ECHILD)) => return Ok(()),
            Ok((0, _)) => {
                if sys::uptime() > deadline {
                    let left = jail::first().and_then(|jail| jail::kill(jail, 0));
                    return Err(Text::of(format_args!("somebody escaped: {left:?} left")));
                }
                sys::pause(1);
            }
            Ok(_) => {}
            Err(error) => return Err(Text::of(format_args!("wait: {error:?}"))),
        }
    }
}

fn ended(outcome: Result<core::result::Result<Outcome, Status>>) -> Outcome {
    match outcome {
        Ok(Ok(outcome)) => outcome,
        other => Err(Text::of(format_args!("it ended: {:?}", other.map(|end| end.map(drop))))),
    }
}

/// A jail in which six chains of processes fork themselves along, on two processors, is
/// killed by `kill`; again and again, for some seconds, or longer where all is slow.
fn rounds(what: &str, kill: fn(i64) -> Result<i64>) -> Outcome {
    const SECONDS: i64 = 8;
    const LEAST: u32 = 4;
    const LONGEST: i64 = 80;
    const STILL: usize = 100;
    let hops = early("memory", sys::counters(1))?.first().ok_or(Text::new())?;
    let found = early("memory", Shared::new((0_u32, 0_i64)))?;
    let outcome = in_child_for(100, || -> Outcome {
        reap_some();
        let begun = sys::uptime();
        loop {
            let (round, killed) = found.get();
            let took = sys::uptime() - begun;
            if took > LONGEST * 1000 || took > SECONDS * 1000 && round >= LEAST {
                break;
            }
            let before = hops.load(Ordering::Relaxed);
            let maker = early("fork", sys::fork())?;
            if maker == 0 {
                let made = good().enter().is_ok();
                let all = [Fork::Plain, Fork::Plain, Fork::Descriptor, Fork::Shared];
                for how in all.into_iter().filter(|_| made) {
                    if sys::fork() == Ok(0) {
                        // Groups of their own, all but one.
                        if matches!(how, Fork::Plain) {
                            let _ = sys::setsid();
                        }
                        hop(hops, how);
                    }
                }
                // Who is born and asks for nothing must hear of it as well.
                for _ in (0..STILL).filter(|_| made) {
                    if sys::fork() == Ok(0) {
                        break;
                    }
                }
                sleep_for_good();
            }
            // They are at it, for a little longer each round.
            let deadline = sys::uptime() + 5000;
            let enough = 20 + round % 7;
            while hops.load(Ordering::Relaxed) - before < enough && sys::uptime() < deadline {
                reap_some();
                sys::pause(i64::from(round % 3));
            }
            let jail = early("its number", jail::first())?;
            let count = early(what, kill(jail))?;
            want!("the maker at least", count > 0, true);
            all_gone()?;
            gone()?;
            found.set((round + 1, killed + count));
        }
        Ok(())
    });
    ended(outcome)?;
    let ((rounds, killed), hops) = (found.get(), hops.load(Ordering::Relaxed));
    say!("    # {what}: {rounds} jails, {killed} killed, {hops} forks");
    want!("rounds enough", rounds >= LEAST && hops > 20 * rounds, true);
    gone()
}

/// SIGKILL alone, without closing: nobody escapes, although nobody is refused.
pub fn forking(_: &Context) -> Outcome {
    rounds("killed once", |jail| jail::kill(jail, SIGKILL))
}

/// Closed: empty when the call returns.
pub fn close_forking(_: &Context) -> Outcome {
    rounds("closed", |jail| {
        let killed = jail::close(jail, 10_000)?;
        match jail::info(jail) {
            Err(Error(ENOENT)) => Ok(killed),
            Ok(info) if info.state == abi::DYING => match jail::kill(jail, 0) {
                Ok(0) | Err(Error(ENOENT)) => Ok(killed),
                Ok(_) => Err(Error(EAGAIN)),
                Err(error) => Err(error),
            },
            Ok(_) => Err(Error(EAGAIN)),
            Err(error) => Err(error),
        }
    })
}

/// A process that a debugger outside has stopped does not die of SIGKILL: the call
/// comes back when its time is over, or when a signal comes, and the jail is closed.
pub fn waits(_: &Context) -> Outcome {
    const PT_ATTACH: i32 = 10;
    const PT_DETACH: i32 = 11;
    let (held, jail) = waiting(1)?;
    let captive =
        early("another", crate::line_two::Captive::start(|| jail::attach(jail).map(drop)))?;
    let traced = captive.pid;
    let outcome = in_child(|| -> Outcome {
        want!("ptrace", sys::ptrace(PT_ATTACH, traced, 0, 0), Ok(()));
        want!("it stops", sys::wait(traced, 0), Ok((traced, Status::Stopped(SIGSTOP))));
        let began = sys::uptime();
        want!("close, for 300 ms", jail::close(jail, 300), Err(Error(EAGAIN)));
        let took = sys::uptime() - began;
        want!("that long", (300..3000).contains(&took), true);
        let info = jail::info(jail).map(|info| info.state);
        want!("its state", info, Ok(abi::CLOSING));
        // The others die in their own time, which a busy machine has little of.
        let deadline = sys::uptime() + 10_000;
        while jail::kill(jail, 0) != Ok(1) && sys::uptime() < deadline {
            sys::pause(10);
        }
        want!("one is left", jail::kill(jail, 0), Ok(1));
        let enter = in_child(|| jail::attach(jail));
        want!("entering it", enter, Ok(Ok(Err(Error(ENOENT)))));
        want!("close, without waiting", jail::close(jail, 0), Err(Error(EAGAIN)));
        let counter = early("memory", sys::counters(1))?.first().ok_or(Text::new())?;
        want!("a handler", sys::count_signals(SIGALRM, counter), Ok(()));
        want!("an alarm", sys::alarm(1), Ok(()));
        want!("close, interrupted", jail::close(jail, 20_000), Err(Error(EINTR)));
        want!("by the alarm", counter.load(Ordering::Relaxed), 1);
        want!("detach", sys::ptrace(PT_DETACH, traced, 1, 0), Ok(()));
        // How many: the one, unless it has gone by itself by then.
        let again = jail::close(jail, 5000);
        want!("close", matches!(again, Ok(0 | 1) | Err(Error(ENOENT))), true);
        Ok(())
    });
    match outcome {
        Ok(Ok(outcome)) => outcome?,
        other => {
            return Err(Text::of(format_args!("the debugger: {:?}", other.map(|r| r.map(drop)))));
        }
    }
    drop(captive);
    want!("the maker", held.let_go(), Ok(()));
    gone()
}

/// Many enter while it is closed: each is in and killed, or outside and told that there
/// is no such jail.
pub fn attach_race(_: &Context) -> Outcome {
    const SECONDS: i64 = 6;
    let (mut rounds, mut inside, mut outside) = (0, 0, 0);
    let until = sys::uptime() + SECONDS * 1000;
    while sys::uptime() < until {
        let (held, jail) = waiting(1)?;
        let mut pids = [0; 6];
        let [wait, go] = early("a pipe", sys::pipe())?;
        for pid in &mut pids {
            *pid = early("fork", sys::fork())?;
            if *pid == 0 {
                let _ = sys::close(go);
                let _ = sys::read(wait, &mut [0]);
                match jail::attach(jail) {
                    Ok(_) => {
                        let _ = sys::fork();
                        sleep_for_good();
                    }
                    Err(Error(errno)) => sys::exit(errno),
                }
            }
        }
        want!("go", [sys::close(go), sys::close(wait)], [Ok(()); 2]);
        if rounds % 2 == 1 {
            sys::pause(rounds % 5);
        }
        let closed = jail::close(jail, 10_000);
        want!("close", closed.is_ok_and(|count| count >= 1), true);
        for pid in pids {
            match sys::wait(pid, 0) {
                Ok((_, Status::Killed(SIGKILL))) => inside += 1,
                Ok((_, Status::Exited(ENOENT))) => outside += 1,
                other => return Err(Text::of(format_args!("one that enters: {other:?}"))),
            }
        }
        want!("the maker", held.let_go(), Ok(()));
        gone()?;
        rounds += 1;
    }
    say!("    # {rounds} jails closed in {SECONDS} s: {inside} were in, {outside} were refused");
    want!("rounds enough", rounds > 3, true);
    Ok(())
}
