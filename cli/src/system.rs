// SPDX-License-Identifier: BSD-2-Clause
//! A real machine: the module's system call, fork(2) and execve(2).
//!
//! The tool has one thread, so that a child of fork(2) may do whatever it could.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command as Spawn;
use std::time::{Duration, Instant};

use crate::calls as user;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Gid, Uid};
use rjail::prison::Default as Sysctl;

use crate::kernel::{
    Answer, Described, Ended, Held, JailFlags, Kernel, Pid, Place, Program, Refused, Stage, Wanted,
    errno,
};
use crate::parameter::Command;
use crate::passwd::{self, PATH, User};

/// This one.
#[derive(Debug, Default)]
pub struct System(());

impl Kernel for System {
    fn defaults(&mut self) -> io::Result<JailFlags> {
        user::identity()?;
        let mut flags = JailFlags::empty();
        for (which, name) in [
            (Sysctl::SetHostnameAllowed, "set_hostname_allowed"),
            (Sysctl::SocketUnixiprouteOnly, "socket_unixiproute_only"),
            (Sysctl::SysvipcAllowed, "sysvipc_allowed"),
            (Sysctl::EnforceStatfs, "enforce_statfs"),
            (Sysctl::AllowRawSockets, "allow_raw_sockets"),
            (Sysctl::ChflagsAllowed, "chflags_allowed"),
        ] {
            let value = user::sysctl(&format!("security.rjail.{name}"))?;
            let value = i32::try_from(value).unwrap_or(-1);
            flags = which.set(flags, value).map_err(|_| io::Error::other(name))?;
        }
        Ok(flags)
    }

    fn identity(&mut self) -> io::Result<String> {
        user::identity()
    }

    fn get(&mut self, jid: i64, which: u32) -> io::Result<Described> {
        user::get(jid, which)
    }

    fn why(&mut self, jid: i64, privilege: &str) -> io::Result<Answer> {
        user::why(jid, privilege)
    }

    fn kill(&mut self, jid: i64, signal: i32, close: Option<Duration>) -> io::Result<i64> {
        user::kill(jid, signal, close)
    }

    /// The holder makes the jail itself: its descriptor stays with it alone.
    fn hold(&mut self, wanted: &Wanted) -> io::Result<Held> {
        let jail = request(wanted)?;
        let (answer, say) = unistd::pipe2(OFlag::O_CLOEXEC)?;
        let (listen, line) = unistd::pipe2(OFlag::O_CLOEXEC)?;
        let Some(child) = fork()? else {
            drop((answer, line));
            let _ = unistd::setsid();
            let _ = unistd::chdir("/");
            let held = jail.hold().and_then(|held| {
                let number = i64::from(held.as_raw_fd());
                Ok((user::get(number, abi::HELD_BY)?.info.jid, held))
            });
            let said = match &held {
                Ok((jid, _)) => *jid,
                Err(error) => -i64::from(error.raw_os_error().unwrap_or(errno::EINVAL)),
            };
            let heard = std::fs::File::from(say).write_all(&said.to_ne_bytes());
            if let (Ok((jid, held)), Ok(())) = (held, heard) {
                hold_on(jid, &held, listen);
            }
            exit(0);
        };
        drop((say, listen));
        let mut said = [0; 8];
        let heard = std::fs::File::from(answer).read_exact(&mut said);
        let jid = i64::from_ne_bytes(said);
        if heard.is_ok() && jid > 0 {
            return Ok(Held { jid, holder: child, line: line.into_raw_fd() });
        }
        self.wait(child, None)?;
        heard?;
        Err(io::Error::from_raw_os_error(i32::try_from(-jid).unwrap_or(errno::EINVAL)))
    }

    fn let_go(&mut self, held: Held, keep: bool) {
        // SAFETY: `hold` made it for this, and it is used up here.
        let line = unsafe { OwnedFd::from_raw_fd(held.line) };
        if keep {
            let _ = unistd::write(&line, b"k");
        }
        drop(line);
        if !keep {
            let _ = self.wait(held.holder, None);
        }
    }

    fn start(&mut self, jid: i64, program: &Program) -> Result<Pid, Refused> {
        let at_fork = |error: io::Error| Refused { stage: Stage::Fork, error };
        let (from, to) = unistd::pipe2(OFlag::O_CLOEXEC).map_err(|error| at_fork(error.into()))?;
        let Some(child) = fork().map_err(at_fork)? else {
            drop(from);
            let Err(refused) = enter_and_become(Place::Jail(jid), program, Some(&to));
            let stage = Stage::ALL.iter().position(|stage| *stage == refused.stage).unwrap_or(0);
            let errno = refused.error.raw_os_error().unwrap_or(errno::EINVAL);
            let mut said = vec![u8::try_from(stage).unwrap_or(0)];
            said.extend(errno.to_ne_bytes());
            let _ = unistd::write(&to, &said);
            exit(1);
        };
        drop(to);
        let mut said = Vec::new();
        let heard = std::fs::File::from(from).read_to_end(&mut said);
        let Some((stage, errno)) = said.split_first() else {
            // Closed without a word: the program runs.
            return heard.map(|_| child).map_err(at_fork);
        };
        let _ = self.wait(child, None);
        let stage = Stage::ALL.get(usize::from(*stage)).copied().unwrap_or(Stage::Fork);
        let errno = errno.try_into().map_or(errno::EINVAL, i32::from_ne_bytes);
        Err(Refused { stage, error: io::Error::from_raw_os_error(errno) })
    }

    fn wait(&mut self, pid: Pid, limit: Option<Duration>) -> io::Result<Option<Ended>> {
        let start = Instant::now();
        let flags = limit.map(|_| WaitPidFlag::WNOHANG);
        loop {
            match waitpid(unistd::Pid::from_raw(pid), flags) {
                Ok(status) => {
                    if let Some((_, ended)) = ended(status) {
                        return Ok(Some(ended));
                    }
                }
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if limit.is_some_and(|limit| start.elapsed() >= limit) {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(&mut self, pid: Pid) {
        let _ = kill(unistd::Pid::from_raw(pid), Signal::SIGKILL);
        let _ = self.wait(pid, None);
    }

    fn become_program(&mut self, place: Place<'_>, program: &Program) -> Result<Ended, Refused> {
        match enter_and_become(place, program, None)? {}
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn worker(&mut self, arguments: &[OsString]) -> io::Result<Pid> {
        let child = Spawn::new(std::env::current_exe()?).args(arguments).spawn()?;
        i32::try_from(child.id()).map_err(io::Error::other)
    }

    fn worker_ended(&mut self) -> io::Result<(Pid, Ended)> {
        loop {
            match waitpid(None, None) {
                Ok(status) => {
                    if let Some(ended) = ended(status) {
                        return Ok(ended);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn request(wanted: &Wanted) -> io::Result<user::Jail> {
    let jail = &wanted.jail;
    let mut request = user::Jail::new(&jail.path, jail.hostname())?
        .flags(wanted.flags)
        .privileges(&jail.named_privileges())?;
    for address in &jail.ip4 {
        request = request.address(*address);
    }
    Ok(request)
}

fn ended(status: WaitStatus) -> Option<(Pid, Ended)> {
    match status {
        WaitStatus::Exited(pid, status) => {
            Some((pid.as_raw(), Ended::Exited(u8::try_from(status & 0xff).unwrap_or(u8::MAX))))
        }
        WaitStatus::Signaled(pid, signal, _) => Some((pid.as_raw(), Ended::Killed(signal as i32))),
        _ => None,
    }
}

/// fork(2): a child's number, or nothing in the child.
fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: this process has one thread.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child.as_raw())),
        ForkResult::Child => Ok(None),
    }
}

/// Ends a child of [`fork`] at once: what is buffered is its parent's to write.
fn exit(status: i32) -> ! {
    // SAFETY: runs nothing of this process.
    unsafe { libc::_exit(status) }
}

/// Until the line says to let go, or, once it said to keep it, the jail is closed.
fn hold_on(jid: i64, held: &OwnedFd, line: OwnedFd) {
    let mut word = [0];
    if !matches!(std::fs::File::from(line).read(&mut word), Ok(1)) {
        return;
    }
    // Nobody waits for what would be written here, and no file stays in use.
    leave_open(0, held.as_raw_fd());
    while user::get(jid, abi::THIS).is_ok_and(|jail| jail.info.state == abi::ALIVE) {
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Closes every descriptor from this one on, but for one.
fn leave_open(from: RawFd, but: RawFd) {
    for (first, last) in [(from, but - 1), (from.max(but + 1), RawFd::MAX)] {
        let [first, last] = [first, last].map(|fd| u32::try_from(fd).unwrap_or(0));
        if first <= last {
            // SAFETY: what had them is not used any more.
            unsafe { libc::close_range(first, last, 0) };
        }
    }
}

/// Into the jail, and on to the program. The line stays open until it runs.
fn enter_and_become(
    place: Place<'_>,
    program: &Program,
    line: Option<&OwnedFd>,
) -> Result<Infallible, Refused> {
    let at = |stage: Stage| move |error: io::Error| Refused { stage, error };
    if program.apart {
        let _ = unistd::setsid();
        let null = std::fs::File::open("/dev/null").map_err(at(Stage::Fork))?;
        unistd::dup2_stdin(null).map_err(|error| at(Stage::Fork)(error.into()))?;
    }
    // A directory left open would be a way out: rjail(2) refuses one.
    leave_open(3, line.map_or(2, |line| line.as_raw_fd()));
    let entered = match place {
        Place::Jail(jid) => user::attach(jid),
        Place::New(wanted) => request(wanted).and_then(|jail| jail.enter().map(drop)),
    };
    entered.map_err(at(Stage::Enter))?;
    // From here on files are the jail's.
    let user = match &program.user {
        Some(name) => Some(become_user(name).map_err(at(Stage::User))?),
        None => None,
    };
    let Command(words) = &program.command;
    let there = || words.iter().all(|file| std::fs::metadata(file).is_ok());
    if program.usual && !there() {
        return Err(at(Stage::Usual)(absent()));
    }
    let environment = passwd::environment(std::env::vars_os(), program.clean, user.as_ref());
    Err(at(Stage::Program)(execute(words, environment)))
}

fn absent() -> io::Error {
    io::Error::from_raw_os_error(errno::ENOENT)
}

/// Becomes a user of the jail that this process is in.
fn become_user(name: &str) -> io::Result<User> {
    let read = |path| std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
    let group = read("/etc/group").unwrap_or_default();
    let user = passwd::find(&read("/etc/passwd")?, &group, name).ok_or_else(absent)?;
    // Before 15.0 the first of them is the effective group.
    let gid = Gid::from_raw(user.gid);
    let groups: Vec<Gid> =
        std::iter::once(gid).chain(user.groups.iter().copied().map(Gid::from_raw)).collect();
    unistd::setgroups(&groups)?;
    unistd::setgid(gid)?;
    unistd::setuid(Uid::from_raw(user.uid))?;
    if unistd::chdir(user.home.as_str()).is_err() {
        unistd::chdir("/")?;
    }
    Ok(user)
}

/// execve(2), the program looked for in PATH if its name has no slash.
fn execute(words: &[String], environment: Vec<(OsString, OsString)>) -> io::Error {
    let Some(program) = words.first() else { return absent() };
    let path = environment.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or_else(|| PATH.to_owned(), |(_, path)| path.to_string_lossy().into());
    let files: Vec<String> = if program.contains('/') {
        vec![program.clone()]
    } else {
        path.split(':').map(|directory| format!("{directory}/{program}")).collect()
    };
    let strings = |texts: Vec<Vec<u8>>| -> Result<Vec<CString>, io::Error> {
        texts.into_iter().map(|text| CString::new(text).map_err(Into::into)).collect()
    };
    let pairs = environment
        .into_iter()
        .map(|(name, value)| [name.into_vec(), value.into_vec()].join(&b"="[..]));
    let prepared = strings(words.iter().map(|word| word.clone().into_bytes()).collect())
        .and_then(|words| Ok((words, strings(pairs.collect())?)))
        .and_then(|both| Ok((both, strings(files.into_iter().map(String::into_bytes).collect())?)));
    let ((words, environment), files) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return error,
    };
    let mut last = absent();
    for file in files {
        let Err(error) = unistd::execve(&file, &words, &environment);
        // A program that may not be executed is news; one that is elsewhere is not.
        if !matches!(error, Errno::ENOENT | Errno::ENOTDIR) {
            last = error.into();
        }
    }
    last
}
