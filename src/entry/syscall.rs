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
use crate::jail;
use crate::kernel::credential::Jail;
use crate::kernel::hold::{held, second_line_allows};
use crate::kernel::process::Current;
use crate::kernel::second_line;
use crate::kernel::uaccess::User;
use crate::kill::Order;
use crate::prison::{JailFlags, Jid, State};
use crate::privilege::{self, Asked, By, Line, Privilege, Verdict};
use crate::request::{self, Memory as _, Request, Which, structure};
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
const_assert_eq!(request::PATH, c::MAXPATHLEN as usize);
const_assert_eq!(request::HOSTNAME, c::MAXHOSTNAMELEN as usize);
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
    let at = structure.addr();
    let done = match operation {
        abi::operation::CREATE => create(&mut current, at),
        abi::operation::GET => get(&current, at),
        abi::operation::ATTACH => attach(&mut current, at),
        abi::operation::KILL => kill(&current, at),
        abi::operation::WHY => why(&current, at),
        abi::operation::HOLD => hold(&current, at),
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
fn create(current: &mut Current, at: usize) -> Result<i64> {
    let admitted = jail::admit_early(current)?;
    let request = Request::read(&User, at, &NUMBERS)?;
    jail::create(current, admitted, request).map(number)
}

/// rjail_hold(2).
fn hold(current: &Current, at: usize) -> Result<i64> {
    let admitted = jail::admit_early(current)?;
    let request = Request::read(&User, at, &NUMBERS)?;
    jail::hold(current, admitted, request).map(i64::from)
}

/// rjail_attach(2).
fn attach(current: &mut Current, at: usize) -> Result<i64> {
    let admitted = jail::admit_early(current)?;
    let asked: abi::Attach = structure(&User, at)?;
    jail::attach(current, admitted, request::jid(asked.jid)?).map(number)
}

/// rjail_kill(2).
fn kill(current: &Current, at: usize) -> Result<i64> {
    killer::admit(current)?;
    let asked: abi::Kill = structure(&User, at)?;
    let order = Order::new(asked.signal, asked.flags, asked.milliseconds)?;
    killer::kill(order, request::jid(asked.jid)?).map(u64::cast_signed)
}

/// rjail_why(2): anybody outside may ask.
fn why(current: &Current, at: usize) -> Result<i64> {
    jail::admit_outside(current)?;
    let asked: abi::Why = structure(&User, at)?;
    let privilege = request::privilege(&User, asked.privilege, &NUMBERS)?;
    let in_kernel = NUMBERS.number(privilege).ok_or(Errno::EINVAL)?;
    let jail = jail::find(request::jid(asked.jid)?, false).ok_or(Errno::ENOENT)?;
    let row = privilege.row();
    let superuser = row.asked == Asked::Superuser;
    let second = second_line_allows(current, &jail, in_kernel, superuser)?;
    let why = privilege::why(jail.lines(), jail.flags(), jail.privileges(), privilege, second);
    let text = match why.by {
        By::SecondLine => SECOND_LINE_REFUSES,
        _ => row.reason,
    };
    User.write(
        at,
        &abi::Why {
            text_size: User.write_string(asked.text, asked.text_size, text.as_bytes())?,
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
        },
    )?;
    Ok(number(jail.jid()))
}

const SECOND_LINE_REFUSES: &str = "The kernel's own check of jails refuses it.";

const fn number(jid: Jid) -> i64 {
    jid.get().cast_signed()
}

/// rjail_get(2): anybody outside may ask, as with jls(8).
///
/// # Errors
/// `EPERM` in a jail, rjail's or the kernel's; `ENOENT`; `EINVAL` for a size, a
/// version or a choice; `EBADF` for a descriptor that holds no jail; `EFAULT`;
/// `ENOMEM`.
fn get(current: &Current, at: usize) -> Result<i64> {
    jail::admit_outside(current)?;
    let asked: abi::Info = structure(&User, at)?;
    let jail = match Which::new(asked.which, asked.jid)? {
        Which::This(jid) => jail::find(jid, false).ok_or(Errno::ENOENT)?,
        Which::Next(jid) => jail::find(jid, true).ok_or(Errno::ENOENT)?,
        Which::HeldBy(descriptor) => held(current, descriptor)?,
    };
    let standing = jail::standing(&jail)?;
    let ledger = jail.ledger();
    // Names that this kernel lacks are no rows, nor are second names.
    let named = Privilege::ALL.into_iter().filter(|p| NUMBERS.canonical(*p) == Some(*p));
    let rows = User.write_list(asked.ledger, asked.rows, named.map(|p| row(&jail, p)))?;
    let addresses = jail.addresses();
    let ip4 = addresses.inet().list.iter().map(Ipv4Addr::octets);
    let ip4s = User.write_list(asked.ip4, asked.ip4s, ip4)?;
    let ip6 = addresses.inet6().list.iter().map(Ipv6Addr::octets);
    let ip6s = User.write_list(asked.ip6, asked.ip6s, ip6)?;
    let unnamed = ledger.unnamed();
    let hostname = second_line::hostname(jail.second_line());
    let hostname = CStr::from_bytes_until_nul(&hostname).unwrap_or_default().to_bytes();
    User.write(
        at,
        &abi::Info {
            jid: number(jail.jid()),
            flags: jail.flags().bits(),
            lines: if jail.second_line().is_some() { 2 } else { 1 },
            ip4s,
            rows,
            unnamed: unnamed.denied,
            last_unnamed: unnamed.last,
            missed: ledger.missed(),
            hostname_size: User.write_string(asked.hostname, asked.hostname_size, hostname)?,
            path_size: User.write_string(asked.path, asked.path_size, &jail.view().path)?,
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
            name_size: User.write_string(asked.name, asked.name_size, jail.name().bytes())?,
            spare: 0,
            ..asked
        },
    )?;
    Ok(number(jail.jid()))
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
