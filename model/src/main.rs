// SPDX-License-Identifier: BSD-2-Clause
//! `rjail-model cases`: every case on the model kernel.
//! `rjail-model demo`: the demonstration.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cases::CASES;
use rjail_model::demo;
use rjail_model::play::{Where, check};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("cases") => play_cases(),
        Some("demo") => show_demo(),
        _ => {
            eprintln!("usage: rjail-model cases | demo");
            ExitCode::from(2)
        }
    }
}

/// Prints TAP.
fn play_cases() -> ExitCode {
    println!("1..{}", CASES.len() * Where::ALL.len());
    let mut failed = 0;
    let plays = CASES.iter().flat_map(|case| Where::ALL.map(|place| (case, place)));
    for (number, (case, place)) in plays.enumerate() {
        let verdict = check(case, place);
        let number = number + 1;
        match &verdict {
            Ok(()) => println!("ok {number} - {}, {place}", case.name),
            Err(why) => println!("not ok {number} - {why}"),
        }
        failed += usize::from(verdict.is_err());
    }
    println!("# {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show_demo() -> ExitCode {
    match demo::on_the_model() {
        Ok(rows) => {
            print!("{}", demo::render(&rows, demo::MODEL_TITLE));
            let stated = rows.iter().all(demo::Row::is_as_stated);
            if stated { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("rjail-model: {why}");
            ExitCode::FAILURE
        }
    }
}
