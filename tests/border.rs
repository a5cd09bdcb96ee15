// SPDX-License-Identifier: BSD-2-Clause
//! Named UNIX-domain sockets and devices in random histories of the model
//! kernel: who ends up in which jail is kept beside it, and each answer is held
//! against that alone.

use std::collections::BTreeMap;

use cases::Errno;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rjail::address::{Lines, Loopback};
use rjail::prison::{JailFlags, Jid};
use rjail::privilege::Named;
use rjail_model::Result;
use rjail_model::machine::{Args, INIT, Machine, Pid};
use rjail_model::names::{Node, ROOT};
use rjail_model::special::Device;

const NAMES: [&str; 3] = ["one", "two", "three"];

/// Devices: node, driver, and whether every jail opens it.
const DEVICES: [(&str, &str, bool); 4] =
    [("null", "null", true), ("zero", "zero", true), ("mem", "mem", false), ("tun0", "tun", false)];

#[derive(Clone, Debug)]
enum Call {
    Fork,
    Jail(JailFlags),
    Bind(&'static str),
    Close(&'static str),
    Connect(&'static str),
    Open(usize),
    Revoke(usize),
    Exit,
    Switch(bool),
}

fn call() -> impl Strategy<Value = Call> {
    let flags = [
        JailFlags::empty(),
        JailFlags::PAPER,
        JailFlags::TUN,
        JailFlags::ALL_DEVICES,
        JailFlags::all(),
    ];
    prop_oneof![
        3 => Just(Call::Fork),
        2 => select(flags.to_vec()).prop_map(Call::Jail),
        3 => select(&NAMES[..]).prop_map(Call::Bind),
        1 => select(&NAMES[..]).prop_map(Call::Close),
        6 => select(&NAMES[..]).prop_map(Call::Connect),
        3 => (0..DEVICES.len()).prop_map(Call::Open),
        2 => (0..DEVICES.len()).prop_map(Call::Revoke),
        1 => Just(Call::Exit),
        1 => any::<bool>().prop_map(Call::Switch),
    ]
}

/// What is known without asking the policy.
struct Statement {
    jails: BTreeMap<Pid, Option<(Jid, JailFlags)>>,
    /// Names that are bound: whose jail, which process, which node.
    sockets: BTreeMap<&'static str, (Option<Jid>, Pid, Node)>,
    /// Names that exist, bound or not.
    names: Vec<&'static str>,
    crossing: bool,
}

impl Statement {
    fn jid(&self, pid: Pid) -> Option<Jid> {
        self.jails[&pid].map(|(jid, _)| jid)
    }

    fn connects(&self, pid: Pid, name: &str) -> Result {
        if !self.names.contains(&name) {
            return Err(Errno::ENOENT);
        }
        match self.sockets.get(name) {
            None => Err(Errno::ECONNREFUSED),
            Some((owner, ..)) if self.crossing || *owner == self.jid(pid) => Ok(()),
            Some(_) => Err(Errno::EACCES),
        }
    }

    fn opens(&self, pid: Pid, (name, _, plain): (&str, &str, bool)) -> Result {
        let Some((_, flags)) = self.jails[&pid] else { return Ok(()) };
        let tunnel = name == "tun0" && flags.contains(JailFlags::TUN);
        if plain || tunnel || flags.contains(JailFlags::ALL_DEVICES) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }
}

fn play(lines: Lines, history: Vec<(Index, Call)>) -> core::result::Result<(), TestCaseError> {
    let mut machine = Machine::new(lines);
    let dev = machine.names.mkdir(ROOT, "dev").expect("a directory");
    for (name, driver, _) in DEVICES {
        machine.add_device(dev, name, Device { driver, name }).expect("a device");
    }
    // Every jail has the machine's root: all reach all names.
    let mut statement = Statement {
        jails: BTreeMap::from([(INIT, None)]),
        sockets: BTreeMap::new(),
        names: Vec::new(),
        crossing: false,
    };
    for (who, call) in history {
        let alive: Vec<Pid> = statement.jails.keys().copied().collect();
        let pid = alive[who.index(alive.len())];
        let jid = statement.jid(pid);
        match call {
            Call::Fork => {
                let child = machine.fork(pid).expect("a child");
                let jail = statement.jails[&pid];
                statement.jails.insert(child, jail);
            }
            Call::Jail(flags) if pid != INIT => {
                let named = Named::NONE;
                let (ip4, ip6, loopback) = (vec![], vec![], Loopback::Rewrite);
                let args = Args { hostname: "a".to_owned(), ip4, ip6, loopback, flags, named };
                let made = machine.rjail(pid, "/", &args);
                prop_assert_eq!(made.is_ok(), jid.is_none());
                if let Ok(jid) = made {
                    statement.jails.insert(pid, Some((jid, flags)));
                }
            }
            Call::Bind(name) => {
                let bound = machine.bind_local(pid, name);
                prop_assert_eq!(bound.is_ok(), !statement.names.contains(&name));
                if let Ok(node) = bound {
                    statement.names.push(name);
                    statement.sockets.insert(name, (jid, pid, node));
                }
            }
            Call::Close(name) => {
                if let Some((.., node)) = statement.sockets.remove(name) {
                    machine.close_local(node);
                    machine.names.unlink(ROOT, name).expect("a name");
                    statement.names.retain(|other| *other != name);
                }
            }
            Call::Connect(name) => {
                prop_assert_eq!(machine.connect_local(pid, name), statement.connects(pid, name));
            }
            Call::Open(at) => {
                let device = DEVICES[at];
                let opened = machine.open(pid, &format!("/dev/{}", device.0));
                prop_assert_eq!(opened.map(drop), statement.opens(pid, device), "{:?}", device);
            }
            Call::Revoke(at) => {
                let revoked = machine.revoke(pid, &format!("/dev/{}", DEVICES[at].0));
                // The system made them all.
                let wanted = if jid.is_none() { Ok(()) } else { Err(Errno::EPERM) };
                prop_assert_eq!(revoked, wanted);
            }
            Call::Exit if pid != INIT => {
                machine.exit(pid).expect("its end");
                statement.jails.remove(&pid);
                statement.sockets.retain(|_, (_, holder, _)| *holder != pid);
            }
            Call::Switch(on) => {
                let set = machine.set_crossing(pid, on);
                prop_assert_eq!(set.is_ok(), jid.is_none());
                if set.is_ok() {
                    statement.crossing = on;
                }
            }
            Call::Jail(_) | Call::Exit => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_crosses(history in vec((any::<Index>(), call()), 1..120)) {
        play(Lines::Both, history)?;
    }

    #[test]
    fn nothing_crosses_with_the_label_alone(history in vec((any::<Index>(), call()), 1..120)) {
        play(Lines::LabelAlone, history)?;
    }
}
