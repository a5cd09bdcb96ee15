// SPDX-License-Identifier: BSD-2-Clause
//! The other ways from one process to another: across an entry, by lists, by
//! procfs(5) and linprocfs(5), by core dumps, by requests and locks that several
//! can see, by sets of processors.

use core::ffi::CStr;

use cases::world::JAIL_ADDR;

use super::learn::{FILE, PROCESS, ROOM, others};
use super::{Party, early, int, jails_gone};
use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EBUSY, ECHILD, EEXIST, ENOENT, EOPNOTSUPP, EPERM, ESRCH, ETIMEDOUT};
use crate::jail::Kind;
use crate::privileges::calls::{ask, get};
use crate::privileges::errno;
use crate::programs::{Context, Outcome};
use crate::say;
use crate::sys::{self, Error, Result, Shared, Status};
use crate::world::{JAIL_NAME, JAIL_ROOT, PROGRAM, PROGRAM_IN_JAIL};

/// Where somebody is, with the jail's root as working directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    Native,
    Jail,
}

impl Place {
    const ALL: [Self; 3] = [Self::Outside, Self::Native, Self::Jail];

    fn enter(self) -> Result<()> {
        match self {
            Self::Outside => sys::chdir(JAIL_ROOT),
            Self::Native => Kind::Native.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR),
            Self::Jail => Kind::Rjail.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR),
        }
    }

    fn party(self) -> Result<Party> {
        Party::start(|| self.enter())
    }
}

/// A child that waits to be killed.
pub fn idle() -> Result<i32> {
    let child = sys::fork()?;
    if child == 0 {
        let _ = sys::alarm(60);
        loop {
            sys::pause(1000);
        }
    }
    Ok(child)
}

const WNOHANG: i32 = 1;

const PROC_REAP_ACQUIRE: i32 = 2;

/// What a process can do with a child of its own.
fn on_child(child: i32) -> [i32; 9] {
    const PT_ATTACH: i32 = 10;
    const PROC_REAP_KILL: i32 = 6;
    // Every descendant, with no signal.
    let mut kill = [0_u32; 32];
    [
        errno(sys::kill(child, 0)),
        errno(sys::getpgid(child)),
        ask!(SETPRIORITY, 0, child, 0),
        ask!(SETPGID, child, 0),
        errno(sys::wait(child, WNOHANG)),
        errno(sys::wait(-1, WNOHANG)),
        errno(sys::ptrace(PT_ATTACH, child, 0, 0)),
        // Signal 16, SIGURG, which nobody minds.
        {
            kill[0] = 16;
            ask!(PROCCTL, 0, 0, PROC_REAP_KILL, &mut kill)
        },
        errno(sys::kill(-child, 0)),
    ]
}

/// A process, reaper of its descendants, and its child, of whom one enters.
fn family(kind: Kind, child_enters: bool) -> Result<[i32; 11]> {
    let enter = || kind.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR);
    let [entered, say_so] = sys::pipe()?;
    let [wait, go] = sys::pipe()?;
    let answers = Shared::new([-1; 11])?;
    let child = Shared::new(0)?;
    let parent = sys::fork()?;
    if parent == 0 {
        let _ = sys::alarm(30);
        let work = || -> Result<[i32; 11]> {
            get!(PROCCTL, 0, 0, PROC_REAP_ACQUIRE, 0)?;
            let up = Shared::new([-1; 2])?;
            let me = sys::getpid()?;
            let pid = sys::fork()?;
            if pid == 0 {
                let _ = sys::alarm(30);
                let there = if child_enters { enter() } else { Ok(()) };
                sys::setpgid(0, 0)?;
                let _ = sys::write(say_so, &[u8::from(there.is_err())]);
                let _ = sys::read(wait, &mut [0]);
                up.set([errno(sys::kill(me, 0)), errno(sys::getpgid(me))]);
                let _ = sys::write(say_so, &[0]);
                loop {
                    sys::pause(1000);
                }
            }
            child.set(pid);
            let mut failed = [1];
            sys::read(entered, &mut failed)?;
            if failed != [0] {
                return Err(Error(-1));
            }
            if !child_enters {
                enter()?;
            }
            sys::write(go, &[0])?;
            sys::read(entered, &mut failed)?;
            let mut all = [0; 11];
            all[..9].copy_from_slice(&on_child(pid));
            all[9..].copy_from_slice(&up.get());
            Ok(all)
        };
        answers.set(work().unwrap_or_else(|Error(number)| [number; 11]));
        sys::exit(0);
    }
    let (_, status) = sys::wait(parent, 0)?;
    for end in [entered, say_so, wait, go] {
        sys::close(end)?;
    }
    // It has come to this process, a reaper too.
    sys::kill(child.get(), 9)?;
    sys::wait(child.get(), 0)?;
    if status == Status::Exited(0) { Ok(answers.get()) } else { Err(Error(-2)) }
}

/// A process enters; its parent, or its child, does not.
pub fn entry(_: &Context) -> Outcome {
    early("a reaper", get!(PROCCTL, 0, 0, PROC_REAP_ACQUIRE, 0))?;
    for kind in [Kind::Native, Kind::Rjail] {
        // From above it is a process like any other, but for what it no longer sees.
        let above = [0, 0, 0, 0, 0, 0, 0, 0, 0, ESRCH, ESRCH];
        want!("the child inside, its parent outside", family(kind, true), Ok(above));
        let below = [ESRCH, ESRCH, ESRCH, ESRCH, ECHILD, ECHILD, ESRCH, ESRCH, ESRCH, 0, 0];
        want!("the parent inside, its child outside", family(kind, false), Ok(below));
    }
    jails_gone()
}

/// A way to ask for processes: the kind, and what it is asked with.
type Form = (&'static str, i32, fn(i32, i32) -> i32);

const FORMS: [Form; 9] = [
    ("all", 0, |_, _| 0),
    ("by number", 1, |pid, _| pid),
    ("by group", 2, |pid, _| pid),
    ("by session", 3, |pid, _| pid),
    ("by effective user", 5, |_, user| user),
    ("by user", 6, |_, user| user),
    ("without threads", 8, |_, _| 0),
    ("by real group of users", 10, |_, user| user),
    ("by group of users", 11, |_, user| user),
];

/// How many others a form shows: which, whose number, whether thread by thread.
fn look([form, pid, threads, own]: [i64; 4]) -> i64 {
    const INC_THREAD: i32 = 0x10;
    let Some((_, kind, argument)) = usize::try_from(form).ok().and_then(|form| FORMS.get(form))
    else {
        return -1;
    };
    let Ok(room) = sys::allocate(ROOM) else { return -2 };
    let kind = kind | if threads == 1 { INC_THREAD } else { 0 };
    let name = [1, 14, kind, argument(int(pid), 0)];
    let name = if kind & !INC_THREAD == 0 { &name[..3] } else { &name[..] };
    let list = sys::sysctl(name, room, None).map(|length| &room[..length]);
    let seen = others(list, PROCESS.0, PROCESS.1, [int(own), int(own)]);
    // Nobody, and nobody to be seen.
    if seen == -i64::from(ESRCH) { 0 } else { seen }
}

/// Lists of files, of memory with names, of terminals: how many are not the jail's.
fn objects([which, own, ..]: [i64; 4]) -> i64 {
    const LISTS: [&str; 3] = ["kern.file", "kern.ipc.posix_shm_list", "kern.ttys"];
    let Some(list) = usize::try_from(which).ok().and_then(|which| LISTS.get(which)) else {
        return -1;
    };
    let Ok(room) = sys::allocate(ROOM) else { return -2 };
    let length = match sys::sysctl_named(list, room, None) {
        Ok(length) => length,
        Err(Error(number)) => return -i64::from(number),
    };
    match which {
        0 => others(Ok(&room[..length]), FILE.0, FILE.1, [int(own), int(own)]),
        _ => length as i64,
    }
}

/// Every list, by every form, outside and inside.
pub fn lists(_: &Context) -> Outcome {
    let host = early("a process outside", Party::outside())?;
    let object = early("memory with a name", sys::shm_open(c"/a.name.of.the.host"))?;
    let mut wrong = 0;
    for place in Place::ALL {
        let subject = early("who looks", place.party())?;
        for (form, (what, kind, _)) in FORMS.iter().enumerate() {
            // All of all threads is no form.
            for threads in 0..if *kind == 0 { 1 } else { 2 } {
                let pid = i64::from(host.pid);
                let seen = subject.ask(look, [form as i64, pid, threads, subject.pid.into()]);
                let good = if place == Place::Outside { seen > 0 } else { seen == 0 };
                if !good {
                    say!("    # {place:?}: {what}, threads {threads}: {seen} others");
                    wrong += 1;
                }
            }
        }
        for which in 0..3 {
            let seen = subject.ask(objects, [which, subject.pid.into(), 0, 0]);
            // There is no terminal here, but where another test has left one.
            let good = if place == Place::Outside { seen > 0 || which == 2 } else { seen == 0 };
            if !good {
                say!("    # {place:?}: list {which}: {seen}");
                wrong += 1;
            }
        }
        drop(subject);
    }
    early("its end", sys::close(object).and_then(|()| sys::shm_unlink(c"/a.name.of.the.host")))?;
    drop(host);
    want!("lists that told", wrong, 0);
    jails_gone()
}

/// Files of a process in procfs(5), which root opens of whom it sees.
const FILES: [&str; 8] = ["status", "cmdline", "map", "mem", "regs", "rlimit", "etype", "osrel"];
/// The same of linprocfs(5).
const LINUX_FILES: [&str; 8] =
    ["status", "cmdline", "maps", "mem", "environ", "stat", "limits", "statm"];

fn path(text: &Text<64>) -> &CStr {
    CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default()
}

/// Opens a file of a process, and reads it: which files, which one, whose.
fn file_of([linux, file, pid, _]: [i64; 4]) -> i64 {
    let files = if linux == 1 { &LINUX_FILES } else { &FILES };
    let Some(file) = usize::try_from(file).ok().and_then(|file| files.get(file)) else { return -1 };
    let name = Text::<64>::of(format_args!("proc/{pid}/{file}\0"));
    let opened = sys::open(path(&name), 0, 0).and_then(|fd| {
        // At address 0 there is no memory, only who is stopped has registers, and there
        // is no environment.
        let read = if ["mem", "regs", "environ"].contains(file) {
            Ok(0)
        } else {
            sys::read(fd, &mut [0; 512])
        };
        sys::close(fd)?;
        read
    });
    i64::from(errno(opened))
}

/// How many processes the directory shows that are not this one.
fn shown([own, ..]: [i64; 4]) -> i64 {
    let mut bytes = [0_u8; 4096];
    let Ok(fd) = sys::open(c"proc", 0x0002_0000, 0) else { return -1 };
    let mut count = 0;
    while let Ok(length) = get!(GETDIRENTRIES, fd, &mut bytes, 4096, 0) {
        if length == 0 {
            break;
        }
        let mut rest = &bytes[..length];
        while let Some(entry) = rest.get(16..18) {
            let size = usize::from(u16::from_le_bytes([entry[0], entry[1]])).max(24);
            let name = rest.get(24..size.min(rest.len())).unwrap_or_default();
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            let number = core::str::from_utf8(name).ok().and_then(|name| name.parse::<i64>().ok());
            count += i64::from(number.is_some_and(|number| number != own));
            rest = rest.get(size..).unwrap_or_default();
        }
    }
    let _ = sys::close(fd);
    count
}

const PROC: &CStr = c"/jail/proc";

/// One of the two file systems, mounted in the jail by the host.
fn mounted(kind: &CStr, linux: i64) -> Outcome {
    early("a directory", sys::mkdir(PROC, 0o755))?;
    early("a mount", sys::nmount(kind, PROC))?;
    let host = early("a process outside", Party::outside())?;
    let sibling = early("another jail", Party::sibling(Kind::Rjail))?;
    let mut wrong = 0;
    for place in Place::ALL {
        let subject = early("who looks", place.party())?;
        let hidden = if place == Place::Outside { 0 } else { ENOENT };
        for (whose, wanted) in [(subject.pid, 0), (host.pid, hidden), (sibling.pid, hidden)] {
            for file in 0..FILES.len() as i64 {
                let got = subject.ask(file_of, [linux, file, whose.into(), 0]);
                if got != i64::from(wanted) {
                    say!("    # {place:?}: file {file} of {whose}: {got}, wanted {wanted}");
                    wrong += 1;
                }
            }
        }
        let count = subject.ask(shown, [subject.pid.into(), 0, 0, 0]);
        if (count > 0) != (place == Place::Outside) || count < 0 {
            say!("    # {place:?}: {count} others in the directory");
            wrong += 1;
        }
        drop(subject);
    }
    drop(sibling);
    drop(host);
    jails_gone()?;
    early("unmount", sys::unmount(PROC, 0))?;
    early("rmdir", get!(RMDIR, PROC))?;
    want!("files that told", wrong, 0);
    Ok(())
}

/// procfs(5), mounted in the jail.
pub fn procfs(_: &Context) -> Outcome {
    mounted(c"procfs", 0)
}

/// The modules that linprocfs(5) is in.
const LINUX: [&CStr; 2] = [c"/rjail/linux_common.ko", c"/rjail/linprocfs.ko"];
/// The last of them.
pub const LINPROCFS: &CStr = LINUX[1];

/// linprocfs(5), mounted in the jail.
pub fn linprocfs(_: &Context) -> Outcome {
    let mut loaded = [None; 2];
    for (module, id) in LINUX.iter().zip(&mut loaded) {
        *id = match sys::kldload(module) {
            Err(Error(EEXIST)) => None,
            other => Some(early("kldload", other)?),
        };
    }
    let outcome = mounted(c"linprocfs", 1);
    for id in loaded.into_iter().rev().flatten() {
        match sys::kldunload(id) {
            // It is one that stays.
            Err(Error(EOPNOTSUPP | EBUSY)) => {}
            other => early("kldunload", other)?,
        }
    }
    outcome
}

/// As which argument this program ends itself.
pub const CRASH: &CStr = c"crash";

/// Ends itself with a signal that leaves a core.
pub fn crash() -> i32 {
    const SIGSEGV: i32 = 11;
    let ended = sys::getpid().and_then(|me| sys::kill(me, SIGSEGV));
    errno(ended)
}

/// A process goes to its place, and there, or in a program that it executes there,
/// ends with a core: whether this file is there afterwards.
fn leaves(place: Place, executes: bool, file: &CStr) -> core::result::Result<bool, Text<160>> {
    let _ = sys::unlink(file);
    let ended = in_child(|| {
        place.enter()?;
        if executes {
            let program = if place == Place::Outside { PROGRAM } else { PROGRAM_IN_JAIL };
            sys::execve(program, CRASH)?;
        }
        let _ = crash();
        Err::<(), _>(Error(-1))
    });
    if ended != Ok(Err(Status::Killed(11))) {
        return Err(Text::of(format_args!("{place:?}: it ended {ended:?}")));
    }
    Ok(sys::file_id(file).is_ok() && sys::unlink(file).is_ok())
}

/// Where a core goes: by the machine's pattern, with the jail's name, in the jail's
/// root; and none of a process that has come into a jail.
pub fn cores(_: &Context) -> Outcome {
    const PATTERN: &str = "kern.corefile";
    const OUTSIDE: &CStr = c"/jail/dir/machine.example.core";
    const INSIDE: &CStr = c"/jail/dir/inside.example.core";
    let mut old = [0; 256];
    let length = early("the pattern", sys::sysctl_named(PATTERN, &mut old, None))?;
    let pattern = |to: &[u8]| early("a pattern", sys::sysctl_named(PATTERN, &mut [], Some(to)));
    // The console is read by somebody who takes such news for bad.
    early("no news", sys::sysctl_write("kern.logsigexit", 0))?;
    pattern(b"/jail/dir/%H.core\0")?;
    let outside = [leaves(Place::Outside, false, OUTSIDE)?, leaves(Place::Outside, true, OUTSIDE)?];
    want!("outside, and in a program", outside, [true, true]);
    // Inside there is no such directory.
    for place in [Place::Native, Place::Jail] {
        let got = [leaves(place, false, INSIDE)?, leaves(place, true, INSIDE)?];
        want!("by a path of outside", got, [false, false]);
    }
    pattern(b"/dir/%H.core\0")?;
    for place in [Place::Native, Place::Jail] {
        let got = [leaves(place, false, INSIDE)?, leaves(place, true, INSIDE)?];
        want!("as it came in, and in a program", got, [false, true]);
    }
    early("cores of all", sys::sysctl_write("kern.sugid_coredump", 1))?;
    for place in [Place::Native, Place::Jail] {
        want!("as it came in, allowed", leaves(place, false, INSIDE)?, true);
    }
    early("cores of some", sys::sysctl_write("kern.sugid_coredump", 0))?;
    pattern(&old[..length])?;
    early("news", sys::sysctl_write("kern.logsigexit", 1))?;
    for place in [Place::Native, Place::Jail] {
        let changed = in_child(|| {
            place.enter()?;
            sys::sysctl_named(PATTERN, &mut [], Some(b"/x\0"))?;
            Ok(())
        });
        want!("the pattern changed inside", changed, Ok(Ok(Err(Error(EPERM)))));
    }
    jails_gone()
}

/// Waits on a word of memory, at most so many milliseconds: 0 or the errno.
fn wait_on(word: usize, private: bool, milliseconds: i64) -> i32 {
    const WAIT_UINT: i32 = 11;
    const WAIT_UINT_PRIVATE: i32 = 15;
    let operation = if private { WAIT_UINT_PRIVATE } else { WAIT_UINT };
    let time = [0, milliseconds * 1_000_000];
    ask!(UMTX_OP, word, operation, 0, 16, &time)
}

/// Wakes all who wait on it.
fn wake(word: usize, private: bool) -> i32 {
    const WAKE: i32 = 3;
    const WAKE_PRIVATE: i32 = 16;
    ask!(UMTX_OP, word, if private { WAKE_PRIVATE } else { WAKE }, i32::MAX, 0, 0)
}

/// A process outside waits on a word, one inside wakes who waits at that address:
/// whether the former was woken.
fn woken(place: Place, private: bool) -> Result<bool> {
    let word = Shared::new([0_u32; 1])?;
    let (at, answer) = (word.address(), Shared::new(-1)?);
    let waits = sys::fork()?;
    if waits == 0 {
        answer.set(wait_on(at, private, 700));
        sys::exit(0);
    }
    let woke = in_child(|| {
        place.enter()?;
        // It may not wait yet.
        for _ in 0..10 {
            sys::pause(30);
            let _ = wake(at, private);
        }
        Ok::<(), Error>(())
    });
    sys::wait(waits, 0)?;
    if woke != Ok(Ok(Ok(()))) {
        return Err(Error(-1));
    }
    match answer.get() {
        0 => Ok(true),
        ETIMEDOUT => Ok(false),
        number => Err(Error(number)),
    }
}

/// Requests and locks: another's request of the same descriptor is not to be
/// cancelled; who waits at the same address is somebody else, but for memory that
/// both have.
pub fn requests(_: &Context) -> Outcome {
    for place in Place::ALL {
        want!("woken by way of shared memory", woken(place, false), Ok(true));
        want!("woken by a private address", woken(place, true), Ok(false));
    }
    for place in [Place::Native, Place::Jail] {
        want!("AIO of outside, cancelled inside", cancelled(place), Ok([3, 36, 1]));
    }
    let outside = early("a number", sys::getpid())?.cast_unsigned();
    for place in Place::ALL {
        want!("mutexes of who has died", died_with(place), Ok([OWNER_DEAD, outside]));
    }
    jails_gone()
}

/// `UMUTEX_RB_OWNERDEAD`.
const OWNER_DEAD: u32 = 0x8000_0010;

/// Who has a list of robust mutexes (`UMTX_OP_ROBUST_LISTS`) dies: of two in memory that
/// is shared, what becomes of its own and of one whose owner is a process outside.
fn died_with(place: Place) -> Result<[u32; 2]> {
    const ROBUST_LISTS: i32 = 26;
    const SHARED_ROBUST: u64 = 0x11;
    // `struct umutex`: owner and flags, ceilings, the next one, spare.
    let mutexes = Shared::new([[0_u64; 4]; 2])?;
    let head = Shared::new([mutexes.address(), 0, 0])?;
    let theirs = sys::getpid()?;
    let died = in_child(|| {
        place.enter()?;
        let mut own = [0_u64; 1];
        get!(THR_SELF, &mut own)?;
        let next = mutexes.address() + size_of::<[u64; 4]>();
        let mutex = |owner: u64, next: usize| [owner | SHARED_ROBUST << 32, 0, next as u64, 0];
        mutexes.set([mutex(own[0], next), mutex(u64::from(theirs.cast_unsigned()), 0)]);
        let at = head.address();
        get!(UMTX_OP, 0_usize, ROBUST_LISTS, 24_usize, &[at, at + 8, at + 16], 0_usize)
    });
    died?.unwrap_or(Err(Error(-1)))?;
    Ok(mutexes.get().map(|[first, ..]| u32::try_from(first & 0xffff_ffff).unwrap_or(0)))
}

/// A read of a socket begun outside; inside aio_cancel(2) of the same socket. What
/// it says (3: there is none), how the read stands (`EINPROGRESS`), and what
/// cancelling outside says then (1: it was).
fn cancelled(place: Place) -> Result<[i32; 3]> {
    let [from, to] = sys::socketpair()?;
    let control = Shared::new([0_u64; 20])?;
    let bytes = Shared::new([0_u8; 16])?;
    // `struct aiocb`: the descriptor, where in the file, where to, how much.
    let mut block = [0_u64; 20];
    block[0] = u64::try_from(from).unwrap_or(0);
    (block[2], block[3]) = (bytes.address() as u64, 16);
    control.set(block);
    get!(AIO_READ, control.address())?;
    let inside = in_child(|| {
        place.enter()?;
        get!(AIO_CANCEL, from, 0).map(|value| int(value as i64))
    });
    let inside = inside?.unwrap_or(Err(Error(-1)))?;
    let standing = get!(AIO_ERROR, control.address())?;
    let ended = get!(AIO_CANCEL, from, 0)?;
    let _ = get!(AIO_RETURN, control.address());
    sys::close(from).and(sys::close(to))?;
    Ok([inside, int(standing as i64), int(ended as i64)])
}

/// Sets of processors by number: the machine's own, another jail's, one's own.
pub fn sets(_: &Context) -> Outcome {
    const LEVEL_ROOT: i32 = 1;
    const LEVEL_CPUSET: i32 = 2;
    const LEVEL_WHICH: i32 = 3;
    const WHICH_PID: i32 = 2;
    const WHICH_CPUSET: i32 = 3;
    const WHICH_JAIL: i32 = 5;
    const MASK: i32 = 128;
    /// The number of the set of a process: its own, or the root's.
    fn set_of([pid, level, ..]: [i64; 4]) -> i64 {
        let mut id = [0_i32; 1];
        let asked = get!(CPUSET_GETID, int(level), WHICH_PID, int(pid), &mut id);
        asked.map_or_else(|Error(number)| -i64::from(number), |_| i64::from(id[0]))
    }
    fn by_number([id, ..]: [i64; 4]) -> i64 {
        let mut mask = [0_u8; 128];
        let looked = ask!(CPUSET_GETAFFINITY, LEVEL_WHICH, WHICH_CPUSET, int(id), MASK, &mut mask);
        let joined = ask!(CPUSET_SETID, WHICH_PID, -1, int(id));
        i64::from(looked) * 1000 + i64::from(joined)
    }
    fn of_jail([jid, ..]: [i64; 4]) -> i64 {
        let mut mask = [0_u8; 128];
        let get = ask!(CPUSET_GETAFFINITY, LEVEL_WHICH, WHICH_JAIL, int(jid), MASK, &mut mask);
        let id = ask!(CPUSET_GETID, LEVEL_CPUSET, WHICH_JAIL, int(jid), &mut [0_i32; 1]);
        i64::from(get) * 1000 + i64::from(id)
    }
    let host = early("a process outside", Party::outside())?;
    let hosts = host.ask(set_of, [-1, LEVEL_CPUSET.into(), 0, 0]);
    want!("the host's set", hosts > 0, true);
    want!("by its number, outside", host.ask(by_number, [hosts, 0, 0, 0]), 0);
    for kind in [Kind::Native, Kind::Rjail] {
        let sibling = early("another jail", Party::sibling(kind))?;
        let subject = early("a jail", Party::inside(kind))?;
        let theirs = host.ask(set_of, [sibling.pid.into(), LEVEL_ROOT.into(), 0, 0]);
        let own = host.ask(set_of, [subject.pid.into(), LEVEL_ROOT.into(), 0, 0]);
        want!("their own sets", own != theirs && own > 0 && theirs > 0 && own != hosts, true);
        let hidden = i64::from(ESRCH) * 1001;
        let asked = [hosts, theirs, 99_999].map(|id| subject.ask(by_number, [id, 0, 0, 0]));
        want!("sets of others, and of nobody", asked, [hidden; 3]);
        // Its root set is its own to look at; it is in it already.
        want!("its own", subject.ask(by_number, [own, 0, 0, 0]), 0);
        if kind == Kind::Rjail {
            let jid = |_: [i64; 4]| sys::sysctl_number("security.rjail.jid").unwrap_or(-1);
            let jid = sibling.ask(jid, [0; 4]);
            let jails = [jid, 99_999].map(|jid| subject.ask(of_jail, [jid, 0, 0, 0]));
            want!("by another jail, and by none", jails, [hidden; 2]);
        }
        drop(subject);
        drop(sibling);
    }
    drop(host);
    jails_gone()
}

/// In a session that was begun outside: its groups, its terminal, its owner of
/// signals. What a process inside can do to a group of the session outside, and to
/// one of its own.
fn in_session(place: Place) -> Result<[i32; 5]> {
    let answers = in_child(|| -> Result<[i32; 5]> {
        const F_SETOWN: i32 = 6;
        sys::setsid()?;
        let outside = idle()?;
        sys::setpgid(outside, outside)?;
        let [from, to] = sys::pipe()?;
        let inside = in_child(|| -> Result<[i32; 5]> {
            place.enter()?;
            sys::setpgid(0, 0)?;
            let me = sys::getpid()?;
            let child = idle()?;
            let answers = [
                ask!(SETPGID, 0, outside),
                ask!(SETPGID, child, me),
                ask!(FCNTL, from, F_SETOWN, outside),
                ask!(FCNTL, from, F_SETOWN, -outside),
                ask!(FCNTL, from, F_SETOWN, -me),
            ];
            sys::kill(child, 9)?;
            sys::wait(child, 0)?;
            Ok(answers)
        })?;
        sys::close(from).and(sys::close(to))?;
        sys::kill(outside, 9)?;
        sys::wait(outside, 0)?;
        inside.unwrap_or(Err(Error(-1)))
    })?;
    answers.unwrap_or(Err(Error(-2)))
}

/// A session that is shared with outside.
pub fn session(_: &Context) -> Outcome {
    want!("outside", in_session(Place::Outside), Ok([0; 5]));
    want!("in a native jail", in_session(Place::Native), Ok([0; 5]));
    want!("in a jail", in_session(Place::Jail), Ok([EPERM, 0, ESRCH, ESRCH, 0]));
    jails_gone()
}

/// How this program's argument begins when it is to look for somebody.
const LOOK: &[u8] = b"look-for-";

/// What the kernel says of a process's number, where it asks no hook, as an exit
/// status; nothing if that is not what is wanted.
pub fn look_for(argument: &CStr) -> Option<i32> {
    let digits = argument.to_bytes().strip_prefix(LOOK)?;
    let pid: i32 = core::str::from_utf8(digits).ok()?.parse().ok()?;
    const OTHER: i32 = 2;
    Some(ask!(SCHED_SETSCHEDULER, pid, OTHER, &[0_i32]))
}

/// The calls of a child, of its child, and of the programs they execute, by name and
/// by descriptor, are settled as well.
pub fn descendants(_: &Context) -> Outcome {
    let host = early("a process outside", Party::outside())?;
    let argument = Text::<32>::of(format_args!("look-for-{}\0", host.pid));
    let argument = CStr::from_bytes_until_nul(argument.bytes()).unwrap_or_default();
    let by_name = || sys::execve(PROGRAM_IN_JAIL, argument);
    let by_descriptor = || {
        let program = sys::open(PROGRAM_IN_JAIL, 0, 0)?;
        let vector = [sys::address_of(PROGRAM_IN_JAIL), sys::address_of(argument), 0];
        get!(FEXECVE, program, &vector, &[0_usize]).map(drop)
    };
    let ways: [&dyn Fn() -> Result<()>; 2] = [&by_name, &by_descriptor];
    for (place, wanted) in [(Place::Native, EPERM), (Place::Jail, ESRCH)] {
        for execute in ways {
            let ended = in_child(|| {
                place.enter()?;
                let forked = in_child(|| look_for(argument));
                // A program that a program's child executes.
                let again = in_child(|| execute().err());
                if (forked, again) != (Ok(Ok(Some(wanted))), Ok(Err(Status::Exited(wanted)))) {
                    return Err(Error(-3));
                }
                execute()
            });
            want!("a child, a program's", ended, Ok(Err(Status::Exited(wanted))));
        }
    }
    drop(host);
    jails_gone()
}
