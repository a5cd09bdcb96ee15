// SPDX-License-Identifier: BSD-2-Clause
//! rjail_attach(2): all that entry asks, of a jail that is there.

use cases::world::{FOREIGN_ADDR, JAIL_ADDR};

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{EADDRNOTAVAIL, EBUSY, EFAULT, EINVAL, ENOENT, EPERM, ESRCH};
use crate::jail::{self, Kind, attach_args};
use crate::programs::{
    Context, KERNEL, O_DIRECTORY, Outcome, Standing, UNMAPPED, good, jid, second_line, sharing,
};
use crate::sys::{self, Error, Result, address_of};
use crate::world::{JAIL_NAME, JAIL_ROOT};

use super::{gone, waiting, wrong_calls};

/// What somebody inside sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    jid: Result<i64>,
    root: Result<sys::FileId>,
    directory: Result<sys::FileId>,
    up: Result<sys::FileId>,
    hostname: [u8; 16],
    foreign: Result<()>,
    own: Result<()>,
    module: Result<()>,
    neighbour: Result<()>,
    mate: Result<()>,
}

fn bind_to(address: [u8; 4]) -> Result<()> {
    let socket = sys::socket(2, 2, 0)?;
    let bound = sys::bind(socket, sys::WithSize(&sys::Sockaddr::new(address, 0)));
    sys::close(socket).and(bound)
}

fn view(neighbour: i32, mate: i32) -> View {
    let mut hostname = [0; 16];
    let _ = sys::sysctl_named("kern.hostname", &mut hostname, None);
    View {
        jid: jid(),
        root: sys::file_id(c"/"),
        directory: sys::file_id(c"."),
        up: sys::file_id(c"../../.."),
        hostname,
        foreign: bind_to(FOREIGN_ADDR),
        own: bind_to(JAIL_ADDR),
        module: sys::kldload(c"/nothing.ko").map(drop),
        neighbour: sys::kill(neighbour, 0),
        mate: sys::kill(mate, 0),
    }
}

/// Who enters from outside is where the jail's maker is, and so are its children.
pub fn attach(context: &Context) -> Outcome {
    let neighbour = context.world.neighbour;
    let maker = sys::getpid().unwrap_or(-1);
    let captive = crate::line_two::Captive::start(|| good().enter().map(drop));
    let Ok(captive) = captive else { return Err(Text::of(format_args!("no jail"))) };
    let jail = jail::first().unwrap_or(-1);
    let seen = in_child(|| {
        let entered = jail::attach(jail);
        let here = view(neighbour, captive.pid);
        let child = in_child(|| view(neighbour, captive.pid));
        let told = sys::kill(maker, 0);
        (entered, here, child == Ok(Ok(here)), told)
    });
    let Ok(Ok((entered, here, same, told))) = seen else {
        return Err(Text::of(format_args!("the child that attaches: {seen:?}")));
    };
    want!("attach", entered, Ok(jail));
    want!("its jail", here.jid, Ok(jail));
    let root = sys::file_id(JAIL_ROOT);
    want!("root, working directory, above", [here.root, here.directory, here.up], [root; 3]);
    want!("an address that is not the jail's", here.foreign, Err(Error(EADDRNOTAVAIL)));
    want!("the jail's", here.own, Ok(()));
    want!("a module", here.module, Err(Error(EPERM)));
    want!("a process outside", here.neighbour, Err(Error(ESRCH)));
    want!("who let it in", told, Err(Error(ESRCH)));
    want!("a process of the jail", here.mate, Ok(()));
    if second_line() {
        let name = JAIL_NAME.to_bytes_with_nul();
        want!("its host name", here.hostname.get(..name.len()), Some(name));
    }
    want!("its child sees the same", same, true);
    let info = jail::info(jail).map(|info| (info.state, info.processes));
    want!("who is left", info, Ok((abi::ALIVE, 1)));
    drop(captive);
    gone()?;
    want!("a jail that is gone", in_child(|| jail::attach(jail)), Ok(Ok(Err(Error(ENOENT)))));

    // Over and over: the last one to leave is another each time.
    let (held, jail) = waiting(1)?;
    let chain = in_child(|| {
        let mut pids = [0; 20];
        for pid in &mut pids {
            *pid = sys::fork()?;
            if *pid == 0 {
                let _ = jail::attach(jail);
                sys::exit(i32::from(jid() != Ok(jail)));
            }
        }
        for pid in pids {
            if sys::wait(pid, 0)?.1 != sys::Status::Exited(0) {
                return Err(Error(pid));
            }
        }
        Ok(())
    });
    want!("twenty at once", chain, Ok(Ok(Ok(()))));
    want!("the jail's end", held.let_go(), Ok(()));
    gone()
}

/// How a process that may not enter comes to be one.
type Prepare = fn() -> Result<()>;

const REFUSED: &[(&str, i32, Prepare)] = &[
    ("as user 1001", EPERM, || sys::setuid(1001)),
    ("in a jail", EPERM, || good().enter().map(drop)),
    ("in a native jail", EPERM, || Kind::Native.enter(JAIL_ROOT, JAIL_NAME, JAIL_ADDR)),
    ("after chroot(2) to another root", EPERM, || sys::chroot(c"/jail/dir")),
    ("holding a directory", EPERM, || sys::open(c"/jail", O_DIRECTORY, 0).map(drop)),
    ("holding a native jail", EPERM, || sys::jail_descriptor(JAIL_ROOT).map(drop)),
];

/// Every step of entry refuses, and nothing has changed then.
pub fn errors(_: &Context) -> Outcome {
    let (held, jail) = waiting(1)?;
    for (what, errno, prepare) in REFUSED {
        let got = in_child(|| {
            prepare()?;
            let before = Standing::now()?;
            let answer = jail::attach(jail);
            Ok::<_, Error>((answer, before == Standing::now()?))
        });
        if got != Ok(Ok(Ok((Err(Error(*errno)), true)))) {
            return Err(Text::of(format_args!("{what}: {got:?}, wanted errno {errno}")));
        }
    }
    let shared = in_child(|| sharing(|| jail::attach(jail)));
    want!("sharing descriptors", shared, Ok(Ok(Err(Error(EBUSY)))));
    let args = attach_args(jail);
    let vforked = in_child(|| jail::operate_after_vfork(abi::operation::ATTACH, address_of(&args)));
    want!("after vfork(2)", vforked, Ok(Ok(Err(Error(EBUSY)))));
    let same_root = in_child(|| {
        sys::chroot(JAIL_ROOT)?;
        jail::attach(jail)
    });
    want!("after chroot(2) to the same root", same_root, Ok(Ok(Ok(jail))));

    let with = |change: fn(&mut abi::Attach)| {
        let mut changed = args;
        change(&mut changed);
        changed
    };
    let wrong = [
        ("size 0", with(|a| a.size = 0), EINVAL),
        ("size of less", with(|a| a.size -= 1), EINVAL),
        ("size of more", with(|a| a.size += 1), EINVAL),
        ("size of all bits", with(|a| a.size = u32::MAX), EINVAL),
        ("version 0", with(|a| a.version = 0), EINVAL),
        ("version 2", with(|a| a.version = 2), EINVAL),
        ("jail -1", with(|a| a.jid = -1), EINVAL),
        ("jail 0", with(|a| a.jid = 0), ENOENT),
        ("the next jail", with(|a| a.jid += 1), ENOENT),
        ("a jail of 63 bits", with(|a| a.jid = i64::MAX), ENOENT),
    ];
    let before = Standing::now();
    for (what, args, errno) in &wrong {
        wrong_calls(abi::operation::ATTACH, &[(what, address_of(args), *errno)])?;
    }
    wrong_calls(
        abi::operation::ATTACH,
        &[("null", 0, EFAULT), ("unmapped", UNMAPPED, EFAULT), ("the kernel's", KERNEL, EFAULT)],
    )?;
    want!("this process is as it was", Standing::now(), before);
    want!("and the jail", jail::info(jail).map(|info| info.processes), Ok(1));
    want!("its end", held.let_go(), Ok(()));
    gone()
}
