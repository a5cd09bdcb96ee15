// SPDX-License-Identifier: BSD-2-Clause
//! The manual pages say what there is, no less and no more: what the header, the
//! module and the tool list is held to what the pages list.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use rjail_cli::{command, config, parameter};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    let path = repository().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Words behind this macro, at the beginning of a line and within one.
fn marked(page: &str, mark: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with('.')) {
        let words: Vec<&str> = line.trim_start_matches('.').split_whitespace().collect();
        let Some(at) = words.iter().position(|word| *word == mark) else { continue };
        let names = words[at + 1..].iter().take_while(|word| {
            // Another macro ends the list.
            word.len() != 2 || !word.starts_with(|c: char| c.is_ascii_uppercase())
        });
        found.extend(names.filter(|word| word.len() > 1).map(|word| (*word).to_owned()));
    }
    found
}

/// What the lists of a section are about.
fn items(page: &str, section: &str, mark: &str) -> BTreeSet<String> {
    let page = page
        .split("\n.Sh ")
        .find(|text| text.starts_with(section))
        .unwrap_or_else(|| panic!("no section {section}"));
    let lines = page.lines().filter(|line| line.starts_with(".It "));
    marked(&lines.map(|line| format!("{line}\n")).collect::<String>(), mark)
}

fn set(names: impl IntoIterator<Item = impl Into<String>>) -> BTreeSet<String> {
    names.into_iter().map(Into::into).collect()
}

fn without_comments(c: &str) -> String {
    let rest = |text: &str| text.split_once("*/").map_or("", |(_, rest)| rest).to_owned();
    let mut parts = c.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(rest).collect::<String>()
}

/// `#define NAME` of the header, those whose name begins so.
fn defined(header: &str, prefix: &str) -> BTreeSet<String> {
    let names = header.lines().filter_map(|line| {
        let name = line.strip_prefix("#define\t")?.split(['\t', ' ', '(']).next()?;
        name.starts_with(prefix).then(|| name.to_owned())
    });
    names.collect()
}

#[test]
fn each_flag_of_the_header_is_in_rjail_2() {
    let header = read("kmod/rjail.h");
    let start = header.find("#define\tRJAIL_SET_HOSTNAME").expect("the first flag");
    let end = header.find("#define\tRJAIL_FLAGS_ALL").expect("all flags");
    let mut flags = defined(&header[start..end], "RJAIL_");
    flags.insert("RJAIL_DEFAULTS".to_owned());
    assert_eq!(items(&read("man/rjail.2"), "FLAGS", "Dv"), flags);
}

/// Operations are functions there; their own numbers are nobody's to name.
#[test]
fn each_constant_and_function_of_the_header_is_in_rjail_2() {
    let (header, page) = (read("kmod/rjail.h"), read("man/rjail.2"));
    let operations: BTreeSet<String> = header
        .lines()
        .filter(|line| line.contains("/* struct rjail_"))
        .filter_map(|line| Some(line.strip_prefix("#define\t")?.split('\t').next()?.to_owned()))
        .collect();
    assert!(operations.contains("RJAIL_CREATE") && operations.len() >= 2, "{operations:?}");
    let said: BTreeSet<String> = marked(&page, "Dv");
    for name in defined(&header, "RJAIL_") {
        let internal = ["RJAIL_FLAGS_ALL", "RJAIL_MAX_WAIT"].contains(&name.as_str());
        assert!(
            internal || operations.contains(&name) || said.contains(&name),
            "rjail.2 lacks {name}"
        );
    }
    let functions: Vec<&str> = header
        .lines()
        .filter(|line| line.starts_with("rjail"))
        .filter_map(|line| line.split('(').next())
        .collect();
    assert_eq!(functions.len(), operations.len() + 1, "{functions:?}");
    for function in functions {
        assert!(page.contains(&format!(".Fn {function} ")), "rjail.2 lacks {function}()");
    }
}

#[test]
fn each_field_of_the_header_is_in_rjail_2() {
    let (header, page) = (without_comments(&read("kmod/rjail.h")), read("man/rjail.2"));
    let said = marked(&page, "Va");
    let mut count = 0;
    for text in header.split("\nstruct ").skip(1) {
        let (head, rest) = text.split_once("{\n").expect("a structure");
        let body = rest.split_once("\n};").expect("its end").0;
        for line in body.lines().filter(|line| line.contains(';')) {
            let field = line.split(';').next().expect("a field").rsplit(['\t', ' ', '*']).next();
            let field = field.expect("a name").trim_end_matches("[32]");
            assert!(said.contains(field), "rjail.2 lacks {field} of struct {head}");
            count += 1;
        }
    }
    assert!(count > 30, "the header is read wrongly: {count} fields");
}

#[test]
fn all_of_the_header_to_confine_by_is_in_rjail_confine_3() {
    let (header, page) = (read("confine/include/rjail_confine.h"), read("man/rjail_confine.3"));
    let steps = defined(&header, "RJAIL_STEP_");
    assert_eq!(steps.len(), 9);
    assert_eq!(items(&page, "DESCRIPTION", "Dv"), steps);
    let header = without_comments(&header);
    let functions: Vec<&str> = header
        .lines()
        .filter(|line| line.starts_with("rjail_"))
        .filter_map(|line| line.split('(').next())
        .collect();
    assert_eq!(functions.len(), 3, "{functions:?}");
    for function in functions {
        assert!(page.contains(&format!(".Fn {function} ")), "rjail_confine.3 lacks {function}()");
    }
    assert_eq!(items(&page, "DESCRIPTION", "Va"), set(["step", "descriptor", "text"]));
}

/// Each macro in the module that makes a sysctl has its name in a string.
#[test]
fn each_sysctl_is_in_rjail_4() {
    let source = read("kmod/rjail.c");
    let full = source.split('"').filter(|text| {
        text.starts_with("security.rjail.") && !text.ends_with('.') && !text.contains(' ')
    });
    let added = source.split("OID_AUTO, \"").skip(1).filter_map(|text| text.split('"').next());
    let defaults = source.split("} rjail_defaults[] = {").nth(1).expect("the defaults");
    let defaults = defaults.split("\n};").next().expect("their end");
    let defaults = defaults.split("{ \"").skip(1).filter_map(|text| text.split('"').next());
    let names: BTreeSet<String> = full
        .map(str::to_owned)
        .chain(added.chain(defaults).map(|name| format!("security.rjail.{name}")))
        .filter(|name| name != "security.rjail.rjail")
        .collect();
    assert!(names.len() >= 12, "{names:?}");
    assert_eq!(items(&read("man/rjail.4"), "SYSCTL VARIABLES", "Va"), names);
}

#[test]
fn each_command_and_option_is_in_rjail_8() {
    let page = read("man/rjail.8");
    let tool = command::Cli::command();
    let mut commands = BTreeSet::new();
    let mut options = BTreeSet::new();
    for command in std::iter::once(&tool).chain(tool.get_subcommands()) {
        if command.get_name() != "rjail" {
            commands.insert(command.get_name().to_owned());
            commands.extend(command.get_visible_aliases().map(str::to_owned));
        }
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            options.extend(option.get_short().map(String::from));
            options.extend(option.get_long().map(|name| format!("-{name}")));
        }
    }
    let said = items(&page, "DESCRIPTION", "Cm");
    assert_eq!(
        said.iter().map(|name| name.trim_end_matches(',').to_owned()).collect::<BTreeSet<_>>(),
        commands
    );
    let list = page.split("\n.Sh DESCRIPTION").nth(1).expect("a description");
    let list = list.split("\n.Sh ").next().expect("its end");
    let said: BTreeSet<String> = list
        .lines()
        .filter(|line| line.starts_with(".It Fl"))
        .flat_map(|line| line.split("Fl ").skip(1))
        .filter_map(|text| text.split_whitespace().next().map(str::to_owned))
        .collect();
    assert_eq!(said, options);
    for name in &commands {
        assert!(page.contains(&format!(".Cm {name}")) || name == "remove", "SYNOPSIS lacks {name}");
    }
}

#[test]
fn each_parameter_is_in_rjail_8() {
    let names = parameter::PARAMETERS.iter().map(|parameter| parameter.name.to_owned());
    let names = set(names.chain(parameter::flags().map(|(name, _)| name)));
    assert_eq!(items(&read("man/rjail.8"), "PARAMETERS", "Va"), names);
}

#[test]
fn each_exit_status_is_in_rjail_8() {
    let source = read("cli/src/failure.rs");
    let names = source.split("pub const EX_").skip(1).filter_map(|text| text.split(':').next());
    let names: BTreeSet<String> = names.map(|name| format!("EX_{name}")).collect();
    assert_eq!(items(&read("man/rjail.8"), "EXIT STATUS", "Dv"), names);
}

#[test]
fn the_examples_of_rjail_conf_5_are_good() {
    let page = read("man/rjail.conf.5");
    let examples: Vec<&str> = page
        .split(".Bd -literal\n")
        .skip(1)
        .filter_map(|text| text.split("\n.Ed").next())
        .collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let jails = config::read(example).unwrap_or_else(|error| panic!("{error}: {example}"));
        assert!(jails.contains_key("www"), "{example}");
    }
}

#[test]
fn each_variable_of_the_rc_script_is_in_rjail_conf_5() {
    let script = read("etc/rc.d/rjail");
    let names: BTreeSet<String> = script
        .split(": ${")
        .skip(1)
        .filter_map(|text| text.split(":=").next().map(str::to_owned))
        .collect();
    assert_eq!(items(&read("man/rjail.conf.5"), "FILES", "Va"), names);
}
