// SPDX-License-Identifier: BSD-2-Clause
//! UNIX-domain sockets with a name, across the border of a jail: who reaches
//! whom, what travels, what was connected before.

use core::ffi::CStr;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{
    EACCES, ECONNREFUSED, EINVAL, ENOENT, ENOTCAPABLE, ENOTCONN, EOPNOTSUPP, EPERM,
};
use crate::jail::Kind;
use crate::privileges::calls::{ask, get, low};
use crate::programs::{Context, Outcome, alone, good, second_line, settle};
use crate::say;
use crate::sys::{self, Error, Result, Shared};
use crate::world::{JAIL_NAME, JAIL_ROOT};

const LOCAL: i32 = 1;
const STREAM: i32 = 1;
const DATAGRAM: i32 = 2;
const SEQPACKET: i32 = 5;

/// `struct sockaddr_un`, and how much of it counts.
struct Name([u8; 106]);

impl Name {
    fn new(path: &[u8]) -> Self {
        let mut name = [0; 106];
        name[0] = 106;
        name[1] = 1;
        name[2..2 + path.len()].copy_from_slice(path);
        Self(name)
    }
}

fn socket(kind: i32) -> Result<i32> {
    sys::socket(LOCAL, kind, 0)
}

fn bind(fd: i32, path: &[u8]) -> Result<()> {
    get!(BIND, fd, &Name::new(path).0, 106).map(drop)
}

fn connect(fd: i32, path: &[u8]) -> Result<()> {
    get!(CONNECT, fd, &Name::new(path).0, 106).map(drop)
}

/// A socket that is bound and, where that is done, listens.
fn serve(kind: i32, path: &[u8]) -> Result<i32> {
    let fd = socket(kind)?;
    bind(fd, path)?;
    if kind != DATAGRAM {
        sys::listen(fd, 128)?;
    }
    Ok(fd)
}

fn number<T>(answer: Result<T>) -> i32 {
    answer.map_or_else(|Error(number)| number, |_| 0)
}

/// Connects a new socket and closes it.
fn connect_and_close(kind: i32, path: &[u8]) -> Result<()> {
    let fd = socket(kind)?;
    let connected = connect(fd, path);
    sys::close(fd)?;
    connected
}

fn try_connect(kind: i32, path: &[u8]) -> i32 {
    number(connect_and_close(kind, path))
}

/// Connects to a stream by its name.
pub fn connect_to(path: &str) -> Result<()> {
    connect_and_close(STREAM, path.as_bytes())
}

/// A stream that is connected to a name.
pub fn connected(path: &str) -> Result<i32> {
    let fd = socket(STREAM)?;
    connect(fd, path.as_bytes())?;
    Ok(fd)
}

/// Sends a datagram to a name.
pub fn send_to(path: &str) -> Result<()> {
    let fd = socket(DATAGRAM)?;
    let sent = get!(SENDTO, fd, b"x", 1, 0, &Name::new(path.as_bytes()).0, 106);
    sys::close(fd)?;
    sent.map(drop)
}

fn try_send(path: &str) -> i32 {
    number(send_to(path))
}

/// Listens at a name, or waits for datagrams there.
pub fn serve_at(path: &str, datagrams: bool) -> Result<i32> {
    serve(if datagrams { DATAGRAM } else { STREAM }, path.as_bytes())
}

/// Enters a jail, or only goes where its root is.
fn take_place(jail: Option<Kind>) -> Result<()> {
    match jail {
        None => sys::chdir(JAIL_ROOT),
        Some(kind) => kind.enter(JAIL_ROOT, JAIL_NAME, cases::world::JAIL_ADDR),
    }
}

const SWITCH: &str = "security.rjail.unix_cross_jail";

/// With the switch on, and off again whatever happened.
fn crossing(work: impl FnOnce() -> Outcome) -> Outcome {
    want!("the switch, on", sys::sysctl_write(SWITCH, 1), Ok(()));
    let outcome = work();
    want!("the switch, off", sys::sysctl_write(SWITCH, 0), Ok(()));
    outcome
}

// Three parties: the host, and two jails with the same root.

const PARTIES: usize = 3;
const WAYS: [&str; 4] = ["stream", "seqpacket", "datagram", "sendto"];

/// What each party got at the sockets of each.
type Row = [[i32; WAYS.len()]; PARTIES];

fn path_of(party: usize, kind: i32) -> Text<16> {
    Text::of(format_args!("unix.{party}.{kind}"))
}

/// Waits until a step is reached; whether it was.
fn reach(step: &Shared<i32>, wanted: i32) -> bool {
    let deadline = sys::uptime() + 15_000;
    while step.get() < wanted {
        if sys::uptime() > deadline {
            return false;
        }
        sys::pause(5);
    }
    true
}

fn play(party: usize, jail: Option<Kind>) -> Result<()> {
    take_place(if party == 0 { None } else { jail })?;
    for kind in [STREAM, SEQPACKET, DATAGRAM] {
        serve(kind, path_of(party, kind).bytes())?;
    }
    Ok(())
}

fn attempts() -> Row {
    let mut row = [[-1; WAYS.len()]; PARTIES];
    for (party, answers) in row.iter_mut().enumerate() {
        let of = |kind| path_of(party, kind);
        *answers = [
            try_connect(STREAM, of(STREAM).bytes()),
            try_connect(SEQPACKET, of(SEQPACKET).bytes()),
            try_connect(DATAGRAM, of(DATAGRAM).bytes()),
            try_send(core::str::from_utf8(of(DATAGRAM).bytes()).unwrap_or_default()),
        ];
    }
    row
}

fn meet(jail: Option<Kind>) -> Result<[Row; PARTIES]> {
    let go = Shared::new(0)?;
    let steps = [Shared::new(0)?, Shared::new(0)?, Shared::new(0)?];
    let rows = [
        Shared::new([[-1; WAYS.len()]; PARTIES])?,
        Shared::new([[-1; WAYS.len()]; PARTIES])?,
        Shared::new([[-1; WAYS.len()]; PARTIES])?,
    ];
    for party in 0..PARTIES {
        if sys::fork()? == 0 {
            let _ = sys::alarm(40);
            if let Err(Error(errno)) = play(party, jail) {
                sys::exit(errno);
            }
            steps[party].set(1);
            if reach(&go, 1) {
                rows[party].set(attempts());
            }
            steps[party].set(2);
            reach(&go, 2);
            sys::exit(0);
        }
    }
    for stage in [1, 2] {
        for step in &steps {
            reach(step, stage);
        }
        go.set(stage);
    }
    for _ in 0..PARTIES {
        sys::wait(-1, 0)?;
    }
    for party in 0..PARTIES {
        for kind in [STREAM, SEQPACKET, DATAGRAM] {
            let path = Text::<32>::of(format_args!("/jail/unix.{party}.{kind}\0"));
            sys::unlink(CStr::from_bytes_until_nul(path.bytes()).unwrap_or_default())?;
        }
    }
    Ok(rows.map(|row| row.get()))
}

/// Every party at every socket in every way; `wanted` says what party `a` gets at
/// the sockets of `b`.
fn all_as(jail: Option<Kind>, wanted: impl Fn(usize, usize) -> i32) -> Outcome {
    let rows = match meet(jail) {
        Ok(rows) => rows,
        Err(error) => return Err(Text::of(format_args!("the parties: {error:?}"))),
    };
    let mut wrong = 0;
    for (a, row) in rows.iter().enumerate() {
        for (b, answers) in row.iter().enumerate() {
            for (way, got) in WAYS.iter().zip(answers) {
                if *got != wanted(a, b) {
                    say!("    # {way} from {a} to {b}: got {got}, wanted {}", wanted(a, b));
                    wrong += 1;
                }
            }
        }
    }
    want!("answers that were wrong", wrong, 0);
    Ok(())
}

/// Host and two jails, each at each one's sockets: streams, packets, datagrams.
pub fn across(_: &Context) -> Outcome {
    let border = |a, b| if a == b { 0 } else { EACCES };
    all_as(None, |_, _| 0)?;
    all_as(Some(Kind::Native), |_, _| 0)?;
    all_as(Some(Kind::Rjail), border)?;
    crossing(|| all_as(Some(Kind::Rjail), |_, _| 0))?;
    all_as(Some(Kind::Rjail), border)?;
    say!("    # {} attempts in each of five settings", PARTIES * PARTIES * WAYS.len());
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// A process of the host that hands the machine's root to whoever connects.
fn start_giver() -> Result<i32> {
    let ready = Shared::new(0)?;
    let child = sys::fork()?;
    if child == 0 {
        let _ = sys::alarm(60);
        let given = sys::chdir(JAIL_ROOT)
            .and_then(|()| serve(STREAM, b"unix.giver"))
            .and_then(|fd| sys::open(c"/", 0x0002_0000, 0).map(|root| (fd, root)));
        let Ok((fd, root)) = given else { sys::exit(1) };
        ready.set(1);
        loop {
            // A taker that goes away early is no reason to stop.
            if let Ok(taker) = sys::accept(fd, 0, 0) {
                let _ = sys::pass(taker, root);
                let _ = sys::close(taker);
            }
        }
    }
    if reach(&ready, 1) { Ok(child) } else { Err(Error(ECONNREFUSED)) }
}

/// What a process gets that wants a directory of the host: at connect(2), at
/// recvmsg(2), at fchdir(2), and of a file above its root.
fn take_root(jail: Option<Kind>) -> [i32; 4] {
    let taken = in_child(|| {
        let mut answers = [-1; 4];
        let attempt = |answers: &mut [i32; 4]| -> Result<()> {
            take_place(jail)?;
            let fd = socket(STREAM)?;
            answers[0] = number(connect(fd, b"unix.giver"));
            let root = sys::take(fd);
            answers[1] = number(root);
            let root = root?;
            answers[2] = number(sys::fchdir(root));
            answers[3] = number(sys::open(c"secret", 0, 0));
            Ok(())
        };
        let _ = attempt(&mut answers);
        answers
    });
    taken.ok().and_then(core::result::Result::ok).unwrap_or([-2; 4])
}

/// FreeBSD-SA-26:04: a directory of the host, taken through a socket that the
/// jail can name.
pub fn passing(_: &Context) -> Outcome {
    let giver = start_giver().unwrap_or(-1);
    want!("somebody who gives", giver > 0, true);
    let outcome = (|| {
        want!("outside", take_root(None), [0, 0, 0, 0]);
        let confined = [0, 0, ENOTCAPABLE, ENOENT];
        want!("in a native jail", take_root(Some(Kind::Native)), confined);
        let refused = take_root(Some(Kind::Rjail));
        want!("inside", refused, [EACCES, ENOTCONN, -1, -1]);
        crossing(|| {
            // With the switch on, the second line refuses the directory as what a
            // look-up begins at, and the label as a place to stand.
            let wanted = if second_line() { confined } else { [0, 0, ENOENT, ENOENT] };
            want!("inside, the switch on", take_root(Some(Kind::Rjail)), wanted);
            Ok(())
        })
    })();
    want!("its end", sys::kill(giver, 9), Ok(()));
    want!("its status", sys::wait(giver, 0).is_ok(), true);
    want!("its name", sys::unlink(c"/jail/unix.giver"), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    outcome
}

/// What was connected before entry goes on, and so does what is passed through
/// it; what is only open, or bound afterwards, is the host's.
pub fn from_before(_: &Context) -> Outcome {
    // A jailed process may not wait for a child outside.
    let host = Shared::new([-1; 4]);
    let step = Shared::new(0);
    let (Ok(host), Ok(step)) = (host, step) else {
        return Err(Text::of(format_args!("no memory")));
    };
    let outcome = alone(|| {
        want!("a place", sys::chdir(JAIL_ROOT), Ok(()));
        let listener = serve(STREAM, b"unix.listener").unwrap_or(-1);
        let mailbox = serve(DATAGRAM, b"unix.mailbox").unwrap_or(-1);
        let [ours, theirs] = sys::socketpair().unwrap_or([-1; 2]);
        let client = socket(STREAM).unwrap_or(-1);
        let sender = socket(DATAGRAM).unwrap_or(-1);
        want!("connect before", connect(client, b"unix.listener"), Ok(()));
        want!("connect of datagrams before", connect(sender, b"unix.mailbox"), Ok(()));
        let accepted = sys::accept(listener, 0, 0).unwrap_or(-1);
        let late = socket(STREAM).unwrap_or(-1);
        let child = sys::fork();
        if child == Ok(0) {
            // The host's side: it answers, passes a device and connects inwards.
            let _ = sys::alarm(30);
            let mut byte = [0];
            let heard = sys::read(accepted, &mut byte).and_then(|_| sys::write(accepted, b"y"));
            let zero = sys::open(c"/dev/zero", 0, 0).and_then(|fd| sys::pass(theirs, fd));
            reach(&step, 1);
            let late = try_connect(STREAM, b"unix.late");
            let mail = sys::read(mailbox, &mut byte);
            host.set([number(heard), number(zero), late, number(mail)]);
            step.set(2);
            sys::exit(0);
        }
        want!("the host's side", child.is_ok(), true);
        let [entered, bound, listening] =
            [good().enter().map(drop), bind(late, b"unix.late"), sys::listen(late, 1)];
        want!("a jail", entered, Ok(()));
        want!("write to what was connected", sys::write(client, b"x"), Ok(1));
        want!("the answer", sys::read(client, &mut [0]), Ok(1));
        want!("send to what was connected", sys::write(sender, b"m"), Ok(1));
        let device = sys::take(ours);
        want!("a device through a socketpair", device.is_ok(), true);
        want!("is read", sys::read(device.unwrap_or(-1), &mut [1]), Ok(1));
        let queue = get!(KQUEUE).map(low).unwrap_or(-1);
        want!("a kqueue does not travel", sys::pass(ours, queue), Err(Error(EOPNOTSUPP)));
        want!("a new connect", try_connect(STREAM, b"unix.listener"), EACCES);
        want!("a new datagram", try_send("unix.mailbox"), EACCES);
        const O_PATH: i32 = 0x0040_0000;
        want!("O_PATH of its name", number(sys::open(c"unix.listener", O_PATH, 0)), 0);
        want!("bind of a socket from before", bound, Ok(()));
        want!("listen on it", listening, Ok(()));
        want!("which is the host's", try_connect(STREAM, b"unix.late"), EACCES);
        let own = serve(STREAM, b"unix.own");
        want!("one's own", own.is_ok(), true);
        want!("connect to it", try_connect(STREAM, b"unix.own"), 0);
        want!("close it", own.and_then(sys::close), Ok(()));
        want!("connect to nobody", try_connect(STREAM, b"unix.own"), ECONNREFUSED);
        step.set(1);
        want!("the host's side", reach(&step, 2), true);
        want!("heard, passed, reached its own inside, got mail", host.get(), [0; 4]);
        Ok(())
    });
    for name in
        [c"/jail/unix.listener", c"/jail/unix.mailbox", c"/jail/unix.late", c"/jail/unix.own"]
    {
        // What is not there was not made, and the outcome says why.
        let _ = sys::unlink(name);
    }
    outcome
}

/// The switch: off at first, root outside only, for jails that exist too.
pub fn switch(_: &Context) -> Outcome {
    want!("at first", sys::sysctl_number(SWITCH), Ok(0));
    for wrong in [-1, 2, i32::MAX] {
        want!("another number", sys::sysctl_write(SWITCH, wrong), Err(Error(EINVAL)));
    }
    let by_user = in_child(|| {
        sys::setuid(cases::world::USER)?;
        sys::sysctl_write(SWITCH, 1)
    });
    want!("by a user", by_user, Ok(Ok(Err(Error(EPERM)))));
    let listener = sys::chdir(JAIL_ROOT).and_then(|()| serve(STREAM, b"unix.switch"));
    want!("a socket of the host", listener.is_ok(), true);
    let step = Shared::new(0);
    let answers = Shared::new([-1; 4]);
    let (Ok(step), Ok(answers)) = (step, answers) else {
        return Err(Text::of(format_args!("no memory")));
    };
    let child = sys::fork();
    if child == Ok(0) {
        let _ = sys::alarm(30);
        let mut got = [-1; 4];
        got[0] = number(good().enter());
        got[1] = try_connect(STREAM, b"unix.switch");
        got[2] = number(sys::sysctl_write(SWITCH, 1));
        step.set(1);
        reach(&step, 2);
        got[3] = try_connect(STREAM, b"unix.switch");
        answers.set(got);
        sys::exit(0);
    }
    want!("a jail", reach(&step, 1), true);
    let outcome = crossing(|| {
        step.set(2);
        want!("its end", sys::wait(child.unwrap_or(-1), 0).is_ok(), true);
        want!(
            "entry, refused, not its to switch, let through",
            answers.get(),
            [0, EACCES, EPERM, 0]
        );
        Ok(())
    });
    want!("its name", sys::unlink(c"/jail/unix.switch"), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    outcome
}

/// connectat(2) and bindat(2) from a directory of the host that was passed in.
pub fn from_a_directory(_: &Context) -> Outcome {
    const O_DIRECTORY: i32 = 0x0002_0000;
    let answers = |jail: Option<Kind>| {
        let taken = in_child(|| -> Result<[i32; 3]> {
            sys::chdir(c"/sibling")?;
            let listener = serve(STREAM, b"unix.out")?;
            let [ours, theirs] = sys::socketpair()?;
            if sys::fork()? == 0 {
                let given = sys::open(c"/sibling/etc", O_DIRECTORY, 0);
                sys::exit(number(given.and_then(|fd| sys::pass(theirs, fd))));
            }
            take_place(jail)?;
            let directory = sys::take(ours)?;
            let out = Name::new(b"../unix.out");
            let made = Name::new(b"../unix.made");
            let below = Name::new(b"unix.below");
            let connect = ask!(CONNECTAT, directory, socket(STREAM)?, &out.0, 106);
            let bind = ask!(BINDAT, directory, socket(STREAM)?, &made.0, 106);
            let beneath = ask!(BINDAT, directory, socket(STREAM)?, &below.0, 106);
            sys::close(listener)?;
            Ok([connect, bind, beneath])
        });
        for name in [c"/sibling/unix.out", c"/sibling/unix.made", c"/sibling/etc/unix.below"] {
            let _ = sys::unlink(name);
        }
        taken
    };
    want!("outside", answers(None), Ok(Ok(Ok([0, 0, 0]))));
    let confined = [ENOTCAPABLE, ENOTCAPABLE, 0];
    want!("in a native jail", answers(Some(Kind::Native)), Ok(Ok(Ok(confined))));
    want!("inside", answers(Some(Kind::Rjail)), Ok(Ok(Ok([ENOENT, ENOENT, 0]))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// Whether look-ups are watched.
fn watching() -> Result<i64> {
    sys::sysctl_number("security.rjail.watching")
}

/// Whether look-ups are watched no more: the last jail counts as gone a moment before.
fn unwatched() -> Result<bool> {
    let deadline = sys::uptime() + 5000;
    while watching()? != 0 {
        if sys::uptime() > deadline {
            return Ok(false);
        }
        sys::pause(5);
    }
    Ok(true)
}

/// Enters holding what `hold` makes; whether look-ups are watched meanwhile, asked
/// by a process outside.
fn watched_while(hold: Hold) -> Result<i64> {
    let step = Shared::new(0)?;
    let child = sys::fork()?;
    if child == 0 {
        let _ = sys::alarm(20);
        let entered = hold().and_then(|()| good().enter());
        step.set(if entered.is_ok() { 1 } else { -1 });
        reach(&step, 2);
        sys::exit(0);
    }
    let ready = reach(&step, 1);
    let found = watching();
    step.set(2);
    sys::wait(child, 0)?;
    if ready { found } else { Err(Error(EINVAL)) }
}

/// Makes what a process holds when it enters.
type Hold = fn() -> Result<()>;

/// Look-ups are watched only while something can be passed to a jail.
pub fn watched(_: &Context) -> Outcome {
    const LOG: &[u8] = b"/sibling/unix.log";
    // Its socket is no descriptor of those who enter.
    let step = Shared::new(0);
    let Ok(step) = step else { return Err(Text::of(format_args!("no memory"))) };
    let log = sys::fork();
    if log == Ok(0) {
        let _ = sys::alarm(60);
        step.set(if serve(DATAGRAM, LOG).is_ok() { 1 } else { -1 });
        reach(&step, 2);
        sys::exit(0);
    }
    want!("a log", reach(&step, 1), true);
    want!("no jail", watching(), Ok(0));
    let cases: [(&str, i64, Hold); 9] = [
        ("nothing", 0, || Ok(())),
        ("a pipe", 0, || sys::pipe().map(drop)),
        ("a socket of the Internet", 0, || sys::socket(2, STREAM, 0).map(drop)),
        ("a socket for datagrams", 0, || socket(DATAGRAM).map(drop)),
        ("one connected to a log", 0, || connect(socket(DATAGRAM)?, LOG)),
        ("a pair of streams", 1, || sys::socketpair().map(drop)),
        ("a pair for datagrams", 1, || sys::socketpair_of(DATAGRAM).map(drop)),
        ("one with a name", 1, || {
            bind(socket(DATAGRAM)?, b"/sibling/unix.own")?;
            sys::unlink(c"/sibling/unix.own")
        }),
        ("a stream that is not connected", 1, || socket(STREAM).map(drop)),
    ];
    for (what, wanted, hold) in cases {
        let found = watched_while(hold);
        if found != Ok(wanted) {
            return Err(Text::of(format_args!("holding {what}: {found:?}, wanted {wanted}")));
        }
        want!("jails afterwards", settle(0), Ok(0));
        want!("no jail", unwatched(), Ok(true));
    }
    step.set(2);
    want!("its end", sys::wait(log.unwrap_or(-1), 0).is_ok(), true);
    want!("its name", sys::unlink(c"/sibling/unix.log"), Ok(()));
    crossing(|| {
        want!("switched on, no jail", watching(), Ok(0));
        want!("switched on, a jail", watched_while(|| Ok(())), Ok(1));
        want!("jails afterwards", settle(0), Ok(0));
        want!("switched on, no jail again", unwatched(), Ok(true));
        Ok(())
    })?;
    let under = switched_under_a_jail();
    want!("switched on under a jail, and off again", under, Ok([0, 1, 1]));
    want!("jails afterwards", settle(0), Ok(0));
    want!("at the end", unwatched(), Ok(true));
    Ok(())
}

/// Watched before, with the switch on, and off again: what came in stays in.
fn switched_under_a_jail() -> Result<[i64; 3]> {
    let step = Shared::new(0)?;
    let child = sys::fork()?;
    if child == 0 {
        let _ = sys::alarm(20);
        step.set(if good().enter().is_ok() { 1 } else { -1 });
        reach(&step, 2);
        sys::exit(0);
    }
    let ready = reach(&step, 1);
    let before = watching()?;
    sys::sysctl_write(SWITCH, 1)?;
    let on = watching()?;
    sys::sysctl_write(SWITCH, 0)?;
    let off = watching()?;
    step.set(2);
    sys::wait(child, 0)?;
    if ready { Ok([before, on, off]) } else { Err(Error(EINVAL)) }
}
