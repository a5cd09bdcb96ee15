// SPDX-License-Identifier: BSD-2-Clause
//! The user tool, as administrators run it.

use core::ffi::CStr;

use crate::answer::want;
use crate::console::Text;
use crate::filter::do_countable_things;
use crate::line_two::got;
use crate::programs::{Context, Held, Outcome, good, settle};
use crate::sys::{self, Error, Result, Status};

/// Where it is, if it is.
pub const TOOL: &CStr = c"/rjail/rjail";

const EX_USAGE: i32 = 64;
const EX_DATAERR: i32 = 65;

/// Runs it; how it ended, and what it said.
fn run(arguments: [&CStr; 2], by_user: bool) -> Result<(Status, &'static str)> {
    let room = sys::allocate(1 << 18)?;
    let [from, to] = sys::pipe()?;
    let child = sys::fork()?;
    if child == 0 {
        let ready = if by_user { sys::setuid(1001) } else { Ok(()) };
        let Err(Error(errno)) = ready.and_then(|()| sys::run(TOOL, arguments, to)) else {
            sys::exit(1)
        };
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

fn says(arguments: [&CStr; 2], by_user: bool, wanted: (i32, &[&str])) -> Outcome {
    let (status, said) = got("running it", run(arguments, by_user))?;
    let missing = wanted.1.iter().find(|line| !said.contains(*line));
    if status == Status::Exited(wanted.0) && missing.is_none() {
        return Ok(());
    }
    let [first, second] = arguments.map(|a| a.to_str().unwrap_or_default());
    Err(Text::of(format_args!("{first} {second}: {status:?}, without {missing:?}: {said}")))
}

/// What it prints is what the kernel counted.
pub fn tool(_: &Context) -> Outcome {
    says([c"ledger", c""], false, (0, &["no jail\n"]))?;
    let no_jail = "rjail: jail 999999: no such jail; `rjail ledger` shows all\n";
    says([c"ledger", c"999999"], false, (EX_DATAERR, &[no_jail]))?;
    says([c"ledger", c"x"], false, (EX_USAGE, &["invalid value 'x'"]))?;
    says([c"privileges", c""], true, (0, &["# What root in a jail may do", "| `PRIV_KTRACE`"]))?;

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
        says([c"ledger", c""], by_user, (0, lines))?;
    }
    let json: &[&str] = &[
        "\"flags\": [\n      \"reserved_ports\"\n    ]",
        "\"privilege\": \"PRIV_KLD_LOAD\",\n        \"times\": 3,\n        \"or_more\": false",
    ];
    says([c"ledger", c"--json"], false, (0, json))?;
    want!("letting it go", held.and_then(Held::let_go), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}
