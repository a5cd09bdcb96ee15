// SPDX-License-Identifier: BSD-2-Clause
//! The model kernel: the first of the three backends that play the cases.
//!
//! Processes, credentials, a name tree and sockets, in memory, on any machine.
//! Wherever the FreeBSD kernel calls a MAC hook, [`Machine`] asks the same
//! policy of the `rjail` crate that the module asks; wherever the kernel
//! consults `cr_prison`, it asks [`line_two`], a short statement of what the
//! kernel's own jail answers. What is neither is ordinary Unix, kept as small as
//! the cases allow.
//!
//! - [`machine`]: processes and credentials, and the system calls on them.
//! - [`names`]: files and directories, lookup, chroot.
//! - [`net`]: sockets and datagrams.
//! - [`special`]: devices and UNIX-domain sockets.
//! - [`line_two`]: the kernel's own jail.
//! - [`play`]: the cases on the machine.
//! - [`sequence`]: random sequences on the machine.
//! - [`demo`]: the table of `make demo`, also for answers of a real kernel.

#![forbid(unsafe_code)]

pub mod demo;
pub mod line_two;
pub mod machine;
pub mod names;
pub mod net;
pub mod play;
pub mod sequence;
pub mod special;

pub use cases::Errno;
pub use machine::{Machine, Pid};

/// What a system call of the model answers.
pub type Result<T = ()> = core::result::Result<T, Errno>;

/// The errno of a policy decision as the cases name it.
///
/// # Panics
/// When the policy answers with an errno that no case could name.
pub(crate) fn errno(errno: rjail::Errno) -> Errno {
    match Errno::from_number(errno.number()) {
        Some(errno) => errno,
        None => panic!("the cases have no name for {errno:?}"),
    }
}

/// A policy decision as an answer of the model.
pub(crate) fn ask<T>(decision: rjail::Result<T>) -> Result<T> {
    decision.map_err(errno)
}
