// SPDX-License-Identifier: BSD-2-Clause
//! rjail(8)'s command line, from words to what is done.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::failure::{
    EX_CONFIG, EX_DATAERR, EX_IOERR, EX_OSERR, EX_UNAVAILABLE, EX_USAGE, Failure,
};
use crate::kernel::{Described, Kernel, Place, Program, RunAs, all};
use crate::ledger::Ledger;
use crate::life::{self, Made};
use crate::order::{self, Before, Outcome};
use crate::parameter::{Command as Words, Jail, Settings};
use crate::record::Records;
use crate::show::{Information, Jails, List, Settled, Shown};
use crate::{config, page, signal};

/// Jails of the module rjail.
///
/// Also, as in the paper: rjail PATH HOSTNAME IP[,IP...] COMMAND [ARGUMENT ...]
#[derive(Debug, Parser)]
#[command(name = "rjail", version, about, allow_external_subcommands = true)]
pub struct Cli {
    /// For programs: JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// The jails of this machine: rjail.conf(5).
    #[arg(short = 'f', long, value_name = "FILE", default_value = "/usr/local/etc/rjail.conf")]
    config: PathBuf,
    /// Where names of jails are kept.
    #[arg(long, value_name = "DIRECTORY", default_value = "/var/run/rjail")]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a jail and start it: [NAME] PARAMETER=VALUE ... [command=PROGRAM ...].
    Create {
        /// A name, parameters, and command= with all that follows it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<String>,
    },
    /// Run a program in a jail, from outside it.
    Exec(Exec),
    /// Start jails of the configuration file, in the order they depend on each other.
    Start(Many),
    /// Stop jails: their script, SIGTERM, SIGKILL.
    #[command(visible_alias = "remove")]
    Stop(Many),
    /// All jails, a line each.
    List,
    /// What describes a jail.
    Show {
        /// Its number or name.
        jail: String,
    },
    /// Send a signal to every process of a jail; to none that it forks meanwhile
    /// escapes.
    Kill {
        /// TERM, unless given.
        #[arg(short, long, default_value = "TERM")]
        signal: String,
        /// With SIGKILL, and let nobody in any more; wait until it is empty.
        #[arg(long, conflicts_with = "signal")]
        close: bool,
        /// Its number or name.
        jail: String,
    },
    /// Could root in a jail use these privileges, and why (not)?
    Why {
        /// Its number or name.
        jail: String,
        /// As sys/priv.h names them.
        #[arg(required = true)]
        privileges: Vec<String>,
    },
    /// What root in a jail may do, privilege by privilege, and why.
    Privileges,
    /// What jails did with their privileges: used, denied, granted but never used.
    Ledger {
        /// The number or name of one jail; all of them, unless given.
        jail: Option<String>,
    },
    /// PATH HOSTNAME IP[,IP...] COMMAND [ARGUMENT ...]
    #[command(external_subcommand)]
    Paper(Vec<OsString>),
}

#[derive(Debug, Args)]
struct Exec {
    /// As this user of the machine's passwd(5); as root, unless given.
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// As this user of the jail's own passwd(5).
    #[arg(short = 'U', long, value_name = "USER", conflicts_with = "user")]
    jail_user: Option<String>,
    /// With HOME, SHELL, TERM, PATH and USER as the whole environment.
    #[arg(short = 'l', long)]
    clean: bool,
    /// Its number or name.
    jail: String,
    /// The program and its arguments; /bin/sh, unless given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct Many {
    /// So many at once; one for each processor, unless given.
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<std::num::NonZeroUsize>,
    /// This one alone, whatever it depends on.
    #[arg(long, hide = true)]
    only: bool,
    /// Names; all of them, unless given.
    jails: Vec<String>,
}

/// Runs a command line, the program's name first. Gives its exit status.
pub fn run(
    words: impl IntoIterator<Item = OsString>,
    kernel: &mut dyn Kernel,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            // To standard error when it is one, else help or version.
            let text = error.render();
            if error.use_stderr() {
                let _ = write!(err, "{text}");
                return EX_USAGE;
            }
            let _ = write!(out, "{text}");
            return 0;
        }
    };
    let records = Records::at(&cli.state);
    let mut tool = Tool { cli: &cli, kernel, records, out, err };
    match tool.run() {
        Ok(status) => status,
        Err(failure) => {
            let _ = writeln!(tool.err, "rjail: {}", failure.message);
            failure.status
        }
    }
}

struct Tool<'a> {
    cli: &'a Cli,
    kernel: &'a mut dyn Kernel,
    records: Records,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// A jail that was named on the command line.
struct Which {
    jid: i64,
    name: Option<String>,
}

impl Which {
    fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("jail {}", self.jid))
    }
}

impl Tool<'_> {
    fn run(&mut self) -> Result<u8, Failure> {
        match &self.cli.command {
            Command::Create { words } => self.create(words),
            Command::Exec(exec) => self.exec(exec),
            Command::Start(many) => self.start(many),
            Command::Stop(many) => self.stop(many),
            Command::List => self.list(),
            Command::Show { jail } => self.show(jail),
            Command::Kill { signal, close, jail } => self.kill(signal, *close, jail),
            Command::Why { jail, privileges } => self.why(jail, privileges),
            Command::Privileges if self.cli.json => self.json(&page::rows()).map(|()| 0),
            Command::Privileges => self.say(page::Page).map(|()| 0),
            Command::Ledger { jail } => self.ledger(jail.as_deref()),
            Command::Paper(words) => self.paper(words),
        }
    }

    fn create(&mut self, words: &[String]) -> Result<u8, Failure> {
        let wrong = |wrong: crate::parameter::Wrong| Failure::new(EX_DATAERR, wrong.to_string());
        let (mut jail, mut before) = (Jail::default(), Settings::new());
        let mut command = None;
        for (at, word) in words.iter().enumerate() {
            if let Some(program) = word.strip_prefix("command=") {
                let rest = words.get(at + 1..).unwrap_or_default().iter().cloned();
                command = Some(Words(std::iter::once(program.to_owned()).chain(rest).collect()));
                break;
            }
            match word.strip_prefix("name=") {
                Some(name) => jail.name = Some(a_name(name)?),
                // A word alone that comes first is a name, unless it is a switch.
                None if at == 0
                    && !word.contains('=')
                    && jail.clone().read(word, &mut Settings::new()).is_err() =>
                {
                    jail.name = Some(a_name(word)?);
                }
                None => jail.read(word, &mut before).map_err(wrong)?,
            }
        }
        self.make(&jail, command)
    }

    fn make(&mut self, jail: &Jail, command: Option<Words>) -> Result<u8, Failure> {
        let made = life::create(self.kernel, &self.records, jail, command);
        let made = match &jail.name {
            Some(name) => made.map_err(|failure| failure.about(name)),
            None => made,
        };
        match made? {
            Made::Ran(ended) => Ok(ended.status()),
            Made::Started(jid) if self.cli.json => {
                #[derive(Serialize)]
                struct Started<'a> {
                    jid: i64,
                    name: Option<&'a str>,
                }
                self.json(&Started { jid, name: jail.name.as_deref() }).map(|()| 0)
            }
            Made::Started(jid) => {
                let name = jail.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                self.say(format_args!("{name}jail {jid}\n")).map(|()| 0)
            }
        }
    }

    fn paper(&mut self, words: &[OsString]) -> Result<u8, Failure> {
        let usage = |text: String| Failure::new(EX_USAGE, text);
        let words: Vec<String> = words
            .iter()
            .map(|word| word.clone().into_string())
            .collect::<Result<_, _>>()
            .map_err(|word| usage(format!("{}: not UTF-8", word.display())))?;
        let (path, rest) = match words.as_slice() {
            [path, rest @ ..] if path.contains('/') || path == "." || path == ".." => (path, rest),
            [other, ..] => {
                return Err(usage(format!(
                    "{other}: no command, nor a path, which has a slash: `rjail --help` lists the \
                     commands"
                )));
            }
            [] => return Err(usage("nothing to do: `rjail --help`".to_owned())),
        };
        let [hostname, addresses, command @ ..] = rest else {
            return Err(usage("PATH HOSTNAME IP[,IP...] COMMAND [ARGUMENT ...]".to_owned()));
        };
        if command.is_empty() {
            return Err(usage(format!("no command: what is to run in {path}?")));
        }
        let mut jail = Jail::default();
        let (ip6, ip4): (Vec<&str>, Vec<&str>) =
            addresses.split(',').partition(|address| address.contains(':'));
        let (ip4, ip6) = (ip4.join(","), ip6.join(","));
        for (name, value) in
            [("path", path), ("host.hostname", hostname), ("ip4.addr", &ip4), ("ip6.addr", &ip6)]
        {
            jail.set(name, Some(std::slice::from_ref(value)))
                .map_err(|wrong| Failure::new(EX_DATAERR, wrong.to_string()))?;
        }
        let wanted = life::wanted(self.kernel, &jail)?;
        let program = Program {
            command: Words(command.to_vec()),
            usual: false,
            user: None,
            clean: false,
            log: None,
        };
        match self.kernel.run(Place::New(&wanted), &program, false) {
            Ok(ended) => Ok(ended.status()),
            Err(refused) if refused.stage == crate::kernel::Stage::Enter => {
                Err(Failure::making(&refused.error, &wanted))
            }
            Err(refused) => Err(Failure::running(&refused, &command[0], &program)),
        }
    }

    fn exec(&mut self, exec: &Exec) -> Result<u8, Failure> {
        let which = self.which(&exec.jail)?;
        let shell = || vec!["/bin/sh".to_owned()];
        let command = if exec.command.is_empty() { shell() } else { exec.command.clone() };
        let what = command.first().cloned().unwrap_or_default();
        let whom = |name: &Option<String>, system| name.clone().map(|name| RunAs { name, system });
        let program = Program {
            command: Words(command),
            usual: false,
            user: whom(&exec.user, true).or_else(|| whom(&exec.jail_user, false)),
            clean: exec.clean,
            log: None,
        };
        match self.kernel.run(Place::Jail(which.jid), &program, false) {
            Ok(ended) => Ok(ended.status()),
            Err(refused) => Err(Failure::running(&refused, &what, &program).about(&which.label())),
        }
    }

    fn configured(&self) -> Result<BTreeMap<String, Jail>, Failure> {
        let path = &self.cli.config;
        let bad = |what: String| Failure::new(EX_CONFIG, format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        config::read(&text).map_err(bad)
    }

    fn start(&mut self, many: &Many) -> Result<u8, Failure> {
        let configured = self.configured()?;
        let known = |name: &String| {
            configured.get(name).ok_or_else(|| {
                let file = self.cli.config.display();
                Failure::new(EX_DATAERR, format!("{name}: no such jail in {file}"))
            })
        };
        if let ([name], true) = (many.jails.as_slice(), many.only) {
            let jail = known(name)?.clone();
            return self.make(&jail, None);
        }
        let named: Vec<String> = if many.jails.is_empty() {
            configured.keys().cloned().collect()
        } else {
            many.jails
                .iter()
                .map(|name| known(name).map(|_| name.clone()))
                .collect::<Result<_, _>>()?
        };
        let before: Before = configured
            .iter()
            .map(|(name, jail)| (name.clone(), jail.depend.iter().cloned().collect()))
            .collect();
        let mut wanted = order::closure(&before, &named);
        if let Some(circle) = order::circle(&wanted) {
            let circle = [circle.as_slice(), &circle[..1]].concat().join(" -> ");
            let text = format!("depend: {circle} wait for each other: leave one of these out");
            return Err(Failure::new(EX_CONFIG, text));
        }
        for name in wanted.keys().cloned().collect::<Vec<_>>() {
            if let Some(record) = self.records.find(self.kernel, &name)? {
                wanted.remove(&name);
                if named.contains(&name) {
                    self.say(format_args!("{name}: jail {}, running\n", record.jid))?;
                }
            }
        }
        self.work(many, &wanted, "start", false)
    }

    fn stop(&mut self, many: &Many) -> Result<u8, Failure> {
        if let ([name], true) = (many.jails.as_slice(), many.only) {
            return self.stop_one(name);
        }
        let mut before = Before::new();
        for (name, record) in self.records.all(self.kernel)? {
            before.insert(name, record.depend.into_iter().collect());
        }
        let mut named = Vec::new();
        for jail in &many.jails {
            if before.contains_key(jail) {
                named.push(jail.clone());
            } else if jail.parse::<i64>().is_ok() {
                let which = self.which(jail)?;
                self.described(which.jid)?;
                // By its name, if it has one, so that those that need it go first.
                match which.name {
                    Some(name) => named.push(name),
                    None => {
                        before.insert(jail.clone(), Default::default());
                        named.push(jail.clone());
                    }
                }
            } else {
                self.say(format_args!("{jail}: not running\n"))?;
            }
        }
        if many.jails.is_empty() {
            named = before.keys().cloned().collect();
        }
        let wanted = order::closure(&order::reversed(&before), &named);
        self.work(many, &wanted, "stop", true)
    }

    fn stop_one(&mut self, word: &str) -> Result<u8, Failure> {
        let record = self.records.find(self.kernel, word)?;
        let (jid, exec, patience) = match record {
            Some(record) => (record.jid, record.exec, Duration::from_secs(record.stop_timeout)),
            None => {
                let usual = Jail::default();
                (self.which(word)?.jid, usual.exec, usual.stop_timeout)
            }
        };
        let notes =
            life::stop(self.kernel, jid, &exec, patience).map_err(|failure| failure.about(word))?;
        for note in notes {
            let _ = writeln!(self.err, "rjail: {word}: {note}");
        }
        self.records.forget(self.kernel, word);
        Ok(0)
    }

    /// One worker for each; the exit status is that of the first that failed.
    fn work(
        &mut self,
        many: &Many,
        wanted: &Before,
        doing: &str,
        regardless: bool,
    ) -> Result<u8, Failure> {
        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = many.jobs.map_or_else(processors, std::num::NonZero::get);
        let cli = self.cli;
        let arguments = |name: &str| {
            let mut words: Vec<OsString> = vec!["--config".into(), cli.config.clone().into()];
            words.extend(["--state".into(), cli.state.clone().into()]);
            if cli.json {
                words.push("--json".into());
            }
            words.extend([doing.into(), "--only".into(), name.into()]);
            words
        };
        // What the workers say comes after what was said here.
        let _ = self.out.flush();
        let outcomes = order::run(self.kernel, wanted, at_once, regardless, arguments)
            .map_err(|error| Failure::new(EX_OSERR, format!("running rjail {doing}: {error}")))?;
        let mut status = 0;
        for (name, outcome) in &outcomes {
            match outcome {
                Outcome::Done => {}
                Outcome::Failed(failed) if status == 0 => status = *failed,
                Outcome::Failed(_) => {}
                Outcome::Skipped(other) => {
                    let _ = writeln!(self.err, "rjail: {name}: not tried, {other} is missing");
                    if status == 0 {
                        status = EX_UNAVAILABLE;
                    }
                }
            }
        }
        Ok(status)
    }

    /// A jail by number or name.
    fn which(&mut self, word: &str) -> Result<Which, Failure> {
        if let Ok(jid) = word.parse::<i64>() {
            if jid <= 0 {
                let text = format!("jail {jid}: jails have positive numbers");
                return Err(Failure::new(EX_DATAERR, text));
            }
            let named = self.records.all(self.kernel)?;
            let name =
                named.into_iter().find(|(_, record)| record.jid == jid).map(|(name, _)| name);
            return Ok(Which { jid, name });
        }
        match self.records.find(self.kernel, word)? {
            Some(record) => Ok(Which { jid: record.jid, name: Some(word.to_owned()) }),
            None => Err(Failure::no_jail(word)),
        }
    }

    fn described(&mut self, jid: i64) -> Result<Described, Failure> {
        self.kernel.get(jid, abi::THIS).map_err(|error| Failure::asking(&error, Some(jid)))
    }

    fn list(&mut self) -> Result<u8, Failure> {
        let jails = all(self.kernel).map_err(|error| Failure::asking(&error, None))?;
        let names: BTreeMap<i64, String> = self
            .records
            .all(self.kernel)?
            .into_iter()
            .map(|(name, record)| (record.jid, name))
            .collect();
        let shown: Vec<Shown> = jails
            .iter()
            .map(|jail| Shown::new(jail, names.get(&jail.info.jid).map(String::as_str)))
            .collect();
        if self.cli.json {
            return self.json(&Information { jails: Jails { jail: &shown } }).map(|()| 0);
        }
        self.say(List(&shown)).map(|()| 0)
    }

    fn show(&mut self, word: &str) -> Result<u8, Failure> {
        let which = self.which(word)?;
        let shown = Shown::new(&self.described(which.jid)?, which.name.as_deref());
        if self.cli.json {
            return self.json(&shown).map(|()| 0);
        }
        self.say(&shown).map(|()| 0)
    }

    fn kill(&mut self, signal: &str, close: bool, word: &str) -> Result<u8, Failure> {
        let signal = if close {
            signal::KILL
        } else {
            signal::read(signal).map_err(|why| Failure::new(EX_DATAERR, why))?
        };
        let jid = self.which(word)?.jid;
        let close = close.then_some(life::KILL);
        let signalled =
            self.kernel.kill(jid, signal, close).map_err(|error| life::killing(&error, jid))?;
        if self.cli.json {
            #[derive(Serialize)]
            struct Signalled {
                jid: i64,
                signal: i32,
                processes: i64,
            }
            self.json(&Signalled { jid, signal, processes: signalled })?;
        }
        Ok(0)
    }

    /// 0 when all are allowed, 1 when one is not.
    fn why(&mut self, word: &str, privileges: &[String]) -> Result<u8, Failure> {
        let jid = self.which(word)?.jid;
        let mut settled = Vec::new();
        for privilege in privileges {
            let answer = self.kernel.why(jid, privilege).map_err(|error| {
                if error.raw_os_error() == Some(crate::kernel::errno::EINVAL) {
                    let text = format!(
                        "{privilege}: this kernel has no such privilege: `rjail privileges` lists \
                         them"
                    );
                    Failure::new(EX_DATAERR, text)
                } else {
                    Failure::asking(&error, Some(jid))
                }
            })?;
            settled.push(Settled::new(&answer, privilege));
        }
        if self.cli.json {
            self.json(&settled)?;
        } else {
            settled.iter().try_for_each(|settled| self.say(settled))?;
        }
        Ok(u8::from(settled.iter().any(|settled| !settled.allowed)))
    }

    fn ledger(&mut self, word: Option<&str>) -> Result<u8, Failure> {
        let jails = match word {
            Some(word) => {
                let jid = self.which(word)?.jid;
                vec![self.described(jid)?]
            }
            None => all(self.kernel).map_err(|error| Failure::asking(&error, None))?,
        };
        let ledgers: Vec<Ledger> =
            jails.iter().map(|jail| Ledger::new(&jail.info, &jail.ledger)).collect();
        if self.cli.json {
            return self.json(&ledgers).map(|()| 0);
        }
        if ledgers.is_empty() {
            return self.say("no jail\n").map(|()| 0);
        }
        ledgers.iter().try_for_each(|ledger| self.say(ledger)).map(|()| 0)
    }

    fn say(&mut self, what: impl fmt::Display) -> Result<(), Failure> {
        written(write!(self.out, "{what}").and_then(|()| self.out.flush()))
    }

    fn json(&mut self, what: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(what).map_err(io::Error::from);
        written(text.and_then(|text| writeln!(self.out, "{text}")).and_then(|()| self.out.flush()))
    }
}

fn a_name(text: &str) -> Result<String, Failure> {
    crate::parameter::name(text)
        .map_err(|why| Failure::new(EX_DATAERR, format!("name={text}: {why}")))
}

fn written(done: io::Result<()>) -> Result<(), Failure> {
    match done {
        // Whoever reads has seen enough: `rjail privileges | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(EX_IOERR, format!("writing: {error}"))),
        Ok(()) => Ok(()),
    }
}
