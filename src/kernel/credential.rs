// SPDX-License-Identifier: BSD-2-Clause
//! Credentials, and the label in them. C source: `sys/sys/ucred.h`,
//! `sys/kern/kern_prot.c`, `sys/security/mac/mac_label.c`.

use core::ptr::NonNull;

use static_assertions::const_assert;
use sys_bindings as c;

use super::counted::Ref;
use super::second_line::NativePrison;
use crate::prison::{Jid, Prison};
use crate::{Errno, Result};

/// A jail as the module knows it.
pub(crate) type Jail = Prison<NativePrison>;
/// A counted reference to one.
pub(crate) type JailRef = Ref<Jail>;
// One of malloc(9)'s sizes; the next is 512.
const_assert!(JailRef::SIZE <= 384);

/// The policy's slot in a label.
///
/// # Invariants
/// In a credential it holds zero or an address of `JailRef::into_raw`, which it
/// owns; in any other object zero or a number.
#[derive(Clone, Copy)]
pub(crate) struct Label(NonNull<c::label>);

impl Label {
    /// The label at this address; null is a label made before the module.
    ///
    /// # Safety
    /// Null, or a label that lives as long as the `Label` is used, whose slot
    /// the policy owns.
    #[inline]
    pub(crate) unsafe fn new(label: *mut c::label) -> Option<Self> {
        NonNull::new(label).map(Self)
    }

    #[inline]
    fn slot(self) -> *mut isize {
        // SAFETY: written once, before the first hook can run.
        let slot = unsafe { c::rjail_slot };
        // SAFETY: the label is alive (`new`).
        let slots = unsafe { &raw mut (*self.0.as_ptr()).l_perpolicy };
        // SAFETY: the framework gave the slot, so the label has it.
        unsafe { slots.cast::<isize>().offset(slot as isize) }
    }

    #[inline]
    fn raw(self) -> usize {
        // SAFETY: `slot` is inside the label, which is alive.
        unsafe { self.slot().read() }.cast_unsigned()
    }

    /// The jail in it.
    #[inline]
    pub(crate) fn jail<'a>(self) -> Option<&'a Jail> {
        // SAFETY: invariant of `Label`; a label keeps its reference as long as
        // its credential lives, and every caller holds the credential.
        unsafe { JailRef::borrow_raw(self.raw()) }
    }

    /// Another reference to the jail in it.
    pub(crate) fn jail_ref(self) -> Option<JailRef> {
        // SAFETY: as for `jail`.
        unsafe { JailRef::clone_raw(self.raw()) }
    }

    /// Puts a jail in, or none; what was there is given back.
    ///
    /// # Safety
    /// Nobody else can reach this label yet, or any more.
    pub(crate) unsafe fn set(self, jail: Option<JailRef>) {
        let old = self.raw();
        let new = jail.map_or(0, JailRef::into_raw).cast_signed();
        // SAFETY: the caller is alone with the label; `slot` is inside it.
        unsafe { self.slot().write(new) };
        // SAFETY: the slot owned it, and holds it no more.
        drop(unsafe { JailRef::from_raw(old) });
    }
}

/// The label of an object that keeps a number of the policy's, and nothing that
/// is counted.
impl Label {
    /// That number; 0 in a fresh label.
    pub(crate) fn number(self) -> u64 {
        self.raw() as u64
    }

    /// Sets it.
    ///
    /// # Safety
    /// The label of such an object, which nobody else can reach yet.
    pub(crate) unsafe fn set_number(self, number: u64) {
        // SAFETY: the caller is alone with the label; `slot` is inside it, and as wide
        // as the number.
        unsafe { self.slot().cast::<u64>().write(number) };
    }
}

/// The jail of a credential; `None` is outside, which every hook asks first.
///
/// # Safety
/// The credential is alive, and stays so for `'a`.
#[inline]
pub(crate) unsafe fn jail_of<'a>(cred: *const c::ucred) -> Option<&'a Jail> {
    // SAFETY: alive, says the caller; a credential's label pointer is constant
    // from its making to its end.
    let label = unsafe { (*cred).cr_label };
    // SAFETY: a credential's label lives as long as the credential.
    let label = unsafe { Label::new(label) }?;
    label.jail()
}

/// The number of a credential's jail.
///
/// # Safety
/// As [`jail_of`].
#[inline]
pub(crate) unsafe fn jid_of(cred: *const c::ucred) -> Option<Jid> {
    // SAFETY: as the caller says.
    unsafe { jail_of(cred) }.map(Jail::jid)
}

/// A credential that this code owns a reference of.
///
/// # Invariants
/// Alive, and one of its references is this one's.
pub(crate) struct Credential(NonNull<c::ucred>);

impl Credential {
    /// A new, empty one. Sleeps; cannot fail.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: called from a thread that may sleep.
        NonNull::new(unsafe { c::crget() }).map(Self)
    }

    /// The same with a label: the policy is there. Sleeps.
    ///
    /// # Errors
    /// `EAGAIN`: the framework was counting what its policies label, as when another
    /// one is loaded, and gave none.
    pub(crate) fn labelled() -> Result<Self> {
        let new = Self::new().ok_or(Errno::ENOMEM)?;
        // SAFETY: alive (invariant); the label pointer is constant.
        let label = unsafe { (*new.as_ptr()).cr_label };
        if label.is_null() { Err(Errno::EAGAIN) } else { Ok(new) }
    }

    /// Takes over a reference.
    ///
    /// # Safety
    /// The caller owns a reference and gives it up here.
    pub(crate) unsafe fn from_raw(cred: *mut c::ucred) -> Option<Self> {
        NonNull::new(cred).map(Self)
    }

    /// The kernel's own.
    pub(crate) const fn as_ptr(&self) -> *mut c::ucred {
        self.0.as_ptr()
    }

    /// A reference to its jail.
    pub(crate) fn jail_ref(&self) -> Option<JailRef> {
        // SAFETY: alive (invariant); the label pointer is constant.
        let label = unsafe { (*self.as_ptr()).cr_label };
        // SAFETY: lives as long as the credential, which we hold.
        unsafe { Label::new(label) }?.jail_ref()
    }

    /// Puts a jail in the label of a credential that no process has yet; false
    /// when it has no label, which none of [`Self::labelled`] lacks.
    pub(crate) fn set_jail(&mut self, jail: JailRef) -> bool {
        // SAFETY: alive (invariant); the label pointer is constant.
        let label = unsafe { (*self.as_ptr()).cr_label };
        // SAFETY: lives as long as the credential, which we hold.
        let Some(label) = (unsafe { Label::new(label) }) else { return false };
        // SAFETY: `&mut` and not yet published: nobody else reads the label.
        unsafe { label.set(Some(jail)) };
        true
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        // SAFETY: one reference is ours (invariant), given back here.
        unsafe { c::crfree(self.as_ptr()) };
    }
}
