// SPDX-License-Identifier: BSD-2-Clause
//! The examples of programs that jail themselves after start-up, as they are: in
//! Rust with the crate `confine`, in C with `rjail_confine.h`.

use core::ffi::CStr;

use crate::answer::want;
use crate::console::Text;
use crate::errno::ECONNREFUSED;
use crate::jail;
use crate::programs::{Context, Outcome, early, jails_gone};
use crate::sys::{self, Error, Result, Sockaddr, Status, WithSize};

/// The one in Rust.
pub const EXAMPLE: &CStr = c"/rjail/nanojail";
/// The one in C.
pub const EXAMPLE_IN_C: &CStr = c"/rjail/nanojail-c";

const CONFIGURATION: &[u8] = b"path /jail\nhostname nano.example\naddress 10.66.0.2\n\
                              address 2001:db8::2\nport 17\nuser 1001\nfile /etc/motd\n";
const FILE: &CStr = c"/sibling/nanojail.conf";
const ADDRESS: [u8; 4] = [10, 66, 0, 2];
const CREATE: i32 = 0x0201;
const O_DIRECTORY: i32 = 0x0002_0000;
const EX_NOPERM: i32 = 77;

pub fn in_rust(_: &Context) -> Outcome {
    serves(EXAMPLE)
}

pub fn in_c(_: &Context) -> Outcome {
    serves(EXAMPLE_IN_C)
}

/// Starts it with what it says going here; as another user where that is said.
fn start(program: &CStr, user: Option<u32>) -> Result<(i32, i32)> {
    let [from, to] = sys::pipe()?;
    let child = sys::fork()?;
    if child == 0 {
        let ready = user.map_or(Ok(()), sys::setuid);
        let Err(Error(errno)) =
            ready.and_then(|()| sys::close(from)).and_then(|()| sys::run(program, [FILE], to))
        else {
            sys::exit(1)
        };
        sys::exit(errno);
    }
    sys::close(to)?;
    Ok((child, from))
}

/// What is there of a line, or of all until the end.
fn hear(from: i32, room: &mut [u8], line: bool) -> Result<&str> {
    let mut length = 0;
    loop {
        let more = sys::read(from, &mut room[length..])?;
        length += more;
        if more == 0 || (line && room[..length].ends_with(b"\n")) {
            break;
        }
    }
    Ok(core::str::from_utf8(&room[..length]).unwrap_or("(not UTF-8)"))
}

/// What whoever connects from outside is served there.
fn ask(address: [u8; 4], room: &mut [u8]) -> Result<&str> {
    let socket = sys::socket(2, 1, 0)?;
    let asked = sys::connect(socket, WithSize(&Sockaddr::new(address, 17)));
    if let Err(error) = asked {
        sys::close(socket)?;
        return Err(error);
    }
    let said = hear(socket, room, false)?;
    // No TIME_WAIT, which would have the jail's credential for a minute.
    sys::close_hard(socket)?;
    sys::close(socket)?;
    Ok(said)
}

fn refused(program: &CStr, user: Option<u32>, wanted: core::fmt::Arguments<'_>) -> Outcome {
    let (child, from) = early("starting it", start(program, user))?;
    let mut room = [0; 512];
    let said = early("what it says", hear(from, &mut room, false))?;
    early("closing it", sys::close(from))?;
    let status = sys::wait(child, 0).map(|(_, status)| status);
    let wanted = Text::<160>::of(wanted);
    let wanted = core::str::from_utf8(wanted.bytes()).unwrap_or_default();
    if status == Ok(Status::Exited(EX_NOPERM)) && said.contains(wanted) {
        return Ok(());
    }
    Err(Text::of(format_args!("wanted {wanted}, {status:?}: {said}")))
}

fn serves(program: &CStr) -> Outcome {
    early(
        "its configuration",
        sys::open(FILE, CREATE, 0o644).and_then(|fd| {
            sys::write(fd, CONFIGURATION)?;
            sys::close(fd)
        }),
    )?;
    let (child, from) = early("starting it", start(program, None))?;
    let mut said = [0; 256];
    let said = early("what it says", hear(from, &mut said, true))?;
    let mut room = [0; 64];
    let jid = sys::sysctl_number("security.rjail.jails");
    want!("jails", jid, Ok(1));
    let found = early("the jail", jail::get(0, abi::NEXT, &mut []))?;
    let wanted =
        Text::<128>::of(format_args!("in jail {}, listening on 10.66.0.2:17\n", found.jid));
    if said.as_bytes() != wanted.bytes() {
        return Err(Text::of(format_args!("it says: {said}")));
    }
    want!("its addresses", (found.ip4s, found.ip6s), (1, 1));
    // The jail's file, by the thread from before; the machine has none of that name.
    want!("outside", sys::open(c"/etc/motd", 0, 0), Err(Error(2)));
    for _ in 0..3 {
        want!("what it serves", ask(ADDRESS, &mut room), Ok("inside\n"));
    }
    let elsewhere = ask([127, 0, 0, 1], &mut room);
    want!("at another address", elsewhere, Err(Error(ECONNREFUSED)));
    early("closing it", sys::close(from))?;
    want!("its end", sys::kill(child, 9), Ok(()));
    want!("its status", sys::wait(child, 0).map(|(_, s)| s), Ok(Status::Killed(9)));
    jails_gone()?;

    // And it says what stands in the way.
    let directory = early("a directory", super::high(sys::open(c"/", O_DIRECTORY, 0)))?;
    refused(
        program,
        None,
        format_args!("rjail(2): the process holds a directory open: descriptor {directory}\n"),
    )?;
    early("closing it", sys::close(directory))?;
    refused(program, Some(1001), format_args!("rjail(2): only the superuser makes jails\n"))?;
    early("clearing up", sys::unlink(FILE))?;
    jails_gone()
}
