// SPDX-License-Identifier: BSD-2-Clause
//! A jail that was made without any privilege: its root is a user like any
//! other. A native jail has `allow.nosuser` for that.

use core::ffi::CStr;

use super::{DIED, NOT_THERE, Place, early, errno, jails_gone};
use crate::answer::{in_child_for, want};
use crate::console::Text;
use crate::errno::{EACCES, ENOMEM, EPERM};
use crate::line_two::Header;
use crate::privileges::calls::ask;
use crate::probe::Bits;
use crate::programs::{Context, Outcome, good};
use crate::say;
use crate::sys::{self, Error, Result, Status};
use crate::world::JAIL_ROOT;

/// Another user than root and who the attempts are about.
const OTHER: u32 = 1002;
/// A file of theirs that nobody may open.
const CLOSED: &CStr = c"/jail/powerless.file";
const PROGRAM: &CStr = c"/jail/guest";
/// What the program is told when it is run again.
pub const AS_OWNER: &CStr = c"as-its-owner";
/// So long it stays, in milliseconds.
const STAY: i64 = 6000;

/// The program run by execve(2) with the rights of the file's owner: becomes
/// them wholly, and waits.
pub fn as_owner() -> i32 {
    let became = sys::setuid(OTHER);
    sys::pause(STAY);
    errno(became)
}

/// An attempt, and its errno where root has no privilege.
type Attempt = (&'static str, fn() -> i32, i32);

const ATTEMPTS: &[Attempt] = &[
    ("chown(2)", || errno(sys::chown(c"powerless.file", OTHER, OTHER)), EPERM),
    ("chmod(2)", || errno(sys::chmod(c"powerless.file", 0)), EPERM),
    ("a file of mode 0, to read", || errno(sys::open(c"powerless.file", 0, 0)), EACCES),
    ("a file of mode 0, to write", || errno(sys::open(c"powerless.file", 1, 0)), EACCES),
    ("chroot(2)", || errno(sys::chroot(c"dir")), EPERM),
    ("a low port", low_port, EACCES),
    ("setuid(2)", || errno(sys::setuid(OTHER)), EPERM),
    ("setgroups(2)", || errno(sys::setgroups(OTHER)), EPERM),
    ("setlogin(2)", || errno(sys::setsid().and_then(|_| sys::setlogin(c"somebody"))), EPERM),
    ("setloginclass(2)", || ask!(SETLOGINCLASS, c"some"), EPERM),
    ("a higher limit", || errno(sys::raise_limit()), EPERM),
    ("kill(2) of another user's process", kill, EPERM),
];

fn low_port() -> i32 {
    let bound = sys::socket(2, 1, 0)
        .and_then(|socket| sys::bind(socket, sys::WithSize(&sys::Sockaddr::new([0; 4], 81))));
    errno(bound)
}

/// Signals a process that becomes another user's: until it has, it is one's own.
fn kill() -> i32 {
    let child = match sys::fork() {
        Ok(0) => {
            let _ = sys::execve(c"guest", AS_OWNER);
            sys::exit(1)
        }
        Ok(child) => child,
        Err(Error(number)) => return number,
    };
    let deadline = sys::uptime() + STAY / 2;
    let answer = loop {
        let answer = errno(sys::kill(child, 0));
        if answer != 0 || sys::uptime() > deadline {
            break answer;
        }
        sys::pause(20);
    };
    // It became the other user, and ended by itself.
    match sys::wait(child, 0) {
        Ok((_, Status::Exited(0))) => answer,
        _ => DIED,
    }
}

/// `-NAME` of every name, with a null at the end. Two names of one number are
/// one privilege, which may be named but once.
fn none_of_all(header: &Header) -> Result<&'static CStr> {
    let list = sys::allocate(8192)?;
    let mut length = 0;
    let mut named = Bits::default();
    for (number, name) in header.lines() {
        if named.has(number) {
            continue;
        }
        named.add(number);
        let word = Text::<48>::of(format_args!("-{name} "));
        let word = word.bytes();
        list.get_mut(length..length + word.len()).ok_or(Error(ENOMEM))?.copy_from_slice(word);
        length += word.len();
    }
    CStr::from_bytes_until_nul(list).map_err(|_| Error(ENOMEM))
}

pub fn powerless(_: &Context) -> Outcome {
    let ready = || -> Result<()> {
        const CREATE: i32 = 0x0201;
        sys::close(sys::open(CLOSED, CREATE, 0)?)?;
        sys::chown(CLOSED, OTHER, OTHER)?;
        sys::chown(PROGRAM, OTHER, OTHER)?;
        sys::chmod(PROGRAM, 0o4755)
    };
    early("the files", ready())?;
    let outcome = all();
    let restored = || -> Result<()> {
        sys::unlink(CLOSED)?;
        sys::chown(PROGRAM, 0, 0)?;
        sys::chmod(PROGRAM, 0o755)
    };
    early("the files as they were", restored())?;
    outcome
}

fn all() -> Outcome {
    let header = early("the names", Header::read())?;
    let none = early("the list", none_of_all(&header))?;
    let nothing = good().with_privileges(none);
    type Jail<'a> = (&'static str, bool, &'a dyn Fn() -> Result<()>);
    let jails: [Jail<'_>; 4] = [
        ("outside", true, &|| Place::Outside.enter()),
        ("a jail", true, &|| Place::Jail.enter()),
        ("a native jail without a superuser", false, &|| {
            sys::jail_set_and_enter(JAIL_ROOT, 2, &[c"allow.nosuser"])
        }),
        ("a jail without privileges", false, &|| nothing.enter().map(drop)),
    ];
    let mut wrong = 0;
    for (jail, has_power, enter) in jails {
        for (what, attempt, refused) in ATTEMPTS {
            let got = in_child_for(30, || enter().map_or(NOT_THERE, |()| attempt()));
            let wanted = if has_power { 0 } else { *refused };
            if got != Ok(Ok(wanted)) {
                say!("    # {jail}: {what}: got {got:?}, wanted {wanted}");
                wrong += 1;
            }
        }
    }
    let (names, numbers) = (header.lines().count(), header.named().count());
    say!(
        "    # PV-20: {} attempts in 4 places; {names} names of {numbers} privileges, all taken by \
         {} bytes",
        ATTEMPTS.len(),
        none.count_bytes()
    );
    want!("attempts that were answered otherwise", wrong, 0);
    jails_gone()
}
