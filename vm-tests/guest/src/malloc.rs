// SPDX-License-Identifier: BSD-2-Clause
//! malloc(9) statistics: how much memory the kernel holds, by type.

use core::ffi::CStr;

use crate::answer::want;
use crate::console::Text;
use crate::errno::ENOMEM;
use crate::programs::Outcome;
use crate::sys::{self, Error, Result};

const HEADER: usize = 16;
const NAME: usize = 32;
const STATISTICS: usize = 64;

/// What is allocated of one type: how many, and how many bytes in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Allocations that have not been freed.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The kernel's answer to `kern.malloc_stats`, read into memory kept for it.
pub struct Malloc {
    buffer: &'static mut [u8],
    length: usize,
}

impl Malloc {
    /// Finds out how long the answer is.
    pub fn new() -> Result<Self> {
        let length = sys::sysctl_named("kern.malloc_stats", &mut [], None)?;
        // A module loaded later adds types.
        Ok(Self { buffer: sys::allocate(length + length / 8)?, length: 0 })
    }

    /// More types than any kernel has.
    pub const MOST: usize = 1500;

    /// What is in use of the types whose name begins so, among those made last:
    /// a module that was loaded last comes first, and the whole answer is many
    /// megabytes.
    pub fn in_use_lately(&mut self, prefix: &str) -> Result<InUse> {
        const SOME: usize = 1 << 18;
        let length = SOME.min(self.buffer.len());
        let read = self.read(length)?;
        let kinds = read.filter(|(name, _)| name.starts_with(prefix));
        Ok(kinds.fold(InUse::default(), |sum, (_, kind)| InUse {
            count: sum.count + kind.count,
            bytes: sum.bytes + kind.bytes,
        }))
    }

    /// How many allocations of each type there are, in the kernel's order, and
    /// how many types.
    pub fn counts(&mut self, into: &mut [u64; Self::MOST]) -> Result<usize> {
        let mut types = 0;
        for ((_, kind), count) in self.read(self.buffer.len())?.zip(into) {
            *count = kind.count;
            types += 1;
        }
        Ok(types)
    }

    /// Of no type there is an allocation more for each of so many rounds, since
    /// [`Self::counts`] counted.
    pub fn none_leaked(
        &mut self,
        before: &[u64; Self::MOST],
        types: Result<usize>,
        rounds: u64,
    ) -> Outcome {
        let mut after = [0; Self::MOST];
        want!("number of malloc types", self.counts(&mut after), types);
        for (kind, (was, is)) in before.iter().zip(after).enumerate() {
            // What leaks, leaks at least once a round.
            if is >= was + rounds {
                let name = self.name(kind);
                return Err(Text::of(format_args!("{name}: {was} allocations, then {is}")));
            }
        }
        Ok(())
    }

    /// The name of the type at this place of the last answer.
    pub fn name(&self, at: usize) -> &str {
        let found = self.kinds(self.length).nth(at);
        found.map_or("", |(name, _)| name)
    }

    fn read(&mut self, most: usize) -> Result<impl Iterator<Item = (&str, InUse)>> {
        let buffer = &mut self.buffer[..most];
        self.length = match sys::sysctl_named("kern.malloc_stats", buffer, None) {
            Ok(length) => length,
            // Cut off, as asked for.
            Err(Error(ENOMEM)) => most,
            Err(error) => return Err(error),
        };
        Ok(self.kinds(self.length))
    }

    fn kinds(&self, length: usize) -> impl Iterator<Item = (&str, InUse)> {
        let (header, kinds) = self.buffer[..length].split_at(HEADER);
        let cpus = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        kinds.chunks_exact(NAME + cpus * STATISTICS).map(|kind| {
            let (name, statistics) = kind.split_at(NAME);
            let name = CStr::from_bytes_until_nul(name).unwrap_or_default();
            (name.to_str().unwrap_or_default(), sum(statistics))
        })
    }
}

fn sum(statistics: &[u8]) -> InUse {
    let mut sum = InUse::default();
    for cpu in statistics.chunks_exact(STATISTICS) {
        let (numbers, _) = cpu.as_chunks::<8>();
        let number = |i: usize| u64::from_le_bytes(numbers[i]);
        // One CPU may free what another allocated.
        sum.bytes = sum.bytes.wrapping_add(number(0)).wrapping_sub(number(1));
        sum.count = sum.count.wrapping_add(number(2)).wrapping_sub(number(3));
    }
    sum
}
