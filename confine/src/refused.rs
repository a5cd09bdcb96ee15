// SPDX-License-Identifier: BSD-2-Clause
//! Why a process was not let in.

use std::error::Error;
use std::fmt;
use std::io;

use rjail::root::Refusal;

use crate::call;

/// `RJAIL_EXTERR_CATEGORY`.
const CATEGORY: u64 = 0x726a;

/// Why a jail was not made or not entered. Nothing has changed then.
///
/// | errno | |
/// |---|---|
/// | `ENOSYS` | the module is not loaded |
/// | `EPERM`, `EBUSY` | a step of entry; [`Refused::refusal`] says which |
/// | `EINVAL` | an address, a flag, a host name or a privilege that cannot be |
/// | `ENOENT` | no such directory; of `attach`: no such jail, or it is closing |
/// | `ENOTDIR`, `EACCES`, `ENAMETOOLONG` | of the path |
/// | `ENOMEM`, `EAGAIN`, `EMFILE`, `ENFILE` | as elsewhere |
#[derive(Debug)]
pub struct Refused {
    error: io::Error,
    refusal: Option<Refusal>,
}

impl Refused {
    /// Of the call that has just failed on this thread.
    pub(crate) fn now(error: io::Error) -> Self {
        let text = call::extended();
        let refusal = text.as_deref().and_then(|text| step(text, error.raw_os_error()?));
        Self { error, refusal }
    }

    /// The kernel's answer.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// The step of entry that failed, where the kernel says: on 15.x, for `EPERM`
    /// and `EBUSY`. It names the descriptor that is in the way.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if call::is_absent(&self.error) {
            return f.write_str("the module rjail is not in this kernel");
        }
        match self.refusal {
            None => write!(f, "rjail(2): {}", self.error),
            Some(refusal) => {
                write!(f, "rjail(2): {}", refusal.reason())?;
                match refusal.descriptor() {
                    Some(descriptor) => write!(f, ": descriptor {descriptor}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// The step that `uexterr_gettext(3)` speaks of, where the kernel gives numbers
/// alone: `errno 1 category 29290 (src sys/...) p1 0x5 p2 0x3`.
fn step(text: &str, errno: i32) -> Option<Refusal> {
    let number = |name: &str| {
        let mut words = text.split_whitespace().skip_while(|word| *word != name).skip(1);
        let word = words.next()?;
        match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => word.parse().ok(),
        }
    };
    if number("category")? != CATEGORY || number("errno")? != u64::try_from(errno).ok()? {
        return None;
    }
    let (wanted, descriptor) = (number("p1")?, i32::try_from(number("p2")?).ok());
    all(descriptor.unwrap_or(-1))
        .into_iter()
        .find(|refusal| u64::from(refusal.step()) == wanted)
        // What is in the way has a number; where nothing is, there is any.
        .filter(|refusal| refusal.descriptor().is_none() || descriptor.is_some())
}

/// Every refusal, with this descriptor where one is in the way.
fn all(descriptor: i32) -> [Refusal; 9] {
    [
        Refusal::NotPrivileged,
        Refusal::Jailed,
        Refusal::NativeJailed,
        Refusal::RootNarrowed,
        Refusal::OpenDirectory(descriptor),
        Refusal::OpenJail(descriptor),
        Refusal::DescriptorsShared,
        Refusal::DirectoriesShared,
        Refusal::MemoryShared,
    ]
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Refusal, Refused, all, step};

    /// As libc writes it; it leaves out "0x" before a nought.
    fn text(errno: i32, p1: u32, p2: i32) -> String {
        let hexadecimal = |n: i64| if n == 0 { "0".to_owned() } else { format!("{n:#x}") };
        let (p1, p2) = (hexadecimal(p1.into()), hexadecimal(p2.into()));
        format!("errno {errno} category 29290 (src sys/cat29290:12) p1 {p1} p2 {p2}")
    }

    #[test]
    fn each_step_is_known_again() {
        let steps: Vec<u32> = all(3).iter().map(|refusal| refusal.step()).collect();
        assert_eq!(steps, (1..=9).collect::<Vec<_>>());
        for refusal in all(17) {
            let errno = refusal.errno().number();
            let descriptor = refusal.descriptor().unwrap_or(0);
            let said = text(errno, refusal.step(), descriptor);
            assert_eq!(step(&said, errno), Some(refusal), "{said}");
            assert_eq!(step(&said, errno + 1), None, "{said}");
        }
    }

    /// As the kernel has it: no descriptor is -1, in 64 bits.
    #[test]
    fn a_step_without_a_descriptor_is_known_whatever_is_in_its_place() {
        for p2 in ["0xffffffffffffffff", "0xffffffff", "0", "0x7"] {
            let said = format!("errno 1 category 29290 (src sys/x:1) p1 0x1 p2 {p2}");
            assert_eq!(step(&said, 1), Some(Refusal::NotPrivileged), "{said}");
        }
    }

    #[test]
    fn what_is_not_of_the_module_says_nothing() {
        for other in [
            "",
            "errno 1 category 2 (src sys/kern/kern_descrip.c:1) p1 0x5 p2 0x3",
            "errno 1 category 29290",
            "errno 1 category 29290 (src sys/x:1) p1 0xa p2 0",
            "errno 1 category 29290 (src sys/x:1) p1 0x5 p2 0xffffffffffffffff",
            "PRIV_KLD_LOAD denied in rjail 3: A module is the kernel.",
            "errno 1 category 29290 p1 p2",
        ] {
            assert_eq!(step(other, 1), None, "{other}");
        }
    }

    #[test]
    fn it_reads_as_a_sentence() {
        let says = |refusal| {
            let error = io::Error::from_raw_os_error(1);
            Refused { error, refusal }.to_string()
        };
        assert_eq!(
            says(Some(Refusal::OpenDirectory(5))),
            "rjail(2): the process holds a directory open: descriptor 5"
        );
        assert_eq!(says(Some(Refusal::Jailed)), "rjail(2): the process is in a jail already");
        assert!(says(None).starts_with("rjail(2): "));
    }
}
