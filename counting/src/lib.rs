// SPDX-License-Identifier: BSD-2-Clause
//! Counted references, registry and graveyard under loom.
//!
//! The files are the module's own, compiled a second time with loom's atomics and
//! allocator; loom then runs each test once for every order of its threads'
//! steps, and every value that a relaxed load may see.

#![deny(unsafe_code)]

extern crate alloc;

#[path = "../../src/errno.rs"]
mod errno;
#[path = "."]
pub mod kernel {
    //! What is unsafe.
    #[expect(unsafe_code, reason = "reference counts")]
    #[path = "../../src/kernel/counted.rs"]
    pub mod counted;
    #[expect(unsafe_code, reason = "vectors that fail")]
    #[path = "../../src/kernel/memory.rs"]
    pub mod memory;
}
#[path = "."]
pub mod prison {
    //! Jails by number.
    #[path = "../../src/prison/jid.rs"]
    mod jid;
    #[path = "../../src/prison/registry.rs"]
    mod registry;
    pub use jid::Jid;
    pub use registry::Registry;
}

pub use errno::{Errno, Result};
