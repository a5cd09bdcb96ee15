// SPDX-License-Identifier: BSD-2-Clause
//! The world every backend builds before it plays a case.

/// The jail's root, seen from the machine's root. Holds `etc/motd`, `dir/`,
/// `dev/` with every device of the machine, `file` (mode 0644, owner 0) and `theirs` (mode 0644, owner [`USER`]).
pub const JAIL_ROOT: &str = "/jail";
/// The other jail's root.
pub const SIBLING_ROOT: &str = "/sibling";
/// A file outside both jails, mode 0644: a name that only the host has.
pub const SECRET: &str = "/secret";

/// The machine's own address on lo0, besides 127.0.0.1.
pub const HOST_ADDR: [u8; 4] = [10, 66, 0, 1];
/// The jail's address, an alias on lo0.
pub const JAIL_ADDR: [u8; 4] = [10, 66, 0, 2];
/// The other jail's address, an alias on lo0.
pub const SIBLING_ADDR: [u8; 4] = [10, 66, 0, 3];
/// An address no interface has.
pub const FOREIGN_ADDR: [u8; 4] = [10, 99, 0, 1];
/// The same of IPv6: the machine's own besides `::1`.
pub const HOST_ADDR6: [u8; 16] = inet6(0x66, 1);
/// The jail's.
pub const JAIL_ADDR6: [u8; 16] = inet6(0x66, 2);
/// The other jail's.
pub const SIBLING_ADDR6: [u8; 16] = inet6(0x66, 3);
/// Nobody's.
pub const FOREIGN_ADDR6: [u8; 16] = inet6(0x99, 1);

/// An address of fdXX::/16, XX being the first, by its last byte.
#[must_use]
pub const fn inet6(net: u8, last: u8) -> [u8; 16] {
    [0xfd, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

/// Port of the machine's echo services: UDP and TCP, one pair bound to
/// 127.0.0.1, one to [`HOST_ADDR`], one to [`SIBLING_ADDR`] (run by the
/// sibling), and the same of IPv6. Nothing listens on the jail's addresses. The
/// UDP services answer a datagram with the bytes: own address (16), sender's
/// address (16), those of IPv4 as mapped ones.
pub const SERVICE_PORT: u16 = 7001;

/// Names of the neighbour's UNIX-domain sockets in [`JAIL_ROOT`], a stream and
/// one for datagrams.
pub const LOCAL_SERVICES: [&str; 2] = ["local.stream", "local.datagrams"];

/// Host name of the machine.
pub const MACHINE_NAME: &str = "machine.example";
/// Host name given to the jail.
pub const JAIL_NAME: &str = "inside.example";

/// The unprivileged user of the world.
pub const USER: u32 = 1001;
