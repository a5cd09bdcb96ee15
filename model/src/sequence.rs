// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences on the machine: see the crate `sequences`.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;

use cases::world::{FOREIGN_ADDR, HOST_ADDR, JAIL_ADDR, SERVICE_PORT, SIBLING_ADDR, USER};
use cases::{Addr, Kind, Proto};
use rjail::address::{Lines, Loopback, Socket, family, kind, protocol};
use rjail::ipc::{self, By};
use rjail::prison::{JailFlags, Jid};
use rjail::privilege::{Named, Privilege};
use sequences::{
    ADDRESSES, FROM, JAILS, KINDS, Name, Op, PATHS, PORTS, Place, Reply, SLOTS, SOCKETS, Step,
};

use crate::machine::{Args, INIT, Machine, Pid};
use crate::names::{Node, ROOT};
use crate::net::SocketId;
use crate::{Errno, Result};

/// Plays a sequence; the reply to each step.
///
/// # Panics
/// When the machine cannot hold the world.
#[must_use]
#[expect(clippy::expect_used, reason = "an empty machine holds the world")]
pub fn play(steps: &[Step], lines: Lines) -> Vec<Reply> {
    let mut stage = Stage::build(lines).expect("a world");
    steps.iter().enumerate().map(|(number, step)| stage.act(number, *step)).collect()
}

/// One of the processes that act.
#[derive(Clone, Copy)]
struct Actor {
    pid: Pid,
    parent: Pid,
    kept: Option<i32>,
    serves: Option<Node>,
    /// It has changed users since it executed a program (`P_SUGID`).
    changed: bool,
}

/// Kinds of System V.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SystemV {
    Memory,
    Semaphores,
    Queue,
}

struct Stage {
    machine: Machine,
    /// A file of the machine's root.
    secret: Node,
    tree: Node,
    roots: Vec<Node>,
    actors: [Option<Actor>; SLOTS],
    /// The numbers of the jails.
    jails: [u64; JAILS],
    /// Objects of System V by kind and key, who made them.
    objects: BTreeMap<(SystemV, u8), Option<Jid>>,
    /// Shared memory by the names' prefix and by name, who made it; mode 0600.
    shared: BTreeMap<(Option<Node>, u8), (Option<Jid>, u32)>,
}

impl Stage {
    fn build(lines: Lines) -> Result<Self> {
        let mut machine = Machine::new(lines);
        machine.interfaces.extend([HOST_ADDR, JAIL_ADDR, SIBLING_ADDR].map(IpAddr::from));
        let names = &mut machine.names;
        let secret = names.create(ROOT, "secret", 0)?;
        let tree = names.mkdir(ROOT, "seq")?;
        names.create(tree, "secret", 0)?;
        let mut roots = Vec::new();
        for jail in 0..JAILS {
            let root = names.mkdir(tree, &format!("J{jail}"))?;
            let a = names.mkdir(root, "a")?;
            names.mkdir(a, "b")?;
            names.create(root, "file", 0)?;
            roots.push(root);
        }
        for address in [Ipv4Addr::LOCALHOST, HOST_ADDR.into()] {
            for protocol in [Proto::Udp, Proto::Tcp] {
                let socket = machine.socket(INIT, protocol)?;
                machine.bind(INIT, socket, SocketAddr::from((address, SERVICE_PORT)))?;
                if protocol == Proto::Tcp {
                    machine.listen(INIT, socket)?;
                }
            }
        }
        let mut actors = [None; SLOTS];
        for actor in actors.iter_mut().take(2) {
            let pid = machine.fork(INIT)?;
            machine.chdir(pid, sequences::TREE)?;
            *actor = Some(Actor { pid, parent: INIT, kept: None, serves: None, changed: false });
        }
        let (jails, objects, shared) = ([0; JAILS], BTreeMap::new(), BTreeMap::new());
        Ok(Self { machine, secret, tree, roots, actors, jails, objects, shared })
    }

    fn act(&mut self, number: usize, step: Step) -> Reply {
        let Some(actor) = self.actors[usize::from(step.actor)] else { return Reply::Nobody };
        let target = match step.op.target() {
            Some(slot) => match (self.actors[usize::from(slot)], step.op) {
                (None, Op::Fork(_)) => None,
                (Some(_), Op::Fork(_)) | (None, _) => return Reply::Nobody,
                (Some(target), _) => Some(target),
            },
            None => None,
        };
        let done = match target {
            Some(target) => self.on_another(step, actor, target),
            None => self.alone(number, step, actor),
        };
        done.unwrap_or_else(Reply::no)
    }

    /// What one process does to another, or to itself.
    fn on_another(&mut self, step: Step, actor: Actor, target: Actor) -> Result<Reply> {
        let (pid, other) = (actor.pid, target.pid);
        let machine = &mut self.machine;
        match step.op {
            Op::Kill(slot) => {
                machine.signal(pid, other)?;
                self.below(pid, other)?;
                self.end(slot)?;
            }
            Op::Signal(_) => {
                machine.signal(pid, other)?;
                self.below(pid, other)?;
            }
            Op::Trace(_) => {
                machine.debug(pid, other)?;
                if target.changed {
                    machine.privileged(pid, Privilege::DebugSugid)?;
                }
                self.below(pid, other)?;
            }
            Op::Renice(_) => {
                machine.renice(pid, other)?;
                self.below(pid, other)?;
            }
            _ => machine.see(pid, other)?,
        }
        Ok(Reply::Ok)
    }

    /// `cr_can_tamper_with_subjail`: a user of the host, and who is in a jail.
    fn below(&self, pid: Pid, target: Pid) -> Result {
        let (subject, object) = (self.machine.credential(pid)?, self.machine.credential(target)?);
        let apart = subject.prison.is_none() && object.prison.is_some();
        if apart && subject.uid != 0 { Err(Errno::EPERM) } else { Ok(()) }
    }

    fn end(&mut self, slot: u8) -> Result {
        if let Some(actor) = self.actors[usize::from(slot)].take() {
            self.machine.exit(actor.pid)?;
            // Nobody is kept as a zombie.
            let _ = self.machine.wait(actor.parent, actor.pid);
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm an operation")]
    fn alone(&mut self, number: usize, step: Step, actor: Actor) -> Result<Reply> {
        let (slot, pid) = (usize::from(step.actor), actor.pid);
        let machine = &mut self.machine;
        let fresh = |path: u8| format!("{}/n{number}", PATHS[usize::from(path)]);
        match step.op {
            Op::Fork(child) => {
                let forked = machine.fork(pid)?;
                let forked = Actor { pid: forked, parent: pid, serves: None, ..actor };
                self.actors[usize::from(child)] = Some(forked);
            }
            Op::Exit => self.end(step.actor)?,
            Op::Enter(jail) => {
                let address = number_of(sequences::address(jail));
                let args = Args {
                    hostname: format!("j{jail}.example"),
                    ip4: vec![address],
                    ip6: vec![],
                    loopback: Loopback::Rewrite,
                    flags: JailFlags::PAPER,
                    named: Named::NONE,
                };
                let root = format!("{}/J{jail}", sequences::TREE);
                self.jails[usize::from(jail)] = machine.rjail(pid, &root, &args)?.get();
            }
            Op::Attach(jail) => machine.attach(pid, self.jails[usize::from(jail)])?,
            Op::Setuid => {
                let before = machine.credential(pid)?.uid;
                machine.setuid(pid, USER)?;
                let changed = actor.changed || before != USER;
                self.actors[slot] = Some(Actor { changed, ..actor });
            }
            Op::Chroot(path) => machine.chroot(pid, PATHS[usize::from(path)])?,
            Op::Chdir(path) => {
                machine.chdir(pid, PATHS[usize::from(path)])?;
                return self.place(pid);
            }
            Op::Open(path) => {
                let descriptor = machine.open(pid, PATHS[usize::from(path)])?;
                machine.close(pid, descriptor)?;
            }
            Op::Keep(path) => {
                let node = machine.lookup(pid, PATHS[usize::from(path)])?;
                if !machine.names.is_directory(node) {
                    return Err(Errno::ENOTDIR);
                }
                if let Some(kept) = actor.kept {
                    machine.close(pid, kept)?;
                }
                let kept = Some(machine.open(pid, PATHS[usize::from(path)])?);
                self.actors[slot] = Some(Actor { kept, ..actor });
            }
            Op::FchdirKept => {
                machine.fchdir(pid, actor.kept.ok_or(Errno::EBADF)?)?;
                return self.place(pid);
            }
            Op::DropKept => {
                machine.close(pid, actor.kept.ok_or(Errno::EBADF)?)?;
                self.actors[slot] = Some(Actor { kept: None, ..actor });
            }
            Op::Mkdir(path) => {
                self.writable(pid, PATHS[usize::from(path)])?;
                self.machine.mkdir(pid, &fresh(path))?;
            }
            Op::Rename(from, path) => {
                let (from, to) = (FROM[usize::from(from)], PATHS[usize::from(path)]);
                let above = match from.rsplit_once('/') {
                    Some(("", _)) => "/",
                    Some((above, _)) => above,
                    None => ".",
                };
                self.writable(pid, above)?;
                self.machine.lookup(pid, from)?;
                self.writable(pid, to)?;
                self.machine.rename(pid, from, &fresh(path))?;
            }
            Op::Link(from, path) => {
                let (from, to) = (FROM[usize::from(from)], PATHS[usize::from(path)]);
                let node = machine.lookup(pid, from)?;
                if !machine.names.is_directory(node) {
                    self.writable(pid, to)?;
                    let to = self.machine.lookup(pid, to)?;
                    // From another file system.
                    if node == self.secret && self.machine.names.is_directory(to) {
                        return Err(Errno::EXDEV);
                    }
                }
                self.machine.link(pid, from, &fresh(path))?;
            }
            Op::BindUdp(address, port) => {
                return self.bind(pid, Proto::Udp, address, port);
            }
            Op::BindTcp(address, port) => {
                return self.bind(pid, Proto::Tcp, address, port);
            }
            Op::Listen => {
                let socket = machine.socket(pid, Proto::Tcp)?;
                let listening = machine.listen(pid, socket);
                return self.local(socket, listening);
            }
            Op::ConnectUdp(address) => {
                return self.connect(pid, Proto::Udp, address);
            }
            Op::ConnectTcp(address) => {
                return self.connect(pid, Proto::Tcp, address);
            }
            Op::Send(address) => {
                let socket = machine.socket(pid, Proto::Udp)?;
                let sent = machine.send(pid, socket, service(address)).map(drop);
                return self.local(socket, sent);
            }
            Op::Socket(kind) => machine.may_open_socket(pid, socket(KINDS[usize::from(kind)]))?,
            Op::Serve => {
                if let Some(before) = actor.serves {
                    machine.close_local(before);
                }
                self.actors[slot] = Some(Actor { serves: None, ..actor });
                self.writable(pid, ".")?;
                let machine = &mut self.machine;
                let made = machine.bind_local(pid, "sock");
                let node = made.map_err(|e| if e == Errno::EEXIST { Errno::EADDRINUSE } else { e });
                self.actors[slot] = Some(Actor { serves: Some(node?), ..actor });
            }
            Op::Local(path) => machine.connect_local(pid, SOCKETS[usize::from(path)])?,
            Op::Segment(key) => self.system_v(pid, SystemV::Memory, key)?,
            Op::Semaphores(key) => self.system_v(pid, SystemV::Semaphores, key)?,
            Op::Queue(key) => self.system_v(pid, SystemV::Queue, key)?,
            Op::Shared(name) => {
                let credential = machine.credential(pid)?;
                let prefix = credential.prison.as_ref().map(|prison| prison.root);
                let mine = (credential.jid(), credential.uid);
                let (owner, uid) = *self.shared.entry((prefix, name)).or_insert(mine);
                crate::ask(ipc::reach(credential.jid(), owner, false, By::Name))?;
                if credential.uid != 0 && credential.uid != uid {
                    return Err(Errno::EACCES);
                }
            }
            Op::Terminal => {}
            Op::Hostname => return Ok(Reply::Named(name_of(&machine.hostname(pid)?))),
            Op::SetHostname => machine.set_hostname(pid, &format!("s{}.example", step.actor))?,
            Op::Jailed => return Ok(Reply::Number(machine.credential(pid)?.label.is_some())),
            Op::Unload => {
                machine.privileged(pid, Privilege::KldUnload)?;
                // Somebody sleeps in a jail.
                return Err(Errno::EBUSY);
            }
            Op::Kill(_) | Op::Signal(_) | Op::Trace(_) | Op::Renice(_) | Op::Listed(_) => {
                return Ok(Reply::Nobody);
            }
        }
        Ok(Reply::Ok)
    }

    /// Gets an object by its key, made if it is not there.
    fn system_v(&mut self, pid: Pid, kind: SystemV, key: u8) -> Result {
        let credential = self.machine.credential(pid)?;
        if credential.prison.is_some() {
            return Err(Errno::ENOSYS);
        }
        let owner = self.objects.entry((kind, key)).or_insert(credential.jid());
        crate::ask(ipc::reach(credential.jid(), *owner, false, By::Name))
    }

    /// The machine's root is mounted read-only; a name is looked up first.
    fn writable(&self, pid: Pid, directory: &str) -> Result {
        if self.machine.lookup(pid, directory) == Ok(ROOT) { Err(Errno::EROFS) } else { Ok(()) }
    }

    fn place(&self, pid: Pid) -> Result<Reply> {
        let node = self.machine.current_of(pid)?;
        let jail = self.roots.iter().position(|root| *root == node);
        Ok(Reply::In(match jail.and_then(|jail| u8::try_from(jail).ok()) {
            Some(jail) => Place::Jail(jail),
            None if node == ROOT => Place::Machine,
            None if node == self.tree => Place::Tree,
            None => Place::Elsewhere,
        }))
    }

    fn bind(&mut self, pid: Pid, protocol: Proto, address: u8, port: u8) -> Result<Reply> {
        let socket = self.machine.socket(pid, protocol)?;
        let to = SocketAddr::from((
            number_of(ADDRESSES[usize::from(address)]),
            PORTS[usize::from(port)],
        ));
        let bound = self.machine.bind(pid, socket, to);
        self.local(socket, bound)
    }

    fn connect(&mut self, pid: Pid, protocol: Proto, address: u8) -> Result<Reply> {
        let socket = self.machine.socket(pid, protocol)?;
        let connected = self.machine.connect(pid, socket, service(address));
        self.local(socket, connected)
    }

    /// The address that a socket has come to, which is closed then.
    fn local(&mut self, socket: SocketId, done: Result) -> Result<Reply> {
        let local = self.machine.get_socket(socket).map(|socket| socket.local);
        self.machine.close_socket(socket);
        done?;
        let address = local?.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |local| local.ip());
        let at = ADDRESSES.iter().position(|named| IpAddr::V4(number_of(*named)) == address);
        Ok(Reply::At(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(15)))
    }
}

fn service(address: u8) -> SocketAddr {
    SocketAddr::from((number_of(ADDRESSES[usize::from(address)]), SERVICE_PORT))
}

fn number_of(address: Addr) -> Ipv4Addr {
    match address {
        Addr::Any => Ipv4Addr::UNSPECIFIED,
        Addr::Loopback => Ipv4Addr::LOCALHOST,
        Addr::Jail => JAIL_ADDR.into(),
        Addr::Sibling => SIBLING_ADDR.into(),
        Addr::Host => HOST_ADDR.into(),
        Addr::Broadcast => Ipv4Addr::BROADCAST,
        Addr::Foreign => FOREIGN_ADDR.into(),
    }
}

fn socket(asked: Kind) -> Socket {
    let (domain, kind, protocol) = match asked {
        Kind::RawIcmp => (family::INET, kind::RAW, protocol::ICMP),
        Kind::Udp6 => (family::INET6, kind::DGRAM, 0),
        Kind::Local => (family::UNIX, kind::STREAM, 0),
        Kind::Route | Kind::Netgraph => (family::ROUTE, kind::RAW, 0),
    };
    Socket { domain, kind, protocol }
}

fn name_of(hostname: &str) -> Name {
    let digit = |hostname: &str| hostname.bytes().next().map_or(0, |digit| digit - b'0');
    match hostname.strip_suffix(".example") {
        Some("machine") => Name::Machine,
        Some(jail) if jail.starts_with('j') => Name::Jail(digit(&jail[1..])),
        Some(slot) if slot.starts_with('s') => Name::Slot(digit(&slot[1..])),
        _ => Name::Other,
    }
}

#[cfg(test)]
mod tests {
    use rjail::address::Lines;
    use sequences::{Place, Reply, generate};

    use super::play;

    #[test]
    fn sequences_are_played_and_get_somewhere() {
        for lines in [Lines::Both, Lines::LabelAlone] {
            let (mut steps, mut refused, mut nobody, mut inside) = (0, 0, 0, 0);
            for seed in 0..300 {
                for reply in play(&generate(seed), lines) {
                    steps += 1;
                    refused += usize::from(reply.is_refusal());
                    nobody += usize::from(reply == Reply::Nobody);
                    inside += usize::from(matches!(reply, Reply::In(Place::Jail(_))));
                }
            }
            println!("{lines:?}: {steps} steps, {refused} refused, {nobody} by or to nobody");
            assert!(refused > steps / 10 && refused < steps * 2 / 3);
            assert!(nobody < steps / 6, "{nobody} of {steps}");
            assert!(inside > steps / 100);
        }
    }
}
