// SPDX-License-Identifier: BSD-2-Clause
//! The FreeBSD kernel's headers as Rust, made at build time from the headers at
//! hand; nothing here is committed and nothing is written by hand.
//!
//! Only `rjail::kernel` may use this crate (`make lint` checks). The generated
//! code asserts at compile time that Rust lays out every structure as the C
//! compiler does.

#![no_std]
#![expect(
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    reason = "generated code keeps C's names and needs no reader"
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// Every privilege of `sys/priv.h`: the kernel's number and name.
pub const PRIVILEGES: &[(u16, &str)] = include!(concat!(env!("OUT_DIR"), "/privileges.rs"));
