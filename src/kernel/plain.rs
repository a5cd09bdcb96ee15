// SPDX-License-Identifier: BSD-2-Clause
//! What can be made of any bytes: the structures that a process hands in.

use core::mem::size_of;
use core::net::{Ipv4Addr, Ipv6Addr};

use static_assertions::const_assert_eq;

/// Types of which every bit pattern is a value.
///
/// # Safety
/// As said, and without padding, so that none of the kernel's memory goes out.
pub unsafe trait Plain: Copy {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
// SAFETY: integers, each where the one before ends.
unsafe impl Plain for abi::Args {}
// SAFETY: as above.
unsafe impl Plain for abi::Info {}
// SAFETY: bytes and integers, as above.
unsafe impl Plain for abi::Row {}
// SAFETY: as above.
unsafe impl Plain for abi::Attach {}
// SAFETY: as above.
unsafe impl Plain for abi::Kill {}
// SAFETY: as above.
unsafe impl Plain for abi::Why {}
// SAFETY: its four octets, any of which are an address, and by its size nothing else.
unsafe impl Plain for Ipv4Addr {}
const_assert_eq!(size_of::<Ipv4Addr>(), 4);
// SAFETY: its sixteen, likewise.
unsafe impl Plain for Ipv6Addr {}
const_assert_eq!(size_of::<Ipv6Addr>(), 16);
// SAFETY: bytes.
unsafe impl<const N: usize> Plain for [u8; N] {}

/// The value that these bytes are; `None` unless there are as many as it has.
#[must_use]
pub fn from_bytes<T: Plain>(bytes: &[u8]) -> Option<T> {
    if bytes.len() != size_of::<T>() {
        return None;
    }
    // SAFETY: as many bytes as a `T` has, any of which are one (`Plain`); no
    // alignment is assumed.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// The bytes of a value.
pub fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: a value without padding (`Plain`), so all of it is written.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

#[cfg(test)]
mod tests {
    use super::{bytes_of, from_bytes};

    #[test]
    fn a_structure_is_its_bytes_wherever_they_lie() {
        let attach = abi::Attach { size: 16, version: 1, jid: -2 };
        let mut bytes = [0_u8; 17];
        bytes[1..].copy_from_slice(bytes_of(&attach));
        let back: abi::Attach = from_bytes(&bytes[1..]).expect("its size");
        assert_eq!((back.size, back.version, back.jid), (16, 1, -2));
        assert!(from_bytes::<abi::Attach>(&bytes).is_none());
        assert!(from_bytes::<abi::Attach>(&bytes[2..]).is_none());
    }
}
