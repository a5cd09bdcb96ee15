// SPDX-License-Identifier: BSD-2-Clause
//! FreeBSD amd64 system calls, and all the unsafe code of this program.
//!
//! [`calls!`] declares each call by its number and the types of its arguments.
//! A reference becomes an address, a slice an address and a length, so what the
//! kernel reads or writes is always memory that the caller has lent. The calls
//! whose arguments describe each other (a length that arrives by reference) are
//! private here and wrapped below.

use crate::errno::EINVAL;
use core::arch::asm;
use core::ffi::CStr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use core::{ptr, slice};

/// What a failed call left in errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub i32);

/// What a call gives back.
pub type Result<T> = core::result::Result<T, Error>;

#[derive(Default)]
struct Registers {
    values: [usize; 6],
    used: usize,
}

impl Registers {
    fn put(&mut self, value: usize) {
        self.values[self.used] = value;
        self.used += 1;
    }

    fn with(mut self, argument: impl Argument) -> Self {
        argument.put(&mut self);
        self
    }

    /// # Safety
    /// The call with this number may read and write only memory that the
    /// registers were lent, for as long as the call lasts.
    unsafe fn enter(&self, number: usize) -> Result<usize> {
        let [a, b, c, d, e, f] = self.values;
        let (value, failed): (usize, u8);
        // SAFETY: the kernel keeps every register but the ones named here, and
        // the caller answers for the memory.
        unsafe {
            asm!("syscall", "setc cl",
                inlateout("rax") number => value, lateout("cl") failed,
                in("rdi") a, in("rsi") b, inlateout("rdx") c => _,
                inlateout("r10") d => _, inlateout("r8") e => _, inlateout("r9") f => _,
                lateout("r11") _);
        }
        if failed == 0 { Ok(value) } else { Err(Error(i32::of(value))) }
    }
}

/// Something that can stand in a call's argument list.
trait Argument {
    fn put(self, registers: &mut Registers);
}

/// What the value register means.
trait Outcome {
    fn of(rax: usize) -> Self;
}

impl Outcome for () {
    fn of(_: usize) {}
}
impl Outcome for usize {
    fn of(rax: usize) -> usize {
        rax
    }
}
impl Outcome for i64 {
    fn of(rax: usize) -> i64 {
        (rax as u64).cast_signed()
    }
}
impl Outcome for i32 {
    fn of(rax: usize) -> i32 {
        let [a, b, c, d, ..] = rax.to_le_bytes();
        i32::from_le_bytes([a, b, c, d])
    }
}

impl Argument for usize {
    fn put(self, registers: &mut Registers) {
        registers.put(self);
    }
}
impl Argument for u32 {
    fn put(self, registers: &mut Registers) {
        registers.put(self as usize);
    }
}
impl Argument for i32 {
    fn put(self, registers: &mut Registers) {
        registers.put((self as isize).cast_unsigned());
    }
}
impl Argument for &CStr {
    fn put(self, registers: &mut Registers) {
        registers.put(self.as_ptr().expose_provenance());
    }
}
impl Argument for &[u8] {
    fn put(self, registers: &mut Registers) {
        registers.put(self.as_ptr().expose_provenance());
        registers.put(self.len());
    }
}
impl Argument for &mut [u8] {
    fn put(self, registers: &mut Registers) {
        registers.put(self.as_mut_ptr().expose_provenance());
        registers.put(self.len());
    }
}
impl<T: Plain> Argument for &T {
    fn put(self, registers: &mut Registers) {
        registers.put(ptr::from_ref(self).expose_provenance());
    }
}
impl<T: Plain> Argument for &mut T {
    fn put(self, registers: &mut Registers) {
        registers.put(ptr::from_mut(self).expose_provenance());
    }
}

/// A value and its size: the kernel's way to take a structure that may grow.
pub struct WithSize<'a, T>(pub &'a T);

impl<T: Plain> Argument for WithSize<'_, T> {
    fn put(self, registers: &mut Registers) {
        self.0.put(registers);
        registers.put(size_of::<T>());
    }
}

/// Types of which any bits are a value, so that the kernel may write them.
trait Plain {}

macro_rules! plain {
    ($($type:ty),* $(,)?) => { $(impl Plain for $type {})* };
}

plain!(
    [usize; 4], i32, u32, usize, [u8; 28], [u8; 128], [u32; 1], [i32; 2], [i32; 3], [i64; 2],
    [i64; 4]
);
plain!(Sockaddr, UnixName, Stat, Alias, ModuleStat, NativeArgs, RtPrio, PollFds);

/// `struct sockaddr_in`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Sockaddr {
    length: u8,
    family: u8,
    port: [u8; 2],
    /// The address, in network byte order.
    pub address: [u8; 4],
    zero: [u8; 8],
}

impl Sockaddr {
    /// Address and port of an IPv4 socket.
    pub fn new(address: [u8; 4], port: u16) -> Self {
        Self { length: 16, family: 2, port: port.to_be_bytes(), address, zero: [0; 8] }
    }
}

/// `struct sockaddr_un`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UnixName {
    length: u8,
    family: u8,
    path: [u8; 104],
}

impl UnixName {
    /// The name of a UNIX-domain socket; cut off if it is too long.
    pub fn new(path: &CStr) -> Self {
        let mut name = Self { length: 106, family: 1, path: [0; 104] };
        for (to, from) in name.path.iter_mut().zip(path.to_bytes()).take(103) {
            *to = *from;
        }
        name
    }
}

/// `struct ifaliasreq` with IPv4 addresses.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Alias {
    interface: [u8; 16],
    address: Sockaddr,
    broadcast: Sockaddr,
    mask: Sockaddr,
    vhid: i32,
}

/// `struct stat`; only what names a file.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Stat {
    device: u64,
    inode: u64,
    rest: [u64; 26],
}

/// Device and inode: the same for two names of one file.
pub type FileId = (u64, u64);

/// `struct module_stat`, version 3.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ModuleStat {
    version: i32,
    name: [u8; 1024],
    references: i32,
    id: i32,
    data: i64,
}

/// `struct jail`, version 2. The addresses are the numbers of pointers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NativeArgs {
    version: u32,
    path: usize,
    hostname: usize,
    name: usize,
    ip4s: u32,
    ip6s: u32,
    ip4: usize,
    ip6: usize,
}

/// `struct uexterror`: why a call failed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Explained {
    version: u32,
    /// The errno, 0 when there is nothing to say.
    pub error: u32,
    /// Which part of the kernel says so.
    pub category: u32,
    line: u32,
    flags: u32,
    reserved: u32,
    /// Two numbers that belong to the message.
    pub numbers: [u64; 2],
    more: [u64; 4],
    /// The message, a C string.
    pub message: [u8; 128],
}

impl Explained {
    /// Nothing said yet.
    const NOTHING: Self = Self {
        version: 0x1001_0002,
        error: 0,
        category: 0,
        line: 0,
        flags: 0,
        reserved: 0,
        numbers: [0; 2],
        more: [0; 4],
        message: [0; 128],
    };

    /// exterrctl(2): from now on the kernel explains this thread's errors here.
    pub fn from_now_on() -> Result<Shared<Self>> {
        const ENABLE: u32 = 1;
        // Whatever was said to the parent of this process.
        const FORCE: u32 = 1;
        let place = Shared::new(Self::NOTHING)?;
        exterrctl(ENABLE, FORCE, place.at.expose_provenance())?;
        Ok(place)
    }
}

/// `struct rtprio`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RtPrio {
    kind: u16,
    priority: u16,
}

/// `struct pollfd`, as many as a service watches.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PollFds(pub [PollFd; 8]);

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PollFd {
    /// The descriptor, or -1.
    pub fd: i32,
    events: u16,
    /// What happened.
    pub happened: u16,
}

impl PollFd {
    /// Waits until there is something to read.
    pub const fn readable(fd: i32) -> Self {
        Self { fd, events: 1, happened: 0 }
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $number:literal
        ($($argument:ident: $type:ty),*) -> $outcome:ty;)*) => {$(
        $(#[$doc])*
        $vis fn $name($($argument: $type),*) -> Result<$outcome> {
            let registers = Registers::default()$(.with($argument))*;
            // SAFETY: the types are those of this call: what it reads or writes
            // is what the references and slices among them lend.
            unsafe { registers.enter($number) }.map(<$outcome>::of)
        }
    )*};
}

calls! {
    /// Ends the process.
    exit_with = 1 (status: i32) -> ();
    /// 0 in the child.
    pub fork = 2 () -> i32;
    pub read = 3 (fd: i32, into: &mut [u8]) -> usize;
    pub write = 4 (fd: i32, from: &[u8]) -> usize;
    write_from = 4 (fd: i32, from: usize, length: usize) -> usize;
    pub open = 5 (path: &CStr, flags: i32, mode: u32) -> i32;
    pub close = 6 (fd: i32) -> ();
    wait4 = 7 (pid: i32, status: &mut i32, options: i32, usage: usize) -> i32;
    pub unlink = 10 (path: &CStr) -> ();
    pub chdir = 12 (path: &CStr) -> ();
    pub fchdir = 13 (fd: i32) -> ();
    set_action = 416 (signal: i32, action: &[usize; 4], was: usize) -> ();
    fork_with_descriptor = 518 (descriptor: &mut i32, flags: i32) -> i32;
    process_control = 544 (kind: i32, id: usize, command: i32, data: usize) -> ();
    pub chmod = 15 (path: &CStr, mode: u32) -> ();
    pub chown = 16 (path: &CStr, user: u32, group: u32) -> ();
    pub getpid = 20 () -> i32;
    pub unmount = 22 (path: &CStr, flags: i32) -> ();
    pub setuid = 23 (user: u32) -> ();
    set_both = 126 (real: u32, effective: u32) -> ();
    pub ptrace = 26 (request: i32, pid: i32, address: usize, data: i32) -> ();
    receive_message = 27 (fd: i32, message: &mut Message, flags: i32) -> usize;
    send_message = 28 (fd: i32, message: &Message, flags: i32) -> usize;
    recvfrom = 29 (fd: i32, into: &mut [u8], flags: i32, from: &mut Sockaddr, size: &mut u32) -> usize;
    pub accept = 30 (fd: i32, from: usize, size: usize) -> i32;
    sockname = 32 (fd: i32, name: &mut Sockaddr, size: &mut u32) -> ();
    pub chflags = 34 (path: &CStr, flags: usize) -> ();
    pub kill = 37 (pid: i32, signal: i32) -> ();
    pub setlogin = 50 (name: &CStr) -> ();
    accounting = 51 (path: usize) -> ();
    add_alias = 54 (fd: i32, request: usize, alias: &Alias) -> ();
    plain_ioctl = 54 (fd: i32, request: usize) -> ();
    pub reboot = 55 (how: i32) -> ();
    duplicate = 90 (from: i32, to: i32) -> i32;
    exec_with = 59 (path: &CStr, arguments: &Strings<16>, environment: &Strings<1>) -> ();
    exec = 59 (path: &CStr, arguments: &Strings<3>, environment: &Strings<1>) -> ();
    pub chroot = 61 (path: &CStr) -> ();
    unmap = 73 (at: usize, length: usize) -> ();
    shmat = 228 (id: i32, at: usize, flags: i32) -> usize;
    shmdt = 230 (at: usize) -> ();
    set_groups = 80 (count: i32, groups: &[u32; 1]) -> ();
    pub setpgid = 82 (pid: i32, group: i32) -> ();
    itimer = 83 (which: i32, to: &[i64; 4], was: usize) -> ();
    pub setpriority = 96 (which: i32, who: i32, to: i32) -> ();
    pub socket = 97 (domain: i32, kind: i32, protocol: i32) -> i32;
    pub connect = 98 (fd: i32, to: WithSize<'_, Sockaddr>) -> ();
    pub connect_unix = 98 (fd: i32, to: WithSize<'_, UnixName>) -> ();
    pub getpriority = 100 (which: i32, who: i32) -> i32;
    pub bind = 104 (fd: i32, to: WithSize<'_, Sockaddr>) -> ();
    pub bind_unix = 104 (fd: i32, to: WithSize<'_, UnixName>) -> ();
    socket_option = 105 (fd: i32, level: i32, name: i32, value: WithSize<'_, [i64; 2]>) -> ();
    socket_linger = 105 (fd: i32, level: i32, name: i32, value: WithSize<'_, [i32; 2]>) -> ();
    pub listen = 106 (fd: i32, backlog: i32) -> ();
    set_time_of_day = 122 (time: usize, zone: usize) -> ();
    pub mkfifo = 132 (path: &CStr, mode: u32) -> ();
    sendto = 133 (fd: i32, from: &[u8], flags: i32, to: WithSize<'_, Sockaddr>) -> usize;
    make_pair = 135 (domain: i32, kind: i32, protocol: i32, ends: &mut [i32; 2]) -> ();
    pub mkdir = 136 (path: &CStr, mode: u32) -> ();
    adjust = 140 (by: &[i64; 2], was: usize) -> ();
    pub setsid = 147 () -> i32;
    quota = 148 (path: &CStr, command: i32, user: u32, into: &mut [u8; 128]) -> ();
    file_handle = 161 (path: &CStr, into: &mut [u8; 28]) -> ();
    sysarch = 165 (operation: i32, ports: &[i32; 3]) -> ();
    realtime = 166 (function: i32, pid: i32, to: &RtPrio) -> ();
    pub setgid = 181 (group: u32) -> ();
    pub getuid = 24 () -> i32;
    get_limit = 194 (which: i32, limit: &mut [i64; 2]) -> ();
    set_limit = 195 (which: i32, limit: &[i64; 2]) -> ();
    pub mlock = 203 (memory: &[u8]) -> ();
    pub munlock = 204 (memory: &[u8]) -> ();
    pub getpgid = 207 (pid: i32) -> i32;
    poll_some = 209 (fds: &mut PollFds, count: u32, milliseconds: i32) -> i32;
    get_clock = 232 (clock: i32, time: &mut [i64; 2]) -> ();
    set_clock = 233 (clock: i32, time: &[i64; 2]) -> ();
    sleep = 240 (time: &[i64; 2], left: usize) -> ();
    pub rfork = 251 (flags: i32) -> i32;
    modstat = 301 (module: i32, status: &mut ModuleStat) -> ();
    modfind = 303 (name: &CStr) -> i32;
    pub kldload = 304 (name: &CStr) -> i32;
    pub kldunload = 305 (id: i32) -> ();
    pub kldfind = 306 (name: &CStr) -> i32;
    pub getsid = 310 (pid: i32) -> i32;
    pub setresuid = 311 (real: u32, effective: u32, saved: u32) -> ();
    sched_getparam = 327 (pid: i32, into: &mut i32) -> ();
    native_jail = 338 (args: &NativeArgs) -> i32;
    filesystems = 557 (into: usize, size: usize, mode: i32) -> i32;
    exterrctl = 592 (operation: u32, flags: u32, place: usize) -> ();
    mount = 378 (options: &Iovecs<4>, count: u32, flags: i32) -> ();
    mount_with = 378 (options: &Iovecs<6>, count: u32, flags: i32) -> ();
    kenv = 390 (action: i32, name: &CStr, value: &mut [u8]) -> usize;
    pub swapoff = 424 (name: &CStr) -> ();
    audit = 446 (command: i32, data: WithSizeMut<'_>) -> ();
    thread_exit = 431 (state: usize) -> ();
    new_thread = 455 (parameters: WithSize<'_, ThreadParameters>) -> ();
    map = 477 (at: usize, length: usize, protection: i32, flags: i32, fd: i32, offset: usize) -> usize;
    pub shm_unlink = 483 (path: &CStr) -> ();
    pub posix_openpt = 504 (flags: i32) -> i32;
    set_jail = 507 (options: &Iovecs<6>, count: u32, flags: i32) -> i32;
    set_jail_with = 507 (options: &Iovecs<72>, count: u32, flags: i32) -> i32;
    /// Ends a native jail.
    pub jail_remove = 508 (jid: i32) -> ();
    /// Enters the jail behind a descriptor.
    pub jail_attach_jd = 597 (descriptor: i32) -> ();
    make_pipe = 542 (ends: &mut [i32; 2], flags: i32) -> ();
    statat = 552 (at: i32, path: &CStr, into: &mut Stat, flags: i32) -> ();
    mknodat = 559 (at: i32, path: &CStr, mode: u32, device: usize) -> ();
    shm_open2 = 571 (path: &CStr, flags: i32, mode: u32, shm_flags: i32, name: usize) -> i32;
}

/// Arguments of a call by their addresses, closed by a null.
#[repr(transparent)]
struct Strings<const N: usize>([usize; N]);
impl<const N: usize> Plain for Strings<N> {}

/// Addresses and lengths: `struct iovec`.
#[repr(transparent)]
struct Iovecs<const N: usize>([[usize; 2]; N]);
impl<const N: usize> Plain for Iovecs<N> {}

/// Where strings are and how long, with the null at their end.
fn strings<const N: usize>(strings: [&CStr; N]) -> [[usize; 2]; N] {
    strings.map(|s| [s.as_ptr().expose_provenance(), s.to_bytes_with_nul().len()])
}

/// The number of a value's address, for arguments that hold pointers.
pub fn address_of<T: ?Sized>(value: &T) -> usize {
    ptr::from_ref(value).expose_provenance()
}

/// Ends the process; never fails.
pub fn exit(status: i32) -> ! {
    loop {
        let _ = exit_with(status);
    }
}

/// How a child ended or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing to report yet (with `NOHANG`).
    Running,
    /// exit(2) with this status.
    Exited(i32),
    /// Killed by this signal.
    Killed(i32),
    /// Stopped by this signal.
    Stopped(i32),
}

/// Do not wait, only ask.
pub const NOHANG: i32 = 1;
/// Report stops as well.
pub const UNTRACED: i32 = 2;

/// Takes leave of the children that have ended; whether there are others.
pub fn reap() -> bool {
    loop {
        match wait(-1, NOHANG) {
            Ok((0, _)) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// wait4(2): which child, and what became of it.
pub fn wait(pid: i32, options: i32) -> Result<(i32, Status)> {
    let mut status = 0;
    let found = wait4(pid, &mut status, options, 0)?;
    let (low, high) = (status & 0x7f, (status >> 8) & 0xff);
    let status = match (found, low) {
        (0, _) => Status::Running,
        (_, 0) => Status::Exited(high),
        (_, 0x7f) => Status::Stopped(high),
        (_, signal) => Status::Killed(signal),
    };
    Ok((found, status))
}

/// Sends one datagram.
pub fn send(fd: i32, bytes: &[u8], to: Sockaddr) -> Result<usize> {
    sendto(fd, bytes, 0, WithSize(&to))
}

/// Receives one datagram and its sender.
pub fn receive(fd: i32, into: &mut [u8]) -> Result<(usize, Sockaddr)> {
    let (mut from, mut size) = (Sockaddr::default(), 16);
    let length = recvfrom(fd, into, 0, &mut from, &mut size)?;
    Ok((length, from))
}

/// The address a socket is bound to.
pub fn getsockname(fd: i32) -> Result<Sockaddr> {
    let (mut name, mut size) = (Sockaddr::default(), 16);
    sockname(fd, &mut name, &mut size)?;
    Ok(name)
}

/// A receive on the socket gives up after this long.
pub fn receive_timeout(fd: i32, milliseconds: i64) -> Result<()> {
    socket_option(fd, 0xffff, 0x1006, WithSize(&[milliseconds / 1000, milliseconds % 1000 * 1000]))
}

/// Closing the socket forgets its connection at once: no credential stays
/// behind in TIME_WAIT.
pub fn close_hard(fd: i32) -> Result<()> {
    socket_linger(fd, 0xffff, 0x80, WithSize(&[1, 0]))
}

/// Adds an address to lo0.
pub fn add_loopback_address(address: [u8; 4], mask: [u8; 4]) -> Result<()> {
    let mut interface = [0; 16];
    interface[..3].copy_from_slice(b"lo0");
    let alias = Alias {
        interface,
        address: Sockaddr::new(address, 0),
        broadcast: Sockaddr::default(),
        mask: Sockaddr::new(mask, 0),
        vhid: 0,
    };
    const SIOCAIFADDR: usize = 0x8000_0000 | size_of::<Alias>() << 16 | (b'i' as usize) << 8 | 43;
    let fd = socket(2, 2, 0)?;
    let added = add_alias(fd, SIOCAIFADDR, &alias);
    close(fd)?;
    added
}

/// Waits until a terminal has sent all its output.
pub fn drain(fd: i32) -> Result<()> {
    const TIOCDRAIN: usize = 0x2000_745e;
    plain_ioctl(fd, TIOCDRAIN)
}

/// acct(NULL): switches accounting off.
pub fn acct_off() -> Result<()> {
    accounting(0)
}

/// Replaces the program by another, with one argument.
pub fn execve(path: &CStr, argument: &CStr) -> Result<()> {
    exec(path, &Strings([address_of(path), address_of(argument), 0]), &Strings([0]))
}

/// Runs a program with these arguments, fourteen at most, its output and its
/// errors to this descriptor. Empty ones at the end are none.
pub fn run<'a>(path: &CStr, arguments: impl AsRef<[&'a CStr]>, output: i32) -> Result<()> {
    duplicate(output, 1)?;
    duplicate(output, 2)?;
    let arguments = arguments.as_ref();
    let count = arguments.iter().rposition(|a| !a.is_empty()).map_or(0, |last| last + 1);
    let mut strings = [0; 16];
    let all = core::iter::once(&path).chain(&arguments[..count]).take(15);
    for (place, string) in strings.iter_mut().zip(all) {
        *place = address_of(*string);
    }
    exec_with(path, &Strings(strings), &Strings([0]))
}

/// setgroups(2) with one group.
pub fn setgroups(group: u32) -> Result<()> {
    set_groups(1, &[group])
}

/// SIGALRM after so many seconds.
pub fn alarm(seconds: i64) -> Result<()> {
    itimer(0, &[0, 0, seconds, 0], 0)
}

/// adjtime(2) by so many microseconds.
pub fn adjtime(microseconds: i64) -> Result<()> {
    adjust(&[0, microseconds], 0)
}

/// quotactl(2): a user's quota on the file system of a path.
pub fn get_quota(path: &CStr, user: u32) -> Result<()> {
    quota(path, 0x0007_0000, user, &mut [0; 128])
}

/// getfh(2).
pub fn getfh(path: &CStr) -> Result<()> {
    file_handle(path, &mut [0; 28])
}

/// Asks for one input/output port of the machine, or gives it back.
pub fn io_port(enable: bool) -> Result<()> {
    sysarch(4, &[0x80, 1, i32::from(enable)])
}

/// rtprio(2): the caller becomes real-time, or ordinary again.
pub fn set_realtime(realtime: bool) -> Result<()> {
    realtime_priority(if realtime { 2 } else { 3 })
}

fn realtime_priority(kind: u16) -> Result<()> {
    realtime(1, 0, &RtPrio { kind, priority: 0 })
}

/// Raises the hard limit of core files by a byte, after lowering it to zero.
pub fn raise_limit() -> Result<()> {
    const RLIMIT_CORE: i32 = 4;
    let mut limit = [0; 2];
    set_limit(RLIMIT_CORE, &limit)?;
    get_limit(RLIMIT_CORE, &mut limit)?;
    set_limit(RLIMIT_CORE, &[0, limit[1] + 1])
}

/// dup2(2).
pub fn duplicate_to(from: i32, to: i32) -> Result<i32> {
    duplicate(from, to)
}

/// This process has no descriptor of this number or a greater one.
pub fn limit_descriptors(number: i64) -> Result<()> {
    const RLIMIT_NOFILE: i32 = 8;
    set_limit(RLIMIT_NOFILE, &[number; 2])
}

/// Waits for something to read from one descriptor; whether there is.
pub fn readable(fd: i32, milliseconds: i32) -> Result<bool> {
    let mut fds = PollFds([PollFd::readable(-1); 8]);
    fds.0[0] = PollFd::readable(fd);
    Ok(poll(&mut fds, milliseconds)? > 0)
}

/// Waits for something to read; how many descriptors have it.
pub fn poll(fds: &mut PollFds, milliseconds: i32) -> Result<i32> {
    poll_some(fds, 8, milliseconds)
}

/// Seconds and nanoseconds of the machine's clock.
pub fn clock() -> Result<[i64; 2]> {
    let mut time = [0; 2];
    get_clock(0, &mut time)?;
    Ok(time)
}

/// Sets the machine's clock.
pub fn set_time(time: [i64; 2]) -> Result<()> {
    set_clock(0, &time)
}

/// Nanoseconds since the machine started.
pub fn monotonic() -> Result<i64> {
    let mut time = [0; 2];
    get_clock(4, &mut time)?;
    Ok(time[0] * 1_000_000_000 + time[1])
}

/// The processor's time stamp counter.
pub fn time_stamp() -> u64 {
    let (low, high): (u64, u64);
    // SAFETY: reads a counter, and touches nothing else.
    unsafe { asm!("rdtsc", out("rax") low, out("rdx") high, options(nomem, nostack)) };
    high << 32 | low
}

/// Executes twice so many instructions.
pub fn count_down(from: u64) {
    // SAFETY: counts in a register.
    unsafe {
        asm!("2:", "dec {0}", "jnz 2b", inout(reg) from => _, options(nomem, nostack));
    }
}

/// Makes every page of the program present, and with it in every child.
pub fn touch_program() -> Result<()> {
    const PAGE: usize = 4096;
    // The linker's names for the program's ends.
    unsafe extern "C" {
        static __executable_start: u8;
        static _end: u8;
    }
    let begin = (&raw const __executable_start).expose_provenance();
    let end = (&raw const _end).expose_provenance();
    let [from, to] = pipe()?;
    for page in (begin..end).step_by(PAGE) {
        // The kernel reads for us, and says so where there is no page.
        if write_from(to, page, 1).is_ok() {
            read(from, &mut [0])?;
        }
    }
    close(from)?;
    close(to)
}

/// settimeofday(2) with nothing to set: asks for the privilege, and no more.
pub fn settimeofday_nothing() -> Result<()> {
    set_time_of_day(0, 0)
}

/// shm_open(2), with a new object if there is none.
pub fn shm_open(path: &CStr) -> Result<i32> {
    const O_CREAT_RDWR: i32 = 0x202;
    shm_open2(path, O_CREAT_RDWR, 0o600, 0, 0)
}

/// shm_open(2) of an object that is there.
pub fn shm_open_existing(path: &CStr) -> Result<i32> {
    const O_RDWR: i32 = 2;
    shm_open2(path, O_RDWR, 0, 0, 0)
}

/// Milliseconds since the machine started.
pub fn uptime() -> i64 {
    let mut time = [0; 2];
    match get_clock(4, &mut time) {
        Ok(()) => time[0] * 1000 + time[1] / 1_000_000,
        Err(_) => 0,
    }
}

/// Sleeps.
pub fn pause(milliseconds: i64) {
    // Cut short or not: every caller asks again for what it waits for.
    let _ = sleep(&[milliseconds / 1000, milliseconds % 1000 * 1_000_000], 0);
}

/// The number of the system call that a module has registered.
pub fn module_syscall(name: &CStr) -> Result<usize> {
    let version = i32::of(size_of::<ModuleStat>());
    let mut status = ModuleStat { version, name: [0; 1024], references: 0, id: 0, data: 0 };
    modstat(modfind(name)?, &mut status)?;
    usize::try_from(status.data).map_err(|_| Error(EINVAL))
}

/// rjail's system call by its number, with the address of a structure, which
/// may be a wrong one.
pub fn rjail(number: usize, operation: i32, structure: usize) -> Result<i64> {
    let registers = Registers::default().with(operation).with(structure);
    // SAFETY: it reads structures, and writes only to those of `rjail_get` and
    // where a caller here means it to.
    unsafe { registers.enter(number) }.map(i64::of)
}

/// rjail_why(2): fills in the structure, and the text as far as it goes.
pub fn rjail_why(number: usize, why: &mut abi::Why, text: &mut [u8]) -> Result<i64> {
    why.text = if text.is_empty() { 0 } else { text.as_mut_ptr().expose_provenance() };
    why.text_size = u32::try_from(text.len()).map_err(|_| Error(EINVAL))?;
    rjail(number, abi::operation::WHY, ptr::from_mut(why).expose_provenance())
}

/// rjail_get(2): fills in the structure, and the rows as far as they go.
pub fn rjail_get(number: usize, info: &mut abi::Info, rows: &mut [abi::Row]) -> Result<i64> {
    info.ledger = if rows.is_empty() { 0 } else { rows.as_mut_ptr().expose_provenance() };
    info.rows = u32::try_from(rows.len()).map_err(|_| Error(EINVAL))?;
    rjail(number, abi::operation::GET, ptr::from_mut(info).expose_provenance())
}

/// setreuid(2), which asks for another privilege than setuid(2).
pub fn setreuid(user: u32) -> Result<()> {
    set_both(user, user)
}

/// getfsstat(2): how many file systems are mounted, to this process's knowledge.
pub fn mounts() -> Result<i32> {
    filesystems(0, 0, 2)
}

/// jail(2).
pub fn jail(path: &CStr, hostname: &CStr, address: [u8; 4]) -> Result<i32> {
    jail_with(path, hostname, 0, address)
}

/// jail(2) with a name for the jail.
pub fn jail_named(path: &CStr, hostname: &CStr, name: &CStr, address: [u8; 4]) -> Result<i32> {
    jail_with(path, hostname, address_of(name), address)
}

fn jail_with(path: &CStr, hostname: &CStr, name: usize, address: [u8; 4]) -> Result<i32> {
    native_jail(&NativeArgs {
        version: 2,
        path: address_of(path),
        hostname: address_of(hostname),
        name,
        ip4s: 1,
        ip6s: 0,
        ip4: address_of(&address),
        ip6: 0,
    })
}

/// jail_set(2): makes a native jail that stays without a process in it.
pub fn jail_set(path: &CStr, name: &CStr) -> Result<i32> {
    const JAIL_CREATE: i32 = 1;
    let [path_name, path, name_name, name] = strings([c"path", path, c"name", name]);
    let options = Iovecs([path_name, path, name_name, name, strings([c"persist"])[0], [0, 0]]);
    set_jail(&options, 6, JAIL_CREATE)
}

/// jail_set(2): makes a native jail on the machine's addresses around the
/// caller, with these parameters that have no value.
pub fn jail_set_and_enter(path: &CStr, enforce_statfs: i32, parameters: &[&CStr]) -> Result<()> {
    const JAIL_CREATE: i32 = 1;
    const JAIL_ATTACH: i32 = 4;
    const JAIL_SYS_INHERIT: i32 = 2;
    let [path_name, path] = strings([c"path", path]);
    let number = |value: &i32| [address_of(value), size_of::<i32>()];
    let [ip4, statfs] = strings([c"ip4", c"enforce_statfs"]);
    let mut options = [[0; 2]; 72];
    let valued = [path_name, path, ip4, number(&JAIL_SYS_INHERIT), statfs, number(&enforce_statfs)];
    let (begin, rest) = options.split_at_mut(valued.len());
    begin.copy_from_slice(&valued);
    // After each its value, which is none.
    for (place, parameter) in rest.iter_mut().step_by(2).zip(parameters) {
        [*place] = strings([*parameter]);
    }
    let count = u32::try_from(valued.len() + 2 * parameters.len()).map_err(|_| Error(EINVAL))?;
    set_jail_with(&Iovecs(options), count, JAIL_CREATE | JAIL_ATTACH).map(drop)
}

/// jail_set(2): makes a native jail that lasts as long as its descriptor.
pub fn jail_descriptor(path: &CStr) -> Result<i32> {
    const JAIL_CREATE: i32 = 1;
    const JAIL_OWN_DESC: i32 = 0x80;
    let mut descriptor = -1;
    let [path_name, path, desc] = strings([c"path", path, c"desc"]);
    let place = [ptr::from_mut(&mut descriptor).expose_provenance(), size_of::<i32>()];
    let options = Iovecs([path_name, path, desc, place, strings([c"persist"])[0], [0, 0]]);
    set_jail(&options, 6, JAIL_CREATE | JAIL_OWN_DESC)?;
    // SAFETY: the call wrote through the address that it was given.
    Ok(unsafe { ptr::read_volatile(&raw const descriptor) })
}

/// Two UNIX-domain sockets that are connected.
pub fn socketpair() -> Result<[i32; 2]> {
    socketpair_of(1)
}

/// socketpair(2) of UNIX-domain sockets of a type.
pub fn socketpair_of(kind: i32) -> Result<[i32; 2]> {
    let mut ends = [-1; 2];
    make_pair(1, kind, 0, &mut ends)?;
    Ok(ends)
}

/// `struct msghdr`.
#[repr(C)]
struct Message {
    name: usize,
    name_size: u32,
    iovecs: usize,
    iovec_count: i32,
    control: usize,
    control_size: u32,
    flags: i32,
}
impl Plain for Message {}

/// `struct cmsghdr` with one descriptor, `SCM_RIGHTS`.
#[repr(C)]
struct Rights {
    length: u32,
    level: i32,
    kind: i32,
    padding: i32,
    descriptor: i32,
    padding_after: i32,
}

impl Rights {
    fn new(descriptor: i32) -> Self {
        Self { length: 20, level: 0xffff, kind: 1, padding: 0, descriptor, padding_after: 0 }
    }
}

/// Does something with a message of one byte and one descriptor; which
/// descriptor is in it then.
fn with_message(descriptor: i32, work: impl FnOnce(&mut Message) -> Result<usize>) -> Result<i32> {
    let mut byte = [0_u8; 1];
    let mut iovec = [byte.as_mut_ptr().expose_provenance(), 1];
    let mut rights = Rights::new(descriptor);
    let mut message = Message {
        name: 0,
        name_size: 0,
        iovecs: ptr::from_mut(&mut iovec).expose_provenance(),
        iovec_count: 1,
        control: ptr::from_mut(&mut rights).expose_provenance(),
        control_size: 24,
        flags: 0,
    };
    work(&mut message)?;
    // SAFETY: the call wrote through the address that it was given.
    Ok(unsafe { ptr::read_volatile(&raw const rights.descriptor) })
}

/// Passes a descriptor over a UNIX-domain socket.
pub fn pass(socket: i32, descriptor: i32) -> Result<()> {
    with_message(descriptor, |message| send_message(socket, message, 0)).map(drop)
}

/// Takes a descriptor that was passed.
pub fn take(socket: i32) -> Result<i32> {
    with_message(-1, |message| receive_message(socket, message, 0))
}

/// rjail's system call in a child of vfork(2), which runs in this process's memory.
pub fn rjail_after_vfork(number: usize, operation: i32, arguments: usize) -> Result<i64> {
    let (value, failed): (usize, u8);
    // SAFETY: the child makes two calls and uses no memory, so that this process
    // finds its own as it left it; the kernel keeps every register but those
    // named here.
    unsafe {
        asm!("syscall",
            "jc 3f",
            "test eax, eax",
            "jnz 3f",
            // The child: the call, then exit(errno).
            "mov rax, r12",
            "mov edi, r14d",
            "mov rsi, r13",
            "syscall",
            "jc 2f",
            "xor eax, eax",
            "2:",
            "mov edi, eax",
            "mov eax, 1",
            "syscall",
            "3:",
            "setc cl",
            inlateout("rax") 66_usize => value, lateout("cl") failed,
            in("r12") number, in("r13") arguments, in("r14") operation,
            lateout("rdi") _, lateout("rsi") _, lateout("rdx") _,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _);
    }
    if failed != 0 {
        return Err(Error(i32::of(value)));
    }
    match wait(i32::of(value), 0)?.1 {
        Status::Exited(0) => Ok(0),
        Status::Exited(errno) => Err(Error(errno)),
        _ => Err(Error(EINVAL)),
    }
}

/// vfork(2): the child sleeps for good, and this process with it.
pub fn vfork_and_sleep() -> Result<i32> {
    let (value, failed): (usize, u8);
    // SAFETY: the child makes one call, with nothing of ours, that never returns, and
    // if it should, ends; the kernel keeps every register but those named here.
    unsafe {
        asm!("syscall",
            "jc 3f",
            "test eax, eax",
            "jnz 3f",
            // The child: select(2) of nothing, without a time.
            "2:",
            "mov eax, 93",
            "xor edi, edi",
            "xor esi, esi",
            "xor edx, edx",
            "xor r10d, r10d",
            "xor r8d, r8d",
            "syscall",
            "jmp 2b",
            "3:",
            "setc cl",
            inlateout("rax") 66_usize => value, lateout("cl") failed,
            lateout("rdi") _, lateout("rsi") _, lateout("rdx") _,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _);
    }
    if failed == 0 { Ok(i32::of(value)) } else { Err(Error(i32::of(value))) }
}

/// pdfork(2), of a child that outlives the descriptor: 0 in the child.
pub fn pdfork() -> Result<i32> {
    const PD_DAEMON: i32 = 1;
    let mut descriptor = -1;
    fork_with_descriptor(&mut descriptor, PD_DAEMON)
}

/// procctl(2): orphans beneath this process become its children.
pub fn become_reaper() -> Result<()> {
    const P_PID: i32 = 0;
    const PROC_REAP_ACQUIRE: i32 = 2;
    let pid = getpid()?.unsigned_abs();
    process_control(P_PID, pid as usize, PROC_REAP_ACQUIRE, 0)
}

/// Where [`count_signals`] counts.
static SIGNALS: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());

extern "C" fn count_signal(_: i32) {
    // SAFETY: null, or what `count_signals` was given, which lives as long as the
    // program.
    if let Some(counter) = unsafe { SIGNALS.load(Ordering::Relaxed).as_ref() } {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// From now on this process, and who is forked from it, takes note of a signal and goes
/// on; a system call that sleeps ends with EINTR.
pub fn count_signals(signal: i32, counter: &'static AtomicU32) -> Result<()> {
    SIGNALS.store(ptr::from_ref(counter).cast_mut(), Ordering::Relaxed);
    let handler = (count_signal as extern "C" fn(i32)) as usize;
    set_action(signal, &[handler, 0, 0, 0], 0)
}

/// Signals that this process, and who is forked from it, does not take.
pub fn ignore_signal(signal: i32) -> Result<()> {
    const SIG_IGN: usize = 1;
    set_action(signal, &[SIG_IGN, 0, 0, 0], 0)
}

/// Memory that the children forked after it share with their parent, as numbers to
/// count with.
pub fn counters(count: usize) -> Result<&'static [AtomicU32]> {
    let at = map(0, count * size_of::<AtomicU32>(), 3, 0x1001, -1, 0)?;
    let start: *const AtomicU32 = ptr::with_exposed_provenance(at);
    // SAFETY: a fresh zeroed mapping of this length, never unmapped.
    Ok(unsafe { slice::from_raw_parts(start, count) })
}

/// `struct thr_param`, its pointers as numbers.
#[repr(C)]
struct ThreadParameters {
    start: usize,
    argument: usize,
    stack: usize,
    stack_size: usize,
    tls: usize,
    tls_size: usize,
    child_id: usize,
    parent_id: usize,
    flags: i32,
    priority: usize,
    spare: [usize; 3],
}
impl Plain for ThreadParameters {}

/// Another thread of this process, which runs until the process ends.
pub fn thread<T: Sync>(run: fn(&'static T) -> !, with: &'static T) -> Result<()> {
    #[repr(C)]
    struct Start<T: 'static>(fn(&'static T) -> !, &'static T);
    extern "C" fn begin<T>(start: *const Start<T>) -> ! {
        // SAFETY: written below, before this thread was made, and never freed.
        let Start(run, with) = unsafe { start.read() };
        run(with)
    }
    const STACK: usize = 128 << 10;
    let stack = allocate(STACK)?.as_mut_ptr();
    let start = stack.cast::<Start<T>>();
    // SAFETY: the lowest bytes of the stack, page-aligned, which it never reaches.
    unsafe { start.write(Start(run, with)) };
    let mut ids = [0_usize; 2];
    let id = ids.as_mut_ptr().expose_provenance();
    let parameters = ThreadParameters {
        start: (begin::<T> as extern "C" fn(*const Start<T>) -> !) as usize,
        argument: start.expose_provenance(),
        stack: stack.expose_provenance() + 4096,
        stack_size: STACK - 4096,
        tls: 0,
        tls_size: 0,
        child_id: 0,
        parent_id: id,
        flags: 0,
        priority: 0,
        spare: [0; 3],
    };
    new_thread(WithSize(&parameters))
}

/// Ends the running thread, which is not the last one of its process.
pub fn end_thread() -> ! {
    loop {
        let _ = thread_exit(0);
    }
}

/// sendfile(2) of the first bytes of a file. Its seventh argument, flags, is on
/// the stack.
pub fn sendfile(file: i32, socket: i32, length: usize) -> Result<()> {
    sendfile_after(file, socket, length, 0)
}

/// The same after a header: `struct sf_hdtr`.
pub fn sendfile_with(file: i32, socket: i32, length: usize, header: &[u8]) -> Result<()> {
    let header = [header.as_ptr().expose_provenance(), header.len()];
    sendfile_after(file, socket, length, address_of(&[address_of(&header), 1, 0, 0]))
}

fn sendfile_after(file: i32, socket: i32, length: usize, header: usize) -> Result<()> {
    let (value, failed): (usize, u8);
    // SAFETY: the call writes nothing of ours; the stack is as it was afterwards.
    unsafe {
        asm!("push 0", "push 0", "syscall", "setc cl", "lea rsp, [rsp + 16]",
            inlateout("rax") 393_usize => value, lateout("cl") failed,
            in("rdi") file, in("rsi") socket, inlateout("rdx") 0_usize => _,
            inlateout("r10") length => _, inlateout("r8") header => _,
            inlateout("r9") 0_usize => _, lateout("r11") _);
    }
    if failed == 0 { Ok(()) } else { Err(Error(i32::of(value))) }
}

/// Mounts a file system that has no device.
pub fn nmount(kind: &CStr, path: &CStr) -> Result<()> {
    mount(&Iovecs(strings([c"fstype", kind, c"fspath", path])), 4, 0)
}

/// The same with an option more, or as an update of what is mounted.
pub fn nmount_with(kind: &CStr, path: &CStr, option: [&CStr; 2], flags: i32) -> Result<()> {
    let [name, value] = option;
    let all = strings([c"fstype", kind, c"fspath", path, name, value]);
    mount_with(&Iovecs(all), 6, flags)
}

/// The value of a kernel environment variable, as the loader set it.
pub fn kenv_get<'a>(name: &CStr, into: &'a mut [u8]) -> Result<&'a [u8]> {
    let length = kenv(0, name, into)?;
    Ok(into[..length].split(|byte| *byte == 0).next().unwrap_or_default())
}

/// Sets a kernel environment variable.
pub fn kenv_set(name: &CStr, value: &CStr) -> Result<()> {
    let mut bytes = [0; 64];
    let value = value.to_bytes_with_nul();
    bytes[..value.len()].copy_from_slice(value);
    kenv(1, name, &mut bytes[..value.len()]).map(drop)
}

/// Takes a kernel environment variable away.
pub fn kenv_unset(name: &CStr) -> Result<()> {
    kenv(2, name, &mut []).map(drop)
}

/// auditon(A_GETPOLICY).
pub fn audit_policy() -> Result<()> {
    audit(33, WithSizeMut(&mut 0))
}

/// The scheduling parameter of a process.
pub fn sched_param(pid: i32) -> Result<i32> {
    let mut parameter = 0;
    sched_getparam(pid, &mut parameter)?;
    Ok(parameter)
}

/// A pipe: where to read, where to write.
pub fn pipe() -> Result<[i32; 2]> {
    let mut ends = [0; 2];
    make_pipe(&mut ends, 0)?;
    Ok(ends)
}

/// Which file a name is.
pub fn file_id(path: &CStr) -> Result<FileId> {
    const AT_FDCWD: i32 = -100;
    let mut stat = Stat { device: 0, inode: 0, rest: [0; 26] };
    statat(AT_FDCWD, path, &mut stat, 0)?;
    Ok((stat.device, stat.inode))
}

/// Makes a character device node that no driver has.
pub fn mknod(path: &CStr) -> Result<()> {
    const AT_FDCWD: i32 = -100;
    mknodat(AT_FDCWD, path, 0o020_600, 0x7f00)
}

/// sysctl(3) by number: the length of what was read into `old`.
pub fn sysctl(name: &[i32], old: &mut [u8], new: Option<&[u8]>) -> Result<usize> {
    sysctl_by(202, Registers::default().with(name), old, new)
}

/// The same by name. What fits is there also when the call fails with ENOMEM.
pub fn sysctl_named(name: &str, old: &mut [u8], new: Option<&[u8]>) -> Result<usize> {
    sysctl_by(570, Registers::default().with(name.as_bytes()), old, new)
}

fn sysctl_by(number: usize, name: Registers, old: &mut [u8], new: Option<&[u8]>) -> Result<usize> {
    let mut length = old.len();
    let room: &mut usize = &mut length;
    let registers = name.with(Start(old)).with(room).with(new);
    // SAFETY: both calls write at most `length` bytes to `old`, and `length`.
    unsafe { registers.enter(number) }.map(|_| length)
}

/// Reads a sysctl that is one number of at most eight bytes.
pub fn sysctl_number(name: &str) -> Result<i64> {
    let mut bytes = [0; 8];
    sysctl_named(name, &mut bytes, None)?;
    Ok(i64::from_le_bytes(bytes))
}

/// Writes a sysctl that is an int.
pub fn sysctl_write(name: &str, value: i32) -> Result<()> {
    sysctl_named(name, &mut [], Some(&value.to_le_bytes())).map(drop)
}

/// Memory of this process, all zero, until it ends.
pub fn allocate(length: usize) -> Result<&'static mut [u8]> {
    let at = map(0, length, 3, 0x1002, -1, 0)?;
    let start = ptr::with_exposed_provenance_mut(at);
    // SAFETY: a fresh private mapping of this length, writable and never unmapped.
    Ok(unsafe { slice::from_raw_parts_mut(start, length) })
}

/// The same with nothing mapped behind it: whole pages.
pub fn allocate_before_a_hole(length: usize) -> Result<&'static mut [u8]> {
    const PAGE: usize = 4096;
    let memory = allocate(length + PAGE)?;
    let (memory, hole) = memory.split_at_mut(length);
    unmap(address_of(&*hole), PAGE)?;
    Ok(memory)
}

/// Maps memory that is not there before, and takes it away again.
pub fn map_for_a_moment(length: usize) -> Result<()> {
    unmap(map(0, length, 3, 0x1002, -1, 0)?, length)
}

/// Attaches a segment of System V memory, and detaches it.
pub fn attach(id: i32) -> Result<()> {
    shmdt(shmat(id, 0, 0)?)
}

/// Maps the first bytes of a file, to read.
pub fn map_file(fd: i32) -> Result<()> {
    let at = map(0, 4096, 1, 2, fd, 0)?;
    unmap(at, 4096)
}

/// A value that stays as long as the process, for its threads.
pub fn keep<T>(value: T) -> Result<&'static T> {
    let at = map(0, size_of::<T>().max(1), 3, 0x1002, -1, 0)?;
    let at: *mut T = ptr::with_exposed_provenance_mut(at);
    // SAFETY: freshly mapped, page-aligned, large enough.
    unsafe { at.write(value) };
    // SAFETY: written above, never unmapped and never written again.
    Ok(unsafe { &*at })
}

/// A value that the children forked after it share with their parent.
pub struct Shared<T: Copy> {
    at: *mut T,
}

// SAFETY: `T` is plain data behind an address; who writes and who reads take
// turns or agree that one writes only.
unsafe impl<T: Copy> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    /// A fresh one.
    pub fn new(value: T) -> Result<Self> {
        let at = map(0, size_of::<T>(), 3, 0x1001, -1, 0)?;
        let shared = Self { at: ptr::with_exposed_provenance_mut(at) };
        shared.set(value);
        Ok(shared)
    }

    /// Where it is, for arguments that hold pointers.
    pub fn address(&self) -> usize {
        self.at.expose_provenance()
    }

    /// What was set last.
    pub fn get(&self) -> T {
        // SAFETY: mapped since `new`, always holding a whole `T`: every writer is
        // this program, and its parent reads it when the writer has ended.
        unsafe { self.at.read_volatile() }
    }

    /// Sets it for all that share it.
    pub fn set(&self, value: T) {
        // SAFETY: mapped since `new`, page-aligned.
        unsafe { self.at.write_volatile(value) };
    }
}

impl<T: Copy> Drop for Shared<T> {
    fn drop(&mut self) {
        let _ = unmap(self.at.expose_provenance(), size_of::<T>());
    }
}

/// Only the address of a slice; its length travels by reference.
struct Start<'a>(&'a mut [u8]);

impl Argument for Start<'_> {
    fn put(self, registers: &mut Registers) {
        // No buffer is a null pointer; an empty one would ask for a length.
        registers.put(if self.0.is_empty() { 0 } else { self.0.as_mut_ptr().expose_provenance() });
    }
}

/// An int the kernel fills in, and its size.
struct WithSizeMut<'a>(&'a mut i32);

impl Argument for WithSizeMut<'_> {
    fn put(self, registers: &mut Registers) {
        self.0.put(registers);
        registers.put(size_of::<i32>());
    }
}

impl Argument for &[i32] {
    fn put(self, registers: &mut Registers) {
        registers.put(self.as_ptr().expose_provenance());
        registers.put(self.len());
    }
}

impl Argument for Option<&[u8]> {
    fn put(self, registers: &mut Registers) {
        match self {
            Some(bytes) => bytes.put(registers),
            None => {
                registers.put(0);
                registers.put(0);
            }
        }
    }
}

/// Where the kernel enters the program, with the address of its argument count.
#[unsafe(no_mangle)]
extern "C" fn _start(stack: *const usize) -> ! {
    // SAFETY: the kernel's start-up block: a count, then so many pointers.
    let count = unsafe { stack.read() };
    let argument = (count > 1).then(|| {
        let second = stack.wrapping_add(2);
        // SAFETY: the count says there is a second pointer.
        let string = ptr::with_exposed_provenance(unsafe { second.read() });
        // SAFETY: execve(2) gave a closed string that stays as long as the program.
        unsafe { CStr::from_ptr(string) }
    });
    crate::start(argument)
}
