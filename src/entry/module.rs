// SPDX-License-Identifier: BSD-2-Clause
//! The module's life, and what its sysctls ask.

use core::ffi::{c_char, c_int, c_void};
use core::ptr;

use sys_bindings as c;

use crate::Errno;
use crate::jail;
use crate::kernel::credential::{JailRef, jail_of, jid_of};
use crate::kernel::crowd::{Newborn, Notice};
use crate::kernel::process::Current;
use crate::kernel::second_line::{Emptied, Unfit};
use crate::kernel::{hold, ipc, path, policy, second_line, task};
use crate::killer;
use crate::prison::{Default, Jid};

/// Before the policy is registered.
///
/// # Safety
/// Called by the module event alone, once per load, before anything else here.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_load() -> c_int {
    // SAFETY: once, and nobody can reach the registry yet.
    unsafe { jail::REGISTRY.init(c"rjail registry") };
    // SAFETY: as above.
    unsafe { jail::WATCH.init(c"rjail watch") };
    // SAFETY: as above.
    unsafe { jail::ARMING.init(c"rjail arming") };
    // SAFETY: as above.
    unsafe { policy::WAITING.init(c"rjail waiting") };
    // SAFETY: as above.
    unsafe { killer::MEMBERS.init(c"rjail members") };
    // SAFETY: as above.
    unsafe { killer::ROUND.init(c"rjail round") };
    path::moves_init();
    ipc::begin_marks();
    0
}

/// Holds the kernel's `struct prison` against the headers; `what` says where
/// they differ, and is left alone when that could not be found out.
///
/// # Safety
/// Called by the module event or at boot, in a thread that may sleep; `what` is
/// a place to write to.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_self_check(what: *mut *const c_char) -> c_int {
    // SAFETY: always there.
    let td = unsafe { c::rjail_c_curthread() };
    // SAFETY: it is curthread.
    let Some(current) = (unsafe { Current::new(td) }) else { return Errno::EINVAL.number() };
    match second_line::self_check(&current) {
        Ok(()) => 0,
        Err(Unfit::Failed(errno)) => errno.number(),
        Err(Unfit::Differs(text)) => {
            // SAFETY: as the caller says; the text is static.
            unsafe { what.write(text.as_ptr()) };
            Errno::ENOSYS.number()
        }
    }
}

/// Whether the module may go: no jail is left, and none is dying.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_quiesce() -> c_int {
    Errno::from_result(jail::quiesce())
}

/// Takes the policy out, when [`rjail_entry_quiesce`] has said that the module may
/// go and nobody can enter any more.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_disarm() -> c_int {
    task::disarm_drain();
    Errno::from_result(jail::disarm())
}

/// The task of a policy that has been idle for a while.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_idle() {
    // Where the framework refuses, the policy stays until the next jail has gone.
    let _ = jail::disarm();
}

/// After the policy is gone.
///
/// # Safety
/// Called by the module event alone, after [`rjail_entry_load`], when neither
/// hook nor system call can run any more.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_unload() {
    task::drain();
    path::moves_fini();
    // SAFETY: nobody can reach the registry any more.
    unsafe { jail::REGISTRY.destroy() };
    // SAFETY: as above.
    unsafe { jail::WATCH.destroy() };
    // SAFETY: as above.
    unsafe { jail::ARMING.destroy() };
    // SAFETY: as above.
    unsafe { policy::WAITING.destroy() };
    // SAFETY: as above.
    unsafe { killer::MEMBERS.destroy() };
    // SAFETY: as above.
    unsafe { killer::ROUND.destroy() };
}

/// The task.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_teardown() {
    jail::teardown();
}

/// The kernel's task of a prison whose last user is gone.
///
/// # Safety
/// Called by that task alone, with what `NativePrison::join` gave it.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_emptied(jail: *mut c_void) {
    // SAFETY: the reference that `join` gave away; kept unless this is the task's last run.
    let Some(jail) = (unsafe { JailRef::from_raw(jail.expose_provenance()) }) else { return };
    let left = jail.second_line().map(|prison| prison.emptied(jail.has_made_memory()));
    if left == Some(Emptied::Left) {
        Notice::Emptied.tell(jail.jid(), 0);
    } else {
        // Somebody counts on it: it stays.
        core::mem::forget(jail);
    }
}

/// The kernel's event of a fork(2): the child, which has not run.
///
/// # Safety
/// Called by `rjail_c_born` alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_born(child: *const c::proc_) {
    // SAFETY: as the caller says.
    if let Some(child) = unsafe { Newborn::new(child.cast_mut()) } {
        killer::bear(&child);
    }
}

/// A descriptor that held a jail is closed for the last time.
///
/// # Safety
/// The credential of a file of ours, alive.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_let_go(cred: *const c::ucred) {
    // SAFETY: as the caller says.
    if let Some(jail) = unsafe { jail_of(cred) } {
        hold::let_go(jail);
    }
}

/// The kernel's own jail_attach(2), by number or by descriptor: nobody leaves.
///
/// # Safety
/// A live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_jail_attach(cred: *const c::ucred) -> c_int {
    // SAFETY: as the caller says.
    unsafe { jid_of(cred) }.map_or(0, |_| Errno::EPERM.number())
}

/// `security.rjail.jails`.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_jails() -> u64 {
    jail::live() as u64
}

/// `security.rjail.jid` and `jailed`: 0 outside.
///
/// # Safety
/// A live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_jid(cred: *const c::ucred) -> u64 {
    if ptr::eq(cred, ptr::null()) {
        return 0;
    }
    // SAFETY: as the caller says.
    unsafe { jid_of(cred) }.map_or(0, Jid::get)
}

/// `security.rjail.second_line`.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_second_line() -> c_int {
    c_int::from(jail::second_line())
}

/// Sets it.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_set_second_line(on: c_int) -> c_int {
    Errno::from_result(jail::set_second_line(on))
}

/// `security.rjail.unix_cross_jail`.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_unix_cross_jail() -> c_int {
    c_int::from(jail::unix_cross_jail())
}

/// Sets it.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_set_unix_cross_jail(on: c_int) -> c_int {
    Errno::from_result(jail::set_unix_cross_jail(on))
}

/// `security.rjail.watching`.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_watching() -> c_int {
    c_int::from(jail::watching())
}

/// `security.rjail.armed`.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_armed() -> c_int {
    c_int::from(jail::armed())
}

/// `security.rjail.linger`, in seconds.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_linger() -> c_int {
    jail::linger().cast_signed()
}

/// Sets it.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_set_linger(seconds: c_int) -> c_int {
    Errno::from_result(jail::set_linger(seconds))
}

/// `security.rjail.watch_lookups`.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_watch_lookups() -> c_int {
    c_int::from(jail::watch_lookups())
}

/// Sets it.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_set_watch_lookups(on: c_int) -> c_int {
    Errno::from_result(jail::set_watch_lookups(on))
}

/// One of the sysctls that say what new jails get, by its place in
/// [`Default::ALL`].
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_default(which: c_int) -> c_int {
    default_at(which).map_or(0, jail::default)
}

/// Sets it.
#[unsafe(no_mangle)]
extern "C" fn rjail_entry_set_default(which: c_int, value: c_int) -> c_int {
    let which = default_at(which).ok_or(Errno::EINVAL);
    Errno::from_result(which.and_then(|which| jail::set_default(which, value)))
}

fn default_at(which: c_int) -> Option<Default> {
    Default::ALL.get(usize::try_from(which).ok()?).copied()
}
