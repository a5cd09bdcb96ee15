// SPDX-License-Identifier: BSD-2-Clause
//! The addresses of a jail, believed.

#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::Result;
use crate::address::{Address, Families, Loopback, Own, validate};
use crate::kernel::fixed::Fixed;
use crate::kernel::memory::try_push;

/// Two lists, the primary address of each first, in host order.
///
/// # Invariants
/// [`validate`] accepts each. Where the jail shares the machine's loopback
/// addresses they are in the lists, but not in an empty one: what has no address
/// has no loopback.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    inet: Fixed<Ipv4Addr>,
    inet6: Fixed<Ipv6Addr>,
    loopback: Loopback,
}

impl Addresses {
    /// Puts lists together. May sleep.
    ///
    /// # Errors
    /// `EINVAL` for a list that cannot be a jail's, with the loopback address
    /// that it shares; `ENOMEM`.
    pub fn new(inet: Vec<Ipv4Addr>, inet6: Vec<Ipv6Addr>, loopback: Loopback) -> Result<Self> {
        let (inet, inet6) = (completed(inet, loopback)?, completed(inet6, loopback)?);
        Ok(Self { inet, inet6, loopback })
    }

    /// IPv4.
    #[must_use]
    #[inline]
    pub fn inet(&self) -> Own<'_, Ipv4Addr> {
        Own { list: &self.inet, loopback: self.loopback }
    }

    /// IPv6.
    #[must_use]
    #[inline]
    pub fn inet6(&self) -> Own<'_, Ipv6Addr> {
        Own { list: &self.inet6, loopback: self.loopback }
    }

    /// What the machine's loopback addresses are to the jail.
    #[must_use]
    pub const fn loopback(&self) -> Loopback {
        self.loopback
    }

    /// Which of the two it has.
    #[must_use]
    pub fn families(&self) -> Families {
        Families { inet: !self.inet.is_empty(), inet6: !self.inet6.is_empty() }
    }
}

fn completed<A: Address>(mut list: Vec<A>, loopback: Loopback) -> Result<Fixed<A>> {
    let shares = loopback == Loopback::Share && !list.is_empty();
    if shares && !list.contains(&A::LOCALHOST) {
        try_push(&mut list, A::LOCALHOST)?;
    }
    validate(&list)?;
    Fixed::copy_of(&list)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::Addresses;
    use crate::Errno;
    use crate::address::{Loopback, MAX};

    const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const A6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

    #[test]
    fn who_shares_has_the_loopback_addresses() {
        let made = Addresses::new(vec![A], vec![A6], Loopback::Share).expect("good lists");
        assert_eq!(made.inet().list, [A, Ipv4Addr::LOCALHOST]);
        assert_eq!(made.inet6().list, [A6, Ipv6Addr::LOCALHOST]);
        let first = vec![Ipv4Addr::LOCALHOST, A];
        let made = Addresses::new(first.clone(), vec![], Loopback::Share).expect("good lists");
        assert_eq!(made.inet().list, first, "it had it, and first");
        assert!(made.inet6().list.is_empty(), "no family, no loopback");
        assert!(made.families().inet && !made.families().inet6);
    }

    #[test]
    fn who_does_not_share_has_what_it_was_given() {
        for loopback in [Loopback::Rewrite, Loopback::Refuse] {
            let made = Addresses::new(vec![A], vec![A6], loopback).expect("good lists");
            assert_eq!((made.inet().list, made.inet6().list), (&[A][..], &[A6][..]));
            assert_eq!(made.loopback(), loopback);
        }
    }

    #[test]
    fn the_shared_one_counts() {
        let most: Vec<Ipv4Addr> = (0x0a00_0001..).map(Ipv4Addr::from).take(MAX).collect();
        assert!(Addresses::new(most.clone(), vec![], Loopback::Rewrite).is_ok());
        let more = Addresses::new(most, vec![], Loopback::Share);
        assert_eq!(more, Err(Errno::EINVAL));
    }
}
