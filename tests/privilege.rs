// SPDX-License-Identifier: BSD-2-Clause
//! The privilege filter: the whole table, every flag set, and the kernel's own
//! header where one is at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::Write;
use std::panic;
use std::path::PathBuf;

use rjail::address::Lines;
use rjail::errno::Errno;
use rjail::prison::JailFlags;
use rjail::privilege::{
    Asked, LONGEST, NAMES, Named, Native, Numbers, Opens, Privilege, Privileges, Row, TABLE,
    Verdict, check, given_by, held, is_jails_affair, message,
};

fn flag_sets() -> impl Iterator<Item = JailFlags> {
    (0..=JailFlags::all().bits()).filter_map(JailFlags::from_bits)
}

fn allowed(flags: JailFlags) -> BTreeSet<&'static str> {
    given_by(Lines::Both, flags).iter().map(Privilege::name).collect()
}

fn count(which: impl Fn(&Row) -> bool) -> usize {
    TABLE.iter().filter(|row| which(row)).count()
}

/// A header that has every name, numbered as they come.
const HEADER: [(u16, &str); NAMES.len()] = {
    let mut header = [(0, ""); NAMES.len()];
    let mut i = 0;
    let mut number = 2;
    while i < header.len() {
        header[i] = (number, NAMES[i]);
        number += 1;
        i += 1;
    }
    header
};

/// In a constant, as the module does it: the compiler must get through.
const NUMBERS: Numbers = Numbers::bind(15, &HEADER);

/// What `Numbers::bind` says when it stops the build.
fn complaint(release: u16, header: &[(u16, &str)]) -> String {
    let header = header.to_vec();
    let caught = panic::catch_unwind(move || drop(Numbers::bind(release, &header)));
    match caught {
        Ok(()) => String::new(),
        Err(payload) => payload.downcast::<String>().map_or_else(
            |other| other.downcast::<&str>().map_or_else(|_| "?".into(), |s| s.to_string()),
            |text| *text,
        ),
    }
}

#[test]
fn every_row_is_complete_and_in_its_place() {
    let mut names = BTreeSet::new();
    for (i, row) in TABLE.iter().enumerate() {
        assert_eq!(row.privilege as usize, i, "{}", row.name);
        assert_eq!(row.privilege.name(), row.name);
        assert_eq!(row.privilege.row().reason, row.reason);
        assert_eq!(NAMES.get(i), Some(&row.name));
        assert_eq!(Privilege::from_name(row.name), Some(row.privilege));
        assert!(row.name.starts_with("PRIV_"), "{}", row.name);
        assert!(names.insert(row.name), "{} has two rows", row.name);
        assert!(row.reason.ends_with('.') && !row.reason.contains("  "), "{}", row.name);
        assert!(!row.source.is_empty() && !row.source.contains("  "), "{}", row.name);
        if let Native::Tighter(why) = row.native {
            assert!(!why.is_empty() && !why.contains("  "), "{}", row.name);
        }
        // PRIV_NET_RAW is the Rust name NetRaw.
        let rust = format!("{:?}", row.privilege).to_lowercase();
        assert_eq!(rust, row.name.replace("PRIV_", "").replace('_', "").to_lowercase());
    }
    assert_eq!(Privilege::from_name("PRIV_ROOT"), None);
    assert_eq!(Privilege::from_name(""), None);
}

#[test]
fn groups_are_together_and_sorted() {
    fn key(name: &str) -> (&str, u32) {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem, name[stem.len()..].parse().unwrap_or(0))
    }
    let mut finished = BTreeSet::new();
    for pair in TABLE.windows(2) {
        let [a, b] = pair else { unreachable!() };
        if a.group == b.group {
            assert!(key(a.name) < key(b.name), "{} comes after {}", a.name, b.name);
        } else {
            assert!(finished.insert(a.group), "group {} is in two pieces", a.group);
            assert!(!finished.contains(b.group), "group {} is in two pieces", b.group);
        }
    }
}

/// Whoever changes a verdict changes this as well, and so sees it.
#[test]
fn counts() {
    assert_eq!(TABLE.len(), 245);
    assert_eq!(count(|r| r.verdict == Verdict::Allow), 42);
    assert_eq!(count(|r| matches!(r.verdict, Verdict::AllowWith(_))), 16);
    assert_eq!(count(|r| r.verdict == Verdict::ByName), 5);
    assert_eq!(count(|r| r.verdict == Verdict::Deny), 182);
    assert_eq!(count(|r| matches!(r.native, Native::Tighter(_))), 26);
    assert_eq!(allowed(JailFlags::empty()).len(), 42);
    assert_eq!(allowed(JailFlags::PAPER).len(), 43);
    assert_eq!(allowed(JailFlags::all()).len(), 58);
}

#[test]
fn every_privilege_under_every_flag_set() {
    let mut sets = 0;
    for flags in flag_sets() {
        let (both, alone) = (given_by(Lines::Both, flags), given_by(Lines::LabelAlone, flags));
        for row in &TABLE {
            let expected = match row.verdict {
                Verdict::Allow => true,
                Verdict::AllowWith(any) => any.intersects(flags),
                Verdict::ByName | Verdict::Deny => false,
            };
            let answer = if expected { Ok(()) } else { Err(Errno::EPERM) };
            assert_eq!(check(&both, row.privilege), answer, "{} with {flags:?}", row.name);
            let answer = if expected && !row.second_line { Ok(()) } else { Err(Errno::EPERM) };
            assert_eq!(check(&alone, row.privilege), answer, "{} with {flags:?}", row.name);
        }
        sets += 1;
    }
    assert_eq!(sets, 1u32 << JailFlags::all().bits().count_ones());
}

fn is_within(less: &Privileges, more: &Privileges) -> bool {
    less.difference(more) == Privileges::NONE
}

#[test]
fn a_flag_more_never_allows_less() {
    for flags in flag_sets() {
        for lines in [Lines::Both, Lines::LabelAlone] {
            let held = given_by(lines, flags);
            for more in JailFlags::all().iter() {
                assert!(is_within(&held, &given_by(lines, flags | more)), "{flags:?}, {more:?}");
            }
        }
        assert!(is_within(&given_by(Lines::LabelAlone, flags), &given_by(Lines::Both, flags)));
    }
}

fn named(text: &str) -> Result<Named, Errno> {
    Named::parse(&NUMBERS, text.as_bytes())
}

/// Given alone, taken alone, under no flag and all: exactly that one changes.
#[test]
fn one_privilege_by_name() {
    for row in &TABLE {
        let one = Privileges::NONE.with(row.privilege);
        let given = named(&format!("+{}", row.name));
        let taken = named(&format!("-{}", row.name)).expect("any name can be taken away");
        for lines in [Lines::Both, Lines::LabelAlone] {
            for flags in [JailFlags::empty(), JailFlags::PAPER, JailFlags::all()] {
                let before = given_by(lines, flags);
                assert_eq!(held(lines, flags, &taken), before.difference(&one), "-{}", row.name);
                match (&given, row.verdict) {
                    (Err(errno), Verdict::Deny) => assert_eq!(*errno, Errno::EINVAL),
                    (Ok(_), Verdict::Deny) => panic!("{} must not be given", row.name),
                    (Err(errno), _) => panic!("+{}: {errno:?}", row.name),
                    (Ok(given), _) => {
                        assert_eq!(held(lines, flags, given), before.union(&one), "+{}", row.name);
                    }
                }
            }
        }
    }
    assert_eq!(named(""), Ok(Named::NONE));
    for lines in [Lines::Both, Lines::LabelAlone] {
        for flags in flag_sets() {
            assert_eq!(held(lines, flags, &Named::NONE), given_by(lines, flags));
        }
    }
}

#[test]
fn several_by_name() {
    let all: Vec<_> = TABLE
        .iter()
        .map(|row| match row.verdict {
            Verdict::Deny => format!("-{}", row.name),
            _ => format!("+{}", row.name),
        })
        .collect();
    let text = all.join(" ");
    assert!(text.len() < LONGEST, "{} bytes name every privilege once", text.len());
    let every = named(&text).expect("each name once");
    assert_eq!(every.given.iter().count() + every.taken.iter().count(), TABLE.len());
    assert_eq!(named("  +PRIV_KTRACE   -PRIV_VFS_CHROOT "), named("-PRIV_VFS_CHROOT +PRIV_KTRACE"));

    let wrong = [
        "PRIV_KTRACE",
        "+",
        "-",
        "+-PRIV_KTRACE",
        "+KTRACE",
        "+PRIV_KTRAC",
        "+PRIV_KTRACE_",
        "+priv_ktrace",
        "+PRIV_KTRACE,-PRIV_VFS_CHROOT",
        "+PRIV_KTRACE\t-PRIV_VFS_CHROOT",
        "+PRIV_KTRACE\n",
        "+PRIV_KTRACE +PRIV_KTRACE",
        "+PRIV_KTRACE -PRIV_KTRACE",
        "-PRIV_VFS_CHROOT -PRIV_VFS_CHROOT",
        "+PRIV_KLD_LOAD",
        "+PRIV_KTRACE +PRIV_KMEM_WRITE",
        "\u{ff}",
    ];
    for text in wrong {
        assert_eq!(named(text), Err(Errno::EINVAL), "{text:?}");
    }
}

/// Two names of one number are one privilege, and a kernel without the name
/// does not know it.
#[test]
fn names_are_those_of_the_kernel_at_hand() {
    let mut header = HEADER.to_vec();
    let number = header.iter().find(|(_, name)| *name == "PRIV_NET_SETLANPCP").unwrap().0;
    for row in &mut header {
        if row.1 == "PRIV_NET_SETVLANPCP" {
            row.0 = number;
        }
    }
    header.retain(|(_, name)| *name != "PRIV_CRED_SETCRED");
    let numbers = Numbers::bind(14, &header);
    let both = [Privilege::NetSetlanpcp, Privilege::NetSetvlanpcp];
    assert_eq!(both.map(|p| numbers.number(p)), [Some(i32::from(number)); 2]);
    let first = numbers.canonical(both[0]).unwrap();
    assert_eq!(numbers.canonical(both[1]), Some(first));
    let taken = Named::parse(&numbers, b"-PRIV_NET_SETVLANPCP").unwrap().taken;
    assert!(taken.iter().eq([first]));
    let twice = b"-PRIV_NET_SETVLANPCP -PRIV_NET_SETLANPCP";
    assert_eq!(Named::parse(&numbers, twice), Err(Errno::EINVAL));
    assert_eq!(Named::parse(&numbers, b"-PRIV_CRED_SETCRED"), Err(Errno::EINVAL));
    assert_eq!(numbers.number(Privilege::CredSetcred), None);
    assert_eq!(NUMBERS.canonical(Privilege::CredSetcred), Some(Privilege::CredSetcred));
}

/// What line two must hear of when a name is given.
#[test]
fn names_open_the_second_line() {
    let opened = |name: &str| named(name).unwrap().opens().collect::<Vec<_>>();
    assert_eq!(opened("+PRIV_KTRACE"), [Opens::SetAudit]);
    assert_eq!(opened("+PRIV_ADJTIME"), [Opens::Flag(JailFlags::ADJTIME)]);
    assert_eq!(opened("+PRIV_SETTIMEOFDAY"), [Opens::Flag(JailFlags::SETTIME)]);
    assert_eq!(opened("+PRIV_NETINET_RAW"), [Opens::Flag(JailFlags::RAW_SOCKETS)]);
    assert_eq!(opened("-PRIV_NETINET_RAW +PRIV_CRED_SETUID"), []);
    // Line two would hand out all of System V IPC for one privilege of it.
    assert_eq!(opened("+PRIV_IPC_READ +PRIV_IPC_WRITE +PRIV_IPC_ADMIN"), []);
    for row in &TABLE {
        match (row.verdict, row.opens) {
            (Verdict::AllowWith(flags), Opens::Flag(flag)) => {
                assert_eq!(flag.bits().count_ones(), 1, "{}", row.name);
                assert!(flags.contains(flag), "{}", row.name);
            }
            (Verdict::AllowWith(flags), opens) => {
                let system_v = JailFlags::SYSVIPC.union(JailFlags::SYSVIPC_OWN);
                assert_eq!((flags, opens), (system_v, Opens::Nothing), "{}", row.name);
            }
            (Verdict::Allow | Verdict::Deny, opens) => {
                assert_eq!(opens, Opens::Nothing, "{}", row.name);
            }
            (Verdict::ByName, opens) => {
                assert!(!matches!(opens, Opens::Flag(_)), "{}", row.name);
            }
        }
    }
}

/// Whom the jail takes something away from: all others get the same outside.
#[test]
fn whose_requests_are_the_jails_affair() {
    for row in &TABLE {
        let everyone = row.asked == Asked::Everyone;
        let real = ["PRIV_MAXFILES", "PRIV_MAXPROC", "PRIV_PROC_LIMIT"].contains(&row.name);
        for (uid, real_uid) in [(0, 0), (0, 1001), (1001, 0), (1001, 1001)] {
            let root = if real { real_uid == 0 } else { uid == 0 };
            let expected = root || everyone;
            let answer = is_jails_affair(row.privilege, uid, real_uid);
            assert_eq!(answer, expected, "{} by {uid}, really {real_uid}", row.name);
        }
    }
}

/// The text of each denial fits, says which privilege, which jail and why, and
/// asks printf(3) for the one number that comes with it.
#[test]
fn messages() {
    for row in &TABLE {
        let text = message::denial(row.privilege).to_str().unwrap();
        assert!(text.len() <= message::LONGEST, "{} bytes: {text}", text.len());
        let expected = match row.verdict {
            Verdict::Allow | Verdict::Deny => format!("{} denied in rjail %ju: ", row.name),
            Verdict::ByName => format!("{} denied in rjail %ju without its name: ", row.name),
            Verdict::AllowWith(any) => {
                let (least, _) = any.iter_names().last().unwrap();
                format!("{} denied in rjail %ju without RJAIL_{least}: ", row.name)
            }
        };
        let why = text.strip_prefix(&expected).unwrap_or_else(|| panic!("{text}: not {expected}"));
        assert!(row.reason.starts_with(why), "{text}");
        assert!(why.len() > 8, "no reason is left: {text}");
        assert!(!why.contains('%') && !why.ends_with(' '), "{text}");
        assert!(text.is_ascii());
    }
    let settimeofday = message::denial(Privilege::Settimeofday);
    let text = c"PRIV_SETTIMEOFDAY denied in rjail %ju without RJAIL_SETTIME: The machine has one \
                 clock.";
    assert_eq!(settimeofday, text);
    for text in [message::TAKEN, message::UNNAMED, message::SESSION] {
        assert!(text.to_bytes().len() <= message::LONGEST);
        assert_eq!(text.to_str().unwrap().matches("%ju").count(), 2);
    }
}

/// Each flag opens exactly these; one that opens none is line two's alone.
#[test]
fn what_each_flag_opens() {
    let none = allowed(JailFlags::empty());
    let opens: BTreeMap<_, Vec<_>> = JailFlags::all()
        .iter_names()
        .map(|(name, flag)| (name, allowed(flag).difference(&none).copied().collect()))
        .collect();
    let expected: BTreeMap<_, Vec<_>> = [
        // Which devices can be opened is no privilege.
        ("ALL_DEVICES", vec![]),
        ("ADJTIME", vec!["PRIV_ADJTIME", "PRIV_NTP_ADJTIME"]),
        ("CHFLAGS", vec!["PRIV_VFS_SYSFLAGS"]),
        ("EXTATTR", vec!["PRIV_VFS_EXTATTR_SYSTEM"]),
        ("MLOCK", vec!["PRIV_VM_MLOCK", "PRIV_VM_MUNLOCK"]),
        ("QUOTAS", vec!["PRIV_VFS_GETQUOTA", "PRIV_VFS_SETQUOTA"]),
        ("RAW_SOCKETS", vec!["PRIV_NETINET_RAW"]),
        ("READ_MSGBUF", vec!["PRIV_MSGBUF"]),
        ("RESERVED_PORTS", vec!["PRIV_NETINET_RESERVEDPORT"]),
        (
            "SETTIME",
            vec!["PRIV_ADJTIME", "PRIV_CLOCK_SETTIME", "PRIV_NTP_ADJTIME", "PRIV_SETTIMEOFDAY"],
        ),
        ("SOCKET_AF", vec![]),
        ("STATFS_ALL", vec![]),
        ("STATFS_BELOW", vec![]),
        // The kernel keeps the name in struct prison and asks PR_ALLOW_SET_HOSTNAME
        // there; the privilege it asks before, PRIV_SYSCTL_WRITEJAIL, is wider.
        ("SET_HOSTNAME", vec![]),
        ("SYSVIPC", vec!["PRIV_IPC_ADMIN", "PRIV_IPC_READ", "PRIV_IPC_WRITE"]),
        ("SYSVIPC_OWN", vec!["PRIV_IPC_ADMIN", "PRIV_IPC_READ", "PRIV_IPC_WRITE"]),
        ("TUN", vec![]),
    ]
    .into();
    assert_eq!(opens, expected);
}

#[test]
fn the_papers_list() {
    let paper = allowed(JailFlags::PAPER);
    let permitted = [
        ("signal any process in the jail", "PRIV_SIGNAL_DIFFCRED"),
        ("change any owner", "PRIV_VFS_CHOWN"),
        ("change any mode", "PRIV_VFS_ADMIN"),
        ("delete any file", "PRIV_VFS_WRITE"),
        ("read any file", "PRIV_VFS_READ"),
        ("bind a reserved port", "PRIV_NETINET_RESERVEDPORT"),
        ("set the uid", "PRIV_CRED_SETUID"),
        ("set the effective uid", "PRIV_CRED_SETEUID"),
        ("set the gid", "PRIV_CRED_SETGID"),
        ("set the groups", "PRIV_CRED_SETGROUPS"),
        ("chroot", "PRIV_VFS_CHROOT"),
        ("set its host name", "PRIV_SYSCTL_WRITEJAIL"),
    ];
    for (what, name) in permitted {
        assert!(paper.contains(name), "{what}: {name}");
    }
    let prohibited = [
        ("load a module", "PRIV_KLD_LOAD"),
        ("write kernel memory", "PRIV_KMEM_WRITE"),
        ("read kernel memory", "PRIV_KMEM_READ"),
        ("configure an interface", "PRIV_NET_SETIFFLAGS"),
        ("add an address", "PRIV_NET_ADDIFADDR"),
        ("change the routing table", "PRIV_NET_ROUTE"),
        ("mount", "PRIV_VFS_MOUNT"),
        ("unmount", "PRIV_VFS_UNMOUNT"),
        ("make a device node", "PRIV_VFS_MKNOD_DEV"),
        ("open a raw socket", "PRIV_NETINET_RAW"),
        ("open a divert socket", "PRIV_NETINET_DIVERT"),
        ("set a kernel variable", "PRIV_SYSCTL_WRITE"),
        ("change securelevel's file flags", "PRIV_VFS_SYSFLAGS"),
        ("bind any address", "PRIV_NETINET_BINDANY"),
        ("reboot", "PRIV_REBOOT"),
        ("set the clock", "PRIV_CLOCK_SETTIME"),
        ("enter another jail", "PRIV_JAIL_ATTACH"),
    ];
    for (what, name) in prohibited {
        assert!(NAMES.contains(&name), "{name}");
        assert!(!paper.contains(name), "{what}: {name}");
    }
}

/// What an unprivileged process has outside and not inside: these and no more.
#[test]
fn what_users_lose() {
    let lost: Vec<_> = TABLE
        .iter()
        .filter(|row| row.asked == Asked::Everyone)
        .filter(|row| !allowed(JailFlags::empty()).contains(row.name))
        .map(|row| row.name)
        .collect();
    assert_eq!(lost, ["PRIV_KMEM_READ", "PRIV_VM_MLOCK", "PRIV_VM_MUNLOCK", "PRIV_MSGBUF"]);
    let kept: Vec<_> = TABLE
        .iter()
        .filter(|row| row.asked == Asked::Everyone && row.verdict == Verdict::Allow)
        .map(|row| row.name)
        .collect();
    assert_eq!(kept, ["PRIV_DEBUG_UNPRIV", "PRIV_PROC_MEM_WRITE"]);
}

#[test]
fn what_needs_the_second_line() {
    let rows: Vec<_> = TABLE.iter().filter(|row| row.second_line).map(|row| row.name).collect();
    assert_eq!(rows, ["PRIV_MQ_ADMIN", "PRIV_SYSCTL_WRITEJAIL"]);
    assert!(TABLE.iter().all(|row| !row.second_line || row.verdict == Verdict::Allow));
}

#[test]
fn every_row_is_reached_by_its_number_and_nothing_else_is() {
    let mut reached = BTreeSet::new();
    for number in -2000..2000 {
        let expected = HEADER.iter().find(|(n, _)| i32::from(*n) == number).map(|(_, name)| *name);
        assert_eq!(NUMBERS.privilege(number).map(Privilege::name), expected, "number {number}");
        reached.extend(expected);
    }
    assert_eq!(reached.len(), TABLE.len(), "a row that no number reaches is dead");
    for number in [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX, 1 << 16, (1 << 16) + 2] {
        assert_eq!(NUMBERS.privilege(number), None, "number {number}");
    }
}

#[test]
fn the_build_stops_with_the_name() {
    assert_eq!(complaint(15, &HEADER), "");

    let mut more = HEADER.to_vec();
    more.push((900, "PRIV_FLUX_CAPACITOR"));
    let said = complaint(15, &more);
    assert!(said.starts_with("PRIV_FLUX_CAPACITOR is in sys/priv.h and has no row"), "{said}");

    let without = |name| HEADER.iter().copied().filter(|(_, n)| *n != name).collect::<Vec<_>>();
    let said = complaint(13, &without("PRIV_REBOOT"));
    assert!(said.starts_with("PRIV_REBOOT has a row"), "{said}");
    assert!(said.ends_with("not in sys/priv.h"), "{said}");

    // Newer than 14: its absence there is in order, and only there.
    assert_eq!(complaint(14, &without("PRIV_CRED_SETCRED")), "");
    let said = complaint(15, &without("PRIV_CRED_SETCRED"));
    assert!(said.starts_with("PRIV_CRED_SETCRED has a row"), "{said}");

    let mut far = without("PRIV_REBOOT");
    far.push((u16::MAX, "PRIV_REBOOT"));
    assert!(complaint(15, &far).starts_with("PRIV_REBOOT has a number beyond"));

    let number = |name| HEADER.iter().find(|(_, n)| *n == name).unwrap().0;
    let mut alias = without("PRIV_NET_SETVLANPCP");
    alias.push((number("PRIV_NET_SETLANPCP"), "PRIV_NET_SETVLANPCP"));
    assert_eq!(complaint(15, &alias), "");
    let mut clash = without("PRIV_NET_SETVLANPCP");
    clash.push((number("PRIV_VFS_READ"), "PRIV_NET_SETVLANPCP"));
    assert!(complaint(15, &clash).starts_with("PRIV_NET_SETVLANPCP shares its number"));
}

/// `kmod/rjail.h` is the public interface; [`JailFlags`] must say the same.
#[test]
fn flags_are_those_of_the_c_header() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/kmod/rjail.h");
    let header = fs::read_to_string(path).unwrap();
    let defines: BTreeMap<&str, u32> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define\tRJAIL_"))
        .filter_map(|rest| {
            let mut words = rest.split_whitespace();
            let (name, value) = (words.next()?, words.next()?);
            let digits = value.strip_prefix("0x")?.strip_suffix('u')?;
            Some((name, u32::from_str_radix(digits, 16).unwrap()))
        })
        .collect();
    let mut expected: BTreeMap<&str, u32> =
        JailFlags::all().iter_names().map(|(name, flag)| (name, flag.bits())).collect();
    expected.insert("FLAGS_ALL", JailFlags::all().bits());
    expected.insert("DEFAULTS", 1 << 31);
    expected.insert("HELD", 1);
    expected.insert("CLOSE", 1);
    assert_eq!(defines, expected);
    let paper: Vec<_> = JailFlags::PAPER.iter_names().map(|(n, _)| format!("RJAIL_{n}")).collect();
    assert!(header.contains(&format!("RJAIL_PAPER\t\t({})", paper.join(" | "))));
}

/// The guest's own list, which it holds what it exercises against: it cannot
/// link the table.
#[expect(dead_code, reason = "the rest of the file is the guest's")]
#[path = "../vm-tests/guest/src/privileges/rest.rs"]
mod rest;

#[test]
fn the_guest_accounts_for_every_privilege() {
    let theirs: BTreeSet<_> = rest::NAMES.into_iter().collect();
    let ours: BTreeSet<_> = NAMES.iter().copied().collect();
    assert_eq!(ours, theirs);
    let mut excused = BTreeSet::new();
    for (names, reason) in rest::NOT_EXERCISED {
        assert!(!reason.is_empty());
        for name in *names {
            assert!(ours.contains(name) && excused.insert(name), "{name}");
        }
    }
    assert!(NAMES.len() - excused.len() >= 80, "{} are exercised", NAMES.len() - excused.len());
}

/// The directory with a kernel's headers, if this machine has one.
fn freebsd() -> Option<PathBuf> {
    let given = env::var_os("RJAIL_FREEBSD").map(PathBuf::from);
    let kept =
        env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/rjail/freebsd-15.1"));
    given.or(kept).filter(|dir| dir.join("sys/sys/priv.h").is_file())
}

#[test]
fn names_are_those_of_the_kernels_header() {
    let Some(dir) = freebsd() else {
        // Past the capture of the test harness: nobody shall take this for a pass.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED names_are_those_of_the_kernels_header: no sys/sys/priv.h in RJAIL_FREEBSD \
             or ~/.cache/rjail/freebsd-15.1; `make freebsd` fills it"
        );
        return;
    };
    let text = fs::read_to_string(dir.join("sys/sys/priv.h")).unwrap();
    let param = fs::read_to_string(dir.join("sys/sys/param.h")).unwrap();
    let version: u32 = param
        .lines()
        .find_map(|line| line.strip_prefix("#define __FreeBSD_version "))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|digits| digits.parse().ok())
        .unwrap();
    let header = line_two::names(&text).unwrap();
    let numbers = Numbers::bind(u16::try_from(version / 100_000).unwrap(), &header);
    for (number, name) in &header {
        let row = numbers.privilege(i32::from(*number)).unwrap().row();
        let other = Privilege::from_name(name).unwrap().row();
        assert_eq!(row.verdict, other.verdict, "{name}");
    }
    if version / 1000 == 1501 {
        let ours: BTreeSet<_> = NAMES.iter().copied().collect();
        let theirs: BTreeSet<_> = header.iter().map(|(_, name)| *name).collect();
        assert_eq!(ours, theirs);
        assert_eq!(header.len(), 245);
        assert_eq!(header.iter().map(|(number, _)| number).collect::<BTreeSet<_>>().len(), 244);
    }
}
