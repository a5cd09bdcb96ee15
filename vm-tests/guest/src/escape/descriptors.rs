// SPDX-License-Identifier: BSD-2-Clause
//! Descriptors from outside: received, inherited, parked; and the calls that
//! begin at a descriptor.
//!
//! A directory received from outside is the kernel's to confine
//! (`FD_RESOLVE_BENEATH`, by `cr_prison`); the label alone stops chdir(2) and
//! chroot(2) through it, and no look-up.

use super::{
    AT_FDCWD, Attempt, Done, Helper, No, O_DIRECTORY, Out, Root, Scene, Seen, Within, attempt,
    tried,
};
use crate::errno::{EACCES, EBADF, EINVAL, EISDIR, ENOENT, ENOTCAPABLE, EPERM, ESRCH, EXDEV};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::sys::{self, Result, Shared, address_of};
use crate::trespass::reach::watch;

const OUT: &core::ffi::CStr = c"/sibling/e/out";
const FILE: &core::ffi::CStr = c"/sibling/e/out/file";

/// Enters with a directory of outside in the queue of a socket, and takes it.
fn parked(scene: &Scene) -> Result<i32> {
    let [theirs, ours] = sys::socketpair()?;
    let fd = sys::open(OUT, O_DIRECTORY, 0)?;
    sys::pass(theirs, fd)?;
    sys::close(fd)?;
    scene.enter()?;
    sys::take(ours)
}

/// What a call that begins at the received directory comes to.
fn through(scene: &Scene, call: impl FnOnce(i32) -> Result<usize>) -> Seen {
    let fd = tried!(scene.received_directory(OUT));
    match call(fd) {
        Ok(_) => Done,
        Err(sys::Error(errno)) => No(errno),
    }
}

pub const ATTEMPTS: &[Attempt] = &[
    attempt("FS-07", "fchdir to a received directory", Out, No(ENOTCAPABLE), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        tried!(sys::fchdir(fd));
        scene.at(c".")
    })
    .label(No(ENOENT)),
    attempt("FS-07", "fchdir to it and climb", Out, No(ENOTCAPABLE), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        tried!(sys::fchdir(fd));
        scene.climb()
    })
    .label(No(ENOENT)),
    attempt("FS-07", "fchroot to it", Done, No(ENOTCAPABLE), |scene| {
        through(scene, |fd| get!(FCHROOT, fd))
    })
    .label(No(ENOENT)),
    attempt("FS-07", "look \"../secret\" up from it", Out, No(ENOENT), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        scene.from(fd, c"../secret")
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "open \"..\" from it", Out, No(ENOENT), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        let up = tried!(get!(OPENAT, fd, c"..", O_DIRECTORY, 0));
        scene.from(i32::try_from(up).unwrap_or(-1), c".")
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "look up what is beneath it", Within, Within, |scene| {
        let fd = tried!(scene.received_directory(OUT));
        scene.from(fd, c"child")
    }),
    attempt("FS-07", "an absolute name from it", Out, No(ENOENT), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        scene.from(fd, c"/sibling/e/secret")
    }),
    attempt("FS-07", "chdir to a copy of it", Out, No(ENOTCAPABLE), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        tried!(get!(DUP2, fd, 60));
        tried!(sys::fchdir(60));
        scene.at(c".")
    })
    .label(No(ENOENT)),
    attempt("FS-07", "a directory of another jail", Out, No(ENOTCAPABLE), |scene| {
        // The other jail's process opens its own root.
        let other = *scene;
        let fd = tried!(scene.received(move || {
            other.enter_at(c"/sibling/e/other")?;
            sys::open(c".", O_DIRECTORY, 0)
        }));
        tried!(sys::fchdir(fd));
        scene.at(c".")
    })
    .label(No(ENOENT)),
    attempt("FS-05", "a directory parked in a socket over the entry", Out, No(ENOTCAPABLE), |s| {
        let fd = tried!(parked(s));
        tried!(sys::fchdir(fd));
        s.at(c".")
    })
    .label(No(ENOENT)),
    attempt("FS-05", "\"..\" from a parked one", Out, No(ENOENT), |scene| {
        let fd = tried!(parked(scene));
        scene.from(fd, c"..")
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-05", "one parked inside over chroot(2)", Out, Root, |scene| {
        tried!(scene.enter());
        let [theirs, ours] = tried!(sys::socketpair());
        let fd = tried!(sys::open(c".", O_DIRECTORY, 0));
        tried!(sys::pass(theirs, fd));
        tried!(sys::close(fd));
        tried!(sys::chroot(c"d"));
        let fd = tried!(sys::take(ours));
        tried!(sys::fchdir(fd));
        scene.climb()
    }),
    attempt("FS-09", "a received one reopened by /dev/fd/0", Out, No(ENOTCAPABLE), |scene| {
        // devfs has 0 to 2; fdescfs is not in GENERIC.
        tried!(sys::nmount(c"devfs", c"/sibling/e/jail/dev"));
        let fd = tried!(scene.received_directory(OUT));
        tried!(get!(DUP2, fd, 0));
        let again = tried!(sys::open(
            if scene.is_jailed() { c"/dev/fd/0" } else { c"/sibling/e/jail/dev/fd/0" },
            0,
            0
        ));
        tried!(sys::fchdir(again));
        scene.at(c".")
    })
    .label(No(ENOENT)),
    attempt("FS-10", "move a directory into a received one and climb", Out, No(EXDEV), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        tried!(sys::mkdir(c"x", 0o755));
        tried!(sys::mkdir(c"x/y", 0o755));
        let y = tried!(sys::open(c"x/y", O_DIRECTORY, 0));
        tried!(get!(RENAMEAT, AT_FDCWD, c"x", fd, c"x"));
        scene.from(y, c"../../../secret")
    })
    .native(Out),
    attempt("FS-10", "renameat to \"../x\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(RENAMEAT, AT_FDCWD, c"file", fd, c"../x"))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-11", "unlinkat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(UNLINKAT, fd, c"../secret", 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-11", "unlinkat with AT_RESOLVE_BENEATH", No(ENOTCAPABLE), No(ENOENT), |s| {
        through(s, |fd| get!(UNLINKAT, fd, c"../secret", 0x2000))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-21", "linkat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(LINKAT, fd, c"../secret", AT_FDCWD, c"l", 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "linkat of a file into \"..\" of it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(LINKAT, AT_FDCWD, c"file", fd, c"../l", 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "mkdirat of \"../x\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(MKDIRAT, fd, c"../x", 0o755))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "readlinkat of \"../l\" from it", Done, No(ENOENT), |scene| {
        tried!(get!(SYMLINK, c"secret", c"/sibling/e/l"));
        through(scene, |fd| get!(READLINKAT, fd, c"../l", &mut [0_u8; 64], 64))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "symlinkat of \"../x\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(SYMLINKAT, c"secret", fd, c"../x"))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "mkfifoat of \"../x\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(MKFIFOAT, fd, c"../x", 0o600))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "faccessat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(FACCESSAT, fd, c"../secret", 0, 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "fchmodat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(FCHMODAT, fd, c"../secret", 0o777, 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "fchownat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(FCHOWNAT, fd, c"../secret", 1001, 1001, 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "chflagsat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(CHFLAGSAT, fd, c"../secret", 1_usize, 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-07", "utimensat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        through(scene, |fd| get!(UTIMENSAT, fd, c"../secret", 0_usize, 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-11", "funlinkat of \"../secret\" from it", Done, No(ENOENT), |scene| {
        const FD_NONE: i32 = -200;
        through(scene, |fd| get!(FUNLINKAT, fd, c"../secret", FD_NONE, 0))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-10", "renameat of \"../secret\" from it to inside", Done, No(ENOENT), |s| {
        through(s, |fd| get!(RENAMEAT, fd, c"../secret", AT_FDCWD, c"taken"))
    })
    .native(No(ENOTCAPABLE)),
    attempt("FS-33", "a process outside looks \"../secret\" up from ours", Out, Out, |scene| {
        // Whom the host runs decides that: what comes from a jail is not to be trusted.
        deputy(scene, 0)
    }),
    attempt("FS-33", "the same, and AT_RESOLVE_BENEATH", No(ENOTCAPABLE), No(ENOTCAPABLE), |s| {
        deputy(s, 0x2000)
    }),
    attempt("FS-14", "execute a received program", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(c"/jail/guest", 0, 0)));
        let child = tried!(sys::fork());
        if child == 0 {
            let failed =
                errno(get!(FEXECVE, fd, &[address_of(c"guest"), address_of(c"x"), 0], &[0_usize]));
            sys::exit(failed + 100);
        }
        match tried!(sys::wait(child, 0)).1 {
            // What it says to an argument that is no number.
            sys::Status::Exited(1) => Done,
            sys::Status::Exited(errno) => No(errno - 100),
            _ => No(0),
        }
    }),
    attempt("FS-14", "execute a received directory", No(EACCES), No(EACCES), |scene| {
        through(scene, |fd| get!(FEXECVE, fd, &[address_of(c"x"), 0], &[0_usize]))
    }),
    attempt("FS-14", "map a received directory", No(EINVAL), No(EINVAL), |scene| {
        let fd = tried!(scene.received_directory(OUT));
        Seen::from(sys::map_file(fd))
    }),
    attempt("FS-14", "read a received file", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        Seen::from(sys::read(fd, &mut [0; 4]).map(drop))
    }),
    attempt("FS-14", "write to one opened to read", No(EBADF), No(EBADF), |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        Seen::from(sys::write(fd, b"x").map(drop))
    }),
    attempt("FS-14", "map a received file", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        Seen::from(sys::map_file(fd))
    }),
    attempt("FS-14", "sendfile of a received file", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        let [ours, _theirs] = tried!(sys::socketpair());
        Seen::from(sys::sendfile(fd, ours, 4))
    }),
    attempt("FS-14", "sendfile of a received directory", No(EINVAL), No(EINVAL), |scene| {
        let [ours, _theirs] = tried!(sys::socketpair());
        through(scene, |fd| sys::sendfile(fd, ours, 4).map(|()| 0))
    }),
    attempt("FS-14", "sendfile of a received file after a header", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        let [ours, theirs] = tried!(sys::socketpair());
        tried!(sys::sendfile_with(fd, ours, 4, b"head"));
        let mut bytes = [0; 16];
        let mut length = 0;
        while length < 8 {
            length += tried!(sys::read(theirs, &mut bytes[length..]));
        }
        if &bytes[..length] == b"headtext" { Done } else { No(0) }
    }),
    attempt("FS-14", "asynchronous write to one opened to read", No(EBADF), No(EBADF), |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        asynchronous(fd, Job::Write)
    }),
    attempt("FS-14", "asynchronous write to one opened to write", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 2, 0)));
        asynchronous(fd, Job::Write)
    }),
    attempt("FS-14", "a list of jobs, a received file", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        asynchronous(fd, Job::List)
    }),
    attempt("FS-14", "a job from before entry that ends inside", Done, Done, |scene| {
        let [ours, theirs] = tried!(sys::socketpair());
        let mut block = tried!(job(ours));
        tried!(get!(AIO_READ, &mut block));
        tried!(scene.enter());
        tried!(sys::write(theirs, b"text"));
        end_of(&mut block)
    }),
    attempt("FS-14", "asynchronous read of a received file", Done, Done, |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        asynchronous(fd, Job::Read)
    }),
    attempt("FS-14", "asynchronous read of a received directory", No(EISDIR), No(EISDIR), |s| {
        let fd = tried!(s.received_directory(OUT));
        asynchronous(fd, Job::Read)
    }),
    attempt("FS-21", "give a received file a name", Done, No(EPERM), |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        let linked = errno(get!(LINKAT, fd, c"", AT_FDCWD, c"l", 0x4000));
        if linked == 0 { Done } else { No(linked) }
    }),
    attempt("FS-35", "the path of a received directory (F_KINFO)", Out, Out, |scene| {
        // No hook is asked; the kernel stops at its own root only.
        let fd = tried!(scene.received_directory(OUT));
        path_leads_out(fd)
    }),
    attempt("FS-35", "the path of the working directory", Out, Root, |scene| {
        tried!(scene.enter());
        let mut path = [0_u8; 256];
        tried!(get!(GETCWD, &mut path, 256));
        if path.starts_with(b"/\0") { Root } else { Out }
    }),
    attempt("FS-14", "truncate one opened to read", No(EINVAL), No(EINVAL), |scene| {
        let fd = tried!(scene.received(|| sys::open(FILE, 0, 0)));
        Seen::from(get!(FTRUNCATE, fd, 0_usize).map(drop))
    }),
    attempt("PR-21", "pdgetpid of a process from before entry", Done, No(ESRCH), |scene| {
        let fd = tried!(process());
        tried!(scene.enter());
        Seen::from(get!(PDGETPID, fd, &mut [0_i32; 2]).map(drop))
    })
    .native(Done),
    attempt("PR-21", "pdkill of a process from before entry", Done, No(ESRCH), |scene| {
        let fd = tried!(process());
        tried!(scene.enter());
        Seen::from(get!(PDKILL, fd, 0).map(drop))
    }),
    attempt("PR-21", "await the end of a process from before entry", Done, Done, |scene| {
        const EVFILT_PROCDESC: i16 = -8;
        const NOTE_EXIT: u32 = 0x8000_0000;
        let fd = tried!(process());
        tried!(scene.enter());
        match watch(i64::from(fd), EVFILT_PROCDESC, NOTE_EXIT) {
            0 => Done,
            number => No(number),
        }
    }),
    attempt("PR-21", "pdgetpid of a received process", Done, No(ESRCH), |scene| {
        let fd = tried!(scene.received(process));
        Seen::from(get!(PDGETPID, fd, &mut [0_i32; 2]).map(drop))
    })
    .native(Done),
    attempt("PR-21", "pdkill of a received process", Done, No(ESRCH), |scene| {
        let fd = tried!(scene.received(process));
        let killed = errno(get!(PDKILL, fd, 0));
        if killed == 0 { Done } else { No(killed) }
    }),
];

/// A descriptor of a process that waits a while.
fn process() -> Result<i32> {
    let mut fd = [-1_i32; 2];
    if get!(PDFORK, &mut fd, 0)? == 0 {
        let _ = sys::alarm(5);
        loop {
            sys::pause(1000);
        }
    }
    Ok(fd[0])
}

/// `F_KINFO`: whether what it says names a directory above the root.
fn path_leads_out(fd: i32) -> Seen {
    const F_KINFO: i32 = 22;
    const SIZE: usize = 1392;
    let mut info = [0_u8; SIZE];
    info[..4].copy_from_slice(&1392_i32.to_le_bytes());
    tried!(get!(FCNTL, fd, F_KINFO, &mut info));
    if info.windows(10).any(|bytes| bytes == b"/sibling/e") { Out } else { Within }
}

/// Enters, and passes its root to a process outside that looks something up.
fn deputy(scene: &Scene, flags: i32) -> Seen {
    let [theirs, ours] = tried!(sys::socketpair());
    let found = tried!(Shared::new(No(0)));
    let outside = *scene;
    let host = tried!(Helper::start(|| {
        let mut stat = [0_u64; 28];
        let id = sys::take(theirs).and_then(|fd| {
            get!(FSTATAT, fd, c"../secret", &mut stat, flags)?;
            Ok((stat[0], stat[1]))
        });
        found.set(id.map_or_else(|sys::Error(errno)| No(errno), |id| outside.who(id)));
    }));
    tried!(scene.enter());
    let root = tried!(sys::open(c".", O_DIRECTORY, 0));
    tried!(sys::pass(ours, root));
    tried!(host.finish());
    found.get()
}

enum Job {
    Read,
    Write,
    List,
}

/// `struct aiocb`: descriptor, offset, buffer, length; `LIO_READ`; `SIGEV_NONE`.
fn job(fd: i32) -> Result<[u64; 20]> {
    const LIO_READ: u64 = 2;
    let buffer = sys::allocate(4096)?;
    let mut block = [0; 20];
    block[0] = u64::from(fd.cast_unsigned());
    block[2] = address_of(&*buffer) as u64;
    block[3] = 4;
    block[6] = LIO_READ;
    Ok(block)
}

/// Four bytes by aio_read(2), aio_write(2) or lio_listio(2).
fn asynchronous(fd: i32, what: Job) -> Seen {
    const LIO_NOWAIT: i32 = 0;
    let mut block = tried!(job(fd));
    tried!(match what {
        Job::Read => get!(AIO_READ, &mut block),
        Job::Write => get!(AIO_WRITE, &mut block),
        Job::List => get!(LIO_LISTIO, LIO_NOWAIT, &[address_of(&block)], 1, 0),
    });
    end_of(&mut block)
}

/// What a job came to.
fn end_of(block: &mut [u64; 20]) -> Seen {
    const EINPROGRESS: usize = 36;
    let deadline = sys::uptime() + 5000;
    loop {
        match tried!(get!(AIO_ERROR, &mut *block)) {
            0 => break,
            EINPROGRESS if sys::uptime() < deadline => sys::pause(5),
            failed => return No(i32::try_from(failed).unwrap_or(-1)),
        }
    }
    tried!(get!(AIO_RETURN, &mut *block));
    Done
}
