// SPDX-License-Identifier: BSD-2-Clause
//! Plants each fault of `mutants/list.txt` in a copy of the tree, alone, and sees
//! whether the test that should catches it; writes `docs/mutants.md`.
//!
//! A fault that does not apply or does not build is an error of the list, and so
//! is a test that fails without any fault.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};

/// A fault: what becomes what in which file, and which tests see to it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mutant<'a> {
    what: &'a str,
    file: &'a str,
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    tests: &'a str,
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
                    Some(("by", tests)) => mutant.tests = tests,
                    _ => mutant.what = line,
                },
            }
        }
        if mutant.old.is_empty() && mutant.what.is_empty() {
            continue;
        }
        let whole = !mutant.what.is_empty() && !mutant.file.is_empty() && !mutant.tests.is_empty();
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

struct Copy {
    root: PathBuf,
    build: PathBuf,
}

impl Copy {
    fn of(repository: &Path) -> Result<Self> {
        let copy = repository.join("target/mutants");
        let this = Self { root: copy.join("tree"), build: copy.join("build") };
        if this.root.exists() {
            fs::remove_dir_all(&this.root)?;
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

    fn test(&self, tests: &str) -> Result<Output> {
        let built = self.cargo(BUILT, &["--no-run"], tests)?;
        if built.status.success() { self.cargo(PATIENCE, &[], tests) } else { Ok(built) }
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

fn run(list: &str, repository: &Path, only: Option<&str>) -> Result<String> {
    let mutants = parse(list)?;
    let copy = Copy::of(repository)?;
    let mut baselines: Vec<&str> = mutants.iter().map(|mutant| mutant.tests).collect();
    baselines.sort_unstable();
    baselines.dedup();
    if only.is_none() {
        for tests in baselines {
            eprintln!("without a fault: {tests}");
            let output = copy.test(tests)?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "fails without a fault: cargo test {tests}: {said}");
        }
    }
    let mut table = String::from("| fault | in | caught by |\n|---|---|---|\n");
    let mut escaped = Vec::new();
    for mutant in mutants.iter().filter(|mutant| only.is_none_or(|only| mutant.what.contains(only)))
    {
        let file = copy.root.join(mutant.file);
        let before = fs::read_to_string(&file).with_context(|| mutant.file.to_owned())?;
        fs::write(&file, plant(&before, mutant)?)?;
        let output = copy.test(mutant.tests)?;
        fs::write(&file, &before)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("could not compile") {
            bail!("{}: does not build: {errors}", mutant.what);
        }
        let both = format!("{said}\n{errors}");
        let caught = match (output.status.success(), &catchers(&both)[..]) {
            (true, _) => {
                escaped.push(mutant.what);
                "**nobody**".to_owned()
            }
            (false, _) if output.status.code() == Some(HANGS) => {
                format!("`cargo test {}`, which hangs", mutant.tests)
            }
            (false, []) => format!("`cargo test {}`", mutant.tests),
            (false, [first]) => format!("`{first}`"),
            (false, [first, rest @ ..]) => format!("`{first}` and {} more", rest.len()),
        };
        eprintln!("{}: {caught}", mutant.what);
        let _ = writeln!(table, "| {} | `{}` | {caught} |", mutant.what, mutant.file);
    }
    ensure!(escaped.is_empty(), "{table}\nnot caught: {}", escaped.join("; "));
    Ok(table)
}

fn main() -> ExitCode {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let only = env::args().nth(1);
    let outcome = fs::read_to_string(repository.join("mutants/list.txt"))
        .context("mutants/list.txt")
        .and_then(|list| run(&list, &repository, only.as_deref()));
    match outcome {
        Ok(table) if only.is_none() => {
            let count = table.lines().count() - 2;
            let page = format!(
                "# Planted faults\n\nEach of the {count} faults of \
                 [`mutants/list.txt`](../mutants/list.txt), alone in a copy of the tree, and the \
                 test that catches it. `make mutants` runs them all anew, fails where one is not \
                 caught, and writes this page.\n\n{table}"
            );
            if let Err(error) = fs::write(repository.join("docs/mutants.md"), page) {
                eprintln!("docs/mutants.md: {error}");
                return ExitCode::FAILURE;
            }
            println!("mutants: {count} planted, {count} caught");
            ExitCode::SUCCESS
        }
        Ok(table) => {
            print!("{table}");
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

    use super::{catchers, parse, plant};

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
    fn the_catchers_are_the_tests_that_failed() {
        let output = "---- a::b stdout ----\nx\n---- c ----\n---- a::b stdout ----\n";
        assert_eq!(catchers(output), ["a::b", "c"]);
    }
}
