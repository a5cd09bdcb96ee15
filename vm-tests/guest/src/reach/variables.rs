// SPDX-License-Identifier: BSD-2-Clause
//! The sysctls that a jail may write: each changes what this jail has, and
//! nothing for the machine or for another jail.

use core::fmt;

use cases::world::SIBLING_ADDR;

use super::{Place, early, errno, jails_gone, second_line};
use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::EPERM;
use crate::jail::{Kind, PAPER};
use crate::programs::{Context, Outcome, good};
use crate::say;
use crate::sys::{self, Error, Result, Shared};
use crate::world::SIBLING_ROOT;

/// `RJAIL_SET_HOSTNAME`.
const SET_HOSTNAME: u32 = 0x1;

/// What those sysctls say, and whether root is root.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Values {
    texts: [[u8; 64]; TEXTS.len()],
    numbers: [i64; NUMBERS.len()],
    is_root: bool,
}

const TEXTS: [&str; 3] = ["kern.hostname", "kern.domainname", "kern.hostuuid"];
const NUMBERS: [&str; 4] = [
    "kern.hostid",
    "kern.securelevel",
    "security.bsd.suser_enabled",
    "security.bsd.unprivileged_proc_debug",
];

impl Values {
    fn now() -> Result<Self> {
        let mut texts = [[0; 64]; TEXTS.len()];
        for (name, text) in TEXTS.iter().zip(&mut texts) {
            sys::sysctl_named(name, text, None)?;
        }
        let mut numbers = [0; NUMBERS.len()];
        for (name, number) in NUMBERS.iter().zip(&mut numbers) {
            *number = sys::sysctl_number(name)?;
        }
        let is_root = in_child(|| sys::chroot(c"/")) == Ok(Ok(Ok(())));
        Ok(Self { texts, numbers, is_root })
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.numbers;
        write!(f, "{numbers:?} root {}", self.is_root)?;
        self.texts.iter().try_for_each(|text| {
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            write!(f, " {}", core::str::from_utf8(text).unwrap_or("?"))
        })
    }
}

/// A process in another jail, which can be asked what it has.
struct Sibling {
    pid: i32,
    values: Shared<Option<Values>>,
    ask: i32,
    answer: i32,
}

impl Sibling {
    fn start() -> Result<Self> {
        let [asked, ask] = sys::pipe()?;
        let [answer, answered] = sys::pipe()?;
        let values = Shared::new(None)?;
        let pid = sys::fork()?;
        if pid == 0 {
            let _ = sys::alarm(60);
            let _ = sys::close(ask);
            let entered = Kind::Rjail.enter(SIBLING_ROOT, c"sibling.example", SIBLING_ADDR);
            while sys::read(asked, &mut [0]) == Ok(1) {
                values.set(entered.and_then(|()| Values::now()).ok());
                let _ = sys::write(answered, &[0]);
            }
            sys::exit(0);
        }
        sys::close(asked)?;
        sys::close(answered)?;
        Ok(Self { pid, values, ask, answer })
    }

    fn values(&self) -> Result<Values> {
        self.values.set(None);
        sys::write(self.ask, &[0])?;
        sys::read(self.answer, &mut [0])?;
        self.values.get().ok_or(Error(EPERM))
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        let _ = sys::kill(self.pid, 9);
        let _ = sys::wait(self.pid, 0);
    }
}

/// Each write and its errno with the right to a host name, and without.
type Write = (&'static str, fn() -> i32, [i32; 2]);

fn number(name: &str, value: i32) -> i32 {
    errno(sys::sysctl_write(name, value))
}

fn text(name: &str, value: &str) -> i32 {
    errno(sys::sysctl_named(name, &mut [], Some(value.as_bytes())))
}

const WRITES: [Write; 14] = [
    ("a host name", || text("kern.hostname", "other.example"), [0, EPERM]),
    ("a domain name", || text("kern.domainname", "other"), [0, EPERM]),
    ("a host uuid", || text("kern.hostuuid", "11111111-2222-3333-4444-555555555555"), [0, EPERM]),
    (
        "a host id",
        || errno(sys::sysctl_named("kern.hostid", &mut [], Some(&77_u64.to_le_bytes()))),
        [0, EPERM],
    ),
    ("no debugging by users", || number("security.bsd.unprivileged_proc_debug", 0), [0, 0]),
    ("a higher securelevel", || number("kern.securelevel", 1), [0, 0]),
    ("a lower securelevel", || number("kern.securelevel", 0), [EPERM, EPERM]),
    ("the lowest securelevel", || number("kern.securelevel", -1), [EPERM, EPERM]),
    (
        "debugging, at securelevel 1",
        || number("security.bsd.unprivileged_proc_debug", 1),
        [EPERM, EPERM],
    ),
    ("no superuser", || number("security.bsd.suser_enabled", 0), [0, 0]),
    ("a superuser again", || number("security.bsd.suser_enabled", 1), [EPERM, EPERM]),
    ("a host name without a superuser", || text("kern.hostname", "third"), [EPERM, EPERM]),
    ("a securelevel without one", || number("kern.securelevel", 2), [EPERM, EPERM]),
    ("what is the machine's", || number("kern.maxfilesperproc", 1000), [EPERM, EPERM]),
];

/// What came of all, and what the jail had then.
type Found = ([i32; WRITES.len()], Values);

fn write_all(enter: impl FnOnce() -> Result<()>) -> Result<Found> {
    let found = in_child(|| {
        enter()?;
        let answers = WRITES.map(|(_, write, _)| write());
        Values::now().map(|values| (answers, values))
    })?;
    found.unwrap_or(Err(Error(EPERM)))
}

/// What a jail has that wrote all it may.
fn must_be_changed(values: &Values, before: &Values, named: bool) -> Outcome {
    let (wanted, mut numbers) = ([before.numbers[0], 1, 0, 0], values.numbers);
    if named {
        want!("the host id", numbers[0], 77);
        numbers[0] = before.numbers[0];
        let texts = ["other.example", "other", "11111111-2222-3333-4444-555555555555"];
        for (text, wanted) in values.texts.iter().zip(texts) {
            want!("a name", text.starts_with(wanted.as_bytes()), true);
        }
    }
    want!("its numbers", numbers, wanted);
    want!("its root is none", values.is_root, false);
    Ok(())
}

pub fn variables(_: &Context) -> Outcome {
    let both = second_line();
    let sibling = early("another jail", Sibling::start())?;
    let outside = early("the machine's values", Values::now())?;
    let others = early("the other jail's values", sibling.values())?;
    want!("root outside", outside.is_root, true);
    want!("root in the other jail", others.is_root, true);

    let (mut writes, mut wrong) = (0, 0);
    let mut jail = |what: &str, named: bool, enter: &dyn Fn() -> Result<()>, native: bool| {
        let (answers, values) = early(what, write_all(enter))?;
        for ((name, _, wanted), answer) in WRITES.iter().zip(answers) {
            // With the label alone there is but the machine's, which nobody gets.
            let as_marked = if named { wanted[0] } else { wanted[1] };
            let wanted = if both || native { as_marked } else { EPERM };
            if answer != wanted {
                say!("    # {what}: {name}: got {answer}, wanted {wanted}");
                wrong += 1;
            }
            writes += 1;
        }
        if both || native {
            must_be_changed(&values, &outside, named)?;
        } else {
            want!("what a jail reads with the label alone", values, outside);
        }
        want!("the machine afterwards", Values::now(), Ok(outside));
        want!("the other jail afterwards", sibling.values(), Ok(others));
        Ok::<(), Text<160>>(())
    };
    jail("named", true, &|| Place::Jail.enter(), false)?;
    let unnamed = good().with_flags(PAPER & !SET_HOSTNAME);
    jail("unnamed", false, &|| unnamed.enter().map(drop), false)?;
    jail("native", true, &|| Place::Native.enter(), true)?;
    // What one jail did is not what the next one begins with.
    let next = in_child(|| Place::Jail.enter().and_then(|()| Values::now()));
    let next = next.map(|found| found.map(|values| values.map(|v| (v.numbers, v.is_root))));
    // A jail has a host id of its own, which is 0.
    let mut numbers = outside.numbers;
    if both {
        numbers[0] = 0;
    }
    want!("a jail made then", next, Ok(Ok(Ok((numbers, true)))));
    drop(sibling);
    say!("    # jail variables: {writes} writes in 3 jails, {wrong} answered otherwise");
    want!("writes that were answered otherwise", wrong, 0);
    jails_gone()
}
