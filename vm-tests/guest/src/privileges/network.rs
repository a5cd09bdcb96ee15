// SPDX-License-Identifier: BSD-2-Clause
//! Sockets and the configuration of the network. What a jail may not even open
//! a socket for is asked on one that was open before.

use cases::world::JAIL_ADDR;

use super::calls::{ask, get};
use super::scene::{OTHER, Scene, as_user, interface, interface_with};
use super::{Attempt, attempt, errno};
use crate::errno::{
    EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENAMETOOLONG, ENODEV, ENOENT, ENXIO, EOPNOTSUPP,
    ESRCH,
};
use crate::sys::{self, Error, Result, Sockaddr, WithSize, address_of};

/// `RJAIL_RAW_SOCKETS`.
const RAW_SOCKETS: u32 = 0x02;
/// `RJAIL_RESERVED_PORTS`.
const RESERVED_PORTS: u32 = 0x20;

const AF_INET: i32 = 2;
const AF_ROUTE: i32 = 17;
const AF_INET6: i32 = 28;
const DATAGRAM: i32 = 2;
const RAW: i32 = 3;
const ICMP: i32 = 1;
const IPPROTO_IP: i32 = 0;
const IPPROTO_IPV6: i32 = 41;

const SIOCSIFFLAGS: usize = 0x8020_6910;
const SIOCGIFFLAGS: usize = 0xc020_6911;
const SIOCSIFMETRIC: usize = 0x8020_6918;
const SIOCDIFADDR: usize = 0x8020_6919;
const SIOCSIFCAP: usize = 0x8020_691e;
const SIOCSIFNAME: usize = 0x8020_6928;
const SIOCSIFDESCR: usize = 0x8020_6929;
const SIOCAIFADDR: usize = 0x8044_692b;
const SIOCADDMULTI: usize = 0x8020_6931;
const SIOCDELMULTI: usize = 0x8020_6932;
const SIOCSIFMTU: usize = 0x8020_6934;
const SIOCSIFPHYS: usize = 0x8020_6936;
const SIOCSIFGENERIC: usize = 0x8020_6939;
const SIOCSIFLLADDR: usize = 0x8020_693c;
const SIOCSRTRFLUSH_IN6: usize = 0xc120_6950;
const SIOCSSCOPE6: usize = 0x8120_6958;
const SIOCSIFVNET: usize = 0xc020_695a;
const SIOCSIFFIB: usize = 0x8020_695d;
const SIOCIFDESTROY: usize = 0x8020_6979;
const SIOCIFCREATE: usize = 0xc020_697a;
const SIOCAIFGROUP: usize = 0x8028_6987;
const SIOCDIFGROUP: usize = 0x8028_6989;
const GIFSOPTS: usize = 0x8020_6997;
const SIOCSLANPCP: usize = 0x8020_6999;
const SIOCDADDRCTL_POLICY: usize = 0x8048_756d;

/// Where the argument of a `struct ifreq` is.
const ARGUMENT: usize = 16;
const LOOPBACK: &[u8] = b"lo0";

pub const ATTEMPTS: &[Attempt] = &[
    attempt("PRIV_NETINET_RAW", "socket(2), raw", |_| errno(sys::socket(AF_INET, RAW, ICMP)))
        .with(RAW_SOCKETS, 0),
    attempt("PRIV_NETINET_RESERVEDPORT", "bind(2) to port 700", |_| {
        errno(bound(&Sockaddr::new(JAIL_ADDR, 700), false))
    })
    .inside(EACCES)
    .with(RESERVED_PORTS, 0)
    .user(EACCES, EACCES),
    attempt("PRIV_NETINET_REUSEPORT", "bind(2) to a port that another user shares", |_| {
        errno(bound(&shared(), true))
    })
    .prepare(|scene| {
        scene.fd = as_user(OTHER, || bound(&shared(), true))?;
        Ok(())
    })
    .root(0)
    .user(EADDRINUSE, EADDRINUSE),
    attempt("PRIV_NETINET_BINDANY", "setsockopt(IP_BINDANY)", |_| {
        const IP_BINDANY: i32 = 24;
        with_socket(|fd| ask!(SETSOCKOPT, fd, IPPROTO_IP, IP_BINDANY, &[1_i32], 4))
    }),
    attempt("PRIV_NETINET_GETCRED", "sysctl net.inet.tcp.getcred of no connection", |_| {
        errno(sys::sysctl_named("net.inet.tcp.getcred", &mut [], Some(&[0; 32])))
    })
    .root(ENOENT),
    attempt("PRIV_NETINET_SETHDROPTS", "setsockopt(IPV6_RECVHOPOPTS)", |scene| {
        const IPV6_RECVHOPOPTS: i32 = 39;
        ask!(SETSOCKOPT, scene.fd, IPPROTO_IPV6, IPV6_RECVHOPOPTS, &[1_i32], 4)
    })
    .before(ipv6)
    .root(0),
    attempt("PRIV_NETINET_ADDRCTRL6", "ioctl(SIOCDADDRCTL_POLICY) of no policy", |scene| {
        ask!(IOCTL, scene.fd, SIOCDADDRCTL_POLICY, &[0_u8; 72])
    })
    .before(ipv6)
    .outside(ESRCH),
    attempt("PRIV_NETINET_ND6", "ioctl(SIOCSRTRFLUSH_IN6)", |scene| {
        ask!(IOCTL, scene.fd, SIOCSRTRFLUSH_IN6, &mut interface::<288>(LOOPBACK))
    })
    .before(ipv6),
    attempt("PRIV_NETINET_SCOPE6", "ioctl(SIOCSSCOPE6), unchanged", |scene| {
        ask!(IOCTL, scene.fd, SIOCSSCOPE6, &interface::<288>(LOOPBACK))
    })
    .before(ipv6),
    attempt("PRIV_NETINET_MROUTE", "setsockopt(MRT_INIT) of another protocol's socket", |scene| {
        const MRT_INIT: i32 = 100;
        ask!(SETSOCKOPT, scene.fd, IPPROTO_IP, MRT_INIT, &[1_i32], 4)
    })
    .before(|scene| {
        scene.fd = sys::socket(AF_INET, RAW, ICMP)?;
        Ok(())
    })
    .outside(EOPNOTSUPP),
    attempt("PRIV_NET_ROUTE", "RTM_DELETE of no route", |scene| {
        const SIZE: u16 = 168;
        const RTM_VERSION: u8 = 5;
        const RTM_DELETE: u8 = 2;
        const RTA_DST: u8 = 1;
        let mut message = [0; SIZE as usize];
        message[..2].copy_from_slice(&SIZE.to_le_bytes());
        message[2..4].copy_from_slice(&[RTM_VERSION, RTM_DELETE]);
        message[12] = RTA_DST;
        message[152..160].copy_from_slice(&[16, 2, 0, 0, 192, 0, 2, 1]);
        errno(sys::write(scene.fd, &message))
    })
    .before(|scene| {
        scene.fd = sys::socket(AF_ROUTE, RAW, 0)?;
        Ok(())
    })
    .outside(ESRCH),
    attempt("PRIV_NET_BPF", "sysctl net.bpf.stats", |_| {
        errno(sys::sysctl_named("net.bpf.stats", &mut [], None))
    }),
    attempt("PRIV_NET_ADDIFADDR", "ioctl(SIOCAIFADDR) of no address", |_| {
        with_socket(|fd| ask!(IOCTL, fd, SIOCAIFADDR, &interface::<68>(LOOPBACK)))
    })
    .outside(EINVAL),
    attempt("PRIV_NET_DELIFADDR", "ioctl(SIOCDIFADDR) of an address it has not", |_| {
        configure(SIOCDIFADDR, ARGUMENT, &[16, 2, 0, 0, 192, 0, 2, 1])
    })
    .outside(EADDRNOTAVAIL),
    attempt("PRIV_NET_ADDMULTI", "ioctl(SIOCADDMULTI) of no address", |_| {
        configure(SIOCADDMULTI, ARGUMENT, &[])
    })
    .outside(EINVAL),
    attempt("PRIV_NET_DELMULTI", "ioctl(SIOCDELMULTI) of no address", |_| {
        configure(SIOCDELMULTI, ARGUMENT, &[])
    })
    .outside(EINVAL),
    attempt("PRIV_NET_ADDIFGROUP", "ioctl(SIOCAIFGROUP) with a wrong name", |_| {
        with_socket(|fd| {
            ask!(IOCTL, fd, SIOCAIFGROUP, &interface_with::<40>(LOOPBACK, 24, b"wrong1"))
        })
    })
    .outside(EINVAL),
    attempt("PRIV_NET_DELIFGROUP", "ioctl(SIOCDIFGROUP) of a group it is not in", |_| {
        with_socket(|fd| {
            ask!(IOCTL, fd, SIOCDIFGROUP, &interface_with::<40>(LOOPBACK, 24, b"nothing"))
        })
    })
    .outside(ENOENT),
    attempt("PRIV_NET_HWIOCTL", "ioctl(SIOCSIFGENERIC)", |_| {
        configure(SIOCSIFGENERIC, ARGUMENT, &[])
    })
    .outside(EINVAL),
    attempt("PRIV_NET_IFCREATE", "ioctl(SIOCIFCREATE) of an unknown kind", |_| {
        with_socket(|fd| ask!(IOCTL, fd, SIOCIFCREATE, &mut interface::<32>(b"nothing0")))
    })
    .outside(EINVAL),
    attempt("PRIV_NET_IFDESTROY", "ioctl(SIOCIFDESTROY) of none", |_| {
        with_socket(|fd| ask!(IOCTL, fd, SIOCIFDESTROY, &interface::<32>(b"nothing0")))
    })
    .outside(ENXIO),
    attempt("PRIV_NET_SETIFCAP", "ioctl(SIOCSIFCAP) of what it can not", |_| {
        configure(SIOCSIFCAP, ARGUMENT, &[0xff; 4])
    })
    .outside(EINVAL),
    attempt("PRIV_NET_SETIFDESCR", "ioctl(SIOCSIFDESCR), too long", |_| {
        configure(SIOCSIFDESCR, ARGUMENT, &[0xff; 4])
    })
    .outside(ENAMETOOLONG),
    attempt("PRIV_NET_SETIFFIB", "ioctl(SIOCSIFFIB) to no table", |_| {
        configure(SIOCSIFFIB, ARGUMENT, &[0xff; 2])
    })
    .outside(EINVAL),
    attempt("PRIV_NET_SETIFFLAGS", "ioctl(SIOCSIFFLAGS), unchanged", |_| {
        with_socket(|fd| {
            let mut request = interface::<32>(LOOPBACK);
            match get!(IOCTL, fd, SIOCGIFFLAGS, &mut request) {
                Ok(_) => ask!(IOCTL, fd, SIOCSIFFLAGS, &request),
                Err(Error(number)) => number,
            }
        })
    }),
    attempt("PRIV_NET_SETIFMETRIC", "ioctl(SIOCSIFMETRIC), unchanged", |_| {
        configure(SIOCSIFMETRIC, ARGUMENT, &[])
    }),
    attempt("PRIV_NET_SETIFMTU", "ioctl(SIOCSIFMTU), too small", |_| {
        configure(SIOCSIFMTU, ARGUMENT, &[])
    })
    .outside(EINVAL),
    attempt("PRIV_NET_SETIFNAME", "ioctl(SIOCSIFNAME) to no name", |_| {
        let name = [0_u8; 16];
        configure(SIOCSIFNAME, ARGUMENT, &address_of(&name).to_le_bytes())
    })
    .outside(EINVAL),
    attempt("PRIV_NET_SETIFPHYS", "ioctl(SIOCSIFPHYS)", |_| configure(SIOCSIFPHYS, ARGUMENT, &[]))
        .outside(EINVAL),
    attempt("PRIV_NET_SETIFVNET", "ioctl(SIOCSIFVNET) to no jail", |_| {
        with_socket(|fd| {
            let mut request = interface_with::<32>(LOOPBACK, ARGUMENT, &9999_i32.to_le_bytes());
            ask!(IOCTL, fd, SIOCSIFVNET, &mut request)
        })
    })
    .outside(ENXIO),
    attempt("PRIV_NET_SETLLADDR", "ioctl(SIOCSIFLLADDR) of no address", |_| {
        configure(SIOCSIFLLADDR, ARGUMENT, &[])
    })
    .outside(ENODEV),
    attempt("PRIV_NET_GIF", "ioctl(GIFSOPTS) of gif0, unchanged", |_| {
        let options = [0_u8; 4];
        let request = interface_with::<32>(b"gif0", ARGUMENT, &address_of(&options).to_le_bytes());
        with_socket(|fd| ask!(IOCTL, fd, GIFSOPTS, &request))
    })
    .before(|_| create(b"gif0"))
    .after(|_| destroy(b"gif0")),
    attempt("PRIV_NET_SETLANPCP", "ioctl(SIOCSLANPCP) of tap0, unchanged", |_| {
        let request = interface_with::<32>(b"tap0", ARGUMENT, &[0xff]);
        with_socket(|fd| ask!(IOCTL, fd, SIOCSLANPCP, &request))
    })
    .before(|_| create(b"tap0"))
    .after(|_| destroy(b"tap0")),
    attempt("PRIV_NET_SETVLANPCP", "ioctl(SIOCSVLANPCP) of vlan0, unchanged", |_| {
        with_socket(|fd| ask!(IOCTL, fd, SIOCSLANPCP, &interface::<32>(b"vlan0")))
    })
    .before(|_| create(b"vlan0"))
    .after(|_| destroy(b"vlan0")),
];

/// A port of the jail's address that more than one bind to.
fn shared() -> Sockaddr {
    Sockaddr::new(JAIL_ADDR, 5700)
}

/// A datagram socket that is bound, sharing the port or not.
fn bound(address: &Sockaddr, shared: bool) -> Result<i32> {
    const SOL_SOCKET: i32 = 0xffff;
    const SO_REUSEPORT: i32 = 0x200;
    let fd = sys::socket(AF_INET, DATAGRAM, 0)?;
    if shared {
        get!(SETSOCKOPT, fd, SOL_SOCKET, SO_REUSEPORT, &[1_i32], 4)?;
    }
    sys::bind(fd, WithSize(address))?;
    Ok(fd)
}

fn with_socket(work: impl FnOnce(i32) -> i32) -> i32 {
    match sys::socket(AF_INET, DATAGRAM, 0) {
        Ok(fd) => work(fd),
        Err(Error(number)) => number,
    }
}

/// An ioctl(2) of the loopback interface with a `struct ifreq`.
fn configure(request: usize, at: usize, argument: &[u8]) -> i32 {
    with_socket(|fd| ask!(IOCTL, fd, request, &interface_with::<32>(LOOPBACK, at, argument)))
}

/// A jail has no IPv6, so the socket is from before.
fn ipv6(scene: &mut Scene) -> Result<()> {
    scene.fd = sys::socket(AF_INET6, DATAGRAM, 0)?;
    Ok(())
}

fn create(name: &[u8]) -> Result<()> {
    let fd = sys::socket(AF_INET, DATAGRAM, 0)?;
    get!(IOCTL, fd, SIOCIFCREATE, &mut interface::<32>(name))?;
    sys::close(fd)
}

fn destroy(name: &[u8]) {
    let _ = with_socket(|fd| ask!(IOCTL, fd, SIOCIFDESTROY, &interface::<32>(name)));
}
