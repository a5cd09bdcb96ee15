// SPDX-License-Identifier: BSD-2-Clause
//! What a process outside asks of jails, and does to them: rjail_get(2),
//! rjail_why(2), rjail_kill(2).
//!
//! Errors are the kernel's: `ENOSYS` where the module is not loaded, `EPERM` inside
//! a jail.

use std::ffi::CString;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use abi::{Info, Row};
use rjail::address::Loopback;

use crate::call;

/// Sends a signal to every process of a jail; gives how many there were. With a
/// time, and for SIGKILL alone, the jail is closed too: nobody enters any more,
/// and the call returns when it is empty, or when the time is over.
///
/// # Errors
/// As rjail_kill(2).
pub fn kill(jid: i64, signal: i32, close: Option<Duration>) -> io::Result<i64> {
    let milliseconds = close.map_or(0, |limit| limit.as_millis());
    call::kill(&abi::Kill {
        size: size_of::<abi::Kill>().try_into().unwrap_or(0),
        version: abi::VERSION,
        jid,
        signal,
        flags: if close.is_some() { abi::CLOSE } else { 0 },
        milliseconds: u64::try_from(milliseconds).unwrap_or(u64::MAX).min(abi::MAX_WAIT),
    })
}

/// What describes a jail.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// Numbers; the addresses in it are of no more use.
    pub info: Info,
    /// Its host name, as it is now.
    pub hostname: String,
    /// Its root, from the machine's.
    pub path: String,
    /// Its IPv4 addresses, the first one first.
    pub ip4: Vec<Ipv4Addr>,
    /// Its IPv6 addresses, likewise.
    pub ip6: Vec<Ipv6Addr>,
    /// What 127.0.0.1 and `::1` are to it.
    pub loopback: Loopback,
    /// What it did with each privilege.
    pub ledger: Vec<Row>,
}

/// rjail_get(2): the jail with this number ([`abi::THIS`]), of the next greater
/// one ([`abi::NEXT`]), or that this descriptor holds ([`abi::HELD_BY`]).
///
/// # Errors
/// `ENOENT` when there is none, `EPERM` inside one.
pub fn get(jid: i64, which: u32) -> io::Result<Described> {
    let mut room = call::Room::usual();
    loop {
        let info = call::get(jid, which, &mut room)?;
        if let Some(described) = room.holds(&info) {
            return Ok(described);
        }
    }
}

/// Every jail, in the order of their numbers.
///
/// # Errors
/// As [`get`], but for `ENOENT`.
pub fn all() -> io::Result<Vec<Described>> {
    let mut jails = Vec::new();
    let mut last = 0;
    loop {
        match get(last, abi::NEXT) {
            Ok(jail) => {
                last = jail.info.jid;
                jails.push(jail);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(jails),
            Err(error) => return Err(error),
        }
    }
}

/// Whether root in a jail could use a privilege, and what settles that.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Numbers; the addresses in it are of no more use.
    pub why: abi::Why,
    /// A sentence.
    pub text: String,
}

/// rjail_why(2).
///
/// # Errors
/// `ENOENT` when there is no such jail, `EINVAL` when this kernel has no such
/// privilege, `EPERM` inside a jail.
pub fn why(jid: i64, privilege: &str) -> io::Result<Answer> {
    let privilege = CString::new(privilege)?;
    let mut text = vec![0; 512];
    loop {
        let why = abi::Why {
            size: size_of::<abi::Why>().try_into().unwrap_or(0),
            version: abi::VERSION,
            jid,
            privilege: privilege.as_ptr().expose_provenance(),
            ..abi::Why::default()
        };
        let why = call::why(why, &mut text)?;
        if why.text_size as usize <= text.len() {
            return Ok(Answer { why, text: call::string(&text) });
        }
        text.resize(why.text_size as usize, 0);
    }
}

/// A sysctl that is a number.
///
/// # Errors
/// `ENOENT` when there is none of this name.
pub fn sysctl(name: &str) -> io::Result<i64> {
    let mut bytes = [0; 8];
    call::sysctl(&CString::new(name)?, &mut bytes)?;
    Ok(i64::from_le_bytes(bytes))
}

/// What tells this load of the module from every other, of this boot and of all:
/// numbers of jails are given once in it.
///
/// # Errors
/// `ENOSYS` without the module.
pub fn identity() -> io::Result<String> {
    let mut boot = [0; 16];
    call::sysctl(c"kern.boot_id", &mut boot)?;
    let boot: String = boot.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{boot}-{}", call::module()?))
}
