// SPDX-License-Identifier: BSD-2-Clause
//! The system calls of the attempts, by name, and their arguments as numbers
//! and lent memory. Structures are arrays of their words here, with the offsets
//! of the amd64 kernel.

use core::arch::asm;
use core::ffi::CStr;
use core::marker::PhantomData;
use core::ptr;

use crate::sys::{Error, Result};

/// A system call that this module names. None of them maps memory, takes memory
/// away, starts a thread or returns to another place.
pub struct Call(usize);

macro_rules! calls {
    ($($name:ident = $number:literal;)*) => {$(
        #[doc = concat!("System call ", $number, ".")]
        pub const $name: Call = Call($number);
    )*};
}

calls! {
    UMASK = 60;
    SIGACTION = 416;
    SCHED_YIELD = 331;
    LINK = 9;
    EACCESS = 376;
    KTRACE = 45;
    ACCT = 51;
    IOCTL = 54;
    SYMLINK = 57;
    REVOKE = 56;
    SWAPON = 85;
    FCNTL = 92;
    JAIL = 338;
    SENDMSG = 28;
    RECVFROM = 29;
    ACCEPT = 30;
    GETSOCKNAME = 32;
    GETPEERNAME = 31;
    CONNECT = 98;
    BIND = 104;
    SETSOCKOPT = 105;
    SETTIMEOFDAY = 122;
    SETREUID = 126;
    SETREGID = 127;
    SENDTO = 133;
    RMDIR = 137;
    NFSSVC = 155;
    GETFH = 161;
    RTPRIO = 166;
    NTP_ADJTIME = 176;
    SETGID = 181;
    SETEGID = 182;
    SETEUID = 183;
    SETRLIMIT = 195;
    UNDELETE = 205;
    SEMGET = 221;
    MSGGET = 225;
    SHMGET = 231;
    FHOPEN = 298;
    KLDLOAD = 304;
    SETRESUID = 311;
    SETRESGID = 312;
    SCHED_SETSCHEDULER = 329;
    EXTATTR_SET_FILE = 356;
    KQUEUE = 362;
    NMOUNT = 378;
    JAIL_ATTACH = 436;
    AUDIT = 445;
    GETAUID = 447;
    SETAUID = 448;
    CPUSET_GETAFFINITY = 487;
    CPUSET_SETAFFINITY = 488;
    OPENAT = 499;
    POSIX_OPENPT = 504;
    JAIL_SET = 507;
    SEMCTL = 510;
    MSGCTL = 511;
    SHMCTL = 512;
    SETLOGINCLASS = 524;
    RCTL_GET_RACCT = 525;
    RCTL_GET_RULES = 526;
    RCTL_GET_LIMITS = 527;
    RCTL_ADD_RULE = 528;
    RCTL_REMOVE_RULE = 529;
    BINDAT = 538;
    CONNECTAT = 539;
    PROCCTL = 544;
    FSTATAT = 552;
    GETDIRENTRIES = 554;
    FHSTAT = 553;
    FHSTATFS = 558;
    STATFS = 555;
    MKNODAT = 559;
    AIO_READ = 255;
    AIO_WRITE = 256;
    LIO_LISTIO = 257;
    FACCESSAT = 489;
    FCHMODAT = 490;
    FCHOWNAT = 491;
    MKFIFOAT = 497;
    SYMLINKAT = 502;
    CHFLAGSAT = 540;
    UTIMENSAT = 547;
    FHLINKAT = 566;
    FUNLINKAT = 568;
    AIO_RETURN = 314;
    AIO_ERROR = 317;
    DUP2 = 90;
    EXTERRCTL = 592;
    FCHFLAGS = 35;
    SYSCALL = 0;
    FUTIMES = 206;
    ACL_SET_FD = 350;
    ACL_DELETE_FD = 352;
    EXTATTR_SET_FD = 371;
    EXTATTR_DELETE_FD = 373;
    FUTIMENS = 546;
    FCHMOD = 124;
    FCHOWN = 123;
    FCHROOT = 590;
    FEXECVE = 492;
    FHLINK = 565;
    FHREADLINK = 567;
    FSTATFS = 556;
    FTRUNCATE = 480;
    GETCWD = 326;
    GETFHAT = 564;
    GETFSSTAT = 557;
    LGETFH = 160;
    LINKAT = 495;
    MKDIRAT = 496;
    PDFORK = 518;
    PDGETPID = 520;
    PDKILL = 519;
    QUOTACTL = 148;
    READLINKAT = 500;
    RENAME = 128;
    RENAMEAT = 501;
    UNLINKAT = 503;
    SWAPOFF = 582;
    SETFIB = 175;
    SETCRED = 591;
    SETGROUPS = 596;
    GETLOGIN = 49;
    ADJTIME = 140;
    GETTIMEOFDAY = 116;
    SYSARCH = 165;
    CLOCK_GETTIME = 232;
    CLOCK_SETTIME = 233;
    CLOCK_GETRES = 234;
    FFCLOCK_GETCOUNTER = 241;
    FFCLOCK_SETESTIMATE = 242;
    FFCLOCK_GETESTIMATE = 243;
    NTP_GETTIME = 248;
    MODFIND = 303;
    KLDNEXT = 307;
    KLDSTAT = 308;
    MLOCKALL = 324;
    MUNLOCKALL = 325;
    KLDUNLOADF = 444;
    AUDITON = 446;
    GETAUDIT = 449;
    SETAUDIT = 450;
    GETAUDIT_ADDR = 451;
    SETAUDIT_ADDR = 452;
    AUDITCTL = 453;
    SIGQUEUE = 456;
    CAP_ENTER = 516;
    AIO_MLOCK = 543;
    FSTAT = 551;
    SHM_OPEN2 = 571;
    SEMOP = 222;
    MSGSND = 226;
    MSGRCV = 227;
    SHM_UNLINK = 483;
    SETPGID = 82;
    SETPRIORITY = 96;
    GETPRIORITY = 100;
    GETPGID = 207;
    GETSID = 310;
    SCHED_GETPARAM = 328;
    SCHED_GETSCHEDULER = 330;
    SCHED_RR_GET_INTERVAL = 334;
    KLDSYM = 337;
    KENV = 390;
    THR_SELF = 432;
    RTPRIO_THREAD = 466;
    THR_KILL2 = 481;
    CPUSET_GETID = 486;
    WAIT6 = 532;
    KEVENT = 560;
    PDWAIT = 601;
    SCHED_SETPARAM = 327;
    KCMP = 588;
    MAC_GET_PID = 409;
    AIO_CANCEL = 316;
    UMTX_OP = 454;
    CPUSET_SETID = 485;
    KSEM_OPEN = 405;
    KSEM_UNLINK = 406;
    KMQ_OPEN = 457;
    KMQ_UNLINK = 462;
}

/// An argument: a number, or memory lent for the call. Memory that the kernel
/// writes is lent mutably.
#[derive(Clone, Copy)]
pub struct Arg<'a>(usize, PhantomData<&'a [u8]>);

impl Arg<'_> {
    const fn number(value: usize) -> Self {
        Self(value, PhantomData)
    }
}

impl From<usize> for Arg<'_> {
    fn from(value: usize) -> Self {
        Self::number(value)
    }
}

impl From<i32> for Arg<'_> {
    fn from(value: i32) -> Self {
        Self::number((value as isize).cast_unsigned())
    }
}

impl From<u32> for Arg<'_> {
    fn from(value: u32) -> Self {
        Self::number(value as usize)
    }
}

impl<'a> From<&'a CStr> for Arg<'a> {
    fn from(string: &'a CStr) -> Self {
        Self::number(string.as_ptr().expose_provenance())
    }
}

macro_rules! words {
    ($($word:ty)*) => {$(
        impl<'a, const N: usize> From<&'a [$word; N]> for Arg<'a> {
            fn from(words: &'a [$word; N]) -> Self {
                Self::number(ptr::from_ref(words).expose_provenance())
            }
        }

        impl<'a, const N: usize> From<&'a mut [$word; N]> for Arg<'a> {
            fn from(words: &'a mut [$word; N]) -> Self {
                Self::number(ptr::from_mut(words).expose_provenance())
            }
        }
    )*};
}

words!(u8 u16 u32 i32 u64 i64 usize);

/// What a call gives back.
pub fn enter(call: &Call, arguments: &[Arg<'_>]) -> Result<usize> {
    let mut registers = [0; 6];
    for (register, argument) in registers.iter_mut().zip(arguments) {
        *register = argument.0;
    }
    let [a, b, c, d, e, f] = registers;
    let (value, failed): (usize, u8);
    // SAFETY: the kernel keeps every register but the ones named here; the calls
    // that have a name touch no memory but what their arguments lend, and leave
    // the program's own as it is.
    unsafe {
        asm!("syscall", "setc cl",
            inlateout("rax") call.0 => value, lateout("cl") failed,
            in("rdi") a, in("rsi") b, inlateout("rdx") c => _,
            inlateout("r10") d => _, inlateout("r8") e => _, inlateout("r9") f => _,
            lateout("r11") _);
    }
    if failed == 0 { Ok(value) } else { Err(Error(low(value))) }
}

/// The calls that make another, by its number.
pub const INDIRECT: [Call; 2] = [Call(0), Call(198)];

/// [`enter`], by one of [`INDIRECT`]: five arguments at most.
pub fn enter_by(by: &Call, call: &Call, arguments: [Arg<'_>; 5]) -> Result<usize> {
    let [a, b, c, d, e] = arguments;
    enter(by, &[Arg::number(call.0), a, b, c, d, e])
}

/// The low half of a register.
pub fn low(value: usize) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// `get!(CALL, argument, ...)`: what the call gives back.
macro_rules! get {
    ($call:ident $(, $argument:expr)* $(,)?) => {
        $crate::privileges::calls::enter(
            &$crate::privileges::calls::$call,
            &[$($crate::privileges::calls::Arg::from($argument)),*],
        )
    };
}

/// `ask!(CALL, argument, ...)`: 0, or the errno.
macro_rules! ask {
    ($($argument:tt)*) => {
        $crate::privileges::errno($crate::privileges::calls::get!($($argument)*))
    };
}

pub(crate) use {ask, get};
