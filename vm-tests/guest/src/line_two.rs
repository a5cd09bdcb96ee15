// SPDX-License-Identifier: BSD-2-Clause
//! Privileges as the running kernel answers about them: what prisons alone make
//! of each number, native ones by their `allow.*` flags, and what comes of it
//! with rjail's label beside. The harness writes `sys/priv.h`'s names and numbers
//! to a file of the disk and makes `docs/line-two-15.1.tsv` of what is printed
//! here.

use core::ffi::CStr;

use cases::world::JAIL_ADDR;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EDOM, EINVAL, ENOENT, EPERM};
use crate::jail::ALL_FLAGS;
use crate::probe::{Bits, Probe};
use crate::programs::{Context, Outcome, good, settle};
use crate::say;
use crate::sys::{self, Error, Result, Shared};
use crate::world::{JAIL_NAME, JAIL_ROOT};

/// A process that became something and waits to be looked at.
pub struct Captive {
    /// Its number.
    pub pid: i32,
}

impl Captive {
    /// Forks it, and waits until it is ready.
    pub fn start(ready: impl FnOnce() -> Result<()>) -> Result<Self> {
        let [from, to] = sys::pipe()?;
        let pid = sys::fork()?;
        if pid == 0 {
            let errno = ready().err().map_or(0, |Error(number)| number);
            let _ = sys::write(to, &errno.to_le_bytes()[..1]);
            loop {
                sys::pause(1000);
            }
        }
        let captive = Self { pid };
        let mut errno = [u8::MAX];
        sys::close(to)?;
        sys::read(from, &mut errno)?;
        sys::close(from)?;
        if errno == [0] { Ok(captive) } else { Err(Error(i32::from(errno[0]))) }
    }
}

impl Drop for Captive {
    fn drop(&mut self) {
        let _ = sys::kill(self.pid, 9);
        let _ = sys::wait(self.pid, 0);
    }
}

/// What it gave, or which step failed.
pub fn got<T>(what: &str, result: Result<T>) -> core::result::Result<T, Text<160>> {
    result.map_err(|Error(number)| Text::of(format_args!("{what}: errno {number}")))
}

type Flag = Text<32>;

fn text(flag: &Flag) -> &str {
    core::str::from_utf8(flag.bytes()).unwrap_or_default()
}

/// The `allow.*` flags of this kernel's jails, but those that only say which
/// file systems `allow.mount` is about.
struct Flags {
    all: [Flag; Self::MOST],
    count: usize,
}

impl Flags {
    const MOST: usize = 30;

    /// Walks the kernel's own list, as libjail does.
    fn read() -> Result<Self> {
        const PREFIX: &str = "security.jail.param.allow.";
        const NEXT: i32 = 2;
        const NAME: i32 = 1;
        let mut flags = Self { all: [Flag::new(); Self::MOST], count: 0 };
        let mut node = Oid::of("security.jail.param.allow")?;
        loop {
            let (mut next, mut name) = ([0; 96], [0; 96]);
            let length = sys::sysctl(node.asked(NEXT), &mut next, None)?;
            node = Oid::from_bytes(&next[..length])?;
            sys::sysctl(node.asked(NAME), &mut name, None)?;
            let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
            let Some(flag) = name.to_str().ok().and_then(|name| name.strip_prefix(PREFIX)) else {
                return Ok(flags);
            };
            // allow.mount is the nameless leaf of the node that has the rest.
            let flag = flag.trim_end_matches('.');
            if flag.contains('.') {
                continue;
            }
            let place = flags.all.get_mut(flags.count).ok_or(Error(EINVAL))?;
            *place = Flag::of(format_args!("{flag}"));
            flags.count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.all[..self.count].iter()
    }
}

/// The number of a sysctl, after room for a question about it.
struct Oid {
    numbers: [i32; 26],
    length: usize,
}

impl Oid {
    fn of(name: &str) -> Result<Self> {
        let mut bytes = [0; 96];
        let length = sys::sysctl(&[0, 3], &mut bytes, Some(name.as_bytes()))?;
        Self::from_bytes(&bytes[..length])
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let mut numbers = [0; 26];
        for (number, word) in numbers[2..].iter_mut().zip(words) {
            *number = i32::from_le_bytes(*word);
        }
        Ok(Self { numbers, length: words.len() })
    }

    fn asked(&mut self, question: i32) -> &[i32] {
        self.numbers[1] = question;
        &self.numbers[..2 + self.length]
    }
}

/// Which of the flags a jail has.
#[derive(Clone, Copy)]
enum Has<'a> {
    /// None is mentioned.
    Default,
    Nothing,
    Only(&'a Flag),
    Everything,
}

impl Has<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Default => "default",
            Self::Nothing => "none",
            Self::Only(flag) => text(flag),
            Self::Everything => "all",
        }
    }

    /// Makes a native jail of this kind around the caller.
    fn enter(&self, flags: &Flags, enforce_statfs: i32) -> Result<()> {
        let mut parameters = [Text::<48>::new(); Flags::MOST];
        let mut count = 0;
        for (flag, parameter) in flags.iter().zip(&mut parameters) {
            let on = match self {
                Self::Default => break,
                Self::Nothing => false,
                Self::Only(only) => only.bytes() == flag.bytes(),
                Self::Everything => true,
            };
            let no = if on { "" } else { "no" };
            *parameter = Text::of(format_args!("allow.{no}{flag}\0"));
            count += 1;
        }
        let mut all = [c""; Flags::MOST];
        for (parameter, text) in all.iter_mut().zip(&parameters[..count]) {
            *parameter = CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default();
        }
        sys::jail_set_and_enter(JAIL_ROOT, enforce_statfs, &all[..count])
    }
}

/// Below 2, where `allow.mount` is worth something.
const ENFORCE_STATFS: i32 = 1;

/// Every native jail that differs by one flag, or by none or all of them.
pub fn line_two(_: &Context) -> Outcome {
    let flags = got("the list of flags", Flags::read())?;
    Probe::during(|probe| {
        let about = |has: Has<'_>, enforce_statfs| {
            let captive = Captive::start(|| has.enter(&flags, enforce_statfs));
            got(has.name(), captive.and_then(|captive| probe.verdicts(captive.pid)))
        };
        let nothing = about(Has::Nothing, ENFORCE_STATFS)?;
        let everything = about(Has::Everything, ENFORCE_STATFS)?;
        let default = about(Has::Default, ENFORCE_STATFS)?;
        let mut union = Bits::default();
        for flag in flags.iter() {
            let only = about(Has::Only(flag), ENFORCE_STATFS)?;
            say!("LINETWO {flag} asked {}", only.asked);
            say!("LINETWO {flag} allowed {}", only.line_two);
            let lost = nothing.line_two.without(&only.line_two);
            want!("what a flag takes away", lost, Bits::default());
            want!("valid numbers", only.valid, nothing.valid);
            union = union.or(&only.line_two);
            if text(flag) == "mount" {
                let hidden = about(Has::Only(flag), 2)?.line_two;
                want!("allow.mount with enforce_statfs=2", hidden, nothing.line_two);
            }
        }
        for (has, verdicts) in
            [(Has::Nothing, nothing), (Has::Default, default), (Has::Everything, everything)]
        {
            say!("LINETWO {} asked {}", has.name(), verdicts.asked);
            say!("LINETWO {} allowed {}", has.name(), verdicts.line_two);
        }
        want!("all flags, and each alone together", everything.line_two, union);
        want!("what is asked with all", everything.asked, everything.valid);
        let beyond = default.line_two.without(&everything.line_two);
        want!("what only the default has", beyond, Bits::default());
        let outside = got("outside", probe.verdicts(1))?;
        want!("outside any jail", outside.line_two, outside.valid);
        say!(
            "    # line two: {} flags; of {} numbers {} with none, {} by default, {} with all",
            flags.count,
            nothing.valid.count(),
            nothing.line_two.count(),
            default.line_two.count(),
            everything.line_two.count()
        );
        Ok(())
    })
}

/// The names of `sys/priv.h`: a line each, number and name.
pub struct Header {
    text: &'static [u8],
}

impl Header {
    /// Reads it from the disk.
    pub fn read() -> Result<Self> {
        let text = sys::allocate(1 << 15)?;
        let file = sys::open(c"/rjail/privileges", 0, 0)?;
        let mut length = 0;
        loop {
            match sys::read(file, &mut text[length..])? {
                0 => break,
                more => length += more,
            }
        }
        sys::close(file)?;
        Ok(Self { text: &text[..length] })
    }

    /// Each number and name.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let text = core::str::from_utf8(self.text).unwrap_or_default();
        text.lines().filter_map(|line| {
            let (number, name) = line.split_once(' ')?;
            Some((number.parse().ok()?, name))
        })
    }

    /// The number of a name.
    pub fn number(&self, name: &str) -> Result<usize> {
        self.lines().find(|line| line.1 == name).map(|line| line.0).ok_or(Error(EINVAL))
    }

    /// The numbers that have a name.
    pub fn named(&self) -> Bits {
        let mut named = Bits::default();
        self.lines().for_each(|(number, _)| named.add(number));
        named
    }
}

/// A call that asks for a privilege and, when it has it, changes nothing that
/// lasts beyond the process.
type Asks = (&'static str, fn() -> Result<()>);

const ASKS: [Asks; 10] = [
    ("PRIV_ACCT", sys::acct_off),
    ("PRIV_ADJTIME", || sys::adjtime(0)),
    ("PRIV_CRED_SETUID", || sys::setuid(1001)),
    ("PRIV_KLD_LOAD", || sys::kldload(c"/nothing.ko").map(drop)),
    ("PRIV_KLD_UNLOAD", || sys::kldunload(9999)),
    ("PRIV_NETINET_RAW", || sys::socket(2, 3, 1).map(drop)),
    ("PRIV_PROC_SETLOGIN", || sys::setsid().and_then(|_| sys::setlogin(c"somebody"))),
    ("PRIV_PROC_SETRLIMIT", sys::raise_limit),
    ("PRIV_VFS_CHROOT", || sys::chroot(c"/etc")),
    ("PRIV_VM_MLOCK", || sys::allocate(4096).and_then(|page| sys::mlock(page))),
];

/// A name, how to get there, and what root gets there of a privilege without a
/// name.
type Place = (&'static str, fn() -> Result<()>, i32);

/// The kernel's answer about a process is what the process's own calls get.
pub fn ask(_: &Context) -> Outcome {
    let header = got("the names", Header::read())?;
    let places: [Place; 3] = [
        ("outside", || sys::chdir(JAIL_ROOT), 0),
        ("native", || sys::jail(JAIL_ROOT, JAIL_NAME, JAIL_ADDR).map(drop), EPERM),
        ("rjail", || good().enter().map(drop), EPERM),
    ];
    Probe::during(|probe| {
        let mut refused = [0; 3];
        let mut gaps = 0;
        for ((place, enter, nameless), refused) in places.into_iter().zip(&mut refused) {
            let calls = got("memory", Shared::new([-1; ASKS.len()]))?;
            let captive = Captive::start(|| {
                enter()?;
                calls.set(ASKS.map(|(_, call)| match in_child(call) {
                    Ok(Ok(Ok(()))) => 0,
                    Ok(Ok(Err(Error(number)))) => number,
                    _ => -1,
                }));
                Ok(())
            });
            let captive = got(place, captive)?;
            for ((name, _), call) in ASKS.iter().zip(calls.get()) {
                let number = got(name, header.number(name))?;
                let answer = got(name, probe.ask(captive.pid, number))?;
                // ENOENT of no file and no module comes after the privilege.
                if !matches!((answer, call), (0, 0 | ENOENT) | (EPERM, EPERM)) {
                    let what = format_args!("{place}: {name} is {answer}, the call got {call}");
                    return Err(Text::of(what));
                }
                *refused += i32::from(answer == EPERM);
            }
            let verdicts = got(place, probe.verdicts(captive.pid))?;
            gaps = 0;
            for number in verdicts.valid.without(&header.named()).numbers() {
                let answer = got("a gap", probe.ask(captive.pid, number))?;
                if answer != nameless {
                    return Err(Text::of(format_args!("{place}: {number} is {answer}")));
                }
                gaps += 1;
            }
            for number in verdicts.valid.numbers() {
                let answer = got("a number", probe.ask(captive.pid, number))?;
                want!("one asked and all asked", answer == 0, verdicts.both.has(number));
            }
            want!("what is no privilege", probe.ask(captive.pid, 1), Err(Error(EDOM)));
        }
        want!("jails afterwards", settle(0), Ok(0));
        let [outside, native, rjail] = refused;
        want!("refused outside", outside, 0);
        want!("refused in jails", native.min(rjail) > 0, true);
        say!(
            "    # ask: of {} privileges {native} refused in a native jail, {rjail} in ours; \
             {gaps} numbers without a name",
            ASKS.len()
        );
        Ok(())
    })
}

/// Both lines together let root in a jail have nothing that line two refuses.
pub fn within(_: &Context) -> Outcome {
    Probe::during(|probe| {
        let each = (0..u32::BITS).map(|bit| 1 << bit).filter(|flag| ALL_FLAGS & flag != 0);
        for flags in [0].into_iter().chain(each).chain([ALL_FLAGS]) {
            let args = good().with_flags(flags);
            let captive = Captive::start(|| args.enter().map(drop));
            let captive = got("a jail", captive)?;
            let verdicts = got("verdicts", probe.verdicts(captive.pid))?;
            let looser = verdicts.both.without(&verdicts.line_two);
            say!(
                "    # within: flags {flags:#05x}: of {} numbers line two allows {}, both lines {}",
                verdicts.asked.count(),
                verdicts.line_two.count(),
                verdicts.both.count()
            );
            want!("line two is asked about all", verdicts.asked, verdicts.valid);
            if let Some(number) = looser.numbers().next() {
                return Err(Text::of(format_args!("flags {flags:#x}: {number} is looser")));
            }
            want!("and something is allowed", verdicts.both.count() > 0, true);
        }
        want!("jails afterwards", settle(0), Ok(0));
        Ok(())
    })
}
