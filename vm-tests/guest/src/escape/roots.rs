// SPDX-License-Identifier: BSD-2-Clause
//! Climbing: "..", nested chroot(2), kept directories.

use super::{Attempt, Done, Helper, No, O_DIRECTORY, Out, Root, Seen, Within, attempt, tried};
use crate::errno::{ENOENT, EPERM};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::sys;

pub const ATTEMPTS: &[Attempt] = &[
    attempt("FS-03", "chdir(\"..\") twenty times", Out, Root, |scene| {
        tried!(scene.enter());
        scene.climb()
    }),
    attempt("FS-03", "stat(\"/..\")", Out, Root, |scene| {
        tried!(scene.enter());
        scene.at(c"/..")
    }),
    attempt("FS-03", "stat(\"../secret\")", Out, No(ENOENT), |scene| {
        tried!(scene.enter());
        scene.at(c"../secret")
    }),
    attempt("FS-03", "a symbolic link full of \"..\"", Out, Root, |scene| {
        tried!(scene.enter());
        tried!(get!(SYMLINK, c"../../../../..", c"l"));
        scene.at(c"l/")
    }),
    attempt("FS-03", "an absolute symbolic link", Out, No(ENOENT), |scene| {
        tried!(scene.enter());
        tried!(get!(SYMLINK, c"/sibling/e/secret", c"l"));
        scene.at(c"l")
    }),
    attempt("FS-03", "openat(/, \"..\")", Out, Root, |scene| {
        tried!(scene.enter());
        let fd = tried!(sys::open(c"/", O_DIRECTORY, 0));
        scene.from(fd, c"..")
    }),
    attempt("FS-01", "chroot below, and climb from above it", Out, Root, |scene| {
        tried!(scene.enter());
        tried!(sys::chroot(c"d"));
        scene.climb()
    }),
    attempt("FS-01", "the same, then chroot there", Out, Root, |scene| {
        tried!(scene.enter());
        tried!(sys::chroot(c"d"));
        scene.climb();
        tried!(sys::chroot(c"."));
        scene.at(c"/")
    }),
    attempt("FS-01", "chroot twice, and climb", Out, Root, |scene| {
        tried!(scene.enter());
        tried!(sys::chroot(c"d"));
        tried!(sys::chroot(c"d/deep"));
        scene.climb()
    }),
    attempt("FS-01", "chroot to \"..\"", Out, Root, |scene| {
        tried!(scene.enter());
        tried!(sys::chroot(c".."));
        scene.at(c"/")
    }),
    attempt("FS-02", "open /, chroot below, fchdir, climb", Out, No(EPERM), |scene| {
        tried!(scene.enter());
        let fd = tried!(sys::open(c".", O_DIRECTORY, 0));
        // In a jail chroot(2) refuses while a directory is open.
        tried!(sys::chroot(c"d"));
        tried!(sys::fchdir(fd));
        scene.climb()
    }),
    attempt("FS-02", "the same with O_PATH", Out, No(EPERM), |scene| {
        tried!(scene.enter());
        let fd = tried!(sys::open(c".", O_DIRECTORY | 0x0040_0000, 0));
        tried!(sys::chroot(c"d"));
        tried!(sys::fchdir(fd));
        scene.climb()
    }),
    attempt("FS-02", "the same where the machine allows open directories", Out, Root, |scene| {
        with_open_directories(|| {
            tried!(scene.enter());
            let fd = tried!(sys::open(c".", O_DIRECTORY, 0));
            tried!(sys::chroot(c"d"));
            tried!(sys::fchdir(fd));
            scene.climb()
        })
    }),
    attempt("FS-29", "where the process stands after entry", Out, Root, |scene| {
        tried!(sys::chdir(c"/sibling/e/out"));
        if scene.is_jailed() {
            tried!(scene.enter());
        }
        scene.at(c".")
    }),
    attempt("FS-29", "\"../..\" after entry", Out, Root, |scene| {
        tried!(sys::chdir(c"/sibling/e/out"));
        if scene.is_jailed() {
            tried!(scene.enter());
        }
        scene.at(c"../..")
    }),
    attempt("FS-01", "fchroot to a directory above", Out, Root, |scene| {
        tried!(scene.enter());
        let fd = tried!(sys::open(c"..", O_DIRECTORY, 0));
        match errno(get!(FCHROOT, fd)) {
            0 => scene.at(c"/"),
            // It refuses while a directory is open: and it is.
            EPERM if scene.is_jailed() => scene.from(fd, c"."),
            other => No(other),
        }
    }),
    attempt("FS-01", "rmdir of where it stands, and climb", No(ENOENT), No(ENOENT), |scene| {
        tried!(scene.enter());
        tried!(sys::chdir(c"d/deep"));
        tried!(get!(RMDIR, c"/sibling/e/jail/d/deep").or_else(|_| get!(RMDIR, c"/d/deep")));
        Seen::from(sys::chdir(c".."))
    }),
    attempt("FS-01", "a narrowed process moved up by a sibling", Out, Root, |scene| {
        tried!(scene.enter());
        let [ready, tell] = tried!(sys::pipe());
        let [wait, go] = tried!(sys::pipe());
        let child = tried!(sys::fork());
        if child == 0 {
            let _ = sys::chroot(c"d").and_then(|()| sys::chdir(c"/deep"));
            let _ = sys::write(tell, &[0]);
            let _ = sys::read(wait, &mut [0]);
            sys::exit(match scene.climb() {
                Root => 1,
                Out => 2,
                _ => 3,
            });
        }
        tried!(sys::read(ready, &mut [0]));
        tried!(get!(RENAME, c"d/deep", c"deep"));
        tried!(sys::write(go, &[0]));
        match tried!(sys::wait(child, 0)).1 {
            sys::Status::Exited(1) => Root,
            sys::Status::Exited(2) => Out,
            sys::Status::Exited(_) => Within,
            _ => Done,
        }
    }),
];

/// With the machine's leave for chroot(2) with open directories, which a process
/// outside takes back.
fn with_open_directories(work: impl FnOnce() -> Seen) -> Seen {
    const ALLOW: &str = "kern.chroot_allow_open_directories";
    tried!(sys::sysctl_write(ALLOW, 2));
    let restorer = tried!(Helper::start(|| {
        let _ = sys::sysctl_write(ALLOW, 1);
    }));
    let seen = work();
    tried!(restorer.finish());
    seen
}
