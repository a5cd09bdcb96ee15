// SPDX-License-Identifier: BSD-2-Clause
//! As FreeBSD starts and stops services: the script of rc.d(8), by the base system's
//! shell and rc.subr(8); and a jail with a shell, started by its own rc(8).

use core::ffi::CStr;

use super::{create, hear, prints, with_init};
use crate::answer::want;
use crate::console::Text;
use crate::errno::ENOENT;
use crate::privileges::calls::get;
use crate::programs::{Context, MODULE_FILE, Outcome, early, have_module, jails_gone, settle};
use crate::sys::{self, Error, Result, Status};
use crate::world::{copy, make_file};

/// The base system's shell, if it is there.
pub const SHELL: &CStr = c"/bin/sh";

/// The script as it was built, and where the port installs it.
const SCRIPT: [&CStr; 2] = [c"/rjail/rc.d", c"/usr/local/etc/rc.d/rjail"];
const CONFIG: &CStr = c"/usr/local/etc/rjail.conf";
const RC_CONF: &CStr = c"/usr/local/etc/rc.conf.d/rjail";
/// What is mounted meanwhile: where settings are and where the tool keeps names.
const MOUNTS: [&CStr; 2] = [c"/usr/local/etc", c"/var/run"];

/// Jails that start in the order db, mail, www; db is held by the tool alone.
const JAILS: &[u8] = b"
exec { start = \"/guest tool-service\" }
stop { timeout = 5 }
jail \"www\" {
    path = \"/jail\"
    ip4 { addr = \"10.66.0.2\" }
    depend = \"mail\"
}
jail \"mail\" {
    path = \"/jail\"
    depend = \"db\"
}
jail \"db\" {
    path = \"/sibling\"
    exec { start = [] }
    persist = true
}
";
const LOST: &[u8] = b"
jail \"lost\" {
    path = \"/none\"
}
";

/// As service(8) runs a script; what it ends with, and what it says.
fn service(words: &str) -> Result<(Status, &'static str)> {
    let line = Text::<160>::of(format_args!(
        "cd /; HOME=/ PATH=/sbin:/bin:/usr/sbin:/usr/bin exec {} {words}\0",
        SCRIPT[1].to_str().unwrap_or_default()
    ));
    let line = CStr::from_bytes_until_nul(line.bytes()).unwrap_or_default();
    hear(|to| sys::run(SHELL, [c"-c", line], to))
}

/// It ends so, and says all of these in this order.
fn serves(words: &str, status: i32, lines: &[&str]) -> Outcome {
    let (ended, text) = early("the shell", service(words))?;
    let mut rest = text;
    let says = lines.iter().all(|line| match rest.find(line) {
        Some(at) => {
            rest = &rest[at + line.len()..];
            true
        }
        None => false,
    });
    if ended == Status::Exited(status) && says && (!lines.is_empty() || text.is_empty()) {
        return Ok(());
    }
    crate::say!("# service rjail {words}: {ended:?}: {text}");
    Err(Text::of(format_args!("service rjail {words}: {ended:?}: {text}")))
}

fn replace(path: &CStr, bytes: &[u8]) -> Outcome {
    match sys::unlink(path) {
        Ok(()) | Err(Error(ENOENT)) => early("a file", make_file(path, bytes)),
        Err(error) => early("a file", Err(error)),
    }
}

fn is_loaded() -> bool {
    sys::kldfind(MODULE_FILE).is_ok()
}

/// From a machine without the module to its shutdown.
pub fn script(_: &Context) -> Outcome {
    for at in MOUNTS {
        early("mount", sys::nmount(c"tmpfs", at))?;
    }
    let outcome = with_init(from_boot_to_shutdown);
    for at in MOUNTS {
        early("unmount", sys::unmount(at, 0))?;
    }
    early("the module", have_module(true))?;
    outcome
}

fn from_boot_to_shutdown() -> Outcome {
    for directory in [c"/usr/local/etc/rc.d", c"/usr/local/etc/rc.conf.d"] {
        early("a directory", sys::mkdir(directory, 0o755))?;
    }
    early("installed", copy(SCRIPT[0], SCRIPT[1]))?;
    early("unloaded", have_module(false))?;

    // Nobody asked for it.
    let refused = "Cannot 'start' rjail. Set rjail_enable to YES in /etc/rc.conf or use \
                   'onestart' instead of 'start'.\n";
    serves("start", 0, &[refused])?;
    serves("enabled", 1, &[])?;
    want!("loaded for nobody", is_loaded(), false);
    // Asked for, and nothing there to start: nothing is changed.
    replace(RC_CONF, b"rjail_enable=\"YES\"\nrjail_jobs=\"2\"\n")?;
    serves("enabled", 0, &[])?;
    serves("start", 1, &["/usr/local/etc/rjail.conf is not readable."])?;
    want!("loaded for nothing", is_loaded(), false);

    // As rc(8) starts it at boot; the script loads the module.
    replace(CONFIG, JAILS)?;
    serves("faststart", 0, &["db: jail ", "mail: jail ", "www: jail "])?;
    want!("loaded", is_loaded(), true);
    want!("all of the file", sys::sysctl_number("security.rjail.jails"), Ok(3));
    serves("status", 0, &["JID", " db ", " mail ", " www "])?;
    // What runs is left as it is, with the module loaded and the tool, which holds db, a
    // process.
    serves("start", 0, &["running\n"])?;
    want!("all of the file", sys::sysctl_number("security.rjail.jails"), Ok(3));
    // Those that are named; who needs one goes before it.
    serves("stop mail", 0, &[])?;
    want!("those that need no mail", settle(1), Ok(1));
    serves("start www", 0, &["mail: jail ", "www: jail "])?;
    want!("what www needs", sys::sysctl_number("security.rjail.jails"), Ok(3));
    serves("restart www", 0, &["www: jail "])?;
    want!("again", settle(3), Ok(3));
    // As rc.shutdown(8) does.
    serves("faststop", 0, &[])?;
    want!("none is left", settle(0), Ok(0));
    serves("status", 0, &["JID"])?;

    // By rc.conf(5): not all, and another file.
    replace(RC_CONF, b"rjail_enable=\"YES\"\nrjail_list=\"mail\"\n")?;
    serves("start", 0, &["db: jail ", "mail: jail "])?;
    want!("mail and what it needs", settle(2), Ok(2));
    serves("onestop db", 0, &[])?;
    want!("and without", settle(0), Ok(0));
    replace(c"/usr/local/etc/other.conf", LOST)?;
    replace(RC_CONF, b"rjail_enable=\"YES\"\nrjail_conf=\"/usr/local/etc/other.conf\"\n")?;
    // What the tool says is what the service comes to.
    serves("start", 1, &["rjail: lost: path=/none: no such directory"])?;
    serves("nonsense", 1, &["unknown directive 'nonsense'.\n", "Usage: "])?;
    jails_gone()
}

/// A jail with a shell and no word of what starts it: its /etc/rc, and at its end its
/// /etc/rc.shutdown.
pub fn shell(_: &Context) -> Outcome {
    with_init(by_its_own_rc)
}

const RC: &CStr = c"/jail/etc/rc";
const SHUTDOWN: &CStr = c"/jail/etc/rc.shutdown";
const SAID: &CStr = c"/jail/dir/said";
const INSIDE: &CStr = c"/jail/bin/sh";

fn by_its_own_rc() -> Outcome {
    early("a directory", sys::mkdir(c"/jail/bin", 0o755))?;
    early("a shell", copy(SHELL, INSIDE))?;
    replace(RC, b"echo \"begun $(ulimit -c)\" >/dir/said\n/guest tool-service\n")?;
    replace(SHUTDOWN, b"echo ended >>/dir/said\nkill -TERM -1\n")?;
    create(&[c"create", c"www", c"path=/jail", c"host.hostname=www.example"])?;
    prints(&[c"exec", c"www", c"/bin/sh", c"-c", c"echo $((6 * 7)); exit 7"], 7, "42\n")?;
    prints(&[c"stop", c"www"], 0, "")?;
    jails_gone()?;
    let mut said = [0; 64];
    let file = early("what they said", sys::open(SAID, 0, 0))?;
    let length = early("what they said", sys::read(file, &mut said))?;
    early("closing it", sys::close(file))?;
    let said = core::str::from_utf8(&said[..length]).unwrap_or("(not UTF-8)");
    if !said.starts_with("begun ") || !said.ends_with("\nended\n") {
        return Err(Text::of(format_args!("they said: {said}")));
    }
    for file in [RC, SHUTDOWN, SAID, INSIDE] {
        early("clearing up", sys::unlink(file))?;
    }
    early("clearing up", get!(RMDIR, c"/jail/bin").map(drop))
}
