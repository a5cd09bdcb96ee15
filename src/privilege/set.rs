// SPDX-License-Identifier: BSD-2-Clause
//! A set of privileges: one bit each.

#![forbid(unsafe_code)]

use super::{Privilege, TABLE};

const BITS: usize = u64::BITS as usize;
const WORDS: usize = TABLE.len().div_ceil(BITS);

/// A set of privileges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges([u64; WORDS]);

/// Where the bit of a privilege is.
const fn place(privilege: Privilege) -> (usize, u64) {
    let index = privilege as usize;
    (index / BITS, 1 << (index % BITS))
}

impl Privileges {
    /// No privilege.
    pub const NONE: Self = Self([0; WORDS]);

    /// Is it in?
    #[must_use]
    #[inline]
    pub const fn contains(&self, privilege: Privilege) -> bool {
        let (word, bit) = place(privilege);
        self.0[word] & bit != 0
    }

    /// With this one as well.
    #[must_use]
    pub const fn with(mut self, privilege: Privilege) -> Self {
        let (word, bit) = place(privilege);
        self.0[word] |= bit;
        self
    }

    /// Those of either.
    #[must_use]
    pub const fn union(mut self, other: &Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] |= other.0[word];
            word += 1;
        }
        self
    }

    /// Those that are not in the other.
    #[must_use]
    pub const fn difference(mut self, other: &Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] &= !other.0[word];
            word += 1;
        }
        self
    }

    /// Each of them, in the table's order.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.into_iter().filter(move |privilege| self.contains(*privilege))
    }
}

#[cfg(test)]
mod tests {
    use super::Privileges;
    use crate::privilege::Privilege;

    #[test]
    fn every_privilege_has_a_bit_of_its_own() {
        for one in Privilege::ALL {
            let set = Privileges::NONE.with(one);
            assert!(set.iter().eq([one]));
            assert_eq!(set.difference(&set), Privileges::NONE);
        }
        let all = Privilege::ALL.into_iter().fold(Privileges::NONE, Privileges::with);
        assert!(all.iter().eq(Privilege::ALL));
    }

    #[test]
    fn sets_add_up() {
        let a = Privileges::NONE.with(Privilege::Reboot).with(Privilege::Swapon);
        let b = Privileges::NONE.with(Privilege::Reboot).with(Privilege::Acct);
        let both = a.union(&b);
        assert_eq!(both.iter().count(), 3);
        assert!(both.difference(&a).iter().eq([Privilege::Acct]));
        assert!(a.difference(&b).iter().eq([Privilege::Swapon]));
    }
}
