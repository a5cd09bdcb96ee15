// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences: what the model says, what real kernels said, and the shortest
//! sequence that shows a difference.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use rjail::address::Lines;
use rjail_model::sequence;
use sequences::{JAILS, KNOWN, Op, Reply, SLOTS, STEPS, Step, generate};

use crate::image::Module;
use crate::judge::{Played, Test};
use crate::needs::{Kernel, Programs};
use crate::report::Run;
use crate::run::{self, Options};

/// Those that once showed a difference, then those of so many seeds.
pub fn known_and_of_seeds(from: u64, count: u64) -> Arc<[Vec<Step>]> {
    let known = KNOWN.iter().map(|steps| steps.to_vec());
    known.chain(of_seeds(from, count).iter().cloned()).collect()
}

/// The sequences of so many seeds.
pub fn of_seeds(from: u64, count: u64) -> Arc<[Vec<Step>]> {
    (from..from + count).map(|seed| generate(seed).to_vec()).collect()
}

/// As the guest reads them: how many steps, then four bytes each.
pub fn file(sequences: &[Vec<Step>]) -> Vec<u8> {
    let mut file = Vec::new();
    for steps in sequences {
        file.push(u8::try_from(steps.len().min(STEPS)).unwrap_or(0));
        file.extend(steps.iter().take(STEPS).flat_map(|step| step.encode()));
    }
    file
}

/// Which run is held beside what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Both lines beside the model of both.
    ModelOfBoth,
    /// The label alone beside the model of it.
    ModelOfLabel,
    /// Both lines beside a native jail, one-sided.
    Native,
}

impl Against {
    const ALL: [Self; 3] = [Self::ModelOfBoth, Self::ModelOfLabel, Self::Native];

    const fn mode(self) -> &'static str {
        match self {
            Self::ModelOfBoth | Self::Native => "both",
            Self::ModelOfLabel => "label",
        }
    }

    const fn test(self) -> &'static str {
        match self {
            Self::ModelOfBoth => "sequences: both lines as on the model",
            Self::ModelOfLabel => "sequences: the label alone as on the model",
            Self::Native => "sequences: never looser than a native jail",
        }
    }
}

/// A step that was answered otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Difference {
    sequence: usize,
    at: usize,
    wanted: Reply,
    got: Reply,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default)]
struct Verdict {
    /// Steps that both answered.
    compared: usize,
    /// Those of them by somebody in a jail.
    inside: usize,
    /// Steps where the native jail permits and rjail refuses.
    tighter: usize,
    /// Differences that have a reason.
    known: usize,
    differences: Vec<Difference>,
}

/// Who is in which jail, as the replies tell it.
#[derive(Clone, Copy, Default)]
struct Inside {
    jails: [Option<u8>; SLOTS],
    entered: [bool; JAILS],
}

impl Inside {
    fn of(&self, step: Step) -> bool {
        self.jails[usize::from(step.actor)].is_some()
    }

    /// Whether a jail has lost its last process.
    fn is_dying(&self, jail: u8) -> bool {
        self.entered[usize::from(jail)] && !self.jails.contains(&Some(jail))
    }

    fn after(&mut self, step: Step, reply: Reply) {
        let actor = usize::from(step.actor);
        match (step.op, reply) {
            (Op::Enter(jail), Reply::Ok) => {
                self.jails[actor] = Some(jail);
                self.entered[usize::from(jail)] = true;
            }
            (Op::Attach(jail), Reply::Ok) => self.jails[actor] = Some(jail),
            (Op::Fork(child), Reply::Ok) => self.jails[usize::from(child)] = self.jails[actor],
            (Op::Exit, Reply::Ok) => self.jails[actor] = None,
            (Op::Kill(slot), Reply::Ok) => self.jails[usize::from(slot)] = None,
            _ => {}
        }
    }
}

/// Where the model need not say what the kernel says, and why.
fn reason(
    against: Against,
    inside: &Inside,
    step: Step,
    wanted: Reply,
    got: Reply,
) -> Option<&'static str> {
    const EPERM: Reply = Reply::No(1);
    const ENOENT: Reply = Reply::No(2);
    const EXDEV: Reply = Reply::No(18);
    match (against, step.op, wanted, got) {
        (Against::ModelOfBoth | Against::ModelOfLabel, Op::Rename(..), Reply::Ok, EXDEV)
            if (0..).zip(inside.entered).any(|(jail, _)| inside.is_dying(jail)) =>
        {
            Some("a jail keeps its root's edge until the task has taken it apart, a moment later")
        }
        (Against::ModelOfBoth | Against::Native, Op::Attach(jail), Reply::No(_), Reply::Ok)
            if inside.is_dying(jail) =>
        {
            Some("a jail can be entered until the task has heard of the last process's end")
        }
        (Against::ModelOfBoth | Against::ModelOfLabel, Op::Attach(jail), ENOENT, EPERM)
            if inside.is_dying(jail) =>
        {
            Some("who may enter is asked before who is in it, as long as anything has it")
        }
        _ => None,
    }
}

fn compare(against: Against, sequences: &[Vec<Step>], played: &[Played]) -> Option<Verdict> {
    let mut verdict = Verdict::default();
    let mut by_number: Vec<[Option<&Played>; 2]> = vec![[None; 2]; sequences.len()];
    for one in played {
        let place = match one.mode.as_str() {
            mode if mode == against.mode() => 0,
            "native" => 1,
            _ => continue,
        };
        by_number.get_mut(one.number)?[place] = Some(one);
    }
    for (number, (steps, [ours, native])) in sequences.iter().zip(by_number).enumerate() {
        let read = |played: &Played| -> Option<Vec<Reply>> {
            played.replies.iter().map(|byte| Reply::decode(*byte)).collect()
        };
        let got = read(ours?)?;
        let wanted = match against {
            Against::ModelOfBoth => sequence::play(steps, Lines::Both),
            Against::ModelOfLabel => sequence::play(steps, Lines::LabelAlone),
            Against::Native => read(native?)?,
        };
        if got.len() != steps.len() || wanted.len() != steps.len() {
            return None;
        }
        verdict.add(against, number, steps, &wanted, &got);
    }
    Some(verdict)
}

impl Verdict {
    /// Goes through one sequence, as far as the two go the same way.
    fn add(
        &mut self,
        against: Against,
        sequence: usize,
        steps: &[Step],
        wanted: &[Reply],
        got: &[Reply],
    ) {
        let mut inside = Inside::default();
        for (at, ((step, wanted), got)) in steps.iter().zip(wanted).zip(got).enumerate() {
            let (step, wanted, got) = (*step, *wanted, *got);
            let there = |reply| !matches!(reply, Reply::Nobody | Reply::NotThere);
            if there(wanted) && there(got) {
                self.compared += 1;
                self.inside += usize::from(inside.of(step));
            }
            let differ = match against {
                _ if wanted == got => false,
                Against::ModelOfBoth | Against::ModelOfLabel => true,
                Against::Native if wanted == Reply::NotThere => false,
                Against::Native => {
                    // Both refuse, with another errno: no right is at stake.
                    if wanted.is_refusal() && got.is_refusal() {
                        continue;
                    }
                    if got.is_refusal() {
                        // From here on the two are different worlds.
                        self.tighter += 1;
                        return;
                    }
                    true
                }
            };
            if differ {
                if reason(against, &inside, step, wanted, got).is_some() {
                    self.known += 1;
                } else {
                    self.differences.push(Difference { sequence, at, wanted, got });
                }
                return;
            }
            inside.after(step, got);
        }
    }

    fn say(&self, against: Against) -> String {
        let mut said = format!(
            "{} operations compared, {} of them by processes in jails",
            self.compared, self.inside
        );
        if against == Against::Native {
            let _ = write!(said, "; {} times tighter", self.tighter);
        }
        if self.known > 0 {
            let _ = write!(said, "; {} known differences", self.known);
        }
        said
    }
}

/// Whether a boot played sequences.
fn was_asked(run: &Run) -> bool {
    run.tests.iter().any(|test| test.name.starts_with("sequences_"))
}

/// Adds a test for each comparison that a run allows; the differences are shrunk.
pub fn judge(run: &mut Run, options: &Options, programs: &Programs, kernel: Kernel) -> Result<()> {
    if options.sequences.is_empty() || !was_asked(run) {
        return Ok(());
    }
    for against in Against::ALL {
        let needed: &[&str] = match against {
            Against::Native => &["both", "native"],
            _ => &[against.mode()],
        };
        if !needed.iter().all(|mode| run.sequences.iter().any(|played| played.mode == *mode)) {
            continue;
        }
        let verdict = compare(against, &options.sequences, &run.sequences);
        let mut test = Test {
            group: "sequences".to_owned(),
            name: against.test().to_owned(),
            ok: false,
            notes: Vec::new(),
        };
        match verdict {
            None => test.notes.push("not every sequence was played to its end".to_owned()),
            Some(verdict) => {
                test.ok = verdict.differences.is_empty();
                test.notes.push(verdict.say(against));
                if let Some(first) = shortest(&verdict.differences) {
                    test.notes.push(kinds(&verdict.differences, &options.sequences));
                    let shrunk = shrink(options, programs, kernel, against, first)?;
                    test.notes.push(shrunk);
                }
            }
        }
        let prefix = &options.prefix;
        println!("{prefix}{} - {}", if test.ok { "ok" } else { "not ok" }, test.name);
        for note in &test.notes {
            println!("{prefix}    # {}", note.replace('\n', &format!("\n{prefix}    # ")));
        }
        run.tests.push(test);
    }
    Ok(())
}

fn shortest(differences: &[Difference]) -> Option<&Difference> {
    differences.iter().min_by_key(|difference| difference.at)
}

/// Which kinds of differences there are, and how often.
fn kinds(differences: &[Difference], sequences: &[Vec<Step>]) -> String {
    let mut kinds: Vec<(String, usize, usize)> = Vec::new();
    for found in differences {
        let op = format!("{:?}", sequences[found.sequence][found.at].op);
        let op = op.split('(').next().unwrap_or_default();
        let kind = format!("{op}: {:?}, not {:?}", found.got, found.wanted);
        match kinds.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, count, _)) => *count += 1,
            None => kinds.push((kind, 1, found.sequence)),
        }
    }
    kinds.sort_by_key(|(_, count, _)| usize::MAX - count);
    let total = differences.len();
    let lines = kinds
        .iter()
        .take(20)
        .map(|(kind, count, first)| format!("{count} x {kind} (first in {first})"));
    format!("{total} sequences differ:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Leaves steps out as long as the same step is answered otherwise, many ways a
/// boot.
fn shrink(
    options: &Options,
    programs: &Programs,
    kernel: Kernel,
    against: Against,
    from: &Difference,
) -> Result<String> {
    const BOOTS: usize = 8;
    let mut best = options.sequences[from.sequence][..=from.at].to_vec();
    let mut answers = (from.wanted, from.got);
    for _ in 0..BOOTS {
        let candidates = shorter(&best);
        if candidates.is_empty() {
            break;
        }
        let options = Options {
            test: Some("sequences*".to_owned()),
            sequences: candidates.into(),
            quiet: true,
            ..options.clone()
        };
        let run = run::boot(&options, programs, kernel, Module::Late)?;
        let Some(verdict) = compare(against, &options.sequences, &run.sequences) else { break };
        let same = verdict.differences.iter().filter(|found| {
            let steps = &options.sequences[found.sequence];
            found.at + 1 == steps.len() && steps.last() == best.last()
        });
        let Some(found) = same.min_by_key(|found| options.sequences[found.sequence].len()) else {
            break;
        };
        answers = (found.wanted, found.got);
        best = options.sequences[found.sequence].clone();
    }
    Ok(paste(&best, answers.0, answers.1))
}

/// The sequence without each run of steps of each of some lengths; never without
/// its last.
fn shorter(steps: &[Step]) -> Vec<Vec<Step>> {
    let before_last = steps.len().saturating_sub(1);
    let mut candidates = Vec::new();
    let mut length = before_last;
    while length > 0 {
        for start in (0..before_last).step_by((length / 2).max(1)) {
            let end = (start + length).min(before_last);
            candidates.push([&steps[..start], &steps[end..]].concat());
        }
        length /= 2;
    }
    candidates
}

/// As an entry of `sequences::KNOWN`.
fn paste(steps: &[Step], wanted: Reply, got: Reply) -> String {
    let mut text = format!("{got:?}, not {wanted:?}, to the last of:\n&[\n");
    for step in steps {
        let _ = writeln!(text, "    step({}, Op::{:?}),", step.actor, step.op);
    }
    text.push_str("],");
    text
}

#[cfg(test)]
mod tests {
    use sequences::{Op, Reply, Step, step};

    use super::{Against, Verdict, file, of_seeds, paste, shorter};

    const STEPS: [Step; 4] =
        [step(0, Op::Fork(2)), step(2, Op::Enter(0)), step(2, Op::Jailed), step(2, Op::Signal(0))];
    const ESRCH: Reply = Reply::No(3);
    const EPERM: Reply = Reply::No(1);

    fn verdict(against: Against, wanted: [Reply; 4], got: [Reply; 4]) -> Verdict {
        let mut verdict = Verdict::default();
        verdict.add(against, 0, &STEPS, &wanted, &got);
        verdict
    }

    #[test]
    fn what_the_model_does_not_say_is_a_difference() {
        let same = [Reply::Ok, Reply::Ok, Reply::Number(true), ESRCH];
        let other = [Reply::Ok, Reply::Ok, Reply::Number(true), EPERM];
        let agreed = verdict(Against::ModelOfBoth, same, same);
        assert_eq!((agreed.compared, agreed.inside, agreed.differences.len()), (4, 2, 0));
        let differs = verdict(Against::ModelOfBoth, same, other);
        assert_eq!(differs.differences[0].at, 3);
    }

    #[test]
    fn only_looser_than_native_is_a_difference() {
        let ours = [Reply::Ok, Reply::Ok, Reply::Number(true), ESRCH];
        let native = |last| [Reply::Ok, Reply::Ok, Reply::Number(true), last];
        assert_eq!(verdict(Against::Native, native(EPERM), ours).differences, []);
        let tighter = verdict(Against::Native, native(Reply::Ok), ours);
        assert_eq!((tighter.tighter, tighter.differences.len()), (1, 0));
        let mut loose = ours;
        loose[3] = Reply::Ok;
        assert_eq!(verdict(Against::Native, native(EPERM), loose).differences.len(), 1);
        let mut elsewhere = ours;
        elsewhere[2] = Reply::Number(false);
        assert_eq!(verdict(Against::Native, native(ESRCH), elsewhere).differences.len(), 1);
    }

    #[test]
    fn a_jail_that_dies_keeps_its_edge_for_a_moment_and_no_other() {
        const EXDEV: Reply = Reply::No(18);
        let play = |third: Op| {
            let steps = [STEPS[0], STEPS[1], step(2, third), step(0, Op::Rename(6, 15))];
            let mut verdict = Verdict::default();
            let replies = |last| [Reply::Ok, Reply::Ok, Reply::Ok, last];
            verdict.add(Against::ModelOfBoth, 0, &steps, &replies(Reply::Ok), &replies(EXDEV));
            (verdict.known, verdict.differences.len())
        };
        assert_eq!(play(Op::Exit), (1, 0));
        assert_eq!(play(Op::Setuid), (0, 1), "it lives");
    }

    #[test]
    fn a_jail_that_dies_can_be_entered_for_a_moment_and_no_other() {
        let play = |against: Against, third: Op, jail: u8| {
            let steps = [STEPS[0], STEPS[1], step(2, third), step(0, Op::Attach(jail))];
            let mut verdict = Verdict::default();
            let replies = |last| [Reply::Ok, Reply::Ok, Reply::Ok, last];
            verdict.add(against, 0, &steps, &replies(Reply::No(2)), &replies(Reply::Ok));
            (verdict.known, verdict.differences.len())
        };
        for against in [Against::ModelOfBoth, Against::Native] {
            assert_eq!(play(against, Op::Exit, 0), (1, 0));
            assert_eq!(play(against, Op::Setuid, 0), (0, 1), "it lives");
            assert_eq!(play(against, Op::Exit, 1), (0, 1), "nobody was in it");
        }
        assert_eq!(play(Against::ModelOfLabel, Op::Exit, 0), (0, 1), "it asks who is there");
    }

    #[test]
    fn who_may_enter_is_asked_before_who_is_there_and_of_no_living_jail() {
        let play = |against: Against, third: Op| {
            let steps = [STEPS[0], STEPS[1], step(2, third), step(0, Op::Attach(0))];
            let mut verdict = Verdict::default();
            let replies = |last| [Reply::Ok, Reply::Ok, Reply::Ok, last];
            verdict.add(against, 0, &steps, &replies(Reply::No(2)), &replies(EPERM));
            (verdict.known, verdict.differences.len())
        };
        for against in [Against::ModelOfBoth, Against::ModelOfLabel] {
            assert_eq!(play(against, Op::Exit), (1, 0));
            assert_eq!(play(against, Op::Setuid), (0, 1), "it lives");
        }
    }

    #[test]
    fn the_guest_reads_what_was_made() {
        let sequences = of_seeds(1, 3);
        let file = file(&sequences);
        assert_eq!(file.len(), 3 * 201);
        let first: Vec<_> =
            file[1..201].chunks(4).map(|b| Step::decode(b.try_into().unwrap())).collect();
        assert!(first.into_iter().flatten().eq(sequences[0].iter().copied()));
    }

    #[test]
    fn what_is_shorter_keeps_its_last_step() {
        let candidates = shorter(&STEPS);
        assert!(candidates.contains(&vec![STEPS[3]]));
        assert!(candidates.contains(&vec![STEPS[0], STEPS[1], STEPS[3]]));
        assert!(candidates.iter().all(|c| c.len() < 4 && c.last() == Some(&STEPS[3])));
        assert_eq!(shorter(&STEPS[..1]), Vec::<Vec<Step>>::new());
        assert!(paste(&STEPS, ESRCH, EPERM).contains("step(2, Op::Signal(0)),"));
    }
}
