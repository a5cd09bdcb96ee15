// SPDX-License-Identifier: BSD-2-Clause
//! Calls that the kernel asks no hook about: what a number stands for, and what
//! may be done with it.
//!
//! Brackets are jails, arrows point from who asks to who is asked about.

use rjail::interpose::{Found, input};
use rjail::prison::Jid;
use rjail::visibility::Leader;
use rjail::{Errno, Result};

const HOST: Option<Jid> = None;
const ESRCH: Result = Err(Errno::ESRCH);
const EPERM: Result = Err(Errno::EPERM);

fn jail(number: u64) -> Jid {
    Jid::new(number).expect("0 is no jail")
}

/// Who a number stands for, to somebody in jail 3: these, of one session or not.
fn found(members: &[Option<Jid>], session: bool) -> Found {
    members.iter().fold(Found::NOBODY, |found, member| found.and(jail(3), *member, session))
}

/// What naming it, having it signalled, giving it the terminal and joining it
/// answer.
fn answers(found: Found) -> [Result; 4] {
    [found.named(), found.signalled(), found.foreground(), found.joined()]
}

/// ```text
///   [ a ] → ∅
/// ```
#[test]
fn nobody() {
    assert_eq!(answers(Found::NOBODY), [ESRCH, ESRCH, EPERM, Ok(())]);
    assert!(!Found::NOBODY.hidden());
    // What the kernel then says of joining is EPERM as well.
}

/// ```text
///   [ a → b ]      one session
///   [ a → b ]      two
/// ```
#[test]
fn one_of_the_same_jail() {
    let own = Some(jail(3));
    assert_eq!(answers(found(&[own], true)), [Ok(()); 4]);
    assert_eq!(answers(found(&[own, own], true)), [Ok(()); 4]);
    assert_eq!(answers(found(&[own], false)), [Ok(()), EPERM, EPERM, Ok(())]);
    assert!(!found(&[own], true).hidden());
}

/// ```text
///   [ a ] ✗ b          whatever the session
///   [ a ] ✗ [ b ]
/// ```
#[test]
fn one_outside_is_nobody() {
    for other in [HOST, Some(jail(4)), Some(jail((1 << 32) + 3))] {
        for session in [true, false] {
            let hidden = found(&[other], session);
            assert!(hidden.hidden());
            let [named, signalled, foreground, joined] = answers(hidden);
            let nobody = answers(Found::NOBODY);
            assert_eq!([named, signalled, foreground], nobody[..3], "{other:?}");
            assert_eq!(joined, EPERM, "what the kernel says of no group");
        }
    }
}

/// ```text
///   group ( [ a, b ], c )      a asks; c is outside
/// ```
#[test]
fn a_group_across_the_border() {
    let (own, session) = (Some(jail(3)), true);
    for members in [[own, HOST], [HOST, own], [own, Some(jail(4))]] {
        let mixed = found(&members, session);
        // It is there, and is asked process by process; but no signal and no
        // terminal goes to all of it.
        assert_eq!(answers(mixed), [Ok(()), EPERM, EPERM, Ok(())], "{members:?}");
        assert!(!mixed.hidden());
    }
}

/// The answer for somebody outside never depends on who it is.
#[test]
fn what_is_outside_is_not_told_apart() {
    let of = |other| answers(found(&[other], false));
    assert_eq!(of(HOST), of(Some(jail(4))));
    assert_eq!(of(HOST), answers(found(&[HOST, Some(jail(9))], true)));
}

/// ```text
///   leader: a       [ b ]      b's input would be read by a
///   [ leader: b ]              its own
/// ```
#[test]
fn input_into_a_terminal() {
    assert_eq!(input(jail(3), Leader::In(Some(jail(3)))), Ok(()));
    for leader in [Leader::In(HOST), Leader::In(Some(jail(4))), Leader::Unknown] {
        assert_eq!(input(jail(3), leader), EPERM, "{leader:?}");
    }
}
