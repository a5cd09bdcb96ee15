// SPDX-License-Identifier: BSD-2-Clause
//! Watching static probes, the kernel's here; and rjail's coming and going
//! beside the module that watches.

use crate::answer::want;
use crate::console::Text;
use crate::errno::{EBUSY, ENOENT, EPERM, ESRCH};
use crate::line_two::{Captive, Header, got};
use crate::malloc::Malloc;
use crate::probe::{Probe, Seen};
use crate::programs::{Context, MODULE, Outcome, good, settle, unload};
use crate::say;
use crate::sys::{self, Error, Result};

/// A process that does the same thing each time it is told.
struct Doer {
    pid: i32,
    go: i32,
    done: i32,
}

const WORK: [u8; 1] = [0];
const END: [u8; 1] = [1];

impl Doer {
    fn start(ready: impl FnOnce() -> Result<()>, work: impl Fn()) -> Result<Self> {
        let [told, go] = sys::pipe()?;
        let [done, tell] = sys::pipe()?;
        let pid = sys::fork()?;
        if pid == 0 {
            let mut order = END;
            if ready().is_ok() {
                while sys::read(told, &mut order) == Ok(1) && order == WORK {
                    work();
                    let _ = sys::write(tell, &WORK);
                }
            }
            sys::exit(0);
        }
        sys::close(told)?;
        sys::close(tell)?;
        Ok(Self { pid, go, done })
    }

    /// Lets it do it, and waits until it has.
    fn does(&self) -> Result<()> {
        sys::write(self.go, &WORK)?;
        if sys::read(self.done, &mut [0])? == 1 { Ok(()) } else { Err(Error(ESRCH)) }
    }

    fn end(self) -> Result<()> {
        sys::write(self.go, &END)?;
        sys::close(self.go)?;
        sys::close(self.done)?;
        sys::wait(self.pid, 0).map(drop)
    }
}

/// A static probe counts while it is on, what it is told to, and nothing else.
pub fn sdt(_: &Context) -> Outcome {
    const REFUSED: &str = "priv:kernel:priv_check:priv__err";
    const EXIT: &str = "proc:::exit";
    const CLD_EXITED: u64 = 1;
    let acct = got("the names", Header::read().and_then(|header| header.number("PRIV_ACCT")))?;
    let refused: &[u64] = &[acct as u64];
    let ask = || {
        let _ = sys::acct_off();
    };
    let user = got("a process", Doer::start(|| sys::setuid(1001), ask))?;
    let other = got("a process", Doer::start(|| sys::setuid(1002), ask))?;
    let both = || -> Outcome {
        got("the process", user.does())?;
        got("the other", other.does())
    };
    let count = |what, seen: Result<Seen>, wanted: &[&[u64]]| -> Outcome {
        let seen = got(what, seen)?;
        if seen.is(wanted)
            && seen.last().all(|firing| firing.pid == u64::from(user.pid.unsigned_abs()))
        {
            return Ok(());
        }
        Err(Text::of(format_args!("{what}: {} firings, last {:?}", seen.fired, seen.last().last())))
    };
    Probe::during(|probe| {
        both()?;
        let watch = got("on", probe.watch(REFUSED, user.pid))?;
        count("nothing since", watch.seen(), &[])?;
        for times in 1..=3 {
            both()?;
            count("so far", watch.seen(), &[refused; 3][..times])?;
        }
        want!("again", probe.watch(REFUSED, 0).map(drop), Err(Error(EBUSY)));
        want!(
            "no such",
            probe.watch("priv:kernel:priv_check:none", 0).map(drop),
            Err(Error(ENOENT))
        );
        let short = &REFUSED[..REFUSED.len() - 1];
        want!("part of a name", probe.watch(short, 0).map(drop), Err(Error(ENOENT)));

        let child = got("a process", Doer::start(|| Ok(()), || ()))?;
        let exit = got("another on", probe.watch(EXIT, child.pid))?;
        got("the child", child.does())?;
        want!("it is there", exit.seen().map(|seen| seen.fired), Ok(0));
        want!("its end", child.end(), Ok(()));
        let exit = got("the other off", exit.off())?;
        want!("its exit", exit.is(&[&[CLD_EXITED]]), true);

        count("off", watch.off(), &[refused; 3])?;
        both()?;
        let watch = got("on again", probe.watch(REFUSED, user.pid))?;
        count("nothing while it was off", watch.seen(), &[])?;
        for _ in 0..2 * Seen::KEPT {
            both()?;
        }
        let seen = got("many", watch.seen())?;
        want!("many", seen.fired, 2 * Seen::KEPT as u64);
        want!("of which the last are kept", seen.last().count(), Seen::KEPT);
        say!("    # sdt: {REFUSED} is fired at {} places", seen.tracepoints);
        // The module goes, and takes with it what is on.
        core::mem::forget(watch);
        Ok(())
    })?;
    both()?;
    Probe::during(|probe| {
        let watch = got("on in the next load", probe.watch(REFUSED, user.pid))?;
        count("nothing before", watch.seen(), &[])?;
        both()?;
        count("once", watch.off(), &[refused])?;

        let (asker, asked) = (sys::getpid().unwrap_or(0), u64::from(user.pid.unsigned_abs()));
        let watch = got("a module's on", probe.watch("rjail_probe:::asked", asker))?;
        for _ in 0..2 {
            want!("a question", probe.ask(user.pid, acct), Ok(EPERM));
        }
        want!("kldunload of a module whose probe is on", probe.unload(), Err(Error(EBUSY)));
        let seen = got("a module's off", watch.off())?;
        let question: &[u64] = &[asked, acct as u64, u64::from(EPERM.unsigned_abs())];
        want!("a module's probe", seen.is(&[question; 2]), true);
        Ok(())
    })?;
    want!("the end of both", (user.end(), other.end()), (Ok(()), Ok(())));
    Ok(())
}

/// rjail goes and comes beside the probe, which has looked into one of its jails.
pub fn beside(_: &Context) -> Outcome {
    Probe::during(|probe| {
        let captive = got("a jail", Captive::start(|| good().enter().map(drop)))?;
        want!("a question", probe.verdicts(captive.pid).is_ok(), true);
        drop(captive);
        want!("jails afterwards", settle(0), Ok(0));
        want!("kldunload", unload(), Ok(()));
        want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
        Ok(())
    })
}

/// The probe comes, is asked everything and goes; nothing of it stays, of
/// whatever malloc(9) type.
pub fn leaves_nothing(_: &Context) -> Outcome {
    const ROUNDS: u64 = 100;
    let round = || {
        Probe::during(|probe| {
            let captive = got("a jail", Captive::start(|| good().enter().map(drop)))?;
            got("verdicts", probe.verdicts(captive.pid))?;
            got("a question", probe.ask(captive.pid, 2))?;
            let watch = got("on", probe.watch("priv:kernel:priv_check:priv__ok", 0))?;
            got("off", watch.off()).map(drop)
        })
    };
    let mut malloc = got("malloc statistics", Malloc::new())?;
    // The first rounds fill the kernel's own caches, of threads above all.
    for _ in 0..20 {
        round()?;
    }
    let mut before = [0; Malloc::MOST];
    let types = malloc.counts(&mut before);
    for _ in 0..ROUNDS {
        round()?;
    }
    want!("jails afterwards", settle(0), Ok(0));
    sys::pause(1000);
    malloc.none_leaked(&before, types, ROUNDS)?;
    say!("    # {ROUNDS} times load, questions, unload");
    Ok(())
}
