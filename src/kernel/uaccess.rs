// SPDX-License-Identifier: BSD-2-Clause
//! copyin(9): memory of a process, read once.

use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

use sys_bindings as c;

use crate::{Errno, Result};

/// An address that a process gave: a claim, until it was copied from.
#[derive(Clone, Copy)]
pub(crate) struct UserPtr<T>(*const T);

/// Types of which every bit pattern is a value.
///
/// # Safety
/// As said, and without padding that anybody reads.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
// SAFETY: integers and pointers that nobody follows but `copyin`.
unsafe impl Plain for c::rjail_args {}
// SAFETY: four bytes.
unsafe impl Plain for c::in_addr {}

impl<T> UserPtr<T> {
    /// What a process passed as this address; it may be anything.
    pub(crate) const fn new(address: *const T) -> Self {
        Self(address)
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

    /// One that the module itself made up.
    pub(crate) const fn from_static(text: &'static CStr) -> Self {
        Self(Text::Static(text))
    }

    /// Without it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }
}
