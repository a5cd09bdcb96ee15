// SPDX-License-Identifier: BSD-2-Clause
//! The privilege filter beside its verdicts: privileges by name, the ledger, the
//! defaults of new jails, and the reasons that programs are given.

use core::ffi::CStr;

use cases::world::FOREIGN_ADDR;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{
    EADDRNOTAVAIL, EAFNOSUPPORT, EBADF, EFAULT, EINVAL, ENOENT, ENOSYS, EPERM, EPROTONOSUPPORT,
};
use crate::jail::{self, ALL_FLAGS, Ledger};
use crate::line_two::{Captive, Header, got};
use crate::probe::{Bits, Probe, Verdicts};
use crate::programs::{Context, Held, KERNEL, Outcome, UNMAPPED, alone, good, settle};
use crate::say;
use crate::sys::{self, Error, Explained, Result, address_of};

/// `RJAIL_EXTERR_CATEGORY`.
const CATEGORY: u32 = 0x726a;

const SET_HOSTNAME: u32 = 0x1;
const RAW_SOCKETS: u32 = 0x2;
const CHFLAGS: u32 = 0x4;
const SYSVIPC: u32 = 0x8;
const RESERVED_PORTS: u32 = 0x20;
const STATFS_BELOW: u32 = 0x800;
const STATFS_ALL: u32 = 0x1000;
const SOCKET_AF: u32 = 0x2000;

/// socket(2) of ICMP.
fn icmp() -> Result<()> {
    sys::socket(2, 3, 1).and_then(sys::close)
}

/// socket(2) of a family that no kernel has.
fn no_family() -> Result<()> {
    sys::socket(63, 1, 0).and_then(sys::close)
}

/// bind(2) to a port that only root gets.
fn low_port() -> Result<()> {
    let socket = sys::socket(2, 1, 0)?;
    let bound = sys::bind(socket, sys::WithSize(&sys::Sockaddr::new([0; 4], 80)));
    sys::close(socket).and(bound)
}

fn no_module() -> Result<()> {
    sys::kldload(c"/nothing.ko").map(drop)
}

/// The word decides, whatever the flags are, and changes one privilege.
pub fn names(_: &Context) -> Outcome {
    type Attempt = fn() -> Result<()>;
    type Row = (&'static str, u32, &'static CStr, Attempt, Result<()>);
    const DENIED: Result<()> = Err(Error(EPERM));
    const ROWS: &[Row] = &[
        ("chroot", 0, c"", || sys::chroot(c"/dir"), Ok(())),
        ("chroot, taken", 0, c"-PRIV_VFS_CHROOT", || sys::chroot(c"/dir"), DENIED),
        ("chroot, another taken", 0, c"-PRIV_VFS_CHOWN", || sys::chroot(c"/dir"), Ok(())),
        ("low port", 0, c"", low_port, Err(Error(13))),
        ("low port, given", 0, c"+PRIV_NETINET_RESERVEDPORT", low_port, Ok(())),
        ("low port, with the flag", RESERVED_PORTS, c"", low_port, Ok(())),
        (
            "low port, flag and taken",
            RESERVED_PORTS,
            c"-PRIV_NETINET_RESERVEDPORT",
            low_port,
            Err(Error(13)),
        ),
        ("setuid, taken", 0, c"-PRIV_CRED_SETUID", || sys::setuid(7), DENIED),
        ("a module", 0x3fff, c"", no_module, DENIED),
    ];
    /// What the second line must let pass as well.
    const BOTH: &[Row] = &[
        ("ICMP", 0, c"", icmp, DENIED),
        ("ICMP, given", 0, c"+PRIV_NETINET_RAW", icmp, Ok(())),
        ("ICMP, with the flag", RAW_SOCKETS, c"", icmp, Ok(())),
        ("ICMP, flag and taken", RAW_SOCKETS, c"-PRIV_NETINET_RAW", icmp, DENIED),
    ];
    let second_line = sys::sysctl_number("security.rjail.second_line") == Ok(1);
    let (mut wrong, mut tried) = (0, 0);
    for (what, flags, privileges, attempt, wanted) in
        ROWS.iter().chain(if second_line { BOTH } else { &[] })
    {
        let got = in_child(|| {
            good().with_flags(*flags).with_privileges(privileges).enter()?;
            attempt()
        });
        if got != Ok(Ok(*wanted)) {
            say!("    # {what}: got {got:?}, wanted {wanted:?}");
            wrong += 1;
        }
        tried += 1;
        want!("jails afterwards", settle(0), Ok(0));
    }
    say!("    # {tried} attempts with privileges by name");
    want!("attempts that were answered otherwise", wrong, 0);
    Ok(())
}

/// Each name given to a jail without flags and taken from one with all: the
/// kernel, asked about every number, finds that one changed and no other, and
/// nothing that line two would not have let pass.
pub fn by_name(_: &Context) -> Outcome {
    let header = got("the names", Header::read())?;
    let inside = |probe: &Probe, flags, word: &CStr| -> Result<Verdicts> {
        let args = good().with_flags(flags).with_privileges(word);
        let captive = Captive::start(|| args.enter().map(drop))?;
        probe.verdicts(captive.pid)
    };
    Probe::during(|probe| {
        let none = got("no flag", inside(probe, 0, c""))?.both;
        let all = got("all flags", inside(probe, ALL_FLAGS, c""))?.both;
        let (mut given, mut barred, mut taken) = (0, 0, 0);
        for (number, name) in header.lines() {
            let word = |sign| Text::<48>::of(format_args!("{sign}{name}\0"));
            let (plus, minus) = (word('+'), word('-'));
            let plus = CStr::from_bytes_with_nul(plus.bytes()).unwrap_or_default();
            let minus = CStr::from_bytes_with_nul(minus.bytes()).unwrap_or_default();
            match inside(probe, 0, plus) {
                Err(Error(EINVAL)) => barred += 1,
                Ok(verdicts) => {
                    let mut expected = none;
                    expected.add(number);
                    let looser = verdicts.both.without(&verdicts.line_two).count();
                    if verdicts.both != expected || looser > 0 {
                        return Err(Text::of(format_args!("+{name}: {}", verdicts.both.count())));
                    }
                    given += 1;
                }
                Err(error) => return Err(Text::of(format_args!("+{name}: {error:?}"))),
            }
            let mut one = Bits::default();
            one.add(number);
            let expected = all.without(&one);
            let left = got(name, inside(probe, ALL_FLAGS, minus))?.both;
            if left != expected {
                return Err(Text::of(format_args!("-{name}: {} are left", left.count())));
            }
            taken += 1;
        }
        say!("    # by name: {given} given, {barred} for no jail, {taken} taken away");
        want!("names that some jail can have", given > 50, true);
        want!("names that no jail can have", barred > 150, true);
        want!("jails afterwards", settle(0), Ok(0));
        Ok(())
    })
}

/// A privilege's number as the interface has it.
fn low(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}

/// A number without a name is denied and counted; each denial fires the probe,
/// with jail, privilege and process, and what is allowed does not.
pub fn unnamed(_: &Context) -> Outcome {
    const PROBE: &str = "rjail:privilege:check:denied";
    let header = got("the names", Header::read())?;
    Probe::during(|probe| {
        let captive = got("a jail", Captive::start(|| good().enter().map(drop)))?;
        let info = || got("rjail_get", jail::get(0, abi::NEXT, &mut []));
        let before = info()?;
        want!("counted before", (before.unnamed, before.last_unnamed), (0, 0));
        let jid = before.jid.cast_unsigned();

        // The question is asked in this process, about the captive's credential.
        let asker = got("getpid", sys::getpid())?;
        let watch = got("the probe", probe.watch(PROBE, asker))?;
        let load = got("its number", header.number("PRIV_KLD_LOAD"))?;
        let setuid = got("its number", header.number("PRIV_CRED_SETUID"))?;
        let named = header.named();
        let gap = (2..700).find(|number| !named.has(*number)).unwrap_or(0);
        want!("a gap", probe.ask(captive.pid, gap), Ok(EPERM));
        want!("a denied one", probe.ask(captive.pid, load), Ok(EPERM));
        want!("an allowed one", probe.ask(captive.pid, setuid), Ok(0));
        let seen = got("the probe off", watch.off())?;
        if !seen.is(&[&[jid, gap as u64], &[jid, load as u64]]) {
            return Err(Text::of(format_args!("{} firings, {:?}", seen.fired, seen.last().last())));
        }
        let mut processes = seen.last().map(|firing| firing.args[2]);
        want!("with the process, which is the kernel's", processes.all(|at| at >> 63 == 1), true);
        want!("off", probe.ask(captive.pid, gap), Ok(EPERM));

        let after = info()?;
        want!("counted", (after.unnamed, after.last_unnamed), (2, low(gap)));
        let verdicts = got("all numbers", probe.verdicts(captive.pid))?;
        let gaps = verdicts.valid.without(&named);
        let last = gaps.numbers().last().unwrap_or(0);
        let counted = info()?;
        want!("counted all", counted.unnamed, 2 + gaps.count());
        want!("and the last", counted.last_unnamed, low(last));
        want!("not counted", counted.missed, 0);

        let mut rows: Ledger = [abi::Row::default(); 300];
        let info = got("the ledger", jail::get(counted.jid, abi::THIS, &mut rows))?;
        let asked = rows.get(..info.rows as usize).unwrap_or_default();
        // Once each by `verdicts`, and the two once more.
        let once_more = ["PRIV_KLD_LOAD", "PRIV_CRED_SETUID"];
        let wrong = asked.iter().find(|row| {
            let times = 1 + u64::from(once_more.contains(&row.name()));
            let held = row.state == abi::HELD;
            // The captive asked for some of these itself.
            let own = row.name().starts_with("PRIV_VFS") || row.name() == "PRIV_PROC_LIMIT";
            let count = if held { row.allowed } else { row.denied };
            let other = if held { row.denied } else { row.allowed };
            other != 0 || (count != times && !(own && count > times))
        });
        if let Some(row) = wrong {
            let (allowed, denied) = (row.allowed, row.denied);
            return Err(Text::of(format_args!("{}: {allowed} and {denied}", row.name())));
        }
        say!("    # {} numbers without a name, {} with, each counted", gaps.count(), asked.len());
        drop(captive);
        want!("jails afterwards", settle(0), Ok(0));
        Ok(())
    })
}

/// What the counted process does, in its jail: so often is each asked for.
pub fn do_countable_things() -> Result<()> {
    let denied = Err(Error(EPERM));
    for _ in 0..3 {
        if no_module() != denied {
            return Err(Error(200));
        }
    }
    if sys::chroot(c"/dir") != denied || sys::reboot(0) != denied {
        return Err(Error(201));
    }
    for _ in 0..2 {
        low_port()?;
    }
    // Without root's rights nobody gets them anywhere: not the jail's doing.
    let as_user = in_child(|| sys::setuid(1001).and_then(|()| no_module()));
    if as_user == Ok(Ok(denied)) { Ok(()) } else { Err(Error(202)) }
}

/// What root in a jail did is counted, and nobody in a jail reads it.
pub fn ledger(_: &Context) -> Outcome {
    static NAMES: &CStr = c"-PRIV_VFS_CHROOT +PRIV_KTRACE";
    let args = good().with_flags(RESERVED_PORTS).with_privileges(NAMES);
    let first = Held::start(1, || args.enter().and_then(|_| do_countable_things()));
    want!("a jail that does things", first.as_ref().map(|_| ()), Ok(()));
    let second = Held::start(1, || good().with_flags(0).enter().map(drop));
    want!("another", second.as_ref().map(|_| ()), Ok(()));

    let mut rows: Ledger = [abi::Row::default(); 300];
    let info = jail::get(0, abi::NEXT, &mut rows);
    let Ok(info) = info else {
        return Err(Text::of(format_args!("the first jail: {info:?}")));
    };
    want!("its flags", info.flags, RESERVED_PORTS);
    want!("its addresses", info.ip4s, 1);
    let lines = sys::sysctl_number("security.rjail.second_line").map(|on| on + 1);
    want!("its lines", Ok(i64::from(info.lines)), lines);
    want!("numbers without a name", (info.unnamed, info.missed), (0, 0));
    let ledger = rows.get(..info.rows as usize).unwrap_or_default();
    let expected: &[(&str, (u32, u64, u64))] = &[
        ("PRIV_KLD_LOAD", (0, 0, 3)),
        ("PRIV_VFS_CHROOT", (0, 0, 1)),
        ("PRIV_REBOOT", (0, 0, 1)),
        ("PRIV_NETINET_RESERVEDPORT", (1, 2, 0)),
        ("PRIV_KTRACE", (1, 0, 0)),
        ("PRIV_CRED_SETUID", (1, 1, 0)),
        ("PRIV_NETINET_RAW", (0, 0, 0)),
    ];
    for (name, wanted) in expected {
        let mut found = ledger.iter().filter(|row| row.name() == *name);
        let row = found.next().map(|row| (row.state, row.allowed, row.denied));
        if row != Some(*wanted) || found.next().is_some() {
            return Err(Text::of(format_args!("{name}: {row:?}, wanted {wanted:?}")));
        }
    }
    let held = ledger.iter().filter(|row| row.state == abi::HELD).count();
    let used = ledger.iter().filter(|row| row.allowed + row.denied > 0).count();
    say!("    # {} privileges, {held} held, {used} asked for", ledger.len());
    let ordered = ledger.iter().all(|row| row.number > 1 && row.name().starts_with("PRIV_"));
    want!("every row has a name and a number", ordered, true);

    // Room for three is room for three.
    let mut few = [abi::Row::default(); 4];
    let there = jail::get(info.jid, abi::THIS, &mut few[..3]).map(|again| again.rows);
    want!("rows that there are", there, Ok(info.rows));
    want!("the third", few[2], ledger[2]);
    want!("behind the room", few[3], abi::Row::default());

    let next = jail::get(info.jid, abi::NEXT, &mut []).map(|next| next.jid);
    want!("the next jail", next.is_ok_and(|next| next > info.jid), true);
    let next = next.unwrap_or_default();
    want!("behind the last", jail::get(next, abi::NEXT, &mut []).err(), Some(Error(ENOENT)));
    want!("no such jail", jail::get(next + 1, abi::THIS, &mut []).err(), Some(Error(ENOENT)));
    want!("jail 0", jail::get(0, abi::THIS, &mut []).err(), Some(Error(ENOENT)));
    want!("jail -1", jail::get(-1, abi::NEXT, &mut []).err(), Some(Error(EINVAL)));
    want!("a fourth choice", jail::get(0, 3, &mut []).err(), Some(Error(EINVAL)));
    let held_by = |descriptor| jail::get(descriptor, abi::HELD_BY, &mut []).err();
    want!("held by the console", held_by(0), Some(Error(EBADF)));
    want!("held by nothing", held_by(999), Some(Error(EBADF)));
    want!("held by -1", held_by(-1), Some(Error(EBADF)));
    want!("held by 2^32", held_by(1 << 32), Some(Error(EBADF)));
    let user = in_child(|| sys::setuid(1001).and_then(|()| jail::get(0, abi::NEXT, &mut [])));
    want!("by a user outside", user.map(|got| got.map(|got| got.map(|i| i.jid))), {
        Ok(Ok(Ok(info.jid)))
    });
    let inside = in_child(|| good().enter().and_then(|_| jail::get(0, abi::NEXT, &mut [])));
    want!("in a jail", inside.map(|got| got.map(Result::err)), Ok(Ok(Some(Error(EPERM)))));
    let native = in_child(|| {
        jail::Kind::Native.enter(c"/jail", c"native", [10, 66, 0, 2])?;
        jail::get(0, abi::NEXT, &mut [])
    });
    want!("in a native jail", native.map(|got| got.map(Result::err)), Ok(Ok(Some(Error(EPERM)))));
    wrong_calls(info.jid)?;

    // The second holds the pipe of the first as well.
    want!("letting the second go", second.and_then(Held::let_go), Ok(()));
    want!("and the first", first.and_then(Held::let_go), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    want!("of a jail that is gone", jail::get(info.jid, abi::THIS, &mut []).err(), {
        Some(Error(ENOENT))
    });
    Ok(())
}

/// Structures that the kernel must not believe.
fn wrong_calls(jid: i64) -> Outcome {
    const SIZE: u32 = 144;
    for at in [0, UNMAPPED, KERNEL] {
        want!("rjail_get at a wrong address", jail::get_at(at), Err(Error(EFAULT)));
    }
    let good = abi::Info { size: SIZE, version: 1, jid, ..abi::Info::default() };
    want!("rjail_get without a ledger", jail::get_at(address_of(&good)), Ok(jid));
    let wrong = [
        ("size", abi::Info { size: SIZE - 1, ..good }, EINVAL),
        ("size 0", abi::Info { size: 0, ..good }, EINVAL),
        ("version 0", abi::Info { version: 0, ..good }, EINVAL),
        ("version 2", abi::Info { version: 2, ..good }, EINVAL),
        ("ledger", abi::Info { rows: 1, ledger: UNMAPPED, ..good }, EFAULT),
        ("ledger in the kernel", abi::Info { rows: 1, ledger: KERNEL, ..good }, EFAULT),
        ("ledger at the end", abi::Info { rows: u32::MAX, ledger: usize::MAX - 7, ..good }, EFAULT),
    ];
    for (what, info, errno) in wrong {
        let got = jail::get_at(address_of(&info));
        if got != Err(Error(errno)) {
            return Err(Text::of(format_args!("{what}: {got:?}, wanted {errno}")));
        }
    }
    for operation in [0, 7, -1, i32::MAX, i32::MIN] {
        let got = jail::operate(operation, address_of(&good));
        want!("an operation that there is not", got, Err(Error(EINVAL)));
    }
    Ok(())
}

/// The sysctls say what jails get that ask for the defaults, and no other jail.
pub fn defaults(_: &Context) -> Outcome {
    const ALL: [(&str, i32, i32, u32); 6] = [
        ("security.rjail.set_hostname_allowed", 1, 0, SET_HOSTNAME),
        ("security.rjail.socket_unixiproute_only", 1, 0, SOCKET_AF),
        ("security.rjail.sysvipc_allowed", 0, 1, SYSVIPC),
        ("security.rjail.enforce_statfs", 2, 1, STATFS_BELOW),
        ("security.rjail.allow_raw_sockets", 0, 1, RAW_SOCKETS),
        ("security.rjail.chflags_allowed", 0, 1, CHFLAGS),
    ];
    const STATFS: &str = "security.rjail.enforce_statfs";
    const RAW: &str = "security.rjail.allow_raw_sockets";
    if sys::kenv_get(c"security.rjail.allow_raw_sockets", &mut [0; 128]).is_ok() {
        want!("what the loader said", sys::sysctl_number(RAW), Ok(1));
        want!("a jail with it", flags_of(abi::DEFAULTS)?, SET_HOSTNAME | RAW_SOCKETS);
        want!("taken back", sys::sysctl_write(RAW, 0), Ok(()));
    }
    for (name, first, other, flag) in ALL {
        let read = sys::sysctl_number(name);
        if read != Ok(i64::from(first)) {
            return Err(Text::of(format_args!("{name}: {read:?}")));
        }
        let with = flags_of(abi::DEFAULTS)?;
        want!("the defaults", with, SET_HOSTNAME);
        want!("switching one", sys::sysctl_write(name, other), Ok(()));
        let changed = flags_of(abi::DEFAULTS | RESERVED_PORTS)?;
        let plain = flags_of(RESERVED_PORTS)?;
        want!("switching it back", sys::sysctl_write(name, first), Ok(()));
        if (changed, plain) != ((SET_HOSTNAME ^ flag) | RESERVED_PORTS, RESERVED_PORTS) {
            return Err(Text::of(format_args!("{name}={other}: {changed:#x}, {plain:#x}")));
        }
        for wrong in [-1, 3, i32::MIN, i32::MAX] {
            want!("a value that it has not", sys::sysctl_write(name, wrong), Err(Error(EINVAL)));
        }
        let user = in_child(|| sys::setuid(1001).and_then(|()| sys::sysctl_write(name, other)));
        want!("by a user", user, Ok(Ok(Err(Error(EPERM)))));
        let inside = in_child(|| good().enter().and_then(|_| sys::sysctl_write(name, other)));
        want!("in a jail", inside, Ok(Ok(Err(Error(EPERM)))));
    }
    want!("enforce_statfs=0", sys::sysctl_write(STATFS, 0), Ok(()));
    let all = flags_of(abi::DEFAULTS)?;
    want!("enforce_statfs=2", sys::sysctl_write(STATFS, 2), Ok(()));
    want!("its flag", all, STATFS_ALL | SET_HOSTNAME);

    let mounted = in_child(sys::mounts);
    let in_jail = |flags| in_child(|| good().with_flags(flags).enter().and_then(|_| sys::mounts()));
    // The root's, with the jail's two and the sibling's.
    want!("mounts outside", mounted, Ok(Ok(Ok(5))));
    want!("mounts inside", in_jail(0), Ok(Ok(Ok(1))));
    want!("mounts inside, below the root", in_jail(STATFS_BELOW), Ok(Ok(Ok(2))));
    want!("mounts inside, all", in_jail(STATFS_ALL), Ok(Ok(Ok(5))));

    let family = |flags| in_child(|| good().with_flags(flags).enter().and_then(|_| no_family()));
    want!("another family", family(0), Ok(Ok(Err(Error(EPROTONOSUPPORT)))));
    want!("another family, flag", family(SOCKET_AF), Ok(Ok(Err(Error(EAFNOSUPPORT)))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// The flags that a jail has which is made with these.
fn flags_of(flags: u32) -> core::result::Result<u32, Text<160>> {
    let early = |error: Error| Text::of(format_args!("a jail with {flags:#x}: {error:?}"));
    settle(0).map_err(early)?;
    let held = Held::start(1, || good().with_flags(flags).enter().map(drop)).map_err(early)?;
    let info = jail::get(0, abi::NEXT, &mut []).map_err(early)?;
    held.let_go().map_err(early)?;
    Ok(info.flags)
}

/// A denial of the jail says so in the extended error, and no other does.
pub fn reasons(_: &Context) -> Outcome {
    alone(|| {
        let explained = match Explained::from_now_on() {
            Ok(explained) => explained,
            // Kernels before 15 have none.
            Err(Error(ENOSYS)) => return Ok(()),
            Err(error) => return Err(Text::of(format_args!("exterrctl(2): {error:?}"))),
        };
        let user = in_child(|| {
            let explained = Explained::from_now_on()?;
            sys::setuid(1001)?;
            Ok::<_, Error>((no_module(), explained.get().error))
        });
        want!("a denial outside", user, Ok(Ok(Ok((Err(Error(EPERM)), 0)))));
        let jid = good().with_privileges(c"-PRIV_CRED_SETUID").enter();
        let Ok(jid) = jid else { return Err(Text::of(format_args!("no jail: {jid:?}"))) };

        want!("a module", no_module(), Err(Error(EPERM)));
        let text = c"PRIV_KLD_LOAD denied in rjail %ju: A module is the kernel.";
        explained.get().must_be(jid, KLD_LOAD, text)?;
        want!("setuid, taken", sys::setuid(7), Err(Error(EPERM)));
        let text = c"rjail %ju was made without privilege %ju: -NAME took it away";
        explained.get().must_be(jid, CRED_SETUID, text)?;
        want!("a raw socket", icmp(), Err(Error(EPERM)));
        want!("a port", low_port(), Ok(()));
        let foreign = sys::socket(2, 2, 0).and_then(|socket| {
            sys::bind(socket, sys::WithSize(&sys::Sockaddr::new(FOREIGN_ADDR, 0)))
        });
        want!("an address that is not the jail's", foreign, Err(Error(EADDRNOTAVAIL)));
        want!("is no privilege's affair", explained.get().error, 0);
        let user = in_child(|| {
            let explained = Explained::from_now_on()?;
            sys::setreuid(1001)?;
            Ok::<_, Error>((no_module(), explained.get().error))
        });
        want!("a user inside, who has it nowhere", user, Ok(Ok(Ok((Err(Error(EPERM)), 0)))));
        Ok(())
    })
}

/// `PRIV_KLD_LOAD` and `PRIV_CRED_SETUID`, as 15.1 numbers them.
const KLD_LOAD: u64 = 130;
const CRED_SETUID: u64 = 50;

impl Explained {
    fn must_be(&self, jid: i64, privilege: u64, wanted: &CStr) -> Outcome {
        let message = self.message.split(|byte| *byte == 0).next().unwrap_or_default();
        let numbers = [jid.cast_unsigned(), privilege];
        let ours = (self.error, self.category, self.numbers) == (1, CATEGORY, numbers);
        if ours && message == wanted.to_bytes() {
            return Ok(());
        }
        let message = core::str::from_utf8(message).unwrap_or_default();
        let numbers = self.numbers;
        Err(Text::of(format_args!("{} {} {numbers:?} {message}", self.error, self.category)))
    }
}
