// SPDX-License-Identifier: BSD-2-Clause
//! What a jail costs: measures, holds the figures against the targets, and
//! writes `docs/cost.md` and `docs/cost.svg`.
//!
//! The machine has one processor, and its time is the number of instructions it
//! executes: a figure says what a call costs, and not what else the host does.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

use crate::image::Module;
use crate::needs::{self, Kernel, Programs};
use crate::plot;
use crate::report::Results;
use crate::run;
use crate::vmm::Vmm;

/// Where the boot with a module that the guest loads measures, in this order.
/// The first of each boot warms the kernel up, and does not count.
const LATE: &str = "none none native unjailed rjail outside-and-jail rjail-and-jails none load";
/// Where the boot with a module that the boot loader loads does.
const BOOT: &str = "unjailed unjailed unjailed rjail rjail-and-processes rjail-and-jails \
                    outside-and-jail rjail-and-10000";

/// The same of a short measurement, which says whether nobody pays where nobody is
/// jailed.
const QUICK_LATE: &str = "quick-none quick-none quick-unjailed";
const QUICK_BOOT: &str = "quick-unjailed quick-unjailed";
const QUICK_LOADED_LATE: &Column = &column("late, nobody jailed", Module::Late, 2);

/// The command that makes the report.
const COMMAND: &str = "make bench";

/// A column of the tables: its title, its boot, and its place in that boot.
struct Column {
    title: &'static str,
    module: Module,
    number: usize,
}

const fn column(title: &'static str, module: Module, number: usize) -> Column {
    Column { title, module, number }
}

const NONE: &Column = &column("no module", Module::Late, 1);
const NONE_AGAIN: &Column = &column("no module, again", Module::Late, 7);
const AT_BOOT: &Column = &column("at boot, nobody jailed", Module::Boot, 1);
const AT_BOOT_AGAIN: &Column = &column("at boot, again", Module::Boot, 2);
const LOADED_LATE: &Column = &column("late, nobody jailed", Module::Late, 3);
const NATIVE: &Column = &column("native jail", Module::Late, 2);
const RJAIL_BOOT: &Column = &column("rjail, at boot", Module::Boot, 3);
const RJAIL_LATE: &Column = &column("rjail, late", Module::Late, 4);
const PROCESSES: &Column = &column("rjail, 1,000 other processes", Module::Boot, 4);
const JAILS_BOOT: &Column = &column("rjail, 1,000 other jails", Module::Boot, 5);
const JAILS_LATE: &Column = &column("rjail, late, 1,000 other jails", Module::Late, 6);
const LOAD: &Column = &column("load", Module::Late, 8);
const OUTSIDE_BOOT: &Column = &column("outside, a jail at boot", Module::Boot, 6);
const OUTSIDE_LATE: &Column = &column("outside, a jail late", Module::Late, 5);
const MULTITUDE: &Column = &column("rjail, 10,000 other jails", Module::Boot, 7);

/// What was measured at each column.
const FIGURES: &[&Column] =
    &[NONE, AT_BOOT, LOADED_LATE, NATIVE, RJAIL_BOOT, RJAIL_LATE, OUTSIDE_BOOT, OUTSIDE_LATE];

/// The dots of the picture.
const SERIES: [&Column; 5] = [LOADED_LATE, OUTSIDE_BOOT, NATIVE, RJAIL_BOOT, RJAIL_LATE];

/// A column against another, and what it may be.
struct Ratio {
    title: &'static str,
    of: &'static Column,
    to: &'static Column,
    target: Option<f64>,
    /// Rows that the target does not speak of.
    except: &'static [&'static str],
}

const RATIOS: &[Ratio] = &[
    Ratio { title: "at boot / no module", of: AT_BOOT, to: NONE, target: Some(1.01), except: &[] },
    Ratio { title: "late / no module", of: LOADED_LATE, to: NONE, target: Some(1.02), except: &[] },
    Ratio { title: "native / no module", of: NATIVE, to: NONE, target: None, except: &[] },
    Ratio {
        title: "rjail at boot / native",
        of: RJAIL_BOOT,
        to: NATIVE,
        target: Some(1.02),
        except: &[],
    },
    Ratio {
        title: "rjail late / native",
        of: RJAIL_LATE,
        to: NATIVE,
        target: Some(1.02),
        except: &[],
    },
    Ratio {
        title: "1,000 other jails / none",
        of: JAILS_BOOT,
        to: RJAIL_BOOT,
        target: Some(1.02),
        except: &[LISTING],
    },
    Ratio {
        title: "the same, late",
        of: JAILS_LATE,
        to: RJAIL_LATE,
        target: Some(1.02),
        except: &[LISTING],
    },
    Ratio {
        title: "10,000 other jails / none",
        of: MULTITUDE,
        to: RJAIL_BOOT,
        target: Some(1.02),
        except: &[LISTING],
    },
    Ratio {
        title: "1,000 other processes / none",
        of: PROCESSES,
        to: RJAIL_BOOT,
        target: None,
        except: &[],
    },
    Ratio {
        title: "outside, a jail at boot / no module",
        of: OUTSIDE_BOOT,
        to: NONE,
        target: None,
        except: &[],
    },
    Ratio {
        title: "outside, a jail late / no module",
        of: OUTSIDE_LATE,
        to: NONE,
        target: None,
        except: &[],
    },
    Ratio { title: "no module, again", of: NONE_AGAIN, to: NONE, target: None, except: &[] },
    Ratio { title: "at boot, again", of: AT_BOOT_AGAIN, to: AT_BOOT, target: None, except: &[] },
];

const LOOP: &str = "nothing";
const LISTING: &str = "kern.proc of all";
const ENTER: &str = "fork, enter, exit, wait";
const ENTER_FIRST: &str = "fork, enter, exit, wait, first jail";
const STAY: &str = "fork, exit, wait, outside";
const LOADING: &str = "module load and unload";
/// Entering against a native jail's, each above a plain fork and exit.
const ENTER_TARGET: f64 = 1.0 / 8.0;
/// Most bytes of a jail beside the kernel's `struct prison`.
const MEMORY_TARGET: f64 = 512.0;

/// One operation at one column.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    operation: String,
    times: f64,
    /// Instructions of each batch, in order of size.
    batches: Vec<f64>,
}

/// What an operation costs, in instructions, and how far the middle half of the
/// batches lies apart, as a part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figure {
    cost: f64,
    spread: f64,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ±{:.1} %", thousands(self.cost), self.spread * 100.0 / 2.0)
    }
}

impl Row {
    /// `<column> <times> <count>,<count>,... <operation>`.
    fn parse(words: &str) -> Option<(usize, Self)> {
        let mut words = words.splitn(4, ' ');
        let column = words.next()?.parse().ok()?;
        let times: u32 = words.next()?.parse().ok()?;
        let batches = words.next()?.split_terminator(',');
        let mut batches = batches.map(|b| b.parse().ok()).collect::<Option<Vec<f64>>>()?;
        batches.sort_by(f64::total_cmp);
        let operation = words.next()?.to_owned();
        (!batches.is_empty()).then_some((column, Self { operation, times: times.into(), batches }))
    }

    /// Without what the loop itself costs each time.
    fn figure(&self, each: f64) -> Figure {
        let quarter = self.batches.len() / 4;
        let (low, high) = (self.batches[quarter], self.batches[self.batches.len() - 1 - quarter]);
        let middle = self.batches[self.batches.len() / 2];
        Figure { cost: middle / self.times - each, spread: (high - low) / middle }
    }
}

/// All that was measured.
struct Measured {
    late: Vec<Vec<Row>>,
    boot: Vec<Vec<Row>>,
    kernel: String,
    /// What [`measured_by`] said.
    by: Vec<String>,
    /// Instructions of a loop; what the counter, and the kernel's clock, made of it.
    clock: [u64; 4],
    /// Of so many jails: pieces and bytes of the module's own, and of prisons.
    memory: Vec<[u64; 5]>,
}

impl Measured {
    fn of(results: &Results) -> Result<Self> {
        let mut measured = Self {
            late: Vec::new(),
            boot: Vec::new(),
            kernel: String::new(),
            by: Vec::new(),
            clock: [0; 4],
            memory: Vec::new(),
        };
        for run in &results.runs {
            measured.by.clear();
            if !run.complaints.is_empty() || run.tests.iter().any(|test| !test.ok) {
                bail!("a boot went wrong: {}", run.log.display());
            }
            let columns = match run.module {
                Module::Boot => &mut measured.boot,
                _ => &mut measured.late,
            };
            for line in &run.figures {
                if let Some(kernel) = line.strip_prefix("BENCH-KERNEL ") {
                    kernel.clone_into(&mut measured.kernel);
                } else if let Some(by) = line.strip_prefix(BY) {
                    measured.by.push(by.to_owned());
                } else if let Some(clock) = line.strip_prefix("BENCH-CLOCK ") {
                    measured.clock =
                        numbers(clock).with_context(|| format!("a bad clock: {line}"))?;
                } else if let Some(memory) = line.strip_prefix("BENCH-MEMORY ") {
                    let memory = numbers(memory).with_context(|| format!("no memory: {line}"))?;
                    measured.memory.push(memory);
                } else {
                    let row = line.strip_prefix("BENCH ").and_then(Row::parse);
                    let (column, row) = row.with_context(|| format!("a bad figure: {line}"))?;
                    columns.resize_with(columns.len().max(column + 1), Vec::new);
                    columns[column].push(row);
                }
            }
        }
        Ok(measured)
    }

    fn rows(&self, column: &Column) -> &[Row] {
        let columns = if column.module == Module::Boot { &self.boot } else { &self.late };
        columns.get(column.number).map_or(&[], Vec::as_slice)
    }

    fn figure(&self, column: &Column, operation: &str) -> Option<Figure> {
        let rows = self.rows(column);
        let each =
            rows.iter().find(|row| row.operation == LOOP).map_or(0.0, |row| row.figure(0.0).cost);
        rows.iter().find(|row| row.operation == operation).map(|row| row.figure(each))
    }

    fn quotient(&self, of: &Column, to: &Column, operation: &str) -> Option<f64> {
        Some(self.figure(of, operation)?.cost / self.figure(to, operation)?.cost)
    }

    /// Every operation, in the order of measuring.
    fn operations(&self) -> impl Iterator<Item = &str> {
        let names = self.rows(NATIVE).iter().map(|row| row.operation.as_str());
        names.filter(|name| ![LOOP, STAY].contains(name))
    }

    /// What entering costs above a plain fork and exit.
    fn entering(&self, column: &Column) -> Option<f64> {
        Some(self.figure(column, ENTER)?.cost - self.figure(column, STAY)?.cost)
    }
}

/// As many numbers as are wanted.
fn numbers<const N: usize>(words: &str) -> Option<[u64; N]> {
    let words: Option<Vec<u64>> = words.split(' ').map(|word| word.parse().ok()).collect();
    words?.try_into().ok()
}

/// What a jail takes of memory, beside processes and credentials.
fn memory_table(measured: &Measured, verdicts: &mut Verdicts) -> String {
    let rows: Vec<Vec<String>> = measured
        .memory
        .iter()
        .filter(|[jails, ..]| *jails >= 1000)
        .map(|numbers| {
            let [jails, pieces, bytes, prisons, prison_bytes] = numbers.map(float);
            let each = bytes / jails;
            let met = each <= MEMORY_TARGET;
            verdicts.add(Some(met));
            let verdict = if met { "met" } else { "**missed**" };
            vec![
                thousands(jails),
                format!("{each:.0} {verdict}"),
                format!("{:.1}", pieces / jails),
                format!("{:.0}", prison_bytes / jails),
                format!("{:.1}", prisons / jails),
            ]
        })
        .collect();
    let head = ["jails", "bytes of each", "pieces", "bytes of `struct prison`", "pieces"];
    format!(
        "\n### Memory\n\nAs malloc(9) rounds it; target: at most {MEMORY_TARGET} bytes beside \
         the kernel's `struct prison`.\n\n{}",
        table(&head, &rows)
    )
}

/// A ratio, and whether it is what it should be.
fn verdict(ratio: f64, target: Option<f64>) -> (String, Option<bool>) {
    match target {
        None => (format!("{ratio:.3}"), None),
        Some(target) if ratio <= target => (format!("{ratio:.3} met"), Some(true)),
        Some(_) => (format!("{ratio:.3} **missed**"), Some(false)),
    }
}

/// A table in Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|{}\n", head.join(" | "), "---:|".repeat(head.len() - 1));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// How many targets were met, and how many were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// As they should be.
    pub met: usize,
    /// Not so.
    pub missed: usize,
}

impl Verdicts {
    fn add(&mut self, met: Option<bool>) {
        match met {
            Some(true) => self.met += 1,
            Some(false) => self.missed += 1,
            None => {}
        }
    }
}

/// The figures, the ratios with their verdicts, and entering.
fn tables(measured: &Measured) -> (String, Verdicts) {
    let mut verdicts = Verdicts::default();
    let none = || "–".to_owned();
    let figures: Vec<Vec<String>> = measured
        .operations()
        .map(|operation| {
            let cells = FIGURES.iter().map(|column| {
                measured.figure(column, operation).map_or_else(none, |figure| figure.to_string())
            });
            std::iter::once(operation.to_owned()).chain(cells).collect()
        })
        .collect();
    let ratios: Vec<Vec<String>> = measured
        .operations()
        .filter(|operation| *operation != ENTER)
        .map(|operation| {
            let cells = RATIOS.iter().map(|ratio| {
                let target = ratio.target.filter(|_| !ratio.except.contains(&operation));
                measured.quotient(ratio.of, ratio.to, operation).map_or_else(none, |value| {
                    let (text, met) = verdict(value, target);
                    verdicts.add(met);
                    text
                })
            });
            std::iter::once(operation.to_owned()).chain(cells).collect()
        })
        .collect();
    let native = measured.entering(NATIVE);
    let entering: Vec<Vec<String>> = [NATIVE, RJAIL_BOOT, RJAIL_LATE, JAILS_BOOT, MULTITUDE]
        .iter()
        .filter_map(|column| {
            let (cost, native) = (measured.entering(column)?, native?);
            let target = (column.title != NATIVE.title).then_some(ENTER_TARGET);
            let (text, met) = verdict(cost / native, target);
            verdicts.add(met);
            Some(vec![column.title.to_owned(), thousands(cost), text])
        })
        .collect();

    let mut text = String::from("### Instructions\n\n");
    let titles = |first, rest: &[&'static str]| [&[first], rest].concat();
    let columns: Vec<_> = FIGURES.iter().map(|column| column.title).collect();
    text.push_str(&table(&titles("operation", &columns), &figures));
    if let Some(load) = measured.figure(LOAD, LOADING) {
        let _ = writeln!(text, "\nLoading the module late and unloading it again: {load}.");
    }
    text.push_str("\n### Ratios\n\nTargets: ");
    let targets: Vec<String> = RATIOS
        .iter()
        .filter_map(|ratio| Some(format!("{} at most {:.2}", ratio.title, ratio.target?)))
        .collect();
    let _ = writeln!(text, "{}.\n", targets.join(", "));
    let columns: Vec<_> = RATIOS.iter().map(|ratio| ratio.title).collect();
    text.push_str(&table(&titles("operation", &columns), &ratios));
    let _ = writeln!(
        text,
        "\n### Entering a jail and its end\n\nAbove a plain fork, exit and wait; target: at most \
         {ENTER_TARGET} of a native jail's.\n"
    );
    let head = ["jail", "instructions", "of native"];
    text.push_str(&table(&head, &entering));
    if let Some(late) = measured.figure(RJAIL_LATE, ENTER_FIRST) {
        let _ = writeln!(
            text,
            "\nThe first jail, which has the policy registered: {late} with a fork, exit and wait. \
             (Loaded at boot, the policy is registered once.)"
        );
    }
    text.push_str(&memory_table(measured, &mut verdicts));
    let _ = writeln!(text, "\n{} targets met, {} missed.", verdicts.met, verdicts.missed);
    (text, verdicts)
}

fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Measures, and keeps what was measured.
pub fn measure(options: &run::Options) -> Result<()> {
    let results = boot(options, [LATE, BOOT])?;
    results.write(&needs::target().join("bench.json"))
}

/// Measures a little; what costs more than it may where nobody is jailed, and how
/// many figures were looked at.
pub fn check(options: &run::Options) -> Result<(usize, Vec<String>)> {
    let measured = Measured::of(&boot(options, [QUICK_LATE, QUICK_BOOT])?)?;
    let (mut looked, mut dear) = (0, Vec::new());
    for (of, most) in [(AT_BOOT, 1.01), (QUICK_LOADED_LATE, 1.02)] {
        for row in measured.rows(NONE).iter().filter(|row| row.operation != LOOP) {
            let ratio = measured.quotient(of, NONE, &row.operation);
            let ratio = ratio.with_context(|| format!("{}: no {}", of.title, row.operation))?;
            looked += 1;
            println!("{}: {}: {ratio:.3}", of.title, row.operation);
            if ratio > most {
                dear.push(format!("{}: {}: {ratio:.3}, over {most}", of.title, row.operation));
            }
        }
    }
    if looked == 0 {
        bail!("nothing was measured");
    }
    Ok((looked, dear))
}

fn boot(options: &run::Options, columns: [&'static str; 2]) -> Result<Results> {
    let programs = Programs::without_tool()?;
    let boot = |(module, columns): (Module, _)| {
        let prefix = format!("{:<4} | ", module.name());
        let options = run::Options { columns: Some(columns), prefix, ..options.clone() };
        let mut run = run::boot(&options, &programs, Kernel::Generic, module)?;
        let by = measured_by();
        run.figures.extend(by.iter().map(|(what, value)| format!("{BY}{what}: {value}")));
        Ok(run)
    };
    // What is counted is instructions: another machine beside it changes nothing.
    let boots = [Module::Late, Module::Boot].into_par_iter().zip(columns.into_par_iter());
    Ok(Results { runs: boots.map(boot).collect::<Result<_>>()? })
}

/// Makes the report of the last measurement, and prints it.
pub fn report() -> Result<Verdicts> {
    let file = needs::target().join("bench.json");
    let measured = Measured::of(&Results::read(&file)?)?;
    let (tables, verdicts) = tables(&measured);
    let conditions = conditions(&measured);
    let docs = needs::repository().join("docs");
    let listed: String = conditions.iter().map(|condition| format!("- {condition}\n")).collect();
    put(&docs.join("cost.md"), &format!("{listed}\n{tables}"))?;
    // What only a jail has cannot be held against no module.
    let rows: Vec<&str> =
        measured.operations().filter(|row| measured.figure(NONE, row).is_some()).collect();
    let series = SERIES.map(|column| plot::Series {
        title: column.title,
        values: rows.iter().map(|row| measured.quotient(column, NONE, row)).collect(),
    });
    let title = "Instructions, against a kernel without the module";
    let svg = plot::draw(title, &conditions[..conditions.len() - 1], &rows, &series)?;
    let comment = format!("<!-- SPDX-License-Identifier: BSD-2-Clause -->\n<!-- {COMMAND} -->\n");
    fs::write(docs.join("cost.svg"), comment + &svg).context("cannot write docs/cost.svg")?;
    print!("{tables}");
    Ok(verdicts)
}

/// A line of the results that the harness adds.
const BY: &str = "BENCH-BY ";

/// What measures, which is not the same any more when the report is made anew.
fn measured_by() -> [(&'static str, String); 4] {
    let said = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(needs::repository()).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
        text.unwrap_or_default().lines().next().unwrap_or("?").to_owned()
    };
    let commit = said("git", &["describe", "--always", "--dirty"]);
    [
        ("date", humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
        ("rjail", format!("{}, {commit}", env!("CARGO_PKG_VERSION"))),
        ("machine", said(Vmm::Qemu.program(), &["--version"])),
        ("compiler", said("rustc", &["--version"])),
    ]
}

/// What the figures hold for.
fn conditions(measured: &Measured) -> Vec<String> {
    let [known, counted, nanoseconds, least] = measured.clock;
    let mut all = vec![format!("command: `{COMMAND}`")];
    all.extend(measured.by.iter().cloned());
    all.push(format!("kernel: {}", measured.kernel));
    all.push(format!(
        "counter: a loop of {} instructions counts {}, and {} ns by the kernel's clock; two \
         readings in a row are {least} apart",
        thousands(float(known)),
        thousands(float(counted)),
        thousands(float(nanoseconds))
    ));
    all
}

fn float(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

const BEGIN: &str = "<!-- begin: make bench writes from here -->\n";
const END: &str = "<!-- end -->\n";

/// Puts the text between the marks of a file; what people wrote around it stays.
fn put(path: &Path, text: &str) -> Result<()> {
    let old =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let marks = old.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        marks.with_context(|| format!("{} has lost its marks", path.display()))?;
    fs::write(path, format!("{before}{BEGIN}\n{text}\n{END}{after}"))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(counts: &str) -> Row {
        Row::parse(&format!("3 10 {counts} some call")).map(|(_, row)| row).unwrap_or(Row {
            operation: String::new(),
            times: 0.0,
            batches: Vec::new(),
        })
    }

    #[test]
    fn a_figure_is_the_middle_without_the_loop() {
        // One batch was hit by something else.
        let figure = row("1020,1000,1010,90000,1030,").figure(2.0);
        assert_eq!(figure.cost, 100.0);
        assert!(figure.spread < 0.03, "{figure:?}");
    }

    #[test]
    fn a_line_that_is_cut_off_is_no_row() {
        for line in ["", "3", "3 10", "3 10 1,2", "3 10 1,x, call", "3 10 , call"] {
            assert_eq!(Row::parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_target_is_met_up_to_its_number() {
        assert_eq!(verdict(1.01, Some(1.01)), ("1.010 met".to_owned(), Some(true)));
        assert_eq!(verdict(1.02, Some(1.01)), ("1.020 **missed**".to_owned(), Some(false)));
        assert_eq!(verdict(2.0, None).1, None);
    }

    #[test]
    fn columns_are_where_the_orders_put_them() {
        let words = |column: &Column| {
            let orders = if column.module == Module::Boot { BOOT } else { LATE };
            orders.split(' ').nth(column.number).unwrap_or_default()
        };
        for column in [NONE, NONE_AGAIN] {
            assert_eq!(words(column), "none");
        }
        for column in [AT_BOOT, AT_BOOT_AGAIN, LOADED_LATE] {
            assert_eq!(words(column), "unjailed");
        }
        for column in [RJAIL_BOOT, RJAIL_LATE] {
            assert_eq!(words(column), "rjail");
        }
        for column in [JAILS_BOOT, JAILS_LATE] {
            assert_eq!(words(column), "rjail-and-jails");
        }
        assert_eq!(words(PROCESSES), "rjail-and-processes");
        assert_eq!(words(NATIVE), "native");
        assert_eq!(words(LOAD), "load");
        assert_eq!([OUTSIDE_BOOT, OUTSIDE_LATE].map(words), ["outside-and-jail"; 2]);
        assert_eq!(words(MULTITUDE), "rjail-and-10000");
        assert_eq!(QUICK_BOOT.split(' ').nth(AT_BOOT.number), Some("quick-unjailed"));
        assert_eq!(QUICK_LATE.split(' ').nth(QUICK_LOADED_LATE.number), Some("quick-unjailed"));
        assert_eq!(QUICK_LATE.split(' ').nth(NONE.number), Some("quick-none"));
        // The kernel environment takes no more.
        assert!(LATE.len() < 128 && BOOT.len() < 128);
    }

    #[test]
    fn memory_is_held_against_its_target() {
        let memory = |jails, bytes| {
            let measured = Measured {
                late: Vec::new(),
                boot: Vec::new(),
                kernel: String::new(),
                by: Vec::new(),
                clock: [0; 4],
                memory: vec![[jails, jails, bytes, jails, jails]],
            };
            let mut verdicts = Verdicts::default();
            let text = memory_table(&measured, &mut verdicts);
            (text, verdicts)
        };
        let (text, verdicts) = memory(1000, 512_000);
        assert!(text.contains("| 1,000 | 512 met |"), "{text}");
        assert_eq!(verdicts, Verdicts { met: 1, missed: 0 });
        assert_eq!(memory(1000, 512_501).1, Verdicts { met: 0, missed: 1 });
        assert_eq!(memory(1, 4096).1, Verdicts::default(), "one says nothing");
    }

    #[test]
    fn numbers_are_read_in_threes() {
        assert_eq!(thousands(7.4), "7");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }

    #[test]
    fn what_people_wrote_stays() -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), format!("before\n{BEGIN}old{END}after\n"))?;
        put(file.path(), "new")?;
        let text = fs::read_to_string(file.path())?;
        assert_eq!(text, format!("before\n{BEGIN}\nnew\n{END}after\n"));
        fs::write(file.path(), "no marks")?;
        assert!(put(file.path(), "new").is_err());
        Ok(())
    }
}
