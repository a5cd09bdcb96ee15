// SPDX-License-Identifier: BSD-2-Clause
//! A counted object whose last owner does not free it.
//!
//! A credential can be freed anywhere, under any lock, so the last [`Ref`] to
//! drop only hands the object to a [`Graveyard`]; a task that may sleep empties
//! it. C source of the semantics: refcount(9) (saturating), `prison_free` in
//! `sys/kern/kern_jail.c` (the queue).

#[cfg(not(loom))]
use alloc::alloc::{Layout, alloc, dealloc};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::{self, NonNull};
#[cfg(not(loom))]
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};

#[cfg(loom)]
use loom::alloc::{Layout, alloc, dealloc};
#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};

use crate::{Errno, Result};

/// A count that reaches this stays there for good: the object is never freed,
/// which is safe, instead of freed while in use, which is not.
const SATURATED: usize = usize::MAX / 2;

/// An object that [`Ref`] can count: it says where its dead go.
pub trait Counted: Sized + Send + Sync + 'static {
    /// Where the last reference leaves the object.
    fn graveyard() -> &'static Graveyard<Self>;
    /// Asks that the graveyard be emptied soon. Called under any lock: it must
    /// neither sleep nor allocate.
    fn wake();
}

/// # Invariants
/// - `strong` is the number of `Ref`s; once zero it stays zero.
/// - `weak` is the number of `Weak`s, plus one while `value` is alive.
/// - `value` is alive until [`Last`] takes or drops it, which only happens
///   after `strong` became zero.
struct Inner<T> {
    strong: AtomicUsize,
    weak: AtomicUsize,
    next: AtomicPtr<Inner<T>>,
    value: T,
}

/// A counted reference: [`Clone`] takes one, [`Drop`] gives it back.
pub struct Ref<T: Counted>(NonNull<Inner<T>>);

/// A pointer that keeps the memory, not the object: it can ask for a [`Ref`].
pub struct Weak<T: Counted>(NonNull<Inner<T>>);

/// The object itself, after its last reference.
pub struct Last<T: Counted>(NonNull<Inner<T>>);

// SAFETY: a `Ref` gives shared access only, to a `T` that is `Send` and `Sync`
// (bound of `Counted`), and its counts are atomic.
unsafe impl<T: Counted> Send for Ref<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Counted> Sync for Ref<T> {}
// SAFETY: a `Weak` gives no access; its count is atomic.
unsafe impl<T: Counted> Send for Weak<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Counted> Sync for Weak<T> {}
// SAFETY: a `Last` owns its `T`, which is `Send`.
unsafe impl<T: Counted> Send for Last<T> {}

impl<T: Counted> Ref<T> {
    /// Bytes that an object and its counts take.
    pub const SIZE: usize = size_of::<Inner<T>>();

    /// Counts a new object: one reference, the caller's.
    ///
    /// # Errors
    /// `ENOMEM`; the object is dropped. May sleep.
    pub fn new(value: T) -> Result<Self> {
        // SAFETY: the layout of `Inner` is not zero-sized: it holds counts.
        let memory = unsafe { alloc(Layout::new::<Inner<T>>()) };
        let inner = NonNull::new(memory.cast::<Inner<T>>()).ok_or(Errno::ENOMEM)?;
        let fresh = Inner {
            strong: AtomicUsize::new(1),
            weak: AtomicUsize::new(1),
            next: AtomicPtr::new(ptr::null_mut()),
            value,
        };
        // SAFETY: freshly allocated for this layout, and nobody else has it.
        unsafe { inner.write(fresh) };
        Ok(Self(inner))
    }

    fn inner(&self) -> &Inner<T> {
        // SAFETY: this reference keeps `strong` above zero, so the memory and
        // the value are alive (invariants of `Inner`).
        unsafe { self.0.as_ref() }
    }

    /// A pointer that does not keep the object alive.
    #[must_use]
    pub fn downgrade(this: &Self) -> Weak<T> {
        acquire(&this.inner().weak);
        Weak(this.0)
    }

    /// Gives the reference up as an address that a C structure can hold. Never
    /// zero.
    #[must_use]
    pub fn into_raw(this: Self) -> usize {
        ManuallyDrop::new(this).0.as_ptr().expose_provenance()
    }

    /// Takes back what [`Self::into_raw`] gave up.
    ///
    /// # Safety
    /// `raw` came from `into_raw` and is taken back once.
    #[must_use]
    pub unsafe fn from_raw(raw: usize) -> Option<Self> {
        NonNull::new(ptr::with_exposed_provenance_mut(raw)).map(Self)
    }

    /// The object behind an address of [`Self::into_raw`], not taken back.
    ///
    /// # Safety
    /// `raw` is zero, or came from `into_raw` and is not taken back during `'a`.
    #[must_use]
    #[inline]
    pub unsafe fn borrow_raw<'a>(raw: usize) -> Option<&'a T> {
        let inner: *const Inner<T> = ptr::with_exposed_provenance(raw);
        // SAFETY: the caller keeps the reference that `raw` stands for.
        unsafe { inner.as_ref() }.map(|inner| &inner.value)
    }

    /// Another reference to what an address of [`Self::into_raw`] stands for.
    ///
    /// # Safety
    /// As [`Self::borrow_raw`], for the time of the call.
    #[must_use]
    pub unsafe fn clone_raw(raw: usize) -> Option<Self> {
        let inner = NonNull::new(ptr::with_exposed_provenance_mut(raw))?;
        // Not dropped: `raw` keeps its own reference.
        let borrowed = ManuallyDrop::new(Self(inner));
        Some(Self::clone(&borrowed))
    }

    /// How many references there are; old by the time it returns.
    #[must_use]
    pub fn count(this: &Self) -> usize {
        this.inner().strong.load(Ordering::Relaxed)
    }
}

impl<T: Counted> Clone for Ref<T> {
    fn clone(&self) -> Self {
        acquire(&self.inner().strong);
        Self(self.0)
    }
}

impl<T: Counted> Drop for Ref<T> {
    fn drop(&mut self) {
        if release(&self.inner().strong) {
            T::graveyard().push(Last(self.0));
            T::wake();
        }
    }
}

impl<T: Counted> Deref for Ref<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T: Counted> Weak<T> {
    fn inner(&self) -> &Inner<T> {
        // SAFETY: this pointer keeps `weak` above zero, so the memory is alive;
        // `value` is not touched through it.
        unsafe { self.0.as_ref() }
    }

    /// A reference, unless the last one is gone: the dead stay dead.
    #[must_use]
    pub fn upgrade(&self) -> Option<Ref<T>> {
        let strong = &self.inner().strong;
        let mut old = strong.load(Ordering::Relaxed);
        loop {
            if old == 0 {
                return None;
            }
            let new = if old >= SATURATED { SATURATED } else { old + 1 };
            match strong.compare_exchange_weak(old, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Ref(self.0)),
                Err(now) => old = now,
            }
        }
    }
}

impl<T: Counted> Drop for Weak<T> {
    fn drop(&mut self) {
        drop_weak(self.0);
    }
}

impl<T: Counted> Last<T> {
    fn inner(&self) -> &Inner<T> {
        // SAFETY: a `Last` owns the value and the weak count that comes with it.
        unsafe { self.0.as_ref() }
    }

    /// The object, free of its counts.
    #[must_use]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: `strong` is zero for good, so nobody else reads the value, and
        // `ManuallyDrop` keeps it from being dropped a second time.
        let value = unsafe { ptr::read(&this.inner().value) };
        drop_weak(this.0);
        value
    }
}

impl<T: Counted> Deref for Last<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T: Counted> Drop for Last<T> {
    fn drop(&mut self) {
        // SAFETY: the memory is alive: the value's weak count is ours.
        let value = unsafe { &raw mut (*self.0.as_ptr()).value };
        // SAFETY: as in `into_inner`; this is the other of the two ways a
        // `Last` can end, and the last use of the value.
        unsafe { ptr::drop_in_place(value) };
        drop_weak(self.0);
    }
}

fn acquire(count: &AtomicUsize) {
    if count.fetch_add(1, Ordering::Relaxed) >= SATURATED {
        count.store(SATURATED, Ordering::Relaxed);
    }
}

/// Gives one back; whether it was the last.
fn release(count: &AtomicUsize) -> bool {
    match count.fetch_sub(1, Ordering::Release) {
        1 => {
            fence(Ordering::Acquire);
            true
        }
        old if old >= SATURATED => {
            count.store(SATURATED, Ordering::Relaxed);
            false
        }
        _ => false,
    }
}

fn drop_weak<T>(inner: NonNull<Inner<T>>) {
    // SAFETY: the caller owns one of the weak counts, so the memory is alive.
    let weak = unsafe { &(*inner.as_ptr()).weak };
    if release(weak) {
        // SAFETY: the last weak count is gone, the value's own among them, so
        // nobody has the address; allocated in `Ref::new` with this layout.
        unsafe { dealloc(inner.as_ptr().cast(), Layout::new::<Inner<T>>()) };
    }
}

/// Objects whose last reference is gone, waiting to be taken apart.
///
/// A stack without a lock: any context pushes, one task takes all at once, so
/// nothing is ever popped singly and no address can come round again meanwhile.
pub struct Graveyard<T> {
    head: AtomicPtr<Inner<T>>,
    owns: PhantomData<T>,
}

impl<T: Counted> Graveyard<T> {
    /// An empty one.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// An empty one. Loom's atomics cannot be made before it runs.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    fn push(&self, last: Last<T>) {
        let last = ManuallyDrop::new(last);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            last.inner().next.store(head, Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                last.0.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all that are there now.
    pub fn take_all(&self) -> Taken<T> {
        Taken(self.head.swap(ptr::null_mut(), Ordering::Acquire))
    }
}

impl<T: Counted> Default for Graveyard<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The chain that [`Graveyard::take_all`] took.
///
/// # Invariants
/// Null, or a chain of `Last`s that this iterator owns.
pub struct Taken<T: Counted>(*mut Inner<T>);

impl<T: Counted> Iterator for Taken<T> {
    type Item = Last<T>;
    fn next(&mut self) -> Option<Last<T>> {
        let last = Last(NonNull::new(self.0)?);
        self.0 = last.inner().next.load(Ordering::Relaxed);
        Some(last)
    }
}

impl<T: Counted> Drop for Taken<T> {
    fn drop(&mut self) {
        for last in self.by_ref() {
            drop(last);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::{Counted, Graveyard, Last, Ref, SATURATED};

    macro_rules! counted {
        ($name:ident, $alive:ident) => {
            struct $name(u32);
            static $alive: AtomicUsize = AtomicUsize::new(0);
            impl $name {
                fn new(n: u32) -> Self {
                    $alive.fetch_add(1, Ordering::SeqCst);
                    Self(n)
                }
            }
            impl Drop for $name {
                fn drop(&mut self) {
                    $alive.fetch_sub(1, Ordering::SeqCst);
                }
            }
            impl Counted for $name {
                fn graveyard() -> &'static Graveyard<Self> {
                    static DEAD: Graveyard<$name> = Graveyard::new();
                    &DEAD
                }
                fn wake() {}
            }
        };
    }

    #[test]
    fn the_last_reference_queues_and_does_not_free() {
        counted!(Thing, ALIVE);
        let a = Ref::new(Thing::new(7)).expect("memory");
        let b = Ref::clone(&a);
        assert_eq!(Ref::count(&a), 2);
        drop(a);
        assert!(Thing::graveyard().take_all().next().is_none());
        drop(b);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 1, "alive in the graveyard");
        let last = Thing::graveyard().take_all().next().expect("queued");
        assert_eq!((*last).0, 7);
        drop(last);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_dead_are_not_found_again() {
        counted!(Thing, ALIVE);
        let a = Ref::new(Thing::new(1)).expect("memory");
        let weak = Ref::downgrade(&a);
        assert_eq!(weak.upgrade().map(|r| (*r).0), Some(1));
        drop(a);
        assert!(weak.upgrade().is_none(), "in the graveyard");
        let thing = Last::into_inner(Thing::graveyard().take_all().next().expect("queued"));
        assert!(weak.upgrade().is_none(), "taken out");
        drop(thing);
        assert!(weak.upgrade().is_none(), "gone");
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_raw_address_keeps_its_reference() {
        counted!(Thing, ALIVE);
        let raw = Ref::into_raw(Ref::new(Thing::new(3)).expect("memory"));
        // SAFETY: `raw` is taken back at the end, once.
        let seen = unsafe { Ref::<Thing>::borrow_raw(raw) }.map(|t| t.0);
        assert_eq!(seen, Some(3));
        // SAFETY: as above.
        let second = unsafe { Ref::<Thing>::clone_raw(raw) }.expect("alive");
        assert_eq!(Ref::count(&second), 2);
        // SAFETY: the one time it is taken back.
        drop(unsafe { Ref::<Thing>::from_raw(raw) });
        assert_eq!(Ref::count(&second), 1);
        drop(second);
        assert_eq!(Thing::graveyard().take_all().count(), 1);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
        // SAFETY: zero is allowed, and is nobody.
        assert!(unsafe { Ref::<Thing>::borrow_raw(0) }.is_none());
    }

    #[test]
    fn a_count_that_is_full_stays_and_is_never_below_zero() {
        counted!(Thing, ALIVE);
        let full = Ref::new(Thing::new(5)).expect("memory");
        full.inner().strong.store(SATURATED, Ordering::Relaxed);
        let raw = Ref::into_raw(full);
        for _ in 0..3 {
            // SAFETY: taken back more often than given up: the count that is full
            // frees nothing any more.
            let again = unsafe { Ref::<Thing>::clone_raw(raw) }.expect("alive");
            assert_eq!((*again).0, 5);
            assert_eq!(Ref::count(&again), SATURATED);
            let weak = Ref::downgrade(&again);
            assert_eq!(weak.upgrade().map(|r| Ref::count(&r)), Some(SATURATED));
            // SAFETY: as above.
            drop(unsafe { Ref::<Thing>::from_raw(raw) });
            assert_eq!(Ref::count(&again), SATURATED);
        }
        assert_eq!(Thing::graveyard().take_all().count(), 0);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 1, "leaked, which is safe");
        // SAFETY: as above; so that the test leaves no memory behind.
        let last = unsafe { Ref::<Thing>::from_raw(raw) }.expect("alive");
        last.inner().strong.store(1, Ordering::Relaxed);
        drop(last);
        assert_eq!(Thing::graveyard().take_all().count(), 1);
    }

    #[test]
    fn threads_that_clone_and_drop_leave_nothing() {
        counted!(Thing, ALIVE);
        let rounds: u32 = if cfg!(miri) { 20 } else { 2_000 };
        for n in 0..rounds {
            let thing = Ref::new(Thing::new(n)).expect("memory");
            assert_eq!((*thing).0, n);
            let weak = Ref::downgrade(&thing);
            thread::scope(|scope| {
                for _ in 0..2 {
                    let mine = Ref::clone(&thing);
                    scope.spawn(move || drop(Ref::clone(&mine)));
                }
                scope.spawn(|| drop(weak.upgrade()));
                drop(thing);
            });
            assert_eq!(Thing::graveyard().take_all().count(), 1, "queued once");
        }
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    }
}
