// SPDX-License-Identifier: BSD-2-Clause
//! Names that are not files: devices, and UNIX-domain sockets.
//!
//! Answers to `devfs_open` and `devfs_revoke` (C source:
//! `sys/fs/devfs/devfs_vnops.c`), `sys_revoke` (`sys/kern/vfs_syscalls.c`) and
//! `unp_connectat` (`sys/kern/uipc_usrreq.c`), and to where the hooks stand
//! before them.

use std::collections::BTreeMap;
use std::rc::Rc;

use rjail::device::{self, Maker};
use rjail::privilege::Privilege;
use rjail::unix;

use crate::machine::{Credential, Machine, Pid};
use crate::names::Node;
use crate::{Errno, Result, ask};

/// A device that the system made.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// What its driver calls itself.
    pub driver: &'static str,
    /// What the driver calls it.
    pub name: &'static str,
}

/// A socket with a name.
struct Named {
    /// Who made it; counts as the process's credential does.
    owner: Rc<Credential>,
    holder: Pid,
}

/// What is behind names that are not files.
#[derive(Default)]
pub(crate) struct Special {
    devices: BTreeMap<Node, Device>,
    sockets: BTreeMap<Node, Named>,
    /// `security.rjail.unix_cross_jail`.
    crossing: bool,
}

impl Special {
    /// Closes the sockets of a process that ends; their names stay.
    pub(crate) fn close(&mut self, pid: Pid) {
        self.sockets.retain(|_, socket| socket.holder != pid);
    }
}

impl Machine {
    /// Makes a node of a device, as devfs does.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`.
    pub fn add_device(&mut self, directory: Node, node: &str, device: Device) -> Result {
        let node = self.names.create(directory, node, 0)?;
        self.special.devices.insert(node, device);
        Ok(())
    }

    /// The hook of open(2).
    pub(crate) fn may_open(&self, pid: Pid, node: Node) -> Result {
        let credential = self.credential(pid)?;
        match (&credential.label, self.special.devices.get(&node)) {
            (Some(jail), Some(device)) => {
                ask(device::open(jail.jid(), jail.flags(), Some(&seen(device))))
            }
            _ => Ok(()),
        }
    }

    /// revoke(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EINVAL`, `EPERM`.
    #[doc(alias = "sys_revoke")]
    pub fn revoke(&self, pid: Pid, path: &str) -> Result {
        let node = self.lookup(pid, path)?;
        let device = self.special.devices.get(&node).ok_or(Errno::EINVAL)?;
        let credential = self.credential(pid)?;
        if let Some(jail) = &credential.label {
            ask(device::revoke(jail.jid(), Some(&seen(device))))?;
        }
        if credential.uid == self.names.owner(node) {
            return Ok(());
        }
        self.privileged(pid, Privilege::VfsAdmin)
    }

    /// socket(2), then bind(2) to a name.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EEXIST`.
    pub fn bind_local(&mut self, pid: Pid, path: &str) -> Result<Node> {
        let parent = self.lookup(pid, ".")?;
        let owner = self.credential(pid)?;
        let node = self.names.create(parent, path, owner.uid)?;
        self.special.sockets.insert(node, Named { owner, holder: pid });
        Ok(node)
    }

    /// close(2) of such a socket.
    pub fn close_local(&mut self, node: Node) {
        self.special.sockets.remove(&node);
    }

    /// connect(2), or sendto(2), to a name.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`, `ECONNREFUSED`.
    #[doc(alias = "unp_connectat")]
    pub fn connect_local(&self, pid: Pid, path: &str) -> Result {
        let node = self.lookup(pid, path)?;
        let socket = self.special.sockets.get(&node).ok_or(Errno::ECONNREFUSED)?;
        let subject = self.credential(pid)?.jid();
        ask(unix::connect(subject, socket.owner.jid(), self.special.crossing))
    }

    /// `security.rjail.unix_cross_jail`.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn set_crossing(&mut self, pid: Pid, on: bool) -> Result {
        self.privileged(pid, Privilege::SysctlWrite)?;
        self.special.crossing = on;
        Ok(())
    }
}

fn seen(device: &Device) -> device::Node<'static> {
    device::Node {
        driver: device.driver.as_bytes(),
        name: device.name.as_bytes(),
        maker: Maker::System,
        controls: false,
    }
}
