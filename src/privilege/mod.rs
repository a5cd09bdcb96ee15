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

mod ledger;
pub mod message;
mod named;
mod numbers;
mod set;
mod table;
mod why;

use bitflags::Flags as _;

use crate::address::Lines;
use crate::errno::{Errno, Result};
use crate::prison::JailFlags;

pub use ledger::{Count, Ledger, Unnamed};
pub use named::{LONGEST, Named};
pub use numbers::Numbers;
pub use set::Privileges;
pub use table::{NAMES, Privilege, TABLE};
pub use why::{By, Line, Why, why};

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

/// What the second line asks of a jail before it lets a privilege pass; it must
/// agree when the privilege is given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// Nothing: it lets every jail have it.
    Nothing,
    /// What it keeps for this flag. The label still gives no more than the name.
    Flag(JailFlags),
    /// `allow.setaudit`, which no flag of rjail stands for.
    SetAudit,
}

/// How the verdict compares with `prison_priv_check()`, and why it differs. It
/// is never looser: no row lets pass what the native jail refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    /// As the native jail with the same flags.
    Same,
    /// The native jail would let it pass.
    Tighter(&'static str),
}

/// Why no jail can be given a privilege that its verdict denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// The second line refuses it to every jail: a gift would be worth nothing.
    BySecondLine,
    /// The promise of this number would be broken, whatever else holds.
    ByPromise(u8),
    /// No root in a jail gets it from the kernel, even where both lines agree.
    ByKernel,
}

/// What rjail promises, by number from 1: the reasons of [`Barred::ByPromise`].
pub const PROMISES: [&str; 5] = [
    "a jailed process never affects, sees, or learns of a process outside its jail",
    "it never names a file outside its root",
    "it never uses an IP address that is not its jail's",
    "its root holds exactly the privileges that the table grants",
    "a jail cannot be changed after it is made, and not be left",
];

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
    /// What the second line must leave open.
    pub opens: Opens,
    /// For [`Verdict::Deny`]: why it cannot be given by name either.
    pub barred: Option<Barred>,
    /// The native jail's decision beside it.
    pub native: Native,
    /// Who else has it.
    pub asked: Asked,
    /// What it reaches is kept apart per jail by the second line alone.
    pub second_line: bool,
    /// The first major release that is sure to have the name.
    pub since: u16,
}

/// Those that every jail has; the second set, only with the second line.
const ALWAYS: (Privileges, Privileges) = {
    let (mut always, mut with_second_line, mut i) = (Privileges::NONE, Privileges::NONE, 0);
    while i < TABLE.len() {
        let row = &TABLE[i];
        match row.verdict {
            Verdict::Allow if row.second_line => {
                with_second_line = with_second_line.with(row.privilege);
            }
            Verdict::Allow => always = always.with(row.privilege),
            Verdict::AllowWith(_) | Verdict::ByName | Verdict::Deny => {}
        }
        i += 1;
    }
    (always, with_second_line)
};

const FLAGS: usize = JailFlags::FLAGS.len();

/// Those that each flag gives.
const WITH: [(JailFlags, Privileges); FLAGS] = {
    let mut with = [(JailFlags::empty(), Privileges::NONE); FLAGS];
    let mut flag = 0;
    while flag < FLAGS {
        with[flag].0 = *JailFlags::FLAGS[flag].value();
        let mut i = 0;
        while i < TABLE.len() {
            if let Verdict::AllowWith(any) = TABLE[i].verdict
                && any.bits() & with[flag].0.bits() != 0
            {
                with[flag].1 = with[flag].1.with(TABLE[i].privilege);
            }
            i += 1;
        }
        flag += 1;
    }
    with
};

/// Those that the table gives to a jail with these flags. With the label alone,
/// what only the second line keeps apart is not among them.
#[must_use]
pub fn given_by(lines: Lines, flags: JailFlags) -> Privileges {
    let (always, with_second_line) = &ALWAYS;
    let base = match lines {
        Lines::Both => always.union(with_second_line),
        Lines::LabelAlone => *always,
    };
    WITH.iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .fold(base, |held, (_, given)| held.union(given))
}

/// Those that a jail holds: what its flags give, and what was added and taken
/// away by name.
#[must_use]
pub fn held(lines: Lines, flags: JailFlags, named: &Named) -> Privileges {
    given_by(lines, flags).union(&named.given).difference(&named.taken)
}

/// May root in a jail that holds these use `privilege`, as far as the first
/// line can tell? Determines the answer from the two alone; takes no lock.
///
/// # Errors
/// `EPERM`.
#[doc(alias = "prison_priv_check")]
#[inline]
pub fn check(held: &Privileges, privilege: Privilege) -> Result {
    if held.contains(privilege) { Ok(()) } else { Err(Errno::EPERM) }
}

/// Would a process with these user ids get the privilege outside any jail? Only
/// then is it the jail that allows or denies. C source: `priv_check_cred`.
#[must_use]
pub fn is_jails_affair(privilege: Privilege, uid: u32, real_uid: u32) -> bool {
    if REAL_USER.contains(privilege) {
        real_uid == 0
    } else {
        uid == 0 || EVERYONE.contains(privilege)
    }
}

/// Those of which the kernel asks the real user id.
const REAL_USER: Privileges =
    Privileges::NONE.with(Privilege::Maxfiles).with(Privilege::Maxproc).with(Privilege::ProcLimit);

/// Those that the kernel gives to everybody.
const EVERYONE: Privileges = {
    let (mut everyone, mut i) = (Privileges::NONE, 0);
    while i < TABLE.len() {
        if matches!(TABLE[i].asked, Asked::Everyone) {
            everyone = everyone.with(TABLE[i].privilege);
        }
        i += 1;
    }
    everyone
};

impl Privilege {
    /// Its row.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its name in `sys/priv.h`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

impl Privilege {
    /// The privilege of this name.
    #[must_use]
    pub const fn from_name(name: &str) -> Option<Self> {
        let mut i = 0;
        while i < Self::ALL.len() {
            if same(TABLE[i].name, name) {
                return Some(Self::ALL[i]);
            }
            i += 1;
        }
        None
    }

    /// The same for what a process handed in.
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        let found = NAMES.iter().zip(Self::ALL).find(|(known, _)| known.as_bytes() == name);
        found.map(|(_, privilege)| privilege)
    }
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
