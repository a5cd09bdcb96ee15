// SPDX-License-Identifier: BSD-2-Clause
//! The privilege filter: what root in a jail may ask the kernel for.
//!
//! Answers to priv(9): `priv_check_cred()` in `kern/kern_priv.c`, which asks
//! the MAC policies before anything else, and `prison_priv_check()` in
//! `kern/kern_jail.c`, the same decision as the native jail takes it. The
//! paper did this by reading every `suser()` call and passing `PRISON_ROOT` at
//! about 35 of 260.
//!
//! One row of [`TABLE`] for each name in `sys/priv.h`. A verdict can only
//! refuse: what [`check`] lets pass goes on to the kernel's own tests, of the
//! uid among them, so [`Verdict::Allow`] grants nothing to anybody. It is asked
//! for unprivileged processes too. For them a refusal changes nothing, since
//! without uid 0 the kernel's answer is the same EPERM, unless another policy
//! grants what the table denies, which a jail is not to have. The few that the
//! kernel gives to everybody are marked [`Asked::Everyone`], and their rows say
//! what the jail takes away.
//!
//! No row has a number. Numbers are the header's, and [`Numbers::bind`] joins
//! the two while the module is compiled: a name without a row, or a row whose
//! name is gone, is a compile error that says which.

#![forbid(unsafe_code)]

mod table;

use crate::address::Lines;
use crate::errno::{Errno, Result};
use crate::prison::JailFlags;

pub use table::{NAMES, Privilege, TABLE};

/// What the table says about one privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first line has no objection, whatever the jail.
    Allow,
    /// No objection when the jail was made with any one of these flags.
    AllowWith(JailFlags),
    /// Only a jail that holds this privilege by name.
    ByName,
    /// Never, and no jail can be given it.
    Deny,
}

/// Whom the kernel gives the privilege to, outside any jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// uid 0 alone: an unprivileged process loses nothing by the verdict.
    Superuser,
    /// Everybody, always or by a sysctl: the verdict reaches them as well.
    Everyone,
}

/// How the verdict compares with `prison_priv_check()`, and why it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    /// As the native jail with the same flags.
    Same,
    /// The native jail would let it pass.
    Tighter(&'static str),
    /// The native jail would not; the second line still refuses.
    Looser(&'static str),
}

/// One privilege and all that a reviewer wants to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Whose row it is.
    pub privilege: Privilege,
    /// Its name in `sys/priv.h`.
    pub name: &'static str,
    /// The part of the kernel it belongs to.
    pub group: &'static str,
    /// The decision.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: &'static str,
    /// What it answers to: where the kernel asks, or the paper's rule.
    pub source: &'static str,
    /// The native jail's decision beside it.
    pub native: Native,
    /// Who else has it.
    pub asked: Asked,
    /// What it reaches is kept apart per jail by the second line alone.
    pub second_line: bool,
    /// The first major release that is sure to have the name.
    pub since: u16,
}

/// What each privilege needs of a jail's flags: any one of the bits.
const NEEDS: [u32; TABLE.len()] = {
    let mut needs = [0; TABLE.len()];
    let mut i = 0;
    while i < needs.len() {
        needs[i] = match TABLE[i].verdict {
            Verdict::Allow if TABLE[i].second_line => SECOND_LINE,
            Verdict::Allow => ALWAYS,
            Verdict::AllowWith(flags) => flags.bits(),
            Verdict::ByName | Verdict::Deny => 0,
        };
        i += 1;
    }
    needs
};

/// A bit that every jail has and no flag uses.
const ALWAYS: u32 = 1 << 31;

/// A bit that every jail has while the second line is in force.
const SECOND_LINE: u32 = 1 << 30;

const _: () = assert!(JailFlags::all().bits() & (ALWAYS | SECOND_LINE) == 0);

/// May root in a jail made with `flags` use `privilege`, as far as the first
/// line can tell, the second in force beside it? Determines the answer from
/// the two alone; takes no lock.
///
/// # Errors
/// `EPERM`: the table does not let this jail have it.
#[doc(alias = "prison_priv_check")]
#[inline]
pub fn check(flags: JailFlags, privilege: Privilege) -> Result {
    check_with(Lines::Both, flags, privilege)
}

/// [`check`] under these lines. With the label alone, what only the second
/// line keeps apart is refused as well.
///
/// # Errors
/// `EPERM`: the table does not let this jail have it.
#[inline]
pub fn check_with(lines: Lines, flags: JailFlags, privilege: Privilege) -> Result {
    let held = flags.bits()
        | ALWAYS
        | match lines {
            Lines::Both => SECOND_LINE,
            Lines::LabelAlone => 0,
        };
    match NEEDS.get(privilege as usize) {
        Some(needs) if needs & held != 0 => Ok(()),
        _ => Err(Errno::EPERM),
    }
}

impl Privilege {
    /// Its row.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its name in `sys/priv.h`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }
}

/// Which privilege a kernel means by which number.
///
/// # Invariants
/// Made by [`Self::bind`] alone, so every name of the header is in it.
pub struct Numbers([Option<Privilege>; Self::LIMIT]);

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
        let mut numbers = [None; Self::LIMIT];
        let mut seen = [false; TABLE.len()];
        let mut i = 0;
        while i < header.len() {
            let (number, name) = header[i];
            let slot = number as usize;
            let Some(privilege) = Privilege::from_name(name) else {
                stop(name, "is in sys/priv.h and has no row in src/privilege/table.rs");
            };
            if slot >= Self::LIMIT {
                stop(name, "has a number beyond the largest that rjail knows");
            }
            seen[privilege as usize] = true;
            match numbers[slot] {
                None => numbers[slot] = Some(privilege),
                Some(first) if alike(first, privilege) => {}
                Some(_) => stop(name, "shares its number with a name of another verdict"),
            }
            i += 1;
        }
        let mut i = 0;
        while i < seen.len() {
            let row = &TABLE[i];
            if !seen[i] && row.since <= release {
                stop(row.name, "has a row in src/privilege/table.rs and is not in sys/priv.h");
            }
            i += 1;
        }
        Self(numbers)
    }

    /// The privilege that the kernel means by `number`; `None` for the gaps and
    /// whatever else no header named, which the caller refuses with `EPERM`.
    #[must_use]
    #[inline]
    pub fn privilege(&self, number: i32) -> Option<Privilege> {
        *self.0.get(usize::try_from(number).ok()?)?
    }
}

impl Privilege {
    /// The privilege of this name.
    #[must_use]
    pub const fn from_name(name: &str) -> Option<Self> {
        let mut i = 0;
        while i < TABLE.len() {
            if same(TABLE[i].name, name) {
                return Some(TABLE[i].privilege);
            }
            i += 1;
        }
        None
    }
}

/// Do two names of one number ask the same of a jail?
const fn alike(a: Privilege, b: Privilege) -> bool {
    NEEDS[a as usize] == NEEDS[b as usize]
        && matches!(a.row().verdict, Verdict::ByName) == matches!(b.row().verdict, Verdict::ByName)
}

/// `a == b`, from the end, where names differ most.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = a.len();
    while i > 0 {
        i -= 1;
        if a[i] != b[i] {
            return false;
        }
    }
    true
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
