// SPDX-License-Identifier: BSD-2-Clause
//! FreeBSD's signals by name: `sys/signal.h`.

/// SIGKILL.
pub const KILL: i32 = 9;
/// SIGTERM.
pub const TERM: i32 = 15;

const NAMES: [&str; 33] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "EMT", "FPE", "KILL", "BUS", "SEGV", "SYS",
    "PIPE", "ALRM", "TERM", "URG", "STOP", "TSTP", "CONT", "CHLD", "TTIN", "TTOU", "IO", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "INFO", "USR1", "USR2", "THR", "LIBRT",
];

/// A signal by its name, with or without "SIG", or its number.
///
/// # Errors
/// What is wrong, and how to mend it.
pub fn read(text: &str) -> Result<i32, String> {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let by_name = || NAMES.iter().position(|known| *known == name).map(|at| at + 1);
    // 65 to 126 are real-time signals.
    let by_number = || name.parse().ok().filter(|n| (1..=33).contains(n) || (65..=126).contains(n));
    by_name()
        .or_else(by_number)
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(|| format!("{text} is no signal: write TERM, KILL, HUP, ... or a number"))
}

#[cfg(test)]
mod tests {
    use super::{KILL, TERM, read};

    #[test]
    fn by_name_or_number() {
        for (text, number) in [
            ("TERM", TERM),
            ("sigkill", KILL),
            ("9", KILL),
            ("LIBRT", 33),
            ("USR1", 30),
            ("65", 65),
        ] {
            assert_eq!(read(text), Ok(number), "{text}");
        }
        for text in ["", "0", "-1", "34", "64", "127", "TERMINATE", "SIG"] {
            let why = read(text).expect_err(text);
            assert!(why.contains("is no signal: write TERM"), "{why}");
        }
    }
}
