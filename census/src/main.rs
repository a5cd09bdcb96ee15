// SPDX-License-Identifier: BSD-2-Clause
//! `census SYS`: the tables of `docs/` beside a kernel's source. Exit 1 where they
//! disagree.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use census::scan;

fn main() -> ExitCode {
    let Some(sys) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: census SYS");
        return ExitCode::from(64);
    };
    match check(&sys) {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("ok    {line}"));
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            wrong.iter().for_each(|line| println!("      {line}"));
            println!("BAD   census: {} disagreements", wrong.len());
            ExitCode::FAILURE
        }
    }
}

fn check(sys: &Path) -> Result<[String; 2], Vec<String>> {
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let used = scan::filled_in(&read(root.join("kmod/rjail.c"))?);
    let found = scan::tree(sys).map_err(|error| vec![format!("{}: {error}", sys.display())])?;
    let questions = census::census(&read(root.join("docs/census-15.1.tsv"))?, &found, &used);
    let header = scan::operations(&read(sys.join("security/mac/mac_policy.h"))?);
    let table = read(root.join("docs/mac-operations-15.1.tsv"))?;
    match (questions, census::operations(&table, Some(&header), &used)) {
        (Ok(counts), Ok((used, not))) => {
            let by: Vec<_> =
                counts.iter().map(|(cover, count)| format!("{count} {cover}")).collect();
            Ok([
                format!("census: {} places that ask about a jail: {}", found.len(), by.join(", ")),
                format!(
                    "census: {} operations of the MAC framework: {used} used, {not} not",
                    used + not
                ),
            ])
        }
        (questions, operations) => {
            let wrong = questions.err().into_iter().chain(operations.err()).flatten();
            Err(wrong.collect())
        }
    }
}
