// SPDX-License-Identifier: BSD-2-Clause
//! The ledger: how often a jail was allowed, and refused, each privilege.
//!
//! Counted is what the jail decided: a request by somebody who would have got
//! the privilege outside. What an unprivileged process asks for and does not
//! get anywhere is no news of the jail. No lock, and no wait: any processor may
//! count under any lock, but for a spin mutex.

#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Privilege, TABLE};
use crate::kernel::late::Late;

/// How many privileges a jail can have asked for before it needs more memory;
/// a jail that runs a server asks for about twenty.
const SLOTS: usize = 24;

/// How often a privilege was asked for. Both stop at their greatest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Neither line objected; at most [`Count::MOST_ALLOWED`].
    pub allowed: u32,
    /// The jail refused; at most [`Count::MOST_DENIED`].
    pub denied: u32,
}

impl Count {
    /// So many, or more.
    pub const MOST_ALLOWED: u32 = u32::MAX;
    /// So many, or more.
    pub const MOST_DENIED: u32 = (1 << 24) - 1;
}

/// A privilege and its count in one word, so that they change together: eight
/// bits of key, 24 of denials, 32 of the others. Zero is free.
#[derive(Clone, Copy)]
struct Entry(u64);

impl Entry {
    const FREE: u64 = 0;

    const fn key(self) -> u64 {
        self.0 & 0xff
    }

    /// The word after one request more, unless the count has stopped.
    #[inline]
    fn one_more(self, allowed: bool) -> Option<u64> {
        let Count { allowed: times, denied } = self.count();
        match allowed {
            true => (times != Count::MOST_ALLOWED).then(|| self.0 + (1 << 32)),
            false => (denied != Count::MOST_DENIED).then(|| self.0 + (1 << 8)),
        }
    }

    #[inline]
    fn count(self) -> Count {
        let allowed = (self.0 >> 32) as u32;
        #[expect(clippy::cast_possible_truncation, reason = "24 bits")]
        let denied = (self.0 >> 8) as u32 & Count::MOST_DENIED;
        Count { allowed, denied }
    }
}

const _: () = assert!(TABLE.len() < 0x100, "a key has eight bits, and zero is free");

const fn key_of(privilege: Privilege) -> u64 {
    privilege as u64 + 1
}

/// One jail's.
pub struct Ledger {
    /// Open addressing; a slot once taken stays its privilege's.
    slots: [AtomicU64; SLOTS],
    /// For the jail that asks for more: a slot for each privilege.
    rest: Late<[AtomicU64; TABLE.len()]>,
    /// Requests for numbers without a name, and the last such number: 32 bits
    /// each, the number above.
    unnamed: AtomicU64,
    /// Requests that were not counted, because there was no memory.
    missed: AtomicU32,
}

/// Requests for numbers that no header names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unnamed {
    /// How many, or more.
    pub denied: u32,
    /// The last one.
    pub last: i32,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [const { AtomicU64::new(Entry::FREE) }; SLOTS],
            rest: Late::new(),
            unnamed: AtomicU64::new(0),
            missed: AtomicU32::new(0),
        }
    }

    /// Counts one request.
    #[inline]
    pub fn record(&self, privilege: Privilege, allowed: bool) {
        let key = key_of(privilege);
        let found = self.slots.get(start(privilege)).is_some_and(|s| count_in(s, key, allowed));
        if !found {
            self.record_elsewhere(privilege, allowed);
        }
    }

    #[cold]
    fn record_elsewhere(&self, privilege: Privilege, allowed: bool) {
        let key = key_of(privilege);
        let (before, after) = self.slots.split_at(start(privilege));
        if !after.iter().chain(before).any(|slot| count_in(slot, key, allowed)) {
            self.record_late(privilege, allowed);
        }
    }

    #[cold]
    fn record_late(&self, privilege: Privilege, allowed: bool) {
        let slot = self.rest.get_or_allocate().and_then(|rest| rest.get(privilege as usize));
        match slot {
            Some(slot) => {
                count_in(slot, key_of(privilege), allowed);
            }
            None => {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts a request for a number without a name, which is always denied.
    #[cold]
    pub fn record_unnamed(&self, number: i32) {
        let one_more = |word: u64| {
            let denied = word & u64::from(u32::MAX);
            let denied = (denied + 1).min(u64::from(u32::MAX));
            Some(u64::from(number.cast_unsigned()) << 32 | denied)
        };
        let _ = self.unnamed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
    }

    /// What was counted for this privilege.
    #[must_use]
    pub fn count(&self, privilege: Privilege) -> Count {
        let key = key_of(privilege);
        let rest = self.rest.get().and_then(|rest| rest.get(privilege as usize));
        self.slots
            .iter()
            .chain(rest)
            .map(|slot| Entry(slot.load(Ordering::Relaxed)))
            .find(|entry| entry.key() == key)
            .map_or(Count::default(), Entry::count)
    }

    /// What was asked for by numbers without a name.
    #[must_use]
    pub fn unnamed(&self) -> Unnamed {
        let word = self.unnamed.load(Ordering::Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "each half")]
        let (last, denied) = ((word >> 32) as u32, word as u32);
        Unnamed { denied, last: last.cast_signed() }
    }

    /// How many requests are in no count.
    #[must_use]
    pub fn missed(&self) -> u32 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the search for a privilege's slot begins.
const fn start(privilege: Privilege) -> usize {
    privilege as usize % SLOTS
}

/// Counts in this slot, if it is this privilege's or free.
#[inline]
fn count_in(slot: &AtomicU64, key: u64, allowed: bool) -> bool {
    let mut word = slot.load(Ordering::Relaxed);
    loop {
        let entry = match word {
            Entry::FREE => Entry(key),
            _ if Entry(word).key() == key => Entry(word),
            _ => return false,
        };
        let Some(next) = entry.one_more(allowed) else { return true };
        match slot.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => word = now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AtomicU64, Count, Entry, Ledger, Ordering, SLOTS, Unnamed, key_of};
    use crate::privilege::Privilege;
    use std::thread;

    extern crate std;

    #[test]
    fn every_privilege_is_counted_apart() {
        let ledger = Ledger::new();
        for (n, privilege) in Privilege::ALL.into_iter().enumerate() {
            for _ in 0..n % 5 {
                ledger.record(privilege, true);
            }
            for _ in 0..n % 3 {
                ledger.record(privilege, false);
            }
        }
        for (n, privilege) in (0u32..).zip(Privilege::ALL) {
            let expected = Count { allowed: n % 5, denied: n % 3 };
            assert_eq!(ledger.count(privilege), expected, "{}", privilege.name());
        }
        assert_eq!(ledger.missed(), 0);
    }

    #[test]
    fn a_few_privileges_need_no_more_memory() {
        let ledger = Ledger::new();
        for privilege in Privilege::ALL.into_iter().take(SLOTS) {
            ledger.record(privilege, true);
        }
        assert!(ledger.rest.get().is_none());
        ledger.record(Privilege::ALL[SLOTS], true);
        assert!(ledger.rest.get().is_some());
        assert_eq!(ledger.count(Privilege::ALL[SLOTS]).allowed, 1);
        assert!(size_of::<Ledger>() <= SLOTS * 8 + 24);
    }

    #[test]
    fn counts_stop_at_the_top() {
        let ledger = Ledger::new();
        let most = Count { allowed: Count::MOST_ALLOWED, denied: Count::MOST_DENIED };
        let counts = u64::from(most.denied) << 8 | u64::from(most.allowed) << 32;
        ledger.slots[0].store(key_of(Privilege::Reboot) | counts, Ordering::Relaxed);
        let slot = &ledger.slots[0];
        for allowed in [true, false] {
            assert!(super::count_in(slot, key_of(Privilege::Reboot), allowed));
        }
        assert_eq!(ledger.count(Privilege::Reboot), most);
    }

    #[test]
    fn numbers_without_a_name_are_counted_and_the_last_is_kept() {
        let ledger = Ledger::new();
        assert_eq!(ledger.unnamed(), Unnamed::default());
        for number in [17, -3, i32::MAX, i32::MIN] {
            ledger.record_unnamed(number);
            assert_eq!(ledger.unnamed().last, number);
        }
        assert_eq!(ledger.unnamed().denied, 4);
        ledger.unnamed.store(u64::from(u32::MAX), Ordering::Relaxed);
        ledger.record_unnamed(5);
        assert_eq!(ledger.unnamed(), Unnamed { denied: u32::MAX, last: 5 });
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_between_threads() {
        const THREADS: u32 = 4;
        let rounds = if cfg!(miri) { 3 } else { 500 };
        let ledger = Ledger::new();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        for privilege in Privilege::ALL.into_iter().step_by(3) {
                            ledger.record(privilege, true);
                            ledger.record(privilege, false);
                        }
                    }
                });
            }
        });
        let each = THREADS * rounds;
        for privilege in Privilege::ALL.into_iter().step_by(3) {
            assert_eq!(ledger.count(privilege), Count { allowed: each, denied: each });
        }
        let taken = |slot: &&AtomicU64| slot.load(Ordering::Relaxed) != Entry::FREE;
        assert_eq!(ledger.slots.iter().filter(taken).count(), SLOTS);
    }
}
