// SPDX-License-Identifier: BSD-2-Clause
//! The hardened chroot: each step of the entry in both directions, and the order
//! of the answers.

use rjail::Errno;
use rjail::kernel::fixed::Fixed;
use rjail::prison::JailFlags;
use rjail::root::{
    Entrant, Identity, Refusal, View, admit, contains, may_move, may_see_mount, may_stand,
};

const READY: Entrant = Entrant::READY;

#[test]
fn nothing_stands_against_the_ready() {
    assert_eq!(admit(&READY), Ok(()));
}

/// One step: what it refuses, with which errno, and that it alone did so.
fn step(entrant: Entrant, refusal: Refusal, errno: Errno) {
    assert_ne!(entrant, READY, "the step is about something");
    assert_eq!(admit(&entrant), Err(refusal));
    assert_eq!(refusal.errno(), errno);
}

#[test]
fn step_1_privilege() {
    step(Entrant { privileged: false, ..READY }, Refusal::NotPrivileged, Errno::EPERM);
}

#[test]
fn step_2_in_a_jail_already() {
    step(Entrant { jailed: true, ..READY }, Refusal::Jailed, Errno::EPERM);
}

#[test]
fn step_3_in_a_native_jail() {
    step(Entrant { native_jailed: true, ..READY }, Refusal::NativeJailed, Errno::EPERM);
}

#[test]
fn step_4_narrowed_root() {
    step(Entrant { root_narrowed: true, ..READY }, Refusal::RootNarrowed, Errno::EPERM);
}

#[test]
fn step_5_open_directory() {
    for descriptor in [0, 3, i32::MAX] {
        let entrant = Entrant { open_directory: Some(descriptor), ..READY };
        step(entrant, Refusal::OpenDirectory(descriptor), Errno::EPERM);
    }
}

#[test]
fn step_7_shared_descriptors() {
    step(Entrant { descriptors_shared: true, ..READY }, Refusal::DescriptorsShared, Errno::EBUSY);
}

#[test]
fn step_8_shared_directories() {
    step(Entrant { directories_shared: true, ..READY }, Refusal::DirectoriesShared, Errno::EBUSY);
}

#[test]
fn step_6_open_jail_descriptor() {
    step(Entrant { open_jail: Some(4), ..READY }, Refusal::OpenJail(4), Errno::EPERM);
}

#[test]
fn step_9_shared_memory() {
    step(Entrant { memory_shared: true, ..READY }, Refusal::MemoryShared, Errno::EBUSY);
}

/// What can stand against an entry, in the order of the steps.
const STEPS: [Refusal; 9] = [
    Refusal::NotPrivileged,
    Refusal::Jailed,
    Refusal::NativeJailed,
    Refusal::RootNarrowed,
    Refusal::OpenDirectory(5),
    Refusal::OpenJail(6),
    Refusal::DescriptorsShared,
    Refusal::DirectoriesShared,
    Refusal::MemoryShared,
];

/// Every subset of what can stand against an entry: the first step answers.
#[test]
fn the_first_step_that_fails_answers() {
    let steps = STEPS;
    for set in 0..1u32 << steps.len() {
        let has = |step: usize| set & (1 << step) != 0;
        let entrant = Entrant {
            privileged: !has(0),
            jailed: has(1),
            native_jailed: has(2),
            root_narrowed: has(3),
            open_directory: has(4).then_some(5),
            open_jail: has(5).then_some(6),
            descriptors_shared: has(6),
            directories_shared: has(7),
            memory_shared: has(8),
        };
        let first = steps.iter().enumerate().find(|&(step, _)| has(step));
        assert_eq!(admit(&entrant).err(), first.map(|(_, &refusal)| refusal), "{entrant:?}");
    }
}

/// What is permanent answers before what may pass.
#[test]
fn eperm_comes_before_ebusy() {
    let all = Entrant {
        open_directory: Some(3),
        descriptors_shared: true,
        directories_shared: true,
        ..READY
    };
    assert_eq!(admit(&all).map_err(Refusal::errno), Err(Errno::EPERM));
    let rest = Entrant { open_directory: None, ..all };
    assert_eq!(admit(&rest).map_err(Refusal::errno), Err(Errno::EBUSY));
}

#[test]
fn every_refusal_has_its_own_sentence() {
    let mut reasons = [
        Refusal::NotPrivileged,
        Refusal::Jailed,
        Refusal::NativeJailed,
        Refusal::RootNarrowed,
        Refusal::OpenDirectory(3),
        Refusal::OpenJail(3),
        Refusal::DescriptorsShared,
        Refusal::DirectoriesShared,
        Refusal::MemoryShared,
    ]
    .map(Refusal::reason);
    reasons.sort_unstable();
    assert!(reasons.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(reasons.iter().all(|reason| !reason.is_empty() && !reason.ends_with('.')));
}

#[test]
fn a_root_contains_itself_and_what_is_beneath() {
    for (root, path, inside) in [
        ("/jail", "/jail", true),
        ("/jail", "/jail/a/b", true),
        ("/jail", "/jailhouse", false),
        ("/jail", "/jai", false),
        ("/jail", "/", false),
        ("/jail", "/other/jail", false),
        ("/", "/", true),
        ("/", "/anything", true),
        ("", "/", false),
        ("", "", false),
    ] {
        assert_eq!(contains(root.as_bytes(), path.as_bytes()), inside, "{root} {path}");
    }
}

/// A directory and all those above it, by their paths.
fn upwards(path: &str) -> Vec<&str> {
    let above = path.match_indices('/').rev().map(|(at, _)| &path[..at.max(1)]);
    std::iter::once(path).chain(above.filter(|above| *above != path)).collect()
}

#[test]
fn nobody_stands_outside() {
    assert_eq!(upwards("/jail/a"), ["/jail/a", "/jail", "/"]);
    assert_eq!(may_stand("/jail", upwards("/jail/a")), Ok(()));
    assert_eq!(may_stand("/jail", upwards("/jail")), Ok(()));
    assert_eq!(may_stand("/jail", upwards("/sibling/a")), Err(Errno::ENOENT));
    assert_eq!(may_stand("/jail", upwards("/jailhouse")), Err(Errno::ENOENT));
    assert_eq!(may_stand("/jail", upwards("/")), Err(Errno::ENOENT));
    assert_eq!(may_stand("/jail", []), Err(Errno::ENOENT), "no way up");
}

#[test]
fn no_directory_leaves_a_root() {
    let roots = ["/jails/a", "/jails/a/nested"];
    let moves = |from, to| may_move(roots, &upwards(from), &upwards(to));
    assert_eq!(moves("/jails/a/x", "/jails/a/y"), Ok(()), "within");
    assert_eq!(moves("/elsewhere", "/jails/a"), Ok(()), "into");
    assert_eq!(moves("/jails", "/elsewhere"), Ok(()), "the root itself, and all in it");
    assert_eq!(moves("/jails/a", "/elsewhere"), Err(Errno::EXDEV), "out");
    assert_eq!(moves("/jails/a", "/jails"), Err(Errno::EXDEV), "one up");
    assert_eq!(moves("/jails/a/nested/d", "/jails/a"), Err(Errno::EXDEV), "out of the inner");
    assert_eq!(moves("/jails/a/d", "/jails/a/nested"), Ok(()), "into the inner");
    assert_eq!(may_move([], &upwards("/jails/a"), &upwards("/")), Ok(()), "no jail");
}

#[test]
fn a_jail_learns_of_its_own_mounts() {
    let root = Identity { mount: [7, 1], file: 2 };
    let view = View { root, shown: root, path: Fixed::copy_of(b"/jail").expect("memory") };
    let but_all = JailFlags::all().difference(JailFlags::STATFS_ALL);
    for flags in [JailFlags::empty(), but_all] {
        let sees = |view: &View, mount, at: &[u8]| may_see_mount(flags, view, mount, at);
        assert_eq!(sees(&view, [7, 1], b"/"), Ok(()), "the root is not the mount's");
        assert_eq!(sees(&view, [8, 1], b"/jail/dev"), Ok(()));
        assert_eq!(sees(&view, [8, 1], b"/jailhouse"), Err(Errno::ENOENT));
        assert_eq!(sees(&View::NOTHING, [8, 1], b"/"), Err(Errno::ENOENT));
    }
    let all = JailFlags::STATFS_ALL;
    assert_eq!(may_see_mount(all, &view, [8, 1], b"/jailhouse"), Ok(()));
    assert_eq!(may_see_mount(all, &View::NOTHING, [8, 1], b"/"), Ok(()));
}

/// exterr(3) says the number of the step, and which descriptor.
#[test]
fn steps_are_numbered_in_their_order() {
    let steps = STEPS;
    assert!(steps.iter().map(|refusal| refusal.step()).eq(1..=9));
    let descriptors = steps.map(Refusal::descriptor);
    assert_eq!(descriptors.iter().flatten().copied().collect::<Vec<_>>(), [5, 6]);
}
