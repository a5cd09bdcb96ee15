// SPDX-License-Identifier: BSD-2-Clause
//! Single privileges, given to a jail or taken away when it is made.
//!
//! The text is words between blanks: `+PRIV_KTRACE -PRIV_VFS_CHROOT`, names as
//! `sys/priv.h` spells them.

#![forbid(unsafe_code)]

use super::{Numbers, Opens, Privilege, Privileges, Verdict};
use crate::{Errno, Result};

/// Longest text, its NUL included: each name once, and room.
pub const LONGEST: usize = 8192;

/// What a jail gets and loses beside its flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Gets.
    pub given: Privileges,
    /// Loses, whatever its flags are.
    pub taken: Privileges,
}

impl Named {
    /// Neither.
    pub const NONE: Self = Self { given: Privileges::NONE, taken: Privileges::NONE };

    /// Reads the text, for the kernel that has these numbers.
    ///
    /// # Errors
    /// `EINVAL` for a word without a sign, a name that this kernel has not, one
    /// that comes twice, or one to be given that no jail can have: its verdict
    /// is [`Verdict::Deny`].
    pub fn parse(numbers: &Numbers, text: &[u8]) -> Result<Self> {
        let mut named = Self::NONE;
        for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
            let (given, name) = match word {
                [b'+', name @ ..] => (true, name),
                [b'-', name @ ..] => (false, name),
                _ => return Err(Errno::EINVAL),
            };
            let privilege = Privilege::from_bytes(name).ok_or(Errno::EINVAL)?;
            let privilege = numbers.canonical(privilege).ok_or(Errno::EINVAL)?;
            if named.given.contains(privilege) || named.taken.contains(privilege) {
                return Err(Errno::EINVAL);
            }
            if !given {
                named.taken = named.taken.with(privilege);
            } else if UNGIVABLE.contains(privilege) {
                return Err(Errno::EINVAL);
            } else {
                named.given = named.given.with(privilege);
            }
        }
        Ok(named)
    }

    /// What the second line must leave open for those given.
    pub fn opens(&self) -> impl Iterator<Item = Opens> {
        let given = self.given;
        OPENS.into_iter().filter(move |(privilege, _)| given.contains(*privilege)).map(|(_, o)| o)
    }
}

/// Those that no jail can be given.
const UNGIVABLE: Privileges = {
    let mut none = Privileges::NONE;
    let mut i = 0;
    while i < Privilege::ALL.len() {
        let privilege = Privilege::ALL[i];
        if matches!(privilege.row().verdict, Verdict::Deny) {
            none = none.with(privilege);
        }
        i += 1;
    }
    none
};

const fn needs_opening(privilege: Privilege) -> bool {
    !matches!(privilege.row().opens, Opens::Nothing)
}

const OPENING: usize = {
    let (mut count, mut i) = (0, 0);
    while i < Privilege::ALL.len() {
        count += needs_opening(Privilege::ALL[i]) as usize;
        i += 1;
    }
    count
};

/// The few whose giving the second line must hear of.
const OPENS: [(Privilege, Opens); OPENING] = {
    let mut opens = [(Privilege::ALL[0], Opens::Nothing); OPENING];
    let (mut used, mut i) = (0, 0);
    while i < Privilege::ALL.len() {
        let privilege = Privilege::ALL[i];
        if needs_opening(privilege) {
            opens[used] = (privilege, privilege.row().opens);
            used += 1;
        }
        i += 1;
    }
    opens
};
