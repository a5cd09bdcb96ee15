// SPDX-License-Identifier: BSD-2-Clause
//! The descriptor that keeps a jail. C source of its kin: `sys/kern/kern_jaildesc.c`,
//! `sys/kern/sys_procdesc.c`.

use core::ptr;

use sys_bindings as c;

use super::credential::{Credential, Jail, JailRef};
use super::process::Current;
use super::second_line::{NativePrison, User};
use crate::{Errno, Result};

/// Opens one; its number.
///
/// # Errors
/// `ENFILE`, `EMFILE`, `ENOMEM`; nothing holds the jail then.
pub(crate) fn open(current: &Current, jail: &JailRef, user: User<'_>) -> Result<i32> {
    let credential = credential_in(current, jail)?;
    let mut file = ptr::null_mut();
    let td = current.thread();
    // SAFETY: our own thread; the file takes a reference of the credential.
    let error = unsafe { c::rjail_c_hold_alloc(td, credential.as_ptr(), &raw mut file) };
    Errno::check(error)?;
    // From here on the file's end lets go of the jail: `let_go`.
    jail.hold();
    user.keep();
    let mut number = -1;
    // SAFETY: the file of above, whose reference this takes over.
    let error = unsafe { c::rjail_c_hold_install(td, file, &raw mut number) };
    Errno::check(error).map(|()| number)
}

/// A file of [`open`] ends; the credential is its own, and keeps the jail.
pub(crate) fn let_go(jail: &Jail) {
    jail.let_go();
    if let Some(prison) = jail.second_line() {
        // The user that `open` kept.
        drop(prison.kept_user());
    }
}

/// The jail that a descriptor of the caller's holds.
///
/// # Errors
/// `EBADF` for any other.
pub(crate) fn held(current: &Current, descriptor: i32) -> Result<JailRef> {
    // SAFETY: our own thread; takes and drops the table's lock.
    let cred = unsafe { c::rjail_c_held(current.thread(), descriptor) };
    // SAFETY: null, or comes with a reference, which is ours.
    let cred = unsafe { Credential::from_raw(cred) }.ok_or(Errno::EBADF)?;
    cred.jail_ref().ok_or(Errno::EBADF)
}

/// A credential like the caller's, but in the jail.
///
/// # Errors
/// As [`Credential::labelled`].
pub(crate) fn credential_in(current: &Current, jail: &JailRef) -> Result<Credential> {
    let mut credential = Credential::labelled()?;
    // SAFETY: `credential` is empty and ours; the source is alive.
    unsafe { c::crcopy(credential.as_ptr(), current.credential()) };
    if let Some(prison) = jail.second_line().map(NativePrison::as_ptr) {
        // SAFETY: ours, and crcopy gave it a reference of this prison.
        let parent = unsafe { (*credential.as_ptr()).cr_prison };
        // SAFETY: the jail has the anchor.
        unsafe { c::prison_hold(prison) };
        // SAFETY: ours alone.
        unsafe { (*credential.as_ptr()).cr_prison = prison };
        // SAFETY: the reference of crcopy, which nothing points at any more.
        unsafe { c::prison_free(parent) };
    }
    if credential.set_jail(JailRef::clone(jail)) { Ok(credential) } else { Err(Errno::EAGAIN) }
}

/// Whether the second line lets root in the jail have the privilege of this number;
/// true without one. `superuser`: the kernel gives it to root alone.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn second_line_allows(
    current: &Current,
    jail: &JailRef,
    number: i32,
    superuser: bool,
) -> Result<bool> {
    if jail.second_line().is_none() {
        return Ok(true);
    }
    let credential = credential_in(current, jail)?;
    let cred = credential.as_ptr();
    let suser = c::PR_ALLOW_SUSER.cast_unsigned();
    // SAFETY: alive, and in the jail's prison.
    if superuser && !unsafe { c::prison_allow(cred, suser) } {
        return Ok(false);
    }
    // SAFETY: as above; asks about the prison alone.
    Ok(unsafe { c::rjail_c_prison_allows(cred, number) })
}
