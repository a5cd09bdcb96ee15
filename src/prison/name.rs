// SPDX-License-Identifier: BSD-2-Clause
//! What a jail is called: the name that rctl(8) limits it by.

#![forbid(unsafe_code)]

use crate::kernel::fixed::Fixed;
use crate::{Errno, Result};

/// A jail's name, or none: the kernel then knows it by its number.
///
/// # Invariants
/// None, or what [`Name::new`] takes: it fits the kernel's `pr_name`, is no
/// number, and rctl(8), which parts its rules at `:`, `=`, `/` and `,`, reads it
/// back as it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Name(Fixed<u8>);

impl Name {
    /// No name.
    pub const NONE: Self = Self(Fixed::EMPTY);
    /// Bytes of the longest.
    pub const LONGEST: usize = 64;

    /// This one.
    ///
    /// # Errors
    /// `EINVAL` for one that is empty, too long, has another byte than letters,
    /// digits, `_`, `-` and `.`, begins with one of the last two, or is a number.
    /// `ENOMEM`.
    pub fn new(name: &[u8]) -> Result<Self> {
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        let begins = name.first().is_some_and(|byte| !b"-.".contains(byte));
        let number = name.iter().all(u8::is_ascii_digit);
        if !begins || number || name.len() > Self::LONGEST || !name.iter().all(good) {
            return Err(Errno::EINVAL);
        }
        Fixed::copy_of(name).map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Without a NUL; nothing for none.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Name;
    use crate::Errno;

    #[test]
    fn what_rctl_reads_back_is_a_name() {
        let long = [b'n'; Name::LONGEST];
        for name in [&b"www"[..], b"a", b"_", b"9lives", b"www.example", b"a-b_c.d", &long] {
            let made = Name::new(name).expect("a name");
            assert_eq!(made.bytes(), name);
            assert!(!made.is_none());
        }
        assert!(Name::NONE.is_none() && Name::NONE.bytes().is_empty());
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_not() {
        let long = [b'n'; Name::LONGEST + 1];
        let wrong: [&[u8]; 14] = [
            b"", b"0", b"12", b".", b"..", b".a", b"-", b"-a", b"a:b", b"a/b", b"a=b", b"a,b",
            b"a b", b"a\xff",
        ];
        for name in wrong.into_iter().chain([&long[..]]) {
            assert_eq!(Name::new(name), Err(Errno::EINVAL), "{name:?}");
        }
    }
}
