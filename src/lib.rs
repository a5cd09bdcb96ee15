// SPDX-License-Identifier: BSD-2-Clause
//! rjail: the jail of Kamp and Watson's paper as a FreeBSD kernel module.
//!
//! # Reading order
//! 1. The decisions, pure functions over small values: [`visibility`],
//!    [`address`], [`privilege`], [`root`], [`descriptor`], [`device`],
//!    [`unix`], [`watch`], [`ipc`], [`kill`], [`arming`], [`interpose`].
//! 2. What processes hand in, copied and not believed: [`request`], [`sockaddr`].
//! 3. The [`prison`]: what a jail is, how it is counted, where it is found.
//! 4. `jail`: making one and entering it, the one sequence that changes a
//!    process; `killer`: ending all of one. Then `kernel`, safe wrappers of the
//!    kernel's objects, and `entry`, where the kernel calls in; these four exist in
//!    the module only.
//!
//! # Where unsafe code may live
//! In `src/kernel/` and `src/entry/`, each block justified; everywhere else it
//! is denied here and forbidden in each file. Only `src/kernel/` and
//! `src/entry/` see the kernel's own types.
//!
//! # Lock order
//! `registry` (sx) is a leaf: it is taken with no other lock of rjail held
//! (rename(2) comes with vnodes locked), nothing sleeps on user memory under it,
//! and no lock of the kernel is taken inside but malloc(9)'s and a
//! prison's own. Whoever walks up
//! the directory tree holds no vnode's lock: the hooks let go of those they came
//! with, and what relied on them begins again; and it asks the file systems, not
//! namei(9): a hook that came to another one would wait for the framework's lock a
//! second time. `watch` (sx) is taken with no lock held, by no hook: inside are `waiting`,
//! the framework's lock, which waits for all hooks, and `registry`. So is `arming` (sx),
//! with `waiting` and the framework's lock inside. `waiting` (sx) is shared by hooks that
//! wait for a vnode, which only try, and had by who waits for the framework's lock. The last reference
//! of a prison may drop under any lock of the kernel, a credential's mutex among
//! them, so it only queues: the teardown task takes the kernel's locks,
//! `allprison_lock` among them, one at a time, then `members` if the jail was closed,
//! `registry`, `watch` and `arming`. `members` (sx) is held from the last question of
//! entry until the process is in, and while an order of rjail_kill(2) is carried out:
//! inside are `round`, the kernel's locks that entry takes, and a process group's
//! `pg_killsx`, which waits for forks. `round` (sx) is taken by a fork(2) inside
//! `pg_killsx`, so nobody waits for that one with it; inside are `allproc_lock` and a
//! process's. Entry: the process is single-threaded first; then, each on its own, its
//! descriptor table's and directories' locks (inside
//! `pwd_chroot_chdir`), its process lock, `allproc_lock`. `rjail vectors` (mtx), of
//! the system call vectors, is a leaf; a call that is interposed comes with no lock.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

pub mod address;
pub mod arming;
pub mod descriptor;
pub mod device;
pub mod errno;
pub mod interpose;
pub mod ipc;
pub mod kill;
pub mod prison;
pub mod privilege;
pub mod request;
pub mod root;
pub mod sockaddr;
pub mod unix;
pub mod visibility;
pub mod watch;

#[expect(unsafe_code, reason = "reference counts; and in the module the kernel's own objects")]
pub mod kernel;

#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "pointers that the kernel hands in")]
mod entry;
#[cfg(target_os = "none")]
mod jail;
#[cfg(target_os = "none")]
mod killer;

pub use errno::{Errno, Result};
