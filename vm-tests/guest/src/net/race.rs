// SPDX-License-Identifier: BSD-2-Clause
//! What is checked is what is used: while one thread of a jailed process binds
//! and sends, another changes the address in the buffer, or puts other sockets
//! behind the descriptor.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use super::sockets::{ANY6, H6, Ip, J6, L6, Lists, Socket, UDP6};
use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EADDRNOTAVAIL, EBADF, EINVAL};
use crate::jail::Args;
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, settle};
use crate::say;
use crate::sys::{self, Error, Result, address_of};

const PORT: u16 = 7110;
/// How long each race lasts, milliseconds.
const LASTS: i64 = 1500;

/// What the second thread does.
struct Race {
    /// A `struct sockaddr_in6`.
    name: [AtomicU32; 7],
    /// The address that [`Self::name`] has in turn: its last words.
    words: [AtomicU32; 2],
    /// Sockets that are behind `descriptor` in turn; or it is closed, or left alone.
    sockets: [AtomicI32; 3],
    descriptor: AtomicI32,
    stop: AtomicBool,
}

/// In place of a socket: it is left alone, closed, or bound to the name that is there.
const NOTHING: i32 = -1;
const CLOSED: i32 = -2;
const BOUND: i32 = -3;

static RACE: Race = Race {
    name: [const { AtomicU32::new(0) }; 7],
    words: [const { AtomicU32::new(0) }; 2],
    sockets: [const { AtomicI32::new(NOTHING) }; 3],
    descriptor: AtomicI32::new(-1),
    stop: AtomicBool::new(false),
};

/// Four bytes of an address, as they are in memory.
fn word(ip: &Ip, index: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&ip[index * 4..index * 4 + 4]);
    u32::from_ne_bytes(bytes)
}

fn change(race: &'static Race) -> ! {
    loop {
        for (address, socket) in race.words.iter().cycle().zip(&race.sockets) {
            race.name[5].store(address.load(Ordering::Relaxed), Ordering::Relaxed);
            let at = race.descriptor.load(Ordering::Relaxed);
            match socket.load(Ordering::Relaxed) {
                NOTHING => {}
                CLOSED => drop(sys::close(at)),
                BOUND => drop(get!(BIND, at, address_of(&race.name), 28)),
                socket => drop(get!(DUP2, socket, at)),
            }
        }
        if race.stop.load(Ordering::Relaxed) {
            let _ = sys::close(race.descriptor.load(Ordering::Relaxed));
            sys::pause(60_000);
        }
    }
}

impl Race {
    /// Both addresses begin alike.
    fn between(&self, one: &Ip, other: &Ip, port: u16) {
        let [high, low] = port.to_be_bytes();
        self.name[0].store(u32::from_ne_bytes([28, 28, high, low]), Ordering::Relaxed);
        for index in 0..4 {
            self.name[2 + index].store(word(one, index), Ordering::Relaxed);
        }
        self.words[0].store(word(one, 3), Ordering::Relaxed);
        self.words[1].store(word(other, 3), Ordering::Relaxed);
    }
}

/// How often what was done: with one address, refused with the other, and what
/// must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    done: u32,
    refused: u32,
    wrong: u32,
}

fn until(deadline: i64, mut step: impl FnMut(&mut Count) -> Result<()>) -> Result<Count> {
    let mut count = Count::default();
    while sys::uptime() < deadline {
        step(&mut count)?;
    }
    Ok(count)
}

/// A socket is bound to the jail's address, or not at all.
fn bound() -> Result<Count> {
    RACE.between(&J6, &H6, 0);
    until(sys::uptime() + LASTS, |count| {
        let socket = Socket::new(UDP6)?;
        match get!(BIND, socket.fd, address_of(&RACE.name), 28) {
            Ok(_) if socket.name()? == J6 => count.done += 1,
            Err(Error(EADDRNOTAVAIL)) => count.refused += 1,
            _ => count.wrong += 1,
        }
        sys::close(socket.fd)
    })
}

/// A datagram to the machine's own address arrives at the jail's.
fn sent(own: Socket, localhost: Socket) -> Result<Count> {
    // Both begin with zeros, as the jail's address does not.
    RACE.between(&[0; 16], &L6, PORT);
    let name = &RACE.name;
    until(sys::uptime() + LASTS, |count| {
        let socket = Socket::new(UDP6)?;
        let _ = get!(SENDTO, socket.fd, &[0_u8], 1, 0, address_of(name), 28);
        sys::close(socket.fd)?;
        while own.receive().is_ok() {
            count.done += 1;
        }
        while localhost.receive().is_ok() {
            count.wrong += 1;
        }
        Ok(())
    })
}

/// No datagram leaves through a socket that is bound to the host's address, which
/// another thread puts behind the descriptor in turn with one of the jail's; and in
/// between it is closed.
fn swapped(own: Socket, theirs: Socket, between: Option<i32>) -> Result<Count> {
    let mine = Socket::new(UDP6)?;
    mine.bind(J6, 0)?;
    let at = Socket::new(UDP6)?;
    RACE.descriptor.store(at.fd, Ordering::Relaxed);
    for (place, socket) in RACE.sockets.iter().zip([mine.fd, between.unwrap_or(NOTHING), theirs.fd])
    {
        place.store(socket, Ordering::Relaxed);
    }
    let counted = until(sys::uptime() + LASTS, |count| {
        match at.send(0, J6, PORT) {
            Ok(()) | Err(Error(EBADF)) => {}
            Err(Error(EADDRNOTAVAIL)) => count.refused += 1,
            Err(_) => count.wrong += 1,
        }
        arrived(own, count)
    })?;
    for place in &RACE.sockets {
        place.store(NOTHING, Ordering::Relaxed);
    }
    // What the other thread had begun is over.
    sys::pause(50);
    let _ = sys::close(at.fd);
    Ok(counted)
}

/// Datagrams from the jail's address, and from others.
fn arrived(own: Socket, count: &mut Count) -> Result<()> {
    while let Ok((_, from)) = own.receive() {
        if from == J6 {
            count.done += 1;
        } else {
            count.wrong += 1;
        }
    }
    Ok(())
}

/// A socket of both families from before, to which the jail gives an address as it
/// sends, while another thread binds it to the jail's, to the host's or to "any".
fn bound_meanwhile(own: Socket, before: &[Socket]) -> Result<Count> {
    RACE.between(&J6, &H6, 0);
    let at = Socket::new(UDP6)?;
    RACE.descriptor.store(at.fd, Ordering::Relaxed);
    RACE.sockets[0].store(BOUND, Ordering::Relaxed);
    let mut count = Count::default();
    for socket in before {
        get!(DUP2, socket.fd, at.fd)?;
        match at.send(0, J6, PORT) {
            Ok(()) => {}
            Err(Error(EADDRNOTAVAIL)) => count.refused += 1,
            // The other thread was first, in the middle of it.
            Err(Error(EINVAL)) => {}
            Err(_) => count.wrong += 1,
        }
        if socket.name()? != J6 && socket.name()? != ANY6 {
            count.wrong += 1;
        }
        arrived(own, &mut count)?;
        sys::close(socket.fd)?;
    }
    RACE.stop.store(true, Ordering::Relaxed);
    sys::pause(50);
    arrived(own, &mut count)?;
    Ok(count)
}

/// Five races, on two processors.
pub fn race(_: &Context) -> Outcome {
    let ready = (|| {
        let sockets = [Socket::new(UDP6)?, Socket::new(UDP6)?, Socket::new(UDP6)?];
        for (socket, (ip, port)) in sockets.into_iter().zip([(J6, PORT), (L6, PORT), (H6, 0)]) {
            socket.bind(ip, port)?;
        }
        Ok::<_, Error>(sockets)
    })();
    let [own, localhost, theirs] =
        ready.map_err(|e| Text::of(format_args!("the sockets: {e:?}")))?;
    let counted = in_child(|| {
        let mut before = [own; 200];
        for socket in &mut before {
            *socket = Socket::new(UDP6)?;
        }
        let lists = Lists::of(&[J6]);
        Args::new(c"/jail", c"inside.example", &[]).with_ip6(lists.ip6()).enter()?;
        RACE.between(&J6, &H6, 0);
        sys::thread(change, &RACE)?;
        Ok::<_, Error>([
            bound()?,
            sent(own, localhost)?,
            swapped(own, theirs, None)?,
            swapped(own, theirs, Some(CLOSED))?,
            bound_meanwhile(own, &before)?,
        ])
    });
    let Ok(Ok(Ok(counts))) = counted else {
        return Err(Text::of(format_args!("the races: {counted:?}")));
    };
    for (what, count) in
        ["bound", "sent", "swapped", "closed", "bound meanwhile"].into_iter().zip(counts)
    {
        say!("    # {what}: {count:?}");
    }
    let [bound, sent, swapped, closed, meanwhile] = counts;
    want!("what must not be", counts.map(|count| count.wrong), [0; 5]);
    // Each came to both.
    want!("bound and refused", bound.done > 0 && bound.refused > 0, true);
    want!("sent", sent.done > 0, true);
    want!("swapped and refused", swapped.done > 0 && swapped.refused > 0, true);
    want!("closed, and refused", closed.done > 0 && closed.refused > 0, true);
    want!("bound meanwhile", meanwhile.done > 0, true);
    for socket in [own, localhost, theirs] {
        let _ = sys::close(socket.fd);
    }
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}
