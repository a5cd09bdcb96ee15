// SPDX-License-Identifier: BSD-2-Clause
//! The prison: what a jail is, from the moment it is made until nothing holds
//! it. C source: `struct prison` in `sys/sys/jail.h`; paper, section 4.1.

#![forbid(unsafe_code)]

mod flags;
mod jid;
mod registry;

use alloc::vec::Vec;
use core::net::Ipv4Addr;

pub use flags::JailFlags;
pub use jid::Jid;
pub use registry::Registry;

use crate::address::Lines;

/// A jail. Nothing in it changes after [`Prison::new`]; so no field has a lock.
///
/// `K` is the second line's half: the kernel's `struct prison`, which the jail
/// owns, or nothing where only the label decides.
pub struct Prison<K> {
    jid: Jid,
    flags: JailFlags,
    addresses: Vec<Ipv4Addr>,
    second_line: Option<K>,
}

impl<K> Prison<K> {
    /// Puts a jail together.
    #[must_use]
    pub const fn new(
        jid: Jid,
        flags: JailFlags,
        addresses: Vec<Ipv4Addr>,
        second_line: Option<K>,
    ) -> Self {
        Self { jid, flags, addresses, second_line }
    }

    /// Its number.
    #[must_use]
    #[inline]
    pub const fn jid(&self) -> Jid {
        self.jid
    }

    /// What it was made with.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> JailFlags {
        self.flags
    }

    /// Its IPv4 addresses, the primary first, in host order.
    #[must_use]
    #[inline]
    pub fn addresses(&self) -> &[Ipv4Addr] {
        &self.addresses
    }

    /// Who else stands guard.
    #[must_use]
    #[inline]
    pub const fn lines(&self) -> Lines {
        if self.second_line.is_some() { Lines::Both } else { Lines::LabelAlone }
    }

    /// The kernel's half.
    #[must_use]
    pub const fn second_line(&self) -> Option<&K> {
        self.second_line.as_ref()
    }
}
