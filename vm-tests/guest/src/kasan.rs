// SPDX-License-Identifier: BSD-2-Clause
//! On a kernel with KASAN: that it reports, and that C which was compiled as the
//! module's is checked. The harness takes a report for a complaint, unless it was told.

use crate::answer::want;
use crate::console::Text;
use crate::probe::{Probe, read_wildly};
use crate::programs::{Context, Outcome, Program, early};
use crate::say;
use crate::slots::{hush, kernel_said};
use crate::sys;

/// What the kernel does not forget: last of all.
pub const PLANTED: &[Program] =
    &[Program { name: "kasan_reports", seconds: 60, run: reports, needs: None }];

fn reports(_: &Context) -> Outcome {
    let mut panics = [0; 4];
    let read = sys::sysctl_named("debug.kasan.panic_on_violation", &mut panics, None);
    want!("goes on afterwards", (read, panics), (Ok(4), [0; 4]));
    Probe::during(|_| {
        for (freed, says) in [(false, "MallocRedZone"), (true, "UMAUseAfterFree")] {
            early("kern.msgbuf_clear", hush())?;
            say!("PLANTED a read that KASAN reports");
            early("the read", read_wildly(freed))?;
            for word in ["ASan: Invalid access, 1-byte read", says] {
                if kernel_said(word) != Ok(true) {
                    return Err(Text::of(format_args!("KASAN did not say {word}")));
                }
            }
        }
        Ok(())
    })
}
