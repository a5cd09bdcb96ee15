// SPDX-License-Identifier: BSD-2-Clause
//! Who finds which object of IPC: every constellation of a process and a maker.
//!
//! Brackets are jails; the arrow goes from who asks to who made the object.

use rjail::ipc::{By, Mark, reach};
use rjail::prison::{JailFlags, Jid, SystemV};
use rjail::{Errno, Result};

const HOST: Option<Jid> = None;

fn jail(number: u64) -> Option<Jid> {
    Some(Jid::new(number).expect("0 is no jail"))
}

/// By name and by number, without a share in the host's and with it.
fn all_ways(subject: Option<Jid>, owner: Option<Jid>) -> [[Result; 2]; 2] {
    [false, true].map(|shares| [By::Name, By::Number].map(|by| reach(subject, owner, shares, by)))
}

const FOUND: [Result; 2] = [Ok(()); 2];
const NONE: [Result; 2] = [Err(Errno::ENOENT), Err(Errno::EINVAL)];

/// ```text
///   a → host      a → [ b ]
/// ```
#[test]
fn outside_everything_is_found() {
    assert_eq!(all_ways(HOST, HOST), [FOUND; 2]);
    assert_eq!(all_ways(HOST, jail(1)), [FOUND; 2]);
}

/// ```text
///   [ a ⇄ b ]
/// ```
#[test]
fn within_one_jail() {
    assert_eq!(all_ways(jail(1), jail(1)), [FOUND; 2]);
}

/// The switch of the paper opens the host's, and nothing else.
/// ```text
///   [ a ] ✗ host      without
///   [ a ] → host      with
/// ```
#[test]
fn of_the_host() {
    assert_eq!(all_ways(jail(1), HOST), [NONE, FOUND]);
}

/// ```text
///   [ a ] ✗ [ b ]      with the switch too
/// ```
#[test]
fn of_a_sibling() {
    assert_eq!(all_ways(jail(1), jail(2)), [NONE; 2]);
    assert_eq!(all_ways(jail(2), jail(1)), [NONE; 2]);
}

/// What is left of a jail that is gone is nobody's but the host's.
#[test]
fn of_a_dead_jail() {
    for number in [1, 2, 1 << 32, u64::MAX - 1] {
        assert_eq!(all_ways(jail(number + 1), jail(number)), [NONE; 2]);
        assert_eq!(all_ways(HOST, jail(number)), [FOUND; 2]);
    }
}

/// A mark stands for its jail, is never the host's, and comes back from where it
/// is kept.
#[test]
fn a_mark_is_its_jails() {
    let jid = Jid::FIRST;
    let next = jid.next().expect("far from the end");
    let (mine, other) = (Mark::of(jid, 7), Mark::of(next, 7));
    assert_ne!(mine, other);
    assert_eq!(Mark::from_kept(mine.kept()), Some(mine));
    assert_eq!(Mark::from_kept(0), None);
    assert_ne!(mine.kept(), 0);
    assert_eq!(reach(Some(mine), Some(mine), false, By::Name), Ok(()));
    assert_eq!(reach(Some(mine), Some(other), false, By::Name), Err(Errno::ENOENT));
    assert_eq!(reach(Some(mine), None, false, By::Name), Err(Errno::ENOENT));
    assert_eq!(reach(None, Some(mine), false, By::Name), Ok(()));
}

/// Numbers of jails begin anew with each load of the module: what the first jail
/// of the last load left is not the first jail's of this one, nor any later
/// jail's that so short a time can have made.
#[test]
fn a_mark_is_of_one_load() {
    const MILLISECOND: u64 = (1 << 32) / 1000;
    for begun in [0, MILLISECOND, 1 << 40] {
        let old = Mark::of(Jid::FIRST, begun);
        for later in [1, 2, 1000, 3_600_000] {
            let now = begun + later * MILLISECOND;
            for jails in [0, 1, 1000, 100_000] {
                let jid = Jid::new(Jid::FIRST.get() + jails).expect("not zero");
                assert_ne!(Mark::of(jid, now), old, "{jails} jails after {later} ms");
            }
        }
    }
}

#[test]
fn what_the_flags_open() {
    use JailFlags as F;
    assert_eq!(F::empty().system_v(), SystemV::None);
    assert_eq!(F::PAPER.system_v(), SystemV::None);
    assert_eq!(F::SYSVIPC_OWN.system_v(), SystemV::Own);
    assert_eq!(F::SYSVIPC.system_v(), SystemV::Hosts);
    assert_eq!((F::SYSVIPC | F::SYSVIPC_OWN).system_v(), SystemV::Hosts);
    assert_eq!(F::all().system_v(), SystemV::Hosts);
    assert_eq!((F::all() - F::SYSVIPC - F::SYSVIPC_OWN).system_v(), SystemV::None);
}
