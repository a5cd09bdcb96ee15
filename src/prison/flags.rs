// SPDX-License-Identifier: BSD-2-Clause
//! What a jail was made with: the flags of rjail(2), given once, sealed after.
//!
//! Mirrors `RJAIL_*` in `kmod/rjail.h`; a host test holds the two together.
//! Native counterparts are the `allow.*` parameters of jail(8) and the four
//! `jail.*_allowed` sysctls of the 4.0 kernel.

#![forbid(unsafe_code)]

bitflags::bitflags! {
    /// What root in the jail may do beyond the default. No flag is the least.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct JailFlags: u32 {
        /// Change the jail's own host name. The second line keeps the name and
        /// alone asks for this (`PR_ALLOW_SET_HOSTNAME`).
        const SET_HOSTNAME = 0x001;
        /// `SOCK_RAW`: ping, traceroute.
        const RAW_SOCKETS = 0x002;
        /// The system's file flags: immutable, append-only, no unlink.
        const CHFLAGS = 0x004;
        /// System V IPC, whose objects the jail then shares with its host.
        const SYSVIPC = 0x008;
        /// Wire memory: mlock(2), munlock(2) and their kin.
        const MLOCK = 0x010;
        /// Ports below `net.inet.ip.portrange.reservedhigh`.
        const RESERVED_PORTS = 0x020;
        /// Read and set quotas of the file systems it sees.
        const QUOTAS = 0x040;
        /// Read the kernel's message buffer.
        const READ_MSGBUF = 0x080;
        /// The system namespace of extended attributes.
        const EXTATTR = 0x100;
        /// Set the machine's clock, and slew it.
        const SETTIME = 0x200;
        /// Slew the machine's clock.
        const ADJTIME = 0x400;
        /// See the mounts at and below the jail's root: `enforce_statfs` 1. A
        /// jail without sees the one its root is on.
        const STATFS_BELOW = 0x800;
        /// See every mount of the machine: `enforce_statfs` 0.
        const STATFS_ALL = 0x1000;
        /// Sockets of families beside UNIX, IP, routing and netlink, and of IP's
        /// protocols beside TCP, UDP and UDP-Lite: the 4.0 kernel's
        /// `socket_unixiproute_only` off, `allow.socket_af` today.
        const SOCKET_AF = 0x2000;
        /// Devices of tunnels, tun(4) and tap(4).
        const TUN = 0x4000;
        /// No list of devices: what devfs shows can be opened.
        const ALL_DEVICES = 0x8000;
        /// System V IPC of the jail's own: its keys, its objects, gone with it.
        /// [`Self::SYSVIPC`] is more, and counts where both are given.
        const SYSVIPC_OWN = 0x1_0000;
    }
}

impl JailFlags {
    /// The jail of the paper: its own name, its own low ports, nothing more.
    pub const PAPER: Self = Self::SET_HOSTNAME.union(Self::RESERVED_PORTS);

    /// Whose objects of System V IPC the jail finds.
    #[must_use]
    pub const fn system_v(self) -> SystemV {
        if self.contains(Self::SYSVIPC) {
            SystemV::Hosts
        } else if self.contains(Self::SYSVIPC_OWN) {
            SystemV::Own
        } else {
            SystemV::None
        }
    }

    /// What the kernel calls `enforce_statfs`: 0, 1 or 2, the more the less is
    /// seen.
    #[must_use]
    pub const fn enforce_statfs(self) -> i32 {
        if self.contains(Self::STATFS_ALL) {
            0
        } else if self.contains(Self::STATFS_BELOW) {
            1
        } else {
            2
        }
    }
}

/// Whose objects of System V IPC a jail finds: what jail(8) calls `sysvshm`,
/// `sysvsem` and `sysvmsg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemV {
    /// None; the calls are not there.
    None,
    /// Its own.
    Own,
    /// Its host's as well.
    Hosts,
}
