// SPDX-License-Identifier: BSD-2-Clause
//! Asking the running kernel through `rjail_probe.ko`, a module of these tests
//! (`vm-tests/probe`): what each prison makes of each privilege, what priv(9)
//! answers a process, which static probes fire. Only root outside any jail can
//! ask. The structures are those of `probe.c`.

use core::ffi::CStr;
use core::fmt;
use core::mem;

use crate::console::Text;
use crate::errno::{EEXIST, EINVAL};
use crate::programs::Outcome;
use crate::sys::{self, Error, Result};

const MODULE: &CStr = c"/rjail/rjail_probe.ko";
const MODULE_FILE: &CStr = c"rjail_probe.ko";

/// The module, as long as it is loaded.
pub struct Probe {
    id: i32,
}

impl Probe {
    /// Loads it, afresh if a test that died left it.
    pub fn load() -> Result<Self> {
        let id = match sys::kldload(MODULE) {
            Err(Error(EEXIST)) => {
                sys::kldunload(sys::kldfind(MODULE_FILE)?)?;
                sys::kldload(MODULE)?
            }
            loaded => loaded?,
        };
        Ok(Self { id })
    }

    /// Unloads it, whatever is switched on; EBUSY when that is a probe of its own.
    pub fn unload(&self) -> Result<()> {
        sys::kldunload(self.id)
    }

    /// Loads it, does something with it and unloads it.
    pub fn during(work: impl FnOnce(&Self) -> Outcome) -> Outcome {
        let failed = |what| move |Error(e)| Text::of(format_args!("{what} the probe: errno {e}"));
        let probe = Self::load().map_err(failed("loading"))?;
        let outcome = work(&probe);
        let unloaded = probe.unload().map_err(failed("unloading"));
        mem::forget(probe);
        outcome.and(unloaded)
    }

    /// References to the machine's prison, its users; users and holders of the
    /// machine's root directory.
    pub fn counts(&self) -> Result<[u64; 4]> {
        let mut bytes = [0; 32];
        sys::sysctl_named("debug.rjail_counts", &mut bytes, None)?;
        let mut words = words(&bytes);
        Ok([(); 4].map(|()| words.next().unwrap_or(0)))
    }

    /// Every privilege, about a process.
    pub fn verdicts(&self, pid: i32) -> Result<Verdicts> {
        let mut bytes = [0; 512];
        question("debug.rjail_probe.verdicts", &mut bytes, &pid.to_le_bytes())?;
        let mut words = words(&bytes);
        let mut bits = || Bits(core::array::from_fn(|_| words.next().unwrap_or(0)));
        Ok(Verdicts { valid: bits(), asked: bits(), line_two: bits(), both: bits() })
    }

    /// What the kernel answers this process about a privilege: 0 or an errno.
    pub fn ask(&self, pid: i32, number: usize) -> Result<i32> {
        let number = u32::try_from(number).map_err(|_| Error(EINVAL))?;
        let asked = u64::from(number) << 32 | u64::from(pid.cast_unsigned());
        let mut answer = [0; 4];
        question("debug.rjail_probe.ask", &mut answer, &asked.to_le_bytes())?;
        Ok(i32::from_le_bytes(answer))
    }

    /// Switches a static probe on, `provider:module:function:name` as in its
    /// definition, for the firings of this process or, with 0, of all. ENOENT
    /// when nothing loaded fires it.
    pub fn watch(&self, name: &str, pid: i32) -> Result<Watch<'_>> {
        let seen = sdt(ON, 0, pid, name)?;
        Ok(Watch { slot: seen.slot, probe: self })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = sys::kldunload(self.id);
    }
}

/// Asks; the whole answer, or EINVAL.
fn question(name: &str, answer: &mut [u8], question: &[u8]) -> Result<()> {
    let wanted = answer.len();
    let length = sys::sysctl_named(name, answer, Some(question))?;
    if length == wanted { Ok(()) } else { Err(Error(EINVAL)) }
}

/// The policies with a label slot that the module can have.
pub const SLOTTED: usize = 4;

/// One of them is registered, or the next, which has no slot, under this name: the
/// framework's errno, and the slot.
pub fn register(which: u32, name: &str) -> Result<(i32, i32)> {
    policy(1, which, name)
}

/// It goes.
pub fn unregister(which: u32) -> Result<(i32, i32)> {
    policy(2, which, "")
}

fn policy(what: u32, which: u32, name: &str) -> Result<(i32, i32)> {
    let mut asked = [0; 32];
    asked[..4].copy_from_slice(&what.to_le_bytes());
    asked[4..8].copy_from_slice(&which.to_le_bytes());
    // One NUL stays.
    let room = &mut asked[8..31];
    let fits = name.len().min(room.len());
    room[..fits].copy_from_slice(&name.as_bytes()[..fits]);
    let mut answer = [0; 8];
    question("debug.rjail_probe.policy", &mut answer, &asked)?;
    let [errno, slot] = halves(u64::from_le_bytes(answer)).map(u32::cast_signed);
    Ok((errno, slot))
}

/// Reads the byte behind an allocation, or one that was freed.
pub fn read_wildly(freed: bool) -> Result<()> {
    question("debug.rjail_probe.wild", &mut [0; 4], &i32::from(freed).to_le_bytes())
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

/// A set of privilege numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits([u64; Self::WORDS]);

impl Bits {
    const WORDS: usize = 16;

    /// Is this number among them?
    pub fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 != 0)
    }

    /// Adds a number.
    pub fn add(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Those of either.
    pub fn or(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Those that the other has not.
    pub fn without(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] & !other.0[i]))
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Each, from the least.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        (0..Self::WORDS * 64).filter(|number| self.has(*number))
    }
}

impl fmt::Display for Bits {
    /// As one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.0.iter().rposition(|word| *word != 0).unwrap_or(0);
        write!(f, "{:x}", self.0[used])?;
        self.0[..used].iter().rev().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

/// What there is to know about every privilege and a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Numbers that the kernel's header calls valid, named or not.
    pub valid: Bits,
    /// Those about which the process's prison can be asked.
    pub asked: Bits,
    /// Those of them that the prison lets root have.
    pub line_two: Bits,
    /// Those that the kernel lets this process have, all things considered.
    pub both: Bits,
}

const ON: u32 = 1;
const READ: u32 = 2;
const OFF: u32 = 3;

fn sdt(what: u32, slot: u32, pid: i32, name: &str) -> Result<Seen> {
    const NAME: usize = 12;
    const HEAD: usize = 16;
    let mut asked = [0; 128];
    asked[..4].copy_from_slice(&what.to_le_bytes());
    asked[4..8].copy_from_slice(&slot.to_le_bytes());
    asked[8..NAME].copy_from_slice(&pid.to_le_bytes());
    // What does not fit is no probe's name.
    let room = &mut asked[NAME..];
    let fits = name.len().min(room.len());
    room[..fits].copy_from_slice(&name.as_bytes()[..fits]);
    let mut answer = [0; HEAD + Seen::KEPT * size_of::<[u64; 8]>()];
    question("debug.rjail_probe.sdt", &mut answer, &asked)?;
    let mut words = words(&answer);
    let mut word = || words.next().unwrap_or(0);
    let [slot, tracepoints] = halves(word());
    let fired = word();
    let last = core::array::from_fn(|_| Firing {
        number: word(),
        pid: word(),
        args: core::array::from_fn(|_| word()),
    });
    Ok(Seen { slot, tracepoints, fired, last })
}

fn halves(word: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

/// A static probe that is on until this is dropped.
pub struct Watch<'a> {
    slot: u32,
    #[expect(dead_code, reason = "the module stays loaded meanwhile")]
    probe: &'a Probe,
}

impl Watch<'_> {
    /// Its firings so far.
    pub fn seen(&self) -> Result<Seen> {
        sdt(READ, self.slot, 0, "")
    }

    /// Switches it off; all its firings.
    pub fn off(self) -> Result<Seen> {
        let slot = self.slot;
        mem::forget(self);
        sdt(OFF, slot, 0, "")
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _ = sdt(OFF, self.slot, 0, "");
    }
}

/// Once a probe was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    number: u64,
    /// In which process.
    pub pid: u64,
    /// With which arguments; those it does not have are 0.
    pub args: [u64; 6],
}

/// What became of a probe while it was on.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    slot: u32,
    /// Places in the kernel's code that fire it.
    pub tracepoints: u32,
    /// How often it was reached.
    pub fired: u64,
    last: [Firing; Self::KEPT],
}

impl Seen {
    /// As many of the last firings are kept.
    pub const KEPT: usize = 16;

    /// The last firings, in order.
    pub fn last(&self) -> impl Iterator<Item = Firing> {
        let kept = self.last.len() as u64;
        let numbers = self.fired.saturating_sub(kept) + 1..=self.fired;
        numbers.filter_map(|number| self.last.iter().find(|f| f.number == number).copied())
    }

    /// Did it fire so often as there are arguments here, and with these?
    pub fn is(&self, wanted: &[&[u64]]) -> bool {
        self.fired == wanted.len() as u64
            && self.last().count() == wanted.len()
            && self.last().zip(wanted).all(|(firing, wanted)| firing.args.starts_with(wanted))
    }
}
