// SPDX-License-Identifier: BSD-2-Clause
//! Two processes at once, on two processors, for so many seconds.

use core::ffi::CStr;

use super::{Attempt, Done, Helper, Out, Root, Scene, Seen, Within, attempt, tried};
use crate::privileges::calls::get;
use crate::say;
use crate::sys::{self, Shared};

const MILLISECONDS: i64 = 4000;

pub const ATTEMPTS: &[Attempt] = &[
    attempt("FS-18", "the host moves directories out and about, for 4 s", Out, Root, |scene| {
        race(scene, &[c"/sibling/e/out/d", c"/sibling/e/jail/etc/d", c"/sibling/e/jail/x"], |s| {
            tried!(s.enter());
            let mut tries = 0_u32;
            watch(s, |s| {
                tries += 1;
                for directory in [c"/d", c"/etc/d", c"/x", c"d", c"etc/d", c"x"] {
                    if sys::chdir(directory).is_ok() {
                        break;
                    }
                }
                // Sometimes the host shall have the time.
                if tries.is_multiple_of(8) {
                    sys::pause(1);
                }
                let seen = s.at(c"../../secret");
                let _ = sys::chdir(if s.is_jailed() { c"/" } else { super::ROOT });
                seen
            })
        })
    })
    .native(Out),
    attempt("FS-18", "the same, and each climb is in a new jail", Out, Root, |scene| {
        race(scene, &[c"/sibling/e/out/d"], |s| {
            watch(s, |s| {
                let climbed = crate::answer::in_child(|| {
                    tried!(s.enter());
                    tried!(sys::chdir(c"d"));
                    sys::pause(1);
                    s.climb()
                });
                climbed.map_or(Within, |seen| seen.unwrap_or(Within))
            })
        })
    })
    .native(Out),
    attempt("FS-01", "jailed processes narrow, move and climb, for 4 s", Out, Root, |scene| {
        tried!(scene.enter());
        let until = sys::uptime() + MILLISECONDS;
        let mover = tried!(sys::fork());
        if mover == 0 {
            while sys::uptime() < until {
                let _ = get!(RENAME, c"d/deep", c"deep");
                let _ = get!(RENAME, c"deep", c"d/deep");
            }
            sys::exit(0);
        }
        let seen = watch(scene, |s| {
            let climbed = crate::answer::in_child(|| {
                tried!(sys::chroot(c"d"));
                tried!(sys::chdir(c"/deep"));
                sys::pause(1);
                s.climb()
            });
            climbed.map_or(Within, |seen| seen.unwrap_or(Within))
        });
        tried!(sys::wait(mover, 0));
        seen
    }),
    attempt(
        "FS-18",
        "move a directory over one that comes and goes, for 4 s",
        Done,
        Done,
        |scene| {
            tried!(scene.enter());
            let until = sys::uptime() + MILLISECONDS;
            let workers: [&dyn Fn(); 3] = [
                &|| {
                    let _ = sys::mkdir(c"etc/t", 0o755);
                    let _ = get!(RMDIR, c"etc/t");
                },
                &|| {
                    let _ = get!(RENAME, c"d/deep", c"etc/t");
                },
                &|| {
                    let _ = get!(RENAME, c"etc/t", c"d/deep");
                    let _ = sys::mkdir(c"d/deep", 0o755);
                },
            ];
            for work in workers {
                if tried!(sys::fork()) == 0 {
                    while sys::uptime() < until {
                        work();
                    }
                    sys::exit(0);
                }
            }
            for _ in workers {
                tried!(sys::wait(-1, 0));
            }
            // Whoever is left is one, and can be taken away.
            let _ = get!(RMDIR, c"etc/t");
            let _ = get!(RMDIR, c"d/deep");
            tried!(get!(RMDIR, c"etc"));
            tried!(get!(RMDIR, c"d"));
            Done
        },
    ),
];

/// A process outside moves `d` to each of these and back, all the time.
fn race(scene: &Scene, places: &[&CStr], jailed: impl FnOnce(&Scene) -> Seen) -> Seen {
    let home = c"/sibling/e/jail/d";
    let moves = tried!(Shared::new([0_u32; 2]));
    let until = sys::uptime() + MILLISECONDS + 500;
    let mover = Helper::start(|| {
        while sys::uptime() < until {
            for place in places {
                for (from, to) in [(home, *place), (*place, home)] {
                    let moved = get!(RENAME, from, to).is_ok();
                    let [done, refused] = moves.get();
                    moves.set([done + u32::from(moved), refused + u32::from(!moved)]);
                }
            }
        }
    });
    let mover = tried!(mover.and_then(Helper::go));
    let seen = jailed(scene);
    tried!(mover.finish());
    let [done, refused] = moves.get();
    say!("    # {:?}: {done} moves, {refused} refused", scene.place);
    seen
}

/// Tries until the time is over: out if it ever was.
fn watch(scene: &Scene, mut attempt: impl FnMut(&Scene) -> Seen) -> Seen {
    let until = sys::uptime() + MILLISECONDS;
    let (mut tries, mut out, mut within) = (0, 0, 0);
    while sys::uptime() < until {
        tries += 1;
        match attempt(scene) {
            Out => out += 1,
            Root => within += 1,
            _ => {}
        }
    }
    say!("    # {:?}: {tries} tries, {out} outside, {within} at the root", scene.place);
    if out != 0 { Out } else { Root }
}
