// SPDX-License-Identifier: BSD-2-Clause
//! Where the kernel calls in: check what comes, call safe code, answer with an
//! errno. One file for each kind of object; the names are those of
//! `kmod/entry.h`, the hooks' those of the MAC operation they answer.

mod credential;
mod descriptor;
mod interpose;
mod ipc;
mod machine;
mod module;
mod mount;
mod privilege;
mod process;
mod root;
mod socket;
mod syscall;
mod vnode;
