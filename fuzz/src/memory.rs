// SPDX-License-Identifier: BSD-2-Clause
//! The memory of a process that may do its worst.

use std::cell::{Cell, RefCell};

use rjail::kernel::plain::{Plain, from_bytes};
use rjail::request::{Memory, Text};
use rjail::{Errno, Result};

/// The first address that is mapped.
pub const BASE: usize = 0x1000;

/// Bytes from [`BASE`] on; nothing else is mapped.
pub struct Process {
    bytes: RefCell<Vec<u8>>,
    /// After so many reads another thread writes this byte there.
    race: Cell<Option<(u8, usize, u8)>>,
    /// Bytes that were written to it by the kernel: where, how many.
    pub written: RefCell<Vec<(usize, usize)>>,
}

impl Process {
    /// One with this in memory.
    #[must_use]
    pub const fn new(bytes: Vec<u8>, race: Option<(u8, usize, u8)>) -> Self {
        Self {
            bytes: RefCell::new(bytes),
            race: Cell::new(race),
            written: RefCell::new(Vec::new()),
        }
    }

    fn copy(&self, at: usize, len: usize) -> Result<Vec<u8>> {
        let from = at.checked_sub(BASE).ok_or(Errno::EFAULT)?;
        let end = from.checked_add(len).ok_or(Errno::EFAULT)?;
        let copy = self.bytes.borrow().get(from..end).ok_or(Errno::EFAULT)?.to_vec();
        match self.race.get() {
            Some((0, place, byte)) => {
                self.race.set(None);
                if let Some(there) = self.bytes.borrow_mut().get_mut(place) {
                    *there = byte;
                }
            }
            Some((reads, place, byte)) => self.race.set(Some((reads - 1, place, byte))),
            None => {}
        }
        Ok(copy)
    }
}

impl Memory for Process {
    fn read<T: Plain>(&self, at: usize) -> Result<T> {
        Ok(from_bytes(&self.copy(at, size_of::<T>())?).expect("as many bytes"))
    }

    fn read_slice<T: Plain>(&self, at: usize, count: usize) -> Result<Vec<T>> {
        // copyin(9) of nothing looks at no address.
        if count == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.copy(at, count.checked_mul(size_of::<T>()).ok_or(Errno::EFAULT)?)?;
        Ok(bytes.chunks(size_of::<T>()).map(|one| from_bytes(one).expect("as many")).collect())
    }

    fn read_string(&self, at: usize, limit: usize) -> Result<Text> {
        let mut text = Vec::new();
        while text.len() < limit {
            let byte = self.copy(at.wrapping_add(text.len()), 1)?;
            text.extend_from_slice(&byte);
            if byte == [0] {
                return Ok(Text::copied(text));
            }
        }
        Err(Errno::ENAMETOOLONG)
    }

    fn write_bytes(&self, at: usize, bytes: &[u8]) -> Result {
        let from = at.checked_sub(BASE).ok_or(Errno::EFAULT)?;
        let end = from.checked_add(bytes.len()).ok_or(Errno::EFAULT)?;
        self.bytes.borrow_mut().get_mut(from..end).ok_or(Errno::EFAULT)?.copy_from_slice(bytes);
        self.written.borrow_mut().push((at, bytes.len()));
        Ok(())
    }
}
