// SPDX-License-Identifier: BSD-2-Clause
//! Names of jails. The kernel knows numbers alone, so the tool keeps a file for
//! each name that it gave.
//!
//! # Invariants
//! A record is believed only while the module is the one that was loaded when it
//! was written and a jail of its number lives: the module gives a number once, so
//! no other jail can be meant. Whatever else is found there, of before a crash, a
//! boot or a reload, counts as nothing and is overwritten. Who writes holds the
//! file's lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{EX_CANTCREAT, EX_OSERR, EX_UNAVAILABLE, Failure};
use crate::kernel::{Kernel, errno};
use crate::parameter::{Exec, name as check_name};

/// What is kept of a jail that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub jid: i64,
    /// Of which load of the module.
    pub identity: String,
    /// How it is to be stopped.
    pub exec: Exec,
    /// Seconds between SIGTERM and SIGKILL.
    pub stop_timeout: u64,
    /// Jails that are stopped after it.
    pub depend: Vec<String>,
}

/// Where the records are.
#[derive(Clone, Debug)]
pub struct Records {
    directory: PathBuf,
}

/// A name that nobody else can take or let go of meanwhile.
#[derive(Debug)]
pub struct Taken {
    path: PathBuf,
    file: File,
}

impl Records {
    /// In this directory, which need not be there.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The jail that has this name now.
    ///
    /// # Errors
    /// As rjail_get(2), and of the file.
    pub fn find(&self, kernel: &mut dyn Kernel, name: &str) -> Result<Option<Record>, Failure> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        match fs::read(self.path(name)) {
            Ok(bytes) => believe(kernel, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failure("reading", name, &error)),
        }
    }

    /// Every jail that has a name now.
    ///
    /// # Errors
    /// As [`Records::find`].
    pub fn all(&self, kernel: &mut dyn Kernel) -> Result<Vec<(String, Record)>, Failure> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failure("reading", "", &error)),
        };
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        let mut found = Vec::new();
        for name in names {
            if let Some(record) = self.find(kernel, &name)? {
                found.push((name, record));
            }
        }
        Ok(found)
    }

    /// Takes a name for a jail that is about to be made.
    ///
    /// # Errors
    /// `EX_CANTCREAT` when a jail has it, `EX_UNAVAILABLE` while somebody else is
    /// making one.
    pub fn take(&self, kernel: &mut dyn Kernel, name: &str) -> Result<Taken, Failure> {
        let failed = |error: &io::Error| self.failure("writing", name, error);
        fs::create_dir_all(&self.directory).map_err(|error| failed(&error))?;
        let mut taken = self.lock(name)?;
        let mut bytes = Vec::new();
        taken.file.read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        match believe(kernel, &bytes)? {
            None => Ok(taken),
            Some(record) => Err(Failure::new(
                EX_CANTCREAT,
                format!(
                    "{name} is jail {} already: `rjail stop {name}` first, or take another name",
                    record.jid
                ),
            )),
        }
    }

    /// Forgets a name whose jail is gone.
    pub fn forget(&self, kernel: &mut dyn Kernel, name: &str) {
        // Whoever takes it now will see for themselves that no jail has it.
        let Ok(taken) = self.lock(name) else { return };
        if matches!(self.find(kernel, name), Ok(None)) {
            taken.give_up();
        }
    }

    fn lock(&self, name: &str) -> Result<Taken, Failure> {
        let path = self.path(name);
        let failed = |error: &io::Error| self.failure("locking", name, error);
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(&path)
                .map_err(|error| failed(&error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => {
                    let text = format!("{name}: somebody is making or stopping it: try again");
                    return Err(Failure::new(EX_UNAVAILABLE, text));
                }
                Err(fs::TryLockError::Error(error)) => return Err(failed(&error)),
            }
            // Whoever had it before may have removed the file that was opened.
            let locked = file.metadata().map_err(|error| failed(&error))?;
            if fs::metadata(&path).is_ok_and(|now| now.ino() == locked.ino()) {
                return Ok(Taken { path, file });
            }
        }
    }

    fn failure(&self, doing: &str, name: &str, error: &io::Error) -> Failure {
        let path = self.path(name);
        Failure::new(EX_OSERR, format!("{doing} {}: {error}", path.display()))
    }
}

impl Taken {
    /// The name is this jail's.
    ///
    /// # Errors
    /// Of the file.
    pub fn give(&mut self, record: &Record) -> Result<(), Failure> {
        let text = serde_json::to_vec(record).map_err(io::Error::from);
        let written = text.and_then(|text| {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)
        });
        written.map_err(|error| {
            Failure::new(EX_OSERR, format!("writing {}: {error}", self.path.display()))
        })
    }

    /// The name is nobody's.
    pub fn give_up(self) {
        // What is left behind says nothing: no jail is believed to have it.
        let _ = fs::remove_file(&self.path);
    }
}

/// What a file says, if it is of a jail that lives.
fn believe(kernel: &mut dyn Kernel, bytes: &[u8]) -> Result<Option<Record>, Failure> {
    let Ok(record) = serde_json::from_slice::<Record>(bytes) else { return Ok(None) };
    match kernel.identity() {
        Ok(identity) if identity == record.identity => {}
        Ok(_) => return Ok(None),
        // No module: no jail.
        Err(error) if confine::is_absent(&error) => return Ok(None),
        Err(error) => return Err(Failure::asking(&error, None)),
    }
    match kernel.get(record.jid, abi::THIS) {
        Ok(jail) if jail.info.state == abi::DYING => Ok(None),
        Ok(_) => Ok(Some(record)),
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => Ok(None),
        Err(error) => Err(Failure::asking(&error, Some(record.jid))),
    }
}
