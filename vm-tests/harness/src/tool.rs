// SPDX-License-Identifier: BSD-2-Clause
//! The user tool for the test machine, linked with the C library of the FreeBSD
//! directory's `base/`, statically, so that it needs no other file there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::needs;

const TARGET: &str = "x86_64-unknown-freebsd";

/// What stands in the way, and how to mend it.
pub fn missing(freebsd: &Path) -> Option<String> {
    let libc = freebsd.join("base/usr/lib/libc.a");
    if !libc.is_file() {
        return Some(format!(
            "{} is missing: `make freebsd` takes it out of base.txz",
            libc.display()
        ));
    }
    if !needs::has_target(TARGET) {
        return Some(format!("rustc has no {TARGET}: rustup target add {TARGET}"));
    }
    clang().is_none().then(|| "no clang to link it: `make setup` installs one".to_owned())
}

/// Builds it and says where it is.
pub fn build(freebsd: &Path) -> Result<PathBuf> {
    let base = freebsd.join("base").canonicalize()?;
    let clang = clang().context("no clang")?;
    let rustflags = [
        format!("-Clink-arg=--target={TARGET}"),
        format!("-Clink-arg=--sysroot={}", base.display()),
        format!("-Clink-arg=--ld-path={}", linker()?.display()),
        "-Ctarget-feature=+crt-static".to_owned(),
    ];
    let output = Command::new(needs::cargo())
        .current_dir(needs::repository())
        .env("CARGO_TARGET_X86_64_UNKNOWN_FREEBSD_LINKER", clang)
        .env("CARGO_TARGET_X86_64_UNKNOWN_FREEBSD_RUSTFLAGS", rustflags.join(" "))
        .args(["build", "--quiet", "--release", "--package", "rjail-cli", "--bin", "rjail"])
        .args(["--target", TARGET, "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("the user tool does not build for FreeBSD; the compiler says why above");
    }
    needs::executable(&output.stdout).context("cargo built the user tool but did not say where")
}

/// The newest clang there is, which drives the linker.
fn clang() -> Option<String> {
    let names = (14..=30).rev().map(|n| format!("clang-{n}")).chain(["clang".to_owned()]);
    names.into_iter().find(|name| needs::in_path(name))
}

/// The LLD that the Rust toolchain brings along.
fn linker() -> Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "target-libdir"]).output()?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let linker = libraries.with_file_name("bin").join("gcc-ld/ld.lld");
    if linker.is_file() { Ok(linker) } else { bail!("no {}", linker.display()) }
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn without_a_c_library_it_says_where_one_comes_from() {
        let empty = tempfile::tempdir().expect("a directory");
        let said = missing(empty.path()).expect("something is missing");
        assert!(said.contains("base/usr/lib/libc.a") && said.contains("make freebsd"), "{said}");
    }
}
