// SPDX-License-Identifier: BSD-2-Clause
//! `make install` puts what the port's list says where it says, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

/// GNU make, by whichever name it has here.
fn gnu_make() -> &'static str {
    let says_so = |name: &&&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).starts_with("GNU Make"))
    };
    ["gmake", "make"].iter().find(says_so).expect("GNU make, as the front door needs")
}

#[test]
fn what_is_installed_is_on_the_ports_list() {
    let stage = tempfile::tempdir().expect("a directory");
    let [module, tool] = ["rjail.ko", "rjail"].map(|name| stage.path().join(name));
    for file in [&module, &tool] {
        fs::write(file, "built elsewhere").expect("a file");
    }
    let root = stage.path().join("root");
    let made = Command::new(gnu_make())
        .current_dir(repository())
        .arg("install")
        .arg(format!("DESTDIR={}", root.display()))
        .arg(format!("KO={}", module.display()))
        .arg(format!("TOOL={}", tool.display()))
        .env_remove("MAKEFLAGS")
        .output()
        .expect("make");
    let said = [made.stdout, made.stderr].concat();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&said));
    let mut found = Vec::new();
    files(&root, &mut found);
    let installed: BTreeSet<String> = found
        .iter()
        .map(|path| format!("/{}", path.strip_prefix(&root).expect("below it").display()))
        .collect();
    let list = fs::read_to_string(repository().join("port/pkg-plist")).expect("the list");
    let listed: BTreeSet<String> = list
        .lines()
        .map(|line| {
            let line = line.trim_start_matches("@sample ").trim_end_matches(".gz");
            match line.strip_prefix("/%%KMODDIR%%") {
                Some(rest) => format!("/boot/modules{rest}"),
                None => format!("/usr/local/{line}"),
            }
        })
        .collect();
    assert_eq!(installed, listed);
    for path in found {
        let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
        let program = path.ends_with("sbin/rjail") || path.ends_with("etc/rc.d/rjail");
        let wanted = if program { 0o555 } else { 0o444 };
        assert_eq!(mode, wanted, "{}", path.display());
    }
}
