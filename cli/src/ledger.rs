// SPDX-License-Identifier: BSD-2-Clause
//! What a jail did with its privileges, for people and for programs.

use std::fmt::{self, Write as _};

use abi::{HELD, Info, Row};
use rjail::prison::JailFlags;
use serde::Serialize;

/// One jail's ledger.
#[derive(Clone, Debug, Serialize)]
pub struct Ledger {
    /// Its number.
    pub jid: i64,
    /// What it was made with, in the words of `kmod/rjail.h`.
    pub flags: Vec<String>,
    /// 2, or 1 when the label alone confines it.
    pub lines: u32,
    /// Privileges that were allowed at least once.
    pub used: Vec<Entry>,
    /// Privileges that were denied at least once.
    pub denied: Vec<Entry>,
    /// Privileges that the jail holds and nobody in it asked for.
    pub never_used: Vec<String>,
    /// Denied requests for numbers that have no name.
    pub unnamed: u32,
    /// Requests in no count, for want of memory.
    pub missed: u32,
}

/// One privilege.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// As `sys/priv.h` names it.
    pub privilege: String,
    /// How often.
    pub times: u64,
    /// Whether it was at least so often, the count having stopped.
    pub or_more: bool,
}

impl Ledger {
    /// From what rjail_get(2) gave.
    #[must_use]
    pub fn new(info: &Info, rows: &[Row]) -> Self {
        use rjail::privilege::Count;
        let entries = |times: fn(&Row) -> u64, most: u32| {
            let mut entries: Vec<Entry> = rows
                .iter()
                .filter(|row| times(row) > 0)
                .map(|row| Entry {
                    privilege: row.name().to_owned(),
                    times: times(row),
                    or_more: times(row) >= u64::from(most),
                })
                .collect();
            entries.sort_by(|a, b| b.times.cmp(&a.times).then(a.privilege.cmp(&b.privilege)));
            entries
        };
        let mut never_used: Vec<String> = rows
            .iter()
            .filter(|row| row.state & HELD != 0 && row.allowed == 0)
            .map(|row| row.name().to_owned())
            .collect();
        never_used.sort();
        let flags = JailFlags::from_bits_retain(info.flags);
        Self {
            jid: info.jid,
            flags: flags.iter_names().map(|(name, _)| name.to_lowercase()).collect(),
            lines: info.lines,
            used: entries(|row| row.allowed, Count::MOST_ALLOWED),
            denied: entries(|row| row.denied, Count::MOST_DENIED),
            never_used,
            unnamed: info.unnamed,
            missed: info.missed,
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.flags.is_empty() { "none".to_owned() } else { self.flags.join(" ") };
        let label = if self.lines == 1 { ", by the label alone" } else { "" };
        writeln!(f, "jail {}{label}, flags: {flags}", self.jid)?;
        for (title, entries) in [("used", &self.used), ("denied", &self.denied)] {
            writeln!(f, "  {title}:{}", if entries.is_empty() { " nothing" } else { "" })?;
            for entry in entries {
                let more = if entry.or_more { " or more" } else { "" };
                writeln!(f, "    {:>10}  {}{more}", entry.times, entry.privilege)?;
            }
        }
        if self.unnamed > 0 {
            writeln!(f, "    {:>10}  (numbers without a name)", self.unnamed)?;
        }
        let never = if self.never_used.is_empty() { " nothing" } else { "" };
        writeln!(f, "  granted but never used:{never}")?;
        let mut line = String::new();
        for name in &self.never_used {
            if line.len() + name.len() > 72 {
                writeln!(f, "   {line}")?;
                line.clear();
            }
            write!(line, " {name}")?;
        }
        if !line.is_empty() {
            writeln!(f, "   {line}")?;
        }
        if self.missed > 0 {
            writeln!(f, "  not counted, for want of memory: {} requests", self.missed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, HELD, Info, Ledger, Row};

    fn row(name: &str, state: u32, allowed: u64, denied: u64) -> Row {
        let mut row = Row { number: 2, state, allowed, denied, ..Row::default() };
        row.name[..name.len()].copy_from_slice(name.as_bytes());
        row
    }

    fn ledger() -> Ledger {
        let info = Info { jid: 3, flags: 0x21, lines: 2, unnamed: 1, ..Info::default() };
        let rows = [
            row("PRIV_CRED_SETUID", HELD, 7, 0),
            row("PRIV_KLD_LOAD", 0, 0, (1 << 24) - 1),
            row("PRIV_REBOOT", 0, 0, 1),
            row("PRIV_CRED_SETGID", HELD, 7, 0),
            row("PRIV_VFS_CHROOT", HELD, 0, 0),
            row("PRIV_NET_RAW", 0, 0, 0),
        ];
        Ledger::new(&info, &rows)
    }

    #[test]
    fn each_privilege_is_where_it_belongs() {
        let ledger = ledger();
        let entry = |privilege: &str, times, or_more| Entry {
            privilege: privilege.to_owned(),
            times,
            or_more,
        };
        let used = [entry("PRIV_CRED_SETGID", 7, false), entry("PRIV_CRED_SETUID", 7, false)];
        assert_eq!(ledger.used, used);
        let denied = [entry("PRIV_KLD_LOAD", 16_777_215, true), entry("PRIV_REBOOT", 1, false)];
        assert_eq!(ledger.denied, denied);
        assert_eq!(ledger.never_used, ["PRIV_VFS_CHROOT"]);
        assert_eq!(ledger.flags, ["set_hostname", "reserved_ports"]);
    }

    #[test]
    fn as_people_read_it() {
        let expected = "\
jail 3, flags: set_hostname reserved_ports
  used:
             7  PRIV_CRED_SETGID
             7  PRIV_CRED_SETUID
  denied:
      16777215  PRIV_KLD_LOAD or more
             1  PRIV_REBOOT
             1  (numbers without a name)
  granted but never used:
    PRIV_VFS_CHROOT
";
        assert_eq!(ledger().to_string(), expected);
    }

    #[test]
    fn as_programs_read_it() {
        let json = serde_json::to_value(ledger()).expect("plain data");
        assert_eq!(json["jid"], 3);
        assert_eq!(json["denied"][0]["privilege"], "PRIV_KLD_LOAD");
        assert_eq!(json["denied"][0]["or_more"], true);
        assert_eq!(json["never_used"][0], "PRIV_VFS_CHROOT");
    }

    #[test]
    fn a_jail_that_did_nothing() {
        let info = Info { jid: 1, lines: 1, ..Info::default() };
        let expected = "\
jail 1, by the label alone, flags: none
  used: nothing
  denied: nothing
  granted but never used: nothing
";
        assert_eq!(Ledger::new(&info, &[]).to_string(), expected);
    }
}
