// SPDX-License-Identifier: BSD-2-Clause
//! Memory that most never need, allocated by whoever needs it first.

use alloc::alloc::{Layout, dealloc};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Types of which zeroed memory is a value, and which need no drop.
///
/// # Safety
/// As said.
pub unsafe trait Zero: Sync + Send {}
// SAFETY: integers.
unsafe impl<const N: usize> Zero for [AtomicU64; N] {}

/// A `T` that begins to exist, zeroed, when it is first asked for.
///
/// # Invariants
/// Null, or memory of `T`'s layout from [`allocate`], which this value owns and
/// which, once there, stays until the drop.
pub struct Late<T: Zero>(AtomicPtr<T>);

impl<T: Zero> Late<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// It, if somebody has asked for it.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        let there = self.0.load(Ordering::Acquire);
        // SAFETY: null or alive as long as `self` (invariant).
        unsafe { there.as_ref() }
    }

    /// It; made now if need be. `None` when there is no memory at this moment.
    /// Does not sleep and takes no lock of rjail's.
    pub fn get_or_allocate(&self) -> Option<&T> {
        self.get().or_else(|| self.allocate())
    }

    #[cold]
    fn allocate(&self) -> Option<&T> {
        let fresh = allocate(Layout::new::<T>())?.cast::<T>();
        let put = self.0.compare_exchange(
            ptr::null_mut(),
            fresh.as_ptr(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if put.is_err() {
            // Somebody was faster.
            // SAFETY: allocated above with this layout; nobody else has seen it.
            unsafe { dealloc(fresh.as_ptr().cast(), Layout::new::<T>()) };
        }
        self.get()
    }
}

impl<T: Zero> Default for Late<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Zero> Drop for Late<T> {
    fn drop(&mut self) {
        if let Some(there) = NonNull::new(*self.0.get_mut()) {
            // SAFETY: from `allocate` with this layout, and the last use.
            unsafe { dealloc(there.as_ptr().cast(), Layout::new::<T>()) };
        }
    }
}

/// Zeroed memory, without sleeping for it. The layout is not zero-sized.
#[cfg(target_os = "none")]
fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: may be called under any lock but a spin mutex, and is: a hook is.
    let memory = unsafe { sys_bindings::rjail_c_malloc_now(layout.size(), layout.align()) };
    NonNull::new(memory.cast())
}

#[cfg(not(target_os = "none"))]
fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: callers pass layouts that are not zero-sized.
    NonNull::new(unsafe { alloc::alloc::alloc_zeroed(layout) })
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::Late;

    extern crate std;

    #[test]
    fn is_made_once_and_zeroed() {
        let late: Late<[AtomicU64; 3]> = Late::new();
        assert!(late.get().is_none());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let there = late.get_or_allocate().expect("memory");
                    there[1].fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        let there = late.get().expect("made");
        assert_eq!(there[0].load(Ordering::Relaxed), 0);
        assert_eq!(there[1].load(Ordering::Relaxed), 4);
    }
}
