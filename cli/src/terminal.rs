// SPDX-License-Identifier: BSD-2-Clause
//! A terminal of its own for a program in a jail. Who has the caller's as its
//! controlling terminal can type there (`TIOCSTI`), once the program is over to the
//! caller's shell; so it gets another, and what is typed and written is carried
//! between the two.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{self, FcntlArg, OFlag};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{self, PtyMaster};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd;

use crate::kernel::Ended;

mod ioctl {
    nix::ioctl_write_int_bad!(take, nix::libc::TIOCSCTTY);
    nix::ioctl_read_bad!(size, nix::libc::TIOCGWINSZ, nix::libc::winsize);
    nix::ioctl_write_ptr_bad!(set_size, nix::libc::TIOCSWINSZ, nix::libc::winsize);
}

/// Between two looks at who has ended, and at the size of the caller's window.
const LOOK: Duration = Duration::from_millis(50);

/// How often what a program has left behind is read, 4096 bytes at most each time.
const LAST_WORDS: u32 = 256;

/// A new terminal: the program's end and ours.
#[derive(Debug)]
pub struct Terminal {
    ours: OwnedFd,
    its: OwnedFd,
}

impl Terminal {
    /// One with the modes and the size of another.
    ///
    /// # Errors
    /// As posix_openpt(3), and of the other one.
    pub fn like(other: BorrowedFd<'_>) -> io::Result<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let ours = pty::posix_openpt(flags)?;
        pty::grantpt(&ours)?;
        pty::unlockpt(&ours)?;
        let its = fcntl::open(name(&ours)?.as_str(), flags, nix::sys::stat::Mode::empty())?;
        tcsetattr(&its, SetArg::TCSANOW, &tcgetattr(other)?)?;
        // SAFETY: nobody else has this number.
        let ours = unsafe { OwnedFd::from_raw_fd(ours.into_raw_fd()) };
        set_size(ours.as_fd(), size(other)?)?;
        Ok(Self { ours, its })
    }

    /// In the program's process: makes it the terminal of its session, which has
    /// none yet, and of those descriptors among 0 to 2 that are the caller's.
    ///
    /// # Errors
    /// As tty(4)'s `TIOCSCTTY`, and dup2(2).
    pub fn take(&self) -> io::Result<()> {
        // SAFETY: an open descriptor, and no pointer.
        unsafe { ioctl::take(self.its.as_raw_fd(), 0) }?;
        for standard in 0..3 {
            // SAFETY: it is open, or isatty(3) says no.
            let there = unsafe { BorrowedFd::borrow_raw(standard) };
            if unistd::isatty(there).unwrap_or(false) {
                // SAFETY: two numbers; the standard descriptors are nobody's objects.
                Errno::result(unsafe { nix::libc::dup2(self.its.as_raw_fd(), standard) })?;
            }
        }
        Ok(())
    }

    /// Carries between the caller's terminal and this one until the program has
    /// ended; `ended` looks, `tell` sends it a signal that came for the caller.
    ///
    /// # Errors
    /// Of the caller's terminal, and of `ended`.
    pub fn carry(
        self,
        input: BorrowedFd<'_>,
        output: BorrowedFd<'_>,
        mut ended: impl FnMut() -> io::Result<Option<Ended>>,
        tell: impl Fn(i32),
    ) -> io::Result<Ended> {
        let Self { ours, its } = self;
        // With its end closed here too, ours ends when the last process closes it.
        drop(its);
        let flags = OFlag::from_bits_retain(fcntl::fcntl(&ours, FcntlArg::F_GETFL)?);
        fcntl::fcntl(&ours, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        let _raw = Raw::on(input)?;
        let mut line = Line { ours, input: Some(input), output, typed: Vec::new() };
        let mut last = size(input)?;
        loop {
            if let Some(ended) = ended()? {
                // What it wrote last; another that goes on writing is not waited for.
                for _ in 0..LAST_WORDS {
                    if !line.turn(Duration::ZERO)? {
                        break;
                    }
                }
                return Ok(ended);
            }
            line.turn(LOOK)?;
            if let Ok(now) = size(input)
                && now != last
            {
                let _ = set_size(line.ours.as_fd(), now);
                last = now;
            }
            if let Some(signal) = caught() {
                tell(signal);
            }
            if line.input.is_none() {
                // The caller's terminal is gone.
                tell(Signal::SIGHUP as i32);
            }
        }
    }
}

/// What is carried.
struct Line<'a> {
    ours: OwnedFd,
    input: Option<BorrowedFd<'a>>,
    output: BorrowedFd<'a>,
    /// Typed, and not taken yet.
    typed: Vec<u8>,
}

impl Line<'_> {
    /// Waits until something is there, or the time is over; whether the program
    /// wrote something.
    fn turn(&mut self, wait: Duration) -> io::Result<bool> {
        let mut wanted = PollFlags::POLLIN;
        if !self.typed.is_empty() {
            wanted |= PollFlags::POLLOUT;
        }
        let mut polled = vec![PollFd::new(self.ours.as_fd(), wanted)];
        if let (Some(input), true) = (self.input, self.typed.is_empty()) {
            polled.push(PollFd::new(input, PollFlags::POLLIN));
        }
        match poll(&mut polled, PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO)) {
            Ok(0) | Err(Errno::EINTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let there = |at: usize| {
            polled.get(at).and_then(PollFd::revents).is_some_and(|events| !events.is_empty())
        };
        let (its, input) = (there(0), there(1));
        let mut room = [0; 4096];
        if let (Some(from), true) = (self.input, input) {
            match unistd::read(from, &mut room) {
                Ok(0) | Err(Errno::EIO) => self.input = None,
                Ok(length) => self.typed.extend(room.iter().take(length)),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !self.typed.is_empty()
            && let Ok(length) = unistd::write(&self.ours, &self.typed)
        {
            self.typed.drain(..length);
        }
        if !its {
            return Ok(false);
        }
        match unistd::read(&self.ours, &mut room) {
            // Nobody has the other end any more: ended() will say so soon.
            Ok(0) | Err(Errno::EIO) => {
                std::thread::sleep(wait.min(LOOK));
                Ok(false)
            }
            Ok(length) => {
                let mut rest = room.get(..length).unwrap_or_default();
                while !rest.is_empty() {
                    match unistd::write(self.output, rest) {
                        Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                        Err(Errno::EINTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(true)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The caller's terminal as it was, once this is dropped.
struct Raw<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Raw<'a> {
    /// Every key is the program's.
    fn on(terminal: BorrowedFd<'a>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(terminal, SetArg::TCSANOW, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // At once: who does not read what is written there holds nobody up. And nobody
        // is left to be told.
        let _ = tcsetattr(self.terminal, SetArg::TCSANOW, &self.before);
    }
}

/// Whether this process has a controlling terminal.
#[must_use]
pub fn has_one() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn catch(signal: i32) {
    CAUGHT.store(signal, Ordering::Relaxed);
}

/// From now on what would end this process is [`caught`].
///
/// # Errors
/// As sigaction(2).
pub fn catch_signals() -> io::Result<()> {
    let action = SigAction::new(SigHandler::Handler(catch), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        // SAFETY: the handler only stores a number.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// The signal that came last, once.
pub fn caught() -> Option<i32> {
    Some(CAUGHT.swap(0, Ordering::Relaxed)).filter(|signal| *signal != 0)
}

fn name(ours: &PtyMaster) -> io::Result<String> {
    // libc has one place for the answer.
    static ASKING: Mutex<()> = Mutex::new(());
    let _asking = ASKING.lock();
    // SAFETY: nobody else in this process asks until the answer is copied.
    Ok(unsafe { pty::ptsname(ours) }?)
}

fn size(terminal: BorrowedFd<'_>) -> io::Result<nix::libc::winsize> {
    let mut size = nix::libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: an open descriptor, and a place for what it gives.
    unsafe { ioctl::size(terminal.as_raw_fd(), &raw mut size) }?;
    Ok(size)
}

fn set_size(terminal: BorrowedFd<'_>, size: nix::libc::winsize) -> io::Result<()> {
    // SAFETY: an open descriptor, and what is to be set.
    unsafe { ioctl::set_size(terminal.as_raw_fd(), &raw const size) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;
    use std::sync::atomic::{AtomicI32, Ordering};
    use std::time::Duration;

    use nix::sys::signal::{SigHandler, Signal};
    use nix::sys::termios::{LocalFlags, tcgetattr};

    use super::{Ended, Terminal, set_size, size};

    /// The caller's terminal, of which a test has the other end.
    fn callers() -> (Terminal, std::fs::File) {
        // Any terminal will do as an example: one that is as it comes.
        let flags = nix::fcntl::OFlag::O_RDWR | nix::fcntl::OFlag::O_NOCTTY;
        let example = nix::pty::posix_openpt(flags).expect("a terminal");
        nix::pty::grantpt(&example).expect("ours");
        nix::pty::unlockpt(&example).expect("ours");
        let name = super::name(&example).expect("a name");
        let slave = std::fs::OpenOptions::new().read(true).write(true).open(name);
        let terminal = Terminal::like(slave.expect("its other end").as_fd()).expect("another");
        let keys = std::fs::File::from(terminal.ours.try_clone().expect("a descriptor"));
        (terminal, keys)
    }

    /// Whoever runs the tests in the background may have it ignored.
    fn heed(signal: Signal) -> std::io::Result<()> {
        // SAFETY: no handler of ours.
        unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
        Ok(())
    }

    /// Runs a shell script on a terminal of its own, and types once it has written; what the caller sees,
    /// how it ended, and what it was told.
    fn on_its_own(script: &str, typed: &str) -> (String, Ended, i32) {
        let (callers, mut keys) = callers();
        let mut wide = size(callers.its.as_fd()).expect("a size");
        (wide.ws_row, wide.ws_col) = (33, 77);
        set_size(callers.its.as_fd(), wide).expect("a size");
        let before = tcgetattr(&callers.its).expect("modes");
        let its = Terminal::like(callers.its.as_fd()).expect("a terminal");
        let mut command = Command::new("/bin/sh");
        let end = || callers.its.try_clone().expect("a descriptor");
        command.args(["-c", script]).stdin(end()).stdout(end()).stderr(end());
        let inside = Terminal {
            ours: its.ours.try_clone().expect("a descriptor"),
            its: its.its.try_clone().expect("a descriptor"),
        };
        // SAFETY: system calls alone.
        unsafe {
            command.pre_exec(move || {
                nix::unistd::setsid()?;
                heed(Signal::SIGINT)?;
                inside.take()
            });
        }
        let mut child = command.spawn().expect("a shell");
        drop(command);
        let told = AtomicI32::new(0);
        let look = || {
            Ok(child.try_wait()?.map(|status| match status.code() {
                Some(code) => Ended::Exited(u8::try_from(code).expect("a status")),
                None => Ended::Killed(status.signal().expect("a signal")),
            }))
        };
        let seen = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut seen, mut room) = (String::new(), [0; 512]);
                // Until the caller's end is closed below.
                while let Ok(length @ 1..) = keys.read(&mut room) {
                    if seen.is_empty() {
                        keys.write_all(typed.as_bytes()).expect("typing");
                    }
                    seen.push_str(&String::from_utf8_lossy(&room[..length]));
                }
                seen
            });
            let tell = |signal| told.store(signal, Ordering::Relaxed);
            let terminal = callers.its.as_fd();
            let ended = its.carry(terminal, terminal, look, tell).expect("carried");
            let after = tcgetattr(&callers.its).expect("modes");
            assert_eq!(after.local_flags, before.local_flags, "as it was");
            assert!(after.local_flags.contains(LocalFlags::ICANON));
            std::thread::sleep(Duration::from_millis(50));
            drop(callers.its);
            (reader.join().expect("what was seen"), ended)
        });
        (seen.0, seen.1, told.load(Ordering::Relaxed))
    }

    #[test]
    fn a_program_has_a_terminal_of_its_own() {
        let script = "stty size; [ -t 0 ] && [ -t 2 ] && : </dev/tty && read x && echo \"<$x>\"; \
                      exit 7";
        let (seen, ended, told) = on_its_own(script, "typed\n");
        assert_eq!((ended, told), (Ended::Exited(7), 0), "{seen}");
        // Each is echoed once, by the terminal that the program has.
        assert_eq!(seen.matches("typed\r\n").count(), 1, "{seen}");
        assert!(seen.contains("33 77\r\n") && seen.contains("<typed>\r\n"), "{seen}");
    }

    #[test]
    fn its_last_words_are_carried_too() {
        let script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i + 1)); done; kill -9 $$";
        let (seen, ended, _) = on_its_own(script, "");
        assert_eq!(ended, Ended::Killed(9));
        assert_eq!(seen.lines().count(), 2000);
        assert!(seen.ends_with("line 1999\r\n"));
    }

    #[test]
    fn who_goes_on_writing_is_not_waited_for() {
        let (seen, ended, _) = on_its_own("yes & exit 3", "");
        assert_eq!(ended, Ended::Exited(3));
        assert!(seen.len() < 1 << 24, "{}", seen.len());
    }

    /// Keys are the program's: what would interrupt the caller interrupts it.
    #[test]
    fn control_c_reaches_the_program_alone() {
        let (_, ended, told) = on_its_own("echo ready; read x", "\x03");
        assert_eq!((ended, told), (Ended::Killed(2), 0));
    }
}
