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

/// Where the example in C is there.
pub const C_EXAMPLE: &str = "rjail/nanojail-c";

/// What the example in C lacks where there is everything for the others.
pub fn missing_for_c(freebsd: &Path) -> String {
    let include = freebsd.join("base/usr/include");
    format!("{} is missing: `make freebsd` takes it out of base.txz", include.display())
}

/// Files of a base system: where each is on the test machine, and where in `base/`.
type Part = &'static [(&'static str, &'static str)];

/// What tells of processes, sockets, files and objects.
pub const LOOKERS: Part = &[
    ("rjail/ps", "bin/ps"),
    ("rjail/top", "usr/bin/top"),
    ("rjail/procstat", "usr/bin/procstat"),
    ("rjail/sockstat", "usr/bin/sockstat"),
    ("rjail/fstat", "usr/bin/fstat"),
    ("rjail/who", "usr/bin/who"),
    ("rjail/w", "usr/bin/w"),
    ("rjail/netstat", "usr/bin/netstat"),
    ("rjail/ipcs", "usr/bin/ipcs"),
];

/// What it takes to run scripts of rc.d(8).
pub const SERVICES: Part = &[
    ("bin/sh", "rescue/sh"),
    ("bin/kenv", "rescue/kenv"),
    ("bin/ps", "rescue/ps"),
    ("sbin/kldload", "rescue/kldload"),
    ("sbin/kldstat", "rescue/kldstat"),
    ("sbin/sysctl", "rescue/sysctl"),
    ("usr/bin/sed", "rescue/sed"),
    ("etc/rc.subr", "etc/rc.subr"),
    ("etc/defaults/rc.conf", "etc/defaults/rc.conf"),
];

/// Where the port installs the tool.
const INSTALLED: &str = "usr/local/sbin/rjail";
/// Where the test finds the script, to install it.
const SCRIPT: &str = "rjail/rc.d";

/// What a program that is linked dynamically names.
const LINKER: &[u8] = b"/libexec/ld-elf.so";

/// A part of the base system, if it is all there and needs no other file; else what is
/// wrong with the first of it that is not.
pub fn part(freebsd: &Path, part: Part) -> std::result::Result<Vec<Installed>, String> {
    let one = |&(place, from): &(&'static str, &str)| {
        let path = freebsd.join("base").join(from);
        match std::fs::read(&path) {
            Err(_) => Err(format!(
                "{} is missing: take it out of base.txz, linked statically if it is a program",
                path.display()
            )),
            Ok(bytes) if bytes.windows(LINKER.len()).any(|window| window == LINKER) => {
                Err(format!("{} is linked dynamically: put a static one there", path.display()))
            }
            Ok(_) => Ok((place, path)),
        }
    };
    part.iter().map(one).collect()
}

/// The tool, where the port installs it, and its script of rc.d(8).
pub fn service(userland: &[Installed]) -> Option<[Installed; 2]> {
    let (_, tool) = userland.iter().find(|(place, _)| *place == "rjail/rjail")?;
    Some([(INSTALLED, tool.clone()), (SCRIPT, needs::repository().join("etc/rc.d/rjail"))])
}

/// A file of the test machine: where it is there, and where it comes from.
pub type Installed = (&'static str, PathBuf);

/// Builds them and says where they are.
pub fn build(freebsd: &Path) -> Result<Vec<Installed>> {
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
    for place in ["rjail/rjail", "rjail/nanojail"] {
        let found = built.iter().find(|(target, _)| place.strip_prefix("rjail/") == Some(target));
        let (_, path) = found.context("cargo built a program but did not say where it is")?;
        userland.push((place, path.clone()));
    }
    if base.join("usr/include/stdio.h").is_file() {
        let repository = needs::repository();
        let program = userland[0].1.with_file_name("nanojail-c");
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
    use super::{LOOKERS, SERVICES, missing, missing_for_c, part, service};

    #[test]
    fn without_a_c_library_it_says_where_one_comes_from() {
        let empty = tempfile::tempdir().expect("a directory");
        let said = missing(empty.path()).expect("something is missing");
        assert!(said.contains("base/usr/lib/libc.a") && said.contains("make freebsd"), "{said}");
        let said = missing_for_c(empty.path());
        assert!(said.contains("base/usr/include is missing"), "{said}");
    }

    #[test]
    fn a_part_is_whole_and_needs_no_other_file() {
        for whole in [LOOKERS, SERVICES] {
            let base = tempfile::tempdir().expect("a directory");
            let at = |from: &str| base.path().join("base").join(from);
            for (_, from) in whole {
                let said = part(base.path(), whole).expect_err("one is missing");
                assert!(said.contains(from) && said.contains("is missing"), "{said}");
                std::fs::create_dir_all(at(from).parent().expect("a parent")).expect("made");
                std::fs::write(at(from), b"\x7fELF").expect("written");
            }
            assert_eq!(part(base.path(), whole).map(|found| found.len()), Ok(whole.len()));
            let (_, first) = whole[0];
            std::fs::write(at(first), b"\x7fELF /libexec/ld-elf.so.1\0").expect("written");
            let said = part(base.path(), whole).expect_err("it wants a linker");
            assert!(said.contains(first) && said.contains("is linked dynamically"), "{said}");
        }
    }

    #[test]
    fn a_service_is_the_tool_and_its_script() {
        assert!(service(&[("rjail/nanojail", "n".into())]).is_none());
        let [tool, script] = service(&[("rjail/rjail", "r".into())]).expect("both");
        assert_eq!(tool, ("usr/local/sbin/rjail", "r".into()));
        assert!(script.1.is_file());
    }
}
