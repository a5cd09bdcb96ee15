// SPDX-License-Identifier: BSD-2-Clause
//! Link options that make the FreeBSD kernel take the program for its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The emulation writes ELFOSABI_FREEBSD, which the kernel's image activator
    // asks for; nobody relocates an init, so it has a fixed address.
    println!("cargo::rustc-link-arg-bins=-melf_x86_64_fbsd");
    println!("cargo::rustc-link-arg-bins=--no-pie");
}
