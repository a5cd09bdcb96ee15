// SPDX-License-Identifier: BSD-2-Clause
//! Jails end with their sockets, on one processor, while the other looks at all that
//! has their credentials.

use super::{gone_within, reap_some};
use crate::answer::want;
use crate::console::Text;
use crate::errno::{EADDRINUSE, ECONNREFUSED, ECONNRESET, ENOMEM};
use crate::jail;
use crate::net::sockets::{J4, SOL_SOCKET, Socket, TCP4, UDP4};
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, early, good};
use crate::say;
use crate::sys::{self, Error, Result, Shared, Status};

/// A service and a client of it, neither closed, and something that nobody receives.
fn with_sockets() -> Result<()> {
    const SO_LINGER: i32 = 0x80;
    const PORT: u16 = 7190;
    good().enter()?;
    let [service, client, datagrams] = [Socket::new(TCP4)?, Socket::new(TCP4)?, Socket::new(UDP4)?];
    for socket in [service, client] {
        // No connection is left that waits.
        get!(SETSOCKOPT, socket.fd, SOL_SOCKET, SO_LINGER, &[1_i32, 0], 8)?;
    }
    service.bind(J4, PORT)?;
    sys::listen(service.fd, 5)?;
    client.connect(J4, PORT)?;
    datagrams.bind(J4, PORT)?;
    datagrams.send(0, J4, PORT)?;
    let [one, other] = sys::socketpair()?;
    sys::pass(one, client.fd)?;
    sys::pass(other, datagrams.fd)
}

/// All jails that are found, with what holds them, and what the kernel lists of everybody.
fn look(room: &mut [u8]) -> Result<u32> {
    let (mut at, mut found) = (0, 0);
    while let Ok(info) = jail::get(at, abi::NEXT, &mut []) {
        at = info.jid;
        found += 1;
    }
    for list in ["net.inet.tcp.pcblist", "net.inet.udp.pcblist", "net.local.stream.pcblist"] {
        match sys::sysctl_named(list, room, None) {
            Ok(_) | Err(Error(ENOMEM)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// For some seconds, or longer where all is slow.
pub fn ends(_: &Context) -> Outcome {
    const MILLISECONDS: i64 = 3000;
    const LONGEST: i64 = 40_000;
    const LEAST: u32 = 12;
    reap_some();
    let begun = sys::uptime();
    let stop = early("memory", Shared::new(false))?;
    let looked = early("memory", Shared::new((0_u32, 0_u32)))?;
    let watcher = early("fork", sys::fork())?;
    if watcher == 0 {
        let Ok(room) = sys::allocate(1 << 17) else { sys::exit(1) };
        while !stop.get() {
            let (times, found) = looked.get();
            let Ok(more) = look(room) else { sys::exit(2) };
            looked.set((times + 1, found + more));
        }
        sys::exit(0);
    }
    let (mut ended, mut refused) = (0, 0);
    let mut wrong = None;
    while wrong.is_none() {
        let took = sys::uptime() - begun;
        let enough = ended >= LEAST && looked.get().0 >= LEAST;
        if took > LONGEST || took > MILLISECONDS && enough {
            break;
        }
        let mut pids = [0; 3];
        for pid in &mut pids {
            *pid = early("fork", sys::fork())?;
            if *pid == 0 {
                sys::exit(with_sockets().err().map_or(0, |Error(errno)| errno));
            }
        }
        for pid in pids {
            match early("wait", sys::wait(pid, 0))?.1 {
                Status::Exited(0) => ended += 1,
                // The first has the port of all, and may be gone a moment later.
                Status::Exited(EADDRINUSE | ECONNREFUSED | ECONNRESET) => refused += 1,
                other => wrong = Some(other),
            }
        }
    }
    stop.set(true);
    want!("who looks", sys::wait(watcher, 0), Ok((watcher, Status::Exited(0))));
    if let Some(other) = wrong {
        return Err(Text::of(format_args!("a jail's end: {other:?}")));
    }
    let (times, found) = looked.get();
    say!("    # {ended} jails ended with their sockets, {refused} with some of them");
    say!("    # looked {times} times, {found} found");
    want!("enough to tell", ended >= LEAST && times >= LEAST && found > 0, true);
    // A listener that is gone is still in the cache of half-open connections, with its
    // credential, until the last answer was sent in vain.
    gone_within(90_000)
}
