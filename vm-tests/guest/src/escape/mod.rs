// SPDX-License-Identifier: BSD-2-Clause
//! Ways out of a root directory: one program a class, each attempt made outside a
//! jail too, where it must come to what it is after.
//!
//! Each attempt has a file system of its own and ends with unmounting it: when
//! the jail is gone, nothing of it may hold on to its directory.

mod descriptors;
mod entry;
mod files;
mod mounts;
mod names;
mod passed;
mod races;
mod roots;
mod stacked;

use core::ffi::CStr;

use cases::world::JAIL_ADDR;

use crate::answer::in_child;
use crate::console::Text;
use crate::errno::{EBUSY, EEXIST};
use crate::jail::{Args, Kind, PAPER, STATFS_ALL, STATFS_BELOW};
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, Program};
use crate::say;
use crate::sys::{self, Error, FileId, Result};

/// Where the attempts' file system is.
const TOP: &CStr = c"/sibling/e";
/// The jail's root in it.
const ROOT: &CStr = c"/sibling/e/jail";
/// Where an attempt may mount something in it, the later ones first.
const MOUNTS: [&CStr; 5] = [
    c"/sibling/e/out/child",
    c"/sibling/e/jail/d",
    c"/sibling/e/jail/dev/fd",
    c"/sibling/e/jail/dev",
    c"/sibling/e/jail/proc",
];
/// Sockets of UNIX are connected across a jail's border.
const CROSSING: &str = "security.rjail.unix_cross_jail";
const AT_FDCWD: i32 = -100;
const O_DIRECTORY: i32 = 0x0002_0000;

/// Who makes the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    /// Nobody in a jail.
    Outside,
    /// In a jail of the kernel's.
    Native,
    /// In an rjail.
    Both,
    /// In an rjail without a `struct prison`.
    Label,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It was done.
    Done,
    /// It failed.
    No(i32),
    /// It named something outside.
    Out,
    /// It came to the jail's root.
    Root,
    /// It came to something beneath.
    Within,
    /// So many.
    Count(i64),
}
use Seen::{Count, Done, No, Out, Root, Within};

impl From<Result<()>> for Seen {
    fn from(result: Result<()>) -> Self {
        match result {
            Ok(()) => Done,
            Err(Error(errno)) => No(errno),
        }
    }
}

/// Gives up with an errno.
macro_rules! tried {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err($crate::sys::Error(errno)) => return $crate::escape::Seen::No(errno),
        }
    };
}
use tried;

/// What an attempt has at hand.
#[derive(Clone, Copy)]
struct Scene {
    place: Where,
    flags: u32,
    outside: [FileId; 6],
    root: FileId,
    neighbour: i32,
}

impl Scene {
    /// Makes the directories, and remembers who is who.
    fn build(place: Where, flags: u32, neighbour: i32) -> Result<Self> {
        match sys::mkdir(TOP, 0o755) {
            Err(Error(EEXIST)) => {}
            made => made?,
        }
        sys::nmount(c"tmpfs", TOP)?;
        for directory in [
            ROOT,
            c"/sibling/e/jail/d",
            c"/sibling/e/jail/d/deep",
            c"/sibling/e/jail/etc",
            c"/sibling/e/jail/dev",
            c"/sibling/e/jail/proc",
            c"/sibling/e/out",
            c"/sibling/e/out/child",
            c"/sibling/e/other",
        ] {
            sys::mkdir(directory, 0o755)?;
        }
        for file in [c"/sibling/e/secret", c"/sibling/e/out/file", c"/sibling/e/jail/file"] {
            let fd = sys::open(file, 0x0201, 0o644)?;
            sys::write(fd, b"text\n")?;
            sys::close(fd)?;
        }
        let mut outside = [(0, 0); 6];
        let names =
            [TOP, c"/", c"/sibling", c"/sibling/e/out", c"/sibling/e/secret", c"/sibling/e/other"];
        for (id, name) in outside.iter_mut().zip(names) {
            *id = sys::file_id(name)?;
        }
        Ok(Self { place, flags, outside, root: sys::file_id(ROOT)?, neighbour })
    }

    /// Into the jail, or only to where its root is.
    fn enter(&self) -> Result<()> {
        self.enter_at(ROOT)
    }

    fn enter_at(&self, root: &CStr) -> Result<()> {
        match self.place {
            Where::Outside => sys::chdir(root),
            Where::Native => match self.flags & (STATFS_ALL | STATFS_BELOW) {
                0 => Kind::Native.enter(root, c"escape.example", JAIL_ADDR),
                STATFS_BELOW => sys::jail_set_and_enter(root, 1, &[]),
                _ => sys::jail_set_and_enter(root, 0, &[]),
            },
            Where::Both | Where::Label => {
                let mut args = Args::new(root, c"escape.example", const { &[JAIL_ADDR] });
                args = args.with_flags(self.flags);
                args.enter().map(drop)
            }
        }
    }

    fn is_jailed(&self) -> bool {
        self.place != Where::Outside
    }

    fn who(&self, id: FileId) -> Seen {
        if id == self.root {
            Root
        } else if self.outside.contains(&id) {
            Out
        } else {
            Within
        }
    }

    /// What a name leads to.
    fn at(&self, path: &CStr) -> Seen {
        self.from(AT_FDCWD, path)
    }

    /// What a name leads to, from a descriptor.
    fn from(&self, fd: i32, path: &CStr) -> Seen {
        match id_at(fd, path) {
            Ok(id) => self.who(id),
            Err(Error(errno)) => No(errno),
        }
    }

    /// Climbs as far as it goes.
    fn climb(&self) -> Seen {
        for _ in 0..20 {
            tried!(sys::chdir(c".."));
        }
        self.at(c".")
    }

    /// Enters, then takes a descriptor that a process outside opens and passes
    /// over a socket from before.
    fn received(&self, open: impl FnOnce() -> Result<i32>) -> Result<i32> {
        let [theirs, ours] = sys::socketpair()?;
        if sys::fork()? == 0 {
            let _ = sys::alarm(20);
            let _ = sys::close(ours);
            let _ = sys::read(theirs, &mut [0]);
            let _ = open().and_then(|fd| sys::pass(theirs, fd));
            sys::exit(0);
        }
        sys::close(theirs)?;
        self.enter()?;
        sys::write(ours, &[0])?;
        sys::take(ours)
    }

    /// The same for a directory.
    fn received_directory(&self, path: &CStr) -> Result<i32> {
        self.received(|| sys::open(path, O_DIRECTORY, 0))
    }
}

/// A process that stays outside and does something when it is told to. A jailed
/// process cannot wait for it, but hears it close a pipe.
struct Helper {
    go: i32,
    done: i32,
}

impl Helper {
    fn start(work: impl FnOnce()) -> Result<Self> {
        let [wait, go] = sys::pipe()?;
        let [done, at_end] = sys::pipe()?;
        if sys::fork()? == 0 {
            let _ = sys::alarm(30);
            let _ = sys::close(go);
            let _ = sys::read(wait, &mut [0]);
            work();
            sys::exit(0);
        }
        sys::close(wait)?;
        sys::close(at_end)?;
        Ok(Self { go, done })
    }

    /// Lets it work.
    fn go(self) -> Result<Working> {
        sys::close(self.go)?;
        Ok(Working(self.done))
    }

    /// Lets it work, to its end.
    fn finish(self) -> Result<()> {
        self.go()?.finish()
    }
}

/// A helper at work.
struct Working(i32);

impl Working {
    /// Waits for its end.
    fn finish(self) -> Result<()> {
        sys::read(self.0, &mut [0]).map(drop)
    }
}

/// Which file a name is, from a descriptor.
fn id_at(fd: i32, path: &CStr) -> Result<FileId> {
    let mut stat = [0_u64; 28];
    get!(FSTATAT, fd, path, &mut stat, 0)?;
    Ok((stat[0], stat[1]))
}

/// An attempt, and what must come of it.
struct Attempt {
    /// The row of the catalogue of escapes.
    row: &'static str,
    what: &'static str,
    /// What the jail is made with.
    flags: u32,
    run: fn(&Scene) -> Seen,
    outside: Seen,
    inside: Seen,
    label: Seen,
    native: Seen,
}

/// Outside this comes of it, inside that.
const fn attempt(
    row: &'static str,
    what: &'static str,
    outside: Seen,
    inside: Seen,
    run: fn(&Scene) -> Seen,
) -> Attempt {
    Attempt { row, what, flags: PAPER, run, outside, inside, label: inside, native: inside }
}

impl Attempt {
    /// In a jail that is made with these flags as well.
    const fn with(mut self, flags: u32) -> Self {
        self.flags |= flags;
        self
    }

    /// With the label alone this.
    const fn label(mut self, seen: Seen) -> Self {
        self.label = seen;
        self
    }

    /// In a native jail this.
    const fn native(mut self, seen: Seen) -> Self {
        self.native = seen;
        self
    }

    const fn wanted(&self, place: Where) -> Seen {
        match place {
            Where::Outside => self.outside,
            Where::Native => self.native,
            Where::Both => self.inside,
            Where::Label => self.label,
        }
    }
}

/// The classes.
pub const CLASSES: &[Program] = &[
    class("escape_roots", 120, |context| play(context, roots::ATTEMPTS)),
    class("escape_descriptors", 120, |context| play(context, descriptors::ATTEMPTS)),
    class("escape_passed", 120, |context| play(context, passed::ATTEMPTS)),
    class("escape_entry", 120, |context| play(context, entry::ATTEMPTS)),
    class("escape_names", 120, |context| play(context, names::ATTEMPTS)),
    class("escape_mounts", 120, |context| play(context, mounts::ATTEMPTS)),
    class("escape_files", 120, |context| play(context, files::ATTEMPTS)),
    Program { needs: Some(stacked::MODULES[0]), ..class("escape_stacked", 120, stacked::play) },
];

/// Those that are about who is faster, on two processors.
pub const RACES: &[Program] =
    &[class("escape_races", 240, |context| play(context, races::ATTEMPTS))];

const fn class(name: &'static str, seconds: i64, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds, run, needs: None }
}

fn play(context: &Context, attempts: &[Attempt]) -> Outcome {
    let inside = match sys::sysctl_number("security.rjail.second_line") {
        Err(_) => Where::Native,
        Ok(0) => Where::Label,
        Ok(_) => Where::Both,
    };
    // Orphans come here, where they are waited for: a zombie keeps its jail.
    const REAP_ACQUIRE: i32 = 2;
    let own = sys::getpid().unwrap_or(0);
    if let Err(error) = get!(PROCCTL, 0, own, REAP_ACQUIRE, 0_usize) {
        return Err(Text::of(format_args!("procctl: {error:?}")));
    }
    let mut wrong = 0;
    for attempt in attempts {
        for place in [Where::Outside, inside] {
            let seen = play_one(context, attempt, place);
            let Attempt { row, what, .. } = attempt;
            say!("ESCAPE {row} | {what} | {place:?} | {seen:?}");
            let wanted: Result<core::result::Result<Seen, sys::Status>> =
                Ok(Ok(attempt.wanted(place)));
            if seen != wanted {
                say!("    # {row} {what}, {place:?}: {seen:?}, wanted {wanted:?}");
                wrong += 1;
            }
        }
    }
    say!("    # {} attempts, outside and inside", attempts.len());
    if wrong == 0 { Ok(()) } else { Err(Text::of(format_args!("{wrong} came to something else"))) }
}

fn play_one(
    context: &Context,
    attempt: &Attempt,
    place: Where,
) -> Result<core::result::Result<Seen, sys::Status>> {
    let scene = Scene::build(place, attempt.flags, context.world.neighbour)?;
    let seen = in_child(|| (attempt.run)(&scene));
    leave()?;
    seen
}

/// Unmounts all that an attempt left mounted; not by force. Processes and jails
/// may take a moment to go.
fn leave() -> Result<()> {
    let deadline = sys::uptime() + 10_000;
    let mut left = Ok(());
    // Where the attempt was not in an rjail it is not there, or off.
    let _ = sys::sysctl_write(CROSSING, 0);
    // 15.1's vfs_unp_reclaim(), at the end of a nullfs mount, follows a socket bound below
    // that a process may be closing: all are gone first.
    while sys::reap() && sys::uptime() + 3000 < deadline {
        sys::pause(5);
    }
    // A terminal that is gone keeps its maker's credential, and so a jail with its root, where
    // devfs still has its name: until somebody looks there.
    let look = || {
        let _ = sys::file_id(c"/dev/null");
    };
    while sys::uptime() < deadline {
        sys::reap();
        look();
        for mount in MOUNTS {
            let _ = sys::unmount(mount, 0);
        }
        left = sys::unmount(TOP, 0);
        if left.is_ok() {
            break;
        }
        sys::pause(10);
    }
    // A process lets go of its directories first, and is a zombie after that.
    while sys::sysctl_number("security.rjail.jails").is_ok_and(|jails| jails != 0) {
        if sys::uptime() > deadline {
            return Err(Error(EBUSY));
        }
        sys::reap();
        look();
        sys::pause(10);
    }
    left
}
