// SPDX-License-Identifier: BSD-2-Clause
//! Devices: what a jail opens, whose terminals it reaches, what it can take away
//! from others. The jail's `/dev` is a devfs mount without a ruleset: the
//! administrator forgot it.

use core::ffi::CStr;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EEXIST, EINVAL, ENOENT, ENXIO, EOPNOTSUPP, EPERM, ERPCMISMATCH, ESRCH};
use crate::jail::{ALL_DEVICES, Args, Kind, PAPER, TUN};
use crate::privileges::calls::{ask, get, low};
use crate::privileges::errno;
use crate::programs::{Context, Outcome, second_line, settle};
use crate::say;
use crate::sys::{self, Error, Result, Shared};
use crate::trespass::idle;
use crate::world::{JAIL_NAME, JAIL_ROOT};

const O_WRONLY: i32 = 1;
const O_RDWR: i32 = 2;
const O_NONBLOCK: i32 = 4;
const O_NOCTTY: i32 = 0x8000;
const O_DIRECTORY: i32 = 0x0002_0000;
const O_PATH: i32 = 0x0040_0000;
const O_EMPTY_PATH: i32 = 0x0200_0000;
const AT_FDCWD: i32 = -100;

/// Where an attempt is made; its working directory is the jail's root.
#[derive(Clone, Copy)]
enum Place {
    Outside,
    Native,
    Inside { flags: u32 },
}

const INSIDE: Place = Place::Inside { flags: PAPER };
const ALL: Place = Place::Inside { flags: PAPER | ALL_DEVICES };

impl Place {
    fn enter(self) -> Result<()> {
        match self {
            Self::Outside => sys::chdir(JAIL_ROOT),
            Self::Native => Kind::Native.enter(JAIL_ROOT, JAIL_NAME, cases::world::JAIL_ADDR),
            Self::Inside { flags } => {
                let addresses = const { &[cases::world::JAIL_ADDR] };
                let args = Args::new(JAIL_ROOT, JAIL_NAME, addresses).with_flags(flags);
                args.enter().map(drop)
            }
        }
    }

    /// Does it there, in a process of its own; -1 where it did not get there.
    fn attempt<const N: usize>(self, work: impl FnOnce() -> [i32; N]) -> [i32; N] {
        let answers = in_child(|| if self.enter().is_ok() { work() } else { [-1; N] });
        answers.ok().and_then(core::result::Result::ok).unwrap_or([-2; N])
    }
}

/// The number of jails when all that is deferred had its time: a devfs mount
/// forgets a terminal that is gone, and whose it was, when a name is looked up.
fn jails_left() -> Result<i64> {
    let deadline = sys::uptime() + 5000;
    loop {
        let jails = sys::sysctl_number("security.rjail.jails")?;
        if jails == 0 || sys::uptime() > deadline {
            return Ok(jails);
        }
        for name in [c"/dev/null", c"/jail/dev/null"] {
            sys::file_id(name)?;
        }
        sys::pause(10);
    }
}

/// 0, or the errno of opening a path and closing it again.
fn try_open(path: &CStr, flags: i32) -> i32 {
    errno(sys::open(path, flags, 0).and_then(sys::close))
}

fn path(text: &Text<64>) -> &CStr {
    CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default()
}

// Every name there is.

const MOST: usize = 128;

/// The names below `dev`, with their path.
struct Names {
    names: [Text<64>; MOST],
    count: usize,
}

impl Names {
    fn collect() -> Result<Self> {
        let mut names = Self { names: [const { Text::new() }; MOST], count: 0 };
        names.walk("dev")?;
        Ok(names)
    }

    fn walk(&mut self, directory: &str) -> Result<()> {
        const DT_DIR: u8 = 4;
        const NAME: usize = 24;
        let open = Text::<64>::of(format_args!("{directory}\0"));
        let fd = sys::open(path(&open), O_DIRECTORY, 0)?;
        loop {
            let mut bytes = [0_u8; 4096];
            let length = get!(GETDIRENTRIES, fd, &mut bytes, 4096, 0)?;
            let mut rest = &bytes[..length];
            while let Some(head) = rest.get(..NAME) {
                let size = usize::from(u16::from_le_bytes([head[16], head[17]]));
                let length = usize::from(u16::from_le_bytes([head[20], head[21]]));
                let name = rest.get(NAME..NAME + length).unwrap_or_default();
                let name = core::str::from_utf8(name).unwrap_or_default();
                if !matches!(name, "" | "." | "..") {
                    let whole = Text::<64>::of(format_args!("{directory}/{name}\0"));
                    if head[18] == DT_DIR {
                        let inner = Text::<64>::of(format_args!("{directory}/{name}"));
                        self.walk(core::str::from_utf8(inner.bytes()).unwrap_or_default())?;
                    } else if self.count < MOST {
                        self.names[self.count] = whole;
                        self.count += 1;
                    } else {
                        return Err(Error(EINVAL));
                    }
                }
                rest = rest.get(size.max(1)..).unwrap_or_default();
            }
            if length == 0 {
                break;
            }
        }
        sys::close(fd)
    }

    fn all(&self) -> &[Text<64>] {
        &self.names[..self.count]
    }

    /// What opening each for reading answers.
    fn try_all(&self) -> [i32; MOST] {
        let mut answers = [0; MOST];
        for (answer, name) in answers.iter_mut().zip(self.all()) {
            *answer = try_open(path(name), O_NONBLOCK | O_NOCTTY);
        }
        answers
    }
}

/// The names that every jail opens, or that tell it something of itself.
const LISTED: &[&CStr] = &[
    c"dev/null",
    c"dev/zero",
    c"dev/full",
    c"dev/random",
    c"dev/urandom",
    c"dev/ctty",
    c"dev/fd/0",
    c"dev/fd/1",
    c"dev/fd/2",
    c"dev/stdin",
    c"dev/stdout",
    c"dev/stderr",
];

const MEMORY: &[&CStr] = &[c"dev/mem", c"dev/kmem"];

fn opened(answers: &[i32; MOST], of: &Names) -> usize {
    answers.iter().take(of.count).filter(|answer| **answer == 0).count()
}

/// Every name of an unrestricted devfs, opened everywhere.
pub fn list(_: &Context) -> Outcome {
    let names = sys::chdir(JAIL_ROOT).and_then(|()| Names::collect());
    let Ok(names) = names else {
        return Err(Text::of(format_args!("names: {:?}", names.map(|_| ()))));
    };
    for name in [c"dev/null", c"dev/mem", c"dev/klog", c"dev/console", c"dev/bpf"] {
        let found = names.all().iter().any(|text| path(text) == name);
        want!("a name that must be there", (name, found), (name, true));
    }
    let outside = Place::Outside.attempt(|| names.try_all());
    let native = Place::Native.attempt(|| names.try_all());
    let inside = INSIDE.attempt(|| names.try_all());
    let with_tunnels = Place::Inside { flags: TUN }.attempt(|| names.try_all());
    let all = ALL.attempt(|| names.try_all());
    let mut wrong = 0;
    for (at, name) in names.all().iter().enumerate() {
        let listed = LISTED.contains(&path(name));
        let wanted = if listed { outside[at] } else { EPERM };
        for got in [inside[at], with_tunnels[at]] {
            if got != wanted {
                say!("    # {:?}: inside {got}, wanted {wanted}", path(name));
                wrong += 1;
            }
        }
        // The privilege to read the machine's memory no jail has.
        let wanted = if MEMORY.contains(&path(name)) { EPERM } else { native[at] };
        if all[at] != wanted {
            say!("    # {:?}: without the list {}, native {}", path(name), all[at], native[at]);
            wrong += 1;
        }
    }
    say!(
        "    # of {} names {} are opened outside, {} in a native jail, {} inside",
        names.count,
        opened(&outside, &names),
        opened(&native, &names),
        opened(&inside, &names)
    );
    want!("answers that were wrong", wrong, 0);
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// The machine's memory and its ports: in each way to open, and through a
/// descriptor that only names the node.
pub fn memory(_: &Context) -> Outcome {
    const NODES: [&CStr; 3] = [c"dev/mem", c"dev/kmem", c"dev/io"];
    let ways = |place: Place, node: &'static CStr| {
        place.attempt(|| [0, O_WRONLY, O_RDWR, O_PATH].map(|flags| try_open(node, flags)))
    };
    for node in NODES {
        want!("outside", (node, ways(Place::Outside, node)), (node, [0; 4]));
        want!("inside", (node, ways(INSIDE, node)), (node, [EPERM; 4]));
    }
    // What stands between a native jail and the machine's memory is the ruleset.
    let native = NODES.map(|node| ways(Place::Native, node));
    let to_read = [0, EPERM, EPERM, 0];
    want!("in a native jail", native, [to_read, to_read, [EPERM, EPERM, EPERM, 0]]);
    // Without the list the privileges are left, and O_PATH asks for none.
    let all = NODES.map(|node| ways(ALL, node));
    want!("inside without the list", all, [[EPERM, EPERM, EPERM, 0]; 3]);
    // Somebody outside names it, and the jail opens what is named.
    let reopen = |place: Place| {
        in_child(|| -> Result<[i32; 2]> {
            let [ours, theirs] = sys::socketpair()?;
            sys::pass(theirs, sys::open(c"/dev/mem", O_PATH, 0)?)?;
            place.enter()?;
            let named = sys::take(ours)?;
            let again = [0, O_RDWR];
            Ok(again.map(|flags| ask!(OPENAT, named, c"", O_EMPTY_PATH | flags, 0)))
        })
    };
    want!("what is named, outside", reopen(Place::Outside), Ok(Ok(Ok([0, 0]))));
    want!("in a native jail", reopen(Place::Native), Ok(Ok(Ok([0, EPERM]))));
    want!("inside", reopen(INSIDE), Ok(Ok(Ok([EPERM, EPERM]))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

// Terminals.

const TIOCGPTN: usize = 0x4004_740f;
/// Makes it the controlling terminal of the session.
pub const TIOCSCTTY: usize = 0x2000_7461;
const TIOCCONS: usize = 0x8004_7462;
const TIOCEXCL: usize = 0x2000_740d;
const TIOCNXCL: usize = 0x2000_740e;
const TIOCGETA: usize = 0x402c_7413;
const TIOCSETA: usize = 0x802c_7414;
/// Types a character.
pub const TIOCSTI: usize = 0x8001_7472;
const TIOCSPGRP: usize = 0x8004_7476;

/// A pseudo-terminal that this process made: its master and its number.
pub struct Terminal {
    /// Its maker's end.
    pub master: i32,
    number: i32,
}

impl Terminal {
    /// A new one.
    pub fn new() -> Result<Self> {
        let master = low(get!(POSIX_OPENPT, O_RDWR | O_NOCTTY)?);
        let mut number = [0];
        get!(IOCTL, master, TIOCGPTN, &mut number)?;
        Ok(Self { master, number: number[0] })
    }

    /// Its name below a root.
    fn path(&self, root: &str) -> Text<64> {
        Text::of(format_args!("{root}dev/pts/{}\0", self.number))
    }

    /// Its other end, as nobody's controlling terminal, by its name below a root.
    pub fn open(&self, root: &str) -> Result<i32> {
        sys::open(path(&self.path(root)), O_RDWR | O_NOCTTY, 0)
    }

    fn try_open(&self) -> i32 {
        errno(self.open("").and_then(sys::close))
    }

    /// Closes its maker's end.
    pub fn close(self) -> Result<()> {
        sys::close(self.master)
    }
}

/// The host's terminal in another process's hands: opened, looked at, changed,
/// revoked.
fn at_terminal(place: Place, terminal: &Terminal) -> [i32; 4] {
    place.attempt(|| {
        let name = terminal.path("");
        [
            terminal.try_open(),
            errno(sys::file_id(path(&name))),
            errno(sys::chmod(path(&name), 0o600)),
            ask!(REVOKE, path(&name)),
        ]
    })
}

/// One terminal of a jail in another jail's hands.
fn at_siblings_terminal(kind: Place) -> Result<[i32; 4]> {
    let number = Shared::new(-1)?;
    let done = Shared::new(false)?;
    let child = sys::fork()?;
    if child == 0 {
        let _ = sys::alarm(20);
        let terminal = kind.enter().and_then(|()| Terminal::new());
        number.set(terminal.map_or(-2, |terminal| terminal.number));
        while !done.get() {
            sys::pause(5);
        }
        sys::exit(0);
    }
    while number.get() == -1 {
        sys::pause(5);
    }
    let answers = at_terminal(kind, &Terminal { master: -1, number: number.get() });
    done.set(true);
    sys::wait(child, 0)?;
    Ok(answers)
}

/// One's own: opened by two names, changed, revoked.
fn at_own_terminal() -> [i32; 4] {
    let Ok(terminal) = Terminal::new() else { return [-3; 4] };
    let name = terminal.path("");
    let answers = [
        terminal.try_open(),
        errno(sys::chmod(path(&name), 0o600)),
        ask!(REVOKE, path(&name)),
        terminal.try_open(),
    ];
    let _ = terminal.close();
    answers
}

/// The terminal that a process was let in with: as `/dev/tty`, by its name, what
/// ioctl(2) does to it, revoked; then in a session without it.
fn at_inherited_terminal(place: Place) -> [i32; 11] {
    let answers = in_child(|| -> Result<[i32; 11]> {
        sys::setsid()?;
        let terminal = Terminal::new()?;
        let slave = terminal.open("/")?;
        get!(IOCTL, slave, TIOCSCTTY)?;
        place.enter()?;
        let mut termios = [0_u32; 11];
        get!(IOCTL, slave, TIOCGETA, &mut termios)?;
        let name = terminal.path("");
        let try_tty = || try_open(c"dev/tty", O_RDWR | O_NOCTTY);
        let another = in_child(|| {
            let opened = sys::setsid().map(|_| [terminal.try_open(), try_tty()]);
            let stolen = ask!(IOCTL, slave, TIOCSCTTY);
            opened.map_or([-1; 3], |[by_name, as_tty]| [by_name, as_tty, stolen])
        });
        let [by_name, as_tty, stolen] = another?.unwrap_or([-2; 3]);
        Ok([
            try_tty(),
            terminal.try_open(),
            ask!(IOCTL, slave, TIOCSETA, &termios),
            ask!(IOCTL, slave, TIOCEXCL),
            ask!(IOCTL, slave, TIOCNXCL),
            ask!(IOCTL, slave, TIOCSTI, b"x"),
            ask!(IOCTL, slave, TIOCCONS, &[1_i32]),
            by_name,
            as_tty,
            stolen,
            // The console must have it back; last, because it ends the terminal.
            {
                let _ = get!(IOCTL, slave, TIOCCONS, &[0_i32]);
                ask!(REVOKE, path(&name))
            },
        ])
    });
    answers.ok().and_then(core::result::Result::ok).and_then(Result::ok).unwrap_or([-1; 11])
}

/// The terminal of a session that goes on outside: input put into it, given to a
/// group outside, to a group of one's own. Each in a session of its own, because a
/// process that lost the terminal is stopped at the next.
fn at_shared_terminal(place: Place) -> [i32; 3] {
    let one = |which: usize| -> Result<i32> {
        let answer = in_child(|| -> Result<i32> {
            sys::setsid()?;
            let terminal = Terminal::new()?;
            let slave = terminal.open("/")?;
            get!(IOCTL, slave, TIOCSCTTY)?;
            let outside = idle()?;
            sys::setpgid(outside, outside)?;
            let answer = in_child(|| -> Result<i32> {
                place.enter()?;
                let own = idle()?;
                sys::setpgid(own, own)?;
                let answer = match which {
                    0 => ask!(IOCTL, slave, TIOCSTI, b"x"),
                    1 => ask!(IOCTL, slave, TIOCSPGRP, &[outside]),
                    _ => ask!(IOCTL, slave, TIOCSPGRP, &[own]),
                };
                sys::kill(own, 9)?;
                sys::wait(own, 0)?;
                Ok(answer)
            });
            sys::kill(outside, 9)?;
            sys::wait(outside, 0)?;
            answer?.unwrap_or(Err(sys::Error(-1)))
        });
        answer?.unwrap_or(Err(sys::Error(-2)))
    };
    [0, 1, 2].map(|which| one(which).unwrap_or_else(|sys::Error(number)| 1000 + number))
}

/// How many terminals `kern.ttys` tells of.
fn terminals_told(place: Place) -> [i32; 1] {
    const SIZE: usize = 64;
    place.attempt(|| {
        let mut bytes = [0; 64 * SIZE];
        let length = sys::sysctl_named("kern.ttys", &mut bytes, None).unwrap_or(usize::MAX);
        [i32::try_from(length / SIZE).unwrap_or(-1)]
    })
}

/// The host's, another jail's, one's own, and the one that one was let in with.
pub fn terminals(_: &Context) -> Outcome {
    let hosts = Terminal::new();
    let Ok(hosts) = hosts else {
        return Err(Text::of(format_args!("a terminal: {:?}", hosts.map(|_| ()))));
    };
    // Looked at alone, the label does not hide it: stat(2) has no hook that costs
    // the unjailed nothing.
    let hidden = if second_line() { [ENOENT; 4] } else { [ENOENT, 0, 0, ENOENT] };
    want!("the host's, in a native jail", at_terminal(Place::Native, &hosts), [ENOENT; 4]);
    want!("inside", at_terminal(INSIDE, &hosts), hidden);
    want!("inside without the list", at_terminal(ALL, &hosts), hidden);
    let told = [Place::Outside, Place::Native, INSIDE].map(terminals_told);
    want!("terminals are told of outside", told[0][0] > 0, true);
    want!("in a native jail", told[1], [0]);
    want!("inside", told[2], if second_line() { [0] } else { told[0] });
    want!("another jail's, native", at_siblings_terminal(Place::Native), Ok([ENOENT; 4]));
    want!("inside", at_siblings_terminal(INSIDE), Ok(hidden));
    for place in [Place::Outside, Place::Native, INSIDE] {
        // Revoked, it is there still for a master that is.
        want!("one's own", place.attempt(at_own_terminal), [0, 0, 0, 0]);
    }
    let wanted =
        |console, stranger, revoked| [0, 0, 0, 0, 0, 0, console, stranger, ENXIO, EPERM, revoked];
    let outside = at_inherited_terminal(Place::Outside);
    want!("let in with, outside", outside, wanted(0, 0, 0));
    let native = at_inherited_terminal(Place::Native);
    want!("in a native jail", native, wanted(EPERM, ENOENT, 0));
    let inside = at_inherited_terminal(INSIDE);
    want!("inside", inside, wanted(EPERM, ENOENT, EPERM));
    want!("a session's, outside", at_shared_terminal(Place::Outside), [0, 0, 0]);
    want!("in a native jail", at_shared_terminal(Place::Native), [0, 0, 0]);
    want!("inside", at_shared_terminal(INSIDE), [EPERM, EPERM, 0]);
    want!("the host's, outside", at_terminal(Place::Outside, &hosts), [0; 4]);
    want!("its end", hosts.close(), Ok(()));
    want!("jails afterwards", jails_left(), Ok(0));
    Ok(())
}

/// revoke(2) of what the machine shares: DV-13 of the catalogue of ways out.
pub fn revoke(_: &Context) -> Outcome {
    // What becomes of the host's open /dev/null.
    let cut_off = |place: Place| {
        let host = sys::open(c"/dev/null", O_WRONLY, 0).unwrap_or(-1);
        let [revoked] = place.attempt(|| [ask!(REVOKE, c"dev/null")]);
        let written = errno(sys::write(host, b"x"));
        let _ = sys::close(host);
        [revoked, written]
    };
    // Revoked in one mount, it is gone from all: the attack is real.
    want!("outside", cut_off(Place::Outside), [0, ENXIO]);
    want!("in a native jail", cut_off(Place::Native), [0, ENXIO]);
    want!("inside", cut_off(INSIDE), [EPERM, 0]);
    want!("inside without the list", cut_off(ALL), [EPERM, 0]);
    let others = INSIDE.attempt(|| {
        [
            c"dev/zero",
            c"dev/random",
            c"dev/ctty",
            c"dev/console",
            c"dev/mem",
            c"file",
            c"dev",
            c"no",
        ]
        .map(|name| ask!(REVOKE, name))
    });
    let [shared, not_a_device] = [EPERM, EINVAL];
    let wanted = [shared, shared, shared, shared, shared, not_a_device, not_a_device, ENOENT];
    want!("everything else", others, wanted);
    let by_user = INSIDE.attempt(|| {
        let user = errno(sys::setuid(cases::world::USER));
        [user, ask!(REVOKE, c"dev/null")]
    });
    want!("by a user", by_user, [0, EPERM]);
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// Nodes made, brought back, shown and mounted: the ways past a ruleset.
pub fn nodes(_: &Context) -> Outcome {
    const CHARACTER: u32 = 0o020_600;
    const BLOCK: u32 = 0o060_600;
    const REGULAR: u32 = 0o100_600;
    const WHITEOUT: u32 = 0o160_000;
    let mknod = |name: &CStr, mode: u32| ask!(MKNODAT, AT_FDCWD, name, mode, 0x2a_usize);
    // Hidden by unlink(2), a node of devfs comes back by mknod(2).
    let revive = |place: Place| {
        let hidden = errno(sys::unlink(c"/jail/dev/zero"));
        let [made, there] =
            place.attempt(|| [mknod(c"dev/zero", CHARACTER), try_open(c"dev/zero", 0)]);
        let _ = mknod(c"/jail/dev/zero", CHARACTER);
        [hidden, made, there, try_open(c"/jail/dev/zero", 0)]
    };
    want!("brought back, outside", revive(Place::Outside), [0, 0, 0, 0]);
    want!("in a native jail", revive(Place::Native), [0, EPERM, ENOENT, 0]);
    want!("inside", revive(INSIDE), [0, EPERM, ENOENT, 0]);
    let make = |place: Place| {
        let answers = place.attempt(|| {
            [
                mknod(c"node", CHARACTER),
                mknod(c"dev/node", BLOCK),
                mknod(c"dev/node", REGULAR),
                mknod(c"dev/node", WHITEOUT),
                mknod(c"dev/mem", CHARACTER),
            ]
        });
        let _ = sys::unlink(c"/jail/node");
        answers
    };
    let outside = [0, EOPNOTSUPP, EINVAL, EOPNOTSUPP, EEXIST];
    want!("made, outside", make(Place::Outside), outside);
    let inside = [EPERM, EPERM, EINVAL, EPERM, EPERM];
    want!("in a native jail", make(Place::Native), inside);
    want!("inside", make(INSIDE), inside);
    // One that lies in another file system leads nowhere, and is on no list.
    want!("a node beside devfs", mknod(c"/jail/node", CHARACTER), 0);
    let open = |place: Place| place.attempt(|| [try_open(c"node", 0), ask!(REVOKE, c"node")]);
    want!("it, outside", open(Place::Outside), [0, EINVAL]);
    want!("in a native jail", open(Place::Native), [0, EINVAL]);
    want!("inside", open(INSIDE), [EPERM, EINVAL]);
    want!("gone", sys::unlink(c"/jail/node"), Ok(()));

    // What devfs shows: rules, and mounts with other rules.
    const DEVFSIO_SUSE: usize = 0x8002_440a;
    const DEVFSIO_SAPPLY: usize = 0x8002_440b;
    const DEVFSIO_RADD: usize = 0xc0ec_4400;
    const DEVFSIO_RAPPLY: usize = 0x80ec_4402;
    let rules = |place: Place| {
        place.attempt(|| {
            let Ok(dev) = sys::open(c"dev", O_DIRECTORY, 0) else { return [-3; 4] };
            let mut rule = [0_u8; 236];
            [
                ask!(IOCTL, dev, DEVFSIO_SUSE, &[0_u16]),
                ask!(IOCTL, dev, DEVFSIO_SAPPLY, &[0_u16]),
                ask!(IOCTL, dev, DEVFSIO_RADD, &mut rule),
                ask!(IOCTL, dev, DEVFSIO_RAPPLY, &mut rule),
            ]
        })
    };
    // A rule of zeros is no rule, and ruleset 0 has none to apply.
    want!("rules, outside", rules(Place::Outside), [0, ESRCH, ERPCMISMATCH, ERPCMISMATCH]);
    want!("in a native jail", rules(Place::Native), [EPERM; 4]);
    want!("inside", rules(INSIDE), [EPERM; 4]);
    const MNT_UPDATE: i32 = 0x1_0000;
    let update = || errno(sys::nmount_with(c"devfs", c"dev", [c"ruleset", c"0"], MNT_UPDATE));
    // Not mounted outside: taken away again, devfs over tmpfs has stock WITNESS
    // complain of the order of their locks.
    want!("an update, outside", Place::Outside.attempt(|| [update()]), [0]);
    let mount = |place: Place| {
        place.attempt(|| {
            let another = errno(sys::nmount(c"devfs", c"dir"));
            let with = errno(sys::nmount_with(c"devfs", c"dir", [c"ruleset", c"1"], 0));
            [another, with, update()]
        })
    };
    want!("in a native jail", mount(Place::Native), [EPERM; 3]);
    want!("inside", mount(INSIDE), [EPERM; 3]);
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// tun(4) and tap(4): by flag, and only those that the machine made.
pub fn tunnels(_: &Context) -> Outcome {
    const SIOCIFCREATE: usize = 0xc020_697a;
    const SIOCIFDESTROY: usize = 0x8020_6979;
    let interface = |request: usize, name: &[u8]| -> i32 {
        let mut words = [0_u8; 32];
        words[..name.len()].copy_from_slice(name);
        errno(sys::socket(2, 2, 0).and_then(|fd| {
            let done = get!(IOCTL, fd, request, &mut words);
            sys::close(fd)?;
            done
        }))
    };
    let open = |place: Place| {
        place.attempt(|| {
            [c"dev/tun70", c"dev/tap70", c"dev/tun71", c"dev/tun"]
                .map(|name| try_open(name, O_RDWR | O_NONBLOCK))
        })
    };
    want!("tun70", interface(SIOCIFCREATE, b"tun70"), 0);
    want!("tap70", interface(SIOCIFCREATE, b"tap70"), 0);
    // The host makes one for itself by opening it.
    let hosts = sys::open(c"/dev/tun71", O_RDWR, 0);
    want!("tun71", hosts.is_ok(), true);
    want!("closed again", hosts.and_then(sys::close), Ok(()));
    let outcome = (|| {
        // The host's own is hidden as its terminals are.
        want!("in a native jail", open(Place::Native), [0, 0, ENOENT, ENOENT]);
        let anothers = ENOENT;
        want!("inside", open(INSIDE), [EPERM, EPERM, anothers, ENOENT]);
        let with = open(Place::Inside { flags: PAPER | TUN });
        want!("inside with the flag", with, [0, 0, anothers, ENOENT]);
        want!("inside without the list", open(ALL), [0, 0, anothers, ENOENT]);
        want!("outside", open(Place::Outside), [0, 0, 0, 0]);
        Ok(())
    })();
    for name in [&b"tun70"[..], b"tap70", b"tun71", b"tun0"] {
        // One that was never made is not there to destroy.
        interface(SIOCIFDESTROY, name);
    }
    want!("jails afterwards", settle(0), Ok(0));
    outcome
}
