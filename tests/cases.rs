// SPDX-License-Identifier: BSD-2-Clause
//! The cases on the model kernel: one test for each case and place.

use std::process::ExitCode;

use cases::CASES;
use libtest_mimic::{Arguments, Trial, run};
use rjail_model::play::{Where, check};

fn main() -> ExitCode {
    let trials = CASES
        .iter()
        .flat_map(|case| Where::ALL.map(|place| (case, place)))
        .map(|(case, place)| {
            let name = format!("{} ({place})", case.name);
            Trial::test(name, move || Ok(check(case, place)?))
        })
        .collect();
    run(&Arguments::from_args(), trials).exit_code()
}
