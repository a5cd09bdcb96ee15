// SPDX-License-Identifier: BSD-2-Clause
//! What the tool sends into a jail takes along: no descriptor, no session, no
//! terminal of outside; and nothing of the jail's is believed on the way.

use core::ffi::CStr;

use super::{EX_DATAERR, EX_USAGE, SEVEN, create, high, prints, run, says};
use crate::answer::{in_child, want};
use crate::console::Text;
use crate::devices::{TIOCSCTTY, TIOCSTI, Terminal};
use crate::errno::{EINVAL, ENOENT, ENXIO, EPERM};
use crate::jail::Args;
use crate::line_two::got;
use crate::privileges::calls::{ask, get};
use crate::programs::{Context, Outcome, early, good, jails_gone};
use crate::sys::{self, Error, Result, Status};

const EX_NOUSER: i32 = 67;
const EX_UNAVAILABLE: i32 = 69;
const EX_OSERR: i32 = 71;

const F_GETFD: i32 = 1;
const O_DIRECTORY: i32 = 0x0002_0000;
const O_WRONLY_CREATE: i32 = 0x0201;
const O_RDWR: i32 = 2;

/// What this program does when the tool runs it in a jail.
pub fn within(word: &CStr) -> Option<Result<i32>> {
    Some(match word.to_bytes() {
        b"tool-descriptors" => Ok(open_descriptors()),
        b"tool-session" => session(),
        b"tool-login" => login_name_is(c"root"),
        b"tool-types" => type_there(),
        _ => return None,
    })
}

/// How many are open but the first three.
fn open_descriptors() -> i32 {
    (3..512).map(|fd| i32::from(ask!(FCNTL, fd, F_GETFD, 0) == 0)).sum()
}

/// 0 where it leads a session that has no terminal.
fn session() -> Result<i32> {
    let leads = sys::getsid(0)? == sys::getpid()?;
    match sys::open(c"/dev/tty", O_RDWR, 0) {
        Err(Error(ENXIO)) if leads => Ok(0),
        Err(Error(ENXIO)) => Ok(1),
        _ => Ok(2),
    }
}

fn login_name_is(wanted: &CStr) -> Result<i32> {
    let mut name = [0_u8; 64];
    get!(GETLOGIN, &mut name, 33_usize)?;
    let is = CStr::from_bytes_until_nul(&name).is_ok_and(|name| name == wanted);
    Ok(i32::from(!is))
}

/// Puts a line into its terminal, as if it was typed; and says that it did.
fn type_there() -> Result<i32> {
    for byte in b"x\n" {
        get!(IOCTL, 0, TIOCSTI, &[*byte])?;
    }
    sys::write(1, b"typed\n")?;
    // What a session's leader leaves behind is thrown away after a tenth of a second.
    sys::drain(1)?;
    Ok(SEVEN)
}

const JAILED: [&CStr; 3] = [c"/jail", c"inside.example", c"10.66.0.2"];

/// PR-03: what whoever starts the tool has open stays outside, a directory, which
/// entry would refuse, among it; and so does the session.
pub fn descriptors(_: &Context) -> Outcome {
    let [a, b, c] = JAILED;
    let program = |word| [a, b, c, c"/guest", word];
    let found = in_child(|| -> Outcome {
        got("a session", sys::setsid())?;
        got("its login name", sys::setlogin(c"administrator"))?;
        let open = [
            sys::open(c"/", O_DIRECTORY, 0),
            sys::open(c"/secret", 0, 0),
            sys::socket(2, 1, 0),
            sys::jail_descriptor(c"/jail"),
        ];
        let open = open.map(high);
        want!("descriptors of the host", open.map(|fd| fd.is_ok()), [true; 4]);
        want!("open here", open_descriptors() >= 4, true);
        prints(&program(c"tool-descriptors"), 0, "")?;
        prints(&program(c"tool-session"), 0, "")?;
        prints(&program(c"tool-login"), 0, "")?;
        // Who has a login name here goes on having it.
        want!("the session's name", login_name_is(c"administrator"), Ok(0));
        Ok(())
    });
    match found {
        Ok(Ok(outcome)) => outcome?,
        other => {
            return Err(Text::of(format_args!("it ended: {:?}", other.map(|r| r.map(drop)))));
        }
    }
    jails_gone()
}

/// A process leads a session on this terminal and starts another one that `runs`
/// there: how that ended, and whether something is typed at the terminal afterwards.
fn at_terminal(runs: impl FnOnce(i32) -> Result<()>) -> Result<(Status, bool, [u8; 64])> {
    let terminal = Terminal::new()?;
    let found = in_child(|| {
        sys::setsid()?;
        let its = terminal.open("/")?;
        get!(IOCTL, its, TIOCSCTTY)?;
        let child = sys::fork()?;
        if child == 0 {
            let _ = sys::alarm(15);
            let Err(Error(errno)) = get!(DUP2, its, 0).and_then(|_| runs(its)) else {
                sys::exit(0)
            };
            sys::exit(errno);
        }
        let (_, status) = sys::wait(child, 0)?;
        // What was written there is read by its maker, or the session's end waits.
        let mut seen = [0; 64];
        if sys::readable(terminal.master, 1000)? {
            sys::read(terminal.master, &mut seen)?;
        }
        Ok((status, sys::readable(its, 100)?, seen))
    })?;
    terminal.close()?;
    found.unwrap_or(Err(Error(EINVAL)))
}

/// Who enters by rjail(2) from a shell may not type into the shell; who the tool sends
/// in types on a terminal of its own, and what it writes is still seen.
pub fn terminal(_: &Context) -> Outcome {
    let direct = at_terminal(|_| {
        Args::enter(&good())?;
        let status = type_there()?;
        sys::exit(status)
    });
    let (status, typed, _) = early("without the tool", direct)?;
    want!("without the tool", (status, typed), (Status::Exited(EPERM), false));
    let [a, b, c] = JAILED;
    let by_tool =
        at_terminal(|its| sys::run(super::TOOL, [a, b, c, c"/guest", c"tool-types"], its));
    let (status, typed, seen) = early("with the tool", by_tool)?;
    want!("with the tool", (status, typed), (Status::Exited(SEVEN), false));
    // Echoed by the terminal that it has, and written.
    let seen = CStr::from_bytes_until_nul(&seen).unwrap_or_default();
    let text = seen.to_str().unwrap_or_default();
    if !(text.contains("x\r\n") && text.contains("typed\r\n")) {
        return Err(Text::of(format_args!("what was seen: {text:?}")));
    }
    jails_gone()
}

/// A program in a jail from outside, and how that can fail.
pub fn exec(_: &Context) -> Outcome {
    create(&[c"create", c"www", c"path=/jail", c"persist"])?;
    let directory = early("a directory", high(sys::open(c"/", O_DIRECTORY, 0)))?;
    prints(&[c"exec", c"www", c"/guest", c"tool-seven"], SEVEN, "")?;
    prints(&[c"exec", c"-l", c"www", c"guest", c"tool-seven"], EX_UNAVAILABLE, NOT_IN_PATH)?;
    prints(&[c"exec", c"www", c"/guest", c"tool-descriptors"], 0, "")?;
    prints(&[c"exec", c"www", c"/guest", c"tool-session"], 0, "")?;
    prints(&[c"exec", c"www", c"/guest", c"tool-login"], 0, "")?;
    early("closing it", sys::close(directory))?;
    // No shell.
    prints(
        &[c"exec", c"www"],
        EX_UNAVAILABLE,
        "rjail: www: /bin/sh: no such program in the jail\n",
    )?;
    prints(
        &[c"exec", c"nobody", c"/guest"],
        EX_DATAERR,
        "rjail: jail nobody: no such jail; `rjail list` shows all\n",
    )?;
    prints(
        &[c"exec", c"999999", c"/guest"],
        EX_UNAVAILABLE,
        "rjail: jail 999999: the jail is gone or closed\n",
    )?;
    says(&[c"exec", c"www", c"/guest"], true, (77, &["only root enters a jail"]))?;
    says(&[c"exec"], false, (EX_USAGE, &["<JAIL>"]))?;
    prints(&[c"stop", c"www"], 0, "")?;
    jails_gone()
}

const NOT_IN_PATH: &str = "rjail: www: guest: no such program in the jail\n";

fn file(path: &CStr, text: &[u8]) -> Result<()> {
    let fd = sys::open(path, O_WRONLY_CREATE, 0o644)?;
    sys::write(fd, text)?;
    sys::close(fd)
}

/// What a library would read or load on its way to a user, each in the jail.
const BAIT: [&CStr; 8] = [
    c"/jail/etc/nsswitch.conf",
    c"/jail/etc/pwd.db",
    c"/jail/etc/spwd.db",
    c"/jail/etc/login.conf",
    c"/jail/etc/libmap.conf",
    c"/jail/etc/malloc.conf",
    c"/jail/lib/nss_evil.so.1",
    c"/jail/usr/lib/nss_evil.so.1",
];

/// When a file was read last: seconds and nanoseconds.
fn read_at(path: &CStr) -> Result<[i64; 2]> {
    let mut stat = [0_i64; 28];
    get!(FSTATAT, -100, path, &mut stat, 0)?;
    Ok([stat[6], stat[7]])
}

/// FS-30: the machine's users are looked up before the jail is entered, and in the
/// machine's files; the jail's afterwards, and in the jail's, as text. No library of
/// the jail's, and nothing that would name one, is read on the way.
pub fn users(_: &Context) -> Outcome {
    for directory in [c"/jail/lib", c"/jail/usr", c"/jail/usr/lib"] {
        early("a directory", sys::mkdir(directory, 0o755))?;
    }
    for bait in BAIT {
        early("bait", file(bait, b"passwd: evil\n"))?;
    }
    // By this name for who looks from inside alone: outside there is no such file.
    early("users", file(c"/jail/users", b"root:*:0:0::/:/guest\nadmin:*:2002:2002::/:\n"))?;
    early("their name", get!(SYMLINK, c"/users", c"/jail/etc/passwd"))?;
    create(&[c"create", c"www", c"path=/jail", c"persist"])?;
    sys::pause(1100);
    let before = early("when they were read", read_all())?;
    let looked_up = early("when users were read", read_at(c"/jail/users"))?;

    let uid = |user: &CStr, whose: &CStr| {
        let arguments = [c"exec", whose, user, c"www", c"/guest", c"tool-user"];
        run(&arguments, false).map(|(status, _)| status)
    };
    // An exit status is eight bits of it.
    want!("the machine's admin", uid(c"admin", c"-u"), Ok(Status::Exited(1001 & 0xff)));
    want!("its users untouched", read_at(c"/jail/users"), Ok(looked_up));
    want!("the jail's admin", uid(c"admin", c"-U"), Ok(Status::Exited(2002 & 0xff)));
    want!("its users read", read_at(c"/jail/users") != Ok(looked_up), true);
    want!("the bait", read_all(), Ok(before));

    // Each has its own.
    early("another user", file(c"/jail/users", b"www:*:3:3::/:\n"))?;
    want!("www", uid(c"www", c"-U"), Ok(Status::Exited(3)));
    let no_user = "rjail: www: no user www in /etc/passwd\n";
    prints(&[c"exec", c"-u", c"www", c"www", c"/guest"], EX_NOUSER, no_user)?;
    let no_user = "rjail: www: no user adm in the jail's /etc/passwd\n";
    prints(&[c"exec", c"-U", c"adm", c"www", c"/guest"], EX_NOUSER, no_user)?;
    // And a jail that puts no file there holds nobody up.
    early("no users", sys::unlink(c"/jail/users"))?;
    early("a FIFO", sys::mkfifo(c"/jail/users", 0o644))?;
    let refused = "rjail: www: becoming user www: Invalid argument (os error 22)\n";
    prints(&[c"exec", c"-U", c"www", c"www", c"/guest"], EX_OSERR, refused)?;

    want!(
        "its end",
        run(&[c"stop", c"www"], false).map(|(status, _)| status),
        Ok(Status::Exited(0))
    );
    for file in BAIT.into_iter().chain([c"/jail/users", c"/jail/etc/passwd"]) {
        early("clearing up", sys::unlink(file))?;
    }
    for directory in [c"/jail/usr/lib", c"/jail/usr", c"/jail/lib"] {
        early("clearing up", get!(RMDIR, directory))?;
    }
    want!("a file that is gone", read_at(c"/jail/users"), Err(Error(ENOENT)));
    jails_gone()
}

fn read_all() -> Result<[[i64; 2]; BAIT.len()]> {
    let mut times = [[0; 2]; BAIT.len()];
    for (time, bait) in times.iter_mut().zip(BAIT) {
        *time = read_at(bait)?;
    }
    Ok(times)
}
