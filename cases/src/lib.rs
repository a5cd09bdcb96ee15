// SPDX-License-Identifier: BSD-2-Clause
//! The case language: what is tried, and the answer it must get.
//!
//! A case is a short sequence that one process, the *subject*, plays twice:
//! once outside any jail and once inside. Every backend (the model kernel on
//! any machine, the guest program on a real kernel, the same guest program in a
//! native jail) builds the same [world], plays the same steps and
//! compares with the same answers. No dependency, no allocation: the guest
//! program links this crate as it is.

#![no_std]
#![forbid(unsafe_code)]

mod list;
pub mod world;

pub use list::{CASES, DEMO};

/// The paper's mechanism a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Creation, entry, inheritance, immutability.
    Jail,
    /// Signals, debugging, scheduling and waiting across the boundary.
    Process,
    /// What a process can learn of others.
    Visibility,
    /// IP addresses: bind, connect, send.
    Address,
    /// The file system root.
    Root,
    /// The superuser's privileges.
    Privilege,
    /// Devices: what a jail opens, and takes away from others.
    Device,
    /// UNIX-domain sockets with a name.
    Local,
}

/// A process that a step names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The subject itself.
    Myself,
    /// A child of the subject, forked for the case, in the subject's jail.
    Child,
    /// A process outside any jail, same user as the subject.
    Neighbour,
    /// A process in another jail, same user as the subject.
    Sibling,
    /// Process 1.
    Init,
}

/// An address that a step or an answer names, of the family of its socket; see
/// [`world`] for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    /// 0.0.0.0, `::`.
    Any,
    /// 127.0.0.1, `::1`.
    Loopback,
    /// The address of the subject's jail.
    Jail,
    /// An address of the host that no jail has.
    Host,
    /// The address of the other jail.
    Sibling,
    /// An address that no interface of the machine has.
    Foreign,
    /// 255.255.255.255, the group of all nodes of a link.
    Broadcast,
}

/// Which IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6 alone: `IPV6_V6ONLY`.
    Inet6,
}

/// Transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// Kinds of sockets beyond UDP and TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// AF_INET, SOCK_RAW, IPPROTO_ICMP.
    RawIcmp,
    /// AF_INET6, SOCK_DGRAM.
    Udp6,
    /// AF_LOCAL, SOCK_STREAM.
    Local,
    /// AF_ROUTE, SOCK_RAW.
    Route,
    /// AF_NETGRAPH, SOCK_DGRAM.
    Netgraph,
}

/// One thing the subject does: a system call, or a few that make one attempt.
///
/// Paths are relative to the directory that is the jail's root: outside, the
/// subject stands in it; inside, it is `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// kill(pid, 0).
    Signal(Who),
    /// kill(-pgid, 0); each process that a step can name leads its own group.
    SignalGroup(Who),
    /// ptrace(PT_ATTACH), then PT_DETACH.
    Attach(Who),
    /// wait4(pid, WNOHANG).
    Wait(Who),
    /// getpriority(PRIO_PROCESS, pid).
    Priority(Who),
    /// setpriority(PRIO_PROCESS, pid, 1), and back where the subject may: raising
    /// is a privilege.
    SetPriority(Who),
    /// sched_getparam(pid).
    SchedParam(Who),
    /// getpgid(pid).
    GroupOf(Who),
    /// getsid(pid).
    SessionOf(Who),
    /// sysctl kern.proc.pid.PID: `Ok` when one record comes back.
    Listed(Who),
    /// sysctl kern.proc.args.PID.
    Arguments(Who),

    /// socket, bind(addr, port), getsockname. Port 0 lets the kernel choose.
    Bind(Family, Proto, Addr, u16),
    /// socket, listen without bind, getsockname.
    Listen(Family),
    /// socket, connect(addr, [`world::SERVICE_PORT`]), getpeername.
    Connect(Family, Proto, Addr),
    /// The same, and the local address it got (getsockname).
    ConnectFrom(Family, Proto, Addr),
    /// UDP socket, sendto(addr, SERVICE_PORT) without bind; whose service got it.
    /// `EAGAIN` when nobody answers in time.
    Send(Family, Addr),
    /// UDP socket, sendto(addr) without bind; the source address the receiver saw.
    SendFrom(Family, Addr),
    /// socket(2) of another kind.
    Socket(Kind),

    /// 64 times chdir(".."), then which directory "." is.
    Climb,
    /// open(path, O_RDONLY), close.
    Open(&'static str),
    /// open(path, O_RDONLY | O_DIRECTORY), kept for [`Op::FchdirKept`].
    KeepDirectory(&'static str),
    /// Close what [`Op::KeepDirectory`] opened.
    DropDirectory,
    /// fchdir to the kept directory.
    FchdirKept,
    /// mkdir(path, 0755); one that exists already is fine.
    Mkdir(&'static str),
    /// chdir(path).
    Chdir(&'static str),
    /// revoke(path).
    Revoke(&'static str),
    /// UNIX-domain stream socket, connect to the one that this process listens
    /// on: the neighbour, or the subject itself.
    ConnectLocal(Who),
    /// UNIX-domain datagram socket, sendto the one of this process.
    SendLocal(Who),
    /// UNIX-domain stream socket, connect to one whose owner has closed it.
    ConnectClosed,
    /// chroot(path).
    Chroot(&'static str),
    /// Which directory "/" is.
    WhereIsRoot,

    /// rjail(2) (native: jail(2)) with good arguments, from a forked child.
    EnterJail,
    /// rjail(2) from a forked child while a directory descriptor is open.
    EnterJailHoldingDirectory,

    /// setuid(1001), from a forked child.
    Setuid,
    /// setgroups, from a forked child.
    Setgroups,
    /// chown(path, 1001, 1001) and back.
    Chown(&'static str),
    /// chmod(path, 0600) of a file of another user, and back.
    Chmod(&'static str),
    /// Set the SF_IMMUTABLE flag (schg) and clear it again.
    Chflags(&'static str),
    /// mknod(path, character device) and unlink.
    Mknod(&'static str),
    /// mkfifo(path) and unlink.
    Mkfifo(&'static str),
    /// nmount a tmpfs on the path, then unmount it.
    Mount(&'static str),
    /// unmount of `dir`, on which nothing is mounted.
    Unmount,
    /// clock_settime(CLOCK_REALTIME) to the time it already is.
    SetTime,
    /// adjtime by 1 microsecond.
    AdjTime,
    /// kldload of a file that does not exist.
    KldLoad,
    /// kldunload of a file number that does not exist.
    KldUnload,
    /// reboot(2); never played outside.
    Reboot,
    /// Write kern.hostname, and write back what it was.
    SetHostname,
    /// Read kern.hostname.
    Hostname,
    /// Write kern.maxfilesperproc with the value it has.
    SysctlWrite,
    /// kenv(KENV_SET) of a name of its own, then KENV_UNSET.
    KenvSet,
    /// acct(NULL): switch accounting off, which it is.
    Acct,
    /// swapoff of `file`.
    SwapOff,
    /// getfh(".").
    FileHandle,
    /// mlock of one page.
    Mlock,
    /// rtprio(RTP_SET, real-time).
    RealTime,
    /// setrlimit above the hard limit.
    RaiseLimit,
    /// setlogin.
    SetLogin,
    /// sysarch(I386_SET_IOPERM).
    IoPorts,
    /// jail_set(JAIL_CREATE) of a persistent native jail, then jail_remove(2).
    NativeJail,
    /// sysctl kern.msgbuf.
    MessageBuffer,
    /// quotactl(".", Q_GETQUOTA, USRQUOTA) for [`world::USER`], on a file system
    /// without quotas.
    Quota,
    /// auditon(A_GETPOLICY).
    Audit,
}

impl Op {
    /// The family of the addresses that it names.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Bind(family, ..)
            | Self::Listen(family)
            | Self::Connect(family, ..)
            | Self::ConnectFrom(family, ..)
            | Self::Send(family, _)
            | Self::SendFrom(family, _) => family,
            _ => Family::Inet,
        }
    }
}

/// What a step answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It worked.
    Ok,
    /// It failed with this errno (a name of errno(2)).
    No(Errno),
    /// It worked, on this address.
    At(Addr),
    /// The directory in question is this one.
    In(Place),
    /// kern.hostname is the subject's jail's / the machine's.
    Named(Name),
    /// Not played, because it would take the machine down.
    NotPlayed,
}

/// A directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The machine's root.
    MachineRoot,
    /// The jail's root.
    JailRoot,
    /// Somewhere else.
    Elsewhere,
}

/// Whose host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// The machine's.
    Machine,
    /// The jail's.
    Jail,
}

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        /// The errno values that cases name, with FreeBSD's numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Errno { $($(#[$doc])* $name = $number),* }
        impl Errno {
            /// The errno with this number, if a case names it.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
            /// FreeBSD's number.
            #[must_use]
            pub const fn number(self) -> i32 { self as i32 }
            /// The name as errno(2) spells it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

errnos! {
    /// Operation not permitted.
    EPERM = 1,
    /// No such file or directory.
    ENOENT = 2,
    /// No such process.
    ESRCH = 3,
    /// Input/output error.
    EIO = 5,
    /// Device not configured.
    ENXIO = 6,
    /// Bad file descriptor.
    EBADF = 9,
    /// No child processes.
    ECHILD = 10,
    /// Cannot allocate memory.
    ENOMEM = 12,
    /// Permission denied.
    EACCES = 13,
    /// Bad address.
    EFAULT = 14,
    /// Device busy.
    EBUSY = 16,
    /// File exists.
    EEXIST = 17,
    /// Cross-device link.
    EXDEV = 18,
    /// Operation not supported by device.
    ENODEV = 19,
    /// Not a directory.
    ENOTDIR = 20,
    /// Invalid argument.
    EINVAL = 22,
    /// Read-only file system.
    EROFS = 30,
    /// Resource temporarily unavailable.
    EAGAIN = 35,
    /// Protocol not supported.
    EPROTONOSUPPORT = 43,
    /// Operation not supported.
    EOPNOTSUPP = 45,
    /// Address family not supported.
    EAFNOSUPPORT = 47,
    /// Address already in use.
    EADDRINUSE = 48,
    /// Can't assign requested address.
    EADDRNOTAVAIL = 49,
    /// Network is unreachable.
    ENETUNREACH = 51,
    /// Socket is already connected.
    EISCONN = 56,
    /// Connection refused.
    ECONNREFUSED = 61,
    /// File name too long.
    ENAMETOOLONG = 63,
    /// No route to host.
    EHOSTUNREACH = 65,
    /// Function not implemented.
    ENOSYS = 78,
    /// Capabilities insufficient.
    ENOTCAPABLE = 93,
}

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Unique, `topic_what_whom`, for `T=` and reports.
    pub name: &'static str,
    /// Which mechanism it exercises.
    pub topic: Topic,
    /// What root tries, as a person says it: "signal a process of the host".
    pub about: &'static str,
    /// Steps that prepare; each must answer `Ok` in every run.
    pub setup: &'static [Op],
    /// The attempt.
    pub probe: Op,
    /// What the attempt answers outside any jail.
    pub outside: Answer,
    /// What it answers inside an rjail, both lines.
    pub inside: Answer,
    /// Where the label alone (`security.rjail.second_line=0`) answers otherwise.
    pub first_line: Option<Difference>,
    /// Where a native jail answers otherwise.
    pub native: Option<Difference>,
    /// Where a kernel without rjail answers otherwise outside any jail: there a
    /// step that makes a jail makes a native one.
    pub without_rjail: Option<Difference>,
}

/// An answer that differs from the case's, and why it may.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// The answer there.
    pub answer: Answer,
    /// The reason, a sentence.
    pub why: &'static str,
}

impl Case {
    /// The answer the label alone must give.
    #[must_use]
    pub fn inside_first_line(&self) -> Answer {
        self.first_line.map_or(self.inside, |d| d.answer)
    }
    /// The answer outside any jail on a kernel without rjail.
    #[must_use]
    pub fn outside_without_rjail(&self) -> Answer {
        self.without_rjail.map_or(self.outside, |d| d.answer)
    }
    /// The answer a native jail gives.
    #[must_use]
    pub fn inside_native(&self) -> Answer {
        self.native.map_or(self.inside, |d| d.answer)
    }
}
