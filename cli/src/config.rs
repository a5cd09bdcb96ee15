// SPDX-License-Identifier: BSD-2-Clause
//! rjail.conf(5): the jails of a machine.
//!
//! The format is the part of UCL that HCL has too, so that a well-kept parser in
//! Rust reads it and FreeBSD's libucl reads it alike; a file that begins with a
//! brace is JSON, which any UCL can be turned into with `uclcmd`. What the two
//! languages read differently (variables, operators, here-documents) is refused.

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Body, Expression, Structure};

use crate::parameter::{self, Jail};

/// One parameter: its name, and its values unless it stands alone.
type Setting = (String, Vec<String>);

/// Reads the file's text.
///
/// # Errors
/// What is wrong with it, and how to mend it.
pub fn read(text: &str) -> Result<BTreeMap<String, Jail>, String> {
    let (defaults, jails) = if text.trim_start().starts_with('{') {
        from_json(&serde_json::from_str(text).map_err(|error| format!("as JSON: {error}"))?)?
    } else {
        from_body(&hcl::parse(text).map_err(|error| error.to_string())?)?
    };
    once(&defaults)?;
    let mut read = BTreeMap::new();
    for (name, settings) in jails {
        let at = |what: String| format!("jail {name}: {what}");
        parameter::name(&name).map_err(at)?;
        once(&settings).map_err(at)?;
        let mut jail = Jail::named(&name);
        for (parameter, values) in defaults.iter().chain(&settings) {
            jail.set(parameter, Some(values)).map_err(|wrong| at(wrong.to_string()))?;
        }
        jail.check().map_err(|wrong| at(wrong.to_string()))?;
        if read.insert(name.clone(), jail).is_some() {
            return Err(at("comes twice: give one of them another name".to_owned()));
        }
    }
    for (name, jail) in &read {
        if let Some(missing) = jail.depend.iter().find(|other| !read.contains_key(*other)) {
            return Err(format!(
                "jail {name}: depend={missing}: there is no such jail in this file"
            ));
        }
    }
    Ok(read)
}

/// Of what comes twice UCL makes a list and HCL the last one.
fn once(settings: &[Setting]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match settings.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => Err(format!("{name}: comes twice: write [ONE, OTHER]")),
        None => Ok(()),
    }
}

type Parts = (Vec<Setting>, Vec<(String, Vec<Setting>)>);

fn from_body(body: &Body) -> Result<Parts, String> {
    let (mut defaults, mut jails) = (Vec::new(), Vec::new());
    for structure in body.iter() {
        match structure {
            Structure::Block(block) if block.identifier() == "jail" => {
                let [label] = block.labels() else {
                    return Err("jail: needs one name: jail \"NAME\" { ... }".to_owned());
                };
                let mut settings = Vec::new();
                settings_of(block.body(), "", &mut settings)?;
                jails.push((label.as_str().to_owned(), settings));
            }
            other => structure_of(other, "", &mut defaults)?,
        }
    }
    Ok((defaults, jails))
}

fn settings_of(body: &Body, prefix: &str, into: &mut Vec<Setting>) -> Result<(), String> {
    body.iter().try_for_each(|structure| structure_of(structure, prefix, into))
}

fn structure_of(
    structure: &Structure,
    prefix: &str,
    into: &mut Vec<Setting>,
) -> Result<(), String> {
    match structure {
        Structure::Attribute(attribute) => {
            let name = format!("{prefix}{}", attribute.key());
            let values = values_of(&name, attribute.expr())?;
            into.push((name, values));
            Ok(())
        }
        Structure::Block(block) if block.labels().is_empty() => {
            settings_of(block.body(), &format!("{prefix}{}.", block.identifier()), into)
        }
        Structure::Block(block) => {
            let name = block.identifier();
            Err(format!("{prefix}{name}: only jails have names: {name} {{ ... }}"))
        }
    }
}

fn values_of(name: &str, expression: &Expression) -> Result<Vec<String>, String> {
    match expression {
        Expression::Array(items) => items.iter().map(|item| value_of(name, item)).collect(),
        one => value_of(name, one).map(|value| vec![value]),
    }
}

fn value_of(name: &str, expression: &Expression) -> Result<String, String> {
    match expression {
        Expression::String(text) => Ok(text.clone()),
        Expression::Bool(on) => Ok(on.to_string()),
        Expression::Number(number) => Ok(number.to_string()),
        other => Err(format!(
            "{name} = {other}: not a plain value: write a string in double quotes without ${{}}, \
             a number, true, false, or a list of these"
        )),
    }
}

fn from_json(value: &serde_json::Value) -> Result<Parts, String> {
    use serde_json::Value;
    let Value::Object(top) = value else { return Err("as JSON: not an object".to_owned()) };
    let (mut defaults, mut jails) = (Vec::new(), Vec::new());
    for (key, value) in top {
        if key != "jail" {
            flatten(key, value, key, &mut defaults)?;
            continue;
        }
        // libucl makes a list of blocks that have one name, of one object each.
        let blocks = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for block in blocks {
            let Value::Object(named) = block else {
                return Err("jail: not an object of named jails".to_owned());
            };
            for (name, value) in named {
                let mut settings = Vec::new();
                flatten(name, value, "", &mut settings)?;
                jails.push((name.clone(), settings));
            }
        }
    }
    Ok((defaults, jails))
}

fn flatten(
    what: &str,
    value: &serde_json::Value,
    name: &str,
    into: &mut Vec<Setting>,
) -> Result<(), String> {
    use serde_json::Value;
    let plain = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(on) => Ok(on.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!(
            "{name}: {other}: not a plain value: write a string, a number, true, false, or a list \
             of these"
        )),
    };
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            flatten(what, value, &name, into)
        }),
        _ if name.is_empty() => Err(format!("jail {what}: not an object of parameters")),
        Value::Array(items) => {
            into.push((name.to_owned(), items.iter().map(plain).collect::<Result<_, _>>()?));
            Ok(())
        }
        one => {
            into.push((name.to_owned(), vec![plain(one)?]));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    const EXAMPLE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../etc/rjail.conf.sample"));

    const AS_JSON: &str = r#"{
        "exec": { "timeout": 60 },
        "stop.timeout": "5",
        "jail": {
            "db": { "path": "/jails/db", "ip4": { "addr": "10.66.0.3" }, "persist": true },
            "www": {
                "path": "/jails/www",
                "host.hostname": "www.example",
                "ip4.addr": ["10.66.0.2", "10.66.0.4"],
                "allow": { "raw_sockets": true, "mlock": 0 },
                "depend": ["db"]
            }
        }
    }"#;

    const AS_HCL: &str = r#"
        # All of them.
        exec { timeout = 60 }
        stop { timeout = "5" }
        jail "db" {
            path = "/jails/db"
            ip4 { addr = "10.66.0.3" }
            persist = true
        }
        /* What the world sees. */
        jail "www" {
            path = "/jails/www"
            host { hostname = "www.example" }
            ip4 { addr = ["10.66.0.2", "10.66.0.4"] }
            allow {
                raw_sockets = true
                mlock = 0
            }
            depend = ["db"]
        }
    "#;

    #[test]
    fn both_languages_say_the_same() {
        let jails = read(AS_HCL).expect("a good file");
        assert_eq!(jails, read(AS_JSON).expect("a good file"));
        assert_eq!(jails.keys().collect::<Vec<_>>(), ["db", "www"]);
        let as_list = AS_JSON
            .replace("\"jail\": {", "\"jail\": [{")
            .replace("\"persist\": true },", "\"persist\": true } }, {");
        let as_list =
            as_list.trim_end().strip_suffix("}\n    }").map(|text| format!("{text}}}] }}"));
        assert_eq!(jails, read(&as_list.expect("its end")).expect("as libucl writes it"));
        let www = &jails["www"];
        assert_eq!((www.hostname(), www.ip4.len()), ("www.example", 2));
        assert_eq!(www.depend, ["db"]);
        assert_eq!(www.exec.timeout.expect("the common one").as_secs(), 60);
        assert_eq!(jails["db"].stop_timeout.as_secs(), 5);
        assert!(jails["db"].persist && !www.persist);
    }

    #[test]
    fn the_sample_is_good() {
        assert!(!read(EXAMPLE).expect("the sample that is installed").is_empty());
    }

    #[test]
    fn an_empty_file_has_no_jail() {
        for text in ["", "# nothing\n", "{}"] {
            assert!(read(text).expect(text).is_empty());
        }
    }

    #[test]
    fn errors_say_where_and_what_to_do() {
        let path = "path = \"/j\"\n";
        for (text, message) in [
            (
                format!("jail \"a\" {{\n{path}ip = \"10.0.0.1\"\n}}"),
                "jail a: ip=10.0.0.1: not a parameter: write ip4.addr or ip6.addr",
            ),
            (
                "jail \"a\" {\n}".to_owned(),
                "jail a: path: missing: a jail needs a directory as its root, path=DIRECTORY",
            ),
            (format!("jail {{\n{path}}}"), "jail: needs one name: jail \"NAME\" { ... }"),
            (
                format!("jail \"7\" {{\n{path}}}"),
                "jail 7: not a name: it begins with a letter, a digit or '_', and is no number, which would be a jail's",
            ),
            (
                format!("jail \"a\" {{\n{path}}}\njail \"a\" {{\n{path}}}"),
                "jail a: comes twice: give one of them another name",
            ),
            (
                format!(
                    "jail \"a\" {{\n{path}ip4 {{ addr = \"10.0.0.1\" }}\nip4 {{ addr = \"10.0.0.2\" }}\n}}"
                ),
                "jail a: ip4.addr: comes twice: write [ONE, OTHER]",
            ),
            (
                format!(
                    "exec {{\nclean = true\n}}\nexec {{ clean = false }}\njail \"a\" {{\n{path}}}"
                ),
                "exec.clean: comes twice: write [ONE, OTHER]",
            ),
            (
                format!("jail \"a\" {{\n{path}depend = \"b\"\n}}"),
                "jail a: depend=b: there is no such jail in this file",
            ),
            (
                format!("jail \"a\" {{\n{path}exec \"x\" {{\n}}\n}}"),
                "exec: only jails have names: exec { ... }",
            ),
            (
                "jail \"a\" {\npath = root\n}".to_owned(),
                "path = root: not a plain value: write a string in double quotes without ${}, a number, true, false, or a list of these",
            ),
            (
                "jail \"a\" {\npath = \"/${x}\"\n}".to_owned(),
                "path = \"/${x}\": not a plain value: write a string in double quotes without ${}, a number, true, false, or a list of these",
            ),
            ("{\"jail\": {\"a\": 1}}".to_owned(), "jail a: not an object of parameters"),
            ("{\"jail\": 1}".to_owned(), "jail: not an object of named jails"),
            (
                "{\"jail\": {\"a\": {\"path\": null}}}".to_owned(),
                "path: null: not a plain value: write a string, a number, true, false, or a list of these",
            ),
            (
                format!("jail \"a\" {{\n{path}persist = \"x\"\n}}"),
                "jail a: persist=x: a switch: write true or false",
            ),
            (
                format!("colour = \"red\"\njail \"a\" {{\n{path}}}"),
                "jail a: colour=red: not a parameter: `man 8 rjail` lists them",
            ),
        ] {
            assert_eq!(read(&text).expect_err(&text), message);
        }
        let unclosed = read("jail \"a\" {\n").expect_err("unclosed");
        assert!(unclosed.contains("line 1"), "{unclosed}");
        assert!(read("{").expect_err("unclosed").starts_with("as JSON: "));
    }
}
