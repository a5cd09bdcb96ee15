// SPDX-License-Identifier: BSD-2-Clause
//! The module's system call, as `kmod/rjail.h` has it: what the tool asks of a
//! real machine. Programs that jail themselves have the crate `confine`.
//!
//! Errors are those of the kernel; `ENOSYS` where the module is not loaded
//! ([`is_absent`]). On other systems than FreeBSD nothing works, and says so.

mod call;

use std::ffi::CString;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use abi::{Info, Row};
pub use call::is_absent;
pub use rjail::prison::JailFlags;

/// A jail to be made.
#[derive(Clone, Debug)]
pub struct Jail {
    path: CString,
    hostname: CString,
    ip4: Vec<[u8; 4]>,
    flags: u32,
    privileges: CString,
}

impl Jail {
    /// One with this root and this host name, no address, and the flags that the
    /// sysctls under `security.rjail` name.
    ///
    /// # Errors
    /// `InvalidInput` for a NUL byte.
    pub fn new(path: &str, hostname: &str) -> io::Result<Self> {
        let (path, hostname) = (CString::new(path)?, CString::new(hostname)?);
        let privileges = CString::default();
        Ok(Self { path, hostname, ip4: Vec::new(), flags: abi::DEFAULTS, privileges })
    }

    /// The same with one address more.
    #[must_use]
    pub fn address(mut self, address: Ipv4Addr) -> Self {
        self.ip4.push(address.octets());
        self
    }

    /// The same with these flags and no other.
    #[must_use]
    pub fn flags(mut self, flags: JailFlags) -> Self {
        self.flags = flags.bits();
        self
    }

    /// The same with these privileges added and taken away: `+NAME -NAME`.
    ///
    /// # Errors
    /// `InvalidInput` for a NUL byte.
    pub fn privileges(mut self, privileges: &str) -> io::Result<Self> {
        self.privileges = CString::new(privileges)?;
        Ok(self)
    }

    /// Makes the jail and puts this process in it, with all its threads and for
    /// good; gives the jail's number.
    ///
    /// # Errors
    /// As rjail(2): the process is then as it was.
    pub fn enter(&self) -> io::Result<i64> {
        call::with_args(abi::operation::CREATE, &self.args())
    }

    /// Makes the jail and stays outside. While the descriptor is open the jail
    /// exists, although no process may be in it.
    ///
    /// # Errors
    /// As rjail_hold(2).
    pub fn hold(&self) -> io::Result<OwnedFd> {
        call::descriptor(&self.args())
    }

    fn args(&self) -> abi::Args {
        let ip4s = u32::try_from(self.ip4.len()).unwrap_or(u32::MAX);
        abi::Args {
            size: size_of::<abi::Args>().try_into().unwrap_or(0),
            version: abi::VERSION,
            path: self.path.as_ptr().expose_provenance(),
            hostname: self.hostname.as_ptr().expose_provenance(),
            ip4: self.ip4.as_ptr().expose_provenance(),
            ip4s,
            flags: self.flags,
            privileges: self.privileges.as_ptr().expose_provenance(),
            ip6: 0,
            ip6s: 0,
            loopback: abi::loopback::REWRITE,
        }
    }
}

/// Puts this process in a jail that exists, for good.
///
/// # Errors
/// As rjail_attach(2): the process is then as it was.
pub fn attach(jid: i64) -> io::Result<()> {
    let size = size_of::<abi::Attach>().try_into().unwrap_or(0);
    call::attach(&abi::Attach { size, version: abi::VERSION, jid }).map(drop)
}

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
    /// Its addresses, the first one first.
    pub ip4: Vec<Ipv4Addr>,
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
