// SPDX-License-Identifier: BSD-2-Clause
//! rjail_kill(2): carrying an order out. What is decided is in [`crate::kill`]; here
//! are the walks, and the locks that make them one moment.

#![forbid(unsafe_code)]

use crate::jail::{self, find};
use crate::kernel::credential::{Jail, JailRef};
use crate::kernel::crowd::{self, Crowd, Groups, Newborn, Notice};
use crate::kernel::lock::Sx;
use crate::kernel::process::Current;
use crate::kernel::task;
use crate::kill::{Order, Round, SIGKILL, Stage};
use crate::prison::Jid;
use crate::{Errno, Result};

/// Whoever holds it is alone in entering a jail and in beginning an order: a process
/// is in a jail for the whole of an order, or for nothing of it. Lock: `members`.
pub(crate) static MEMBERS: Sx<Births> = Sx::new(Births { watchers: 0 });

/// The order that is being carried out. Lock: `round`.
pub(crate) static ROUND: Sx<Option<Running>> = Sx::new(None);

/// Who wants to hear of each child before it runs: an order that is being carried
/// out, and every jail that is closed. Without any, fork(2) is as it was.
pub(crate) struct Births {
    watchers: usize,
}

impl Births {
    /// One more. Sleeps.
    fn watch(&mut self) {
        if self.watchers == 0 {
            crowd::watch_births(true);
        }
        self.watchers += 1;
    }

    /// One less. Sleeps until nobody is telling of a child any more, if it is the last.
    fn look_away(&mut self) {
        self.watchers -= 1;
        if self.watchers == 0 {
            crowd::watch_births(false);
        }
    }
}

/// An order that is being carried out.
pub(crate) struct Running {
    jid: Jid,
    signal: i32,
    round: Round,
}

/// rjail_kill(2); how many got the signal.
///
/// # Errors
/// `EPERM`, `ENOENT`, `ENOMEM`: nothing has changed. `EWOULDBLOCK`, `EINTR`: the jail
/// is closed, and not yet empty.
pub(crate) fn kill(order: Order, jid: u64) -> Result<u64> {
    let jail = find(jid, false).ok_or(Errno::ENOENT)?;
    let Some(milliseconds) = order.close else {
        if order.signal == 0 {
            return Ok(Crowd::lock().count(&jail).1 as u64);
        }
        let mut births = MEMBERS.lock();
        births.watch();
        let sent = carry_out(&jail, order.signal, || ());
        births.look_away();
        return sent;
    };
    let deadline = crowd::uptime().saturating_add(milliseconds);
    let sent = close(&jail)?;
    wait_until_gone(&jail, deadline)?;
    // The kernel's task lets go of the root, so that it can be unmounted now.
    task::drain();
    Ok(sent)
}

/// Closes a jail and kills who is in it.
///
/// # Errors
/// `ENOMEM`; nothing has changed.
fn close(jail: &JailRef) -> Result<u64> {
    let mut births = MEMBERS.lock();
    births.watch();
    let mut first = false;
    let sent = carry_out(jail, SIGKILL, || first = jail.close());
    // A closed jail watches until it is torn down, and only once.
    if !first {
        births.look_away();
    }
    drop(births);
    if first {
        Notice::Closed.tell(jail.jid(), 0);
    }
    sent
}

/// A closed jail is being torn down.
pub(crate) fn forget_closed() {
    MEMBERS.lock().look_away();
}

/// Sends a signal to all that are in the jail at one moment, `moment`; how many.
/// The caller has the lock `members` and watches births. Sleeps.
///
/// # Errors
/// `ENOMEM`: nobody got it, and `moment` was not reached.
fn carry_out(jail: &Jail, signal: i32, moment: impl FnOnce()) -> Result<u64> {
    let mut groups = Groups::new();
    let running = Running { jid: jail.jid(), signal, round: Round::new() };
    *ROUND.lock() = Some(running);
    let begun = begin(jail, &mut groups, moment);
    if begun.is_ok() {
        while !walk(jail, &mut groups) {
            crowd::pause();
        }
        // Of those whom no walk could meet yet: each is borne before this is over.
        groups.let_forks_pass();
    }
    let sent = ROUND.lock().take().map_or(0, |running| running.round.sent());
    begun.map(|()| sent)
}

/// The first walk: the moment itself.
fn begin(jail: &Jail, groups: &mut Groups, moment: impl FnOnce()) -> Result {
    let mut running = ROUND.lock();
    let Some(running) = running.as_mut() else { return Ok(()) };
    loop {
        let crowd = Crowd::lock();
        let (unborn, alive) = crowd.count(jail);
        if running.round.has_room(unborn) && groups.has_room(alive) {
            moment();
            meet(jail, &crowd, running, groups);
            return Ok(());
        }
        drop(crowd);
        running.round.make_room(unborn.saturating_add(8))?;
        groups.make_room(alive.saturating_add(8))?;
    }
}

/// Another walk; whether all are settled.
fn walk(jail: &Jail, groups: &mut Groups) -> bool {
    let mut running = ROUND.lock();
    let Some(running) = running.as_mut() else { return true };
    if running.round.is_settled() {
        return true;
    }
    meet(jail, &Crowd::lock(), running, groups);
    running.round.is_settled()
}

fn meet(jail: &Jail, crowd: &Crowd, running: &mut Running, groups: &mut Groups) {
    crowd.each(jail, |member| {
        let stage = member.stage();
        if running.round.meet(member.pid(), stage) {
            member.signal(running.signal);
        }
        if stage == Stage::Alive {
            groups.note(member.group());
        }
    });
    running.round.walked();
}

/// fork(2) tells of a child, which is about to run.
pub(crate) fn bear(child: &Newborn) {
    let Some(jail) = child.jail() else { return };
    let mut running = ROUND.lock();
    let signal = match running.as_mut().filter(|running| running.jid == jail.jid()) {
        Some(running) => {
            running.round.bear(child.pid());
            Some(running.signal)
        }
        None => jail.is_closed().then_some(SIGKILL),
    };
    if let Some(signal) = signal {
        child.signal(signal);
    }
}

/// Waits until nobody is in a closed jail.
///
/// # Errors
/// `EWOULDBLOCK` when it is too late, `EINTR`. Sleeps.
fn wait_until_gone(jail: &Jail, deadline: u64) -> Result {
    const STEP: u64 = 10;
    loop {
        let crowd = Crowd::lock();
        // Again, and again: who was stopped by a debugger, say, has not died of it.
        crowd.each(jail, |member| {
            if member.stage() == Stage::Alive {
                member.signal(SIGKILL);
            }
        });
        if crowd.is_gone(jail) {
            return Ok(());
        }
        drop(crowd);
        let left = deadline.saturating_sub(crowd::uptime());
        if left == 0 {
            return Err(Errno::EWOULDBLOCK);
        }
        crowd::pause_for(left.min(STEP))?;
    }
}

/// Whether the caller may send signals to jails.
///
/// # Errors
/// `EPERM`: in a jail of either kind, or without the privilege.
pub(crate) fn admit(current: &Current) -> Result {
    jail::admit_outside(current)?;
    if current.may_remove_jails() { Ok(()) } else { Err(Errno::EPERM) }
}
