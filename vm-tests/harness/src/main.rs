// SPDX-License-Identifier: BSD-2-Clause
//! Boots a real FreeBSD kernel with rjail in a virtual machine, runs the guest
//! program's tests there and judges what the machine's console says.
//!
//! In reading order: [`needs`] finds what a run needs, [`image`] makes the
//! machine's disk, [`vmm`] boots it, [`judge`] reads its console, [`run`] ties
//! them together, [`report`] keeps the results and makes tables of them,
//! [`measured`] holds what the kernel said of its own jails against the file of
//! it; [`bench`] measures what a jail costs, and [`plot`] draws it; [`freebsd`]
//! fills the directory that the kernels come from.

#![forbid(unsafe_code)]

mod bench;
mod freebsd;
mod image;
mod judge;
mod measured;
mod needs;
mod plot;
mod report;
mod run;
mod sequences;
mod tool;
mod vmm;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};

use image::Module;
use needs::{Kernel, Programs};
use report::Results;
use vmm::{Accel, Vmm};

/// Exit status of a run that could not begin: no test failed, none passed.
const SKIPPED: u8 = 77;

/// Tests of rjail on a real FreeBSD kernel, in a virtual machine.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Boot and run the tests.
    Run(RunArgs),
    /// Boot and show what root can do outside a jail and inside.
    Demo(MachineArgs),
    /// Play random sequences for as long as asked, from where the last time ended.
    Soak(SoakArgs),
    /// Boot on a machine that counts instructions, and measure what a jail costs.
    Bench(BenchArgs),
    /// Print the table "who stops what" of the last run.
    Table,
    /// Ask the kernel what its own jails make of each privilege, and write it down.
    LineTwo(MachineArgs),
    /// Fill the FreeBSD directory from the official distribution sets.
    Freebsd(freebsd::FreebsdArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Which kernel; all that are there unless said.
    #[arg(long, env = "KERNEL", value_enum, default_value = "all", ignore_case = true)]
    kernel: Kernels,
    /// How the module gets into the kernel.
    #[arg(long, value_enum, default_value = "all")]
    module: Modules,
    /// Run these groups, cases or programs alone, with commas between them; NAME* is all
    /// that begin so.
    #[arg(long, value_name = "NAME")]
    test: Option<String>,
    /// How often to load, jail, exit and unload [default: 100 on GENERIC, else 1000].
    #[arg(long, value_name = "TIMES")]
    churn: Option<u32>,
    /// How many random sequences to play [default: 2400 on GENERIC, else 100].
    #[arg(long, value_name = "TIMES")]
    sequences: Option<u64>,
    /// The seed of the first.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many machines to run at once, each of two processors [default: as many as the
    /// host has processors].
    #[arg(long, value_name = "NUMBER", default_value_t = rayon::current_num_threads())]
    machines: usize,
    #[command(flatten)]
    machine: MachineArgs,
}

#[derive(Debug, Args)]
struct SoakArgs {
    /// For how long; the boot that has begun is finished.
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    minutes: u64,
    /// How many sequences a boot.
    #[arg(long, value_name = "TIMES", default_value_t = 2000)]
    batch: u64,
    /// The seed of the first [default: the one after the last of the last time].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    machine: MachineArgs,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// Measure nothing: make the report of the last measurement anew.
    #[arg(long)]
    again: bool,
    /// Measure a little, and fail where somebody pays though nobody is jailed.
    #[arg(long, conflicts_with = "again")]
    check: bool,
    #[command(flatten)]
    machine: MachineArgs,
}

#[derive(Debug, Args)]
struct MachineArgs {
    /// The directory with kernel, kernel-debug and loader.efi.
    #[arg(long, env = "RJAIL_FREEBSD", value_name = "DIR")]
    freebsd: Option<PathBuf>,
    /// What runs the machine.
    #[arg(long, env = "VMM", value_enum, default_value = "qemu")]
    vmm: Vmm,
    /// What executes it under QEMU.
    #[arg(long, value_enum, default_value = "tcg")]
    accel: Accel,
    /// Keep the machine's disk beside its log.
    #[arg(long)]
    keep: bool,
    /// Give a boot with all its tests at most so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kernels {
    Generic,
    Debug,
    Kasan,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Modules {
    /// Loaded by the guest.
    Late,
    /// Loaded by the boot loader.
    Boot,
    /// Loaded by the boot loader, which leaves no label slot for it.
    Full,
    /// A boot each; with KASAN one alone, for the races and bad input.
    All,
    /// Not loaded: only what the stock kernel answers.
    None,
}

impl MachineArgs {
    fn freebsd(&self) -> PathBuf {
        self.freebsd.clone().unwrap_or_else(|| needs::freebsd_directory(needs::RELEASE))
    }

    fn options(&self, test: Option<String>, churn: Option<u32>, quiet: bool) -> run::Options {
        run::Options {
            freebsd: self.freebsd(),
            vmm: self.vmm,
            accel: self.accel,
            test,
            keep: self.keep,
            quiet,
            churn,
            timeout: Duration::from_secs(self.timeout),
            columns: None,
            sequences: Arc::default(),
            prefix: String::new(),
        }
    }

    /// Whether a run can begin; says what is missing otherwise.
    fn is_ready(&self, kernels: &[Kernel], with_module: bool) -> bool {
        let missing = needs::missing(self.vmm, &self.freebsd(), kernels, with_module);
        for missing in &missing {
            eprintln!("{missing}");
        }
        missing.is_empty()
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Task::Run(args) => test(&args),
        Task::Demo(args) => demo(&args),
        Task::Soak(args) => soak(&args),
        Task::Bench(args) => bench(&args),
        Task::Table => table(),
        Task::LineTwo(args) => write_line_two(&args),
        Task::Freebsd(args) => freebsd::fill(&args).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("vm-test: {error:#}");
        ExitCode::FAILURE
    })
}

fn test(args: &RunArgs) -> Result<ExitCode> {
    let freebsd = args.machine.freebsd();
    let kernels = match args.kernel {
        Kernels::Generic => vec![Kernel::Generic],
        Kernels::Debug => vec![Kernel::Debug],
        Kernels::Kasan => vec![Kernel::Kasan],
        Kernels::All => needs::kernels(&freebsd),
    };
    let modules = |kernel| -> &[Module] {
        match args.module {
            Modules::Late => &[Module::Late],
            Modules::Boot => &[Module::Boot],
            Modules::Full => &[Module::Full],
            Modules::All if kernel == Kernel::Kasan => &[Module::Races],
            Modules::All => &[Module::Late, Module::Boot, Module::Full],
            Modules::None => &[Module::None],
        }
    };
    if !args.machine.is_ready(&kernels, args.module != Modules::None) {
        let boots: usize = kernels.iter().map(|kernel| modules(*kernel).len()).sum();
        eprintln!("SKIPPED: the tests on a real FreeBSD kernel ({boots} boots) were not run.");
        println!("vm: 0 passed, 0 failed, {boots} skipped");
        return Ok(ExitCode::from(SKIPPED));
    }
    let (programs, mut skipped) = build(&freebsd, args.module != Modules::None)?;
    for kernel in kernels.iter().filter(|_| args.module != Modules::None) {
        for missing in kernel.missing_module(&freebsd) {
            let kernel = kernel.name();
            eprintln!("SKIPPED: the tests that need a module, {kernel} kernel: {missing}");
            skipped += 1;
        }
    }
    let mut boots: Vec<_> = kernels
        .iter()
        .flat_map(|kernel| modules(*kernel).iter().map(|module| (*kernel, *module)))
        .collect();
    // Which take long stand first.
    boots.sort_by_key(|(_, module)| match module {
        Module::Late => 0,
        Module::Full => 2,
        _ => 1,
    });
    let options = args.machine.options(args.test.clone(), args.churn, false);
    // A test alone is looked for there when no other boot has it.
    let last = match args.test {
        Some(_) if args.module == Modules::All => {
            boots.extract_if(.., |(_, module)| *module == Module::Full).collect()
        }
        _ => Vec::new(),
    };
    let mut results = Results { runs: boot_all(args, &options, &programs, boots)? };
    let missed = |(kernel, _): &(Kernel, _)| results.runs.iter().all(|run| run.kernel != *kernel);
    let last = last.into_iter().filter(missed).collect();
    results.runs.extend(boot_all(args, &options, &programs, last)?);
    let whole = args.test.is_none();
    if whole {
        results.write(&results_file())?;
        if results.runs.iter().any(|run| !run.answers.is_empty() && run.module != Module::None) {
            println!("{}", report::who_stops_what(&results));
        }
    }
    let (passed, failed) = results.runs.iter().fold((0, 0), |sum, run| {
        let (passed, failed) = run.counts();
        (sum.0 + passed, sum.1 + failed)
    });
    let failed = if results.runs.is_empty() { 1 } else { failed };
    println!("vm: {passed} passed, {failed} failed, {skipped} skipped");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Boots and judges, several at once; what was found, in the order of `boots`.
fn boot_all(
    args: &RunArgs,
    options: &run::Options,
    programs: &Programs,
    boots: Vec<(Kernel, Module)>,
) -> Result<Vec<report::Run>> {
    let machines = args.machines.min(boots.len()).max(1);
    let alone = args.test.is_none() || boots.len() == 1;
    let boot = |(kernel, module): (Kernel, Module)| -> Result<Option<report::Run>> {
        let count = args.sequences.unwrap_or(match kernel {
            Kernel::Generic => 2400,
            Kernel::Debug | Kernel::Kasan => 100,
        });
        let prefix = match machines {
            1 => String::new(),
            _ => format!("{:<13} | ", format!("{} {}", kernel.name(), module.name())),
        };
        let sequences = sequences::known_and_of_seeds(args.seed, count);
        let options = run::Options { sequences, prefix, ..options.clone() };
        let mut run = run::boot(&options, programs, kernel, module)?;
        sequences::judge(&mut run, &options, programs, kernel)?;
        if let Some(different) = measured::difference(&options.freebsd, &run) {
            println!("{}not ok - {different}", options.prefix);
            run.complaints.push(different);
        }
        // A test alone that this boot does not have is no failure of it.
        Ok((alone || !is_empty(&run)).then_some(run))
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(machines).build()?;
    let mut found = pool.install(|| {
        // One after the other off the list.
        let boots = boots.into_iter().enumerate().par_bridge();
        boots.map(|(at, next)| Ok((at, boot(next)?))).collect::<Result<Vec<_>>>()
    })?;
    found.sort_by_key(|(at, _)| *at);
    Ok(found.into_iter().filter_map(|(_, run)| run).collect())
}

/// Builds what runs on the machine; and how many tests lack what they need.
fn build(freebsd: &Path, with_module: bool) -> Result<(Programs, usize)> {
    let mut programs = Programs::without_tool()?;
    if !with_module {
        return Ok((programs, 0));
    }
    if let Some(missing) = tool::missing(freebsd) {
        eprintln!("SKIPPED: the user tool on a real kernel: {missing}");
        return Ok((programs, 1));
    }
    let mut skipped = 0;
    programs.userland = tool::build(freebsd)?;
    if !programs.userland.iter().any(|(name, _)| *name == tool::C_EXAMPLE) {
        eprintln!("SKIPPED: the example in C on a real kernel: {}", tool::missing_for_c(freebsd));
        skipped += 1;
    }
    for (part, what) in [
        (tool::LOOKERS, "ps(1) and its kin in a jail"),
        (tool::SERVICES, "the script of rc.d(8), and a shell in a jail"),
    ] {
        match tool::part(freebsd, part) {
            Ok(part) => programs.userland.extend(part),
            Err(missing) => {
                eprintln!("SKIPPED: {what}: {missing}");
                skipped += 1;
            }
        }
    }
    programs.userland.extend(tool::service(&programs.userland).into_iter().flatten());
    Ok((programs, skipped))
}

/// Whether the only thing wrong is that the wanted test is not in this boot.
fn is_empty(run: &report::Run) -> bool {
    run.tests.is_empty() && run.complaints == [judge::NO_TEST]
}

fn demo(args: &MachineArgs) -> Result<ExitCode> {
    let freebsd = args.freebsd();
    let kernel = needs::kernels(&freebsd)[0];
    if !args.is_ready(&[kernel], true) {
        eprintln!("SKIPPED: no real FreeBSD kernel can be booted here.");
        return Ok(ExitCode::from(SKIPPED));
    }
    eprintln!("Booting FreeBSD {} ...", needs::RELEASE);
    let options = args.options(None, None, true);
    let run = run::boot(&options, &Programs::without_tool()?, kernel, Module::Demo)?;
    let complaints = run.complaints.clone();
    let results = Results { runs: vec![run] };
    let rows = report::demonstration(&results);
    let title = format!(
        "rjail on a real kernel: FreeBSD {} {}, in {}",
        needs::RELEASE,
        kernel.name(),
        args.vmm.program()
    );
    print!("{}", rjail_model::demo::render(&rows, &title));
    let stated = rows.iter().all(rjail_model::demo::Row::is_as_stated);
    Ok(if stated && complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn soak(args: &SoakArgs) -> Result<ExitCode> {
    if !args.machine.is_ready(&[Kernel::Generic], true) {
        eprintln!("SKIPPED: no real FreeBSD kernel can be booted here.");
        return Ok(ExitCode::from(SKIPPED));
    }
    let kept = run::logs().join("soak-seed");
    let last = || fs::read_to_string(&kept).ok()?.trim().parse().ok();
    let mut seed: u64 = args.seed.or_else(last).unwrap_or(1);
    let programs = Programs::without_tool()?;
    let begun = Instant::now();
    let mut played = 0;
    while begun.elapsed().as_secs() < 60 * args.minutes {
        let options = run::Options {
            sequences: sequences::of_seeds(seed, args.batch),
            ..args.machine.options(Some("sequences*".to_owned()), None, true)
        };
        let mut run = run::boot(&options, &programs, Kernel::Generic, Module::Late)?;
        sequences::judge(&mut run, &options, &programs, Kernel::Generic)?;
        if run.counts().1 > 0 {
            println!("soak: a difference among the sequences of {} seeds from {seed}", args.batch);
            return Ok(ExitCode::FAILURE);
        }
        seed += args.batch;
        played += args.batch;
        fs::create_dir_all(run::logs())?;
        fs::write(&kept, format!("{seed}\n"))?;
        let minutes = begun.elapsed().as_secs() / 60;
        println!("soak: {played} sequences in {minutes} min, the next seed is {seed}");
    }
    Ok(ExitCode::SUCCESS)
}

fn bench(args: &BenchArgs) -> Result<ExitCode> {
    if !args.again {
        if args.machine.vmm != Vmm::Qemu || !args.machine.is_ready(&[Kernel::Generic], true) {
            eprintln!("SKIPPED: only QEMU with a real FreeBSD kernel counts instructions.");
            return Ok(ExitCode::from(SKIPPED));
        }
        let options = args.machine.options(None, None, args.check);
        if args.check {
            let (looked, dear) = bench::check(&options)?;
            dear.iter().for_each(|dear| println!("not ok - {dear}"));
            let (passed, failed) = (looked - dear.len(), dear.len());
            println!("cost: {passed} passed, {failed} failed, 0 skipped");
            return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        bench::measure(&options)?;
    }
    // A target that is missed is a finding, and no failure of the measurement.
    let verdicts = bench::report()?;
    println!("bench: {} targets met, {} missed", verdicts.met, verdicts.missed);
    Ok(ExitCode::SUCCESS)
}

fn table() -> Result<ExitCode> {
    let results = Results::read(&results_file())?;
    print!("{}", report::who_stops_what(&results));
    Ok(ExitCode::SUCCESS)
}

fn write_line_two(args: &MachineArgs) -> Result<ExitCode> {
    let freebsd = args.freebsd();
    let kernel = needs::kernels(&freebsd)[0];
    if !args.is_ready(&[kernel], true) {
        eprintln!("SKIPPED: no real FreeBSD kernel can be booted here.");
        return Ok(ExitCode::from(SKIPPED));
    }
    let options = args.options(Some(measured::TEST.to_owned()), None, false);
    let run = run::boot(&options, &Programs::without_tool()?, kernel, Module::Late)?;
    if run.counts().1 > 0 {
        return Ok(ExitCode::FAILURE);
    }
    let file = measured::write(&freebsd, &run)?;
    println!("{} is written.", file.display());
    Ok(ExitCode::SUCCESS)
}

fn results_file() -> PathBuf {
    run::logs().join("results.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
