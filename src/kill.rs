// SPDX-License-Identifier: BSD-2-Clause
//! rjail_kill(2): what an order is, and who gets its signal.
//!
//! The paper's `jailkill()` ("Future directions"). C source of what it answers to:
//! `killpg1` in `sys/kern/kern_sig.c`, `prison_kill_processes_cb` in
//! `sys/kern/kern_jail.c`; both walk a list from which the child of a fork(2) that
//! is under way is still missing, or on which it is too young to take a signal.
//!
//! A [`Round`] is one order being carried out. From its beginning until every fork
//! that was under way then has come to its end, each child that comes to life in
//! the jail takes the signal with it. So all that were there get it once, and
//! their children too if they began before; nobody escapes, and a handler that
//! forks does not keep the round going.

#![forbid(unsafe_code)]

use alloc::vec::Vec;

use crate::kernel::memory::try_push;
use crate::{Errno, Result};

/// The only signal that closes a jail.
pub const SIGKILL: i32 = 9;
/// The greatest signal: `_SIG_MAXSIG`.
pub const MOST: i32 = 128;

/// What rjail_kill(2) is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// 0 only counts.
    pub signal: i32,
    /// Close the jail, and wait at most so many milliseconds until it is empty.
    pub close: Option<u64>,
}

impl Order {
    /// What a process asked for.
    ///
    /// # Errors
    /// `EINVAL` for a signal that there is not, for a flag beside [`abi::CLOSE`], for
    /// another signal than [`SIGKILL`] with it, for a time without it, and for one
    /// above [`abi::MAX_WAIT`].
    pub const fn new(signal: i32, flags: u32, milliseconds: u64) -> Result<Self> {
        if signal < 0 || signal > MOST || milliseconds > abi::MAX_WAIT {
            return Err(Errno::EINVAL);
        }
        match flags {
            0 if milliseconds == 0 => Ok(Self { signal, close: None }),
            abi::CLOSE if signal == SIGKILL => Ok(Self { signal, close: Some(milliseconds) }),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// How far a process on the kernel's list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its fork(2) is not through: it takes no signal yet.
    Unborn,
    /// It takes signals.
    Alive,
}

/// One whom the first walk met unborn.
#[derive(Clone, Copy, Debug)]
struct Unborn {
    pid: i32,
    /// By the walk that is under way.
    met: bool,
}

/// An order that is being carried out.
#[derive(Debug)]
pub struct Round {
    /// Met unborn by the first walk and not settled: each takes the signal along as
    /// it comes to life, or was past that point and is sent it afterwards.
    unborn: Vec<Unborn>,
    begun: bool,
    sent: u64,
}

impl Round {
    /// Nobody has got anything.
    #[must_use]
    pub const fn new() -> Self {
        Self { unborn: Vec::new(), begun: false, sent: 0 }
    }

    /// Makes room for so many unborn, because a walk cannot allocate. May sleep.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn make_room(&mut self, unborn: usize) -> Result {
        self.unborn.try_reserve_exact(unborn).map_err(|_| Errno::ENOMEM)
    }

    /// Whether there is room for so many.
    #[must_use]
    pub const fn has_room(&self, unborn: usize) -> bool {
        self.unborn.capacity() >= unborn
    }

    /// A walk meets a process of the jail; whether it is to be sent the signal.
    ///
    /// Before the first walk room is made for all unborn on the list, to which
    /// nobody is added meanwhile. [`Self::walked`] ends each walk.
    pub fn meet(&mut self, pid: i32, stage: Stage) -> bool {
        let send = match (self.begun, stage) {
            (false, Stage::Alive) => true,
            (false, Stage::Unborn) => {
                if self.has_room(self.unborn.len() + 1) {
                    // Does not allocate: there is room.
                    let _ = try_push(&mut self.unborn, Unborn { pid, met: true });
                }
                false
            }
            (true, Stage::Unborn) => {
                self.unborn.iter_mut().filter(|one| one.pid == pid).for_each(|one| one.met = true);
                false
            }
            (true, Stage::Alive) => self.settle(pid),
        };
        self.sent += u64::from(send);
        send
    }

    /// A child comes to life in the jail, and takes the signal along.
    pub fn bear(&mut self, pid: i32) {
        self.settle(pid);
        self.sent += 1;
    }

    /// A walk is over. Who was to be settled and has not been met again is gone.
    pub fn walked(&mut self) {
        self.begun = true;
        self.unborn.retain(|one| one.met);
        self.unborn.iter_mut().for_each(|one| one.met = false);
    }

    /// Whether all are settled whom the first walk met unborn.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.begun && self.unborn.is_empty()
    }

    /// How many have got the signal.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether it was to be settled.
    fn settle(&mut self, pid: i32) -> bool {
        let before = self.unborn.len();
        self.unborn.retain(|one| one.pid != pid);
        self.unborn.len() != before
    }
}

impl Default for Round {
    fn default() -> Self {
        Self::new()
    }
}
