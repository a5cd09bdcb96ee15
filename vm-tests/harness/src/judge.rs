// SPDX-License-Identifier: BSD-2-Clause
//! Judges what a test machine says on its console.
//!
//! A run passes only when it says so: the last line of the guest, every test
//! that was announced, nothing that a kernel says when something is wrong. What
//! is missing fails as much as what is there.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

/// The complaint about a run that had nothing to do.
pub const NO_TEST: &str = "no test of this boot has this name";

/// One test of the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The group it belongs to.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// What it said besides: why it failed, or how much it did.
    pub notes: Vec<String>,
}

/// What a case answered in one way of playing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The case.
    pub case: String,
    /// The way: `outside`, `inside`, `first-line`, `native`, `unjailed`.
    pub mode: String,
    /// As Rust prints a `cases::Answer`.
    pub answer: String,
}

/// A set of privilege numbers that the guest found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTwo {
    /// Which native jail, by its flag.
    pub jail: String,
    /// What about them: `asked` or `allowed`.
    pub what: String,
    /// As bits of one hexadecimal number.
    pub bits: String,
}

/// The replies to a random sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// In which mode: `both`, `label`, `native`.
    pub mode: String,
    /// Which sequence.
    pub number: usize,
    /// A byte for each step.
    pub replies: Vec<u8>,
}

impl Played {
    fn read(line: &str) -> Option<Self> {
        let [mode, number, digits] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let replies = digits.as_bytes().chunks(2).map(byte).collect::<Option<_>>()?;
        Some(Self { mode: mode.to_owned(), number: number.parse().ok()?, replies })
    }
}

/// What KASAN reports, where it does not panic.
const KASAN: &str = r"ASan: Invalid access|KASAN:";

/// Lines that no healthy kernel prints.
const COMPLAINTS: &[&str] = &[
    r"(?i)panic",
    r"(?i)fatal (double )?(trap|fault)",
    r"(?i)fatal error in loader|can't load|elf64_loadfile",
    r"(?i)lock order reversal",
    r"(?i)witness",
    r"KASSERT|(?i)assertion .*failed",
    r"(?i)memory modified after free",
    r"(?i)freed uma keg",
    r"(?i)leaked",
    r"(?i)acquiring duplicate lock",
    r"(?i)sleeping thread",
    r"(?i)non-sleepable locks? held",
    r"(?i)following locks? (are |is )?held",
    r"(?i)could sleep",
    r"(?i)use of destroyed|destroying .*lock",
    KASAN,
    r"KDB: (enter|stack backtrace)",
    r"Stopped at ",
    r"^db>",
    r"unexpected relocation",
    r"symbol \S+ undefined",
    r"RJAIL-VM-LEAK",
    r"RJAIL-GUEST-BUG",
    r"# the run ended early",
    r"exited on signal \d+ \(core|exited on signal (4|6|10|11|12)\b",
];

/// What a healthy kernel prints although it looks like a complaint.
const HARMLESS: &[&str] = &[
    r"WITNESS option enabled, expect reduced performance",
    // The test load_refused sees to it; at any other time loading fails with it.
    r"^link_elf_obj: symbol unp_vp_mtxpool undefined$",
];

/// Orders of locks that the stock kernel takes in a circle, jail or no jail: the order,
/// and the function of the kernel that must be among those that take it. Whichever comes
/// last in a boot is complained of.
const STOCK_ORDERS: &[(&str, &str)] = &[
    // The last descriptor of a controlling terminal is closed with its vnode locked.
    ("devfs -> proctree", "devfs_close"),
    // ktrace(2) closes the file that it wrote to, of whatever file system.
    ("proctree -> tmpfs", "ktrops"),
    // The root of a devfs is found with the directory that it is mounted on locked.
    ("tmpfs -> devfs", "devfs_root"),
];

static REPORT: LazyLock<Regex> = LazyLock::new(|| pattern(KASAN));
static BAD: LazyLock<RegexSet> = LazyLock::new(|| patterns(COMPLAINTS));
static FINE: LazyLock<RegexSet> = LazyLock::new(|| patterns(HARMLESS));
static ESCAPES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\x1b(\[[0-9;?=]*[A-Za-z]|[()].|c)"));
static RESULT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(    )?(not )?ok (\d+) - (.*)$"));
static PLAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(    )?1\.\.(\d+)$"));
static DONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^RJAIL-VM-DONE (\d+)/(\d+)$"));

/// A frame of a trace: its function.
static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^#\d+ 0x[0-9a-f]+ at (\w+)\+0x"));
static ORDER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^lock order (.+ -> .+) attempted at:$"));

#[expect(clippy::expect_used, reason = "the patterns are constants; a test compiles them all")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

#[expect(clippy::expect_used, reason = "the patterns are constants; a test compiles them all")]
fn patterns(texts: &[&str]) -> RegexSet {
    RegexSet::new(texts).expect("valid patterns")
}

/// A group that is being announced.
#[derive(Debug)]
struct Group {
    name: String,
    planned: Option<usize>,
    seen: usize,
    failed: usize,
}

/// What WITNESS says of two orders of locks, as far as it is there: the order that it
/// saw now, and who calls whom.
#[derive(Debug, Default)]
struct Reversal {
    order: Option<String>,
    frames: Vec<String>,
}

impl Reversal {
    /// Takes a line of it; false, if it is none.
    fn line(&mut self, line: &str) -> bool {
        if let Some(order) = ORDER.captures(line) {
            self.order = Some(order[1].to_owned());
        } else if let Some(frame) = FRAME.captures(line) {
            self.frames.push(frame[1].to_owned());
        } else {
            return line.starts_with(" 1st 0x") || line.starts_with(" 2nd 0x");
        }
        true
    }

    /// Whether the frame at which a thread entered the kernel is there.
    fn is_whole(&self) -> bool {
        let entries = ["fast_syscall_common", "fork_trampoline", "calltrap"];
        self.frames.last().is_some_and(|frame| entries.contains(&frame.as_str()))
    }

    /// Whether the stock kernel has it: on the list, and nothing of rjail's takes part.
    fn is_stock(&self) -> bool {
        let taken = |function: &str| self.frames.iter().any(|frame| frame == function);
        let order = self.order.as_deref();
        self.is_whole()
            && STOCK_ORDERS.iter().any(|(pair, by)| order == Some(*pair) && taken(by))
            && !self.frames.iter().any(|frame| frame.contains("rjail"))
    }

    fn say(&self) -> String {
        let order = self.order.as_deref().unwrap_or("locks");
        format!("lock order reversal: {order} in {}", self.frames.join(" < "))
    }
}

/// Reads the console line by line.
#[derive(Debug, Default)]
pub struct Judge {
    /// Every test so far.
    pub tests: Vec<Test>,
    /// Every answer so far.
    pub answers: Vec<Answered>,
    /// Everything about line two so far.
    pub line_two: Vec<LineTwo>,
    /// What was measured so far, as the guest says it.
    pub figures: Vec<String>,
    /// The replies to random sequences so far.
    pub sequences: Vec<Played>,
    /// Everything that is wrong besides failed tests.
    pub complaints: Vec<String>,
    /// Whether the guest has begun.
    pub begun: bool,
    /// About the test whose result comes next.
    notes: Vec<String>,
    /// Reports of KASAN's that the guest has announced and that have not come.
    planted: usize,
    /// A complaint of WITNESS that has begun.
    reversal: Option<Reversal>,
    group: Option<Group>,
    groups: usize,
    planned_groups: Option<usize>,
    done: Option<(usize, usize)>,
}

/// What a line was, for who shows progress.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The guest's first line.
    Began,
    /// A test ended.
    Test(&'a Test),
    /// A group ended.
    Group,
    /// The guest said something about its test.
    Note(&'a str),
    /// Something is wrong.
    Complaint(&'a str),
    /// The guest's last line.
    Done,
    /// Anything else.
    Other,
}

impl Judge {
    /// Takes one line of the console.
    pub fn line(&mut self, raw: &str) -> Event<'_> {
        let text = ESCAPES.replace_all(raw, "");
        let line = text.trim_end_matches(['\r', '\n', ' ']);
        // To read beside the complaint that there has been of it.
        if line.starts_with("ORDER ") {
            return Event::Other;
        }
        if let Some(reversal) = &mut self.reversal
            && reversal.line(line)
        {
            return if reversal.is_whole() { self.end_reversal() } else { Event::Other };
        }
        if line == "lock order reversal:" && self.reversal.is_none() {
            self.reversal = Some(Reversal::default());
            return Event::Other;
        }
        if line.starts_with("PLANTED ") {
            self.planted += 1;
            return Event::Other;
        }
        if REPORT.is_match(line) && !line.contains("panic") && self.planted > 0 {
            self.planted -= 1;
            return Event::Other;
        }
        if BAD.is_match(line) && !FINE.is_match(line) {
            return self.complain(format!("the console says: {}", line.trim()));
        }
        if line == "TAP version 14" {
            self.begun = true;
            return Event::Began;
        }
        if let Some(name) = line.strip_prefix("# Subtest: ") {
            if let Some(open) = self.group.replace(Group {
                name: name.to_owned(),
                planned: None,
                seen: 0,
                failed: 0,
            }) {
                return self.complain(format!("group {} has no end", open.name));
            }
            return Event::Other;
        }
        if let Some(plan) = PLAN.captures(line) {
            let count = plan[2].parse().ok();
            match (plan.get(1), &mut self.group) {
                (Some(_), Some(group)) => group.planned = count,
                (None, None) => self.planned_groups = count,
                _ => return self.complain(format!("a plan out of place: {line}")),
            }
            return Event::Other;
        }
        if let Some(result) = RESULT.captures(line) {
            let (ok, number) = (result.get(2).is_none(), result[3].parse().unwrap_or(0));
            return match result.get(1) {
                Some(_) => self.test(ok, number, &result[4]),
                None => self.end_group(ok, number, &result[4]),
            };
        }
        if let Some(answer) = line.strip_prefix("ANSWER ") {
            let mut words = answer.splitn(3, ' ').map(str::to_owned);
            if let (Some(case), Some(mode), Some(answer)) =
                (words.next(), words.next(), words.next())
            {
                self.answers.push(Answered { case, mode, answer });
                return Event::Other;
            }
            return self.complain(format!("an answer cut short: {line}"));
        }
        if let Some(found) = line.strip_prefix("LINETWO ") {
            if let [jail, what, bits] = found.split(' ').collect::<Vec<_>>()[..] {
                let [jail, what, bits] = [jail, what, bits].map(str::to_owned);
                self.line_two.push(LineTwo { jail, what, bits });
                return Event::Other;
            }
            return self.complain(format!("a finding cut short: {line}"));
        }
        if let Some(played) = line.strip_prefix("SEQUENCE ") {
            if let Some(played) = Played::read(played) {
                self.sequences.push(played);
                return Event::Other;
            }
            return self.complain(format!("a sequence cut short: {line}"));
        }
        if line.starts_with("BENCH") {
            self.figures.push(line.to_owned());
            return Event::Other;
        }
        if let Some(done) = DONE.captures(line) {
            if self.done.is_some() {
                return self.complain("the guest ended twice".to_owned());
            }
            self.done = done[1].parse().ok().zip(done[2].parse().ok());
            return Event::Done;
        }
        if let Some(note) = line.strip_prefix("    # ") {
            self.notes.push(note.to_owned());
            return self.notes.last().map_or(Event::Other, |note| Event::Note(note));
        }
        Event::Other
    }

    /// Adds a complaint that is not a line of the console.
    pub fn complain(&mut self, what: String) -> Event<'_> {
        self.complaints.push(what);
        self.complaints.last().map_or(Event::Other, |what| Event::Complaint(what))
    }

    /// A complaint, unless the stock kernel has it without rjail.
    fn end_reversal(&mut self) -> Event<'_> {
        match self.reversal.take() {
            Some(reversal) if reversal.is_stock() => {
                self.notes.push(format!("the stock kernel's own {}", reversal.say()));
                self.notes.last().map_or(Event::Other, |note| Event::Note(note))
            }
            Some(reversal) => self.complain(format!("the console says: {}", reversal.say())),
            None => Event::Other,
        }
    }

    fn test(&mut self, ok: bool, number: usize, name: &str) -> Event<'_> {
        let missed = std::mem::take(&mut self.planted);
        if missed > 0 {
            self.complaints.push(format!("{name}: KASAN missed {missed} that were planted"));
        }
        let Some(group) = &mut self.group else {
            return self.complain(format!("a test outside any group: {name}"));
        };
        group.seen += 1;
        group.failed += usize::from(!ok);
        let expected = group.seen;
        let group = group.name.clone();
        let notes = std::mem::take(&mut self.notes);
        if number != expected {
            let what = format!("group {group}: test {number} where {expected} was due");
            self.complaints.push(what);
        }
        self.tests.push(Test { group, name: name.to_owned(), ok, notes });
        self.tests.last().map_or(Event::Other, Event::Test)
    }

    fn end_group(&mut self, ok: bool, number: usize, name: &str) -> Event<'_> {
        self.groups += 1;
        let Some(group) = self.group.take() else {
            return self.complain(format!("group {name} has no beginning"));
        };
        if number != self.groups || group.name != name {
            return self.complain(format!("group {name} ended where {} was open", group.name));
        }
        if group.planned != Some(group.seen) {
            let planned = group.planned.map_or("no".to_owned(), |count| count.to_string());
            let seen = group.seen;
            return self.complain(format!("group {name}: {seen} tests of {planned} planned"));
        }
        if ok != (group.failed == 0) {
            return self.complain(format!("group {name} and its tests disagree"));
        }
        Event::Group
    }

    /// How many tests passed, how many failed.
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.tests.iter().filter(|test| test.ok).count();
        (passed, self.tests.len() - passed)
    }

    /// The console has ended: adds what is missing.
    pub fn finish(&mut self) {
        self.end_reversal();
        if let Some(group) = self.group.take() {
            self.complaints.push(format!("the log ends inside group {}", group.name));
        }
        let (passed, failed) = self.counts();
        match self.done {
            None => self.complaints.push("the guest's last line is missing".to_owned()),
            Some((said_passed, said_ran)) => {
                if (said_passed, said_ran) != (passed, passed + failed) {
                    self.complaints.push(format!(
                        "the guest counted {said_passed} of {said_ran}, the log has {passed} of {}",
                        passed + failed
                    ));
                }
                if said_ran == 0 {
                    self.complaints.push(NO_TEST.to_owned());
                }
            }
        }
        if self.done.is_some() && self.planned_groups != Some(self.groups) {
            self.complaints.push("the log lacks a group".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
TAP version 14
# Subtest: outside
    1..2
    ok 1 - case a [outside]
ANSWER a outside No(ESRCH)
    ok 2 - case b [outside]
ANSWER b outside At(Jail)
ok 1 - outside
# Subtest: load
    1..1
    # kldload: got Err(Error(2)), wanted Ok(())
    not ok 1 - load [load]
not ok 2 - load
1..2
RJAIL-VM-DONE 2/3
";

    fn judge(log: &str) -> Judge {
        let mut judge = Judge::default();
        for line in log.lines() {
            judge.line(line);
        }
        judge.finish();
        judge
    }

    #[test]
    fn a_whole_log_has_no_complaint() {
        let judge = judge(GOOD);
        assert_eq!(judge.complaints, Vec::<String>::new());
        assert_eq!(judge.counts(), (2, 1));
        assert_eq!(judge.tests[2].notes, ["kldload: got Err(Error(2)), wanted Ok(())"]);
        assert_eq!(judge.answers[1].answer, "At(Jail)");
    }

    #[test]
    fn carriage_returns_and_escapes_do_not_matter() {
        let log = GOOD.replace('\n', "\r\n").replace("TAP", "\x1b[0m\x1b[2JTAP");
        assert_eq!(judge(&log).complaints, Vec::<String>::new());
    }

    #[test]
    fn cut_anywhere_it_fails() {
        let lines: Vec<&str> = GOOD.lines().collect();
        for cut in 0..lines.len() {
            let judge = judge(&lines[..cut].join("\n"));
            assert!(!judge.complaints.is_empty(), "cut after {cut} lines");
        }
    }

    #[test]
    fn with_a_line_missing_it_fails() {
        let lines: Vec<&str> = GOOD.lines().collect();
        for (missing, line) in lines.iter().enumerate() {
            let harmless = ["TAP", "ANSWER", "    #"].iter().any(|start| line.starts_with(start));
            let mut rest = lines.clone();
            rest.remove(missing);
            assert_eq!(judge(&rest.join("\n")).complaints.is_empty(), harmless, "without {line}");
        }
    }

    #[test]
    fn each_complaint_of_a_kernel_is_heard() {
        for line in [
            "panic: mtx_lock() of spin mutex (null) @ /usr/src/sys/kern/x.c:1",
            "Fatal trap 12: page fault while in kernel mode",
            "Fatal double fault",
            "lock order reversal:",
            " 1st 0xfffffe00 rjail (rjail, sleep mutex) @ x.c:1 witness_checkorder",
            "KDB: stack backtrace:",
            "KDB: enter: panic",
            "[ thread pid 0 tid 100000 ]Stopped at      kdb_enter+0x33",
            "db> ",
            "Memory modified after free 0xfffff80003(248) val=0 @ 0xfffff8",
            "Freed UMA keg (rjail) was not empty (1 items).  Lost 1 pages of memory.",
            "Warning: memory type rjail leaked memory on destroy (1 allocations, 64 bytes leaked).",
            "acquiring duplicate lock of same type: \"rjail\"",
            "ASan: Invalid access, 8-byte read at 0xfffffe0012345678, UMAUseAfterFree(fd)",
            "panic: ASan: Invalid access, 1-byte write at 0xfffffe0012345678, StackRight(f3)",
            "Sleeping thread (tid 100000, pid 11) owns a non-sleepable lock",
            "malloc(M_WAITOK) of \"64\" with the following non-sleepable locks held:",
            "uma_zalloc_arg: zone \"64\" with the following non-sleepable locks held:",
            "kldload: unexpected relocation type 9, symbol index 4",
            "link_elf_obj: symbol memcpy_erms undefined",
            "pid 12 (guest), jid 0, uid 0: exited on signal 11 (core dumped)",
            "RJAIL-VM-LEAK inside",
            "RJAIL-GUEST-BUG panicked at src/main.rs",
            "# the run ended early: world: Error(2)",
        ] {
            let log = GOOD.replacen("# Subtest: load", &format!("{line}\n# Subtest: load"), 1);
            assert_eq!(judge(&log).complaints.len(), 1, "{line}");
        }
    }

    /// What WITNESS says, as a debug kernel prints it.
    fn reversal(order: &str, frames: &[&str]) -> String {
        let mut text = "lock order reversal:\n 1st 0xff01000001934e30 a (a, lockmgr) @ \
            /usr/src/sys/kern/vfs_vnops.c:581\n 2nd 0xffffffff80e019c0 b (b, sx) @ x.c:725\n"
            .to_owned();
        text += &format!("lock order {order} attempted at:\n");
        text += "#0 0xffffffff80651431 at witness_checkorder+0xbe1\n";
        for (number, frame) in (1..).zip(frames) {
            text += &format!("#{number} 0xffffffff80453d23 at {frame}+0xd3\n");
        }
        GOOD.replacen("# Subtest: load", &format!("{text}# Subtest: load"), 1)
    }

    #[test]
    fn an_order_of_the_stock_kernels_own_is_a_note_and_any_other_a_complaint() {
        let entry = "fast_syscall_common";
        for (order, by) in STOCK_ORDERS {
            let stock = judge(&reversal(order, &["_vn_lock", by, "amd64_syscall", entry]));
            assert_eq!(stock.complaints, Vec::<String>::new());
            let note = &stock.tests[2].notes[0];
            assert!(note.starts_with("the stock kernel's own lock order reversal"), "{note}");
        }
        for (order, frames) in [
            ("devfs -> proctree", &["devfs_ioctl", entry][..]),
            ("proctree -> devfs", &["devfs_close", entry]),
            ("devfs -> proctree", &["devfs_close", "rjail_vnode_check_open", entry]),
            // Cut: who knows what else was there.
            ("devfs -> proctree", &["devfs_close", "vn_close1"]),
            ("rjail -> proctree", &["rjail_kill", "fork_trampoline"]),
        ] {
            let judge = judge(&reversal(order, frames));
            assert_eq!(judge.complaints.len(), 1, "{order} {frames:?}");
            assert!(judge.complaints[0].contains(order), "{:?}", judge.complaints);
        }
    }

    #[test]
    fn what_a_debug_kernel_says_at_boot_is_no_complaint() {
        for line in [
            "WARNING: WITNESS option enabled, expect reduced performance.\n",
            "FreeBSD 15.1-RELEASE-p1 RJKASAN amd64\n",
        ] {
            assert_eq!(judge(&format!("{line}{GOOD}")).complaints, Vec::<String>::new());
        }
    }

    #[test]
    fn a_planted_fault_is_reported_once_and_before_its_test_ends() {
        const REPORT: &str = "ASan: Invalid access, 1-byte read at 0xfffffe0012345678, MallocRedZone(fb)\n\
             #0 0xffffffff80bd1a2b at kasan_report+0x4b\n";
        const PLANTED: &str = "PLANTED a read that KASAN reports\n";
        let with = |text: &str| {
            let log = GOOD.replacen("    ok 1 - case a", &format!("{text}    ok 1 - case a"), 1);
            judge(&log).complaints.len()
        };
        assert_eq!(with(&format!("{PLANTED}{REPORT}")), 0);
        assert_eq!(with(&format!("{PLANTED}{REPORT}{PLANTED}{REPORT}")), 0);
        assert_eq!(with(&format!("{PLANTED}{REPORT}{REPORT}")), 1, "one more");
        assert_eq!(with(&format!("{REPORT}{PLANTED}")), 2, "before, and none after");
        assert_eq!(with(PLANTED), 1, "none");
        assert_eq!(with(&format!("{PLANTED}panic: {REPORT}")), 2, "it did not go on");
    }

    #[test]
    fn a_run_of_no_test_fails() {
        let log = "TAP version 14\n1..0\nRJAIL-VM-DONE 0/0\n";
        assert_eq!(judge(log).complaints, [NO_TEST]);
    }

    #[test]
    fn numbers_out_of_order_fail() {
        let log = GOOD.replace("ok 2 - case b", "ok 3 - case b");
        assert_eq!(judge(&log).complaints.len(), 1);
    }

    #[test]
    fn counts_that_differ_fail() {
        assert_eq!(judge(&GOOD.replace("DONE 2/3", "DONE 3/3")).complaints.len(), 1);
    }
}
