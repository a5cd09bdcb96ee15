// SPDX-License-Identifier: BSD-2-Clause
//! The prison: what a jail is, from the moment it is made until nothing holds
//! it. C source: `struct prison` in `sys/sys/jail.h`; paper, section 4.1.

#![forbid(unsafe_code)]

mod addresses;
mod defaults;
mod flags;
mod jid;
mod life;
mod name;
mod registry;

pub use addresses::Addresses;
pub use defaults::Default;
pub use flags::{JailFlags, SystemV};
pub use jid::Jid;
pub use life::{Life, State};
pub use name::Name;
pub use registry::Registry;

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::address::{Lines, Sockets};
use crate::privilege::{Ledger, Named, Privilege, Privileges, held};
use crate::root::View;

/// A jail. Nothing in it changes after [`Prison::new`] but what the ledger counts and
/// how far it is in its life, atomically; so no field has a lock.
///
/// `K` is the second line's half: the kernel's `struct prison`, which the jail
/// owns, or nothing where only the label decides.
pub struct Prison<K> {
    jid: Jid,
    name: Name,
    flags: JailFlags,
    privileges: Privileges,
    addresses: Addresses,
    second_line: Option<K>,
    view: View,
    ledger: Ledger,
    begun: AtomicBool,
    closed: AtomicBool,
    made_memory: AtomicBool,
    descriptors: AtomicU32,
}

impl<K> Prison<K> {
    /// Puts a jail together.
    #[must_use]
    pub fn new(
        jid: Jid,
        flags: JailFlags,
        named: &Named,
        addresses: Addresses,
        second_line: Option<K>,
    ) -> Self {
        let lines = lines_of(second_line.as_ref());
        let privileges = held(lines, flags, named);
        Self {
            jid,
            name: Name::NONE,
            flags,
            privileges,
            addresses,
            second_line,
            view: View::NOTHING,
            ledger: Ledger::new(),
            begun: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            made_memory: AtomicBool::new(false),
            descriptors: AtomicU32::new(0),
        }
    }

    /// The same with what its root directory is to the mounts.
    #[must_use]
    pub fn seen_from(self, view: View) -> Self {
        Self { view, ..self }
    }

    /// The same with this name.
    #[must_use]
    pub fn called(self, name: Name) -> Self {
        Self { name, ..self }
    }

    /// What its maker called it.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Which mounts it may learn of.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Its number.
    #[must_use]
    #[inline]
    pub const fn jid(&self) -> Jid {
        self.jid
    }

    /// What it was made with.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> JailFlags {
        self.flags
    }

    /// What root in it may do.
    #[must_use]
    #[inline]
    pub const fn privileges(&self) -> &Privileges {
        &self.privileges
    }

    /// What root in it did, or was refused.
    #[must_use]
    #[inline]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Which sockets it may have.
    #[must_use]
    #[inline]
    pub const fn sockets(&self) -> Sockets {
        Sockets {
            raw: self.privileges.contains(Privilege::NetinetRaw),
            other_families: self.flags.contains(JailFlags::SOCKET_AF),
        }
    }

    /// What it has of both IP families.
    #[must_use]
    #[inline]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Who else stands guard.
    #[must_use]
    #[inline]
    pub const fn lines(&self) -> Lines {
        lines_of(self.second_line.as_ref())
    }

    /// How far it is in its life; `peopled` says whether a process is in it that is
    /// no zombie.
    #[must_use]
    pub fn life(&self, peopled: bool) -> Life {
        Life {
            closed: self.is_closed(),
            begun: self.is_begun(),
            peopled,
            held: self.descriptors() != 0,
        }
    }

    /// Somebody is about to be in it, or to hold it.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// Whether somebody has been in it, or has held it.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Nobody enters it any more; whether somebody could until now.
    pub fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    /// Whether somebody has closed it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A process of it makes an object of POSIX shared memory.
    pub fn make_memory(&self) {
        self.made_memory.store(true, Ordering::Release);
    }

    /// Whether there may be such objects, of which the kernel keeps the names.
    #[must_use]
    pub fn has_made_memory(&self) -> bool {
        self.made_memory.load(Ordering::Acquire)
    }

    /// How many descriptors hold it.
    #[must_use]
    pub fn descriptors(&self) -> u32 {
        self.descriptors.load(Ordering::Acquire)
    }

    /// A descriptor more that holds it.
    pub fn hold(&self) {
        self.descriptors.fetch_add(1, Ordering::AcqRel);
    }

    /// One less.
    pub fn let_go(&self) {
        self.descriptors.fetch_sub(1, Ordering::AcqRel);
    }

    /// The kernel's half.
    #[must_use]
    pub const fn second_line(&self) -> Option<&K> {
        self.second_line.as_ref()
    }
}

const fn lines_of<K>(second_line: Option<&K>) -> Lines {
    if second_line.is_some() { Lines::Both } else { Lines::LabelAlone }
}
