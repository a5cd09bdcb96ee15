// SPDX-License-Identifier: BSD-2-Clause
//! Processes and credentials.
//!
//! The functions are the system calls, named as the kernel names what they
//! answer to (C source: `sys/kern/kern_prot.c`, `sys/kern/kern_priv.c`,
//! `sys/kern/kern_fork.c`, `sys/kern/vfs_syscalls.c`); the first argument is the
//! process that calls.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rjail::address::{Lines, Loopback};
use rjail::descriptor::{self, Opener};
use rjail::kernel::counted::{Counted, Graveyard, Ref};
use rjail::prison::{Addresses, JailFlags, Jid, Prison, Registry};
use rjail::privilege::{Asked, Named, Opens, Privilege};
use rjail::root::{self, Entrant, admit};
use rjail::{privilege, visibility};

use crate::names::{Bounds, Names, Node, ROOT};
use crate::net::Socket;
use crate::special::Special;
use crate::{Errno, Result, ask, line_two};

/// A process number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

/// Process 1.
pub const INIT: Pid = Pid(1);

/// A jail as the label holds it: the module's own type, counted by the module's
/// own references.
pub struct Jail {
    /// Its root.
    pub root: Node,
    prison: Prison<Arc<Native>>,
}

impl Deref for Jail {
    type Target = Prison<Arc<Native>>;
    fn deref(&self) -> &Self::Target {
        &self.prison
    }
}

thread_local! {
    /// The dead, for the task of the machine on this thread.
    static GRAVEYARD: &'static Graveyard<Jail> = Box::leak(Box::default());
}

impl Counted for Jail {
    fn graveyard() -> &'static Graveyard<Self> {
        GRAVEYARD.with(|graveyard| *graveyard)
    }
    fn wake() {
        // The machine runs its task after each system call.
    }
}

/// An open file.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// What is open.
    pub node: Node,
    /// Look-ups from it stay beneath it (`FD_RESOLVE_BENEATH`).
    pub beneath: bool,
    /// The jail of the credential that it was opened with (`f_cred`).
    pub opener: Option<Jid>,
}

/// The kernel's half, `struct prison`. The jail's own count of it is the anchor.
#[derive(Debug)]
pub struct Native {
    /// Whose half it is.
    pub jid: Jid,
    /// `pr_root`.
    pub root: Node,
    /// `pr_addrs`.
    pub addresses: Addresses,
    /// `pr_allow`, in rjail's flags: those asked for, and those that a
    /// privilege given by name needs.
    pub flags: JailFlags,
    /// `pr_hostname`: the one thing that can be changed.
    pub hostname: Mutex<String>,
}

impl Native {
    /// The host name now.
    pub fn name(&self) -> MutexGuard<'_, String> {
        self.hostname.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A credential. Shared by fork(2), copied by what changes it.
///
/// The kernel drops `cr_prison` before the label, and so do the fields.
#[derive(Clone)]
pub struct Credential {
    /// The effective user.
    pub uid: u32,
    /// `cr_prison`, second line; `None` is the machine itself.
    pub prison: Option<Arc<Native>>,
    /// The label slot, first line.
    pub label: Option<Ref<Jail>>,
}

impl Credential {
    /// The jail in the label, as the policy sees it.
    #[must_use]
    pub fn jid(&self) -> Option<Jid> {
        self.label.as_ref().map(|jail| jail.jid())
    }
}

/// Descriptors and directories are behind their own counts, because rfork(2)
/// can share each.
struct Process {
    parent: Pid,
    group: Pid,
    session: Pid,
    credential: Rc<Credential>,
    directories: Rc<RefCell<Directories>>,
    descriptors: Rc<RefCell<BTreeMap<i32, Descriptor>>>,
    nice: i32,
    zombie: bool,
}

#[derive(Clone, Copy, Debug)]
struct Directories {
    root: Node,
    jail: Option<Node>,
    current: Node,
}

/// What rjail(2) is asked for, besides the path.
#[derive(Clone, Debug)]
pub struct Args {
    /// The host name.
    pub hostname: String,
    /// Its IPv4 addresses.
    pub ip4: Vec<Ipv4Addr>,
    /// Its IPv6 addresses.
    pub ip6: Vec<Ipv6Addr>,
    /// What the machine's loopback addresses are inside.
    pub loopback: Loopback,
    /// The flags.
    pub flags: JailFlags,
    /// Single privileges.
    pub named: Named,
}

/// The machine.
pub struct Machine {
    lines: Lines,
    /// The name tree.
    pub names: Names,
    /// The addresses of its interfaces.
    pub interfaces: Vec<IpAddr>,
    pub(crate) sockets: BTreeMap<usize, Socket>,
    pub(crate) next_socket: usize,
    pub(crate) next_port: u16,
    pub(crate) special: Special,
    hostname: String,
    processes: BTreeMap<Pid, Process>,
    next_pid: u32,
    registry: Box<Registry<Jail>>,
}

impl Machine {
    /// A machine with process 1, an empty tree and the address 127.0.0.1.
    #[must_use]
    pub fn new(lines: Lines) -> Self {
        let credential = Credential { uid: 0, label: None, prison: None };
        let init = Process {
            parent: INIT,
            group: INIT,
            session: INIT,
            credential: Rc::new(credential),
            directories: Rc::new(RefCell::new(Directories {
                root: ROOT,
                jail: None,
                current: ROOT,
            })),
            descriptors: Rc::default(),
            nice: 0,
            zombie: false,
        };
        Self {
            lines,
            names: Names::default(),
            interfaces: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            sockets: BTreeMap::new(),
            next_socket: 0,
            next_port: 49152,
            special: Special::default(),
            hostname: cases::world::MACHINE_NAME.to_owned(),
            processes: BTreeMap::from([(INIT, init)]),
            next_pid: 2,
            registry: Box::default(),
        }
    }

    /// Whether the second line is there.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.lines
    }

    fn process(&self, pid: Pid) -> Result<&Process> {
        self.processes.get(&pid).ok_or(Errno::ESRCH)
    }

    fn process_mut(&mut self, pid: Pid) -> Result<&mut Process> {
        self.processes.get_mut(&pid).ok_or(Errno::ESRCH)
    }

    /// The credential of a process.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn credential(&self, pid: Pid) -> Result<Rc<Credential>> {
        self.process(pid).map(|process| Rc::clone(&process.credential))
    }

    /// Every process, zombies too.
    pub fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        self.processes.keys().copied()
    }

    /// Whether a process runs still.
    #[must_use]
    pub fn is_alive(&self, pid: Pid) -> bool {
        self.process(pid).is_ok_and(|process| !process.zombie)
    }

    /// The directory that is "/" for a process.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn root_of(&self, pid: Pid) -> Result<Node> {
        self.process(pid).map(|process| process.directories.borrow().root)
    }

    /// The directory that is "." for a process.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn current_of(&self, pid: Pid) -> Result<Node> {
        self.process(pid).map(|process| process.directories.borrow().current)
    }

    /// How many jails there are.
    #[must_use]
    pub fn jails(&self) -> usize {
        self.registry.live()
    }

    /// The jail with this number.
    pub fn jail(&mut self, jid: Jid) -> Option<Ref<Jail>> {
        self.registry.find(jid)
    }

    /// The teardown task: takes apart the jails whose last reference is gone.
    ///
    /// # Panics
    /// When something still points at the kernel's half, or the jail was not
    /// registered: a counting bug.
    pub fn run_task(&mut self) {
        for last in Jail::graveyard().take_all() {
            let jail = last.into_inner();
            let jid = jail.jid();
            assert!(self.registry.remove(jid), "jail {jid:?} was not registered");
            if let Some(native) = jail.prison.second_line() {
                assert_eq!(Arc::strong_count(native), 1, "jail {jid:?} is pointed at");
            }
        }
    }

    // Creation and end.

    /// fork(2): the child shares the credential.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn fork(&mut self, pid: Pid) -> Result<Pid> {
        self.spawn(pid, false)
    }

    /// rfork(2) without `RFFDG`: the child shares descriptors and directories.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn fork_sharing(&mut self, pid: Pid) -> Result<Pid> {
        self.spawn(pid, true)
    }

    fn spawn(&mut self, pid: Pid, shares: bool) -> Result<Pid> {
        let parent = self.process(pid)?;
        let (directories, descriptors) = if shares {
            (Rc::clone(&parent.directories), Rc::clone(&parent.descriptors))
        } else {
            let directories = *parent.directories.borrow();
            let descriptors = parent.descriptors.borrow().clone();
            (Rc::new(RefCell::new(directories)), Rc::new(RefCell::new(descriptors)))
        };
        let child = Process {
            parent: pid,
            group: parent.group,
            session: parent.session,
            credential: Rc::clone(&parent.credential),
            directories,
            descriptors,
            nice: parent.nice,
            zombie: false,
        };
        let number = Pid(self.next_pid);
        self.next_pid += 1;
        self.processes.insert(number, child);
        Ok(number)
    }

    /// setsid(2), for a process that leads its own group from then on.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn setsid(&mut self, pid: Pid) -> Result {
        let process = self.process_mut(pid)?;
        process.group = pid;
        process.session = pid;
        Ok(())
    }

    /// _exit(2). The credential goes when the parent has waited.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn exit(&mut self, pid: Pid) -> Result {
        let process = self.process_mut(pid)?;
        process.zombie = true;
        process.descriptors = Rc::default();
        let directories = *process.directories.borrow();
        process.directories = Rc::new(RefCell::new(directories));
        self.close_sockets(pid);
        self.special.close(pid);
        for child in self.processes.values_mut().filter(|child| child.parent == pid) {
            child.parent = INIT;
        }
        // Process 1 waits for whoever has no other parent.
        self.processes.retain(|_, process| !(process.zombie && process.parent == INIT));
        self.run_task();
        Ok(())
    }

    /// wait4(2) with `WNOHANG`: whether the child had exited and is gone now.
    ///
    /// # Errors
    /// `ECHILD`.
    pub fn wait(&mut self, pid: Pid, child: Pid) -> Result<bool> {
        let zombie = match self.process(child) {
            Ok(process) if process.parent == pid && child != pid => process.zombie,
            _ => return Err(Errno::ECHILD),
        };
        self.trespass(pid, child).map_err(|_| Errno::ECHILD)?;
        if zombie {
            self.processes.remove(&child);
            self.run_task();
        }
        Ok(zombie)
    }

    // Across processes.

    /// `prison_check` and the hook beside it, for every question about another
    /// process.
    fn trespass(&self, pid: Pid, target: Pid) -> Result {
        if pid == target {
            return Ok(());
        }
        let (subject, object) = (&self.process(pid)?.credential, &self.process(target)?.credential);
        line_two::trespass(subject, object)?;
        ask(visibility::p_trespass(subject.jid(), object.jid()))
    }

    /// kill(2) with signal 0.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`.
    #[doc(alias = "p_cansignal")]
    pub fn signal(&self, pid: Pid, target: Pid) -> Result {
        self.trespass(pid, target)?;
        self.same_user_or(pid, target, Privilege::SignalDiffcred)
    }

    /// kill(2) of a group with signal 0: the processes that it reached.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`.
    #[doc(alias = "killpg1")]
    pub fn signal_group(&self, pid: Pid, group: Pid) -> Result<Vec<Pid>> {
        let (mut reached, mut found) = (Vec::new(), false);
        for target in self.pids().filter(|&target| target != INIT) {
            if self.process(target)?.group != group {
                continue;
            }
            match self.signal(pid, target) {
                Ok(()) => reached.push(target),
                Err(Errno::ESRCH) => {}
                Err(_) => found = true,
            }
        }
        match (reached.is_empty(), found) {
            (false, _) => Ok(reached),
            (true, true) => Err(Errno::EPERM),
            (true, false) => Err(Errno::ESRCH),
        }
    }

    fn same_user_or(&self, pid: Pid, target: Pid, privilege: Privilege) -> Result {
        let (subject, object) = (&self.process(pid)?.credential, &self.process(target)?.credential);
        if subject.uid == object.uid { Ok(()) } else { self.privileged(pid, privilege) }
    }

    /// ptrace(2), `PT_ATTACH`.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`.
    #[doc(alias = "p_candebug")]
    pub fn debug(&self, pid: Pid, target: Pid) -> Result {
        self.see(pid, target)?;
        self.privileged(pid, Privilege::DebugUnpriv)?;
        self.trespass(pid, target)?;
        self.same_user_or(pid, target, Privilege::DebugDiffcred)
    }

    /// `p_cansee`: getpriority(2), getpgid(2), getsid(2), `kern.proc` and their
    /// kind.
    ///
    /// # Errors
    /// `ESRCH`.
    #[doc(alias = "p_cansee")]
    pub fn see(&self, pid: Pid, target: Pid) -> Result {
        self.trespass(pid, target)
    }

    /// setpriority(2) to a lower priority.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`.
    #[doc(alias = "p_cansched")]
    pub fn renice(&mut self, pid: Pid, target: Pid) -> Result {
        self.see(pid, target)?;
        self.trespass(pid, target)?;
        self.same_user_or(pid, target, Privilege::SchedDiffcred)?;
        self.process_mut(target)?.nice = 1;
        Ok(())
    }

    /// getpgid(2).
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn group_of(&self, pid: Pid, target: Pid) -> Result<Pid> {
        self.see(pid, target)?;
        self.process(target).map(|process| process.group)
    }

    /// getsid(2).
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn session_of(&self, pid: Pid, target: Pid) -> Result<Pid> {
        self.see(pid, target)?;
        self.process(target).map(|process| process.session)
    }

    /// The process list as a process gets it.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn list(&self, pid: Pid) -> Result<Vec<Pid>> {
        self.process(pid)?;
        Ok(self.pids().filter(|&target| self.see(pid, target).is_ok()).collect())
    }

    // Privilege.

    /// `priv_check`: the hook, the kernel's jail, then the superuser.
    ///
    /// # Errors
    /// `EPERM`.
    #[doc(alias = "priv_check_cred")]
    pub fn privileged(&self, pid: Pid, privilege: Privilege) -> Result {
        let credential = &self.process(pid)?.credential;
        if let Some(jail) = &credential.label {
            let answer = privilege::check(jail.privileges(), privilege);
            if privilege::is_jails_affair(privilege, credential.uid, credential.uid) {
                jail.ledger().record(privilege, answer.is_ok());
            }
            ask(answer)?;
        }
        line_two::privilege(credential, privilege)?;
        if credential.uid == 0 || privilege.row().asked == Asked::Everyone {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// setuid(2).
    ///
    /// # Errors
    /// `EPERM`.
    pub fn setuid(&mut self, pid: Pid, uid: u32) -> Result {
        let credential = self.credential(pid)?;
        if credential.uid != uid {
            self.privileged(pid, Privilege::CredSetuid)?;
        }
        self.process_mut(pid)?.credential = Rc::new(Credential { uid, ..(*credential).clone() });
        drop(credential);
        self.run_task();
        Ok(())
    }

    // Names.

    fn bounds(&self, pid: Pid) -> Result<Bounds> {
        let process = self.process(pid)?;
        let directories = process.directories.borrow();
        let prison = process.credential.prison.as_ref().map(|jail| jail.root);
        Ok(Bounds { root: directories.root, jail: directories.jail, prison })
    }

    /// The node behind a name, as a process looks it up.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    #[doc(alias = "namei")]
    pub fn lookup(&self, pid: Pid, path: &str) -> Result<Node> {
        self.names.lookup(&self.bounds(pid)?, self.current_of(pid)?, path)
    }

    /// open(2) for reading.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EPERM`.
    pub fn open(&mut self, pid: Pid, path: &str) -> Result<i32> {
        let node = self.lookup(pid, path)?;
        self.may_open(pid, node)?;
        let opener = self.process(pid)?.credential.jid();
        self.install(pid, Descriptor { node, beneath: false, opener })
    }

    fn install(&self, pid: Pid, open: Descriptor) -> Result<i32> {
        let mut descriptors = self.process(pid)?.descriptors.borrow_mut();
        let descriptor = (0..).find(|number| !descriptors.contains_key(number));
        let descriptor = descriptor.ok_or(Errno::EBADF)?;
        descriptors.insert(descriptor, open);
        Ok(descriptor)
    }

    fn opened(&self, pid: Pid, descriptor: i32) -> Result<Descriptor> {
        let open = self.process(pid)?.descriptors.borrow().get(&descriptor).copied();
        open.ok_or(Errno::EBADF)
    }

    /// The node behind a name, looked up from a descriptor.
    ///
    /// # Errors
    /// `EBADF`, `ENOENT`, `ENOTDIR`, `ENOTCAPABLE`.
    pub fn lookup_at(&self, pid: Pid, descriptor: i32, path: &str) -> Result<Node> {
        match self.opened(pid, descriptor)? {
            Descriptor { node, beneath: true, .. } => self.names.lookup_beneath(node, path),
            Descriptor { node, .. } => self.names.lookup(&self.bounds(pid)?, node, path),
        }
    }

    /// openat(2) for reading.
    ///
    /// # Errors
    /// As [`Self::lookup_at`].
    pub fn open_at(&mut self, pid: Pid, descriptor: i32, path: &str) -> Result<i32> {
        let node = self.lookup_at(pid, descriptor, path)?;
        let beneath = self.opened(pid, descriptor)?.beneath;
        let opener = self.process(pid)?.credential.jid();
        self.install(pid, Descriptor { node, beneath, opener })
    }

    /// `SCM_RIGHTS`: a descriptor arrives in another process, the second line's
    /// `restrict_rights` on its way.
    ///
    /// # Errors
    /// `EBADF`, `ESRCH`.
    #[doc(alias = "restrict_rights")]
    pub fn pass(&mut self, from: Pid, descriptor: i32, to: Pid) -> Result<i32> {
        let open = self.opened(from, descriptor)?;
        let root = |pid| -> Result<_> {
            Ok(self.process(pid)?.credential.prison.as_ref().map(|jail| jail.root))
        };
        let (sender, receiver) = (root(from)?, root(to)?);
        let restricted = receiver.is_some() && sender != receiver;
        self.install(to, Descriptor { beneath: open.beneath || restricted, ..open })
    }

    /// rename(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EEXIST`, `EINVAL`, `EXDEV`.
    #[doc(alias = "kern_renameat")]
    pub fn rename(&mut self, pid: Pid, from: &str, to: &str) -> Result {
        let (bounds, current) = (self.bounds(pid)?, self.current_of(pid)?);
        let (from, name) = self.names.lookup_parent(&bounds, current, from)?;
        let (to, new) = self.names.lookup_parent(&bounds, current, to)?;
        let here = Bounds { root: from, jail: None, prison: None };
        let node = self.names.lookup(&here, from, name)?;
        if matches!(name, "" | "." | "..") || node == ROOT {
            return Err(Errno::EINVAL);
        }
        if !self.names.is_directory(to) {
            return Err(Errno::ENOTDIR);
        }
        if from != to && self.names.is_directory(node) {
            let living = self.processes.values().filter_map(|p| p.credential.label.as_ref());
            let [from, to] = [from, to].map(|node| self.names.upwards(node).collect::<Vec<_>>());
            ask(root::may_move(living.map(|jail| jail.root), &from, &to))?;
        }
        self.names.rename(from, name, to, new)
    }

    /// link(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EEXIST`; `EPERM` for a directory.
    pub fn link(&mut self, pid: Pid, from: &str, to: &str) -> Result {
        let node = self.lookup(pid, from)?;
        if self.names.is_directory(node) {
            return Err(Errno::EPERM);
        }
        let bounds = self.bounds(pid)?;
        let (to, new) = self.names.lookup_parent(&bounds, self.current_of(pid)?, to)?;
        self.names.link(to, new, node)
    }

    /// close(2).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close(&mut self, pid: Pid, descriptor: i32) -> Result {
        let removed = self.process(pid)?.descriptors.borrow_mut().remove(&descriptor);
        removed.map(drop).ok_or(Errno::EBADF)
    }

    /// The open descriptors of a process.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn descriptors(&self, pid: Pid) -> Result<Vec<(i32, Node)>> {
        let process = self.process(pid)?;
        let descriptors = process.descriptors.borrow();
        Ok(descriptors.iter().map(|(&number, open)| (number, open.node)).collect())
    }

    /// The first descriptor that is a directory.
    fn open_directory(&self, pid: Pid) -> Result<Option<i32>> {
        let open = self.descriptors(pid)?;
        Ok(open.into_iter().find(|&(_, node)| self.names.is_directory(node)).map(|(fd, _)| fd))
    }

    /// mkdir(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EEXIST`.
    pub fn mkdir(&mut self, pid: Pid, path: &str) -> Result {
        let bounds = self.bounds(pid)?;
        let (directory, name) = self.names.lookup_parent(&bounds, self.current_of(pid)?, path)?;
        self.names.mkdir(directory, name).map(drop)
    }

    fn change_directory(&mut self, pid: Pid, node: Node) -> Result {
        self.may_enter_directory(pid, node)?;
        self.process(pid)?.directories.borrow_mut().current = node;
        Ok(())
    }

    /// `change_dir`: a directory, and what the label says of it.
    fn may_enter_directory(&self, pid: Pid, node: Node) -> Result {
        if !self.names.is_directory(node) {
            return Err(Errno::ENOTDIR);
        }
        let process = self.process(pid)?;
        let jail = process.directories.borrow().jail;
        match jail.filter(|_| process.credential.label.is_some()) {
            None => Ok(()),
            Some(top) => ask(root::may_stand(top, self.names.upwards(node))),
        }
    }

    /// chdir(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn chdir(&mut self, pid: Pid, path: &str) -> Result {
        let node = self.lookup(pid, path)?;
        self.change_directory(pid, node)
    }

    /// fchdir(2).
    ///
    /// # Errors
    /// `EBADF`, `ENOTDIR`, `ENOTCAPABLE`, `ENOENT`.
    pub fn fchdir(&mut self, pid: Pid, descriptor: i32) -> Result {
        match self.opened(pid, descriptor)? {
            Descriptor { beneath: true, .. } => Err(Errno::ENOTCAPABLE),
            Descriptor { node, .. } => self.change_directory(pid, node),
        }
    }

    /// fchmod(2) and its kin: whether they may.
    ///
    /// # Errors
    /// `EBADF`, `EPERM`.
    #[doc(alias = "setfmode")]
    pub fn fchmod(&self, pid: Pid, descriptor: i32) -> Result {
        self.may_act(pid, self.opened(pid, descriptor)?)
    }

    /// openat(2) with an empty path: the same file anew.
    ///
    /// # Errors
    /// `EBADF`, `EPERM`.
    #[doc(alias = "vn_open_vnode")]
    pub fn reopen(&mut self, pid: Pid, descriptor: i32) -> Result<i32> {
        let open = self.opened(pid, descriptor)?;
        self.may_act(pid, open)?;
        let opener = self.process(pid)?.credential.jid();
        self.install(pid, Descriptor { opener, ..open })
    }

    fn may_act(&self, pid: Pid, open: Descriptor) -> Result {
        let process = self.process(pid)?;
        let Some(jid) = process.credential.jid() else { return Ok(()) };
        let top = process.directories.borrow().jail;
        let root = top.map(|top| self.names.path(top));
        let path = self.names.path(open.node);
        let root = root.as_ref().map(String::as_bytes);
        let opener = Opener::Process(open.opener);
        ask(descriptor::may_act(jid, opener, root, Some(path.as_bytes())))
    }

    /// The jail that opened a descriptor.
    ///
    /// # Errors
    /// `EBADF`, `ESRCH`.
    pub fn opener(&self, pid: Pid, descriptor: i32) -> Result<Option<Jid>> {
        Ok(self.opened(pid, descriptor)?.opener)
    }

    /// chroot(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EPERM`.
    #[doc(alias = "pwd_chroot")]
    pub fn chroot(&mut self, pid: Pid, path: &str) -> Result {
        let node = self.lookup(pid, path)?;
        self.privileged(pid, Privilege::VfsChroot)?;
        self.may_enter_directory(pid, node)?;
        let open_directory = self.open_directory(pid)?;
        let process = self.process(pid)?;
        let mut directories = process.directories.borrow_mut();
        if directories.root != ROOT && open_directory.is_some() {
            return Err(Errno::EPERM);
        }
        directories.root = node;
        directories.jail.get_or_insert(node);
        Ok(())
    }

    /// chown(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EPERM`.
    pub fn chown(&self, pid: Pid, path: &str) -> Result {
        self.lookup(pid, path)?;
        self.privileged(pid, Privilege::VfsChown)
    }

    /// chmod(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EPERM`.
    pub fn chmod(&self, pid: Pid, path: &str) -> Result {
        let node = self.lookup(pid, path)?;
        if self.names.owner(node) == self.process(pid)?.credential.uid {
            return Ok(());
        }
        self.privileged(pid, Privilege::VfsAdmin)
    }

    // The jail.

    /// rjail(2): makes a jail and enters it.
    ///
    /// # Errors
    /// `EPERM`, `EBUSY`, `EINVAL`, `ENOENT`, `ENOTDIR`.
    pub fn rjail(&mut self, pid: Pid, path: &str, args: &Args) -> Result<Jid> {
        let early = self.admit_early(pid)?;
        let (ip4, ip6) = (&args.ip4, &args.ip6);
        let list = || ask(Addresses::new(ip4.clone(), ip6.clone(), args.loopback));
        let (addresses, kernels) = (list()?, list()?);
        let root = self.lookup(pid, path)?;
        if !self.names.is_directory(root) {
            return Err(Errno::ENOTDIR);
        }
        self.admit(pid, root, early)?;
        let jid = ask(self.registry.allot())?;
        let opened = args.named.opens().filter_map(|opens| match opens {
            Opens::Flag(flag) => Some(flag),
            Opens::Nothing | Opens::SetAudit => None,
        });
        let allow = opened.fold(args.flags, JailFlags::union);
        let native = (self.lines == Lines::Both).then(|| {
            Arc::new(Native {
                jid,
                root,
                addresses: kernels,
                flags: allow,
                hostname: Mutex::new(args.hostname.clone()),
            })
        });
        let prison = Prison::new(jid, args.flags, &args.named, addresses, native.clone());
        let label = ask(Ref::new(Jail { root, prison }))?;
        ask(self.registry.insert(jid, &label))?;
        self.put_in(pid, root, native, label)?;
        Ok(jid)
    }

    /// rjail_attach(2): enters a jail that somebody is in.
    ///
    /// # Errors
    /// `ENOENT`: nobody is, any more. As [`Self::rjail`].
    pub fn attach(&mut self, pid: Pid, number: u64) -> Result {
        let early = self.admit_early(pid)?;
        let mut alive = self.processes.values().filter(|process| !process.zombie);
        let member = alive.find(|one| one.credential.jid().map(Jid::get) == Some(number));
        let credential = Rc::clone(&member.ok_or(Errno::ENOENT)?.credential);
        let label = credential.label.clone().ok_or(Errno::ENOENT)?;
        self.admit(pid, label.root, early)?;
        self.put_in(pid, label.root, credential.prison.clone(), label)
    }

    /// The steps that come before the arguments are read.
    fn admit_early(&self, pid: Pid) -> Result<Entrant> {
        let process = self.process(pid)?;
        let early = Entrant {
            privileged: process.credential.uid == 0,
            jailed: process.credential.label.is_some(),
            native_jailed: process.credential.label.is_none()
                && process.credential.prison.is_some(),
            ..Entrant::READY
        };
        admit(&early).map_err(|refusal| crate::errno(refusal.errno()))?;
        Ok(early)
    }

    /// All the steps, for a jail with this root.
    fn admit(&self, pid: Pid, root: Node, early: Entrant) -> Result {
        let process = self.process(pid)?;
        let narrowed = process.directories.borrow().jail;
        let entrant = Entrant {
            root_narrowed: narrowed.is_some_and(|before| before != root),
            open_directory: self.open_directory(pid)?,
            descriptors_shared: Rc::strong_count(&process.descriptors) > 1,
            directories_shared: Rc::strong_count(&process.directories) > 1,
            // The model has no jail descriptors and no memory to share.
            open_jail: None,
            memory_shared: false,
            ..early
        };
        admit(&entrant).map_err(|refusal| crate::errno(refusal.errno()))
    }

    fn put_in(
        &mut self,
        pid: Pid,
        root: Node,
        prison: Option<Arc<Native>>,
        label: Ref<Jail>,
    ) -> Result {
        let process = self.process_mut(pid)?;
        // As `pwd_chroot_chdir`: an earlier chroot's directory stays the jail's.
        let mut directories = process.directories.borrow_mut();
        let jail = directories.jail.or(Some(root));
        *directories = Directories { root, jail, current: root };
        drop(directories);
        let uid = process.credential.uid;
        process.credential = Rc::new(Credential { uid, prison, label: Some(label) });
        Ok(())
    }

    /// jail_set(2) of a native jail.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn native_jail(&self, pid: Pid) -> Result {
        // A prison without children asks this before any privilege.
        if self.process(pid)?.credential.prison.is_some() {
            return Err(Errno::EPERM);
        }
        self.privileged(pid, Privilege::JailSet)
    }

    /// The host name that a process reads.
    ///
    /// # Errors
    /// `ESRCH`.
    pub fn hostname(&self, pid: Pid) -> Result<String> {
        let credential = &self.process(pid)?.credential;
        Ok(line_two::hostname(credential).unwrap_or_else(|| self.hostname.clone()))
    }

    /// Writes the host name.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn set_hostname(&mut self, pid: Pid, name: &str) -> Result {
        self.privileged(pid, Privilege::SysctlWritejail)?;
        match &self.process(pid)?.credential.prison {
            None => name.clone_into(&mut self.hostname),
            Some(jail) if jail.flags.contains(JailFlags::SET_HOSTNAME) => {
                name.clone_into(&mut jail.name());
            }
            Some(_) => return Err(Errno::EPERM),
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.sockets.clear();
        self.special = Special::default();
        self.processes.clear();
        self.run_task();
    }
}
