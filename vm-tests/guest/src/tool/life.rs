// SPDX-License-Identifier: BSD-2-Clause
//! Jails by the tool from beginning to end: made, started, listed, asked about,
//! signalled, stopped; one and many.

use core::ffi::CStr;

use super::{EX_DATAERR, EX_UNAVAILABLE, SEVEN, create, prints, run, says, with_init};
use crate::answer::want;
use crate::console::Text;
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome, early, jails_gone};
use crate::sys::{self, Error, Result, Status};

const EX_CANTCREAT: i32 = 73;
const EX_CONFIG: i32 = 78;
const SIGTERM: i32 = 15;
const CREATE: i32 = 0x0201;

/// What this program does when the tool runs it in a jail.
pub fn within(word: &CStr) -> Option<Result<i32>> {
    Some(match word.to_bytes() {
        b"tool-service" => service(Manners::Good),
        b"tool-stubborn" => service(Manners::Stubborn),
        b"tool-tracer" => service(Manners::Tracing),
        // All of the jail but this one.
        b"tool-end" => sys::kill(-1, 9).map(|()| 0),
        b"tool-hang" => {
            sys::pause(600_000);
            Ok(1)
        }
        b"tool-word" => sys::write(1, b"started\n").map(|_| 0),
        _ => return None,
    })
}

/// How a service takes it that it is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// By SIGTERM.
    Good,
    /// Not by SIGTERM.
    Stubborn,
    /// Likewise; and it holds whoever comes in as a debugger does.
    Tracing,
}

/// Leaves a process behind that has nothing of its maker's open.
fn service(manners: Manners) -> Result<i32> {
    const ATTACH: i32 = 10;
    if sys::fork()? != 0 {
        return Ok(0);
    }
    if manners != Manners::Good {
        get!(SIGACTION, SIGTERM, &[1_usize, 0, 0, 0], 0)?;
    }
    for descriptor in 0..3 {
        sys::close(descriptor)?;
    }
    let own = sys::getpid()?;
    loop {
        if manners == Manners::Tracing {
            for pid in own + 1..own + 300 {
                let _ = sys::ptrace(ATTACH, pid, 0, 0);
            }
        }
        sys::pause(if manners == Manners::Tracing { 1 } else { 60_000 });
    }
}

const HEAD: &str = "JID  Name  Processes  IP Address  Hostname  Path\n";

/// It is what its arguments print.
fn is(text: &str, arguments: core::fmt::Arguments<'_>) -> bool {
    let wanted = Text::<2048>::of(arguments);
    core::str::from_utf8(wanted.bytes()) == Ok(text)
}

fn prints_of(arguments: &[&CStr], wanted: core::fmt::Arguments<'_>) -> Outcome {
    super::run_and_say(arguments, false, 0, |text| is(text, wanted)).map(drop)
}

/// From create to stop, with what list, show, why and kill say meanwhile.
pub fn life(_: &Context) -> Outcome {
    with_init(from_create_to_stop)
}

fn from_create_to_stop() -> Outcome {
    let www = create(&[
        c"create",
        c"www",
        c"path=/jail",
        c"host.hostname=www.example",
        c"ip4.addr=10.66.0.2,10.66.0.4",
        c"loopback=refuse",
        c"exec.start=/guest tool-service",
    ])?;
    let db = create(&[c"create", c"path=/sibling", c"ip6.addr=2001:db8::7", c"persist"])?;
    prints_of(
        &[c"list"],
        format_args!(
            "       JID  Name  Processes  IP Address    Hostname     Path\n\
             {www}  www           1  10.66.0.2 +1  www.example  /jail\n\
             {db}  -             0  2001:db8::7   sibling      /sibling\n"
        ),
    )?;
    let shown = |credentials: &str, text: &str| {
        is(
            text,
            format_args!(
                "jail            {www}\nname            www\nstate           ACTIVE\n\
                 processes       1\npath            /jail\nhost.hostname   www.example\n\
                 ip4.addr        10.66.0.2 10.66.0.4\nip6.addr        -\n\
                 loopback        refuse\nallow           set_hostname reserved_ports\n\
                 enforce_statfs  2\nlines           2\nheld by         credentials \
                 {credentials}, descriptors 0, files 0, connections 0\n"
            ),
        )
    };
    super::run_and_say(&[c"show", c"www"], false, 0, |text| {
        text.split("credentials ")
            .nth(1)
            .and_then(|rest| rest.split(',').next())
            .is_some_and(|count| count.parse() != Ok(0) && shown(count, text))
    })?;
    let json = Text::<512>::of(format_args!(
        "{{\n  \"jail-information\": {{\n    \"jail\": [\n      {{\n        \"jid\": {www},\n        \
         \"name\": \"www\",\n        \"state\": \"ACTIVE\",\n        \"processes\": 1,\n        \
         \"ipv4_addrs\": [\n          \"10.66.0.2\",\n          \"10.66.0.4\"\n        ],\n        \
         \"ipv6_addrs\": [],\n        \"loopback\": \"refuse\",\n        \
         \"hostname\": \"www.example\",\n        \"path\": \"/jail\",\n"
    ));
    super::run_and_say(&[c"--json", c"list"], false, 0, |text| {
        text.as_bytes().starts_with(json.bytes())
    })?;
    let denied = |text: &str| {
        is(
            text,
            format_args!(
                "PRIV_KLD_LOAD in jail {www}: denied by line 1, by the table: A module is the \
                 kernel.\n"
            ),
        )
    };
    super::run_and_say(&[c"why", c"www", c"PRIV_KLD_LOAD"], false, 1, denied)?;
    says(&[c"why", c"www", c"PRIV_NETINET_RESERVEDPORT"], false, (0, &[": allowed, by flag ("]))?;
    let unknown =
        "rjail: PRIV_X: this kernel has no such privilege: `rjail privileges` lists them\n";
    prints(&[c"why", c"www", c"PRIV_X"], EX_DATAERR, unknown)?;
    says(&[c"create", c"www", c"path=/jail", c"persist"], false, (EX_CANTCREAT, &["already"]))?;
    says(&[c"kill", c"www"], true, (77, &["only root signals a jail"]))?;
    says(&[c"ledger", c"www"], false, (0, &["flags: set_hostname reserved_ports\n"]))?;

    // With its only process the first is gone; what holds the other stays with it.
    let text = Text::<128>::of(format_args!(
        "{{\n  \"jid\": {www},\n  \"signal\": 15,\n  \"processes\": 1\n}}\n"
    ));
    super::run_and_say(&[c"--json", c"kill", c"www"], false, 0, |said| {
        said.as_bytes() == text.bytes()
    })?;
    want!("jails", crate::programs::settle(1), Ok(1));
    prints(
        &[c"show", c"www"],
        EX_DATAERR,
        "rjail: jail www: no such jail; `rjail list` shows all\n",
    )?;
    let number = Text::<32>::of(format_args!("{db}\0"));
    let number = CStr::from_bytes_until_nul(number.bytes()).unwrap_or_default();
    prints(&[c"kill", c"--close", number], 0, "")?;
    want!("jails", crate::programs::settle(0), Ok(0));
    prints(&[c"list"], 0, HEAD)?;

    // A command of its own, and what does not start.
    prints(&[c"create", c"path=/jail", c"command=/guest", c"tool-seven"], SEVEN, "")?;
    for (words, message) in [
        ([c"path=/jail", c"exec.start=/guest tool-seven"], "exec.start: exit status 7"),
        (
            [c"path=/jail", c"exec.start=/guest tool-user"],
            "exec.start: has ended and left no process; start a service there, or say persist",
        ),
        ([c"path=/jail", c"exec.clean"], "nothing to run: the jail has no /bin/sh and /etc/rc"),
        ([c"path=/jail", c"exec.start=/none"], "exec.start: no such program in the jail"),
    ] {
        let [a, b] = words;
        says(&[c"create", c"www", a, b], false, (EX_UNAVAILABLE, &["rjail: www: ", message]))?;
    }
    jails_gone()
}

/// Each of the steps that end a jail, and how long it takes.
pub fn stops(_: &Context) -> Outcome {
    with_init(each_step)
}

fn each_step() -> Outcome {
    for (start, stop, more, note, least, most) in [
        // By its own command.
        (
            c"exec.start=/guest tool-stubborn",
            c"exec.stop=/guest tool-end",
            c"exec.clean",
            "",
            0,
            9000,
        ),
        // By SIGTERM.
        (
            c"exec.start=/guest tool-service",
            c"exec.stop=/guest tool-user",
            c"exec.clean",
            "",
            0,
            9000,
        ),
        // By SIGKILL, after a second, and at once.
        (
            c"exec.start=/guest tool-stubborn",
            c"exec.stop=/guest tool-seven",
            c"stop.timeout=1",
            "rjail: www: exec.stop: exit status 7\n",
            1000,
            9000,
        ),
        (
            c"exec.start=/guest tool-stubborn",
            c"exec.stop=/guest tool-user",
            c"stop.timeout=0",
            "",
            0,
            9000,
        ),
        // Nobody waits for a command without end.
        (
            c"exec.start=/guest tool-service",
            c"exec.stop=/guest tool-hang",
            c"exec.timeout=1",
            "rjail: www: exec.stop: not done after 1 seconds, killed\n",
            1000,
            9000,
        ),
        // Nor for one that the jail's root holds, SIGKILL or not: it goes with its holder.
        (
            c"exec.start=/guest tool-tracer",
            c"exec.stop=/guest tool-hang",
            TWO,
            "rjail: www: exec.stop: not done after 1 seconds, killed\n",
            2000,
            12_000,
        ),
    ] {
        let mut words = [c"create", c"www", c"path=/jail", start, stop, more, c""];
        if more == TWO {
            (words[5], words[6]) = (c"exec.timeout=1", c"stop.timeout=1");
        }
        let count = if more == TWO { 7 } else { 6 };
        create(&words[..count])?;
        let began = sys::uptime();
        // Who holds who comes in may have it before its program runs.
        let held = "rjail: www: exec.stop: the jail holds up who enters it: not running in time\n";
        super::run_and_say(&[c"stop", c"www"], false, 0, |text| {
            text == note || more == TWO && text == held
        })?;
        let took = sys::uptime() - began;
        if took < least || took > most {
            return Err(Text::of(format_args!("{stop:?} took {took} ms")));
        }
        jails_gone()?;
        prints(&[c"stop", c"www"], 0, "www: not running\n")?;
    }
    // What is written goes to a file outside the jail.
    create(&[
        c"create",
        c"www",
        c"path=/jail",
        c"exec.consolelog=/sibling/www.log",
        c"exec.start=/guest tool-word",
        c"exec.start=/guest tool-service",
    ])?;
    let mut said = [0; 32];
    let log = early("the log", sys::open(c"/sibling/www.log", 0, 0))?;
    want!("the log", sys::read(log, &mut said).map(|n| said[..n] == *b"started\n"), Ok(true));
    early("closing it", sys::close(log))?;
    prints(&[c"stop", c"www"], 0, "")?;
    early("clearing up", sys::unlink(c"/sibling/www.log"))?;
    says(
        &[
            c"create",
            c"path=/jail",
            c"persist",
            c"exec.consolelog=/jail/dir/log",
            c"exec.start=/guest",
        ],
        false,
        (EX_DATAERR, &["exec.consolelog=/jail/dir/log: in the jail"]),
    )?;
    jails_gone()
}

/// Two limits of a second each.
const TWO: &CStr = c"exec.timeout=1, stop.timeout=1";

const MANY: &[u8] = b"
exec { start = \"/guest tool-service\" }
stop { timeout = 5 }
jail \"www\" {
    path = \"/jail\"
    ip4 { addr = \"10.66.0.2\" }
    depend = [\"db\", \"mail\"]
}
jail \"db\" {
    path = \"/jail\"
}
jail \"mail\" {
    path = \"/jail\"
    depend = \"db\"
}
jail \"lost\" {
    path = \"/none\"
}
";

/// Those of the configuration file, in their order.
pub fn many(_: &Context) -> Outcome {
    with_init(of_a_file)
}

fn of_a_file() -> Outcome {
    early(
        "the file",
        sys::open(c"/sibling/rjail.conf", CREATE, 0o644).and_then(|fd| {
            sys::write(fd, MANY)?;
            sys::close(fd)
        }),
    )?;
    let lost = ["rjail: lost: path=/none: no such directory", "db: jail ", "www: jail "];
    says(&[c"start", c"-j", c"2"], false, (EX_DATAERR, &lost))?;
    // In the order of their numbers, each after what it depends on.
    let ordered = |text: &str| {
        let at = |name: &str| text.find(name).unwrap_or(usize::MAX);
        at("  db ") < at("  mail ") && at("  mail ") < at("  www ") && at("  www ") < usize::MAX
    };
    super::run_and_say(&[c"list"], false, 0, ordered)?;
    says(&[c"start", c"www"], false, (0, &["www: jail ", ", running\n"]))?;
    // Who needs it goes first.
    prints(&[c"stop", c"mail"], 0, "")?;
    let left = |text: &str| text.lines().count() == 2 && text.contains("  db ");
    super::run_and_say(&[c"list"], false, 0, left)?;
    let asked = run(&[c"start", c"www"], false).map(|(status, _)| status);
    want!("starting it again", asked, Ok(Status::Exited(0)));
    prints(&[c"stop"], 0, "")?;
    prints(&[c"list"], 0, HEAD)?;
    early("clearing up", sys::unlink(c"/sibling/rjail.conf"))?;
    says(&[c"start"], false, (EX_CONFIG, &["/sibling/rjail.conf: No such file"]))?;
    want!("a file that is gone", sys::unlink(c"/sibling/rjail.conf"), Err(Error(2)));
    jails_gone()
}
