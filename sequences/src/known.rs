// SPDX-License-Identifier: BSD-2-Clause
//! Sequences that once showed a difference, shrunk.

use crate::{Op, Step, step};

/// Played before the random ones.
pub const KNOWN: &[&[Step]] = &[
    // The machine's root is mounted read-only.
    &[step(1, Op::Mkdir(2)), step(1, Op::Chdir(0)), step(1, Op::Mkdir(1))],
    // A socket with a source of its own gets as far as the output.
    &[step(0, Op::Fork(3)), step(3, Op::Enter(1)), step(3, Op::ConnectTcp(5))],
    &[step(0, Op::Fork(2)), step(2, Op::Enter(0)), step(2, Op::Send(0))],
    // A connected UDP socket's source is looked for, and there is no route.
    &[step(0, Op::Fork(2)), step(2, Op::Enter(0)), step(2, Op::ConnectUdp(5))],
    // Shared memory is its maker's.
    &[step(0, Op::Setuid), step(1, Op::Shared(2)), step(0, Op::Shared(2))],
    // Into a file, out of a jail's root.
    &[
        step(0, Op::Fork(2)),
        step(2, Op::Enter(0)),
        step(0, Op::Rename(6, 11)),
        step(0, Op::Rename(6, 10)),
        step(0, Op::Rename(6, 17)),
        step(0, Op::Rename(6, 15)),
    ],
];
