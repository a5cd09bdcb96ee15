// SPDX-License-Identifier: BSD-2-Clause
//! The world of `cases::world` on a real kernel: directories, addresses,
//! neighbours and their services.

use core::ffi::CStr;

use cases::world::{self, SERVICE_PORT};

use crate::jail::Kind;
use crate::net::sockets::{
    H4, Ip, Kind as SocketKind, L4, L6, S4, Socket, TCP4, TCP6, UDP4, UDP6, add_to_loopback, is_ip4,
};
use crate::sys::{self, Error, FileId, PollFd, PollFds, Result};
use crate::unix;

/// [`world::JAIL_ROOT`] for system calls.
pub const JAIL_ROOT: &CStr = c"/jail";
/// [`world::SIBLING_ROOT`] for system calls.
pub const SIBLING_ROOT: &CStr = c"/sibling";
/// [`world::JAIL_NAME`] for system calls.
pub const JAIL_NAME: &CStr = c"inside.example";
const SIBLING_NAME: &CStr = c"sibling.example";
/// This program: as init, and where a jailed process can run it again.
pub const PROGRAM: &CStr = c"/rjail/guest";
/// Inside the jail.
pub const PROGRAM_IN_JAIL: &CStr = c"/guest";

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
const CREATE: i32 = 0x0201;

/// What the cases name.
#[derive(Clone, Copy)]
pub struct World {
    /// The machine's root.
    pub machine_root: FileId,
    /// The jail's.
    pub jail_root: FileId,
    /// A process outside any jail.
    pub neighbour: i32,
    /// A process in the other jail.
    pub sibling: i32,
}

/// Builds everything that stays for the whole run; the other jail comes later.
pub fn build() -> Result<World> {
    sys::nmount(c"tmpfs", JAIL_ROOT)?;
    sys::nmount(c"tmpfs", SIBLING_ROOT)?;
    for directory in [c"/jail/etc", c"/jail/dir", c"/jail/dev", c"/sibling/etc"] {
        sys::mkdir(directory, 0o755)?;
    }
    sys::nmount(c"devfs", c"/jail/dev")?;
    make_file(c"/jail/etc/motd", b"inside\n")?;
    make_file(c"/jail/file", b"file\n")?;
    make_file(c"/jail/theirs", b"theirs\n")?;
    sys::chown(c"/jail/theirs", world::USER, world::USER)?;
    copy(PROGRAM, c"/jail/guest")?;

    let whole = [255; 4];
    sys::add_loopback_address(LOOPBACK, [255, 0, 0, 0])?;
    for address in [world::HOST_ADDR, world::JAIL_ADDR, world::SIBLING_ADDR] {
        sys::add_loopback_address(address, whole)?;
    }
    for address in [L6, world::HOST_ADDR6, world::JAIL_ADDR6, world::SIBLING_ADDR6] {
        add_to_loopback(address)?;
    }
    sys::sysctl_named("kern.hostname", &mut [], Some(world::MACHINE_NAME.as_bytes()))?;

    Ok(World {
        machine_root: sys::file_id(c"/")?,
        jail_root: sys::file_id(JAIL_ROOT)?,
        neighbour: start(|| {
            sys::chdir(JAIL_ROOT)?;
            for (name, datagrams) in world::LOCAL_SERVICES.into_iter().zip([false, true]) {
                unix::serve_at(name, datagrams)?;
            }
            Ok(&HOSTS)
        })?,
        sibling: 0,
    })
}

impl World {
    /// The same with a process in another jail of this kind.
    pub fn with_sibling(self, kind: Kind) -> Result<Self> {
        let sibling = start(|| {
            let addresses = (world::SIBLING_ADDR, world::SIBLING_ADDR6);
            kind.enter_both(SIBLING_ROOT, SIBLING_NAME, addresses)?;
            Ok(&SIBLINGS)
        })?;
        Ok(Self { sibling, ..self })
    }

    /// Ends that process, and with it its jail.
    pub fn end_sibling(self) -> Result<()> {
        sys::kill(self.sibling, 9)?;
        sys::wait(self.sibling, 0).map(drop)
    }
}

/// Where the services are.
const HOSTS: [Ip; 4] = [L4, H4, L6, world::HOST_ADDR6];
const SIBLINGS: [Ip; 2] = [S4, world::SIBLING_ADDR6];

/// Starts a process that makes itself ready, then serves some addresses until it is
/// killed.
fn start(ready: impl FnOnce() -> Result<&'static [Ip]>) -> Result<i32> {
    let [from, to] = sys::pipe()?;
    let child = sys::fork()?;
    if child == 0 {
        let served = sys::setsid().and_then(|_| ready()).and_then(|addresses| {
            let mut fds = [PollFd::readable(-1); 8];
            let mut datagrams = [None; 4];
            for ((pair, socket), ip) in fds.chunks_mut(2).zip(&mut datagrams).zip(addresses) {
                let kinds = if is_ip4(ip) { [UDP4, TCP4] } else { [UDP6, TCP6] };
                let [one, other] = [service(kinds[0], *ip)?, service(kinds[1], *ip)?];
                sys::listen(other.fd, 8)?;
                (pair[0], pair[1]) = (PollFd::readable(one.fd), PollFd::readable(other.fd));
                *socket = Some(one);
            }
            sys::write(to, &[0])?;
            serve(fds, datagrams, addresses)
        });
        let Err(Error(number)) = served;
        let _ = sys::write(to, &number.to_le_bytes()[..1]);
        sys::exit(1);
    }
    let mut errno = [1];
    let heard = sys::read(from, &mut errno);
    sys::close(from)?;
    sys::close(to)?;
    heard?;
    if errno == [0] { Ok(child) } else { Err(Error(i32::from(errno[0]))) }
}

fn service(kind: SocketKind, ip: Ip) -> Result<Socket> {
    let socket = Socket::new(kind)?;
    socket.bind(ip, SERVICE_PORT)?;
    Ok(socket)
}

/// Answers every datagram with the service's own and the sender's address, and
/// accepts every connection only to close it.
fn serve(
    fds: [PollFd; 8],
    datagrams: [Option<Socket>; 4],
    addresses: &[Ip],
) -> Result<core::convert::Infallible> {
    loop {
        let mut fds = PollFds(fds);
        sys::poll(&mut fds, -1)?;
        for ((pair, socket), own) in fds.0.chunks(2).zip(datagrams).zip(addresses) {
            if pair[0].happened != 0
                && let Some((socket, (sender, port))) =
                    socket.and_then(|socket| Some((socket, socket.receive_from().ok()?)))
            {
                let mut reply = [0; 32];
                reply[..16].copy_from_slice(own);
                reply[16..].copy_from_slice(&sender);
                // The sender may be gone.
                let _ = socket.send_bytes(&reply, sender, port);
            }
            if pair[1].happened != 0
                && let Ok(connection) = sys::accept(pair[1].fd, 0, 0)
            {
                sys::close(connection)?;
            }
        }
    }
}

/// Makes a file with this in it.
pub fn make_file(path: &CStr, bytes: &[u8]) -> Result<()> {
    let fd = sys::open(path, CREATE, 0o644)?;
    sys::write(fd, bytes)?;
    sys::close(fd)
}

/// Copies a file, which everybody may execute.
pub fn copy(from: &CStr, to: &CStr) -> Result<()> {
    let from = sys::open(from, 0, 0)?;
    let to = sys::open(to, CREATE, 0o755)?;
    let mut bytes = [0; 4096];
    loop {
        let length = sys::read(from, &mut bytes)?;
        if length == 0 {
            break;
        }
        sys::write(to, &bytes[..length])?;
    }
    sys::close(from)?;
    sys::close(to)
}
