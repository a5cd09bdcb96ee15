// SPDX-License-Identifier: BSD-2-Clause
//! The suser filter. C source: `sys/kern/kern_priv.c`,
//! `sys/security/mac/mac_priv.c`.

use core::ffi::{CStr, c_int};

use sys_bindings as c;

use crate::kernel::credential::{Jail, jail_of};
use crate::kernel::process::session_leader;
use crate::privilege::{self, Numbers, Privilege, message};
use crate::{Errno, Result, visibility};

/// The table under this kernel's numbers; a name without a row, or a row
/// without a name, fails the build here.
pub(super) static NUMBERS: Numbers = Numbers::bind(RELEASE, c::PRIVILEGES);

#[expect(clippy::cast_possible_truncation, reason = "15")]
const RELEASE: u16 = (c::__FreeBSD_version / 100_000) as u16;

/// priv_check(9) asks.
///
/// # Safety
/// Called by the MAC framework alone, with a live credential.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_priv_check(cred: *mut c::ucred, number: c_int) -> c_int {
    // SAFETY: alive during the call.
    let Some(jail) = (unsafe { jail_of(cred) }) else { return 0 };
    // SAFETY: alive during the call.
    unsafe { check_inside(cred, jail, number) }
}

/// Apart, so that those outside have nothing to put on the stack.
///
/// # Safety
/// A live credential.
#[inline(never)]
unsafe fn check_inside(cred: *mut c::ucred, jail: &Jail, number: c_int) -> c_int {
    // A gap in the header's numbers, or one beyond them, is nobody's privilege.
    let Some(privilege) = NUMBERS.privilege(number) else {
        jail.ledger().record_unnamed(number);
        return denied(cred, jail, number, None);
    };
    let mut answer = privilege::check(jail.privileges(), privilege);
    if privilege == Privilege::ProcSetlogin && answer.is_ok() {
        // SAFETY: alive; setlogin(2) asks with nothing locked.
        answer = unsafe { may_name_session(cred, jail) };
    }
    // SAFETY: alive, as the caller says.
    let uid = unsafe { (*cred).cr_uid };
    // SAFETY: as above.
    let real_uid = unsafe { (*cred).cr_ruid };
    if privilege::is_jails_affair(privilege, uid, real_uid) {
        jail.ledger().record(privilege, answer.is_ok());
        if answer.is_err() {
            return denied(cred, jail, number, Some(privilege));
        }
    }
    Errno::from_result(answer)
}

/// # Safety
/// A live credential; no lock of a process is held.
#[inline(never)]
unsafe fn may_name_session(cred: *const c::ucred, jail: &Jail) -> Result {
    // SAFETY: as the caller says.
    let leader = unsafe { session_leader(cred) };
    leader.map_or(Ok(()), |leader| visibility::session(jail.jid(), leader))
}

/// Tells whoever listens; `EPERM`.
fn denied(cred: *const c::ucred, jail: &Jail, number: c_int, asked: Option<Privilege>) -> c_int {
    let jid = jail.jid().get();
    // SAFETY: the credential is only compared.
    if unsafe { c::rjail_c_denied(cred, jid, number) } {
        let (why, number) = (why(jail, asked), i64::from(number).cast_unsigned());
        // SAFETY: the text is static, and the module stays as long as the jail.
        unsafe { c::rjail_c_explain(Errno::EPERM.number(), why.as_ptr(), jid, number) };
    }
    Errno::EPERM.number()
}

/// What the program is told.
#[cold]
fn why(jail: &Jail, asked: Option<Privilege>) -> &'static CStr {
    match asked {
        None => message::UNNAMED,
        // It is there, so it was the session.
        Some(privilege) if jail.privileges().contains(privilege) => message::SESSION,
        Some(privilege) if privilege::given_by(jail.lines(), jail.flags()).contains(privilege) => {
            message::TAKEN
        }
        Some(privilege) => message::denial(privilege),
    }
}
