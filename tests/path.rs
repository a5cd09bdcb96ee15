// SPDX-License-Identifier: BSD-2-Clause
//! The root, on generated trees: processes inside and outside walk at random,
//! narrow, open, pass and move, and no sequence names a node outside.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rjail::address::{Lines, Loopback};
use rjail::prison::JailFlags;
use rjail::privilege::Named;
use rjail_model::machine::{Args, INIT, Machine, Pid};
use rjail_model::names::{Node, Place, ROOT};

/// A path as numbers: how far up, then which names down; absolute or not.
#[derive(Clone, Debug)]
struct Walk {
    absolute: bool,
    up: usize,
    down: Vec<u8>,
    up_again: usize,
}

impl Walk {
    fn path(&self) -> String {
        let mut parts = vec![".."; self.up];
        let names: Vec<String> = self.down.iter().map(|name| format!("n{name}")).collect();
        parts.extend(names.iter().map(String::as_str));
        parts.extend(vec![".."; self.up_again]);
        let start = if self.absolute { "/" } else { "./" };
        format!("{start}{}", parts.join("/"))
    }
}

fn walk() -> impl Strategy<Value = Walk> {
    (any::<bool>(), 0..5_usize, vec(0..3_u8, 0..4), 0..6_usize)
        .prop_map(|(absolute, up, down, up_again)| Walk { absolute, up, down, up_again })
}

/// What is done, by one of the processes.
#[derive(Clone, Debug)]
enum Step {
    Chdir(Walk),
    Chroot(Walk),
    Open(Walk),
    OpenAt(Index, Walk),
    Fchdir(Index),
    Close(Index),
    Mkdir(Walk),
    /// A directory, the one it goes to, its new name.
    Move(Index, Index, u8),
    Pass(Index, Index),
    Reopen(Index),
    Fork,
}

fn step() -> impl Strategy<Value = Step> {
    let fd = any::<Index>;
    prop_oneof![
        4 => walk().prop_map(Step::Chdir),
        2 => walk().prop_map(Step::Chroot),
        4 => walk().prop_map(Step::Open),
        3 => (fd(), walk()).prop_map(|(fd, walk)| Step::OpenAt(fd, walk)),
        4 => fd().prop_map(Step::Fchdir),
        4 => fd().prop_map(Step::Close),
        2 => walk().prop_map(Step::Mkdir),
        6 => (fd(), fd(), 0..4_u8).prop_map(|(from, to, name)| Step::Move(from, to, name)),
        3 => (fd(), fd()).prop_map(|(fd, to)| Step::Pass(fd, to)),
        2 => fd().prop_map(Step::Reopen),
        1 => Just(Step::Fork),
    ]
}

/// Everything that a history begins with: directories by parent and name, two
/// directories that become roots (which may lie in one another), steps.
type History = (Vec<(Index, u8)>, [Index; 2], Vec<(Index, Step)>);

fn history() -> impl Strategy<Value = History> {
    let roots = [any::<Index>(), any::<Index>()];
    (vec((any::<Index>(), 0..3_u8), 4..24), roots, vec((any::<Index>(), step()), 1..60))
}

/// Who is in which jail, by the jail's root.
struct World {
    machine: Machine,
    directories: Vec<Node>,
    jailed: Vec<(Pid, Node)>,
    moves: usize,
    refused: usize,
}

impl World {
    fn new(lines: Lines, tree: &[(Index, u8)], roots: [Index; 2]) -> Self {
        let mut machine = Machine::new(lines);
        let mut nodes = vec![ROOT];
        for (parent, name) in tree {
            let parent = nodes[parent.index(nodes.len())];
            nodes.extend(machine.names.mkdir(parent, &format!("n{name}")));
        }
        let jailed = Vec::new();
        let mut world = Self { machine, directories: nodes, jailed, moves: 0, refused: 0 };
        for root in roots {
            let root = world.directories[root.index(world.directories.len())];
            let pid = world.machine.fork(INIT).expect("init forks");
            let path = world.machine.names.path(root);
            let args = Args {
                hostname: "j".to_owned(),
                ip4: vec![],
                ip6: vec![],
                loopback: Loopback::Rewrite,
                flags: JailFlags::PAPER,
                named: Named::NONE,
            };
            world.machine.rjail(pid, &path, &args).expect("nothing stands against it");
            world.jailed.push((pid, root));
        }
        // And one outside, besides process 1.
        world.machine.fork(INIT).expect("init forks");
        world
    }

    fn descriptor(&self, pid: Pid, which: Index) -> Option<i32> {
        let open = self.machine.descriptors(pid).expect("alive");
        (!open.is_empty()).then(|| open[which.index(open.len())].0)
    }

    /// A directory as a process names it, or would if it were not outside.
    fn named(&self, pid: Pid, which: Index) -> String {
        let node = self.directories[which.index(self.directories.len())];
        let (path, root) = (self.machine.names.path(node), self.machine.root_of(pid));
        let root = self.machine.names.path(root.expect("alive"));
        path.strip_prefix(&root)
            .filter(|_| root != "/")
            .map_or(path.clone(), |rest| format!("/{rest}"))
    }

    fn play(&mut self, who: Index, step: &Step) {
        let pids: Vec<Pid> = self.machine.pids().collect();
        let pid = pids[who.index(pids.len())];
        if let Step::Move(from, to, name) = step {
            let (from, to) = (self.named(pid, *from), self.named(pid, *to));
            match self.machine.rename(pid, &from, &format!("{to}/n{name}")) {
                Ok(()) => self.moves += 1,
                Err(rjail_model::Errno::EXDEV) => self.refused += 1,
                Err(_) => {}
            }
            return;
        }
        let machine = &mut self.machine;
        // Most of it fails, and may.
        match step {
            Step::Move(..) => {}
            Step::Chdir(walk) => drop(machine.chdir(pid, &walk.path())),
            Step::Chroot(walk) => drop(machine.chroot(pid, &walk.path())),
            Step::Open(walk) => drop(machine.open(pid, &walk.path())),
            Step::Mkdir(walk) => drop(machine.mkdir(pid, &walk.path())),
            Step::OpenAt(fd, walk) => {
                if let Some(fd) = self.descriptor(pid, *fd) {
                    let _ = self.machine.open_at(pid, fd, &walk.path());
                }
            }
            Step::Fchdir(fd) => {
                if let Some(fd) = self.descriptor(pid, *fd) {
                    let _ = self.machine.fchdir(pid, fd);
                }
            }
            Step::Close(fd) => {
                if let Some(fd) = self.descriptor(pid, *fd) {
                    let _ = self.machine.close(pid, fd);
                }
            }
            Step::Pass(fd, to) => {
                if let Some(fd) = self.descriptor(pid, *fd) {
                    let _ = self.machine.pass(pid, fd, pids[to.index(pids.len())]);
                }
            }
            Step::Reopen(fd) => {
                if let Some(fd) = self.descriptor(pid, *fd) {
                    let _ = self.machine.reopen(pid, fd);
                }
            }
            Step::Fork => {
                if pids.len() < 8 {
                    let child = machine.fork(pid).expect("alive");
                    let jail = self.jailed.iter().find(|(jailed, _)| *jailed == pid);
                    self.jailed.extend(jail.map(|&(_, root)| (child, root)));
                }
            }
        }
    }

    /// Where a jailed process stands, what its root is, and what it can name.
    /// `received` is what somebody outside handed it: that and no more.
    fn check(&self, look_ups: bool) {
        for &(pid, root) in &self.jailed {
            let names = &self.machine.names;
            let inside = |node| names.place(root, node) == Place::Beneath;
            let current = self.machine.current_of(pid).expect("alive");
            assert!(inside(current), "{pid:?} stands outside");
            assert!(inside(self.machine.root_of(pid).expect("alive")), "its root is outside");
            for (fd, opened) in self.machine.descriptors(pid).expect("alive") {
                let mine =
                    self.machine.opener(pid, fd) == self.machine.credential(pid).map(|c| c.jid());
                let changed = self.machine.fchmod(pid, fd);
                let wanted =
                    if mine || inside(opened) { Ok(()) } else { Err(rjail_model::Errno::EPERM) };
                assert_eq!(changed, wanted, "{pid:?} changes {fd}");
            }
            if !look_ups {
                continue;
            }
            let ups = ["..", "../..", "../../../..", "/..", "/", "../n0", "../../n1", "n0/../.."];
            for path in ups {
                if let Ok(node) = self.machine.lookup(pid, path) {
                    assert!(inside(node), "{pid:?} names {path}");
                }
                for (fd, opened) in self.machine.descriptors(pid).expect("alive") {
                    if let Ok(node) = self.machine.lookup_at(pid, fd, path) {
                        let beneath = names.place(opened, node) == Place::Beneath;
                        assert!(inside(node) || beneath, "{pid:?} names {path} from {fd}");
                        assert!(inside(node) || !inside(opened), "{pid:?} climbs from {fd}");
                    }
                }
            }
        }
    }
}

fn live(lines: Lines, (tree, roots, steps): &History) {
    let mut world = World::new(lines, tree, *roots);
    for (who, step) in steps {
        // With the label alone no root is known to who moves a directory, and a
        // received one is confined for chdir(2) only.
        if lines == Lines::LabelAlone && matches!(step, Step::Move(..)) {
            continue;
        }
        world.play(*who, step);
        world.check(lines == Lines::Both);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_sequence_names_a_node_outside(history in history()) {
        live(Lines::Both, &history);
    }

    #[test]
    fn with_the_label_alone_nobody_stands_outside(history in history()) {
        live(Lines::LabelAlone, &history);
    }
}

/// The histories are worth something only if directories move, and some would
/// have left a root.
#[test]
fn the_histories_move_directories() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut moves, mut refused) = (0, 0);
    for _ in 0..500 {
        let (tree, roots, steps) = history().new_tree(&mut runner).expect("a history").current();
        let mut world = World::new(Lines::Both, &tree, roots);
        for (who, step) in &steps {
            world.play(*who, step);
        }
        moves += world.moves;
        refused += world.refused;
    }
    assert!(moves >= 100, "{moves} moves");
    assert!(refused >= 20, "{refused} moves were refused");
}
