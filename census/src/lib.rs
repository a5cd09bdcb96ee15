// SPDX-License-Identifier: BSD-2-Clause
//! Holds the kernel's source beside two tables of `docs/`.
//!
//! `census-15.1.tsv` has a row for every function that asks about a jail, with
//! what covers it; `mac-operations-15.1.tsv` one for every operation of the MAC
//! framework. [`census`] and [`operations`] name what a table lacks and what it
//! has too much. What a row claims is held beside the module: a hook must be in
//! the policy, a privilege must be denied to every jail.

#![forbid(unsafe_code)]

pub mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rjail::privilege::{TABLE, Verdict};
use scan::Places;

/// What answers for rjail where the kernel asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cover {
    /// Line one too, by hooks.
    Hook,
    /// The kernel alone, from the `struct prison`.
    LineTwo,
    /// A privilege that no jail has is asked for before.
    Denied,
    /// No process in a jail comes there.
    NotReachable,
    /// Nothing is asked: it counts, names, or is what the others ask through.
    NoQuestion,
}

impl Cover {
    /// In the order of the table's legend.
    pub const ALL: [Self; 5] =
        [Self::Hook, Self::LineTwo, Self::Denied, Self::NotReachable, Self::NoQuestion];

    fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cover| cover.to_string() == name)
    }
}

impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hook => "hook",
            Self::LineTwo => "line two",
            Self::Denied => "denied",
            Self::NotReachable => "not reachable",
            Self::NoQuestion => "no question",
        })
    }
}

/// The lines of a table without its legend, in columns.
fn rows<const COLUMNS: usize>(
    table: &str,
) -> impl Iterator<Item = Result<[&str; COLUMNS], String>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        columns.try_into().map_err(|_| format!("not {COLUMNS} columns: {line}"))
    })
}

/// Holds the census beside what was found. `hooks` are those of the policy.
///
/// # Errors
/// Every disagreement, a line each.
pub fn census(
    table: &str,
    found: &Places,
    hooks: &BTreeSet<String>,
) -> Result<BTreeMap<Cover, usize>, Vec<String>> {
    let (mut counts, mut wrong) = claims(table, hooks);
    let listed: BTreeMap<(&str, &str), &str> = rows::<6>(table)
        .flatten()
        .map(|[file, function, asks, ..]| ((file, function), asks))
        .collect();
    for ((file, function), asked) in found {
        let asked = asked.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        match listed.get(&(file.as_str(), function.as_str())) {
            None => wrong.push(format!("the table lacks {file} {function}: {asked}")),
            Some(asks) if *asks != asked => {
                wrong.push(format!("{file} {function} asks {asked}, the table has {asks}"));
            }
            Some(_) => {}
        }
    }
    for (file, function) in listed.keys() {
        if !found.contains_key(&((*file).to_owned(), (*function).to_owned())) {
            wrong.push(format!("too much: {file} {function} asks nothing"));
        }
    }
    if wrong.is_empty() { Ok(core::mem::take(&mut counts)) } else { Err(wrong) }
}

/// What the rows of the census claim of rjail, kernel source or not: how many rows
/// of each cover, and what is wrong.
#[must_use]
pub fn claims(table: &str, hooks: &BTreeSet<String>) -> (BTreeMap<Cover, usize>, Vec<String>) {
    let (mut counts, mut wrong, mut seen) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    for row in rows(table) {
        let [file, function, _, cover, by, reason] = match row {
            Ok(row) => row,
            Err(line) => {
                wrong.push(line);
                continue;
            }
        };
        let mut bad = |what: String| wrong.push(format!("{file} {function}: {what}"));
        if !seen.insert((file, function)) {
            bad("twice".to_owned());
        }
        if reason.is_empty() {
            bad("no reason".to_owned());
        }
        let Some(cover) = Cover::read(cover) else {
            bad(format!("no such cover: {cover}"));
            continue;
        };
        *counts.entry(cover).or_insert(0) += 1;
        match cover {
            Cover::Hook => {
                for hook in by.split(' ').filter(|hook| !hooks.contains(*hook)) {
                    bad(format!("the policy has no {hook}"));
                }
            }
            Cover::Denied => {
                for name in by.split(' ').filter(|name| !denied(name)) {
                    bad(format!("{name} is not denied to every jail"));
                }
            }
            Cover::LineTwo if !reason.starts_with("because ") => bad("no because".to_owned()),
            _ if by != "-" => bad(format!("by {by}?")),
            _ => {}
        }
    }
    (counts, wrong)
}

fn denied(name: &str) -> bool {
    TABLE.iter().any(|row| row.name == name && row.verdict == Verdict::Deny)
}

/// Holds the table of operations beside the header's, or beside nothing where
/// there is no header, and beside the policy's.
///
/// # Errors
/// Every disagreement, a line each.
pub fn operations(
    table: &str,
    header: Option<&BTreeSet<String>>,
    used: &BTreeSet<String>,
) -> Result<(usize, usize), Vec<String>> {
    let (mut wrong, mut listed) = (Vec::new(), BTreeMap::new());
    for row in rows(table) {
        match row {
            Ok([name, is, reason]) => {
                if reason.is_empty() {
                    wrong.push(format!("{name}: no reason"));
                }
                match is {
                    "used" | "not" => {}
                    _ => wrong.push(format!("{name}: neither used nor not: {is}")),
                }
                if listed.insert(name.to_owned(), is == "used").is_some() {
                    wrong.push(format!("{name}: twice"));
                }
            }
            Err(line) => wrong.push(line),
        }
    }
    for (name, says) in &listed {
        if *says != used.contains(name) {
            let has = if *says { "has not" } else { "has" };
            wrong.push(format!("{name}: the policy {has} it"));
        }
        if header.is_some_and(|header| !header.contains(name)) {
            wrong.push(format!("too much: the framework has no mpo_{name}"));
        }
    }
    for name in header.into_iter().flatten().chain(used).filter(|name| !listed.contains_key(*name))
    {
        wrong.push(format!("the table lacks mpo_{name}"));
    }
    let count = listed.values().filter(|used| **used).count();
    if wrong.is_empty() { Ok((count, listed.len() - count)) } else { Err(wrong) }
}
