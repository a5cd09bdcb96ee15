// SPDX-License-Identifier: BSD-2-Clause
//! Lists that are made once and never change.

use alloc::alloc::{Layout, alloc, dealloc};
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;
use core::slice;

use crate::{Errno, Result};

/// A list that is one pointer wide: its length stands in front of the elements, in
/// the same piece of memory.
///
/// # Invariants
/// None for an empty list; else memory of [`Self::layout`] from the allocator, this
/// one's alone: the number of elements, which is not 0, and as many that are
/// initialised.
pub struct Fixed<T: Copy> {
    head: Option<NonNull<usize>>,
    owns: PhantomData<T>,
}

// SAFETY: it owns its elements, as a `Vec` does, and shares them as one.
unsafe impl<T: Copy + Send> Send for Fixed<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Copy + Sync> Sync for Fixed<T> {}

impl<T: Copy> Fixed<T> {
    /// No element.
    pub const EMPTY: Self = Self { head: None, owns: PhantomData };

    /// Right behind the length: where an element is aligned no more than that.
    const ELEMENTS_FIT: () = assert!(align_of::<T>() <= align_of::<usize>());

    fn layout(elements: usize) -> Result<Layout> {
        let () = Self::ELEMENTS_FIT;
        let size = elements.checked_mul(size_of::<T>());
        let size = size.and_then(|size| size.checked_add(size_of::<usize>()));
        let size = size.ok_or(Errno::ENOMEM)?;
        Layout::from_size_align(size, align_of::<usize>()).map_err(|_| Errno::ENOMEM)
    }

    /// A copy of a list. May sleep.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn copy_of(list: &[T]) -> Result<Self> {
        if list.is_empty() {
            return Ok(Self::EMPTY);
        }
        let layout = Self::layout(list.len())?;
        // SAFETY: not zero-sized: there is a length in it.
        let head = NonNull::new(unsafe { alloc(layout) }.cast::<usize>()).ok_or(Errno::ENOMEM)?;
        // SAFETY: the memory is this function's, aligned, and begins with the length.
        unsafe { head.write(list.len()) };
        // SAFETY: the elements begin behind it, in the same memory.
        let elements = unsafe { head.add(1) }.cast::<T>();
        // SAFETY: there is room for as many, and nobody else has it.
        unsafe { elements.copy_from_nonoverlapping(NonNull::from(list).cast(), list.len()) };
        Ok(Self { head: Some(head), owns: PhantomData })
    }
}

impl<T: Copy> Deref for Fixed<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let Some(head) = self.head else { return &[] };
        // SAFETY: initialised, and constant (invariant).
        let len = unsafe { head.read() };
        // SAFETY: the elements begin behind it, in the same memory.
        let elements = unsafe { head.add(1) }.cast::<T>();
        // SAFETY: as many are initialised, and stay as they are as long as `self`.
        unsafe { slice::from_raw_parts(elements.as_ptr(), len) }
    }
}

impl<T: Copy> Drop for Fixed<T> {
    fn drop(&mut self) {
        let (Some(head), Ok(layout)) = (self.head, Self::layout(self.len())) else { return };
        // SAFETY: from the allocator, with this layout (invariant); the last use.
        unsafe { dealloc(head.as_ptr().cast(), layout) };
    }
}

impl<T: Copy> Default for Fixed<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T: Copy + PartialEq> PartialEq for Fixed<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Copy + Eq> Eq for Fixed<T> {}

impl<T: Copy + fmt::Debug> fmt::Debug for Fixed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::Fixed;

    #[test]
    fn what_went_in_is_there() {
        for count in [0, 1, 2, 5, 255] {
            let bytes: Vec<u8> = (0..count).collect();
            assert_eq!(*Fixed::copy_of(&bytes).expect("memory"), bytes);
            let inet: Vec<_> = bytes.iter().map(|byte| Ipv4Addr::new(10, 0, 0, *byte)).collect();
            assert_eq!(*Fixed::copy_of(&inet).expect("memory"), inet);
            let inet6: Vec<_> = inet.iter().map(Ipv4Addr::to_ipv6_mapped).collect();
            assert_eq!(*Fixed::copy_of(&inet6).expect("memory"), inet6);
            let words: Vec<u64> = (0..u64::from(count)).collect();
            assert_eq!(*Fixed::copy_of(&words).expect("memory"), words);
        }
    }

    #[test]
    fn it_is_one_pointer_wide_and_nothing_is_there_without_memory() {
        assert_eq!(size_of::<Fixed<Ipv6Addr>>(), size_of::<usize>());
        let empty = Fixed::<Ipv6Addr>::copy_of(&[]).expect("no memory needed");
        assert!(empty.head.is_none() && empty.is_empty());
        assert_eq!(empty, Fixed::EMPTY);
        assert_ne!(empty, Fixed::copy_of(&[Ipv6Addr::LOCALHOST]).expect("memory"));
    }

    #[test]
    fn lists_that_the_memory_cannot_have_are_none() {
        assert!(Fixed::<u64>::layout(usize::MAX).is_err());
        assert!(Fixed::<u64>::layout(usize::MAX / 8).is_err());
        assert!(Fixed::<u64>::layout(usize::MAX / 16).is_err());
    }
}
