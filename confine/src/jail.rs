// SPDX-License-Identifier: BSD-2-Clause
//! A jail to be made, and the way in.

use std::ffi::CString;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rjail::address::Loopback;
use rjail::prison::JailFlags;

use crate::{Refused, call};

/// A jail to be made.
#[derive(Clone, Debug)]
pub struct Jail {
    path: CString,
    hostname: CString,
    ip4: Vec<[u8; 4]>,
    ip6: Vec<[u8; 16]>,
    loopback: Loopback,
    flags: u32,
    privileges: CString,
    name: Option<CString>,
}

impl Jail {
    /// One with this root and this host name, no address, and the flags that the
    /// sysctls under `security.rjail` name.
    ///
    /// # Errors
    /// `InvalidInput` for a NUL byte.
    pub fn new(path: &str, hostname: &str) -> io::Result<Self> {
        Ok(Self {
            path: CString::new(path)?,
            hostname: CString::new(hostname)?,
            ip4: Vec::new(),
            ip6: Vec::new(),
            loopback: Loopback::default(),
            flags: abi::DEFAULTS,
            privileges: CString::default(),
            name: None,
        })
    }

    /// The same with one address more, of either family. It speaks from the first
    /// of each; a family without one does not exist inside.
    #[must_use]
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        match address.into() {
            IpAddr::V4(address) => self.ip4.push(address.octets()),
            IpAddr::V6(address) => self.ip6.push(address.octets()),
        }
        self
    }

    /// The same with 127.0.0.1 and `::1` being this inside; its first address
    /// ([`Loopback::Rewrite`]), unless said.
    #[must_use]
    pub fn loopback(mut self, loopback: Loopback) -> Self {
        self.loopback = loopback;
        self
    }

    /// The same with these flags and no other.
    #[must_use]
    pub fn flags(mut self, flags: JailFlags) -> Self {
        self.flags = flags.bits();
        self
    }

    /// The same with these privileges added and taken away: `+NAME -NAME`, whatever
    /// the flags say.
    ///
    /// # Errors
    /// `InvalidInput` for a NUL byte.
    pub fn privileges(mut self, privileges: &str) -> io::Result<Self> {
        self.privileges = CString::new(privileges)?;
        Ok(self)
    }

    /// The same with a name, by which rctl(8) limits it; its number is, unless said.
    ///
    /// # Errors
    /// `InvalidInput` for a NUL byte.
    pub fn called(mut self, name: &str) -> io::Result<Self> {
        self.name = Some(CString::new(name)?);
        Ok(self)
    }

    /// Makes the jail and puts this process in it, with all its threads and for
    /// good; gives the jail's number.
    ///
    /// # Errors
    /// As rjail(2); the process is then as it was.
    pub fn enter(&self) -> Result<i64, Refused> {
        call::with_args(abi::operation::CREATE, &self.args()).map_err(Refused::now)
    }

    /// Makes the jail and stays outside. While the descriptor is open the jail
    /// exists, although no process may be in it.
    ///
    /// # Errors
    /// As rjail_hold(2).
    pub fn hold(&self) -> Result<OwnedFd, Refused> {
        call::descriptor(&self.args()).map_err(Refused::now)
    }

    fn args(&self) -> abi::Args {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        abi::Args {
            size: size_of::<abi::Args>().try_into().unwrap_or(0),
            version: abi::VERSION,
            path: self.path.as_ptr().expose_provenance(),
            hostname: self.hostname.as_ptr().expose_provenance(),
            ip4: self.ip4.as_ptr().expose_provenance(),
            ip4s: count(self.ip4.len()),
            flags: self.flags,
            privileges: self.privileges.as_ptr().expose_provenance(),
            ip6: self.ip6.as_ptr().expose_provenance(),
            ip6s: count(self.ip6.len()),
            loopback: match self.loopback {
                Loopback::Rewrite => abi::loopback::REWRITE,
                Loopback::Refuse => abi::loopback::REFUSE,
                Loopback::Share => abi::loopback::SHARE,
            },
            name: self.name.as_ref().map_or(0, |name| name.as_ptr().expose_provenance()),
        }
    }
}

/// Puts this process in a jail that exists, for good.
///
/// # Errors
/// As rjail_attach(2): `ENOENT` when there is none, or it is closing; the process
/// is then as it was.
pub fn attach(jid: i64) -> Result<(), Refused> {
    let size = size_of::<abi::Attach>().try_into().unwrap_or(0);
    let attach = abi::Attach { size, version: abi::VERSION, jid };
    call::attach(&attach).map(drop).map_err(Refused::now)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::{Jail, JailFlags, Loopback};

    fn jail() -> Jail {
        Jail::new("/j", "h").expect("no NUL")
    }

    #[test]
    fn what_is_said_is_what_the_kernel_reads() {
        let six: Ipv6Addr = "2001:db8::2".parse().expect("an address");
        let jail = jail()
            .address(Ipv4Addr::new(10, 66, 0, 2))
            .address(six)
            .address(Ipv4Addr::new(10, 66, 0, 3))
            .flags(JailFlags::PAPER)
            .loopback(Loopback::Refuse)
            .privileges("-PRIV_VFS_CHROOT")
            .expect("no NUL");
        assert_eq!(jail.ip4, [[10, 66, 0, 2], [10, 66, 0, 3]]);
        assert_eq!(jail.ip6, [six.octets()]);
        let args = jail.args();
        assert_eq!((args.size as usize, args.version), (size_of::<abi::Args>(), abi::VERSION));
        assert_eq!((args.ip4s, args.ip6s), (2, 1));
        assert_eq!((args.flags, args.loopback), (0x21, abi::loopback::REFUSE));
        assert_eq!(args.ip6, jail.ip6.as_ptr().expose_provenance());
    }

    #[test]
    fn what_is_not_said_is_the_machines() {
        let args = jail().args();
        assert_eq!((args.ip4s, args.ip6s, args.flags), (0, 0, abi::DEFAULTS));
        assert_eq!(args.name, 0);
        let named = jail().called("web").expect("a name");
        assert_ne!(named.args().name, 0);
        assert_eq!(args.loopback, abi::loopback::REWRITE);
        assert_eq!(jail().loopback(Loopback::Share).args().loopback, abi::loopback::SHARE);
    }

    #[test]
    fn a_nul_byte_is_found_before_the_kernel_is_asked() {
        let kinds = [Jail::new("/\0", "h"), Jail::new("/", "h\0"), jail().privileges("+\0")]
            .map(|made| made.expect_err("a NUL byte").kind());
        assert_eq!(kinds, [std::io::ErrorKind::InvalidInput; 3]);
    }

    #[cfg(not(target_os = "freebsd"))]
    #[test]
    fn elsewhere_it_says_so() {
        for refused in [
            jail().enter().expect_err("no FreeBSD"),
            jail().hold().expect_err("no FreeBSD"),
            super::attach(1).expect_err("no FreeBSD"),
        ] {
            assert!(crate::is_absent(refused.error()) && refused.refusal().is_none());
            assert_eq!(refused.to_string(), "the module rjail is not in this kernel");
        }
    }
}
