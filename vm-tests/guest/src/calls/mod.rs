// SPDX-License-Identifier: BSD-2-Clause
//! The operations on a jail that exists: to enter it from outside, to send all of it
//! a signal, to close it, to keep it, to ask about it; and bad input to all of them.

mod attach;
mod ceilings;
mod ends;
mod hold;
mod hostile;
mod kill;
mod leaves;
mod races;
mod scale;
mod why;

use crate::console::Text;
use crate::jail;
use crate::programs::{Context, Held, Outcome, Program, early, good};
use crate::sys::{self, Error, Result};

/// With either one line or both.
pub const EITHER: &[Program] = &[
    program("attach", 60, attach::attach),
    program("attach_errors", 60, attach::errors),
    program("kill", 60, kill::all),
    program("kill_errors", 60, kill::errors),
    program("kill_stops", 60, kill::stops),
    program("kill_vforked", 60, kill::vforked),
    program("close_waits", 60, kill::waits),
    program("hold", 60, hold::hold),
    program("hold_errors", 60, hold::errors),
    program("hold_closed", 60, hold::closed),
    program("hold_sealed", 30, hold::sealed),
    program("dying", 60, hold::dying),
    program("notices", 60, hold::notices),
    program("limits_reached", 60, ceilings::reached),
    program("credentials", 60, ceilings::credentials),
    program("nothing_kept", 300, leaves::nothing_kept),
    program("why", 240, why::why),
    program("why_errors", 30, why::errors),
];

/// As those, on two processors.
pub const RACES: &[Program] = &[
    program("kill_once", 60, kill::once),
    program("kill_forking", 120, kill::forking),
    program("close_forking", 120, kill::close_forking),
    program("attach_race", 120, kill::attach_race),
    program("hold_race", 60, hold::race),
    program("end_race", 180, ends::ends),
];

/// Bad input, once a boot: it takes long.
pub const HOSTILE: &[Program] = &[program("hostile", 200, hostile::million)];

/// What takes long too.
pub const LONG: &[Program] = &[
    program("jails_one_after_the_other", 200, scale::one_after_the_other),
    program("jails_all_at_once", 200, scale::all_at_once),
];

/// Entry and end beside all that may happen at that moment.
pub const ENTRY_RACES: &[Program] = &[
    program("race_fork", 60, races::fork),
    program("race_vfork", 60, races::vfork),
    program("race_rfork", 60, races::rfork),
    program("race_thr_new", 60, races::thr_new),
    program("race_exec", 60, races::exec),
    program("race_exit", 60, races::exit),
    program("race_setuid", 60, races::setuid),
    program("race_ptrace", 60, races::traced),
    program("race_chdir", 60, races::chdir),
    program("race_fchdir", 60, races::fchdir),
    program("race_dup", 60, races::dup),
    program("race_passed", 60, races::passed),
    program("race_last_exit", 60, races::last_exit),
    program("race_late_sockets", 60, races::late_sockets),
];

/// Unloads the module in between.
pub const UNLOADING: &[Program] =
    &[program("unload_held", 30, hold::unload_held), program("race_unload", 90, races::unloaded)];

/// What the program does when execve(2) ran it for one of these.
pub fn within(argument: &core::ffi::CStr) -> Option<i32> {
    hold::within(argument).or_else(|| races::within(argument))
}

const fn program(name: &'static str, seconds: i64, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds, run, needs: None }
}

/// Takes leave of those that have ended, orphans too.
fn reap_some() {
    // Again is no harm.
    let _ = sys::become_reaper();
    sys::reap();
}

/// No jail is left, once all that have ended are taken leave of.
fn gone() -> Outcome {
    gone_within(5000)
}

/// The same where something keeps them for so long, in milliseconds.
fn gone_within(time: i64) -> Outcome {
    let deadline = sys::uptime() + time;
    loop {
        reap_some();
        match sys::sysctl_number("security.rjail.jails") {
            Ok(0) => return Ok(()),
            _ if sys::uptime() < deadline => sys::pause(2),
            other => return Err(Text::of(format_args!("jails afterwards: {other:?}"))),
        }
    }
}

/// A jail with so many processes that wait, and its number.
fn waiting(count: usize) -> core::result::Result<(Held, i64), Text<160>> {
    reap_some();
    let held = early("a jail", Held::start(1, || enter_with(count - 1)))?;
    Ok((held, early("its number", jail::first())?))
}

/// Enters a jail and forks so many more, which wait for their end.
fn enter_with(more: usize) -> Result<()> {
    good().enter()?;
    for _ in 0..more {
        if sys::fork()? == 0 {
            sleep_for_good();
        }
    }
    Ok(())
}

fn sleep_for_good() -> ! {
    loop {
        sys::pause(10_000);
    }
}

/// Bad structures: what is wrong, where it is, which errno.
type Wrong = (&'static str, usize, i32);

/// Makes the calls; how many there were.
fn wrong_calls(operation: i32, calls: &[Wrong]) -> Outcome {
    for (what, at, errno) in calls {
        let got = jail::operate(operation, *at);
        if got != Err(Error(*errno)) {
            return Err(Text::of(format_args!("{what}: {got:?}, wanted errno {errno}")));
        }
    }
    Ok(())
}
