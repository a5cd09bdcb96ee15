// SPDX-License-Identifier: BSD-2-Clause
//! Single calls that reach for the machine: its running, clock, accounting,
//! audit trail, debugger, ports, messages and memory; and Capsicum's, which must
//! hold in a jail as outside.

use core::ffi::CStr;

use super::{Before, NOT_MADE, Place, Step, early, errno, jails_gone, make_all, step};
use crate::answer::{in_child, want};
use crate::errno::{
    ECAPMODE, EINPROGRESS, EINVAL, ENOENT, ENOMEM, ENOSYS, ENOTCAPABLE, EPERM, ESRCH,
};
use crate::jail::{self, Ledger};
use crate::line_two::Captive;
use crate::privileges::calls::{ask, get, low};
use crate::programs::{Context, Outcome, good};
use crate::say;
use crate::sys::{self, Error, Result};

const PAGE: usize = 4096;

/// reboot(2) with every bit, and the ways that shutdown(8) and init(8) have.
const HOWTOS: [i32; 12] = [
    0,         // RB_AUTOBOOT
    0x4,       // RB_NOSYNC
    0x8,       // RB_HALT
    0x104,     // RB_DUMP, RB_NOSYNC
    0x4000,    // RB_POWEROFF
    0x4008,    // RB_POWEROFF, RB_HALT
    0x10_0000, // RB_PAUSE
    0x20_0000, // RB_REROOT
    0x40_0000, // RB_POWERCYCLE
    0x40,      // RB_KDB
    i32::MAX,  // all but the last
    -1,        // all
];

/// Nothing outside can be shown but that RB_REROOT is init's alone: the last
/// thing that this program's init does is reboot(2), and there it works.
pub fn reboot(_: &Context) -> Outcome {
    const REBOOT: &[Step] = &[
        step("reboot(2) of every kind", |_| {
            let all = HOWTOS.into_iter().chain((0..32).map(|bit| 1_i32 << bit));
            all.map(|how| errno(sys::reboot(how))).find(|answer| *answer != EPERM).unwrap_or(EPERM)
        })
        .outside(NOT_MADE),
        step("reboot(RB_REROOT)", |_| errno(sys::reboot(0x20_0000))).outside(EPERM),
        step("a signal to init, which would reboot", |_| {
            const SIGNALS: [i32; 6] = [0, 1, 2, 15, 30, 31];
            SIGNALS.map(|signal| errno(sys::kill(1, signal))).into_iter().max().unwrap_or(0)
        })
        .outside(NOT_MADE)
        .jailed(ESRCH),
    ];
    make_all("PV-06", REBOOT)?;
    // Refused by the privilege, each of them, and not for something else.
    let captive = Captive::start(|| {
        good().enter()?;
        HOWTOS.iter().try_for_each(|how| match sys::reboot(*how) {
            Err(Error(EPERM)) => Ok(()),
            other => other.and(Err(Error(EINVAL))),
        })
    });
    let captive = early("a jail that reboots", captive)?;
    let mut rows: Ledger = [abi::Row::default(); 300];
    early("the ledger", jail::get(0, abi::NEXT, &mut rows))?;
    let denied = rows.iter().find(|row| row.name() == "PRIV_REBOOT").map(|row| row.denied);
    want!("reboots denied", denied, Some(HOWTOS.len() as u64));
    drop(captive);
    jails_gone()
}

/// Seconds and microseconds of now, or nanoseconds.
fn now(microseconds: bool) -> Result<[i64; 2]> {
    let [seconds, nanoseconds] = sys::clock()?;
    Ok([seconds, if microseconds { nanoseconds / 1000 } else { nanoseconds }])
}

/// ntp_adjtime(2) with this mode, changing nothing.
fn ntp(mode: i64) -> i32 {
    let mut timex = [0_i64; 17];
    let read = get!(NTP_ADJTIME, &mut timex);
    timex[0] = mode;
    errno(read.and_then(|_| get!(NTP_ADJTIME, &mut timex)))
}

pub fn clock(_: &Context) -> Outcome {
    const CLOCK: &[Step] = &[
        step("adjtime(2), read", |_| ask!(ADJTIME, 0, &mut [0_i64; 2])).everywhere(0),
        step("ntp_adjtime(2), read", |_| ntp(0)).everywhere(0),
        step("ntp_gettime(2)", |_| ask!(NTP_GETTIME, &mut [0_i64; 8])).everywhere(0),
        step("sysctl kern.ntp_pll.gettime", |_| {
            errno(sys::sysctl_named("kern.ntp_pll.gettime", &mut [0; 64], None))
        })
        .everywhere(0),
        step("gettimeofday(2)", |_| ask!(GETTIMEOFDAY, &mut [0_i64; 2], 0)).everywhere(0),
        step("clock_gettime(2)", |_| ask!(CLOCK_GETTIME, 0, &mut [0_i64; 2])).everywhere(0),
        step("clock_getres(2)", |_| ask!(CLOCK_GETRES, 0, &mut [0_i64; 2])).everywhere(0),
        step("adjtime(2) by a microsecond", |_| {
            let answer = ask!(ADJTIME, &[0_i64, 1], 0);
            if answer == 0 {
                let _ = sys::adjtime(0);
            }
            answer
        }),
        step("adjtime(2), read and set", |_| ask!(ADJTIME, &[0_i64, 0], &mut [0_i64; 2])),
        // Offset, frequency, errors, status, time constant, PPS, TAI, units.
        step("ntp_adjtime(2), each mode", |_| {
            const MODES: [i64; 8] = [0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x80, 0x2000];
            let answers = MODES.map(ntp);
            let first = answers[0];
            if answers == [first; 8] { first } else { EINVAL }
        }),
        step("settimeofday(2) to now", |_| {
            errno(now(true).and_then(|now| get!(SETTIMEOFDAY, &now, 0)))
        }),
        step("settimeofday(2), a zone", |_| ask!(SETTIMEOFDAY, 0, &[0_i32; 2])),
        step("clock_settime(2) to now", |_| {
            errno(now(false).and_then(|now| get!(CLOCK_SETTIME, 0, &now)))
        }),
        step("clock_settime(2) of another clock", |_| {
            errno(now(false).and_then(|now| get!(CLOCK_SETTIME, 4, &now)))
        })
        .outside(EINVAL),
        step("sysctl machdep.adjkerntz", |_| {
            errno(sys::sysctl_number("machdep.adjkerntz").and_then(|seconds| {
                sys::sysctl_write("machdep.adjkerntz", i32::try_from(seconds).unwrap_or(0))
            }))
        }),
        // GENERIC is without options FFCLOCK.
        step("ffclock_getcounter(2)", |_| ask!(FFCLOCK_GETCOUNTER, &mut [0_u64; 1]))
            .everywhere(ENOSYS),
        step("ffclock_getestimate(2)", |_| ask!(FFCLOCK_GETESTIMATE, &mut [0_u64; 16]))
            .everywhere(ENOSYS),
        step("ffclock_setestimate(2)", |_| ask!(FFCLOCK_SETESTIMATE, &[0_u64; 16]))
            .everywhere(ENOSYS),
    ];
    make_all("PV-08", CLOCK)
}

pub fn accounting(_: &Context) -> Outcome {
    const FILE: &CStr = c"/jail/accounting";
    const ACCOUNTING: &[Step] = &[
        step("acct(2) to a file", |_| {
            let answer = ask!(ACCT, c"accounting");
            if answer == 0 {
                let _ = sys::acct_off();
            }
            answer
        }),
        step("acct(2) to no file", |_| ask!(ACCT, c"nothing")).outside(ENOENT),
        step("acct(2) to a directory", |_| ask!(ACCT, c"dir")).outside(21),
        step("acct(2) off", |_| ask!(ACCT, 0)),
    ];
    const CREATE: i32 = 0x0201;
    early("the file", sys::open(FILE, CREATE, 0o600).and_then(sys::close))?;
    let outcome = make_all("PV-09", ACCOUNTING);
    early("the file's end", sys::unlink(FILE))?;
    outcome
}

/// auditon(2) that reads.
fn auditon<const N: usize>(command: i32, data: &mut [u8; N]) -> i32 {
    ask!(AUDITON, command, data, N)
}

pub fn audit(_: &Context) -> Outcome {
    /// The answer of a call that is the host's: in jails as if there were none,
    /// with the label alone what the privilege says.
    const fn hosts(what: &'static str, call: fn(&Before) -> i32) -> Step {
        step(what, call).jailed(ENOSYS).label(EPERM)
    }
    const ADDRESS: usize = 48;
    const IPV4: u32 = 4;
    const AUDIT: &[Step] = &[
        hosts("audit(2) of nothing", |_| ask!(AUDIT, 0, 0)).outside(EINVAL),
        hosts("auditon(A_GETPOLICY)", |_| auditon(33, &mut [0; 4])),
        hosts("auditon(A_GETQCTRL)", |_| auditon(35, &mut [0; 40])),
        hosts("auditon(A_GETCOND)", |_| auditon(37, &mut [0; 4])),
        hosts("auditon(A_GETKMASK)", |_| auditon(4, &mut [0; 8])),
        hosts("auditon(A_GETFSIZE)", |_| auditon(27, &mut [0; 16])),
        hosts("auditon(2), every command", |_| {
            let first = auditon(0, &mut [0; 8]);
            let other = (1..=50).map(|command| auditon(command, &mut [0; 8]));
            other.into_iter().find(|answer| *answer != first).unwrap_or(first)
        })
        .outside(NOT_MADE),
        hosts("auditctl(2) to no file", |_| ask!(AUDITCTL, c"nothing")).outside(ENOENT),
        hosts("auditctl(2) off", |_| ask!(AUDITCTL, 0)).outside(EINVAL),
        hosts("getauid(2)", |_| ask!(GETAUID, &mut [0_u32])),
        hosts("setauid(2)", |_| ask!(SETAUID, &[1001_u32])),
        hosts("getaudit(2)", |_| ask!(GETAUDIT, &mut [0_u64; 8])),
        hosts("setaudit(2)", |_| ask!(SETAUDIT, &[0_u64; 8])),
        hosts("getaudit_addr(2)", |_| ask!(GETAUDIT_ADDR, &mut [0_u8; ADDRESS], ADDRESS)),
        hosts("setaudit_addr(2)", |_| {
            let mut address = [0_u32; ADDRESS / 4];
            address[4] = IPV4;
            ask!(SETAUDIT_ADDR, &address, ADDRESS)
        }),
    ];
    make_all("PV-10", AUDIT)
}

pub fn debugger(_: &Context) -> Outcome {
    fn write(name: &str) -> i32 {
        errno(sys::sysctl_write(name, 1))
    }
    fn rewrite(name: &str) -> i32 {
        let value = sys::sysctl_number(name).and_then(|v| i32::try_from(v).map_err(|_| Error(0)));
        errno(value.and_then(|value| sys::sysctl_write(name, value)))
    }
    const DEBUGGER: &[Step] = &[
        step("sysctl debug.kdb.enter", |_| write("debug.kdb.enter")).outside(NOT_MADE),
        step("sysctl debug.kdb, the machine's end", |_| write("debug.kdb.panic")).outside(NOT_MADE),
        step("the same with words", |_| {
            errno(sys::sysctl_named("debug.kdb.panic_str", &mut [], Some(b"words\0")))
        })
        .outside(NOT_MADE),
        step("sysctl debug.kdb.trap", |_| write("debug.kdb.trap")).outside(NOT_MADE),
        step("sysctl debug.kdb.trap_code", |_| write("debug.kdb.trap_code")).outside(NOT_MADE),
        step("sysctl debug.kdb.stack_overflow", |_| write("debug.kdb.stack_overflow"))
            .outside(NOT_MADE),
        step("sysctl debug.kdb.break_to_debugger", |_| rewrite("debug.kdb.break_to_debugger")),
        step("sysctl debug.kdb.alt_break_to_debugger", |_| {
            rewrite("debug.kdb.alt_break_to_debugger")
        }),
        step("sysctl debug.debugger_on_trap", |_| rewrite("debug.debugger_on_trap")),
        step("sysctl debug.minidump", |_| rewrite("debug.minidump")),
        step("sysctl kern.corefile", |_| {
            errno(sys::sysctl_named("kern.corefile", &mut [], Some(b"%N.core\0")))
        }),
        // No dump device here; the ioctl of one is PRIV_SETDUMPER's attempt.
        step("open(2) of /dev/dumpdev", |_| errno(sys::open(c"dev/dumpdev", 0, 0)))
            .everywhere(ENOENT),
    ];
    make_all("PV-13", DEBUGGER)
}

pub fn ports(_: &Context) -> Outcome {
    const GET_IOPERM: i32 = 3;
    const IODEV_PIO: usize = 0xc010_4900;
    const PORTS: &[Step] = &[
        step("sysarch(2): a port", |_| {
            let answer = errno(sys::io_port(true));
            if answer == 0 {
                let _ = sys::io_port(false);
            }
            answer
        }),
        step("sysarch(2): not a port", |_| errno(sys::io_port(false))),
        step("sysarch(2): which ports", |_| {
            // There are none to tell of until one was asked for.
            match ask!(SYSARCH, GET_IOPERM, &mut [0x80_i32, 0, 0]) {
                EINVAL => 0,
                answer => answer,
            }
        })
        .everywhere(0),
        step("open(2) of /dev/io", |_| errno(sys::open(c"dev/io", 2, 0))),
        step("open(2) of /dev/io, to read", |_| errno(sys::open(c"dev/io", 0, 0))),
        step("ioctl(IODEV_PIO) of something else", |before| {
            ask!(IOCTL, before.file, IODEV_PIO, &mut [0_u32; 4])
        })
        .everywhere(25),
    ];
    make_all("PV-14", PORTS)
}

pub fn messages(_: &Context) -> Outcome {
    const MESSAGES: &[Step] = &[
        step("sysctl kern.msgbuf, its length", |_| {
            errno(sys::sysctl_named("kern.msgbuf", &mut [], None))
        }),
        step("sysctl kern.msgbuf", |_| {
            match sys::sysctl_named("kern.msgbuf", &mut [0; 4096], None) {
                // There is more, and this much was read.
                Err(Error(ENOMEM)) => 0,
                answer => errno(answer),
            }
        }),
        step("sysctl kern.msgbuf_clear", |_| errno(sys::sysctl_write("kern.msgbuf_clear", 0))),
        step("sysctl kern.msgbuf_show_timestamp", |_| {
            errno(sys::sysctl_write("kern.msgbuf_show_timestamp", 0))
        }),
        // klog asks for no privilege, so a native jail whose devfs shows it reads it.
        step("open(2) of /dev/klog, in a devfs without rules", |_| {
            errno(sys::open(c"dev/klog", 0, 0))
        })
        .native(0),
    ];
    make_all("PV-17", MESSAGES)
}

pub fn wired(_: &Context) -> Outcome {
    const MCL_CURRENT: i32 = 1;
    const MCL_FUTURE: i32 = 2;
    const WIRED: &[Step] = &[
        step("mlock(2)", |_| errno(sys::allocate(PAGE).and_then(|page| sys::mlock(page)))),
        step("munlock(2)", |_| errno(sys::allocate(PAGE).and_then(|page| sys::munlock(page)))),
        step("mlockall(2), what there is", |_| ask!(MLOCKALL, MCL_CURRENT)),
        step("mlockall(2), what will be", |_| ask!(MLOCKALL, MCL_FUTURE)),
        step("munlockall(2)", |_| ask!(MUNLOCKALL)),
        step("aio_mlock(2)", |_| {
            const BUFFER: usize = 2;
            const LENGTH: usize = 3;
            let Ok(page) = sys::allocate(PAGE) else { return EINVAL };
            let mut block = [0_usize; 32];
            block[BUFFER] = sys::address_of(page);
            block[LENGTH] = PAGE;
            if let Err(Error(number)) = get!(AIO_MLOCK, &mut block) {
                return number;
            }
            let deadline = sys::uptime() + 10_000;
            let answer = loop {
                let answer = get!(AIO_ERROR, &mut block);
                if answer != Ok(EINPROGRESS as usize) || sys::uptime() > deadline {
                    break answer;
                }
                sys::pause(10);
            };
            let _ = get!(AIO_RETURN, &mut block);
            answer.map_or_else(|Error(number)| number, low)
        }),
        // OPEN: memory in large pages is wired, and asks for no privilege.
        step("shm_open2(SHM_LARGEPAGE), 2 MiB", |_| errno(large_page())).everywhere(0),
    ];
    make_all("PV-18", WIRED)
}

/// Takes a large page, and gives it back by ending.
fn large_page() -> Result<()> {
    const ANONYMOUS: usize = 1;
    const READ_WRITE: i32 = 2;
    const LARGEPAGE: i32 = 4;
    const FIOSSHMLPGCNF: usize = 0x8030_6664;
    const SIZE: usize = 1 << 21;
    let memory = get!(SHM_OPEN2, ANONYMOUS, READ_WRITE, 0o600, LARGEPAGE, 0)?;
    let mut configuration = [0_i32; 12];
    configuration[0] = 1;
    get!(IOCTL, memory, FIOSSHMLPGCNF, &configuration)?;
    get!(FTRUNCATE, memory, SIZE)?;
    sys::close(low(memory))
}

const DIRECTORY: i32 = 0x0002_0000;

/// In capability mode, with a directory open.
fn capable(work: impl FnOnce(i32) -> i32) -> i32 {
    capable_at(c"etc", work)
}

fn capable_at(path: &CStr, work: impl FnOnce(i32) -> i32) -> i32 {
    let ready = sys::open(path, DIRECTORY, 0).and_then(|directory| {
        get!(CAP_ENTER)?;
        Ok(directory)
    });
    match ready {
        Ok(directory) => work(directory),
        Err(Error(number)) => number,
    }
}

pub fn capability(_: &Context) -> Outcome {
    const AT_FDCWD: i32 = -100;
    const fn mode(what: &'static str, call: fn(&Before) -> i32) -> Step {
        step(what, call).everywhere(ECAPMODE)
    }
    const CAPABILITY: &[Step] = &[
        step("openat(2) below", |_| capable(|at| ask!(OPENAT, at, c"motd", 0, 0))).everywhere(0),
        step("openat(2) of ..", |_| capable(|at| ask!(OPENAT, at, c"..", 0, 0)))
            .everywhere(ENOTCAPABLE),
        step("openat(2) beside", |_| capable(|at| ask!(OPENAT, at, c"../file", 0, 0)))
            .everywhere(ENOTCAPABLE),
        step("openat(2) of /", |_| capable(|at| ask!(OPENAT, at, c"/", 0, 0)))
            .everywhere(ENOTCAPABLE),
        // The kernel compares the directory that a mount covers, not its root,
        // with the directory that must not be left.
        step("openat(2) of .. of a mount", |_| {
            capable_at(c"dev", |at| ask!(OPENAT, at, c"..", 0, 0))
        })
        .everywhere(0),
        step("openat(2) of .. of a mount's root that is the jail's", |_| {
            capable_at(c".", |at| ask!(OPENAT, at, c"..", 0, 0))
        })
        .jailed(ENOTCAPABLE),
        step("openat(2) of ../.. of a mount in it", |_| {
            capable_at(c"dev", |at| ask!(OPENAT, at, c"../..", 0, 0))
        })
        .jailed(ENOTCAPABLE),
        mode("openat(AT_FDCWD)", |_| capable(|_| ask!(OPENAT, AT_FDCWD, c"file", 0, 0))),
        mode("open(2)", |_| capable(|_| errno(sys::open(c"file", 0, 0)))),
        step("kill(2) of oneself", |_| {
            capable(|_| errno(sys::getpid().and_then(|own| sys::kill(own, 0))))
        })
        .everywhere(0),
        step("sigqueue(2) of oneself", |_| {
            capable(|_| errno(sys::getpid().and_then(|own| get!(SIGQUEUE, own, 0, 0))))
        })
        .everywhere(0),
        mode("kill(2) of its parent, which is outside", |before| {
            let parent = before.parent;
            capable(|_| errno(sys::kill(parent, 0)))
        }),
        mode("kill(2) of init", |_| capable(|_| errno(sys::kill(1, 0)))),
        mode("kill(2) of everybody", |_| capable(|_| errno(sys::kill(-1, 0)))),
        mode("kill(2) of the group", |_| capable(|_| errno(sys::kill(0, 0)))),
        mode("sigqueue(2) of its parent", |before| {
            let parent = before.parent;
            capable(|_| ask!(SIGQUEUE, parent, 0, 0))
        }),
        mode("sigqueue(2) of init", |_| capable(|_| ask!(SIGQUEUE, 1, 0, 0))),
        mode("sigqueue(2) of another in the same place", |_| {
            let Ok(child) = sys::fork() else { return EINVAL };
            if child == 0 {
                sys::pause(10_000);
                sys::exit(0);
            }
            // Seen from before: there it is allowed.
            let before = ask!(SIGQUEUE, child, 0, 0);
            let answer = in_child(|| capable(|_| ask!(SIGQUEUE, child, 0, 0)));
            let _ = sys::kill(child, 9);
            let _ = sys::wait(child, 0);
            if before == 0 { answer.map_or(EINVAL, |a| a.unwrap_or(EINVAL)) } else { before }
        }),
        mode("jail_attach(2)", |_| capable(|_| ask!(JAIL_ATTACH, 1))),
        mode("jail_attach_jd(2)", |_| capable(|_| errno(sys::jail_attach_jd(0)))),
        mode("jail_set(2)", |_| capable(|_| ask!(JAIL_SET, 0, 0, 2))),
        mode("jail_remove(2)", |_| capable(|_| errno(sys::jail_remove(1)))),
        mode("rjail(2)", |before| {
            let number = before.rjail;
            capable(|_| errno(sys::rjail(number, abi::operation::CREATE, 0)))
        }),
        mode("rjail_get(2)", |before| {
            let number = before.rjail;
            capable(|_| errno(sys::rjail(number, abi::operation::GET, 0)))
        }),
        mode("chroot(2)", |_| capable(|_| errno(sys::chroot(c"dir")))),
        mode("nmount(2)", |_| capable(|_| errno(sys::nmount(c"tmpfs", c"dir")))),
        mode("kldload(2)", |_| capable(|_| errno(sys::kldload(c"nothing")))),
        mode("reboot(2)", |_| capable(|_| errno(sys::reboot(0x20_0000)))),
        mode("setlogin(2)", |_| capable(|_| errno(sys::setlogin(c"name")))),
        mode("bind(2)", |_| {
            let socket = sys::socket(2, 2, 0).unwrap_or(-1);
            let any = sys::Sockaddr::new([0; 4], 0);
            capable(|_| errno(sys::bind(socket, sys::WithSize(&any))))
        }),
        mode("connect(2)", |_| {
            let socket = sys::socket(2, 2, 0).unwrap_or(-1);
            let somebody = sys::Sockaddr::new([10, 66, 0, 2], 9);
            capable(|_| errno(sys::connect(socket, sys::WithSize(&somebody))))
        }),
        step("sysctl kern.hostname, to write", |_| {
            capable(|_| errno(sys::sysctl_named("kern.hostname", &mut [], Some(b"x"))))
        })
        .everywhere(EPERM),
        step("sysctl kern.maxfilesperproc, to read", |_| {
            capable(|_| errno(sys::sysctl(&[1, 27], &mut [0; 8], None)))
        })
        .everywhere(EPERM),
    ];
    make_all("PV-21", CAPABILITY)
}

/// What opening a path below a directory gives that was open outside and came
/// over a socket: outside, in a native jail, in ours.
fn passed(directory: &CStr, path: &CStr) -> [i32; 3] {
    Place::ALL.map(|place| {
        let opened = in_child(|| -> Result<()> {
            let [ours, theirs] = sys::socketpair()?;
            let descriptor = sys::open(directory, DIRECTORY, 0)?;
            sys::pass(ours, descriptor)?;
            sys::close(descriptor)?;
            place.enter()?;
            let file = get!(OPENAT, sys::take(theirs)?, path, 0, 0)?;
            // What cannot be read is a directory.
            let mut bytes = [0; 8];
            let read = sys::read(low(file), &mut bytes);
            if read.is_err() || path.to_bytes().ends_with(b"..") || &bytes == b"outside\n" {
                Ok(())
            } else {
                Err(Error(EINVAL))
            }
        });
        match opened {
            Ok(Ok(opened)) => errno(opened),
            _ => super::DIED,
        }
    })
}

/// Such a directory confines what is looked up through it, by the rule that
/// holds in capability mode; where that has a hole, and with the label alone, the
/// watch stops it.
pub fn passed_directory(_: &Context) -> Outcome {
    const HOLE: [i32; 3] = [0, 0, ENOENT];
    let confined = [0, ENOTCAPABLE, ENOENT];
    want!("below it", passed(c"/sibling", c"etc"), [0; 3]);
    want!("above it", passed(c"/sibling/etc", c".."), confined);
    want!("beside it", passed(c"/sibling/etc", c"../etc"), confined);
    want!("above the machine's root", passed(c"/sibling", c"../.."), confined);
    // Natively everything is above the root of a mount.
    want!("above it, a mount's root", passed(c"/sibling", c".."), HOLE);
    want!("the machine's secret", passed(c"/sibling", c"../secret"), HOLE);
    jails_gone()?;

    let watch = |on| sys::sysctl_write(WATCH, on);
    want!("not watched", watch(0), Ok(()));
    want!("above it, a mount's root", passed(c"/sibling", c".."), [0; 3]);
    jails_gone()?;
    want!("watched again", watch(1), Ok(()));
    want!("neither", watch(2), Err(Error(EINVAL)));
    want!("above it, a mount's root", passed(c"/sibling", c".."), HOLE);
    jails_gone()
}

/// Look-ups are watched while a jail is there that something can be passed to.
const WATCH: &str = "security.rjail.watch_lookups";

/// EPERM when a file's generation is hidden, 0 when it is shown.
fn shown(words: Result<[u64; 28]>) -> i32 {
    match words {
        Ok(words) if words[17] == 0 => EPERM,
        words => errno(words),
    }
}

fn fstat(file: i32) -> Result<[u64; 28]> {
    let mut words = [0; 28];
    get!(FSTAT, file, &mut words).map(|_| words)
}

fn fstatat(path: &CStr, flags: i32) -> Result<[u64; 28]> {
    const AT_FDCWD: i32 = -100;
    let mut words = [0; 28];
    get!(FSTATAT, AT_FDCWD, path, &mut words, flags).map(|_| words)
}

pub fn generation(_: &Context) -> Outcome {
    const NOFOLLOW: i32 = 0x200;
    const GENERATION: &[Step] = &[
        step("stat(2) of a file", |_| shown(fstatat(c"file", 0))),
        step("stat(2) of the root", |_| shown(fstatat(c".", 0))),
        step("lstat(2)", |_| shown(fstatat(c"etc/motd", NOFOLLOW))),
        step("fstat(2)", |_| shown(sys::open(c"file", 0, 0).and_then(fstat))),
        step("fstat(2) of a file from before", |before| shown(fstat(before.file))),
        step("fstat(2) of a new file", |_| {
            const CREATE: i32 = 0x0201;
            let file = sys::open(c"generation", CREATE, 0o600);
            let _ = sys::unlink(c"generation");
            shown(file.and_then(fstat))
        }),
        // What would be worth guessing it for.
        step("getfh(2)", |_| ask!(GETFH, c"file", &mut [0_u8; 28])),
        step("fhopen(2)", |_| ask!(FHOPEN, &[0_u8; 28], 0)).outside(70),
    ];
    make_all("PV-22", GENERATION)
}

/// mac_do(4) is a module, and the machine has none: then there are no rules that
/// a jail could have or change.
pub fn mac_do(_: &Context) -> Outcome {
    want!("mac_do.ko", sys::kldfind(c"mac_do.ko"), Err(Error(ENOENT)));
    want!("loading it", sys::kldload(c"mac_do").map(drop), Err(Error(ENOENT)));
    let rules = sys::sysctl_named("security.mac.do.rules", &mut [], None);
    want!("its rules", rules, Err(Error(ENOENT)));
    say!("    # PV-16: not exercised: mac_do(4) is no part of this kernel");
    Ok(())
}
