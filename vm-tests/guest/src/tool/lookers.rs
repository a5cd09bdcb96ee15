// SPDX-License-Identifier: BSD-2-Clause
//! The base system's programs that tell of processes, sockets, files and objects of IPC:
//! outside they show what is outside; inside they show what is the jail's, nothing else,
//! and end as ever.

use core::ffi::CStr;

use cases::world::{HOST_ADDR, JAIL_ADDR};

use super::hear;
use crate::answer::want;
use crate::console::Text;
use crate::jail::{self, SYSVIPC_OWN};
use crate::line_two::Captive;
use crate::privileges::calls::{get, low};
use crate::programs::{Context, Outcome, early, good, jails_gone};
use crate::say;
use crate::sys::{self, Result, Sockaddr, Status, WithSize};
use crate::world::{self, JAIL_ROOT};

/// One of them; they are all there or none is.
pub const LOOKER: &CStr = c"/rjail/ps";

const PORTS: [u16; 2] = [47_123, 47_124];
/// sockstat(1) reads it.
const PROTOCOLS: &CStr = c"/jail/etc/protocols";
const KEYS: [i32; 2] = [4_711_001, 4_711_002];

/// What of somebody it shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// A process, in this column of its line.
    Process(usize),
    Port,
    Key,
    Nothing,
}

/// A program, its arguments, and what it shows.
const PROGRAMS: &[(&str, &[&CStr], Shown)] = &[
    ("ps", &[c"-axww", c"-o", c"pid,jid,command"], Shown::Process(0)),
    ("top", &[c"-b", c"-u", c"100"], Shown::Process(0)),
    ("procstat", &[c"-a"], Shown::Process(0)),
    ("procstat", &[c"-a", c"-f"], Shown::Process(0)),
    ("sockstat", &[c"-4", c"-n"], Shown::Port),
    ("fstat", &[c"-n"], Shown::Process(2)),
    ("netstat", &[c"-an", c"-f", c"inet"], Shown::Port),
    ("ipcs", &[c"-m"], Shown::Key),
    ("who", &[], Shown::Nothing),
    ("w", &[c"-n"], Shown::Nothing),
];

/// What somebody has that can be seen: a process, a port, an object.
#[derive(Clone, Copy)]
struct Seen {
    pid: i32,
    port: u16,
    key: i32,
}

impl Seen {
    /// Whether a text names it.
    fn is_in(self, text: &str, shown: Shown) -> bool {
        let is = |word: &str, number: i64| word.parse() == Ok(number);
        // After the point of an address, too.
        let word_is = |number| {
            text.split(|letter: char| !letter.is_ascii_digit()).any(|word| is(word, number))
        };
        match shown {
            Shown::Process(column) => text.lines().any(|line| {
                let word = line.split_whitespace().nth(column);
                word.is_some_and(|word| is(word, self.pid.into()))
            }),
            Shown::Port => word_is(self.port.into()),
            Shown::Key => word_is(self.key.into()),
            Shown::Nothing => false,
        }
    }
}

/// Has a port and an object of its own.
fn have(address: [u8; 4], which: usize) -> Result<()> {
    const CREATE: i32 = 0o1600;
    let socket = sys::socket(2, 2, 0)?;
    sys::bind(socket, WithSize(&Sockaddr::new(address, PORTS[which])))?;
    get!(SHMGET, KEYS[which], 4096, CREATE).map(drop)
}

fn enter() -> Result<()> {
    good().with_flags(SYSVIPC_OWN).enter().map(drop)
}

/// Runs one in the jail, or outside with the same root; how it ended, and what it said.
fn run(path: &CStr, arguments: &[&CStr], jail: Option<i64>) -> Result<(Status, &'static str)> {
    hear(|to| {
        match jail {
            Some(jail) => jail::attach(jail).map(drop)?,
            None => sys::chroot(JAIL_ROOT)?,
        }
        sys::run(path, arguments, to)
    })
}

/// All of them, outside and inside.
pub fn look(_: &Context) -> Outcome {
    let host = early("somebody outside", Captive::start(|| have(HOST_ADDR, 0)))?;
    let own =
        early("somebody inside", Captive::start(|| enter().and_then(|()| have(JAIL_ADDR, 1))))?;
    let jail = early("the jail", jail::first())?;
    let [outer, inner] =
        [(host.pid, 0), (own.pid, 1)].map(|(pid, n)| Seen { pid, port: PORTS[n], key: KEYS[n] });
    early(
        "protocols",
        world::make_file(PROTOCOLS, b"tcp 6\nudp 17\nsctp 132\nudplite 136\ndivert 258\n"),
    )?;
    let mut wrong = 0;
    for (name, arguments, shown) in PROGRAMS {
        let [here, there, inside] =
            ["/rjail/", "/jail/", "/"].map(|at| Text::<32>::of(format_args!("{at}{name}\0")));
        let [here, there, inside] = [&here, &there, &inside]
            .map(|path| CStr::from_bytes_until_nul(path.bytes()).unwrap_or_default());
        early("copied", world::copy(here, there))?;
        for place in [None, Some(jail)] {
            let (ended, text) = early("run", run(inside, arguments, place))?;
            let sees = [outer, inner].map(|seen| seen.is_in(text, *shown));
            let shows = *shown != Shown::Nothing;
            // The jail's own IPC is not the host's to see by a list.
            let good = match place {
                None => sees[0] == shows,
                Some(_) => sees == [false, shows],
            };
            if !good || ended != Status::Exited(0) {
                say!("    # {inside:?}, {place:?}: {ended:?}, {sees:?}");
                for line in text.lines().take(12) {
                    say!("    # | {line}");
                }
                wrong += 1;
            }
        }
        early("removed", sys::unlink(there))?;
    }
    let id = early("the object", get!(SHMGET, KEYS[0], 0, 0).map(low))?;
    early("its end", get!(SHMCTL, id, 0, 0))?;
    drop([host, own]);
    early("unlink", sys::unlink(PROTOCOLS))?;
    want!("wrong", wrong, 0);
    jails_gone()
}
