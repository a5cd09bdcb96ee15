// SPDX-License-Identifier: BSD-2-Clause
//! Every jail by number: `allprison` and `prison_find` of
//! `sys/kern/kern_jail.c`.

#![forbid(unsafe_code)]

use alloc::vec::Vec;

use super::Jid;
use crate::kernel::counted::{Counted, Ref, Weak};
use crate::kernel::memory::try_push;
use crate::{Errno, Result};

/// Chains; enough that 10,000 jails make chains of ten. Loom's
/// threads have small stacks.
const CHAINS: usize = if cfg!(loom) { 2 } else { 1024 };

/// A table from number to jail that keeps no jail alive.
///
/// Its owner locks it; `&mut` says that the lock is held.
pub struct Registry<T: Counted> {
    next: Option<Jid>,
    live: usize,
    chains: [Vec<(Jid, Weak<T>)>; CHAINS],
}

impl<T: Counted> Registry<T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: Some(Jid::FIRST), live: 0, chains: [const { Vec::new() }; CHAINS] }
    }

    /// A number that no jail has had.
    ///
    /// # Errors
    /// `EAGAIN` once the numbers are used up, as jail(2) answers.
    pub fn allot(&mut self) -> Result<Jid> {
        let jid = self.next.ok_or(Errno::EAGAIN)?;
        self.next = jid.next();
        Ok(jid)
    }

    /// Enters a jail.
    ///
    /// # Errors
    /// `ENOMEM`; nothing has changed. May sleep.
    pub fn insert(&mut self, jid: Jid, jail: &Ref<T>) -> Result {
        let chain = self.chain(jid);
        // Most chains have one: no room is made for more.
        chain.try_reserve_exact(1).map_err(|_| Errno::ENOMEM)?;
        try_push(chain, (jid, Ref::downgrade(jail)))?;
        self.live += 1;
        Ok(())
    }

    /// Strikes a jail out; whether it was there.
    pub fn remove(&mut self, jid: Jid) -> bool {
        let chain = self.chain(jid);
        let Some(at) = chain.iter().position(|(number, _)| *number == jid) else {
            return false;
        };
        chain.swap_remove(at);
        if chain.is_empty() {
            *chain = Vec::new();
        }
        self.live -= 1;
        true
    }

    /// The jail with this number, unless it is dying.
    #[must_use]
    pub fn find(&mut self, jid: Jid) -> Option<Ref<T>> {
        let (_, weak) = self.chain(jid).iter().find(|(number, _)| *number == jid)?;
        weak.upgrade()
    }

    /// The jail with the least number above this one, of those not dying. Looks
    /// at every jail.
    #[must_use]
    pub fn find_next(&mut self, above: u64) -> Option<Ref<T>> {
        let mut above = above;
        loop {
            let entered = self.chains.iter().flatten().map(|(jid, _)| *jid);
            let next = entered.filter(|jid| jid.get() > above).min()?;
            let found = self.find(next);
            if found.is_some() {
                return found;
            }
            above = next.get();
        }
    }

    /// Every jail that is not dying.
    ///
    /// # Errors
    /// `ENOMEM`. May sleep.
    pub fn all(&self) -> Result<Vec<Ref<T>>> {
        let mut all = Vec::new();
        for (_, weak) in self.chains.iter().flatten() {
            if let Some(jail) = weak.upgrade() {
                try_push(&mut all, jail)?;
            }
        }
        Ok(all)
    }

    /// Whether there is such a jail, of those not dying.
    #[must_use]
    pub fn any(&self, is: impl Fn(&T) -> bool) -> bool {
        self.chains.iter().flatten().any(|(_, weak)| weak.upgrade().is_some_and(|jail| is(&jail)))
    }

    /// How many jails are entered, dying ones included.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.live
    }

    fn chain(&mut self, jid: Jid) -> &mut Vec<(Jid, Weak<T>)> {
        #[expect(clippy::cast_possible_truncation, reason = "the rest is 0 to CHAINS - 1")]
        let at = (jid.get() % CHAINS as u64) as usize;
        &mut self.chains[at]
    }
}

impl<T: Counted> Default for Registry<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{CHAINS, Registry};
    use crate::kernel::counted::{Counted, Graveyard, Ref};
    use crate::prison::Jid;

    /// Not empty, so that two of them have two addresses.
    struct Jail(#[expect(dead_code, reason = "only its address is looked at")] u8);
    impl Counted for Jail {
        fn graveyard() -> &'static Graveyard<Self> {
            static DEAD: Graveyard<Jail> = Graveyard::new();
            &DEAD
        }
        fn wake() {}
    }

    fn enter(registry: &mut Registry<Jail>) -> (Jid, Ref<Jail>) {
        let jid = registry.allot().expect("numbers");
        let jail = Ref::new(Jail(0)).expect("memory");
        registry.insert(jid, &jail).expect("memory");
        (jid, jail)
    }

    #[test]
    fn a_number_is_never_allotted_twice() {
        let mut registry = Registry::new();
        let (first, jail) = enter(&mut registry);
        assert_eq!(first, Jid::FIRST);
        drop(jail);
        assert!(registry.remove(first));
        assert!(registry.allot().expect("numbers") > first);
    }

    #[test]
    fn a_dying_jail_is_counted_and_not_found() {
        let mut registry = Registry::new();
        let (jid, jail) = enter(&mut registry);
        assert!(registry.find(jid).is_some());
        assert!(registry.any(|_| true) && !registry.any(|_| false));
        drop(jail);
        assert!(registry.find(jid).is_none());
        assert!(!registry.any(|_| true));
        assert_eq!(registry.live(), 1);
        assert!(registry.remove(jid));
        assert_eq!(registry.live(), 0);
        assert!(!registry.remove(jid), "once");
        assert_eq!(registry.live(), 0, "what was not there is not counted off");
    }

    #[test]
    fn the_next_jail_is_found_in_the_order_of_numbers() {
        let mut registry = Registry::new();
        assert!(registry.find_next(0).is_none());
        let mut jails: alloc::vec::Vec<_> = (0..9).map(|_| enter(&mut registry)).collect();
        // One is gone, one is dying.
        let (gone, _) = jails.remove(6);
        assert!(registry.remove(gone));
        let (_dying, jail) = jails.remove(2);
        drop(jail);
        let (mut at, mut seen) = (0, alloc::vec::Vec::new());
        while let Some(next) = registry.find_next(at) {
            let (jid, _) = jails.iter().find(|(_, jail)| core::ptr::eq(&**jail, &*next)).unwrap();
            at = jid.get();
            seen.push(*jid);
        }
        assert!(seen.iter().eq(jails.iter().map(|(jid, _)| jid)));
        assert!(registry.find_next(u64::MAX).is_none());
    }

    #[test]
    fn jails_that_share_a_chain_are_told_apart() {
        let mut registry = Registry::new();
        let count = if cfg!(miri) { CHAINS + 2 } else { 3 * CHAINS };
        let jails: alloc::vec::Vec<_> = (0..count).map(|_| enter(&mut registry)).collect();
        assert_eq!(registry.live(), count);
        let (gone, _) = jails[1];
        assert!(registry.remove(gone));
        for (jid, _) in &jails {
            assert_eq!(registry.find(*jid).is_some(), *jid != gone, "{jid:?}");
        }
    }
}
