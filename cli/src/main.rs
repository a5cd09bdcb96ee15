// SPDX-License-Identifier: BSD-2-Clause
//! rjail(8): its command line.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rjail_cli::ledger::Ledger;
use rjail_cli::{kernel, page};
use serde::Serialize;

/// Jails of the module rjail.
#[derive(Debug, Parser)]
#[command(name = "rjail", version, about)]
struct Cli {
    /// For programs: JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What root in a jail may do, privilege by privilege, and why.
    Privileges,
    /// What jails did with their privileges: used, denied, granted but never used.
    Ledger {
        /// The number of one jail; all of them, unless given.
        jid: Option<i64>,
    },
}

/// Why the tool stops, and with which exit status of sysexits(3).
struct Failure {
    status: u8,
    message: String,
}

const EX_USAGE: u8 = 64;
const EX_DATAERR: u8 = 65;
const EX_UNAVAILABLE: u8 = 69;
const EX_OSERR: u8 = 71;
const EX_IOERR: u8 = 74;
const EX_NOPERM: u8 = 77;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // To standard error when it is one, else help or version.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EX_USAGE } else { 0 });
        }
    };
    let done = match &cli.command {
        Command::Privileges if cli.json => print_json(&page::rows()),
        Command::Privileges => print(page::Page),
        Command::Ledger { jid } => ledger(*jid, cli.json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rjail: {}", failure.message);
            ExitCode::from(failure.status)
        }
    }
}

fn ledger(jid: Option<i64>, json: bool) -> Result<(), Failure> {
    let jails = match jid {
        Some(jid) => kernel::get(jid, abi::THIS).map(|jail| vec![jail]),
        None => kernel::all(),
    };
    let jails = jails.map_err(|error| Failure::of(&error, jid))?;
    let ledgers: Vec<Ledger> = jails.iter().map(|(info, rows)| Ledger::new(info, rows)).collect();
    if json {
        return print_json(&ledgers);
    }
    if ledgers.is_empty() {
        return print("no jail\n");
    }
    ledgers.iter().try_for_each(print)
}

fn print(what: impl fmt::Display) -> Result<(), Failure> {
    write_out(|out| write!(out, "{what}"))
}

fn print_json(what: &impl Serialize) -> Result<(), Failure> {
    write_out(|out| {
        serde_json::to_writer_pretty(&mut *out, what)?;
        writeln!(out)
    })
}

fn write_out(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        // Whoever reads has seen enough: `rjail privileges | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure { status: EX_IOERR, message: format!("writing: {error}") }),
        Ok(()) => Ok(()),
    }
}

impl Failure {
    fn of(error: &io::Error, jid: Option<i64>) -> Self {
        let (status, message) = match (error.kind(), jid) {
            _ if kernel::is_absent(error) => (
                EX_UNAVAILABLE,
                "the module rjail is not in this kernel: `kldload rjail` on FreeBSD".to_owned(),
            ),
            (io::ErrorKind::NotFound, Some(jid)) => {
                (EX_DATAERR, format!("jail {jid}: no such jail; `rjail ledger` shows all"))
            }
            (io::ErrorKind::InvalidInput, Some(jid)) => {
                (EX_DATAERR, format!("jail {jid}: jails have positive numbers"))
            }
            (io::ErrorKind::PermissionDenied, _) => {
                (EX_NOPERM, "inside a jail nobody reads its ledger: ask outside".to_owned())
            }
            _ => (EX_OSERR, format!("rjail_get(2): {error}")),
        };
        Self { status, message }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, EX_DATAERR, EX_NOPERM, EX_OSERR, EX_UNAVAILABLE, Failure, io};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn errors_say_what_to_do() {
        let of = |kind: io::ErrorKind, jid| Failure::of(&io::Error::from(kind), jid);
        let absent = of(io::ErrorKind::Unsupported, None);
        assert_eq!(absent.status, EX_UNAVAILABLE);
        assert!(absent.message.contains("kldload rjail"));
        let missing = of(io::ErrorKind::NotFound, Some(7));
        assert_eq!(missing.status, EX_DATAERR);
        assert!(missing.message.starts_with("jail 7: no such jail"));
        assert_eq!(of(io::ErrorKind::InvalidInput, Some(-1)).status, EX_DATAERR);
        assert_eq!(of(io::ErrorKind::PermissionDenied, None).status, EX_NOPERM);
        assert_eq!(of(io::ErrorKind::OutOfMemory, None).status, EX_OSERR);
    }
}
