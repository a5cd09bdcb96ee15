// SPDX-License-Identifier: BSD-2-Clause
//! What rjail(2) takes as a jail's addresses, and what rjail_get(2) tells.

use core::ptr;

use crate::answer::want;
use crate::console::Text;
use crate::errno::{EFAULT, EINVAL};
use crate::jail::{self, Args};
use crate::programs::{Context, Held, KERNEL, Outcome, UNMAPPED, good, settle};
use crate::say;
use crate::sys::{Error, address_of};

type Ip6 = [u8; 16];

/// An address of fd00::/16 with this last byte.
const fn fd00(last: u8) -> Ip6 {
    let mut bytes = [0; 16];
    bytes[0] = 0xfd;
    bytes[15] = last;
    bytes
}

const LOCALHOST6: Ip6 = {
    let mut bytes = [0; 16];
    bytes[15] = 1;
    bytes
};
const LOCALHOST: [u8; 4] = [127, 0, 0, 1];
/// Not in order: the first is the primary one, and the kernel sorts the others.
static IP4: [[u8; 4]; 3] = [[10, 66, 0, 9], [10, 66, 0, 2], [10, 66, 0, 5]];
static IP6: [Ip6; 3] = [fd00(9), fd00(2), fd00(5)];

/// Room for one more than was asked for, to see what was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lists {
    ip4: [[u8; 4]; 5],
    ip6: [Ip6; 5],
}

/// rjail_get(2) of the only jail, with so much room.
fn read(room: [u32; 2]) -> Result<(abi::Info, Lists), Error> {
    let mut lists = Lists { ip4: [[0xee; 4]; 5], ip6: [[0xee; 16]; 5] };
    let mut info = abi::Info {
        size: u32::try_from(size_of::<abi::Info>()).unwrap_or(0),
        version: abi::VERSION,
        which: abi::NEXT,
        ip4: lists.ip4.as_mut_ptr().expose_provenance(),
        ip6: lists.ip6.as_mut_ptr().expose_provenance(),
        ip4s: room[0],
        ip6s: room[1],
        ..abi::Info::default()
    };
    jail::get_at(ptr::from_mut(&mut info).expose_provenance())?;
    Ok((info, lists))
}

/// A jail with these addresses has them, in this order.
fn told(given: [usize; 2], loopback: u32, wanted: (&[[u8; 4]], &[Ip6])) -> Outcome {
    let args = Args::new(c"/jail", c"inside.example", &IP4[..given[0]]);
    let args = args.with_ip6(&IP6[..given[1]]).with_loopback(loopback);
    let held = Held::start(1, || args.enter().map(drop));
    want!("a jail", held.as_ref().map(|_| ()), Ok(()));
    let (info, lists) = read([5, 5]).map_err(|e| Text::of(format_args!("rjail_get: {e:?}")))?;
    let number = |list: usize| u32::try_from(list).unwrap_or(u32::MAX);
    want!("IPv4", &lists.ip4[..wanted.0.len()], wanted.0);
    want!("IPv6", &lists.ip6[..wanted.1.len()], wanted.1);
    want!("how many", [info.ip4s, info.ip6s], [number(wanted.0.len()), number(wanted.1.len())]);
    want!("loopback", info.loopback, loopback);
    // Room for one is room for one.
    let (info, few) = read([1, 1]).map_err(|e| Text::of(format_args!("rjail_get: {e:?}")))?;
    want!("there are as many", [info.ip4s, info.ip6s].map(|n| n as usize), {
        [wanted.0.len(), wanted.1.len()]
    });
    want!("behind the room", (few.ip4[1], few.ip6[1]), ([0xee; 4], [0xee; 16]));
    for at in [UNMAPPED, KERNEL] {
        let wrong = abi::Info { ip4: at, ip4s: 1, which: abi::NEXT, jid: 0, ..info };
        let into = if wanted.0.is_empty() { Ok(info.jid) } else { Err(Error(EFAULT)) };
        want!("a wrong address", jail::get_at(address_of(&wrong)), into);
    }
    want!("letting it go", held.and_then(Held::let_go), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// Both families, none, one; with and without the machine's loopback addresses;
/// and what cannot be a jail's.
pub fn lists(_: &Context) -> Outcome {
    use abi::loopback::{REFUSE, REWRITE, SHARE};
    for loopback in [REWRITE, REFUSE] {
        told([3, 3], loopback, (&IP4, &IP6))?;
        told([0, 0], loopback, (&[], &[]))?;
    }
    told([1, 0], REWRITE, (&IP4[..1], &[]))?;
    told([0, 2], REWRITE, (&[], &IP6[..2]))?;
    let shared = ([IP4[0], IP4[1], LOCALHOST], [IP6[0], LOCALHOST6]);
    told([2, 1], SHARE, (&shared.0, &shared.1))?;
    told([0, 1], SHARE, (&[], &shared.1))?;
    told([0, 0], SHARE, (&[], &[]))?;

    let mut link_local = fd00(1);
    [link_local[0], link_local[1]] = [0xfe, 0x80];
    let mut group = fd00(1);
    [group[0], group[1]] = [0xff, 0x02];
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 66, 0, 2]);
    static MANY: [Ip6; 256] = [[0x20; 16]; 256];
    let bad: &[(&str, &[Ip6])] = &[
        ("any", &[[0; 16]]),
        ("a group", &[group]),
        ("IPv4 in disguise", &[mapped]),
        ("an address of a link", &[link_local]),
        ("the second", &[fd00(1), [0; 16]]),
        ("one twice", &[fd00(1), fd00(2), fd00(1)]),
        ("255 the same", &MANY[..255]),
        ("256", &MANY),
    ];
    let mut wrong = 0;
    let mut refused = |what: &str, args: Args, errno: i32| {
        let got = crate::answer::in_child(|| args.enter());
        if got != Ok(Ok(Err(Error(errno)))) {
            say!("    # {what}: got {got:?}, wanted errno {errno}");
            wrong += 1;
        }
    };
    for (what, list) in bad {
        refused(what, good().with_ip6(list), EINVAL);
    }
    for choice in [3, 4, u32::MAX] {
        refused("a choice of loopback that there is not", good().with_loopback(choice), EINVAL);
    }
    for (at, count, errno) in [
        (UNMAPPED, 1, EFAULT),
        (KERNEL, 1, EFAULT),
        (0, 1, EFAULT),
        (usize::MAX - 7, 255, EFAULT),
        (address_of(&IP6), u32::MAX, EINVAL),
    ] {
        let mut args = good();
        (args.0.ip6, args.0.ip6s) = (at, count);
        refused("where no list is", args, errno);
    }
    // Nobody reads where nothing is to be read.
    let mut args = good();
    args.0.ip6 = UNMAPPED;
    let none = crate::answer::in_child(|| args.enter().map(drop));
    want!("no address, wherever they are not", none, Ok(Ok(Ok(()))));
    want!("jails afterwards", settle(0), Ok(0));
    want!("calls that were answered otherwise", wrong, 0);
    Ok(())
}
