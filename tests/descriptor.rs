// SPDX-License-Identifier: BSD-2-Clause
//! Files reached through a descriptor: which system calls go by one, and whose
//! file it is then.

use proptest::prelude::*;
use rjail::descriptor::{AT_EMPTY_PATH, Abi, Call, O_EMPTY_PATH, Opener, may_act, number};
use rjail::prison::Jid;
use rjail::{Errno, Result};

const MINE: Jid = Jid::FIRST;
const YES: Result = Ok(());
const NO: Result = Err(Errno::EPERM);
const FD: i32 = 7;

fn other() -> Jid {
    MINE.next().expect("numbers")
}

/// A call of the kernel's own ABI on descriptor 7.
fn call(number: u32, rest: &[u64]) -> Call {
    let mut arguments = [0; 8];
    arguments[0] = 7;
    arguments[1..=rest.len()].copy_from_slice(rest);
    Call { abi: Abi::FreeBsd, number, arguments }
}

/// They have no name beside the descriptor.
const ALWAYS: [u32; 9] = [
    number::FCHFLAGS,
    number::FCHOWN,
    number::FCHMOD,
    number::FUTIMES,
    number::FUTIMENS,
    number::ACL_SET_FD,
    number::ACL_DELETE_FD,
    number::EXTATTR_SET_FD,
    number::EXTATTR_DELETE_FD,
];

/// They have one, and flags after so many arguments.
const AT: [(u32, usize); 4] =
    [(number::FCHMODAT, 3), (number::CHFLAGSAT, 3), (number::UTIMENSAT, 3), (number::FCHOWNAT, 4)];

#[test]
fn by_descriptor_alone() {
    for number in ALWAYS {
        assert_eq!(call(number, &[]).changes(), Some(FD), "{number}");
        // Its other arguments are no flags.
        assert_eq!(call(number, &[u64::MAX; 7]).changes(), Some(FD), "{number}");
        assert_eq!(call(number, &[u64::MAX; 7]).reopens(), None, "{number}");
    }
}

#[test]
fn by_name_unless_the_path_may_be_empty() {
    for (number, flags) in AT {
        let with = |flag: u64, rest: u64| {
            let mut arguments = [rest; 7];
            arguments[flags - 1] = flag;
            call(number, &arguments).changes()
        };
        let empty = u64::from(AT_EMPTY_PATH);
        for rest in [0, u64::MAX] {
            assert_eq!(with(empty, rest), Some(FD), "{number}");
            assert_eq!(with(empty | 0x200, rest), Some(FD), "{number}: more flags");
            assert_eq!(with(0, rest), None, "{number}");
            assert_eq!(with(!empty, rest), None, "{number}: all other flags");
            // The kernel takes an int.
            assert_eq!(with(empty << 32, rest), None, "{number}: not in the lower half");
        }
    }
}

#[test]
fn reopened_by_an_empty_path() {
    let open = |number, flags: u64| call(number, &[u64::MAX, flags, u64::MAX]).reopens();
    let empty = u64::from(O_EMPTY_PATH);
    assert_eq!(open(number::OPENAT, empty), Some(FD));
    assert_eq!(open(number::OPENAT, empty | 2), Some(FD));
    assert_eq!(open(number::OPENAT, 2), None);
    assert_eq!(open(number::OPENAT, empty << 32), None);
    assert_eq!(open(number::FCHMODAT, empty), None);
    assert_eq!(call(number::OPENAT, &[0, empty]).changes(), None);
}

/// `AT_FDCWD` is a descriptor like any other: nobody has opened it.
#[test]
fn descriptors_are_ints() {
    let mut of = call(number::FCHMOD, &[]);
    for (argument, fd) in [(0, 0), (0xffff_ff9c, -100), (0xdead_0000_0003, 3), (u64::MAX, -1)] {
        of.arguments[0] = argument;
        assert_eq!(of.changes(), Some(fd));
    }
}

#[test]
fn another_abi_is_always_asked_for_changes_and_never_for_opening() {
    for number in (0..1000).chain([u32::MAX]) {
        let linux = Call { abi: Abi::Other, ..call(number, &[0, u64::from(O_EMPTY_PATH)]) };
        assert_eq!((linux.changes(), linux.reopens()), (Some(FD), None), "{number}");
    }
}

/// With no path to go by.
fn opened(opener: Opener) -> Result {
    may_act(MINE, opener, None, None)
}

#[test]
fn what_the_jail_opened_is_its_own() {
    assert_eq!(opened(Opener::Process(Some(MINE))), YES);
    assert_eq!(opened(Opener::Process(Some(other()))), NO);
    assert_eq!(opened(Opener::Process(None)), NO);
    assert_eq!(opened(Opener::Unknown), NO);
    // Wherever it is by now.
    let own = Opener::Process(Some(MINE));
    assert_eq!(may_act(MINE, own, Some(b"/jail"), Some(b"/out/file")), YES);
}

#[test]
fn what_came_from_outside_must_be_beneath_the_root() {
    let strangers = [Opener::Process(None), Opener::Process(Some(other())), Opener::Unknown];
    for opener in strangers {
        let at = |root: &[u8], path: &[u8]| may_act(MINE, opener, Some(root), Some(path));
        assert_eq!(at(b"/jail", b"/jail/file"), YES);
        assert_eq!(at(b"/jail", b"/jail"), YES);
        assert_eq!(at(b"/jail", b"/jail2/file"), NO);
        assert_eq!(at(b"/jail", b"/file"), NO);
        assert_eq!(at(b"/jail", b"/"), NO);
        assert_eq!(at(b"/", b"/file"), YES, "the machine's root holds all");
        assert_eq!(at(b"", b"/file"), NO, "no root holds nothing");
        // A file without a name cannot be told; nor can a root.
        assert_eq!(may_act(MINE, opener, Some(b"/"), None), NO);
        assert_eq!(may_act(MINE, opener, None, Some(b"/jail/file")), NO);
    }
}

fn opener() -> impl Strategy<Value = Opener> {
    prop_oneof![
        Just(Opener::Unknown),
        Just(Opener::Process(None)),
        (1..4_u64).prop_map(|number| Opener::Process(Jid::new(number))),
    ]
}

fn path() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("(/[ab]){1,4}")
}

proptest! {
    /// Allowed is what is the jail's by one of two reasons, and nothing else.
    #[test]
    fn own_or_beneath(opener in opener(), root in path(), path in path()) {
        let own = opener == Opener::Process(Some(MINE));
        let beneath = match (&root, &path) {
            (Some(root), Some(path)) => format!("{path}/").starts_with(&format!("{root}/")),
            _ => false,
        };
        let [root, path] = [&root, &path].map(|path| path.as_ref().map(String::as_bytes));
        let wanted = if own || beneath { YES } else { NO };
        prop_assert_eq!(may_act(MINE, opener, root, path), wanted);
    }

    /// No argument of any call makes it anything but one of the descriptor's own.
    #[test]
    fn any_call_names_its_first_argument_or_none(
        number in 0..600_u32,
        arguments in any::<[u64; 8]>(),
        own in any::<bool>(),
    ) {
        let abi = if own { Abi::FreeBsd } else { Abi::Other };
        let call = Call { abi, number, arguments };
        let first = i32::from_le_bytes(arguments[0].to_le_bytes()[..4].try_into().expect("four"));
        for named in [call.changes(), call.reopens()] {
            prop_assert!(named.is_none_or(|fd| fd == first));
        }
    }
}
