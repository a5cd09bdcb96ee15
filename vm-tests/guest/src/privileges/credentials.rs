// SPDX-License-Identifier: BSD-2-Clause
//! Credentials, processes, scheduling, jails and interprocess communication.

use core::ffi::CStr;

use cases::world::SIBLING_ADDR;

use super::calls::{ask, get, low};
use super::scene::{OTHER, Scene, USER, as_user, become_user};
use super::{Attempt, NOT_MADE, attempt, errno};
use crate::errno::{EACCES, EAGAIN, EINVAL, ENOENT, ENOMEM, ENOSYS, EPERM, ESRCH};
use crate::jail::{ALL_FLAGS, Kind};
use crate::sys::{self, Error, Result, address_of};
use crate::world::SIBLING_ROOT;

/// `RJAIL_SYSVIPC`.
const SYSVIPC: u32 = 0x08;
const PRIO_PROCESS: i32 = 0;
const PT_TRACE_ME: i32 = 0;
const PT_WRITE_D: i32 = 5;
const PT_KILL: i32 = 8;
const PT_ATTACH: i32 = 10;
const RTP_SET: i32 = 1;
const JAIL_UPDATE: i32 = 2;
const KTROP_CLEAR: i32 = 1;
const KTRFAC_USER: i32 = 0x80;
/// The new user or group of an attempt.
const NEW: u32 = 2000;

pub const ATTEMPTS: &[Attempt] = &[
    attempt("PRIV_CRED_SETUID", "setuid(2)", |_| errno(sys::setuid(NEW))).root(0),
    attempt("PRIV_CRED_SETEUID", "seteuid(2)", |_| ask!(SETEUID, NEW)).root(0),
    attempt("PRIV_CRED_SETREUID", "setreuid(2)", |_| ask!(SETREUID, NEW, NEW)).root(0),
    attempt("PRIV_CRED_SETRESUID", "setresuid(2)", |_| ask!(SETRESUID, NEW, NEW, NEW)).root(0),
    attempt("PRIV_CRED_SETGID", "setgid(2)", |_| ask!(SETGID, NEW)).root(0),
    attempt("PRIV_CRED_SETEGID", "setegid(2)", |_| ask!(SETEGID, NEW)).root(0),
    attempt("PRIV_CRED_SETREGID", "setregid(2)", |_| ask!(SETREGID, NEW, NEW)).root(0),
    attempt("PRIV_CRED_SETRESGID", "setresgid(2)", |_| ask!(SETRESGID, NEW, NEW, NEW)).root(0),
    attempt("PRIV_CRED_SETGROUPS", "setgroups(2)", |_| ask!(SETGROUPS, 1, &[NEW])).root(0),
    attempt("PRIV_CRED_SETCRED", "setcred(2) of the user id", |_| {
        const SETCREDF_UID: i32 = 1;
        let mut new = [0_u32; 12];
        new[0] = NEW;
        ask!(SETCRED, SETCREDF_UID, &new, 48)
    })
    .root(0),
    attempt("PRIV_DEBUG_DIFFCRED", "ptrace(PT_ATTACH) of another user's process", attach)
        .prepare(|scene| scene.start(|| become_user(OTHER)))
        .root(0),
    attempt("PRIV_DEBUG_SUGID", "ptrace(PT_ATTACH) of one that changed its user", attach)
        .prepare(|scene| {
            let user = scene.user();
            scene.start(|| {
                as_user(OTHER, || Ok(()))?;
                if user == 0 { Ok(()) } else { become_user(user) }
            })
        })
        .root(0),
    attempt("PRIV_DEBUG_DENIED", "ptrace(PT_ATTACH) of one that forbids it", attach).prepare(
        |scene| {
            scene.start(|| {
                const PROC_TRACE_CTL: i32 = 7;
                const DISABLE: i32 = 2;
                get!(PROCCTL, 0, sys::getpid()?, PROC_TRACE_CTL, &[DISABLE]).map(drop)
            })
        },
    ),
    attempt("PRIV_DEBUG_DIFFJAIL", "ptrace(PT_ATTACH) into a jail", attach)
        .before(in_another_jail)
        .inside(ESRCH)
        .user(EPERM, ESRCH),
    attempt("PRIV_DEBUG_UNPRIV", "sysctl kern.proc.vmmap of one's own child", |_| {
        with_own_child(|child| {
            const KERN_PROC_VMMAP: i32 = 32;
            sys::sysctl(&[1, 14, KERN_PROC_VMMAP, child], &mut [], None).map(drop)
        })
    })
    .root(0)
    .user(0, 0)
    // Nobody inside could go on with the child that stops for its tracer.
    .taken(NOT_MADE),
    attempt("PRIV_PROC_MEM_WRITE", "ptrace(PT_WRITE_D) of one's own child", |_| {
        // The child runs this very program: what is here is there.
        static PLACE: i32 = 0;
        with_own_child(|child| sys::ptrace(PT_WRITE_D, child, address_of(&PLACE), 0))
    })
    .root(0)
    .user(0, 0)
    .taken(ENOMEM),
    attempt("PRIV_KTRACE", "ktrace(2): stop root's trace of oneself", |_| {
        ask!(KTRACE, 0, KTROP_CLEAR, KTRFAC_USER, sys::getpid().unwrap_or(0))
    })
    .before(|_| {
        const KTROP_SET: i32 = 0;
        const INHERIT: i32 = 0x4000_0000;
        super::scene::file(0, 0o600)?;
        let own = sys::getpid()?;
        get!(KTRACE, super::scene::FILE, KTROP_SET, KTRFAC_USER | INHERIT, own).map(drop)
    })
    .after(|_| {
        let own = sys::getpid().unwrap_or(0);
        let _ = get!(KTRACE, 0, KTROP_CLEAR, KTRFAC_USER, own);
    })
    .named(0, 0),
    attempt("PRIV_PROC_LIMIT", "fork(2) beyond RLIMIT_NPROC", |_| {
        const RLIMIT_NPROC: i32 = 7;
        let limited = get!(SETRLIMIT, RLIMIT_NPROC, &[1_i64, 1]);
        match limited.and_then(|_| sys::fork()) {
            Ok(0) => sys::exit(0),
            answer => errno(answer.and_then(|child| sys::wait(child, 0))),
        }
    })
    .root(0)
    .user(EAGAIN, EAGAIN),
    // In a session of its own: another's is nobody's to name inside.
    attempt("PRIV_PROC_SETLOGIN", "setlogin(2)", |_| {
        errno(sys::setsid().and_then(|_| sys::setlogin(c"somebody")))
    })
    .root(0),
    attempt("PRIV_PROC_SETLOGINCLASS", "setloginclass(2)", |_| ask!(SETLOGINCLASS, c"some"))
        .root(0),
    attempt("PRIV_PROC_SETRLIMIT", "setrlimit(2) above the hard limit", |_| {
        errno(sys::raise_limit())
    })
    .root(0),
    attempt("PRIV_SEEOTHERUIDS", "getsid(2), security.bsd.see_other_uids=0", see)
        .before(|_| sys::sysctl_write("security.bsd.see_other_uids", 0))
        .prepare(|scene| scene.start(|| become_user(OTHER)))
        .after(|_| set("security.bsd.see_other_uids", 1))
        .root(0)
        .user(ESRCH, ESRCH),
    attempt("PRIV_SEEOTHERGIDS", "getsid(2), security.bsd.see_other_gids=0", see)
        .before(|_| sys::sysctl_write("security.bsd.see_other_gids", 0))
        .prepare(|scene| scene.start(|| become_user(OTHER)))
        .after(|_| set("security.bsd.see_other_gids", 1))
        .root(0)
        .user(ESRCH, ESRCH),
    attempt("PRIV_SEEJAILPROC", "getsid(2) into a jail, security.bsd.see_jail_proc=0", see)
        .before(|scene| {
            sys::sysctl_write("security.bsd.see_jail_proc", 0)?;
            in_another_jail(scene)
        })
        .after(|_| set("security.bsd.see_jail_proc", 1))
        .inside(ESRCH)
        .user(ESRCH, ESRCH),
    attempt("PRIV_SIGNAL_DIFFCRED", "kill(2) of another user's process", |scene| {
        errno(sys::kill(scene.other, 0))
    })
    .prepare(|scene| scene.start(|| become_user(OTHER)))
    .root(0),
    attempt("PRIV_SIGNAL_SUGID", "SIGURG to one that changed its user", |scene| {
        const SIGURG: i32 = 16;
        errno(sys::kill(scene.other, SIGURG))
    })
    .prepare(|scene| {
        let user = scene.user();
        scene.start(|| {
            as_user(OTHER, || Ok(()))?;
            if user == 0 { Ok(()) } else { become_user(user) }
        })
    })
    .root(0),
    attempt("PRIV_SIGNAL_DIFFJAIL", "kill(2) into a jail", |scene| {
        errno(sys::kill(scene.other, 0))
    })
    .before(in_another_jail)
    .inside(ESRCH)
    .user(EPERM, ESRCH),
    attempt("PRIV_SCHED_CPUSET", "cpuset_setaffinity(2) of the set, unchanged", |_| {
        affinity(2, 2, usize::MAX)
    }),
    attempt("PRIV_SCHED_CPUSET_INTR", "cpuset_setaffinity(2) of an interrupt", |_| {
        const SERIAL_LINE: usize = 4;
        affinity(3, 4, SERIAL_LINE)
    }),
    attempt("PRIV_SCHED_DIFFCRED", "setpriority(2) of another user's process", nice)
        .prepare(|scene| scene.start(|| become_user(OTHER)))
        .root(0),
    attempt("PRIV_SCHED_DIFFJAIL", "setpriority(2) into a jail", nice)
        .before(in_another_jail)
        .inside(ESRCH)
        .user(EPERM, ESRCH),
    attempt("PRIV_SCHED_RTPRIO", "rtprio(2), real-time", |_| rtprio(2)),
    attempt("PRIV_SCHED_IDPRIO", "rtprio(2), idle", |_| rtprio(4)),
    attempt("PRIV_SCHED_SETPOLICY", "sched_setscheduler(2), SCHED_OTHER", |_| {
        const SCHED_OTHER: i32 = 2;
        ask!(SCHED_SETSCHEDULER, 0, SCHED_OTHER, &[0_i32])
    }),
    attempt("PRIV_SCHED_SETPRIORITY", "setpriority(2) to -1", |_| {
        errno(sys::setpriority(PRIO_PROCESS, 0, -1))
    })
    .inside(EACCES)
    .user(EACCES, EACCES),
    attempt("PRIV_JAIL_ATTACH", "jail_attach(2) to no jail", |_| ask!(JAIL_ATTACH, 9999))
        .outside(EINVAL),
    attempt("PRIV_JAIL_REMOVE", "jail_remove(2) of no jail", |_| errno(sys::jail_remove(9999)))
        .outside(EINVAL),
    attempt("PRIV_JAIL_SET", "jail_set(2) of no jail", |_| ask!(JAIL_SET, 0, 0, JAIL_UPDATE))
        .outside(ENOENT),
    attempt("PRIV_IPC_ADMIN", "shmctl(IPC_SET) of another user's memory", |scene| {
        const IPC_SET: i32 = 1;
        let mut segment = [0_u8; 80];
        segment[8..12].copy_from_slice(&OTHER.to_le_bytes());
        ask!(SHMCTL, scene.fd, IPC_SET, &segment)
    })
    .prepare(|scene| others(scene, || get!(SHMGET, 0, 4096, IPC_CREATE)))
    .undo(|scene| {
        let _ = get!(SHMCTL, scene.fd, 0, 0);
    })
    .inside(ENOSYS)
    .with(SYSVIPC, 0)
    // The flag opens System V IPC, the name its privilege alone.
    .named(0, ENOSYS)
    // Without it nobody inside could remove the segment.
    .taken(NOT_MADE)
    .user(EACCES, ENOSYS),
    on_a_semaphore("PRIV_IPC_READ", "semctl(GETVAL) of another user's semaphore", |scene| {
        const GETVAL: i32 = 5;
        ask!(SEMCTL, scene.fd, 0, GETVAL, &[0_usize])
    }),
    on_a_semaphore("PRIV_IPC_WRITE", "semctl(SETVAL) of another user's semaphore", |scene| {
        const SETVAL: i32 = 8;
        ask!(SEMCTL, scene.fd, 0, SETVAL, &[1_usize])
    }),
    attempt("PRIV_IPC_MSGSIZE", "msgctl(IPC_SET) to a longer queue", |scene| {
        queue(scene, scene.user(), 1024)
    })
    .prepare(|scene| {
        scene.fd = if_there(get!(MSGGET, 0, IPC_CREATE))?;
        match queue(scene, scene.user(), 512) {
            0 | ENOSYS => Ok(()),
            number => Err(Error(number)),
        }
    })
    .undo(|scene| {
        let _ = get!(MSGCTL, scene.fd, 0, 0);
    })
    .inside(ENOSYS)
    .with(ALL_FLAGS, EPERM)
    .named(SYSVIPC, 0)
    .user(EPERM, ENOSYS),
    attempt("PRIV_PIPEBUF", "pipe(2), kern.ipc.pipebuf_reserv=100", |_| errno(sys::pipe()))
        .before(|scene| {
            let reserved = sys::sysctl_number("kern.ipc.pipebuf_reserv")?;
            scene.number = i32::try_from(reserved).unwrap_or(0);
            sys::sysctl_write("kern.ipc.pipebuf_reserv", 100)
        })
        .after(|scene| set("kern.ipc.pipebuf_reserv", scene.number))
        .inside(ENOMEM)
        .user(ENOMEM, ENOMEM),
];

const IPC_CREATE: i32 = 0o1600;

fn attach(scene: &Scene) -> i32 {
    errno(sys::ptrace(PT_ATTACH, scene.other, 0, 0))
}

fn see(scene: &Scene) -> i32 {
    errno(sys::getsid(scene.other))
}

fn nice(scene: &Scene) -> i32 {
    errno(sys::setpriority(PRIO_PROCESS, scene.other, 1))
}

fn set(name: &str, value: i32) {
    // A failure shows in the attempts that follow.
    let _ = sys::sysctl_write(name, value);
}

/// The other process is in a native jail, as root for root, as the user for them.
fn in_another_jail(scene: &mut Scene) -> Result<()> {
    const NAME: &CStr = c"sibling.example";
    let user = scene.user();
    scene.start(|| {
        Kind::Native.enter(SIBLING_ROOT, NAME, SIBLING_ADDR)?;
        if user == 0 { Ok(()) } else { become_user(USER) }
    })
}

/// Does it to a child that has run a program, so that nothing about it is
/// special, and stands still at its beginning.
fn with_own_child(work: impl FnOnce(i32) -> Result<()>) -> i32 {
    let child = match sys::fork() {
        Ok(0) => {
            let traced = sys::ptrace(PT_TRACE_ME, 0, 0, 0);
            let _ = traced.and_then(|()| sys::execve(c"guest", c"traced"));
            sys::exit(1)
        }
        Ok(child) => child,
        Err(Error(number)) => return number,
    };
    let answer = match sys::wait(child, sys::UNTRACED) {
        Ok((_, sys::Status::Stopped(_))) => errno(work(child)),
        Ok(_) => ENOENT,
        Err(Error(number)) => number,
    };
    let _ = sys::ptrace(PT_KILL, child, 0, 0);
    let _ = sys::wait(child, 0);
    answer
}

/// Sets the CPUs of something to what all processes have.
fn affinity(level: i32, which: i32, id: usize) -> i32 {
    const CPU_LEVEL_CPUSET: i32 = 2;
    const CPU_WHICH_PID: i32 = 2;
    let mut mask = [0_u64; 16];
    let own = usize::MAX;
    match get!(CPUSET_GETAFFINITY, CPU_LEVEL_CPUSET, CPU_WHICH_PID, own, 128, &mut mask) {
        Ok(_) => ask!(CPUSET_SETAFFINITY, level, which, id, 128, &mask),
        Err(Error(number)) => number,
    }
}

fn rtprio(kind: u16) -> i32 {
    const NORMAL: u16 = 3;
    let answer = ask!(RTPRIO, RTP_SET, 0, &[kind, 31]);
    if answer == 0 {
        let _ = get!(RTPRIO, RTP_SET, 0, &[NORMAL, 0]);
    }
    answer
}

/// Makes an object of System V IPC that is somebody else's.
fn others(scene: &mut Scene, make: impl FnOnce() -> Result<usize>) -> Result<()> {
    scene.fd = if_there(as_user(OTHER, make))?;
    Ok(())
}

/// A jail without the flag has none: the attempt then names any.
fn if_there(made: Result<usize>) -> Result<i32> {
    match made {
        Ok(id) => Ok(low(id)),
        Err(Error(ENOSYS)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Gives the message queue this owner and length.
fn queue(scene: &Scene, owner: u32, length: u64) -> i32 {
    const IPC_SET: i32 = 1;
    let mut words = [0_u64; 13];
    words[1] = u64::from(owner);
    words[2] = 0o600;
    words[8] = length;
    ask!(MSGCTL, scene.fd, IPC_SET, &words)
}

/// An attempt at a semaphore of another user.
const fn on_a_semaphore(
    privilege: &'static str,
    what: &'static str,
    call: fn(&Scene) -> i32,
) -> Attempt {
    attempt(privilege, what, call)
        .prepare(|scene| others(scene, || get!(SEMGET, 0, 1, IPC_CREATE)))
        .undo(|scene| {
            let _ = get!(SEMCTL, scene.fd, 0, 0, &[0_usize]);
        })
        .inside(ENOSYS)
        .with(SYSVIPC, 0)
        .named(0, ENOSYS)
        .user(EACCES, ENOSYS)
}
