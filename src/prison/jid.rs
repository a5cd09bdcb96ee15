// SPDX-License-Identifier: BSD-2-Clause
//! The number of a jail.

#![forbid(unsafe_code)]

use core::num::NonZeroU64;

/// A jail's number: counts up from [`Jid::FIRST`] and is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid(NonZeroU64);

impl Jid {
    /// The first: far above what the kernel gives its own jails (`JAIL_MAX` in
    /// `sys/kern/kern_jail.c` is 999999), so that no list mixes the two up.
    pub const FIRST: Self = Self(NonZeroU64::new(1 << 30).unwrap());

    /// The jail with this number; 0 is no jail.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The next number. `None` after 2^64 - 1, which a machine that makes a
    /// million jails a second reaches in half a million years.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// What the kernel shows as `pr_id`: the low part, kept between 2^30 and
    /// 2^31 - 1, so that it is positive and never a native jail's.
    #[must_use]
    pub const fn native(self) -> i32 {
        let low = self.0.get() & ((1 << 30) - 1);
        #[expect(clippy::cast_possible_truncation, reason = "31 bits")]
        let shown = (low | 1 << 30) as i32;
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::Jid;

    #[test]
    fn what_the_kernel_shows_is_positive_and_above_native_numbers() {
        let numbers = [1, 999_999, 1 << 30, (1 << 30) + 5, (1 << 31) - 1, 1 << 31, u64::MAX];
        for number in numbers {
            let shown = Jid::new(number).expect("not zero").native();
            assert!(shown >= 1 << 30, "{number} shows as {shown}");
        }
        assert_eq!(Jid::FIRST.native(), 1 << 30);
        assert_eq!(Jid::FIRST.next().map(Jid::native), Some((1 << 30) + 1));
    }

    #[test]
    fn numbers_end_and_do_not_wrap() {
        assert_eq!(Jid::new(u64::MAX).and_then(Jid::next), None);
        assert_eq!(Jid::new(0), None);
    }
}
