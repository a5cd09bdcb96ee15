// SPDX-License-Identifier: BSD-2-Clause
//! rjail(2): from user memory to a [`Request`].

use core::ffi::c_int;

use static_assertions::const_assert_eq;
use sys_bindings as c;

use crate::jail::{self, Request};
use crate::kernel::memory::try_collect;
use crate::kernel::process::Current;
use crate::kernel::socket::host_order;
use crate::kernel::uaccess::UserPtr;
use crate::prison::{JailFlags, Jid};
use crate::{Errno, Result, address};

const VERSION: u32 = c::RJAIL_VERSION.cast_unsigned();

// The header for C programs and the flags here are one list.
const_assert_eq!(JailFlags::all().bits(), c::RJAIL_FLAGS_ALL.cast_unsigned());
const_assert_eq!(
    JailFlags::PAPER.bits(),
    (c::RJAIL_SET_HOSTNAME | c::RJAIL_RESERVED_PORTS).cast_unsigned()
);
const_assert_eq!(address::MAX, c::RJAIL_MAX_IP4 as usize);

/// The system call; `jid` is set when it returns 0.
///
/// # Safety
/// `td` is `curthread`; `jid` is a place to write to. `args` may be anything.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_entry_create(
    td: *mut c::thread,
    args: *const c::rjail_args,
    jid: *mut i64,
) -> c_int {
    // SAFETY: as the caller says.
    let Some(mut current) = (unsafe { Current::new(td) }) else { return Errno::EINVAL.number() };
    match create(&mut current, UserPtr::new(args)) {
        Ok(made) => {
            // SAFETY: as the caller says.
            unsafe { jid.write(made.get().cast_signed()) };
            0
        }
        Err(errno) => errno.number(),
    }
}

fn create(current: &mut Current, args: UserPtr<c::rjail_args>) -> Result<Jid> {
    let admitted = jail::admit_early(current)?;
    let request = read(args)?;
    jail::create(current, admitted, &request)
}

/// Copies the arguments in, each byte once: what is checked is what is used.
///
/// # Errors
/// `EFAULT`; `EINVAL` for a size, a version or a count; `ENAMETOOLONG`.
fn read(args: UserPtr<c::rjail_args>) -> Result<Request> {
    // Size and version come first, so that a structure of another version is
    // never read as this one.
    let size = args.cast::<u32>().read()?;
    if usize::try_from(size) != Ok(size_of::<c::rjail_args>()) {
        return Err(Errno::EINVAL);
    }
    let args = args.read()?;
    // Read a second time with the rest: another thread may have changed it.
    if args.size != size || args.version != VERSION {
        return Err(Errno::EINVAL);
    }
    let count = usize::try_from(args.ip4s).map_err(|_| Errno::EINVAL)?;
    if count > address::MAX {
        return Err(Errno::EINVAL);
    }
    let path = UserPtr::new(args.path).read_string(limit(c::MAXPATHLEN))?;
    let hostname = UserPtr::new(args.hostname).read_string(limit(c::MAXHOSTNAMELEN))?;
    let ip4 = UserPtr::new(args.ip4).read_slice(count)?;
    let addresses = try_collect(ip4.iter().map(|ip4| host_order(ip4.s_addr)))?;
    Ok(Request { path, hostname, addresses, flags: args.flags })
}

const fn limit(of_header: i32) -> usize {
    of_header.unsigned_abs() as usize
}
