// SPDX-License-Identifier: BSD-2-Clause
//! Where an attempt happens, and what is set up for it: files, another process,
//! a terminal, a socket, a setting of the machine.

use core::ffi::CStr;

use super::calls::{get, low};
use crate::console::Text;
use crate::sys::{self, Error, Result};

/// Who attempts, besides root.
pub const USER: u32 = 1001;
/// Somebody else, whose things the others may not touch without a privilege.
pub const OTHER: u32 = 1002;

/// The file of an attempt, from its directory.
pub const FILE: &CStr = c"privilege.file";
/// A second name.
pub const SECOND: &CStr = c"privilege.second";
/// The directory of an attempt.
pub const DIRECTORY: &CStr = c"privilege.directory";
/// A name that nothing has.
pub const NOTHING: &CStr = c"privilege.nothing";

/// What an attempt has at hand. Its working directory is the jail's root, inside
/// and outside.
#[derive(Clone, Copy, Default)]
pub struct Scene {
    /// By user 1001?
    pub by_user: bool,
    /// A descriptor or an identifier that was made ready.
    pub fd: i32,
    /// Another process, 0 when there is none.
    pub other: i32,
    /// A number to remember.
    pub number: i32,
    /// Once closed, the other process ends.
    pub leash: i32,
}

impl Scene {
    /// Starts another process, which becomes what `ready` makes it and waits.
    pub fn start(&mut self, ready: impl FnOnce() -> Result<()>) -> Result<()> {
        let [from, to] = sys::pipe()?;
        let [wait, leash] = sys::pipe()?;
        let child = sys::fork()?;
        if child == 0 {
            let _ = sys::alarm(60);
            let _ = sys::close(leash);
            let errno = super::errno(ready());
            let _ = sys::write(to, &errno.to_le_bytes()[..1]);
            let _ = sys::read(wait, &mut [0]);
            sys::exit(0);
        }
        (self.other, self.leash) = (child, leash);
        sys::close(wait)?;
        let mut errno = [1];
        sys::close(to)?;
        sys::read(from, &mut errno)?;
        sys::close(from)?;
        if errno == [0] { Ok(()) } else { Err(Error(i32::from(errno[0]))) }
    }

    /// Ends that process.
    pub fn end(&mut self) {
        if self.other != 0 {
            let _ = sys::kill(self.other, 9);
            // A root that may not kill it has this.
            let _ = sys::close(self.leash);
            let _ = sys::wait(self.other, 0);
            self.other = 0;
        }
    }

    /// The user who makes the attempt.
    pub fn user(&self) -> u32 {
        if self.by_user { USER } else { 0 }
    }

    /// Opens a terminal of its own: `fd` is the slave, `number` its number.
    pub fn terminal(&mut self) -> Result<()> {
        const O_RDWR_NOCTTY: i32 = 0x8002;
        const TIOCGPTN: usize = 0x4004_740f;
        let master = low(get!(POSIX_OPENPT, O_RDWR_NOCTTY)?);
        let mut number = [0];
        get!(IOCTL, master, TIOCGPTN, &mut number)?;
        [self.number] = number;
        self.fd = self.open_terminal(O_RDWR_NOCTTY)?;
        self.with_terminal(|path| sys::chmod(path, 0o666))
    }

    /// Opens it once more.
    pub fn open_terminal(&self, flags: i32) -> Result<i32> {
        self.with_terminal(|path| sys::open(path, flags, 0))
    }

    fn with_terminal<T>(&self, work: impl FnOnce(&CStr) -> Result<T>) -> Result<T> {
        let path = Text::<32>::of(format_args!("dev/pts/{}\0", self.number));
        work(CStr::from_bytes_until_nul(path.bytes()).unwrap_or_default())
    }
}

/// Takes the identity of an ordinary user.
pub fn become_user(user: u32) -> Result<()> {
    get!(SETGROUPS, 1, &[user])?;
    get!(SETGID, user)?;
    sys::setuid(user)
}

/// Does it as somebody else, then is root again.
pub fn as_user<T>(user: u32, work: impl FnOnce() -> Result<T>) -> Result<T> {
    get!(SETEUID, user)?;
    let done = work();
    get!(SETEUID, 0)?;
    done
}

/// Makes the file, with this owner and mode.
pub fn file(owner: u32, mode: u32) -> Result<()> {
    const CREATE: i32 = 0x0201;
    sys::close(sys::open(FILE, CREATE, 0o600)?)?;
    sys::chown(FILE, owner, OTHER)?;
    sys::chmod(FILE, mode)
}

/// Makes the directory, with this owner and mode.
pub fn directory(owner: u32, mode: u32) -> Result<()> {
    sys::mkdir(DIRECTORY, mode)?;
    sys::chown(DIRECTORY, owner, owner)
}

/// Takes away whatever an attempt left, seen from outside.
pub fn clean() {
    for name in [FILE, SECOND, c"dev/privilege.second"] {
        // Most were never there.
        let _ = sys::chflags(name, 0);
        let _ = sys::unlink(name);
    }
    let _ = get!(RMDIR, DIRECTORY);
}

/// Words of `struct stat` of the file.
pub fn stat() -> Result<[u64; 28]> {
    const AT_FDCWD: i32 = -100;
    let mut words = [0; 28];
    get!(FSTATAT, AT_FDCWD, FILE, &mut words, 0)?;
    Ok(words)
}

/// A structure that begins with an interface's name: `struct ifreq` and those
/// after its pattern.
pub fn interface<const N: usize>(name: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..name.len()].copy_from_slice(name);
    bytes
}

/// The same with these bytes at this offset.
pub fn interface_with<const N: usize>(name: &[u8], at: usize, with: &[u8]) -> [u8; N] {
    let mut bytes = interface(name);
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}
