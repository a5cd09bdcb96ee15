// SPDX-License-Identifier: BSD-2-Clause
//! uma(9) statistics: how many items of each zone are in use.

use core::ffi::CStr;

use crate::sys::{self, Result};

const HEADER: usize = 16;
const NAME: usize = 32;
/// `struct uma_type_header`, and how many of its bytes come before `uth_allocs`.
const KIND: usize = 120;
const COUNTS: usize = 72;
/// `struct uma_percpu_stat`, which begins with the two counts.
const STATISTICS: usize = 64;

/// The kernel's answer to `vm.zone_stats`, read into memory kept for it.
pub struct Zones {
    buffer: &'static mut [u8],
    length: usize,
}

impl Zones {
    /// Finds out how long the answer is.
    pub fn new() -> Result<Self> {
        let length = sys::sysctl_named("vm.zone_stats", &mut [], None)?;
        // Zones come with modules.
        Ok(Self { buffer: sys::allocate(length + length / 4)?, length: 0 })
    }

    /// More zones than any kernel has.
    pub const MOST: usize = 600;

    /// How many items of each zone are in use, in the kernel's order, and how many
    /// zones there are.
    pub fn counts(&mut self, into: &mut [u64; Self::MOST]) -> Result<usize> {
        self.length = sys::sysctl_named("vm.zone_stats", self.buffer, None)?;
        let mut zones = 0;
        for ((_, in_use), count) in self.kinds().zip(into) {
            *count = in_use;
            zones += 1;
        }
        Ok(zones)
    }

    /// The name of the zone at this place of the last answer.
    pub fn name(&self, at: usize) -> &str {
        self.kinds().nth(at).map_or("", |(name, _)| name)
    }

    fn kinds(&self) -> impl Iterator<Item = (&str, u64)> {
        let (header, kinds) = self.buffer[..self.length].split_at(HEADER);
        let cpus = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        kinds.chunks_exact(KIND + cpus * STATISTICS).map(|kind| {
            let (kind, processors) = kind.split_at(KIND);
            let name = CStr::from_bytes_until_nul(&kind[..NAME]).unwrap_or_default();
            let in_use = processors
                .chunks_exact(STATISTICS)
                .fold(difference(&kind[COUNTS..]), |sum, one| sum.wrapping_add(difference(one)));
            (name.to_str().unwrap_or_default(), in_use)
        })
    }
}

/// Allocations without those that were freed: one processor may free what another has
/// allocated.
fn difference(counts: &[u8]) -> u64 {
    let (numbers, _) = counts.as_chunks::<8>();
    let number = |at: usize| u64::from_le_bytes(numbers[at]);
    number(0).wrapping_sub(number(1))
}
