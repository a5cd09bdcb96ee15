// SPDX-License-Identifier: BSD-2-Clause
//! The MAC framework has four label slots, and takes none back. Other policies, those of
//! `rjail_probe.ko`, have them here: all before rjail at boot, and all but rjail's own
//! later. And a policy that has rjail's name.

use core::ffi::CStr;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EEXIST, ENOENT, ENOEXEC, ENOMEM, ENOSYS, ESRCH};
use crate::malloc::Malloc;
use crate::probe::{self, Probe};
use crate::programs::{
    Context, MODULE, MODULE_FILE, Outcome, Program, Standing, early, good, have_module, settle,
    unload,
};
use crate::sys::{self, Error, Result};

/// After all others, without the module: the slots do not come back.
pub const LATE: &[Program] = &[program("slots", late), program("policy_names", names)];
/// With one that the boot loader has loaded.
pub const PRELOADED: &[Program] = &[program("slots_preloaded", preloaded)];
/// The boot loader has loaded it beside policies that have every slot.
pub const AT_BOOT: &[Program] = &[program("slots_at_boot", at_boot)];

const fn program(name: &'static str, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds: 60, run, needs: None }
}

/// Where the module remembers its slot.
const KENV: &CStr = c"rjail.mac_slot";
const NONE_LEFT: &str = "rjail: no label slot is left";
const ARMED: &str = "security.rjail.armed";

/// Forgets what the kernel has said so far.
pub fn hush() -> Result<()> {
    sys::sysctl_write("kern.msgbuf_clear", 1)
}

/// Whether the kernel has said this since.
pub fn kernel_said(what: &str) -> Result<bool> {
    const LONGEST: usize = 1 << 18;
    let room = sys::allocate(LONGEST)?;
    let length = sys::sysctl_named("kern.msgbuf", room, None)?;
    let said = room.get(..length).unwrap_or_default();
    Ok(said.windows(what.len()).any(|window| window == what.as_bytes()))
}

/// kldload(8) is refused with this line, and nothing is left of it.
fn refused(line: &str) -> Outcome {
    want!("what it said before", hush(), Ok(()));
    let before = in_child(directories);
    want!("kldload", sys::kldload(MODULE).map(drop), Err(Error(ENOEXEC)));
    let said = early("what it says", kernel_said(line))?;
    if !said {
        return Err(Text::of(format_args!("the kernel did not say: {line}")));
    }
    want!("the process", in_child(directories), before);
    absent()
}

fn directories() -> Result<[sys::FileId; 2]> {
    Ok([sys::file_id(c"/")?, sys::file_id(c".")?])
}

/// Nothing of the module is in the kernel.
fn absent() -> Outcome {
    want!("kldfind", sys::kldfind(MODULE_FILE).map(drop), Err(Error(ENOENT)));
    want!("its sysctls", sys::sysctl_number("security.rjail.jails"), Err(Error(ENOENT)));
    want!("rjail(2)", good().enter().map(drop), Err(Error(ENOSYS)));
    let mut malloc = early("malloc", Malloc::new())?;
    want!("its memory", malloc.in_use_lately("rjail").map(|held| held.count), Ok(0));
    Ok(())
}

/// The module is loaded, does what it should, and goes.
fn works() -> Outcome {
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    confines()?;
    want!("kldunload", unload(), Ok(()));
    Ok(())
}

fn confines() -> Outcome {
    let outside = early("getpid", sys::getpid())?;
    let jailed = in_child(|| good().enter().map(|_| sys::kill(outside, 0)));
    want!("who is outside, from a jail", jailed, Ok(Ok(Ok(Err(Error(ESRCH))))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

fn remember(slot: i32) -> Outcome {
    let text = Text::<16>::of(format_args!("{slot}\0"));
    let text = CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default();
    want!("kenv", sys::kenv_set(KENV, text), Ok(()));
    Ok(())
}

/// All other policies that there are slots for; those of them.
fn take_all(wanted: usize) -> core::result::Result<[i32; probe::SLOTTED], Text<160>> {
    let mut slots = [-1; probe::SLOTTED];
    for (which, slot) in (0..).zip(&mut slots) {
        match early("a policy", probe::register(which, ""))? {
            (0, given) => *slot = given,
            (errno, _) => want!("without a slot", errno, ENOMEM),
        }
    }
    want!("slots", slots.iter().filter(|slot| **slot >= 0).count(), wanted);
    Ok(slots)
}

fn give_back_all() -> Outcome {
    for which in 0..probe::SLOTTED {
        let gone = probe::unregister(u32::try_from(which).unwrap_or(0));
        want!("a policy goes", gone.map(|(errno, _)| errno), Ok(0));
    }
    Ok(())
}

/// Once it was loaded, the module has its slot, whoever has the others; without that it
/// has none, also when the others are gone.
fn late(_: &Context) -> Outcome {
    want!("without the module", have_module(false), Ok(()));
    works()?;
    let mut value = [0; 128];
    let own = early("its slot", sys::kenv_get(KENV, &mut value))?;
    let own = core::str::from_utf8(own).ok().and_then(|digits| digits.parse::<i32>().ok());
    let Some(own) = own else { return Err(Text::of(format_args!("its slot is no number"))) };
    Probe::during(|_| {
        let others = take_all(probe::SLOTTED - 1)?;
        want!("nobody else has it", others.contains(&own), false);
        works()?;

        for (slot, line) in [
            (others[0], "is the slot of rjail_probe0"),
            (-1, "is not a slot"),
            (i32::MIN, "is not a slot"),
            (4, "is not a slot"),
        ] {
            remember(slot)?;
            refused(line)?;
        }
        want!("forgotten", sys::kenv_unset(KENV), Ok(()));
        refused(NONE_LEFT)?;
        give_back_all()?;
        refused(NONE_LEFT)?;
        remember(own)?;
        works()
    })
}

/// A policy with the name of one of rjail's: the framework refuses the second.
fn names(_: &Context) -> Outcome {
    const NAMED: u32 = 4;
    want!("with the module", have_module(true), Ok(()));
    want!("the time", sys::sysctl_write("security.rjail.linger", 0), Ok(()));
    let deadline = sys::uptime() + 10_000;
    while sys::sysctl_number(ARMED) != Ok(0) && sys::uptime() < deadline {
        sys::pause(20);
    }
    Probe::during(|_| {
        let receiver = || sys::socketpair().and_then(|_| good().enter()).map(drop);
        let plain = || good().enter().map(drop);
        let makers: [(&str, &dyn Fn() -> Result<()>); 2] =
            [("rjail", &plain), ("rjail_lookup", &receiver)];
        for (name, enter) in makers {
            let registered = probe::register(NAMED, name).map(|(errno, _)| errno);
            want!("a policy of its name", registered, Ok(0));
            let tried = in_child(|| {
                let before = Standing::now()?;
                let entered = enter();
                Ok::<_, Error>((entered, Standing::now()? == before))
            });
            want!("no jail", tried, Ok(Ok(Ok((Err(Error(EEXIST)), true)))));
            want!("none is left", settle(0), Ok(0));
            let armed = sys::sysctl_number(ARMED).map(|armed| armed & 1);
            if name == "rjail" {
                want!("not armed", armed, Ok(0));
            }
            let gone = probe::unregister(NAMED).map(|(errno, _)| errno);
            want!("it goes", gone, Ok(0));
            want!("a jail", in_child(enter), Ok(Ok(Ok(()))));
            want!("none is left", settle(0), Ok(0));
        }
        Ok(())
    })?;
    want!("kldunload", have_module(false), Ok(()));
    Ok(())
}

fn preloaded(_: &Context) -> Outcome {
    Probe::during(|_| {
        confines()?;
        let _ = take_all(probe::SLOTTED - 1)?;
        confines()?;
        give_back_all()
    })
}

/// At boot and later there is no slot for it; with one that is nobody's any more it works.
fn at_boot(_: &Context) -> Outcome {
    want!("kernel's word at boot", kernel_said(NONE_LEFT), Ok(true));
    absent()?;
    refused(NONE_LEFT)?;
    lend()?;
    works()?;
    works()
}

/// Where every slot was taken at boot: takes away the others' policies, and has rjail
/// believe that one of their slots is its own. They kept nothing in it.
pub fn lend() -> Outcome {
    if sys::kenv_get(c"rjail.mode", &mut [0; 128]) != Ok(b"full")
        || sys::kenv_get(KENV, &mut [0; 128]).is_ok()
    {
        return Ok(());
    }
    give_back_all()?;
    remember(0)
}
