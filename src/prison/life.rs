// SPDX-License-Identifier: BSD-2-Clause
//! How far a jail is in its life: `pr_state` of `sys/sys/jail.h`, and what the
//! kernel makes of it in `kern_jail_set` and `prison_deref`.

#![forbid(unsafe_code)]

use crate::{Errno, Result};

/// What decides whether a jail can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// rjail_kill(2) has closed it.
    pub closed: bool,
    /// Somebody has been in it, or a descriptor has held it.
    pub begun: bool,
    /// A process is in it that is no zombie.
    pub peopled: bool,
    /// A descriptor holds it.
    pub held: bool,
}

/// Where that puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It can be entered.
    Alive,
    /// It was closed, and its processes are ending.
    Closing,
    /// No process is left and none will come; something has its credential.
    Dying,
}

impl Life {
    /// Where the jail is.
    ///
    /// A jail that is just being made is alive: its maker is about to enter.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self { peopled: true, closed: true, .. } => State::Closing,
            Self { closed: true, .. } => State::Dying,
            Self { begun: true, peopled: false, held: false, .. } => State::Dying,
            _ => State::Alive,
        }
    }

    /// Whether a process may enter.
    ///
    /// # Errors
    /// `ENOENT`: to whoever comes from outside the jail is gone.
    pub const fn admit(self) -> Result {
        match self.state() {
            State::Alive => Ok(()),
            State::Closing | State::Dying => Err(Errno::ENOENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Life, State};
    use crate::Errno;

    const ALL: [Life; 16] = {
        let mut all = [Life { closed: false, begun: false, peopled: false, held: false }; 16];
        let mut i = 0;
        while i < 16 {
            all[i] = Life {
                closed: i & 1 != 0,
                begun: i & 2 != 0,
                peopled: i & 4 != 0,
                held: i & 8 != 0,
            };
            i += 1;
        }
        all
    };

    #[test]
    fn a_jail_lives_until_it_is_closed_or_left_by_all() {
        for life in ALL {
            let left = life.begun && !life.peopled && !life.held;
            let wanted = match (life.closed, life.peopled) {
                (true, true) => State::Closing,
                (true, false) => State::Dying,
                (false, _) if left => State::Dying,
                (false, _) => State::Alive,
            };
            assert_eq!(life.state(), wanted, "{life:?}");
        }
    }

    #[test]
    fn only_the_living_are_entered() {
        for life in ALL {
            let wanted = if life.state() == State::Alive { Ok(()) } else { Err(Errno::ENOENT) };
            assert_eq!(life.admit(), wanted, "{life:?}");
        }
    }
}
