// SPDX-License-Identifier: BSD-2-Clause
//! rjail_why(2) beside what the kernel says when it is really asked.

use core::ffi::CStr;

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EFAULT, EINVAL, ENAMETOOLONG, ENOENT, EPERM};
use crate::jail::{self, ALL_FLAGS, Args, Kind, Ledger, why_args};
use crate::line_two::{Captive, Header, got};
use crate::probe::Probe;
use crate::programs::{Context, KERNEL, Outcome, UNMAPPED, good, second_line};
use crate::say;
use crate::sys::{self, Error, address_of};

use super::{gone, waiting, wrong_calls};

/// In jails of every kind, every name: the answer is the kernel's.
pub fn why(_: &Context) -> Outcome {
    let header = got("the names", Header::read())?;
    let lines: u32 = if second_line() { 2 } else { 1 };
    let mut asked = 0;
    let mut compare = |probe: &Probe, args: Args| -> Outcome {
        let captive = got("a jail", Captive::start(|| args.enter().map(drop)))?;
        let jail = got("its number", jail::first())?;
        let verdicts = got("verdicts", probe.verdicts(captive.pid))?;
        for (number, name) in header.lines() {
            let text = Text::<48>::of(format_args!("{name}\0"));
            let name = CStr::from_bytes_with_nul(text.bytes()).unwrap_or_default();
            let mut sentence = [0xff; 200];
            let why = got("why", jail::why(jail, name, &mut sentence))?;
            let (is, said) = (verdicts.both.has(number), why.allowed == 1);
            let line = if verdicts.line_two.has(number) { 1 } else { lines.min(2) };
            let consistent = match why.line {
                0 => said,
                1 => !said && why.by != abi::by::SECOND_LINE,
                2 => !said && line == 2 && why.by == abi::by::SECOND_LINE,
                _ => false,
            };
            let size = why.text_size as usize;
            let told = size > 1 && sentence.get(size - 1) == Some(&0);
            if is != said || !consistent || !told || usize::try_from(why.number) != Ok(number) {
                return Err(Text::of(format_args!(
                    "{name:?}, flags {:#x}: really {is}, said {said}, line {}, by {}, {size}",
                    args.0.flags, why.line, why.by
                )));
            }
            asked += 1;
        }
        drop(captive);
        gone()
    };
    Probe::during(|probe| {
        let each = (0..u32::BITS).map(|bit| 1 << bit).filter(|flag| ALL_FLAGS & flag != 0);
        for flags in [0].into_iter().chain(each).chain([ALL_FLAGS]) {
            compare(probe, good().with_flags(flags))?;
        }
        const NAMES: [&CStr; 3] = [
            c"+PRIV_KTRACE +PRIV_NETINET_RAW",
            c"-PRIV_CRED_SETUID -PRIV_VFS_CHROOT",
            c"-PRIV_NETINET_RESERVEDPORT +PRIV_VM_MLOCK",
        ];
        for names in NAMES {
            compare(probe, good().with_flags(0x21).with_privileges(names))?;
        }
        Ok(())
    })?;
    say!("    # {asked} times asked and compared");

    let jail = got(
        "a jail",
        Captive::start(|| {
            good()
                .with_flags(0x21)
                .with_privileges(c"+PRIV_KTRACE -PRIV_VFS_CHROOT -PRIV_NETINET_RESERVEDPORT")
                .enter()
                .map(drop)
        }),
    )?;
    let jid = got("its number", jail::first())?;
    let settled = |name| jail::why(jid, name, &mut []).map(|w| (w.allowed, w.line, w.by, w.flags));
    use abi::by::{FLAG, NAME, TABLE, TAKEN};
    want!("setuid", settled(c"PRIV_CRED_SETUID"), Ok((1, 0, TABLE, 0)));
    want!("a module", settled(c"PRIV_KLD_LOAD"), Ok((0, 1, TABLE, 0)));
    want!("ktrace, given", settled(c"PRIV_KTRACE"), Ok((1, 0, NAME, 0)));
    want!("chroot, taken", settled(c"PRIV_VFS_CHROOT"), Ok((0, 1, TAKEN, 0)));
    want!("a port, taken", settled(c"PRIV_NETINET_RESERVEDPORT"), Ok((0, 1, TAKEN, 0x20)));
    want!("raw sockets, missing", settled(c"PRIV_NETINET_RAW"), Ok((0, 1, FLAG, 0x2)));
    let mut ledger: Ledger = [abi::Row::default(); 300];
    let info = got("the ledger", jail::get(jid, abi::THIS, &mut ledger))?;
    let rows = ledger.get(..info.rows as usize).unwrap_or_default();
    let counted = rows.iter().filter(|row| row.allowed + row.denied > 0).count();
    want!("asking is in no ledger", counted, 0);
    drop(jail);
    gone()
}

/// Who may not ask, and what is no question.
pub fn errors(_: &Context) -> Outcome {
    static LONG: [u8; 64] = [b'A'; 64];
    let (held, jail) = waiting(1)?;
    let good = why_args(jail, c"PRIV_KTRACE");
    let with = |change: fn(&mut abi::Why)| {
        let mut changed = good;
        change(&mut changed);
        changed
    };
    for (what, args, errno) in [
        ("size 0", with(|a| a.size = 0), EINVAL),
        ("size of less", with(|a| a.size -= 1), EINVAL),
        ("version 2", with(|a| a.version = 2), EINVAL),
        ("jail -1", with(|a| a.jid = -1), EINVAL),
        ("jail 0", with(|a| a.jid = 0), ENOENT),
        ("another jail", with(|a| a.jid += 1), ENOENT),
        ("no name", with(|a| a.privilege = 0), EFAULT),
        ("a name unmapped", with(|a| a.privilege = UNMAPPED), EFAULT),
        ("a name of the kernel's", with(|a| a.privilege = KERNEL), EFAULT),
        ("a name that there is not", with(|a| a.privilege = address_of(c"PRIV_KTRAC")), EINVAL),
        ("an empty name", with(|a| a.privilege = address_of(c"")), EINVAL),
        ("a long name", with(|a| a.privilege = address_of(&LONG)), ENAMETOOLONG),
        ("text unmapped", with(|a| (a.text, a.text_size) = (UNMAPPED, 1000)), EFAULT),
    ] {
        wrong_calls(abi::operation::WHY, &[(what, address_of(&args), errno)])?;
    }
    wrong_calls(
        abi::operation::WHY,
        &[("null", 0, EFAULT), ("unmapped", UNMAPPED, EFAULT), ("the kernel's", KERNEL, EFAULT)],
    )?;
    let ask = || jail::why(jail, c"PRIV_KTRACE", &mut []).map(|why| why.jid);
    let user = in_child(|| sys::setuid(1001).and_then(|()| ask()));
    want!("by a user", user, Ok(Ok(Ok(jail))));
    let inside = in_child(|| jail::attach(jail).and_then(|_| ask()));
    want!("from inside", inside, Ok(Ok(Err(Error(EPERM)))));
    let native = in_child(|| {
        Kind::Native.enter(c"/jail", c"native", [10, 66, 0, 2])?;
        ask()
    });
    want!("from a native jail", native, Ok(Ok(Err(Error(EPERM)))));
    let mut small = [0xff; 4];
    let size = jail::why(jail, c"PRIV_KTRACE", &mut small).map(|why| why.text_size > 4);
    want!("a text that has no room", (size, small), (Ok(true), [0xff; 4]));
    want!("the end", held.let_go(), Ok(()));
    gone()
}
