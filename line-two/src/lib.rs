// SPDX-License-Identifier: BSD-2-Clause
//! Line two's verdicts: what FreeBSD's own jails make of each privilege.
//!
//! The guest of the VM tests asks a running kernel about native jails that differ
//! by one `allow.*` flag each; [`verdicts`] forms one verdict a privilege of the
//! answers, [`write()`] and [`read`] keep them in `docs/line-two-15.1.tsv`, and
//! [`compare`] holds one beside rjail's own. Names and numbers are those of
//! `sys/priv.h` ([`names`]).

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fmt;

use rjail::prison::JailFlags;
use rjail::privilege::{self, Row};

/// Every privilege of a `sys/priv.h` with its number, aliases resolved, in the
/// header's order.
///
/// # Errors
/// A name whose value is neither a number nor an earlier name.
pub fn names(header: &str) -> Result<Vec<(u16, &str)>, String> {
    let mut names: Vec<(u16, &str)> = Vec::new();
    for line in header.lines() {
        let mut words = line.split_whitespace();
        let (Some("#define"), Some(name), Some(value)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if !name.starts_with("PRIV_") || name.contains('(') {
            continue;
        }
        let number = value
            .parse()
            .ok()
            .or_else(|| names.iter().find(|(_, n)| *n == value).map(|(number, _)| *number));
        names.push((number.ok_or_else(|| format!("{name} is {value}"))?, name));
    }
    Ok(names)
}

/// What was measured of one native jail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jail {
    /// The one `allow.*` flag it has, without the prefix; or `none`, `default`,
    /// `all`.
    pub name: String,
    /// The numbers it could be asked about.
    pub asked: BTreeSet<u16>,
    /// Those of them that it lets root have.
    pub allowed: BTreeSet<u16>,
}

impl Jail {
    /// Has it exactly one flag, its name?
    fn has_one_flag(&self) -> bool {
        !["none", "default", "all"].contains(&self.name.as_str())
    }
}

/// A set of numbers from its bits, as one hexadecimal number.
#[must_use]
pub fn numbers(hexadecimal: &str) -> Option<BTreeSet<u16>> {
    let mut numbers = BTreeSet::new();
    for (place, digit) in (0_u16..).zip(hexadecimal.chars().rev()) {
        let digit = digit.to_digit(16)?;
        numbers.extend((0..4).filter(|bit| digit >> bit & 1 != 0).map(|bit| place * 4 + bit));
    }
    Some(numbers)
}

/// What native jails make of a privilege.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every jail has it.
    Allow,
    /// Those have it that have any one of these `allow.*` flags.
    With(Vec<String>),
    /// None has it.
    Deny,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::With(flags) => write!(f, "with {}", flags.join(" or ")),
            Self::Deny => f.write_str("deny"),
        }
    }
}

impl Verdict {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "allow" => Some(Self::Allow),
            "deny" => Some(Self::Deny),
            _ => {
                let flags = text.strip_prefix("with ")?.split(" or ");
                Some(Self::With(flags.map(str::to_owned).collect()))
            }
        }
    }
}

/// A verdict for each name.
pub type Verdicts = Vec<(String, Verdict)>;

/// Forms a verdict for each name of what these jails answered.
///
/// # Errors
/// When a jail is missing, or the answers are not those of flags that only ever
/// add something.
pub fn verdicts(names: &[(u16, &str)], jails: &[Jail]) -> Result<Verdicts, String> {
    let named = |name: &str| {
        let jail = jails.iter().find(|jail| jail.name == name);
        jail.ok_or_else(|| format!("the jail with the flags \"{name}\" was not measured"))
    };
    let (none, all) = (named("none")?, named("all")?);
    named("default")?;
    if !jails.iter().any(Jail::has_one_flag) {
        return Err("no jail with one flag was measured".to_owned());
    }
    let verdict = |(number, name): &(u16, &str)| {
        let asked: Vec<_> = jails.iter().filter(|jail| jail.asked.contains(number)).collect();
        let allows = |jail: &&&Jail| jail.allowed.contains(number);
        let with = asked.iter().filter(|jail| jail.has_one_flag()).filter(allows);
        let with: Vec<_> = with.map(|jail| jail.name.clone()).collect();
        let verdict = match asked.iter().filter(allows).count() {
            _ if asked.is_empty() => return Err(format!("{name} was not asked about")),
            0 => Verdict::Deny,
            count if count == asked.len() => Verdict::Allow,
            _ if with.is_empty() || allows(&&none) || !allows(&&all) => {
                return Err(format!("{name}: a flag takes away"));
            }
            _ => Verdict::With(with),
        };
        Ok(((*name).to_owned(), verdict))
    };
    names.iter().map(verdict).collect()
}

/// The verdicts as a file, a line each; a first line says how it was made.
#[must_use]
pub fn write(release: &str, verdicts: &Verdicts) -> String {
    let mut text = format!(
        "# What a native jail of FreeBSD {release} lets root have, by its allow.* flags: asked of \
         the running kernel by `make line-two`, not written by hand\n"
    );
    for (name, verdict) in verdicts {
        text.push_str(&format!("{name}\t{verdict}\n"));
    }
    text
}

/// Reads the file back.
///
/// # Errors
/// The line that is not one of [`write()`]'s.
pub fn read(text: &str) -> Result<Verdicts, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let parts = line.split_once('\t');
            parts
                .and_then(|(name, verdict)| Some((name.to_owned(), Verdict::parse(verdict)?)))
                .ok_or_else(|| format!("no name and verdict: {line}"))
        })
        .collect()
}

/// How rjail's verdict on a privilege compares with the native one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Some native jail has it where ours with the same flags has not.
    pub tighter: bool,
    /// Some jail of ours has it where the native one with the same flags has not.
    pub looser: bool,
}

/// Compares over all sets of flags. A flag of ours is the native one of the same
/// name; a native flag that we have not is one that a native jail may have.
#[must_use]
pub fn compare(row: &Row, native: &Verdict) -> Difference {
    let ours: Option<Vec<String>> = match row.verdict {
        privilege::Verdict::Allow => None,
        privilege::Verdict::AllowWith(flags) => Some(flag_names(flags).collect()),
        privilege::Verdict::ByName | privilege::Verdict::Deny => Some(Vec::new()),
    };
    let native = match native {
        Verdict::Allow => None,
        Verdict::With(flags) => Some(flags.clone()),
        Verdict::Deny => Some(Vec::new()),
    };
    // `None` is always: more than any set of flags that it takes.
    let exceeds = |a: &Option<Vec<String>>, b: &Option<Vec<String>>| match (a, b) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(a), Some(b)) => a.iter().any(|flag| !b.contains(flag)),
    };
    Difference { tighter: exceeds(&native, &ours), looser: exceeds(&ours, &native) }
}

/// The names of rjail's flags as jail(8) writes them behind `allow.`.
pub fn flag_names(flags: JailFlags) -> impl Iterator<Item = String> {
    flags.iter_names().map(|(name, _)| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use rjail::privilege::Privilege;

    use super::*;

    fn jail(name: &str, asked: &[u16], allowed: &[u16]) -> Jail {
        let set = |numbers: &[u16]| numbers.iter().copied().collect();
        Jail { name: name.to_owned(), asked: set(asked), allowed: set(allowed) }
    }

    fn jails() -> Vec<Jail> {
        // 5 can be asked about only in a jail that has flag b.
        vec![
            jail("none", &[2, 3, 4], &[2]),
            jail("default", &[2, 3, 4, 5], &[2, 4, 5]),
            jail("a", &[2, 3, 4], &[2, 4]),
            jail("b", &[2, 3, 4, 5], &[2, 4, 5]),
            jail("all", &[2, 3, 4, 5], &[2, 4, 5]),
        ]
    }

    const NAMES: &[(u16, &str)] = &[(4, "PRIV_W"), (3, "PRIV_X"), (2, "PRIV_Y"), (5, "PRIV_Z")];

    #[test]
    fn a_header_is_read_with_aliases() {
        let header = "#define\tPRIV_A\t2\t/* first */\n#define PRIV_VALID(x)\t(x)\n\
                      #define\t_PRIV_HIGHEST\t9\n#define\tPRIV_B\tPRIV_A\n";
        assert_eq!(names(header), Ok(vec![(2, "PRIV_A"), (2, "PRIV_B")]));
        assert_eq!(names("#define PRIV_C PRIV_D"), Err("PRIV_C is PRIV_D".to_owned()));
    }

    #[test]
    fn bits_are_numbers() {
        assert_eq!(numbers("0"), Some(BTreeSet::new()));
        assert_eq!(numbers("10000000000000000c"), Some(BTreeSet::from([2, 3, 68])));
        assert_eq!(numbers("xyz"), None);
    }

    #[test]
    fn answers_become_verdicts_and_survive_the_file() {
        let verdicts = verdicts(NAMES, &jails()).unwrap();
        let text = write("99.9", &verdicts);
        let (first, rest) = text.split_once('\n').unwrap();
        assert!(first.starts_with("# ") && first.contains("99.9"), "{first}");
        assert_eq!(rest, "PRIV_W\twith a or b\nPRIV_X\tdeny\nPRIV_Y\tallow\nPRIV_Z\tallow\n");
        assert_eq!(read(&text), Ok(verdicts));
        assert!(read("PRIV_W\tperhaps\n").is_err() && read("PRIV_W\n").is_err());
    }

    #[test]
    fn missing_or_contrary_answers_are_refused() {
        for missing in ["none", "default", "all"] {
            let rest: Vec<_> = jails().into_iter().filter(|j| j.name != missing).collect();
            assert!(verdicts(NAMES, &rest).unwrap_err().contains(missing));
        }
        let ends: Vec<_> = jails().into_iter().filter(|j| !j.has_one_flag()).collect();
        assert!(verdicts(NAMES, &ends).is_err());
        assert!(verdicts(&[(6, "PRIV_N")], &jails()).unwrap_err().contains("not asked"));
        let mut contrary = jails();
        contrary[2].allowed.remove(&2);
        assert!(verdicts(NAMES, &contrary).unwrap_err().contains("PRIV_Y"));
    }

    #[test]
    fn comparison() {
        let of = |name: &str, native: &str| {
            let row = Privilege::from_name(name).unwrap().row();
            let difference = compare(row, &Verdict::parse(native).unwrap());
            (difference.tighter, difference.looser)
        };
        // Always, ours.
        assert_eq!(of("PRIV_VFS_READ", "allow"), (false, false));
        assert_eq!(of("PRIV_VFS_READ", "with mlock"), (false, true));
        assert_eq!(of("PRIV_VFS_READ", "deny"), (false, true));
        // With mlock.
        assert_eq!(of("PRIV_VM_MLOCK", "allow"), (true, false));
        assert_eq!(of("PRIV_VM_MLOCK", "with mlock"), (false, false));
        assert_eq!(of("PRIV_VM_MLOCK", "with mlock or routing"), (true, false));
        assert_eq!(of("PRIV_VM_MLOCK", "with routing"), (true, true));
        assert_eq!(of("PRIV_VM_MLOCK", "deny"), (false, true));
        // Never.
        assert_eq!(of("PRIV_REBOOT", "with mount"), (true, false));
        assert_eq!(of("PRIV_REBOOT", "deny"), (false, false));
    }
}
