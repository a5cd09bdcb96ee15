// SPDX-License-Identifier: BSD-2-Clause
//! Which devices a jail opens, and which it takes away from others.
//!
//! A native jail opens whatever its devfs mount shows; what that is, is up to
//! devfs rules that the administrator has to apply (C source:
//! `sys/fs/devfs/devfs_rule.c`), and a forgotten one leaves `/dev/mem` readable.
//! Here a jail has a list, whatever the mount shows.
//!
//! A device is told by its driver and its name together. A name is unique in the
//! kernel and given by the driver; the node's path, which rename(2), a mount or
//! mknod(2) could change, says nothing. Aliases are links in devfs, and a clone
//! is opened as the device that it became.

#![forbid(unsafe_code)]

use crate::prison::{JailFlags, Jid};
use crate::{Errno, Result};

/// On whose behalf a device was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Maker {
    /// Nobody's: the driver made it for the machine.
    System,
    /// A process in this jail, or outside any: a pseudo-terminal, or a device
    /// that came to be when it was first looked up.
    Process(Option<Jid>),
}

/// A device that a process reaches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node<'a> {
    /// What its driver calls itself (`d_name`).
    pub driver: &'a [u8],
    /// What the driver calls the device (`si_name`).
    pub name: &'a [u8],
    /// On whose behalf.
    pub maker: Maker,
    /// It is the controlling terminal of the process.
    pub controls: bool,
}

/// What a device is to a jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It keeps nothing and changes nothing: every jail opens it.
    Plain,
    /// A terminal: whoever made it opens it.
    Terminal,
    /// One end of a network interface: [`JailFlags::TUN`].
    Tunnel,
    /// Anything else, and all that is unknown.
    Other,
}

/// Drivers and their devices that every jail opens. `fd/0` and its kin are the
/// process's own descriptors, `ctty` and `ptmx` make no terminal but one's own.
const PLAIN: &[(&[u8], &[u8])] = &[
    (b"null", b"null"),
    (b"zero", b"zero"),
    (b"full", b"full"),
    (b"random", b"random"),
    (b"FD", b"fd/0"),
    (b"FD", b"fd/1"),
    (b"FD", b"fd/2"),
    (b"ctty", b"ctty"),
    (b"ptmx", b"ptmx"),
];

/// The driver of every terminal, serial ports and consoles among them.
const TERMINAL: &[u8] = b"ttydev";

/// Drivers of tunnels; a device is called as its driver, with a number.
const TUNNELS: &[&[u8]] = &[b"tun", b"tap"];

impl Node<'_> {
    /// What kind it is; the list above, and nothing else, says so.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if PLAIN.contains(&(self.driver, self.name)) {
            return Kind::Plain;
        }
        if self.driver == TERMINAL {
            return Kind::Terminal;
        }
        match self.name.strip_prefix(self.driver) {
            Some(number) if TUNNELS.contains(&self.driver) && is_number(number) => Kind::Tunnel,
            _ => Kind::Other,
        }
    }

    fn is_anothers(&self, jail: Jid) -> bool {
        matches!(self.maker, Maker::Process(owner) if owner != Some(jail))
    }
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a jailed process may open a device.
///
/// - Determines: its controlling terminal, always: it has it already, from
///   whoever let it in. What another jail or the host made for itself does not
///   exist. Of the rest, a jail with [`JailFlags::ALL_DEVICES`] opens all that it
///   finds, as a native jail does; any other jail opens a [`Kind::Plain`] device,
///   a terminal of its own, and with [`JailFlags::TUN`] a [`Kind::Tunnel`].
///   `None` is a node whose driver cannot be told: one that is not in devfs, and
///   leads nowhere, or one seen through nullfs(4), which may lead anywhere.
/// - Returns: `Ok`; `ENOENT` for what is another's, the answer that the kernel
///   gives for such a name; `EPERM` for what is not on the list.
/// - Locks: none; the caller keeps the device from going away.
/// - Answers to: `devfs_prison_check` (C source: `sys/fs/devfs/devfs_vnops.c`),
///   and the ruleset `devfsrules_jail` of `sbin/devfs/devfs.rules`.
///
/// # Errors
/// `ENOENT`, `EPERM`.
#[doc(alias = "devfs_prison_check")]
pub fn open(jail: Jid, flags: JailFlags, node: Option<&Node<'_>>) -> Result {
    if node.is_some_and(|node| node.controls) {
        return Ok(());
    }
    if node.is_some_and(|node| node.is_anothers(jail)) {
        return Err(Errno::ENOENT);
    }
    let listed = |node: &Node<'_>| match node.kind() {
        Kind::Plain => true,
        // One that the system made is a console or a serial line.
        Kind::Terminal => node.maker != Maker::System,
        Kind::Tunnel => flags.contains(JailFlags::TUN),
        Kind::Other => false,
    };
    let permitted = flags.contains(JailFlags::ALL_DEVICES) || node.is_some_and(listed);
    if permitted { Ok(()) } else { Err(Errno::EPERM) }
}

/// Whether a jailed process may revoke a device: take it away from all who have
/// it open, in every devfs mount.
///
/// - Determines: only what its own jail made, a pseudo-terminal say. `/dev/null`
///   is everybody's, whatever its flags, and so is the terminal that it was let
///   in with.
/// - Returns: `Ok`; `ENOENT` as [`open`] does; `EPERM` for what it shares.
/// - Locks: none, as [`open`].
/// - Answers to: `sys_revoke` (C source: `sys/kern/vfs_syscalls.c`), where a
///   native jail's root is an owner like any other.
///
/// # Errors
/// `ENOENT`, `EPERM`.
#[doc(alias = "sys_revoke")]
pub fn revoke(jail: Jid, node: Option<&Node<'_>>) -> Result {
    let Some(node) = node else { return Err(Errno::EPERM) };
    if node.maker == Maker::Process(Some(jail)) {
        return Ok(());
    }
    if node.is_anothers(jail) && !node.controls {
        return Err(Errno::ENOENT);
    }
    Err(Errno::EPERM)
}
