// SPDX-License-Identifier: BSD-2-Clause
//! A real machine: the module's system call, fork(2) and execve(2).
//!
//! The tool has one thread, so that a child of fork(2) may do whatever it could.
//! Whatever is in a jail may be stopped or traced by the jail's root: nothing here
//! waits for such a process without a limit, or believes more than a number of what
//! it says.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command as Spawn;
use std::time::{Duration, Instant};

use confine::ask;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{self, SigHandler, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Gid, Uid};
use rjail::prison::Default as Sysctl;

use crate::kernel::{
    Answer, Described, Ended, Held, JailFlags, Kernel, Pid, Place, Program, Refused, RunAs, Stage,
    Wanted, errno,
};
use crate::parameter::Command;
use crate::passwd::{self, PATH, User};
use crate::terminal::{self, Terminal};

/// How long a process may take into a jail and to its program.
const ENTERING: Duration = Duration::from_secs(60);
/// How long one that was killed is waited for.
const DYING: Duration = Duration::from_secs(1);
/// The longest passwd(5) or group(5) that is read.
const LONGEST: u64 = 16 << 20;

/// This one.
#[derive(Debug, Default)]
pub struct System(());

impl Kernel for System {
    fn defaults(&mut self) -> io::Result<JailFlags> {
        ask::identity()?;
        let mut flags = JailFlags::empty();
        for (which, name) in [
            (Sysctl::SetHostnameAllowed, "set_hostname_allowed"),
            (Sysctl::SocketUnixiprouteOnly, "socket_unixiproute_only"),
            (Sysctl::SysvipcAllowed, "sysvipc_allowed"),
            (Sysctl::EnforceStatfs, "enforce_statfs"),
            (Sysctl::AllowRawSockets, "allow_raw_sockets"),
            (Sysctl::ChflagsAllowed, "chflags_allowed"),
        ] {
            let value = ask::sysctl(&format!("security.rjail.{name}"))?;
            let value = i32::try_from(value).unwrap_or(-1);
            flags = which.set(flags, value).map_err(|_| io::Error::other(name))?;
        }
        Ok(flags)
    }

    fn identity(&mut self) -> io::Result<String> {
        ask::identity()
    }

    fn get(&mut self, jid: i64, which: u32) -> io::Result<Described> {
        ask::get(jid, which)
    }

    fn why(&mut self, jid: i64, privilege: &str) -> io::Result<Answer> {
        ask::why(jid, privilege)
    }

    fn kill(&mut self, jid: i64, signal: i32, close: Option<Duration>) -> io::Result<i64> {
        ask::kill(jid, signal, close)
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
            let held = jail.hold().map_err(io::Error::from).and_then(|held| {
                let number = i64::from(held.as_raw_fd());
                Ok((ask::get(number, abi::HELD_BY)?.info.jid, held))
            });
            let said = match &held {
                Ok((jid, _)) => *jid,
                Err(error) => -i64::from(error.raw_os_error().unwrap_or(errno::EINVAL)),
            };
            let heard = File::from(say).write_all(&said.to_ne_bytes());
            if let (Ok((jid, held)), Ok(())) = (held, heard) {
                hold_on(jid, &held, listen);
            }
            exit(0);
        };
        drop((say, listen));
        let mut said = [0; 8];
        let heard = File::from(answer).read_exact(&mut said);
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

    fn start(
        &mut self,
        jid: i64,
        program: &Program,
        limit: Option<Duration>,
    ) -> Result<Pid, Refused> {
        // Opened here, where no name is the jail's to change.
        let log = match &program.log {
            Some(file) => Some(open_log(file, jid).map_err(at(Stage::Log))?),
            None => None,
        };
        let limit = limit.map_or(ENTERING, |limit| limit.min(ENTERING));
        self.spawn(Place::Jail(jid), program, limit, || {
            let _ = unistd::setsid();
            let null = File::open("/dev/null")?;
            unistd::dup2_stdin(null)?;
            if let Some(log) = &log {
                unistd::dup2_stdout(log)?;
                unistd::dup2_stderr(log)?;
            }
            Ok(())
        })
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
        // A tracer in the jail can keep it; it dies with that one, and init(8) waits.
        let _ = self.wait(pid, Some(DYING));
    }

    fn run(&mut self, place: Place<'_>, program: &Program, stay: bool) -> Result<Ended, Refused> {
        let at_fork = at(Stage::Fork);
        let has_terminal = terminal::has_one();
        if !stay && !has_terminal && own_session() {
            match enter_and_become(place, program, None)? {}
        }
        let (input, output) = (io::stdin(), io::stdout());
        let both = [input.as_fd(), output.as_fd()];
        let on_terminal =
            has_terminal && both.iter().all(|end| unistd::isatty(end).unwrap_or(false));
        let new = match on_terminal {
            true => Some(Terminal::like(input.as_fd()).map_err(at_fork)?),
            false => None,
        };
        let child = self.spawn(place, program, ENTERING, || {
            unistd::setsid()?;
            new.as_ref().map_or(Ok(()), Terminal::take)
        })?;
        terminal::catch_signals().map_err(at_fork)?;
        let tell = |signal: i32| {
            if let Ok(signal) = Signal::try_from(signal) {
                let _ = kill(unistd::Pid::from_raw(child), signal);
            }
        };
        let mut look = || self.wait(child, Some(Duration::ZERO));
        let ended = match new {
            Some(new) => new.carry(input.as_fd(), output.as_fd(), look, tell),
            None => loop {
                match look() {
                    Ok(Some(ended)) => break Ok(ended),
                    Ok(None) => {}
                    Err(error) => break Err(error),
                }
                std::thread::sleep(Duration::from_millis(10));
                if let Some(signal) = terminal::caught() {
                    tell(signal);
                }
            },
        };
        ended.map_err(at_fork)
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

impl System {
    /// Forks, makes the process `ready`, and sends it into the jail and on to the
    /// program, within this time.
    fn spawn(
        &mut self,
        place: Place<'_>,
        program: &Program,
        limit: Duration,
        ready: impl FnOnce() -> io::Result<()>,
    ) -> Result<Pid, Refused> {
        let at_fork = at(Stage::Fork);
        let (from, to) = unistd::pipe2(OFlag::O_CLOEXEC).map_err(|error| at_fork(error.into()))?;
        let Some(child) = fork().map_err(at_fork)? else {
            drop(from);
            let Err(refused) =
                ready().map_err(at_fork).and_then(|()| enter_and_become(place, program, Some(&to)));
            let stage = Stage::ALL.iter().position(|stage| *stage == refused.stage).unwrap_or(0);
            let errno = refused.error.raw_os_error().unwrap_or(errno::EINVAL);
            let mut said = vec![u8::try_from(stage).unwrap_or(0)];
            said.extend(errno.to_ne_bytes());
            let _ = unistd::write(&to, &said);
            exit(1);
        };
        drop(to);
        let heard = hear(&from, limit);
        let Ok(said) = heard else {
            self.end(child);
            return Err(at(Stage::Enter)(heard.err().unwrap_or_else(absent)));
        };
        let Some((stage, errno)) = said.split_first() else {
            // Closed without a word: the program runs.
            return Ok(child);
        };
        self.end(child);
        let stage = Stage::ALL.get(usize::from(*stage)).copied().unwrap_or(Stage::Fork);
        let errno = errno.try_into().map_or(errno::EINVAL, i32::from_ne_bytes);
        Err(Refused { stage, error: io::Error::from_raw_os_error(errno) })
    }
}

fn at(stage: Stage) -> impl Fn(io::Error) -> Refused + Copy {
    move |error| Refused { stage, error }
}

/// What is said until the other end is closed, a few bytes at most, or
/// `ETIMEDOUT`: the process that has it may be held up.
fn hear(from: &OwnedFd, limit: Duration) -> io::Result<Vec<u8>> {
    let (start, mut said) = (Instant::now(), Vec::new());
    loop {
        let left = limit.saturating_sub(start.elapsed());
        let mut polled = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        match poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) => return Err(io::Error::from_raw_os_error(errno::ETIMEDOUT)),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut room = [0; 16];
        match unistd::read(from, &mut room) {
            Ok(0) => return Ok(said),
            Ok(length) if said.len() < 64 => said.extend(room.iter().take(length)),
            Ok(_) => return Ok(said),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The file, which no jail can make another: its directory, with every link
/// followed, is not in this one.
fn open_log(file: &str, jid: i64) -> io::Result<File> {
    let file = Path::new(file);
    let directory = file.parent().unwrap_or(Path::new("/")).canonicalize()?;
    let root = Path::new(&ask::get(jid, abi::THIS)?.path).canonicalize()?;
    if directory.starts_with(root) {
        return Err(io::Error::from_raw_os_error(errno::EXDEV));
    }
    let name = file.file_name().ok_or_else(absent)?;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(directory.join(name))?;
    // As it was opened it would be to whoever writes.
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(file)
}

/// Whether this process leads a session of its own, now.
fn own_session() -> bool {
    unistd::setsid().is_ok() || unistd::getsid(None).is_ok_and(|sid| sid == unistd::getpid())
}

fn request(wanted: &Wanted) -> io::Result<confine::Jail> {
    let jail = &wanted.jail;
    let mut request = confine::Jail::new(&jail.path, jail.hostname())?
        .flags(wanted.flags)
        .loopback(jail.loopback)
        .privileges(&jail.named_privileges())?;
    if let Some(name) = &jail.name {
        request = request.called(name)?;
    }
    for address in &jail.ip4 {
        request = request.address(*address);
    }
    for address in &jail.ip6 {
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
    if !matches!(File::from(line).read(&mut word), Ok(1)) {
        return;
    }
    // Nobody waits for what would be written here, and no file stays in use.
    leave_open(0, held.as_raw_fd());
    while ask::get(jid, abi::THIS).is_ok_and(|jail| jail.info.state == abi::ALIVE) {
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

/// Into the jail, and on to the program, from a session of its own. The line stays
/// open until it runs.
fn enter_and_become(
    place: Place<'_>,
    program: &Program,
    line: Option<&OwnedFd>,
) -> Result<Infallible, Refused> {
    // Rust's programs ignore it, others rely on it.
    // SAFETY: no handler.
    let _ = unsafe { signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    let user = match &program.user {
        Some(RunAs { name, system: true }) => Some(find_user(name).map_err(at(Stage::User))?),
        _ => None,
    };
    // Inside, this cannot be changed any more, and the caller's is nobody's business.
    let _ = log_in(user.as_ref().map_or("root", |user| &user.name));
    // A directory left open would be a way out: rjail(2) refuses one.
    leave_open(3, line.map_or(2, |line| line.as_raw_fd()));
    let entered = match place {
        Place::Jail(jid) => confine::attach(jid).map_err(io::Error::from),
        Place::New(wanted) => {
            request(wanted).and_then(|jail| jail.enter().map(drop).map_err(Into::into))
        }
    };
    entered.map_err(at(Stage::Enter))?;
    // From here on files are the jail's.
    let user = match (&program.user, user) {
        (Some(RunAs { name, .. }), None) => Some(find_user(name).map_err(at(Stage::User))?),
        (_, user) => user,
    };
    user.as_ref().map_or(Ok(()), become_user).map_err(at(Stage::User))?;
    let Command(words) = &program.command;
    let there = |word: &String| !word.contains('/') || std::fs::metadata(word).is_ok();
    if program.usual && !words.iter().all(there) {
        return Err(at(Stage::Usual)(absent()));
    }
    let environment = passwd::environment(std::env::vars_os(), program.clean, user.as_ref());
    Err(at(Stage::Program)(execute(words, environment)))
}

fn absent() -> io::Error {
    io::Error::from_raw_os_error(errno::ENOENT)
}

/// A user by the files of where this process is.
fn find_user(name: &str) -> io::Result<User> {
    let group = read("/etc/group").unwrap_or_default();
    passwd::find(&read("/etc/passwd")?, &group, name).ok_or_else(absent)
}

/// A file as text, if it is one: a jail may have put anything there, a FIFO that
/// nobody writes to say.
fn read(path: &str) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::from_raw_os_error(errno::EINVAL));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn become_user(user: &User) -> io::Result<()> {
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
    Ok(())
}

/// setlogin(2), for the session.
#[cfg(target_os = "freebsd")]
fn log_in(name: &str) -> io::Result<()> {
    unsafe extern "C" {
        fn setlogin(name: *const libc::c_char) -> libc::c_int;
    }
    let name = CString::new(name)?;
    // SAFETY: a C string.
    Errno::result(unsafe { setlogin(name.as_ptr()) })?;
    Ok(())
}

#[cfg(not(target_os = "freebsd"))]
fn log_in(_: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::sys::stat::Mode;
    use nix::unistd;

    use super::{errno, hear, read};

    #[test]
    fn who_is_held_up_is_not_waited_for() {
        let (from, to) = unistd::pipe().expect("a pipe");
        unistd::write(&to, &[3]).expect("room");
        let limit = Duration::from_millis(50);
        let error = hear(&from, limit).expect_err("the other end is open");
        assert_eq!(error.raw_os_error(), Some(errno::ETIMEDOUT));
        unistd::write(&to, &[4, 5]).expect("room");
        drop(to);
        assert_eq!(hear(&from, limit).expect("all of it"), [4, 5]);
        assert!(hear(&from, limit).expect("the end").is_empty());
    }

    /// Whatever has the other end, it is not listened to for ever.
    #[test]
    fn who_talks_on_is_cut_short() {
        let (from, to) = unistd::pipe().expect("a pipe");
        unistd::write(&to, &[7; 4096]).expect("room");
        assert!(hear(&from, Duration::from_secs(5)).expect("a part").len() < 128);
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(at("passwd"), "root:*:0:0::/:\n").expect("a file");
        assert_eq!(read(&at("passwd")).expect("a file"), "root:*:0:0::/:\n");
        unistd::mkfifo(at("fifo").as_str(), Mode::S_IRWXU).expect("a FIFO");
        for (path, wanted) in
            [(at("fifo"), errno::EINVAL), ("/dev/zero".to_owned(), errno::EINVAL), (at("none"), 2)]
        {
            assert_eq!(read(&path).expect_err(&path).raw_os_error(), Some(wanted), "{path}");
        }
    }
}
