// SPDX-License-Identifier: BSD-2-Clause
//! The promises, held against random histories of the model kernel.
//!
//! A history is a list of system calls by whoever is alive. Beside the machine
//! runs a [`Statement`]: who is in which jail, and how that jail was made, kept
//! by four rules (a child is where its parent is; rjail(2) moves one who is outside,
//! and so does rjail_attach(2), to where somebody is; nothing else moves anybody).
//! After each call all promises are checked on everything there is, not only on what
//! the call touched.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use cases::{Errno, Proto};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rjail::address::{Lines, Loopback};
use rjail::kernel::counted::Ref;
use rjail::prison::{Addresses, JailFlags, Jid};
use rjail::privilege::{Named, Numbers, Privilege, TABLE, Verdict};
use rjail_model::Result;
use rjail_model::machine::{Args, INIT, Machine, Pid};
use rjail_model::names::Place;
use rjail_model::names::{Node, ROOT};
use rjail_model::net::{SocketId, Speaks};

const USER: u32 = 1001;
const HOST: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 2);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 3);
const THIRD: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 4);
const FOREIGN: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
const HOST6: Ipv6Addr = fd66(0, 1);
const FIRST6: Ipv6Addr = fd66(0, 2);
/// It ends in the host's IPv4 address.
const SECOND6: Ipv6Addr = fd66(0x0a42, 1);

const fn fd66(high: u16, low: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd66, 0, 0, 0, 0, 0, high, low)
}

/// Privileges given and taken by name.
const NAMES: &[&str] = &[
    "",
    "",
    "+PRIV_KTRACE",
    "+PRIV_NETINET_RAW -PRIV_CRED_SETUID",
    "-PRIV_VFS_CHROOT -PRIV_SIGNAL_DIFFCRED",
    "+PRIV_VFS_SYSFLAGS +PRIV_IPC_MSGSIZE -PRIV_NETINET_RESERVEDPORT",
];

/// The model's kernel numbers the privileges as they come.
fn parse(named: &str) -> Named {
    const HEADER: [(u16, &str); TABLE.len()] = {
        let mut header = [(0, ""); TABLE.len()];
        let mut number = 0;
        while (number as usize) < header.len() {
            header[number as usize] = (number + 1, TABLE[number as usize].name);
            number += 1;
        }
        header
    };
    const NUMBERS: Numbers = Numbers::bind(15, &HEADER);
    Named::parse(&NUMBERS, named.as_bytes()).expect("a list of names")
}

/// Names that lead in, out, up, and nowhere.
const PATHS: &[&str] = &[
    "/",
    ".",
    "..",
    "../..",
    "../../../..",
    "a",
    "a/b",
    "a/b/c",
    "/a",
    "/a/b",
    "b",
    "../b",
    "/..",
    "../../secret",
    "/secret",
    "a/../..",
    "a/b/../../..",
    "/jail",
    "/jail/a",
    "/jail/a/b",
    "secret",
    "nothing",
    "/a/../../secret",
    "file",
    "/jail/file",
];

const ADDRESSES: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(HOST),
    IpAddr::V4(FIRST),
    IpAddr::V4(SECOND),
    IpAddr::V4(THIRD),
    IpAddr::V4(FOREIGN),
    IpAddr::V4(Ipv4Addr::BROADCAST),
    IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V6(HOST6),
    IpAddr::V6(FIRST6),
    IpAddr::V6(SECOND6),
    IpAddr::V6(fd66(9, 9)),
];

/// Roots for rjail(2), good and bad.
const ROOTS: &[&str] = &["/jail", "/jail", "/jail/a", "/a", "/", "jail", "..", "nothing", "file"];

/// Lists for rjail(2), good and bad.
const LISTS: &[&[Ipv4Addr]] = &[
    &[],
    &[FIRST],
    &[SECOND],
    &[FIRST, SECOND],
    &[THIRD, FIRST],
    &[SECOND, Ipv4Addr::LOCALHOST],
    &[FIRST, FIRST],
    &[Ipv4Addr::UNSPECIFIED],
    &[FIRST, Ipv4Addr::BROADCAST],
];

/// The same of IPv6.
const LISTS6: &[&[Ipv6Addr]] = &[
    &[],
    &[],
    &[],
    &[FIRST6],
    &[FIRST6],
    &[FIRST6],
    &[SECOND6],
    &[SECOND6],
    &[SECOND6, FIRST6],
    &[SECOND6, FIRST6],
    &[FIRST6, Ipv6Addr::LOCALHOST],
    &[FIRST6, FIRST6],
];

const LOOPBACKS: &[Loopback] =
    &[Loopback::Rewrite, Loopback::Rewrite, Loopback::Refuse, Loopback::Share];
const SPEAKS: &[Speaks] = &[Speaks::Inet, Speaks::Inet6, Speaks::Both];

/// What a jail is asked for as addresses.
type Lists = (&'static [Ipv4Addr], &'static [Ipv6Addr], Loopback);

type Kind = (Proto, Speaks);

/// A system call. An [`Index`] picks among what is there when it is made.
#[derive(Clone, Debug)]
enum Call {
    Fork,
    ForkSharing,
    Setsid,
    Exit,
    Wait(Index),
    Jail { path: &'static str, lists: Lists, flags: u32, named: &'static str },
    Attach(Index),
    Setuid(u32),
    Signal(Index),
    SignalGroup(Index),
    Debug(Index),
    Renice(Index),
    Open(&'static str),
    Close(Index),
    Fchdir(Index),
    Chdir(&'static str),
    Chroot(&'static str),
    Mkdir(&'static str),
    Hostname,
    Bind { kind: Kind, address: IpAddr, port: u16 },
    Listen(Speaks),
    Connect { kind: Kind, address: IpAddr, port: u16 },
    Send { socket: Option<Index>, speaks: Speaks, address: IpAddr, port: u16 },
    Ask(Privilege),
}

fn a_call() -> impl Strategy<Value = Call> {
    let path = || select(PATHS);
    let address = || select(ADDRESSES);
    let protocol = || (prop_oneof![Just(Proto::Udp), Just(Proto::Tcp)], select(SPEAKS));
    let lists = (select(LISTS), select(LISTS6), select(LOOPBACKS));
    // Few ports, so that sockets meet.
    let port = || prop_oneof![Just(0u16), Just(80), 7001..7004u16];
    let who = any::<Index>;
    prop_oneof![
        6 => Just(Call::Fork),
        2 => Just(Call::ForkSharing),
        1 => Just(Call::Setsid),
        3 => Just(Call::Exit),
        2 => who().prop_map(Call::Wait),
        8 => (select(ROOTS), lists, any::<u32>(), select(NAMES)).prop_map(
            |(path, lists, flags, named)| Call::Jail { path, lists, flags, named }
        ),
        4 => who().prop_map(Call::Attach),
        1 => select(vec![0, USER]).prop_map(Call::Setuid),
        2 => who().prop_map(Call::Signal),
        1 => who().prop_map(Call::SignalGroup),
        1 => who().prop_map(Call::Debug),
        1 => who().prop_map(Call::Renice),
        4 => path().prop_map(Call::Open),
        3 => who().prop_map(Call::Close),
        4 => who().prop_map(Call::Fchdir),
        5 => path().prop_map(Call::Chdir),
        3 => path().prop_map(Call::Chroot),
        1 => path().prop_map(Call::Mkdir),
        1 => Just(Call::Hostname),
        4 => (protocol(), address(), port()).prop_map(|(kind, address, port)| Call::Bind {
            kind,
            address,
            port
        }),
        1 => select(SPEAKS).prop_map(Call::Listen),
        3 => (protocol(), address(), port()).prop_map(|(kind, address, port)| Call::Connect {
            kind,
            address,
            port
        }),
        6 => (proptest::option::of(who()), select(SPEAKS), address(), port()).prop_map(
            |(socket, speaks, address, port)| Call::Send { socket, speaks, address, port }
        ),
        1 => select(TABLE.map(|row| row.privilege).to_vec()).prop_map(Call::Ask),
    ]
}

/// How a jail was made. Nothing may differ from it, ever.
#[derive(Debug)]
struct Sealed {
    root: Node,
    addresses: Addresses,
    flags: JailFlags,
    named: &'static str,
}

fn owns(addresses: &Addresses, ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => addresses.inet().has(ip),
        IpAddr::V6(ip) => addresses.inet6().has(ip),
    }
}

/// Who is where, by the four rules.
#[derive(Debug, Default)]
struct Statement {
    jail_of: BTreeMap<Pid, Option<Jid>>,
    jails: BTreeMap<Jid, Sealed>,
    /// Sockets made inside, and by whose jail.
    sockets: BTreeMap<SocketId, Jid>,
}

struct World {
    machine: Machine,
    statement: Statement,
}

impl World {
    fn new(lines: Lines) -> Self {
        let mut machine = Machine::new(lines);
        machine.interfaces.extend([HOST, FIRST, SECOND, THIRD].map(IpAddr::V4));
        machine.interfaces.extend([HOST6, FIRST6, SECOND6].map(IpAddr::V6));
        let names = &mut machine.names;
        let mut new = |directory, name| names.mkdir(directory, name).expect("a new name");
        let jail = new(ROOT, "jail");
        for top in [ROOT, jail] {
            let a = new(top, "a");
            let b = new(a, "b");
            new(b, "c");
        }
        for (directory, name) in [(ROOT, "file"), (jail, "file"), (ROOT, "secret")] {
            names.create(directory, name, 0).expect("a new name");
        }
        let statement =
            Statement { jail_of: BTreeMap::from([(INIT, None)]), ..Statement::default() };
        let mut world = Self { machine, statement };
        // Services of the host for others to reach, one of them on "any".
        let services: [(IpAddr, Speaks, u16); 6] = [
            (Ipv4Addr::UNSPECIFIED.into(), Speaks::Inet, 7001),
            (Ipv4Addr::LOCALHOST.into(), Speaks::Inet, 7002),
            (HOST.into(), Speaks::Inet, 7003),
            (Ipv6Addr::UNSPECIFIED.into(), Speaks::Both, 7001),
            (Ipv6Addr::LOCALHOST.into(), Speaks::Inet6, 7002),
            (HOST6.into(), Speaks::Inet6, 7003),
        ];
        for (address, speaks, port) in services {
            for protocol in [Proto::Udp, Proto::Tcp] {
                let kind = (protocol, speaks);
                let _ = world.play_as(INIT, &Call::Bind { kind, address, port });
            }
        }
        for _ in 0..3 {
            let _ = world.play_as(INIT, &Call::Fork);
        }
        world
    }

    /// Plays a call by one of the living, process 1 only when it is alone.
    fn play(&mut self, who: Index, call: &Call) -> Result {
        let living: Vec<Pid> =
            self.machine.pids().filter(|&pid| pid != INIT && self.machine.is_alive(pid)).collect();
        if living.is_empty() {
            return self.play_as(INIT, &Call::Fork);
        }
        self.play_as(living[who.index(living.len())], call)
    }

    /// Any process there is, whether the caller can see it or not.
    fn target(&self, index: Index) -> Pid {
        let pids: Vec<Pid> = self.machine.pids().collect();
        pids[index.index(pids.len())]
    }

    fn descriptor(&self, pid: Pid, index: Index) -> Result<i32> {
        let open = self.machine.descriptors(pid)?;
        if open.is_empty() { Err(Errno::EBADF) } else { Ok(open[index.index(open.len())].0) }
    }

    fn play_as(&mut self, pid: Pid, call: &Call) -> Result {
        let jail = self.statement.jail_of[&pid];
        let machine = &mut self.machine;
        match *call {
            Call::Fork | Call::ForkSharing => {
                let sharing = matches!(call, Call::ForkSharing);
                let child = if sharing { machine.fork_sharing(pid)? } else { machine.fork(pid)? };
                self.statement.jail_of.insert(child, jail);
            }
            Call::Setsid => machine.setsid(pid)?,
            Call::Exit => machine.exit(pid)?,
            Call::Wait(who) => {
                let child = self.target(who);
                self.machine.wait(pid, child)?;
            }
            Call::Jail { path, lists: (ip4, ip6, loopback), flags, named } => {
                let flags = JailFlags::from_bits_truncate(flags);
                let root = machine.lookup(pid, path);
                let (before, jails) = (machine.credential(pid)?, machine.jails());
                let args = Args {
                    hostname: "inside".to_owned(),
                    ip4: ip4.to_vec(),
                    ip6: ip6.to_vec(),
                    loopback,
                    flags,
                    named: parse(named),
                };
                match machine.rjail(pid, path, &args) {
                    Ok(jid) => {
                        assert_eq!(jail, None, "a jail was entered from inside a jail");
                        let addresses = Addresses::new(ip4.to_vec(), ip6.to_vec(), loopback);
                        let addresses = addresses.expect("they made a jail");
                        let sealed = Sealed { root: root?, addresses, flags, named };
                        assert!(
                            self.statement.jails.insert(jid, sealed).is_none(),
                            "{jid:?} twice"
                        );
                        self.statement.jail_of.insert(pid, Some(jid));
                    }
                    Err(errno) => {
                        assert!(Rc::ptr_eq(&before, &machine.credential(pid)?), "half a jail");
                        assert_eq!(machine.jails(), jails, "an error made a jail");
                        return Err(errno);
                    }
                }
            }
            Call::Attach(which) => {
                let jails: Vec<_> = self.statement.jails.keys().copied().collect();
                let jid = *jails.get(which.index(jails.len().max(1))).ok_or(Errno::ENOENT)?;
                let peopled = machine
                    .pids()
                    .filter(|pid| machine.is_alive(*pid))
                    .any(|pid| self.statement.jail_of.get(&pid).copied().flatten() == Some(jid));
                let before = machine.credential(pid)?;
                if let Err(errno) = machine.attach(pid, jid.get()) {
                    assert!(Rc::ptr_eq(&before, &machine.credential(pid)?), "half in a jail");
                    return Err(errno);
                }
                assert_eq!(jail, None, "a jail was entered from inside a jail");
                assert!(peopled, "a jail was entered that nobody is in");
                self.statement.jail_of.insert(pid, Some(jid));
            }
            Call::Setuid(uid) => machine.setuid(pid, uid)?,
            Call::Signal(who) => return self.affect(pid, who, Machine::signal),
            Call::Debug(who) => return self.affect(pid, who, Machine::debug),
            Call::Renice(who) => {
                let target = self.target(who);
                let result = self.machine.renice(pid, target);
                return self.affected(pid, target, result);
            }
            Call::SignalGroup(who) => {
                let group = self.target(who);
                for reached in self.machine.signal_group(pid, group)? {
                    assert!(self.may_know(pid, reached), "{pid:?} reached {reached:?}");
                }
            }
            Call::Open(path) => {
                machine.open(pid, path)?;
            }
            Call::Close(index) => {
                let descriptor = self.descriptor(pid, index)?;
                self.machine.close(pid, descriptor)?;
            }
            Call::Fchdir(index) => {
                let descriptor = self.descriptor(pid, index)?;
                self.machine.fchdir(pid, descriptor)?;
            }
            Call::Chdir(path) => machine.chdir(pid, path)?,
            Call::Chroot(path) => machine.chroot(pid, path)?,
            Call::Mkdir(path) => machine.mkdir(pid, path)?,
            Call::Hostname => {
                let before = machine.hostname(INIT)?;
                let written = machine.set_hostname(pid, "changed");
                if jail.is_some() {
                    assert_eq!(machine.hostname(INIT)?, before, "a jail renamed the machine");
                }
                written?;
            }
            Call::Bind { kind, address, port } => {
                let id = self.socket(pid, kind)?;
                self.machine.bind(pid, id, SocketAddr::new(address, port))?;
            }
            Call::Listen(speaks) => {
                let id = self.socket(pid, (Proto::Tcp, speaks))?;
                self.machine.listen(pid, id)?;
            }
            Call::Connect { kind, address, port } => {
                let id = self.socket(pid, kind)?;
                self.machine.connect(pid, id, SocketAddr::new(address, port))?;
            }
            Call::Send { socket, speaks, address, port } => {
                let id = self.own_socket(pid, socket, speaks)?;
                let to = SocketAddr::new(address, port);
                if let Some(receiver) = self.machine.send(pid, id, to)? {
                    let arrived = &self.machine.get_socket(receiver)?.arrived;
                    let datagram = *arrived.last().ok_or(Errno::EAGAIN)?;
                    let (source, to) = (datagram.source.ip(), datagram.destination.ip());
                    if let Some(jid) = jail {
                        let has = &self.statement.jails[&jid].addresses;
                        assert!(owns(has, source), "promise 3: from {source}, has {has:?}");
                        assert!(!to.is_loopback() || owns(has, to), "promise 3: to {to}");
                    }
                }
            }
            Call::Ask(privilege) => machine.privileged(pid, privilege)?,
        }
        Ok(())
    }

    fn socket(&mut self, pid: Pid, (protocol, speaks): Kind) -> Result<SocketId> {
        let id = self.machine.socket_of(pid, protocol, speaks)?;
        if let Some(jid) = self.statement.jail_of[&pid] {
            self.statement.sockets.insert(id, jid);
        }
        Ok(id)
    }

    /// A UDP socket that the process has open, perhaps from before it was
    /// jailed, or a new one.
    fn own_socket(&mut self, pid: Pid, index: Option<Index>, speaks: Speaks) -> Result<SocketId> {
        let open: Vec<SocketId> = self
            .machine
            .sockets()
            .filter(|(_, socket)| socket.holder == pid && socket.protocol == Proto::Udp)
            .map(|(id, _)| id)
            .collect();
        match index {
            Some(index) if !open.is_empty() => Ok(open[index.index(open.len())]),
            _ => self.socket(pid, (Proto::Udp, speaks)),
        }
    }

    fn affect(&self, pid: Pid, who: Index, by: fn(&Machine, Pid, Pid) -> Result) -> Result {
        let target = self.target(who);
        self.affected(pid, target, by(&self.machine, pid, target))
    }

    /// Promise 1 on the answer of a call about another process.
    fn affected(&self, pid: Pid, target: Pid, result: Result) -> Result {
        if !self.may_know(pid, target) {
            assert_eq!(result, Err(Errno::ESRCH), "{pid:?} heard of {target:?}");
        }
        result
    }

    fn may_know(&self, pid: Pid, target: Pid) -> bool {
        let (mine, other) = (self.statement.jail_of[&pid], self.statement.jail_of[&target]);
        mine.is_none() || mine == other
    }

    /// Every promise, on everything.
    fn check(&mut self) {
        let there: BTreeSet<Pid> = self.machine.pids().collect();
        self.statement.jail_of.retain(|pid, _| there.contains(pid));
        let stated: BTreeSet<Pid> = self.statement.jail_of.keys().copied().collect();
        assert_eq!(stated, there, "a process appeared from nowhere");
        let mut asked = BTreeSet::new();
        for &pid in &there {
            let listed: BTreeSet<Pid> =
                self.machine.list(pid).expect("it is there").into_iter().collect();
            let may: BTreeSet<Pid> =
                there.iter().copied().filter(|&other| self.may_know(pid, other)).collect();
            assert_eq!(listed, may, "promise 1: the process list of {pid:?}");
            if let Some(jid) = self.statement.jail_of[&pid] {
                self.check_root(pid, jid);
                // One answer for all with this jail and this user.
                let uid = self.machine.credential(pid).expect("it is there").uid;
                if asked.insert((jid, uid)) {
                    self.check_privileges(pid, jid);
                }
            }
        }
        self.check_addresses();
        self.check_jails();
    }

    /// Promise 2.
    fn check_root(&self, pid: Pid, jid: Jid) {
        let (machine, root) = (&self.machine, self.statement.jails[&jid].root);
        let inside = |node: Node| machine.names.place(root, node) == Place::Beneath;
        if !machine.is_alive(pid) {
            return;
        }
        assert!(inside(machine.root_of(pid).expect("alive")), "promise 2: the root of {pid:?}");
        assert!(
            inside(machine.current_of(pid).expect("alive")),
            "promise 2: {pid:?} stands outside"
        );
        for (descriptor, node) in machine.descriptors(pid).expect("alive") {
            let directory = machine.names.is_directory(node);
            assert!(!directory || inside(node), "promise 2: {pid:?} holds {descriptor}");
        }
        for path in PATHS {
            if let Ok(node) = machine.lookup(pid, path) {
                assert!(inside(node), "promise 2: {pid:?} reaches {path}");
            }
        }
    }

    /// Promise 3.
    fn check_addresses(&self) {
        for (id, socket) in self.machine.sockets() {
            let Some(jid) = self.statement.sockets.get(&id) else { continue };
            let has = &self.statement.jails[jid].addresses;
            if let Some(local) = socket.local {
                let of_family = match local.ip() {
                    IpAddr::V4(_) => has.inet().list.len(),
                    IpAddr::V6(_) => has.inet6().list.len(),
                };
                let filtered = local.ip().is_unspecified()
                    && (of_family > 1 || socket.speaks == Speaks::Both)
                    && self.machine.lines() == Lines::Both;
                assert!(filtered || owns(has, local.ip()), "promise 3: {id:?} is on {local}");
            }
            if let Some(remote) = socket.remote {
                let loopback = remote.ip().is_loopback();
                assert!(!loopback || owns(has, remote.ip()), "promise 3: {id:?} on loopback");
            }
            for datagram in &socket.arrived {
                let to = datagram.destination.ip();
                assert!(owns(has, to), "promise 3: {id:?} got what came to {to}");
            }
        }
    }

    /// Promise 4: root holds exactly what the table and the words by name say,
    /// and a user nothing beyond that.
    fn check_privileges(&self, pid: Pid, jid: Jid) {
        let sealed = &self.statement.jails[&jid];
        let root = self.machine.credential(pid).expect("it is there").uid == 0;
        let words: Vec<&str> = sealed.named.split_whitespace().collect();
        let has = |sign: char, name| words.iter().any(|w| w.strip_prefix(sign) == Some(name));
        for row in &TABLE {
            let by_table = match row.verdict {
                Verdict::Allow => !row.second_line || self.machine.lines() == Lines::Both,
                Verdict::AllowWith(any) => sealed.flags.intersects(any),
                Verdict::ByName | Verdict::Deny => false,
            };
            let granted = (by_table || has('+', row.name)) && !has('-', row.name);
            let held = self.machine.privileged(pid, row.privilege).is_ok();
            assert!(!held || granted, "promise 4: {pid:?} holds {}", row.name);
            assert!(held || !granted || !root, "promise 4: {pid:?} lacks {}", row.name);
        }
    }

    /// Promise 5: the same jail as ever, with the same counts as references.
    fn check_jails(&mut self) {
        let mut references: BTreeMap<Jid, BTreeSet<usize>> = BTreeMap::new();
        let processes = self.machine.pids().map(|pid| self.machine.credential(pid));
        let owners = self.machine.sockets().map(|(_, socket)| Ok(Rc::clone(&socket.owner)));
        let credentials: Result<Vec<_>> = processes.chain(owners).collect();
        for credential in credentials.expect("of processes that are there") {
            let Some(jid) = credential.jid() else { continue };
            references.entry(jid).or_default().insert(Rc::as_ptr(&credential).addr());
        }
        for (pid, stated) in &self.statement.jail_of {
            let credential = self.machine.credential(*pid).expect("it is there");
            assert_eq!(credential.jid(), *stated, "promise 5: {pid:?} is elsewhere");
            let second = credential.prison.as_ref().map(|native| native.jid);
            let both = self.machine.lines() == Lines::Both;
            assert_eq!(second, stated.filter(|_| both), "promise 5: the lines of {pid:?} differ");
        }
        assert_eq!(self.machine.jails(), references.len(), "promise 5: a jail outlived its last");
        for (jid, credentials) in references {
            let jail = self.machine.jail(jid).expect("it is referenced");
            let sealed = &self.statement.jails[&jid];
            assert_eq!(jail.root, sealed.root, "promise 5: {jid:?} moved");
            assert_eq!(*jail.addresses(), sealed.addresses, "promise 5: {jid:?} readdressed");
            assert_eq!(jail.flags(), sealed.flags, "promise 5: {jid:?} loosened");
            assert_eq!(Ref::count(&jail), credentials.len() + 1, "promise 5: the count of {jid:?}");
        }
    }

    /// Ends everything: nothing may be left.
    fn end(mut self) {
        // A zombie goes with its parent, which hands it to process 1.
        loop {
            let mut living = self.machine.pids().filter(|&pid| self.machine.is_alive(pid));
            let Some(pid) = living.find(|&pid| pid != INIT) else { break };
            drop(living);
            self.machine.exit(pid).expect("alive");
        }
        assert_eq!(self.machine.pids().collect::<Vec<_>>(), [INIT]);
        self.check();
        assert_eq!(self.machine.jails(), 0, "promise 5: a jail leaked");
    }
}

fn history() -> impl Strategy<Value = Vec<(Index, Call)>> {
    vec((any::<Index>(), a_call()), 1..60)
}

fn live(lines: Lines, history: &[(Index, Call)]) {
    let mut world = World::new(lines);
    for (who, call) in history {
        let _ = world.play(*who, call);
        world.check();
    }
    world.end();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        // A failure becomes a named test below, not a seed in a file.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn hold_with_both_lines(history in history()) {
        live(Lines::Both, &history);
    }

    #[test]
    fn hold_with_the_label_alone(history in history()) {
        live(Lines::LabelAlone, &history);
    }
}

/// Random histories are worth something only if they get far: enough jails are
/// made, inhabited and tried from inside.
#[test]
fn the_histories_reach_into_jails() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut jails, mut inside, mut worked) = (0usize, 0usize, 0usize);
    for _ in 0..100 {
        let history = history().new_tree(&mut runner).expect("a history").current();
        let mut world = World::new(Lines::Both);
        for (who, call) in &history {
            let jailed = world.statement.jail_of.values().flatten().count();
            let result = world.play(*who, call);
            world.check();
            inside += usize::from(jailed > 0);
            worked += usize::from(jailed > 0 && result.is_ok());
        }
        jails += world.statement.jails.len();
        world.end();
    }
    assert!(jails >= 75, "{jails} jails in 100 histories");
    assert!(inside >= 1000, "{inside} calls with a jail there");
    assert!(worked >= 400, "{worked} of them worked");
}

fn enter(machine: &mut Machine, pid: Pid, list: &[Ipv4Addr]) -> Result<Jid> {
    let args = Args {
        hostname: "inside".to_owned(),
        ip4: list.to_vec(),
        ip6: vec![],
        loopback: Loopback::Rewrite,
        flags: JailFlags::PAPER,
        named: Named::NONE,
    };
    machine.rjail(pid, "/jail", &args)
}

/// A directory that a process outside puts into a table shared with the entrant.
#[test]
fn a_shared_descriptor_table_does_not_enter() {
    let mut machine = World::new(Lines::Both).machine;
    let helper = machine.fork(INIT).expect("init forks");
    let entrant = machine.fork_sharing(helper).expect("the helper forks");
    assert_eq!(enter(&mut machine, entrant, &[FIRST]), Err(Errno::EBUSY));
    machine.exit(helper).expect("alive");
    assert!(enter(&mut machine, entrant, &[FIRST]).is_ok(), "alone it may");
}

/// chroot(2) to the machine's own root uses up the directory that ".." never
/// passes; with the label alone nothing else would hold the jail's.
/// ```text
///   chroot /, jail /jail, chroot /jail/a, cd ..  ->  /jail;  cd ..  ->  / ?
/// ```
#[test]
fn who_ever_called_chroot_does_not_enter() {
    for lines in [Lines::Both, Lines::LabelAlone] {
        let mut machine = World::new(lines).machine;
        let entrant = machine.fork(INIT).expect("init forks");
        machine.chroot(entrant, "/").expect("root may");
        assert_eq!(enter(&mut machine, entrant, &[FIRST]), Err(Errno::EPERM));
    }
}

/// The last reference may be a zombie's, or a socket's owner.
#[test]
fn a_zombie_keeps_its_jail_until_it_is_waited_for() {
    let mut machine = World::new(Lines::Both).machine;
    let parent = machine.fork(INIT).expect("init forks");
    let child = machine.fork(parent).expect("the parent forks");
    enter(&mut machine, child, &[FIRST]).expect("nothing stands against it");
    machine.exit(child).expect("alive");
    assert_eq!(machine.jails(), 1);
    assert_eq!(machine.wait(parent, child), Ok(true));
    assert_eq!(machine.jails(), 0);
}

#[test]
fn a_thousand_jails_leave_nothing() {
    let mut machine = World::new(Lines::Both).machine;
    let mut seen = BTreeSet::new();
    for _ in 0..1000 {
        let pid = machine.fork(INIT).expect("init forks");
        let jid = enter(&mut machine, pid, &[FIRST, SECOND]).expect("nothing stands against it");
        assert!(seen.insert(jid), "{jid:?} was used twice");
        let child = machine.fork(pid).expect("the jailed fork");
        machine.setuid(child, USER).expect("the jailed root may");
        machine.exit(pid).expect("alive");
        assert_eq!(machine.jails(), 1, "the child is still there");
        machine.exit(child).expect("alive");
        assert_eq!(machine.jails(), 0);
    }
}

/// With the label alone nobody filters, so "any" is the primary address.
#[test]
fn any_with_several_addresses() {
    for (lines, expected) in [(Lines::Both, Ipv4Addr::UNSPECIFIED), (Lines::LabelAlone, SECOND)] {
        let mut machine = World::new(lines).machine;
        let pid = machine.fork(INIT).expect("init forks");
        enter(&mut machine, pid, &[SECOND, THIRD]).expect("nothing stands against it");
        let socket = machine.socket(pid, Proto::Udp).expect("a jail has UDP");
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000));
        machine.bind(pid, socket, any).expect("a jail may bind any address");
        let local = machine.get_socket(socket).expect("open").local;
        assert_eq!(local.map(|local| local.ip()), Some(IpAddr::V4(expected)));
    }
}
