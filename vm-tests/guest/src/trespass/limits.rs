// SPDX-License-Identifier: BSD-2-Clause
//! Limits by the jail's name: rctl(8)'s calls on `jail:NAME`.

use core::ffi::CStr;

use cases::world::{JAIL_ADDR, SIBLING_ADDR};

use super::{Party, early, jails_gone};
use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EAGAIN, EEXIST, EFAULT, EINVAL, ENAMETOOLONG, ENOMEM, ENOSYS, EPERM, ESRCH};
use crate::jail::{Args, Kind, is_named};
use crate::privileges::calls::{
    Call, RCTL_ADD_RULE, RCTL_GET_LIMITS, RCTL_GET_RACCT, RCTL_GET_RULES, RCTL_REMOVE_RULE, enter,
};
use crate::privileges::errno;
use crate::programs::{Context, KERNEL, Outcome, UNMAPPED, good};
use crate::say;
use crate::sys::{self, Error, Result};
use crate::world::{JAIL_NAME, JAIL_ROOT};

const NAME: &CStr = c"web.example";
const OTHER: &CStr = c"db-1";

/// One rule, added or taken away: 0 or the errno.
fn rule(call: &Call, rule: &CStr) -> i32 {
    let length = rule.to_bytes_with_nul().len();
    errno(enter(call, &[rule.into(), length.into(), 0.into(), 0.into()]))
}

/// What rctl_get_racct(2) and its kin say of a subject.
fn told(call: &Call, subject: &CStr) -> Result<Text<1024>> {
    let mut bytes = [0_u8; 1024];
    let length = subject.to_bytes_with_nul().len();
    let room = bytes.len();
    enter(call, &[subject.into(), length.into(), (&mut bytes).into(), room.into()])?;
    let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_str();
    Ok(Text::of(format_args!("{}", text.unwrap_or_default())))
}

/// How much of a resource a jail of this name uses.
fn used(subject: &CStr, resource: &str) -> i64 {
    let Ok(told) = told(&RCTL_GET_RACCT, subject) else { return -1 };
    let text = core::str::from_utf8(told.bytes()).unwrap_or_default();
    let amount = text.split(',').find_map(|part| part.strip_prefix(resource)?.strip_prefix('='));
    amount.and_then(|amount| amount.parse().ok()).unwrap_or(-1)
}

/// Maps so many MB, and takes them away again: 0 or the errno.
fn map([megabytes, ..]: [i64; 4]) -> i64 {
    let size = usize::try_from(megabytes).unwrap_or(0) << 20;
    i64::from(errno(sys::map_for_a_moment(size)))
}

/// Forks so many children at once, eight at most: how many there were, and the errno
/// that there were no more for, or 0.
pub fn fork_until(wanted: usize) -> (usize, i32) {
    let mut children = [0; 8];
    let (mut made, mut ended) = (0, 0);
    for child in children.iter_mut().take(wanted) {
        match sys::fork() {
            Ok(0) => loop {
                sys::pause(1000);
            },
            Ok(pid) => *child = pid,
            Err(Error(number)) => {
                ended = number;
                break;
            }
        }
        made += 1;
    }
    for child in &children[..made] {
        let _ = sys::kill(*child, 9).and_then(|()| sys::wait(*child, 0).map(drop));
    }
    (made, ended)
}

/// The same: how many there were, where there may be a limit.
fn fork_many([wanted, ..]: [i64; 4]) -> i64 {
    match fork_until(usize::try_from(wanted).unwrap_or(0)) {
        (made, 0 | EAGAIN) => made as i64,
        (_, number) => -i64::from(number),
    }
}

fn named(name: &CStr, address: &[[u8; 4]; 1]) -> Args {
    Args::new(JAIL_ROOT, JAIL_NAME, address).with_name(name)
}

fn party(name: &'static CStr, address: [u8; 4]) -> Result<Party> {
    Party::start(|| named(name, &[address]).enter().map(drop))
}

const MEMORY: &CStr = c"jail:web.example:vmemoryuse:deny=536870912";
const PROCESSES: &CStr = c"jail:web.example:maxproc:deny=3";
const OTHERS: &CStr = c"jail:db-1:maxproc:deny=2";

/// `rctl -a jail:NAME:vmemoryuse:deny=512M`, before and after the jail is made.
fn by_name() -> Outcome {
    let (add, remove) = (&RCTL_ADD_RULE, &RCTL_REMOVE_RULE);
    want!("a rule before there is such a jail", rule(add, MEMORY), 0);
    let jail = early("a jail", party(NAME, JAIL_ADDR))?;
    let sibling = early("another", party(OTHER, SIBLING_ADDR))?;
    let host = early("a process outside", Party::outside())?;
    let all = |request, argument| {
        [&jail, &sibling, &host].map(|party| party.ask(request, [argument, 0, 0, 0]))
    };
    want!("600 MB", all(map, 600), [ENOMEM, 0, 0].map(i64::from));
    want!("100 MB", all(map, 100), [0; 3]);
    // Children count with their memory.
    want!("the rule away", rule(remove, MEMORY), 0);
    want!("600 MB then", all(map, 600), [0; 3]);
    want!("five children, no rule yet", all(fork_many, 5), [5; 3]);
    want!("a rule afterwards", rule(add, PROCESSES), 0);
    want!("another's", rule(add, OTHERS), 0);
    // The jail's first process counts.
    want!("five children", all(fork_many, 5), [2, 1, 5]);
    want!("processes counted", used(c"jail:web.example:", "maxproc"), 1);
    want!("memory counted", used(c"jail:web.example:", "vmemoryuse") > 0, true);
    // A child counts while it lives, in its own jail alone.
    let child = jail.ask(super::reach::start_child, [0; 4]);
    want!("and with a child", used(c"jail:web.example:", "maxproc"), 2);
    want!("another's then", used(c"jail:db-1:", "maxproc"), 1);
    want!("its end", jail.ask(super::reach::end_child, [child & 0x7fff_ffff, 0, 0, 0]), 0);
    let process = Text::<32>::of(format_args!("process:{}:\0", jail.pid));
    let process = CStr::from_bytes_until_nul(process.bytes()).unwrap_or_default();
    let limits = early("limits", told(&RCTL_GET_LIMITS, process))?;
    let limits = core::str::from_utf8(limits.bytes()).unwrap_or_default();
    want!("limits of its process", limits, "jail:web.example:maxproc:deny=3");
    // Its own root neither lifts them nor reads them.
    let inside = jail.ask(
        |_| {
            let calls =
                [RCTL_GET_RACCT, RCTL_GET_RULES, RCTL_GET_LIMITS, RCTL_ADD_RULE, RCTL_REMOVE_RULE];
            let refused = |call: &&Call| {
                enter(call, &[PROCESSES.into(), 32.into(), 0.into(), 0.into()]) == Err(Error(EPERM))
            };
            calls.iter().filter(refused).count() as i64
        },
        [0; 4],
    );
    want!("PR-25: calls refused inside", inside, 5);
    want!("one rule away", rule(remove, PROCESSES), 0);
    want!("five children again", jail.ask(fork_many, [5, 0, 0, 0]), 5);
    want!("the first again", rule(add, MEMORY), 0);
    want!("600 MB", jail.ask(map, [600, 0, 0, 0]), i64::from(ENOMEM));
    drop(jail);
    drop(sibling);
    jails_gone()?;
    // Nothing of it is left but the rules, which the next of the name has.
    want!("processes of no jail", used(c"jail:web.example:", "maxproc"), 0);
    let next = early("the next of its name", party(NAME, JAIL_ADDR))?;
    want!("600 MB in the next", next.ask(map, [600, 0, 0, 0]), i64::from(ENOMEM));
    drop(next);
    want!("the other rules away", [rule(remove, MEMORY), rule(remove, OTHERS)], [0; 2]);
    want!("once", rule(remove, MEMORY), ESRCH);
    by_number()
}

/// A jail without a name is limited by its number.
fn by_number() -> Outcome {
    let jail = early("a jail", Party::inside(Kind::Rjail))?;
    let jid = jail.ask(|_| sys::sysctl_number("security.rjail.jid").unwrap_or(-1), [0; 4]);
    let text = Text::<64>::of(format_args!("jail:{jid}:maxproc:deny=2\0"));
    let text = CStr::from_bytes_until_nul(text.bytes()).unwrap_or_default();
    want!("a rule by number", rule(&RCTL_ADD_RULE, text), 0);
    want!("five children", jail.ask(fork_many, [5, 0, 0, 0]), 1);
    want!("the rule away", rule(&RCTL_REMOVE_RULE, text), 0);
    want!("five children again", jail.ask(fork_many, [5, 0, 0, 0]), 5);
    Ok(())
}

static LONG: [u8; 66] = {
    let mut bytes = [b'n'; 66];
    bytes[65] = 0;
    bytes
};

/// What a name may be, and that no two jails have one.
fn names() -> Outcome {
    let jail = early("a jail", party(NAME, JAIL_ADDR))?;
    let jid = jail.ask(|_| sys::sysctl_number("security.rjail.jid").unwrap_or(-1), [0; 4]);
    want!("its name", is_named(jid, NAME), Ok(true));
    let try_name = |name: &CStr| {
        let tried = in_child(|| named(name, &[SIBLING_ADDR]).enter().map(drop));
        tried.unwrap_or(Err(sys::Status::Running)).unwrap_or(Err(Error(-1)))
    };
    let try_at = |at: usize| {
        let mut args = good();
        args.0.name = at;
        in_child(|| args.enter().map(drop)).ok().and_then(core::result::Result::ok)
    };
    want!("a name that is taken", try_name(NAME), Err(Error(EEXIST)));
    want!("another", try_name(OTHER), Ok(()));
    for wrong in [c"", c"7", c"0", c"-a", c".a", c"a:b", c"a,b", c"a b", c"a/b", c"a=b"] {
        want!("no name", try_name(wrong), Err(Error(EINVAL)));
    }
    want!("65 bytes", try_at(sys::address_of(&LONG)), Some(Err(Error(ENAMETOOLONG))));
    want!("unmapped", try_at(UNMAPPED), Some(Err(Error(EFAULT))));
    want!("in the kernel", try_at(KERNEL), Some(Err(Error(EFAULT))));
    drop(jail);
    jails_gone()?;
    want!("free again", try_name(NAME), Ok(()));
    // A native jail of the name would share the limits.
    let native = || sys::jail_named(JAIL_ROOT, JAIL_NAME, OTHER, JAIL_ADDR).map(drop);
    let native = Party::start(native);
    let native = early("a native jail", native)?;
    want!("a native jail's name", try_name(OTHER), Err(Error(EEXIST)));
    drop(native);
    jails_gone()
}

/// With `kern.racct.enable` on, in the boot that has it, and off.
pub fn limits(_: &Context) -> Outcome {
    names()?;
    if sys::sysctl_number("kern.racct.enable") == Ok(1) {
        by_name()?;
    } else {
        want!("a rule without racct", rule(&RCTL_ADD_RULE, MEMORY), ENOSYS);
        let jail = early("a jail", party(NAME, JAIL_ADDR))?;
        want!("600 MB", jail.ask(map, [600, 0, 0, 0]), 0);
        want!("five children", jail.ask(fork_many, [5, 0, 0, 0]), 5);
        drop(jail);
        say!("    # kern.racct.enable=0: no limits, and no difference");
    }
    jails_gone()
}
