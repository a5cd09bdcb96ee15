// SPDX-License-Identifier: BSD-2-Clause
//! Many jails at once, each after those it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;

use crate::kernel::{Ended, Kernel, Pid};

/// What comes before what: names, each with those that must be done before.
pub type Before = BTreeMap<String, BTreeSet<String>>;

/// How one went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Not, and the exit status of whoever tried.
    Failed(u8),
    /// Not tried, because this one was not done.
    Skipped(String),
}

/// These names, and all that must be done before them.
#[must_use]
pub fn closure(before: &Before, wanted: &[String]) -> Before {
    let mut found = Before::new();
    let mut open: Vec<&String> = wanted.iter().collect();
    while let Some(name) = open.pop() {
        let first = before.get(name).cloned().unwrap_or_default();
        if !found.contains_key(name) {
            open.extend(before.get(name).into_iter().flatten());
            found.insert(name.clone(), first);
        }
    }
    found
}

/// The same the other way round: who came first goes last.
#[must_use]
pub fn reversed(before: &Before) -> Before {
    let mut after: Before = before.keys().map(|name| (name.clone(), BTreeSet::new())).collect();
    for (name, first) in before {
        for other in first {
            if let Some(later) = after.get_mut(other) {
                later.insert(name.clone());
            }
        }
    }
    after
}

/// Names that wait for each other in a circle, if some do.
#[must_use]
pub fn circle(before: &Before) -> Option<Vec<String>> {
    let mut left = before.clone();
    loop {
        let ready: Vec<String> = left
            .iter()
            .filter(|(_, first)| !first.iter().any(|name| left.contains_key(name)))
            .map(|(name, _)| name.clone())
            .collect();
        if ready.is_empty() {
            break;
        }
        left.retain(|name, _| !ready.contains(name));
    }
    // Each of the rest waits for another of them: follow until one comes again.
    let mut name = left.keys().next()?;
    let mut path: Vec<String> = Vec::new();
    while !path.contains(name) {
        path.push(name.clone());
        name = left.get(name)?.iter().find(|other| left.contains_key(*other))?;
    }
    let start = path.iter().position(|seen| seen == name)?;
    Some(path.split_off(start))
}

/// Does each of them by a worker of its own, at most so many at a time, and none
/// before those that come before it. Where one is not done, those after it are
/// skipped, or, with `regardless`, done all the same.
///
/// # Errors
/// When no worker can be started or waited for.
pub fn run(
    kernel: &mut dyn Kernel,
    before: &Before,
    at_once: usize,
    regardless: bool,
    arguments: impl Fn(&str) -> Vec<OsString>,
) -> io::Result<BTreeMap<String, Outcome>> {
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut working: BTreeMap<Pid, String> = BTreeMap::new();
    let mut waiting: BTreeSet<&String> = before.keys().collect();
    loop {
        for name in waiting.clone() {
            let first: Vec<&String> =
                before[name].iter().filter(|other| before.contains_key(*other)).collect();
            let lost = first.iter().find(|other| {
                !matches!(outcomes.get(**other), None | Some(Outcome::Done)) && !regardless
            });
            if let Some(lost) = lost {
                outcomes.insert(name.clone(), Outcome::Skipped((*lost).clone()));
                waiting.remove(name);
            } else if working.len() < at_once
                && first.iter().all(|other| outcomes.contains_key(*other))
            {
                working.insert(kernel.worker(&arguments(name))?, name.clone());
                waiting.remove(name);
            }
        }
        if working.is_empty() {
            // What skips one may let its own followers be skipped.
            if waiting.is_empty() || circle(before).is_some() {
                return Ok(outcomes);
            }
            continue;
        }
        let (pid, ended) = kernel.worker_ended()?;
        if let Some(name) = working.remove(&pid) {
            let outcome = match ended {
                Ended::Exited(0) => Outcome::Done,
                other => Outcome::Failed(other.status()),
            };
            outcomes.insert(name, outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Before, circle, closure, reversed};

    fn before(pairs: &[(&str, &[&str])]) -> Before {
        pairs
            .iter()
            .map(|(name, first)| {
                ((*name).to_owned(), first.iter().map(|name| (*name).to_owned()).collect())
            })
            .collect()
    }

    #[test]
    fn what_comes_before_comes_along() {
        let all = before(&[
            ("www", &["db", "cache"]),
            ("db", &["net"]),
            ("cache", &[]),
            ("net", &[]),
            ("x", &[]),
        ]);
        let found = closure(&all, &["db".to_owned()]);
        assert_eq!(found, before(&[("db", &["net"]), ("net", &[])]));
        assert_eq!(closure(&all, &["www".to_owned()]).len(), 4);
        assert_eq!(reversed(&found), before(&[("net", &["db"]), ("db", &[])]));
    }

    #[test]
    fn circles_are_found() {
        assert_eq!(circle(&before(&[("a", &["b"]), ("b", &[]), ("c", &["a", "b"])])), None);
        let lost = before(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]);
        assert_eq!(circle(&lost), Some(vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(circle(&before(&[("a", &["a"])])), Some(vec!["a".to_owned()]));
        assert_eq!(circle(&Before::new()), None);
    }
}
