// SPDX-License-Identifier: BSD-2-Clause
//! File systems that show what lies elsewhere: nullfs(4) another directory,
//! fdescfs(4) the process's own descriptors. Neither is in GENERIC; a boot whose
//! FreeBSD directory lacks the modules counts these attempts as skipped.

use core::ffi::CStr;

use super::{
    AT_FDCWD, Attempt, Done, Helper, No, O_DIRECTORY, Out, ROOT, Scene, Seen, Within, attempt,
    id_at, tried,
};
use crate::console::Text;
use crate::errno::{EACCES, EBADF, ENOENT, ENOTCAPABLE, ENXIO, EPERM, EXDEV};
use crate::jail::ALL_DEVICES;
use crate::privileges::calls::get;
use crate::programs::{Context, Outcome};
use crate::sys::{self, Error, Result, Shared};
use crate::unix;

/// The modules, loaded while these attempts are made.
pub const MODULES: [&CStr; 2] = [c"/rjail/nullfs.ko", c"/rjail/fdescfs.ko"];

const SHARE: &CStr = c"/sibling/e/other";
const HERE: &CStr = c"/sibling/e/jail/d";
const O_RDWR: i32 = 2;
const O_CREAT: i32 = 0x0200;

pub fn play(context: &Context) -> Outcome {
    let [Ok(null), Ok(descriptors)] = MODULES.map(sys::kldload) else {
        return Err(Text::of(format_args!("kldload of nullfs and fdescfs")));
    };
    let outcome = super::play(context, ATTEMPTS);
    for id in [null, descriptors] {
        if let Err(error) = sys::kldunload(id) {
            return Err(Text::of(format_args!("kldunload: {error:?}")));
        }
    }
    outcome
}

const ATTEMPTS: &[Attempt] = &[
    attempt("FS-09", "a received directory reopened by fdescfs", Out, No(ENOTCAPABLE), |scene| {
        let fd = tried!(received_again(scene, false));
        tried!(sys::fchdir(fd));
        scene.at(c".")
    })
    .label(No(ENOENT)),
    attempt("FS-09", "\"../secret\" from the reopened one", Out, No(ENOENT), |scene| {
        let fd = tried!(received_again(scene, false));
        scene.from(fd, c"../secret")
    })
    .native(No(ENOTCAPABLE)),
    attempt(
        "FS-09",
        "a received file, read only, reopened to write",
        No(EACCES),
        No(EACCES),
        |s| {
            tried!(fdescfs(false));
            let fd = tried!(s.received(|| sys::open(c"/sibling/e/out/file", 0, 0)));
            Seen::from(reopen(fd, O_RDWR).map(drop))
        },
    ),
    attempt("FS-09", "an inherited file reopened to read", Done, Done, |scene| {
        tried!(fdescfs(false));
        let fd = tried!(sys::open(c"/sibling/e/secret", 0, 0));
        tried!(scene.enter());
        Seen::from(reopen(fd, 0).map(drop))
    }),
    attempt("FS-09", "an inherited file, read only, to write", No(EACCES), No(EACCES), |scene| {
        tried!(fdescfs(false));
        let fd = tried!(sys::open(c"/sibling/e/secret", 0, 0));
        tried!(scene.enter());
        Seen::from(reopen(fd, O_RDWR).map(drop))
    }),
    attempt("FS-09", "a number that nothing is open as", No(EBADF), No(EBADF), |scene| {
        tried!(fdescfs(false));
        tried!(scene.enter());
        Seen::from(sys::open(c"dev/fd/77", 0, 0).map(drop))
    }),
    // With "nodup" the name is the file itself, and the descriptor's limits are
    // gone (FreeBSD-SA-26:66).
    attempt("FS-09", "fdescfs -o nodup: the same, to stand there", Out, No(ENOENT), |scene| {
        let fd = tried!(received_again(scene, true));
        tried!(sys::fchdir(fd));
        scene.at(c".")
    })
    .native(Out),
    attempt("FS-09", "fdescfs -o nodup: \"../secret\" from it", Out, No(ENOENT), |scene| {
        let fd = tried!(received_again(scene, true));
        scene.from(fd, c"../secret")
    })
    .native(Out),
    attempt("FS-09", "fdescfs -o nodup: dev/fd/9/../secret", Out, No(ENOENT), |scene| {
        tried!(received_again(scene, true));
        scene.at(c"dev/fd/9/../secret")
    })
    .native(Out),
    attempt("FS-13", "fdescfs -o nodup: a received file, to write", Done, Done, |scene| {
        tried!(fdescfs(true));
        let fd = tried!(scene.received(|| sys::open(c"/sibling/e/out/file", 0, 0)));
        Seen::from(reopen(fd, O_RDWR).map(drop))
    }),
    attempt("FS-14", "fdescfs -o nodup: change its mode by the name", Done, Done, |scene| {
        tried!(fdescfs(true));
        let fd = tried!(scene.received(|| sys::open(c"/sibling/e/out/file", 0, 0)));
        tried!(get!(DUP2, fd, 9));
        Seen::from(sys::chmod(c"dev/fd/9", 0o4755))
    }),
    attempt("FS-15", "mount nullfs", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        let (from, at) = if scene.is_jailed() { (c"/etc", c"/d") } else { (SHARE, HERE) };
        Seen::from(null(from, at))
    }),
    attempt("FS-15", "move what one stands in by its other name", Out, No(EXDEV), |scene| {
        tried!(sys::mkdir(c"/sibling/e/jail/etc/c", 0o755));
        tried!(null(c"/sibling/e/jail/etc", HERE));
        tried!(scene.enter());
        tried!(sys::chdir(c"d/c"));
        tried!(get!(RENAME, c"../../etc/c", c"../../c"));
        exists(c"../../secret")
    })
    .native(No(ENOENT)),
    attempt("FS-19", "the host moves it out of the lower tree", Out, No(EXDEV), |scene| {
        tried!(null(SHARE, HERE));
        moved_below(scene, ROOT, c"/sibling/e/other/x", c"/sibling/e/x")
    })
    .native(Out),
    attempt("FS-19", "the same of a tree that shows a third", Out, No(EXDEV), |scene| {
        tried!(null(SHARE, c"/sibling/e/out/child"));
        tried!(null(c"/sibling/e/out/child", HERE));
        moved_below(scene, ROOT, c"/sibling/e/other/x", c"/sibling/e/x")
    })
    .native(Out),
    attempt("FS-19", "the same, moved where it is shown in between", Out, No(EXDEV), |scene| {
        tried!(inner());
        tried!(null(SHARE, c"/sibling/e/out/child"));
        tried!(null(c"/sibling/e/out/child/in", HERE));
        moved_below(scene, ROOT, c"/sibling/e/out/child/in/x", c"/sibling/e/out/child/x")
    })
    .native(Out),
    attempt("FS-19", "out of what the jail's root shows", Out, No(EXDEV), |scene| {
        tried!(inner());
        tried!(sys::mkdir(c"/sibling/e/other/in/d", 0o755));
        tried!(null(SHARE, c"/sibling/e/out/child"));
        let root = c"/sibling/e/out/child/in";
        moved_below(scene, root, c"/sibling/e/other/in/d/x", c"/sibling/e/other/x")
    })
    .native(Out),
    attempt("FS-19", "a move within the lower tree", Done, Done, |scene| {
        tried!(sys::mkdir(c"/sibling/e/other/y", 0o755));
        tried!(null(SHARE, HERE));
        moved_below(scene, ROOT, c"/sibling/e/other/x", c"/sibling/e/other/y/x")
    }),
    attempt("FS-19", "a move into the lower tree", Done, Done, |scene| {
        tried!(null(SHARE, HERE));
        moved_by_host(scene, c"/sibling/e/out/x", c"/sibling/e/other/x", || {
            Seen::from(sys::chdir(c"d/x"))
        })
    }),
    attempt("FS-19", "a move where no jail sees it", Done, Done, |scene| {
        tried!(null(SHARE, HERE));
        moved_by_host(scene, c"/sibling/e/out/x", c"/sibling/e/x", || Done)
    }),
    attempt("FS-19", "\"..\" from the mount's own root", No(ENOENT), No(ENOENT), |scene| {
        tried!(null(SHARE, HERE));
        tried!(scene.enter());
        exists(c"d/../secret")
    }),
    // The kernel opens no device through nullfs, for nobody; the list is asked first.
    attempt("DV-01", "/dev/null through nullfs", No(ENXIO), No(EPERM), device).native(No(ENXIO)),
    attempt("DV-01", "the same in a jail without the list", No(ENXIO), No(ENXIO), device)
        .with(ALL_DEVICES),
    attempt("FS-07", "a socket bound below, connected through nullfs", Done, Done, |scene| {
        tried!(null(c"/sibling/e/jail/etc", HERE));
        tried!(scene.enter());
        tried!(unix::serve_at("etc/s", false));
        Seen::from(unix::connect_to("d/s"))
    }),
    attempt("FS-07", "a socket bound through nullfs, connected below", Done, Done, |scene| {
        tried!(null(c"/sibling/e/jail/etc", HERE));
        tried!(scene.enter());
        tried!(unix::serve_at("d/s", false));
        Seen::from(unix::connect_to("etc/s"))
    }),
    attempt("FS-07", "the host's, bound below", Done, No(EACCES), |scene| {
        tried!(null(SHARE, HERE));
        tried!(sys::chdir(SHARE));
        tried!(unix::serve_at("s", false));
        tried!(scene.enter());
        Seen::from(unix::connect_to("d/s"))
    })
    .native(Done),
    attempt("FS-07", "the host connects below to the jail's", Done, No(EACCES), |scene| {
        tried!(null(SHARE, HERE));
        let result = tried!(Shared::new(No(0)));
        let host = tried!(Helper::start(|| {
            let connected = sys::chdir(SHARE).and_then(|()| unix::connect_to("s"));
            result.set(Seen::from(connected));
        }));
        tried!(scene.enter());
        tried!(unix::serve_at("d/s", false));
        tried!(host.finish());
        result.get()
    })
    .native(Done),
    attempt("FS-07", "two jails, a directory shared by nullfs", Done, No(EACCES), |scene| {
        between_jails(scene, false, |_| Done)
    })
    .native(Done),
    attempt("FS-07", "switched on: stand in the other's root", Out, No(ENOTCAPABLE), |scene| {
        between_jails(scene, true, |fd| {
            tried!(sys::fchdir(fd));
            scene.at(c".")
        })
    })
    .label(No(ENOENT)),
    attempt("FS-07", "switched on: make it one's root", Done, No(ENOTCAPABLE), |scene| {
        between_jails(scene, true, |fd| Seen::from(get!(FCHROOT, fd).map(drop)))
    })
    .label(No(ENOENT)),
    attempt("FS-07", "switched on: look \"../secret\" up", Out, No(ENOENT), |scene| {
        between_jails(scene, true, |fd| scene.from(fd, c"../secret"))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "switched on: what is beneath", Within, Within, |scene| {
        between_jails(scene, true, |fd| scene.from(fd, c"file"))
    }),
];

/// Shows `from` at `at`.
fn null(from: &CStr, at: &CStr) -> Result<()> {
    sys::nmount_with(c"nullfs", at, [c"from", from], 0)
}

fn fdescfs(nodup: bool) -> Result<()> {
    let at = c"/sibling/e/jail/dev/fd";
    sys::mkdir(at, 0o755)?;
    if nodup {
        sys::nmount_with(c"fdescfs", at, [c"nodup", c""], 0)
    } else {
        sys::nmount(c"fdescfs", at)
    }
}

/// Opens a descriptor by its name.
fn reopen(fd: i32, flags: i32) -> Result<i32> {
    get!(DUP2, fd, 9)?;
    sys::open(c"dev/fd/9", flags, 0)
}

/// Enters, takes a directory of outside, and opens it by its descriptor's name.
fn received_again(scene: &Scene, nodup: bool) -> Result<i32> {
    fdescfs(nodup)?;
    let fd = scene.received_directory(c"/sibling/e/out")?;
    reopen(fd, 0)
}

/// What is there is outside; nullfs gives it numbers of its own.
fn exists(secret: &CStr) -> Seen {
    match id_at(AT_FDCWD, secret) {
        Ok(_) => Out,
        Err(Error(errno)) => No(errno),
    }
}

/// Makes a directory in the tree that is shown, with a secret beside it.
fn inner() -> Result<()> {
    sys::close(sys::open(c"/sibling/e/other/secret", O_CREAT, 0o644)?)?;
    sys::mkdir(c"/sibling/e/other/in", 0o755)
}

/// Enters, stands in what the mount shows of a directory, and the host moves that.
fn moved_below(scene: &Scene, root: &CStr, from: &CStr, to: &CStr) -> Seen {
    tried!(sys::mkdir(from, 0o755));
    let answer = tried!(Shared::new(No(0)));
    let mover = tried!(Helper::start(|| answer.set(Seen::from(get!(RENAME, from, to).map(drop)))));
    tried!(scene.enter_at(root));
    tried!(sys::chdir(c"d/x"));
    tried!(mover.finish());
    match (answer.get(), exists(c"../secret")) {
        // It is where it belongs: what is above is the jail's.
        (Done, No(ENOENT)) => Done,
        (Done, seen) => seen,
        (refused, No(ENOENT)) => refused,
        (_, climbed) => climbed,
    }
}

/// Enters, and the host moves a directory that nobody stands in.
fn moved_by_host(scene: &Scene, from: &CStr, to: &CStr, then: impl FnOnce() -> Seen) -> Seen {
    tried!(sys::mkdir(from, 0o755));
    let answer = tried!(Shared::new(No(0)));
    let mover = tried!(Helper::start(|| answer.set(Seen::from(get!(RENAME, from, to).map(drop)))));
    tried!(scene.enter());
    tried!(mover.finish());
    if answer.get() == Done { then() } else { answer.get() }
}

fn device(scene: &Scene) -> Seen {
    let dev = c"/sibling/e/jail/dev";
    tried!(sys::nmount(c"devfs", dev));
    tried!(null(dev, HERE));
    tried!(scene.enter());
    let fd = tried!(sys::open(c"d/null", O_RDWR, 0));
    Seen::from(sys::write(fd, b"x").map(drop))
}

/// Another jail serves in a directory that both see, and passes its own root to
/// who connects.
fn between_jails(scene: &Scene, switched_on: bool, then: impl FnOnce(i32) -> Seen) -> Seen {
    const F_SETFL: i32 = 4;
    const O_NONBLOCK: i32 = 4;
    tried!(null(SHARE, HERE));
    tried!(null(SHARE, c"/sibling/e/out/child"));
    if switched_on && matches!(scene.place, super::Where::Both | super::Where::Label) {
        // Off again in `leave`.
        tried!(sys::sysctl_write(super::CROSSING, 1));
    }
    let step = tried!(Shared::new(0));
    if tried!(sys::fork()) == 0 {
        let _ = sys::alarm(20);
        let ready = scene.enter_at(c"/sibling/e/out").and_then(|()| {
            let service = unix::serve_at("child/s", false)?;
            get!(FCNTL, service, F_SETFL, O_NONBLOCK)?;
            Ok((service, sys::open(c".", O_DIRECTORY, 0)?))
        });
        step.set(1);
        let Ok((service, root)) = ready else { sys::exit(1) };
        while step.get() == 1 {
            if let Ok(taker) = sys::accept(service, 0, 0) {
                let _ = sys::pass(taker, root);
            }
            sys::pause(5);
        }
        sys::exit(0);
    }
    let deadline = sys::uptime() + 10_000;
    while step.get() == 0 && sys::uptime() < deadline {
        sys::pause(5);
    }
    let taken = scene.enter().and_then(|()| {
        let socket = unix::connected("d/s")?;
        sys::take(socket)
    });
    step.set(2);
    then(tried!(taken))
}
