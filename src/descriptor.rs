// SPDX-License-Identifier: BSD-2-Clause
//! Files that a process reaches through a descriptor, and not by a name.
//!
//! A name leads no further than the root; a descriptor leads to wherever it was
//! opened: received over a socket, or there since before entry. What its opener
//! was let do with it, read and write, stays. But the kernel asks for changes of
//! a file's attributes, and for opening it anew by an empty path, who calls and
//! not who opened, and a jail's root is a root to every file.

#![forbid(unsafe_code)]

use crate::prison::Jid;
use crate::root::contains;
use crate::{Errno, Result};

/// Whose system calls a process makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Abi {
    /// The kernel's own, 32 bits wide or 64: numbers and the order of the
    /// arguments are the same.
    FreeBsd,
    /// Another kernel's, whose numbers say nothing here.
    Other,
}

/// A system call, as the kernel took it from its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Whose.
    pub abi: Abi,
    /// Which.
    pub number: u32,
    /// With what. The kernel looks at the lower half of a number or a flag.
    pub arguments: [u64; 8],
}

/// Numbers of `sys/syscall.h`; the module's build compares.
pub mod number {
    #![expect(missing_docs, reason = "the system calls' own names")]
    pub const FCHFLAGS: u32 = 35;
    pub const FCHOWN: u32 = 123;
    pub const FCHMOD: u32 = 124;
    pub const FUTIMES: u32 = 206;
    pub const ACL_SET_FD: u32 = 350;
    pub const ACL_DELETE_FD: u32 = 352;
    pub const EXTATTR_SET_FD: u32 = 371;
    pub const EXTATTR_DELETE_FD: u32 = 373;
    pub const FCHMODAT: u32 = 490;
    pub const FCHOWNAT: u32 = 491;
    pub const OPENAT: u32 = 499;
    pub const CHFLAGSAT: u32 = 540;
    pub const FUTIMENS: u32 = 546;
    pub const UTIMENSAT: u32 = 547;
}

/// openat(2): with an empty path, the file of the descriptor.
pub const O_EMPTY_PATH: u32 = 0x0200_0000;
/// The same for the other calls whose names end in "at".
pub const AT_EMPTY_PATH: u32 = 0x4000;

/// When a system call goes by its descriptor, which is its first argument.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// If [`AT_EMPTY_PATH`] is in the fourth argument.
    Fourth,
    /// If it is in the fifth.
    Fifth,
}
use When::{Always, Fifth, Fourth};

/// System calls that change a file.
const CHANGES: &[(u32, When)] = &[
    (number::FCHFLAGS, Always),
    (number::FCHOWN, Always),
    (number::FCHMOD, Always),
    (number::FUTIMES, Always),
    (number::ACL_SET_FD, Always),
    (number::ACL_DELETE_FD, Always),
    (number::EXTATTR_SET_FD, Always),
    (number::EXTATTR_DELETE_FD, Always),
    (number::FCHMODAT, Fourth),
    (number::FCHOWNAT, Fifth),
    (number::CHFLAGSAT, Fourth),
    (number::FUTIMENS, Always),
    (number::UTIMENSAT, Fourth),
];

impl Call {
    const fn descriptor(&self) -> i32 {
        let [first, ..] = self.arguments;
        low(first).cast_signed()
    }

    /// The descriptor through which this call changes a file, if it can be one.
    /// With a name beside it that is not empty it may be the name all the same:
    /// names are the user's memory, which changes. Another ABI's first argument
    /// always can.
    #[must_use]
    pub fn changes(&self) -> Option<i32> {
        if self.abi == Abi::Other {
            return Some(self.descriptor());
        }
        let [_, _, _, fourth, fifth, ..] = self.arguments;
        let (_, when) = CHANGES.iter().find(|(number, _)| *number == self.number)?;
        let through = match when {
            Always => true,
            Fourth => has(fourth, AT_EMPTY_PATH),
            Fifth => has(fifth, AT_EMPTY_PATH),
        };
        through.then_some(self.descriptor())
    }

    /// The descriptor whose file this call opens anew, if it can be one. No other
    /// ABI has such a call.
    #[must_use]
    pub fn reopens(&self) -> Option<i32> {
        let [_, _, flags, ..] = self.arguments;
        let own = self.abi == Abi::FreeBsd && self.number == number::OPENAT;
        (own && has(flags, O_EMPTY_PATH)).then_some(self.descriptor())
    }
}

/// What the kernel looks at of an `int`.
#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates it too")]
const fn low(argument: u64) -> u32 {
    argument as u32
}

const fn has(argument: u64, flag: u32) -> bool {
    low(argument) & flag != 0
}

/// Who opened a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opener {
    /// A process in this jail, or outside any.
    Process(Option<Jid>),
    /// Nobody that is known: the process has no such descriptor of this file.
    Unknown,
}

impl Opener {
    /// Whether it was this jail.
    #[must_use]
    pub fn is(self, jail: Jid) -> bool {
        self == Self::Process(Some(jail))
    }
}

/// Whether a jailed process may, through a descriptor, change a file or open it
/// anew.
///
/// - Determines: what the jail opened itself is its own, wherever it went since,
///   a file without a name and one with names elsewhere as well among them. What
///   came from outside is the jail's if it lies beneath its root: `root` and
///   `path` are the two paths, for which the caller need not look if `opener` is
///   the jail.
/// - Returns: `Ok`, or `EPERM`, as for a file of another user: the process has
///   it, and sees that it is there. Without a path a file that came from outside
///   cannot be told (unlinked; forgotten by the name cache), and is refused.
/// - Locks: none; the paths may be a moment old.
/// - Answers to: `setfmode`, `setfown`, `setfflags` and their kin, and
///   `vn_open_vnode`, which ask for the caller's rights alone.
///
/// # Errors
/// `EPERM`.
#[doc(alias = "setfmode")]
#[doc(alias = "setfown")]
#[doc(alias = "setfflags")]
#[doc(alias = "vn_open_vnode")]
pub fn may_act(jail: Jid, opener: Opener, root: Option<&[u8]>, path: Option<&[u8]>) -> Result {
    let beneath = root.zip(path).is_some_and(|(root, path)| contains(root, path));
    if opener.is(jail) || beneath { Ok(()) } else { Err(Errno::EPERM) }
}
