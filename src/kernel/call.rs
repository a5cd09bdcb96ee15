// SPDX-License-Identifier: BSD-2-Clause
//! The running system call, and the descriptors that it names. C source:
//! `sys/kern/subr_syscall.c`, `sys/sys/syscall.h`, `sys/sys/filedesc.h`.

use sys_bindings as c;

use super::credential::{Credential, jid_of};
use crate::descriptor::{AT_EMPTY_PATH, Abi, Call, O_EMPTY_PATH, Opener, number};

/// The module's numbers are the kernel's, and so is what the 32-bit ABI has.
const _: () = {
    const fn same(ours: u32, kernels: [i32; 2]) {
        assert!(ours == kernels[0].cast_unsigned() && ours == kernels[1].cast_unsigned());
    }
    same(number::FCHFLAGS, [c::SYS_fchflags, c::FREEBSD32_SYS_fchflags]);
    same(number::FCHOWN, [c::SYS_fchown, c::FREEBSD32_SYS_fchown]);
    same(number::FCHMOD, [c::SYS_fchmod, c::FREEBSD32_SYS_fchmod]);
    same(number::FUTIMES, [c::SYS_futimes, c::FREEBSD32_SYS_freebsd32_futimes]);
    same(number::ACL_SET_FD, [c::SYS___acl_set_fd, c::FREEBSD32_SYS___acl_set_fd]);
    same(number::ACL_DELETE_FD, [c::SYS___acl_delete_fd, c::FREEBSD32_SYS___acl_delete_fd]);
    same(number::EXTATTR_SET_FD, [c::SYS_extattr_set_fd, c::FREEBSD32_SYS_extattr_set_fd]);
    same(number::EXTATTR_DELETE_FD, [c::SYS_extattr_delete_fd, c::FREEBSD32_SYS_extattr_delete_fd]);
    same(number::FCHMODAT, [c::SYS_fchmodat, c::FREEBSD32_SYS_fchmodat]);
    same(number::FCHOWNAT, [c::SYS_fchownat, c::FREEBSD32_SYS_fchownat]);
    same(number::OPENAT, [c::SYS_openat, c::FREEBSD32_SYS_openat]);
    same(number::CHFLAGSAT, [c::SYS_chflagsat, c::FREEBSD32_SYS_chflagsat]);
    same(number::FUTIMENS, [c::SYS_futimens, c::FREEBSD32_SYS_freebsd32_futimens]);
    same(number::UTIMENSAT, [c::SYS_utimensat, c::FREEBSD32_SYS_freebsd32_utimensat]);
    same(O_EMPTY_PATH, [c::O_EMPTY_PATH; 2]);
    same(AT_EMPTY_PATH, [c::AT_EMPTY_PATH; 2]);
};

/// The system call that the running thread is in; between two, the last one.
///
/// # Safety
/// `td` is `curthread`.
pub(crate) unsafe fn running(td: *const c::thread) -> Call {
    // SAFETY: as the caller says; written by this thread alone.
    let call = unsafe { &raw const (*td).td_sa };
    // SAFETY: constant for a running thread.
    let process = unsafe { (*td).td_proc };
    // SAFETY: changed by execve(2), when the process has one thread: this.
    let interface = unsafe { (*process).p_sysent };
    // SAFETY: an ABI's, as long as a process has it.
    let kind = unsafe { (*interface).sv_flags } & c::SV_ABI_MASK.cast_unsigned();
    let own = kind == c::SV_ABI_FREEBSD.cast_unsigned();
    let abi = if own { Abi::FreeBsd } else { Abi::Other };
    // SAFETY: inside the thread, as above.
    let number = unsafe { (*call).code };
    // SAFETY: as above.
    let arguments = unsafe { (*call).args }.map(i64::cast_unsigned);
    Call { abi, number, arguments }
}

/// Who opened a descriptor of the running process, if it is one of this file.
///
/// # Safety
/// No lock is held under which the descriptor table's must not be taken, a
/// vnode's say; the vnode is referenced.
pub(crate) unsafe fn opener(descriptor: i32, vnode: *const c::vnode) -> Opener {
    // SAFETY: as the caller says; takes and drops the table's lock.
    let cred = unsafe { c::rjail_c_opener(descriptor, vnode) };
    // SAFETY: null, or comes with a reference, which is ours.
    let Some(cred) = (unsafe { Credential::from_raw(cred) }) else { return Opener::Unknown };
    // SAFETY: `cred` is a reference.
    Opener::Process(unsafe { jid_of(cred.as_ptr()) })
}
