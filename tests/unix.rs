// SPDX-License-Identifier: BSD-2-Clause
//! Named UNIX-domain sockets across a jail's border: both directions, and the
//! switch.
//!
//! Brackets are jails, arrows point from who connects to whose socket it is.

use rjail::prison::Jid;
use rjail::unix::connect;
use rjail::{Errno, Result};

const HOST: Option<Jid> = None;
const YES: Result = Ok(());
const NO: Result = Err(Errno::EACCES);

fn jail(number: u64) -> Option<Jid> {
    let jid = Jid::new(number);
    assert!(jid.is_some(), "0 is no jail");
    jid
}

/// The answer from `a` to `b`, and back, with the switch off. With it on nothing
/// is refused.
fn both_ways(a: Option<Jid>, b: Option<Jid>) -> [Result; 2] {
    assert_eq!([connect(a, b, true), connect(b, a, true)], [YES, YES]);
    [connect(a, b, false), connect(b, a, false)]
}

/// ```text
///   a ⇄ b          [ a ⇄ b ]
/// ```
#[test]
fn on_one_side() {
    assert_eq!(both_ways(HOST, HOST), [YES, YES]);
    assert_eq!(both_ways(jail(1), jail(1)), [YES, YES]);
}

/// Visibility goes one way, this does not: the host's own process must not take
/// a descriptor from a jail by accident either.
/// ```text
///   a ✗ [ b ]      and back
/// ```
#[test]
fn host_and_jail() {
    assert_eq!(both_ways(HOST, jail(1)), [NO, NO]);
}

/// ```text
///   [ a ] ✗ [ b ]  and back
/// ```
#[test]
fn siblings() {
    assert_eq!(both_ways(jail(1), jail(2)), [NO, NO]);
    assert_eq!(both_ways(jail(5), jail((1 << 32) + 5)), [NO, NO], "the low part is not all");
}
