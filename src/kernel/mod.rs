// SPDX-License-Identifier: BSD-2-Clause
//! Safe wrappers of the kernel's objects, one file for each.
//!
//! [`counted`], [`fixed`], [`late`], [`memory`] and [`plain`] need no kernel and run on any
//! host; the rest exists in the module only.

pub mod counted;
pub mod fixed;
pub mod late;
pub mod memory;
pub mod plain;

#[cfg(target_os = "none")]
mod alloc;
#[cfg(target_os = "none")]
pub(crate) mod call;
#[cfg(target_os = "none")]
pub(crate) mod credential;
#[cfg(target_os = "none")]
pub(crate) mod crowd;
#[cfg(target_os = "none")]
pub(crate) mod device;
#[cfg(target_os = "none")]
pub(crate) mod hold;
#[cfg(target_os = "none")]
pub(crate) mod interpose;
#[cfg(target_os = "none")]
pub(crate) mod ipc;
#[cfg(target_os = "none")]
pub(crate) mod lock;
#[cfg(target_os = "none")]
pub(crate) mod lookup;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
pub(crate) mod path;
#[cfg(target_os = "none")]
pub(crate) mod policy;
#[cfg(target_os = "none")]
pub(crate) mod process;
#[cfg(target_os = "none")]
pub(crate) mod second_line;
#[cfg(target_os = "none")]
pub(crate) mod socket;
#[cfg(target_os = "none")]
pub(crate) mod task;
#[cfg(target_os = "none")]
pub(crate) mod uaccess;
#[cfg(target_os = "none")]
pub(crate) mod unix;
#[cfg(target_os = "none")]
pub(crate) mod vnode;
