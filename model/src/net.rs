// SPDX-License-Identifier: BSD-2-Clause
//! Sockets and datagrams, IPv4.
//!
//! Answers to `in_pcbbind_setup`, `in_pcbconnect`, `in_pcbladdr` and
//! `in_pcblookup` (C source: `sys/netinet/in_pcb.c`), and to where the hooks of
//! `sys/kern/uipc_syscalls.c` stand before them.

use core::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

use cases::Proto;
use rjail::address::{self, Lines, Source, family, kind};
use rjail::prison::Jid;
use rjail::privilege::Privilege;

use crate::machine::{Credential, Machine, Pid};
use crate::{Errno, Result, ask, line_two};

/// The first port that needs no privilege.
const RESERVED_PORTS_END: u16 = 1024;

/// A socket.
pub struct Socket {
    /// Who made it; counts as the process's credential does.
    pub owner: Rc<Credential>,
    /// The process that has it open.
    pub holder: Pid,
    /// UDP or TCP.
    pub protocol: Proto,
    /// Its own address, once it has one.
    pub local: Option<SocketAddrV4>,
    /// Whom it is connected to.
    pub remote: Option<SocketAddrV4>,
    listening: bool,
    /// The datagrams that arrived.
    pub arrived: Vec<Datagram>,
}

/// A datagram on its way or arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// From where.
    pub source: SocketAddrV4,
    /// To where.
    pub destination: SocketAddrV4,
}

/// A socket's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(usize);

impl Machine {
    /// socket(2).
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`, `EAFNOSUPPORT`, `EPERM`.
    pub fn may_open_socket(&self, pid: Pid, asked: address::Socket) -> Result {
        let credential = self.credential(pid)?;
        if let Some(jail) = &credential.label {
            ask(address::permits_socket(jail.addresses(), asked, jail.sockets(), self.lines()))?;
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
        let kind = match protocol {
            Proto::Udp => kind::DGRAM,
            Proto::Tcp => kind::STREAM,
        };
        self.may_open_socket(pid, address::Socket { domain: family::INET, kind, protocol: 0 })?;
        let owner = self.credential(pid)?;
        let socket = Socket {
            owner,
            holder: pid,
            protocol,
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

    /// The sockets of a process that ends.
    pub(crate) fn close_sockets(&mut self, pid: Pid) {
        self.sockets.retain(|_, socket| socket.holder != pid);
    }

    /// bind(2); port 0 lets the kernel choose.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL`, `EAFNOSUPPORT`, `EACCES`, `EADDRINUSE`, `EINVAL`.
    #[doc(alias = "socket_check_bind")]
    pub fn bind(&mut self, pid: Pid, id: SocketId, asked: SocketAddrV4) -> Result {
        let credential = self.credential(pid)?;
        let mut local = *asked.ip();
        if let Some(jail) = &credential.label {
            local = ask(address::local(jail.addresses(), local, self.lines_of(jail.jid(), id)?))?;
        }
        self.bind_in_kernel(pid, id, local, asked.port())
    }

    #[doc(alias = "in_pcbbind_setup")]
    fn bind_in_kernel(&mut self, pid: Pid, id: SocketId, asked: Ipv4Addr, port: u16) -> Result {
        let local = line_two::local(&*self.credential(pid)?, asked)?;
        if self.get_socket(id)?.local.is_some() {
            return Err(Errno::EINVAL);
        }
        if !local.is_unspecified() && !self.interfaces.contains(&local) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        if port != 0 && port < RESERVED_PORTS_END {
            self.privileged(pid, Privilege::NetinetReservedport).map_err(|_| Errno::EACCES)?;
        }
        let port = if port == 0 { self.free_port() } else { port };
        let protocol = self.get_socket(id)?.protocol;
        let taken = self.sockets.values().any(|other| {
            other.protocol == protocol && other.local == Some(SocketAddrV4::new(local, port))
        });
        if taken {
            return Err(Errno::EADDRINUSE);
        }
        self.socket_mut(id)?.local = Some(SocketAddrV4::new(local, port));
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

    /// Asks what must happen to the source before the kernel chooses one, and
    /// does it.
    fn confine_source(&mut self, pid: Pid, id: SocketId, remote: Ipv4Addr) -> Result {
        let credential = self.credential(pid)?;
        let Some(jail) = &credential.label else { return Ok(()) };
        let unbound = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let socket = self.get_socket(id)?;
        let bound = socket.local.unwrap_or(unbound);
        let connected = socket.remote.is_some();
        let lines = self.lines_of(jail.jid(), id)?;
        match ask(address::source(jail.addresses(), bound, connected, remote, lines))? {
            Source::Keep => Ok(()),
            Source::Bind(local) => self.bind_in_kernel(pid, id, local, 0),
        }
    }

    /// listen(2).
    ///
    /// # Errors
    /// `EAFNOSUPPORT`, `EADDRNOTAVAIL`, `EOPNOTSUPP`.
    #[doc(alias = "socket_check_listen")]
    pub fn listen(&mut self, pid: Pid, id: SocketId) -> Result {
        self.confine_source(pid, id, Ipv4Addr::UNSPECIFIED)?;
        if self.get_socket(id)?.protocol != Proto::Tcp {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.get_socket(id)?.local.is_none() {
            self.bind_in_kernel(pid, id, Ipv4Addr::UNSPECIFIED, 0)?;
        }
        self.socket_mut(id)?.listening = true;
        Ok(())
    }

    /// The hook of connect(2) and sendto(2), then `prison_remote_ip4` and the
    /// choice of a source: from where, to where.
    fn aim(&mut self, pid: Pid, id: SocketId, asked: SocketAddrV4) -> Result<Datagram> {
        let credential = self.credential(pid)?;
        let mut remote = *asked.ip();
        if let Some(jail) = &credential.label {
            remote =
                ask(address::remote(jail.addresses(), remote, self.lines_of(jail.jid(), id)?))?;
            self.confine_source(pid, id, remote)?;
        }
        remote = line_two::remote(&credential, remote)?;
        if remote.is_unspecified() {
            return Err(Errno::ENETUNREACH);
        }
        let local = match self.get_socket(id)?.local {
            Some(local) => local,
            None => {
                let any = line_two::local(&credential, Ipv4Addr::UNSPECIFIED)?;
                SocketAddrV4::new(any, self.free_port())
            }
        };
        self.socket_mut(id)?.local = Some(local);
        let source = if local.ip().is_unspecified() {
            match line_two::source(&credential, remote) {
                Some(source) => source,
                // Every address of this machine is reached from itself, and no
                // other is reached.
                None if self.interfaces.contains(&remote) => remote,
                None => return Err(Errno::ENETUNREACH),
            }
        } else {
            *local.ip()
        };
        Ok(Datagram {
            source: SocketAddrV4::new(source, local.port()),
            destination: SocketAddrV4::new(remote, asked.port()),
        })
    }

    /// connect(2).
    ///
    /// # Errors
    /// `EAFNOSUPPORT`, `ENETUNREACH`, `ECONNREFUSED`.
    #[doc(alias = "socket_check_connect")]
    pub fn connect(&mut self, pid: Pid, id: SocketId, asked: SocketAddrV4) -> Result {
        let Datagram { source, destination: remote } = self.aim(pid, id, asked)?;
        if self.get_socket(id)?.protocol == Proto::Tcp {
            if !self.interfaces.contains(remote.ip()) {
                return Err(Errno::ENETUNREACH);
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
    /// `EAFNOSUPPORT`, `ENETUNREACH`.
    pub fn send(
        &mut self,
        pid: Pid,
        id: SocketId,
        asked: SocketAddrV4,
    ) -> Result<Option<SocketId>> {
        let datagram = self.aim(pid, id, asked)?;
        let destination = datagram.destination;
        if !self.interfaces.contains(destination.ip()) {
            return Err(Errno::ENETUNREACH);
        }
        let receiver = self.receiver(Proto::Udp, destination).map(SocketId);
        if let Some(id) = receiver {
            self.socket_mut(id)?.arrived.push(datagram);
        }
        Ok(receiver)
    }

    /// `in_pcblookup`: the socket on exactly this address, else one on "any"
    /// that may have what comes to it.
    fn receiver(&self, protocol: Proto, to: SocketAddrV4) -> Option<usize> {
        let on = |address: Ipv4Addr| {
            self.sockets.iter().find_map(|(&id, socket)| {
                let here = socket.local == Some(SocketAddrV4::new(address, to.port()));
                let may = line_two::delivers(&socket.owner, *to.ip());
                (socket.protocol == protocol && here && may).then_some(id)
            })
        };
        on(*to.ip()).or_else(|| on(Ipv4Addr::UNSPECIFIED))
    }
}
