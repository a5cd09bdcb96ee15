// SPDX-License-Identifier: BSD-2-Clause
//! What Rust does when it cannot go on: nothing that may be reached.
//!
//! The compiler demands a handler. The module's build fails if any code still
//! refers to it, so no input can panic the kernel through rjail.

use core::panic::PanicInfo;

use sys_bindings as c;

#[panic_handler]
fn rust_panic(_: &PanicInfo<'_>) -> ! {
    let text = "a Rust panic, which the build shows to be unreachable";
    // SAFETY: the text is valid for its length.
    unsafe { c::rjail_c_panic(text.as_ptr().cast(), text.len()) }
}
