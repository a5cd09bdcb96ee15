// SPDX-License-Identifier: BSD-2-Clause
//! The demonstration: what root tries, what happens outside, what inside.

use core::fmt::Write as _;

use cases::{Addr, Answer, CASES, Case, DEMO, Errno, Name, Place, world};

use crate::play::{Outcome, Where, number, play};

/// One line: a case and what its attempt answered in the two places.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The case.
    pub case: &'a Case,
    /// What it answered outside any jail; `None` when it was not played.
    pub outside: Option<Answer>,
    /// What it answered inside.
    pub inside: Option<Answer>,
}

impl Row<'_> {
    /// Whether both answers are those that the case states.
    #[must_use]
    pub fn is_as_stated(&self) -> bool {
        self.outside == Some(self.case.outside) && self.inside == Some(self.case.inside)
    }
}

/// The cases of the demonstration, in its order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    DEMO.iter().filter_map(|name| CASES.iter().find(|case| case.name == *name))
}

/// The rows as the model kernel plays them.
///
/// # Errors
/// A sentence, when a case cannot be played.
pub fn on_the_model() -> Outcome<Vec<Row<'static>>> {
    cases()
        .map(|case| {
            let outside = Some(play(case, Where::Outside)?);
            let inside = Some(play(case, Where::Inside)?);
            Ok(Row { case, outside, inside })
        })
        .collect()
}

/// The first line of the demonstration on the model kernel.
pub const MODEL_TITLE: &str = "rjail on its model kernel (no FreeBSD kernel is running here)";

/// The table as text. `title` is its first line and says what it ran on.
#[must_use]
pub fn render(rows: &[Row<'_>], title: &str) -> String {
    const HEAD: [&str; 3] = ["What root tries", "Outside", "Inside the jail"];
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|row| {
            let mut inside = format!("{} {}", mark(row), say(row, row.inside));
            if !row.is_as_stated() {
                let _ = write!(inside, "  << not as stated: {}", stated(row));
            }
            [row.case.about.to_owned(), say(row, row.outside), inside]
        })
        .collect();
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].chars().count());
        widths.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let (first, second, third) = (width(0), width(1), width(2) + 2);

    let mut text = format!("{title}\n\n");
    let _ = writeln!(text, "  {:first$}   {:second$}     {}", HEAD[0], HEAD[1], HEAD[2]);
    let _ = writeln!(text, "  {:─<first$}   {:─<second$}   {:─<third$}", "", "", "");
    for [about, outside, inside] in &cells {
        let _ = writeln!(text, "  {about:first$}   {outside:second$}   {inside}");
    }
    let of = |wanted: &str| rows.iter().filter(|row| mark(row) == wanted).count();
    let _ = writeln!(
        text,
        "\n  {STOPPED} {} stopped   {TURNED} {} turned to the jail's own   {SAME} {} as before",
        of(STOPPED),
        of(TURNED),
        of(SAME),
    );
    let odd = rows.iter().filter(|row| !row.is_as_stated()).count();
    if odd > 0 {
        let _ = writeln!(text, "  {odd} NOT AS STATED");
    }
    text
}

const STOPPED: &str = "✗";
const TURNED: &str = "→";
const SAME: &str = "✓";

fn mark(row: &Row<'_>) -> &'static str {
    match (row.outside, row.inside) {
        (_, Some(Answer::No(_)) | None) => STOPPED,
        (outside, inside) if outside == inside => SAME,
        _ => TURNED,
    }
}

fn stated(row: &Row<'_>) -> String {
    format!("{} / {}", say(row, Some(row.case.outside)), say(row, Some(row.case.inside)))
}

/// An answer in words, an address in the family of the attempt.
fn say(row: &Row<'_>, answer: Option<Answer>) -> String {
    match answer {
        None => "no answer".to_owned(),
        Some(Answer::Ok) => "works".to_owned(),
        Some(Answer::No(errno)) => format!("{} ({})", sentence(errno), errno.name()),
        Some(Answer::At(address)) => {
            format!("{} ({})", number(row.case.probe.family(), address), whose(address))
        }
        Some(Answer::In(Place::MachineRoot)) => "stands in the machine's root".to_owned(),
        Some(Answer::In(Place::JailRoot)) => "stands in the jail's root".to_owned(),
        Some(Answer::In(Place::Elsewhere)) => "stands somewhere else".to_owned(),
        Some(Answer::Named(Name::Machine)) => world::MACHINE_NAME.to_owned(),
        Some(Answer::Named(Name::Jail)) => world::JAIL_NAME.to_owned(),
        Some(Answer::NotPlayed) => "not tried".to_owned(),
    }
}

fn whose(address: Addr) -> &'static str {
    match address {
        Addr::Any => "any address",
        Addr::Loopback => "the machine itself",
        Addr::Jail => "the jail's",
        Addr::Host => "the host's",
        Addr::Sibling => "another jail's",
        Addr::Foreign => "nobody's",
        Addr::Broadcast => "everybody's",
    }
}

/// errno(2)'s sentence.
fn sentence(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM => "not permitted",
        Errno::ENOENT => "no such file",
        Errno::ESRCH => "no such process",
        Errno::ECHILD => "no such child",
        Errno::EINVAL => "invalid",
        Errno::EACCES => "permission denied",
        Errno::EAGAIN => "nobody answers",
        Errno::EPROTONOSUPPORT => "no such protocol",
        Errno::EAFNOSUPPORT => "no such address family",
        Errno::EADDRNOTAVAIL => "no such address",
        Errno::ECONNREFUSED => "connection refused",
        Errno::ENOSYS => "no such system call",
        _ => "refused",
    }
}
