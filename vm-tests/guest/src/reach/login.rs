// SPDX-License-Identifier: BSD-2-Clause
//! The login name, which belongs to a session: a process that enters a jail
//! without leaving its session shares it with those outside.

use core::ffi::CStr;

use super::{Place, early, errno, jails_gone};
use crate::answer::{in_child, want};
use crate::errno::EPERM;
use crate::jail::Args;
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, good};
use crate::say;
use crate::sys::{self, Result};

const HOST: &CStr = c"a-longer-name";
const OTHER: &CStr = c"intruder";

/// The session's name, in a room that was full of something else.
fn name() -> Result<[u8; 64]> {
    const LONGEST: usize = 33;
    let mut bytes = [0xaa_u8; 64];
    get!(GETLOGIN, &mut bytes, LONGEST)?;
    Ok(bytes)
}

/// What getlogin(2) gives of this name: nothing of the kernel's behind it.
fn room(name: &CStr) -> [u8; 64] {
    let mut bytes = [0xaa; 64];
    let name = name.to_bytes_with_nul();
    bytes[..name.len()].copy_from_slice(name);
    bytes
}

/// A process of a session of its own starts another, which enters a jail and
/// names the session: the errno, what the jail reads, what the session is
/// called outside.
fn rename(enter: impl FnOnce() -> Result<()>, session: bool) -> Result<(i32, [u8; 64], [u8; 64])> {
    let found = in_child(|| {
        sys::setsid()?;
        sys::setlogin(HOST)?;
        let inside = in_child(|| {
            enter()?;
            if session {
                sys::setsid()?;
            }
            let answer = errno(sys::setlogin(OTHER));
            name().map(|name| (answer, name))
        })?;
        let (answer, inside) = inside.unwrap_or(Err(sys::Error(-1)))?;
        name().map(|outside| (answer, inside, outside))
    })?;
    found.unwrap_or(Err(sys::Error(-1)))
}

pub fn login(_: &Context) -> Outcome {
    let entered = |args: Args| move || args.enter().map(drop);
    let (host, other) = (room(HOST), room(OTHER));
    want!("outside", rename(|| Place::Outside.enter(), false), Ok((0, other, other)));
    want!("in a session of its own", rename(|| Place::Outside.enter(), true), Ok((0, other, host)));
    want!("in a native jail", rename(|| Place::Native.enter(), false), Ok((0, other, other)));
    // Entry keeps the session, but it is not the jail's to name.
    want!("in a jail", rename(entered(good()), false), Ok((EPERM, host, host)));
    want!("in a jail and a session", rename(entered(good()), true), Ok((0, other, host)));
    let without = good().with_privileges(c"-PRIV_PROC_SETLOGIN");
    want!("without the privilege", rename(entered(without), false), Ok((EPERM, host, host)));
    say!("    # PV-12: the session's name outside is changed from a native jail, not from ours");
    early("no login name", sys::setlogin(c""))?;
    jails_gone()
}
