// SPDX-License-Identifier: BSD-2-Clause
//! The disk of the test machine: one FAT file system that the firmware, the
//! boot loader and the kernel all read. It is the root file system as well.

use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

/// How the module gets into the kernel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Module {
    /// The guest loads it, with kldload(2).
    Late,
    /// The boot loader loads it, with the kernel.
    Boot,
    /// The boot loader loads it, and before it policies that have every label slot.
    Full,
    /// Not at all: only what the stock kernel can answer is tested.
    None,
    /// As `late`, but only races and bad input are played.
    #[value(skip)]
    Races,
    /// As `late`, but only the cases of the demonstration are played.
    #[value(skip)]
    Demo,
}

impl Module {
    /// Its name on the command line, in file names and for the guest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Boot => "boot",
            Self::Full => "full",
            Self::Races => "races",
            Self::None => "none",
            Self::Demo => "demo",
        }
    }

    /// Are resources accounted in its boots?
    fn is_accounted(self) -> bool {
        matches!(self, Self::Boot | Self::Full | Self::Races)
    }

    /// Do its boots run more than cases?
    pub fn has_tests_of_it(self) -> bool {
        matches!(self, Self::Late | Self::Boot | Self::Full | Self::Races)
    }
}

/// The files of a disk.
#[derive(Clone, Debug)]
pub struct Files {
    /// `loader.efi`.
    pub loader: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// The guest program.
    pub guest: PathBuf,
    /// The user tool, examples and parts of a base system: where each is there.
    pub userland: Vec<(&'static str, PathBuf)>,
    /// `rjail.ko`, if it is wanted.
    pub module: Option<PathBuf>,
    /// Modules of the release's, if they are there.
    pub release_modules: Vec<PathBuf>,
    /// What tests ask the kernel by, if there are any that do.
    pub probe: Option<Probe>,
}

/// What it takes to ask the kernel about its privileges.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `rjail_probe.ko`.
    pub module: PathBuf,
    /// `sys/priv.h`.
    pub header: PathBuf,
}

/// What the guest is told, in the kernel environment.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How the module gets in.
    pub module: Module,
    /// This group or test alone.
    pub test: Option<String>,
    /// How often to load and unload.
    pub churn: u32,
    /// In at most so many seconds.
    pub churn_seconds: u32,
    /// Measure in these places instead of testing.
    pub columns: Option<&'static str>,
    /// Sequences to play, as the guest reads them.
    pub sequences: Vec<u8>,
}

/// The commands of the boot loader.
pub fn loader_commands(orders: &Orders) -> String {
    let tests = orders.columns.is_none();
    let settings = [
        ("console", "comconsole"),
        ("comconsole_speed", "115200"),
        ("boot_serial", "YES"),
        ("hint.uart.0.at", "isa"),
        ("hint.uart.0.port", "0x3F8"),
        ("hint.uart.0.flags", "0x10"),
        ("hint.uart.0.irq", "4"),
        ("vfs.root.mountfrom", "msdosfs:/dev/vtbd0"),
        ("vfs.root.mountfrom.options", "ro"),
        ("init_path", "/rjail/guest"),
        // No pause and no debugger prompt where nobody would answer it.
        ("kern.panic_reboot_wait_time", "0"),
        ("debug.debugger_on_panic", "0"),
        ("kern.shutdown.poweroff_delay", "0"),
        // A kernel may be configured for a machine that has nothing to measure it by.
        ("machdep.disable_tsc_calibration", "0"),
        // Resource accounting is off as released; all boots of tests but one have it.
        ("kern.racct.enable", if tests && orders.module.is_accounted() { "1" } else { "0" }),
        // KASAN's reports are complaints already, and a test wants two.
        ("debug.kasan.panic_on_violation", "0"),
        ("rjail.mode", if tests { orders.module.name() } else { "bench" }),
    ];
    let mut settings = settings.to_vec();
    if orders.module == Module::Boot {
        // The guest sees whether the loader's word counts, and takes it back.
        settings.push(("security.rjail.allow_raw_sockets", "1"));
    }
    if orders.module == Module::Full {
        settings.push(("rjail_probe.policies", "4"));
    }
    // The loader shows no command that begins so: a setting's name is no news.
    let mut text = String::new();
    for (name, value) in settings {
        let _ = writeln!(text, "@set {name}=\"{value}\"");
    }
    if let Some(test) = &orders.test {
        let _ = writeln!(text, "@set rjail.test=\"{test}\"");
    }
    if let Some(columns) = orders.columns {
        let _ = writeln!(text, "@set rjail.columns=\"{columns}\"");
        // Ten thousand jails have a process each.
        let _ = writeln!(text, "@set kern.maxproc=\"20000\"");
        // Page tables, and with them the cost of fork(2), are the same each time.
        for name in ["kern.elf64.aslr.enable", "kern.elf64.aslr.stack"] {
            let _ = writeln!(text, "@set {name}=\"0\"");
        }
    }
    let _ = writeln!(text, "@set rjail.churn=\"{}\"", orders.churn);
    let _ = writeln!(text, "@set rjail.churn_seconds=\"{}\"", orders.churn_seconds);
    text.push_str("load /boot/kernel/kernel\n");
    if orders.module == Module::Full {
        text.push_str("load /boot/kernel/rjail_probe.ko\n");
    }
    if matches!(orders.module, Module::Boot | Module::Full) {
        text.push_str("load /boot/kernel/rjail.ko\n");
    }
    text.push_str("boot\n");
    text
}

/// Writes the disk to `path`.
pub fn write(path: &Path, files: &Files, orders: &Orders) -> Result<()> {
    let read = |from: &Path| {
        fs::read(from).with_context(|| format!("cannot read {}: is it a file?", from.display()))
    };
    let mut contents = vec![
        ("efi/boot/bootx64.efi", read(&files.loader)?),
        ("boot/kernel/kernel", read(&files.kernel)?),
        ("boot/loader.rc", loader_commands(orders).into_bytes()),
        ("rjail/guest", read(&files.guest)?),
        ("secret", b"outside\n".to_vec()),
        ("etc/passwd", PASSWD.to_vec()),
    ];
    if !orders.sequences.is_empty() {
        contents.push(("rjail/sequences", orders.sequences.clone()));
    }
    if let Some(module) = &files.module {
        let bytes = read(module)?;
        contents.push(("boot/kernel/rjail.ko", bytes.clone()));
        contents.push(("rjail/rjail.ko", bytes));
    }
    if let Some(probe) = &files.probe {
        let bytes = read(&probe.module)?;
        contents.push(("boot/kernel/rjail_probe.ko", bytes.clone()));
        contents.push(("rjail/rjail_probe.ko", bytes));
        contents.push(("rjail/privileges", privileges(&read(&probe.header)?)?));
    }
    let release_modules: Vec<_> = files
        .release_modules
        .iter()
        .filter_map(|file| Some((format!("rjail/{}", file.file_name()?.to_str()?), file)))
        .collect();
    let release_modules = release_modules.iter().map(|(name, file)| (name.as_str(), *file));
    let userland = files.userland.iter().map(|(place, file)| (*place, file));
    for (place, file) in release_modules.chain(userland) {
        contents.push((place, read(file)?));
    }
    let size: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    let disk = file_system(size, &contents).context("cannot make the disk's file system")?;
    fs::write(path, disk).with_context(|| format!("cannot write {}", path.display()))
}

/// The machine's users: one that jails have under another number.
const PASSWD: &[u8] = b"root:*:0:0::/:/rjail/guest\nadmin:*:1001:1001::/:\n";

/// Numbers and names of privileges, a line each, as the guest reads them.
fn privileges(header: &[u8]) -> Result<Vec<u8>> {
    let header = String::from_utf8_lossy(header);
    let names = line_two::names(&header).map_err(|what| anyhow!("sys/priv.h: {what}"))?;
    Ok(names.iter().map(|(number, name)| format!("{number} {name}\n")).collect::<String>().into())
}

fn file_system(size: usize, contents: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    const MEGABYTE: usize = 1 << 20;
    let room = (size / MEGABYTE + 16) * MEGABYTE;
    let mut disk = Cursor::new(vec![0; room]);
    fatfs::format_volume(&mut disk, FormatVolumeOptions::new().volume_label(*b"RJAIL      "))?;
    let volume = FileSystem::new(&mut disk, FsOptions::new())?;
    let root = volume.root_dir();
    // Mount points of the guest.
    for directory in ["dev", "jail", "seq", "sibling", "usr", "usr/local", "usr/local/etc", "var"] {
        root.create_dir(directory)?;
    }
    root.create_dir("var/run")?;
    for (name, bytes) in contents {
        for (end, _) in name.match_indices('/') {
            root.create_dir(&name[..end])?;
        }
        root.create_file(name)?.write_all(bytes)?;
    }
    drop(root);
    volume.unmount()?;
    let mut disk = disk.into_inner();
    begin_directories_with_dot(&mut disk);
    Ok(disk)
}

/// FreeBSD takes the first entry of a directory for its `.`, as every FAT says.
/// fatfs 0.3 gives `.` and `..` long names too, which come before the entry.
fn begin_directories_with_dot(disk: &mut [u8]) {
    const ENTRY: usize = 32;
    const DELETED: [u8; ENTRY] = {
        let mut entry = [0; ENTRY];
        entry[0] = 0xe5;
        entry
    };
    for sector in disk.chunks_exact_mut(512) {
        let (entries, _) = sector.as_chunks_mut::<ENTRY>();
        let [long_dot, dot, long_dots, dots, ..] = entries else { continue };
        let is_long = |entry: &[u8; ENTRY]| entry[0] == 0x41 && entry[11] == 0x0f;
        if is_long(long_dot)
            && dot.starts_with(b".          \x10")
            && is_long(long_dots)
            && dots.starts_with(b"..         \x10")
        {
            (*long_dot, *dot) = (*dot, *dots);
            (*long_dots, *dots) = (DELETED, DELETED);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn orders(module: Module, test: Option<&str>) -> Orders {
        let test = test.map(str::to_owned);
        Orders { module, test, churn: 7, churn_seconds: 60, columns: None, sequences: Vec::new() }
    }

    #[test]
    fn the_loader_loads_the_module_only_when_told() {
        let late = loader_commands(&orders(Module::Late, None));
        assert!(!late.contains("load /boot/kernel/rjail.ko"));
        assert!(late.contains("set rjail.mode=\"late\"\n"));
        let boot = loader_commands(&orders(Module::Boot, None));
        let kernel = boot.find("load /boot/kernel/kernel\n");
        let module = boot.find("load /boot/kernel/rjail.ko\n");
        assert!(kernel.is_some() && kernel < module);
        assert!(boot.ends_with("\nboot\n"));
    }

    #[test]
    fn other_policies_come_first_when_told() {
        let full = loader_commands(&orders(Module::Full, None));
        let probe = full.find("load /boot/kernel/rjail_probe.ko\n");
        assert!(probe.is_some() && probe < full.find("load /boot/kernel/rjail.ko\n"));
        assert!(full.contains("@set rjail_probe.policies=\"4\"\n"));
        for module in [Module::Late, Module::Boot, Module::Races] {
            assert!(!loader_commands(&orders(module, None)).contains("rjail_probe"));
        }
    }

    #[test]
    fn a_test_alone_is_passed_on() {
        let text = loader_commands(&orders(Module::Late, Some("errors")));
        assert!(text.contains("@set rjail.test=\"errors\"\n"));
        assert!(text.contains("@set rjail.churn=\"7\"\n"));
        assert!(!loader_commands(&orders(Module::Late, None)).contains("rjail.test"));
    }

    #[test]
    fn a_measurement_is_ordered_by_its_columns() {
        let orders = Orders { columns: Some("none native"), ..orders(Module::Boot, None) };
        let text = loader_commands(&orders);
        assert!(text.contains("@set rjail.mode=\"bench\"\n"));
        assert!(text.contains("@set rjail.columns=\"none native\"\n"));
        assert!(text.contains("load /boot/kernel/rjail.ko\n"));
        assert!(text.contains("@set kern.racct.enable=\"0\"\n"));
    }

    #[test]
    fn no_command_is_longer_than_the_loader_reads() {
        let longest = loader_commands(&orders(Module::Boot, Some("x")));
        assert!(longest.lines().all(|line| line.len() < 255));
    }

    #[test]
    fn the_disk_holds_what_was_put_there() -> Result<()> {
        let contents = [("boot/kernel/kernel", vec![7; 3 << 20]), ("secret", b"s".to_vec())];
        let mut disk = Cursor::new(file_system(3 << 20, &contents)?);
        let volume = FileSystem::new(&mut disk, FsOptions::new())?;
        let mut kernel = Vec::new();
        volume.root_dir().open_file("BOOT/KERNEL/KERNEL")?.read_to_end(&mut kernel)?;
        assert_eq!(kernel, vec![7; 3 << 20]);
        assert!(volume.root_dir().open_dir("jail").is_ok());
        Ok(())
    }

    #[test]
    fn directories_begin_with_dot() -> Result<()> {
        let disk = file_system(0, &[("boot/kernel/kernel", vec![1])])?;
        let (entries, _) = disk.as_chunks::<32>();
        let begins = |i: usize, name: &[u8]| entries[i].starts_with(name);
        let dots = (0..entries.len()).filter(|i| begins(*i, b".          "));
        // The mount points with what leads there, boot, boot/kernel
        assert_eq!(dots.clone().count(), 11);
        assert!(dots.clone().all(|i| i % 16 == 0 && begins(i + 1, b"..         ")));
        Ok(())
    }
}
