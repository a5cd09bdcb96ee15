// SPDX-License-Identifier: BSD-2-Clause
//! The privilege table beside what FreeBSD's own jails were measured to do
//! (`docs/line-two-15.1.tsv`, which the VM tests hold against a running kernel).

use std::collections::{BTreeMap, BTreeSet};

use line_two::{Difference, Verdict, compare};
use rjail::prison::JailFlags;
use rjail::privilege::{self, Barred, NAMES, Native, Opens, PROMISES, TABLE};

fn measured() -> BTreeMap<String, Verdict> {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/line-two-15.1.tsv"));
    assert!(text.starts_with("# ") && text.contains("`make line-two`"));
    line_two::read(text).unwrap().into_iter().collect()
}

/// The flags that open something in some native jail.
fn native_flags() -> BTreeSet<String> {
    let with = measured().into_values().filter_map(|verdict| match verdict {
        Verdict::With(flags) => Some(flags),
        Verdict::Allow | Verdict::Deny => None,
    });
    with.flatten().collect()
}

#[test]
fn every_privilege_was_measured() {
    let theirs: BTreeSet<_> = measured().into_keys().collect();
    let ours: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(ours, theirs);
}

/// Each row says of the native jail what the kernel says of it.
#[test]
fn tags_are_what_was_measured() {
    let measured = measured();
    let mut wrong = Vec::new();
    for row in &TABLE {
        let native = &measured[row.name];
        let tag = match row.native {
            Native::Same => Difference { tighter: false, looser: false },
            Native::Tighter(_) => Difference { tighter: true, looser: false },
        };
        let is = compare(row, native);
        if is != tag {
            wrong.push(format!("{}: {:?}, native {native}: {is:?}", row.name, row.verdict));
        }
    }
    assert!(wrong.is_empty(), "these rows' tags are others:\n{}", wrong.join("\n"));
}

/// A reason that names a native flag, or says "always", was measured to be so.
#[test]
fn reasons_name_the_flags_that_were_measured() {
    let (measured, flags) = (measured(), native_flags());
    let mut named = 0;
    for row in &TABLE {
        let Native::Tighter(why) = row.native else { continue };
        let native = &measured[row.name];
        if why.contains("grants it always") {
            assert_eq!(native, &Verdict::Allow, "{}: {why}", row.name);
            // What flags it names, it names for another reason.
            continue;
        }
        for (at, start) in why.match_indices("allow.") {
            let rest = &why[at + start.len()..];
            let end = rest.find(|c: char| c != '_' && !c.is_ascii_lowercase());
            let flag = &rest[..end.unwrap_or(rest.len())];
            if !flags.contains(flag) {
                // A flag that a driver adds and asks for itself.
                assert_eq!((row.name, flag), ("PRIV_VMM_PPTDEV", "vmm_ppt"));
                continue;
            }
            let Verdict::With(with) = native else { panic!("{}: native {native}", row.name) };
            assert!(with.iter().any(|w| w == flag), "{}: native {native}: {why}", row.name);
            named += 1;
        }
    }
    assert_eq!(named, 8);
}

/// Flags that open something in a native jail and that ours has not.
#[test]
fn flags_that_we_lack() {
    let ours: BTreeSet<_> = line_two::flag_names(JailFlags::all()).collect();
    let lacking: Vec<_> = native_flags().into_iter().filter(|f| !ours.contains(f)).collect();
    assert_eq!(lacking, ["mount", "routing", "setaudit"]);
}

/// What no jail can be given: line two refuses it always, or the row says which
/// promise it would break.
#[test]
fn why_a_privilege_cannot_be_given_is_what_was_measured() {
    let measured = measured();
    let mut promises = 0;
    for row in &TABLE {
        let native = &measured[row.name];
        match row.barred {
            Some(Barred::BySecondLine) => assert_eq!(native, &Verdict::Deny, "{}", row.name),
            Some(Barred::ByPromise(number)) => {
                assert_ne!(native, &Verdict::Deny, "{}", row.name);
                assert!((1..=PROMISES.len()).contains(&usize::from(number)), "{}", row.name);
                promises += 1;
            }
            // The one that `priv_check_cred` gives to no jailed root.
            Some(Barred::ByKernel) => assert_eq!(row.name, "PRIV_VFS_READ_DIR"),
            None => assert_ne!(row.verdict, privilege::Verdict::Deny, "{}", row.name),
        }
        assert_eq!(row.barred.is_some(), row.verdict == privilege::Verdict::Deny, "{}", row.name);
    }
    assert_eq!(promises, 15);
}

/// What a name needs of line two is what line two was measured to ask.
#[test]
fn names_open_what_was_measured() {
    let measured = measured();
    for row in TABLE.iter().filter(|row| row.verdict != privilege::Verdict::Deny) {
        let with = match &measured[row.name] {
            Verdict::With(flags) => flags.clone(),
            Verdict::Allow => Vec::new(),
            Verdict::Deny => panic!("{}: line two lets nobody have it", row.name),
        };
        match row.opens {
            Opens::Nothing => assert!(with.is_empty(), "{}: {with:?}", row.name),
            Opens::SetAudit => assert_eq!(with, ["setaudit"], "{}", row.name),
            // Quotas are a flag that quotactl(2) asks itself, not the privilege.
            Opens::Flag(flag) if flag == JailFlags::QUOTAS => assert!(with.is_empty()),
            Opens::Flag(flag) => {
                let opened: Vec<_> = line_two::flag_names(flag).collect();
                assert!(with.contains(&opened[0]), "{}: {with:?}, {opened:?}", row.name);
            }
        }
    }
}
