// SPDX-License-Identifier: BSD-2-Clause
//! The console: whole lines, one write(2) each, and TAP.

use core::fmt::{self, Write};

use crate::sys;

/// Text of bounded length; what does not fit is cut off.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// No text.
    pub const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// What these arguments print.
    pub fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self::new();
        // Writing to it never fails.
        let _ = text.write_fmt(arguments);
        text
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, string: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let fits = string.len().min(room.len());
        room[..fits].copy_from_slice(&string.as_bytes()[..fits]);
        self.length += fits;
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.bytes()).unwrap_or("(cut off inside a character)"))
    }
}

/// The console's descriptor in every process: init opens it first.
const CONSOLE: i32 = 0;

/// Writes one line and waits until it is out, so that no kernel message can
/// come into the middle of it.
pub fn line(arguments: fmt::Arguments<'_>) {
    let mut text = Text::<512>::of(arguments);
    text.length = text.length.min(text.bytes.len() - 1);
    // Nowhere to report that the console does not work; the harness sees it.
    let _ = text.write_str("\n");
    let _ = sys::write(CONSOLE, text.bytes());
    let _ = sys::drain(CONSOLE);
}

/// Prints a line on the console.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => { $crate::console::line(format_args!($($argument)*)) };
}

/// Counts and prints the results of one group of tests: a TAP subtest.
pub struct Tap {
    /// Tests that passed.
    pub passed: u32,
    /// Tests that ran.
    pub ran: u32,
}

impl Tap {
    /// Begins a group of so many tests.
    pub fn begin(group: &str, tests: usize) -> Self {
        say!("# Subtest: {group}");
        say!("    1..{tests}");
        Self { passed: 0, ran: 0 }
    }

    /// One result, after the reason when it failed: notes come before the test
    /// they are about, like those a test prints itself.
    pub fn result(&mut self, name: fmt::Arguments<'_>, outcome: Result<(), Text<160>>) {
        self.ran += 1;
        let number = self.ran;
        match outcome {
            Ok(()) => {
                self.passed += 1;
                say!("    ok {number} - {name}");
            }
            Err(why) => {
                say!("    # {why}");
                say!("    not ok {number} - {name}");
            }
        }
    }

    /// Ends the group, the `number`th of all.
    pub fn end(&self, number: u32, group: &str) {
        let not = if self.passed == self.ran { "" } else { "not " };
        say!("{not}ok {number} - {group}");
    }
}
