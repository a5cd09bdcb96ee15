// SPDX-License-Identifier: BSD-2-Clause
//! What a jail gets that asks for the defaults: the six sysctls of the 4.0
//! kernel and its successors, under `security.rjail.`. C source of what they
//! answer to: `security.jail.*` in `sys/kern/kern_jail.c`.

#![forbid(unsafe_code)]

use super::JailFlags;
use crate::{Errno, Result};

/// One of the sysctls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// `set_hostname_allowed`
    SetHostnameAllowed,
    /// `socket_unixiproute_only`: 1 is the tighter.
    SocketUnixiprouteOnly,
    /// `sysvipc_allowed`
    SysvipcAllowed,
    /// `enforce_statfs`: 0, 1 or 2, the greater the tighter.
    EnforceStatfs,
    /// `allow_raw_sockets`
    AllowRawSockets,
    /// `chflags_allowed`
    ChflagsAllowed,
}

impl Default {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::SetHostnameAllowed,
        Self::SocketUnixiprouteOnly,
        Self::SysvipcAllowed,
        Self::EnforceStatfs,
        Self::AllowRawSockets,
        Self::ChflagsAllowed,
    ];

    /// As they stand before anybody changes them: those of the 4.0 kernel.
    pub const FLAGS: JailFlags = JailFlags::SET_HOSTNAME;

    /// Its value, where `flags` are the defaults.
    #[must_use]
    pub fn value(self, flags: JailFlags) -> i32 {
        let on = |flag| i32::from(flags.contains(flag));
        match self {
            Self::SetHostnameAllowed => on(JailFlags::SET_HOSTNAME),
            Self::SocketUnixiprouteOnly => 1 - on(JailFlags::SOCKET_AF),
            Self::SysvipcAllowed => on(JailFlags::SYSVIPC),
            Self::EnforceStatfs => flags.enforce_statfs(),
            Self::AllowRawSockets => on(JailFlags::RAW_SOCKETS),
            Self::ChflagsAllowed => on(JailFlags::CHFLAGS),
        }
    }

    /// The defaults with this one at another value.
    ///
    /// # Errors
    /// `EINVAL` for a value that it cannot have.
    pub fn set(self, flags: JailFlags, value: i32) -> Result<JailFlags> {
        let (covers, on) = match (self, value) {
            (Self::SetHostnameAllowed, 0 | 1) => (JailFlags::SET_HOSTNAME, value == 1),
            (Self::SocketUnixiprouteOnly, 0 | 1) => (JailFlags::SOCKET_AF, value == 0),
            (Self::SysvipcAllowed, 0 | 1) => (JailFlags::SYSVIPC, value == 1),
            (Self::AllowRawSockets, 0 | 1) => (JailFlags::RAW_SOCKETS, value == 1),
            (Self::ChflagsAllowed, 0 | 1) => (JailFlags::CHFLAGS, value == 1),
            (Self::EnforceStatfs, 0..=2) => {
                let rest = flags.difference(JailFlags::STATFS_ALL | JailFlags::STATFS_BELOW);
                return Ok(rest.union(match value {
                    0 => JailFlags::STATFS_ALL,
                    1 => JailFlags::STATFS_BELOW,
                    _ => JailFlags::empty(),
                }));
            }
            _ => return Err(Errno::EINVAL),
        };
        Ok(if on { flags.union(covers) } else { flags.difference(covers) })
    }
}

#[cfg(test)]
mod tests {
    use super::{Default, JailFlags};
    use crate::Errno;

    /// As jail(8) of the 4.0 kernel, and of its successors for the later ones.
    #[test]
    fn the_seeds_values() {
        let values = Default::ALL.map(|which| which.value(Default::FLAGS));
        assert_eq!(values, [1, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn what_is_set_is_read_and_nothing_else_changes() {
        for which in Default::ALL {
            let values = if which == Default::EnforceStatfs { 0..=2 } else { 0..=1 };
            for value in values {
                for before in [Default::FLAGS, JailFlags::all(), JailFlags::empty()] {
                    let after = which.set(before, value).expect("a value it can have");
                    assert_eq!(which.value(after), value, "{which:?}");
                    for other in Default::ALL.into_iter().filter(|other| *other != which) {
                        assert_eq!(other.value(after), other.value(before), "{which:?} {other:?}");
                    }
                }
            }
            for wrong in [-1, 3, i32::MAX, i32::MIN] {
                assert_eq!(which.set(Default::FLAGS, wrong), Err(Errno::EINVAL), "{which:?}");
            }
        }
        assert_eq!(Default::ChflagsAllowed.set(Default::FLAGS, 2), Err(Errno::EINVAL));
    }
}
