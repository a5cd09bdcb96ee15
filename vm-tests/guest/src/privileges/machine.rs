// SPDX-License-Identifier: BSD-2-Clause
//! Memory, time, the machine, audit and terminals.

use core::ffi::CStr;

use super::calls::{ask, get};
use super::scene::{NOTHING, Scene};
use super::{Attempt, NOT_MADE, attempt, errno};
use crate::errno::{EACCES, EBUSY, EINVAL, ENFILE, ENOENT, ENOSYS, EPERM};
use crate::sys::{self, Error};

/// `RJAIL_MLOCK`.
const MLOCK: u32 = 0x10;
/// `RJAIL_READ_MSGBUF`.
const READ_MSGBUF: u32 = 0x80;
/// `RJAIL_SETTIME`.
const SETTIME: u32 = 0x200;
/// `RJAIL_ADJTIME`.
const ADJTIME: u32 = 0x400;

const PAGE: usize = 4096;
const GIGABYTE: usize = 1 << 30;
const TIOCGETA: usize = 0x402c_7413;
const TIOCSETA: usize = 0x802c_7414;
const TIOCEXCL: usize = 0x2000_740d;
const TIOCSDRAINWAIT: usize = 0x8004_7457;
const TIOCCONS: usize = 0x8004_7462;
const TIOCSTI: usize = 0x8001_7472;

pub const ATTEMPTS: &[Attempt] = &[
    attempt("PRIV_KMEM_READ", "open(2) of a /dev/mem of mode 0666, to read", |_| {
        errno(sys::open(c"dev/mem", 0, 0))
    })
    .before(|_| sys::chmod(c"/jail/dev/mem", 0o666))
    .after(|_| close_device(c"/jail/dev/mem"))
    .user(0, EPERM),
    attempt("PRIV_KMEM_WRITE", "open(2) of a /dev/mem of mode 0666, to write", |_| {
        errno(sys::open(c"dev/mem", 1, 0))
    })
    .before(|_| sys::chmod(c"/jail/dev/mem", 0o666))
    .after(|_| close_device(c"/jail/dev/mem")),
    attempt("PRIV_SWAPON", "swapon(2) of no file", |_| ask!(SWAPON, NOTHING)).outside(ENOENT),
    attempt("PRIV_SWAPOFF", "swapoff(2) of no file", |_| ask!(SWAPOFF, NOTHING, 0)).outside(ENOENT),
    attempt("PRIV_VM_MADV_PROTECT", "procctl(PROC_SPROTECT) of oneself", |_| {
        const PROC_SPROTECT: i32 = 1;
        const PPROT_SET: i32 = 1;
        ask!(PROCCTL, 0, sys::getpid().unwrap_or(0), PROC_SPROTECT, &[PPROT_SET])
    }),
    attempt("PRIV_VM_MLOCK", "mlock(2)", |_| {
        errno(sys::allocate(PAGE).and_then(|page| sys::mlock(page)))
    })
    .with(MLOCK, 0)
    .user(0, EPERM),
    attempt("PRIV_VM_MUNLOCK", "munlock(2)", |_| {
        errno(sys::allocate(PAGE).and_then(|page| sys::munlock(page)))
    })
    .with(MLOCK, 0)
    .user(0, EPERM),
    attempt("PRIV_VM_SWAP_NOQUOTA", "mmap(2) of more than there is, vm.overcommit=5", |_| {
        errno(sys::allocate(4 * GIGABYTE))
    })
    .before(|_| sys::sysctl_write("vm.overcommit", 5))
    .after(|_| {
        let _ = sys::sysctl_write("vm.overcommit", 0);
    })
    .inside(EINVAL)
    .user(EINVAL, EINVAL),
    attempt("PRIV_VM_SWAP_NORLIMIT", "mmap(2) beyond RLIMIT_SWAP, vm.overcommit=2", |_| {
        const RLIMIT_SWAP: i32 = 12;
        let limited = get!(SETRLIMIT, RLIMIT_SWAP, &[0_i64, 0]);
        errno(limited.and_then(|_| sys::allocate(PAGE)))
    })
    .before(|_| sys::sysctl_write("vm.overcommit", 2))
    .after(|_| {
        let _ = sys::sysctl_write("vm.overcommit", 0);
    })
    .inside(EINVAL)
    .user(EINVAL, EINVAL),
    attempt("PRIV_ADJTIME", "adjtime(2) by nothing", |_| errno(sys::adjtime(0))).with(ADJTIME, 0),
    attempt("PRIV_NTP_ADJTIME", "ntp_adjtime(2) of the estimated error, unchanged", |_| {
        const MOD_ESTERROR: i64 = 8;
        let mut timex = [0_i64; 17];
        let _ = get!(NTP_ADJTIME, &mut timex);
        timex[0] = MOD_ESTERROR;
        ask!(NTP_ADJTIME, &mut timex)
    })
    .with(ADJTIME, 0),
    attempt("PRIV_CLOCK_SETTIME", "clock_settime(2) to now", |_| {
        errno(sys::clock().and_then(sys::set_time))
    })
    .with(SETTIME, 0),
    attempt("PRIV_SETTIMEOFDAY", "settimeofday(2) of nothing", |_| ask!(SETTIMEOFDAY, 0, 0))
        .with(SETTIME, 0),
    attempt("PRIV_ACCT", "acct(2) off", |_| ask!(ACCT, 0)),
    attempt("PRIV_DRIVER", "ioctl(DEV_ATTACH) of no device", |_| {
        const DEV_ATTACH: usize = 0x8098_4401;
        let mut request = [0_u8; 152];
        request[..4].copy_from_slice(b"none");
        device(c"dev/devctl2", |fd| ask!(IOCTL, fd, DEV_ATTACH, &request))
    })
    .before(|_| sys::chmod(c"/jail/dev/devctl2", 0o666))
    .after(|_| close_device(c"/jail/dev/devctl2"))
    .outside(ENOENT),
    attempt("PRIV_IO", "sysarch(2): one I/O port", |_| {
        let answer = sys::io_port(true);
        if answer.is_ok() {
            let _ = sys::io_port(false);
        }
        errno(answer)
    }),
    attempt("PRIV_KDB_SET_BACKEND", "sysctl debug.kdb.current to no debugger", |_| {
        errno(sys::sysctl_named("debug.kdb.current", &mut [], Some(b"none\0")))
    })
    .behind("PRIV_SYSCTL_WRITE")
    .outside(EINVAL),
    attempt("PRIV_KENV_SET", "kenv(2) sets", |_| errno(sys::kenv_set(c"privilege.second", c"1")))
        .after(|_| {
            let _ = sys::kenv_unset(c"privilege.second");
        }),
    attempt("PRIV_KENV_UNSET", "kenv(2) unsets", |_| errno(sys::kenv_unset(c"privilege.second")))
        .before(|_| sys::kenv_set(c"privilege.second", c"1"))
        .after(|_| {
            let _ = sys::kenv_unset(c"privilege.second");
        }),
    attempt("PRIV_KEYBOARD", "ioctl(SETFKEY), hw.kbd.keymap_restrict_change=4", |_| {
        const GETFKEY: usize = 0xc014_6b00;
        const SETFKEY: usize = 0xc014_6b01;
        const LENGTH: usize = 18;
        device(c"dev/ttyv0", |fd| {
            let mut old = [0_u8; 20];
            if let Err(Error(number)) = get!(IOCTL, fd, GETFKEY, &mut old) {
                return number;
            }
            let mut new = old;
            new[LENGTH] = if old[LENGTH] == 1 { 2 } else { 1 };
            let answer = ask!(IOCTL, fd, SETFKEY, &mut new);
            if answer == 0 {
                let _ = get!(IOCTL, fd, SETFKEY, &mut old);
            }
            answer
        })
    })
    .needs(|| sys::file_id(c"/dev/ttyv0").is_ok(), "/dev/ttyv0")
    .before(|_| {
        sys::sysctl_write("hw.kbd.keymap_restrict_change", 4)?;
        sys::chmod(c"/jail/dev/ttyv0", 0o666)
    })
    .after(|_| {
        let _ = sys::sysctl_write("hw.kbd.keymap_restrict_change", 0);
        close_device(c"/jail/dev/ttyv0");
    }),
    attempt("PRIV_KLD_LOAD", "kldload(2) of no file", |_| ask!(KLDLOAD, c"/nothing.ko"))
        .outside(ENOENT),
    attempt("PRIV_KLD_UNLOAD", "kldunload(2) of no module", |_| errno(sys::kldunload(9999)))
        .outside(ENOENT),
    attempt("PRIV_MAXFILES", "open(2), kern.maxfiles nearly reached", |_| {
        errno(sys::open(c"file", 0, 0))
    })
    .before(|scene| {
        // Enough of them for the share that is kept for root to be some.
        for _ in 0..60 {
            sys::pipe()?;
        }
        let most = sys::sysctl_number("kern.maxfiles")?;
        let open = sys::sysctl_number("kern.openfiles")?;
        scene.number = i32::try_from(most).unwrap_or(i32::MAX);
        sys::sysctl_write("kern.maxfiles", i32::try_from(open + 4).unwrap_or(i32::MAX))
    })
    .after(|scene| {
        let _ = sys::sysctl_write("kern.maxfiles", scene.number);
    })
    .inside(ENFILE)
    .user(ENFILE, ENFILE),
    attempt("PRIV_MSGBUF", "sysctl kern.msgbuf", |_| {
        errno(sys::sysctl_named("kern.msgbuf", &mut [], None))
    })
    .with(READ_MSGBUF, 0)
    .user(0, EPERM),
    attempt("PRIV_DDB_CAPTURE", "sysctl debug.ddb.capture.data", |_| {
        errno(sys::sysctl_named("debug.ddb.capture.data", &mut [], None))
    })
    .needs(|| sys::sysctl_number("debug.ddb.capture.bufsize").is_ok(), "options DDB"),
    rctl("PRIV_RCTL_GET_RACCT", "rctl_get_racct(2) of nothing", |_| {
        ask!(RCTL_GET_RACCT, 0, 0, 0, 0)
    }),
    rctl("PRIV_RCTL_GET_RULES", "rctl_get_rules(2) of nothing", |_| {
        ask!(RCTL_GET_RULES, 0, 0, 0, 0)
    }),
    rctl("PRIV_RCTL_GET_LIMITS", "rctl_get_limits(2) of nothing", |_| {
        ask!(RCTL_GET_LIMITS, 0, 0, 0, 0)
    }),
    rctl("PRIV_RCTL_ADD_RULE", "rctl_add_rule(2), none", |_| ask!(RCTL_ADD_RULE, 0, 0, 0, 0)),
    rctl("PRIV_RCTL_REMOVE_RULE", "rctl_remove_rule(2), none", |_| {
        ask!(RCTL_REMOVE_RULE, 0, 0, 0, 0)
    }),
    attempt("PRIV_REBOOT", "reboot(2)", |_| {
        const RB_NOSYNC: i32 = 4;
        errno(sys::reboot(RB_NOSYNC))
    })
    .outside(NOT_MADE),
    attempt("PRIV_SETDUMPER", "ioctl(DIOCSKERNELDUMP) of /dev/null: no dumps", |_| {
        const DIOCSKERNELDUMP: usize = 0x8098_6491;
        device(c"dev/null", |fd| ask!(IOCTL, fd, DIOCSKERNELDUMP, &[0_u8; 152]))
    }),
    attempt("PRIV_SYSCTL_WRITE", "sysctl kern.maxfilesperproc, unchanged", |_| {
        rewrite("kern.maxfilesperproc")
    }),
    attempt("PRIV_SYSCTL_WRITEJAIL", "sysctl kern.securelevel, unchanged", |_| {
        rewrite("kern.securelevel")
    })
    .root(0),
    attempt("PRIV_AUDIT_CONTROL", "auditon(A_GETPOLICY)", |_| errno(sys::audit_policy()))
        .inside(ENOSYS)
        .user(EPERM, ENOSYS),
    attempt("PRIV_AUDIT_GETAUDIT", "getauid(2)", |_| ask!(GETAUID, &mut [0_u32]))
        .inside(ENOSYS)
        .named(0, 0)
        .user(EPERM, ENOSYS),
    attempt("PRIV_AUDIT_SETAUDIT", "setauid(2)", |_| ask!(SETAUID, &[0_u32]))
        .inside(ENOSYS)
        .named(0, 0)
        .user(EPERM, ENOSYS),
    attempt("PRIV_AUDIT_SUBMIT", "audit(2) of nothing", |_| ask!(AUDIT, 0, 0))
        .outside(EINVAL)
        .inside(ENOSYS)
        .user(EPERM, ENOSYS),
    attempt("PRIV_TTY_CONSOLE", "ioctl(TIOCCONS)", |scene| {
        let answer = ask!(IOCTL, scene.fd, TIOCCONS, &[1_i32]);
        if answer == 0 {
            let _ = get!(IOCTL, scene.fd, TIOCCONS, &[0_i32]);
        }
        answer
    })
    .prepare(Scene::terminal),
    attempt("PRIV_TTY_DRAINWAIT", "ioctl(TIOCSDRAINWAIT)", |scene| {
        ask!(IOCTL, scene.fd, TIOCSDRAINWAIT, &[300_i32])
    })
    .prepare(Scene::terminal),
    attempt("PRIV_TTY_EXCLUSIVE", "open(2) of a terminal after TIOCEXCL", |scene| {
        const O_RDWR_NOCTTY: i32 = 0x8002;
        errno(scene.open_terminal(O_RDWR_NOCTTY))
    })
    .prepare(|scene| {
        scene.terminal()?;
        get!(IOCTL, scene.fd, TIOCEXCL).map(drop)
    })
    .inside(EBUSY)
    .user(EBUSY, EBUSY),
    attempt("PRIV_TTY_SETA", "ioctl(TIOCSETA) of /dev/ttyu0.init, unchanged", |_| {
        device(c"dev/ttyu0.init", |fd| {
            let mut termios = [0_u32; 11];
            match get!(IOCTL, fd, TIOCGETA, &mut termios) {
                Ok(_) => ask!(IOCTL, fd, TIOCSETA, &termios),
                Err(Error(number)) => number,
            }
        })
    })
    .before(|_| sys::chmod(c"/jail/dev/ttyu0.init", 0o666))
    .after(|_| close_device(c"/jail/dev/ttyu0.init")),
    attempt("PRIV_TTY_STI", "ioctl(TIOCSTI) of a terminal that is not one's own", |scene| {
        // In a session from outside the privilege is not asked for any more.
        let _ = sys::setsid();
        ask!(IOCTL, scene.fd, TIOCSTI, b"x")
    })
    .prepare(Scene::terminal)
    .inside(EACCES)
    .user(EACCES, EACCES),
];

/// Resource limits are in the kernel, and off until the boot loader says otherwise.
const fn rctl(privilege: &'static str, what: &'static str, call: fn(&Scene) -> i32) -> Attempt {
    attempt(privilege, what, call)
        .outside(EINVAL)
        .needs(|| sys::sysctl_number("kern.racct.enable") == Ok(1), "kern.racct.enable=1")
}

/// Does it with a device, opened to read.
fn device(path: &CStr, work: impl FnOnce(i32) -> i32) -> i32 {
    const O_NOCTTY: i32 = 0x8000;
    match sys::open(path, O_NOCTTY, 0) {
        Ok(fd) => work(fd),
        Err(Error(number)) => number,
    }
}

/// Only root may open it again.
fn close_device(path: &CStr) {
    let _ = sys::chmod(path, 0o600);
}

/// Writes a sysctl that is an int as it is.
fn rewrite(name: &str) -> i32 {
    let mut value = [0; 4];
    let read = sys::sysctl_named(name, &mut value, None);
    errno(read.and_then(|_| sys::sysctl_named(name, &mut [], Some(&value))))
}
