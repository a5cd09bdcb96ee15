// SPDX-License-Identifier: BSD-2-Clause
//! What the runs have found, kept in a file, and the tables made of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cases::{Addr, Answer, CASES, Case, Errno, Name, Place};
use comfy_table::{Table, presets};
use serde::{Deserialize, Serialize};

use crate::image::Module;
use crate::judge::{Answered, LineTwo, Played, Test};
use crate::needs::Kernel;

/// One boot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Which kernel.
    pub kernel: Kernel,
    /// How the module got in.
    pub module: Module,
    /// Seconds from power-on to the guest's first line.
    pub boot_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
    /// The serial log.
    pub log: PathBuf,
    /// Every test.
    pub tests: Vec<Test>,
    /// Every case's answer.
    pub answers: Vec<Answered>,
    /// What native jails said about privileges.
    #[serde(skip)]
    pub line_two: Vec<LineTwo>,
    /// What was measured, as the guest says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<String>,
    /// The replies to random sequences.
    #[serde(skip)]
    pub sequences: Vec<Played>,
    /// What is wrong besides failed tests.
    pub complaints: Vec<String>,
}

impl Run {
    /// Tests that passed; tests that failed, each complaint counting as one.
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.tests.iter().filter(|test| test.ok).count();
        (passed, self.tests.len() - passed + self.complaints.len())
    }

    /// What a case answered in a way of playing it.
    fn answer(&self, case: &str, mode: &str) -> Option<Answer> {
        let said = self.answers.iter().find(|a| a.case == case && a.mode == mode)?;
        parse(&said.answer)
    }
}

/// All the boots of a run of the harness.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// In the order they ran.
    pub runs: Vec<Run>,
}

impl Results {
    /// Reads them back.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("no results in {}: run `make vm-test`", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged: run `make vm-test`", path.display()))
    }

    /// Writes them down.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// A case's answer in the first boot that played it so.
    pub fn answer(&self, case: &str, mode: &str) -> Option<Answer> {
        self.runs.iter().find_map(|run| run.answer(case, mode))
    }
}

/// Every answer there is; a case names no other.
fn all_answers() -> impl Iterator<Item = Answer> {
    use Addr::{Any, Broadcast, Foreign, Host, Jail, Loopback, Sibling};
    let errnos = (1..=97).filter_map(Errno::from_number).map(Answer::No);
    let addresses = [Any, Loopback, Jail, Host, Sibling, Foreign, Broadcast].map(Answer::At);
    let places = [Place::MachineRoot, Place::JailRoot, Place::Elsewhere].map(Answer::In);
    let names = [Name::Machine, Name::Jail].map(Answer::Named);
    let plain = [Answer::Ok, Answer::NotPlayed];
    errnos.chain(addresses).chain(places).chain(names).chain(plain)
}

fn parse(text: &str) -> Option<Answer> {
    all_answers().find(|answer| format!("{answer:?}") == text)
}

/// An answer in a cell of a table.
fn cell(answer: Option<Answer>) -> String {
    match answer {
        None => "-".to_owned(),
        Some(Answer::Ok) => "ok".to_owned(),
        Some(Answer::No(errno)) => errno.name().to_owned(),
        Some(Answer::At(address)) => format!("at {address:?}").to_lowercase(),
        Some(Answer::In(Place::MachineRoot)) => "machine's root".to_owned(),
        Some(Answer::In(Place::JailRoot)) => "jail's root".to_owned(),
        Some(Answer::In(Place::Elsewhere)) => "elsewhere".to_owned(),
        Some(Answer::Named(Name::Machine)) => "machine's name".to_owned(),
        Some(Answer::Named(Name::Jail)) => "jail's name".to_owned(),
        Some(Answer::NotPlayed) => "not played".to_owned(),
    }
}

/// Which line stops or turns a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// The label, and the kernel's own jail as well.
    Both,
    /// The label; a native jail lets it pass.
    One,
    /// `cr_prison`; the label alone lets it pass.
    Two,
}

/// `None` when the jail changes nothing about the case, or the answers are not
/// all known.
fn who(
    outside: Option<Answer>,
    inside: Option<Answer>,
    first_line: Option<Answer>,
    native: Option<Answer>,
) -> Option<Who> {
    let stopped = |answer: Option<Answer>| answer.map(|answer| Some(answer) != outside);
    let (inside, label, kernel) = (stopped(inside)?, stopped(first_line)?, stopped(native)?);
    match (inside, label, kernel) {
        (false, _, _) => None,
        (true, true, true) => Some(Who::Both),
        (true, true, false) => Some(Who::One),
        (true, false, _) => Some(Who::Two),
    }
}

/// The table "who stops what".
pub fn who_stops_what(results: &Results) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "What root tries",
        "Outside",
        "Inside",
        "Line 1 alone",
        "Native",
        "Stopped by",
    ]);
    let mut counts = [0; 3];
    for case in CASES {
        let answer = |mode| results.answer(case.name, mode);
        let (outside, inside) = (answer("unjailed"), answer("inside"));
        let (first_line, native) = (answer("first-line"), answer("native"));
        let by = match who(outside, inside, first_line, native) {
            None => "",
            Some(Who::Both) => {
                counts[0] += 1;
                "both lines"
            }
            Some(Who::One) => {
                counts[1] += 1;
                "line 1"
            }
            Some(Who::Two) => {
                counts[2] += 1;
                "line 2"
            }
        };
        let about = case.about.to_owned();
        let answers = [outside, inside, first_line, native].map(cell);
        let [outside, inside, first_line, native] = answers;
        table.add_row([about, outside, inside, first_line, native, by.to_owned()]);
    }
    let [both, one, two] = counts;
    format!(
        "Who stops what\n{table}\n\
         Stopped or turned by both lines: {both}; by line 1 alone: {one}; by line 2 alone: {two}\n"
    )
}

/// The row of a case for the demonstration.
pub fn demonstration(results: &Results) -> Vec<rjail_model::demo::Row<'static>> {
    let row = |case: &'static Case| rjail_model::demo::Row {
        case,
        outside: results.answer(case.name, "unjailed"),
        inside: results.answer(case.name, "inside"),
    };
    rjail_model::demo::cases().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_a_case_survives_the_console() {
        for case in CASES {
            for answer in
                [case.outside, case.inside, case.inside_first_line(), case.inside_native()]
            {
                assert_eq!(parse(&format!("{answer:?}")), Some(answer), "{}", case.name);
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        assert_eq!(parse("No(999)"), None);
        assert_eq!(parse("Setup(0,1)"), None);
    }

    #[test]
    fn who_stops() {
        let (passes, denied) = (Some(Answer::Ok), Some(Answer::No(Errno::EPERM)));
        assert_eq!(who(passes, denied, denied, denied), Some(Who::Both));
        assert_eq!(who(passes, denied, denied, passes), Some(Who::One));
        assert_eq!(who(passes, denied, passes, denied), Some(Who::Two));
        assert_eq!(who(passes, passes, passes, passes), None);
        assert_eq!(who(passes, denied, None, denied), None);
    }
}
