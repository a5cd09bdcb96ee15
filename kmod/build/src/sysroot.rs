// SPDX-License-Identifier: BSD-2-Clause
//! `core` and `alloc` for the kernel where the Rust at hand brings none along.
//!
//! rustup installs them compiled; lang/rust of the FreeBSD ports has those of its own
//! target alone, and beside them the library's sources. From these they are compiled
//! here, as the build of Rust itself does: for that `RUSTC_BOOTSTRAP` lets a released
//! compiler take what is unstable. The module is compiled without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What the module is compiled for.
pub const TARGET: &str = "x86_64-unknown-none";

/// A crate of the library: its name, its source, what it is told.
type Part = (&'static str, &'static str, &'static [&'static str]);

/// In the order in which one needs the other.
const LIBRARY: [Part; 3] = [
    ("core", "core/src/lib.rs", &[]),
    (
        "compiler_builtins",
        "compiler-builtins/compiler-builtins/src/lib.rs",
        &["--cfg", "feature=\"compiler-builtins\"", "--cfg", "feature=\"no-asm\""],
    ),
    ("alloc", "alloc/src/lib.rs", &[]),
];

/// Where the compiler looks for `core`, if not where it does by itself.
///
/// # Errors
/// There is none, and nothing to compile it from; the message says how to get either.
pub fn find(out: &Path, rustflags: &[&str]) -> Result<Option<PathBuf>> {
    if directory(&toolchain()?).is_dir() {
        return Ok(None);
    }
    compile(out, rustflags).map(Some)
}

/// Compiles the library, once for a compiler and its flags.
pub fn compile(out: &Path, rustflags: &[&str]) -> Result<PathBuf> {
    let library = toolchain()?.join("lib/rustlib/src/rust/library");
    if !library.join(LIBRARY[0].1).is_file() {
        bail!(
            "rustc has no library for {TARGET}, nor the sources of one in {}: with rustup, \
             `rustup target add {TARGET}`; with the port lang/rust, build it with its option SOURCES",
            library.display()
        );
    }
    let sysroot = out.join("sysroot");
    let made_of = format!("{}{}", rustc(&["-vV"])?, rustflags.join(" "));
    let stamp = sysroot.join("made-of");
    if fs::read_to_string(&stamp).is_ok_and(|last| last == made_of) {
        return Ok(sysroot);
    }
    let into = directory(&sysroot);
    fs::create_dir_all(&into)?;
    for (name, source, told) in LIBRARY {
        let status = Command::new("rustc")
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["--crate-name", name, "--crate-type", "rlib", "--edition", "2024"])
            .args(["--target", TARGET, "-Zforce-unstable-if-unmarked", "--cap-lints", "allow"])
            .args(["-Copt-level=3", "-Cembed-bitcode=yes", "-Cpanic=abort"])
            .args(rustflags)
            .args(told)
            .arg("--sysroot")
            .arg(&sysroot)
            .arg("-L")
            .arg(&into)
            .arg("--out-dir")
            .arg(&into)
            .arg(library.join(source))
            .status()
            .context("running rustc")?;
        if !status.success() {
            bail!("{name} did not compile from {}", library.join(source).display());
        }
    }
    // Last: what was interrupted is made anew.
    fs::write(&stamp, made_of)?;
    Ok(sysroot)
}

/// The target's libraries in a sysroot.
fn directory(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// The compiler's own sysroot.
pub fn toolchain() -> Result<PathBuf> {
    Ok(PathBuf::from(rustc(&["--print", "sysroot"])?.trim()))
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new("rustc").args(arguments).output().context("running rustc")?;
    if !output.status.success() {
        bail!("rustc {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
