// SPDX-License-Identifier: BSD-2-Clause
//! The cases on the model kernel.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use cases::world::{
    FOREIGN_ADDR, FOREIGN_ADDR6, HOST_ADDR, HOST_ADDR6, JAIL_ADDR, JAIL_ADDR6, JAIL_NAME,
    LOCAL_SERVICES, MACHINE_NAME, SERVICE_PORT, SIBLING_ADDR, SIBLING_ADDR6, USER,
};
use cases::{Addr, Answer, Case, Family, Kind, Name, Op, Place, Proto, Who};
use rjail::address::{Lines, Loopback, Socket, family, kind, protocol};
use rjail::prison::JailFlags;
use rjail::privilege::Named;
use rjail::privilege::Privilege;

use crate::machine::{Args, INIT, Machine, Pid};
use crate::names::{Node, ROOT};
use crate::net::{SocketId, Speaks};
use crate::special::Device;
use crate::{Errno, Result, line_two};

/// Where the subject plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In no jail.
    Outside,
    /// In a jail with both lines.
    Inside,
    /// In a jail, the label alone.
    FirstLine,
}

impl Where {
    /// Every place, in the order they are reported.
    pub const ALL: [Self; 3] = [Self::Outside, Self::Inside, Self::FirstLine];

    /// The answer that a case expects here.
    #[must_use]
    pub fn expected(self, case: &Case) -> Answer {
        match self {
            Self::Outside => case.outside,
            Self::Inside => case.inside,
            Self::FirstLine => case.inside_first_line(),
        }
    }
}

impl core::fmt::Display for Where {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Outside => "outside",
            Self::Inside => "inside",
            Self::FirstLine => "first line alone",
        })
    }
}

/// What happened.
pub type Outcome<T> = core::result::Result<T, String>;

/// Plays one case, and gives what its attempt answered.
///
/// # Errors
/// A sentence, when a step of the preparation failed.
pub fn play(case: &Case, place: Where) -> Outcome<Answer> {
    let mut stage = Stage::build(place).map_err(|errno| format!("the world: {}", errno.name()))?;
    for step in case.setup {
        match stage.act(*step) {
            Answer::Ok => {}
            answer => return Err(format!("preparing {step:?} answered {answer:?}")),
        }
    }
    if case.probe == Op::Reboot && place == Where::Outside {
        return Ok(Answer::NotPlayed);
    }
    Ok(stage.act(case.probe))
}

/// Plays one case and compares.
///
/// # Errors
/// A sentence that says what differs.
pub fn check(case: &Case, place: Where) -> Outcome<()> {
    let (got, expected) = (play(case, place)?, place.expected(case));
    if got == expected {
        Ok(())
    } else {
        Err(format!("{}, {place}: answered {got:?}, not {expected:?}", case.name))
    }
}

/// The world of [`cases::world`] on a machine.
struct Stage {
    machine: Machine,
    subject: Pid,
    child: Pid,
    neighbour: Pid,
    sibling: Pid,
    jail_root: Node,
    kept: Option<i32>,
}

fn paper(hostname: &str, inet: [u8; 4], inet6: [u8; 16]) -> Args {
    Args {
        hostname: hostname.to_owned(),
        ip4: vec![inet.into()],
        ip6: vec![inet6.into()],
        loopback: Loopback::Rewrite,
        flags: JailFlags::PAPER,
        named: Named::NONE,
    }
}

impl Stage {
    fn build(place: Where) -> Result<Self> {
        let lines = if place == Where::FirstLine { Lines::LabelAlone } else { Lines::Both };
        let mut machine = Machine::new(lines);
        machine.interfaces.extend([HOST_ADDR, JAIL_ADDR, SIBLING_ADDR].map(IpAddr::from));
        machine.interfaces.extend([HOST_ADDR6, JAIL_ADDR6, SIBLING_ADDR6].map(IpAddr::from));
        let names = &mut machine.names;
        let jail_root = names.mkdir(ROOT, "jail")?;
        names.mkdir(ROOT, "sibling")?;
        names.create(ROOT, "secret", 0)?;
        let etc = names.mkdir(jail_root, "etc")?;
        names.create(etc, "motd", 0)?;
        names.mkdir(jail_root, "dir")?;
        let dev = names.mkdir(jail_root, "dev")?;
        names.create(jail_root, "file", 0)?;
        names.create(jail_root, "theirs", USER)?;

        for (driver, name) in [
            ("null", "null"),
            ("random", "random"),
            ("mem", "mem"),
            ("bpf", "bpf"),
            ("log", "klog"),
        ] {
            machine.add_device(dev, name, Device { driver, name })?;
        }

        let mut new = || {
            let pid = machine.fork(INIT)?;
            machine.setsid(pid)?;
            Ok(pid)
        };
        let (neighbour, sibling, subject) = (new()?, new()?, new()?);
        machine.rjail(
            sibling,
            "/sibling",
            &paper("sibling.example", SIBLING_ADDR, SIBLING_ADDR6),
        )?;
        machine.chdir(neighbour, "/jail")?;
        for name in LOCAL_SERVICES {
            machine.bind_local(neighbour, name)?;
        }
        machine.chdir(subject, "/jail")?;
        if place != Where::Outside {
            machine.rjail(subject, "/jail", &paper(JAIL_NAME, JAIL_ADDR, JAIL_ADDR6))?;
        }
        let child = machine.fork(subject)?;
        machine.setsid(child)?;
        for (pid, address) in
            [(neighbour, Addr::Loopback), (neighbour, Addr::Host), (sibling, Addr::Sibling)]
        {
            for family in [Family::Inet, Family::Inet6] {
                let at = SocketAddr::new(number(family, address), SERVICE_PORT);
                for protocol in [Proto::Udp, Proto::Tcp] {
                    let socket = machine.socket_of(pid, protocol, speaks(family))?;
                    machine.bind(pid, socket, at)?;
                    if protocol == Proto::Tcp {
                        machine.listen(pid, socket)?;
                    }
                }
            }
        }
        Ok(Self { machine, subject, child, neighbour, sibling, jail_root, kept: None })
    }

    fn who(&self, who: Who) -> Pid {
        match who {
            Who::Myself => self.subject,
            Who::Child => self.child,
            Who::Neighbour => self.neighbour,
            Who::Sibling => self.sibling,
            Who::Init => INIT,
        }
    }

    fn place(&self, node: Node) -> Answer {
        Answer::In(match node {
            ROOT => Place::MachineRoot,
            node if node == self.jail_root => Place::JailRoot,
            _ => Place::Elsewhere,
        })
    }

    /// One step.
    fn act(&mut self, step: Op) -> Answer {
        self.attempt(step).unwrap_or_else(Answer::No)
    }

    fn attempt(&mut self, step: Op) -> Result<Answer> {
        let pid = self.subject;
        match step {
            Op::Signal(who) => self.machine.signal(pid, self.who(who)).map(ok),
            Op::SignalGroup(who) => self.machine.signal_group(pid, self.who(who)).map(ok),
            Op::Attach(who) => self.machine.debug(pid, self.who(who)).map(ok),
            Op::Wait(who) => self.machine.wait(pid, self.who(who)).map(ok),
            Op::Priority(who) | Op::SchedParam(who) | Op::Listed(who) | Op::Arguments(who) => {
                self.machine.see(pid, self.who(who)).map(ok)
            }
            Op::SetPriority(who) => self.machine.renice(pid, self.who(who)).map(ok),
            Op::GroupOf(who) => self.machine.group_of(pid, self.who(who)).map(ok),
            Op::SessionOf(who) => self.machine.session_of(pid, self.who(who)).map(ok),

            Op::Bind(..)
            | Op::Listen(_)
            | Op::Connect(..)
            | Op::ConnectFrom(..)
            | Op::Send(..)
            | Op::SendFrom(..) => self.network(step),
            Op::Socket(asked) => self.machine.may_open_socket(pid, socket(asked)).map(ok),

            Op::Climb => {
                for _ in 0..64 {
                    self.machine.chdir(pid, "..")?;
                }
                Ok(self.place(self.machine.current_of(pid)?))
            }
            Op::Open(path) => {
                let descriptor = self.machine.open(pid, path)?;
                self.machine.close(pid, descriptor).map(ok)
            }
            Op::KeepDirectory(path) => {
                self.kept = Some(self.machine.open(pid, path)?);
                Ok(Answer::Ok)
            }
            Op::DropDirectory => {
                self.machine.close(pid, self.kept.take().ok_or(Errno::EBADF)?).map(ok)
            }
            Op::FchdirKept => self.machine.fchdir(pid, self.kept.ok_or(Errno::EBADF)?).map(ok),
            Op::Mkdir(path) => match self.machine.mkdir(pid, path) {
                Ok(()) | Err(Errno::EEXIST) => Ok(Answer::Ok),
                Err(errno) => Err(errno),
            },
            Op::Chdir(path) => self.machine.chdir(pid, path).map(ok),
            Op::Revoke(path) => self.machine.revoke(pid, path).map(ok),
            Op::ConnectLocal(Who::Neighbour) => {
                self.machine.connect_local(pid, LOCAL_SERVICES[0]).map(ok)
            }
            Op::SendLocal(Who::Neighbour) => {
                self.machine.connect_local(pid, LOCAL_SERVICES[1]).map(ok)
            }
            Op::ConnectLocal(Who::Myself) | Op::SendLocal(Who::Myself) => {
                self.machine.bind_local(pid, "local.own")?;
                self.machine.connect_local(pid, "local.own").map(ok)
            }
            Op::ConnectClosed => {
                let closed = self.machine.bind_local(pid, "local.own")?;
                self.machine.close_local(closed);
                self.machine.connect_local(pid, "local.own").map(ok)
            }
            Op::Chroot(path) => self.machine.chroot(pid, path).map(ok),
            Op::WhereIsRoot => Ok(self.place(self.machine.lookup(pid, "/")?)),

            Op::EnterJail => {
                let child = self.machine.fork(pid)?;
                self.machine.rjail(child, ".", &paper(JAIL_NAME, JAIL_ADDR, JAIL_ADDR6)).map(ok)
            }
            Op::EnterJailHoldingDirectory => {
                let child = self.machine.fork(pid)?;
                self.machine.open(child, "/")?;
                self.machine.rjail(child, ".", &paper(JAIL_NAME, JAIL_ADDR, JAIL_ADDR6)).map(ok)
            }
            Op::Setuid => {
                let child = self.machine.fork(pid)?;
                self.machine.setuid(child, USER).map(ok)
            }
            Op::Chown(path) => self.machine.chown(pid, path).map(ok),
            Op::Chmod(path) => self.machine.chmod(pid, path).map(ok),
            Op::Mkfifo(path) => {
                let parent = self.machine.lookup(pid, ".")?;
                self.machine.names.create(parent, path, 0)?;
                self.machine.names.unlink(parent, path).map(ok)
            }
            Op::NativeJail => self.machine.native_jail(pid).map(ok),
            Op::SetHostname => {
                let name = self.machine.hostname(pid)?;
                self.machine.set_hostname(pid, "other.example")?;
                self.machine.set_hostname(pid, &name).map(ok)
            }
            Op::Hostname => match self.machine.hostname(pid)?.as_str() {
                MACHINE_NAME => Ok(Answer::Named(Name::Machine)),
                JAIL_NAME => Ok(Answer::Named(Name::Jail)),
                _ => Err(Errno::EINVAL),
            },
            _ => self.privilege(step),
        }
    }

    /// The steps that are one question of privilege.
    fn privilege(&self, step: Op) -> Result<Answer> {
        let credential = self.machine.credential(self.subject)?;
        // What the attempt comes to when privilege does not stop it.
        let fails = |errno| Err(errno);
        let (privilege, otherwise) = match step {
            Op::Setgroups => (Privilege::CredSetgroups, Ok(())),
            Op::Chflags(_) => (Privilege::VfsSysflags, Ok(())),
            Op::Mknod(_) => (Privilege::VfsMknodDev, Ok(())),
            Op::Mount(_) => (Privilege::VfsMount, Ok(())),
            Op::Unmount => (Privilege::VfsUnmount, fails(Errno::EINVAL)),
            Op::SetTime => (Privilege::ClockSettime, Ok(())),
            Op::AdjTime => (Privilege::Adjtime, Ok(())),
            Op::KldLoad => (Privilege::KldLoad, fails(Errno::ENOENT)),
            Op::KldUnload => (Privilege::KldUnload, fails(Errno::ENOENT)),
            Op::Reboot => (Privilege::Reboot, Ok(())),
            Op::SysctlWrite => (Privilege::SysctlWrite, Ok(())),
            Op::KenvSet => (Privilege::KenvSet, Ok(())),
            Op::Acct => (Privilege::Acct, Ok(())),
            Op::SwapOff => (Privilege::Swapoff, fails(Errno::EINVAL)),
            Op::FileHandle => (Privilege::VfsGetfh, Ok(())),
            Op::Mlock => (Privilege::VmMlock, Ok(())),
            Op::RealTime => (Privilege::SchedRtprio, Ok(())),
            Op::RaiseLimit => (Privilege::ProcSetrlimit, Ok(())),
            Op::SetLogin => (Privilege::ProcSetlogin, Ok(())),
            Op::IoPorts => (Privilege::Io, Ok(())),
            Op::MessageBuffer => (Privilege::Msgbuf, Ok(())),
            Op::Quota => {
                line_two::quotas(&credential)?;
                // The file system of the world has none.
                return Err(Errno::EOPNOTSUPP);
            }
            Op::Audit => {
                line_two::audit(&credential)?;
                (Privilege::AuditControl, Ok(()))
            }
            _ => return Err(Errno::ENOSYS),
        };
        self.machine.privileged(self.subject, privilege)?;
        otherwise.map(ok)
    }

    fn network(&mut self, step: Op) -> Result<Answer> {
        let (pid, machine) = (self.subject, &mut self.machine);
        let service = |family, address| SocketAddr::new(number(family, address), SERVICE_PORT);
        let local = |machine: &Machine, socket: SocketId| {
            machine.get_socket(socket)?.local.ok_or(Errno::EINVAL).and_then(named)
        };
        match step {
            Op::Bind(family, protocol, address, port) => {
                let socket = machine.socket_of(pid, protocol, speaks(family))?;
                machine.bind(pid, socket, SocketAddr::new(number(family, address), port))?;
                local(machine, socket)
            }
            Op::Listen(family) => {
                let socket = machine.socket_of(pid, Proto::Tcp, speaks(family))?;
                machine.listen(pid, socket)?;
                local(machine, socket)
            }
            Op::Connect(family, protocol, address) => {
                let socket = machine.socket_of(pid, protocol, speaks(family))?;
                machine.connect(pid, socket, service(family, address))?;
                machine.get_socket(socket)?.remote.ok_or(Errno::EINVAL).and_then(named)
            }
            Op::ConnectFrom(family, protocol, address) => {
                let socket = machine.socket_of(pid, protocol, speaks(family))?;
                machine.connect(pid, socket, service(family, address))?;
                local(machine, socket)
            }
            Op::Send(family, address) | Op::SendFrom(family, address) => {
                let socket = machine.socket_of(pid, Proto::Udp, speaks(family))?;
                let receiver = machine.send(pid, socket, service(family, address))?;
                let receiver = machine.get_socket(receiver.ok_or(Errno::EAGAIN)?)?;
                let datagram = receiver.arrived.last().ok_or(Errno::EAGAIN)?;
                let from = matches!(step, Op::SendFrom(..));
                named(if from { datagram.source } else { datagram.destination })
            }
            _ => Err(Errno::ENOSYS),
        }
    }
}

const fn speaks(family: Family) -> Speaks {
    match family {
        Family::Inet => Speaks::Inet,
        Family::Inet6 => Speaks::Inet6,
    }
}

fn ok<T>(_: T) -> Answer {
    Answer::Ok
}

fn socket(asked: Kind) -> Socket {
    let (domain, kind, protocol) = match asked {
        Kind::RawIcmp => (family::INET, kind::RAW, protocol::ICMP),
        Kind::Udp6 => (family::INET6, kind::DGRAM, 0),
        Kind::Local => (family::UNIX, kind::STREAM, 0),
        Kind::Route => (family::ROUTE, kind::RAW, 0),
        Kind::Netgraph => (family::NETGRAPH, kind::DGRAM, 0),
    };
    Socket { domain, kind, protocol }
}

/// The address that a case names.
#[must_use]
pub fn number(family: Family, address: Addr) -> IpAddr {
    let (inet, inet6): (Ipv4Addr, Ipv6Addr) = match address {
        Addr::Any => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
        Addr::Loopback => (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
        Addr::Jail => (JAIL_ADDR.into(), JAIL_ADDR6.into()),
        Addr::Host => (HOST_ADDR.into(), HOST_ADDR6.into()),
        Addr::Sibling => (SIBLING_ADDR.into(), SIBLING_ADDR6.into()),
        Addr::Foreign => (FOREIGN_ADDR.into(), FOREIGN_ADDR6.into()),
        Addr::Broadcast => (Ipv4Addr::BROADCAST, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
    };
    match family {
        Family::Inet => inet.into(),
        Family::Inet6 => inet6.into(),
    }
}

fn named(address: SocketAddr) -> Result<Answer> {
    let family = if address.is_ipv4() { Family::Inet } else { Family::Inet6 };
    [Addr::Any, Addr::Loopback, Addr::Jail, Addr::Host, Addr::Sibling, Addr::Foreign]
        .into_iter()
        .find(|&name| number(family, name) == address.ip())
        .map(Answer::At)
        .ok_or(Errno::EADDRNOTAVAIL)
}
