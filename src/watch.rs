// SPDX-License-Identifier: BSD-2-Clause
//! When look-ups are watched.
//!
//! A jail starts without an open directory, and nobody opens one outside from
//! within. What can still bring one in is a UNIX-domain socket from before entry,
//! or one that is connected across the border with `unix_cross_jail` on. From such
//! a directory ".." leads out: with the label alone always, with both lines by what
//! `FD_RESOLVE_BENEATH` misses (the root of a mount; fdescfs(5) with `nodup`).
//!
//! The hook that sees each step of a look-up keeps the whole machine's look-ups off
//! the kernel's lockless path. So it is a policy of its own, which the framework
//! knows only while a jail exists that such a directory can reach.

#![forbid(unsafe_code)]

/// Whether the hook is to be there, and whether it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// `security.rjail.watch_lookups`.
    allowed: bool,
    /// `security.rjail.unix_cross_jail`.
    crossing: bool,
    /// A jail exists that holds a socket from before it, or might have received
    /// something while `crossing` was on.
    exposed: bool,
    /// The framework calls the hook.
    on: bool,
}

impl Watch {
    /// No jail; allowed.
    pub const NEW: Self = Self { allowed: true, crossing: false, exposed: false, on: false };

    /// `security.rjail.watch_lookups`.
    #[must_use]
    pub const fn allowed(&self) -> bool {
        self.allowed
    }

    /// `security.rjail.unix_cross_jail`.
    #[must_use]
    pub const fn crossing(&self) -> bool {
        self.crossing
    }

    /// A process enters a jail; `receives` says whether it holds a UNIX-domain
    /// socket that somebody else can send to.
    #[must_use]
    pub const fn entered(mut self, receives: bool) -> Self {
        self.exposed |= receives || self.crossing;
        self
    }

    /// The administrator allows it, or not.
    #[must_use]
    pub const fn with_allowed(mut self, allowed: bool) -> Self {
        self.allowed = allowed;
        self
    }

    /// The administrator lets sockets be connected across, or not; `jails` says
    /// whether there are any.
    #[must_use]
    pub const fn with_crossing(mut self, crossing: bool, jails: bool) -> Self {
        self.crossing = crossing;
        self.exposed |= crossing && jails;
        self
    }

    /// The last jail is gone.
    #[must_use]
    pub const fn emptied(mut self) -> Self {
        self.exposed = false;
        self
    }

    /// Brings what is into line with what is to be: `switch` puts the hook in, or
    /// takes it out.
    ///
    /// # Errors
    /// That of `switch`: `self` says what was before.
    pub fn settle<E>(
        &mut self,
        new: Self,
        switch: impl FnOnce(bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted = new.allowed && new.exposed;
        if wanted != self.on {
            switch(wanted)?;
        }
        *self = Self { on: wanted, ..new };
        Ok(())
    }

    /// Whether the framework calls the hook.
    #[must_use]
    pub const fn on(&self) -> bool {
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;

    /// Settles; what was switched.
    fn settle(watch: &mut Watch, change: impl FnOnce(Watch) -> Watch) -> Option<bool> {
        let mut switched = None;
        let new = change(*watch);
        let done = watch.settle(new, |on| {
            switched = Some(on);
            Ok::<(), ()>(())
        });
        assert_eq!(done, Ok(()));
        switched
    }

    #[test]
    fn a_jail_that_nothing_reaches_costs_nothing() {
        let mut watch = Watch::NEW;
        assert_eq!(settle(&mut watch, |watch| watch.entered(false)), None);
        assert!(!watch.on());
        assert_eq!(settle(&mut watch, Watch::emptied), None);
    }

    #[test]
    fn a_socket_from_before_is_watched_until_the_last_jail_is_gone() {
        let mut watch = Watch::NEW;
        assert_eq!(settle(&mut watch, |watch| watch.entered(true)), Some(true));
        assert_eq!(settle(&mut watch, |watch| watch.entered(false)), None, "another jail");
        assert!(watch.on());
        assert_eq!(settle(&mut watch, Watch::emptied), Some(false));
    }

    #[test]
    fn the_switch_exposes_the_jails_that_are_and_that_come() {
        let mut watch = Watch::NEW;
        assert_eq!(settle(&mut watch, |watch| watch.with_crossing(true, false)), None);
        assert_eq!(settle(&mut watch, |watch| watch.entered(false)), Some(true));
        let off = settle(&mut watch, |watch| watch.with_crossing(false, true));
        assert_eq!(off, None, "what was received stays");
        assert_eq!(settle(&mut watch, Watch::emptied), Some(false));
        assert_eq!(settle(&mut watch, |watch| watch.with_crossing(true, true)), Some(true));
    }

    #[test]
    fn the_administrator_decides() {
        let mut watch = Watch::NEW;
        assert_eq!(settle(&mut watch, |watch| watch.with_allowed(false)), None);
        assert_eq!(settle(&mut watch, |watch| watch.entered(true)), None);
        assert_eq!(settle(&mut watch, |watch| watch.with_allowed(true)), Some(true));
        assert_eq!(settle(&mut watch, |watch| watch.with_allowed(false)), Some(false));
    }

    #[test]
    fn what_cannot_be_switched_does_not_change() {
        let mut watch = Watch::NEW;
        assert_eq!(watch.settle(Watch::NEW.entered(true), |_| Err(())), Err(()));
        assert_eq!(watch, Watch::NEW);
    }
}
