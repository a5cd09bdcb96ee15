// SPDX-License-Identifier: BSD-2-Clause
//! errno(2): how every decision says no.

use core::num::NonZeroI32;

/// A FreeBSD errno. Never zero: success is `Ok`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(NonZeroI32);

/// What a decision or an operation answers.
pub type Result<T = ()> = core::result::Result<T, Errno>;

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Self = Self::constant($number);)*

            /// The name as errno(2) spells it, if rjail itself ever returns it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0.get() { $($number => Some(stringify!($name)),)* _ => None }
            }
        }
    };
}

errnos! {
    /// Not for programs: rename(2) begins again.
    ERELOOKUP = -5;
    /// Not for programs: the system call begins again.
    ERESTART = -1;
    /// Operation not permitted.
    EPERM = 1;
    /// No such file or directory.
    ENOENT = 2;
    /// No such process: what a jailed process hears of one outside.
    ESRCH = 3;
    /// Interrupted system call.
    EINTR = 4;
    /// Bad file descriptor.
    EBADF = 9;
    /// Cannot allocate memory.
    ENOMEM = 12;
    /// Permission denied.
    EACCES = 13;
    /// Bad address.
    EFAULT = 14;
    /// Device busy.
    EBUSY = 16;
    /// File exists: a jail of that name does.
    EEXIST = 17;
    /// Cross-device link: how rename(2) says that it will not.
    EXDEV = 18;
    /// Not a directory.
    ENOTDIR = 20;
    /// Invalid argument.
    EINVAL = 22;
    /// Resource temporarily unavailable.
    EAGAIN = 35;
    /// Protocol not supported.
    EPROTONOSUPPORT = 43;
    /// Address family not supported by protocol family.
    EAFNOSUPPORT = 47;
    /// Can't assign requested address.
    EADDRNOTAVAIL = 49;
    /// Socket is already connected.
    EISCONN = 56;
    /// File name too long.
    ENAMETOOLONG = 63;
    /// Function not implemented.
    ENOSYS = 78;
}

impl Errno {
    /// Operation would block: FreeBSD's other name of `EAGAIN`.
    pub const EWOULDBLOCK: Self = Self::EAGAIN;

    const fn constant(number: i32) -> Self {
        match NonZeroI32::new(number) {
            Some(number) => Self(number),
            None => panic!("errno 0 is success"),
        }
    }

    /// The number, as the kernel wants it.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0.get()
    }

    /// Turns the `int` of a kernel function (0 is success) into a `Result`.
    ///
    /// # Errors
    /// The errno, when it is not 0.
    pub const fn check(number: i32) -> Result {
        match NonZeroI32::new(number) {
            None => Ok(()),
            Some(number) => Err(Self(number)),
        }
    }

    /// Turns a decision into the `int` that the kernel expects of a hook.
    #[must_use]
    pub const fn from_result(result: Result) -> i32 {
        match result {
            Ok(()) => 0,
            Err(errno) => errno.number(),
        }
    }
}

impl core::fmt::Debug for Errno {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.number()),
        }
    }
}
