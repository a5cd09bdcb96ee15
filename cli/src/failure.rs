// SPDX-License-Identifier: BSD-2-Clause
//! Why the tool stops: a status of sysexits(3), and what to do about it.

use std::io;

use crate::kernel::{Program, Refused, Stage, Wanted, errno};

/// A command line that is none.
pub const EX_USAGE: u8 = 64;
/// A parameter, a file or a jail that is wrong.
pub const EX_DATAERR: u8 = 65;
/// No such user in the jail.
pub const EX_NOUSER: u8 = 67;
/// Something that is needed is not there.
pub const EX_UNAVAILABLE: u8 = 69;
/// The kernel says no.
pub const EX_OSERR: u8 = 71;
/// The name is taken.
pub const EX_CANTCREAT: u8 = 73;
/// Output that cannot be written.
pub const EX_IOERR: u8 = 74;
/// Time is over.
pub const EX_TEMPFAIL: u8 = 75;
/// Not allowed.
pub const EX_NOPERM: u8 = 77;
/// The file of jails is not there, or wrong.
pub const EX_CONFIG: u8 = 78;

/// Why, and with which exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// One line, without "rjail: ".
    pub message: String,
}

impl Failure {
    /// One of them.
    #[must_use]
    pub fn new(status: u8, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The same, about this jail.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The module is not loaded.
    #[must_use]
    pub fn absent() -> Self {
        Self::new(
            EX_UNAVAILABLE,
            "the module rjail is not in this kernel: `kldload rjail` on FreeBSD",
        )
    }

    /// There is no such jail.
    #[must_use]
    pub fn no_jail(which: &str) -> Self {
        Self::new(EX_DATAERR, format!("jail {which}: no such jail; `rjail list` shows all"))
    }

    /// Of a question about a jail, or about all.
    #[must_use]
    pub fn asking(error: &io::Error, jid: Option<i64>) -> Self {
        match (error.raw_os_error(), jid) {
            _ if confine::is_absent(error) => Self::absent(),
            (Some(errno::ENOENT), Some(jid)) => Self::no_jail(&jid.to_string()),
            (Some(errno::EINVAL), Some(jid)) => {
                Self::new(EX_DATAERR, format!("jail {jid}: jails have positive numbers"))
            }
            (Some(errno::EPERM), _) => {
                Self::new(EX_NOPERM, "inside a jail nobody asks about jails: ask outside")
            }
            _ => Self::new(EX_OSERR, format!("rjail_get(2): {error}")),
        }
    }

    /// Of a jail that was to be made.
    #[must_use]
    pub fn making(error: &io::Error, wanted: &Wanted) -> Self {
        let path = &wanted.jail.path;
        let (status, message) = match error.raw_os_error() {
            _ if confine::is_absent(error) => return Self::absent(),
            Some(errno::ENOENT) => {
                (EX_DATAERR, format!("path={path}: no such directory: make and fill it first"))
            }
            Some(errno::ENOTDIR) => (EX_DATAERR, format!("path={path}: not a directory")),
            Some(errno::EACCES) => (EX_NOPERM, format!("path={path}: may not be searched")),
            Some(errno::ENAMETOOLONG) => {
                (EX_DATAERR, format!("path={path}: too long: mount or link it elsewhere"))
            }
            Some(errno::EPERM) => (
                EX_NOPERM,
                "only root makes jails, outside any jail, and not after chroot(8) to another \
                 directory than path"
                    .to_owned(),
            ),
            Some(errno::EINVAL) => (
                EX_DATAERR,
                "this kernel's module refuses a parameter that this tool lets pass: use the tool \
                 of the module's release"
                    .to_owned(),
            ),
            _ => (EX_OSERR, format!("rjail(2): {error}")),
        };
        Self { status, message }
    }

    /// Of a program that was to be run in a jail, by what it is called there.
    #[must_use]
    pub fn running(refused: &Refused, what: &str, program: &Program) -> Self {
        let Refused { stage, error } = refused;
        let number = error.raw_os_error();
        match stage {
            Stage::Fork => Self::new(EX_OSERR, format!("{what}: fork(2): {error}")),
            Stage::Log => {
                let file = program.log.as_deref().unwrap_or_default();
                let (status, why) = if number == Some(errno::EXDEV) {
                    let why = "in the jail, whose root could make it any file: take one outside";
                    (EX_DATAERR, why.to_owned())
                } else {
                    (EX_CANTCREAT, error.to_string())
                };
                Self::new(status, format!("exec.consolelog={file}: {why}"))
            }
            Stage::Enter => match number {
                _ if confine::is_absent(error) => Self::absent(),
                Some(errno::ENOENT) => Self::new(EX_UNAVAILABLE, "the jail is gone or closed"),
                Some(errno::EPERM) => Self::new(
                    EX_NOPERM,
                    "only root enters a jail, from outside any jail and with no directory open",
                ),
                Some(errno::ETIMEDOUT) => Self::new(
                    EX_TEMPFAIL,
                    format!("{what}: the jail holds up who enters it: not running in time"),
                ),
                _ => Self::new(EX_OSERR, format!("entering the jail: {error}")),
            },
            Stage::User => {
                let Some(user) = &program.user else {
                    return Self::new(EX_OSERR, format!("becoming a user: {error}"));
                };
                let (name, whose) = (&user.name, if user.system { "" } else { "the jail's " });
                if number == Some(errno::ENOENT) {
                    Self::new(EX_NOUSER, format!("no user {name} in {whose}/etc/passwd"))
                } else {
                    Self::new(EX_OSERR, format!("becoming user {name}: {error}"))
                }
            }
            Stage::Usual => Self::new(EX_UNAVAILABLE, format!("{what}: not in the jail")),
            Stage::Program if number == Some(errno::ENOENT) => {
                Self::new(EX_UNAVAILABLE, format!("{what}: no such program in the jail"))
            }
            Stage::Program if number == Some(errno::EACCES) => {
                Self::new(EX_NOPERM, format!("{what}: may not be executed"))
            }
            Stage::Program => Self::new(EX_OSERR, format!("{what}: {error}")),
        }
    }
}
