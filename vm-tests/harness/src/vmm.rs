// SPDX-License-Identifier: BSD-2-Clause
//! The virtual machine: QEMU anywhere, bhyve on FreeBSD.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The program that runs the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Vmm {
    /// qemu-system-x86_64.
    Qemu,
    /// bhyve(8), as root on a FreeBSD host with vmm(4) loaded.
    Bhyve,
}

/// What executes the guest's instructions under QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Accel {
    /// QEMU itself, anywhere.
    Tcg,
    /// The host's processor; where that does not carry FreeBSD, TCG after all.
    Kvm,
}

/// UEFI firmware: its code, and its variables where they are apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    code: PathBuf,
    variables: Option<PathBuf>,
}

impl Firmware {
    /// The first that is installed.
    pub fn find(vmm: Vmm) -> Option<Self> {
        const QEMU: &[(&str, Option<&str>)] = &[
            ("/usr/share/OVMF/OVMF_CODE_4M.fd", Some("/usr/share/OVMF/OVMF_VARS_4M.fd")),
            ("/usr/share/OVMF/OVMF_CODE.fd", Some("/usr/share/OVMF/OVMF_VARS.fd")),
            ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", Some("/usr/share/edk2/x64/OVMF_VARS.4m.fd")),
            ("/usr/share/edk2/ovmf/OVMF_CODE.fd", Some("/usr/share/edk2/ovmf/OVMF_VARS.fd")),
            (
                "/usr/local/share/edk2-qemu/QEMU_UEFI_CODE-x86_64.fd",
                Some("/usr/local/share/edk2-qemu/QEMU_UEFI_VARS-x86_64.fd"),
            ),
            ("/usr/local/share/qemu/edk2-x86_64-code.fd", None),
            ("/usr/share/qemu/edk2-x86_64-code.fd", None),
        ];
        const BHYVE: &[(&str, Option<&str>)] =
            &[("/usr/local/share/uefi-firmware/BHYVE_UEFI.fd", None)];
        let known = match vmm {
            Vmm::Qemu => QEMU,
            Vmm::Bhyve => BHYVE,
        };
        known.iter().find_map(|(code, variables)| {
            let firmware = Self { code: code.into(), variables: variables.map(PathBuf::from) };
            let there = firmware.code.is_file()
                && firmware.variables.as_ref().is_none_or(|variables| variables.is_file());
            there.then_some(firmware)
        })
    }
}

impl Vmm {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-system-x86_64",
            Self::Bhyve => "bhyve",
        }
    }

    /// How to get the program.
    pub fn how_to_install(self) -> &'static str {
        match self {
            Self::Qemu => "apt-get install qemu-system-x86 (Debian), pkg install qemu (FreeBSD)",
            Self::Bhyve => "bhyve is part of FreeBSD: run this on a FreeBSD host, or VMM=qemu",
        }
    }

    /// How to get the firmware.
    pub fn how_to_install_firmware(self) -> &'static str {
        match self {
            Self::Qemu => "apt-get install ovmf (Debian), pkg install edk2-qemu-x64 (FreeBSD)",
            Self::Bhyve => "pkg install bhyve-firmware",
        }
    }
}

/// A machine to boot.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What runs it.
    pub vmm: Vmm,
    /// What executes it.
    pub accel: Accel,
    /// Its firmware.
    pub firmware: Firmware,
    /// Its disk.
    pub disk: PathBuf,
    /// Its processors.
    pub cpus: u32,
    /// Its memory, megabytes.
    pub memory: u32,
    /// Let its time be the number of instructions it executes (QEMU alone).
    pub counts: bool,
}

impl Machine {
    /// The program and its arguments. `variables` is a copy of the firmware's
    /// variables that this boot may write.
    pub fn command(&self, variables: Option<&Path>) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![self.vmm.program().into()];
        let mut add = |arguments: &[&str]| words.extend(arguments.iter().map(OsString::from));
        let disk = self.disk.display();
        let code = self.firmware.code.display();
        let (cpus, memory) = (self.cpus.to_string(), format!("{}M", self.memory));
        match self.vmm {
            Vmm::Qemu => {
                let (accel, cpu) = match self.accel {
                    // With its fast strings a copy would count once a byte.
                    Accel::Tcg if self.counts => ("tcg,thread=single", "max,erms=off"),
                    Accel::Tcg => ("tcg,thread=multi", "max"),
                    Accel::Kvm => ("kvm", "host"),
                };
                if self.counts {
                    add(&["-icount", "shift=0,sleep=off"]);
                }
                add(&["-machine", "q35", "-accel", accel, "-cpu", cpu]);
                add(&["-smp", &cpus, "-m", &memory]);
                add(&["-display", "none", "-monitor", "none", "-serial", "stdio"]);
                add(&["-nic", "none", "-no-reboot", "-no-user-config"]);
                add(&["-drive", &format!("if=pflash,format=raw,readonly=on,unit=0,file={code}")]);
                if let Some(variables) = variables {
                    let variables = variables.display();
                    add(&["-drive", &format!("if=pflash,format=raw,unit=1,file={variables}")]);
                }
                add(&["-drive", &format!("if=none,id=disk,format=raw,readonly=on,file={disk}")]);
                add(&["-device", "virtio-blk-pci,drive=disk,bootindex=0"]);
            }
            Vmm::Bhyve => {
                add(&["-A", "-H", "-P", "-c", &cpus, "-m", &memory]);
                add(&["-s", "0,hostbridge", "-s", "31,lpc", "-l", "com1,stdio"]);
                add(&["-s", &format!("3,virtio-blk,{disk},ro")]);
                add(&["-l", &format!("bootrom,{code}"), &self.bhyve_name()]);
            }
        }
        words
    }

    fn bhyve_name(&self) -> String {
        let disk = self.disk.file_stem().unwrap_or_default().display();
        format!("rjail-test-{}-{disk}", std::process::id())
    }

    /// Boots, and calls `line` with each line of the console until the machine
    /// ends or `line` has seen enough. The console is saved in `log` as it is.
    ///
    /// # Errors
    /// The machine could not be started, or the log not be written.
    pub fn run(
        &self,
        log: &Path,
        patience: Patience,
        line: impl FnMut(&str) -> Next,
    ) -> Result<End> {
        let scratch = tempfile::tempdir().context("no room for the machine's variables")?;
        let variables = match &self.firmware.variables {
            Some(from) => {
                let to = scratch.path().join("variables.fd");
                fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
                Some(to)
            }
            None => None,
        };
        let words = self.command(variables.as_deref());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        let end = watch(command, log, patience, line);
        if self.vmm == Vmm::Bhyve {
            // bhyve leaves the machine behind; one that is gone is no error.
            let name = self.bhyve_name();
            let _ = Command::new("bhyvectl").args(["--destroy", "--vm", &name]).status();
        }
        Ok(match end? {
            // bhyve: 0 is a reboot, 1 a power-off, 2 a halt.
            End::Broken(Some(1 | 2), _) if self.vmm == Vmm::Bhyve => End::Off,
            end => end,
        })
    }
}

/// Runs a command whose output is a console.
fn watch(
    mut command: Command,
    log: &Path,
    patience: Patience,
    mut line: impl FnMut(&str) -> Next,
) -> Result<End> {
    let mut complaints = tempfile::tempfile().context("no room for the machine's complaints")?;
    let mut saved = File::create(log)
        .with_context(|| format!("cannot write the serial log {}", log.display()))?;
    let mut running = Running(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?,
    );
    let mut console = running.0.stdout.take().context("the machine has no console")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = console.read(&mut bytes) {
            if sender.send(bytes[..length].to_vec()).is_err() {
                break;
            }
        }
    });

    let began = Instant::now();
    let mut limit = patience.total;
    let mut left = Vec::new();
    loop {
        let silence = patience.silence.min(limit.saturating_sub(began.elapsed()));
        match receiver.recv_timeout(silence) {
            Ok(bytes) => {
                saved.write_all(&bytes).context("cannot write the serial log")?;
                left.extend_from_slice(&bytes);
            }
            Err(RecvTimeoutError::Timeout) if began.elapsed() < limit => {
                return Ok(End::Silent(patience.silence));
            }
            Err(RecvTimeoutError::Timeout) => return Ok(End::TooLong(began.elapsed())),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        while let Some(end) = left.iter().position(|byte| *byte == b'\n') {
            let bytes: Vec<u8> = left.drain(..=end).collect();
            match line(&String::from_utf8_lossy(&bytes)) {
                Next::On => {}
                // It only has to switch itself off now.
                Next::Last => limit = limit.min(began.elapsed() + patience.power_off),
                Next::Stop => return Ok(End::Stopped),
            }
        }
    }
    if !left.is_empty() {
        line(&String::from_utf8_lossy(&left));
    }
    let status = running.0.wait().context("the machine is gone")?;
    if status.success() {
        return Ok(End::Off);
    }
    let mut said = String::new();
    complaints.rewind()?;
    complaints.read_to_string(&mut said)?;
    let what = format!("the virtual machine ended with {status}: {}", said.trim());
    Ok(End::Broken(status.code(), what))
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the next output.
    pub silence: Duration,
    /// In all.
    pub total: Duration,
    /// For the end, after the guest's last line.
    pub power_off: Duration,
}

/// What to do after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read on.
    On,
    /// The guest is done: the machine will switch itself off.
    Last,
    /// Enough seen.
    Stop,
}

/// How a machine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It switched itself off.
    Off,
    /// It was stopped on request.
    Stopped,
    /// It said nothing for so long.
    Silent(Duration),
    /// It did not end in all that time.
    TooLong(Duration),
    /// The program that runs it failed, with this status and this message.
    Broken(Option<i32>, String),
}

/// A process that does not outlive its harness.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(vmm: Vmm) -> Machine {
        Machine {
            vmm,
            accel: Accel::Tcg,
            firmware: Firmware { code: "/firmware.fd".into(), variables: None },
            disk: "/disk.img".into(),
            cpus: 2,
            memory: 1024,
            counts: false,
        }
    }

    fn words(vmm: Vmm) -> String {
        let words = machine(vmm).command(None);
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn neither_writes_to_the_disk_or_reboots() {
        let qemu = words(Vmm::Qemu);
        assert!(qemu.contains("readonly=on,file=/disk.img") && qemu.contains("-no-reboot"));
        assert!(words(Vmm::Bhyve).contains("virtio-blk,/disk.img,ro"));
    }

    #[test]
    fn only_a_machine_that_counts_counts() {
        let words = |counts| Machine { counts, ..machine(Vmm::Qemu) }.command(None);
        let icount = OsString::from("-icount");
        assert!(words(true).contains(&icount) && !words(false).contains(&icount));
    }

    #[test]
    fn both_have_their_console_on_standard_output() {
        assert!(words(Vmm::Qemu).contains("-serial stdio"));
        assert!(words(Vmm::Bhyve).contains("com1,stdio"));
    }

    /// A console played by a shell: how it ended, and the lines that were heard.
    fn console(script: &str) -> Result<(End, Vec<String>, String)> {
        let log = tempfile::NamedTempFile::new()?;
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let patience = Patience {
            silence: Duration::from_millis(300),
            total: Duration::from_millis(900),
            power_off: Duration::from_millis(100),
        };
        let mut heard = Vec::new();
        let end = watch(command, log.path(), patience, |line| {
            heard.push(line.trim_end().to_owned());
            match line.trim_end() {
                "stop" => Next::Stop,
                "last" => Next::Last,
                _ => Next::On,
            }
        })?;
        Ok((end, heard, fs::read_to_string(log.path())?))
    }

    #[test]
    fn every_line_is_heard_and_saved() -> Result<()> {
        let (end, heard, saved) = console("printf 'a\nb\r\nc'")?;
        assert_eq!((end, saved.as_str()), (End::Off, "a\nb\r\nc"));
        assert_eq!(heard, ["a", "b", "c"]);
        Ok(())
    }

    #[test]
    fn silence_is_a_hang() -> Result<()> {
        let (end, heard, _) = console("echo a; exec sleep 60")?;
        assert_eq!(end, End::Silent(Duration::from_millis(300)));
        assert_eq!(heard, ["a"]);
        Ok(())
    }

    #[test]
    fn talking_for_ever_is_a_hang_too() -> Result<()> {
        let (end, ..) = console("while :; do echo a; sleep 0.1; done")?;
        assert!(matches!(end, End::TooLong(_)), "{end:?}");
        Ok(())
    }

    #[test]
    fn after_the_last_line_there_is_little_time() -> Result<()> {
        let (end, ..) = console("echo last; exec sleep 60")?;
        assert!(matches!(end, End::TooLong(time) if time < Duration::from_millis(300)), "{end:?}");
        Ok(())
    }

    #[test]
    fn it_can_be_stopped() -> Result<()> {
        assert_eq!(console("echo stop; exec sleep 60")?.0, End::Stopped);
        Ok(())
    }

    #[test]
    fn a_machine_that_fails_says_why() -> Result<()> {
        let (end, ..) = console("echo no such disk >&2; exit 3")?;
        let End::Broken(Some(3), what) = end else { panic!("{end:?}") };
        assert!(what.contains("no such disk"));
        Ok(())
    }
}
