// SPDX-License-Identifier: BSD-2-Clause
//! `rjail_confine.h` says what the module and the crate say: the steps of entry,
//! by number and as sentences; and the two examples read one configuration.

use confine::Refusal;

const HEADER: &str = include_str!("../include/rjail_confine.h");

/// Every refusal, by the name of its step there.
const STEPS: [(&str, Refusal); 9] = [
    ("NOT_PRIVILEGED", Refusal::NotPrivileged),
    ("JAILED", Refusal::Jailed),
    ("NATIVE_JAILED", Refusal::NativeJailed),
    ("ROOT_NARROWED", Refusal::RootNarrowed),
    ("OPEN_DIRECTORY", Refusal::OpenDirectory(3)),
    ("OPEN_JAIL", Refusal::OpenJail(3)),
    ("DESCRIPTORS_SHARED", Refusal::DescriptorsShared),
    ("DIRECTORIES_SHARED", Refusal::DirectoriesShared),
    ("MEMORY_SHARED", Refusal::MemoryShared),
];

#[test]
fn steps_have_the_modules_numbers() {
    let defined: Vec<(&str, u32)> = HEADER
        .lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("#define\tRJAIL_STEP_")?.split_whitespace();
            Some((words.next()?, words.next()?.parse().expect("a number")))
        })
        .collect();
    let wanted: Vec<(&str, u32)> =
        STEPS.iter().map(|(name, refusal)| (*name, refusal.step())).collect();
    assert_eq!(defined, wanted);
}

#[test]
fn sentences_are_the_modules() {
    let list = HEADER.split("texts[] = {").nth(1).expect("the texts");
    let list = list.split("};").next().expect("their end");
    let texts: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let wanted: Vec<&str> = STEPS.iter().map(|(_, refusal)| refusal.reason()).collect();
    assert_eq!(texts, wanted);
    // And the longest fits, with a descriptor behind.
    let room = HEADER.split("text[").nth(1).and_then(|rest| rest.split(']').next());
    let room: usize = room.and_then(|digits| digits.parse().ok()).expect("its size");
    assert!(texts.iter().all(|text| text.len() + ": descriptor -2147483648".len() < room));
}

#[test]
fn both_examples_read_the_same_settings() {
    let rust = include_str!("../examples/nanojail.rs");
    let c = include_str!("../examples/nanojail.c");
    for setting in ["path", "hostname", "address", "port", "user", "file"] {
        assert!(rust.contains(&format!("\"{setting}\" =>")), "nanojail.rs: {setting}");
        assert!(c.contains(&format!("strcmp(name, \"{setting}\")")), "nanojail.c: {setting}");
        assert!(rust.contains(&format!("//! {setting} ")), "its documentation: {setting}");
    }
}
