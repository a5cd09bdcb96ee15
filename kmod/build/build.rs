// SPDX-License-Identifier: BSD-2-Clause
//! Hands the host triple to the program, which `cc` wants at run time.

fn main() {
    let host = std::env::var("HOST").unwrap_or_default();
    println!("cargo::rustc-env=HOST_TRIPLE={host}");
}
