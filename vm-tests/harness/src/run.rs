// SPDX-License-Identifier: BSD-2-Clause
//! Boots, listens, judges.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ::sequences::Step;
use anyhow::{Context as _, Result};

use crate::image::{self, Module, Orders};
use crate::judge::{Event, Judge};
use crate::needs::{self, Kernel, Programs};
use crate::report::Run;
use crate::sequences;
use crate::vmm::{Accel, End, Firmware, Machine, Next, Patience, Vmm};

/// What is the same for all boots.
#[derive(Clone, Debug)]
pub struct Options {
    /// The FreeBSD directory.
    pub freebsd: PathBuf,
    /// What runs the machine.
    pub vmm: Vmm,
    /// What executes it.
    pub accel: Accel,
    /// This group or test alone.
    pub test: Option<String>,
    /// Keep the disk for a look.
    pub keep: bool,
    /// Say nothing but what is wrong.
    pub quiet: bool,
    /// How often to load and unload; none means what fits the kernel.
    pub churn: Option<u32>,
    /// Longest time for a boot with all its tests.
    pub timeout: Duration,
    /// Measure in these places, on a machine that counts instructions, instead
    /// of testing.
    pub columns: Option<&'static str>,
    /// Random sequences to play where the guest loads the module.
    pub sequences: Arc<[Vec<Step>]>,
    /// What begins a line of this boot, where several run at once.
    pub prefix: String,
}

/// Where logs and results are.
pub fn logs() -> PathBuf {
    needs::target().join("vm-logs")
}

/// Boots once and judges.
pub fn boot(options: &Options, programs: &Programs, kernel: Kernel, module: Module) -> Result<Run> {
    if options.accel == Accel::Kvm {
        // A host has /dev/kvm more often than a KVM that carries FreeBSD.
        let run = boot_with(options, Accel::Kvm, programs, kernel, module)?;
        if run.boot_seconds > 0.0 {
            summary(&run);
            return Ok(run);
        }
        println!("# KVM does not carry FreeBSD on this host: once more with TCG");
    }
    let run = boot_with(options, Accel::Tcg, programs, kernel, module)?;
    if !options.quiet || run.counts().1 > 0 {
        summary(&run);
    }
    Ok(run)
}

fn boot_with(
    options: &Options,
    accel: Accel,
    programs: &Programs,
    kernel: Kernel,
    module: Module,
) -> Result<Run> {
    fs::create_dir_all(logs()).context("cannot make the directory for logs")?;
    let bench = if options.columns.is_some() { "bench-" } else { "" };
    let name = format!("{bench}{}-{}", kernel.name(), module.name());
    let log = logs().join(format!("{name}.log"));
    let disk = logs().join(format!("{name}.img"));
    let churn = options.churn.unwrap_or(match kernel {
        Kernel::Generic => 100,
        Kernel::Debug | Kernel::Kasan => 1000,
    });
    let orders = Orders {
        module,
        test: options.test.clone(),
        churn,
        churn_seconds: 900,
        columns: options.columns,
        sequences: match module {
            Module::Late => sequences::file(&options.sequences),
            Module::Boot | Module::Full | Module::Races | Module::None | Module::Demo => Vec::new(),
        },
    };
    image::write(&disk, &needs::files(&options.freebsd, kernel, module, programs), &orders)?;
    let machine = Machine {
        vmm: options.vmm,
        accel,
        firmware: Firmware::find(options.vmm).context("no UEFI firmware")?,
        disk: disk.clone(),
        cpus: if options.columns.is_some() { 1 } else { 2 },
        // Ten thousand jails with a process each want more.
        memory: match kernel {
            Kernel::Generic | Kernel::Debug if options.columns.is_none() => 1024,
            Kernel::Generic | Kernel::Debug => 4096,
            // Its shadow takes an eighth, and what is freed stays a while.
            Kernel::Kasan => 2048,
        },
        counts: options.columns.is_some(),
    };

    let patience = Patience {
        // A machine that counts instructions is slow.
        silence: Duration::from_secs(if options.columns.is_some() { 1200 } else { 120 }),
        total: options.timeout,
        power_off: Duration::from_secs(30),
    };
    let began = Instant::now();
    let mut boot_seconds = 0.0;
    let mut judge = Judge::default();
    if !options.quiet {
        println!("{}# {} kernel, module {}", options.prefix, kernel.name(), module.name());
    }
    let end = machine.run(&log, patience, |line| {
        let event = judge.line(line);
        match event {
            Event::Began => boot_seconds = began.elapsed().as_secs_f64(),
            // Switching off takes a machine that counts minutes.
            Event::Done if options.columns.is_some() => return Next::Stop,
            Event::Done => return Next::Last,
            _ => {}
        }
        if !options.quiet {
            show(&options.prefix, &event, boot_seconds);
        }
        match event {
            // What follows a panic is a debugger that nobody talks to.
            Event::Complaint(what) if what.contains("KDB: enter") => Next::Stop,
            // It would be void in any case.
            Event::Complaint(_) if options.columns.is_some() => Next::Stop,
            _ => Next::On,
        }
    })?;
    match end {
        End::Off => {}
        // On request; what else stops a machine is a complaint already.
        End::Stopped if options.columns.is_some() => {}
        End::Stopped => {
            judge.complain("the kernel stopped in its debugger".to_owned());
        }
        End::Silent(time) => {
            judge.complain(format!("hang: no output for {} s", time.as_secs()));
        }
        End::TooLong(time) => {
            judge.complain(format!("hang: not at an end after {} s", time.as_secs()));
        }
        End::Broken(_, what) => {
            judge.complain(what);
        }
    }
    judge.finish();
    if !options.keep {
        // Only a copy of what is elsewhere.
        let _ = fs::remove_file(&disk);
    }
    Ok(Run {
        kernel,
        module,
        boot_seconds,
        seconds: began.elapsed().as_secs_f64(),
        log,
        tests: judge.tests,
        answers: judge.answers,
        line_two: judge.line_two,
        figures: judge.figures,
        sequences: judge.sequences,
        complaints: judge.complaints,
    })
}

fn show(prefix: &str, event: &Event<'_>, boot_seconds: f64) {
    match event {
        Event::Began => println!("{prefix}# the guest began after {boot_seconds:.1} s"),
        Event::Test(test) if test.ok => println!("{prefix}ok - {}", test.name),
        Event::Test(test) => println!("{prefix}not ok - {}", test.name),
        Event::Note(note) => println!("{prefix}    # {note}"),
        Event::Complaint(what) => println!("{prefix}not ok - {what}"),
        Event::Group | Event::Done | Event::Other => {}
    }
}

/// In one piece, whatever other machines say meanwhile.
fn summary(run: &Run) {
    let (passed, failed) = run.counts();
    let mut said = format!(
        "# {} kernel, module {}: {passed} passed, {failed} failed, {:.0} s\n",
        run.kernel.name(),
        run.module.name(),
        run.seconds
    );
    if failed > 0 {
        for test in run.tests.iter().filter(|test| !test.ok) {
            let _ = writeln!(said, "#   {}: {}", test.name, test.notes.join("; "));
        }
        for complaint in &run.complaints {
            let _ = writeln!(said, "#   {complaint}");
        }
        let _ = writeln!(said, "#   the serial log: {}", keep_log(&run.log).display());
    }
    print!("{said}");
}

/// Puts the log of a failure where the next boot does not write.
fn keep_log(log: &Path) -> PathBuf {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since_1970.map_or(0, |time| time.as_secs());
    let kept = log.with_extension(format!("failed-{seconds}.log"));
    // A log that cannot be copied is still where it was.
    if fs::copy(log, &kept).is_ok() { kept } else { log.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::keep_log;

    #[test]
    fn the_log_of_a_failure_outlives_the_next_boot() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("generic-late.log");
        std::fs::write(&log, "Fatal trap 12").expect("written");
        let kept = keep_log(&log);
        std::fs::write(&log, "all is well").expect("written");
        assert_eq!(std::fs::read_to_string(kept).expect("kept"), "Fatal trap 12");
        let missing = directory.path().join("none.log");
        assert_eq!(keep_log(&missing), missing);
    }
}
