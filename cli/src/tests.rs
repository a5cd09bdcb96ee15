// SPDX-License-Identifier: BSD-2-Clause
//! Whole command lines on the model machine: output, exit status, and what was
//! asked of the machine in which order.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::command::run;
use crate::failure::{
    EX_CANTCREAT, EX_CONFIG, EX_DATAERR, EX_NOPERM, EX_NOUSER, EX_TEMPFAIL, EX_UNAVAILABLE,
    EX_USAGE,
};
use crate::fake::Fake;

/// A machine, and where the tool keeps things there.
struct Machine {
    kernel: Fake,
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { kernel: Fake::default(), directory: TempDir::new().expect("a directory") }
    }

    fn with_config(text: &str) -> Self {
        let machine = Self::new();
        fs::write(machine.config(), text).expect("a file");
        machine
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("rjail.conf")
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Status, standard output, standard error.
    fn run(&mut self, words: &[&str]) -> (u8, String, String) {
        let mut line = vec!["rjail".into(), "--config".into(), self.config().into()];
        line.extend(["--state".into(), self.state().into()]);
        line.extend(words.iter().map(Into::into));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = run(line, &mut self.kernel, &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (status, text(out), text(err))
    }

    #[track_caller]
    fn says(&mut self, words: &[&str], output: &str) {
        assert_eq!(self.run(words), (0, output.to_owned(), String::new()), "{words:?}");
    }

    #[track_caller]
    fn fails(&mut self, words: &[&str], status: u8, error: &str) {
        let wanted = (status, String::new(), format!("rjail: {error}\n"));
        assert_eq!(self.run(words), wanted, "{words:?}");
    }

    /// What was asked since the last time.
    fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.kernel.log)
    }

    fn two(&mut self) {
        let www = ["create", "www", "path=/jails/www", "host.hostname=www.example"];
        let more = ["ip4.addr=10.66.0.2", "ip4.addr=10.66.0.4", "exec.start=/bin/service"];
        self.says(&[&www[..], &more[..]].concat(), "www: jail 1\n");
        let nameless = [
            "create",
            "path=/jails/db",
            "persist",
            "allow.raw_sockets",
            "ip6.addr=2001:db8::2,2001:db8::4",
            "loopback=refuse",
        ];
        self.says(&nameless, "jail 2\n");
        self.asked();
    }
}

const NO_FILES: &[String] = &[];

#[test]
fn the_papers_command_line() {
    let mut machine = Machine::new();
    let paper = ["/jails/www", "www.example", "10.66.0.2,10.66.0.3", "/bin/exit", "7"];
    assert_eq!(machine.run(&paper), (7, String::new(), String::new()));
    // The flags of the sysctls, and low ports; the jail goes with its process.
    assert_eq!(
        machine.asked(),
        ["jail 1: JailFlags(SET_HOSTNAME | RESERVED_PORTS) /jails/www", "jail 1: /bin/exit 7"]
    );
    machine.says(&["list"], "JID  Name  Processes  IP Address  Hostname  Path\n");
    // Of either family, in any order.
    let both = ["/jails/www", "x", "10.66.0.2,2001:db8::2,10.66.0.3", "/bin/true"];
    assert_eq!(machine.run(&both).0, 0);
    // No address is an empty word.
    assert_eq!(machine.run(&["/jails/www", "x", "", "/bin/true"]).0, 0);
    for (words, status, error) in [
        (
            &["/jails/none", "x", "10.66.0.2", "/bin/true"][..],
            EX_DATAERR,
            "path=/jails/none: no such directory: make and fill it first",
        ),
        (
            &["/jails/www", "x", "10.66.0", "/bin/true"],
            EX_DATAERR,
            "ip4.addr=10.66.0: 10.66.0 is no IPv4 address: four numbers up to 255, as 10.66.0.2",
        ),
        (
            &["/jails/www", "x", "10.66.0.2,2001:db8::x", "/bin/true"],
            EX_DATAERR,
            "ip6.addr=2001:db8::x: 2001:db8::x is no IPv6 address: as 2001:db8::2",
        ),
        (
            &["/jails/www", "a b", "10.66.0.2", "/bin/true"],
            EX_DATAERR,
            "host.hostname=a b: not a host name: printable ASCII without blanks",
        ),
        (
            &["/jails/www", "x", "10.66.0.2", "/bin/none"],
            EX_UNAVAILABLE,
            "/bin/none: no such program in the jail",
        ),
        (&["/jails/www", "x"], EX_USAGE, "PATH HOSTNAME IP[,IP...] COMMAND [ARGUMENT ...]"),
        (&["/jails/www", "x", "10.66.0.2"], EX_USAGE, "no command: what is to run in /jails/www?"),
        (
            &["creat", "x"],
            EX_USAGE,
            "creat: no command, nor a path, which has a slash: `rjail --help` lists the commands",
        ),
    ] {
        machine.fails(words, status, error);
    }
    machine.kernel.powerless = true;
    machine.fails(
        &["/jails/www", "x", "10.66.0.2", "/bin/true"],
        EX_NOPERM,
        "only root makes jails, outside any jail, and not after chroot(8) to another directory \
         than path",
    );
}

#[test]
fn list_and_show_for_people() {
    let mut machine = Machine::new();
    machine.two();
    machine.says(
        &["list"],
        "\
JID  Name  Processes  IP Address      Hostname     Path
  1  www           1  10.66.0.2 +1    www.example  /jails/www
  2  -             0  2001:db8::2 +1  db           /jails/db
",
    );
    machine.says(
        &["show", "www"],
        "\
jail            1
name            www
state           ACTIVE
processes       1
path            /jails/www
host.hostname   www.example
ip4.addr        10.66.0.2 10.66.0.4
ip6.addr        -
loopback        rewrite
allow           set_hostname reserved_ports
enforce_statfs  2
lines           2
held by         credentials 2, descriptors 0, files 0, connections 0
",
    );
    let (status, out, _) = machine.run(&["show", "2"]);
    assert_eq!(status, 0);
    for line in [
        "name            -\n",
        "ip4.addr        -\nip6.addr        2001:db8::2 2001:db8::4\nloopback        refuse\n",
        "allow           set_hostname raw_sockets",
        "descriptors 1,",
    ] {
        assert!(out.contains(line), "{out}");
    }
}

#[test]
fn list_and_show_for_programs() {
    let mut machine = Machine::new();
    machine.two();
    let shown = r#"{
  "jid": 1,
  "name": "www",
  "state": "ACTIVE",
  "processes": 1,
  "ipv4_addrs": [
    "10.66.0.2",
    "10.66.0.4"
  ],
  "ipv6_addrs": [],
  "loopback": "rewrite",
  "hostname": "www.example",
  "path": "/jails/www",
  "allow": [
    "set_hostname",
    "reserved_ports"
  ],
  "enforce_statfs": 2,
  "lines": 2,
  "held_by": {
    "descriptors": 0,
    "credentials": 2,
    "files": 0,
    "connections": 0
  }
}
"#;
    machine.says(&["--json", "show", "1"], shown);
    let (_, out, _) = machine.run(&["list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let jails = list["jail-information"]["jail"].as_array().expect("a list");
    assert_eq!(jails[0], serde_json::from_str::<serde_json::Value>(shown).expect("JSON"));
    assert_eq!((&jails[1]["jid"], &jails[1]["name"]), (&2.into(), &serde_json::Value::Null));
    assert_eq!(jails.len(), 2);
}

#[test]
fn a_program_in_a_jail() {
    let mut machine = Machine::new();
    machine.two();
    assert_eq!(machine.run(&["exec", "www", "/bin/exit", "3"]).0, 3);
    assert_eq!(machine.run(&["exec", "-U", "www", "1", "/bin/crash"]).0, 128 + 11);
    assert_eq!(machine.asked(), ["jail 1: /bin/exit 3", "jail 1: /bin/crash"]);
    machine.fails(
        &["exec", "-U", "admin", "www", "/bin/true"],
        EX_NOUSER,
        "www: no user admin in the jail's /etc/passwd",
    );
    // As jexec(8) has them: the machine's users by -u.
    assert_eq!(machine.run(&["exec", "-u", "admin", "www", "/bin/true"]).0, 0);
    machine.fails(
        &["exec", "--user", "www", "www", "/bin/true"],
        EX_NOUSER,
        "www: no user www in /etc/passwd",
    );
    assert_eq!(machine.run(&["exec", "-u", "a", "-U", "b", "1", "/bin/true"]).0, EX_USAGE);
    machine.fails(
        &["exec", "2", "/bin/none", "-x"],
        EX_UNAVAILABLE,
        "jail 2: /bin/none: no such program in the jail",
    );
    // The shell, which the model has not as a program.
    machine.fails(&["exec", "2"], EX_UNAVAILABLE, "jail 2: /bin/sh: no such program in the jail");
    machine.fails(
        &["exec", "7", "/bin/true"],
        EX_UNAVAILABLE,
        "jail 7: the jail is gone or closed",
    );
    machine.fails(
        &["exec", "db", "/bin/true"],
        EX_DATAERR,
        "jail db: no such jail; `rjail list` shows all",
    );
    assert_eq!(machine.run(&["show", "-1"]).0, EX_USAGE);
}

#[test]
fn what_starts_a_jail_leaves_a_process_or_nothing() {
    for (words, status, error) in [
        (
            &["exec.start=/bin/true"][..],
            EX_UNAVAILABLE,
            "www: exec.start: has ended and left no process; start a service there, or say \
             persist; the jail is undone",
        ),
        (
            &["exec.start=/bin/exit 3"],
            EX_UNAVAILABLE,
            "www: exec.start: exit status 3; the jail is undone",
        ),
        (
            &["exec.start=/bin/crash"],
            EX_UNAVAILABLE,
            "www: exec.start: killed by signal 11; the jail is undone",
        ),
        (
            &["exec.start=/bin/sleep 9", "exec.timeout=5"],
            EX_UNAVAILABLE,
            "www: exec.start: not done after exec.timeout=5 seconds; the jail is undone",
        ),
        (&["exec.start=/bin/none"], EX_UNAVAILABLE, "www: exec.start: no such program in the jail"),
        (
            &[],
            EX_UNAVAILABLE,
            "www: nothing to run: the jail has no /bin/sh and /etc/rc; give exec.start, command= \
             or persist; the jail is undone",
        ),
        (
            &["exec.jail_user=nobody", "exec.start=/bin/service"],
            EX_NOUSER,
            "www: no user nobody in the jail's /etc/passwd",
        ),
        (
            &["exec.jail_user=www", "exec.system_jail_user", "exec.start=/bin/service"],
            EX_NOUSER,
            "www: no user www in /etc/passwd",
        ),
        (
            &["exec.consolelog=/jails/www/log", "exec.start=/bin/service"],
            EX_DATAERR,
            "www: exec.consolelog=/jails/www/log: in the jail, whose root could make it any file: \
             take one outside",
        ),
        (
            &["exec.start=/bin/service", "exec.start=/bin/exit 3", "exec.start=/bin/service"],
            EX_UNAVAILABLE,
            "www: exec.start: exit status 3; the jail is undone",
        ),
        (&["path=/none"], EX_DATAERR, "www: path=/none: no such directory: make and fill it first"),
        (&["allow.x=1"], EX_DATAERR, "allow.x=1: not a parameter: allow.tun is"),
    ] {
        let mut machine = Machine::new();
        let line = [&["create", "www", "path=/jails/www"], words].concat();
        machine.fails(&line, status, error);
        machine.says(&["list"], "JID  Name  Processes  IP Address  Hostname  Path\n");
        let left: Vec<_> = fs::read_dir(machine.state()).map(|d| d.count()).into_iter().collect();
        assert!(matches!(left.as_slice(), [] | [0]), "{words:?} leaves a record");
    }
}

#[test]
fn the_usual_script_where_there_is_one() {
    let mut machine = Machine::new();
    machine.kernel.files.extend(["/etc/rc", "/etc/rc.shutdown"]);
    machine
        .says(&["--json", "create", "path=/jails/www"], "{\n  \"jid\": 1,\n  \"name\": null\n}\n");
    assert_eq!(machine.asked(), ["jail 1: /bin/sh /etc/rc"]);
    machine.says(&["stop", "--only", "1"], "");
    let asked = machine.asked();
    assert_eq!(asked, ["jail 1: /bin/sh /etc/rc.shutdown jail", "jail 1: signal 9, close"]);
    assert_eq!(machine.run(&["create", "path=/jails/db", "command=/bin/exit", "4", "x=y"]).0, 4);
}

#[test]
fn a_command_of_its_own() {
    let mut machine = Machine::new();
    let line = ["create", "www", "path=/jails/www", "command=/bin/exit", "5"];
    assert_eq!(machine.run(&line), (5, String::new(), String::new()));
    machine.says(&["list"], "JID  Name  Processes  IP Address  Hostname  Path\n");
    // The name is free again; what a command leaves behind keeps the jail.
    let line = ["create", "name=www", "path=/jails/www", "command=/bin/service"];
    assert_eq!(machine.run(&line), (0, String::new(), String::new()));
    machine.fails(
        &line,
        EX_CANTCREAT,
        "www: www is jail 2 already: `rjail stop www` first, or take another name",
    );
    machine.fails(
        &["create", "2", "path=/jails/www"],
        EX_DATAERR,
        "name=2: not a name: it begins with a letter, a digit or '_', and is no number, which \
         would be a jail's",
    );
}

#[test]
fn kill_and_close() {
    let mut machine = Machine::new();
    machine.two();
    machine.says(&["kill", "-s", "HUP", "www"], "");
    let json = "{\n  \"jid\": 1,\n  \"signal\": 15,\n  \"processes\": 1\n}\n";
    machine.says(&["--json", "kill", "www"], json);
    machine.says(&["kill", "--close", "2"], "");
    assert_eq!(
        machine.asked(),
        ["jail 1: signal 1", "jail 1: signal 15", "jail 2: signal 9, close"]
    );
    // The first has ended, the second was closed.
    machine.fails(&["kill", "2"], EX_DATAERR, "jail 2: no such jail; `rjail list` shows all");
    machine.fails(&["kill", "www"], EX_DATAERR, "jail www: no such jail; `rjail list` shows all");
    machine.fails(
        &["kill", "-s", "FOO", "1"],
        EX_DATAERR,
        "FOO is no signal: write TERM, KILL, HUP, ... or a number",
    );
    machine.kernel.powerless = true;
    machine.fails(&["kill", "1"], EX_NOPERM, "only root signals a jail, and from outside any jail");
}

#[test]
fn stopping_takes_three_steps() {
    let create = |machine: &mut Machine, words: &[&str]| {
        let line = [&["create", "www", "path=/jails/www"], words].concat();
        machine.says(&line, "www: jail 1\n");
        machine.asked();
    };
    for (words, asked, notes) in [
        (
            &["exec.start=/bin/stubborn", "exec.stop=/bin/shutdown"][..],
            &["jail 1: /bin/shutdown", "jail 1: signal 9, close"][..],
            "",
        ),
        (&["exec.start=/bin/service"], &["jail 1: signal 15", "jail 1: signal 9, close"], ""),
        (
            &["exec.start=/bin/stubborn", "exec.stop=/bin/exit 2", "stop.timeout=3"],
            &["jail 1: /bin/exit 2", "jail 1: signal 15", "jail 1: signal 9, close"],
            "rjail: www: exec.stop: exit status 2\n",
        ),
        (
            &["exec.start=/bin/service", "exec.stop=/bin/sleep 100"],
            &["jail 1: /bin/sleep 100", "jail 1: signal 15", "jail 1: signal 9, close"],
            "rjail: www: exec.stop: not done after 90 seconds, killed\n",
        ),
        (
            &["exec.start=/bin/service", "exec.stop=/bin/none"],
            &["jail 1: /bin/none", "jail 1: signal 15", "jail 1: signal 9, close"],
            "rjail: www: exec.stop: no such program in the jail\n",
        ),
        (
            &[
                "exec.start=/bin/service",
                "exec.stop=/bin/exit 2",
                "exec.stop=/bin/crash",
                "exec.stop=/bin/shutdown",
                "exec.consolelog=/log",
            ],
            &[
                "jail 1: /bin/exit 2 > /log",
                "jail 1: /bin/crash > /log",
                "jail 1: /bin/shutdown > /log",
                "jail 1: signal 9, close",
            ],
            "rjail: www: exec.stop: exit status 2\nrjail: www: exec.stop: killed by signal 11\n",
        ),
        (&["exec.start=/bin/service", "stop.timeout=0"], &["jail 1: signal 9, close"], ""),
        (&["persist"], &["jail 1: signal 9, close"], ""),
    ] {
        let mut machine = Machine::new();
        create(&mut machine, words);
        let stopped = machine.run(&["stop", "--only", "www"]);
        assert_eq!(stopped, (0, String::new(), notes.to_owned()), "{words:?}");
        assert_eq!(machine.asked(), asked, "{words:?}");
        machine.says(&["list"], "JID  Name  Processes  IP Address  Hostname  Path\n");
        assert_eq!(fs::read_dir(machine.state()).expect("it is there").count(), 0);
        // By hand or by a worker, twice is no error.
        machine.says(&["stop", "www"], "www: not running\n");
    }
    let mut machine = Machine::new();
    create(&mut machine, &["exec.start=/bin/undead"]);
    machine.fails(
        &["stop", "--only", "www"],
        EX_TEMPFAIL,
        "www: jail 1: closed and killed, but not empty after 10 seconds; `rjail show 1` says how \
         many are left",
    );
    let (_, out, _) = machine.run(&["list"]);
    assert!(out.contains("1 closing"), "{out}");
}

const MANY: &str = r#"
exec { start = "/bin/service" }
jail "www" {
    path = "/jails/www"
    depend = ["db", "mail"]
}
jail "db" {
    path = "/jails/db"
}
jail "mail" {
    path = "/jails/mail"
    depend = "db"
}
"#;

#[test]
fn many_are_started_and_stopped_in_order() {
    let mut machine = Machine::with_config(MANY);
    machine.says(&["start"], "");
    let begun = |jid, name| [format!("jail {jid}: /bin/service"), format!("{name}: jail {jid}")];
    let asked: Vec<String> =
        [begun(1, "db"), begun(2, "mail"), begun(3, "www")].into_iter().flatten().collect();
    assert_eq!(machine.asked(), asked);
    // What runs is left alone.
    machine.says(&["start", "www"], "www: jail 3, running\n");
    assert_eq!(machine.asked(), NO_FILES);
    // Who needs it goes first.
    machine.says(&["stop", "-j", "1", "mail"], "");
    let ended = |jid| [format!("jail {jid}: signal 15"), format!("jail {jid}: signal 9, close")];
    assert_eq!(machine.asked(), [ended(3), ended(2)].concat());
    // What it needs comes along.
    machine.says(&["start", "www"], "");
    assert_eq!(machine.asked(), [begun(4, "mail"), begun(5, "www")].concat());
    machine.says(&["stop"], "");
    assert_eq!(machine.asked(), [ended(5), ended(4), ended(1)].concat());
}

#[test]
fn by_number_too() {
    let mut machine = Machine::with_config(MANY);
    machine.says(&["start", "mail"], "");
    machine.says(&["create", "path=/jails/www", "persist"], "jail 3\n");
    machine.asked();
    machine.says(&["stop", "1", "3"], "");
    let asked = machine.asked();
    let at = |line: &str| asked.iter().position(|said| said == line).expect(line);
    assert!(at("jail 2: signal 9, close") < at("jail 1: signal 15"), "{asked:?}");
    assert!(asked.contains(&"jail 3: signal 9, close".to_owned()));
    machine.fails(&["stop", "9"], EX_DATAERR, "jail 9: no such jail; `rjail list` shows all");
}

#[test]
fn one_that_fails_takes_those_after_it_along() {
    let text = MANY.replace("path = \"/jails/mail\"", "path = \"/jails/none\"");
    let mut machine = Machine::with_config(&text);
    let (status, out, err) = machine.run(&["start"]);
    assert_eq!((status, out.as_str()), (EX_DATAERR, ""));
    assert_eq!(err, "rjail: www: not tried, mail is missing\n");
    assert!(machine.asked().contains(
        &"rjail: mail: path=/jails/none: no such directory: make and fill it first".to_owned()
    ));
    let (_, out, _) = machine.run(&["list"]);
    assert!(out.contains("  db ") && !out.contains("www"), "{out}");
}

#[test]
fn a_file_that_is_wrong_starts_nothing() {
    let text = MANY
        .replace("    path = \"/jails/db\"\n", "    path = \"/jails/db\"\n    depend = \"www\"\n");
    let mut machine = Machine::with_config(&text);
    machine.fails(
        &["start", "mail"],
        EX_CONFIG,
        "depend: db -> www -> db wait for each other: leave one of these out",
    );
    let mut machine = Machine::with_config("jail \"a\" {\n}\n");
    let (status, _, err) = machine.run(&["start"]);
    assert_eq!(status, EX_CONFIG);
    assert!(err.contains("rjail.conf: jail a: path: missing"), "{err}");
    let mut machine = Machine::new();
    assert_eq!(machine.run(&["start"]).0, EX_CONFIG);
    let mut machine = Machine::with_config(MANY);
    let (status, _, err) = machine.run(&["start", "ftp"]);
    assert_eq!(status, EX_DATAERR);
    assert!(err.starts_with("rjail: ftp: no such jail in "), "{err}");
    assert_eq!(machine.asked(), NO_FILES);
}

/// What is left of before a crash, a boot or a reload of the module counts as
/// nothing, although a jail may have its number.
#[test]
fn stale_names_are_not_believed() {
    let mut machine = Machine::new();
    machine.two();
    machine.kernel.load = 2;
    machine.fails(&["show", "www"], EX_DATAERR, "jail www: no such jail; `rjail list` shows all");
    let (_, out, _) = machine.run(&["list"]);
    assert!(!out.contains("www  "), "{out}");
    fs::write(machine.state().join("junk"), b"{}").expect("a file");
    machine.fails(&["show", "junk"], EX_DATAERR, "jail junk: no such jail; `rjail list` shows all");
    for name in ["www", "junk"] {
        let line = ["create", name, "path=/jails/www", "persist"];
        assert_eq!(machine.run(&line).0, 0, "{name}");
    }
    // A name is no path.
    machine.fails(
        &["show", "../state/www"],
        EX_DATAERR,
        "jail ../state/www: no such jail; `rjail list` shows all",
    );
}

#[test]
fn two_do_not_make_one_jail() {
    let mut machine = Machine::new();
    fs::create_dir(machine.state()).expect("a directory");
    let file = fs::File::create(machine.state().join("www")).expect("a file");
    file.lock().expect("a lock");
    machine.fails(
        &["create", "www", "path=/jails/www", "persist"],
        EX_UNAVAILABLE,
        "www: www: somebody is making or stopping it: try again",
    );
    drop(file);
    machine.says(&["create", "www", "path=/jails/www", "persist"], "www: jail 1\n");
}

#[test]
fn why_and_the_ledger() {
    let mut machine = Machine::new();
    machine.two();
    let (status, out, _) = machine.run(&["why", "www", "PRIV_KLD_LOAD"]);
    assert_eq!(status, 1);
    assert_eq!(
        out,
        "PRIV_KLD_LOAD in jail 1: denied by line 1, by the table: A module is the kernel.\n"
    );
    let (status, out, _) = machine.run(&["--json", "why", "1", "PRIV_CRED_SETUID"]);
    assert_eq!(status, 0);
    let settled: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(settled[0]["allowed"], true);
    assert_eq!(settled[0]["settled_by"], "table");
    assert_eq!(settled[0]["refused_by_line"], serde_json::Value::Null);
    machine.fails(
        &["why", "www", "PRIV_X"],
        EX_DATAERR,
        "PRIV_X: this kernel has no such privilege: `rjail privileges` lists them",
    );
    let (status, out, _) = machine.run(&["ledger", "www"]);
    assert_eq!(status, 0);
    assert!(out.starts_with("jail 1, flags: set_hostname reserved_ports\n  used:\n"), "{out}");
    assert_eq!(machine.run(&["ledger"]).1.matches("\n  denied:\n").count(), 2);
    machine.fails(&["ledger", "9"], EX_DATAERR, "jail 9: no such jail; `rjail list` shows all");
    machine.fails(&["ledger", "0"], EX_DATAERR, "jail 0: jails have positive numbers");
}

#[test]
fn without_the_module() {
    let mut machine = Machine::with_config(MANY);
    machine.kernel.absent = true;
    let absent = "the module rjail is not in this kernel: `kldload rjail` on FreeBSD";
    for words in [
        &["list"][..],
        &["show", "1"],
        &["kill", "1"],
        &["why", "1", "PRIV_ROOT"],
        &["ledger"],
        &["exec", "1", "/bin/true"],
        &["create", "path=/jails/www", "persist"],
        &["/jails/www", "x", "10.66.0.2", "/bin/true"],
    ] {
        let (status, out, err) = machine.run(words);
        assert_eq!((status, out.as_str()), (EX_UNAVAILABLE, ""), "{words:?}");
        assert!(err.ends_with(&format!("{absent}\n")), "{words:?}: {err}");
    }
    // What needs no module.
    assert_eq!(machine.run(&["privileges"]).0, 0);
    machine.says(&["stop"], "");
}

#[test]
fn help_and_usage() {
    use clap::CommandFactory as _;
    crate::command::Cli::command().debug_assert();
    let mut machine = Machine::new();
    let (status, out, err) = machine.run(&["--help"]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.contains("rjail PATH HOSTNAME IP[,IP...] COMMAND"), "{out}");
    for words in [&["ledger", "1", "2"][..], &["kill"], &["--no-such"], &["why", "1"], &[]] {
        let (status, out, err) = machine.run(words);
        assert_eq!((status, out.as_str()), (EX_USAGE, ""), "{words:?}");
        assert!(!err.is_empty(), "{words:?}");
    }
}
