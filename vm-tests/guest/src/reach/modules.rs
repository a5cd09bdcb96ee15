// SPDX-License-Identifier: BSD-2-Clause
//! Kernel modules: to load and unload them, and what loads them by the way.

use core::ffi::CStr;

use super::{Before, NOT_MADE, Place, Step, early, errno, jails_gone, make_all, step};
use crate::answer::{in_child, want};
use crate::errno::{EAFNOSUPPORT, EINVAL, ENOENT, EPERM, EPROTONOSUPPORT, ESRCH};
use crate::privileges::calls::{ask, get};
use crate::probe::Probe;
use crate::programs::{Context, Outcome};
use crate::say;
use crate::sys::{self, Error, Result};
use crate::world::copy;

/// Everything that the kernel has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loaded {
    /// Number and references of each file.
    files: [(i32, i32); 32],
    count: usize,
}

impl Loaded {
    fn now() -> Result<Self> {
        const SIZE: u32 = 2080;
        const REFERENCES: usize = 1028;
        let mut loaded = Self { files: [(0, 0); 32], count: 0 };
        let mut id = 0;
        loop {
            id = i32::try_from(get!(KLDNEXT, id)?).unwrap_or(0);
            if id == 0 {
                return Ok(loaded);
            }
            let mut file = [0_u8; SIZE as usize];
            file[..4].copy_from_slice(&SIZE.to_le_bytes());
            get!(KLDSTAT, id, &mut file)?;
            let (words, _) = file[REFERENCES..].as_chunks::<4>();
            let place = loaded.files.get_mut(loaded.count).ok_or(Error(EINVAL))?;
            *place = (id, i32::from_le_bytes(words[0]));
            loaded.count += 1;
        }
    }
}

/// The number that the kernel gives the next module: never one twice, not even
/// when what was loaded went again at once.
fn next_module() -> Result<usize> {
    let probe = Probe::load()?;
    let number = get!(MODFIND, c"rjail_probe");
    probe.unload()?;
    core::mem::forget(probe);
    number
}

/// Loads, and unloads what it has loaded.
fn load(name: &CStr) -> i32 {
    errno(sys::kldload(name).and_then(sys::kldunload))
}

const STEPS: &[Step] = &[
    step("kldload(2) of a file that is there", |_| load(c"./rjail_probe.ko")),
    step("kldload(2) by a name in the search path", |_| load(c"rjail_probe")),
    step("kldload(2) of no file", |_| load(c"/nothing.ko")).outside(ENOENT),
    step("kldunload(2) of no module", |_| errno(sys::kldunload(9999))).outside(ENOENT),
    step("kldunloadf(2) of no module, by force", |_| {
        const FORCE: i32 = 1;
        ask!(KLDUNLOADF, 9999, FORCE)
    })
    .outside(ENOENT),
    step("nmount(2) of a file system that nobody has", |_| errno(sys::nmount(c"ext2fs", c"dir")))
        .outside(EINVAL),
    step("nmount(2) of a file system by a module's name", |_| {
        errno(sys::nmount(c"rjail_probe", c"dir"))
    })
    .outside(EINVAL),
    // The kernel loads nothing for these, wherever they are asked for.
    step("an accept filter by name", |_| {
        const SO_ACCEPTFILTER: i32 = 0x1000;
        let mut filter = [0_u8; 256];
        filter[..9].copy_from_slice(b"httpready");
        option(0xffff, SO_ACCEPTFILTER, &filter)
    })
    .everywhere(ENOENT),
    step("a congestion control by name", |_| {
        const TCP_CONGESTION: i32 = 64;
        let mut name = [0_u8; 256];
        name[..4].copy_from_slice(b"htcp");
        let answer = option(6, TCP_CONGESTION, &name);
        if answer == ESRCH { ENOENT } else { answer }
    })
    .everywhere(ENOENT),
    step("socket(2) of a family that nobody has", |_| errno(sys::socket(36, 1, 0)))
        .jailed(EPROTONOSUPPORT)
        .outside(EAFNOSUPPORT)
        .native(EAFNOSUPPORT),
];

/// Setsockopt(2) of a socket that listens.
fn option(level: i32, name: i32, value: &[u8; 256]) -> i32 {
    let socket = sys::socket(2, 1, 0).and_then(|socket| {
        sys::listen(socket, 1)?;
        Ok(socket)
    });
    match socket {
        Ok(socket) => ask!(SETSOCKOPT, socket, level, name, value, 256),
        Err(Error(number)) => number,
    }
}

/// The steps with a module that could be unloaded.
const UNLOADS: &[Step] = &[
    step("kldunload(2)", |_| errno(sys::kldfind(PROBE).and_then(sys::kldunload)))
        .outside(NOT_MADE)
        .jailed(ENOENT)
        .native(EPERM),
    step("kldunloadf(2)", |_| unload_by_force()).outside(NOT_MADE).jailed(ENOENT).native(EPERM),
    step("kldload(2) of it again", |_| load(c"./rjail_probe.ko")).outside(NOT_MADE),
];

const PROBE: &CStr = c"rjail_probe.ko";

fn unload_by_force() -> i32 {
    const FORCE: i32 = 1;
    match sys::kldfind(PROBE) {
        Ok(id) => ask!(KLDUNLOADF, id, FORCE),
        Err(Error(number)) => number,
    }
}

/// Every attempt to load, in a place, and by how much the next module's number
/// is higher for it.
fn loads(place: Place, steps: &[Step]) -> Result<usize> {
    let before = Before { file: -1, parent: sys::getpid()?, rjail: 0 };
    let first = next_module()?;
    for step in steps {
        step.make(place, &before);
    }
    Ok(next_module()? - first)
}

pub fn modules(_: &Context) -> Outcome {
    let before = early("the list of modules", Loaded::now())?;
    early("the module, inside", copy(c"/rjail/rjail_probe.ko", c"/jail/rjail_probe.ko"))?;
    let mut path = [0; 256];
    let length = early("kern.module_path", sys::sysctl_named("kern.module_path", &mut path, None))?;
    let set = |path: &[u8]| sys::sysctl_named("kern.module_path", &mut [], Some(path)).map(drop);
    want!("the search path", set(b"/rjail;/"), Ok(()));
    let outcome = all(&before);
    want!("the search path as it was", set(&path[..length]), Ok(()));
    want!("no file inside", sys::unlink(c"/jail/rjail_probe.ko"), Ok(()));
    outcome
}

fn all(before: &Loaded) -> Outcome {
    make_all("PV-02", STEPS)?;
    want!("the list of modules", Loaded::now(), Ok(*before));

    let counts = Place::ALL.map(|place| loads(place, STEPS));
    let each = early("no attempt", loads(Place::Outside, &[]))?;
    // Two are loaded by kldload(2), one by nmount(2), which unloads it again.
    want!("modules loaded outside", counts[0], Ok(4 * each));
    want!("modules loaded in a native jail", counts[1], Ok(each));
    want!("modules loaded in ours", counts[2], Ok(each));
    want!("the list of modules", Loaded::now(), Ok(*before));

    Probe::during(|_| {
        let with = early("the list of modules", Loaded::now())?;
        want!("one more", with.count, before.count + 1);
        make_all("PV-02, loaded", UNLOADS)?;
        want!("the list with it", Loaded::now(), Ok(with));
        let seen = in_child(|| Place::Jail.enter().and_then(|()| Loaded::now()));
        want!("the list as a jail sees it", seen, Ok(Ok(Err(Error(ENOENT)))));
        let seen = in_child(|| Place::Native.enter().and_then(|()| Loaded::now()));
        want!("the list as a native jail sees it", seen, Ok(Ok(Ok(with))));
        Ok(())
    })?;
    want!("the list of modules at last", Loaded::now(), Ok(*before));
    say!("    # PV-02: {} files before and afterwards", before.count);
    jails_gone()
}
