// SPDX-License-Identifier: BSD-2-Clause
//! The user tool, as administrators run it. What it prints is pinned on the model
//! machine by its own tests; here it is the real one's.
//!
//! Not every machine has a shell: what starts, stops and serves in a jail is this
//! program, which [`within`] is called with what it is to do.

mod life;
mod lookers;
mod nanojail;
mod service;
mod session;

use core::ffi::CStr;

use crate::answer::{in_child_for, want};
use crate::console::Text;
use crate::filter::do_countable_things;
use crate::line_two::got;
use crate::privileges::calls::{get, low};
use crate::programs::{Context, Held, Outcome, good, settle};
use crate::sys::{self, Error, Result, Shared, Status};

/// Where it is, if it is.
pub const TOOL: &CStr = c"/rjail/rjail";

const EX_USAGE: i32 = 64;
const EX_DATAERR: i32 = 65;
const EX_UNAVAILABLE: i32 = 69;
const EX_NOPERM: i32 = 77;

/// What the tool is told with every command: where there is room on this machine.
const HERE: [&CStr; 4] = [c"--state", c"/sibling/state", c"--config", c"/sibling/rjail.conf"];

pub use life::{life, many, stops};
pub use lookers::{LOOKER, look};
pub use nanojail::{EXAMPLE, EXAMPLE_IN_C, in_c, in_rust};
pub use service::{SHELL, script, shell};
pub use session::{descriptors, exec, terminal, users};

/// A status that no failure of the tool has.
const SEVEN: i32 = 7;

/// What this program does when the tool runs it in a jail.
pub fn within(word: &CStr) -> Option<i32> {
    let status = match word.to_bytes() {
        b"tool-seven" => Ok(SEVEN),
        b"tool-user" => sys::getuid(),
        _ => session::within(word).or_else(|| life::within(word))?,
    };
    Some(status.unwrap_or_else(|Error(errno)| errno))
}

/// The same descriptor where a program's output is not put in its place.
fn high(descriptor: Result<i32>) -> Result<i32> {
    const F_DUPFD: i32 = 0;
    let descriptor = descriptor?;
    let high = low(get!(FCNTL, descriptor, F_DUPFD, 10)?);
    sys::close(descriptor)?;
    Ok(high)
}

/// Does it where orphans are waited for at once, as init(8) does; this machine's only
/// waits for who it knows.
fn with_init(work: impl FnOnce() -> Outcome) -> Outcome {
    const ACQUIRE: i32 = 2;
    let found = in_child_for(100, || -> Result<Option<Outcome>> {
        get!(PROCCTL, 0, sys::getpid()?, ACQUIRE, 0)?;
        let found = Shared::new(None)?;
        let worker = sys::fork()?;
        if worker == 0 {
            found.set(Some(work()));
            sys::exit(0);
        }
        while sys::wait(-1, 0)?.0 != worker {}
        Ok(found.get())
    });
    match found {
        Ok(Ok(Ok(Some(outcome)))) => outcome,
        other => Err(Text::of(format_args!(
            "it ended: {:?}",
            other.map(|r| r.map(|r| r.map(|o| o.is_some())))
        ))),
    }
}

/// Runs it; how it ended, and what it said.
fn run(arguments: &[&CStr], by_user: bool) -> Result<(Status, &'static str)> {
    let mut words = [c""; 14];
    let count = HERE.len() + arguments.len();
    for (place, word) in words.iter_mut().zip(HERE.iter().chain(arguments)) {
        *place = word;
    }
    hear(|to| {
        if by_user {
            sys::setuid(1001)?;
        }
        sys::run(TOOL, &words[..count], to)
    })
}

/// Has a child become a program that writes into a pipe, or end with the errno; how it
/// ended, and what it wrote.
fn hear(become_it: impl FnOnce(i32) -> Result<()>) -> Result<(Status, &'static str)> {
    let room = sys::allocate(1 << 18)?;
    let [from, to] = sys::pipe()?;
    let child = sys::fork()?;
    if child == 0 {
        let Err(Error(errno)) = become_it(to) else { sys::exit(1) };
        sys::exit(errno);
    }
    sys::close(to)?;
    let mut length = 0;
    loop {
        match sys::read(from, &mut room[length..])? {
            0 => break,
            more => length += more,
        }
    }
    sys::close(from)?;
    let (_, status) = sys::wait(child, 0)?;
    Ok((status, core::str::from_utf8(&room[..length]).unwrap_or("(not UTF-8)")))
}

fn run_and_say(
    arguments: &[&CStr],
    by_user: bool,
    status: i32,
    said: impl Fn(&str) -> bool,
) -> core::result::Result<&'static str, Text<160>> {
    let (ended, text) = got("running it", run(arguments, by_user))?;
    if ended == Status::Exited(status) && said(text) {
        return Ok(text);
    }
    let word = |at: usize| arguments.get(at).and_then(|a| a.to_str().ok()).unwrap_or_default();
    crate::say!("# {} {}: {ended:?}: {text}", word(0), word(1));
    Err(Text::of(format_args!("{} {}: {ended:?}: {text}", word(0), word(1))))
}

/// Says of a jail that the tool has just made, "NAME: jail NUMBER", which it is.
fn number(text: &str) -> Option<i64> {
    text.trim_end().rsplit(' ').next()?.parse().ok()
}

/// Makes a jail that is started, and gives its number.
fn create(arguments: &[&CStr]) -> core::result::Result<i64, Text<160>> {
    let text = run_and_say(arguments, false, 0, |text| number(text).is_some())?;
    number(text).ok_or_else(|| Text::of(format_args!("no number: {text}")))
}

/// It says all of these, among other things.
fn says(arguments: &[&CStr], by_user: bool, wanted: (i32, &[&str])) -> Outcome {
    let said = |text: &str| wanted.1.iter().all(|line| text.contains(line));
    run_and_say(arguments, by_user, wanted.0, said).map(drop)
}

/// It says this and no more.
fn prints(arguments: &[&CStr], status: i32, wanted: &str) -> Outcome {
    run_and_say(arguments, false, status, |text| text == wanted).map(drop)
}

/// What it prints is what the kernel counted.
pub fn tool(_: &Context) -> Outcome {
    says(&[c"ledger"], false, (0, &["no jail\n"]))?;
    let no_jail = "rjail: jail 999999: no such jail; `rjail list` shows all\n";
    says(&[c"ledger", c"999999"], false, (EX_DATAERR, &[no_jail]))?;
    let no_name = "rjail: jail x: no such jail; `rjail list` shows all\n";
    says(&[c"ledger", c"x"], false, (EX_DATAERR, &[no_name]))?;
    says(&[c"ledger", c"x", c"y"], false, (EX_USAGE, &["unexpected argument 'y'"]))?;
    says(&[c"privileges"], true, (0, &["# What root in a jail may do", "| `PRIV_KTRACE`"]))?;

    static NAMES: &CStr = c"-PRIV_VFS_CHROOT +PRIV_KTRACE";
    let args = good().with_flags(0x20).with_privileges(NAMES);
    let held = Held::start(1, || args.enter().and_then(|_| do_countable_things()));
    want!("a jail that does things", held.as_ref().map(|_| ()), Ok(()));
    let lines: &[&str] = &[
        ", flags: reserved_ports\n  used:\n",
        "             2  PRIV_NETINET_RESERVEDPORT\n",
        "  denied:\n             3  PRIV_KLD_LOAD\n             1  PRIV_REBOOT\n             1  \
         PRIV_VFS_CHROOT\n  granted but never used:\n",
        " PRIV_KTRACE",
    ];
    for by_user in [false, true] {
        says(&[c"ledger"], by_user, (0, lines))?;
    }
    let json: &[&str] = &[
        "\"flags\": [\n      \"reserved_ports\"\n    ]",
        "\"privilege\": \"PRIV_KLD_LOAD\",\n        \"times\": 3,\n        \"or_more\": false",
    ];
    says(&[c"ledger", c"--json"], false, (0, json))?;
    want!("letting it go", held.and_then(Held::let_go), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// The paper's own command line, the whole of it.
pub fn paper(_: &Context) -> Outcome {
    const NAME: &CStr = c"inside.example";
    const IP: &CStr = c"10.66.0.2";
    prints(&[c"/jail", NAME, IP, c"/guest", c"tool-seven"], SEVEN, "")?;
    prints(&[c"/jail", NAME, c"10.66.0.2,10.66.0.4", c"/guest", c"tool-user"], 0, "")?;
    prints(&[c"/jail", NAME, c"", c"/guest", c"tool-seven"], SEVEN, "")?;
    for (arguments, status, message) in [
        (
            &[c"/none", NAME, IP, c"/guest"][..],
            EX_DATAERR,
            "rjail: path=/none: no such directory: make and fill it first\n",
        ),
        (
            &[c"/jail/guest", NAME, IP, c"/guest"],
            EX_DATAERR,
            "rjail: path=/jail/guest: not a directory\n",
        ),
        (
            &[c"/jail", NAME, c"10.66.0", c"/guest"],
            EX_DATAERR,
            "rjail: ip4.addr=10.66.0: 10.66.0 is no IPv4 address: four numbers up to 255, as \
             10.66.0.2\n",
        ),
        (
            &[c"/jail", NAME, IP, c"/none"],
            EX_UNAVAILABLE,
            "rjail: /none: no such program in the jail\n",
        ),
        (
            &[c"/jail", NAME, IP, c"none"],
            EX_UNAVAILABLE,
            "rjail: none: no such program in the jail\n",
        ),
        (&[c"/jail", NAME, IP, c"/file"], EX_NOPERM, "rjail: /file: may not be executed\n"),
        (&[c"/jail", NAME, IP], EX_USAGE, "rjail: no command: what is to run in /jail?\n"),
    ] {
        prints(arguments, status, message)?;
    }
    let message = "rjail: only root makes jails, outside any jail, and not after chroot(8)";
    says(&[c"/jail", NAME, IP, c"/guest"], true, (EX_NOPERM, &[message]))?;
    // A directory that whoever starts it has open is closed, not left inside.
    let directory = got("a directory", sys::open(c"/", 0x0002_0000, 0))?;
    prints(&[c"/jail", NAME, IP, c"/guest", c"tool-seven"], SEVEN, "")?;
    got("closing it", sys::close(directory))?;
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}
