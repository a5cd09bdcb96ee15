// SPDX-License-Identifier: BSD-2-Clause
//! The parameters of a jail: `name=value` on the command line, keys in
//! rjail.conf(5). Names are those of jail(8) where the meaning is the same.
//!
//! What can be known to be wrong is found here, before a jail is made, so that
//! the message names the parameter, the value and the mend.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use rjail::address::{Address, Loopback, validate};
use rjail::prison::{Addresses, JailFlags};
use rjail::privilege::{Barred, TABLE};
use serde::{Deserialize, Serialize};

/// One parameter that is not a flag.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// As it is written.
    pub name: &'static str,
    /// What it says, in a few words.
    pub about: &'static str,
    kind: Kind,
    set: fn(&mut Jail, &[String]) -> Result<(), String>,
}

/// How often a parameter is given, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One value; of several the last counts.
    One,
    /// Values that are added to those before.
    List,
    /// True or false, or alone.
    Switch,
}

/// Every parameter that is not `allow.FLAG`, in the order of the manual page.
pub const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "path",
        about: "the jail's root, a directory",
        kind: Kind::One,
        set: Jail::set_path,
    },
    Parameter {
        name: "host.hostname",
        about: "its host name; the jail's own name, unless given",
        kind: Kind::One,
        set: |jail, values| {
            jail.hostname = Some(hostname(one(values)?)?);
            Ok(())
        },
    },
    Parameter {
        name: "ip4.addr",
        about: "its IPv4 addresses, commas between",
        kind: Kind::List,
        set: |jail, values| {
            jail.ip4 = addresses(values, abi::MAX_IP4, &INET)?;
            Ok(())
        },
    },
    Parameter {
        name: "ip6.addr",
        about: "its IPv6 addresses, commas between",
        kind: Kind::List,
        set: |jail, values| {
            jail.ip6 = addresses(values, abi::MAX_IP6, &INET6)?;
            Ok(())
        },
    },
    Parameter {
        name: "loopback",
        about: "what 127.0.0.1 and ::1 are inside: rewrite, its first address; refuse, nothing; \
                share, the machine's",
        kind: Kind::One,
        set: |jail, values| {
            let found = LOOPBACKS.iter().find(|(name, _)| one(values) == Ok(*name));
            jail.loopback = found.ok_or("no kind of it: write rewrite, refuse or share")?.1;
            Ok(())
        },
    },
    Parameter {
        name: "enforce_statfs",
        about: "which mounts it sees: 0 all, 1 those below its root, 2 its root's",
        kind: Kind::One,
        set: |jail, values| {
            let (on, off) = match one(values)? {
                "0" => (JailFlags::STATFS_ALL, JailFlags::STATFS_BELOW),
                "1" => (JailFlags::STATFS_BELOW, JailFlags::STATFS_ALL),
                "2" => (JailFlags::empty(), JailFlags::STATFS_ALL | JailFlags::STATFS_BELOW),
                _ => return Err("not a level: write 0, 1 or 2".to_owned()),
            };
            jail.flag(on, true);
            jail.flag(off, false);
            Ok(())
        },
    },
    Parameter {
        name: "privileges",
        about: "single privileges to add and to take away: +PRIV_KTRACE -PRIV_VFS_CHROOT",
        kind: Kind::List,
        set: |jail, values| {
            jail.privileges = values
                .iter()
                .flat_map(|value| value.split([' ', ',']))
                .filter(|word| !word.is_empty())
                .map(privilege)
                .collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Parameter {
        name: "persist",
        about: "it stays when it has no process",
        kind: Kind::Switch,
        set: |jail, values| {
            jail.persist = switch(values)?;
            Ok(())
        },
    },
    Parameter {
        name: "exec.start",
        about: "the commands that start it; /bin/sh /etc/rc where both exist, unless given",
        kind: Kind::List,
        set: |jail, values| {
            jail.exec.start = commands(values)?;
            Ok(())
        },
    },
    Parameter {
        name: "exec.stop",
        about: "the commands that stop it; /bin/sh /etc/rc.shutdown jail where both exist, \
                unless given",
        kind: Kind::List,
        set: |jail, values| {
            jail.exec.stop = commands(values)?;
            Ok(())
        },
    },
    Parameter {
        name: "exec.timeout",
        about: "seconds that one of these may take; 0 for no limit",
        kind: Kind::One,
        set: |jail, values| {
            jail.exec.timeout = Some(seconds(one(values)?)?);
            Ok(())
        },
    },
    Parameter {
        name: "exec.clean",
        about: "they get HOME, SHELL, TERM, PATH and USER, and nothing else of the environment",
        kind: Kind::Switch,
        set: |jail, values| {
            jail.exec.clean = switch(values)?;
            Ok(())
        },
    },
    Parameter {
        name: "exec.jail_user",
        about: "the user they run as, of the jail's own passwd(5)",
        kind: Kind::One,
        set: |jail, values| {
            jail.exec.user = Some(one(values)?.to_owned()).filter(|user| !user.is_empty());
            jail.exec.user.as_ref().map(drop).ok_or_else(|| "empty: write a user name".to_owned())
        },
    },
    Parameter {
        name: "exec.system_jail_user",
        about: "that user is of the machine's passwd(5), not of the jail's",
        kind: Kind::Switch,
        set: |jail, values| {
            jail.exec.system_user = switch(values)?;
            Ok(())
        },
    },
    Parameter {
        name: "exec.consolelog",
        about: "the file, outside the jail, that they write to",
        kind: Kind::One,
        set: |jail, values| {
            let file = one(values)?;
            if !file.starts_with('/') || file.ends_with('/') || file.contains('\0') {
                return Err("not a file by its whole path: write /var/log/NAME.log, say".to_owned());
            }
            jail.exec.log = Some(file.to_owned());
            Ok(())
        },
    },
    Parameter {
        name: "stop.timeout",
        about: "seconds between SIGTERM and SIGKILL; 0 for SIGKILL at once",
        kind: Kind::One,
        set: |jail, values| {
            jail.stop_timeout = seconds(one(values)?)?;
            Ok(())
        },
    },
    Parameter {
        name: "depend",
        about: "jails of the file that are started before it and stopped after it",
        kind: Kind::List,
        set: |jail, values| {
            jail.depend = list(values).map(name).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
];

/// The values of `loopback`.
pub const LOOPBACKS: [(&str, Loopback); 3] =
    [("rewrite", Loopback::Rewrite), ("refuse", Loopback::Refuse), ("share", Loopback::Share)];

/// Prefix of the flags, and of a name of one that is to be off.
const ALLOW: &str = "allow.";

/// Those of [`JailFlags`] that are switches: `enforce_statfs` is two of them.
pub fn flags() -> impl Iterator<Item = (String, JailFlags)> {
    let level = JailFlags::STATFS_BELOW | JailFlags::STATFS_ALL;
    (JailFlags::all() - level)
        .iter_names()
        .map(|(name, flag)| (format!("{ALLOW}{}", name.to_lowercase()), flag))
}

/// A jail as somebody wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jail {
    /// What the tool knows it by.
    pub name: Option<String>,
    /// Its root.
    pub path: String,
    /// Its host name, if it was said.
    pub hostname: Option<String>,
    /// Its IPv4 addresses.
    pub ip4: Vec<Ipv4Addr>,
    /// Its IPv6 addresses.
    pub ip6: Vec<Ipv6Addr>,
    /// What 127.0.0.1 and `::1` are inside.
    pub loopback: Loopback,
    on: JailFlags,
    off: JailFlags,
    /// Privileges, each with its sign.
    pub privileges: Vec<String>,
    /// Does it stay when it has no process?
    pub persist: bool,
    /// How commands are run in it.
    pub exec: Exec,
    /// Between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
    /// Jails that come before it.
    pub depend: Vec<String>,
}

/// The parameters `exec.*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// What starts the jail, one after the other; the usual command, unless said.
    pub start: Vec<Command>,
    /// What stops it, likewise.
    pub stop: Vec<Command>,
    /// How long any of them may take; as each has it, unless said.
    pub timeout: Option<Duration>,
    /// Without the caller's environment.
    pub clean: bool,
    /// As whom.
    pub user: Option<String>,
    /// Is that one of the machine's users, not of the jail's?
    pub system_user: bool,
    /// Where they write to.
    pub log: Option<String>,
}

impl Default for Exec {
    fn default() -> Self {
        Self {
            start: Vec::new(),
            stop: Vec::new(),
            timeout: None,
            clean: true,
            user: None,
            system_user: false,
            log: None,
        }
    }
}

/// A command as a parameter says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub Vec<String>);

impl Command {
    /// As jail(8) does: the shell takes what only a shell understands, anything
    /// else is words between blanks.
    fn read(text: &str) -> Result<Self, String> {
        let words: Vec<String> = if text.contains(|c| "!\"$&'()*;<>?[\\]`{|}~\n".contains(c)) {
            ["/bin/sh", "-c", text].map(str::to_owned).into()
        } else {
            text.split_whitespace().map(str::to_owned).collect()
        };
        if words.is_empty() { Err("empty: write a command".to_owned()) } else { Ok(Self(words)) }
    }
}

impl Default for Jail {
    fn default() -> Self {
        Self {
            name: None,
            path: String::new(),
            hostname: None,
            ip4: Vec::new(),
            ip6: Vec::new(),
            loopback: Loopback::default(),
            on: JailFlags::empty(),
            off: JailFlags::empty(),
            privileges: Vec::new(),
            persist: false,
            exec: Exec::default(),
            stop_timeout: Duration::from_secs(10),
            depend: Vec::new(),
        }
    }
}

/// A parameter with what is wrong about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its name, as it was written.
    pub parameter: String,
    /// Its value, if it had one.
    pub value: Option<String>,
    /// What is wrong, and how to mend it.
    pub why: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}: {}", self.parameter, self.why),
            None => write!(f, "{}: {}", self.parameter, self.why),
        }
    }
}

impl Jail {
    /// One that the tool knows by this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// Takes one parameter, `name=value` or `name` alone, and those before it: values
    /// of a list are added to those that it had there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&mut self, text: &str, before: &mut Settings) -> Result<(), Wrong> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value),
            None => return self.set(text, None),
        };
        let values = before.entry(name.to_owned()).or_default();
        if !is_list(name) {
            values.clear();
        }
        values.push(value.to_owned());
        self.set(name, Some(values))
    }

    /// Takes one parameter. A name without a value is a switch, on, or off if it
    /// begins with "no", as in jail(8): `nopersist`, `allow.nomlock`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(&mut self, name: &str, values: Option<&[String]>) -> Result<(), Wrong> {
        let wrong = |why: String| Wrong {
            parameter: name.to_owned(),
            value: values.map(|values| values.join(",")),
            why,
        };
        let positive = without_no(name);
        let value = values.unwrap_or_default();
        if let Some(parameter) = PARAMETERS.iter().find(|p| p.name == name) {
            if values.is_none() && parameter.kind != Kind::Switch {
                return Err(wrong(format!("needs a value, {}: {name}=VALUE", parameter.about)));
            }
            return (parameter.set)(self, value).map_err(wrong);
        }
        if let Some((_, flag)) = flags().find(|(flag, _)| *flag == name) {
            let on = switch(value).map_err(wrong)?;
            self.flag(flag, on);
            return Ok(());
        }
        let off = ["false".to_owned()];
        match positive.as_deref() {
            Some(positive) if values.is_none() && is_switch(positive) => {
                self.set(positive, Some(&off))
            }
            _ => Err(wrong(unknown(name))),
        }
    }

    fn set_path(&mut self, values: &[String]) -> Result<(), String> {
        let path = one(values)?;
        if path.is_empty() {
            return Err("empty: write a directory".to_owned());
        }
        if path.contains('\0') {
            return Err("has a NUL byte: no path can".to_owned());
        }
        path.clone_into(&mut self.path);
        Ok(())
    }

    fn flag(&mut self, flag: JailFlags, on: bool) {
        self.on.set(flag, on);
        self.off.set(flag, !on);
    }

    /// Its flags, where `defaults` are what is not said otherwise.
    #[must_use]
    pub fn flags(&self, defaults: JailFlags) -> JailFlags {
        (defaults - self.off) | self.on
    }

    /// Its host name: said, or its own, or its path's last part.
    #[must_use]
    pub fn hostname(&self) -> &str {
        let last = || self.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("jail");
        self.hostname.as_deref().or(self.name.as_deref()).unwrap_or_else(last)
    }

    /// The privileges as rjail(2) reads them.
    #[must_use]
    pub fn named_privileges(&self) -> String {
        self.privileges.join(" ")
    }

    /// Whether all is there that a jail needs.
    ///
    /// # Errors
    /// What is not.
    pub fn check(&self) -> Result<(), Wrong> {
        if self.path.is_empty() {
            let why = "missing: a jail needs a directory as its root, path=DIRECTORY";
            return Err(Wrong { parameter: "path".to_owned(), value: None, why: why.to_owned() });
        }
        if Addresses::new(self.ip4.clone(), self.ip6.clone(), self.loopback).is_err() {
            // Each list alone is one that can be; this is its last address and one more.
            let why = "one address too many: a family that has some gets the machine's too";
            return Err(Wrong {
                parameter: "loopback".to_owned(),
                value: Some("share".to_owned()),
                why: why.to_owned(),
            });
        }
        hostname(self.hostname()).map(drop).map_err(|why| Wrong {
            parameter: "host.hostname".to_owned(),
            value: Some(self.hostname().to_owned()),
            why,
        })
    }
}

/// What was said before, name by name.
pub type Settings = BTreeMap<String, Vec<String>>;

/// Whether this is a parameter with values that add up.
#[must_use]
pub fn is_list(name: &str) -> bool {
    PARAMETERS.iter().any(|p| p.name == name && p.kind == Kind::List)
}

fn is_switch(name: &str) -> bool {
    PARAMETERS.iter().any(|p| p.name == name && p.kind == Kind::Switch)
        || flags().any(|(flag, _)| flag == name)
}

/// A name for a jail.
///
/// # Errors
/// Why it cannot be one.
pub fn name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(good) {
        return Err("not a name: up to 64 letters, digits, '_', '-' and '.'".to_owned());
    }
    if text.starts_with(['.', '-']) || text.chars().all(|c| c.is_ascii_digit()) {
        return Err("not a name: it begins with a letter, a digit or '_', and is no number, \
                    which would be a jail's"
            .to_owned());
    }
    Ok(text.to_owned())
}

fn one(values: &[String]) -> Result<&str, String> {
    match values {
        [value] => Ok(value),
        _ => Err("needs exactly one value".to_owned()),
    }
}

fn list(values: &[String]) -> impl Iterator<Item = &str> {
    values.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|part| !part.is_empty())
}

fn switch(values: &[String]) -> Result<bool, String> {
    match values {
        [] => Ok(true),
        [value] if value == "true" || value == "1" => Ok(true),
        [value] if value == "false" || value == "0" => Ok(false),
        _ => Err("a switch: write true or false".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: Result<u32, _> = text.parse();
    number
        .map(|seconds| Duration::from_secs(seconds.into()))
        .map_err(|_| "not a number of seconds".to_owned())
}

/// As the module holds it: `validate_hostname` in src/jail.rs.
fn hostname(text: &str) -> Result<String, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("not a host name: printable ASCII without blanks".to_owned());
    }
    if text.len() > 255 { Err("longer than 255 bytes".to_owned()) } else { Ok(text.to_owned()) }
}

/// What is said of addresses of one family.
struct Family {
    is_none: &'static str,
    cannot_be: &'static str,
}

const INET: Family = Family {
    is_none: "is no IPv4 address: four numbers up to 255, as 10.66.0.2",
    cannot_be: "can be no jail's: neither any, broadcast nor multicast",
};
const INET6: Family = Family {
    is_none: "is no IPv6 address: as 2001:db8::2",
    cannot_be: "can be no jail's: neither any nor multicast, of a link, nor mapped from IPv4",
};

fn addresses<A: Address + FromStr + Ord>(
    values: &[String],
    most: u32,
    family: &Family,
) -> Result<Vec<A>, String> {
    let mut found = Vec::new();
    for text in list(values) {
        if text.contains(['|', '/', '%']) {
            return Err(format!(
                "{text}: rjail configures no interface: write the address alone, and give it to \
                 one with ifconfig(8) before"
            ));
        }
        let address: A = text.parse().map_err(|_| format!("{text} {}", family.is_none))?;
        validate(&[address]).map_err(|_| format!("{text} {}", family.cannot_be))?;
        if found.contains(&address) {
            return Err(format!("{text} comes twice: leave one out"));
        }
        found.push(address);
    }
    if found.len() > most as usize {
        return Err(format!("more than {most} addresses: a jail has no more of a family"));
    }
    Ok(found)
}

fn commands(values: &[String]) -> Result<Vec<Command>, String> {
    values.iter().map(|value| Command::read(value)).collect()
}

fn privilege(word: &str) -> Result<String, String> {
    let Some(name) = word.strip_prefix(['+', '-']) else {
        return Err(format!("{word} has no sign: +{word} adds it, -{word} takes it away"));
    };
    let Some(row) = TABLE.iter().find(|row| row.name == name) else {
        return Err(format!("{name} is no privilege: `rjail privileges` lists them"));
    };
    let because = match row.barred {
        Some(_) if word.starts_with('-') => None,
        Some(Barred::BySecondLine | Barred::ByKernel) => Some("the kernel gives it to no jail"),
        Some(Barred::ByPromise(_)) => Some("it would break a promise of jails"),
        None => None,
    };
    match because {
        Some(because) => Err(format!("{name} cannot be given, {because}: `rjail privileges`")),
        None => Ok(word.to_owned()),
    }
}

/// A name whose last part lost its "no", if it had one.
fn without_no(name: &str) -> Option<String> {
    let (head, last) = name.rsplit_once('.').map_or(("", name), |(head, last)| (head, last));
    let rest = last.strip_prefix("no")?;
    Some(if head.is_empty() { rest.to_owned() } else { format!("{head}.{rest}") })
}

/// Parameters of jail(8) that people will try, or how they begin.
const ELSEWHERE: &[(&str, &str)] = &[
    ("vnet", "rjail has no virtual networks: give it addresses with ip4.addr"),
    ("mount", "rjail mounts nothing: mount(8) before, devfs(5) on PATH/dev"),
    ("allow.mount", "no jail of rjail's mounts: mount(8) outside"),
    ("allow.nfsd", "no jail of rjail's serves NFS: nfsd(8) outside"),
    ("allow.routing", "no jail of rjail's changes routes: route(8) outside"),
    ("allow.vmm", "no jail of rjail's has virtual machines"),
    ("allow.suser", "take single privileges away: privileges=-PRIV_NAME"),
    ("allow.setaudit", "add a single privilege: privileges=+PRIV_NAME"),
    ("allow.dying", "numbers are given once: a dying jail is in nobody's way"),
    ("children", "there is no jail in a jail of rjail's"),
    ("interface", "rjail configures no interface: ifconfig(8) before"),
    ("ip_hostname", "rjail asks no resolver: write the addresses, ip4.addr and ip6.addr"),
    ("ip4.saddrsel", "a jail speaks from its first address"),
    ("ip6.saddrsel", "a jail speaks from its first address"),
    ("ip4", "a family without an address does not exist inside: write ip4.addr, or leave it out"),
    ("ip6", "a family without an address does not exist inside: write ip6.addr, or leave it out"),
    ("exec.prepare", "rjail runs commands in the jail only"),
    ("exec.prestart", "rjail runs commands in the jail only"),
    ("exec.created", "rjail runs commands in the jail only"),
    ("exec.poststart", "rjail runs commands in the jail only"),
    ("exec.prestop", "rjail runs commands in the jail only"),
    ("exec.poststop", "rjail runs commands in the jail only"),
    ("exec.release", "rjail runs commands in the jail only"),
    ("exec.system_user", "rjail runs commands in the jail only, as exec.jail_user"),
    ("exec.fib", "setfib(1) in exec.start does that"),
    ("sysvmsg", "write allow.sysvipc_own, or allow.sysvipc for the host's objects"),
    ("sysvsem", "write allow.sysvipc_own, or allow.sysvipc for the host's objects"),
    ("sysvshm", "write allow.sysvipc_own, or allow.sysvipc for the host's objects"),
    ("securelevel", "a jail keeps that of the machine as it was when the jail was made"),
    ("devfs_ruleset", "mount devfs(5) with a rule set on PATH/dev; allow.all_devices opens them"),
    ("host.domainname", "host.hostname is the jail's own, and nothing else"),
    ("host.hostuuid", "host.hostname is the jail's own, and nothing else"),
    ("host.hostid", "host.hostname is the jail's own, and nothing else"),
    ("jid", "the kernel numbers jails; a name can be given"),
    ("hostname", "write host.hostname"),
    ("ip", "write ip4.addr or ip6.addr"),
    ("command", "write it after the parameters, behind command="),
];

fn unknown(name: &str) -> String {
    let begins = |other: &str| {
        let rest = name.strip_prefix(other);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    // "ip4" is how "ip4.adr" begins, which is a slip.
    let hint = ELSEWHERE
        .iter()
        .find(|(other, _)| *other == name || (begins(other) && !matches!(*other, "ip4" | "ip6")));
    if let Some((_, mend)) = hint {
        return format!("not a parameter: {mend}");
    }
    let flags: Vec<String> = flags().map(|(name, _)| name).collect();
    let names = PARAMETERS.iter().map(|p| p.name).chain(flags.iter().map(String::as_str));
    let near = names.min_by_key(|known| distance(known, name)).unwrap_or_default();
    if distance(near, name) <= 3 {
        format!("not a parameter: {near} is")
    } else {
        "not a parameter: `man 8 rjail` lists them".to_owned()
    }
}

/// Letters to add, drop or change: Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = change.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{
        Command, Ipv4Addr, Ipv6Addr, Jail, JailFlags, Loopback, PARAMETERS, Settings, distance,
        flags, name,
    };

    fn jail(texts: &[&str]) -> Jail {
        let (mut jail, mut before) = (Jail::default(), Settings::new());
        for text in texts {
            jail.read(text, &mut before).unwrap_or_else(|wrong| panic!("{wrong}"));
        }
        jail
    }

    fn wrong(text: &str) -> String {
        Jail::default().read(text, &mut Settings::new()).expect_err(text).to_string()
    }

    #[test]
    fn what_is_said_is_taken() {
        let jail = jail(&[
            "path=/jails/www",
            "host.hostname=www.example",
            "ip4.addr=10.66.0.2, 10.66.0.3",
            "ip6.addr=2001:db8::2",
            "loopback=refuse",
            "privileges=+PRIV_KTRACE -PRIV_VFS_CHROOT",
            "persist",
            "exec.start=/bin/server -f",
            "exec.start=/bin/other a,b",
            "exec.stop=kill $(cat /pid)",
            "exec.timeout=30",
            "exec.clean=false",
            "exec.jail_user=www",
            "exec.system_jail_user",
            "exec.consolelog=/var/log/www.log",
            "stop.timeout=5",
            "depend=db,cache",
        ]);
        assert_eq!((jail.path.as_str(), jail.hostname()), ("/jails/www", "www.example"));
        assert_eq!(
            jail.ip4,
            ["10.66.0.2", "10.66.0.3"].map(|a| a.parse::<Ipv4Addr>().expect("an address"))
        );
        assert_eq!(jail.named_privileges(), "+PRIV_KTRACE -PRIV_VFS_CHROOT");
        assert!(jail.persist && !jail.exec.clean);
        assert_eq!(jail.ip6, ["2001:db8::2".parse::<Ipv6Addr>().expect("an address")]);
        assert_eq!(jail.loopback, Loopback::Refuse);
        let words = |commands: &[Command]| -> Vec<String> {
            commands.iter().map(|command| command.0.join("|")).collect()
        };
        assert_eq!(words(&jail.exec.start), ["/bin/server|-f", "/bin/other|a,b"]);
        assert_eq!(words(&jail.exec.stop), ["/bin/sh|-c|kill $(cat /pid)"]);
        assert!(jail.exec.system_user);
        assert_eq!(jail.exec.log.as_deref(), Some("/var/log/www.log"));
        assert_eq!(jail.exec.timeout.expect("a time").as_secs(), 30);
        assert_eq!(jail.exec.user.as_deref(), Some("www"));
        assert_eq!((jail.stop_timeout.as_secs(), jail.depend.len()), (5, 2));
        jail.check().expect("all that is needed");
    }

    /// As jail(8) says of lists; of anything else the last one counts.
    #[test]
    fn lists_add_up() {
        let jail = jail(&[
            "ip4.addr=10.0.0.1",
            "path=/a",
            "ip4.addr=10.0.0.2,10.0.0.3",
            "path=/b",
            "privileges=+PRIV_KTRACE",
            "privileges=-PRIV_VFS_CHROOT",
            "depend=a",
            "depend=b",
            "ip6.addr=",
        ]);
        assert_eq!((jail.ip4.len(), jail.path.as_str(), jail.ip6.len()), (3, "/b", 0));
        assert_eq!(jail.named_privileges(), "+PRIV_KTRACE -PRIV_VFS_CHROOT");
        assert_eq!(jail.depend, ["a", "b"]);
    }

    /// Each flag of the module's has a switch, and what is said last counts.
    #[test]
    fn flags_are_switches() {
        let before = JailFlags::PAPER;
        for (text, flag) in flags() {
            for (written, on) in [
                (text.clone(), true),
                (format!("{text}=1"), true),
                (format!("{text}=false"), false),
                (text.replacen("allow.", "allow.no", 1), false),
            ] {
                let now = jail(&[&format!("{text}={}", !on), &written]).flags(before);
                assert_eq!(now.contains(flag), on, "{written}");
                assert_eq!(now - flag, before - flag, "{written}");
            }
        }
        assert_eq!(jail(&[]).flags(before), before);
        assert!(flags().any(|(name, _)| name == "allow.raw_sockets"));
    }

    #[test]
    fn the_mounts_it_sees_are_a_level() {
        let all = JailFlags::STATFS_ALL | JailFlags::STATFS_BELOW;
        for (text, level) in [("0", 0), ("1", 1), ("2", 2)] {
            for before in [JailFlags::empty(), all, JailFlags::STATFS_BELOW] {
                let now = jail(&[&format!("enforce_statfs={text}")]).flags(before);
                assert_eq!(now.enforce_statfs(), level, "{text} {before:?}");
            }
        }
    }

    #[test]
    fn errors_name_parameter_value_and_mend() {
        for (text, message) in [
            (
                "ip4.addr=10.0.0.300",
                "ip4.addr=10.0.0.300: 10.0.0.300 is no IPv4 address: four numbers up to 255, as \
                 10.66.0.2",
            ),
            (
                "ip4.addr=0.0.0.0",
                "ip4.addr=0.0.0.0: 0.0.0.0 can be no jail's: neither any, broadcast nor \
                 multicast",
            ),
            (
                "ip4.addr=10.0.0.1,10.0.0.1",
                "ip4.addr=10.0.0.1,10.0.0.1: 10.0.0.1 comes twice: leave one out",
            ),
            (
                "ip4.addr=em0|10.0.0.1/24",
                "ip4.addr=em0|10.0.0.1/24: em0|10.0.0.1/24: rjail configures no interface: write \
                 the address alone, and give it to one with ifconfig(8) before",
            ),
            ("ip6.addr=10.0.0.1", "ip6.addr=10.0.0.1: 10.0.0.1 is no IPv6 address: as 2001:db8::2"),
            (
                "ip6.addr=fe80::1",
                "ip6.addr=fe80::1: fe80::1 can be no jail's: neither any nor multicast, of a \
                 link, nor mapped from IPv4",
            ),
            (
                "ip4=inherit",
                "ip4=inherit: not a parameter: a family without an address does not \
                exist inside: write ip4.addr, or leave it out",
            ),
            ("ip4.adr=10.0.0.1", "ip4.adr=10.0.0.1: not a parameter: ip4.addr is"),
            ("loopback=no", "loopback=no: no kind of it: write rewrite, refuse or share"),
            (
                "allow.mount.zfs",
                "allow.mount.zfs: not a parameter: no jail of rjail's mounts: mount(8) outside",
            ),
            (
                "exec.consolelog=log",
                "exec.consolelog=log: not a file by its whole path: write /var/log/NAME.log, say",
            ),
            ("path=", "path=: empty: write a directory"),
            ("path", "path: needs a value, the jail's root, a directory: path=VALUE"),
            ("nopath", "nopath: not a parameter: path is"),
            ("persist=yes", "persist=yes: a switch: write true or false"),
            ("allow.mlock=2", "allow.mlock=2: a switch: write true or false"),
            ("allow.raw_socket", "allow.raw_socket: not a parameter: allow.raw_sockets is"),
            ("enforce_statfs=3", "enforce_statfs=3: not a level: write 0, 1 or 2"),
            ("stop.timeout=-1", "stop.timeout=-1: not a number of seconds"),
            (
                "privileges=PRIV_KTRACE",
                "privileges=PRIV_KTRACE: PRIV_KTRACE has no sign: +PRIV_KTRACE adds it, \
                 -PRIV_KTRACE takes it away",
            ),
            (
                "privileges=+PRIV_ROOT",
                "privileges=+PRIV_ROOT: PRIV_ROOT is no privilege: `rjail privileges` lists them",
            ),
            (
                "privileges=+PRIV_KLD_LOAD",
                "privileges=+PRIV_KLD_LOAD: PRIV_KLD_LOAD cannot be given, the kernel gives it to \
                 no jail: `rjail privileges`",
            ),
            (
                "privileges=+PRIV_NET_ROUTE",
                "privileges=+PRIV_NET_ROUTE: PRIV_NET_ROUTE cannot be given, it would break a \
                 promise of jails: `rjail privileges`",
            ),
            (
                "vnet",
                "vnet: not a parameter: rjail has no virtual networks: give it addresses with \
                 ip4.addr",
            ),
            ("colour=red", "colour=red: not a parameter: `man 8 rjail` lists them"),
            (
                "host.hostname=a b",
                "host.hostname=a b: not a host name: printable ASCII without blanks",
            ),
            (
                "depend=7",
                "depend=7: not a name: it begins with a letter, a digit or '_', and is no number, \
                 which would be a jail's",
            ),
            ("exec.start= ", "exec.start= : empty: write a command"),
        ] {
            assert_eq!(wrong(text), message);
        }
        let many = |count: u8| -> String {
            let all: Vec<String> = (0..=count).map(|n| format!("10.0.0.{n}")).collect();
            all.join(",")
        };
        let wrong = wrong(&format!("ip4.addr={}", many(255)));
        assert!(wrong.ends_with("more than 255 addresses: a jail has no more of a family"));
        let jail = jail(&[&format!("ip4.addr={}", many(254)), "loopback=share", "path=/"]);
        assert_eq!(
            jail.check().expect_err("256 with the loopback").to_string(),
            "loopback=share: one address too many: a family that has some gets the machine's too"
        );
        let missing = Jail::default().check().expect_err("no path").to_string();
        assert_eq!(missing, "path: missing: a jail needs a directory as its root, path=DIRECTORY");
    }

    #[test]
    fn what_is_taken_away_may_be_anything() {
        assert_eq!(jail(&["privileges=-PRIV_KLD_LOAD,-PRIV_NET_ROUTE"]).privileges.len(), 2);
    }

    #[test]
    fn the_host_name_is_the_names_or_the_paths() {
        let mut jail = jail(&["path=/jails/www/"]);
        assert_eq!(jail.hostname(), "www");
        jail.name = Some("web".to_owned());
        assert_eq!(jail.hostname(), "web");
        jail.path = "/".to_owned();
        jail.name = None;
        assert_eq!(jail.hostname(), "jail");
    }

    #[test]
    fn a_name_of_the_tools_is_one_of_the_kernels() {
        let (longest, longer) = ("n".repeat(64), "n".repeat(65));
        let some = ["www", "a.b-c_d", "9lives", "_", "", "7", "-a", ".a", "a:b", "a b", "a,b"];
        for text in some.into_iter().chain([longest.as_str(), longer.as_str()]) {
            let kernels = rjail::prison::Name::new(text.as_bytes());
            assert_eq!(name(text).is_ok(), kernels.is_ok(), "{text}");
        }
    }

    #[test]
    fn names_cannot_be_taken_for_anything_else() {
        for good in ["www", "_x", "a.b-c_d", "3www"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "7", "-x", ".x", "a/b", "..", "a b", "ü", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_name_comes_twice() {
        let mut names: Vec<_> = PARAMETERS.iter().map(|p| p.name.to_owned()).collect();
        names.extend(flags().map(|(name, _)| name));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn how_far_apart() {
        for (a, b, far) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)] {
            assert_eq!((distance(a, b), distance(b, a)), (far, far));
        }
    }
}
