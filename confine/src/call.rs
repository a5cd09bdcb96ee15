// SPDX-License-Identifier: BSD-2-Clause
//! The system call itself: what the kernel reads and writes is lent for as long
//! as a call lasts, and all the unsafe code of the crate is here.

#[cfg(not(target_os = "freebsd"))]
use std::ffi::CStr;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{FromRawFd as _, OwnedFd};

use abi::{Args, Attach, Info, Kill, Row, Why, operation};
use rjail::address::Loopback;

use crate::ask::Described;

/// Room for what describes a jail.
pub(crate) struct Room {
    ledger: Vec<Row>,
    ip4: Vec<[u8; 4]>,
    ip6: Vec<[u8; 16]>,
    hostname: Vec<u8>,
    path: Vec<u8>,
}

impl Room {
    /// More than most jails need.
    pub(crate) fn usual() -> Self {
        Self {
            ledger: vec![Row::default(); 300],
            ip4: vec![[0; 4]; abi::MAX_IP4 as usize],
            ip6: vec![[0; 16]; abi::MAX_IP6 as usize],
            hostname: vec![0; 256],
            path: vec![0; 1024],
        }
    }

    /// What is in it, or nothing and more room.
    pub(crate) fn holds(&mut self, info: &Info) -> Option<Described> {
        let mut enough = true;
        let mut fits = |needed: u32, there: usize| {
            enough &= needed as usize <= there;
            (needed as usize).max(there)
        };
        let ledger = fits(info.rows, self.ledger.len());
        let ip4 = fits(info.ip4s, self.ip4.len());
        let ip6 = fits(info.ip6s, self.ip6.len());
        let hostname = fits(info.hostname_size, self.hostname.len());
        let path = fits(info.path_size, self.path.len());
        if !enough {
            self.ledger.resize(ledger, Row::default());
            self.ip4.resize(ip4, [0; 4]);
            self.ip6.resize(ip6, [0; 16]);
            self.hostname.resize(hostname, 0);
            self.path.resize(path, 0);
            return None;
        }
        let rows = self.ledger.get(..info.rows as usize)?;
        let ip4 = self.ip4.get(..info.ip4s as usize)?;
        let ip6 = self.ip6.get(..info.ip6s as usize)?;
        Some(Described {
            info: *info,
            hostname: string(&self.hostname),
            path: string(&self.path),
            ip4: ip4.iter().copied().map(Ipv4Addr::from).collect(),
            ip6: ip6.iter().copied().map(Ipv6Addr::from).collect(),
            loopback: match info.loopback {
                abi::loopback::REFUSE => Loopback::Refuse,
                abi::loopback::SHARE => Loopback::Share,
                _ => Loopback::Rewrite,
            },
            ledger: rows.to_vec(),
        })
    }
}

/// A C string in a buffer, whatever its bytes are.
pub(crate) fn string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// rjail(2).
pub(crate) fn with_args(operation: i32, args: &Args) -> io::Result<i64> {
    // SAFETY: a structure of the operation's, whose strings its owner keeps.
    unsafe { call(operation, (&raw const *args).expose_provenance()) }
}

/// rjail_hold(2).
pub(crate) fn descriptor(args: &Args) -> io::Result<OwnedFd> {
    let fd = with_args(operation::HOLD, args)?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it for this process alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// rjail_attach(2).
pub(crate) fn attach(attach: &Attach) -> io::Result<i64> {
    // SAFETY: a structure of the operation's, which points to nothing.
    unsafe { call(operation::ATTACH, (&raw const *attach).expose_provenance()) }
}

/// rjail_kill(2).
pub(crate) fn kill(kill: &Kill) -> io::Result<i64> {
    // SAFETY: a structure of the operation's, which points to nothing.
    unsafe { call(operation::KILL, (&raw const *kill).expose_provenance()) }
}

/// rjail_get(2).
pub(crate) fn get(jid: i64, which: u32, room: &mut Room) -> io::Result<Info> {
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut info = Info {
        size: size(size_of::<Info>()),
        version: abi::VERSION,
        jid,
        which,
        rows: size(room.ledger.len()),
        ledger: room.ledger.as_mut_ptr().expose_provenance(),
        ip4s: size(room.ip4.len()),
        ip4: room.ip4.as_mut_ptr().expose_provenance(),
        ip6s: size(room.ip6.len()),
        ip6: room.ip6.as_mut_ptr().expose_provenance(),
        hostname_size: size(room.hostname.len()),
        hostname: room.hostname.as_mut_ptr().expose_provenance(),
        path_size: size(room.path.len()),
        path: room.path.as_mut_ptr().expose_provenance(),
        ..Info::default()
    };
    // SAFETY: a structure of the operation's; it says how much room there is
    // where the kernel writes.
    unsafe { call(operation::GET, (&raw mut info).expose_provenance()) }?;
    Ok(info)
}

/// rjail_why(2), the sentence to `text`.
pub(crate) fn why(mut why: Why, text: &mut [u8]) -> io::Result<Why> {
    why.text = text.as_mut_ptr().expose_provenance();
    why.text_size = u32::try_from(text.len()).unwrap_or(u32::MAX);
    // SAFETY: a structure of the operation's; it says how much room there is
    // where the kernel writes, and its string is its maker's.
    unsafe { call(operation::WHY, (&raw mut why).expose_provenance()) }?;
    Ok(why)
}

/// Whether an error says that there is no module to ask.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(ENOSYS)
}

/// FreeBSD's: "Function not implemented".
const ENOSYS: i32 = 78;

#[cfg(target_os = "freebsd")]
mod freebsd {
    use std::ffi::{CStr, c_char, c_int, c_void};
    use std::io;

    /// `struct module_stat`, version 3.
    #[repr(C)]
    struct ModuleStat {
        version: c_int,
        name: [c_char; 1024],
        references: c_int,
        id: c_int,
        data: i64,
    }

    unsafe extern "C" {
        fn modfind(name: *const c_char) -> c_int;
        fn modstat(module: c_int, status: *mut ModuleStat) -> c_int;
        fn __syscall(number: i64, ...) -> i64;
        fn uexterr_gettext(buffer: *mut c_char, size: usize) -> c_int;
        fn sysctlbyname(
            name: *const c_char,
            old: *mut c_void,
            old_length: *mut usize,
            new: *const c_void,
            new_length: usize,
        ) -> c_int;
    }

    pub(crate) fn module() -> io::Result<c_int> {
        // SAFETY: a C string.
        let module = unsafe { modfind(c"sys/rjail".as_ptr()) };
        if module == -1 { Err(io::Error::from_raw_os_error(super::ENOSYS)) } else { Ok(module) }
    }

    /// # Safety
    /// `structure` is the address of one of the operation's, which says how much
    /// room there is where the kernel writes.
    pub(crate) unsafe fn call(operation: i32, structure: usize) -> io::Result<i64> {
        let mut status = ModuleStat {
            version: size_of::<ModuleStat>().try_into().unwrap_or(0),
            name: [0; 1024],
            references: 0,
            id: 0,
            data: 0,
        };
        let module = module()?;
        // SAFETY: a structure of the version that it says.
        if unsafe { modstat(module, &raw mut status) } == -1 {
            return Err(io::Error::from_raw_os_error(super::ENOSYS));
        }
        // SAFETY: the caller's.
        let answer = unsafe { __syscall(status.data, operation, structure) };
        if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
    }

    /// libc keeps what the kernel said of the last call of this thread that failed.
    pub(crate) fn extended() -> Option<String> {
        let mut text = [0_u8; 256];
        // SAFETY: room of that length.
        let answer = unsafe { uexterr_gettext(text.as_mut_ptr().cast(), text.len()) };
        if answer == 0 { Some(super::string(&text)) } else { None }
    }

    pub(crate) fn sysctl(name: &CStr, into: &mut [u8]) -> io::Result<()> {
        let mut length = into.len();
        let old = into.as_mut_ptr().cast();
        // SAFETY: a C string, room of that length, and nothing to write.
        let answer =
            unsafe { sysctlbyname(name.as_ptr(), old, &raw mut length, std::ptr::null(), 0) };
        if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(target_os = "freebsd")]
use freebsd::call;
#[cfg(target_os = "freebsd")]
pub(crate) use freebsd::{extended, module, sysctl};

/// # Safety
/// None: nothing is done.
#[cfg(not(target_os = "freebsd"))]
unsafe fn call(_: i32, _: usize) -> io::Result<i64> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "freebsd"))]
pub(crate) fn extended() -> Option<String> {
    None
}

#[cfg(not(target_os = "freebsd"))]
pub(crate) fn module() -> io::Result<i32> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "freebsd"))]
pub(crate) fn sysctl(_: &CStr, _: &mut [u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use abi::Info;

    use super::{Loopback, Room, string};

    #[test]
    fn what_does_not_fit_gets_room() {
        let mut room = Room::usual();
        let info = Info {
            rows: 301,
            ip4s: 1,
            ip6s: 1,
            path_size: 2000,
            hostname_size: 3,
            ..Info::default()
        };
        assert!(room.holds(&info).is_none());
        assert_eq!((room.ledger.len(), room.path.len(), room.hostname.len()), (301, 2000, 256));
        room.path[..3].copy_from_slice(b"/j\0");
        room.hostname[..3].copy_from_slice(b"ab\0");
        room.ip4[0] = [10, 0, 0, 1];
        room.ip6[0][15] = 7;
        let described = room.holds(&info).expect("enough room now");
        assert_eq!((described.path.as_str(), described.hostname.as_str()), ("/j", "ab"));
        assert_eq!((described.ip4.len(), described.ledger.len()), (1, 301));
        assert_eq!(described.ip4[0].to_string(), "10.0.0.1");
        assert_eq!(described.ip6[0].to_string(), "::7");
        assert_eq!(described.loopback, Loopback::Rewrite);
    }

    #[test]
    fn a_string_ends_at_its_nul_or_with_its_room() {
        assert_eq!(string(b"ab\0c"), "ab");
        assert_eq!(string(b"ab"), "ab");
        assert_eq!(string(b"\xff\0"), "\u{fffd}");
    }

    #[cfg(not(target_os = "freebsd"))]
    #[test]
    fn elsewhere_it_says_so() {
        use crate::ask;

        for error in [
            ask::identity().expect_err("no FreeBSD"),
            ask::get(1, abi::THIS).expect_err("no FreeBSD"),
            ask::why(1, "PRIV_ROOT").expect_err("no FreeBSD"),
            ask::kill(1, 0, None).expect_err("no FreeBSD"),
        ] {
            assert!(super::is_absent(&error));
        }
    }
}
