// SPDX-License-Identifier: BSD-2-Clause
//! rjail_kill(2): what an order is; and, over every interleaving of forks with the
//! walks, that each process gets the signal once and nobody escapes.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rjail::Errno;
use rjail::kill::{MOST, Order, Round, SIGKILL, Stage};

#[test]
fn an_order_is_a_signal_or_the_end() {
    for signal in 0..=MOST {
        assert_eq!(Order::new(signal, 0, 0), Ok(Order { signal, close: None }));
    }
    for time in [0, 1, abi::MAX_WAIT] {
        let order = Order { signal: SIGKILL, close: Some(time) };
        assert_eq!(Order::new(SIGKILL, abi::CLOSE, time), Ok(order));
    }
}

/// Who is sent the signal and who is born with it are both counted, once.
#[test]
fn all_who_get_it_are_counted() {
    let mut round = Round::new();
    assert!(round.make_room(1).is_ok());
    assert!(round.meet(7, Stage::Alive) && !round.meet(8, Stage::Unborn));
    round.walked();
    assert_eq!((round.sent(), round.is_settled()), (1, false));
    round.bear(8);
    round.bear(9);
    assert_eq!((round.sent(), round.is_settled()), (3, true));
}

#[test]
fn everything_else_is_none() {
    let wrong = [
        (-1, 0, 0),
        (MOST + 1, 0, 0),
        (i32::MIN, 0, 0),
        (i32::MAX, 0, 0),
        (SIGKILL, 2, 0),
        (SIGKILL, 3, 0),
        (SIGKILL, u32::MAX, 0),
        (SIGKILL, 0, 1),
        (0, abi::CLOSE, 0),
        (15, abi::CLOSE, 0),
        (-1, abi::CLOSE, 0),
        (SIGKILL, abi::CLOSE, abi::MAX_WAIT + 1),
        (SIGKILL, abi::CLOSE, u64::MAX),
    ];
    for (signal, flags, time) in wrong {
        assert_eq!(Order::new(signal, flags, time), Err(Errno::EINVAL), "{signal} {flags} {time}");
    }
}

/// How far a fork(2) is, as `fork1` and `do_fork` go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fork {
    /// Under way: the parent has looked for signals, the child is on no list.
    Begun,
    /// On the list.
    Listed,
    /// Past the event that tells of it.
    Told,
    /// A process.
    Done,
}

#[derive(Clone, Debug)]
struct Process {
    fork: Fork,
    parent: Option<i32>,
    /// To get it: its fork(2) had begun when the order was given, or its parent had
    /// not got it yet when it began.
    due: bool,
    got: u32,
    /// Got, and not yet looked at: it forks no more before it has.
    pending: bool,
    gone: bool,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody who may begins a fork(2).
    Fork(usize),
    /// A fork(2) comes one step further.
    Further(usize),
    /// Somebody takes his pending signal, and goes on.
    Take(usize),
    /// Somebody ends who is not forking.
    End(usize),
    /// The killer walks again.
    Walk,
}

/// A jail, and an order that is carried out in it.
struct World {
    processes: BTreeMap<i32, Process>,
    next: i32,
    round: Option<Round>,
}

impl World {
    fn new(count: i32) -> Self {
        let process = |pid| {
            let process = Process {
                fork: Fork::Done,
                parent: None,
                due: false,
                got: 0,
                pending: false,
                gone: false,
            };
            (pid, process)
        };
        Self { processes: (1..=count).map(process).collect(), next: count + 1, round: None }
    }

    fn pick(&self, index: usize, wanted: impl Fn(&Self, i32, &Process) -> bool) -> Option<i32> {
        let able: Vec<i32> = self
            .processes
            .iter()
            .filter(|(pid, process)| !process.gone && wanted(self, **pid, process))
            .map(|(pid, _)| *pid)
            .collect();
        (!able.is_empty()).then(|| able[index % able.len()])
    }

    fn is_forking(&self, pid: i32) -> bool {
        self.processes.values().any(|p| p.parent == Some(pid) && p.fork != Fork::Done)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Fork(index) => {
                let free = |world: &Self, pid, p: &Process| {
                    p.fork == Fork::Done && !p.pending && !world.is_forking(pid)
                };
                if let Some(parent) = self.pick(index, free) {
                    let due = self.round.is_some() && self.get(parent).got == 0;
                    let child = Process {
                        fork: Fork::Begun,
                        parent: Some(parent),
                        due,
                        got: 0,
                        pending: false,
                        gone: false,
                    };
                    self.processes.insert(self.next, child);
                    self.next += 1;
                }
            }
            Step::Further(index) => {
                if let Some(pid) = self.pick(index, |_, _, p| p.fork != Fork::Done) {
                    self.further(pid);
                }
            }
            Step::Take(index) => {
                if let Some(pid) = self.pick(index, |_, _, p| p.fork == Fork::Done && p.pending) {
                    self.get(pid).pending = false;
                }
            }
            Step::End(index) => {
                let free =
                    |world: &Self, pid, p: &Process| p.fork == Fork::Done && !world.is_forking(pid);
                if let Some(pid) = self.pick(index, free) {
                    self.get(pid).gone = true;
                }
            }
            Step::Walk => self.walk(),
        }
    }

    fn get(&mut self, pid: i32) -> &mut Process {
        self.processes.get_mut(&pid).expect("picked")
    }

    fn further(&mut self, pid: i32) {
        let next = match self.get(pid).fork {
            Fork::Begun => Fork::Listed,
            Fork::Listed => {
                if let Some(round) = &mut self.round {
                    round.bear(pid);
                    let child = self.get(pid);
                    child.got += 1;
                    child.pending = true;
                }
                Fork::Told
            }
            Fork::Told | Fork::Done => Fork::Done,
        };
        self.get(pid).fork = next;
    }

    /// The order is given: from here on until [`Self::end`] it is carried out.
    fn begin(&mut self) {
        let mut round = Round::new();
        let unborn = self.on_list().filter(|(_, stage)| *stage == Stage::Unborn).count();
        round.make_room(unborn).expect("memory");
        assert!(round.has_room(unborn));
        self.round = Some(round);
        for process in self.processes.values_mut().filter(|process| !process.gone) {
            process.due = true;
        }
        self.walk();
    }

    fn on_list(&self) -> impl Iterator<Item = (i32, Stage)> + '_ {
        self.processes
            .iter()
            .filter(|(_, p)| !p.gone && p.fork != Fork::Begun)
            .map(|(pid, p)| (*pid, if p.fork == Fork::Done { Stage::Alive } else { Stage::Unborn }))
    }

    fn walk(&mut self) {
        let list: Vec<_> = self.on_list().collect();
        let Some(mut round) = self.round.take() else { return };
        for (pid, stage) in list {
            if round.meet(pid, stage) {
                let process = self.get(pid);
                process.got += 1;
                process.pending = true;
            }
        }
        round.walked();
        self.round = Some(round);
    }

    /// Walks until all are settled, then lets the forks pass that are under way.
    fn end(&mut self) {
        for _ in 0..3 {
            self.walk();
            if self.round.as_ref().is_some_and(Round::is_settled) {
                break;
            }
            // Who is past the event becomes a process by itself.
            let told: Vec<i32> = self.pids(|p| matches!(p.fork, Fork::Told | Fork::Listed));
            for pid in told {
                self.further(pid);
            }
        }
        assert!(self.round.as_ref().is_some_and(Round::is_settled), "it comes to an end");
        for pid in self.pids(|p| p.fork != Fork::Done) {
            while self.get(pid).fork != Fork::Done {
                self.further(pid);
            }
        }
        self.round = None;
    }

    fn pids(&self, wanted: impl Fn(&Process) -> bool) -> Vec<i32> {
        self.processes.iter().filter(|(_, p)| !p.gone && wanted(p)).map(|(pid, _)| *pid).collect()
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<usize>().prop_map(Step::Fork),
        8 => any::<usize>().prop_map(Step::Further),
        2 => any::<usize>().prop_map(Step::Take),
        1 => any::<usize>().prop_map(Step::End),
        1 => Just(Step::Walk),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Before the order, while it is carried out, and after it: in any order.
    #[test]
    fn each_gets_it_once_and_nobody_escapes(
        count in 1..4_i32,
        before in vec(step(), 0..40),
        meanwhile in vec(step(), 0..60),
    ) {
        let mut world = World::new(count);
        before.into_iter().for_each(|step| world.step(step));
        world.begin();
        meanwhile.into_iter().for_each(|step| world.step(step));
        let sent = world.round.as_ref().map_or(0, Round::sent);
        world.end();
        for (pid, process) in &world.processes {
            prop_assert!(process.got <= 1, "{pid} got it {} times", process.got);
            // Who ended by himself before the killer came to him needs none.
            let spared = process.gone && process.got == 0;
            prop_assert!(!process.due || spared || process.got == 1, "{pid}: {process:?}");
        }
        let got: u64 = world.processes.values().map(|process| u64::from(process.got)).sum();
        prop_assert!(sent <= got);
    }

    /// With SIGKILL, after which nobody forks: none is left without it.
    #[test]
    fn of_those_that_die_of_it_none_is_left(
        count in 1..4_i32,
        before in vec(step(), 0..40),
        meanwhile in vec(step(), 0..60),
    ) {
        let mut world = World::new(count);
        before.into_iter().for_each(|step| world.step(step));
        world.begin();
        let fatal = |step: &Step| !matches!(step, Step::Take(_));
        meanwhile.into_iter().filter(fatal).for_each(|step| world.step(step));
        world.end();
        for (pid, process) in &world.processes {
            prop_assert!(process.gone || process.got == 1, "{pid} lives: {process:?}");
        }
    }
}

#[test]
fn a_walk_that_meets_nobody_is_an_end() {
    let mut round = Round::new();
    assert!(!round.is_settled(), "nobody has walked");
    round.walked();
    assert!(round.is_settled());
    assert_eq!(round.sent(), 0);
}

#[test]
fn one_that_ends_unborn_is_not_waited_for() {
    let mut round = Round::new();
    round.make_room(2).expect("memory");
    assert!(!round.meet(7, Stage::Unborn));
    assert!(!round.meet(8, Stage::Unborn));
    round.walked();
    assert!(!round.meet(8, Stage::Unborn));
    round.walked();
    assert!(!round.is_settled());
    assert!(round.meet(8, Stage::Alive), "it was past the event");
    round.walked();
    assert!(round.is_settled());
    assert_eq!(round.sent(), 1);
}
