// SPDX-License-Identifier: BSD-2-Clause
//! Many jails: one after the other, and all at once.

use crate::answer::want;
use crate::console::Text;
use crate::errno::ENOENT;
use crate::jail;
use crate::malloc::Malloc;
use crate::programs::{Context, Held, Outcome, early, good, settle};
use crate::say;
use crate::sys::{self, Error};

use super::{gone, reap_some};

/// Made and gone again, half of them by a process that enters and ends, half by a
/// descriptor: no type of memory grows.
pub fn one_after_the_other(_: &Context) -> Outcome {
    const JAILS: u64 = 10_000;
    const SECONDS: i64 = 100;
    reap_some();
    let mut malloc = early("malloc", Malloc::new())?;
    // The first ones fill the kernel's own caches.
    for _ in 0..100 {
        one()?;
    }
    gone()?;
    let mut before = [0; Malloc::MOST];
    let types = early("malloc", malloc.counts(&mut before))?;
    let began = sys::uptime();
    let mut made = 200;
    while made < JAILS && sys::uptime() < began + SECONDS * 1000 {
        one()?;
        made += 2;
    }
    gone()?;
    // What the kernel frees later, it frees within moments.
    sys::pause(1000);
    let mut after = [0; Malloc::MOST];
    want!("number of malloc types", malloc.counts(&mut after), Ok(types));
    let mut grown = 0;
    for (kind, (was, is)) in before.iter().zip(after).enumerate() {
        let name = malloc.name(kind);
        let ours = name.starts_with("rjail");
        // A leak of one in a hundred, of whatever type; and of ours not even one.
        if is > was + 64 || ours && is > *was {
            say!("    # malloc type {name}: {was} allocations, then {is}");
            grown += 1;
        }
    }
    let took = sys::uptime() - began;
    say!("    # {made} jails one after the other, in {took} ms");
    if made < JAILS {
        say!("    # NOT {JAILS}: this machine had no more than {SECONDS} s for it");
    }
    want!("malloc types that grew", grown, 0);
    want!("jails enough to tell", made >= 1000, true);
    Ok(())
}

/// One by a process, one by a descriptor.
fn one() -> Outcome {
    let child = early("fork", sys::fork())?;
    if child == 0 {
        sys::exit(i32::from(good().enter().is_err()));
    }
    let ended = sys::wait(child, 0);
    want!("a jail by a process", ended, Ok((child, sys::Status::Exited(0))));
    let descriptor = early("hold", jail::hold(&good()))?;
    want!("let go", sys::close(descriptor), Ok(()));
    Ok(())
}

/// A thousand at once, each with a process: all are found in order, one is closed and
/// no other, and all are gone at last.
pub fn all_at_once(_: &Context) -> Outcome {
    const JAILS: usize = 1000;
    reap_some();
    let held = early("the jails", Held::start(JAILS, || good().enter().map(drop)))?;
    want!("counted", settle(1000), Ok(1000));
    let (mut at, mut found, mut middle) = (0, 0, 0);
    loop {
        match jail::get(at, abi::NEXT, &mut []) {
            Ok(info) => {
                want!("alive, with its process", (info.state, info.processes), (abi::ALIVE, 1));
                want!("in order", info.jid > at, true);
                at = info.jid;
                found += 1;
                if found == JAILS / 2 {
                    middle = at;
                }
            }
            Err(Error(ENOENT)) => break,
            Err(error) => return Err(Text::of(format_args!("the next: {error:?}"))),
        }
    }
    want!("found", found, JAILS);
    want!("one is closed", jail::close(middle, 10_000), Ok(1));
    want!("the last of them is not", jail::kill(at, 0), Ok(1));
    want!("letting them go", held.let_go(), Ok(()));
    gone()?;
    say!("    # {found} jails at once, each with a process");
    Ok(())
}
