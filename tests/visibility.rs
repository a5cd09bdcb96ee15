// SPDX-License-Identifier: BSD-2-Clause
//! Who sees whom: every constellation of two processes, both directions.
//!
//! Brackets are jails, arrows point from who asks to who is asked about.

use rjail::prison::Jid;
use rjail::visibility::{Leader, kernel, p_trespass, session, socket};
use rjail::{Errno, Result};

const HOST: Option<Jid> = None;

fn jail(number: u64) -> Option<Jid> {
    let jid = Jid::new(number);
    assert!(jid.is_some(), "0 is no jail");
    jid
}

/// A constellation: the answer from `a` to `b`, and the answer back.
fn both_ways(a: Option<Jid>, b: Option<Jid>) -> [Result; 2] {
    let answers = [p_trespass(a, b), p_trespass(b, a)];
    let hidden = |answer: Result| answer.map_err(|_| Errno::ENOENT);
    assert_eq!([socket(a, b), socket(b, a)], answers.map(hidden), "a socket is as its owner");
    answers
}

const SEEN: Result = Ok(());
const NOT_THERE: Result = Err(Errno::ESRCH);

/// ```text
///   a ⇄ b
/// ```
#[test]
fn two_on_the_host() {
    assert_eq!(both_ways(HOST, HOST), [SEEN, SEEN]);
}

/// ```text
///   a → [ b ]
///   a ✗ [ b ]      back
/// ```
#[test]
fn host_and_jail() {
    assert_eq!(both_ways(HOST, jail(1)), [SEEN, NOT_THERE]);
}

/// ```text
///   [ a ⇄ b ]
/// ```
#[test]
fn two_in_one_jail() {
    assert_eq!(both_ways(jail(1), jail(1)), [SEEN, SEEN]);
}

/// ```text
///   [ a ] ✗ [ b ]
/// ```
#[test]
fn siblings() {
    assert_eq!(both_ways(jail(1), jail(2)), [NOT_THERE, NOT_THERE]);
}

/// A parent outside whose child jailed itself: it can still signal and wait.
/// ```text
///   parent → [ child ]
///   parent ✗ [ child ]      back
/// ```
#[test]
fn parent_outside_child_inside() {
    assert_eq!(both_ways(HOST, jail(7)), [SEEN, NOT_THERE]);
}

/// ```text
///   [ parent ⇄ child ]
/// ```
#[test]
fn parent_and_child_inside() {
    assert_eq!(both_ways(jail(7), jail(7)), [SEEN, SEEN]);
}

/// ```text
///   [ a ] ✗ 1      process 1 is of the host
///   1 → [ a ]
/// ```
#[test]
fn jail_and_process_1() {
    assert_eq!(both_ways(jail(3), HOST), [NOT_THERE, SEEN]);
}

/// ```text
///   [ a ⇄ a ]
/// ```
#[test]
fn itself() {
    assert_eq!(both_ways(jail(3), jail(3)), [SEEN, SEEN]);
    assert_eq!(both_ways(HOST, HOST), [SEEN, SEEN]);
}

/// Numbers far apart, and the ends of the range.
#[test]
fn any_two_numbers() {
    let numbers = [1, 2, 255, 256, u64::from(u32::MAX), 1 << 32, u64::MAX - 1, u64::MAX];
    for a in numbers {
        for b in numbers {
            let expected = if a == b { SEEN } else { NOT_THERE };
            assert_eq!(both_ways(jail(a), jail(b)), [expected; 2], "{a} and {b}");
        }
    }
}

/// Numbers that share their low 32 bits, which is what the kernel shows.
#[test]
fn the_low_part_is_not_the_number() {
    assert_eq!(both_ways(jail(5), jail((1 << 32) + 5)), [NOT_THERE, NOT_THERE]);
}

/// Never `EPERM`: that would say that the process is there.
#[test]
fn a_refusal_never_says_that_it_exists() {
    for (a, b) in [(jail(1), HOST), (jail(1), jail(2))] {
        assert_eq!(p_trespass(a, b), Err(Errno::ESRCH));
        assert_eq!(socket(a, b), Err(Errno::ENOENT));
    }
}

/// A jail learns nothing of the kernel; the host all.
#[test]
fn the_kernel() {
    assert_eq!(kernel(HOST), SEEN);
    for number in [1, 2, u64::MAX] {
        assert_eq!(kernel(jail(number)), Err(Errno::ENOENT));
    }
}

/// ```text
///   leader: a       [ b ]      entered without setsid(2): not its session
///   [ leader: b ]              its own
///   [ leader: a ]   [ b ]      another jail's
/// ```
#[test]
fn whose_session() {
    let mine = jail(3).expect("not zero");
    assert_eq!(session(mine, Leader::In(jail(3))), Ok(()));
    for leader in [Leader::In(HOST), Leader::In(jail(4)), Leader::Unknown] {
        assert_eq!(session(mine, leader), Err(Errno::EPERM), "{leader:?}");
    }
}

/// What is left of a jail that is gone, a credential say, is no later jail's: no
/// number comes twice.
/// ```text
///   [ a ] ✗ ( b )      back as well
///   host  → ( b )
/// ```
#[test]
fn a_dead_jail() {
    let mut jid = Jid::FIRST;
    for _ in 0..100 {
        let next = jid.next().expect("far from the end");
        assert_eq!(both_ways(Some(next), Some(jid)), [NOT_THERE, NOT_THERE]);
        assert_eq!(both_ways(HOST, Some(jid)), [SEEN, NOT_THERE]);
        jid = next;
    }
}

/// A child that was forked before its parent entered, and stays outside.
/// ```text
///   [ parent ] ✗ child
///   [ parent ] ← child
/// ```
#[test]
fn parent_inside_child_outside() {
    assert_eq!(both_ways(jail(7), HOST), [NOT_THERE, SEEN]);
}
