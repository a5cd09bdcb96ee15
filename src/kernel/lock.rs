// SPDX-License-Identifier: BSD-2-Clause
//! sx(9): a lock that may be slept under, with what it protects.
//! C source: `sys/kern/kern_sx.c`.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use sys_bindings as c;

/// A value behind an sx(9) lock; who shares the lock does not reach the value.
///
/// # Invariants
/// `raw` is initialised between [`Sx::init`] and [`Sx::destroy`], and only then
/// can the value be reached.
pub(crate) struct Sx<T> {
    raw: UnsafeCell<MaybeUninit<c::sx>>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard only, one at a time.
unsafe impl<T: Send> Sync for Sx<T> {}

impl<T> Sx<T> {
    /// Not usable before [`Self::init`].
    pub(crate) const fn new(value: T) -> Self {
        Self { raw: UnsafeCell::new(MaybeUninit::zeroed()), value: UnsafeCell::new(value) }
    }

    /// Makes the lock usable.
    ///
    /// # Safety
    /// Called once, before any `lock`, while nobody else can reach this lock.
    pub(crate) unsafe fn init(&self, name: &'static CStr) {
        // SAFETY: the caller is alone; the memory is this lock's own.
        unsafe { c::rjail_c_sx_init(self.raw.get().cast(), name.as_ptr()) };
    }

    /// Undoes [`Self::init`].
    ///
    /// # Safety
    /// After `init`, with nobody holding or wanting the lock.
    pub(crate) unsafe fn destroy(&self) {
        // SAFETY: the caller is alone, and the lock was initialised.
        unsafe { c::rjail_c_sx_destroy(self.raw.get().cast()) };
    }

    /// Takes the lock. May sleep.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        // SAFETY: initialised: the module calls nothing of ours before `init`.
        unsafe { c::rjail_c_sx_xlock(self.raw.get().cast()) };
        Guard(self)
    }
}

impl Sx<()> {
    /// Shares the lock, unless somebody has it.
    pub(crate) fn try_share(&self) -> Option<Shared<'_>> {
        // SAFETY: initialised: the module calls nothing of ours before `init`.
        unsafe { c::rjail_c_sx_try_slock(self.raw.get().cast()) }.then(|| Shared(self))
    }
}

/// The lock, shared.
pub(crate) struct Shared<'a>(&'a Sx<()>);

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        // SAFETY: this guard shares the lock.
        unsafe { c::rjail_c_sx_sunlock(self.0.raw.get().cast()) };
    }
}

/// The lock, held.
pub(crate) struct Guard<'a, T>(&'a Sx<T>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, exclusively, as long as this guard lives.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this guard holds the lock.
        unsafe { c::rjail_c_sx_xunlock(self.0.raw.get().cast()) };
    }
}
