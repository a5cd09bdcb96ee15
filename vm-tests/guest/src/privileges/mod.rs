// SPDX-License-Identifier: BSD-2-Clause
//! Privileges one by one, by the system calls that need them: as root outside,
//! as root in a jail made with no flag, in a jail made with the flag that opens
//! the privilege, as user 1001 outside and inside. What the answers come from is
//! `src/privilege/table.rs`; here they are what programs get.
//!
//! An attempt that the kernel lets pass either changes nothing that lasts, or
//! fails after the privilege was asked, or is undone.

pub mod calls;
mod credentials;
mod files;
mod machine;
mod network;
mod rest;
pub mod scene;

use core::ffi::CStr;

use crate::answer::in_child;
use crate::console::Text;
use crate::errno::{EINVAL, EPERM};
use crate::jail::{ALL_DEVICES, ALL_FLAGS};
use crate::programs::{Context, Outcome, good};
use crate::say;
use crate::sys::{self, Error, Result, Status};
use crate::world::JAIL_ROOT;
use scene::{Scene, USER};

/// One privilege and a call that needs it. Answers are 0 or an errno.
pub struct Attempt {
    /// As `sys/priv.h` names it.
    privilege: &'static str,
    /// The call.
    what: &'static str,
    /// What not every kernel has.
    needs: Option<Need>,
    /// What must be so before, done by root outside.
    before: fn(&mut Scene) -> Result<()>,
    /// What must be so before, done by root where the attempt is made.
    prepare: fn(&mut Scene) -> Result<()>,
    /// The attempt.
    call: fn(&Scene) -> i32,
    /// Undoes `prepare`, by root in the same place.
    undo: fn(&Scene),
    /// Undoes `before`, by root outside.
    after: fn(&Scene),
    /// Another privilege that a jailed process lacks and the kernel asks first.
    behind: Option<&'static str>,
    /// Root, outside any jail.
    root_outside: i32,
    /// Root in a jail without flags.
    root_inside: i32,
    /// Root in a jail with these flags.
    root_with_flag: Option<(u32, i32)>,
    /// Root in a jail with these flags that was given the privilege by name.
    root_with_name: Option<(u32, i32)>,
    /// Root in a jail with every flag from which the privilege was taken, if it
    /// is not what a user hears who has not got it.
    root_without_name: Option<i32>,
    /// User 1001, outside any jail.
    user_outside: i32,
    /// User 1001 in a jail without flags.
    user_inside: i32,
}

/// Something that not every kernel has, and how to tell.
struct Need {
    is_there: fn() -> bool,
    what: &'static str,
}

/// The attempt is not made: outside, it would be the end of the test.
const NOT_MADE: i32 = -1;

/// A call that needs this privilege. Until more is said, it is root's alone
/// outside and nobody's inside.
const fn attempt(privilege: &'static str, what: &'static str, call: fn(&Scene) -> i32) -> Attempt {
    Attempt {
        privilege,
        what,
        needs: None,
        before: |_| Ok(()),
        prepare: |_| Ok(()),
        call,
        undo: |_| (),
        after: |_| (),
        behind: None,
        root_outside: 0,
        root_inside: EPERM,
        root_with_flag: None,
        root_with_name: None,
        root_without_name: None,
        user_outside: EPERM,
        user_inside: EPERM,
    }
}

impl Attempt {
    /// Root's answer in every place, for what a jail does not take away.
    const fn root(mut self, answer: i32) -> Self {
        self.root_outside = answer;
        self.root_inside = answer;
        self
    }

    /// Root's answer outside.
    const fn outside(mut self, answer: i32) -> Self {
        self.root_outside = answer;
        self
    }

    /// Root's answer in a jail without flags.
    const fn inside(mut self, answer: i32) -> Self {
        self.root_inside = answer;
        self
    }

    /// Root's answer in a jail with these flags.
    const fn with(mut self, flags: u32, answer: i32) -> Self {
        self.root_with_flag = Some((flags, answer));
        self.root_with_name = Some((0, answer));
        self
    }

    /// Root's answer in a jail with these flags and the privilege by name.
    const fn named(mut self, flags: u32, answer: i32) -> Self {
        self.root_with_name = Some((flags, answer));
        self
    }

    /// Root's answer in a jail from which the privilege was taken.
    const fn taken(mut self, answer: i32) -> Self {
        self.root_without_name = Some(answer);
        self
    }

    /// The user's answer outside and inside.
    const fn user(mut self, outside: i32, inside: i32) -> Self {
        self.user_outside = outside;
        self.user_inside = inside;
        self
    }

    const fn needs(mut self, is_there: fn() -> bool, what: &'static str) -> Self {
        self.needs = Some(Need { is_there, what });
        self
    }

    const fn before(mut self, before: fn(&mut Scene) -> Result<()>) -> Self {
        self.before = before;
        self
    }

    const fn prepare(mut self, prepare: fn(&mut Scene) -> Result<()>) -> Self {
        self.prepare = prepare;
        self
    }

    const fn undo(mut self, undo: fn(&Scene)) -> Self {
        self.undo = undo;
        self
    }

    const fn after(mut self, after: fn(&Scene)) -> Self {
        self.after = after;
        self
    }

    const fn behind(mut self, privilege: &'static str) -> Self {
        self.behind = Some(privilege);
        self
    }
}

/// 0, or the errno.
pub fn errno<T>(result: Result<T>) -> i32 {
    match result {
        Ok(_) => 0,
        Err(Error(number)) => number,
    }
}

/// Who makes an attempt, and where.
#[derive(Clone, Copy)]
enum Way {
    Outside { by_user: bool },
    Inside { by_user: bool, flags: u32, name: Option<bool> },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    Answer(i32),
    Before(i32),
    Entry(i32),
    Prepare(i32),
    Ended(Status),
    Fork(i32),
}

/// What a child found, or why it found nothing.
fn found(child: Result<core::result::Result<Got, Status>>) -> Got {
    match child {
        Ok(Ok(got)) => got,
        Ok(Err(status)) => Got::Ended(status),
        Err(Error(number)) => Got::Fork(number),
    }
}

impl Attempt {
    fn all() -> impl Iterator<Item = &'static Self> + Clone {
        [credentials::ATTEMPTS, files::ATTEMPTS, machine::ATTEMPTS, network::ATTEMPTS]
            .into_iter()
            .flatten()
    }

    /// The ways to make it and the answers wanted.
    fn ways(&self) -> impl Iterator<Item = (&'static str, Way, i32)> {
        let inside = |by_user, flags| Way::Inside { by_user, flags, name: None };
        let named = |flags, given| Way::Inside { by_user: false, flags, name: Some(given) };
        let with = self.root_with_flag.unwrap_or((0, NOT_MADE));
        let with_name = self.root_with_name.unwrap_or((0, NOT_MADE));
        // Where it would be refused anyhow, taking it away shows nothing.
        let held = self.root_outside == self.root_inside || with.1 != NOT_MADE;
        let as_a_user = if self.user_outside == 0 { self.user_inside } else { self.user_outside };
        let without_name = self.root_without_name.unwrap_or(as_a_user);
        let without_name = if held { without_name } else { NOT_MADE };
        [
            ("root outside", Way::Outside { by_user: false }, self.root_outside),
            ("root inside", inside(false, 0), self.root_inside),
            ("root with the flag", inside(false, with.0), with.1),
            ("root with the name", named(with_name.0, true), with_name.1),
            ("root without the name", named(ALL_FLAGS, false), without_name),
            ("user outside", Way::Outside { by_user: true }, self.user_outside),
            ("user inside", inside(true, 0), self.user_inside),
        ]
        .into_iter()
        .filter(|(_, _, wanted)| *wanted != NOT_MADE)
    }

    /// Makes it in processes of its own: one outside, one in the place as root,
    /// one that attempts.
    fn make(&self, way: Way) -> Got {
        let (Way::Outside { by_user } | Way::Inside { by_user, .. }) = way;
        found(in_child(|| {
            let mut scene = Scene { by_user, ..Scene::default() };
            let ready = sys::setsid()
                .and_then(|_| sys::chdir(JAIL_ROOT))
                .and_then(|()| (self.before)(&mut scene));
            let got = match ready {
                Ok(()) => found(in_child(|| self.in_place(way, scene))),
                Err(Error(number)) => Got::Before(number),
            };
            (self.after)(&scene);
            scene.end();
            scene::clean();
            got
        }))
    }

    /// Enters a jail with these flags, and the privilege given or taken by name.
    fn enter(&self, flags: u32, name: Option<bool>) -> Result<()> {
        let sign = if name == Some(true) { '+' } else { '-' };
        let word = Text::<40>::of(format_args!("{sign}{}\0", self.privilege));
        // What a privilege guards behind a device is asked here, not the list of
        // devices.
        let mut args = good().with_flags(flags | ALL_DEVICES);
        if name.is_some() {
            let word = CStr::from_bytes_with_nul(word.bytes()).map_err(|_| Error(EINVAL))?;
            args = args.with_privileges(word);
        }
        args.enter().map(drop)
    }

    fn in_place(&self, way: Way, mut scene: Scene) -> Got {
        // The process that was started outside is not this one's to end.
        let outside = scene.other;
        if let Way::Inside { flags, name, .. } = way
            && let Err(Error(number)) = self.enter(flags, name)
        {
            return Got::Entry(number);
        }
        let got = match (self.prepare)(&mut scene) {
            Ok(()) => found(in_child(|| {
                let ready = if scene.by_user { scene::become_user(USER) } else { Ok(()) };
                match ready {
                    Ok(()) => Got::Answer((self.call)(&scene)),
                    Err(Error(number)) => Got::Prepare(number),
                }
            })),
            Err(Error(number)) => Got::Prepare(number),
        };
        (self.undo)(&scene);
        if scene.other != outside {
            scene.end();
        }
        got
    }
}

/// How many jails are left when all that is deferred had its time.
fn jails_left() -> i64 {
    let deadline = sys::uptime() + 5000;
    loop {
        let jails = sys::sysctl_number("security.rjail.jails").unwrap_or(-1);
        if jails == 0 || sys::uptime() > deadline {
            return jails;
        }
        // A mount of devfs forgets a terminal that is gone, and whose it was,
        // when somebody looks a name up in it.
        let _ = sys::file_id(c"/dev/null");
        let _ = sys::file_id(c"/jail/dev/null");
        sys::pause(10);
    }
}

/// Every attempt in every way, then what is not attempted and why.
pub fn privileges(_: &Context) -> Outcome {
    let (mut wrong, mut calls, mut exercised, mut behind, mut left) = (0, 0, 0, 0, 0);
    for attempt in Attempt::all() {
        if let Some(Need { is_there, what }) = attempt.needs
            && !is_there()
        {
            say!("    # not exercised: {}: this kernel is without {what}", attempt.privilege);
            continue;
        }
        let mut answers = Text::<160>::new();
        for (name, way, wanted) in attempt.ways() {
            calls += 1;
            let got = attempt.make(way);
            if got == Got::Answer(wanted) {
                answers = Text::of(format_args!("{answers} {name} {wanted}"));
            } else {
                say!("    # {} {name}: got {got:?}, wanted {wanted}", attempt.privilege);
                answers = Text::of(format_args!("{answers} {name} WRONG"));
                wrong += 1;
            }
        }
        say!("PRIVILEGE {}, {}:{answers}", attempt.privilege, attempt.what);
        if let Some(first) = attempt.behind {
            say!("PRIVILEGE {}: inside, {first} is refused first", attempt.privilege);
            behind += 1;
        }
        exercised += 1;
        let jails = jails_left();
        if jails != 0 {
            say!("    # {}: {jails} jails are left", attempt.privilege);
            left = jails;
        }
    }
    for (privileges, reason) in rest::NOT_EXERCISED {
        for privilege in *privileges {
            say!("    # not exercised: {privilege}: {reason}");
        }
    }
    say!(
        "    # exercised: {exercised} privileges by {calls} calls, {behind} behind another inside"
    );
    let unaccounted = rest::unaccounted(Attempt::all().map(|attempt| attempt.privilege));
    if let Err(name) = unaccounted {
        return Err(Text::of(format_args!("{name} is not there exactly once")));
    }
    if left != 0 {
        return Err(Text::of(format_args!("a jail is left")));
    }
    if wrong > 0 {
        return Err(Text::of(format_args!("{wrong} of {calls} answers are others")));
    }
    Ok(())
}
