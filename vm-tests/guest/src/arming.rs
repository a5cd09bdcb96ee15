// SPDX-License-Identifier: BSD-2-Clause
//! The MAC framework knows the policy while somebody is jailed, and a moment
//! longer; what lives across knows nothing of it.

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EBUSY, EINVAL, ENOENT, EPERM, ESRCH};
use crate::jail::Kind;
use crate::privileges::calls::get;
use crate::programs::{
    self, Context, Held, MODULE, Outcome, early, good, have_module, settle, unload,
};
use crate::say;
use crate::sys::{self, Error, Result, Shared, Status};
use crate::world::{JAIL_NAME, JAIL_ROOT};

const ARMED: &str = "security.rjail.armed";
const LINGER: &str = "security.rjail.linger";
/// What the framework itself says: which objects its policies label.
const LABELED: &str = "security.mac.labeled";
const LONGEST: i32 = 86_400;
const O_DIRECTORY: i32 = 0x0002_0000;

/// How long the policy stays, until the end of a test.
struct Linger(i32);

impl Linger {
    fn set(seconds: i32) -> Result<Self> {
        let before = i32::try_from(sys::sysctl_number(LINGER)?).map_err(|_| Error(EINVAL))?;
        sys::sysctl_write(LINGER, seconds)?;
        Ok(Self(before))
    }
}

impl Drop for Linger {
    fn drop(&mut self) {
        let _ = sys::sysctl_write(LINGER, self.0);
    }
}

/// Whether the module says that it is armed, and whether the framework labels
/// anything; no other policy is loaded.
fn state() -> Result<[bool; 2]> {
    Ok([sys::sysctl_number(ARMED)? != 0, sys::sysctl_number(LABELED)? != 0])
}

/// Waits until the two say so.
fn become_so(armed: bool) -> Result<[bool; 2]> {
    let deadline = sys::uptime() + 10_000;
    loop {
        let now = state()?;
        if now == [armed; 2] || sys::uptime() > deadline {
            return Ok(now);
        }
        sys::pause(20);
    }
}

fn enter() -> Result<()> {
    good().enter().map(drop)
}

/// When it comes, and when it goes.
pub fn follows(_: &Context) -> Outcome {
    let _before = early("the time", Linger::set(0))?;
    want!("nobody jailed", become_so(false), Ok([false; 2]));

    // Who cannot have a jail does not bring it.
    want!("a day", sys::sysctl_write(LINGER, LONGEST), Ok(()));
    let wrong = || {
        let mut args = good();
        args.0.version = 0;
        args.enter()
    };
    want!("bad arguments", in_child(wrong), Ok(Ok(Err(Error(EINVAL)))));
    let user = || sys::setuid(1001).and_then(|()| good().enter());
    want!("a user", in_child(user), Ok(Ok(Err(Error(EPERM)))));
    want!("after these", state(), Ok([false; 2]));
    let at_last = || sys::open(c"/jail", O_DIRECTORY, 0).and_then(|_| good().enter());
    want!("refused at the end", in_child(at_last), Ok(Ok(Err(Error(EPERM)))));
    want!("no jail of it", settle(0), Ok(0));
    want!("it lingers", state(), Ok([true; 2]));
    want!("no longer", sys::sysctl_write(LINGER, 0), Ok(()));
    want!("it goes at once", become_so(false), Ok([false; 2]));

    want!("a second", sys::sysctl_write(LINGER, 1), Ok(()));
    let held = early("a jail", Held::start(1, enter))?;
    want!("with a jail", state(), Ok([true; 2]));
    sys::pause(1500);
    want!("with an older jail", state(), Ok([true; 2]));
    want!("its end", held.let_go(), Ok(()));
    let ended = sys::uptime();
    want!("the last jail is gone", settle(0), Ok(0));
    let soon = state();
    if sys::uptime() < ended + 900 {
        want!("it stays a moment", soon, Ok([true; 2]));
    }
    want!("and goes", become_so(false), Ok([false; 2]));
    want!("not before its time", sys::uptime() >= ended + 990, true);

    for wrong in [-1, LONGEST + 1, i32::MIN, i32::MAX] {
        want!("a wrong time", sys::sysctl_write(LINGER, wrong), Err(Error(EINVAL)));
    }
    want!("it is unchanged", sys::sysctl_number(LINGER), Ok(1));
    want!("armed is not set", sys::sysctl_write(ARMED, 1), Err(Error(EPERM)));
    let inside = || enter().and_then(|()| sys::sysctl_write(LINGER, 0));
    want!("from a jail", in_child(inside), Ok(Ok(Err(Error(EPERM)))));
    want!("no jail is left", settle(0), Ok(0));
    Ok(())
}

/// A process that stays outside and waits for a byte, with a credential made now.
struct Outsider {
    pid: i32,
    go: i32,
}

impl Outsider {
    fn start() -> Result<Self> {
        let [wait, go] = sys::pipe()?;
        let pid = sys::fork()?;
        if pid == 0 {
            let _ = sys::close(go);
            let mut outcome = sys::setgroups(7);
            // Each byte but the last is a credential more.
            let mut byte = [0];
            while outcome.is_ok() && sys::read(wait, &mut byte) == Ok(1) && byte == [0] {
                outcome = sys::setgroups(7);
            }
            let jid = sys::sysctl_number("security.rjail.jid");
            sys::exit(i32::from(outcome.is_err() || jid != Ok(0)));
        }
        sys::close(wait)?;
        Ok(Self { pid, go })
    }

    fn turn(&self) -> Result<usize> {
        sys::write(self.go, &[0])
    }

    /// Others may have the pipe too: it is told.
    fn end(self) -> Result<Status> {
        sys::write(self.go, &[1])?;
        sys::close(self.go)?;
        sys::wait(self.pid, 0).map(|(_, status)| status)
    }
}

/// What a jail finds of outside: processes, and objects by their names.
fn from_inside(outsiders: [i32; 2]) -> [Result<()>; 4] {
    if let Err(error) = enter() {
        return [Err(error); 4];
    }
    let [a, b] = outsiders.map(|pid| sys::kill(pid, 0));
    let [c, d] = [FREE, LABELLED].map(|name| open_existing(name).map(drop));
    [a, b, c, d]
}

/// An object that was made while nothing was labelled, and one that has a label.
const FREE: &core::ffi::CStr = c"/arming-free";
const LABELLED: &core::ffi::CStr = c"/arming-labelled";

fn open_existing(name: &core::ffi::CStr) -> Result<i32> {
    sys::shm_open_existing(name)
}

/// Credentials and objects that were there before the policy came, or stay when it
/// goes: they are outside, in each state.
pub fn across(_: &Context) -> Outcome {
    let hidden: Result<core::result::Result<_, Status>> =
        Ok(Ok([Err(Error(ESRCH)), Err(Error(ESRCH)), Err(Error(ENOENT)), Err(Error(ENOENT))]));
    let _before = early("the time", Linger::set(0))?;
    want!("nobody jailed", become_so(false), Ok([false; 2]));
    let free = early("an outsider", Outsider::start())?;
    want!("an object", sys::shm_open(FREE).and_then(sys::close), Ok(()));

    let held = early("a jail", Held::start(1, enter))?;
    want!("with a jail", state(), Ok([true; 2]));
    let labelled = early("another outsider", Outsider::start())?;
    want!("another object", sys::shm_open(LABELLED).and_then(sys::close), Ok(()));
    let both = [free.pid, labelled.pid];
    want!("what a jail finds", in_child(|| from_inside(both)), hidden);

    want!("the end of the jail", held.end(), Ok(Status::Exited(0)));
    want!("no jail", settle(0), Ok(0));
    want!("nobody jailed any more", become_so(false), Ok([false; 2]));
    for outsider in [&free, &labelled] {
        want!("it is outside", sys::kill(outsider.pid, 0), Ok(()));
        want!("another credential", outsider.turn(), Ok(1));
    }
    for name in [FREE, LABELLED] {
        want!("an object of outside", open_existing(name).and_then(sys::close), Ok(()));
    }

    want!("armed again", sys::sysctl_write(LINGER, LONGEST), Ok(()));
    want!("what another jail finds", in_child(|| from_inside(both)), hidden);
    want!("armed", state(), Ok([true; 2]));
    for outsider in [free, labelled] {
        want!("another credential", outsider.turn(), Ok(1));
        want!("its end", outsider.end(), Ok(Status::Exited(0)));
    }
    for name in [FREE, LABELLED] {
        want!("an object", open_existing(name).and_then(sys::close), Ok(()));
        want!("its end", sys::shm_unlink(name), Ok(()));
    }
    want!("no jail is left", settle(0), Ok(0));
    Ok(())
}

/// How many jails each of two processors makes.
const ROUNDS: u32 = 40;

/// What the processes of [`at_once`] did: jails made, and what was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    done: u32,
    wrong: u32,
}

/// Two processors make jails at the same moment while each last one takes the
/// policy away, and a third process goes on outside: nobody is let out, nobody is
/// kept in.
pub fn at_once(context: &Context) -> Outcome {
    let neighbour = context.world.neighbour;
    let _before = early("the time", Linger::set(0))?;
    let tallies = [(), (), ()].map(|()| Shared::new(Tally::default()));
    let [Ok(one), Ok(other), Ok(outside)] = tallies else {
        return Err(Text::of(format_args!("no memory")));
    };
    let make = |tally: &Shared<Tally>| {
        for _ in 0..ROUNDS {
            let tried = in_child(|| (enter(), sys::kill(neighbour, 0)));
            let right = tried == Ok(Ok((Ok(()), Err(Error(ESRCH)))));
            let Tally { done, wrong } = tally.get();
            tally.set(Tally { done: done + 1, wrong: wrong + u32::from(!right) });
        }
    };
    let stop = Shared::new(false).map_err(|_| Text::of(format_args!("no memory")))?;
    let go_on = || {
        let steps: [fn() -> Result<()>; 4] = [
            || sys::setgroups(7),
            || sys::shm_open(FREE).and_then(sys::close).and_then(|()| sys::shm_unlink(FREE)),
            || get!(RENAME, c"/jail/moves/a/it", c"/jail/moves/b/it").map(drop),
            || get!(RENAME, c"/jail/moves/b/it", c"/jail/moves/a/it").map(drop),
        ];
        while !stop.get() {
            for step in steps {
                let Tally { done, wrong } = outside.get();
                outside.set(Tally { done: done + 1, wrong: wrong + u32::from(step().is_err()) });
            }
        }
    };
    for directory in [c"/jail/moves", c"/jail/moves/a", c"/jail/moves/b", c"/jail/moves/a/it"] {
        want!("a directory", sys::mkdir(directory, 0o755), Ok(()));
    }
    let work: [&dyn Fn(); 3] = [&|| make(&one), &|| make(&other), &go_on];
    let children = work.map(|work| {
        let child = sys::fork();
        if child == Ok(0) {
            let _ = sys::alarm(100);
            work();
            sys::exit(0);
        }
        child
    });
    let ends = children.map(|child| {
        if child == children[2] {
            stop.set(true);
        }
        child.and_then(|child| sys::wait(child, 0)).map(|(_, status)| status)
    });
    want!("their ends", ends, [Ok(Status::Exited(0)); 3]);
    let all = Tally { done: ROUNDS, wrong: 0 };
    want!("jails", [one.get(), other.get()], [all; 2]);
    want!("outside", outside.get().wrong, 0);
    want!("outside, something", outside.get().done > 0, true);
    for directory in [c"/jail/moves/a/it", c"/jail/moves/a", c"/jail/moves/b", c"/jail/moves"] {
        want!("its end", get!(RMDIR, directory).map(drop), Ok(()));
    }
    want!("no jail is left", settle(0), Ok(0));
    want!("nobody jailed", become_so(false), Ok([false; 2]));
    say!("    # {} jails beside {} things outside", 2 * ROUNDS, outside.get().done);
    Ok(())
}

/// Unloading before the first jail, while the policy lingers, and when it is gone.
pub fn unload_in_each_state(_: &Context) -> Outcome {
    want!("without", have_module(false), Ok(()));
    for (linger, armed) in [(None, false), (Some(LONGEST), true), (Some(0), false)] {
        want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
        want!("nobody jailed", state(), Ok([false; 2]));
        if let Some(seconds) = linger {
            want!("the time", sys::sysctl_write(LINGER, seconds), Ok(()));
            let jailed = in_child(|| Kind::Rjail.enter(JAIL_ROOT, JAIL_NAME, [10, 66, 0, 2]));
            want!("a jail", jailed, Ok(Ok(Ok(()))));
            want!("its end", settle(0), Ok(0));
        }
        want!("the state", become_so(armed), Ok([armed; 2]));
        want!("kldunload", unload(), Ok(()));
        want!("the framework", sys::sysctl_number(LABELED), Ok(0));
    }
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    Ok(())
}

/// What the boot loader has loaded stays, and is not armed before the first jail.
pub fn before_the_first(_: &Context) -> Outcome {
    want!("nobody has been jailed", state(), Ok([false; 2]));
    want!("kldunload", unload(), Err(Error(EBUSY)));
    want!("afterwards", state(), Ok([false; 2]));
    Ok(())
}

/// Once it was armed it stays so: nobody who reads the list takes a lock.
pub fn preloaded(_: &Context) -> Outcome {
    let _before = early("the time", Linger::set(0))?;
    for _ in 0..2 {
        let held = early("a jail", Held::start(1, enter))?;
        want!("with a jail", state(), Ok([true; 2]));
        want!("kldunload with a jail", unload(), Err(Error(EBUSY)));
        want!("its end", held.let_go(), Ok(()));
        want!("no jail", settle(0), Ok(0));
        sys::pause(200);
        want!("without one", state(), Ok([true; 2]));
        want!("kldunload", unload(), Err(Error(EBUSY)));
    }
    programs::jails_gone()
}
