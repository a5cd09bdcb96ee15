// SPDX-License-Identifier: BSD-2-Clause
//! Builds `rjail.ko` for one FreeBSD kernel, and beside it two modules of the VM
//! tests: `rjail_fault.ko`, the same with memory that can be made to be missing, and
//! `rjail_probe.ko`, which they ask questions through; refuses a result that the
//! kernel linker would refuse.
//!
//! In: a directory with one release's `sys/` and its `kernel` (and, optionally,
//! `kernel-debug` and `kernel-kasan`). The kernel itself says which options it was built with
//! (`options INCLUDE_CONFIG_FILE`, in GENERIC); none is assumed.

#![forbid(unsafe_code)]

mod check;
mod headers;
mod link;
mod straight;
mod sysroot;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};

/// Flags of kernel C and of its headers, one a line.
const KERNEL_CFLAGS: &[&str] = &[
    "-D_KERNEL",                       // the headers' kernel half
    "-DKLD_MODULE",                    // a module: no kernel-private inlining
    "-DHAVE_KERNEL_OPTION_HEADERS",    // opt_*.h exist
    "-nostdinc",                       // never the build host's headers
    "-ffreestanding",                  // no hosted library
    "-fno-common",                     // one definition each
    "-std=gnu17",                      // as kern.pre.mk
    "-mcmodel=kernel",                 // the module lives in the top 2 GiB
    "-mno-red-zone",                   // interrupts use our stack
    "-mno-mmx",                        // no vector state in the kernel
    "-mno-sse",                        // ditto
    "-msoft-float",                    // ditto
    "-mno-aes",                        // ditto
    "-mno-avx",                        // ditto
    "-fno-asynchronous-unwind-tables", // ddb unwinds by frame pointer
    "-fno-omit-frame-pointer",         // so keep them
    "-fwrapv",                         // as kern.mk
];

#[derive(Clone, Copy, ValueEnum)]
enum Kernel {
    /// `kernel`: the release's own.
    Generic,
    /// `kernel-debug`: INVARIANTS and WITNESS.
    Debug,
    /// `kernel-kasan`: KASAN as well.
    Kasan,
}

/// Flags of kernel Rust.
const RUSTFLAGS: &[&str] = &[
    "-Crelocation-model=static",  // the kernel linker knows no GOT
    "-Crelro-level=off",          // so that calls go direct, not through it
    "-Cforce-frame-pointers=yes", // ddb unwinds by frame pointer
    "-Cforce-unwind-tables=no",   // and by nothing else
    "-Ctarget-cpu=x86-64",        // what every amd64 kernel runs on
];

/// Beside [`KERNEL_CFLAGS`], for the C of a kernel with KASAN: each access, stack
/// variable and global is checked, by a call, as in that kernel itself. Rust has this
/// on its nightly alone: of the Rust half, what it has the kernel copy is checked
/// (`kmod/kasan.c`).
const KASAN_CFLAGS: &[&str] = &[
    "-fsanitize=kernel-address",
    "-DSAN_NEEDS_INTERCEPTORS", // the headers' copies and atomics, checked
    "-DSAN_INTERCEPTOR_PREFIX=kasan",
    "-Wno-pointer-sign", // the kernel's own headers, with checked atomics
    "-mllvm",
    "-asan-instrumentation-with-call-threshold=0",
    "-mllvm",
    "-asan-stack=true",
    "-mllvm",
    "-asan-use-after-scope=true",
    "-mllvm",
    "-asan-instrument-dynamic-allocas=true",
    "-mllvm",
    "-asan-globals=true",
    "-mllvm",
    "-asan-instrument-byval=false", // what is passed on the stack has no shadow
];

/// Build rjail.ko for one kernel.
#[derive(Parser)]
struct Args {
    /// Directory with `sys/`, `kernel` and optionally `kernel-debug`, `kernel-kasan`.
    #[arg(long, env = "RJAIL_FREEBSD")]
    freebsd: PathBuf,
    /// Which of its kernels.
    #[arg(long, value_enum, default_value = "generic")]
    kernel: Kernel,
    /// Where to put rjail.ko.
    #[arg(long)]
    out: PathBuf,
    /// The C compiler: a clang that can make FreeBSD objects.
    #[arg(long, env = "RJAIL_CLANG")]
    clang: Option<String>,
    /// The linker: an LLD, which the Rust toolchain brings along.
    #[arg(long, env = "RJAIL_LD")]
    linker: Option<PathBuf>,
    /// Compile core from its sources, as where rustc has none for the kernel.
    #[arg(long)]
    core_from_source: bool,
    /// Only lint the Rust half, with the flags it is built with.
    #[arg(long)]
    clippy: bool,
    /// Build nothing: print the hooks of the module that is there, and mark what
    /// a caller outside any jail executes.
    #[arg(long)]
    asm: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.asm {
        let module = fs::read(args.out.join("rjail.ko")).context("no module: `make kmod`")?;
        print!("{}", straight::listing(&straight::hooks(&module)?));
        return Ok(());
    }
    let root = workspace_root()?;
    let sys = args.freebsd.join("sys");
    let kernel = args.freebsd.join(match args.kernel {
        Kernel::Generic => "kernel",
        Kernel::Debug => "kernel-debug",
        Kernel::Kasan => "kernel-kasan",
    });
    for (path, what) in [(&sys.join("sys/param.h"), "headers"), (&kernel, "kernel")] {
        if !path.exists() {
            bail!("no {what}: {} is missing; see `make freebsd`", path.display());
        }
    }
    // Rust's build scripts run elsewhere, so every path handed on is absolute.
    fs::create_dir_all(&args.out)?;
    let out = args.out.canonicalize()?;
    let include = out.join("include");

    step("options", &kernel);
    let kernel_image = fs::read(&kernel)?;
    let sys = sys.canonicalize()?;
    let options =
        headers::generate(&sys, &kernel_image, &include).context("kernel option headers")?;
    let has_kasan = options.contains_key("KASAN");

    let cflags = cflags(&root, &sys, &include);
    let clang = args.clang.map_or_else(find_clang, Ok)?;
    let core = match args.core_from_source {
        true => Some(sysroot::compile(&out, RUSTFLAGS)?),
        false => sysroot::find(&out, RUSTFLAGS)?,
    };
    if let Some(core) = &core {
        step("core", core);
    }
    step("rust", &root.join("src"));
    let cargo = Cargo { root: &root, out: &out, cflags: &cflags, clang: &clang, core };
    if args.clippy {
        return cargo.run(&["clippy"], &["--", "-Dwarnings"]);
    }
    cargo.run(&["rustc", "--crate-type", "staticlib"], &[])?;
    let archive = out.join("rust").join(sysroot::TARGET).join("kmod/librjail.a");
    let linker = match args.linker {
        Some(linker) => linker,
        None => link::toolchain_linker()?,
    };
    let rust = link::rust_object(&archive, &out)?;
    let kasan = if has_kasan { KASAN_CFLAGS } else { &[] };
    let cflags: Vec<_> = cflags.into_iter().chain(kasan.iter().map(ToString::to_string)).collect();
    let fault = [cflags.as_slice(), &["-DRJAIL_FAULT".to_owned()]].concat();
    let modules = [
        ("rjail.ko", "kmod", "c", &cflags, Some(rust.clone())),
        ("rjail_fault.ko", "kmod", "fault", &fault, Some(rust)),
        ("rjail_probe.ko", "vm-tests/probe", "probe", &cflags, None),
    ];
    for (name, source, objects, cflags, rust) in modules {
        let source = root.join(source);
        step("c", &source);
        let mut objects = build_c(&source, &out.join(objects), cflags, &clang)?;
        objects.extend(rust);
        let module = out.join(name);
        step("link", &module);
        link::link(&linker, &objects, &module)?;
        step("check", &module);
        let report = check::check(&fs::read(&module)?, &kernel_image).context(name)?;
        println!("  {report}");
    }
    let hooks = straight::hooks(&fs::read(out.join("rjail.ko"))?)?;
    let problems = straight::problems(&hooks);
    if !problems.is_empty() {
        bail!("hooks cost too much where there is no jail:\n  {}", problems.join("\n  "));
    }
    println!("  {}", straight::summary(&hooks));
    Ok(())
}

fn step(what: &str, path: &Path) {
    println!("{what:>8}  {}", path.display());
}

fn workspace_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.join("../..").canonicalize()?)
}

fn cflags(root: &Path, sys: &Path, include: &Path) -> Vec<String> {
    let mut flags: Vec<String> = KERNEL_CFLAGS.iter().map(ToString::to_string).collect();
    flags.push("--target=x86_64-unknown-freebsd".into());
    for dir in [include, sys, &sys.join("contrib/ck/include"), &root.join("kmod")] {
        flags.push(format!("-I{}", dir.display()));
    }
    flags.extend(["-include".into(), include.join("opt_global.h").display().to_string()]);
    flags
}

/// The newest clang there is.
fn find_clang() -> Result<String> {
    let names = (14..=30).rev().map(|n| format!("clang-{n}")).chain(["clang".to_owned()]);
    for name in names {
        if Command::new(&name).arg("--version").output().is_ok_and(|o| o.status.success()) {
            return Ok(name);
        }
    }
    bail!("no clang: `make setup` installs one, or names it")
}

/// Cargo on the crate, for the kernel.
struct Cargo<'a> {
    root: &'a Path,
    out: &'a Path,
    cflags: &'a [String],
    clang: &'a str,
    /// Where `core` is, if not with the compiler.
    core: Option<PathBuf>,
}

impl Cargo<'_> {
    fn run(&self, command: &[&str], after: &[&str]) -> Result<()> {
        let core = self.core.as_ref().map(|core| format!("--sysroot={}", core.display()));
        let rustflags: Vec<_> = RUSTFLAGS.iter().copied().chain(core.as_deref()).collect();
        let status = Command::new("cargo")
            .current_dir(self.root)
            .env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"))
            .env("RJAIL_KERNEL_CFLAGS", self.cflags.join("\x1f"))
            .env("CLANG_PATH", self.clang)
            .args(command)
            .args(["--quiet", "--package", "rjail", "--lib", "--profile", "kmod"])
            .args(["--target", sysroot::TARGET, "--target-dir"])
            .arg(self.out.join("rust"))
            .args(after)
            .status()
            .context("running cargo")?;
        if !status.success() {
            bail!("the Rust half did not build");
        }
        Ok(())
    }
}

/// Compiles every C file of a directory.
fn build_c(source: &Path, out: &Path, cflags: &[String], clang: &str) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(out)?;
    let mut build = cc::Build::new();
    build
        .compiler(clang)
        .target("x86_64-unknown-freebsd")
        .host(env!("HOST_TRIPLE"))
        .out_dir(out)
        .opt_level(2)
        .debug(true)
        .pic(false)
        .no_default_flags(true)
        .cargo_metadata(false)
        .flag("-O2")
        .flag("-g")
        .flag("-Wall")
        .flag("-Wextra")
        .flag("-Wno-unused-parameter")
        .flag("-Wno-sign-compare")
        .flag("-Wno-address-of-packed-member")
        .flag("-Werror");
    for flag in cflags {
        build.flag(flag);
    }
    for entry in fs::read_dir(source)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "c") {
            build.file(path);
        }
    }
    Ok(build.try_compile_intermediates()?)
}
