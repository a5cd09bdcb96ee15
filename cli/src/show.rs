// SPDX-License-Identifier: BSD-2-Clause
//! Jails for people and for programs: `list`, `show`, `why`. JSON has the names
//! that jls(8) gives through libxo, where it has any.

use std::fmt;

use serde::Serialize;

use crate::kernel::{Answer, Described, JailFlags};
use crate::parameter::LOOPBACKS;

/// One jail, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its number.
    pub jid: i64,
    /// What the tool knows it by.
    pub name: Option<String>,
    /// ACTIVE, CLOSING or DYING.
    pub state: &'static str,
    /// How many it has, zombies included.
    pub processes: u32,
    /// Its IPv4 addresses.
    pub ipv4_addrs: Vec<String>,
    /// Its IPv6 addresses.
    pub ipv6_addrs: Vec<String>,
    /// What 127.0.0.1 and `::1` are inside: rewrite, refuse or share.
    pub loopback: &'static str,
    /// Its host name.
    pub hostname: String,
    /// Its root.
    pub path: String,
    /// `allow.*`, those that are on.
    pub allow: Vec<String>,
    /// 0, 1 or 2.
    pub enforce_statfs: i32,
    /// 2, or 1 when the label alone confines it.
    pub lines: u32,
    /// What holds it.
    pub held_by: HeldBy,
}

/// What holds a jail, and how many of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HeldBy {
    /// Descriptors of rjail_hold(2).
    pub descriptors: u32,
    /// Credentials.
    pub credentials: u32,
    /// Files of processes outside; counted while there is no process.
    pub files: u32,
    /// Connections and ports, likewise.
    pub connections: u32,
}

impl Shown {
    /// From what rjail_get(2) gave.
    #[must_use]
    pub fn new(jail: &Described, name: Option<&str>) -> Self {
        let info = &jail.info;
        let flags = JailFlags::from_bits_truncate(info.flags);
        Self {
            jid: info.jid,
            name: name.map(str::to_owned),
            state: match info.state {
                abi::ALIVE => "ACTIVE",
                abi::CLOSING => "CLOSING",
                _ => "DYING",
            },
            processes: info.processes,
            ipv4_addrs: jail.ip4.iter().map(ToString::to_string).collect(),
            ipv6_addrs: jail.ip6.iter().map(ToString::to_string).collect(),
            loopback: LOOPBACKS
                .iter()
                .find(|(_, kind)| *kind == jail.loopback)
                .map_or("", |(name, _)| name),
            hostname: jail.hostname.clone(),
            path: jail.path.clone(),
            allow: crate::parameter::flags()
                .filter(|(_, flag)| flags.contains(*flag))
                .map(|(name, _)| name.trim_start_matches("allow.").to_owned())
                .collect(),
            enforce_statfs: flags.enforce_statfs(),
            lines: info.lines,
            held_by: HeldBy {
                descriptors: info.descriptors,
                credentials: info.credentials,
                files: info.files,
                connections: info.connections,
            },
        }
    }
}

fn or_none(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.join(" ") }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = &self.held_by;
        let rows = [
            ("jail", self.jid.to_string()),
            ("name", self.name.clone().unwrap_or_else(|| "-".to_owned())),
            ("state", self.state.to_owned()),
            ("processes", self.processes.to_string()),
            ("path", self.path.clone()),
            ("host.hostname", self.hostname.clone()),
            ("ip4.addr", or_none(&self.ipv4_addrs)),
            ("ip6.addr", or_none(&self.ipv6_addrs)),
            ("loopback", self.loopback.to_owned()),
            ("allow", or_none(&self.allow)),
            ("enforce_statfs", self.enforce_statfs.to_string()),
            ("lines", self.lines.to_string()),
            (
                "held by",
                format!(
                    "credentials {}, descriptors {}, files {}, connections {}",
                    held.credentials, held.descriptors, held.files, held.connections
                ),
            ),
        ];
        rows.iter().try_for_each(|(name, value)| writeln!(f, "{name:<15} {value}"))
    }
}

/// A line a jail.
#[derive(Clone, Debug)]
pub struct List<'a>(pub &'a [Shown]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 6] = ["JID", "Name", "Processes", "IP Address", "Hostname", "Path"];
        let rows: Vec<[String; 6]> = self
            .0
            .iter()
            .map(|jail| {
                let addresses = [jail.ipv4_addrs.as_slice(), &jail.ipv6_addrs].concat();
                let more = match addresses.as_slice() {
                    [first, rest @ ..] if !rest.is_empty() => format!("{first} +{}", rest.len()),
                    addresses => or_none(addresses),
                };
                let processes = match jail.state {
                    "ACTIVE" => jail.processes.to_string(),
                    state => format!("{} {}", jail.processes, state.to_lowercase()),
                };
                let name = jail.name.clone().unwrap_or_else(|| "-".to_owned());
                let jid = jail.jid.to_string();
                [jid, name, processes, more, jail.hostname.clone(), jail.path.clone()]
            })
            .collect();
        let head = HEAD.map(str::to_owned);
        let lines = || std::iter::once(&head).chain(&rows);
        let widths: [usize; 6] = std::array::from_fn(|column| {
            lines().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for row in lines() {
            let [jid, name, processes, address, hostname, path] = row;
            let [w0, w1, w2, w3, w4, _] = widths;
            writeln!(
                f,
                "{jid:>w0$}  {name:w1$}  {processes:>w2$}  {address:w3$}  {hostname:w4$}  {path}"
            )?;
        }
        Ok(())
    }
}

/// Jails as jls(8) wraps them.
#[derive(Clone, Debug, Serialize)]
pub struct Information<'a> {
    /// All of it.
    #[serde(rename = "jail-information")]
    pub jails: Jails<'a>,
}

/// The list in it.
#[derive(Clone, Debug, Serialize)]
pub struct Jails<'a> {
    /// One each.
    pub jail: &'a [Shown],
}

/// What settles whether a jail has a privilege.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// The jail's number.
    pub jid: i64,
    /// As `sys/priv.h` names it.
    pub privilege: String,
    /// Its number in this kernel.
    pub number: i32,
    /// Whether root in the jail could use it.
    pub allowed: bool,
    /// The line that refuses it.
    pub refused_by_line: Option<u32>,
    /// table, flag, name, taken or second-line.
    pub settled_by: &'static str,
    /// Flags any one of which gives it.
    pub given_by: Vec<String>,
    /// A sentence.
    pub reason: String,
}

impl Settled {
    /// From what rjail_why(2) gave.
    #[must_use]
    pub fn new(answer: &Answer, privilege: &str) -> Self {
        let why = &answer.why;
        let flags = JailFlags::from_bits_truncate(why.flags);
        Self {
            jid: why.jid,
            privilege: privilege.to_owned(),
            number: why.number,
            allowed: why.allowed == 1,
            refused_by_line: Some(why.line).filter(|line| *line != 0),
            settled_by: match why.by {
                abi::by::TABLE => "table",
                abi::by::FLAG => "flag",
                abi::by::NAME => "name",
                abi::by::TAKEN => "taken",
                _ => "second-line",
            },
            given_by: crate::parameter::flags()
                .filter(|(_, flag)| flags.contains(*flag))
                .map(|(name, _)| name)
                .collect(),
            reason: answer.text.clone(),
        }
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.allowed { "allowed" } else { "denied" };
        write!(f, "{} in jail {}: {verdict}", self.privilege, self.jid)?;
        if let Some(line) = self.refused_by_line {
            write!(f, " by line {line}")?;
        }
        write!(
            f,
            ", by {}",
            match self.settled_by {
                "flag" => format!("flag ({})", self.given_by.join(" or ")),
                "taken" => format!("name (-{})", self.privilege),
                "name" => format!("name (+{})", self.privilege),
                "second-line" => "the kernel's own check".to_owned(),
                by => format!("the {by}"),
            }
        )?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        writeln!(f)
    }
}
