// SPDX-License-Identifier: BSD-2-Clause
//! The system call: from user memory to a [`Request`], from a jail to what
//! rjail_get(2) tells of it.

use core::ffi::{CStr, c_int, c_void};
use core::mem::offset_of;
use core::net::{Ipv4Addr, Ipv6Addr};

use static_assertions::const_assert_eq;
use sys_bindings as c;

use super::privilege::NUMBERS;
use crate::address::Loopback;
use crate::jail::{self, Request};
use crate::kernel::credential::Jail;
use crate::kernel::hold::{held, second_line_allows};
use crate::kernel::memory::try_collect;
use crate::kernel::process::Current;
use crate::kernel::second_line;
use crate::kernel::uaccess::{Plain, UserPtr};
use crate::kill::Order;
use crate::prison::{JailFlags, Jid, Name, State};
use crate::privilege::{self, Asked, By, LONGEST, Line, Named, Privilege, Verdict};
use crate::{Errno, Result, address, killer};

/// The C header and the crate for Rust programs are one layout.
macro_rules! same_layout {
    ($($rust:ty = $c:ty { $($field:ident)* })*) => {$(
        const_assert_eq!(size_of::<$rust>(), size_of::<$c>());
        $(const_assert_eq!(offset_of!($rust, $field), offset_of!($c, $field));)*
    )*};
}
same_layout! {
    abi::Args = c::rjail_args { size version path hostname ip4 ip4s flags privileges ip6 ip6s loopback name }
    abi::Info = c::rjail_info {
        size version jid which flags lines ip4s rows unnamed last_unnamed missed ledger
        ip4 hostname path hostname_size path_size state processes descriptors credentials
        files connections ip6 ip6s loopback name name_size spare
    }
    abi::Attach = c::rjail_attach { size version jid }
    abi::Kill = c::rjail_kill { size version jid signal flags milliseconds }
    abi::Why = c::rjail_why {
        size version jid privilege text text_size allowed line by flags number
    }
    abi::Row = c::rjail_privilege { name number state allowed denied }
}
const_assert_eq!(abi::VERSION, c::RJAIL_VERSION.cast_unsigned());
const_assert_eq!(abi::operation::CREATE, c::RJAIL_CREATE);
const_assert_eq!(abi::operation::GET, c::RJAIL_GET);
const_assert_eq!(abi::operation::ATTACH, c::RJAIL_ATTACH);
const_assert_eq!(abi::operation::KILL, c::RJAIL_KILL);
const_assert_eq!(abi::operation::WHY, c::RJAIL_WHY);
const_assert_eq!(abi::operation::HOLD, c::RJAIL_HOLD);
const_assert_eq!(abi::DEFAULTS as i64, c::RJAIL_DEFAULTS);
const_assert_eq!(abi::THIS, c::RJAIL_THIS.cast_unsigned());
const_assert_eq!(abi::NEXT, c::RJAIL_NEXT.cast_unsigned());
const_assert_eq!(abi::HELD_BY, c::RJAIL_HELD_BY.cast_unsigned());
const_assert_eq!(abi::ALIVE, c::RJAIL_ALIVE.cast_unsigned());
const_assert_eq!(abi::CLOSING, c::RJAIL_CLOSING.cast_unsigned());
const_assert_eq!(abi::DYING, c::RJAIL_DYING.cast_unsigned());
const_assert_eq!(abi::CLOSE, c::RJAIL_CLOSE.cast_unsigned());
const_assert_eq!(abi::MAX_WAIT, c::RJAIL_MAX_WAIT as u64);
const_assert_eq!(abi::by::TABLE, c::RJAIL_BY_TABLE.cast_unsigned());
const_assert_eq!(abi::by::FLAG, c::RJAIL_BY_FLAG.cast_unsigned());
const_assert_eq!(abi::by::NAME, c::RJAIL_BY_NAME.cast_unsigned());
const_assert_eq!(abi::by::TAKEN, c::RJAIL_BY_TAKEN.cast_unsigned());
const_assert_eq!(abi::by::SECOND_LINE, c::RJAIL_BY_SECOND_LINE.cast_unsigned());
const_assert_eq!(abi::HELD, c::RJAIL_HELD.cast_unsigned());
const_assert_eq!(abi::MAX_IP4, c::RJAIL_MAX_IP4.cast_unsigned());
const_assert_eq!(abi::MAX_IP6, c::RJAIL_MAX_IP6.cast_unsigned());
const_assert_eq!(abi::MAX_NAME, c::RJAIL_MAX_NAME.cast_unsigned());
const_assert_eq!(address::MAX, c::RJAIL_MAX_IP4 as usize);
const_assert_eq!(address::MAX, c::RJAIL_MAX_IP6 as usize);
const_assert_eq!(abi::loopback::REWRITE, c::RJAIL_LOOPBACK_REWRITE.cast_unsigned());
const_assert_eq!(abi::loopback::REFUSE, c::RJAIL_LOOPBACK_REFUSE.cast_unsigned());
const_assert_eq!(abi::loopback::SHARE, c::RJAIL_LOOPBACK_SHARE.cast_unsigned());
// So are the header's flags and these.
const_assert_eq!(JailFlags::all().bits(), c::RJAIL_FLAGS_ALL.cast_unsigned());
const_assert_eq!(
    JailFlags::PAPER.bits(),
    (c::RJAIL_SET_HOSTNAME | c::RJAIL_RESERVED_PORTS).cast_unsigned()
);

/// The system call; `jid`, what it returns, is set when this is 0.
///
/// # Safety
/// `td` is `curthread`; `jid` is a place to write to. The rest may be anything.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_syscall(
    td: *mut c::thread,
    operation: c_int,
    structure: *mut c_void,
    jid: *mut i64,
) -> c_int {
    // SAFETY: as the caller says.
    let Some(mut current) = (unsafe { Current::new(td) }) else { return Errno::EINVAL.number() };
    let done = match operation {
        abi::operation::CREATE => create(&mut current, UserPtr::new(structure.cast())),
        abi::operation::GET => get(&current, UserPtr::new(structure.cast())),
        abi::operation::ATTACH => attach(&mut current, UserPtr::new(structure.cast())),
        abi::operation::KILL => kill(&current, UserPtr::new(structure.cast())),
        abi::operation::WHY => why(&current, UserPtr::new(structure.cast())),
        abi::operation::HOLD => hold(&current, UserPtr::new(structure.cast())),
        _ => Err(Errno::EINVAL),
    };
    match done {
        Ok(number) => {
            // SAFETY: as the caller says.
            unsafe { jid.write(number) };
            0
        }
        Err(errno) => errno.number(),
    }
}

/// rjail(2).
fn create(current: &mut Current, args: UserPtr<abi::Args>) -> Result<i64> {
    let admitted = jail::admit_early(current)?;
    let request = read(args)?;
    jail::create(current, admitted, request).map(number)
}

/// rjail_hold(2).
fn hold(current: &Current, args: UserPtr<abi::Args>) -> Result<i64> {
    let admitted = jail::admit_early(current)?;
    let request = read(args)?;
    jail::hold(current, admitted, request).map(i64::from)
}

/// rjail_attach(2).
fn attach(current: &mut Current, asked: UserPtr<abi::Attach>) -> Result<i64> {
    let admitted = jail::admit_early(current)?;
    let asked = read_sized(asked, |asked| (asked.size, asked.version))?;
    jail::attach(current, admitted, named(asked.jid)?).map(number)
}

/// rjail_kill(2).
fn kill(current: &Current, asked: UserPtr<abi::Kill>) -> Result<i64> {
    killer::admit(current)?;
    let asked = read_sized(asked, |asked| (asked.size, asked.version))?;
    let order = Order::new(asked.signal, asked.flags, asked.milliseconds)?;
    killer::kill(order, named(asked.jid)?).map(u64::cast_signed)
}

/// rjail_why(2): anybody outside may ask.
fn why(current: &Current, to: UserPtr<abi::Why>) -> Result<i64> {
    jail::admit_outside(current)?;
    let asked = read_sized(to, |why| (why.size, why.version))?;
    let name = UserPtr::at(asked.privilege).read_string(abi::NAME)?;
    let privilege = Privilege::from_bytes(name.as_bytes()).ok_or(Errno::EINVAL)?;
    let privilege = NUMBERS.canonical(privilege).ok_or(Errno::EINVAL)?;
    let in_kernel = NUMBERS.number(privilege).ok_or(Errno::EINVAL)?;
    let jail = jail::find(named(asked.jid)?, false).ok_or(Errno::ENOENT)?;
    let row = privilege.row();
    let superuser = row.asked == Asked::Superuser;
    let second = second_line_allows(current, &jail, in_kernel, superuser)?;
    let why = privilege::why(jail.lines(), jail.flags(), jail.privileges(), privilege, second);
    let text = match why.by {
        By::SecondLine => SECOND_LINE_REFUSES,
        _ => row.reason,
    };
    to.write(&abi::Why {
        text_size: UserPtr::at(asked.text).write_string(asked.text_size, text.as_bytes())?,
        allowed: u32::from(why.allowed.is_ok()),
        line: match why.allowed {
            Ok(()) => 0,
            Err(Line::First) => 1,
            Err(Line::Second) => 2,
        },
        by: match why.by {
            By::Table => abi::by::TABLE,
            By::Flag(_) => abi::by::FLAG,
            By::Name => abi::by::NAME,
            By::Taken => abi::by::TAKEN,
            By::SecondLine => abi::by::SECOND_LINE,
        },
        flags: match row.verdict {
            Verdict::AllowWith(any) => any.bits(),
            _ => 0,
        },
        number: in_kernel,
        ..asked
    })?;
    Ok(number(jail.jid()))
}

const SECOND_LINE_REFUSES: &str = "The kernel's own check of jails refuses it.";

const fn number(jid: Jid) -> i64 {
    jid.get().cast_signed()
}

/// A jail's number, as a process gives it.
fn named(jid: i64) -> Result<u64> {
    u64::try_from(jid).map_err(|_| Errno::EINVAL)
}

/// Copies the arguments in, each byte once: what is checked is what is used.
///
/// # Errors
/// `EFAULT`; `EINVAL` for a size, a version, a count, a choice of loopback, a
/// privilege's name or the jail's; `ENAMETOOLONG`.
fn read(args: UserPtr<abi::Args>) -> Result<Request> {
    let args = read_sized(args, |args| (args.size, args.version))?;
    let (ip4s, ip6s) = (count(args.ip4s)?, count(args.ip6s)?);
    let loopback = match args.loopback {
        abi::loopback::REWRITE => Loopback::Rewrite,
        abi::loopback::REFUSE => Loopback::Refuse,
        abi::loopback::SHARE => Loopback::Share,
        _ => return Err(Errno::EINVAL),
    };
    let path = UserPtr::at(args.path).read_string(limit(c::MAXPATHLEN))?;
    let hostname = UserPtr::at(args.hostname).read_string(limit(c::MAXHOSTNAMELEN))?;
    let ip4 = UserPtr::<[u8; 4]>::at(args.ip4).read_slice(ip4s)?;
    let ip4 = try_collect(ip4.into_iter().map(Ipv4Addr::from))?;
    let ip6 = UserPtr::<[u8; 16]>::at(args.ip6).read_slice(ip6s)?;
    let ip6 = try_collect(ip6.into_iter().map(Ipv6Addr::from))?;
    let named = if args.privileges == 0 {
        Named::NONE
    } else {
        Named::parse(&NUMBERS, UserPtr::at(args.privileges).read_string(LONGEST)?.as_bytes())?
    };
    let name = if args.name == 0 {
        Name::NONE
    } else {
        Name::new(UserPtr::at(args.name).read_string(Name::LONGEST + 1)?.as_bytes())?
    };
    let (flags, defaults) = (args.flags & !abi::DEFAULTS, args.flags & abi::DEFAULTS != 0);
    Ok(Request { path, hostname, name, ip4, ip6, loopback, flags, defaults, named })
}

/// A number of addresses that a jail can have.
fn count(given: u32) -> Result<usize> {
    let count = usize::try_from(given).map_err(|_| Errno::EINVAL)?;
    if count > address::MAX { Err(Errno::EINVAL) } else { Ok(count) }
}

/// Copies a structure in that begins with its size and version.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
fn read_sized<T: Plain>(from: UserPtr<T>, head: impl Fn(&T) -> (u32, u32)) -> Result<T> {
    // The size comes first, so that a structure of another version is never
    // read as this one.
    let size = from.cast::<u32>().read()?;
    if usize::try_from(size) != Ok(size_of::<T>()) {
        return Err(Errno::EINVAL);
    }
    let value = from.read()?;
    // Read a second time with the rest: another thread may have changed it.
    if head(&value) == (size, abi::VERSION) { Ok(value) } else { Err(Errno::EINVAL) }
}

/// rjail_get(2): anybody outside may ask, as with jls(8).
///
/// # Errors
/// `EPERM` in a jail, rjail's or the kernel's; `ENOENT`; `EINVAL` for a size, a
/// version or a choice; `EBADF` for a descriptor that holds no jail; `EFAULT`.
fn get(current: &Current, to: UserPtr<abi::Info>) -> Result<i64> {
    jail::admit_outside(current)?;
    let asked = read_sized(to, |info| (info.size, info.version))?;
    let jail = match asked.which {
        abi::THIS => jail::find(named(asked.jid)?, false).ok_or(Errno::ENOENT)?,
        abi::NEXT => jail::find(named(asked.jid)?, true).ok_or(Errno::ENOENT)?,
        abi::HELD_BY => {
            let descriptor = i32::try_from(asked.jid).map_err(|_| Errno::EBADF)?;
            held(current, descriptor)?
        }
        _ => return Err(Errno::EINVAL),
    };
    let standing = jail::standing(&jail);
    let ledger = jail.ledger();
    // Names that this kernel lacks are no rows, nor are second names.
    let named = Privilege::ALL.into_iter().filter(|p| NUMBERS.canonical(*p) == Some(*p));
    let rows = write_list(asked.ledger, asked.rows, named.map(|p| row(&jail, p)))?;
    let addresses = jail.addresses();
    let ip4 = addresses.inet().list.iter().map(Ipv4Addr::octets);
    let ip4s = write_list(asked.ip4, asked.ip4s, ip4)?;
    let ip6 = addresses.inet6().list.iter().map(Ipv6Addr::octets);
    let ip6s = write_list(asked.ip6, asked.ip6s, ip6)?;
    let unnamed = ledger.unnamed();
    let hostname = second_line::hostname(jail.second_line());
    let hostname = CStr::from_bytes_until_nul(&hostname).unwrap_or_default().to_bytes();
    to.write(&abi::Info {
        jid: number(jail.jid()),
        flags: jail.flags().bits(),
        lines: if jail.second_line().is_some() { 2 } else { 1 },
        ip4s,
        rows,
        unnamed: unnamed.denied,
        last_unnamed: unnamed.last,
        missed: ledger.missed(),
        hostname_size: UserPtr::at(asked.hostname).write_string(asked.hostname_size, hostname)?,
        path_size: UserPtr::at(asked.path).write_string(asked.path_size, &jail.view().path)?,
        ip6s,
        loopback: match addresses.loopback() {
            Loopback::Rewrite => abi::loopback::REWRITE,
            Loopback::Refuse => abi::loopback::REFUSE,
            Loopback::Share => abi::loopback::SHARE,
        },
        state: match standing.state {
            State::Alive => abi::ALIVE,
            State::Closing => abi::CLOSING,
            State::Dying => abi::DYING,
        },
        processes: standing.processes,
        descriptors: jail.descriptors(),
        credentials: standing.credentials,
        files: standing.holders.files,
        connections: standing.holders.connections,
        name_size: UserPtr::at(asked.name).write_string(asked.name_size, jail.name().bytes())?,
        spare: 0,
        ..asked
    })?;
    Ok(number(jail.jid()))
}

/// Copies out as many values as there is room for, none to a null pointer; how
/// many there are.
///
/// # Errors
/// `EFAULT`.
fn write_list<T: Plain>(to: usize, room: u32, list: impl Iterator<Item = T>) -> Result<u32> {
    let mut there = 0;
    for value in list {
        if to != 0 && there < room {
            UserPtr::at(to).add(there).write(&value)?;
        }
        there += 1;
    }
    Ok(there)
}

fn row(jail: &Jail, privilege: Privilege) -> abi::Row {
    let count = jail.ledger().count(privilege);
    let mut row = abi::Row {
        number: NUMBERS.number(privilege).unwrap_or_default(),
        state: if jail.privileges().contains(privilege) { abi::HELD } else { 0 },
        allowed: u64::from(count.allowed),
        denied: u64::from(count.denied),
        ..abi::Row::default()
    };
    for (to, from) in row.name.iter_mut().zip(privilege.name().bytes()) {
        *to = from;
    }
    row
}

const fn limit(of_header: i32) -> usize {
    of_header.unsigned_abs() as usize
}
