// SPDX-License-Identifier: BSD-2-Clause
//! The calling process: its threads, directories and credential. C source:
//! `sys/kern/kern_thread.c`, `sys/kern/kern_descrip.c`, `sys/kern/kern_prot.c`.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use sys_bindings as c;

use super::credential::{self, Credential, Jail, JailRef};
use super::second_line::{NativePrison, User};
use super::vnode::Directory;
use crate::root::Refusal;
use crate::visibility::Leader;
use crate::{Errno, Result};

/// The thread that runs this code, and its process.
///
/// # Invariants
/// `0` is `curthread`. Neither `Send` nor `Sync`.
pub(crate) struct Current(NonNull<c::thread>, PhantomData<*mut ()>);

impl Current {
    /// The caller of a system call.
    ///
    /// # Safety
    /// `td` is `curthread`, for as long as the value is used.
    pub(crate) unsafe fn new(td: *mut c::thread) -> Option<Self> {
        NonNull::new(td).map(|td| Self(td, PhantomData))
    }

    pub(crate) const fn thread(&self) -> *mut c::thread {
        self.0.as_ptr()
    }

    fn process(&self) -> *mut c::proc_ {
        // SAFETY: constant for a running thread.
        unsafe { (*self.thread()).td_proc }
    }

    /// The credential of the running system call.
    pub(crate) fn credential(&self) -> *mut c::ucred {
        // SAFETY: written by this thread alone, and we are it.
        unsafe { (*self.thread()).td_ucred }
    }

    /// The caller's jail.
    pub(crate) fn jail(&self) -> Option<&Jail> {
        // SAFETY: the thread holds its credential during the system call.
        unsafe { credential::jail_of(self.credential()) }
    }

    /// Whether the caller is in a jail of the kernel's.
    pub(crate) fn native_jailed(&self) -> bool {
        // SAFETY: alive as above; a credential's prison is constant.
        let prison = unsafe { (*self.credential()).cr_prison };
        !core::ptr::eq(prison, &raw mut c::prison0)
    }

    /// Whether the caller has the privilege that jail(2) asks for.
    pub(crate) fn may_make_jails(&self) -> bool {
        // SAFETY: our own thread; any privilege is fine.
        unsafe { c::priv_check(self.thread(), c::PRIV_JAIL_SET) == 0 }
    }

    /// Whether the caller has the privilege that jail_remove(2) asks for.
    pub(crate) fn may_remove_jails(&self) -> bool {
        // SAFETY: our own thread; any privilege is fine.
        unsafe { c::priv_check(self.thread(), c::PRIV_JAIL_REMOVE) == 0 }
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> i32 {
        // SAFETY: alive; constant.
        unsafe { (*self.process()).p_pid }
    }

    /// Leaves the step that refused the caller, and the descriptor that was in
    /// the way, for exterr(3).
    pub(crate) fn refuse(&self, refusal: Refusal) -> Errno {
        let errno = refusal.errno();
        let step = u64::from(refusal.step());
        let descriptor = i64::from(refusal.descriptor().unwrap_or(-1)).cast_unsigned();
        // No message: the caller is in no jail, so nothing keeps the module as
        // long as the thread would keep it.
        // SAFETY: writes to the running thread alone; the message is null.
        unsafe { c::rjail_c_explain(errno.number(), ptr::null(), step, descriptor) };
        errno
    }

    /// Stops every other thread of the process at the edge of user mode.
    ///
    /// # Errors
    /// `EBUSY` when another thread is doing the same. Sleeps.
    pub(crate) fn single_thread(&mut self) -> Result<SingleThreaded<'_>> {
        let mut error = 0;
        // SAFETY: our own process, not locked; we are its running thread.
        let stopped = unsafe { c::rjail_c_single_thread(self.process(), &raw mut error) };
        if error != 0 {
            return Err(Errno::EBUSY);
        }
        Ok(SingleThreaded { current: self, stopped })
    }
}

/// Who leads the session of the running process, if `cred` is its credential;
/// somebody who asks on another's behalf asks about no session.
///
/// # Safety
/// No lock of a process is held.
pub(crate) unsafe fn session_leader(cred: *const c::ucred) -> Option<Leader> {
    // SAFETY: always there.
    let td = unsafe { c::rjail_c_curthread() };
    // SAFETY: written by this thread alone, and we are it.
    let own = unsafe { (*td).td_ucred };
    if !ptr::eq(own, cred) {
        return None;
    }
    // SAFETY: as the caller says.
    let Some(leader) = NonNull::new(unsafe { c::rjail_c_session_leader() }) else {
        return Some(Leader::Unknown);
    };
    // SAFETY: locked, and the lock keeps its credential.
    let cred = unsafe { (*leader.as_ptr()).p_ucred };
    // SAFETY: as above.
    let jail = unsafe { credential::jid_of(cred) };
    // SAFETY: it came back locked.
    unsafe { c::rjail_c_proc_unlock(leader.as_ptr()) };
    Some(Leader::In(jail))
}

/// The lowest descriptor of each kind that matters to who enters a jail.
pub(crate) struct Descriptors {
    /// A directory.
    pub(crate) directory: Option<i32>,
    /// It stands for a jail of the kernel's.
    pub(crate) jail: Option<i32>,
    /// A UNIX-domain socket that somebody can send another descriptor to.
    pub(crate) receiver: Option<i32>,
}

/// The caller, alone in its process: nothing of the process changes meanwhile
/// but by this thread.
pub(crate) struct SingleThreaded<'a> {
    current: &'a mut Current,
    /// There are other threads, to be let go again.
    stopped: bool,
}

impl SingleThreaded<'_> {
    /// The caller.
    pub(crate) fn current(&mut self) -> &mut Current {
        self.current
    }

    /// What is open.
    pub(crate) fn descriptors(&self) -> Descriptors {
        let mut lowest = c::rjail_lowest { directory: -1, jail: -1, receiver: -1 };
        // SAFETY: our own thread; takes and drops the table's lock.
        unsafe { c::rjail_c_lowest_descriptors(self.current.thread(), &raw mut lowest) };
        let found = |descriptor| (descriptor >= 0).then_some(descriptor);
        Descriptors {
            directory: found(lowest.directory),
            jail: found(lowest.jail),
            receiver: found(lowest.receiver),
        }
    }

    /// Whether another process uses the descriptor table.
    pub(crate) fn descriptors_shared(&self) -> bool {
        // SAFETY: our own process's table, which lives as long as it does.
        let table = unsafe { (*self.current.process()).p_fd };
        // SAFETY: alive as said. Only this process could add a sharer, by
        // rfork(2), and this thread is alone in it.
        unsafe { (*table).fd_refcnt > 1 }
    }

    /// Whether another process uses the root and working directory. May sleep.
    pub(crate) fn directories_shared(&self) -> bool {
        // SAFETY: our own process, which keeps its directories.
        unsafe { c::rjail_c_directories_shared(self.current.process()) }
    }

    /// Whether another process runs in the same memory, or with the same signal
    /// handlers. May sleep.
    pub(crate) fn memory_shared(&self) -> bool {
        // SAFETY: our own process, which keeps both.
        unsafe { c::rjail_c_memory_shared(self.current.process()) }
    }

    /// Whether chroot(2) has narrowed the root: it leaves a jail directory, and
    /// that is not this one.
    pub(crate) fn root_narrowed(&self, root: &Directory) -> bool {
        // SAFETY: our own thread; takes and drops the lock of the directories.
        unsafe { c::rjail_c_root_narrowed(self.current.thread(), root.as_ptr()) }
    }

    /// Moves the threads of the process to the jail's processors.
    ///
    /// # Errors
    /// Those of cpuset(2), where the two have no processor in common; nothing
    /// has changed.
    pub(crate) fn take_processors(&mut self, jail: &Jail) -> Result {
        let Some(prison) = jail.second_line() else { return Ok(()) };
        // SAFETY: the prison is alive: the jail owns it.
        let set = unsafe { (*prison.as_ptr()).pr_cpuset };
        // SAFETY: our own process, not locked; a prison keeps its set.
        let error = unsafe { c::cpuset_setproc_update_set(self.current.process(), set) };
        Errno::check(error)
    }

    /// Gives the process a credential in this jail, and moves the process from
    /// its prison to the jail's, of which it is a user. Cannot fail: all that could
    /// was done before.
    pub(crate) fn put_on(&mut self, mut new: Credential, jail: &JailRef, user: User<'_>) {
        let p = self.current.process();
        // SAFETY: our own process, with one thread, in a system call.
        unsafe { c::rjail_c_interpose(p) };
        let native = jail.second_line().map(NativePrison::as_ptr);
        // SAFETY: our own process, not locked.
        unsafe { c::rjail_c_proc_lock(p) };
        // SAFETY: locked; `new` is empty and nobody else's. `old` is what the
        // process had, with the process's reference.
        let old = unsafe { c::crcopysafe(p, new.as_ptr()) };
        let labelled = new.set_jail(JailRef::clone(jail));
        debug_assert!(labelled);
        // SAFETY: alive: the process's.
        let from = unsafe { (*old).cr_prison };
        if let Some(native) = native {
            // SAFETY: the jail in the label holds the anchor of `native`.
            unsafe { c::prison_hold(native) };
            // SAFETY: not yet published, so ours to change.
            unsafe { (*new.as_ptr()).cr_prison = native };
        }
        // SAFETY: the process is locked, both credentials are alive.
        unsafe { c::rjail_c_racct_changed(p, old, new.as_ptr()) };
        // One more, because proc_set_cred takes over the one we have and rctl
        // wants the credential afterwards.
        // SAFETY: alive.
        unsafe { c::crhold(new.as_ptr()) };
        // SAFETY: locked; takes over one of the two references.
        unsafe { c::proc_set_cred(p, new.as_ptr()) };
        // SAFETY: locked. As after setuid(2): the process holds more than its
        // credential says, so its own user may not debug it.
        unsafe { c::setsugid(p) };
        // SAFETY: locked above.
        unsafe { c::rjail_c_proc_unlock(p) };
        // SAFETY: not locked, and `new` is held.
        unsafe { c::rjail_c_rctl_changed(p, new.as_ptr()) };
        drop(new);
        if let Some(native) = native {
            // SAFETY: the process is on the list of `from`, where fork(2) or
            // the boot put it, and nothing else moves it.
            unsafe { c::rjail_c_prison_relink(from, native, p) };
            // SAFETY: the reference that crcopysafe took for the new credential.
            unsafe { c::prison_free(from) };
            // SAFETY: the process's own.
            unsafe { c::prison_proc_free(from) };
        }
        // `pr_uref` counts the process; its end gives that back.
        user.keep();
        // SAFETY: proc_set_cred left the process's reference to us.
        drop(unsafe { Credential::from_raw(old) });
    }
}

impl Drop for SingleThreaded<'_> {
    fn drop(&mut self) {
        if self.stopped {
            // SAFETY: our own process, not locked, stopped by `single_thread`.
            unsafe { c::rjail_c_single_thread_end(self.current.process()) };
        }
    }
}
