// SPDX-License-Identifier: BSD-2-Clause
//! netlink(4), as far as it goes for routes, addresses, links and neighbours.

use crate::sys::{self, Error, Result};

/// `AF_NETLINK`.
pub const NETLINK: i32 = 38;
/// In a request; with an answer whatever comes of it; all there are; a new one.
pub const NLM_F_REQUEST: u16 = 1;
pub const NLM_F_ACK: u16 = 4;
pub const NLM_F_DUMP: u16 = 0x300;
pub const NLM_F_CREATE: u16 = 0x400;

/// A new socket of the family of routes.
pub fn open() -> Result<i32> {
    sys::socket(NETLINK, 3, 0)
}

/// What a socket answers to one message: so many bytes, without the last message,
/// or the error in that.
pub fn ask(fd: i32, kind: u16, flags: u16, body: &[u8], into: &mut [u8]) -> Result<usize> {
    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;
    let mut message = [0; 128];
    let size = 16 + body.len();
    message[..4].copy_from_slice(&u32::try_from(size).unwrap_or(0).to_le_bytes());
    message[4..6].copy_from_slice(&kind.to_le_bytes());
    message[6..8].copy_from_slice(&flags.to_le_bytes());
    message[8] = 1;
    message[16..size].copy_from_slice(body);
    sys::receive_timeout(fd, 1000)?;
    sys::write(fd, &message[..size])?;
    let mut length = 0;
    loop {
        let more = sys::read(fd, &mut into[length..])?;
        let mut at = length;
        length += more;
        while let Some(header) = into[..length].get(at..at + 20) {
            let number = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
            let size = u32::from_le_bytes(number(0));
            let kind = u16::from_le_bytes([header[4], header[5]]);
            if kind == NLMSG_DONE || kind == NLMSG_ERROR {
                // The question is in the answer to it.
                let errno = i32::from_le_bytes(number(16));
                return if errno == 0 { Ok(at) } else { Err(Error(errno.abs())) };
            }
            at += usize::try_from(size).unwrap_or(0).next_multiple_of(4).max(16);
        }
    }
}

/// A message's body: a structure, and attributes behind it.
pub struct Body {
    bytes: [u8; 96],
    length: usize,
}

impl Body {
    /// One that begins with this structure.
    pub fn new(structure: &[u8]) -> Self {
        let mut bytes = [0; 96];
        bytes[..structure.len()].copy_from_slice(structure);
        Self { bytes, length: structure.len() }
    }

    /// The same with an attribute.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let size = u16::try_from(4 + value.len()).unwrap_or(0);
        let at = self.length;
        self.bytes[at..at + 2].copy_from_slice(&size.to_le_bytes());
        self.bytes[at + 2..at + 4].copy_from_slice(&kind.to_le_bytes());
        self.bytes[at + 4..at + 4 + value.len()].copy_from_slice(value);
        self.length += usize::from(size).next_multiple_of(4);
        self
    }

    /// The whole of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
