// SPDX-License-Identifier: BSD-2-Clause
//! When the policy is there.
//!
//! As soon as the MAC framework knows a policy, it executes some 60 to 170
//! instructions around each of its hooks, whoever asks and whatever the hook does.
//! So it knows rjail's only while a jail exists, is being made, or was a moment ago:
//! it is armed then. Where nobody is jailed, nobody pays.

#![forbid(unsafe_code)]

use crate::{Errno, Result};

/// Whether the framework knows the policy, and who needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arming {
    armed: bool,
    /// Callers that are making a jail, which nobody else counts yet.
    makers: usize,
    /// `security.rjail.linger`.
    linger: u32,
}

impl Arming {
    /// Nobody needs it.
    pub const NEW: Self = Self { armed: false, makers: 0, linger: 10 };

    /// The longest time, in seconds: a day.
    pub const LONGEST: u32 = 24 * 60 * 60;

    /// Whether the framework calls the hooks.
    #[must_use]
    pub const fn armed(&self) -> bool {
        self.armed
    }

    /// How long the policy stays after the last jail, in seconds.
    #[must_use]
    pub const fn linger(&self) -> u32 {
        self.linger
    }

    /// Sets it.
    ///
    /// # Errors
    /// `EINVAL`: less than nothing, or more than [`Self::LONGEST`].
    pub fn set_linger(&mut self, seconds: i32) -> Result {
        let seconds = u32::try_from(seconds).map_err(|_| Errno::EINVAL)?;
        if seconds > Self::LONGEST {
            return Err(Errno::EINVAL);
        }
        self.linger = seconds;
        Ok(())
    }

    /// Somebody makes a jail, until [`Self::end`]; `switch` has the framework know
    /// the policy.
    ///
    /// # Errors
    /// That of `switch`; nothing has changed.
    pub fn begin(&mut self, switch: impl FnOnce(bool) -> Result) -> Result {
        if !self.armed {
            switch(true)?;
            self.armed = true;
        }
        self.makers += 1;
        Ok(())
    }

    /// Who began has made the jail, which is counted now, or has not.
    pub const fn end(&mut self) {
        self.makers -= 1;
    }

    /// Whether the policy could go; `jails` says whether there are any.
    #[must_use]
    pub const fn idle(&self, jails: bool) -> bool {
        self.armed && self.makers == 0 && !jails
    }

    /// Has the framework forget the policy, if nobody needs it.
    ///
    /// # Errors
    /// That of `switch`; nothing has changed.
    pub fn disarm(&mut self, jails: bool, switch: impl FnOnce(bool) -> Result) -> Result {
        if self.idle(jails) {
            switch(false)?;
            self.armed = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Arming;
    use crate::{Errno, Result};

    /// What was switched.
    fn switched(
        arming: &mut Arming,
        change: impl FnOnce(&mut Arming, &mut dyn FnMut(bool) -> Result) -> Result,
    ) -> Option<bool> {
        let mut switched = None;
        let done = change(arming, &mut |on| {
            assert_eq!(switched, None, "once at most");
            switched = Some(on);
            Ok(())
        });
        assert_eq!(done, Ok(()));
        switched
    }

    fn begin(arming: &mut Arming) -> Option<bool> {
        switched(arming, |arming, switch| arming.begin(switch))
    }

    fn disarm(arming: &mut Arming, jails: bool) -> Option<bool> {
        switched(arming, |arming, switch| arming.disarm(jails, switch))
    }

    #[test]
    fn the_first_jail_arms_and_the_last_disarms() {
        let mut arming = Arming::NEW;
        assert_eq!(disarm(&mut arming, false), None, "it was not armed");
        assert_eq!(begin(&mut arming), Some(true));
        assert_eq!(begin(&mut arming), None, "two at once");
        arming.end();
        assert_eq!(disarm(&mut arming, false), None, "one is in the making");
        arming.end();
        assert_eq!(disarm(&mut arming, true), None, "a jail is there");
        assert!(arming.armed() && arming.idle(false) && !arming.idle(true));
        assert_eq!(disarm(&mut arming, false), Some(false));
        assert!(!arming.armed());
        assert_eq!(begin(&mut arming), Some(true), "and again");
    }

    #[test]
    fn who_fails_to_make_one_leaves_nothing() {
        let mut arming = Arming::NEW;
        assert_eq!(begin(&mut arming), Some(true));
        arming.end();
        assert_eq!(begin(&mut arming), None, "it lingers");
        arming.end();
        assert_eq!(disarm(&mut arming, false), Some(false));
        assert_eq!(arming, Arming::NEW);
    }

    #[test]
    fn what_cannot_be_switched_does_not_change() {
        let mut arming = Arming::NEW;
        assert_eq!(arming.begin(|_| Err(Errno::EBUSY)), Err(Errno::EBUSY));
        assert_eq!(arming, Arming::NEW, "nobody is making a jail");
        assert_eq!(begin(&mut arming), Some(true));
        arming.end();
        let before = arming;
        assert_eq!(arming.disarm(false, |_| Err(Errno::EBUSY)), Err(Errno::EBUSY));
        assert_eq!(arming, before);
    }

    #[test]
    fn the_time_is_between_nothing_and_a_day() {
        let mut arming = Arming::NEW;
        for seconds in [-1, i32::MIN, i32::MAX, 86_401] {
            assert_eq!(arming.set_linger(seconds), Err(Errno::EINVAL), "{seconds}");
            assert_eq!(arming, Arming::NEW);
        }
        for seconds in [0, 86_400] {
            assert_eq!(arming.set_linger(seconds), Ok(()));
            assert_eq!(i64::from(arming.linger()), i64::from(seconds));
        }
    }
}
