// SPDX-License-Identifier: BSD-2-Clause
//! A machine in memory for the tests: jails with processes that end on what they
//! are told to end on, and a clock that only waiting moves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use rjail::privilege::TABLE;

use crate::kernel::{
    Answer, Described, Ended, Held, JailFlags, Kernel, Pid, Place, Program, Refused, Stage, Wanted,
    errno,
};
use crate::{passwd, signal};

/// A process of a jail.
#[derive(Clone, Copy, Debug)]
struct Process {
    /// Signals that end it.
    ends_on: &'static [i32],
    /// When it ends by itself.
    until: Option<Duration>,
}

#[derive(Debug)]
struct Model {
    wanted: Wanted,
    processes: BTreeMap<Pid, Process>,
    holders: u32,
    closed: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Fake {
    jails: BTreeMap<i64, Model>,
    last_jid: i64,
    last_pid: Pid,
    clock: Duration,
    /// Programs of [`Kernel::start`] that have not been waited for.
    running: BTreeMap<Pid, (i64, Ended)>,
    workers: VecDeque<(Pid, Vec<OsString>)>,
    /// What was asked, in order.
    pub log: Vec<String>,
    /// Directories that there are.
    pub directories: BTreeSet<&'static str>,
    /// Files that every jail has.
    pub files: BTreeSet<&'static str>,
    /// No module.
    pub absent: bool,
    /// The caller is not root.
    pub powerless: bool,
    /// Which load of the module it is.
    pub load: u32,
}

fn error<T>(number: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(number))
}

/// In every jail.
const PASSWD: &str = "root:*:0:0::/root:/bin/sh\nwww:*:80:80::/nonexistent:/usr/sbin/nologin\n";
/// The machine's.
const SYSTEM: &str = "root:*:0:0::/root:/bin/sh\nadmin:*:1001:1001::/home/admin:/bin/sh\n";

impl Default for Fake {
    fn default() -> Self {
        Self {
            jails: BTreeMap::new(),
            last_jid: 0,
            last_pid: 100,
            clock: Duration::ZERO,
            running: BTreeMap::new(),
            workers: VecDeque::new(),
            log: Vec::new(),
            directories: ["/jails/www", "/jails/db", "/jails/mail"].into(),
            files: ["/bin/sh"].into(),
            absent: false,
            powerless: false,
            load: 1,
        }
    }
}

impl Fake {
    fn there(&self) -> io::Result<()> {
        if self.absent { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
    }

    fn pid(&mut self) -> Pid {
        self.last_pid += 1;
        self.last_pid
    }

    /// Ends what is over.
    fn settle(&mut self) {
        let now = self.clock;
        for jail in self.jails.values_mut() {
            jail.processes.retain(|_, process| process.until.is_none_or(|until| until > now));
            if jail.closed && jail.processes.is_empty() {
                // The holder sees it and lets go.
                jail.holders = 0;
            }
        }
        self.jails.retain(|_, jail| jail.holders > 0 || !jail.processes.is_empty());
    }

    fn jail(&mut self, jid: i64) -> io::Result<&mut Model> {
        self.there()?;
        self.settle();
        if jid <= 0 {
            return error(errno::EINVAL);
        }
        self.jails.get_mut(&jid).map_or_else(|| error(errno::ENOENT), Ok)
    }

    fn make(&mut self, wanted: &Wanted) -> io::Result<i64> {
        self.there()?;
        if self.powerless {
            return error(errno::EPERM);
        }
        if !self.directories.contains(wanted.jail.path.as_str()) {
            return error(errno::ENOENT);
        }
        self.last_jid += 1;
        let model =
            Model { wanted: wanted.clone(), processes: BTreeMap::new(), holders: 0, closed: false };
        self.jails.insert(self.last_jid, model);
        Ok(self.last_jid)
    }

    /// The program, as a process of the jail, and what it leaves behind.
    fn execute(&mut self, jid: i64, program: &Program) -> Result<(Pid, Ended), Refused> {
        let refused =
            |stage, number| Refused { stage, error: io::Error::from_raw_os_error(number) };
        if self.jail(jid).map_err(|error| Refused { stage: Stage::Enter, error })?.closed {
            return Err(refused(Stage::Enter, errno::ENOENT));
        }
        if let Some(user) = &program.user
            && passwd::find(if user.system { SYSTEM } else { PASSWD }, "", &user.name).is_none()
        {
            return Err(refused(Stage::User, errno::ENOENT));
        }
        if program.log.as_ref().is_some_and(|log| log.starts_with("/jails/")) {
            return Err(refused(Stage::Log, errno::EXDEV));
        }
        let words: Vec<&str> = program.command.0.iter().map(String::as_str).collect();
        let file = |word: &&str| !word.contains('/') || self.files.contains(word);
        if program.usual && !words.iter().all(file) {
            return Err(refused(Stage::Usual, errno::ENOENT));
        }
        let log = program.log.as_ref().map(|log| format!(" > {log}")).unwrap_or_default();
        self.log.push(format!("jail {jid}: {}{log}", words.join(" ")));
        let mut leave = |ends_on: &'static [i32], until| {
            self.last_pid += 1;
            let process = Process { ends_on, until };
            if let Some(jail) = self.jails.get_mut(&jid) {
                jail.processes.insert(self.last_pid, process);
            }
        };
        let both = &[signal::TERM, signal::KILL];
        let ended = match words.as_slice() {
            ["/bin/sh", "/etc/rc"] | ["/bin/service"] => {
                leave(both, None);
                Ended::Exited(0)
            }
            ["/bin/stubborn"] => {
                leave(&[signal::KILL], None);
                Ended::Exited(0)
            }
            ["/bin/undead"] => {
                leave(&[], None);
                Ended::Exited(0)
            }
            ["/bin/true"] => Ended::Exited(0),
            ["/bin/exit", status, ..] => Ended::Exited(status.parse().expect("a status")),
            ["/bin/crash"] => Ended::Killed(11),
            ["/bin/sleep", seconds] => {
                let seconds = seconds.parse().expect("seconds");
                let until = self.clock + Duration::from_secs(seconds);
                leave(both, Some(until));
                let pid = self.last_pid;
                return Ok((pid, Ended::Exited(0)));
            }
            ["/bin/shutdown"] | ["/bin/sh", "/etc/rc.shutdown", "jail"] => {
                self.jail(jid).expect("it was there").processes.clear();
                Ended::Exited(0)
            }
            _ => return Err(refused(Stage::Program, errno::ENOENT)),
        };
        Ok((self.pid(), ended))
    }
}

impl Kernel for Fake {
    fn defaults(&mut self) -> io::Result<JailFlags> {
        self.there().map(|()| JailFlags::SET_HOSTNAME)
    }

    fn identity(&mut self) -> io::Result<String> {
        self.there().map(|()| format!("boot-{}", self.load))
    }

    fn get(&mut self, jid: i64, which: u32) -> io::Result<Described> {
        self.there()?;
        self.settle();
        let jid = if which == abi::NEXT {
            match self.jails.range(jid + 1..).next() {
                Some((jid, _)) => *jid,
                None => return error(errno::ENOENT),
            }
        } else {
            jid
        };
        let model = self.jail(jid)?;
        let jail = &model.wanted.jail;
        let count = u32::try_from(model.processes.len()).expect("few");
        let ledger: Vec<abi::Row> = ["PRIV_NET_RAW", "PRIV_KLD_LOAD"]
            .into_iter()
            .zip([(abi::HELD, 2, 0), (0, 0, 1)])
            .map(|(name, (state, allowed, denied))| {
                let mut row = abi::Row { number: 1, state, allowed, denied, ..abi::Row::default() };
                row.name[..name.len()].copy_from_slice(name.as_bytes());
                row
            })
            .collect();
        Ok(Described {
            info: abi::Info {
                jid,
                flags: model.wanted.flags.bits(),
                lines: 2,
                state: if model.closed { abi::CLOSING } else { abi::ALIVE },
                processes: count,
                descriptors: model.holders,
                credentials: count + 1,
                ..abi::Info::default()
            },
            hostname: jail.hostname().to_owned(),
            path: jail.path.clone(),
            ip4: jail.ip4.clone(),
            ip6: jail.ip6.clone(),
            loopback: jail.loopback,
            ledger,
        })
    }

    fn why(&mut self, jid: i64, privilege: &str) -> io::Result<Answer> {
        self.jail(jid)?;
        let Some(row) = TABLE.iter().find(|row| row.name == privilege) else {
            return error(errno::EINVAL);
        };
        let denied = row.barred.is_some();
        let why = abi::Why {
            jid,
            number: 7,
            allowed: u32::from(!denied),
            line: u32::from(denied),
            by: abi::by::TABLE,
            ..abi::Why::default()
        };
        Ok(Answer { why, text: row.reason.to_owned() })
    }

    fn kill(&mut self, jid: i64, signal: i32, close: Option<Duration>) -> io::Result<i64> {
        if self.powerless {
            return error(errno::EPERM);
        }
        self.log.push(format!(
            "jail {jid}: signal {signal}{}",
            if close.is_some() { ", close" } else { "" }
        ));
        let jail = self.jail(jid)?;
        jail.closed |= close.is_some();
        let signalled = i64::try_from(jail.processes.len()).expect("few");
        jail.processes.retain(|_, process| !process.ends_on.contains(&signal));
        let left = !jail.processes.is_empty();
        match close {
            Some(limit) if left => {
                self.clock += limit;
                error(errno::EWOULDBLOCK)
            }
            _ => Ok(signalled),
        }
    }

    fn hold(&mut self, wanted: &Wanted) -> io::Result<Held> {
        let jid = self.make(wanted)?;
        self.jails.get_mut(&jid).expect("just made").holders = 1;
        Ok(Held { jid, holder: self.pid(), line: -1 })
    }

    fn let_go(&mut self, held: Held, keep: bool) {
        if let (Some(jail), false) = (self.jails.get_mut(&held.jid), keep) {
            jail.holders = 0;
        }
        self.settle();
    }

    fn start(&mut self, jid: i64, program: &Program, _: Option<Duration>) -> Result<Pid, Refused> {
        let (pid, ended) = self.execute(jid, program)?;
        self.running.insert(pid, (jid, ended));
        Ok(pid)
    }

    fn wait(&mut self, pid: Pid, limit: Option<Duration>) -> io::Result<Option<Ended>> {
        let Some((jid, ended)) = self.running.get(&pid).copied() else {
            return error(errno::ESRCH);
        };
        let until = self
            .jails
            .get(&jid)
            .and_then(|jail| jail.processes.get(&pid))
            .and_then(|process| process.until);
        let left = until.map_or(Duration::ZERO, |until| until.saturating_sub(self.clock));
        if limit.is_some_and(|limit| left > limit) {
            self.clock += limit.unwrap_or_default();
            return Ok(None);
        }
        self.clock += left;
        self.running.remove(&pid);
        Ok(Some(ended))
    }

    fn end(&mut self, pid: Pid) {
        self.running.remove(&pid);
        self.jails.values_mut().for_each(|jail| {
            jail.processes.remove(&pid);
        });
    }

    fn run(&mut self, place: Place<'_>, program: &Program, _: bool) -> Result<Ended, Refused> {
        let jid = match place {
            Place::Jail(jid) => jid,
            Place::New(wanted) => {
                let jid =
                    self.make(wanted).map_err(|error| Refused { stage: Stage::Enter, error })?;
                self.log.push(format!("jail {jid}: {:?} {}", wanted.flags, wanted.jail.path));
                self.jails.get_mut(&jid).expect("just made").holders = 1;
                jid
            }
        };
        let ended = self.execute(jid, program).map(|(_, ended)| ended);
        if matches!(place, Place::New(_)) {
            self.jails.get_mut(&jid).expect("made above").holders = 0;
            self.settle();
        }
        ended
    }

    fn pause(&mut self, time: Duration) {
        self.clock += time;
    }

    fn worker(&mut self, arguments: &[OsString]) -> io::Result<Pid> {
        let pid = self.pid();
        self.workers.push_back((pid, arguments.to_vec()));
        Ok(pid)
    }

    /// The oldest one has ended: what it does is done now.
    fn worker_ended(&mut self) -> io::Result<(Pid, Ended)> {
        let Some((pid, arguments)) = self.workers.pop_front() else { return error(errno::ESRCH) };
        let words = std::iter::once(OsString::from("rjail")).chain(arguments);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = crate::command::run(words, self, &mut out, &mut err);
        for text in [out, err] {
            self.log.extend(String::from_utf8_lossy(&text).lines().map(str::to_owned));
        }
        Ok((pid, Ended::Exited(status)))
    }
}
