// SPDX-License-Identifier: BSD-2-Clause
//! The processes of jails, all of them: walks over the kernel's lists, signals, and
//! who is born meanwhile. C source: `sys/kern/kern_proc.c`, `sys/kern/kern_fork.c`,
//! `sys/kern/kern_sig.c`.

use alloc::vec::Vec;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::credential::{Jail, jail_of};
use super::memory::try_push;
use crate::kill::Stage;
use crate::{Errno, Result};

/// The kernel's list of processes: while this lives nobody is added to it.
///
/// Between fork(2) and the end of a process it is on the list; what is not there has
/// run its last instruction of user land and forks no more.
pub(crate) struct Crowd(PhantomData<*mut ()>);

/// A process on one of the kernel's lists.
///
/// # Invariants
/// Alive and locked, with a credential or none yet.
pub(crate) struct Member(NonNull<c::proc_>);

impl Crowd {
    /// Takes the lock. May sleep.
    pub(crate) fn lock() -> Self {
        // SAFETY: no lock is held that may not come before it: see `lib.rs`.
        unsafe { c::rjail_c_allproc_lock() };
        Self(PhantomData)
    }

    /// Sees each process of a jail that is on the list.
    pub(crate) fn each(&self, jail: &Jail, mut see: impl FnMut(&Member)) {
        let mut filtered = |member: &Member| {
            if member.is_in(jail) {
                see(member);
            }
        };
        // SAFETY: the lock is held, and the function fits its context.
        unsafe { walk(c::rjail_c_allproc_each, &mut filtered) };
    }

    /// How many are in the jail: on the list and unborn, on it and alive.
    pub(crate) fn count(&self, jail: &Jail) -> (usize, usize) {
        let (mut unborn, mut alive) = (0, 0);
        self.each(jail, |member| match member.stage() {
            Stage::Unborn => unborn += 1,
            Stage::Alive => alive += 1,
        });
        (unborn, alive)
    }

    /// Whether nobody is in the jail any more but zombies.
    pub(crate) fn is_gone(&self, jail: &Jail) -> bool {
        if self.count(jail) != (0, 0) {
            return false;
        }
        // Nobody forks now. Those that have left the list are on their way.
        let mut ending = 0;
        everybody(jail, |member| ending += u32::from(!member.is_zombie()));
        ending == 0
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // SAFETY: taken in `lock`, by this thread: the value is neither `Send` nor
        // `Sync`.
        unsafe { c::rjail_c_allproc_unlock() };
    }
}

/// Sees each process of a jail, ending ones and zombies too. May sleep.
pub(crate) fn everybody(jail: &Jail, mut see: impl FnMut(&Member)) {
    let mut filtered = |member: &Member| {
        if member.is_in(jail) {
            see(member);
        }
    };
    // SAFETY: takes its own locks; the function fits its context.
    unsafe { walk(c::rjail_c_pidhash_each, &mut filtered) };
}

/// # Safety
/// `each` calls what it is given with its second argument and with processes as
/// [`Member`] wants them, before it returns.
unsafe fn walk<F: FnMut(&Member)>(
    each: unsafe extern "C" fn(
        Option<unsafe extern "C" fn(*mut c::proc_, *mut c_void)>,
        *mut c_void,
    ),
    see: &mut F,
) {
    unsafe extern "C" fn one<F: FnMut(&Member)>(process: *mut c::proc_, context: *mut c_void) {
        // SAFETY: the `see` of the caller below, which is waiting.
        let Some(see) = (unsafe { context.cast::<F>().as_mut() }) else { return };
        if let Some(process) = NonNull::new(process) {
            see(&Member(process));
        }
    }
    // SAFETY: as the caller says.
    unsafe { each(Some(one::<F>), ptr::from_mut(see).cast()) };
}

impl Member {
    const fn as_ptr(&self) -> *mut c::proc_ {
        self.0.as_ptr()
    }

    fn is_in(&self, jail: &Jail) -> bool {
        // SAFETY: alive, and the lock keeps its credential (invariant).
        let credential = unsafe { (*self.as_ptr()).p_ucred };
        // SAFETY: as above.
        !credential.is_null() && unsafe { jail_of(credential) }.is_some_and(|of| ptr::eq(of, jail))
    }

    /// How far it is.
    pub(crate) fn stage(&self) -> Stage {
        // SAFETY: alive and locked.
        if unsafe { c::rjail_c_is_new(self.as_ptr()) } { Stage::Unborn } else { Stage::Alive }
    }

    /// Whether it has ended and waits for its parent.
    pub(crate) fn is_zombie(&self) -> bool {
        // SAFETY: alive and locked.
        unsafe { c::rjail_c_is_zombie(self.as_ptr()) }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> i32 {
        // SAFETY: alive; constant once it is on a list.
        unsafe { (*self.as_ptr()).p_pid }
    }

    /// Its process group.
    pub(crate) fn group(&self) -> Group {
        // SAFETY: alive and locked.
        Group(unsafe { (*self.as_ptr()).p_pgrp })
    }

    /// Sends it a signal, a valid one.
    pub(crate) fn signal(&self, signal: c_int) {
        // SAFETY: alive and locked.
        unsafe { c::kern_psignal(self.as_ptr(), signal) };
    }
}

/// A process group that was, when it was looked up.
///
/// # Invariants
/// The address of one: the kernel never frees that memory for anything else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group(*mut c::pgrp);

/// The groups in which processes of a jail may be forking.
pub(crate) struct Groups(Vec<Group>);

impl Groups {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes room, because a walk cannot allocate. May sleep.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn make_room(&mut self, groups: usize) -> Result {
        self.0.try_reserve_exact(groups).map_err(|_| Errno::ENOMEM)
    }

    pub(crate) const fn has_room(&self, groups: usize) -> bool {
        self.0.capacity() >= groups
    }

    /// Keeps one in mind, if there is room.
    pub(crate) fn note(&mut self, group: Group) {
        let known = group.0.is_null() || self.0.last() == Some(&group);
        if !known && self.has_room(self.0.len() + 1) {
            // Does not allocate: there is room.
            let _ = try_push(&mut self.0, group);
        }
    }

    /// Waits until every fork(2) is through that is under way in them. Sleeps.
    pub(crate) fn let_forks_pass(&self) {
        for group in &self.0 {
            // SAFETY: a group's memory (invariant of `Group`).
            unsafe { c::rjail_c_forks_pass(group.0) };
        }
    }
}

/// A child whose fork(2) is about to be through.
pub(crate) struct Newborn(NonNull<c::proc_>);

impl Newborn {
    /// The child.
    ///
    /// # Safety
    /// Called by the kernel's event of fork(2) alone, with the child.
    pub(crate) unsafe fn new(process: *mut c::proc_) -> Option<Self> {
        NonNull::new(process).map(Self)
    }

    /// Its jail.
    pub(crate) fn jail(&self) -> Option<&Jail> {
        // SAFETY: nobody else changes it: it has not run yet.
        let credential = unsafe { (*self.0.as_ptr()).p_ucred };
        // SAFETY: the process has it.
        unsafe { jail_of(credential) }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> i32 {
        // SAFETY: alive; constant.
        unsafe { (*self.0.as_ptr()).p_pid }
    }

    /// Gives it a signal, a valid one, that it takes before its first instruction.
    pub(crate) fn signal(&self, signal: c_int) {
        // SAFETY: alive and not locked.
        unsafe { c::rjail_c_signal_newborn(self.0.as_ptr(), signal) };
    }
}

/// Has every fork(2) of the machine tell of its child, or no more. Sleeps; off,
/// nobody is telling any more.
pub(crate) fn watch_births(on: bool) {
    // SAFETY: switched on and off in turn: `killer::Births` counts.
    unsafe { c::rjail_c_births_watch(on) };
}

/// Sleeps for a moment.
pub(crate) fn pause() {
    // SAFETY: called from a thread that may sleep.
    unsafe { c::rjail_c_pause() };
}

/// Sleeps so long, at least a millisecond.
///
/// # Errors
/// `EINTR` when a signal comes.
pub(crate) fn pause_for(milliseconds: u64) -> Result {
    // SAFETY: called from a thread that may sleep.
    match unsafe { c::rjail_c_pause_sig(milliseconds.max(1)) } {
        0 => Ok(()),
        error if error == Errno::EWOULDBLOCK.number() => Ok(()),
        _ => Err(Errno::EINTR),
    }
}

/// Milliseconds since the machine started.
pub(crate) fn uptime() -> u64 {
    // SAFETY: reads the clock.
    let fractions = unsafe { c::rjail_c_uptime() };
    (fractions >> 32) * 1000 + (((fractions & 0xffff_ffff) * 1000) >> 32)
}

/// What else has a jail's credentials.
pub(crate) struct Holders {
    /// Descriptors, of processes outside.
    pub(crate) files: u32,
    /// Connections and ports.
    pub(crate) connections: u32,
}

impl Holders {
    /// Nobody looked.
    pub(crate) const NONE: Self = Self { files: 0, connections: 0 };

    /// Looks at all processes and all connections. Sleeps.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn of(jail: &Jail) -> Result<Self> {
        unsafe extern "C" fn ours(cred: *const c::ucred, jail: *mut c_void) -> bool {
            // SAFETY: the file or connection keeps it during the call.
            !cred.is_null() && unsafe { jail_of(cred) }.is_some_and(|of| ptr::eq(of, jail.cast()))
        }
        let context = ptr::from_ref(jail).cast_mut().cast();
        let mut files = 0;
        // SAFETY: the function fits its context, and no lock is held.
        Errno::check(unsafe { c::rjail_c_files(Some(ours), context, &raw mut files) })?;
        // SAFETY: as above.
        let connections = unsafe { c::rjail_c_connections(Some(ours), context) };
        Ok(Self { files, connections })
    }
}

/// What happens to jails, for devctl(4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Made,
    Entered,
    Closed,
    Emptied,
    Freed,
}

impl Notice {
    /// Tells of it; the process of the jail's that it is about, or 0. Neither sleeps
    /// nor fails.
    pub(crate) fn tell(self, jid: crate::prison::Jid, pid: i32) {
        let kind = match self {
            Self::Made => c"MADE",
            Self::Entered => c"ENTERED",
            Self::Closed => c"CLOSED",
            Self::Emptied => c"EMPTIED",
            Self::Freed => c"FREED",
        };
        // SAFETY: the kernel copies the text; no spin lock is held.
        unsafe { c::rjail_c_notify(kind.as_ptr(), jid.get(), pid) };
    }
}
