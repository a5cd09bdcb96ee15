// SPDX-License-Identifier: BSD-2-Clause
//! The suser filter. C source: `sys/kern/kern_priv.c`,
//! `sys/security/mac/mac_priv.c`.

use core::ffi::c_int;

use sys_bindings as c;

use crate::Errno;
use crate::kernel::credential::jail_of;
use crate::privilege::{self, Numbers};

/// The table under this kernel's numbers; a name without a row, or a row
/// without a name, fails the build here.
static NUMBERS: Numbers = Numbers::bind(RELEASE, c::PRIVILEGES);

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
    // A gap in the header's numbers, or one beyond them, is nobody's privilege.
    let Some(privilege) = NUMBERS.privilege(number) else { return Errno::EPERM.number() };
    Errno::from_result(privilege::check_with(jail.lines(), jail.flags(), privilege))
}
