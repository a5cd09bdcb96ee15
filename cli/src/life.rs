// SPDX-License-Identifier: BSD-2-Clause
//! A jail's beginning and end: made, started, stopped, closed.

use std::time::Duration;

use crate::failure::{EX_DATAERR, EX_TEMPFAIL, EX_UNAVAILABLE, Failure};
use crate::kernel::{Ended, Held, JailFlags, Kernel, Place, Program, RunAs, Stage, Wanted, errno};
use crate::parameter::{Command, Exec, Jail};
use crate::record::{Record, Records, Taken};
use crate::signal;

/// What a jail came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was started and stays.
    Started(i64),
    /// The command that was given has ended so.
    Ran(Ended),
}

/// How long exec.stop may take where nothing is said: rc.shutdown(8)'s own limit.
const STOP_SCRIPT: Duration = Duration::from_secs(90);
/// How long SIGKILL may take.
pub const KILL: Duration = Duration::from_secs(10);
/// How long whoever holds an empty jail has to let go.
const HOLDER: Duration = Duration::from_secs(5);
/// Between two looks at a jail.
const LOOK: Duration = Duration::from_millis(50);

/// The jail as the kernel is asked for it. What is not said is as the sysctls
/// have it; ports below 1024 are the jail's, as in the paper and in jail(8).
///
/// # Errors
/// Without the module.
pub fn wanted(kernel: &mut dyn Kernel, jail: &Jail) -> Result<Wanted, Failure> {
    jail.check().map_err(|wrong| Failure::new(EX_DATAERR, wrong.to_string()))?;
    let defaults = kernel.defaults().map_err(|error| Failure::asking(&error, None))?;
    let flags = jail.flags(defaults | JailFlags::RESERVED_PORTS);
    Ok(Wanted { jail: jail.clone(), flags })
}

/// Makes a jail and runs the command in it, or else what starts it.
///
/// # Errors
/// Whatever stands in the way; no jail is left then.
pub fn create(
    kernel: &mut dyn Kernel,
    records: &Records,
    jail: &Jail,
    command: Option<Command>,
) -> Result<Made, Failure> {
    let wanted = wanted(kernel, jail)?;
    let mut taken = match &jail.name {
        Some(name) => Some(records.take(kernel, name)?),
        None => None,
    };
    let made = match kernel.hold(&wanted) {
        Ok(held) => begin(kernel, held, jail, command, taken.as_mut()),
        Err(error) => Err(Failure::making(&error, &wanted)),
    };
    if made.is_err()
        && let Some(taken) = taken
    {
        taken.give_up();
    }
    made
}

fn begin(
    kernel: &mut dyn Kernel,
    held: Held,
    jail: &Jail,
    command: Option<Command>,
    taken: Option<&mut Taken>,
) -> Result<Made, Failure> {
    let made = name(kernel, held.jid, jail, taken).and_then(|()| match command {
        Some(command) => run(kernel, held.jid, jail, command).map(Made::Ran),
        None => start(kernel, held.jid, jail).map(|()| Made::Started(held.jid)),
    });
    if made.is_err() {
        // It may be over already; what cannot be killed is what it is.
        let _ = kernel.kill(held.jid, signal::KILL, Some(KILL));
    }
    kernel.let_go(held, jail.persist && made.is_ok());
    made
}

fn name(
    kernel: &mut dyn Kernel,
    jid: i64,
    jail: &Jail,
    taken: Option<&mut Taken>,
) -> Result<(), Failure> {
    let Some(taken) = taken else { return Ok(()) };
    let identity = kernel.identity().map_err(|error| Failure::asking(&error, None))?;
    taken.give(&Record {
        jid,
        identity,
        exec: jail.exec.clone(),
        stop_timeout: jail.stop_timeout.as_secs(),
        depend: jail.depend.clone(),
    })
}

/// Whom the parameters name.
fn whom(exec: &Exec) -> Option<RunAs> {
    exec.user.clone().map(|name| RunAs { name, system: exec.system_user })
}

fn run(kernel: &mut dyn Kernel, jid: i64, jail: &Jail, command: Command) -> Result<Ended, Failure> {
    let what = command.0.first().cloned().unwrap_or_default();
    let exec = &jail.exec;
    let program = Program { command, usual: false, user: whom(exec), clean: exec.clean, log: None };
    kernel
        .run(Place::Jail(jid), &program, true)
        .map_err(|refused| Failure::running(&refused, &what, &program))
}

/// The jail's own scripts of one kind: those that are given, or the usual one.
fn scripts(exec: &Exec, given: &[Command], usual: &[&str]) -> Vec<Program> {
    let is_usual = given.is_empty();
    let usual = [Command(usual.iter().map(|word| (*word).to_owned()).collect())];
    let commands = if is_usual { &usual[..] } else { given };
    commands
        .iter()
        .map(|command| Program {
            command: command.clone(),
            usual: is_usual,
            user: whom(exec),
            clean: exec.clean,
            log: exec.log.clone(),
        })
        .collect()
}

fn start(kernel: &mut dyn Kernel, jid: i64, jail: &Jail) -> Result<(), Failure> {
    let exec = &jail.exec;
    let undone = |text: String| Failure::new(EX_UNAVAILABLE, format!("{text}; the jail is undone"));
    let limit = exec.timeout.filter(|limit| !limit.is_zero());
    for program in scripts(exec, &exec.start, &["/bin/sh", "/etc/rc"]) {
        let pid = match kernel.start(jid, &program, limit) {
            Ok(pid) => pid,
            Err(refused) if refused.stage == Stage::Usual => {
                return if jail.persist {
                    Ok(())
                } else {
                    Err(undone(
                        "nothing to run: the jail has no /bin/sh and /etc/rc; give exec.start, \
                         command= or persist"
                            .to_owned(),
                    ))
                };
            }
            Err(refused) => return Err(Failure::running(&refused, "exec.start", &program)),
        };
        match kernel.wait(pid, limit) {
            Ok(Some(Ended::Exited(0))) => {}
            Ok(Some(Ended::Exited(status))) => {
                return Err(undone(format!("exec.start: exit status {status}")));
            }
            Ok(Some(Ended::Killed(signal))) => {
                return Err(undone(format!("exec.start: killed by signal {signal}")));
            }
            Ok(None) => {
                kernel.end(pid);
                let seconds = limit.unwrap_or_default().as_secs();
                return Err(undone(format!(
                    "exec.start: not done after exec.timeout={seconds} seconds"
                )));
            }
            Err(error) => return Err(undone(format!("exec.start: wait4(2): {error}"))),
        }
    }
    if !jail.persist && processes(kernel, jid)? == 0 {
        return Err(undone(
            "exec.start: has ended and left no process; start a service there, or say persist"
                .to_owned(),
        ));
    }
    Ok(())
}

/// How many processes a jail has; none when it is gone.
fn processes(kernel: &mut dyn Kernel, jid: i64) -> Result<u32, Failure> {
    match kernel.get(jid, abi::THIS) {
        Ok(jail) => Ok(jail.info.processes),
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => Ok(0),
        Err(error) => Err(Failure::asking(&error, Some(jid))),
    }
}

/// Stops a jail: its own script, SIGTERM, SIGKILL, each as long as it may take.
/// Gives what did not go as it should.
///
/// # Errors
/// When it is not stopped.
pub fn stop(
    kernel: &mut dyn Kernel,
    jid: i64,
    exec: &Exec,
    patience: Duration,
) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    if processes(kernel, jid)? > 0 {
        stop_scripts(kernel, jid, exec, &mut notes);
    }
    if processes(kernel, jid)? > 0 && !patience.is_zero() {
        send(kernel, jid, signal::TERM, None)?;
        until(kernel, patience, |kernel| Ok(processes(kernel, jid)? == 0))?;
    }
    send(kernel, jid, signal::KILL, Some(KILL))?;
    let gone = until(kernel, HOLDER, |kernel| match kernel.get(jid, abi::THIS) {
        Ok(jail) => Ok(jail.info.state == abi::DYING),
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => Ok(true),
        Err(error) => Err(Failure::asking(&error, Some(jid))),
    })?;
    if !gone {
        notes.push("closed and empty, but somebody's descriptor still holds it".to_owned());
    }
    Ok(notes)
}

/// Each of them, whatever came of those before: the jail ends all the same.
fn stop_scripts(kernel: &mut dyn Kernel, jid: i64, exec: &Exec, notes: &mut Vec<String>) {
    let limit = exec.timeout.unwrap_or(STOP_SCRIPT);
    let limit = Some(limit).filter(|limit| !limit.is_zero());
    for program in scripts(exec, &exec.stop, &["/bin/sh", "/etc/rc.shutdown", "jail"]) {
        match kernel.start(jid, &program, limit) {
            Ok(pid) => match kernel.wait(pid, limit) {
                Ok(Some(Ended::Exited(0))) => {}
                Ok(Some(Ended::Exited(status))) => {
                    notes.push(format!("exec.stop: exit status {status}"));
                }
                Ok(Some(Ended::Killed(signal))) => {
                    notes.push(format!("exec.stop: killed by signal {signal}"));
                }
                Ok(None) => {
                    kernel.end(pid);
                    let seconds = limit.unwrap_or_default().as_secs();
                    notes.push(format!("exec.stop: not done after {seconds} seconds, killed"));
                }
                Err(error) => notes.push(format!("exec.stop: wait4(2): {error}")),
            },
            // Its usual script need not be there, and the jail may just have ended.
            Err(refused) if refused.stage == Stage::Usual => {}
            Err(refused)
                if refused.stage == Stage::Enter
                    && refused.error.raw_os_error() == Some(errno::ENOENT) =>
            {
                return;
            }
            Err(refused) => {
                notes.push(Failure::running(&refused, "exec.stop", &program).message);
            }
        }
    }
}

/// A signal to a jail that may be gone.
fn send(
    kernel: &mut dyn Kernel,
    jid: i64,
    signal: i32,
    close: Option<Duration>,
) -> Result<(), Failure> {
    match kernel.kill(jid, signal, close) {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => Ok(()),
        Err(error) => Err(killing(&error, jid)),
    }
}

/// Of a signal that was to be sent.
pub fn killing(error: &std::io::Error, jid: i64) -> Failure {
    match error.raw_os_error() {
        Some(errno::EWOULDBLOCK) => Failure::new(
            EX_TEMPFAIL,
            format!(
                "jail {jid}: closed and killed, but not empty after {} seconds; `rjail show {jid}` \
                 says how many are left",
                KILL.as_secs()
            ),
        ),
        Some(errno::EPERM) => Failure::new(
            crate::failure::EX_NOPERM,
            "only root signals a jail, and from outside any jail",
        ),
        _ => Failure::asking(error, Some(jid)),
    }
}

/// Looks until it is so, or the time is over; whether it is.
fn until(
    kernel: &mut dyn Kernel,
    limit: Duration,
    so: impl Fn(&mut dyn Kernel) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let mut waited = Duration::ZERO;
    loop {
        if so(kernel)? {
            return Ok(true);
        }
        if waited >= limit {
            return Ok(false);
        }
        kernel.pause(LOOK);
        waited += LOOK;
    }
}
