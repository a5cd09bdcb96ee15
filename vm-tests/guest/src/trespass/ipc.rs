// SPDX-License-Identifier: BSD-2-Clause
//! Objects of IPC: the host's, a jail's, another jail's with the same root, by
//! the same name, key and number.

use core::ffi::CStr;

use cases::world::{JAIL_ADDR, SIBLING_ADDR};

use super::{Party, early, int, jails_gone, second_line, value};
use crate::answer::want;
use crate::console::Text;
use crate::errno::{EEXIST, EINVAL, ENOENT, ENOSYS, EOPNOTSUPP};
use crate::jail::{Kind, PAPER, SYSVIPC, SYSVIPC_OWN};
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome};
use crate::say;
use crate::sys::{self, Error, Result};

const NOT_FOUND: i64 = -(ENOENT as i64);
const NO_SUCH_NUMBER: i64 = -(EINVAL as i64);
const NOT_THERE: i64 = -(ENOSYS as i64);

const O_RDWR: i32 = 2;
const O_CREAT: i32 = 0x0200;
const O_EXCL: i32 = 0x0800;
const ANEW: i64 = (O_CREAT | O_EXCL) as i64;
const IF_NONE: i64 = O_CREAT as i64;

/// A name as what it begins with, which is the jail's number or the path of its
/// root, and how it ends.
fn name(begin: i64, end: i64) -> Text<64> {
    let end = ["object", "other"][usize::from(end == 1)];
    match begin {
        0 => Text::of(format_args!("/{end}\0")),
        1 => Text::of(format_args!("/jail/{end}\0")),
        jid => Text::of(format_args!("/rjail/{jid}/{end}\0")),
    }
}

fn path(text: &Text<64>) -> &CStr {
    CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default()
}

/// Two kinds of objects with names.
#[derive(Clone, Copy)]
struct Named {
    open: fn(&CStr, i32) -> Result<usize>,
    unlink: fn(&CStr) -> Result<usize>,
}

const MEMORY: Named = Named {
    open: |path, flags| {
        let fd = get!(SHM_OPEN2, path, O_RDWR | flags, 0o666, 0, 0)?;
        sys::close(int(fd as i64)).map(|()| 0)
    },
    unlink: |path| get!(SHM_UNLINK, path),
};

const SEMAPHORE: Named = Named {
    open: |path, flags| {
        let mut id = [0_i64; 1];
        get!(KSEM_OPEN, &mut id, path, flags, 0o666, 0)?;
        sys::close(int(id[0])).map(|()| 0)
    },
    unlink: |path| get!(KSEM_UNLINK, path),
};

const QUEUE: Named = Named {
    open: |path, flags| {
        let fd = get!(KMQ_OPEN, path, O_RDWR | flags, 0o666, 0)?;
        sys::close(int(fd as i64)).map(|()| 0)
    },
    unlink: |path| get!(KMQ_UNLINK, path),
};

const KINDS: [Named; 3] = [MEMORY, SEMAPHORE, QUEUE];

/// Opens: which kind, what the name begins with, how it ends, with which flags.
fn open([kind, begin, end, flags]: [i64; 4]) -> i64 {
    value((KINDS[usize::try_from(kind).unwrap_or(0)].open)(path(&name(begin, end)), int(flags)))
}

fn unlink([kind, begin, end, _]: [i64; 4]) -> i64 {
    value((KINDS[usize::try_from(kind).unwrap_or(0)].unlink)(path(&name(begin, end))))
}

fn jid(_: [i64; 4]) -> i64 {
    sys::sysctl_number("security.rjail.jid").unwrap_or(-1)
}

/// The host and two jails with one root meet at one name.
fn meet(kind: i64, jails: Kind) -> Outcome {
    let ours = jails == Kind::Rjail;
    let both = ours && second_line();
    let host = early("a process outside", Party::outside())?;
    let a = early("a jail", Party::inside(jails))?;
    let b = early("another jail", Party::sibling(jails))?;
    // What the kernel puts before the names of each jail.
    let begin = |jail: &Party| match (ours, both) {
        (true, true) => jail.ask(jid, [0; 4]),
        (true, false) => 0,
        (false, _) => 1,
    };
    let (of_a, of_b) = (begin(&a), begin(&b));
    let (found_natively, made_by_both) =
        (if ours { NOT_FOUND } else { 0 }, if both { 0 } else { NOT_FOUND });

    // The host makes one where the kernel looks for the jail's.
    want!("outside, a new one", host.ask(open, [kind, of_a, 0, ANEW]), 0);
    want!("outside, it is there", host.ask(open, [kind, of_a, 0, 0]), 0);
    want!("inside, the host's", a.ask(open, [kind, 0, 0, 0]), found_natively);
    want!("inside, the host's, to remove", a.ask(unlink, [kind, 0, 0, 0]), found_natively);
    let left = host.ask(unlink, [kind, of_a, 0, 0]);
    want!("outside, its end", left, if ours { 0 } else { NOT_FOUND });

    want!("inside, nothing", a.ask(open, [kind, 0, 1, 0]), NOT_FOUND);
    want!("inside, a new one", a.ask(open, [kind, 0, 1, ANEW]), 0);
    want!("inside, its own", a.ask(open, [kind, 0, 1, 0]), 0);
    want!("outside, the jail's", host.ask(open, [kind, of_a, 1, 0]), 0);
    want!("inside, another's", b.ask(open, [kind, 0, 1, 0]), found_natively);
    // With both lines it is a name of its own; with the label alone it is taken.
    let made = if ours { made_by_both } else { 0 };
    want!("inside, another's name", b.ask(open, [kind, 0, 1, IF_NONE]), made);
    want!("inside, its own, removed", b.ask(unlink, [kind, 0, 1, 0]), made);
    want!("inside, removed again", b.ask(unlink, [kind, 0, 1, 0]), NOT_FOUND);
    let still = a.ask(open, [kind, 0, 1, 0]);
    want!("inside, its own afterwards", still, if ours { 0 } else { NOT_FOUND });
    want!("inside, one more", b.ask(open, [kind, 0, 1, IF_NONE]), made);
    drop(b);
    drop(a);
    if ours && !both {
        // Memory keeps its maker's credential, and the label knows nothing of names
        // that a jail leaves: it lasts as long as they.
        want!("left with the label alone", host.ask(unlink, [kind, of_a, 1, 0]), 0);
    }
    jails_gone()?;
    // Memory goes with the jail where line two knows whose it was; a semaphore's
    // name stays, in native jails too.
    let remains = |of: i64| host.ask(unlink, [kind, of, 1, 0]) == 0;
    let gone_with_jail = kind == 0 && (both || !ours);
    if !ours {
        // One name: it was the last that was made, and memory of it is gone
        // when the last process of its jail is.
        let deadline = sys::uptime() + 3000;
        while kind == 0 && host.ask(open, [kind, of_b, 1, 0]) == 0 && sys::uptime() < deadline {
            sys::pause(10);
        }
        want!("left by a native jail", remains(of_b), !gone_with_jail);
    } else if both {
        want!("left by the jails", [remains(of_a), remains(of_b)], [!gone_with_jail; 2]);
    }
    Ok(())
}

/// POSIX shared memory.
pub fn posix_memory(_: &Context) -> Outcome {
    meet(0, Kind::Native)?;
    meet(0, Kind::Rjail)
}

/// The module that has them.
pub const SEM: &CStr = c"/rjail/sem.ko";
/// And of queues.
pub const MQUEUE: &CStr = c"/rjail/mqueuefs.ko";

/// With a module of the release's loaded, which may be one that stays.
fn with_module(module: &CStr, work: impl FnOnce() -> Outcome) -> Outcome {
    let id = match sys::kldload(module) {
        Err(Error(EEXIST)) => None,
        other => Some(early("kldload", other)?),
    };
    let outcome = work();
    match id.map_or(Ok(()), sys::kldunload) {
        Err(Error(EOPNOTSUPP)) => outcome,
        other => outcome.and(early("kldunload", other)),
    }
}

/// POSIX semaphores of the kernel's.
pub fn posix_semaphores(_: &Context) -> Outcome {
    with_module(SEM, || {
        meet(1, Kind::Native)?;
        meet(1, Kind::Rjail)
    })
}

/// POSIX message queues: no hook asks about them, and the kernel keeps apart what
/// was made under different roots. These jails have one root, as no two should.
pub fn posix_queues(_: &Context) -> Outcome {
    with_module(MQUEUE, || {
        let both = second_line();
        for jails in [Kind::Native, Kind::Rjail] {
            let host = early("a process outside", Party::outside())?;
            let a = early("a jail", Party::inside(jails))?;
            let b = early("another jail", Party::sibling(jails))?;
            let apart = both || jails == Kind::Native;
            want!("outside, a new one", host.ask(open, [2, 0, 0, ANEW]), 0);
            let hosts = a.ask(open, [2, 0, 0, 0]);
            want!("inside, the host's", hosts, if apart { NOT_FOUND } else { 0 });
            want!("outside, its end", host.ask(unlink, [2, 0, 0, 0]), 0);
            want!("inside, a new one", a.ask(open, [2, 0, 1, ANEW]), 0);
            want!("inside, its own", a.ask(open, [2, 0, 1, 0]), 0);
            let jails_own = host.ask(open, [2, 0, 1, 0]);
            want!("outside, the jail's", jails_own, if apart { NOT_FOUND } else { 0 });
            want!("inside, another's with its root", b.ask(open, [2, 0, 1, 0]), 0);
            want!("inside, its end", a.ask(unlink, [2, 0, 1, 0]), 0);
            drop(b);
            drop(a);
            jails_gone()?;
        }
        Ok(())
    })
}

// System V.

const KEY: i64 = 0x7e57;
const IPC_CREAT: i64 = 0o1000;
const IPC_EXCL: i64 = 0o2000;
const IPC_RMID: i32 = 0;
const IPC_STAT: i32 = 2;
const GETPID: i32 = 4;
const NEW: i64 = IPC_CREAT | IPC_EXCL | 0o666;
const NOWAIT: i32 = 0o4000;

/// shmget(2), semget(2), msgget(2): which, the flags.
fn get_by_key([which, flags, ..]: [i64; 4]) -> i64 {
    let (key, flags) = (int(KEY), int(flags));
    value(match which {
        0 => get!(SHMGET, key, 4096, flags),
        1 => get!(SEMGET, key, 1, flags),
        _ => get!(MSGGET, key, flags),
    })
}

/// One call on an object by its number, by its place in [`CALLS`].
fn use_it([call, id, ..]: [i64; 4]) -> i64 {
    let (_, call) = CALLS[usize::try_from(call).unwrap_or(0)];
    call(int(id))
}

type Use = fn(i32) -> i64;

/// Which kind it is of, and the call; the last three are its end.
const CALLS: [(i64, Use); 10] = [
    (0, |id| value(get!(SHMCTL, id, IPC_STAT, &mut [0_u8; 256]))),
    (0, |id| value(sys::attach(id).map(|()| 0))),
    (1, |id| value(get!(SEMCTL, id, 0, GETPID, &[0_usize]).map(|_| 0))),
    (1, |id| value(get!(SEMOP, id, &[0_u16, 1, 0], 1))),
    (2, |id| value(get!(MSGCTL, id, IPC_STAT, &mut [0_u8; 256]))),
    (2, |id| value(get!(MSGSND, id, &[1_i64, 0], 8, NOWAIT))),
    (2, |id| {
        let taken = value(get!(MSGRCV, id, &mut [0_i64; 2], 8, 0, NOWAIT));
        if taken == 8 { 0 } else { taken }
    }),
    (0, |id| value(get!(SHMCTL, id, IPC_RMID, 0))),
    (1, |id| value(get!(SEMCTL, id, 0, IPC_RMID, 0))),
    (2, |id| value(get!(MSGCTL, id, IPC_RMID, 0))),
];
const ENDS: usize = 7;

/// Makes one of each; their numbers.
fn make(party: &Party) -> [i64; 3] {
    [0, 1, 2].map(|which| party.ask(get_by_key, [which, NEW, 0, 0]))
}

/// Uses each in each way but the last; whether all answers were this.
fn all_answer(party: &Party, ids: [i64; 3], calls: core::ops::Range<usize>, wanted: i64) -> bool {
    let mut good = true;
    for (place, (which, _)) in CALLS.iter().enumerate().take(calls.end).skip(calls.start) {
        let id = ids[usize::try_from(*which).unwrap_or(0)];
        let got = party.ask(use_it, [place as i64, id, 0, 0]);
        if got != wanted {
            say!("    # call {place} on {id}: got {got}, wanted {wanted}");
            good = false;
        }
    }
    good
}

fn remove(party: &Party, ids: [i64; 3]) -> bool {
    all_answer(party, ids, ENDS..CALLS.len(), 0)
}

fn by_key(party: &Party) -> [i64; 3] {
    [0, 1, 2].map(|which| party.ask(get_by_key, [which, 0o666, 0, 0]))
}

/// How many segments, sets and queues the lists show, two digits each.
fn listed(_: [i64; 4]) -> i64 {
    /// Where the mode is, in each.
    const MODE: usize = 16;
    // The list, how many it has room for, what says that one is there.
    const LISTS: [(&str, &str, u16); 3] = [
        ("kern.ipc.shmsegs", "kern.ipc.shmmni", 0o4000),
        ("kern.ipc.sema", "kern.ipc.semmni", 0o1000),
        ("kern.ipc.msqids", "kern.ipc.msgmni", 0o777),
    ];
    let mut bytes = [0_u8; 32 << 10];
    LISTS.iter().fold(0, |sum, (list, room, there)| {
        let length = sys::sysctl_named(list, &mut bytes, None).unwrap_or(0);
        let room = sys::sysctl_number(room).ok().and_then(|room| usize::try_from(room).ok());
        let size = length / room.unwrap_or(1).max(1);
        let is_there = |one: &&[u8]| u16::from_le_bytes([one[MODE], one[MODE + 1]]) & there != 0;
        let count = bytes[..length].chunks(size.max(MODE + 2)).filter(is_there).count();
        sum * 100 + count as i64
    })
}

/// With no flag there is no System V IPC; with one of its own it is the jail's
/// and ends with it.
fn own(both: bool) -> Outcome {
    let host = early("a process outside", Party::outside())?;
    let none = early("a jail without", Party::with_flags(JAIL_ADDR, PAPER))?;
    let hosts = make(&host);
    want!("outside, new ones", hosts.iter().all(|id| *id >= 0), true);
    want!("outside, used", all_answer(&host, hosts, 0..ENDS, 0), true);
    if both {
        want!("without the flag, by key", by_key(&none), [NOT_THERE; 3]);
        want!("without the flag, new ones", make(&none), [NOT_THERE; 3]);
        want!("without the flag, listed", none.ask(listed, [0; 4]), 0);
        want!(
            "without the flag, by number",
            all_answer(&none, hosts, 0..CALLS.len(), NOT_THERE),
            true
        );
    } else {
        want!("the label alone, by key", by_key(&none), [NOT_FOUND; 3]);
        want!(
            "the label alone, by number",
            all_answer(&none, hosts, 0..CALLS.len(), NO_SUCH_NUMBER),
            true
        );
    }
    drop(none);
    if both {
        let a = early("a jail", Party::with_flags(JAIL_ADDR, PAPER | SYSVIPC_OWN))?;
        let b = early("another", Party::with_flags(SIBLING_ADDR, PAPER | SYSVIPC_OWN))?;
        want!("own, nothing by key", by_key(&a), [NOT_FOUND; 3]);
        let (of_a, of_b) = (make(&a), make(&b));
        want!("own, the same key", of_a.iter().chain(&of_b).all(|id| *id >= 0), true);
        let apart =
            (0..3).all(|i| of_a[i] != of_b[i] && of_a[i] != hosts[i] && of_b[i] != hosts[i]);
        want!("own, all different", apart, true);
        want!("own, by key", by_key(&a), of_a);
        want!("own, used", all_answer(&a, of_a, 0..ENDS, 0), true);
        want!("own, another's", all_answer(&b, of_a, 0..CALLS.len(), NO_SUCH_NUMBER), true);
        want!("own, the host's", all_answer(&a, hosts, 0..CALLS.len(), NO_SUCH_NUMBER), true);
        want!("outside, the jail's", all_answer(&host, of_a, 0..ENDS, 0), true);
        want!("listed", [&host, &a, &b].map(|p| p.ask(listed, [0; 4])), [30303, 10101, 10101]);
        want!("own, removed", remove(&b, of_b), true);
        drop(b);
        drop(a);
        jails_gone()?;
        want!("gone with the jail", all_answer(&host, of_a, 0..CALLS.len(), NO_SUCH_NUMBER), true);
    }
    want!("outside, by key", by_key(&host), hosts);
    want!("outside, removed", remove(&host, hosts), true);
    jails_gone()
}

/// The paper's switch: the host's are the jail's, another jail's are not.
fn shared(both: bool, native: bool) -> Outcome {
    let start = |address| {
        if native {
            const ALLOWED: &[&CStr] = &[c"allow.sysvipc"];
            Party::start(|| sys::jail_set_and_enter(c"/jail", 2, ALLOWED))
        } else {
            Party::with_flags(address, PAPER | SYSVIPC)
        }
    };
    let host = early("a process outside", Party::outside())?;
    let a = early("a jail that shares", start(JAIL_ADDR))?;
    let b = early("another", start(SIBLING_ADDR))?;
    let hosts = make(&host);
    want!("shared, the host's", all_answer(&a, hosts, 0..ENDS, 0), true);
    // Keys are each prison's own in the kernel, numbers are not; with the label
    // alone there is one prison.
    let keys = if both || native { [NOT_FOUND; 3] } else { hosts };
    want!("shared, the host's, by key", by_key(&a), keys);
    want!("shared, the host's, removed", remove(&a, hosts), true);
    let of_a = make(&a);
    want!("shared, its own", all_answer(&a, of_a, 0..ENDS, 0), true);
    want!("shared, its own, by key", by_key(&a), of_a);
    let (another, anothers_key) = if native { (0, NOT_FOUND) } else { (NO_SUCH_NUMBER, NOT_FOUND) };
    want!("shared, another's, by key", by_key(&b), [anothers_key; 3]);
    want!("shared, another's", all_answer(&b, of_a, 0..ENDS, another), true);
    if !native {
        want!("shared, another's, removed", all_answer(&b, of_a, ENDS..CALLS.len(), another), true);
    }
    want!("shared, outside", all_answer(&host, of_a, 0..ENDS, 0), true);
    want!("shared, outside, removed", remove(&host, of_a), true);
    drop(b);
    drop(a);
    jails_gone()
}

/// System V memory, semaphores and queues.
pub fn system_v(_: &Context) -> Outcome {
    let both = second_line();
    own(both)?;
    shared(both, true)?;
    shared(both, false)
}
