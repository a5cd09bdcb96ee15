// SPDX-License-Identifier: BSD-2-Clause
//! What the tool `rjail` does.
//!
//! [`command`] reads the command line; [`parameter`] and [`config`] what a jail
//! is to be; [`life`] begins and ends one, [`order`] many; [`record`] keeps names;
//! [`show`], [`ledger`] and [`page`] turn what is known into text and JSON. They
//! ask a [`kernel::Kernel`]: [`system`], by the crate [`confine`], is the machine's own
//! and needs FreeBSD; the tests have a model.

pub mod command;
pub mod config;
pub mod failure;
pub mod kernel;
pub mod ledger;
pub mod life;
pub mod order;
pub mod page;
pub mod parameter;
pub mod passwd;
pub mod record;
pub mod show;
pub mod signal;
pub mod system;
pub mod terminal;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
