// SPDX-License-Identifier: BSD-2-Clause
//! rjail_hold(2): a jail that a descriptor keeps; what rjail_get(2) says of how a jail
//! stands; and what devctl(4) is told.

use core::ffi::CStr;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{
    EBADF, EBUSY, EFAULT, EINVAL, EMFILE, ENODEV, ENOENT, ENOTTY, EOPNOTSUPP, EPERM,
};
use crate::jail::{self, Args, Kind};
use crate::line_two::Captive;
use crate::programs::{
    Context, MODULE, O_DIRECTORY, Outcome, UNMAPPED, early, good, jid, second_line, settle, unload,
};
use crate::say;
use crate::sys::{self, Error, Result, Status, address_of};
use crate::world::PROGRAM;

use super::{gone, reap_some};

/// The jail that one of the caller's descriptors holds.
fn held_by(descriptor: i32) -> Result<i64> {
    jail::get(i64::from(descriptor), abi::HELD_BY, &mut []).map(|info| info.jid)
}

/// State, processes, descriptors.
fn standing(jail: i64) -> Result<(u32, u32, u32)> {
    jail::info(jail).map(|info| (info.state, info.processes, info.descriptors))
}

/// What the jail does without processes, with one after the other, and without the
/// descriptor.
pub fn hold(_: &Context) -> Outcome {
    reap_some();
    let descriptor = early("hold", jail::hold(&good()))?;
    let jail = early("held by", held_by(descriptor))?;
    want!("this process is outside", jid(), Ok(0));
    want!("it stands", standing(jail), Ok((abi::ALIVE, 0, 1)));
    want!("it is the first", jail::first(), Ok(jail));
    for time in 0..5 {
        let inside = in_child(|| {
            let entered = jail::attach(jail)?;
            Ok::<_, Error>((entered, jid()?, held_by(descriptor)))
        });
        // The child has not got it, nor does anybody inside ask.
        want!("entered", inside, Ok(Ok(Ok((jail, jail, Err(Error(EPERM)))))));
        let two = [(); 2].map(|()| Captive::start(|| jail::attach(jail).map(drop)));
        want!("two at once", standing(jail), Ok((abi::ALIVE, 2, 1)));
        drop(two);
        reap_some();
        // Now and then the next one comes before the kernel's task has seen the last go.
        if time % 2 == 0 {
            sys::pause(20);
        }
        want!("without processes again", standing(jail), Ok((abi::ALIVE, 0, 1)));
    }

    let not_held = Err(Error(EBADF));
    want!("after fork(2)", in_child(|| held_by(descriptor)), Ok(Ok(not_held)));
    let argument = Text::<32>::of(format_args!("held-{descriptor}\0"));
    let argument = CStr::from_bytes_until_nul(argument.bytes()).unwrap_or_default();
    let executed = in_child(|| {
        let mine = jail::hold(&good())?;
        if mine != descriptor {
            return Err(Error(mine));
        }
        sys::execve(PROGRAM, argument)
    });
    want!("after execve(2)", executed, Ok(Err(Status::Exited(NOT_HELD))));
    want!("which let go", settle(1), Ok(1));
    let [ours, theirs] = early("a pair", sys::socketpair())?;
    want!("passed on", sys::pass(ours, descriptor), Err(Error(EOPNOTSUPP)));
    want!("the pair", [sys::close(ours), sys::close(theirs)], [Ok(()); 2]);
    want!("read", sys::read(descriptor, &mut [0]), Err(Error(EOPNOTSUPP)));
    want!("written", sys::write(descriptor, &[0]), Err(Error(EBADF)));
    want!("a directory", sys::fchdir(descriptor).is_err(), true);
    want!("mapped", sys::map_file(descriptor), Err(Error(ENODEV)));
    want!("as a terminal", sys::drain(descriptor), Err(Error(ENOTTY)));

    let copy = early("dup2", sys::duplicate_to(descriptor, 50))?;
    want!("its copy holds it", held_by(copy), Ok(jail));
    want!("counted once", standing(jail), Ok((abi::ALIVE, 0, 1)));
    want!("closed", sys::close(descriptor), Ok(()));
    want!("is no more", held_by(descriptor), not_held);
    want!("the copy", standing(jail), Ok((abi::ALIVE, 0, 1)));
    let captive = early("a process", Captive::start(|| jail::attach(jail).map(drop)))?;
    // Nor has the process got the copy, which dup2(2) made without the marks.
    want!("closed", sys::close(copy), Ok(()));
    want!("left to its process", standing(jail), Ok((abi::ALIVE, 1, 0)));
    want!("still entered", in_child(|| jail::attach(jail)), Ok(Ok(Ok(jail))));
    drop(captive);
    gone()?;

    // A process that ends lets go.
    let held = in_child(|| jail::hold(&good()).is_ok());
    want!("held by one that ends", held, Ok(Ok(true)));
    gone()
}

const NOT_HELD: i32 = 43;

/// What the program does when execve(2) ran it to ask.
pub fn within(argument: &CStr) -> Option<i32> {
    let digits = argument.to_str().ok()?.strip_prefix("held-")?;
    let descriptor = digits.parse().ok()?;
    Some(if held_by(descriptor) == Err(Error(EBADF)) { NOT_HELD } else { 1 })
}

/// Who may not, and what is no jail; nothing is left of it.
pub fn errors(_: &Context) -> Outcome {
    type Prepare = fn() -> Result<()>;
    let refused: [(&str, Prepare); 3] = [
        ("as user 1001", || sys::setuid(1001)),
        ("in a jail", || good().enter().map(drop)),
        ("in a native jail", || Kind::Native.enter(c"/jail", c"native", [10, 66, 0, 2])),
    ];
    for (what, prepare) in refused {
        let got = in_child(|| prepare().and_then(|()| jail::hold(&good())));
        if got != Ok(Ok(Err(Error(EPERM)))) {
            return Err(Text::of(format_args!("{what}: {got:?}")));
        }
    }
    type Change = fn(&mut Args);
    let wrong: [(&str, Change, i32); 6] = [
        ("size", |args| args.0.size -= 1, EINVAL),
        ("version", |args| args.0.version = 2, EINVAL),
        ("flags", |args| args.0.flags = jail::ALL_FLAGS + 1, EINVAL),
        ("host name", |args| args.0.hostname = address_of(c""), EINVAL),
        ("path", |args| args.0.path = address_of(c"/nowhere"), ENOENT),
        ("addresses", |args| args.0.ip4 = UNMAPPED, EFAULT),
    ];
    for (what, change, errno) in wrong {
        let mut args = good();
        change(&mut args);
        let got = jail::hold(&args);
        if got != Err(Error(errno)) {
            return Err(Text::of(format_args!("{what}: {got:?}")));
        }
    }
    // With a directory open, although it could not enter so.
    let beside =
        in_child(|| sys::open(c"/jail", O_DIRECTORY, 0).and_then(|_| jail::hold(&good())).is_ok());
    want!("with a directory open", beside, Ok(Ok(true)));
    gone()?;
    let full = in_child(|| {
        sys::limit_descriptors(8)?;
        while sys::pipe().is_ok() {}
        while sys::socket(2, 2, 0).is_ok() {}
        jail::hold(&good())
    });
    want!("without room for a descriptor", full, Ok(Ok(Err(Error(EMFILE)))));
    gone()
}

/// A held jail that is closed: nobody enters, and it is gone with the descriptor.
pub fn closed(_: &Context) -> Outcome {
    reap_some();
    let descriptor = early("hold", jail::hold(&good()))?;
    let jail = early("held by", held_by(descriptor))?;
    let captive = early("a process", Captive::start(|| jail::attach(jail).map(drop)))?;
    want!("closed", jail::close(jail, 5000), Ok(1));
    drop(captive);
    reap_some();
    want!("it stands", standing(jail), Ok((abi::DYING, 0, 1)));
    want!("entering", in_child(|| jail::attach(jail)), Ok(Ok(Err(Error(ENOENT)))));
    want!("closed again", jail::close(jail, 0), Ok(0));
    want!("let go", sys::close(descriptor), Ok(()));
    gone()?;
    // Before anybody was in it.
    let descriptor = early("hold", jail::hold(&good()))?;
    let jail = early("held by", held_by(descriptor))?;
    want!("closed unused", jail::close(jail, 1000), Ok(0));
    want!("entering", in_child(|| jail::attach(jail)), Ok(Ok(Err(Error(ENOENT)))));
    want!("let go", sys::close(descriptor), Ok(()));
    gone()
}

/// The module stays while a descriptor holds a jail.
pub fn unload_held(_: &Context) -> Outcome {
    reap_some();
    let descriptor = early("hold", jail::hold(&good()))?;
    want!("kldunload", unload(), Err(Error(EBUSY)));
    want!("it stands", held_by(descriptor).and_then(standing), Ok((abi::ALIVE, 0, 1)));
    want!("let go", sys::close(descriptor), Ok(()));
    gone()?;
    want!("kldunload", unload(), Ok(()));
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    Ok(())
}

/// The descriptor is closed while others enter the jail and leave it again.
pub fn race(_: &Context) -> Outcome {
    const SECONDS: i64 = 6;
    let (mut rounds, mut inside, mut outside) = (0, 0, 0);
    let until = sys::uptime() + SECONDS * 1000;
    while sys::uptime() < until {
        reap_some();
        let descriptor = early("hold", jail::hold(&good()))?;
        let jail = early("held by", held_by(descriptor))?;
        let mut pids = [0; 4];
        let [wait, go] = early("a pipe", sys::pipe())?;
        for pid in &mut pids {
            *pid = early("fork", sys::fork())?;
            if *pid == 0 {
                let _ = sys::close(go);
                let _ = sys::read(wait, &mut [0]);
                sys::exit(enter_often(jail));
            }
        }
        want!("go", [sys::close(go), sys::close(wait)], [Ok(()); 2]);
        sys::pause(rounds % 4);
        want!("let go", sys::close(descriptor), Ok(()));
        for pid in pids {
            match sys::wait(pid, 0) {
                Ok((_, Status::Exited(0))) => inside += 1,
                Ok((_, Status::Exited(ENOENT))) => outside += 1,
                other => return Err(Text::of(format_args!("one that enters: {other:?}"))),
            }
        }
        gone()?;
        rounds += 1;
    }
    say!("    # {rounds} jails let go in {SECONDS} s: {inside} always got in, {outside} did not");
    want!("rounds enough", rounds > 3, true);
    Ok(())
}

/// Three children enter, one after the other; the first errno, or 0.
fn enter_often(jail: i64) -> i32 {
    for _ in 0..3 {
        match in_child(|| jail::attach(jail).map(drop)) {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(Error(errno)))) => return errno,
            _ => return 1,
        }
    }
    0
}

/// What a jail without processes is held by.
pub fn dying(_: &Context) -> Outcome {
    reap_some();
    let [ours, theirs] = early("a pair", sys::socketpair())?;
    let maker = early("fork", sys::fork())?;
    if maker == 0 {
        let made = good().enter().and_then(|_| {
            sys::pass(theirs, sys::open(c"/file", 0, 0)?)?;
            sys::pass(theirs, sys::open(c"/file", 0, 0)?)?;
            let socket = sys::socket(2, 2, 0)?;
            sys::bind(socket, sys::WithSize(&sys::Sockaddr::new([0; 4], 0)))?;
            sys::pass(theirs, socket)
        });
        sys::exit(i32::from(made.is_err()));
    }
    let taken = [(); 3].map(|()| sys::take(ours));
    let jail = early("the jail", jail::first())?;
    let deadline = sys::uptime() + 3000;
    while jail::info(jail).is_ok_and(|info| info.state != abi::DYING) && sys::uptime() < deadline {
        sys::pause(5);
    }
    let zombies = jail::info(jail).map(|info| info.processes);
    want!("a zombie is a process", zombies, Ok(1));
    want!("its end", sys::wait(maker, 0), Ok((maker, Status::Exited(0))));
    let info = early("its state", jail::info(jail))?;
    want!("it is dying", (info.state, info.processes, info.descriptors), (abi::DYING, 0, 0));
    want!("files and connections", (info.files, info.connections), (3, 1));
    want!("credentials", info.credentials > 0, true);
    want!("entering", in_child(|| jail::attach(jail)), Ok(Ok(Err(Error(ENOENT)))));
    want!("closed", jail::close(jail, 0), Ok(0));
    for (left, descriptor) in taken.into_iter().enumerate() {
        let counted = jail::info(jail).map(|info| info.files);
        want!("files left", counted, Ok(u32::try_from(3 - left).unwrap_or(0)));
        want!("closed", descriptor.and_then(sys::close), Ok(()));
    }
    want!("the pair", [sys::close(ours), sys::close(theirs)], [Ok(()); 2]);
    gone()
}

/// devd(8)'s news of a jail's life.
pub fn notices(_: &Context) -> Outcome {
    reap_some();
    let devctl = early("/dev/devctl", sys::open(c"/dev/devctl", 0, 0))?;
    // What there was before.
    while next(devctl, &mut [0; 1024])?.is_some() {}
    let descriptor = early("hold", jail::hold(&good()))?;
    let jail = early("held by", held_by(descriptor))?;
    let captive = early("a process", Captive::start(|| jail::attach(jail).map(drop)))?;
    let pid = captive.pid;
    drop(captive);
    want!("closed", jail::close(jail, 1000).is_ok(), true);
    want!("let go", sys::close(descriptor), Ok(()));
    gone()?;
    let mut line = [0; 1024];
    let wanted = [("MADE", 0), ("ENTERED", pid), ("CLOSED", 0), ("EMPTIED", 0), ("FREED", 0)];
    for (kind, pid) in wanted {
        let head = format_args!("!system=RJAIL subsystem=JAIL type={kind} jid={jail}");
        let wanted = match pid {
            0 => Text::<160>::of(format_args!("{head}\n")),
            pid => Text::of(format_args!("{head} pid={pid}\n")),
        };
        let length = next(devctl, &mut line)?;
        let got = &line[..length.unwrap_or(0)];
        if got != wanted.bytes() {
            let got = core::str::from_utf8(got).unwrap_or_default();
            return Err(Text::of(format_args!("{kind}: {got}")));
        }
    }
    if let Some(length) = next(devctl, &mut line)? {
        let more = core::str::from_utf8(&line[..length]).unwrap_or_default();
        return Err(Text::of(format_args!("one more: {more}")));
    }
    want!("closed", sys::close(devctl), Ok(()));
    Ok(())
}

/// The length of the next line of rjail's, if one comes soon: the machine has others.
fn next(devctl: i32, line: &mut [u8]) -> core::result::Result<Option<usize>, Text<160>> {
    while early("poll", sys::readable(devctl, 200))? {
        let length = early("read", sys::read(devctl, line))?;
        if line[..length].starts_with(b"!system=RJAIL") {
            return Ok(Some(length));
        }
    }
    Ok(None)
}

/// A held jail is one under which `second_line` may not be changed.
pub fn sealed(_: &Context) -> Outcome {
    reap_some();
    let descriptor = early("hold", jail::hold(&good()))?;
    let other = i32::from(!second_line());
    let change = sys::sysctl_write("security.rjail.second_line", other);
    want!("changing the second line", change, Err(Error(EBUSY)));
    want!("let go", sys::close(descriptor), Ok(()));
    gone()
}
