// SPDX-License-Identifier: BSD-2-Clause
//! The files of the module that this crate compiles take loom's atomics.

fn main() {
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
