// SPDX-License-Identifier: BSD-2-Clause
//! One target under libFuzzer: `FUZZ_TARGET` names it.

#![no_main]

use std::sync::OnceLock;

use rjail_fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => *target,
        None => panic!("FUZZ_TARGET is none of {:?}", TARGETS.map(|(known, _)| known)),
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.get_or_init(chosen)(data));
