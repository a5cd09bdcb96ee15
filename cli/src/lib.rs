// SPDX-License-Identifier: BSD-2-Clause
//! What the tool `rjail` does, apart from its command line.
//!
//! [`kernel`] asks the module, [`ledger`] and [`page`] turn what is known into
//! text and JSON; only the first needs FreeBSD.

pub mod kernel;
pub mod ledger;
pub mod page;
