// SPDX-License-Identifier: BSD-2-Clause
//! What processes share by a name, a key or a number. C source:
//! `sys/security/mac/mac_posix_{shm,sem}.c`, `mac_sysv_{shm,sem,msg}.c`; each
//! caller holds a lock that keeps the object.

use core::ffi::c_int;
use core::mem::offset_of;

use sys_bindings as c;

use crate::Errno;
use crate::ipc::{self, By};
use crate::kernel::credential::{Jail, jail_of};
use crate::kernel::ipc::{maker, mark, marked, set_mark};
use crate::prison::JailFlags;

/// A new label: the framework zeroes its slots, and zero is the host's. That the
/// hook exists is what makes the framework give these objects labels.
#[unsafe(no_mangle)]
extern "C" fn rjail_posixshm_init_label(_label: *mut c::label) {}

/// The same of a semaphore.
#[unsafe(no_mangle)]
extern "C" fn rjail_posixsem_init_label(_label: *mut c::label) {}

/// Whose a new object is.
///
/// # Safety
/// A live credential, and the label of an object under construction.
#[inline]
unsafe fn made(cred: *const c::ucred, label: *mut c::label) {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return };
    // SAFETY: as the caller says.
    unsafe { set_mark(label, mark(jail.jid())) };
}

/// shm_open(2) makes an object. All of them are made here, those without a name too.
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_posixshm_create(
    cred: *mut c::ucred,
    _object: *mut c::shmfd,
    label: *mut c::label,
) {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return };
    jail.make_memory();
    // SAFETY: of an object under construction.
    unsafe { set_mark(label, mark(jail.jid())) };
}

/// ksem_open(2) and ksem_init(2) make one.
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_posixsem_create(
    cred: *mut c::ucred,
    _object: *mut c::ksem,
    label: *mut c::label,
) {
    // SAFETY: as this function's caller says.
    unsafe { made(cred, label) };
}

/// # Safety
/// A live credential, and the label of a live object.
#[inline]
unsafe fn named(cred: *const c::ucred, label: *mut c::label) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as the caller says.
    unsafe { named_inside(jail, label) }
}

/// # Safety
/// The label of a live object, or null.
#[inline(never)]
unsafe fn named_inside(jail: &Jail, label: *mut c::label) -> c_int {
    // SAFETY: as the caller says.
    let owner = unsafe { marked(label) };
    // POSIX objects have no switch.
    Errno::from_result(ipc::reach(Some(mark(jail.jid())), owner, false, By::Name))
}

/// shm_open(2) of what is there.
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_posixshm_check_open(
    cred: *mut c::ucred,
    _object: *mut c::shmfd,
    label: *mut c::label,
    _access: c::accmode_t,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { named(cred, label) }
}

/// shm_unlink(2).
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_posixshm_check_unlink(
    cred: *mut c::ucred,
    _object: *mut c::shmfd,
    label: *mut c::label,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { named(cred, label) }
}

/// ksem_open(2) of what is there.
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_posixsem_check_open(
    cred: *mut c::ucred,
    _object: *mut c::ksem,
    label: *mut c::label,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { named(cred, label) }
}

/// ksem_unlink(2).
///
/// # Safety
/// Called by the MAC framework alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_posixsem_check_unlink(
    cred: *mut c::ucred,
    _object: *mut c::ksem,
    label: *mut c::label,
) -> c_int {
    // SAFETY: as this function's caller says.
    unsafe { named(cred, label) }
}

/// # Safety
/// Live credential; the place of a live object's that holds its maker's credential,
/// or null.
#[inline]
unsafe fn system_v(cred: *const c::ucred, owner: *const *const c::ucred, by: By) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: as the caller says.
    unsafe { system_v_inside(jail, owner, by) }
}

/// # Safety
/// As [`system_v`].
#[inline(never)]
unsafe fn system_v_inside(jail: &Jail, owner: *const *const c::ucred, by: By) -> c_int {
    // SAFETY: the object is locked, so its maker's credential stays meanwhile.
    let owner = unsafe { owner.read() };
    // SAFETY: as above.
    let owner = unsafe { maker(owner) };
    let shares = jail.flags().contains(JailFlags::SYSVIPC);
    Errno::from_result(ipc::reach(Some(jail.jid()), owner, shares, by))
}

/// The hooks of System V, which differ in the object and in what follows it.
macro_rules! system_v {
    ($($(#[$doc:meta])* $name:ident($object:ty $(, $rest:ty)*) $by:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by the MAC framework alone, with the object locked.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            cred: *mut c::ucred,
            object: *mut $object,
            _label: *mut c::label,
            $(_: $rest,)*
        ) -> c_int {
            let owner = object.wrapping_byte_add(offset_of!($object, cred)).cast_const();
            // SAFETY: as this function's caller says.
            unsafe { system_v(cred, owner.cast(), $by) }
        }
    )*};
}

system_v! {
    /// shmget(2) of a key that is there.
    rjail_sysvshm_check_shmget(c::shmid_kernel, c_int) By::Name;
    /// shmat(2).
    rjail_sysvshm_check_shmat(c::shmid_kernel, c_int) By::Number;
    /// shmctl(2).
    rjail_sysvshm_check_shmctl(c::shmid_kernel, c_int) By::Number;
    /// semget(2) of a key that is there.
    rjail_sysvsem_check_semget(c::semid_kernel) By::Name;
    /// semctl(2); the set may be gone, as the kernel finds out afterwards.
    rjail_sysvsem_check_semctl(c::semid_kernel, c_int) By::Number;
    /// semop(2).
    rjail_sysvsem_check_semop(c::semid_kernel, usize) By::Number;
    /// msgget(2) of a key that is there.
    rjail_sysvmsq_check_msqget(c::msqid_kernel) By::Name;
    /// msgctl(2).
    rjail_sysvmsq_check_msqctl(c::msqid_kernel, c_int) By::Number;
    /// msgsnd(2).
    rjail_sysvmsq_check_msqsnd(c::msqid_kernel) By::Number;
    /// msgrcv(2).
    rjail_sysvmsq_check_msqrcv(c::msqid_kernel) By::Number;
}
