// SPDX-License-Identifier: BSD-2-Clause
//! `etc/rc.d/rjail`, run by this host's shell with an rc.subr that does what
//! rc.subr(8) says of the variables it sets; the base system's own runs it in the VM.
//! The tool is one that writes down how it was called, or the real one, for which this
//! is no machine with the module.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Loads `rc.conf`; then, as rc.subr(8): a prefix "one" says the service is enabled,
/// a start or stop that is not is passed over, files must be readable, modules are
/// asked for by their own names and loaded by their files'.
const RC_SUBR: &str = r#"
load_rc_config() { . "${RC_CONF}"; }
checkyesno() { eval _value=\$$1; [ "${_value}" = YES ]; }
kldstat_m() { [ "$1" = "${LOADED:-}" ]; }
run_rc_command() {
    case $1 in one*) _action=${1#one}; eval ${rcvar}=YES ;; *) _action=$1 ;; esac
    case " start stop ${extra_commands} " in *" ${_action} "*) ;; *)
        echo "usage: start stop ${extra_commands}" >&2; return 1 ;; esac
    eval command=\${${name}_program:-\$command}
    if [ -n "${command:-}" ]; then echo "its processes are looked for" >&2; return 1; fi
    if [ "${_action}" != status ] && ! checkyesno ${rcvar}; then
        echo "Cannot '${_action}' ${name}."; return 0; fi
    if [ "${_action}" = start ]; then
        for _file in ${required_files}; do [ -r "${_file}" ] || {
            echo "${_file} is not readable." >&2; return 1; }; done
        for _module in ${required_modules}; do
            kldstat_m "${_module#*:}" || echo "kldload ${_module%%:*}"; done
    fi
    eval _command=\$${_action}_cmd
    ${_command}
}
"#;

struct Machine(TempDir);

impl Machine {
    fn new(rc_conf: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc/rc.d/rjail");
        let script = fs::read_to_string(script).expect("the script");
        let subr = format!(". {}", at("rc.subr").display());
        assert_eq!(script.matches("\n. /etc/rc.subr\n").count(), 1);
        fs::write(at("script"), script.replace(". /etc/rc.subr", &subr)).expect("a file");
        fs::write(at("rc.subr"), RC_SUBR).expect("a file");
        fs::write(at("rjail.conf"), "").expect("a file");
        let tool = at("tool");
        fs::write(&tool, "#!/bin/sh\necho \"rjail $*\"\n").expect("a file");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("its mode");
        let usual = format!(
            "rjail_conf={}\nrjail_tool={}\n{rc_conf}",
            at("rjail.conf").display(),
            tool.display()
        );
        fs::write(at("rc.conf"), usual).expect("a file");
        Self(directory)
    }

    /// Exit status and all that was said, paths shortened.
    fn run(&self, words: &[&str], loaded: bool) -> (i32, String) {
        let ran = Command::new("/bin/sh")
            .arg(self.0.path().join("script"))
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a path"))
            .env("RC_CONF", self.0.path().join("rc.conf"))
            .env("LOADED", if loaded { "sys/rjail" } else { "" })
            .output()
            .expect("a shell");
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        let here = format!("{}/", self.0.path().display());
        (ran.status.code().expect("a status"), said.replace(&here, ""))
    }
}

#[test]
fn it_starts_and_stops_what_rc_conf_says() {
    let all = Machine::new("rjail_enable=YES\n");
    let start = "rjail --config rjail.conf start\n";
    assert_eq!(all.run(&["start"], false), (0, format!("kldload rjail\n{start}")));
    // By the boot loader, say: kldload(8) would fail then.
    assert_eq!(all.run(&["start"], true), (0, start.to_owned()));
    assert_eq!(all.run(&["stop"], true), (0, "rjail --config rjail.conf stop\n".to_owned()));
    assert_eq!(all.run(&["status"], true), (0, "rjail list\n".to_owned()));

    let some = Machine::new("rjail_enable=YES\nrjail_list='db www'\nrjail_jobs=4\n");
    let start = "rjail --config rjail.conf start --jobs 4 db www\n";
    assert_eq!(some.run(&["start"], true), (0, start.to_owned()));
    // Those that are named, and only those.
    let stop = "rjail --config rjail.conf stop --jobs 4 mail\n";
    assert_eq!(some.run(&["stop", "mail"], true), (0, stop.to_owned()));
}

#[test]
fn what_is_not_enabled_or_not_there_is_not_started() {
    let off = Machine::new("");
    assert_eq!(off.run(&["start"], true), (0, "Cannot 'start' rjail.\n".to_owned()));
    let one = "rjail --config rjail.conf start www\n";
    assert_eq!(off.run(&["onestart", "www"], true), (0, one.to_owned()));
    let without = Machine::new("rjail_enable=YES\n");
    fs::remove_file(without.0.path().join("rjail.conf")).expect("it was there");
    assert_eq!(without.run(&["start"], true), (1, "rjail.conf is not readable.\n".to_owned()));
    assert_eq!(without.run(&["reload"], true).0, 1);
}

/// The words that it gives the tool are ones that the tool takes, and what the tool
/// says is what the service's start comes to.
#[test]
fn the_tools_own_status_is_the_services() {
    let tool = format!("rjail_tool={}\n", env!("CARGO_BIN_EXE_rjail"));
    let machine = Machine::new(&format!("rjail_enable=YES\nrjail_jobs=2\n{tool}"));
    let jail = "jail \"www\" {\n    path = \"/jails/www\"\n}\n";
    fs::write(machine.0.path().join("rjail.conf"), jail).expect("a file");
    let (status, said) = machine.run(&["start", "www"], true);
    let absent = "rjail: www: the module rjail is not in this kernel: `kldload rjail` on FreeBSD\n";
    if cfg!(not(target_os = "freebsd")) {
        assert_eq!((status, said.as_str()), (69, absent));
    }
    let (status, said) = machine.run(&["start", "ftp"], true);
    assert_eq!((status, said.as_str()), (65, "rjail: ftp: no such jail in rjail.conf\n"));
    fs::write(machine.0.path().join("rjail.conf"), "jail {\n}\n").expect("a file");
    assert_eq!(machine.run(&["start"], true).0, 78);
}
