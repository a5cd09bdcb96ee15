// SPDX-License-Identifier: BSD-2-Clause
//! Which devices a jail opens and revokes: the list, the owners, the flags.

use rjail::device::{Kind, Maker, Node, open, revoke};
use rjail::prison::{JailFlags, Jid};
use rjail::{Errno, Result};

const MINE: Jid = Jid::FIRST;
const YES: Result = Ok(());
const NOT_LISTED: Result = Err(Errno::EPERM);
const NOT_THERE: Result = Err(Errno::ENOENT);

fn other() -> Jid {
    MINE.next().expect("numbers")
}

fn node<'a>(driver: &'a str, name: &'a str) -> Node<'a> {
    Node { driver: driver.as_bytes(), name: name.as_bytes(), maker: Maker::System, controls: false }
}

fn made_by<'a>(driver: &'a str, name: &'a str, jail: Option<Jid>) -> Node<'a> {
    Node { maker: Maker::Process(jail), ..node(driver, name) }
}

fn opens(flags: JailFlags, node: &Node<'_>) -> Result {
    open(MINE, flags, Some(node))
}

/// Driver and name, as the kernel of 15.1 has them.
const PLAIN: &[(&str, &str)] = &[
    ("null", "null"),
    ("zero", "zero"),
    ("full", "full"),
    ("random", "random"),
    ("FD", "fd/0"),
    ("FD", "fd/1"),
    ("FD", "fd/2"),
    ("ctty", "ctty"),
    ("ptmx", "ptmx"),
];

/// What an unrestricted devfs shows beside those, and drivers nobody has met.
const OTHERS: &[(&str, &str)] = &[
    ("mem", "mem"),
    ("mem", "kmem"),
    ("io", "io"),
    ("log", "klog"),
    ("bpf", "bpf"),
    ("pf", "pf"),
    ("ipl", "ipl"),
    ("md", "mdctl"),
    ("g_dev", "ada0"),
    ("g_dev", "md0"),
    ("geom.ctl", "geom.ctl"),
    ("pci", "pci"),
    ("cpuctl", "cpuctl0"),
    ("devctl", "devctl"),
    ("devctl2", "devctl2"),
    ("kcov", "kcov"),
    ("kbd", "kbdmux0"),
    ("kbd", "ukbd0"),
    ("xpt", "xpt0"),
    ("pass", "pass0"),
    ("nvme", "nvme0"),
    ("netmap", "netmap"),
    ("dtrace", "dtrace/dtrace"),
    ("vmm", "vmm/guest"),
    ("vmmctl", "vmmctl"),
    ("fuse", "fuse"),
    ("zfs", "zfs"),
    ("crypto", "crypto"),
    ("dsp", "dsp"),
    ("audit", "audit"),
    ("auditpipe", "auditpipe"),
    ("acpi", "acpi"),
    ("usb", "usbctl"),
    ("nvram", "nvram"),
    ("apm", "apm"),
    ("ttyconsdev", "console"),
    ("ttyil", "ttyu0.init"),
    ("ttyil", "ttyu0.lock"),
    ("vmnet", "vmnet0"),
    ("of tomorrow", "of tomorrow"),
    ("", ""),
];

#[test]
fn every_jail_opens_the_plain_ones() {
    for (driver, name) in PLAIN {
        let node = node(driver, name);
        assert_eq!(node.kind(), Kind::Plain, "{name}");
        for flags in [JailFlags::empty(), JailFlags::PAPER, JailFlags::all()] {
            assert_eq!(opens(flags, &node), YES, "{name} {flags:?}");
        }
    }
}

#[test]
fn what_is_not_on_the_list_is_refused() {
    for (driver, name) in OTHERS {
        let node = node(driver, name);
        assert_eq!(node.kind(), Kind::Other, "{name}");
        let most = JailFlags::all() - JailFlags::ALL_DEVICES;
        for flags in [JailFlags::empty(), JailFlags::PAPER, most] {
            assert_eq!(opens(flags, &node), NOT_LISTED, "{name} {flags:?}");
        }
        assert_eq!(opens(JailFlags::ALL_DEVICES, &node), YES, "{name}");
    }
}

/// Neither a driver that calls itself "null" nor a device that is called so is
/// it; both together are.
#[test]
fn neither_name_alone_is_enough() {
    for (driver, name) in PLAIN {
        for (other_driver, other_name) in OTHERS {
            assert_eq!(opens(JailFlags::empty(), &node(driver, other_name)), NOT_LISTED);
            assert_eq!(opens(JailFlags::empty(), &node(other_driver, name)), NOT_LISTED);
        }
        for (other_driver, other_name) in PLAIN.iter().filter(|p| p.0 != *driver) {
            assert_eq!(opens(JailFlags::empty(), &node(driver, other_name)), NOT_LISTED);
            assert_eq!(opens(JailFlags::empty(), &node(other_driver, name)), NOT_LISTED);
        }
        for longer in [format!("{name}0"), format!("{name}/x"), format!("x{name}")] {
            assert_eq!(opens(JailFlags::empty(), &node(driver, &longer)), NOT_LISTED, "{longer}");
        }
    }
}

/// ```text
///   [ a ] → its own
///   [ a ] ✗ of the host, of [ b ]
///   [ a ] ✗ consoles and serial lines, which nobody made
/// ```
#[test]
fn a_terminal_is_its_makers() {
    for name in ["pts/0", "pts/17", "ttyp0"] {
        assert_eq!(node("ttydev", name).kind(), Kind::Terminal);
        for flags in [JailFlags::empty(), JailFlags::PAPER, JailFlags::all()] {
            assert_eq!(opens(flags, &made_by("ttydev", name, Some(MINE))), YES);
            assert_eq!(opens(flags, &made_by("ttydev", name, Some(other()))), NOT_THERE);
            assert_eq!(opens(flags, &made_by("ttydev", name, None)), NOT_THERE);
        }
    }
    for console in ["ttyv0", "ttyu0", "cuau0"] {
        assert_eq!(opens(JailFlags::empty(), &node("ttydev", console)), NOT_LISTED);
        assert_eq!(opens(JailFlags::ALL_DEVICES, &node("ttydev", console)), YES);
    }
}

/// Whoever let it in left it the terminal: it has it open already.
#[test]
fn the_controlling_terminal_stays_reachable() {
    let makers = [
        Maker::System,
        Maker::Process(None),
        Maker::Process(Some(other())),
        Maker::Process(Some(MINE)),
    ];
    for maker in makers {
        let node = Node { maker, controls: true, ..node("ttydev", "ttyv0") };
        assert_eq!(opens(JailFlags::empty(), &node), YES, "{maker:?}");
    }
}

#[test]
fn tunnels_are_by_flag() {
    for (driver, name) in [("tun", "tun0"), ("tun", "tun17"), ("tap", "tap3")] {
        let node = node(driver, name);
        assert_eq!(node.kind(), Kind::Tunnel, "{name}");
        assert_eq!(opens(JailFlags::PAPER, &node), NOT_LISTED, "{name}");
        assert_eq!(opens(JailFlags::TUN, &node), YES, "{name}");
        let hosts = made_by(driver, name, None);
        assert_eq!(opens(JailFlags::TUN, &hosts), NOT_THERE, "the host's own, {name}");
        assert_eq!(opens(JailFlags::TUN, &made_by(driver, name, Some(MINE))), YES, "{name}");
    }
    let no_tunnels = [
        ("tun", "tun"),
        ("tun", "tap0"),
        ("tap", "tun0"),
        ("tun", "tun0x"),
        ("tun", "mem"),
        ("vmnet", "vmnet0"),
        ("", "0"),
    ];
    for (driver, name) in no_tunnels {
        assert_eq!(opens(JailFlags::TUN, &node(driver, name)), NOT_LISTED, "{driver} {name}");
    }
}

/// What was made for somebody else does not exist, list or no list, whatever it
/// is.
#[test]
fn anothers_device_is_not_there() {
    for (driver, name) in PLAIN.iter().chain(OTHERS) {
        for maker in [None, Some(other())] {
            let node = made_by(driver, name, maker);
            assert_eq!(opens(JailFlags::all(), &node), NOT_THERE, "{name}");
            assert_eq!(opens(JailFlags::empty(), &node), NOT_THERE, "{name}");
        }
    }
}

/// A node that leads to no driver the hook can see: through nullfs(4), or not in
/// devfs at all.
#[test]
fn what_cannot_be_told_is_refused() {
    let most = JailFlags::all() - JailFlags::ALL_DEVICES;
    for flags in [JailFlags::empty(), JailFlags::PAPER, most] {
        assert_eq!(open(MINE, flags, None), NOT_LISTED);
    }
    assert_eq!(open(MINE, JailFlags::ALL_DEVICES, None), YES);
    assert_eq!(revoke(MINE, None), NOT_LISTED);
}

/// A flag opens more, never less.
#[test]
fn a_flag_more_never_refuses_more() {
    let nodes: Vec<Node<'_>> = PLAIN
        .iter()
        .chain(OTHERS)
        .chain(&[("tun", "tun0"), ("ttydev", "ttyv0"), ("ttydev", "pts/0")])
        .flat_map(|(driver, name)| {
            [node(driver, name), made_by(driver, name, None), made_by(driver, name, Some(MINE))]
        })
        .collect();
    for node in nodes {
        for flag in JailFlags::all().iter() {
            if opens(JailFlags::empty(), &node) == YES {
                assert_eq!(opens(flag, &node), YES, "{node:?} {flag:?}");
            }
        }
    }
}

/// revoke(2) takes a device away from everybody, so a jail revokes only what it
/// made.
#[test]
fn a_jail_revokes_its_own_terminals_only() {
    assert_eq!(revoke(MINE, Some(&made_by("ttydev", "pts/0", Some(MINE)))), YES);
    assert_eq!(revoke(MINE, Some(&made_by("ttydev", "pts/0", Some(other())))), NOT_THERE);
    assert_eq!(revoke(MINE, Some(&made_by("ttydev", "pts/0", None))), NOT_THERE);
    let inherited = Node { controls: true, ..made_by("ttydev", "pts/0", None) };
    assert_eq!(revoke(MINE, Some(&inherited)), NOT_LISTED, "the host's shell is on it");
    for (driver, name) in PLAIN.iter().chain(OTHERS) {
        assert_eq!(revoke(MINE, Some(&node(driver, name))), NOT_LISTED, "{name}");
    }
}
