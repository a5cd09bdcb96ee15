// SPDX-License-Identifier: BSD-2-Clause
//! IP addresses of both families: what a jail is given, and what its sockets get.

mod attempts;
mod lists;
mod race;
mod sockets;

pub use attempts::attempts;
pub use lists::lists;
pub use race::race;
