// SPDX-License-Identifier: BSD-2-Clause
//! The privilege table as a Markdown page: `make privileges`, `rjail privileges`.
//! What a native jail makes of each privilege is not written here: it was asked
//! of a kernel, `make line-two`.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use line_two::{Difference, compare};
use rjail::privilege::{Asked, Barred, Native, PROMISES, Row, TABLE, Verdict};
use serde::Serialize;

const MEASURED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/line-two-15.1.tsv"));

/// Characters a line of running text may have.
const WIDTH: usize = 80;

/// A verdict as the page shows it.
struct Shown<'a>(&'a Row);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.verdict {
            Verdict::Allow => write!(f, "allow")?,
            Verdict::AllowWith(flags) => {
                let names: Vec<_> = line_two::flag_names(flags).collect();
                write!(f, "with {}", names.join(" or "))?;
            }
            Verdict::ByName => write!(f, "by name")?,
            Verdict::Deny => write!(f, "deny")?,
        }
        if self.0.second_line {
            write!(f, ", line two in force")?;
        }
        if self.0.asked == Asked::Everyone {
            write!(f, " (users too)")?;
        }
        Ok(())
    }
}

/// What native jails make of each privilege.
struct Measured(BTreeMap<String, line_two::Verdict>);

impl Measured {
    fn read() -> Self {
        // The file is part of this program; a test reads every line of it.
        Self(line_two::read(MEASURED).unwrap_or_default().into_iter().collect())
    }

    fn of(&self, row: &Row) -> String {
        self.0.get(row.name).map_or_else(|| "not measured".to_owned(), ToString::to_string)
    }

    fn differs(&self, row: &Row) -> &'static str {
        match self.0.get(row.name).map(|native| compare(row, native)) {
            Some(Difference { tighter: true, looser: false }) => "tighter",
            Some(Difference { tighter: false, looser: true }) => "looser",
            Some(Difference { tighter: true, looser: true }) => "both",
            Some(_) | None => "",
        }
    }
}

/// A Markdown table whose columns are aligned in its source as well.
fn table<const N: usize>(
    out: &mut impl Write,
    head: [&str; N],
    rows: &[[String; N]],
) -> fmt::Result {
    let head = head.map(str::to_owned);
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let rule = widths.map(|width| "-".repeat(width));
    for row in [&head, &rule].into_iter().chain(rows) {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

/// Text in lines of at most [`WIDTH`] characters; all but the first indented.
fn wrapped(out: &mut impl Write, text: &str, indent: usize) -> fmt::Result {
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if column > 0 {
            write!(out, " ")?;
            column += 1;
        }
        write!(out, "{word}")?;
        column += length;
    }
    writeln!(out)
}

fn count(which: impl Fn(&Row) -> bool) -> usize {
    TABLE.iter().filter(|row| which(row)).count()
}

fn introduction(out: &mut impl Write, measured: &Measured) -> fmt::Result {
    writeln!(out, "# What root in a jail may do\n")?;
    let numbers = format!(
        "{} privileges: {} allowed, {} with a flag, {} by name only, {} denied. Whatever has no \
         row is denied.",
        TABLE.len(),
        count(|row| row.verdict == Verdict::Allow),
        count(|row| matches!(row.verdict, Verdict::AllowWith(_))),
        count(|row| row.verdict == Verdict::ByName),
        count(|row| row.verdict == Verdict::Deny),
    );
    wrapped(out, &numbers, 0)?;
    writeln!(out)?;
    let terms = [
        "- **rjail**: the first line's verdict. \"Allow\" means that it does not object: the \
         kernel's own checks follow. \"Users too\" marks what the kernel gives to everybody, so \
         that the verdict reaches users without root's rights; of all else they have nothing to \
         lose.",
        "- **native jail**: what a jail of FreeBSD 15.1 lets root have, which is our second line's \
         verdict as well; \"with\" means with one of these `allow.*` flags. Asked of a running \
         kernel (`make line-two`).",
        "- **differs**: computed from the two. *Tighter*: some native jail has it where ours with \
         the same flags has not. *Looser*: the reverse; line two then still refuses it.",
    ];
    for term in terms {
        wrapped(out, term, 2)?;
    }
    writeln!(out, "\n## Where a native jail differs\n")?;
    let differing = || TABLE.iter().filter(|row| !measured.differs(row).is_empty());
    wrapped(
        out,
        &format!(
            "rjail is tighter at {} privileges, looser at {}.",
            differing().filter(|row| measured.differs(row) == "tighter").count(),
            differing().filter(|row| measured.differs(row) != "tighter").count(),
        ),
        0,
    )?;
    writeln!(out)?;
    for row in differing() {
        let why = match row.native {
            Native::Same => "",
            Native::Tighter(why) => why,
        };
        let text = format!(
            "- `{}`, {}: {}; native {}: {why}.",
            row.name,
            measured.differs(row),
            Shown(row),
            measured.of(row),
        );
        wrapped(out, &text, 2)?;
    }
    Ok(())
}

fn group(out: &mut impl Write, rows: &[Row], measured: &Measured) -> fmt::Result {
    let Some(first) = rows.first() else { return Ok(()) };
    writeln!(out, "\n## {}\n", first.group)?;
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let differs = measured.differs(row).to_owned();
            [format!("`{}`", row.name), Shown(row).to_string(), measured.of(row), differs]
        })
        .collect();
    table(out, ["Privilege", "rjail", "native jail", "differs"], &cells)?;
    // Why, once for neighbours that have the same reason.
    for rows in rows.chunk_by(|a, b| a.reason == b.reason && a.source == b.source) {
        let Some(row) = rows.first() else { continue };
        let names = match rows {
            [_, .., last] => format!("`{}` to `{}`", row.name, last.name),
            _ => format!("`{}`", row.name),
        };
        wrapped(out, &format!("- {names}: {} ({})", row.reason, row.source), 2)?;
    }
    Ok(())
}

fn barred(out: &mut impl Write) -> fmt::Result {
    writeln!(out, "\n## What no jail can be given by name\n")?;
    let by_second_line = count(|row| row.barred == Some(Barred::BySecondLine));
    let text = format!(
        "`+NAME` is `EINVAL` for the {} that are denied: {by_second_line} of them line two refuses \
         to every jail, so that the gift would be worth nothing; the others would break a promise.",
        count(|row| row.barred.is_some()),
    );
    wrapped(out, &text, 0)?;
    writeln!(out)?;
    for row in &TABLE {
        let why = match row.barred {
            None | Some(Barred::BySecondLine) => continue,
            Some(Barred::ByPromise(number)) => {
                let promise = PROMISES.get(usize::from(number) - 1).copied().unwrap_or_default();
                format!("promise {number}, {promise}")
            }
            Some(Barred::ByKernel) => "the kernel gives it to no root in a jail".to_owned(),
        };
        wrapped(out, &format!("- `{}`: {why}.", row.name), 2)?;
    }
    Ok(())
}

/// The page.
#[derive(Clone, Copy, Debug)]
pub struct Page;

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = Measured::read();
        introduction(f, &measured)?;
        barred(f)?;
        let groups = TABLE.chunk_by(|a, b| a.group == b.group);
        groups.into_iter().try_for_each(|rows| group(f, rows, &measured))
    }
}

/// One row, for programs.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    privilege: &'static str,
    group: &'static str,
    verdict: String,
    native: String,
    differs: &'static str,
    reason: &'static str,
    source: &'static str,
    can_be_given: bool,
}

/// The table, for programs.
#[must_use]
pub fn rows() -> Vec<Entry> {
    let measured = Measured::read();
    let entry = |row: &Row| Entry {
        privilege: row.name,
        group: row.group,
        verdict: Shown(row).to_string(),
        native: measured.of(row),
        differs: measured.differs(row),
        reason: row.reason,
        source: row.source,
        can_be_given: row.barred.is_none(),
    };
    TABLE.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::{Page, TABLE, rows};

    #[test]
    fn every_privilege_is_on_the_page_and_was_measured() {
        let page = Page.to_string();
        for row in &TABLE {
            assert!(page.contains(&format!("| `{}` ", row.name)), "{}", row.name);
            assert!(page.contains(row.group), "{}", row.group);
        }
        assert!(!page.contains("not measured"));
        assert!(page.contains("looser at 0."));
        assert!(page.contains("- `PRIV_NET_ROUTE`: promise 1, a jailed process never affects"));
    }

    #[test]
    fn programs_get_the_same() {
        let rows = rows();
        assert_eq!(rows.len(), TABLE.len());
        let row = rows.iter().find(|row| row.privilege == "PRIV_KTRACE").expect("a row");
        assert_eq!((row.verdict.as_str(), row.native.as_str()), ("by name", "with setaudit"));
        assert_eq!((row.differs, row.can_be_given), ("tighter", true));
    }
}
