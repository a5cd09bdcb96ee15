// SPDX-License-Identifier: BSD-2-Clause
//! Other names for files: procfs(4), file handles, moved directories.

use core::ffi::CStr;

use super::{Attempt, Done, Helper, No, Out, Root, Scene, Seen, Within, attempt, tried};
use crate::console::Text;
use crate::errno::{ENOENT, EPERM, EXDEV};
use crate::privileges::calls::get;
use crate::privileges::errno;
use crate::sys::{self, Error, Result, Shared};

const SECRET: &CStr = c"/sibling/e/secret";

pub const ATTEMPTS: &[Attempt] = &[
    attempt("FS-18", "stand in a directory that is moved out, and climb", Out, Root, |scene| {
        moved(scene, c"/sibling/e/jail/d", c"/sibling/e/out/d", c"d", |scene| scene.climb())
    })
    .native(Out),
    attempt("FS-18", "the same, a directory above it is moved", Out, No(ENOENT), |scene| {
        moved(scene, c"/sibling/e/jail/d", c"/sibling/e/d", c"d/deep", |scene| {
            scene.at(c"../../secret")
        })
    })
    .native(Out),
    attempt("FS-18", "open it first, and climb from the descriptor", Out, Root, |scene| {
        moved(scene, c"/sibling/e/jail/d", c"/sibling/e/out/d", c".", |scene| {
            // Opened before the move by `moved`.
            scene.from(9, c"../../..")
        })
    })
    .native(Out),
    attempt("FS-18", "the move of a directory out, by the host", Done, No(EXDEV), |scene| {
        result_of_move(scene, c"/sibling/e/jail/d", c"/sibling/e/out/d")
    })
    .native(Done),
    attempt("FS-18", "the move one up, over the root's edge", Done, No(EXDEV), |scene| {
        result_of_move(scene, c"/sibling/e/jail/d/deep", c"/sibling/e/deep")
    })
    .native(Done),
    attempt("FS-18", "the move of a directory within", Done, Done, |scene| {
        result_of_move(scene, c"/sibling/e/jail/d/deep", c"/sibling/e/jail/etc/deep")
    }),
    attempt("FS-18", "the move of a directory in", Done, Done, |scene| {
        result_of_move(scene, c"/sibling/e/out/child", c"/sibling/e/jail/etc/child")
    }),
    attempt("FS-18", "the move of a file out", Done, Done, |scene| {
        result_of_move(scene, c"/sibling/e/jail/file", c"/sibling/e/out/moved")
    }),
    attempt("FS-18", "the move of the whole root", Done, Done, |scene| {
        result_of_move(scene, c"/sibling/e/jail", c"/sibling/e/out/jail")
    }),
    attempt("FS-18", "the root is moved, and then a directory out of it", Done, No(EXDEV), |s| {
        result_of_moves(
            s,
            &[
                (c"/sibling/e/jail", c"/sibling/e/out/jail"),
                (c"/sibling/e/out/jail/d", c"/sibling/e/d"),
            ],
        )
    })
    .native(Done),
    attempt("FS-18", "the root is moved down, and climb", Out, Root, |scene| {
        moved(scene, c"/sibling/e/jail", c"/sibling/e/out/jail", c"d", |scene| scene.climb())
    }),
    attempt(
        "FS-18",
        "mv(1)'s way: copy, and remove where it stands",
        No(ENOENT),
        No(ENOENT),
        |s| {
            moved_by(
                s,
                || get!(RMDIR, c"/sibling/e/jail/d/deep").map(drop),
                c"d/deep",
                |_| Seen::from(sys::chdir(c"..")),
            )
        },
    ),
    attempt("FS-22", "getfh of /", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        done(get!(GETFH, c"/", &mut [0_u8; 28]))
    }),
    attempt("FS-22", "lgetfh of a file", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        done(get!(LGETFH, c"file", &mut [0_u8; 28]))
    }),
    attempt("FS-22", "getfhat of a file", Done, No(EPERM), |scene| {
        tried!(scene.enter());
        done(get!(GETFHAT, super::AT_FDCWD, c"file", &mut [0_u8; 28], 0))
    }),
    attempt("FS-22", "fhopen of a handle from outside", Done, No(EPERM), |scene| {
        let handle = tried!(handle(scene));
        done(get!(FHOPEN, &handle, 0))
    }),
    attempt("FS-22", "fhstat of one", Done, No(EPERM), |scene| {
        let handle = tried!(handle(scene));
        done(get!(FHSTAT, &handle, &mut [0_u64; 28]))
    }),
    attempt("FS-22", "fhstatfs of one", Done, No(EPERM), |scene| {
        let handle = tried!(handle(scene));
        done(get!(FHSTATFS, &handle, &mut [0_u64; 300]))
    }),
    attempt("FS-22", "fhlink of one", Done, No(EPERM), |scene| {
        let handle = tried!(handle(scene));
        done(get!(FHLINK, &handle, c"l"))
    }),
    attempt("FS-22", "fhlinkat of one", Done, No(EPERM), |scene| {
        let handle = tried!(handle(scene));
        done(get!(FHLINKAT, &handle, super::AT_FDCWD, c"l"))
    }),
    attempt("FS-22", "fhreadlink of one", Done, No(EPERM), |scene| {
        tried!(get!(SYMLINK, c"secret", c"/sibling/e/l"));
        let mut handle = [0_u8; 28];
        tried!(get!(LGETFH, c"/sibling/e/l", &mut handle));
        tried!(scene.enter());
        done(get!(FHREADLINK, &handle, &mut [0_u8; 64], 64))
    }),
    attempt("PR-27", "/proc/*/file of a process outside", Done, No(ENOENT), |scene| {
        tried!(sys::nmount(c"procfs", c"/sibling/e/jail/proc"));
        tried!(scene.enter());
        let path = Text::<64>::of(format_args!("proc/{}/file\0", scene.neighbour));
        let path = CStr::from_bytes_until_nul(path.bytes()).unwrap_or_default();
        done(get!(READLINKAT, super::AT_FDCWD, path, &mut [0_u8; 64], 64))
    }),
    attempt("FS-35", "/proc/curproc/file of a program from outside", Out, No(ENOENT), |scene| {
        tried!(sys::nmount(c"procfs", c"/sibling/e/jail/proc"));
        tried!(scene.enter());
        match sys::open(c"proc/curproc/file", 0, 0) {
            Ok(_) => Out,
            Err(Error(errno)) => No(errno),
        }
    })
    .native(No(ENOENT)),
];

fn done(result: Result<usize>) -> Seen {
    match errno(result) {
        0 => Done,
        errno => No(errno),
    }
}

/// A handle of the secret, taken outside before entry.
fn handle(scene: &Scene) -> Result<[u8; 28]> {
    let mut handle = [0_u8; 28];
    get!(GETFH, SECRET, &mut handle)?;
    scene.enter()?;
    Ok(handle)
}

/// Enters and stands somewhere, while a process outside moves something.
fn moved(
    scene: &Scene,
    from: &'static CStr,
    to: &'static CStr,
    stand: &CStr,
    then: impl FnOnce(&Scene) -> Seen,
) -> Seen {
    moved_by(scene, || get!(RENAME, from, to).map(drop), stand, then)
}

fn moved_by(
    scene: &Scene,
    work: impl FnOnce() -> Result<()>,
    stand: &CStr,
    then: impl FnOnce(&Scene) -> Seen,
) -> Seen {
    let mover = tried!(Helper::start(|| {
        let _ = work();
    }));
    tried!(scene.enter());
    let directory = tried!(sys::open(c"d/deep", super::O_DIRECTORY, 0));
    tried!(get!(DUP2, directory, 9));
    tried!(sys::chdir(stand));
    tried!(mover.finish());
    then(scene)
}

/// What the host's rename(2) gets, while a process is in the jail.
fn result_of_move(scene: &Scene, from: &'static CStr, to: &'static CStr) -> Seen {
    result_of_moves(scene, &[(from, to)])
}

fn result_of_moves(scene: &Scene, moves: &[(&CStr, &CStr)]) -> Seen {
    let result = tried!(Shared::new(No(0)));
    let seen = moved_by(
        scene,
        || {
            for (from, to) in moves {
                let moved = get!(RENAME, *from, *to).map(drop);
                result.set(Seen::from(moved));
                moved?;
            }
            Ok(())
        },
        c".",
        |_| Within,
    );
    if seen == Within { result.get() } else { seen }
}
