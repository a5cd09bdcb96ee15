// SPDX-License-Identifier: BSD-2-Clause
//! Files: flags, links and names across the edge, nodes, attributes.

use super::{AT_FDCWD, Attempt, Done, Helper, No, Seen, attempt, tried};
use crate::errno::{EINVAL, ENOENT, EPERM};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::sys::{self, Result};

/// `RJAIL_CHFLAGS`.
const CHFLAGS: u32 = 0x04;
/// `RJAIL_EXTATTR`.
const EXTATTR: u32 = 0x100;
const SF_IMMUTABLE: usize = 0x0002_0000;
const SF_APPEND: usize = 0x0004_0000;
const SF_NOUNLINK: usize = 0x0010_0000;
const UF_NODUMP: usize = 1;

pub const ATTEMPTS: &[Attempt] = &[
    attempt("flags", "chflags schg", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        let set = sys::chflags(c"file", SF_IMMUTABLE);
        let _ = sys::chflags(c"file", 0);
        Seen::from(set)
    }),
    attempt("flags", "chflags schg, in a jail that may", Done, Done, |scene| {
        tried!(scene.enter());
        let set = sys::chflags(c"file", SF_IMMUTABLE);
        let _ = sys::chflags(c"file", 0);
        Seen::from(set)
    })
    .with(CHFLAGS)
    .native(No(EPERM)),
    attempt("flags", "fchflags sappnd", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        let fd = tried!(sys::open(c"file", 0, 0));
        let set = get!(FCHFLAGS, fd, SF_APPEND);
        let _ = get!(FCHFLAGS, fd, 0_usize);
        done(set)
    }),
    attempt("flags", "chflags sunlnk of a directory", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        let set = sys::chflags(c"d", SF_NOUNLINK);
        let _ = sys::chflags(c"d", 0);
        Seen::from(set)
    }),
    attempt("flags", "clear schg that the host set", Done, No(EPERM), |scene| {
        tried!(sys::chflags(c"/sibling/e/jail/file", SF_IMMUTABLE));
        let helper = tried!(Helper::start(|| {
            let _ = sys::chflags(c"/sibling/e/jail/file", 0);
        }));
        let cleared = scene.enter().and_then(|()| sys::chflags(c"file", 0));
        tried!(helper.finish());
        Seen::from(cleared)
    }),
    attempt("flags", "chflags nodump, a user's flag", Done, Done, |scene| {
        tried!(scene.enter());
        Seen::from(sys::chflags(c"file", UF_NODUMP))
    }),
    attempt("FS-03", "link to a file outside", Done, No(ENOENT), |scene| {
        tried!(scene.enter());
        done(get!(LINK, c"../secret", c"l"))
    }),
    attempt("FS-03", "link a file to outside", Done, No(ENOENT), |scene| {
        tried!(scene.enter());
        done(get!(LINK, c"file", c"../out/l"))
    }),
    attempt("FS-03", "rename to outside", Done, No(ENOENT), |scene| {
        tried!(scene.enter());
        done(get!(RENAME, c"file", c"../out/l"))
    }),
    attempt("FS-03", "rename from outside", Done, No(ENOENT), |scene| {
        tried!(scene.enter());
        done(get!(RENAME, c"../secret", c"l"))
    }),
    attempt("FS-03", "unlink outside", Done, No(ENOENT), |scene| {
        tried!(scene.enter());
        Seen::from(sys::unlink(c"../secret"))
    }),
    attempt("FS-23", "mknod of a character device", Done, No(EPERM), |s| node(s, 0o020_600)),
    attempt("FS-23", "mknod of a block device", Done, No(EPERM), |s| node(s, 0o060_600)),
    attempt("FS-23", "mknod of a whiteout", Done, No(EPERM), |s| node(s, 0o160_000)),
    attempt("FS-23", "mknod of a regular file", No(EINVAL), No(EINVAL), |s| node(s, 0o100_600)),
    attempt("FS-23", "mkfifo", Done, Done, |scene| {
        tried!(scene.enter());
        Seen::from(sys::mkfifo(c"fifo", 0o600))
    }),
    attempt("FS-26", "a system extended attribute", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        attribute(2)
    }),
    attempt("FS-26", "a system one, in a jail that may", Done, Done, |scene| {
        tried!(scene.enter());
        attribute(2)
    })
    .with(EXTATTR)
    .native(No(EPERM)),
    attempt("FS-26", "a user's extended attribute", Done, Done, |scene| {
        tried!(scene.enter());
        attribute(1)
    }),
    attempt("FS-27", "chmod u+s", Done, Done, |scene| {
        // The paper permits it; the jail's directory is for root alone to enter.
        tried!(scene.enter());
        Seen::from(sys::chmod(c"file", 0o4755))
    }),
];

fn done(result: Result<usize>) -> Seen {
    match errno(result) {
        0 => Done,
        errno => No(errno),
    }
}

fn node(scene: &super::Scene, mode: i32) -> Seen {
    tried!(scene.enter());
    done(get!(MKNODAT, AT_FDCWD, c"node", mode, 0x7f00_usize))
}

/// extattr_set_file(2) in a namespace.
fn attribute(namespace: i32) -> Seen {
    done(get!(EXTATTR_SET_FILE, c"file", namespace, c"rjail", &[1_u8; 1], 1))
}
