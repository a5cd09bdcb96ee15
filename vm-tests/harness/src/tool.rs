// SPDX-License-Identifier: BSD-2-Clause
//! The user tool and the examples of programs that jail themselves, for the test
//! machine: linked with the C library of the FreeBSD directory's `base/`, statically,
//! so that they need no other file there.

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

/// The example in C, by its name there.
pub const C_EXAMPLE: &str = "nanojail-c";

/// What the example in C lacks where there is everything for the others.
pub fn missing_for_c(freebsd: &Path) -> String {
    let include = freebsd.join("base/usr/include");
    format!("{} is missing: `make freebsd` takes it out of base.txz", include.display())
}

/// What tells of processes, sockets, files and objects, and where the base system has
/// each.
const LOOKERS: [(&str, &str); 9] = [
    ("ps", "bin/ps"),
    ("top", "usr/bin/top"),
    ("procstat", "usr/bin/procstat"),
    ("sockstat", "usr/bin/sockstat"),
    ("fstat", "usr/bin/fstat"),
    ("who", "usr/bin/who"),
    ("w", "usr/bin/w"),
    ("netstat", "usr/bin/netstat"),
    ("ipcs", "usr/bin/ipcs"),
];

/// What a program that is linked dynamically names.
const LINKER: &[u8] = b"/libexec/ld-elf.so";

/// ps(1) and its kin, if they are all there and need no other file; else what is wrong
/// with the first that is not.
pub fn lookers(freebsd: &Path) -> std::result::Result<Vec<(&'static str, PathBuf)>, String> {
    let one = |(name, place): (&'static str, &str)| {
        let path = freebsd.join("base").join(place);
        match std::fs::read(&path) {
            Err(_) => {
                Err(format!("{} is missing: put one there, linked statically", path.display()))
            }
            Ok(bytes) if bytes.windows(LINKER.len()).any(|window| window == LINKER) => {
                Err(format!("{} is linked dynamically: put a static one there", path.display()))
            }
            Ok(_) => Ok((name, path)),
        }
    };
    LOOKERS.into_iter().map(one).collect()
}

/// Builds them and says where they are, each with its name there.
pub fn build(freebsd: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let base = freebsd.join("base").canonicalize()?;
    let clang = clang().context("no clang")?;
    let target = [
        format!("--target={TARGET}"),
        format!("--sysroot={}", base.display()),
        format!("--ld-path={}", linker()?.display()),
    ];
    let mut rustflags = target.clone().map(|word| format!("-Clink-arg={word}")).to_vec();
    rustflags.push("-Ctarget-feature=+crt-static".to_owned());
    let output = Command::new(needs::cargo())
        .current_dir(needs::repository())
        .env("CARGO_TARGET_X86_64_UNKNOWN_FREEBSD_LINKER", &clang)
        .env("CARGO_TARGET_X86_64_UNKNOWN_FREEBSD_RUSTFLAGS", rustflags.join(" "))
        .args(["build", "--quiet", "--release", "--package", "rjail-cli", "--bin", "rjail"])
        .args(["--package", "rjail-confine", "--example", "nanojail"])
        .args(["--target", TARGET, "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("the user tool does not build for FreeBSD; the compiler says why above");
    }
    let built = needs::executables(&output.stdout);
    let mut userland = Vec::new();
    for name in ["rjail", "nanojail"] {
        let found = built.iter().find(|(target, _)| target == name);
        let (_, path) = found.context("cargo built a program but did not say where it is")?;
        userland.push((name, path.clone()));
    }
    if base.join("usr/include/stdio.h").is_file() {
        let repository = needs::repository();
        let program = userland[0].1.with_file_name(C_EXAMPLE);
        let done = Command::new(&clang)
            .args(&target)
            .args(["-static", "-O2", "-Wall", "-Wextra", "-Werror"])
            .args(
                ["kmod", "confine/include"].map(|d| format!("-I{}", repository.join(d).display())),
            )
            .arg(repository.join("confine/examples/nanojail.c"))
            .args(["-lpthread", "-o"])
            .arg(&program)
            .status()?;
        if !done.success() {
            bail!("the example in C does not build for FreeBSD; the compiler says why above");
        }
        userland.push((C_EXAMPLE, program));
    }
    Ok(userland)
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
    use super::{LOOKERS, lookers, missing, missing_for_c};

    #[test]
    fn without_a_c_library_it_says_where_one_comes_from() {
        let empty = tempfile::tempdir().expect("a directory");
        let said = missing(empty.path()).expect("something is missing");
        assert!(said.contains("base/usr/lib/libc.a") && said.contains("make freebsd"), "{said}");
        let said = missing_for_c(empty.path());
        assert!(said.contains("base/usr/include is missing"), "{said}");
    }

    #[test]
    fn who_looks_needs_no_other_file() {
        let base = tempfile::tempdir().expect("a directory");
        for (_, place) in LOOKERS {
            let said = lookers(base.path()).expect_err("one is missing");
            assert!(said.contains(place) && said.contains("is missing"), "{said}");
            let path = base.path().join("base").join(place);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(&path, b"\x7fELF").expect("written");
        }
        assert_eq!(lookers(base.path()).map(|found| found.len()), Ok(9));
        let path = base.path().join("base/bin/ps");
        std::fs::write(path, b"\x7fELF /libexec/ld-elf.so.1\0").expect("written");
        let said = lookers(base.path()).expect_err("it wants a linker");
        assert!(said.contains("bin/ps is linked dynamically"), "{said}");
    }
}
