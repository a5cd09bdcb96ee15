// SPDX-License-Identifier: BSD-2-Clause
//! What a program is told of a denial: the text of the extended error.
//!
//! C source of its shape: `struct uexterror` in `sys/sys/_uexterror.h`, whose
//! message has room for [`LONGEST`] bytes and a NUL, and libc's
//! `__uexterr_format`, which prints it with printf(3) and two numbers: the
//! jail's and the privilege's. The kernel keeps the pointer as long as the
//! thread lives, so these are static: a thread that gets one is in a jail, and
//! the module stays as long as a jail does.

#![forbid(unsafe_code)]

use core::ffi::CStr;

use bitflags::Flags as _;

use super::{Privilege, Row, Verdict};
use crate::prison::JailFlags;

/// Bytes of a message, without the NUL.
pub const LONGEST: usize = 127;

/// The jail was made without a privilege that its flags would give it.
pub const TAKEN: &CStr = c"rjail %ju was made without privilege %ju: -NAME took it away";

/// The name of a session that is not the jail's.
pub const SESSION: &CStr =
    c"denied in rjail %ju: privilege %ju names the session, which was begun outside: setsid(2)";

/// A number that no header names.
pub const UNNAMED: &CStr = c"denied in rjail %ju: privilege %ju has no name";

/// Why a jail whose flags do not give it this privilege has not got it.
#[must_use]
pub fn denial(privilege: Privilege) -> &'static CStr {
    let index = privilege as usize;
    let start = index.checked_sub(1).and_then(|before| ENDS.get(before)).map_or(0, |end| *end);
    TEXT.get(usize::from(start)..)
        .and_then(|text| CStr::from_bytes_until_nul(text).ok())
        .unwrap_or_default()
}

const COUNT: usize = Privilege::ALL.len();

/// Where each message ends, behind its NUL.
static ENDS: [u16; COUNT] = {
    let mut ends = [0; COUNT];
    let (mut used, mut i) = (0, 0);
    while i < COUNT {
        used += Parts::of(Privilege::ALL[i].row()).length() + 1;
        assert!(used <= u16::MAX as usize);
        #[expect(clippy::cast_possible_truncation, reason = "just looked")]
        let end = used as u16;
        ends[i] = end;
        i += 1;
    }
    ends
};

/// All messages, each with its NUL.
static TEXT: [u8; ENDS[COUNT - 1] as usize] = {
    let mut text = [0; ENDS[COUNT - 1] as usize];
    let (mut used, mut i) = (0, 0);
    while i < COUNT {
        let parts = Parts::of(Privilege::ALL[i].row());
        let mut part = 0;
        while part < parts.0.len() {
            let (bytes, length) = parts.0[part];
            let mut byte = 0;
            while byte < length {
                text[used] = bytes.as_bytes()[byte];
                used += 1;
                byte += 1;
            }
            part += 1;
        }
        used += 1;
        i += 1;
    }
    text
};

/// A message: texts, and how much is taken of each.
struct Parts([(&'static str, usize); 7]);

impl Parts {
    const fn of(row: &Row) -> Self {
        let missing = match row.verdict {
            Verdict::AllowWith(flags) => ("RJAIL_", least(flags)),
            Verdict::ByName => ("its", " name"),
            Verdict::Allow | Verdict::Deny => ("", ""),
        };
        let without = if missing.0.is_empty() { "" } else { " without " };
        let before = [row.name, " denied in rjail %ju", without, missing.0, missing.1, ": "];
        let mut parts = [("", 0); 7];
        let (mut used, mut i) = (0, 0);
        while i < before.len() {
            parts[i] = (before[i], before[i].len());
            used += before[i].len();
            i += 1;
        }
        parts[i] = (row.reason, first_words(row.reason, LONGEST - used));
        Self(parts)
    }

    const fn length(&self) -> usize {
        let (mut length, mut i) = (0, 0);
        while i < self.0.len() {
            length += self.0[i].1;
            i += 1;
        }
        length
    }
}

/// The name of the one flag that gives least.
const fn least(flags: JailFlags) -> &'static str {
    // They are declared in that order.
    let mut i = JailFlags::FLAGS.len();
    while i > 0 {
        i -= 1;
        if flags.bits() & JailFlags::FLAGS[i].value().bits() != 0 {
            return JailFlags::FLAGS[i].name();
        }
    }
    ""
}

/// How many bytes of a sentence fit, in whole words.
const fn first_words(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    let mut end = room;
    while end > 0 && text.as_bytes()[end] != b' ' {
        end -= 1;
    }
    end
}
