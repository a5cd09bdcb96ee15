// SPDX-License-Identifier: BSD-2-Clause
//! The module's system call, as `kmod/rjail.h` reaches it.

use std::io;

use abi::{Info, Row};

/// Room for more privileges than any kernel names.
const ROWS: u32 = 1024;

/// rjail_get(2): what a jail is, and what it did.
///
/// # Errors
/// `ENOSYS` where the module is not loaded, `ENOENT` when there is no such jail,
/// `EPERM` inside one.
pub fn get(jid: i64, which: u32) -> io::Result<(Info, Vec<Row>)> {
    let mut rows = vec![Row::default(); ROWS as usize];
    let mut info = Info {
        size: size_of::<Info>().try_into().unwrap_or(u32::MAX),
        version: abi::VERSION,
        jid,
        which,
        rows: ROWS,
        ledger: rows.as_mut_ptr().expose_provenance(),
        ..Info::default()
    };
    call(abi::operation::GET, (&raw mut info).expose_provenance())?;
    rows.truncate(info.rows as usize);
    Ok((info, rows))
}

/// Every jail, in the order of their numbers.
///
/// # Errors
/// As [`get`], but for `ENOENT`.
pub fn all() -> io::Result<Vec<(Info, Vec<Row>)>> {
    let mut jails = Vec::new();
    let mut last = 0;
    loop {
        match get(last, abi::NEXT) {
            Ok(jail) => {
                last = jail.0.jid;
                jails.push(jail);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(jails),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(target_os = "freebsd")]
fn call(operation: i32, structure: usize) -> io::Result<i64> {
    use std::ffi::{c_char, c_int};

    /// `struct module_stat`, version 3.
    #[repr(C)]
    struct ModuleStat {
        version: c_int,
        name: [c_char; 1024],
        references: c_int,
        id: c_int,
        data: i64,
    }
    unsafe extern "C" {
        fn modfind(name: *const c_char) -> c_int;
        fn modstat(module: c_int, status: *mut ModuleStat) -> c_int;
        fn __syscall(number: i64, ...) -> i64;
    }

    let mut status = ModuleStat {
        version: size_of::<ModuleStat>().try_into().unwrap_or(0),
        name: [0; 1024],
        references: 0,
        id: 0,
        data: 0,
    };
    // SAFETY: a C string.
    let module = unsafe { modfind(c"sys/rjail".as_ptr()) };
    // SAFETY: a structure of the version that it says.
    if module == -1 || unsafe { modstat(module, &raw mut status) } == -1 {
        return Err(io::Error::from_raw_os_error(ENOSYS));
    }
    // SAFETY: the callers pass a structure of the operation's, which says how
    // much room there is where the kernel writes.
    let answer = unsafe { __syscall(status.data, operation, structure) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

#[cfg(not(target_os = "freebsd"))]
fn call(_: i32, _: usize) -> io::Result<i64> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Whether an error says that there is no module to ask.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(ENOSYS)
}

/// FreeBSD's: "Function not implemented".
const ENOSYS: i32 = 78;
