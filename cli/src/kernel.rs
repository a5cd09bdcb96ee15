// SPDX-License-Identifier: BSD-2-Clause
//! What the tool asks of a machine: the module's system call, and processes.
//! [`System`](crate::system::System) is a real one; the tests have a model.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

pub use confine::JailFlags;
pub use confine::ask::{Answer, Described};

use crate::parameter::{Command, Jail};

/// The number of a process.
pub type Pid = i32;

/// A machine.
pub trait Kernel {
    /// What new jails get where nothing else is said: the sysctls under
    /// `security.rjail`.
    ///
    /// # Errors
    /// `ENOSYS` without the module.
    fn defaults(&mut self) -> io::Result<JailFlags>;

    /// What tells this load of the module from every other: in it, a number is
    /// given to one jail.
    ///
    /// # Errors
    /// `ENOSYS` without the module.
    fn identity(&mut self) -> io::Result<String>;

    /// The jail of this number ([`abi::THIS`]) or the next ([`abi::NEXT`]).
    ///
    /// # Errors
    /// As rjail_get(2).
    fn get(&mut self, jid: i64, which: u32) -> io::Result<Described>;

    /// Whether root in the jail could use a privilege.
    ///
    /// # Errors
    /// As rjail_why(2).
    fn why(&mut self, jid: i64, privilege: &str) -> io::Result<Answer>;

    /// A signal to every process of a jail; with a time, and for SIGKILL, the
    /// jail is closed and waited for.
    ///
    /// # Errors
    /// As rjail_kill(2).
    fn kill(&mut self, jid: i64, signal: i32, close: Option<Duration>) -> io::Result<i64>;

    /// Makes a jail that a process of its own holds.
    ///
    /// # Errors
    /// As rjail_hold(2).
    fn hold(&mut self, wanted: &Wanted) -> io::Result<Held>;

    /// Leaves a jail to its processes, or, to be kept, to its holder, which
    /// stays until the jail is closed.
    fn let_go(&mut self, held: Held, keep: bool);

    /// Starts a program in a jail, in a session of its own and with nothing to read.
    /// It runs within this time, or a minute, or not at all.
    ///
    /// # Errors
    /// Where it failed.
    fn start(
        &mut self,
        jid: i64,
        program: &Program,
        limit: Option<Duration>,
    ) -> Result<Pid, Refused>;

    /// Waits for a program that was started; nothing once the time is over.
    ///
    /// # Errors
    /// As wait4(2).
    fn wait(&mut self, pid: Pid, limit: Option<Duration>) -> io::Result<Option<Ended>>;

    /// Kills a program that was started, and waits for it, though not for ever.
    fn end(&mut self, pid: Pid);

    /// Runs a program in a jail, with the caller's input and output but in a session
    /// of its own, and on a terminal of its own where the caller has one. Where the
    /// caller need not `stay`, it may become the program, and then comes back with
    /// an error only.
    ///
    /// # Errors
    /// Where it failed.
    fn run(&mut self, place: Place<'_>, program: &Program, stay: bool) -> Result<Ended, Refused>;

    /// Lets time pass.
    fn pause(&mut self, time: Duration);

    /// Runs this tool with other arguments, beside itself.
    ///
    /// # Errors
    /// As posix_spawn(3).
    fn worker(&mut self, arguments: &[OsString]) -> io::Result<Pid>;

    /// Waits for any such.
    ///
    /// # Errors
    /// As wait4(2).
    fn worker_ended(&mut self) -> io::Result<(Pid, Ended)>;
}

/// A jail as the kernel is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What was said of it.
    pub jail: Jail,
    /// Its flags, defaults included.
    pub flags: JailFlags,
}

/// A jail that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub jid: i64,
    /// The process that holds it.
    pub holder: Pid,
    /// What it listens to: a descriptor of ours.
    pub line: i32,
}

/// Where a program runs.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In a jail that exists.
    Jail(i64),
    /// In one that is made for it.
    New(&'a Wanted),
}

/// What is run in a jail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The command.
    pub command: Command,
    /// The usual one, which need not be there: each word with a slash is a file.
    pub usual: bool,
    /// As this user; as the caller, unless given.
    pub user: Option<RunAs>,
    /// Without the caller's environment.
    pub clean: bool,
    /// With its output in this file, which is outside the jail.
    pub log: Option<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// By name or number.
    pub name: String,
    /// Of the machine's passwd(5), not of the jail's.
    pub system: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Exited(u8),
    /// By this signal.
    Killed(i32),
}

impl Ended {
    /// As a shell says it.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Killed(signal) => 128 + u8::try_from(signal & 0x7f).unwrap_or(0),
        }
    }
}

/// A program that was not started.
#[derive(Debug)]
pub struct Refused {
    /// Where it came to.
    pub stage: Stage,
    /// Why it came no further.
    pub error: io::Error,
}

/// What happens on the way to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A process for it.
    Fork,
    /// The file for its output.
    Log,
    /// Into the jail.
    Enter,
    /// The user it runs as.
    User,
    /// The usual command is not there.
    Usual,
    /// The program itself.
    Program,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Fork, Self::Log, Self::Enter, Self::User, Self::Usual, Self::Program];
}

/// Every jail, in the order of their numbers.
///
/// # Errors
/// As rjail_get(2), but for `ENOENT`.
pub fn all(kernel: &mut dyn Kernel) -> io::Result<Vec<Described>> {
    let mut jails = Vec::new();
    let mut last = 0;
    loop {
        match kernel.get(last, abi::NEXT) {
            Ok(jail) => {
                last = jail.info.jid;
                jails.push(jail);
            }
            Err(error) if error.raw_os_error() == Some(errno::ENOENT) => return Ok(jails),
            Err(error) => return Err(error),
        }
    }
}

/// FreeBSD's numbers, which the host's need not be.
pub mod errno {
    #![expect(missing_docs, reason = "as errno(2) has them")]
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const ESRCH: i32 = 3;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const EBUSY: i32 = 16;
    pub const EXDEV: i32 = 18;
    pub const ENOTDIR: i32 = 20;
    pub const EINVAL: i32 = 22;
    pub const EWOULDBLOCK: i32 = 35;
    pub const ETIMEDOUT: i32 = 60;
    pub const ENAMETOOLONG: i32 = 63;
}
