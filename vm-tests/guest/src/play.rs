// SPDX-License-Identifier: BSD-2-Clause
//! Plays a case on the real kernel: every operation of the case language by
//! the system calls it stands for.

use core::ffi::CStr;

use cases::world::{self, LOCAL_SERVICES, SERVICE_PORT};
use cases::{Addr, Answer, Case, Errno, Family, Kind as SocketKind, Name, Op, Place, Proto, Who};

use crate::answer::{Got, in_child};
use crate::errno::EEXIST;
use crate::jail::Kind;
use crate::net::sockets::{ANY4, ANY6, Ip, L4, L6, Socket, TCP4, TCP6, UDP4, UDP6, ip4, is_ip4};
use crate::privileges::calls::get;
use crate::sys::{self, Error, FileId, Result};
use crate::unix;
use crate::world::{JAIL_NAME, JAIL_ROOT, World};

/// One of the ways to play the cases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No jail, and no rjail in the kernel.
    Outside,
    /// In a jail of the kernel's own.
    Native,
    /// No jail, but rjail is loaded.
    Unjailed,
    /// In an rjail, both lines.
    Inside,
    /// In an rjail, the label alone.
    FirstLine,
}

impl Mode {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Native => "native",
            Self::Unjailed => "unjailed",
            Self::Inside => "inside",
            Self::FirstLine => "first-line",
        }
    }

    /// The jail the subject enters, if any.
    fn jail(self) -> Option<Kind> {
        match self {
            Self::Outside | Self::Unjailed => None,
            Self::Native => Some(Kind::Native),
            Self::Inside | Self::FirstLine => Some(Kind::Rjail),
        }
    }

    /// Whether the subject is in an rjail.
    pub fn is_in_rjail(self) -> bool {
        self.jail() == Some(Kind::Rjail)
    }

    /// The kind of jail that other processes are in, and that a step enters.
    pub fn kind(self) -> Kind {
        match self {
            Self::Outside | Self::Native => Kind::Native,
            Self::Unjailed | Self::Inside | Self::FirstLine => Kind::Rjail,
        }
    }

    /// Whether a case has an answer in this mode: where rjail is not in the
    /// kernel, nobody can enter its jails.
    pub fn has(self, case: &Case) -> bool {
        let enters = matches!(case.probe, Op::EnterJail | Op::EnterJailHoldingDirectory);
        self != Self::Outside || !enters
    }

    /// The answer a case must get.
    pub fn wanted(self, case: &Case) -> Answer {
        match self {
            Self::Outside | Self::Unjailed => case.outside,
            Self::Native => case.inside_native(),
            Self::Inside => case.inside,
            Self::FirstLine => case.inside_first_line(),
        }
    }
}

/// Plays a case in a fresh process.
pub fn play(case: &Case, mode: Mode, world: &World) -> Got {
    let played = in_child(|| {
        let mut subject = Subject::new(mode, world);
        if let Err(Error(number)) = subject.begin() {
            return Got::Entry(number);
        }
        let got = subject.play(case);
        subject.end();
        got
    });
    match played {
        Ok(Ok(got)) => got,
        Ok(Err(status)) => Got::Ended(status),
        Err(error) => Got::from(error),
    }
}

const PRIO_PROCESS: i32 = 0;
const PT_ATTACH: i32 = 10;
const PT_DETACH: i32 = 11;
const O_DIRECTORY: i32 = 0x0002_0000;
const SF_IMMUTABLE: usize = 0x0002_0000;
const RB_NOSYNC: i32 = 4;

/// The process that plays.
struct Subject<'a> {
    mode: Mode,
    world: &'a World,
    child: Option<i32>,
    kept: Option<i32>,
}

impl<'a> Subject<'a> {
    fn new(mode: Mode, world: &'a World) -> Self {
        Self { mode, world, child: None, kept: None }
    }

    fn begin(&self) -> Result<()> {
        sys::setpgid(0, 0)?;
        match self.mode.jail() {
            None => sys::chdir(JAIL_ROOT),
            Some(kind) => kind.enter_both(JAIL_ROOT, JAIL_NAME, JAIL_ADDRS),
        }
    }

    fn play(&mut self, case: &Case) -> Got {
        for (step, op) in case.setup.iter().enumerate() {
            match self.step(*op) {
                Ok(Answer::Ok) => {}
                Ok(_) => return Got::Setup(step, 0),
                Err(Error(number)) => return Got::Setup(step, number),
            }
        }
        Got::from(self.step(case.probe))
    }

    fn end(&self) {
        if let Some(child) = self.child {
            // A child that is gone already needs no end.
            let _ = sys::kill(child, 9);
            let _ = sys::wait(child, 0);
        }
    }

    /// The number of a process; the child is made when first asked for.
    fn pid(&mut self, who: Who) -> Result<i32> {
        match who {
            Who::Myself => sys::getpid(),
            Who::Neighbour => Ok(self.world.neighbour),
            Who::Sibling => Ok(self.world.sibling),
            Who::Init => Ok(1),
            Who::Child => {
                if let Some(child) = self.child {
                    return Ok(child);
                }
                let child = sys::fork()?;
                if child == 0 {
                    let _ = sys::alarm(30);
                    loop {
                        sys::pause(1000);
                    }
                }
                sys::setpgid(child, child)?;
                self.child = Some(child);
                Ok(child)
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an operation")]
    fn step(&mut self, op: Op) -> Result<Answer> {
        match op {
            Op::Signal(who) => sys::kill(self.pid(who)?, 0).map(ok),
            // Each of them leads a process group.
            Op::SignalGroup(who) => sys::kill(-self.pid(who)?, 0).map(ok),
            Op::Attach(who) => attach(self.pid(who)?).map(ok),
            Op::Wait(who) => sys::wait(self.pid(who)?, sys::NOHANG).map(ok),
            Op::Priority(who) => sys::getpriority(PRIO_PROCESS, self.pid(who)?).map(ok),
            Op::SetPriority(who) => {
                let pid = self.pid(who)?;
                sys::setpriority(PRIO_PROCESS, pid, 1)?;
                // Back to what it was, where the subject may.
                let _ = sys::setpriority(PRIO_PROCESS, pid, 0);
                Ok(Answer::Ok)
            }
            Op::SchedParam(who) => sys::sched_param(self.pid(who)?).map(ok),
            Op::GroupOf(who) => sys::getpgid(self.pid(who)?).map(ok),
            Op::SessionOf(who) => sys::getsid(self.pid(who)?).map(ok),
            Op::Listed(who) => {
                const KERN_PROC_PID: i32 = 1;
                self.process_sysctl(KERN_PROC_PID, who)
            }
            Op::Arguments(who) => {
                const KERN_PROC_ARGS: i32 = 7;
                self.process_sysctl(KERN_PROC_ARGS, who)
            }

            Op::Bind(family, proto, addr, port) => {
                inet(family, proto)?.bound(number(family, addr), port).map(at)
            }
            Op::Listen(family) => {
                let socket = inet(family, Proto::Tcp)?;
                sys::listen(socket.fd, 1)?;
                socket.name().map(at)
            }
            Op::Connect(family, proto, addr) => {
                let socket = connect(family, proto, addr)?;
                let peer = socket.peer();
                sys::close(socket.fd)?;
                peer.map(at)
            }
            Op::ConnectFrom(family, proto, addr) => {
                let socket = connect(family, proto, addr)?;
                let local = socket.name();
                sys::close(socket.fd)?;
                local.map(at)
            }
            Op::Send(family, addr) => send(family, addr).map(|[service, _]| at(service)),
            Op::SendFrom(family, addr) => send(family, addr).map(|[_, sender]| at(sender)),
            Op::Socket(kind) => socket(kind).and_then(sys::close).map(ok),

            Op::Climb => {
                for _ in 0..64 {
                    sys::chdir(c"..")?;
                }
                self.place(c".")
            }
            Op::Open(path) => sys::open(Path::new(path).get(), 0, 0).and_then(sys::close).map(ok),
            Op::KeepDirectory(path) => {
                self.kept = Some(sys::open(Path::new(path).get(), O_DIRECTORY, 0)?);
                Ok(Answer::Ok)
            }
            Op::DropDirectory => sys::close(self.kept.take().unwrap_or(-1)).map(ok),
            Op::FchdirKept => sys::fchdir(self.kept.unwrap_or(-1)).map(ok),
            Op::Mkdir(path) => match sys::mkdir(Path::new(path).get(), 0o755) {
                Err(Error(EEXIST)) => Ok(Answer::Ok),
                made => made.map(ok),
            },
            Op::Chdir(path) => sys::chdir(Path::new(path).get()).map(ok),
            Op::Revoke(path) => get!(REVOKE, Path::new(path).get()).map(ok),
            Op::ConnectLocal(Who::Neighbour) => unix::connect_to(LOCAL_SERVICES[0]).map(ok),
            Op::SendLocal(Who::Neighbour) => unix::send_to(LOCAL_SERVICES[1]).map(ok),
            Op::ConnectLocal(_) => with_own_socket(false, |_| unix::connect_to(OWN_SOCKET)),
            Op::SendLocal(_) => with_own_socket(true, |_| unix::send_to(OWN_SOCKET)),
            Op::ConnectClosed => with_own_socket(false, |fd| {
                sys::close(fd)?;
                unix::connect_to(OWN_SOCKET)
            }),
            Op::Chroot(path) => sys::chroot(Path::new(path).get()).map(ok),
            Op::WhereIsRoot => self.place(c"/"),

            Op::EnterJail => self.enter_in_child(false),
            Op::EnterJailHoldingDirectory => self.enter_in_child(true),

            Op::Setuid => aside(|| sys::setuid(world::USER)),
            Op::Setgroups => aside(|| sys::setgroups(world::USER)),
            Op::Chown(path) => {
                let path = Path::new(path);
                sys::chown(path.get(), world::USER, world::USER)?;
                sys::chown(path.get(), 0, 0).map(ok)
            }
            Op::Chmod(path) => {
                let path = Path::new(path);
                sys::chmod(path.get(), 0o600)?;
                sys::chmod(path.get(), 0o644).map(ok)
            }
            Op::Chflags(path) => {
                let path = Path::new(path);
                sys::chflags(path.get(), SF_IMMUTABLE)?;
                sys::chflags(path.get(), 0).map(ok)
            }
            Op::Mknod(path) => {
                let path = Path::new(path);
                sys::mknod(path.get())?;
                sys::unlink(path.get()).map(ok)
            }
            Op::Mkfifo(path) => {
                let path = Path::new(path);
                sys::mkfifo(path.get(), 0o644)?;
                sys::unlink(path.get()).map(ok)
            }
            Op::Mount(path) => {
                let path = Path::new(path);
                sys::nmount(c"tmpfs", path.get())?;
                sys::unmount(path.get(), 0).map(ok)
            }
            Op::Unmount => sys::unmount(c"dir", 0).map(ok),
            Op::SetTime => sys::clock().and_then(sys::set_time).map(ok),
            Op::AdjTime => sys::adjtime(1).map(ok),
            Op::KldLoad => sys::kldload(c"no_such_module").map(ok),
            Op::KldUnload => sys::kldunload(9999).map(ok),
            Op::Reboot => match self.mode.jail() {
                None => Ok(Answer::NotPlayed),
                Some(_) => sys::reboot(RB_NOSYNC).map(ok),
            },
            Op::SetHostname => {
                let mut name = [0; 256];
                let length = hostname(&mut name)?;
                write_hostname(b"changed.example")?;
                write_hostname(&name[..length]).map(ok)
            }
            Op::Hostname => {
                let mut name = [0; 256];
                let length = hostname(&mut name)?;
                match core::str::from_utf8(&name[..length]) {
                    Ok(world::MACHINE_NAME) => Ok(Answer::Named(Name::Machine)),
                    Ok(world::JAIL_NAME) => Ok(Answer::Named(Name::Jail)),
                    _ => Err(Error(Errno::ENOENT.number())),
                }
            }
            Op::SysctlWrite => {
                const NAME: &str = "kern.maxfilesperproc";
                let value = sys::sysctl_number(NAME)?;
                sys::sysctl_write(NAME, i32::try_from(value).unwrap_or(i32::MAX)).map(ok)
            }
            Op::KenvSet => {
                sys::kenv_set(c"rjail.case", c"1")?;
                sys::kenv_unset(c"rjail.case").map(ok)
            }
            Op::Acct => sys::acct_off().map(ok),
            Op::SwapOff => sys::swapoff(c"file").map(ok),
            Op::FileHandle => sys::getfh(c".").map(ok),
            Op::Mlock => {
                let page = &*sys::allocate(4096)?;
                sys::mlock(page)?;
                sys::munlock(page).map(ok)
            }
            Op::RealTime => aside(|| sys::set_realtime(true)),
            Op::RaiseLimit => aside(sys::raise_limit),
            Op::SetLogin => aside(|| {
                sys::setsid()?;
                sys::setlogin(c"root")
            }),
            Op::IoPorts => aside(|| {
                sys::io_port(true)?;
                sys::io_port(false)
            }),
            Op::NativeJail => sys::jail_set(c"/", c"another").and_then(sys::jail_remove).map(ok),
            Op::MessageBuffer => sys::sysctl_named("kern.msgbuf", &mut [], None).map(ok),
            Op::Quota => sys::get_quota(c".", world::USER).map(ok),
            Op::Audit => sys::audit_policy().map(ok),
        }
    }

    /// Whether kern.proc has a record of a process.
    fn process_sysctl(&mut self, which: i32, who: Who) -> Result<Answer> {
        const CTL_KERN: i32 = 1;
        const KERN_PROC: i32 = 14;
        let name = [CTL_KERN, KERN_PROC, which, self.pid(who)?];
        match sys::sysctl(&name, &mut [0; 4096], None)? {
            0 => Err(Error(Errno::ESRCH.number())),
            _ => Ok(Answer::Ok),
        }
    }

    fn enter_in_child(&self, holding_directory: bool) -> Result<Answer> {
        let kind = self.mode.kind();
        aside(|| {
            if holding_directory {
                sys::open(c".", O_DIRECTORY, 0)?;
            }
            // The jail's root, seen from where the subject stands.
            kind.enter_both(c".", JAIL_NAME, JAIL_ADDRS)
        })
    }

    fn place(&self, path: &CStr) -> Result<Answer> {
        let id: FileId = sys::file_id(path)?;
        Ok(Answer::In(if id == self.world.machine_root {
            Place::MachineRoot
        } else if id == self.world.jail_root {
            Place::JailRoot
        } else {
            Place::Elsewhere
        }))
    }
}

fn ok<T>(_: T) -> Answer {
    Answer::Ok
}

/// Does it in a forked child, which it would change for good.
fn aside(work: impl FnOnce() -> Result<()>) -> Result<Answer> {
    match in_child(work)? {
        Ok(done) => done.map(ok),
        Err(_) => Err(Error(Errno::EIO.number())),
    }
}

const OWN_SOCKET: &str = "local.own";

/// Does something with a named socket of the subject's, then takes the name away.
fn with_own_socket(datagrams: bool, work: impl FnOnce(i32) -> Result<()>) -> Result<Answer> {
    let fd = unix::serve_at(OWN_SOCKET, datagrams)?;
    let done = work(fd);
    // Closed by the work or here.
    let _ = sys::close(fd);
    sys::unlink(Path::new(OWN_SOCKET).get())?;
    done.map(ok)
}

fn attach(pid: i32) -> Result<()> {
    sys::ptrace(PT_ATTACH, pid, 0, 0)?;
    sys::wait(pid, sys::UNTRACED)?;
    sys::ptrace(PT_DETACH, pid, 1, 0)
}

/// The jail's addresses.
const JAIL_ADDRS: ([u8; 4], Ip) = (world::JAIL_ADDR, world::JAIL_ADDR6);

fn inet(family: Family, proto: Proto) -> Result<Socket> {
    Socket::new(match (family, proto) {
        (Family::Inet, Proto::Tcp) => TCP4,
        (Family::Inet, Proto::Udp) => UDP4,
        (Family::Inet6, Proto::Tcp) => TCP6,
        (Family::Inet6, Proto::Udp) => UDP6,
    })
}

fn connect(family: Family, proto: Proto, to: Addr) -> Result<Socket> {
    let socket = inet(family, proto)?;
    sys::close_hard(socket.fd)?;
    socket.connect(number(family, to), SERVICE_PORT)?;
    Ok(socket)
}

/// Sends a datagram: which service answered it, and which sender it saw.
fn send(family: Family, to: Addr) -> Result<[Ip; 2]> {
    let socket = inet(family, Proto::Udp)?;
    sys::receive_timeout(socket.fd, 1000)?;
    socket.send(b'?', number(family, to), SERVICE_PORT)?;
    let mut reply = [[0; 16]; 2];
    sys::read(socket.fd, reply.as_flattened_mut())?;
    Ok(reply)
}

fn socket(kind: SocketKind) -> Result<i32> {
    match kind {
        SocketKind::RawIcmp => sys::socket(2, 3, 1),
        SocketKind::Udp6 => sys::socket(28, 2, 0),
        SocketKind::Local => sys::socket(1, 1, 0),
        SocketKind::Route => sys::socket(17, 3, 0),
        SocketKind::Netgraph => sys::socket(32, 2, 2),
    }
}

fn number(family: Family, addr: Addr) -> Ip {
    const ALL_NODES: Ip = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let inet = |[a, b, c, d]: [u8; 4]| ip4(a, b, c, d);
    let (four, six) = match addr {
        Addr::Any => (ANY4, ANY6),
        Addr::Loopback => (L4, L6),
        Addr::Jail => (inet(world::JAIL_ADDR), world::JAIL_ADDR6),
        Addr::Host => (inet(world::HOST_ADDR), world::HOST_ADDR6),
        Addr::Sibling => (inet(world::SIBLING_ADDR), world::SIBLING_ADDR6),
        Addr::Foreign => (inet(world::FOREIGN_ADDR), world::FOREIGN_ADDR6),
        Addr::Broadcast => (ip4(255, 255, 255, 255), ALL_NODES),
    };
    match family {
        Family::Inet => four,
        Family::Inet6 => six,
    }
}

fn at(address: Ip) -> Answer {
    const NAMED: [Addr; 6] =
        [Addr::Any, Addr::Loopback, Addr::Jail, Addr::Host, Addr::Sibling, Addr::Broadcast];
    let family = if is_ip4(&address) { Family::Inet } else { Family::Inet6 };
    let known = NAMED.into_iter().find(|name| number(family, *name) == address);
    Answer::At(known.unwrap_or(Addr::Foreign))
}

fn hostname(into: &mut [u8; 256]) -> Result<usize> {
    let length = sys::sysctl_named("kern.hostname", into, None)?;
    Ok(into[..length].iter().position(|byte| *byte == 0).unwrap_or(length))
}

fn write_hostname(name: &[u8]) -> Result<()> {
    sys::sysctl_named("kern.hostname", &mut [], Some(name)).map(drop)
}

/// A path of the case language for system calls.
struct Path([u8; 256]);

impl Path {
    fn new(path: &str) -> Self {
        let mut bytes = [0; 256];
        bytes[..path.len()].copy_from_slice(path.as_bytes());
        Self(bytes)
    }

    fn get(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}
