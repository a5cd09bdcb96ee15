// SPDX-License-Identifier: BSD-2-Clause
//! malloc(9) as Rust's allocator. C source: `sys/kern/kern_malloc.c`.

use core::alloc::{GlobalAlloc, Layout};

use sys_bindings as c;

/// `M_RJAIL`, `M_WAITOK`: null in the tests' own module alone, and only called where
/// sleeping is allowed.
struct Malloc;

// SAFETY: malloc(9) hands out memory of the size and alignment asked for, which
// stays where it is until free(9); the default `realloc` and `alloc_zeroed` use
// these two.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size and any power-of-two alignment up to a page are fine.
        unsafe { c::rjail_c_malloc(layout.size(), layout.align()) }.cast()
    }

    unsafe fn dealloc(&self, memory: *mut u8, _layout: Layout) {
        // SAFETY: the caller got it from `alloc`.
        unsafe { c::rjail_c_free(memory.cast()) };
    }
}

#[global_allocator]
static MALLOC: Malloc = Malloc;
