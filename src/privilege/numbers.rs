// SPDX-License-Identifier: BSD-2-Clause
//! A kernel's numbers for the privileges, joined with the table while the
//! module is compiled.

#![forbid(unsafe_code)]

use super::{Opens, Privilege, TABLE, Verdict};

/// Which privilege a kernel means by which number.
///
/// # Invariants
/// Made by [`Self::bind`] alone, so every name of the header is in it.
pub struct Numbers {
    by_number: [Option<Privilege>; Self::LIMIT],
    /// Zero for a name that this kernel has not: no privilege has that number.
    of: [u16; TABLE.len()],
}

impl Numbers {
    /// Numbers from here on are nobody's; `bind` sees to it.
    const LIMIT: usize = 1024;

    /// Joins the table and a kernel's header, in a constant, so that what does
    /// not fit fails the build. `release` is its major number,
    /// `header` every `PRIV_*` of its `sys/priv.h`, in any order.
    ///
    /// # Panics
    /// With the name in the message: when a name of the header has no row, a
    /// row that this release should have has no name, a number is out of
    /// bounds, or two names of one number have different verdicts.
    #[must_use]
    pub const fn bind(release: u16, header: &[(u16, &str)]) -> Self {
        let mut by_number = [None; Self::LIMIT];
        let mut of = [0; TABLE.len()];
        let mut i = 0;
        while i < header.len() {
            let (number, name) = header[i];
            let slot = number as usize;
            let Some(privilege) = Privilege::from_name(name) else {
                stop(name, "is in sys/priv.h and has no row in src/privilege/table.rs");
            };
            if slot >= Self::LIMIT || slot == 0 {
                stop(name, "has a number beyond the largest that rjail knows");
            }
            of[privilege as usize] = number;
            match by_number[slot] {
                None => by_number[slot] = Some(privilege),
                Some(first) if alike(first, privilege) => {}
                Some(_) => stop(name, "shares its number with a name of another verdict"),
            }
            i += 1;
        }
        let mut i = 0;
        while i < of.len() {
            let row = &TABLE[i];
            if of[i] == 0 && row.since <= release {
                stop(row.name, "has a row in src/privilege/table.rs and is not in sys/priv.h");
            }
            i += 1;
        }
        Self { by_number, of }
    }

    /// The privilege that the kernel means by `number`; `None` for the gaps and
    /// whatever else no header named, which the caller refuses with `EPERM`.
    #[must_use]
    #[inline]
    pub fn privilege(&self, number: i32) -> Option<Privilege> {
        *self.by_number.get(usize::try_from(number).ok()?)?
    }

    /// The kernel's number for a privilege, if it has the name.
    #[must_use]
    pub fn number(&self, privilege: Privilege) -> Option<i32> {
        let number = *self.of.get(privilege as usize)?;
        (number != 0).then_some(i32::from(number))
    }

    /// The one of several names for a number that stands for them all; `None`
    /// if the kernel has not even one.
    #[must_use]
    pub fn canonical(&self, privilege: Privilege) -> Option<Privilege> {
        self.privilege(self.number(privilege)?)
    }
}

/// Do two names of one number ask the same of a jail?
const fn alike(a: Privilege, b: Privilege) -> bool {
    let (a, b) = (a.row(), b.row());
    let verdicts = match (a.verdict, b.verdict) {
        (Verdict::AllowWith(a), Verdict::AllowWith(b)) => a.bits() == b.bits(),
        (Verdict::Allow, Verdict::Allow)
        | (Verdict::ByName, Verdict::ByName)
        | (Verdict::Deny, Verdict::Deny) => true,
        _ => false,
    };
    let opens = match (a.opens, b.opens) {
        (Opens::Flag(a), Opens::Flag(b)) => a.bits() == b.bits(),
        (Opens::Nothing, Opens::Nothing) | (Opens::SetAudit, Opens::SetAudit) => true,
        _ => false,
    };
    verdicts && opens && a.second_line == b.second_line
}

/// Panics with `name problem`: the build stops, not the kernel. A constant's
/// panic takes one string and no format, so this puts it together.
const fn stop(name: &str, problem: &str) -> ! {
    let mut text = [0u8; 160];
    let mut used = 0;
    let parts = [name, " ", problem];
    let mut part = 0;
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut i = 0;
        while i < bytes.len() && used < text.len() {
            text[used] = bytes[i];
            used += 1;
            i += 1;
        }
        part += 1;
    }
    match core::str::from_utf8(text.split_at(used).0) {
        Ok(text) => panic!("{}", text),
        Err(_) => panic!("sys/priv.h and src/privilege/table.rs disagree"),
    }
}
