// SPDX-License-Identifier: BSD-2-Clause
//! rjail_why(2): could root in a jail use a privilege, and what settles it?
//!
//! The same decision as [`check`](super::check) and the second line's, taken apart;
//! nothing is asked for, so nothing is counted.

#![forbid(unsafe_code)]

use super::{Privilege, Privileges, Verdict, given_by};
use crate::address::Lines;
use crate::prison::JailFlags;

/// What settles the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It is the same for every jail with as many lines.
    Table,
    /// One of these flags, which the jail has or lacks.
    Flag(JailFlags),
    /// `+NAME`, given or missing.
    Name,
    /// `-NAME`.
    Taken,
    /// The kernel's own check alone.
    SecondLine,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// `Ok`, or the line that refuses it.
    pub allowed: Result<(), Line>,
    /// What settles that.
    pub by: By,
}

/// Who refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The label.
    First,
    /// The kernel's own check.
    Second,
}

/// Why a jail has a privilege, or has it not.
///
/// - Determines: from what the jail was made with; `second` is what the second line
///   says, true where there is none.
/// - Returns: the line that is asked first, the label, answers first.
/// - Locks: none; what is asked never changes.
#[must_use]
pub fn why(
    lines: Lines,
    flags: JailFlags,
    held: &Privileges,
    privilege: Privilege,
    second: bool,
) -> Why {
    let given = given_by(lines, flags).contains(privilege);
    let has = held.contains(privilege);
    let by = match privilege.row().verdict {
        _ if has && !given => By::Name,
        _ if given && !has => By::Taken,
        Verdict::AllowWith(any) => By::Flag(any),
        Verdict::ByName => By::Name,
        Verdict::Allow | Verdict::Deny => By::Table,
    };
    match (has, second) {
        (false, _) => Why { allowed: Err(Line::First), by },
        (true, false) => Why { allowed: Err(Line::Second), by: By::SecondLine },
        (true, true) => Why { allowed: Ok(()), by },
    }
}
