// SPDX-License-Identifier: BSD-2-Clause
//! IP addresses of both families: what a jail is given, and what its sockets get.

mod attempts;
mod changes;
mod families;
mod lists;
mod netlink;
mod places;
mod race;
mod seen;
pub mod sockets;
mod tap;
mod wire;

pub use attempts::attempts;
pub use changes::changes;
pub use families::families;
pub use lists::lists;
pub use race::race;
pub use seen::seen;
pub use wire::wire;
