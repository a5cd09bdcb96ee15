// SPDX-License-Identifier: BSD-2-Clause
//! A million calls with structures that mean nothing, or nearly something: random
//! bytes, wrong sizes and versions, addresses that are unaligned, unmapped, the
//! kernel's, or end too early. Each gets an errno that rjail(2) lists, and nothing is
//! left of them.

use crate::answer::want;
use crate::console::Text;
use crate::errno::{
    EACCES, EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM,
};
use crate::jail;
use crate::programs::{Context, KERNEL, Outcome, UNMAPPED, early, good};
use crate::say;
use crate::sys::{self, Error, Shared, Status};

use super::{gone, reap_some};

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 8).unwrap_or(0) % bound.max(1)
    }

    fn one<T: Copy>(&mut self, of: &[T], otherwise: T) -> T {
        of.get(self.below(of.len())).copied().unwrap_or(otherwise)
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// Memory whose last byte is the last before a hole, and what is in it.
struct Field {
    bytes: &'static mut [u8],
    at: usize,
}

const FIELD: usize = 1 << 16;

impl Field {
    fn new() -> sys::Result<Self> {
        let bytes = sys::allocate_before_a_hole(FIELD)?;
        let at = bytes.as_ptr().expose_provenance();
        Ok(Self { bytes, at })
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// An address that somebody hostile would give.
    fn address(&self, random: &mut Random) -> usize {
        let inside = self.at + random.below(FIELD);
        let end = self.at + FIELD - random.below(9);
        let known = [self.at, self.at + PATH, self.at + NAME, self.at + LIST, self.at + WORD];
        let wrong = [0, 1, UNMAPPED, KERNEL, KERNEL + 7, usize::MAX - 7, 1 << 47, usize::MAX];
        match random.below(4) {
            0 => random.one(&known, 0),
            1 => inside,
            2 => end,
            _ => random.one(&wrong, 0),
        }
    }
}

/// Where good strings and a list are in the field.
const PATH: usize = 0x100;
const NAME: usize = 0x200;
const LIST: usize = 0x300;
const WORD: usize = 0x400;

/// A structure of at most this many bytes, and the sizes of those that there are.
const LONGEST: usize = 160;
const SIZES: [usize; 5] = [
    size_of::<abi::Args>(),
    size_of::<abi::Info>(),
    size_of::<abi::Attach>(),
    size_of::<abi::Kill>(),
    size_of::<abi::Why>(),
];

/// What one process found: calls, those that were answered, an errno that nobody
/// expects, and the operation of its last call.
type Found = (u64, u64, i32, i32);

fn batch(
    random: &mut Random,
    calls: u64,
    jails: [i64; 2],
    found: &Shared<Found>,
) -> sys::Result<()> {
    const EXPECTED: [i32; 10] =
        [EPERM, ENOENT, EBADF, EACCES, EFAULT, EBUSY, ENOTDIR, EINVAL, EAGAIN, ENAMETOOLONG];
    let mut field = Field::new()?;
    field.put(PATH, b"/jail\0");
    field.put(NAME, b"hostile.example\0");
    field.put(LIST, &[10, 66, 0, 2, 10, 66, 0, 3]);
    field.put(WORD, b"+PRIV_KTRACE -PRIV_VFS_CHROOT\0");
    let number = sys::module_syscall(c"sys/rjail")?;
    let (mut made, mut answered) = (0, 0);
    while made < calls {
        let operation = match random.below(10) {
            9 => i32::from_le_bytes(word(random.next())),
            operation => i32::try_from(operation).unwrap_or(0),
        };
        // Random, and then more and more as it should be.
        let mut bytes = [0; LONGEST];
        for eight in bytes.chunks_exact_mut(8) {
            let value = match random.below(6) {
                0 => random.next(),
                1 => 0,
                2 => random.one(&jails, 0).cast_unsigned(),
                3 => random.next() % 4,
                _ => field.address(random) as u64,
            };
            eight.copy_from_slice(&value.to_le_bytes());
        }
        if !random.chance(4) {
            let fits = SIZES.get(match operation {
                1 | 6 => 0,
                2 => 1,
                3 => 2,
                4 => 3,
                _ => 4,
            });
            let size = u32::try_from(fits.copied().unwrap_or(0)).unwrap_or(0);
            let size = if random.chance(8) { size.wrapping_add(1) } else { size };
            bytes[..4].copy_from_slice(&size.to_le_bytes());
            let version = if random.chance(8) { random.next() } else { 1 };
            bytes[4..8].copy_from_slice(&word(version));
        }
        if operation == abi::operation::KILL && !random.chance(8) {
            // An hour of waiting for a jail that does not end is no test.
            bytes[24..32].copy_from_slice(&(random.next() % 3).to_le_bytes());
        }
        if operation == abi::operation::ATTACH && !random.chance(40) {
            // Who is inside has no more to try: one in many is enough.
            bytes[8..16].copy_from_slice(&random.next().to_le_bytes());
        }
        let at = 0x1000 + random.below(64);
        field.put(at, &bytes);
        let structure = if random.chance(8) { field.address(random) } else { field.at + at };
        made += 1;
        // Said before the call that may put it within the other one's reach.
        found.set((made, answered, 0, operation));
        match sys::rjail(number, operation, structure) {
            Ok(descriptor) if operation == abi::operation::HOLD => {
                sys::close(i32::try_from(descriptor).unwrap_or(-1))?;
                answered += 1;
            }
            Ok(_) => {
                answered += 1;
                if matches!(operation, abi::operation::CREATE | abi::operation::ATTACH) {
                    // It is inside, where all answers are alike, and where the other
                    // one's signals reach it.
                    break;
                }
            }
            Err(Error(errno)) if EXPECTED.contains(&errno) => {}
            Err(Error(errno)) => {
                found.set((made, answered, errno, operation));
                return Ok(());
            }
        }
    }
    Ok(())
}

fn word(value: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = value.to_le_bytes();
    [a, b, c, d]
}

/// Waits for one, and has its account; killed or stopped is only who entered.
fn ended(pid: i32, found: &Shared<Found>) -> core::result::Result<Found, Text<160>> {
    let mut status = early("wait", sys::wait(pid, sys::UNTRACED))?.1;
    if matches!(status, Status::Stopped(_)) {
        early("kill", sys::kill(pid, 9))?;
        status = early("wait", sys::wait(pid, 0))?.1;
    }
    let account = found.get();
    let entering = matches!(account.3, abi::operation::CREATE | abi::operation::ATTACH);
    match status {
        Status::Exited(0) => Ok(account),
        Status::Killed(_) if entering => Ok(account),
        other => Err(Text::of(format_args!("a hostile one: {other:?}, at {account:?}"))),
    }
}

/// Two processes at a time, so that both processors are at it.
pub fn million(_: &Context) -> Outcome {
    const CALLS: u64 = 1_000_000;
    // A kernel that checks each access of its own is slow.
    let checked = sys::sysctl_named("debug.kasan.disabled", &mut [0; 4], None).is_ok();
    let (seconds, each, least) = if checked { (40, 2_500, 10_000) } else { (100, 50_000, 100_000) };
    reap_some();
    let began = sys::uptime();
    let found =
        [early("memory", Shared::new((0, 0, 0, 0)))?, early("memory", Shared::new((0, 0, 0, 0)))?];
    let (mut calls, mut answered, mut batches) = (0, 0, 0_u64);
    while calls < CALLS && sys::uptime() < began + seconds * 1000 {
        // One jail with a process, and one that nobody is in.
        let descriptor = early("hold", jail::hold(&good()))?;
        let held = jail::get(i64::from(descriptor), abi::HELD_BY, &mut []).map_or(0, |i| i.jid);
        let victim = early("fork", sys::fork())?;
        if victim == 0 {
            let _ = good().enter();
            super::sleep_for_good();
        }
        let next = jail::get(held, abi::NEXT, &mut []).map_or(held, |info| info.jid);
        let mut pids = [0; 2];
        for (which, (pid, found)) in (0..).zip(pids.iter_mut().zip(&found)) {
            found.set((0, 0, -1, 0));
            *pid = early("fork", sys::fork())?;
            if *pid == 0 {
                let seed = 0x9e37_79b9_7f4a_7c15 ^ ((batches * 2 + which + 1) << 20);
                let done = batch(&mut Random(seed), each, [held, next], found);
                sys::exit(i32::from(done.is_err()));
            }
        }
        for (pid, found) in pids.iter().zip(&found) {
            let (made, good, errno, operation) = ended(*pid, found)?;
            // Nobody outside is reached by what the other one sends to jails.
            let entering = matches!(operation, abi::operation::CREATE | abi::operation::ATTACH);
            want!("all calls, or entered", made == each || entering, true);
            if errno != 0 {
                return Err(Text::of(format_args!(
                    "call {made} of batch {batches}: errno {errno}"
                )));
            }
            calls += made;
            answered += good;
        }
        let _ = sys::kill(victim, 9);
        let _ = sys::wait(victim, 0);
        want!("let go", sys::close(descriptor), Ok(()));
        gone()?;
        batches += 1;
    }
    let took = sys::uptime() - began;
    say!(
        "    # {calls} hostile calls in {took} ms, {answered} answered, by {} processes",
        batches * 2
    );
    if calls < CALLS {
        say!("    # NOT {CALLS}: this machine had no more than {seconds} s for it");
    }
    want!("enough to tell", calls >= least, true);
    want!("both ways", answered > 100, true);
    Ok(())
}
