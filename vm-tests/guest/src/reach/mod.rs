// SPDX-License-Identifier: BSD-2-Clause
//! What root in a jail reaches of the machine itself: its modules, variables,
//! clock, memory, audit trail, debugger, its very running. Each thing is tried
//! outside as well, where it must work or be shown to do no harm, and in a
//! native jail, and in a jail with the label alone, each with its errno.

mod login;
mod machine;
mod modules;
mod powerless;
mod tree;
mod variables;

pub use powerless::{AS_OWNER, as_owner};
pub use tree::Oid;

use cases::world::JAIL_ADDR;

use crate::answer::in_child_for;
use crate::console::Text;
use crate::errno::EPERM;
use crate::jail::Kind;
use crate::privileges::errno;
use crate::programs::{Context, Outcome, Program, early, good, jails_gone, second_line};
use crate::say;
use crate::sys::{self, Result};
use crate::world::{JAIL_NAME, JAIL_ROOT};

/// Outside it is not tried: it would be the end of the machine.
const NOT_MADE: i32 = -1;
/// The child that tried it ended before it had an answer.
const DIED: i32 = -2;
/// The child could not get to its place.
const NOT_THERE: i32 = -3;

/// Every program here: the same with both lines and with the label alone.
pub const ALL: &[Program] = &[
    program("sysctl-tree", 400, tree::tree),
    program("jail-variables", 60, variables::variables),
    program("modules", 120, modules::modules),
    program("reboot", 60, machine::reboot),
    program("clock", 120, machine::clock),
    program("accounting", 60, machine::accounting),
    program("audit", 120, machine::audit),
    program("login-name", 60, login::login),
    program("debugger", 60, machine::debugger),
    program("io-ports", 60, machine::ports),
    program("mac-do", 20, machine::mac_do),
    program("messages", 60, machine::messages),
    program("wired-memory", 120, machine::wired),
    program("powerless", 240, powerless::powerless),
    program("capability-mode", 120, machine::capability),
    program("passed-directory", 60, machine::passed_directory),
    program("generation", 60, machine::generation),
];

const fn program(name: &'static str, seconds: i64, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds, run, needs: None }
}

/// Where something is tried. Everywhere the jail's root is the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Outside,
    Native,
    /// rjail's, with the flags of the paper's.
    Jail,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Outside, Self::Native, Self::Jail];

    /// Goes there, not to come back.
    pub fn enter(self) -> Result<()> {
        match self {
            Self::Outside => sys::chdir(JAIL_ROOT),
            Self::Native => Kind::Native.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR),
            Self::Jail => good().enter().map(drop),
        }
    }
}

/// What a process has from before it came to its place.
#[derive(Clone, Copy)]
pub struct Before {
    /// A file of the jail's, open to read.
    pub file: i32,
    /// A process outside, which started this one.
    pub parent: i32,
    /// rjail's system call.
    pub rjail: usize,
}

/// One call, and its answer in each place: 0 or an errno.
pub struct Step {
    what: &'static str,
    call: fn(&Before) -> i32,
    outside: i32,
    native: i32,
    jail: i32,
    label: i32,
}

/// A call that works outside, and is refused in jails with EPERM unless more
/// is said.
const fn step(what: &'static str, call: fn(&Before) -> i32) -> Step {
    Step { what, call, outside: 0, native: EPERM, jail: EPERM, label: EPERM }
}

impl Step {
    /// Outside.
    const fn outside(mut self, answer: i32) -> Self {
        self.outside = answer;
        self
    }

    /// In a native jail.
    const fn native(mut self, answer: i32) -> Self {
        self.native = answer;
        self
    }

    /// In a jail, whichever.
    const fn jailed(mut self, answer: i32) -> Self {
        (self.native, self.jail, self.label) = (answer, answer, answer);
        self
    }

    /// Everywhere: no jail's affair.
    const fn everywhere(self, answer: i32) -> Self {
        self.outside(answer).jailed(answer)
    }

    /// In a jail with the label alone.
    const fn label(mut self, answer: i32) -> Self {
        self.label = answer;
        self
    }

    const fn wanted(&self, place: Place, second_line: bool) -> i32 {
        match place {
            Place::Outside => self.outside,
            Place::Native => self.native,
            Place::Jail if second_line => self.jail,
            Place::Jail => self.label,
        }
    }

    fn make(&self, place: Place, before: &Before) -> i32 {
        let got = in_child_for(30, || {
            // A session of its own: what it does to that is nobody else's.
            let there = sys::setsid().and_then(|_| place.enter());
            there.map_or(NOT_THERE, |()| (self.call)(before))
        });
        match got {
            Ok(Ok(answer)) => answer,
            _ => DIED,
        }
    }
}

/// Makes every step in every place.
fn make_all(row: &str, steps: &[Step]) -> Outcome {
    let before = Before {
        file: early("a file", sys::open(c"/jail/file", 0, 0))?,
        parent: early("getpid", sys::getpid())?,
        rjail: early("rjail's number", sys::module_syscall(c"sys/rjail"))?,
    };
    let second_line = second_line();
    let mut wrong = 0;
    let mut refused = [0; 3];
    for step in steps {
        let mut answers = [NOT_MADE; 3];
        for ((place, answer), refused) in Place::ALL.into_iter().zip(&mut answers).zip(&mut refused)
        {
            let wanted = step.wanted(place, second_line);
            if wanted == NOT_MADE {
                continue;
            }
            *answer = step.make(place, &before);
            *refused += i32::from(*answer != 0);
            if *answer != wanted {
                say!("    # {row} {}: {place:?}: got {answer}, wanted {wanted}", step.what);
                wrong += 1;
            }
        }
        let [_, native, jail] = answers;
        if native != jail && wrong == 0 {
            say!("    # {row} {}: native {native}, ours {jail}", step.what);
        }
    }
    let [outside, native, jail] = refused;
    say!(
        "    # {row}: {} steps; refused: outside {outside}, in a native jail {native}, in ours \
         {jail}",
        steps.len()
    );
    jails_gone()?;
    if wrong > 0 {
        return Err(Text::of(format_args!("{row}: {wrong} answers are others")));
    }
    Ok(())
}
