// SPDX-License-Identifier: BSD-2-Clause
//! copyin(9): memory of a process, read once.

use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;
use core::ptr;

use sys_bindings as c;

use super::memory::{try_collect, try_push};
use crate::{Errno, Result};

/// An address that a process gave: a claim, until it was copied from.
#[derive(Clone, Copy)]
pub(crate) struct UserPtr<T>(*mut T);

/// Types of which every bit pattern is a value.
///
/// # Safety
/// As said, and without padding, so that none of the kernel's memory goes out.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
// SAFETY: integers, each where the one before ends.
unsafe impl Plain for abi::Args {}
// SAFETY: as above.
unsafe impl Plain for abi::Info {}
// SAFETY: bytes and integers, as above.
unsafe impl Plain for abi::Row {}
// SAFETY: as above.
unsafe impl Plain for abi::Attach {}
// SAFETY: as above.
unsafe impl Plain for abi::Kill {}
// SAFETY: as above.
unsafe impl Plain for abi::Why {}
// SAFETY: bytes.
unsafe impl<const N: usize> Plain for [u8; N] {}

impl<T> UserPtr<T> {
    /// What a process passed as this address; it may be anything.
    pub(crate) const fn new(address: *mut T) -> Self {
        Self(address)
    }

    /// The same for an address in a structure.
    pub(crate) const fn at(address: usize) -> Self {
        Self(ptr::without_provenance_mut(address))
    }

    /// The address so many values further on.
    pub(crate) const fn add(self, values: u32) -> Self {
        Self(self.0.wrapping_add(values as usize))
    }

    /// The same address, of something else.
    pub(crate) const fn cast<U>(self) -> UserPtr<U> {
        UserPtr(self.0.cast())
    }
}

impl<T: Plain> UserPtr<T> {
    /// Copies one value in.
    ///
    /// # Errors
    /// `EFAULT`. May sleep.
    pub(crate) fn read(self) -> Result<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the destination holds `size_of::<T>()` bytes; the source is
        // checked by copyin itself.
        let error = unsafe { c::copyin(self.0.cast(), value.as_mut_ptr().cast(), size_of::<T>()) };
        Errno::check(error)?;
        // SAFETY: filled in whole, and any bits are a `T` (`Plain`).
        Ok(unsafe { value.assume_init() })
    }

    /// Copies one value out.
    ///
    /// # Errors
    /// `EFAULT`. May sleep.
    pub(crate) fn write(self, value: &T) -> Result {
        // SAFETY: the source is a value without padding (`Plain`); the
        // destination is checked by copyout itself.
        Errno::check(unsafe {
            c::copyout(ptr::from_ref(value).cast(), self.0.cast(), size_of::<T>())
        })
    }

    /// Copies `count` values in.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`. May sleep.
    pub(crate) fn read_slice(self, count: usize) -> Result<Vec<T>> {
        let mut values: Vec<T> = Vec::new();
        values.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        // A `Vec` that holds `count` values has computed this product before.
        let size = count.wrapping_mul(size_of::<T>());
        // SAFETY: the destination has room for `count` values.
        let error = unsafe { c::copyin(self.0.cast(), values.as_mut_ptr().cast(), size) };
        Errno::check(error)?;
        // SAFETY: that many were filled in, and any bits are a `T` (`Plain`).
        unsafe { values.set_len(count) };
        Ok(values)
    }
}

impl UserPtr<u8> {
    /// Copies a string out with a NUL behind it, if it has room; how many bytes
    /// that takes.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a string that no `u32` counts. May sleep.
    pub(crate) fn write_string(self, room: u32, text: &[u8]) -> Result<u32> {
        let size = text.len().checked_add(1).and_then(|size| u32::try_from(size).ok());
        let size = size.ok_or(Errno::EINVAL)?;
        if self.0.is_null() || room < size {
            return Ok(size);
        }
        // SAFETY: the source is `text`; the destination is checked by copyout.
        let error = unsafe { c::copyout(text.as_ptr().cast(), self.0.cast(), text.len()) };
        Errno::check(error)?;
        let nul = Self(self.0.wrapping_add(text.len()));
        // SAFETY: as above, of one byte.
        let error = unsafe { c::copyout(c"".as_ptr().cast(), nul.0.cast(), 1) };
        Errno::check(error).map(|()| size)
    }
}

/// A string of a process, in kernel memory.
pub(crate) struct UserString(Text);

enum Text {
    Copied(Vec<u8>),
    Static(&'static CStr),
}

impl UserPtr<c_char> {
    /// Copies a string in: at most `limit` bytes, the NUL among them.
    ///
    /// # Errors
    /// `EFAULT`; `ENAMETOOLONG` when there is no NUL within the limit; `ENOMEM`.
    /// May sleep.
    pub(crate) fn read_string(self, limit: usize) -> Result<UserString> {
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(limit).map_err(|_| Errno::ENOMEM)?;
        let mut len = 0;
        // SAFETY: the destination has room for `limit` bytes.
        let error =
            unsafe { c::copyinstr(self.0.cast(), bytes.as_mut_ptr().cast(), limit, &raw mut len) };
        Errno::check(error)?;
        // SAFETY: copyinstr wrote `len` bytes, at most `limit`.
        unsafe { bytes.set_len(len) };
        Ok(UserString(Text::Copied(bytes)))
    }
}

impl UserString {
    /// With its NUL, for the kernel.
    pub(crate) fn as_c_str(&self) -> &CStr {
        match &self.0 {
            Text::Copied(bytes) => CStr::from_bytes_until_nul(bytes).unwrap_or_default(),
            Text::Static(text) => text,
        }
    }

    /// One of the kernel's own.
    ///
    /// # Errors
    /// `ENOENT` for an empty one, `ENOMEM`. May sleep.
    pub(crate) fn new(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut bytes = try_collect(text.iter().copied())?;
        try_push(&mut bytes, 0)?;
        Ok(Self(Text::Copied(bytes)))
    }

    /// One that the module itself made up.
    pub(crate) const fn from_static(text: &'static CStr) -> Self {
        Self(Text::Static(text))
    }

    /// Without it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }
}
