// SPDX-License-Identifier: BSD-2-Clause
//! FreeBSD's errno(2) numbers, as many as the tests name.

pub const EPERM: i32 = 1;
pub const ENOENT: i32 = 2;
pub const ESRCH: i32 = 3;
pub const ENXIO: i32 = 6;
pub const ENOEXEC: i32 = 8;
pub const EBADF: i32 = 9;
pub const ENOMEM: i32 = 12;
pub const EACCES: i32 = 13;
pub const EFAULT: i32 = 14;
pub const EBUSY: i32 = 16;
pub const EEXIST: i32 = 17;
pub const EXDEV: i32 = 18;
pub const ENODEV: i32 = 19;
pub const ENOTDIR: i32 = 20;
pub const EISDIR: i32 = 21;
pub const EINVAL: i32 = 22;
pub const ENFILE: i32 = 23;
pub const EDOM: i32 = 33;
pub const EAGAIN: i32 = 35;
pub const EINPROGRESS: i32 = 36;
pub const EPROTONOSUPPORT: i32 = 43;
pub const EOPNOTSUPP: i32 = 45;
pub const EAFNOSUPPORT: i32 = 47;
pub const EADDRINUSE: i32 = 48;
pub const EADDRNOTAVAIL: i32 = 49;
pub const EISCONN: i32 = 56;
pub const ENOTCONN: i32 = 57;
pub const ECONNREFUSED: i32 = 61;
pub const ENAMETOOLONG: i32 = 63;
pub const ESTALE: i32 = 70;
pub const ERPCMISMATCH: i32 = 73;
pub const ENOSYS: i32 = 78;
pub const EFTYPE: i32 = 79;
pub const ENOTCAPABLE: i32 = 93;
pub const ECAPMODE: i32 = 94;
