// SPDX-License-Identifier: BSD-2-Clause
//! For programs that jail themselves: load libraries, read the configuration,
//! then [`Jail::enter`]. What is loaded and open stays; what is opened afterwards
//! is the jail's.
//!
//! ```no_run
//! use confine::{Jail, JailFlags};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let jail = Jail::new("/jails/www", "www.example.org")?
//!         .address("10.66.0.2".parse::<std::net::Ipv4Addr>()?)
//!         .flags(JailFlags::PAPER)
//!         .privileges("-PRIV_VFS_CHROOT")?;
//!     let jid = jail.enter()?;
//!     println!("in jail {jid}");
//!     Ok(())
//! }
//! ```
//!
//! The whole process goes in, with all its threads and for good, from whichever of
//! them calls. It must be root's, outside any jail, with no directory open, and
//! share neither descriptors nor memory with another process: [`Refused`] says what
//! stood in the way, and then nothing has changed. Give up root afterwards, with
//! setuid(2), like after chroot(2).
//!
//! [`ask`] is the rest of rjail(2): what a process outside asks of jails, and does
//! to them. The module not being loaded is `ENOSYS` everywhere ([`is_absent`]). On
//! other systems than FreeBSD everything compiles, nothing works, and says so.
//!
//! C programs have `rjail.h` and `rjail_confine.h`.

pub mod ask;
mod call;
mod jail;
mod refused;

pub use call::is_absent;
pub use jail::{Jail, attach};
pub use refused::Refused;
pub use rjail::address::Loopback;
pub use rjail::prison::JailFlags;
pub use rjail::root::Refusal;
