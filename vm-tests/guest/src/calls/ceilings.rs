// SPDX-License-Identifier: BSD-2-Clause
//! The machine's and a process's limits, reached inside as outside: of processes, of
//! files, of credentials as many as one has time for.

use cases::world::USER;

use crate::answer::{in_child, in_child_for, want};
use crate::errno::{EAGAIN, EMFILE, ENFILE};
use crate::jail;
use crate::line_two::Captive;
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::programs::{Context, Outcome, early, good};
use crate::say;
use crate::sys::{self, Result};
use crate::trespass::limits::fork_until;

use super::{gone, reap_some};

const RLIMIT_NPROC: i32 = 7;
const RLIMIT_NOFILE: i32 = 8;
const PLACES: [bool; 2] = [false, true];

fn enter(inside: bool) -> Result<()> {
    if inside { good().enter().map(drop) } else { Ok(()) }
}

/// Forks as a user who may have three processes, this one among them.
fn fork(inside: bool) -> Result<(usize, i32)> {
    enter(inside)?;
    get!(SETRLIMIT, RLIMIT_NPROC, &[3_i64, 3])?;
    sys::setresuid(USER, USER, USER)?;
    Ok(fork_until(8))
}

/// Opens files until there is an errno; then a socket, and outside a jail to hold.
fn open_until(inside: bool, limit: Option<i64>) -> Result<[i32; 3]> {
    const MOST: usize = 100_000;
    enter(inside)?;
    if let Some(limit) = limit {
        get!(SETRLIMIT, RLIMIT_NOFILE, &[limit, limit])?;
    }
    let file = || errno(sys::open(c"/dev/null", 0, 0));
    let opened = (0..MOST).map(|_| file()).find(|answer| *answer != 0).unwrap_or(0);
    let socket = errno(sys::socket(2, 2, 0));
    let held = if inside { opened } else { errno(jail::hold(&good())) };
    Ok([opened, socket, held])
}

/// Processes and files: the errno is the kernel's, inside as outside, and a jail that
/// finds no descriptor is none.
pub fn reached(_: &Context) -> Outcome {
    reap_some();
    for inside in PLACES {
        let forked = in_child(|| fork(inside));
        want!("processes", (inside, forked), (inside, Ok(Ok(Ok((2, EAGAIN))))));
        let opened = in_child(|| open_until(inside, Some(10)));
        want!("a process's files", (inside, opened), (inside, Ok(Ok(Ok([EMFILE; 3])))));
        gone()?;
    }
    let most = early("kern.maxfiles", sys::sysctl_number("kern.maxfiles"))?;
    let open = early("kern.openfiles", sys::sysctl_number("kern.openfiles"))?;
    let [few, most] = [open + 64, most].map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    for inside in PLACES {
        early("kern.maxfiles", sys::sysctl_write("kern.maxfiles", few))?;
        let opened = in_child(|| open_until(inside, None));
        early("kern.maxfiles", sys::sysctl_write("kern.maxfiles", most))?;
        want!("the machine's files", (inside, opened), (inside, Ok(Ok(Ok([ENFILE; 3])))));
        gone()?;
    }
    Ok(())
}

/// Each call makes a credential of its own, which the file that is opened keeps, or
/// nobody.
fn make_credentials(count: u32, keep: bool) -> Result<()> {
    for number in 0..count {
        sys::setresuid(0, 0, 1 + number % 2)?;
        if keep {
            sys::open(c"/dev/null", 0, 0)?;
        }
    }
    Ok(())
}

/// Credentials have no limit but memory: so many at once are counted, and gone with
/// who had them.
pub fn credentials(_: &Context) -> Outcome {
    const AT_ONCE: u32 = 2000;
    const IN_TURN: u32 = 50_000;
    reap_some();
    let captive = Captive::start(|| good().enter().and_then(|_| make_credentials(AT_ONCE, true)));
    let captive = early("a jail", captive)?;
    let jail = early("its number", jail::first())?;
    let counted = early("what it has", jail::info(jail))?.credentials;
    want!("credentials", (AT_ONCE..AT_ONCE + 10).contains(&counted), true);
    drop(captive);
    gone()?;
    let made = in_child_for(50, || good().enter().and_then(|_| make_credentials(IN_TURN, false)));
    want!("one after the other", made, Ok(Ok(Ok(()))));
    say!("    # {counted} credentials at once, {IN_TURN} one after the other");
    gone()
}
