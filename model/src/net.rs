// SPDX-License-Identifier: BSD-2-Clause
//! Sockets and datagrams, of both IP families.
//!
//! Answers to `in_pcbbind_setup`, `in_pcbconnect`, `in_pcbladdr` and
//! `in_pcblookup` (C source: `sys/netinet/in_pcb.c`), their likes for IPv6, and to
//! where the hooks of `sys/kern/uipc_syscalls.c` stand before them. What 15.1
//! forgets to ask a jail about it forgets here too: the destination of an IPv6
//! datagram (FreeBSD-SA-26:69), and the source of one to a mapped address.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use cases::Proto;
use rjail::address::{self, Any, Dual, Ends, Lines, Source, family, kind};
use rjail::prison::{Addresses, Jid};
use rjail::privilege::Privilege;

use crate::machine::{Credential, Machine, Pid};
use crate::{Errno, Result, ask, line_two};

/// The first port that needs no privilege.
const RESERVED_PORTS_END: u16 = 1024;

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// IPv4.
    Inet,
    /// IPv6 alone.
    Inet6,
    /// IPv6, and IPv4 under mapped addresses.
    Both,
}

/// A socket. Its addresses are IPv4's where they are mapped ones.
pub struct Socket {
    /// Who made it; counts as the process's credential does.
    pub owner: Rc<Credential>,
    /// The process that has it open.
    pub holder: Pid,
    /// UDP or TCP.
    pub protocol: Proto,
    /// IPv4 or IPv6.
    pub speaks: Speaks,
    /// Its own address, once it has one.
    pub local: Option<SocketAddr>,
    /// Whom it is connected to.
    pub remote: Option<SocketAddr>,
    listening: bool,
    /// The datagrams that arrived.
    pub arrived: Vec<Datagram>,
}

/// A datagram on its way or arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// From where.
    pub source: SocketAddr,
    /// To where.
    pub destination: SocketAddr,
}

/// A socket's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(usize);

/// As an IPv6 socket has it.
const fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// "Any" of the family of an address.
const fn any_like(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// The last four bytes, which is where an IPv4 address is.
fn end(address: IpAddr) -> Ipv4Addr {
    let [.., a, b, c, d] = mapped(address).octets();
    Ipv4Addr::new(a, b, c, d)
}

impl Socket {
    const fn any(&self) -> Any {
        match self.speaks {
            Speaks::Inet | Speaks::Inet6 => Any::OneFamily,
            Speaks::Both => Any::BothFamilies,
        }
    }

    /// "Any" of the socket's own family.
    const fn unbound(&self) -> IpAddr {
        match self.speaks {
            Speaks::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Speaks::Inet6 | Speaks::Both => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    fn ends(&self) -> Ends<Ipv4Addr> {
        let local = self.local.unwrap_or(SocketAddr::new(self.unbound(), 0));
        let connected = self.remote.is_some();
        Ends { local: end(local.ip()), port: local.port(), connected }
    }

    /// As its control block would have it.
    fn dual(&self) -> Dual {
        let local = self.local.unwrap_or(SocketAddr::new(self.unbound(), 0));
        let inet6 = match local.ip() {
            IpAddr::V4(address) => address.to_ipv6_compatible(),
            IpAddr::V6(address) => address,
        };
        let any = local.ip().is_unspecified() && local.is_ipv6();
        Dual {
            inet6: Ends { local: inet6, port: local.port(), connected: self.remote.is_some() },
            inet: self.ends(),
            speaks_inet6: local.is_ipv6(),
            speaks_inet: local.is_ipv4() || (any && self.speaks == Speaks::Both),
            v6only: self.speaks == Speaks::Inet6,
            datagrams: self.protocol == Proto::Udp,
        }
    }
}

impl Machine {
    /// socket(2).
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`, `EAFNOSUPPORT`, `EPERM`.
    pub fn may_open_socket(&self, pid: Pid, asked: address::Socket) -> Result {
        let credential = self.credential(pid)?;
        if let Some(jail) = &credential.label {
            ask(address::permits_socket(
                jail.addresses().families(),
                asked,
                jail.sockets(),
                self.lines(),
            ))?;
        }
        // The families that the machine of the cases has.
        if ![family::UNIX, family::INET, family::ROUTE, family::INET6, family::NETLINK]
            .contains(&asked.domain)
        {
            return Err(Errno::EAFNOSUPPORT);
        }
        line_two::family(&credential, asked.domain)?;
        if (asked.domain, asked.kind) == (family::INET, kind::RAW) {
            self.privileged(pid, Privilege::NetinetRaw)?;
        }
        Ok(())
    }

    /// socket(2) for UDP or TCP over IPv4.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`.
    pub fn socket(&mut self, pid: Pid, protocol: Proto) -> Result<SocketId> {
        self.socket_of(pid, protocol, Speaks::Inet)
    }

    /// socket(2) for UDP or TCP.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`.
    pub fn socket_of(&mut self, pid: Pid, protocol: Proto, speaks: Speaks) -> Result<SocketId> {
        let kind = match protocol {
            Proto::Udp => kind::DGRAM,
            Proto::Tcp => kind::STREAM,
        };
        let domain = if speaks == Speaks::Inet { family::INET } else { family::INET6 };
        self.may_open_socket(pid, address::Socket { domain, kind, protocol: 0 })?;
        let owner = self.credential(pid)?;
        let socket = Socket {
            owner,
            holder: pid,
            protocol,
            speaks,
            local: None,
            remote: None,
            listening: false,
            arrived: Vec::new(),
        };
        let id = SocketId(self.next_socket);
        self.next_socket += 1;
        self.sockets.insert(id.0, socket);
        Ok(id)
    }

    /// Every socket.
    pub fn sockets(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.sockets.iter().map(|(&id, socket)| (SocketId(id), socket))
    }

    /// A socket that is open.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn get_socket(&self, id: SocketId) -> Result<&Socket> {
        self.sockets.get(&id.0).ok_or(Errno::EBADF)
    }

    fn socket_mut(&mut self, id: SocketId) -> Result<&mut Socket> {
        self.sockets.get_mut(&id.0).ok_or(Errno::EBADF)
    }

    /// close(2) of a socket.
    pub fn close_socket(&mut self, id: SocketId) {
        self.sockets.remove(&id.0);
    }

    /// The sockets of a process that ends.
    pub(crate) fn close_sockets(&mut self, pid: Pid) {
        self.sockets.retain(|_, socket| socket.holder != pid);
    }

    /// The family that an address must be of; a mapped one is IPv4's.
    fn believed(&self, id: SocketId, asked: SocketAddr) -> Result<SocketAddr> {
        let address = match (self.get_socket(id)?.speaks, asked.ip()) {
            (Speaks::Inet, IpAddr::V6(_)) => return Err(Errno::EAFNOSUPPORT),
            (Speaks::Inet, address) => address,
            (_, address) => mapped(address).to_canonical(),
        };
        Ok(SocketAddr::new(address, asked.port()))
    }

    /// bind(2); port 0 lets the kernel choose.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL`, `EAFNOSUPPORT`, `EACCES`, `EADDRINUSE`, `EINVAL`.
    #[doc(alias = "socket_check_bind")]
    pub fn bind(&mut self, pid: Pid, id: SocketId, asked: SocketAddr) -> Result {
        let credential = self.credential(pid)?;
        let mut asked = self.believed(id, asked)?;
        if let Some(jail) = &credential.label {
            let (own, lines) = (jail.addresses(), self.lines_of(jail.jid(), id)?);
            let speaks = self.get_socket(id)?.speaks;
            asked.set_ip(match (speaks, asked.ip()) {
                (Speaks::Inet, IpAddr::V4(address)) => {
                    ask(address::local(own.inet(), address, Any::OneFamily, lines))?.into()
                }
                (_, address) => {
                    let (address, v6only) = (mapped(address), speaks == Speaks::Inet6);
                    let (inet, inet6) = (own.inet(), own.inet6());
                    let mine = ask(address::local_dual(inet, inet6, address, v6only, lines))?;
                    mine.to_canonical()
                }
            });
        }
        self.bind_in_kernel(pid, id, asked)
    }

    #[doc(alias = "in_pcbbind_setup")]
    fn bind_in_kernel(&mut self, pid: Pid, id: SocketId, asked: SocketAddr) -> Result {
        let socket = self.get_socket(id)?;
        if socket.speaks == Speaks::Inet6 && asked.is_ipv4() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let (protocol, bound) = (socket.protocol, socket.local.is_some());
        let any = if asked.is_ipv6() { socket.any() } else { Any::OneFamily };
        let (address, port) =
            (line_two::local(&*self.credential(pid)?, asked.ip(), any)?, asked.port());
        if bound {
            return Err(Errno::EINVAL);
        }
        if !address.is_unspecified() && !self.interfaces.contains(&address) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        if port != 0 && port < RESERVED_PORTS_END {
            self.privileged(pid, Privilege::NetinetReservedport).map_err(|_| Errno::EACCES)?;
        }
        let port = if port == 0 { self.free_port() } else { port };
        let local = SocketAddr::new(address, port);
        let mut others = self.sockets.values();
        if others.any(|other| other.protocol == protocol && other.local == Some(local)) {
            return Err(Errno::EADDRINUSE);
        }
        self.socket_mut(id)?.local = Some(local);
        Ok(())
    }

    fn free_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(49152);
        port
    }

    /// Whose rules the socket follows in a process of this jail.
    fn lines_of(&self, jail: Jid, id: SocketId) -> Result<Lines> {
        let owner = self.get_socket(id)?.owner.label.as_ref().map(|jail| jail.jid());
        Ok(address::lines_of_socket(self.lines(), owner == Some(jail)))
    }

    /// Asks whom a socket reaches and what must happen to its source before the
    /// kernel chooses one, and does it.
    fn confine(&mut self, pid: Pid, id: SocketId, asked: IpAddr) -> Result<IpAddr> {
        let credential = self.credential(pid)?;
        let Some(jail) = &credential.label else { return Ok(asked) };
        let (own, lines) = (jail.addresses(), self.lines_of(jail.jid(), id)?);
        let socket = self.get_socket(id)?;
        let (remote, source) = match (socket.speaks, asked) {
            (Speaks::Inet, IpAddr::V4(asked)) => {
                let remote = ask(address::remote(own.inet(), asked, lines))?;
                let source = ask(address::source(own.inet(), socket.ends(), remote, lines))?;
                (remote.into(), to_ip(source))
            }
            (_, asked) => {
                let (inet, inet6, asked) = (own.inet(), own.inet6(), mapped(asked));
                let dual = socket.dual();
                let (remote, source) = ask(address::remote_dual(inet, inet6, asked, dual, lines))?;
                (remote.to_canonical(), to_ip(source))
            }
        };
        self.confine_source(pid, id, source)?;
        Ok(remote)
    }

    fn confine_source(&mut self, pid: Pid, id: SocketId, source: Source<IpAddr>) -> Result {
        match source {
            Source::Keep => Ok(()),
            Source::Bind(local) => self.bind_in_kernel(pid, id, SocketAddr::new(local, 0)),
        }
    }

    /// listen(2).
    ///
    /// # Errors
    /// `EAFNOSUPPORT`, `EADDRNOTAVAIL`, `EOPNOTSUPP`.
    #[doc(alias = "socket_check_listen")]
    pub fn listen(&mut self, pid: Pid, id: SocketId) -> Result {
        let credential = self.credential(pid)?;
        if let Some(jail) = &credential.label {
            let source = self.listens(jail.addresses(), id, self.lines_of(jail.jid(), id)?)?;
            self.confine_source(pid, id, source)?;
        }
        if self.get_socket(id)?.protocol != Proto::Tcp {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.get_socket(id)?.local.is_none() {
            let any = self.get_socket(id)?.unbound();
            self.bind_in_kernel(pid, id, SocketAddr::new(any, 0))?;
        }
        self.socket_mut(id)?.listening = true;
        Ok(())
    }

    fn listens(&self, own: &Addresses, id: SocketId, lines: Lines) -> Result<Source<IpAddr>> {
        let socket = self.get_socket(id)?;
        if socket.speaks == Speaks::Inet {
            let primary = ask(address::primary(own.inet()))?;
            return ask(address::source(own.inet(), socket.ends(), primary, lines)).map(to_ip);
        }
        ask(address::listen_dual(own.inet(), own.inet6(), socket.dual(), lines)).map(to_ip)
    }

    /// The hook of connect(2) and sendto(2), then `prison_remote_ip4` and the
    /// choice of a source: from where, to where.
    fn aim(&mut self, pid: Pid, id: SocketId, asked: SocketAddr, how: How) -> Result<Datagram> {
        let credential = self.credential(pid)?;
        let asked = self.believed(id, asked)?;
        let remote = self.confine(pid, id, asked.ip())?;
        let socket = self.get_socket(id)?;
        if socket.speaks == Speaks::Inet6 && remote.is_ipv4() {
            return Err(Errno::EINVAL);
        }
        let dual = socket.dual();
        let forgotten = how == How::Send && socket.protocol == Proto::Udp;
        let remote = if forgotten && remote.is_ipv6() {
            line_two::family_of(&credential, remote).map(|()| remote)?
        } else {
            line_two::remote(&credential, remote)?
        };
        if remote.is_unspecified() && !(forgotten && remote.is_ipv4()) {
            return Err(Errno::ENETUNREACH);
        }
        let local = match socket.local {
            Some(local) => local,
            // A source is looked for, and there is no route.
            None if how == How::Connect
                && remote.is_ipv4()
                && !self.interfaces.contains(&remote) =>
            {
                return Err(Errno::ENETUNREACH);
            }
            None => {
                let any = if remote.is_ipv6() { socket.any() } else { Any::OneFamily };
                let unbound =
                    if any == Any::BothFamilies { socket.unbound() } else { any_like(remote) };
                let any = line_two::local(&credential, unbound, any)?;
                SocketAddr::new(any, self.free_port())
            }
        };
        if remote.is_unspecified() {
            let bound = !local.ip().is_unspecified();
            return Err(if bound { Errno::EHOSTUNREACH } else { Errno::ENETUNREACH });
        }
        let source = if local.ip().is_unspecified() {
            match line_two::source(&credential, remote) {
                Some(source) => source,
                // Every address of this machine is reached from itself, and no
                // other is reached.
                None if self.interfaces.contains(&remote) => remote,
                None => return Err(Errno::ENETUNREACH),
            }
        } else if local.is_ipv4() == remote.is_ipv4() {
            local.ip()
        } else if forgotten && remote.is_ipv4() {
            // The source of a datagram to a mapped address, whatever it is.
            IpAddr::V4(dual.inet.local)
        } else {
            return Err(Errno::EAFNOSUPPORT);
        };
        self.socket_mut(id)?.local = Some(local);
        Ok(Datagram {
            source: SocketAddr::new(source, local.port()),
            destination: SocketAddr::new(remote, asked.port()),
        })
    }

    /// connect(2).
    ///
    /// # Errors
    /// `EAFNOSUPPORT`, `EINVAL`, `EADDRNOTAVAIL`, `ENETUNREACH`, `EHOSTUNREACH`,
    /// `ECONNREFUSED`.
    #[doc(alias = "socket_check_connect")]
    pub fn connect(&mut self, pid: Pid, id: SocketId, asked: SocketAddr) -> Result {
        let Datagram { source, destination: remote } = self.aim(pid, id, asked, How::Connect)?;
        if self.get_socket(id)?.protocol == Proto::Tcp {
            if !self.interfaces.contains(&remote.ip()) {
                return Err(Errno::EHOSTUNREACH);
            }
            let listener = self.receiver(Proto::Tcp, remote);
            if !listener.and_then(|id| self.sockets.get(&id)).is_some_and(|found| found.listening) {
                return Err(Errno::ECONNREFUSED);
            }
        }
        let socket = self.socket_mut(id)?;
        socket.local = Some(source);
        socket.remote = Some(remote);
        Ok(())
    }

    /// sendto(2) of one datagram; the socket that got it, if any did.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`, `EINVAL`, `EADDRNOTAVAIL`, `ENETUNREACH`, `EHOSTUNREACH`.
    pub fn send(&mut self, pid: Pid, id: SocketId, asked: SocketAddr) -> Result<Option<SocketId>> {
        let datagram = self.aim(pid, id, asked, How::Send)?;
        let destination = datagram.destination;
        if !self.interfaces.contains(&destination.ip()) {
            // With a source of its own the packet gets as far as the output.
            return Err(Errno::EHOSTUNREACH);
        }
        let receiver = self.receiver(Proto::Udp, destination).map(SocketId);
        if let Some(id) = receiver {
            self.socket_mut(id)?.arrived.push(datagram);
        }
        Ok(receiver)
    }

    /// `in_pcblookup`: the socket on exactly this address, else one on "any"
    /// that may have what comes to it.
    fn receiver(&self, protocol: Proto, to: SocketAddr) -> Option<usize> {
        let on = |address: IpAddr, also: fn(&Socket) -> bool| {
            self.sockets.iter().find_map(|(&id, socket)| {
                let here = socket.local == Some(SocketAddr::new(address, to.port()));
                let may = line_two::delivers(&socket.owner, to.ip());
                (socket.protocol == protocol && here && may && also(socket)).then_some(id)
            })
        };
        let of_both = || {
            let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            on(any, |socket| socket.speaks == Speaks::Both).filter(|_| to.is_ipv4())
        };
        on(to.ip(), |_| true).or_else(|| on(any_like(to.ip()), |_| true)).or_else(of_both)
    }
}

/// Which call names an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Connect,
    Send,
}

/// With the family that the kernel sees.
fn to_ip<A: Into<IpAddr>>(source: Source<A>) -> Source<IpAddr> {
    match source {
        Source::Keep => Source::Keep,
        Source::Bind(address) => Source::Bind(address.into().to_canonical()),
    }
}
