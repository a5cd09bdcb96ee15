// SPDX-License-Identifier: BSD-2-Clause
//! Vectors that fail instead of aborting.
//!
//! `Vec::push` and `extend` end in a panic when memory runs out, which a kernel
//! cannot have; these end in `ENOMEM` and leave nothing else in the module.

use alloc::vec::Vec;

use crate::{Errno, Result};

/// Appends one element. May sleep.
///
/// # Errors
/// `ENOMEM`; nothing has changed.
pub fn try_push<T>(to: &mut Vec<T>, element: T) -> Result {
    to.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    let len = to.len();
    let place = to.spare_capacity_mut().first_mut().ok_or(Errno::ENOMEM)?;
    place.write(element);
    // SAFETY: the first element of the spare capacity was just written.
    unsafe { to.set_len(len + 1) };
    Ok(())
}

/// Gathers what an iterator gives, in memory of that length. May sleep.
///
/// # Errors
/// `ENOMEM`.
pub fn try_collect<T>(from: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>> {
    let mut to = Vec::new();
    to.try_reserve_exact(from.len()).map_err(|_| Errno::ENOMEM)?;
    for element in from {
        try_push(&mut to, element)?;
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{try_collect, try_push};

    #[test]
    fn elements_arrive_in_order_and_memory_fits() {
        let mut v = Vec::new();
        for n in 0..100 {
            try_push(&mut v, n).expect("memory");
        }
        assert!(v.iter().copied().eq(0..100));
        let squares = try_collect([1, 2, 3].iter().map(|n| n * n)).expect("memory");
        assert_eq!(squares, vec![1, 4, 9]);
        assert_eq!(squares.capacity(), 3);
    }
}
