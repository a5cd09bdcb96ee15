// SPDX-License-Identifier: BSD-2-Clause
//! Plants each fault of `mutants/list.txt` in a copy of the tree, alone, and sees
//! whether the test that should catches it; writes `docs/mutants.md`.
//!
//! The test is one of `cargo test`, or one of the VM: then the module with the fault is
//! built, and a real kernel booted with it, as `make vm-test` does.
//!
//! A fault that does not apply or does not build is an error of the list, and so
//! is a test that fails without any fault.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::{env, fmt, fs};

use anyhow::{Context as _, Result, bail, ensure};
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelIterator as _, IntoParallelRefIterator as _,
    ParallelIterator as _,
};

/// A fault: what becomes what in which file, and which tests see to it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mutant<'a> {
    what: &'a str,
    file: &'a str,
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    tests: Tests<'a>,
}

/// Who catches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tests<'a> {
    /// `cargo test` with these arguments.
    Host(&'a str),
    /// A test of the VM.
    Vm { kernel: &'a str, module: &'a str, test: &'a str },
}

/// None yet.
impl Default for Tests<'_> {
    fn default() -> Self {
        Self::Host("")
    }
}

impl<'a> Tests<'a> {
    /// What follows `by`: `vm KERNEL MODULE TEST`, or what cargo is told.
    fn new(by: &'a str) -> Result<Self> {
        let Some(rest) = by.strip_prefix("vm ") else { return Ok(Self::Host(by)) };
        match rest.split(' ').collect::<Vec<_>>()[..] {
            [kernel @ ("generic" | "debug"), module @ ("late" | "boot"), test] => {
                Ok(Self::Vm { kernel, module, test })
            }
            _ => bail!("no kernel, module and test: {by}"),
        }
    }

    fn needs_kernel(self) -> bool {
        matches!(self, Self::Vm { .. })
    }
}

impl fmt::Display for Tests<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(tests) => write!(f, "cargo test {tests}"),
            Self::Vm { kernel, module, test } => {
                write!(f, "vm-test run --kernel {kernel} --module {module} --test {test}")
            }
        }
    }
}

/// Blocks of `what`, `in FILE`, lines that begin with `-` and `+`, `by TESTS`.
fn parse(list: &str) -> Result<Vec<Mutant<'_>>> {
    let mut mutants = Vec::new();
    for block in list.split("\n\n").map(str::trim_end).filter(|block| !block.trim().is_empty()) {
        let mut mutant = Mutant::default();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            match line.split_at_checked(1) {
                Some(("-", old)) => mutant.old.push(old),
                Some(("+", new)) => mutant.new.push(new),
                _ => match line.split_once(' ') {
                    Some(("in", file)) => mutant.file = file,
                    Some(("by", tests)) => mutant.tests = Tests::new(tests)?,
                    _ => mutant.what = line,
                },
            }
        }
        if mutant.old.is_empty() && mutant.what.is_empty() {
            continue;
        }
        let caught = mutant.tests != Tests::default();
        let whole = !mutant.what.is_empty() && !mutant.file.is_empty() && caught;
        ensure!(whole && !mutant.old.is_empty(), "half a mutant: {block}");
        mutants.push(mutant);
    }
    Ok(mutants)
}

/// The text with the fault, which must fit in one place only.
fn plant(text: &str, mutant: &Mutant<'_>) -> Result<String> {
    let [old, new] = [&mutant.old, &mutant.new].map(|lines| lines.join("\n"));
    let places = text.matches(&old).count();
    ensure!(places == 1, "{}: fits in {places} places of {}", mutant.what, mutant.file);
    Ok(text.replacen(&old, &new, 1))
}

/// Seconds after which a test that is built hangs.
const PATIENCE: &str = "40";
/// Seconds in which it is built, on a machine that is busy.
const BUILT: &str = "600";
/// What timeout(1) says then.
const HANGS: i32 = 124;
/// Seconds that a boot with one test has, and its silence before that is a hang.
const BOOT: &str = "900";
/// What says that something is missing.
const SKIPPED: i32 = 77;

/// Who work on the list at the same time at most: each builds a tree of its own.
const MOST: usize = 4;

struct Copy {
    root: PathBuf,
    build: PathBuf,
}

/// What a test said of the tree as it is.
enum Outcome {
    Passed,
    Failed(String),
}

impl Copy {
    /// One for each who works on the list at the same time.
    fn of(repository: &Path, number: usize) -> Result<Self> {
        let copy = repository.join("target/mutants").join(number.to_string());
        let this = Self { root: copy.join("tree"), build: copy.join("build") };
        // What the modules are built from, beside the tree, stays.
        for entry in fs::read_dir(&this.root).into_iter().flatten() {
            let path = entry?.path();
            if path.ends_with("target") {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        let files = Command::new("git").arg("ls-files").current_dir(repository).output()?;
        ensure!(files.status.success(), "git ls-files");
        for file in String::from_utf8(files.stdout)?.lines() {
            let to = this.root.join(file);
            fs::create_dir_all(to.parent().context("a file has a directory")?)?;
            fs::copy(repository.join(file), to).with_context(|| file.to_owned())?;
        }
        Ok(this)
    }

    /// Plants a fault, and takes it out again.
    fn plant(&self, mutant: &Mutant<'_>) -> Result<Outcome> {
        let file = self.root.join(mutant.file);
        let before = fs::read_to_string(&file).with_context(|| mutant.file.to_owned())?;
        fs::write(&file, plant(&before, mutant)?)?;
        let outcome = self.test(mutant.tests, mutant.what);
        fs::write(&file, &before)?;
        outcome
    }

    /// Who catches the fault that is planted, if anybody; `what` is it.
    fn test(&self, tests: Tests<'_>, what: &str) -> Result<Outcome> {
        match tests {
            Tests::Host(tests) => self.test_here(tests, what),
            Tests::Vm { kernel, module, test } => self.test_in_vm(kernel, module, test, what),
        }
    }

    fn test_here(&self, tests: &str, what: &str) -> Result<Outcome> {
        let built = self.cargo(BUILT, &["--no-run"], tests)?;
        let output = if built.status.success() { self.cargo(PATIENCE, &[], tests)? } else { built };
        let [said, errors] = said(&output);
        ensure!(!errors.contains("could not compile"), "{what}: does not build: {errors}");
        if output.status.success() {
            return Ok(Outcome::Passed);
        }
        let both = format!("{said}\n{errors}");
        Ok(Outcome::Failed(match catchers(&both)[..] {
            _ if output.status.code() == Some(HANGS) => {
                format!("`cargo test {tests}`, which hangs")
            }
            [] => format!("`cargo test {tests}`"),
            [first] => format!("`{first}`"),
            [first, ref rest @ ..] => format!("`{first}` and {} more", rest.len()),
        }))
    }

    /// Builds the harness of the copy as it is, without a fault.
    fn build_harness(&self) -> Result<()> {
        let built = Command::new("cargo")
            .args(["build", "--quiet", "--package", "vm-test"])
            .env("CARGO_TARGET_DIR", &self.build)
            .current_dir(&self.root)
            .status()
            .context("cargo")?;
        ensure!(built.success(), "the harness does not build");
        Ok(())
    }

    fn test_in_vm(&self, kernel: &str, module: &str, test: &str, what: &str) -> Result<Outcome> {
        let run = |program: &Path, arguments: &[&str]| {
            let run = Command::new(program)
                .args(arguments)
                .env("CARGO_TARGET_DIR", &self.build)
                .current_dir(&self.root)
                .stdin(Stdio::null())
                .output();
            run.with_context(|| program.display().to_string())
        };
        let built = run(&self.root.join("scripts/kmod"), &[kernel])?;
        let [built_said, errors] = said(&built);
        ensure!(built.status.success(), "{what}: does not build: {built_said}{errors}");
        let order = ["run", "--kernel", kernel, "--module", module, "--test", test];
        let order = [&order[..], &["--timeout", BOOT]].concat();
        let output = run(&self.build.join("debug/vm-test"), &order)?;
        let [said, errors] = said(&output);
        ensure!(output.status.code() != Some(SKIPPED), "{what}: {errors}");
        if output.status.success() {
            return Ok(Outcome::Passed);
        }
        let ways = ways(&said);
        ensure!(!ways.is_empty(), "{what}: the harness did not come to its end: {said}{errors}");
        let ways = ways.join(", ");
        Ok(Outcome::Failed(format!("`{test}` on the {kernel} kernel: {ways}")))
    }

    fn cargo(&self, patience: &str, more: &[&str], tests: &str) -> Result<Output> {
        Command::new("timeout")
            .args([patience, "cargo", "test", "--quiet"])
            .args(more)
            .args(tests.split(' '))
            .env("CARGO_TARGET_DIR", &self.build)
            .current_dir(&self.root)
            .output()
            .context("cargo")
    }
}

/// Who caught a fault, in the table.
fn caught(outcome: &Result<Outcome>) -> &str {
    match outcome {
        Ok(Outcome::Passed) => "**nobody**",
        Ok(Outcome::Failed(who)) => who,
        Err(_) => "an error",
    }
}

fn said(output: &Output) -> [String; 2] {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned())
}

/// In which ways a boot failed: what the harness sums up in its last lines.
fn ways(said: &str) -> Vec<&'static str> {
    const WAYS: [(&str, &[&str]); 5] = [
        ("panic", &["panic", "Fatal trap", "KDB", "debugger", "Stopped at", "db>"]),
        ("WITNESS", &["lock order reversal", "witness", "locks held", "locks are held"]),
        ("leak", &["leak", "grew", "is kept", "LEAK"]),
        // A test that goes on for too long is ended by its alarm, 14.
        ("hang", &["hang: ", "Killed(14)"]),
        ("wrong answer", &[": "]),
    ];
    let summed = said.lines().filter_map(|line| line.strip_prefix("#   "));
    let mut found: Vec<_> = summed
        .filter(|line| !line.starts_with("the serial log"))
        .filter_map(|line| {
            WAYS.iter().position(|(_, words)| words.iter().any(|word| line.contains(word)))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    // What a test says of a kernel that has broken down is no more than that.
    if found.len() > 1 {
        found.retain(|way| WAYS[*way].0 != "wrong answer");
    }
    found.into_iter().map(|way| WAYS[way].0).collect()
}

/// Whether a kernel is at hand, as scripts/kmod finds it.
fn has_kernel() -> bool {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let named = env::var_os("RJAIL_FREEBSD").filter(|name| !name.is_empty());
    let named = named.map(PathBuf::from);
    let directory = named.unwrap_or_else(|| home.join(".cache/rjail/freebsd-15.1"));
    ["sys/sys/param.h", "kernel", "kernel-debug", "loader.efi"]
        .iter()
        .all(|file| directory.join(file).is_file())
}

/// The first tests that failed.
fn catchers(output: &str) -> Vec<&str> {
    let mut failed: Vec<&str> = Vec::new();
    for line in output.lines() {
        let name = line.strip_prefix("---- ").and_then(|rest| rest.split(' ').next());
        if let Some(name) = name.filter(|name| !failed.contains(name)) {
            failed.push(name);
        }
    }
    failed
}

/// What came of the list.
struct Found {
    table: String,
    planted: usize,
    /// Faults that no kernel was at hand for.
    skipped: usize,
}

fn run(list: &str, repository: &Path, only: &[String]) -> Result<Found> {
    let mut mutants = parse(list)?;
    mutants.retain(|mutant| {
        only.is_empty() || only.iter().any(|only| mutant.what.contains(only.as_str()))
    });
    let all = mutants.len();
    if !has_kernel() {
        mutants.retain(|mutant| !mutant.tests.needs_kernel());
    }
    let skipped = all - mutants.len();
    if skipped > 0 {
        eprintln!(
            "SKIPPED: {skipped} faults that only a real kernel catches: no FreeBSD kernel, debug \
             kernel and loader at hand; enable them with `make freebsd` or RJAIL_FREEBSD=DIR"
        );
    }
    let mut baselines: Vec<_> = mutants.iter().map(|mutant| mutant.tests).collect();
    baselines.sort_unstable();
    baselines.dedup();
    let in_vm = baselines.iter().any(|tests| tests.needs_kernel());
    if !only.is_empty() {
        baselines.clear();
    }
    let workers = rayon::current_num_threads().min(MOST);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build()?;
    let copies = pool.broadcast(|worker| {
        let copy = Copy::of(repository, worker.index())?;
        if in_vm {
            copy.build_harness()?;
        }
        Ok(copy)
    });
    let copies = copies.into_iter().collect::<Result<Vec<_>>>()?;
    let here = || &copies[rayon::current_thread_index().unwrap_or(0)];
    let outcomes = pool.install(|| {
        baselines.into_par_iter().with_max_len(1).try_for_each(|tests| {
            eprintln!("without a fault: {tests}");
            match here().test(tests, "no fault")? {
                Outcome::Passed => Ok(()),
                Outcome::Failed(who) => bail!("fails without a fault: {tests}: {who}"),
            }
        })?;
        // Each of them, whatever becomes of the others.
        let planted = mutants.par_iter().with_max_len(1).map(|mutant| {
            let outcome = here().plant(mutant);
            eprintln!("{}: {}", mutant.what, caught(&outcome));
            outcome
        });
        anyhow::Ok(planted.collect::<Vec<_>>())
    })?;
    let mut table = String::from("| fault | in | caught by |\n|---|---|---|\n");
    let mut escaped = Vec::new();
    for (mutant, outcome) in mutants.iter().zip(outcomes) {
        let _ = writeln!(table, "| {} | `{}` | {} |", mutant.what, mutant.file, caught(&outcome));
        match outcome {
            Ok(Outcome::Failed(_)) => {}
            Ok(Outcome::Passed) => escaped.push(mutant.what.to_owned()),
            Err(error) => escaped.push(format!("{error:#}")),
        }
    }
    ensure!(escaped.is_empty(), "{table}\nnot caught: {}", escaped.join("; "));
    Ok(Found { table, planted: mutants.len(), skipped })
}

fn main() -> ExitCode {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Some alone, by words of what they are.
    let only: Vec<String> = env::args().skip(1).collect();
    let outcome = fs::read_to_string(repository.join("mutants/list.txt"))
        .context("mutants/list.txt")
        .and_then(|list| run(&list, &repository, &only));
    match outcome {
        Ok(Found { table, planted, skipped: 0 }) if only.is_empty() => {
            let page = format!(
                "# Planted faults\n\nEach of the {planted} faults of \
                 [`mutants/list.txt`](../mutants/list.txt), alone in a copy of the tree, and the \
                 test that catches it; of the VM's tests, the kernel and the way. `make mutants` \
                 runs them all anew, fails where one is not caught, and writes this page.\n\n{table}"
            );
            if let Err(error) = fs::write(repository.join("docs/mutants.md"), page) {
                eprintln!("docs/mutants.md: {error}");
                return ExitCode::FAILURE;
            }
            println!("mutants: {planted} planted, {planted} caught");
            ExitCode::SUCCESS
        }
        Ok(Found { table, planted, skipped }) => {
            // Some alone: the page stays as it is.
            print!("{table}");
            println!("mutants: {planted} planted, {planted} caught, {skipped} skipped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("mutants: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Tests, catchers, parse, plant, ways};

    const LIST: &str = include_str!("../list.txt");

    #[test]
    fn every_fault_fits_in_one_place() {
        let mutants = parse(LIST).expect("a list");
        assert!(mutants.len() >= 25, "{}", mutants.len());
        for mutant in &mutants {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(mutant.file);
            let text = fs::read_to_string(file).expect(mutant.file);
            let planted = plant(&text, mutant).expect("fits");
            assert_ne!(planted, text, "{}", mutant.what);
        }
    }

    #[test]
    fn what_does_not_fit_is_no_fault() {
        let list = "a swap\nin src/x.rs\n-a\n+b\nby -p x";
        let [mutant] = &parse(list).expect("a list")[..] else { panic!("one") };
        assert_eq!(plant("x\na\n", mutant).expect("fits"), "x\nb\n");
        assert!(plant("a a", mutant).is_err());
        assert!(plant("c", mutant).is_err());
        assert!(parse("a swap\nin src/x.rs\n-a\n+b").is_err());
    }

    #[test]
    fn a_test_of_the_vm_is_a_kernel_a_module_and_a_name() {
        let vm = Tests::Vm { kernel: "debug", module: "late", test: "hold" };
        assert_eq!(Tests::new("vm debug late hold").expect("one"), vm);
        assert_eq!(Tests::new("-p x --test y").expect("one"), Tests::Host("-p x --test y"));
        for wrong in ["vm debug hold", "vm other late hold", "vm debug none hold", "vm "] {
            assert!(Tests::new(wrong).is_err(), "{wrong}");
        }
        assert!(parse("a swap\nin src/x.rs\n-a\n+b\nby vm debug hold").is_err());
    }

    #[test]
    fn many_faults_need_a_real_kernel() {
        let mutants = parse(LIST).expect("a list");
        let vm = mutants.iter().filter(|mutant| mutant.tests.needs_kernel());
        assert!(vm.count() >= 12);
    }

    #[test]
    fn the_way_is_what_the_harness_sums_up() {
        let boot = |lines: &str| ways(&format!("# debug kernel, module late: 0 passed\n{lines}"));
        assert_eq!(boot("#   hold [calls]: got 1, wanted 2\n"), ["wrong answer"]);
        assert_eq!(boot("#   hold [calls]: leak: held 1, now 2\n"), ["leak"]);
        assert_eq!(boot("#   hold [calls]: it ended: Killed(14)\n"), ["hang"]);
        assert_eq!(
            boot("#   the console says: panic: mutex\n#   hang: no output\n"),
            ["panic", "hang"]
        );
        let reversal = "#   lock order reversal: a -> b in c\n#   the serial log: x.log\n";
        assert_eq!(boot(reversal), ["WITNESS"]);
        assert_eq!(boot("#   the serial log: x.log\n"), [""; 0]);
    }

    #[test]
    fn the_catchers_are_the_tests_that_failed() {
        let output = "---- a::b stdout ----\nx\n---- c ----\n---- a::b stdout ----\n";
        assert_eq!(catchers(output), ["a::b", "c"]);
    }
}
