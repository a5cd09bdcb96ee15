// SPDX-License-Identifier: BSD-2-Clause
//! What a run needs, and how to get what is missing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::image::{Files, Module, Probe};
use crate::tool::Installed;
use crate::vmm::{Firmware, Vmm};

/// The repository.
pub fn repository() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().nth(2).unwrap_or(crate_directory).to_owned()
}

/// Where the build puts its results.
pub fn target() -> PathBuf {
    repository().join("target")
}

/// The FreeBSD release that rjail is made for first.
pub const RELEASE: &str = "15.1";

/// The FreeBSD directory of a release when none is named.
pub fn freebsd_directory(release: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
    home.join(".cache/rjail").join(format!("freebsd-{release}"))
}

/// Which kernel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// GENERIC, as released.
    Generic,
    /// With INVARIANTS and WITNESS.
    Debug,
    /// With KASAN as well: the races and the hostile calls run on it.
    Kasan,
}

impl Kernel {
    /// In the order in which they are booted.
    const ALL: [Self; 3] = [Self::Generic, Self::Debug, Self::Kasan];

    /// Its name in reports and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Debug => "debug",
            Self::Kasan => "kasan",
        }
    }

    /// Its file in the FreeBSD directory.
    pub fn file(self, freebsd: &Path) -> PathBuf {
        freebsd.join(match self {
            Self::Generic => "kernel",
            Self::Debug => "kernel-debug",
            Self::Kasan => "kernel-kasan",
        })
    }

    /// A module of the release's, which only some tests need: for this kernel.
    pub fn release_module(self, freebsd: &Path, name: &str) -> PathBuf {
        let directory = match self {
            Self::Generic => "modules",
            Self::Debug => "modules-debug",
            Self::Kasan => "modules-kasan",
        };
        freebsd.join(directory).join(name)
    }

    /// What of [`MODULES`] is missing for it, and how to mend it.
    pub fn missing_module(self, freebsd: &Path) -> Vec<Missing> {
        let files = MODULES.iter().map(|name| self.release_module(freebsd, name));
        let mend = match self {
            Self::Generic => "`make freebsd` takes it out of kernel.txz",
            Self::Debug => "build it from the same source as kernel-debug",
            Self::Kasan => "build it from the same source as kernel-kasan",
        };
        files
            .filter(|file| !file.is_file())
            .map(|file| Missing { what: file.display().to_string(), mend: mend.to_owned() })
            .collect()
    }

    /// The module built for it.
    pub fn module(self) -> PathBuf {
        self.built("rjail.ko")
    }

    /// The module that the tests ask it through.
    pub fn probe(self) -> PathBuf {
        self.built("rjail_probe.ko")
    }

    /// The module that the tests run out of memory in.
    pub fn fault(self) -> PathBuf {
        self.built("rjail_fault.ko")
    }

    fn built(self, file: &str) -> PathBuf {
        let directory = target().join("kmod");
        match self {
            Self::Generic => directory.join(file),
            Self::Debug | Self::Kasan => directory.join(self.name()).join(file),
        }
    }
}

/// What GENERIC has as modules: file systems, kinds of IPC, Linux's /proc.
pub const MODULES: [&str; 6] =
    ["nullfs.ko", "fdescfs.ko", "sem.ko", "mqueuefs.ko", "linux_common.ko", "linprocfs.ko"];

/// Something that is not there.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it is.
    pub what: String,
    /// The command that mends it.
    pub mend: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "missing: {}\n    mend it: {}", self.what, self.mend)
    }
}

/// Everything that is missing for these boots, all at once.
pub fn missing(vmm: Vmm, freebsd: &Path, kernels: &[Kernel], with_module: bool) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut need = |there: bool, what: String, mend: &str| {
        if !there {
            missing.push(Missing { what, mend: mend.to_owned() });
        }
    };
    need(in_path(vmm.program()), vmm.program().to_owned(), vmm.how_to_install());
    need(
        Firmware::find(vmm).is_some(),
        "UEFI firmware for the virtual machine".to_owned(),
        vmm.how_to_install_firmware(),
    );
    let fill = format!(
        "make freebsd RELEASE={RELEASE}, or RJAIL_FREEBSD=DIR for a directory that is filled"
    );
    if !freebsd.is_dir() {
        need(false, format!("the FreeBSD directory {}", freebsd.display()), &fill);
        return missing;
    }
    for file in std::iter::once(freebsd.join("loader.efi"))
        .chain(kernels.iter().map(|kernel| kernel.file(freebsd)))
    {
        need(file.is_file(), file.display().to_string(), &fill);
    }
    for kernel in kernels.iter().filter(|_| with_module) {
        let make = format!("make kmod KERNEL={}", kernel.name());
        for module in [kernel.module(), kernel.fault(), kernel.probe()] {
            need(module.is_file(), module.display().to_string(), &make);
        }
    }
    let header = privilege_header(freebsd);
    need(!with_module || header.is_file(), header.display().to_string(), &fill);
    let target = has_target("x86_64-unknown-none");
    let mend = "rustup target add x86_64-unknown-none";
    need(target, "Rust's library for bare metal".to_owned(), mend);
    missing
}

/// The kernels that are in the FreeBSD directory.
pub fn kernels(freebsd: &Path) -> Vec<Kernel> {
    let there: Vec<_> = Kernel::ALL.into_iter().filter(|k| k.file(freebsd).is_file()).collect();
    // None is there: what is missing is then the first.
    if there.is_empty() { vec![Kernel::Generic] } else { there }
}

/// Where a release names its privileges.
pub fn privilege_header(freebsd: &Path) -> PathBuf {
    freebsd.join("sys/sys/priv.h")
}

/// What is built for the guest's own side.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The guest program.
    pub guest: PathBuf,
    /// The user tool and examples, where there is a C library for them, and parts of a
    /// base system.
    pub userland: Vec<Installed>,
}

impl Programs {
    /// The guest program alone, built.
    pub fn without_tool() -> Result<Self> {
        Ok(Self { guest: build_guest()?, userland: Vec::new() })
    }
}

/// The files of one boot.
pub fn files(freebsd: &Path, kernel: Kernel, module: Module, programs: &Programs) -> Files {
    Files {
        loader: freebsd.join("loader.efi"),
        kernel: kernel.file(freebsd),
        guest: programs.guest.clone(),
        userland: match module.has_tests_of_it() {
            true => programs.userland.clone(),
            false => Vec::new(),
        },
        module: (module != Module::None).then(|| kernel.module()),
        release_modules: MODULES
            .iter()
            .map(|name| kernel.release_module(freebsd, name))
            .chain([kernel.fault()])
            .filter(|file| module.has_tests_of_it() && file.is_file())
            .collect(),
        probe: module
            .has_tests_of_it()
            .then(|| Probe { module: kernel.probe(), header: privilege_header(freebsd) }),
    }
}

/// Builds the guest program and says where it is.
pub fn build_guest() -> Result<PathBuf> {
    let output = Command::new(cargo())
        .current_dir(repository())
        .args(["build", "--quiet", "--package", "guest", "--profile", "guest"])
        .args(["--target", "x86_64-unknown-none"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo: install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!("the guest program does not build; the compiler says why above");
    }
    executable(&output.stdout).context("cargo built the guest program but did not say where it is")
}

/// The cargo that runs this, or any.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What cargo built, by its messages.
pub fn executable(messages: &[u8]) -> Option<PathBuf> {
    executables(messages).into_iter().next().map(|(_, path)| path)
}

/// All of them, with the names of their targets.
pub fn executables(messages: &[u8]) -> Vec<(String, PathBuf)> {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| {
            let path = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
        })
        .collect()
}

/// Whether a program of this name can be run.
pub fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Whether Rust has its library for this target.
pub fn has_target(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let found = Command::new(rustc)
        .current_dir(repository())
        .args(["--print", "target-libdir", "--target", target])
        .output();
    found.is_ok_and(|output| {
        let directory = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(directory.trim()).is_dir()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_freebsd_directory_lacks_kernel_and_loader() -> Result<()> {
        let empty = tempfile::tempdir()?;
        let missing = missing(Vmm::Qemu, empty.path(), &[Kernel::Generic], false);
        let lacks = |name: &str| {
            missing.iter().any(|m| m.what == empty.path().join(name).to_string_lossy())
        };
        assert!(lacks("kernel") && lacks("loader.efi") && !lacks("kernel-debug"));
        assert!(missing.iter().all(|m| !m.mend.is_empty()));
        Ok(())
    }

    #[test]
    fn no_freebsd_directory_is_one_thing_missing() {
        let nowhere = Path::new("/nowhere/at/all");
        let missing = missing(Vmm::Qemu, nowhere, &[Kernel::Generic, Kernel::Debug], true);
        assert_eq!(missing.iter().filter(|m| m.what.contains("nowhere")).count(), 1);
        assert!(missing.iter().any(|m| m.mend.starts_with("make freebsd")));
    }

    #[test]
    fn missing_modules_are_named_for_their_kernel() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let missing = |kernel: Kernel| -> Vec<String> {
            let missing = kernel.missing_module(directory.path());
            missing.iter().map(ToString::to_string).collect()
        };
        let debug = missing(Kernel::Debug);
        assert_eq!(debug.len(), MODULES.len());
        assert!(debug[0].contains("modules-debug/nullfs.ko"));
        std::fs::create_dir(directory.path().join("modules"))?;
        std::fs::write(directory.path().join("modules/nullfs.ko"), "")?;
        let generic = missing(Kernel::Generic);
        assert_eq!(generic.len(), MODULES.len() - 1);
        assert!(generic[0].contains("fdescfs.ko") && generic[0].contains("make"));
        for name in MODULES {
            std::fs::write(directory.path().join("modules").join(name), "")?;
        }
        assert_eq!(missing(Kernel::Generic), [""; 0]);
        Ok(())
    }

    #[test]
    fn the_kernels_are_those_that_are_there() -> Result<()> {
        let directory = tempfile::tempdir()?;
        assert_eq!(kernels(directory.path()), [Kernel::Generic]);
        std::fs::write(directory.path().join("kernel-debug"), "")?;
        assert_eq!(kernels(directory.path()), [Kernel::Debug]);
        std::fs::write(directory.path().join("kernel"), "")?;
        assert_eq!(kernels(directory.path()), [Kernel::Generic, Kernel::Debug]);
        std::fs::write(directory.path().join("kernel-kasan"), "")?;
        assert_eq!(kernels(directory.path()), Kernel::ALL);
        Ok(())
    }
}
