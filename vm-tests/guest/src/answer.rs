// SPDX-License-Identifier: BSD-2-Clause
//! What an attempt got, and the processes that make attempts.

use core::fmt;

use cases::{Answer, Errno};

use crate::sys::{self, Error, Shared, Status};

/// The outcome of playing one case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// The attempt answered.
    Answer(Answer),
    /// It failed with an errno that the case language has no name for.
    Errno(i32),
    /// This step of the setup failed.
    Setup(usize, i32),
    /// The subject could not enter its jail.
    Entry(i32),
    /// The subject ended before it had an answer.
    Ended(Status),
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => write!(f, "{answer:?}"),
            Self::Errno(number) => write!(f, "No({number})"),
            Self::Setup(step, number) => write!(f, "Setup({step},{number})"),
            Self::Entry(number) => write!(f, "Entry({number})"),
            Self::Ended(status) => write!(f, "Ended({status:?})"),
        }
    }
}

impl From<Error> for Got {
    fn from(Error(number): Error) -> Self {
        Errno::from_number(number).map_or(Self::Errno(number), |e| Self::Answer(Answer::No(e)))
    }
}

impl From<Answer> for Got {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<sys::Result<Answer>> for Got {
    fn from(result: sys::Result<Answer>) -> Self {
        result.map_or_else(Self::from, Self::Answer)
    }
}

/// Seconds after which a child is taken for stuck and killed by its own alarm.
const PATIENCE: i64 = 20;

/// Runs `work` in a forked child and gives what it returned, or how it ended.
pub fn in_child<T: Copy>(work: impl FnOnce() -> T) -> sys::Result<Result<T, Status>> {
    in_child_for(PATIENCE, work)
}

/// The same, for work that may take so many seconds.
pub fn in_child_for<T: Copy>(
    seconds: i64,
    work: impl FnOnce() -> T,
) -> sys::Result<Result<T, Status>> {
    let result: Shared<Option<T>> = Shared::new(None)?;
    let child = sys::fork()?;
    if child == 0 {
        let _ = sys::alarm(seconds);
        result.set(Some(work()));
        sys::exit(0);
    }
    let (_, status) = sys::wait(child, 0)?;
    Ok(result.get().filter(|_| status == Status::Exited(0)).ok_or(status))
}

/// Ends a program that got something else, and says what.
macro_rules! want {
    ($what:literal, $got:expr, $wanted:expr) => {{
        let (got, wanted) = ($got, $wanted);
        if got != wanted {
            return Err($crate::console::Text::of(format_args!(
                "{}: got {got:?}, wanted {wanted:?}",
                $what
            )));
        }
    }};
}
pub(crate) use want;
