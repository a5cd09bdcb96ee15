// SPDX-License-Identifier: BSD-2-Clause
//! copyin(9): memory of a process, read once.

use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr;

use sys_bindings as c;

use super::plain::Plain;
use crate::request::{Memory, Text};
use crate::{Errno, Result};

/// The memory of the running thread's process. May sleep, whatever is asked of it.
pub(crate) struct User;

impl Memory for User {
    fn read<T: Plain>(&self, at: usize) -> Result<T> {
        let mut value = MaybeUninit::<T>::uninit();
        let from = ptr::without_provenance(at);
        // SAFETY: the destination holds `size_of::<T>()` bytes; the source is
        // checked by copyin itself.
        let error = unsafe { c::copyin(from, value.as_mut_ptr().cast(), size_of::<T>()) };
        Errno::check(error)?;
        // SAFETY: filled in whole, and any bits are a `T` (`Plain`).
        Ok(unsafe { value.assume_init() })
    }

    fn read_slice<T: Plain>(&self, at: usize, count: usize) -> Result<Vec<T>> {
        let mut values: Vec<T> = Vec::new();
        values.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        // A `Vec` that holds `count` values has computed this product before.
        let size = count.wrapping_mul(size_of::<T>());
        let from = ptr::without_provenance(at);
        // SAFETY: the destination has room for `count` values.
        let error = unsafe { c::copyin(from, values.as_mut_ptr().cast(), size) };
        Errno::check(error)?;
        // SAFETY: that many were filled in, and any bits are a `T` (`Plain`).
        unsafe { values.set_len(count) };
        Ok(values)
    }

    fn read_string(&self, at: usize, limit: usize) -> Result<Text> {
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(limit).map_err(|_| Errno::ENOMEM)?;
        let mut len = 0;
        let from = ptr::without_provenance(at);
        // SAFETY: the destination has room for `limit` bytes.
        let error = unsafe { c::copyinstr(from, bytes.as_mut_ptr().cast(), limit, &raw mut len) };
        Errno::check(error)?;
        // SAFETY: copyinstr wrote `len` bytes, at most `limit`.
        unsafe { bytes.set_len(len) };
        Ok(Text::copied(bytes))
    }

    fn write_bytes(&self, at: usize, bytes: &[u8]) -> Result {
        let to = ptr::without_provenance_mut(at);
        // SAFETY: the source is `bytes`; the destination is checked by copyout itself.
        Errno::check(unsafe { c::copyout(bytes.as_ptr().cast(), to, bytes.len()) })
    }
}
