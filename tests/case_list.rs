// SPDX-License-Identifier: BSD-2-Clause
//! The list of cases itself: names, the vocabulary, the demonstration.

use std::collections::BTreeSet;

use cases::{Answer, CASES, Case, DEMO, Topic};
use rjail_model::demo::{self, MODEL_TITLE, Row};

fn prefix(topic: Topic) -> &'static str {
    match topic {
        Topic::Jail => "jail_",
        Topic::Process => "process_",
        Topic::Visibility => "visibility_",
        Topic::Address => "address_",
        Topic::Root => "root_",
        Topic::Privilege => "privilege_",
        Topic::Device => "device_",
        Topic::Local => "local_",
    }
}

#[test]
fn names_are_unique_and_tell_the_topic() {
    let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), CASES.len());
    for case in CASES {
        assert!(case.name.starts_with(prefix(case.topic)), "{}", case.name);
        assert!(
            case.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        );
        let about = case.about.trim_end_matches("..");
        assert!(!about.is_empty() && !about.ends_with('.'), "{}", case.name);
    }
}

#[test]
fn every_topic_has_cases() {
    for topic in [
        Topic::Jail,
        Topic::Process,
        Topic::Visibility,
        Topic::Address,
        Topic::Root,
        Topic::Privilege,
        Topic::Device,
        Topic::Local,
    ] {
        let count = CASES.iter().filter(|case| case.topic == topic).count();
        assert!(count >= 5, "{topic:?}: {count}");
    }
}

/// Each word of the vocabulary is used: a variant that no case plays is not
/// tested in any backend.
#[test]
fn every_op_is_played() {
    let source = include_str!("../cases/src/lib.rs");
    let body = source.split_once("pub enum Op {").and_then(|(_, rest)| rest.split_once("\n}"));
    let variants = body.map(|(body, _)| body).into_iter().flat_map(str::lines).filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        let word: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
        (!word.is_empty()).then_some(word)
    });
    let played: BTreeSet<String> = CASES
        .iter()
        .flat_map(|case| case.setup.iter().chain([&case.probe]))
        .map(|op| format!("{op:?}").chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect();
    let vocabulary: BTreeSet<String> = variants.collect();
    assert!(vocabulary.len() > 50, "the vocabulary was found");
    assert_eq!(vocabulary, played);
}

/// A difference is one, and says why.
#[test]
fn differences_differ() {
    for case in CASES {
        for difference in [case.first_line, case.native].into_iter().flatten() {
            assert_ne!(difference.answer, case.inside, "{}", case.name);
            assert!(difference.why.len() > 20, "{}", case.name);
        }
        if let Some(difference) = case.without_rjail {
            assert_ne!(difference.answer, case.outside, "{}", case.name);
            assert!(difference.why.len() > 20, "{}", case.name);
        }
    }
}

/// Without the second line less is virtual, so less may work, never more.
#[test]
fn the_label_alone_lets_nothing_more_pass() {
    let refused = |answer| matches!(answer, Answer::No(_));
    for case in CASES {
        if refused(case.inside) {
            assert!(refused(case.inside_first_line()), "{}", case.name);
        }
    }
}

fn shown() -> Vec<&'static Case> {
    demo::cases().collect()
}

#[test]
fn the_demonstration_shows_about_20_cases() {
    assert_eq!(shown().len(), DEMO.len(), "every name is a case's");
    assert!((18..=26).contains(&DEMO.len()));
    let unique: BTreeSet<&&str> = DEMO.iter().collect();
    assert_eq!(unique.len(), DEMO.len());
}

#[test]
fn the_demonstration_on_the_model_is_as_stated() {
    let rows = demo::on_the_model().expect("every case can be played");
    assert!(rows.iter().all(Row::is_as_stated));
    let text = demo::render(&rows, MODEL_TITLE);
    assert_eq!(text.lines().next(), Some(MODEL_TITLE), "the first line says what it ran on");
    for case in shown() {
        assert!(text.contains(case.about), "{}", case.name);
    }
    assert!(!text.contains("as stated"), "{text}");
}

#[test]
fn the_demonstration_marks_what_is_not_as_stated() {
    let case = shown()[0];
    let rows = [Row { case, outside: Some(case.outside), inside: Some(Answer::Ok) }];
    let text = demo::render(&rows, "a title");
    assert!(text.contains("not as stated") && text.contains("1 NOT AS STATED"), "{text}");
    let missing = [Row { case, outside: Some(case.outside), inside: None }];
    assert!(demo::render(&missing, "a title").contains("no answer"));
}
