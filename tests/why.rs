// SPDX-License-Identifier: BSD-2-Clause
//! rjail_why(2): it says what the filter does, for every privilege and every jail.

use rjail::address::Lines;
use rjail::prison::JailFlags;
use rjail::privilege::{By, Line, Named, Privilege, Verdict, check, given_by, held, why};

fn jails() -> impl Iterator<Item = (Lines, JailFlags)> {
    let flags = JailFlags::all().iter().chain([JailFlags::empty(), JailFlags::all()]);
    flags.flat_map(|flags| [(Lines::Both, flags), (Lines::LabelAlone, flags)])
}

/// Nothing named; all that can be taken, taken; this one given.
fn named(privilege: Privilege) -> [Named; 3] {
    let one = Named::NONE.given.with(privilege);
    [Named::NONE, Named { taken: one, ..Named::NONE }, Named { given: one, ..Named::NONE }]
}

#[test]
fn the_answer_is_the_filters() {
    for (lines, flags) in jails() {
        for privilege in Privilege::ALL {
            for named in named(privilege) {
                let held = held(lines, flags, &named);
                for second in [true, false] {
                    let why = why(lines, flags, &held, privilege, second);
                    let first = check(&held, privilege).is_ok();
                    let wanted = match (first, second) {
                        (false, _) => Err(Line::First),
                        (true, false) => Err(Line::Second),
                        (true, true) => Ok(()),
                    };
                    assert_eq!(why.allowed, wanted, "{privilege:?} {flags:?} {lines:?}");
                    let second_alone = why.by == By::SecondLine;
                    assert_eq!(second_alone, wanted == Err(Line::Second), "{privilege:?}");
                }
            }
        }
    }
}

#[test]
fn what_settles_it_is_what_would_change_it() {
    for (lines, flags) in jails() {
        for privilege in Privilege::ALL {
            let [none, taken, given] = named(privilege)
                .map(|named| why(lines, flags, &held(lines, flags, &named), privilege, true));
            let by_flags = given_by(lines, flags).contains(privilege);
            match privilege.row().verdict {
                Verdict::AllowWith(any) => {
                    assert_eq!(none.by, By::Flag(any), "{privilege:?}");
                    let enough = |one| given_by(lines, flags | one).contains(privilege);
                    assert!(any.iter().all(enough), "any one of them gives {privilege:?}");
                }
                Verdict::ByName => assert_eq!(none.by, By::Name, "{privilege:?}"),
                Verdict::Allow | Verdict::Deny => assert_eq!(none.by, By::Table, "{privilege:?}"),
            }
            if by_flags {
                assert_eq!((taken.by, taken.allowed), (By::Taken, Err(Line::First)));
            } else {
                assert_eq!((given.by, given.allowed), (By::Name, Ok(())));
            }
        }
    }
}
