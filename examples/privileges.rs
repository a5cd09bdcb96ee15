// SPDX-License-Identifier: BSD-2-Clause
//! Prints the privilege table as a Markdown page: `make privileges`.

use std::fmt;
use std::io::{self, Write};

use rjail::privilege::{Asked, Native, Row, TABLE, Verdict};

/// A verdict as the page shows it.
struct Shown<'a>(&'a Row);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.verdict {
            Verdict::Allow => write!(f, "allow")?,
            Verdict::AllowWith(flags) => {
                let names: Vec<_> =
                    flags.iter_names().map(|(name, _)| name.to_lowercase()).collect();
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

fn count(which: impl Fn(&Row) -> bool) -> usize {
    TABLE.iter().filter(|row| which(row)).count()
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "# What root in a jail may do\n")?;
    writeln!(
        out,
        "{} privileges: {} allowed, {} with a flag, {} by name only, {} denied. Whatever has no \
         row is denied. \"Allow\" means that rjail does not object: the kernel's own checks \
         follow. \"Users too\" marks what the kernel gives to everybody, so that the verdict \
         reaches users without root's rights; of all else they have nothing to lose. Native is \
         FreeBSD's own jail with the same flags; where nothing stands, it is the same.",
        TABLE.len(),
        count(|row| row.verdict == Verdict::Allow),
        count(|row| matches!(row.verdict, Verdict::AllowWith(_))),
        count(|row| row.verdict == Verdict::ByName),
        count(|row| row.verdict == Verdict::Deny),
    )?;
    for rows in TABLE.chunk_by(|a, b| a.group == b.group) {
        let Some(first) = rows.first() else { continue };
        writeln!(out, "\n## {}\n", first.group)?;
        writeln!(out, "| Privilege | Verdict | Native differs | Reason | Answers to |")?;
        writeln!(out, "|---|---|---|---|---|")?;
        for row in rows {
            let native = match row.native {
                Native::Same => String::new(),
                Native::Tighter(why) => format!("tighter: {why}"),
            };
            writeln!(
                out,
                "| `{}` | {} | {native} | {} | {} |",
                row.name,
                Shown(row),
                row.reason,
                row.source
            )?;
        }
    }
    Ok(())
}
