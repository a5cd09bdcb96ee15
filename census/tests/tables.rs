// SPDX-License-Identifier: BSD-2-Clause
//! The tables beside the module's own source, and that a disagreement is named.

use std::collections::BTreeSet;

use census::scan::{self, Places};
use census::{Cover, claims, operations};

const CENSUS: &str = include_str!("../../docs/census-15.1.tsv");
const OPERATIONS: &str = include_str!("../../docs/mac-operations-15.1.tsv");
const POLICY: &str = include_str!("../../kmod/rjail.c");

fn policy() -> BTreeSet<String> {
    scan::filled_in(POLICY)
}

#[test]
fn what_the_census_claims_of_rjail_is_so() {
    let (counts, wrong) = claims(CENSUS, &policy());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(counts.len(), Cover::ALL.len(), "each cover is used: {counts:?}");
}

#[test]
fn the_operations_are_those_of_the_policy() {
    let (used, _) = operations(OPERATIONS, None, &policy()).expect("agree");
    assert_eq!(used, policy().len());
}

fn places(rows: &[(&str, &str, &str)]) -> Places {
    let place = |(file, function, asks): &(&str, &str, &str)| {
        let asks = asks.split(',').map(str::to_owned).collect();
        (((*file).to_owned(), (*function).to_owned()), asks)
    };
    rows.iter().map(place).collect()
}

fn disagreements(table: &str, found: &[(&str, &str, &str)]) -> Vec<String> {
    let hooks = BTreeSet::from(["priv_check".to_owned()]);
    census::census(table, &places(found), &hooks).err().unwrap_or_default()
}

const ROW: &str = "kern/a.c\tf\tjailed\thook\tpriv_check\twhy\n";

#[test]
fn a_place_without_a_row_a_row_without_a_place_and_another_question_are_named() {
    assert_eq!(disagreements(ROW, &[("kern/a.c", "f", "jailed")]), [""; 0]);
    let lacking = disagreements(ROW, &[("kern/a.c", "f", "jailed"), ("kern/a.c", "g", "jailed")]);
    assert_eq!(lacking, ["the table lacks kern/a.c g: jailed"]);
    assert_eq!(disagreements(ROW, &[]), ["too much: kern/a.c f asks nothing"]);
    let other = disagreements(ROW, &[("kern/a.c", "f", "jailed,prison_check")]);
    assert_eq!(other, ["kern/a.c f asks jailed,prison_check, the table has jailed"]);
}

#[test]
fn a_claim_that_is_not_so_is_named() {
    let claim = |cover: &str, by: &str, reason: &str| {
        let row = format!("kern/a.c\tf\tjailed\t{cover}\t{by}\t{reason}\n");
        disagreements(&row, &[("kern/a.c", "f", "jailed")])
    };
    assert_eq!(claim("hook", "priv_check", "why"), [""; 0]);
    assert_eq!(claim("hook", "priv_chek", "why"), ["kern/a.c f: the policy has no priv_chek"]);
    assert_eq!(claim("hook", "-", "why"), ["kern/a.c f: the policy has no -"]);
    assert_eq!(claim("denied", "PRIV_REBOOT", "why"), [""; 0]);
    let given = ["kern/a.c f: PRIV_CRED_SETUID is not denied to every jail"];
    assert_eq!(claim("denied", "PRIV_CRED_SETUID", "why"), given);
    assert_eq!(claim("line two", "-", "because"), ["kern/a.c f: no because"]);
    assert_eq!(claim("line two", "-", "because of it"), [""; 0]);
    assert_eq!(claim("no question", "-", ""), ["kern/a.c f: no reason"]);
    assert_eq!(claim("maybe", "-", "why"), ["kern/a.c f: no such cover: maybe"]);
    assert_eq!(disagreements("x\ty\n", &[]), ["not 6 columns: x\ty"]);
}

#[test]
fn an_operation_that_the_table_has_wrong_is_named() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (header, used): (BTreeSet<_>, BTreeSet<_>) = (set(&["a", "b"]), set(&["a"]));
    let wrong = |table| operations(table, Some(&header), &used).err().unwrap_or_default();
    assert_eq!(operations("a\tused\twhy\nb\tnot\twhy\n", Some(&header), &used), Ok((1, 1)));
    assert_eq!(wrong("a\tused\twhy\n"), ["the table lacks mpo_b"]);
    assert_eq!(wrong("a\tnot\twhy\nb\tnot\twhy\n"), ["a: the policy has it"]);
    assert_eq!(wrong("a\tused\twhy\nb\tused\twhy\n"), ["b: the policy has not it"]);
    let extra = wrong("a\tused\twhy\nb\tnot\twhy\nc\tnot\twhy\n");
    assert_eq!(extra, ["too much: the framework has no mpo_c"]);
    assert_eq!(wrong("a\tused\t\nb\tnot\twhy\n"), ["a: no reason"]);
}
