// SPDX-License-Identifier: BSD-2-Clause
//! Mounts: none made, none undone, and which are seen: enforce_statfs 2, the
//! default. A jail with another value is an attempt's `with` away.

use core::ffi::CStr;

use cases::world::HOST_ADDR;

use super::{Attempt, Count, Done, No, Out, Root, Scene, Seen, TOP, Within, attempt, tried};
use crate::console::Text;
use crate::errno::{EBUSY, EFAULT, EINVAL, ENOENT, EOPNOTSUPP, EPERM};
use crate::jail::{STATFS_ALL, STATFS_BELOW};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::sys::{self, Error, Sockaddr};

/// `struct statfs` in words.
const WORDS: usize = 293;
const FSID: usize = 24;
const MOUNTED_ON: usize = 165;
const DEV: &CStr = c"/sibling/e/jail/dev";

pub const ATTEMPTS: &[Attempt] = &[
    attempt("FS-17", "mount tmpfs", Done, No(EPERM), |scene| mount(scene, c"tmpfs")),
    attempt("FS-17", "mount procfs", Done, No(EPERM), |scene| mount(scene, c"procfs")),
    attempt("FS-17", "mount devfs", Done, No(EPERM), |scene| mount(scene, c"devfs")),
    attempt("FS-17", "unmount what the host mounted inside", Done, No(EPERM), |scene| {
        tried!(sys::nmount(c"devfs", DEV));
        tried!(scene.enter());
        Seen::from(sys::unmount(c"dev", 0))
    }),
    attempt("FS-17", "the same by its number (MNT_BYFSID)", Done, No(EPERM), |scene| {
        const MNT_BYFSID: i32 = 0x0800_0000;
        tried!(sys::nmount(c"devfs", DEV));
        let [low, high] = halves(tried!(statfs(DEV))[FSID]);
        let name = Text::<64>::of(format_args!("FSID:{low}:{high}\0"));
        tried!(scene.enter());
        let name = CStr::from_bytes_until_nul(name.bytes()).unwrap_or_default();
        Seen::from(sys::unmount(name, MNT_BYFSID))
    }),
    attempt("FS-17", "unmount the root's own, by force", No(EINVAL), No(EPERM), |scene| {
        const MNT_FORCE: i32 = 0x0008_0000;
        tried!(scene.enter());
        Seen::from(sys::unmount(c".", MNT_FORCE))
    }),
    attempt("FS-17", "an export of the root's own, of no size", No(EINVAL), No(EPERM), |scene| {
        const MNT_UPDATE: i32 = 0x1_0000;
        tried!(scene.enter());
        let top = if scene.is_jailed() { c"." } else { TOP };
        Seen::from(sys::nmount_with(c"tmpfs", top, [c"export", c""], MNT_UPDATE))
    }),
    attempt("FS-17", "nfssvc(2) without its argument", No(EFAULT), No(EPERM), |scene| {
        tried!(scene.enter());
        Seen::from(get!(NFSSVC, i32::MIN, 0).map(drop))
    }),
    attempt("FS-34", "jail_set(2) with a path that climbs", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        let jid = tried!(sys::jail_set(c"../../..", c"rjail-climbs"));
        Seen::from(sys::jail_remove(jid))
    }),
    attempt("FS-34", "jail_set(2) beneath the root", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        let jid = tried!(sys::jail_set(c"d", c"rjail-beneath"));
        Seen::from(sys::jail_remove(jid))
    }),
    attempt("FS-25", "quotactl(2), Q_GETQUOTA", No(EOPNOTSUPP), No(EPERM), |s| quota(s, 7))
        .label(No(EOPNOTSUPP)),
    attempt("FS-25", "quotactl(2), Q_SETQUOTA", No(EOPNOTSUPP), No(EPERM), |s| quota(s, 8))
        .label(No(EOPNOTSUPP)),
    attempt("FS-25", "quotactl(2), Q_QUOTAON", No(EOPNOTSUPP), No(EPERM), |s| quota(s, 1))
        .label(No(EOPNOTSUPP)),
    attempt("FS-25", "quotactl(2), Q_QUOTAOFF", No(EOPNOTSUPP), No(EPERM), |s| quota(s, 2))
        .label(No(EOPNOTSUPP)),
    attempt("FS-31", "how many mounts getfsstat(2) counts", Out, Count(1), |scene| {
        tried!(scene.enter());
        few(tried!(get!(GETFSSTAT, 0_usize, 0_usize, 2)))
    }),
    attempt("FS-31", "the same with a mount beneath", Out, Count(1), |scene| {
        tried!(sys::nmount(c"devfs", DEV));
        tried!(scene.enter());
        few(tried!(get!(GETFSSTAT, 0_usize, 0_usize, 2)))
    })
    .label(Count(2)),
    attempt("FS-31", "where the only mount is, by getfsstat(2)", Out, Root, |scene| {
        tried!(scene.enter());
        let mut mounts = [0_u64; WORDS * 16];
        let listed = tried!(get!(GETFSSTAT, &mut mounts, WORDS * 16 * 8, 2));
        if listed == 1 { place(&mounts) } else { Out }
    })
    .label(Out),
    attempt("FS-31", "where it is, by statfs(2)", Out, Root, |scene| {
        tried!(scene.enter());
        place(&tried!(statfs(c"/file").or_else(|_| statfs(TOP))))
    })
    .label(Out),
    attempt("FS-31", "its number, by statfs(2)", Out, Count(0), |scene| {
        tried!(scene.enter());
        if tried!(statfs(c"."))[FSID] == 0 { Count(0) } else { Out }
    })
    .label(Out),
    attempt("FS-31", "statfs(2) of a mount beneath", Done, Done, |scene| {
        tried!(sys::nmount(c"devfs", DEV));
        tried!(scene.enter());
        tried!(statfs(c"dev"));
        Done
    }),
    attempt("FS-31", "its place, as that says", Out, Within, |scene| {
        tried!(sys::nmount(c"devfs", DEV));
        tried!(scene.enter());
        place(&tried!(statfs(c"dev")))
    })
    .label(Out),
    attempt("FS-31", "fstatfs(2) of a received directory elsewhere", Done, No(ENOENT), elsewhere)
        .native(Done),
    // What the flags of other values show: `RJAIL_STATFS_BELOW` is 1, `_ALL` is 0.
    attempt("FS-31", "1: how many mounts, one is beneath", Out, Count(2), count_with_one_beneath)
        .with(STATFS_BELOW),
    attempt("FS-31", "1: where the root's is", Out, Root, root_mount).with(STATFS_BELOW).label(Out),
    attempt("FS-31", "1: where the one beneath is", Out, Within, beneath)
        .with(STATFS_BELOW)
        .label(Out),
    attempt("FS-31", "1: fstatfs(2) of a directory elsewhere", Done, No(ENOENT), elsewhere)
        .with(STATFS_BELOW)
        .native(Done),
    attempt("FS-31", "0: how many mounts", Out, Out, count_with_one_beneath).with(STATFS_ALL),
    attempt("FS-31", "0: where the root's is", Out, Out, root_mount).with(STATFS_ALL),
    attempt("FS-31", "0: where the one beneath is", Out, Out, beneath).with(STATFS_ALL),
    attempt("FS-31", "0: fstatfs(2) of a directory elsewhere", Done, Done, elsewhere)
        .with(STATFS_ALL),
    attempt("disk", "unmount it while a connection of the jail lingers", Done, Done, lingering)
        .native(No(EBUSY)),
];

fn mount(scene: &Scene, kind: &CStr) -> Seen {
    tried!(scene.enter());
    Seen::from(sys::nmount(kind, if scene.is_jailed() { c"/d" } else { c"/sibling/e/jail/d" }))
}

fn quota(scene: &Scene, command: i32) -> Seen {
    // `QCMD`: the low byte says whose quota, 0 a user's.
    tried!(scene.enter());
    match errno(get!(QUOTACTL, c".", command << 16, 0, &mut [0_u8; 128])) {
        0 => Done,
        errno => No(errno),
    }
}

/// How many mounts getfsstat(2) counts; one is beneath the root.
fn count_with_one_beneath(scene: &Scene) -> Seen {
    tried!(sys::nmount(c"devfs", DEV));
    tried!(scene.enter());
    few(tried!(get!(GETFSSTAT, 0_usize, 0_usize, 2)))
}

fn root_mount(scene: &Scene) -> Seen {
    tried!(scene.enter());
    place(&tried!(statfs(c".")))
}

/// Where the one beneath is: as the jail would say, or as the machine would.
fn beneath(scene: &Scene) -> Seen {
    tried!(sys::nmount(c"devfs", DEV));
    tried!(scene.enter());
    let record = tried!(statfs(c"dev"));
    let inside = u64::from_le_bytes(*b"/dev\0\0\0\0");
    if record[MOUNTED_ON] & 0xff_ffff_ffff == inside { Within } else { place(&record) }
}

/// fstatfs(2) of a received directory on a mount that is not the root's.
fn elsewhere(scene: &Scene) -> Seen {
    let fd = tried!(scene.received_directory(c"/jail"));
    Seen::from(get!(FSTATFS, fd, &mut [0_u64; WORDS]).map(drop))
}

fn statfs(path: &CStr) -> sys::Result<[u64; WORDS]> {
    let mut words = [0; WORDS];
    get!(STATFS, path, &mut words)?;
    Ok(words)
}

fn halves(word: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

/// What a record says of where its mount is.
fn place(record: &[u64]) -> Seen {
    match record.get(MOUNTED_ON).copied().unwrap_or(0).to_le_bytes() {
        [b'/', 0, ..] => Root,
        [b'/', ..] => Out,
        _ => Within,
    }
}

fn few(mounts: usize) -> Seen {
    match i64::try_from(mounts) {
        Ok(few) if few <= 2 => Count(few),
        _ => Out,
    }
}

/// A jailed process connects to one outside, closes and is gone; the other end
/// stays open, so its own lingers with the jail's credential.
fn lingering(scene: &Scene) -> Seen {
    const PORT: u16 = 7990;
    let name = Sockaddr::new(HOST_ADDR, PORT);
    let service = tried!(sys::socket(2, 1, 0));
    tried!(sys::bind(service, sys::WithSize(&name)));
    tried!(sys::listen(service, 1));
    let child = tried!(sys::fork());
    if child == 0 {
        let done = sys::close(service).and_then(|()| scene.enter()).and_then(|()| {
            let socket = sys::socket(2, 1, 0)?;
            sys::connect(socket, sys::WithSize(&name))?;
            sys::close(socket)
        });
        sys::exit(i32::from(done.is_err()));
    }
    let connection = tried!(sys::accept(service, 0, 0));
    let (_, status) = tried!(sys::wait(child, 0));
    if status != sys::Status::Exited(0) {
        return No(0);
    }
    // The last process is gone; what the kernel does then takes a moment.
    let deadline = sys::uptime() + 2000;
    let mut unmounted = sys::unmount(TOP, 0);
    while unmounted.is_err() && sys::uptime() < deadline {
        sys::pause(10);
        unmounted = sys::unmount(TOP, 0);
    }
    let jails = sys::sysctl_number("security.rjail.jails").unwrap_or(0);
    let lingers = !matches!(scene.place, super::Where::Both | super::Where::Label) || jails == 1;
    // Away with it at once: RST.
    tried!(sys::close_hard(connection));
    tried!(sys::close(connection));
    match unmounted {
        Ok(()) => {
            tried!(sys::nmount(c"tmpfs", TOP));
            if lingers { Done } else { Count(jails) }
        }
        Err(Error(errno)) => No(errno),
    }
}
