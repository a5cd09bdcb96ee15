// SPDX-License-Identifier: BSD-2-Clause
//! One process reaches for another, by every system call that names one.

use core::fmt;

use super::{Party, early, int, jails_gone, leave_pipes};
use crate::answer::{in_child, want};
use crate::errno::{ECHILD, EINVAL, ENOENT, EPERM, ESRCH};
use crate::jail::Kind;
use crate::privileges::calls::{self, ask, get, low};
use crate::privileges::errno;
use crate::programs::{Context, Outcome};
use crate::say;
use crate::sys::{self, Error, Result, Shared};

/// Whom a call names.
#[derive(Clone, Copy)]
struct Target {
    pid: i32,
    thread: i64,
}

/// A call, and its answers: 0 or an errno.
struct Call {
    what: &'static str,
    call: fn(Target) -> i32,
    /// Of a child of one's own, outside.
    own: i32,
    /// In a jail.
    own_inside: i32,
    /// Outside, of a process that is no child: the host's, or one in a jail.
    stranger: i32,
    /// Of no process.
    nobody: i32,
    /// In a jail, of one outside or in another jail.
    hidden: i32,
    /// The same in a native jail.
    native: i32,
}

/// A call that reaches whom it may see, and finds nobody else.
const fn call(what: &'static str, call: fn(Target) -> i32) -> Call {
    Call {
        what,
        call,
        own: 0,
        own_inside: 0,
        stranger: 0,
        nobody: ESRCH,
        hidden: ESRCH,
        native: ESRCH,
    }
}

impl Call {
    /// No call for strangers: the answer, wherever they are.
    const fn stranger(mut self, answer: i32) -> Self {
        self.stranger = answer;
        self
    }

    /// A native jail says that a process is there which is not to be reached.
    const fn tells(mut self, answer: i32) -> Self {
        self.native = answer;
        self
    }

    /// The answer where there is nobody, or nobody to be seen.
    const fn missing(mut self, answer: i32) -> Self {
        (self.nobody, self.hidden, self.native) = (answer, answer, answer);
        self
    }
}

const WNOHANG: i32 = 1;
const MASK: usize = 128;

fn own_processors() -> [u8; MASK] {
    let mut mask = [0; MASK];
    let _ = get!(CPUSET_GETAFFINITY, 3, 1, -1, MASK, &mut mask);
    mask
}

const KTROP_CLEAR: i32 = 1;
const KTRFAC_SYSCALL: i32 = 2;

fn trace(target: Target, operation: i32) -> i32 {
    ask!(KTRACE, c"trace", operation, KTRFAC_SYSCALL, target.pid)
}

/// The same, by way of a call that makes another.
fn trace_by(by: &calls::Call, target: Target) -> i32 {
    let [operation, facility] = [KTROP_CLEAR, KTRFAC_SYSCALL].map(calls::Arg::from);
    let arguments = [c"trace".into(), operation, facility, target.pid.into(), 0_i32.into()];
    errno(calls::enter_by(by, &calls::KTRACE, arguments))
}

/// fcntl(2) of a pipe's end, and the end closed again.
fn owner(pid: i32) -> i32 {
    const F_SETOWN: i32 = 6;
    errno(sys::pipe().and_then(|[from, to]| {
        let answer = get!(FCNTL, from, F_SETOWN, pid);
        sys::close(from).and(sys::close(to))?;
        answer
    }))
}

const FIOSETOWN: usize = 0x8004_667c;
const SIOCSPGRP: usize = 0x8004_7308;

/// ioctl(2) of a pipe's end or a socket, which is closed again.
fn owner_by(command: usize, pid: i32) -> i32 {
    let made = if command == SIOCSPGRP { sys::socketpair() } else { sys::pipe() };
    errno(made.and_then(|[from, to]| {
        let answer = get!(IOCTL, from, command, &[pid]);
        sys::close(from).and(sys::close(to))?;
        answer
    }))
}

/// kevent(2) that begins to watch, and ends.
pub fn watch(identifier: i64, filter: i16, flags: u32) -> i32 {
    const EV_ADD: u64 = 1;
    let filter = u64::from(filter.cast_unsigned());
    let change = [
        identifier.cast_unsigned(),
        filter | EV_ADD << 16 | u64::from(flags) << 32,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    errno(get!(KQUEUE).and_then(|queue| {
        let answer = get!(KEVENT, queue, &change, 1, 0, 0, 0);
        sys::close(int(queue as i64))?;
        answer
    }))
}

const EVFILT_PROC: i16 = -5;
const EVFILT_JAIL: i16 = -14;
const NOTE_EXIT: u32 = 0x8000_0000;

const CALLS: &[Call] = &[
    call("kill(2), no signal", |to| errno(sys::kill(to.pid, 0))),
    call("kill(2), SIGURG", |to| errno(sys::kill(to.pid, 16))),
    call("kill(2) of its group", |to| errno(sys::kill(-to.pid, 0))),
    call("kill(2) of its group, SIGURG", |to| errno(sys::kill(-to.pid, 16))),
    call("sigqueue(2)", |to| ask!(SIGQUEUE, to.pid, 16, 0)),
    call("thr_kill2(2) of all threads", |to| ask!(THR_KILL2, to.pid, -1, 16)),
    call("thr_kill2(2) of a thread", |to| ask!(THR_KILL2, to.pid, int(to.thread), 16)),
    call("ptrace(2), attach and detach", |to| {
        const PT_ATTACH: i32 = 10;
        const PT_DETACH: i32 = 11;
        let attached = sys::ptrace(PT_ATTACH, to.pid, 0, 0);
        errno(attached.and_then(|()| {
            sys::wait(to.pid, 0)?;
            sys::ptrace(PT_DETACH, to.pid, 1, 0)
        }))
    }),
    call("ktrace(2), set", |to| trace(to, 0)).tells(EPERM),
    call("ktrace(2), clear", |to| trace(to, 1)).tells(EPERM),
    call("ktrace(2), with its descendants", |to| trace(to, 1 | 4)).tells(EPERM),
    call("ktrace(2) of its group", |to| trace(Target { pid: -to.pid, ..to }, 1)).tells(EPERM),
    call("ktrace(2) by syscall(2)", |to| trace_by(&calls::INDIRECT[0], to)).tells(EPERM),
    call("ktrace(2) by __syscall(2)", |to| trace_by(&calls::INDIRECT[1], to)).tells(EPERM),
    call("getpriority(2)", |to| ask!(GETPRIORITY, 0, to.pid)),
    call("getpriority(2) of its group", |to| ask!(GETPRIORITY, 1, to.pid)),
    call("setpriority(2)", |to| ask!(SETPRIORITY, 0, to.pid, 0)),
    call("setpriority(2) of its group", |to| ask!(SETPRIORITY, 1, to.pid, 0)),
    call("rtprio(2), look", |to| ask!(RTPRIO, 0, to.pid, &mut [0_u16; 2])),
    call("rtprio(2), ordinary", |to| ask!(RTPRIO, 1, to.pid, &[3_u16, 0])),
    call("rtprio_thread(2), look", |to| ask!(RTPRIO_THREAD, 0, int(to.thread), &mut [0_u16; 2])),
    call("rtprio_thread(2), ordinary", |to| ask!(RTPRIO_THREAD, 1, int(to.thread), &[3_u16, 0])),
    call("sched_getparam(2)", |to| ask!(SCHED_GETPARAM, to.pid, &mut [0_i32; 1])),
    call("sched_getscheduler(2)", |to| ask!(SCHED_GETSCHEDULER, to.pid)),
    call("sched_rr_get_interval(2)", |to| ask!(SCHED_RR_GET_INTERVAL, to.pid, &mut [0_i64; 2])),
    call("cpuset_getaffinity(2)", |to| {
        ask!(CPUSET_GETAFFINITY, 3, 2, to.pid, MASK, &mut [0_u8; MASK])
    }),
    call("cpuset_getaffinity(2) of its thread", |to| {
        ask!(CPUSET_GETAFFINITY, 3, 1, int(to.thread), MASK, &mut [0_u8; MASK])
    }),
    call("cpuset_setaffinity(2)", |to| {
        ask!(CPUSET_SETAFFINITY, 3, 2, to.pid, MASK, &own_processors())
    }),
    call("cpuset_setaffinity(2) of its thread", |to| {
        ask!(CPUSET_SETAFFINITY, 3, 1, int(to.thread), MASK, &own_processors())
    }),
    call("cpuset_getid(2)", |to| ask!(CPUSET_GETID, 2, 2, to.pid, &mut [0_i32; 1])),
    call("setpgid(2)", |to| ask!(SETPGID, to.pid, 0)).stranger(ESRCH),
    call("getpgid(2)", |to| ask!(GETPGID, to.pid)),
    call("getsid(2)", |to| ask!(GETSID, to.pid)),
    call("wait6(2)", |to| {
        const WEXITED: i32 = 16;
        ask!(WAIT6, 0, to.pid, &mut [0_i32; 1], WNOHANG | WEXITED, 0, 0)
    })
    .stranger(ECHILD)
    .missing(ECHILD),
    call("wait4(2)", |to| errno(sys::wait(to.pid, WNOHANG))).stranger(ECHILD).missing(ECHILD),
    call("procctl(PROC_TRACE_STATUS)", |to| ask!(PROCCTL, 0, to.pid, 8, &mut [0_i32; 1])),
    call("procctl(PROC_ASLR_STATUS)", |to| ask!(PROCCTL, 0, to.pid, 14, &mut [0_i32; 1])),
    call("procctl(PROC_REAP_STATUS)", |to| ask!(PROCCTL, 0, to.pid, 4, &mut [0_u8; 128])),
    call("kqueue(2), EVFILT_PROC", |to| watch(i64::from(to.pid), EVFILT_PROC, NOTE_EXIT)),
    // A stranger of another session is refused outside too.
    call("fcntl(F_SETOWN)", |to| owner(to.pid)).stranger(EPERM).tells(EPERM),
    call("fcntl(F_SETOWN) of its group", |to| owner(-to.pid)).stranger(EPERM).tells(EPERM),
    call("ioctl(FIOSETOWN)", |to| owner_by(FIOSETOWN, to.pid)).stranger(EPERM).tells(EPERM),
    call("ioctl(FIOSETOWN) of its group", |to| owner_by(FIOSETOWN, -to.pid))
        .stranger(EPERM)
        .tells(EPERM),
    // The older way, of a socket.
    call("ioctl(SIOCSPGRP)", |to| owner_by(SIOCSPGRP, to.pid)).stranger(EPERM).tells(EPERM),
    call("sched_setparam(2)", |to| ask!(SCHED_SETPARAM, to.pid, &[0_i32])),
    // No jail has the privilege.
    Call {
        own_inside: EPERM,
        ..call("sched_setscheduler(2)", |to| ask!(SCHED_SETSCHEDULER, to.pid, 2, &[0_i32]))
            .tells(EPERM)
    },
    call("procctl(PROC_REAP_GETPIDS)", |to| ask!(PROCCTL, 0, to.pid, 5, &mut [0_u64; 9])),
    // It is about oneself.
    Call {
        own: EINVAL,
        own_inside: EINVAL,
        ..call("procctl(PROC_PDEATHSIG_STATUS)", |to| ask!(PROCCTL, 0, to.pid, 12, &mut [0_i32; 1]))
            .missing(EINVAL)
            .stranger(EINVAL)
            .tells(ESRCH)
    },
    call("kcmp(2), its memory", |to| {
        let me = sys::getpid().unwrap_or(0);
        ask!(KCMP, me, to.pid, 102, 0, 0)
    }),
    // Of whom it sees it asks which labels are wanted, which is none.
    Call {
        own: EINVAL,
        own_inside: EINVAL,
        ..call("mac_get_pid(2)", |to| {
            let text = [0_u8; 16];
            ask!(MAC_GET_PID, to.pid, &[16_usize, sys::address_of(&text)])
        })
        .stranger(EINVAL)
    },
];

/// Where an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    Native,
    Jail,
}

/// Whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Own,
    Host,
    Sibling,
    Nobody,
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Call {
    const fn wanted(&self, place: Place, whom: Whom) -> i32 {
        match (place, whom) {
            (Place::Outside, Whom::Own) => self.own,
            (_, Whom::Own) => self.own_inside,
            (_, Whom::Nobody) => self.nobody,
            (Place::Outside, _) => self.stranger,
            (Place::Native, _) => self.native,
            (Place::Jail, _) => self.hidden,
        }
    }
}

fn make([call, pid, thread, _]: [i64; 4]) -> i64 {
    let target = Target { pid: int(pid), thread };
    let call = usize::try_from(call).ok().and_then(|call| CALLS.get(call));
    call.map_or(-1, |call| i64::from((call.call)(target)))
}

fn thread_of(_: [i64; 4]) -> i64 {
    let mut thread = [0_i64; 1];
    get!(THR_SELF, &mut thread).map_or(-1, |_| thread[0])
}

/// Starts a child that leads a group of its own and waits; its number, and above
/// it its thread's.
pub fn start_child(_: [i64; 4]) -> i64 {
    let started = Shared::new(0_i64).and_then(|thread| {
        let child = sys::fork()?;
        if child == 0 {
            let _ = sys::alarm(120);
            leave_pipes();
            thread.set(thread_of([0; 4]));
            loop {
                sys::pause(1000);
            }
        }
        sys::setpgid(child, 0)?;
        while thread.get() == 0 {
            sys::pause(1);
        }
        Ok(thread.get() << 32 | i64::from(child))
    });
    started.unwrap_or(-1)
}

pub fn end_child([child, ..]: [i64; 4]) -> i64 {
    let ended = sys::kill(int(child), 9).and_then(|()| sys::wait(int(child), 0));
    i64::from(errno(ended))
}

/// A number that a process has had, and no thread's.
fn nobody() -> Result<Target> {
    let child = sys::fork()?;
    if child == 0 {
        sys::exit(0);
    }
    sys::wait(child, 0)?;
    Ok(Target { pid: child, thread: 99_999_999 })
}

/// Those whom an attempt can be about, and who makes it.
struct Scene {
    subject: Party,
    host: Party,
    sibling: Party,
    targets: [(Whom, Target); 4],
}

impl Scene {
    fn set(place: Place) -> Result<Self> {
        let jails = if place == Place::Jail { Kind::Rjail } else { Kind::Native };
        let host = Party::outside()?;
        let sibling = Party::sibling(jails)?;
        let subject = match place {
            Place::Outside => Party::outside()?,
            Place::Native | Place::Jail => Party::inside(jails)?,
        };
        let of = |party: &Party| Target { pid: party.pid, thread: party.ask(thread_of, [0; 4]) };
        let child = subject.ask(start_child, [0; 4]);
        if child < 0 {
            return Err(Error(ECHILD));
        }
        let targets = [
            (Whom::Own, Target { pid: int(child), thread: child >> 32 }),
            (Whom::Host, of(&host)),
            (Whom::Sibling, of(&sibling)),
            (Whom::Nobody, nobody()?),
        ];
        Ok(Self { subject, host, sibling, targets })
    }

    fn target(&self, whom: Whom) -> Target {
        let found = self.targets.iter().find(|(target, _)| *target == whom);
        found.map_or(Target { pid: 0, thread: 0 }, |(_, target)| *target)
    }

    /// They are all still there and answer.
    fn all_well(&self) -> bool {
        let child = i64::from(self.target(Whom::Own).pid);
        let answers = [&self.host, &self.sibling].map(|party| party.ask(|_| 7, [0; 4]));
        answers == [7, 7] && self.subject.ask(end_child, [child, 0, 0, 0]) == 0
    }
}

const PLACES: [Place; 3] = [Place::Outside, Place::Native, Place::Jail];

/// Every call on everybody, in every place.
pub fn calls(_: &Context) -> Outcome {
    let file = sys::open(c"/jail/trace", 0x0201, 0o644).and_then(sys::close);
    early("a file for traces", file)?;
    let mut wrong = 0;
    let mut made = 0;
    for place in PLACES {
        let scene = early("the scene", Scene::set(place))?;
        for (number, call) in CALLS.iter().enumerate() {
            for (whom, target) in scene.targets {
                let number = i64::try_from(number).unwrap_or(-1);
                let arguments = [number, i64::from(target.pid), target.thread, 0];
                let (got, wanted) = (scene.subject.ask(make, arguments), call.wanted(place, whom));
                made += 1;
                if got != i64::from(wanted) {
                    say!("    # {place:?}: {} of {whom}: got {got}, wanted {wanted}", call.what);
                    wrong += 1;
                }
            }
        }
        want!("everybody is well afterwards", scene.all_well(), true);
        drop(scene);
        jails_gone()?;
    }
    early("the end of the file", sys::unlink(c"/jail/trace"))?;
    let tell =
        |answer: fn(&Call) -> i32| CALLS.iter().filter(|call| answer(call) != call.nobody).count();
    let (native, ours) = (tell(|call| call.native), tell(|call| call.hidden));
    say!(
        "    # {made} calls, {} kinds; that a number is taken tell {native} natively, ours {ours}",
        CALLS.len()
    );
    want!("answers that were wrong", wrong, 0);
    Ok(())
}

/// Calls of many kinds, of which nothing is known but that a jail gets the same
/// answer of a process that it may not see as of none.
type Many = (&'static str, i32, fn(i32, i32) -> i32);

const MANY: [Many; 6] = [
    ("ptrace(2), every request", 128, |request, pid| {
        // 0 is about the caller.
        if request == 0 { 0 } else { errno(sys::ptrace(request, pid, 0, 0)) }
    }),
    ("procctl(2), every command", 32, |command, pid| {
        ask!(PROCCTL, 0, pid, command, &mut [0_u8; 256])
    }),
    ("procctl(2), every command on a group", 32, |command, pid| {
        ask!(PROCCTL, 2, pid, command, &mut [0_u8; 256])
    }),
    ("sysctl kern.proc, every kind", 64, |kind, pid| {
        let length = sys::sysctl(&[1, 14, kind, pid], &mut [0; 8192], None);
        // What is found, and how much of it.
        length.map_or_else(|Error(number)| number, |length| -i32::try_from(length).unwrap_or(1))
    }),
    ("sysctl kern.proc with threads, every kind", 64, |kind, pid| {
        let length = sys::sysctl(&[1, 14, kind | 0x10, pid], &mut [0; 8192], None);
        length.map_or_else(|Error(number)| number, |length| -i32::try_from(length).unwrap_or(1))
    }),
    ("cpuset(2), every level and kind", 48, |both, pid| {
        let (level, which) = (both / 8, both % 8);
        // Kinds that do not name a process have numbers of their own.
        if which != 1 && which != 2 {
            return 0;
        }
        let id = ask!(CPUSET_GETID, level, which, pid, &mut [0_i32; 1]);
        let mask = ask!(CPUSET_GETAFFINITY, level, which, pid, MASK, &mut [0_u8; MASK]);
        id * 1000 + mask
    }),
];

fn make_many([many, variant, pid, _]: [i64; 4]) -> i64 {
    let many = usize::try_from(many).ok().and_then(|many| MANY.get(many));
    many.map_or(-1, |(_, _, call)| i64::from(call(int(variant), int(pid))))
}

/// Of these requests a traced process is killed, or one is not traced any more: not
/// outside, on those who are needed.
fn harms(many: usize, variant: i32) -> bool {
    const PT_KILL: i32 = 8;
    const PT_ATTACH: i32 = 10;
    many == 0 && [PT_KILL, PT_ATTACH].contains(&variant)
}

/// A native jail's slip: of these commands it says `EINVAL` where there is nobody,
/// and `ESRCH` where there is somebody who is hidden.
fn known_to_tell(many: usize, variant: i32) -> bool {
    const PROC_PDEATHSIG_CTL: i32 = 11;
    const PROC_PDEATHSIG_STATUS: i32 = 12;
    many == 1 && [PROC_PDEATHSIG_CTL, PROC_PDEATHSIG_STATUS].contains(&variant)
}

pub fn many(_: &Context) -> Outcome {
    let mut wrong = 0;
    let mut made = 0;
    for place in PLACES {
        let scene = early("the scene", Scene::set(place))?;
        for (number, (what, variants, _)) in MANY.iter().enumerate() {
            let mut differ = 0;
            for variant in 0..*variants {
                if place == Place::Outside && harms(number, variant) {
                    continue;
                }
                let answer = |whom| {
                    let pid = i64::from(scene.target(whom).pid);
                    scene.subject.ask(make_many, [number as i64, i64::from(variant), pid, 0])
                };
                let nobody = answer(Whom::Nobody);
                for whom in [Whom::Host, Whom::Sibling] {
                    let got = answer(whom);
                    made += 1;
                    if got == nobody {
                        continue;
                    }
                    differ += 1;
                    let tells = place == Place::Native && known_to_tell(number, variant);
                    if place != Place::Outside && !tells {
                        say!("    # {place:?}: {what}: {variant} of {whom}: {got}, not {nobody}");
                        wrong += 1;
                    }
                }
            }
            // Outside it must tell them apart, or it would say nothing inside.
            if place == Place::Outside && differ == 0 {
                say!("    # {what} tells nobody apart outside");
                wrong += 1;
            }
        }
        want!("everybody is well afterwards", scene.all_well(), true);
        drop(scene);
        jails_gone()?;
    }
    say!("    # {made} answers compared with those of a number that no process has");
    want!("answers that told somebody apart", wrong, 0);
    Ok(())
}

/// What a signal to everybody reaches, and a priority for a user's processes.
pub fn everybody(_: &Context) -> Outcome {
    const SIGTERM: i32 = 15;
    for jails in [Kind::Native, Kind::Rjail] {
        let place = if jails == Kind::Rjail { Place::Jail } else { Place::Native };
        let scene = early("the scene", Scene::set(place))?;
        let nice = |party: &Party| {
            party.ask(|_| i64::from(get!(GETPRIORITY, 0, 0).map_or(-1, low)), [0; 4])
        };
        let set = scene.subject.ask(|_| i64::from(ask!(SETPRIORITY, 2, 0, 7)), [0; 4]);
        want!("setpriority(2) of root's processes", set, 0);
        want!(
            "nice inside, outside, in another jail",
            { [&scene.subject, &scene.host, &scene.sibling].map(nice) },
            [7, 0, 0]
        );
        let sent = scene.subject.ask(|_| i64::from(errno(sys::kill(-1, SIGTERM))), [0; 4]);
        want!("kill(2) of all", sent, 0);
        let child = i64::from(scene.target(Whom::Own).pid);
        let ended = scene.subject.ask(
            |[child, ..]| match sys::wait(int(child), 0) {
                Ok((_, sys::Status::Killed(signal))) => i64::from(signal),
                _ => -1,
            },
            [child, 0, 0, 0],
        );
        want!("its child", ended, i64::from(SIGTERM));
        let others = [&scene.host, &scene.sibling].map(|party| party.ask(|_| 7, [0; 4]));
        want!("the others", others, [7, 7]);
        let again = scene.subject.ask(|_| i64::from(errno(sys::kill(-1, SIGTERM))), [0; 4]);
        want!("kill(2) of all, alone", again, i64::from(ESRCH));
        drop(scene);
        jails_gone()?;
    }
    Ok(())
}

/// What the kernel tells a native jail, pinned, so that a kernel that does better is
/// noticed, and ours not: the reaper, the number behind a process descriptor.
pub fn known(_: &Context) -> Outcome {
    const SIZE: usize = 32;
    let taken = early("a process outside", Party::outside())?;
    let free = early("a number that nobody has", nobody())?;
    for kind in [Kind::Native, Kind::Rjail] {
        let subject = early("a jail", Party::inside(kind))?;
        let schedule = [taken.pid, free.pid].map(|pid| {
            const OTHER: i32 = 2;
            let call: fn([i64; 4]) -> i64 =
                |[pid, ..]| i64::from(ask!(SCHED_SETSCHEDULER, int(pid), OTHER, &[0_i32]));
            subject.ask(call, [i64::from(pid), 0, 0, 0])
        });
        let ours = kind == Kind::Rjail;
        let taken_is = if ours { ESRCH } else { EPERM };
        want!("PR-15: sched_setscheduler(2)", schedule, [taken_is, ESRCH].map(i64::from));
        let reaper = subject.ask(
            |_| {
                let me = sys::getpid().unwrap_or(0);
                let ask = |id: i32| {
                    let mut status = [7_u32; SIZE];
                    let asked = get!(PROCCTL, 0, id, 4, &mut status);
                    // Flags, children, descendants, the reaper, a process below it.
                    asked.map_or(-1, |_| i64::from(status[3]) << 32 | i64::from(status[4]))
                };
                if ask(me) == ask(0) { ask(0) } else { -2 }
            },
            [0; 4],
        );
        let told = [reaper >> 32, i64::from(reaper & 0xffff_ffff != 0xffff_ffff)];
        want!("PR-19: its reaper, and somebody below it", told, if ours { [0, 0] } else { [1, 1] });
        let listed = subject.ask(
            |_| {
                // Records of eighteen words; the third says whether there is one.
                let records = Shared::new([7_u32; 64 * 18]);
                records.map_or(-1, |records| {
                    let list = [64, 0, 0, 0, 0, 0, 0, 0, records.address()];
                    let asked = get!(PROCCTL, 0, 0, 5, &list);
                    let there = |record: &&[u32]| record[2] & 1 != 0 && record[0] != 7;
                    asked.map_or(-2, |_| records.get().chunks(18).take_while(there).count() as i64)
                })
            },
            [0; 4],
        );
        want!("PR-19: who is listed", listed > 0, !ours);
        want!("PR-19: the list is there", listed >= 0, true);
        drop(subject);
    }
    let held = |kind: Kind| {
        in_child(|| -> Result<[i32; 4]> {
            let mut fd = [-1_i32; 1];
            let child = get!(PDFORK, &mut fd, 0)?;
            if child == 0 {
                loop {
                    sys::pause(1000);
                }
            }
            kind.enter(crate::world::JAIL_ROOT, c"inside.example", cases::world::JAIL_ADDR)?;
            let mut pid = [0_i32; 1];
            let told = ask!(PDGETPID, fd[0], &mut pid);
            let signal = ask!(PDKILL, fd[0], 16);
            let wait = ask!(PDWAIT, fd[0], &mut [0_i32; 1], WNOHANG | 16, 0, 0);
            let jail = watch(1, EVFILT_JAIL, 1);
            Ok([told, signal, wait, jail])
        })
    };
    for kind in [Kind::Native, Kind::Rjail] {
        // A native jail learns the number.
        let told = if kind == Kind::Native { 0 } else { ESRCH };
        let wanted = [told, ESRCH, ESRCH, ENOENT];
        want!("PR-21: number, signal, wait; PR-22: a jail", held(kind), Ok(Ok(Ok(wanted))));
    }
    jails_gone()
}
