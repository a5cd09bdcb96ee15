// SPDX-License-Identifier: BSD-2-Clause
//! What a run's kernel says of its own jails, and the file of it that the
//! repository keeps.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use line_two::{Jail, Verdicts};

use crate::judge::LineTwo;
use crate::needs;
use crate::report::Run;

/// The guest's program that asks.
pub const TEST: &str = "line-two";

fn file() -> PathBuf {
    needs::repository().join(format!("docs/line-two-{}.tsv", needs::RELEASE))
}

/// Writes down what was found; where.
pub fn write(freebsd: &Path, run: &Run) -> Result<PathBuf> {
    let text = line_two::write(needs::RELEASE, &verdicts(freebsd, &run.line_two)?);
    let file = file();
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Is what was found, if it was looked for, other than the file?
pub fn difference(freebsd: &Path, run: &Run) -> Option<String> {
    let passed = run.tests.iter().any(|test| test.ok && test.name.starts_with(&format!("{TEST} ")));
    if !passed {
        return None;
    }
    let kept = || -> Result<Verdicts> {
        let text = fs::read_to_string(file())?;
        line_two::read(&text).map_err(|what| anyhow!(what))
    };
    let kept = kept().with_context(|| format!("{}: `make line-two` writes it", file().display()));
    let compared = verdicts(freebsd, &run.line_two).and_then(|found| Ok(compare(&found, &kept?)));
    compared.unwrap_or_else(|error| Some(format!("{TEST}: {error:#}")))
}

fn compare(found: &Verdicts, kept: &Verdicts) -> Option<String> {
    let differ: Vec<_> = found
        .iter()
        .filter(|verdict| !kept.contains(verdict))
        .map(|(name, verdict)| format!("{name} {verdict}"))
        .chain(
            kept.iter()
                .filter(|(name, _)| !found.iter().any(|(found, _)| found == name))
                .map(|(name, _)| format!("no {name}")),
        )
        .collect();
    let what = match &differ[..] {
        [] if found == kept => return None,
        [] => "another order".to_owned(),
        differ => differ.join(", "),
    };
    Some(format!(
        "native jails are not as docs/line-two-{}.tsv says: {what}; `make line-two` writes it anew",
        needs::RELEASE
    ))
}

fn verdicts(freebsd: &Path, found: &[LineTwo]) -> Result<Verdicts> {
    let header = needs::privilege_header(freebsd);
    let text =
        fs::read_to_string(&header).with_context(|| format!("cannot read {}", header.display()))?;
    let names = line_two::names(&text).map_err(|what| anyhow!("sys/priv.h: {what}"))?;
    line_two::verdicts(&names, &jails(found)?).map_err(|what| anyhow!(what))
}

/// The findings by jail, in the order they came.
fn jails(found: &[LineTwo]) -> Result<Vec<Jail>> {
    let mut jails: Vec<Jail> = Vec::new();
    for LineTwo { jail, what, bits } in found {
        let numbers = line_two::numbers(bits)
            .with_context(|| format!("{jail} {what}: {bits} are no bits"))?;
        let place = match jails.iter().position(|known| known.name == *jail) {
            Some(place) => place,
            None => {
                jails.push(Jail { name: jail.clone(), ..Jail::default() });
                jails.len() - 1
            }
        };
        match what.as_str() {
            "asked" => jails[place].asked = numbers,
            "allowed" => jails[place].allowed = numbers,
            _ => return Err(anyhow!("{jail} {what}: a finding not known")),
        }
    }
    Ok(jails)
}

#[cfg(test)]
mod tests {
    use line_two::Verdict;

    use super::*;

    #[test]
    fn findings_are_gathered_by_jail() -> Result<()> {
        let found = |jail: &str, what: &str, bits: &str| {
            let [jail, what, bits] = [jail, what, bits].map(str::to_owned);
            LineTwo { jail, what, bits }
        };
        let all = [
            found("mlock", "asked", "c"),
            found("mlock", "allowed", "4"),
            found("none", "asked", "4"),
        ];
        let jails = jails(&all)?;
        assert_eq!(jails.len(), 2);
        assert_eq!(jails[0].asked, [2, 3].into());
        assert_eq!(jails[0].allowed, [2].into());
        assert_eq!((jails[1].name.as_str(), jails[1].allowed.len()), ("none", 0));
        assert!(super::jails(&[found("none", "asked", "?")]).is_err());
        assert!(super::jails(&[found("none", "liked", "4")]).is_err());
        Ok(())
    }

    #[test]
    fn a_difference_names_the_privilege_and_the_command() {
        let verdict = |name: &str, verdict| (name.to_owned(), verdict);
        let kept = vec![verdict("PRIV_A", Verdict::Allow), verdict("PRIV_B", Verdict::Deny)];
        assert_eq!(compare(&kept, &kept), None);
        let looser = vec![kept[0].clone(), verdict("PRIV_B", Verdict::Allow)];
        let said = compare(&looser, &kept).unwrap_or_default();
        assert!(said.contains("PRIV_B allow") && said.contains("make line-two"), "{said}");
        assert!(!said.contains("PRIV_A"), "{said}");
        assert!(compare(&kept[..1].to_vec(), &kept).unwrap_or_default().contains("no PRIV_B"));
        assert!(compare(&kept, &kept[..1].to_vec()).unwrap_or_default().contains("PRIV_B deny"));
    }
}
