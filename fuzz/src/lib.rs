// SPDX-License-Identifier: BSD-2-Clause
//! What a process can hand to the module, made from a fuzzer's bytes, and what must
//! hold of whatever becomes of it. `scripts/fuzz` has libFuzzer choose the bytes.

#![forbid(unsafe_code)]

mod memory;

use std::net::{Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary, Unstructured};
use memory::{BASE, Process};
use rjail::address::{self, Address, Any, Lines, Loopback};
use rjail::arming::Arming;
use rjail::interpose::{Asked, Found, STATUS, Whom, no_pids, no_status, number};
use rjail::kernel::plain::bytes_of;
use rjail::kill::Order;
use rjail::prison::{Addresses, Default as Sysctl, JailFlags, Name};
use rjail::privilege::{LONGEST, Named, Numbers, Privilege, TABLE, Verdict};
use rjail::request::{self, HOSTNAME, Memory as _, PATH, Request, Which};
use rjail::sockaddr::{AT, AT6, NEEDED, NEEDED6, Sockaddr};
use rjail::{Errno, device};

/// A target.
pub type Target = fn(&[u8]);

/// Each, by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("request", |bytes| with(bytes, request)),
    ("structures", |bytes| with(bytes, structures)),
    ("privileges", |bytes| with(bytes, privileges)),
    ("sockaddr", |bytes| with(bytes, sockaddr)),
    ("interpose", |bytes| with(bytes, interpose)),
    ("settings", |bytes| with(bytes, settings)),
];

fn with<'a, T: Arbitrary<'a>>(bytes: &'a [u8], target: fn(T)) {
    if let Ok(input) = T::arbitrary_take_rest(Unstructured::new(bytes)) {
        target(input);
    }
}

/// A kernel's numbers: the table's order, from 1; the last two names share one where
/// the table lets them.
const NUMBERS: Numbers = {
    let mut header = [(0_u16, ""); TABLE.len()];
    let (mut i, mut number) = (0, 0_u16);
    while i < TABLE.len() {
        number += 1;
        header[i] = (number, TABLE[i].name);
        i += 1;
    }
    Numbers::bind(15, &header)
};

/// A pointer of a structure: to what it should be, or anywhere.
#[derive(Arbitrary, Debug)]
enum Pointer<T> {
    Null,
    Wild(usize),
    To(T),
}

impl<T> Pointer<T> {
    /// The address of it, in a process's memory to which it is added.
    fn place(&self, memory: &mut Vec<u8>, bytes: impl FnOnce(&T) -> Vec<u8>) -> usize {
        match self {
            Self::Null => 0,
            Self::Wild(address) => *address,
            Self::To(what) => {
                let at = BASE + memory.len();
                memory.extend(bytes(what));
                at
            }
        }
    }
}

/// A number that is mostly right.
#[derive(Arbitrary, Debug)]
enum Mostly {
    Right,
    Near(i8),
    Wrong(u32),
}

impl Mostly {
    fn near(&self, right: usize) -> u32 {
        let right = u32::try_from(right).expect("small");
        match self {
            Self::Right => right,
            Self::Near(off) => right.wrapping_add_signed(i32::from(*off)),
            Self::Wrong(number) => *number,
        }
    }
}

/// A byte string, repeated to be long, with a NUL behind it or without.
#[derive(Arbitrary, Debug)]
struct Word {
    text: Vec<u8>,
    times: u16,
    open: bool,
}

impl Word {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.text.repeat(usize::from(self.times % 1100).max(1));
        bytes.truncate(LONGEST + 8);
        if !self.open {
            bytes.push(0);
        }
        bytes
    }
}

/// A word of the privileges' text.
#[derive(Arbitrary, Debug)]
enum Part {
    Known(bool, u8),
    Raw(Vec<u8>),
    Blank,
}

fn text(parts: &[Part]) -> Vec<u8> {
    let mut text = Vec::new();
    for part in parts {
        match part {
            Part::Known(given, which) => {
                let privilege = Privilege::ALL[usize::from(*which) % Privilege::ALL.len()];
                text.push(if *given { b'+' } else { b'-' });
                text.extend_from_slice(privilege.name().as_bytes());
            }
            Part::Raw(bytes) => text.extend_from_slice(bytes),
            Part::Blank => {}
        }
        text.push(b' ');
    }
    text
}

/// Arguments of rjail(2), and another thread that writes to them.
#[derive(Arbitrary, Debug)]
struct Given {
    size: Mostly,
    version: Mostly,
    path: Pointer<Word>,
    hostname: Pointer<Word>,
    name: Pointer<Word>,
    privileges: Pointer<Vec<Part>>,
    ip4: Pointer<Vec<[u8; 4]>>,
    ip4s: Mostly,
    ip6: Pointer<Vec<[u8; 16]>>,
    ip6s: Mostly,
    flags: u32,
    loopback: Mostly,
    at: Mostly,
    race: Option<(u8, u8, u8)>,
}

fn count<T>(list: &Pointer<Vec<T>>) -> usize {
    if let Pointer::To(list) = list { list.len() } else { 0 }
}

/// rjail(2), rjail_hold(2): what comes through is within its limits, whatever the
/// process writes meanwhile; what is wrong is refused with its errno.
fn request(given: Given) {
    let mut memory = vec![0; size_of::<abi::Args>()];
    let args = abi::Args {
        size: given.size.near(size_of::<abi::Args>()),
        version: given.version.near(1),
        path: given.path.place(&mut memory, Word::bytes),
        hostname: given.hostname.place(&mut memory, Word::bytes),
        ip4: given.ip4.place(&mut memory, |list| list.concat()),
        ip4s: given.ip4s.near(count(&given.ip4)),
        flags: given.flags,
        privileges: given.privileges.place(&mut memory, |parts| [text(parts), vec![0]].concat()),
        ip6: given.ip6.place(&mut memory, |list| list.concat()),
        ip6s: given.ip6s.near(count(&given.ip6)),
        loopback: given.loopback.near(0),
        name: given.name.place(&mut memory, Word::bytes),
    };
    memory[..size_of::<abi::Args>()].copy_from_slice(bytes_of(&args));
    let at = usize::try_from(given.at.near(BASE)).expect("64 bits");
    let race = given.race.map(|(reads, place, byte)| (reads, usize::from(place), byte));
    let process = Process::new(memory, race);
    let answer = Request::read(&process, at, &NUMBERS);
    assert!(process.written.borrow().is_empty(), "arguments are not written to");
    if race.is_none() && at == BASE {
        let wrong = [
            usize::try_from(args.size) != Ok(size_of::<abi::Args>()),
            args.version != abi::VERSION,
            args.ip4s > abi::MAX_IP4 || args.ip6s > abi::MAX_IP6,
            args.loopback > abi::loopback::SHARE,
        ];
        if wrong.contains(&true) {
            assert_eq!(answer.as_ref().err(), Some(&Errno::EINVAL), "{args:?}");
        } else if args.path == 0 || args.hostname == 0 {
            assert!(answer.is_err());
        }
    }
    let request = match answer {
        Ok(request) => request,
        Err(errno) => {
            let known = [Errno::EFAULT, Errno::EINVAL, Errno::ENAMETOOLONG];
            assert!(known.contains(&errno), "{errno:?}");
            return;
        }
    };
    assert!(request.path.as_bytes().len() < PATH);
    assert!(request.hostname.as_bytes().len() < HOSTNAME);
    assert!(request.name.bytes().len() <= Name::LONGEST);
    assert!(request.ip4.len() <= address::MAX && request.ip6.len() <= address::MAX);
    assert_eq!(request.flags & abi::DEFAULTS, 0);
    holds(&request.named);
    if !request.name.is_none() {
        let again = Name::new(request.name.bytes()).expect("a name");
        assert_eq!(again, request.name);
        assert!(!request.name.bytes().iter().any(|byte| b":=/, ".contains(byte)));
    }
    if let Ok(made) = Addresses::new(request.ip4.clone(), request.ip6.clone(), request.loopback) {
        for (list, given, local) in [
            (made.inet().list.len(), request.ip4.len(), made.inet().has(Ipv4Addr::LOCALHOST)),
            (made.inet6().list.len(), request.ip6.len(), made.inet6().has(Ipv6Addr::LOCALHOST)),
        ] {
            assert!(list <= address::MAX && list - given <= 1);
            assert!(given == 0 || request.loopback != Loopback::Share || local);
        }
        assert_eq!(made.inet().list.first(), request.ip4.first());
        assert_eq!(made.inet6().list.first(), request.ip6.first());
        distinct(made.inet().list);
        distinct(made.inet6().list);
    }
}

fn distinct<A: Address>(list: &[A]) {
    for (i, address) in list.iter().enumerate() {
        assert!(address.can_be_a_jails() && !list[..i].contains(address), "{address:?}");
    }
}

/// Of no privilege both, none that cannot be given.
fn holds(named: &Named) {
    for privilege in Privilege::ALL {
        let (given, taken) = (named.given.contains(privilege), named.taken.contains(privilege));
        assert!(!(given && taken), "{privilege:?}");
        assert!(!given || privilege.row().verdict != Verdict::Deny, "{privilege:?}");
    }
}

/// What is read from a text is what the text of it reads as, and how often each name
/// comes in it.
fn privileges(parts: Vec<Part>) {
    let text = text(&parts);
    let Ok(named) = Named::parse(&NUMBERS, &text) else {
        return;
    };
    holds(&named);
    let signs = [('+', named.given), ('-', named.taken)];
    let words = signs.into_iter().flat_map(|(sign, set)| set.iter().map(move |p| (sign, p)));
    let printed: Vec<String> = words.map(|(sign, p)| format!("{sign}{}", p.name())).collect();
    assert_eq!(Named::parse(&NUMBERS, printed.join(" ").as_bytes()), Ok(named));
    let mut given: Vec<&[u8]> = text.split(|byte| *byte == b' ').collect();
    given.retain(|word| !word.is_empty());
    given.sort_unstable();
    let mut printed: Vec<&[u8]> = printed.iter().map(|word| word.as_bytes()).collect();
    printed.sort_unstable();
    assert_eq!(given, printed);
}

/// Any of the other structures.
#[derive(Arbitrary, Debug)]
struct Structure {
    kind: u8,
    size: Mostly,
    version: Mostly,
    at: Mostly,
    body: Vec<u8>,
    race: Option<(u8, u8, u8)>,
    name: Pointer<Word>,
    exact: Option<u8>,
    which: u32,
    jid: i64,
    signal: i32,
    flags: u32,
    milliseconds: u64,
    room: u32,
    offset: u16,
    rows: u8,
}

fn sized<T: request::Structure>(given: &Structure) {
    let mut memory = vec![0_u8; size_of::<T>()];
    for (to, from) in memory.iter_mut().skip(8).zip(&given.body) {
        *to = *from;
    }
    let head = (given.size.near(size_of::<T>()), given.version.near(1));
    memory[..4].copy_from_slice(&head.0.to_ne_bytes());
    memory[4..8].copy_from_slice(&head.1.to_ne_bytes());
    let at = usize::try_from(given.at.near(BASE)).expect("64 bits");
    let race = given.race.map(|(reads, place, byte)| (reads, usize::from(place), byte));
    let right = (u32::try_from(size_of::<T>()).expect("small"), abi::VERSION);
    match request::structure::<T>(&Process::new(memory, race), at) {
        Ok(value) => assert_eq!(value.head(), right),
        Err(errno) if race.is_none() && at == BASE => {
            assert!(errno == Errno::EINVAL && head != right);
        }
        Err(errno) => assert!([Errno::EINVAL, Errno::EFAULT].contains(&errno)),
    }
}

/// rjail_get(2), rjail_attach(2), rjail_kill(2), rjail_why(2): their structures, what
/// is in them, and lists and strings that go out: no byte more than there is room for.
fn structures(given: Structure) {
    match given.kind % 5 {
        0 => sized::<abi::Args>(&given),
        1 => sized::<abi::Info>(&given),
        2 => sized::<abi::Attach>(&given),
        3 => sized::<abi::Kill>(&given),
        _ => sized::<abi::Why>(&given),
    }
    match Which::new(given.which, given.jid) {
        Ok(Which::This(jid) | Which::Next(jid)) => assert_eq!(i64::try_from(jid), Ok(given.jid)),
        Ok(Which::HeldBy(descriptor)) => assert_eq!(i64::from(descriptor), given.jid),
        Err(Errno::EBADF) => {
            assert!(given.which == abi::HELD_BY && i32::try_from(given.jid).is_err());
        }
        Err(errno) => {
            assert_eq!(errno, Errno::EINVAL);
            assert!(given.which > abi::HELD_BY || given.jid < 0);
        }
    }
    let signal = if given.flags.is_multiple_of(3) { given.signal % 200 } else { 9 };
    let wait = if given.flags & 4 == 0 { given.milliseconds % 4_000_000 } else { 0 };
    match Order::new(signal, given.flags % 3, wait) {
        Ok(order) => {
            assert!((0..=128).contains(&order.signal));
            assert_eq!(order.close.is_some(), given.flags % 3 == abi::CLOSE);
            assert!(order.close.is_none_or(|_| order.signal == 9));
            assert!(order.close.unwrap_or(wait) == wait && wait <= abi::MAX_WAIT);
            assert!(order.close.is_some() || wait == 0);
        }
        Err(errno) => assert_eq!(errno, Errno::EINVAL),
    }
    let mut memory = Vec::new();
    let exact = given.exact.map(|which| Privilege::ALL[usize::from(which) % Privilege::ALL.len()]);
    let at = match exact {
        Some(privilege) => Pointer::To(privilege)
            .place(&mut memory, |known| [known.name().as_bytes(), &[0]].concat()),
        None => given.name.place(&mut memory, Word::bytes),
    };
    match request::privilege(&Process::new(memory, None), at, &NUMBERS) {
        Ok(privilege) => assert!(exact.is_none_or(|exact| exact == privilege)),
        Err(errno) => {
            assert!(exact.is_none(), "{exact:?}");
            let known = [Errno::EINVAL, Errno::EFAULT, Errno::ENAMETOOLONG];
            assert!(known.contains(&errno), "{errno:?}");
        }
    }
    outwards(&given);
}

fn outwards(given: &Structure) {
    let to = usize::from(given.offset);
    let process = Process::new(vec![0; 0x2000], None);
    let room = if given.flags & 8 == 0 { given.room % 300 } else { given.room };
    let rows = (0..given.rows).map(|row| [row; 24]);
    if let Ok(there) = process.write_list(to, room, rows) {
        assert_eq!(there, u32::from(given.rows));
        let written: usize = process.written.borrow().iter().map(|(_, len)| len).sum();
        let fits = if to == 0 { 0 } else { room.min(there) };
        assert_eq!(written, usize::try_from(fits).expect("64 bits") * 24);
    }
    for (at, len) in process.written.borrow().iter() {
        let end = to as u128 + u128::from(room) * 24;
        assert!(*at >= to && (at + len) as u128 <= end && to != 0, "{at} {len}");
    }
    let process = Process::new(vec![0; 0x2000], None);
    if let Ok(size) = process.write_string(to, room, &given.body) {
        assert_eq!(usize::try_from(size).expect("64 bits"), given.body.len() + 1);
        let all = to != 0 && room >= size;
        assert_eq!(!process.written.borrow().is_empty(), all);
    }
    let written: usize = process.written.borrow().iter().map(|(_, len)| len).sum();
    assert!(written as u128 <= u128::from(room), "{written} {room}");
}

/// A jail's addresses, and a name that a process gives to a socket.
#[derive(Arbitrary, Debug)]
struct Named4 {
    ip4: Vec<[u8; 4]>,
    ip6: Vec<[u8; 16]>,
    loopback: u8,
    alone: bool,
    v6only: bool,
    family: u8,
    /// One of the jail's, one of the machine's, or as `raw` has it.
    own: u8,
    raw: Vec<u8>,
}

/// bind(2), connect(2): the address that is in the name afterwards is the jail's, or
/// another's where that may be; again is the same; and no other byte has changed.
fn sockaddr(given: Named4) {
    let loopback =
        [Loopback::Rewrite, Loopback::Refuse, Loopback::Share][usize::from(given.loopback % 3)];
    let ip4: Vec<_> = given.ip4.iter().copied().map(Ipv4Addr::from).collect();
    let ip6: Vec<_> = given.ip6.iter().copied().map(Ipv6Addr::from).collect();
    let Ok(own) = Addresses::new(ip4, ip6, loopback) else { return };
    let lines = if given.alone { Lines::LabelAlone } else { Lines::Both };
    let mut bytes = given.raw.clone();
    bytes.truncate(255);
    if let Some(family) = bytes.get_mut(1) {
        *family = [2, 28, *family][usize::from(given.family % 3)];
    }
    let wanted: Option<Ipv6Addr> = match given.own % 6 {
        0 => own.inet().list.last().map(|address| address.to_ipv6_mapped()),
        1 => own.inet6().list.last().copied(),
        2 => Some(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
        3 => Some(Ipv6Addr::LOCALHOST),
        4 => Some(Ipv6Addr::UNSPECIFIED),
        _ => None,
    };
    if let Some(address) = wanted {
        Sockaddr::new(&mut bytes).set_inet6(address);
    }
    let found = Sockaddr::new(&mut bytes).inet6();
    let family = bytes.get(1).copied();
    let long = [(2, NEEDED), (28, NEEDED6)]
        .iter()
        .any(|(is, needed)| family == Some(*is) && bytes.len() >= *needed);
    assert_eq!(found.is_some(), long);
    if let Some(asked) = Sockaddr::new(&mut bytes.clone()).inet() {
        assert_eq!(asked.octets(), bytes[AT..AT + 4]);
        let bound = address::local(own.inet(), asked, Any::OneFamily, lines);
        check(&bytes, bound, |name, address| name.set_inet(address), |name| name.inet(), AT, 4);
        if let Ok(address) = bound {
            assert!(own.inet().has(address) || (address == Ipv4Addr::ANY && !given.alone));
            assert_eq!(address::local(own.inet(), address, Any::OneFamily, lines), bound);
        }
        let reached = address::remote(own.inet(), asked, lines);
        if let Ok(address) = reached {
            // Where a jail shares the machine's, what it has not itself is reached there.
            let another = !asked.is_loopback() || loopback == Loopback::Share;
            assert!(own.inet().has(address) || address == asked && another);
            assert_eq!(address::remote(own.inet(), address, lines), reached);
        }
    }
    if let Some(asked) = found {
        let bound = address::local_dual(own.inet(), own.inet6(), asked, given.v6only, lines);
        let (at, len) = if family == Some(2) { (AT, 4) } else { (AT6, 16) };
        check(&bytes, bound, |name, address| name.set_inet6(address), |n| n.inet6(), at, len);
        if let Ok(address) = bound {
            let mine = match address.to_ipv4_mapped() {
                Some(address) => {
                    own.inet().has(address) || (address.is_unspecified() && !given.alone)
                }
                None => own.inet6().has(address) || (address.is_unspecified() && !given.alone),
            };
            assert!(mine, "{asked} became {address}");
            let again = address::local_dual(own.inet(), own.inet6(), address, given.v6only, lines);
            assert_eq!(again, bound);
        }
    }
}

/// Puts it in: found again, the rest as it was.
fn check<A: Address>(
    before: &[u8],
    address: rjail::Result<A>,
    set: impl Fn(&mut Sockaddr<'_>, A),
    get: impl Fn(&Sockaddr<'_>) -> Option<A>,
    at: usize,
    len: usize,
) {
    let address = match address {
        Ok(address) => address,
        Err(errno) => {
            assert!([Errno::EAFNOSUPPORT, Errno::EADDRNOTAVAIL].contains(&errno), "{errno:?}");
            return;
        }
    };
    let mut after = before.to_vec();
    let mut name = Sockaddr::new(&mut after);
    set(&mut name, address);
    assert_eq!(get(&name), Some(address));
    assert_eq!((&after[..at], &after[at + len..]), (&before[..at], &before[at + len..]));
}

/// A system call of a jailed process.
#[derive(Arbitrary, Debug)]
struct Call {
    code: u8,
    other: i32,
    words: [u64; 8],
    special: [u8; 8],
    ilp32: bool,
    memory: Vec<u8>,
    found: (bool, bool, bool),
}

const CODES: [i32; 8] = [
    number::PTRACE,
    number::KTRACE,
    number::IOCTL,
    number::SETPGID,
    number::FCNTL,
    number::SCHED_SETSCHEDULER,
    number::PDGETPID,
    number::PROCCTL,
];

/// Words that mean something to one of the calls.
const WORDS: [u64; 12] = [
    number::TIOCSTI,
    number::TIOCSPGRP,
    number::FIOSETOWN,
    number::SIOCSPGRP,
    number::F_SETOWN as u64,
    number::PT_SC_REMOTE as u64,
    number::REAP_STATUS as u64,
    number::REAP_GETPIDS as u64,
    number::PDEATHSIG_CTL as u64,
    number::PDEATHSIG_STATUS as u64,
    0,
    BASE as u64,
];

/// The eight calls: the upper half of an `int` counts for nothing; both ABIs mean the
/// same; no number of somebody outside alone is let pass; what is told of a reaper
/// goes where it should and nowhere else.
fn interpose(given: Call) {
    let code = CODES.get(usize::from(given.code)).copied().unwrap_or(given.other);
    let mut words = given.words;
    for (word, special) in words.iter_mut().zip(given.special) {
        *word = WORDS.get(usize::from(special)).copied().unwrap_or(*word);
    }
    let asked = Asked::new(code, &words, given.ilp32);
    if !CODES.contains(&code) {
        assert_eq!(asked, Asked::Nothing);
    }
    if code != number::PROCCTL {
        let mut noisy = words;
        let addresses = usize::from(code == number::IOCTL);
        for (i, word) in noisy.iter_mut().enumerate() {
            if addresses == 0 || i != 2 {
                *word ^= 0xdead_beef_0000_0000;
            }
        }
        assert_eq!(Asked::new(code, &noisy, given.ilp32), asked);
        assert_eq!(Asked::new(code, &words, !given.ilp32), asked);
    } else if given.ilp32 {
        let low = words.map(|word| word & u64::from(u32::MAX));
        let long = [low[0], low[1] | low[2] << 32, low[3], low[4], 0, 0, 0, 0];
        assert_eq!(Asked::new(code, &long, false), Asked::new(code, &low, true));
    }
    let (own, others, session) = given.found;
    let found = Found { own, others, session };
    if let Asked::Number(whom, id) = asked {
        if let Some((meant, _)) = whom.meant(id) {
            assert_eq!(meant.unsigned_abs(), id.unsigned_abs());
        } else {
            assert!(id == 0 || (whom == Whom::Joined && id < 0));
        }
        assert!(!found.hidden() || whom.settle(found).is_err(), "{whom:?}");
    }
    let process = Process::new(given.memory, None);
    match asked {
        Asked::Reaped(_, at) => {
            let done = no_pids(&process, at, given.ilp32);
            assert!(done == Ok(()) || done == Err(Errno::EFAULT));
            let written = process.written.borrow();
            assert!(written.len() <= 1 && written.iter().all(|(_, len)| *len == 72));
        }
        Asked::Reaper(_, at) => {
            let done = process.write(at, &no_status());
            assert!(done.is_err() || process.written.borrow()[..] == [(at, STATUS)]);
        }
        _ => {}
    }
}

/// What sysctls are set to, and what a device is called.
#[derive(Arbitrary, Debug)]
struct Settings {
    value: i32,
    small: i8,
    flags: u32,
    seconds: i32,
    driver: Vec<u8>,
    name: Vec<u8>,
    tunnel: bool,
}

/// What is set is what is read, or `EINVAL` and nothing has changed; the name of a
/// device makes it no tunnel but one's.
fn settings(given: Settings) {
    let flags = JailFlags::from_bits_truncate(given.flags);
    for value in [given.value, i32::from(given.small)] {
        for which in Sysctl::ALL {
            match which.set(flags, value) {
                Ok(set) => assert_eq!(which.value(set), value),
                Err(errno) => assert!(errno == Errno::EINVAL && !(0..=1).contains(&value)),
            }
        }
        assert_eq!(
            request::switch(value).ok(),
            [false, true].get(usize::try_from(value).unwrap_or(2)).copied()
        );
    }
    let mut arming = Arming::NEW;
    match arming.set_linger(given.seconds) {
        Ok(()) => assert_eq!(i64::from(arming.linger()), i64::from(given.seconds)),
        Err(errno) => assert_eq!((errno, arming), (Errno::EINVAL, Arming::NEW)),
    }
    assert!(arming.linger() <= Arming::LONGEST);
    let driver = if given.tunnel { b"tun".to_vec() } else { given.driver };
    let name = if given.tunnel { [b"tun", &given.name[..]].concat() } else { given.name };
    let node = device::Node {
        driver: &driver,
        name: &name,
        maker: device::Maker::System,
        controls: false,
    };
    let number = name.strip_prefix(&driver[..]).unwrap_or_default();
    let tunnel = (driver == b"tun" || driver == b"tap")
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit);
    assert_eq!(node.kind() == device::Kind::Tunnel, tunnel);
}

#[cfg(test)]
mod tests {
    use super::TARGETS;

    /// What a target did not take once: its name, and the bytes.
    const FOUND: &[(&str, &str)] = &[(
        "sockaddr",
        "3333000033ff2f03757575750029fffb271dffffff8ab68a557575ffffa9000032a9a9ff070321a9a9a9a9a9\
         a9a97f7f7f7fa9a9a9a9a97575efe3f62fe3f60308e3e3ffffa4022aff",
    )];

    #[test]
    fn what_was_found_is_taken() {
        for (found, hex) in FOUND {
            let bytes: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
                .collect();
            let target = TARGETS.iter().find(|(name, _)| name == found).expect("a target").1;
            target(&bytes);
        }
    }

    /// A target that cannot be reached by bytes checks nothing.
    #[test]
    fn each_target_takes_any_bytes() {
        let mut state = 1_u32;
        for (name, target) in TARGETS {
            for len in 0..400 {
                let bytes: Vec<u8> = (0..len)
                    .map(|_| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        state.to_be_bytes()[0]
                    })
                    .collect();
                println!("{name} {len}");
                target(&bytes);
            }
        }
    }
}
