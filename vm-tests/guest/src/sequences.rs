// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences on the real kernel: see the crate `sequences`.
//!
//! A conductor, outside any jail, has one process act at a time and waits for its
//! reply; it is the reaper of all of them, so that nobody is a zombie when the next
//! one acts. The replies go to the console; the harness has the model's.

use core::ffi::CStr;
use core::fmt;

use cases::world::{self, SERVICE_PORT};
use cases::{Addr, Kind as SocketKind};
use sequences::{
    ADDRESSES, FROM, JAILS, KINDS, Name, Op, PATHS, PORTS, Place, Reply, SLOTS, SOCKETS, STEPS,
    Step,
};

use crate::answer::want;
use crate::console::Text;
use crate::errno::{ECHILD, EINVAL, EPERM, ESRCH};
use crate::jail::{self, Args};
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, Program, good, settle};
use crate::say;
use crate::sys::{self, Error, FileId, Result, Shared, Sockaddr, UnixName, WithSize};

/// What the harness wants played.
const FILE: &CStr = c"/rjail/sequences";
const TREE: &CStr = c"/seq";
const O_DIRECTORY: i32 = 0x0002_0000;
const EINTR: i32 = 4;
const SIGKILL: i32 = 9;
/// The first of the keys.
const KEY: i32 = 0x5e90;
/// `IPC_CREAT`.
const CREATE_KEY: i32 = 0o1000;

const fn program(name: &'static str, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds: 1500, run, needs: Some(FILE) }
}

/// With both lines.
pub const BOTH: &[Program] = &[program("sequences_both", |_| play_all(Mode::Both))];
/// With the label alone.
pub const LABEL: &[Program] = &[program("sequences_label", |_| play_all(Mode::Label))];
/// Without the module.
pub const NATIVE: &[Program] = &[program("sequences_native", |_| play_all(Mode::Native))];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Both,
    Label,
    Native,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Label => "label",
            Self::Native => "native",
        }
    }
}

fn play_all(mode: Mode) -> Outcome {
    let said = |what: &'static str| move |error: Error| Text::of(format_args!("{what}: {error:?}"));
    get!(UMASK, 0).map_err(said("umask"))?;
    // One at a time is quickest on one processor: nobody has to be woken on another.
    let mut first = [0_u64; 16];
    first[0] = 1;
    get!(CPUSET_SETAFFINITY, 3, 2, -1, 128, &first).map_err(said("one processor"))?;
    // The processes that begin here end here.
    get!(PROCCTL, 0, sys::getpid().unwrap_or(0), 2, 0).map_err(said("reaper"))?;
    let sleeper = match mode {
        Mode::Native => None,
        Mode::Both | Mode::Label => Some(in_a_jail().map_err(said("a jail that stays"))?),
    };
    let stage = Stage::new(mode).map_err(said("the stage"))?;
    let file = sys::open(FILE, 0, 0).map_err(said("the sequences"))?;
    let (mut played, begun) = (0, sys::uptime());
    let mut length = [0];
    while read_all(file, &mut length).map_err(said("reading"))? {
        let mut bytes = [0; 4 * STEPS];
        let bytes = &mut bytes[..4 * usize::from(length[0]).min(STEPS)];
        want!("the file goes on", read_all(file, bytes), Ok(true));
        let mut replies = [0; STEPS];
        let replies = &mut replies[..bytes.len() / 4];
        stage.play(bytes, replies).map_err(|(step, error)| {
            Text::of(format_args!("sequence {played}, step {step}: {error:?}"))
        })?;
        say!("SEQUENCE {} {played} {}", mode.name(), Hexadecimal(replies));
        played += 1;
    }
    if let Some(sleeper) = sleeper {
        want!("the jails that are left", settle(1), Ok(1));
        let _ = sys::kill(sleeper, SIGKILL);
        let _ = sys::wait(sleeper, 0);
        want!("the jails that are left", settle(0), Ok(0));
    }
    say!("    # {played} sequences in {} ms", sys::uptime() - begun);
    want!("some were played", played > 0, true);
    Ok(())
}

struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Fills it; false at the end of the file.
fn read_all(fd: i32, into: &mut [u8]) -> Result<bool> {
    let mut at = 0;
    while at < into.len() {
        match sys::read(fd, &mut into[at..])? {
            0 if at == 0 => return Ok(false),
            0 => return Err(Error(EINVAL)),
            length => at += length,
        }
    }
    Ok(true)
}

/// A process that keeps the module in use.
fn in_a_jail() -> Result<i32> {
    let [from, to] = sys::pipe()?;
    let child = sys::fork()?;
    if child == 0 {
        let entered = good().enter();
        let _ = sys::write(to, &[u8::from(entered.is_ok())]);
        loop {
            sys::pause(1000);
        }
    }
    let mut entered = [0];
    sys::read(from, &mut entered)?;
    sys::close(from)?;
    sys::close(to)?;
    if entered == [1] { Ok(child) } else { Err(Error(EPERM)) }
}

/// What stays from one sequence to the next.
struct Stage {
    mode: Mode,
    module: i32,
    /// Each slot's ends of the pipe that tells it what to do.
    orders: [[i32; 2]; SLOTS],
    replies: [i32; 2],
    /// Who is where: 0, nobody.
    pids: Shared<[i32; SLOTS]>,
    /// The numbers of the jails that were entered: 0, none.
    jails: Shared<[i64; JAILS]>,
}

/// The directories of a sequence.
#[derive(Clone, Copy)]
struct Tree {
    machine: FileId,
    tree: FileId,
    roots: [FileId; JAILS],
}

impl Stage {
    fn new(mode: Mode) -> Result<Self> {
        let mut orders = [[-1; 2]; SLOTS];
        for ends in &mut orders {
            *ends = sys::pipe()?;
        }
        let module = if mode == Mode::Native { -1 } else { sys::kldfind(c"rjail.ko")? };
        let (pids, jails) = (Shared::new([0; SLOTS])?, Shared::new([0; JAILS])?);
        Ok(Self { mode, module, orders, replies: sys::pipe()?, pids, jails })
    }

    /// Plays one; where it does not go on, the step and why.
    fn play(&self, steps: &[u8], replies: &mut [u8]) -> core::result::Result<(), (usize, Error)> {
        let tree = build().map_err(|error| (0, error))?;
        self.pids.set([0; SLOTS]);
        self.jails.set([0; JAILS]);
        for slot in 0..2 {
            self.start(slot, &Actor::new(self, tree)).map_err(|error| (0, error))?;
        }
        let mut done = Ok(());
        for (number, (bytes, reply)) in steps.chunks(4).zip(&mut *replies).enumerate() {
            match self.step(number, bytes) {
                Ok(got) => *reply = got.encode(),
                Err(error) => {
                    done = Err((number, error));
                    break;
                }
            }
        }
        for slot in 0..SLOTS {
            self.end(slot, true).map_err(|error| (steps.len(), error))?;
        }
        self.clean().map_err(|error| (steps.len(), error))?;
        done
    }

    fn start(&self, slot: usize, actor: &Actor<'_>) -> Result<()> {
        let pid = sys::fork()?;
        if pid == 0 {
            // Children of this one become the conductor's when they end.
            let ignored = get!(SIGACTION, 20, &[1_u64, 0, 0, 0], 0);
            let ready = ignored.and_then(|_| sys::chdir(TREE));
            if ready.is_err() {
                sys::exit(1);
            }
            actor.act(slot);
        }
        self.set_pid(slot, pid);
        Ok(())
    }

    fn pid(&self, slot: usize) -> i32 {
        self.pids.get()[slot]
    }

    fn set_pid(&self, slot: usize, pid: i32) {
        let mut pids = self.pids.get();
        pids[slot] = pid;
        self.pids.set(pids);
    }

    fn step(&self, number: usize, bytes: &[u8]) -> Result<Reply> {
        let &[actor, code, first, second] = bytes else { return Err(Error(EINVAL)) };
        let step = Step::decode([actor, code, first, second]).ok_or(Error(EINVAL))?;
        let slot = usize::from(step.actor);
        if self.pid(slot) == 0 {
            return Ok(Reply::Nobody);
        }
        if let Some(target) = step.op.target() {
            let taken = self.pid(usize::from(target)) != 0;
            if taken == matches!(step.op, Op::Fork(_)) {
                return Ok(Reply::Nobody);
            }
        }
        let number = u8::try_from(number).unwrap_or(0);
        sys::write(self.orders[slot][1], &[code, first, second, number])?;
        if !sys::readable(self.replies[0], 20_000)? {
            return Err(Error(EINVAL));
        }
        let mut reply = [0];
        sys::read(self.replies[0], &mut reply)?;
        let reply = Reply::decode(reply[0]).ok_or(Error(EINVAL))?;
        match step.op {
            Op::Exit => self.end(slot, false)?,
            Op::Kill(target) if reply == Reply::Ok => self.end(usize::from(target), false)?,
            _ => {}
        }
        Ok(reply)
    }

    /// Waits until a process is gone, which this kills if nobody else has.
    fn end(&self, slot: usize, kill: bool) -> Result<()> {
        let pid = self.pid(slot);
        if pid == 0 {
            return Ok(());
        }
        self.set_pid(slot, 0);
        if kill {
            let _ = sys::kill(pid, SIGKILL);
        }
        let deadline = sys::uptime() + 20_000;
        loop {
            // Its parent may be another, until it has ended.
            match sys::wait(pid, 0) {
                Ok(_) => return Ok(()),
                Err(Error(ECHILD)) if sys::kill(pid, 0) == Err(Error(ESRCH)) => return Ok(()),
                Err(Error(ECHILD | EINTR)) if sys::uptime() < deadline => {
                    get!(SCHED_YIELD)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes away what outlasts the processes.
    fn clean(&self) -> Result<()> {
        for number in 0..3 {
            let key = KEY + number;
            if let Ok(id) = get!(SHMGET, key, 0, 0) {
                get!(SHMCTL, id, 0, 0)?;
            }
            if let Ok(id) = get!(SEMGET, key, 0, 0) {
                get!(SEMCTL, id, 0, 0, 0)?;
            }
            if let Ok(id) = get!(MSGGET, key, 0) {
                get!(MSGCTL, id, 0, 0)?;
            }
            // There may be none.
            let _ = sys::shm_unlink(name(format_args!("/rjseq{number}")).get());
        }
        // A devfs lets go of terminals when somebody looks.
        let _ = sys::file_id(c"/dev/none");
        let _ = sys::file_id(c"/jail/dev/none");
        let name = world::MACHINE_NAME.as_bytes();
        sys::sysctl_named("kern.hostname", &mut [], Some(name))?;
        // A native jail can outlast its processes as long as a connection lingers.
        const FORCE: i32 = 0x0008_0000;
        let flags = if self.mode == Mode::Native { FORCE } else { 0 };
        let deadline = sys::uptime() + 10_000;
        loop {
            match sys::unmount(TREE, flags) {
                // Jails are taken apart by a task.
                Err(_) if sys::uptime() < deadline => sys::pause(2),
                done => return done,
            }
        }
    }
}

fn build() -> Result<Tree> {
    sys::nmount(c"tmpfs", TREE)?;
    sys::chmod(TREE, 0o777)?;
    file(c"/seq/secret")?;
    let mut roots = [(0, 0); JAILS];
    for (jail, root) in roots.iter_mut().enumerate() {
        for below in ["", "/a", "/a/b"] {
            sys::mkdir(name(format_args!("/seq/J{jail}{below}")).get(), 0o777)?;
        }
        file(name(format_args!("/seq/J{jail}/file")).get())?;
        *root = sys::file_id(name(format_args!("/seq/J{jail}")).get())?;
    }
    Ok(Tree { machine: sys::file_id(c"/")?, tree: sys::file_id(TREE)?, roots })
}

fn file(path: &CStr) -> Result<()> {
    const CREATE: i32 = 0x0201;
    sys::open(path, CREATE, 0o666).and_then(sys::close)
}

/// A string for system calls.
struct Path([u8; 64]);

impl Path {
    fn get(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

fn name(arguments: fmt::Arguments<'_>) -> Path {
    let text = Text::<63>::of(arguments);
    let mut path = [0; 64];
    path[..text.bytes().len()].copy_from_slice(text.bytes());
    Path(path)
}

fn known(list: &[&str], at: u8) -> Path {
    name(format_args!("{}", list[usize::from(at)]))
}

/// One of the processes that act.
#[derive(Clone, Copy)]
struct Actor<'a> {
    stage: &'a Stage,
    tree: Tree,
    slot: usize,
    kept: Option<i32>,
    serves: Option<i32>,
    /// The root that the first chroot(2) gave it, or whom it comes from.
    narrowed: Option<FileId>,
}

impl<'a> Actor<'a> {
    const fn new(stage: &'a Stage, tree: Tree) -> Self {
        Self { stage, tree, slot: 0, kept: None, serves: None, narrowed: None }
    }

    /// Does what it is told until it ends.
    fn act(mut self, slot: usize) -> ! {
        self.slot = slot;
        loop {
            let mut order = [0; 4];
            match sys::read(self.stage.orders[self.slot][0], &mut order) {
                Ok(4) => {}
                Err(Error(EINTR)) => continue,
                _ => sys::exit(1),
            }
            let [code, first, second, number] = order;
            let reply = match Op::decode([code, first, second]) {
                Some(op) => self.play(op, number).unwrap_or_else(|Error(number)| {
                    Reply::No(u8::try_from(number).unwrap_or(u8::MAX))
                }),
                None => Reply::NotThere,
            };
            let _ = sys::write(self.stage.replies[1], &[reply.encode()]);
            if code == Op::Exit.encode()[0] {
                sys::exit(0);
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an operation")]
    fn play(&mut self, op: Op, number: u8) -> Result<Reply> {
        let pid = |slot: u8| self.stage.pid(usize::from(slot));
        let fresh = |path: u8| name(format_args!("{}/n{number}", PATHS[usize::from(path)]));
        match op {
            Op::Fork(slot) => {
                let child = sys::fork()?;
                if child == 0 {
                    if let Some(serves) = self.serves.take() {
                        let _ = sys::close(serves);
                    }
                    self.act(usize::from(slot));
                }
                self.stage.set_pid(usize::from(slot), child);
            }
            Op::Exit => {}
            Op::Enter(jail) => self.enter(jail)?,
            Op::Attach(jail) => self.attach(jail)?,
            Op::Kill(slot) => sys::kill(pid(slot), SIGKILL)?,
            Op::Signal(slot) => sys::kill(pid(slot), 0)?,
            Op::Trace(slot) => {
                const ATTACH: i32 = 10;
                const DETACH: i32 = 11;
                sys::ptrace(ATTACH, pid(slot), 0, 0)?;
                sys::wait(pid(slot), sys::UNTRACED)?;
                sys::ptrace(DETACH, pid(slot), 1, 0)?;
            }
            Op::Renice(slot) => sys::setpriority(0, pid(slot), 1)?,
            Op::Listed(slot) => {
                if sys::sysctl(&[1, 14, 1, pid(slot)], &mut [0; 4096], None)? == 0 {
                    return Err(Error(ESRCH));
                }
            }
            Op::Setuid => sys::setuid(world::USER)?,
            Op::Chroot(path) => {
                sys::chroot(known(&PATHS, path).get())?;
                let first = sys::file_id(c"/")?;
                self.narrowed.get_or_insert(first);
            }
            Op::Chdir(path) => {
                sys::chdir(known(&PATHS, path).get())?;
                return Ok(self.place());
            }
            Op::Open(path) => sys::open(known(&PATHS, path).get(), 0, 0).and_then(sys::close)?,
            Op::Keep(path) => {
                let path = known(&PATHS, path);
                let kept = sys::open(path.get(), O_DIRECTORY, 0)?;
                if let Some(before) = self.kept.replace(kept) {
                    sys::close(before)?;
                }
            }
            Op::FchdirKept => {
                sys::fchdir(self.kept.unwrap_or(-1))?;
                return Ok(self.place());
            }
            Op::DropKept => sys::close(self.kept.take().unwrap_or(-1))?,
            Op::Mkdir(path) => sys::mkdir(fresh(path).get(), 0o777)?,
            Op::Rename(from, path) => {
                get!(RENAME, known(&FROM, from).get(), fresh(path).get()).map(drop)?;
            }
            Op::Link(from, path) => {
                get!(LINK, known(&FROM, from).get(), fresh(path).get()).map(drop)?;
            }
            Op::BindUdp(address, port) => return bind(DATAGRAMS, address, port),
            Op::BindTcp(address, port) => return bind(STREAM, address, port),
            Op::Listen => {
                let fd = sys::socket(2, STREAM, 0)?;
                return local(fd, sys::listen(fd, 1));
            }
            Op::ConnectUdp(address) => return connect(DATAGRAMS, address),
            Op::ConnectTcp(address) => return connect(STREAM, address),
            Op::Send(address) => {
                let fd = sys::socket(2, DATAGRAMS, 0)?;
                return local(fd, sys::send(fd, b"?", service(address)).map(drop));
            }
            Op::Socket(kind) => {
                let [domain, kind, protocol] = match KINDS[usize::from(kind)] {
                    SocketKind::RawIcmp => [2, 3, 1],
                    SocketKind::Udp6 => [28, 2, 0],
                    SocketKind::Local => [1, 1, 0],
                    SocketKind::Route => [17, 3, 0],
                    SocketKind::Netgraph => [32, 2, 2],
                };
                sys::socket(domain, kind, protocol).and_then(sys::close)?;
            }
            Op::Serve => {
                if let Some(before) = self.serves.take() {
                    sys::close(before)?;
                }
                let fd = sys::socket(1, STREAM, 0)?;
                let bound = sys::bind_unix(fd, WithSize(&UnixName::new(c"sock")));
                match bound.and_then(|()| sys::listen(fd, 100)) {
                    Ok(()) => self.serves = Some(fd),
                    Err(error) => {
                        sys::close(fd)?;
                        return Err(error);
                    }
                }
            }
            Op::Local(path) => {
                let fd = sys::socket(1, STREAM, 0)?;
                let to = UnixName::new(known(&SOCKETS, path).get());
                let connected = sys::connect_unix(fd, WithSize(&to));
                sys::close(fd)?;
                connected?;
            }
            Op::Segment(key) => {
                get!(SHMGET, KEY + i32::from(key), 4096, CREATE_KEY | 0o777).map(drop)?;
            }
            Op::Semaphores(key) => {
                get!(SEMGET, KEY + i32::from(key), 1, CREATE_KEY | 0o666).map(drop)?;
            }
            Op::Queue(key) => {
                get!(MSGGET, KEY + i32::from(key), CREATE_KEY | 0o666).map(drop)?;
            }
            Op::Shared(number) => {
                let path = name(format_args!("/rjseq{number}"));
                sys::shm_open(path.get()).and_then(sys::close)?;
            }
            Op::Terminal => sys::posix_openpt(2).and_then(sys::close)?,
            Op::Hostname => return hostname().map(Reply::Named),
            Op::SetHostname => {
                let name = name(format_args!("s{}.example", self.slot));
                sys::sysctl_named("kern.hostname", &mut [], Some(name.get().to_bytes()))?;
            }
            Op::Jailed => {
                let name = match self.stage.mode {
                    Mode::Native => "security.jail.jailed",
                    Mode::Both | Mode::Label => "security.rjail.jailed",
                };
                return sys::sysctl_number(name).map(|number| Reply::Number(number != 0));
            }
            Op::Unload if self.stage.mode == Mode::Native => return Ok(Reply::NotThere),
            Op::Unload => sys::kldunload(self.stage.module)?,
        }
        Ok(Reply::Ok)
    }

    fn enter(&self, jail: u8) -> Result<()> {
        let path = name(format_args!("/seq/J{jail}"));
        let hostname = name(format_args!("j{jail}.example"));
        let address = bytes_of(sequences::address(jail));
        let entered = match self.stage.mode {
            Mode::Native => {
                self.may_enter(jail, || sys::file_id(path.get()).map(drop))?;
                i64::from(sys::jail(path.get(), hostname.get(), address)?)
            }
            Mode::Both | Mode::Label => {
                Args::new(path.get(), hostname.get(), &[address]).enter()?
            }
        };
        let mut jails = self.stage.jails.get();
        jails[usize::from(jail)] = entered;
        self.stage.jails.set(jails);
        Ok(())
    }

    fn attach(&self, jail: u8) -> Result<()> {
        let number = self.stage.jails.get()[usize::from(jail)];
        match self.stage.mode {
            Mode::Native => {
                self.may_enter(jail, || Ok(()))?;
                get!(JAIL_ATTACH, i32::try_from(number).unwrap_or(-1)).map(drop)
            }
            Mode::Both | Mode::Label => jail::attach(number).map(drop),
        }
    }

    /// What rjail asks besides is asked here for native jails, so that the two go the
    /// same way.
    fn may_enter(&self, jail: u8, found: impl FnOnce() -> Result<()>) -> Result<()> {
        if sys::getuid()? != 0 || sys::sysctl_number("security.jail.jailed")? != 0 {
            return Err(Error(EPERM));
        }
        found()?;
        let root = self.tree.roots[usize::from(jail)];
        let narrowed = self.narrowed.is_some_and(|first| first != root);
        if narrowed || self.kept.is_some() { Err(Error(EPERM)) } else { Ok(()) }
    }

    fn place(&self) -> Reply {
        let here = sys::file_id(c".").unwrap_or_default();
        let jail = self.tree.roots.iter().position(|root| *root == here);
        Reply::In(match jail.and_then(|jail| u8::try_from(jail).ok()) {
            Some(jail) => Place::Jail(jail),
            None if here == self.tree.machine => Place::Machine,
            None if here == self.tree.tree => Place::Tree,
            None => Place::Elsewhere,
        })
    }
}

const STREAM: i32 = 1;
const DATAGRAMS: i32 = 2;

fn bind(kind: i32, address: u8, port: u8) -> Result<Reply> {
    let fd = sys::socket(2, kind, 0)?;
    let to = Sockaddr::new(bytes_of(ADDRESSES[usize::from(address)]), PORTS[usize::from(port)]);
    local(fd, sys::bind(fd, WithSize(&to)))
}

fn connect(kind: i32, address: u8) -> Result<Reply> {
    let fd = sys::socket(2, kind, 0)?;
    if kind == STREAM {
        sys::close_hard(fd)?;
    }
    local(fd, sys::connect(fd, WithSize(&service(address))))
}

/// The address that a socket has come to, which is closed then.
fn local(fd: i32, done: Result<()>) -> Result<Reply> {
    let local = sys::getsockname(fd);
    sys::close(fd)?;
    done?;
    let address = local?.address;
    let at = ADDRESSES.iter().position(|named| bytes_of(*named) == address);
    Ok(Reply::At(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(15)))
}

fn service(address: u8) -> Sockaddr {
    Sockaddr::new(bytes_of(ADDRESSES[usize::from(address)]), SERVICE_PORT)
}

fn bytes_of(address: Addr) -> [u8; 4] {
    match address {
        Addr::Any => [0; 4],
        Addr::Loopback => [127, 0, 0, 1],
        Addr::Jail => world::JAIL_ADDR,
        Addr::Host => world::HOST_ADDR,
        Addr::Sibling => world::SIBLING_ADDR,
        Addr::Foreign => world::FOREIGN_ADDR,
        Addr::Broadcast => [255; 4],
    }
}

fn hostname() -> Result<Name> {
    let mut name = [0; 256];
    let length = sys::sysctl_named("kern.hostname", &mut name, None)?;
    let name = name[..length].split(|byte| *byte == 0).next().unwrap_or_default();
    let Some(begin) = name.strip_suffix(b".example") else { return Ok(Name::Other) };
    Ok(match begin {
        b"machine" => Name::Machine,
        [b'j', jail] => Name::Jail(jail.wrapping_sub(b'0')),
        [b's', slot] => Name::Slot(slot.wrapping_sub(b'0')),
        _ => Name::Other,
    })
}
