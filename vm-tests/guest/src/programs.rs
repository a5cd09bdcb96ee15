// SPDX-License-Identifier: BSD-2-Clause
//! Tests that are not cases: loading, errors, inheritance, numbers.

use core::ffi::CStr;

use cases::world::{FOREIGN_ADDR, HOST_ADDR, JAIL_ADDR, SIBLING_ADDR};

use crate::answer::{in_child, want};
use crate::console::Text;
use crate::errno::{
    EADDRNOTAVAIL, EBUSY, EEXIST, EFAULT, EINVAL, EISCONN, ENAMETOOLONG, ENOENT, ENOEXEC, ENOSYS,
    ENOTDIR, EPERM, ESRCH,
};
use crate::jail::{ALL_FLAGS, Args, MOST_ADDRESSES, enter_after_vfork, enter_at};
use crate::malloc::Malloc;
use crate::sys::{self, Error, FileId, Result, Shared, Sockaddr, Status, address_of};
use crate::world::{JAIL_NAME, JAIL_ROOT, PROGRAM_IN_JAIL, World};
use crate::{arming, devices, filter, line_two, net, reach, say, tool, unix};

/// What a program found.
pub type Outcome = core::result::Result<(), Text<160>>;

/// What every program may use.
#[derive(Clone, Copy)]
pub struct Context {
    /// The world; no other jail is in it.
    pub world: World,
    /// How many rounds of loading and unloading.
    pub churn: u32,
    /// How long they may take.
    pub churn_seconds: i64,
}

/// A named test.
pub struct Program {
    /// As in `T=name`.
    pub name: &'static str,
    /// Killed after so long.
    pub seconds: i64,
    /// The test.
    pub run: fn(&Context) -> Outcome,
    /// A file that not every disk has.
    pub needs: Option<&'static CStr>,
}

const fn program(name: &'static str, seconds: i64, run: fn(&Context) -> Outcome) -> Program {
    Program { name, seconds, run, needs: None }
}

const fn with_tool(name: &'static str, run: fn(&Context) -> Outcome) -> Program {
    Program { needs: Some(tool::TOOL), ..program(name, 60, run) }
}

/// Begin and end without the module.
pub const LOADING: &[Program] = &[
    program("absent", 20, absent),
    program("load", 30, load),
    program("load_refused", 30, load_refused),
];
/// With the module loaded all the time, and either one line or both.
pub const EITHER: &[Program] = &[
    program("errors", 60, errors),
    program("accepts", 60, accepts),
    program("inherit", 30, inherit),
    program("hundreds", 120, hundreds),
    program("crowd", 120, crowd),
    program("addresses_in_any_order", 30, addresses_in_any_order),
    program("sockets_from_before", 30, sockets_from_before),
    program("native_attach", 30, native_attach),
    program("names", 30, filter::names),
    program("ledger", 30, filter::ledger),
    program("reasons", 30, filter::reasons),
    program("unix_across", 120, unix::across),
    program("unix_passing", 60, unix::passing),
    program("unix_from_before", 60, unix::from_before),
    program("unix_switch", 60, unix::switch),
    program("unix_watched", 60, unix::watched),
    program("unix_from_a_directory", 60, unix::from_a_directory),
    program("devices_list", 120, devices::list),
    program("devices_memory", 60, devices::memory),
    program("devices_terminals", 60, devices::terminals),
    program("devices_revoke", 60, devices::revoke),
    program("devices_nodes", 60, devices::nodes),
    program("devices_tunnels", 60, devices::tunnels),
    program("net_lists", 60, net::lists),
    program("net_attempts", 240, net::attempts),
    program("net_wire", 120, net::wire),
    program("net_seen", 240, net::seen),
    program("net_changes", 60, net::changes),
    program("net_families", 60, net::families),
];
/// As those, on two processors.
pub const RACES: &[Program] = &[program("net_race", 60, net::race)];
/// Of a module that was loaded late: the policy comes and goes.
pub const ARMING: &[Program] =
    &[program("armed", 60, arming::follows), program("armed_across", 60, arming::across)];
/// As those, on two processors.
pub const ARMING_RACES: &[Program] = &[program("armed_at_once", 120, arming::at_once)];
/// Of one that the boot loader has loaded, before anybody was jailed.
pub const BEFORE_THE_FIRST: &[Program] =
    &[program("preloaded_unarmed", 30, arming::before_the_first)];
/// What needs both lines, or asks about the second.
pub const BOTH_LINES: &[Program] = &[
    program("sealed", 30, sealed),
    program("privileges", 900, crate::privileges::privileges),
    program("defaults", 30, filter::defaults),
    program("by-name", 240, filter::by_name),
    program("unnamed", 30, filter::unnamed),
    with_tool("tool", tool::tool),
    with_tool("tool_paper", tool::paper),
    with_tool("tool_descriptors", tool::descriptors),
    with_tool("tool_terminal", tool::terminal),
    with_tool("tool_exec", tool::exec),
    with_tool("tool_users", tool::users),
    with_tool("tool_life", tool::life),
    with_tool("tool_stops", tool::stops),
    with_tool("tool_many", tool::many),
    Program { needs: Some(tool::EXAMPLE), ..program("nanojail", 60, tool::in_rust) },
    Program { needs: Some(tool::EXAMPLE_IN_C), ..program("nanojail_c", 60, tool::in_c) },
    Program { needs: Some(tool::LOOKER), ..program("lookers", 120, tool::look) },
    Program { needs: Some(tool::SHELL), ..program("tool_shell", 60, tool::shell) },
    program("line-two", 120, line_two::line_two),
    program("ask", 60, line_two::ask),
    program("within", 60, line_two::within),
    program("sdt", 60, crate::static_probes::sdt),
];
/// What the label alone answers in its own way.
pub const LABEL_ALONE: &[Program] = &[program("connect_again", 30, connect_again)];
/// Begin and end with the module, but unload it in between.
pub const UNLOADING: &[Program] = &[
    program("unload_busy", 30, unload_busy),
    program("unload_in_each_state", 60, arming::unload_in_each_state),
    program("beside_the_probe", 30, crate::static_probes::beside),
    program("probe_leaves_nothing", 120, crate::static_probes::leaves_nothing),
    Program { needs: Some(tool::SHELL), ..program("service", 240, tool::script) },
];
/// As those, on two processors.
pub const UNLOADING_RACES: &[Program] = &[program("unload_while_asked", 150, unload_while_asked)];
/// With a module that the boot loader has loaded.
pub const PRELOADED: &[Program] =
    &[program("preloaded", 20, preloaded), program("preloaded_armed", 60, arming::preloaded)];
/// Hundreds of loads.
pub const CHURN: &[Program] = &[program("churn", 1200, churn)];

/// The module's file.
pub const MODULE: &CStr = c"/rjail/rjail.ko";
pub const MODULE_FILE: &CStr = c"rjail.ko";
/// `O_DIRECTORY`.
pub const O_DIRECTORY: i32 = 0x0002_0000;

/// Loads or unloads the module, if it is not so already.
pub fn have_module(wanted: bool) -> Result<()> {
    match (sys::kldfind(MODULE_FILE), wanted) {
        (Ok(_), true) | (Err(Error(ENOENT)), false) => Ok(()),
        (Ok(id), false) => sys::kldunload(id),
        (Err(_), true) => sys::kldload(MODULE).map(drop),
        (Err(error), false) => Err(error),
    }
}

/// Unloads the module.
pub fn unload() -> Result<()> {
    sys::kldunload(sys::kldfind(MODULE_FILE)?)
}

/// Arguments that make the jail of the cases.
pub fn good() -> Args {
    Args::new(JAIL_ROOT, JAIL_NAME, const { &[JAIL_ADDR] })
}

fn live_jails() -> Result<i64> {
    sys::sysctl_number("security.rjail.jails")
}

/// Waits until so many jails are left; teardown is deferred.
pub fn settle(wanted: i64) -> Result<i64> {
    let deadline = sys::uptime() + 5000;
    loop {
        let jails = live_jails()?;
        if jails == wanted || sys::uptime() > deadline {
            return Ok(jails);
        }
        sys::pause(10);
    }
}

/// Are both lines there?
pub fn second_line() -> bool {
    sys::sysctl_number("security.rjail.second_line") == Ok(1)
}

/// No jail is left.
pub fn jails_gone() -> Outcome {
    match settle(0) {
        Ok(0) => Ok(()),
        other => Err(Text::of(format_args!("jails afterwards: {other:?}"))),
    }
}

/// What came of it, or why the test can not begin.
pub fn early<T>(what: &str, result: Result<T>) -> core::result::Result<T, Text<160>> {
    result.map_err(|Error(number)| Text::of(format_args!("{what}: errno {number}")))
}

fn absent(_: &Context) -> Outcome {
    want!("rjail(2) without the module", good().enter(), Err(Error(ENOSYS)));
    want!("its sysctls", live_jails(), Err(Error(ENOENT)));
    Ok(())
}

fn load(_: &Context) -> Outcome {
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    want!("a second kldload", sys::kldload(MODULE).map(drop), Err(Error(EEXIST)));
    let mut version = [0; 64];
    let length = sys::sysctl_named("security.rjail.version", &mut version, None);
    want!("security.rjail.version has text", length.is_ok_and(|l| l > 1), true);
    want!("security.rjail.jails", live_jails(), Ok(0));
    let by_name = sys::module_syscall(c"sys/rjail").map(|number| number as i64);
    want!("security.rjail.syscall", sys::sysctl_number("security.rjail.syscall"), by_name);
    want!("security.rjail.jailed", sys::sysctl_number("security.rjail.jailed"), Ok(0));
    want!("security.rjail.jid", sys::sysctl_number("security.rjail.jid"), Ok(0));
    want!("security.rjail.second_line", sys::sysctl_number("security.rjail.second_line"), Ok(1));
    want!("kldunload", unload(), Ok(()));
    want!("sysctls after kldunload", live_jails(), Err(Error(ENOENT)));
    want!("rjail(2) after kldunload", good().enter(), Err(Error(ENOSYS)));
    Ok(())
}

/// The module needs a lock that is private to a file of the kernel; a kernel that
/// does not lend it refuses the module, rather than run it without.
fn load_refused(_: &Context) -> Outcome {
    const LENDS: &str = "debug.link_elf_leak_locals";
    let lend = |on: u8| sys::sysctl_named(LENDS, &mut [], Some(&[on])).map(drop);
    want!("private symbols withheld", lend(0), Ok(()));
    let refused = sys::kldload(MODULE).map(drop);
    want!("lent again", lend(1), Ok(()));
    want!("kldload meanwhile", refused, Err(Error(ENOEXEC)));
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    want!("kldunload", unload(), Ok(()));
    Ok(())
}

/// What rjail(2) would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    root: FileId,
    directory: FileId,
    hostname: [u8; 32],
    jid: i64,
}

impl Standing {
    /// As it is now.
    pub fn now() -> Result<Self> {
        let mut hostname = [0; 32];
        sys::sysctl_named("kern.hostname", &mut hostname, None)?;
        let jid = sys::sysctl_number("security.rjail.jid")?;
        Ok(Self { root: sys::file_id(c"/")?, directory: sys::file_id(c".")?, hostname, jid })
    }
}

/// How a wrong call is made.
enum Call {
    /// With arguments changed so, in a process prepared so.
    With(fn(&mut Args) -> Result<()>),
    /// With arguments at this address.
    At(usize),
    /// From a process that shares its descriptor table.
    Sharing,
    /// From a process that runs in another's memory.
    Vforked,
}

/// An address that no process here has.
pub const UNMAPPED: usize = 0x1000;
/// An address of the kernel's.
pub const KERNEL: usize = 0xffff_ffff_8000_0000;
static LONG_PATH: [u8; 1101] = terminated(b'/');
static LONG_LIST: [u8; 9001] = terminated(b' ');
static LONG_NAME: [u8; 257] = terminated(b'a');
static ADDRESSES: [[u8; 4]; 256] = addresses();

const fn terminated<const N: usize>(byte: u8) -> [u8; N] {
    let mut bytes = [byte; N];
    bytes[N - 1] = 0;
    bytes
}

const fn addresses() -> [[u8; 4]; 256] {
    let mut all = [[10, 1, 0, 0]; 256];
    let mut i = 0;
    while i < 256 {
        all[i][3] = i.to_le_bytes()[0];
        i += 1;
    }
    all
}

fn with_address(args: &mut Args, address: &'static [u8; 4]) -> Result<()> {
    args.0.ip4 = address_of(address);
    Ok(())
}

fn with_name(args: &mut Args, name: &'static CStr) -> Result<()> {
    args.0.hostname = address_of(name);
    Ok(())
}

fn named(args: &mut Args, privileges: &'static CStr) -> Result<()> {
    *args = args.with_privileges(privileges);
    Ok(())
}

const WRONG: &[(&str, i32, Call)] = &[
    ("as user 1001", EPERM, Call::With(|_| sys::setuid(1001))),
    ("holding a directory", EPERM, Call::With(|_| sys::open(c"/jail", O_DIRECTORY, 0).map(drop))),
    ("in a jail", EPERM, Call::With(|_| good().enter().map(drop))),
    (
        "after chroot(2) to another root",
        EPERM,
        Call::With(|args| {
            args.0.path = address_of(c"/dir");
            sys::chroot(c"/jail")
        }),
    ),
    ("sharing descriptors", EBUSY, Call::Sharing),
    ("sharing memory", EBUSY, Call::Vforked),
    ("holding a jail", EPERM, Call::With(|_| sys::jail_descriptor(c"/jail").map(drop))),
    ("privileges unmapped", EFAULT, Call::With(|args| set(&mut args.0.privileges, UNMAPPED))),
    ("privileges in the kernel", EFAULT, Call::With(|args| set(&mut args.0.privileges, KERNEL))),
    ("a privilege without a sign", EINVAL, Call::With(|args| named(args, c"PRIV_KTRACE"))),
    ("a privilege of no name", EINVAL, Call::With(|args| named(args, c"-PRIV_KTRAC"))),
    ("a privilege twice", EINVAL, Call::With(|args| named(args, c"+PRIV_KTRACE -PRIV_KTRACE"))),
    ("a privilege for no jail", EINVAL, Call::With(|args| named(args, c"+PRIV_KLD_LOAD"))),
    (
        "privileges of 9000 bytes",
        ENAMETOOLONG,
        Call::With(|args| set(&mut args.0.privileges, address_of(&LONG_LIST))),
    ),
    ("arguments null", EFAULT, Call::At(0)),
    ("arguments unmapped", EFAULT, Call::At(UNMAPPED)),
    ("arguments in the kernel", EFAULT, Call::At(KERNEL)),
    ("path null", EFAULT, Call::With(|args| set(&mut args.0.path, 0))),
    ("path unmapped", EFAULT, Call::With(|args| set(&mut args.0.path, UNMAPPED))),
    ("path in the kernel", EFAULT, Call::With(|args| set(&mut args.0.path, KERNEL))),
    ("hostname unmapped", EFAULT, Call::With(|args| set(&mut args.0.hostname, UNMAPPED))),
    ("ip4 unmapped", EFAULT, Call::With(|args| set(&mut args.0.ip4, UNMAPPED))),
    ("ip4 in the kernel", EFAULT, Call::With(|args| set(&mut args.0.ip4, KERNEL))),
    ("size 0", EINVAL, Call::With(|args| set(&mut args.0.size, 0))),
    ("size of less", EINVAL, Call::With(|args| set(&mut args.0.size, 47))),
    ("size of more", EINVAL, Call::With(|args| set(&mut args.0.size, 49))),
    ("size of all bits", EINVAL, Call::With(|args| set(&mut args.0.size, u32::MAX))),
    ("version 0", EINVAL, Call::With(|args| set(&mut args.0.version, 0))),
    ("version 2", EINVAL, Call::With(|args| set(&mut args.0.version, 2))),
    ("an unknown flag", EINVAL, Call::With(|args| set(&mut args.0.flags, ALL_FLAGS + 1))),
    ("all flag bits", EINVAL, Call::With(|args| set(&mut args.0.flags, u32::MAX))),
    (
        "256 addresses",
        EINVAL,
        Call::With(|args| {
            args.0.ip4 = address_of(&ADDRESSES);
            set(&mut args.0.ip4s, MOST_ADDRESSES + 1)
        }),
    ),
    ("address 0.0.0.0", EINVAL, Call::With(|args| with_address(args, &[0; 4]))),
    ("address 255.255.255.255", EINVAL, Call::With(|args| with_address(args, &[255; 4]))),
    ("address 224.0.0.1", EINVAL, Call::With(|args| with_address(args, &[224, 0, 0, 1]))),
    (
        "an address twice",
        EINVAL,
        Call::With(|args| {
            args.0.ip4 = address_of(const { &[JAIL_ADDR, JAIL_ADDR] });
            set(&mut args.0.ip4s, 2)
        }),
    ),
    ("no hostname", EINVAL, Call::With(|args| with_name(args, c""))),
    ("hostname with a space", EINVAL, Call::With(|args| with_name(args, c"two words"))),
    ("hostname with a control byte", EINVAL, Call::With(|args| with_name(args, c"a\x01b"))),
    (
        "path of 1100 bytes",
        ENAMETOOLONG,
        Call::With(|args| set(&mut args.0.path, address_of(&LONG_PATH))),
    ),
    (
        "hostname of 256 bytes",
        ENAMETOOLONG,
        Call::With(|args| set(&mut args.0.hostname, address_of(&LONG_NAME))),
    ),
    ("no such path", ENOENT, Call::With(|args| set(&mut args.0.path, address_of(c"/nowhere")))),
    ("empty path", ENOENT, Call::With(|args| set(&mut args.0.path, address_of(c"")))),
    (
        "path of a file",
        ENOTDIR,
        Call::With(|args| set(&mut args.0.path, address_of(c"/jail/file"))),
    ),
];

fn set<T>(field: &mut T, value: T) -> Result<()> {
    *field = value;
    Ok(())
}

/// What a wrong call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Answered(Result<i64>),
    Changed(Standing, Standing),
    NotReady(Error),
}

fn call(how: &Call) -> Wrong {
    let mut args = good();
    let ready = match how {
        Call::With(prepare) => prepare(&mut args),
        Call::At(_) | Call::Sharing | Call::Vforked => Ok(()),
    };
    let before = match ready.and_then(|()| Standing::now()) {
        Ok(standing) => standing,
        Err(error) => return Wrong::NotReady(error),
    };
    let answer = match how {
        Call::With(_) => args.enter(),
        Call::At(address) => enter_at(*address),
        Call::Sharing => sharing(|| args.enter()),
        Call::Vforked => enter_after_vfork(&args),
    };
    match Standing::now() {
        Ok(after) if after == before => Wrong::Answered(answer),
        Ok(after) => Wrong::Changed(before, after),
        Err(error) => Wrong::NotReady(error),
    }
}

/// Does it in a child that has the same descriptor table.
pub fn sharing(work: impl FnOnce() -> Result<i64>) -> Result<i64> {
    const RFPROC: i32 = 1 << 4;
    let result = Shared::new(Err(Error(0)))?;
    let child = sys::rfork(RFPROC)?;
    if child == 0 {
        result.set(work());
        sys::exit(0);
    }
    sys::wait(child, 0)?;
    result.get()
}

fn errors(_: &Context) -> Outcome {
    let mut wrong = 0;
    for (name, errno, how) in WRONG {
        let got = in_child(|| call(how));
        let wanted: Result<core::result::Result<_, Status>> =
            Ok(Ok(Wrong::Answered(Err(Error(*errno)))));
        if got != wanted {
            say!("    # {name}: got {got:?}, wanted errno {errno}");
            wrong += 1;
        }
        want!("jails afterwards", settle(0), Ok(0));
    }
    say!("    # {} wrong calls of rjail(2)", WRONG.len());
    want!("calls that were answered otherwise", wrong, 0);
    Ok(())
}

fn accepts(_: &Context) -> Outcome {
    let entered = |change: fn(&mut Args)| {
        in_child(|| {
            let mut args = good();
            change(&mut args);
            args.enter().and_then(|_| sys::sysctl_number("security.rjail.jailed"))
        })
    };
    want!("no address", entered(|args| args.0.ip4s = 0), Ok(Ok(Ok(1))));
    want!("every flag", entered(|args| args.0.flags = ALL_FLAGS), Ok(Ok(Ok(1))));
    want!("the defaults", entered(|args| args.0.flags = abi::DEFAULTS), Ok(Ok(Ok(1))));
    want!("no flag", entered(|args| args.0.flags = 0), Ok(Ok(Ok(1))));
    let most = |args: &mut Args| {
        args.0.ip4 = address_of(&ADDRESSES[1..]);
        args.0.ip4s = MOST_ADDRESSES;
    };
    let names = |args: &mut Args| {
        *args = args.with_privileges(c" +PRIV_KTRACE  -PRIV_VFS_CHROOT ");
    };
    want!("privileges by name", entered(names), Ok(Ok(Ok(1))));
    want!("255 addresses", entered(most), Ok(Ok(Ok(1))));
    let longest = |args: &mut Args| args.0.hostname = address_of(&LONG_NAME[1..]);
    want!("a hostname of 255 bytes", entered(longest), Ok(Ok(Ok(1))));
    let at_root = in_child(|| {
        sys::chroot(JAIL_ROOT)?;
        Args::new(c"/", JAIL_NAME, const { &[JAIL_ADDR] }).enter().map(|_| ())?;
        sys::chdir(c"../../..")?;
        sys::file_id(c".")
    });
    want!("after chroot(2) to the same root", at_root, Ok(Ok(sys::file_id(JAIL_ROOT))));
    want!("the machine's root", entered(|args| args.0.path = address_of(c"/")), Ok(Ok(Ok(1))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// The kernel searches a jail's addresses by halves: all must be found,
/// whatever order they were given in.
fn addresses_in_any_order(_: &Context) -> Outcome {
    static GIVEN: [[u8; 4]; 4] = [JAIL_ADDR, [127, 0, 0, 1], SIBLING_ADDR, HOST_ADDR];
    alone(|| {
        let jail = Args::new(JAIL_ROOT, JAIL_NAME, &GIVEN).enter();
        want!("a jail with four addresses", jail.is_ok(), true);
        for address in GIVEN {
            let name = udp().and_then(|socket| bind_at(socket, address));
            want!("an address of the jail", name, Ok(address));
        }
        let other = udp().and_then(|socket| bind_at(socket, FOREIGN_ADDR));
        want!("another", other, Err(Error(EADDRNOTAVAIL)));
        Ok(())
    })
}

/// A socket made before entry has a credential from outside, by which the kernel
/// confines it; the label must do so alone.
fn sockets_from_before(_: &Context) -> Outcome {
    static TWO: [[u8; 4]; 2] = [JAIL_ADDR, SIBLING_ADDR];
    const ANY: [u8; 4] = [0; 4];
    alone(|| {
        let [unbound, on_any, on_host] = [udp(), udp(), udp()].map(|s| s.unwrap_or(-1));
        want!("bind outside to any", bind_at(on_any, ANY), Ok(ANY));
        want!("bind outside to the host", bind_at(on_host, HOST_ADDR), Ok(HOST_ADDR));
        let jail = Args::new(JAIL_ROOT, JAIL_NAME, &TWO).enter();
        want!("a jail with two addresses", jail.is_ok(), true);
        want!("bind to any", bind_at(unbound, ANY), Ok(JAIL_ADDR));
        for socket in [on_any, on_host] {
            let to = Sockaddr::new(JAIL_ADDR, 9);
            let connect = sys::connect(socket, sys::WithSize(&to));
            want!("connect of one bound outside", connect, Err(Error(EADDRNOTAVAIL)));
            let send = sys::send(socket, b"x", to).map(drop);
            want!("send of one bound outside", send, Err(Error(EADDRNOTAVAIL)));
        }
        let own = udp().and_then(|socket| bind_at(socket, JAIL_ADDR));
        want!("one made inside", own, Ok(JAIL_ADDR));
        Ok(())
    })
}

/// A datagram socket that connects again gets its source from the kernel anew,
/// which with the label alone knows of no jail.
fn connect_again(_: &Context) -> Outcome {
    alone(|| {
        want!("a jail", good().enter().is_ok(), true);
        let socket = udp().unwrap_or(-1);
        let to = Sockaddr::new(HOST_ADDR, 9);
        want!("the first connect", sys::connect(socket, sys::WithSize(&to)), Ok(()));
        let name = sys::getsockname(socket).map(|name| name.address);
        want!("from the jail's address", name, Ok(JAIL_ADDR));
        let again = sys::connect(socket, sys::WithSize(&to));
        want!("the second connect", again, Err(Error(EISCONN)));
        let name = sys::getsockname(socket).map(|name| name.address);
        want!("still from the jail's address", name, Ok(JAIL_ADDR));
        Ok(())
    })
}

/// A descriptor of a native jail reaches a jailed process; entering that jail
/// would be leaving this one.
fn native_attach(_: &Context) -> Outcome {
    let attempt = |jailed: bool| {
        in_child(|| -> Result<()> {
            let [ours, theirs] = sys::socketpair()?;
            let descriptor = sys::jail_descriptor(JAIL_ROOT)?;
            sys::pass(ours, descriptor)?;
            sys::close(descriptor)?;
            if jailed {
                good().enter()?;
            }
            sys::jail_attach_jd(sys::take(theirs)?)
        })
    };
    want!("outside", attempt(false), Ok(Ok(Ok(()))));
    want!("inside", attempt(true), Ok(Ok(Err(Error(EPERM)))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// The number of the caller's jail.
pub fn jid() -> Result<i64> {
    sys::sysctl_number("security.rjail.jid")
}

/// A program in a child, so that it can enter a jail.
pub fn alone(work: impl FnOnce() -> Outcome) -> Outcome {
    match in_child(work) {
        Ok(Ok(outcome)) => outcome?,
        died => return Err(Text::of(format_args!("the child: {:?}", died.map(|_| ())))),
    }
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

fn udp() -> Result<i32> {
    sys::socket(2, 2, 0)
}

/// Binds it to a port of the kernel's choice; which address it has then.
fn bind_at(socket: i32, address: [u8; 4]) -> Result<[u8; 4]> {
    sys::bind(socket, sys::WithSize(&Sockaddr::new(address, 0)))?;
    sys::getsockname(socket).map(|name| name.address)
}

fn inherit(_: &Context) -> Outcome {
    let found = in_child(|| -> Outcome {
        let jail = good().enter();
        want!("a jail's number is above zero", jail.is_ok_and(|number| number > 0), true);
        want!("in the process", jid(), jail);
        want!("in a child", in_child(jid), Ok(Ok(jail)));
        want!("in a grandchild", in_child(|| in_child(jid)), Ok(Ok(Ok(Ok(jail)))));
        let session = in_child(|| sys::setsid().and_then(|_| jid()));
        want!("after setsid", session, Ok(Ok(jail)));
        let user = in_child(|| sys::setuid(1001).and_then(|()| jid()));
        want!("after setuid", user, Ok(Ok(jail)));
        let groups = in_child(|| sys::setgroups(1001).and_then(|()| jid()));
        want!("after setgroups", groups, Ok(Ok(jail)));
        let number = Text::<32>::of(format_args!("{}\0", jail.unwrap_or(0)));
        let number = CStr::from_bytes_until_nul(number.bytes()).unwrap_or_default();
        let again = in_child(|| sys::execve(PROGRAM_IN_JAIL, number));
        want!("after execve", again, Ok(Err(Status::Exited(RAN_AGAIN))));
        Ok(())
    });
    match found {
        Ok(Ok(outcome)) => outcome,
        other => Err(Text::of(format_args!("it ended: {:?}", other.map(|r| r.map(drop))))),
    }
}

const RAN_AGAIN: i32 = 42;

/// The program run by execve(2) in a jail: is it still in the jail of that number?
pub fn run_again(number: &CStr) -> i32 {
    if number == reach::AS_OWNER {
        return reach::as_owner();
    }
    if number == crate::trespass::CRASH {
        return crate::trespass::crash();
    }
    if let Some(status) = crate::trespass::look_for(number) {
        return status;
    }
    if let Some(status) = tool::within(number).or_else(|| crate::calls::within(number)) {
        return status;
    }
    let wanted = number.to_str().ok().and_then(|digits| digits.parse().ok());
    if jid().ok() == wanted && wanted.is_some() { RAN_AGAIN } else { 1 }
}

/// Processes that are in jails until they are let go.
pub struct Held {
    go: i32,
    count: usize,
    last: i32,
}

impl Held {
    /// Forks so many, each of which does `enter`, and waits until all have.
    pub fn start(count: usize, enter: impl Fn() -> Result<()>) -> Result<Self> {
        let [ready, tell] = sys::pipe()?;
        let [wait, go] = sys::pipe()?;
        let mut last = 0;
        for _ in 0..count {
            last = sys::fork()?;
            if last == 0 {
                let Err(Error(errno)) = enter() else {
                    let _ = sys::write(tell, &[0]);
                    let _ = sys::close(go);
                    let _ = sys::read(wait, &mut [0]);
                    sys::exit(0);
                };
                let _ = sys::write(tell, &errno.to_le_bytes()[..1]);
                sys::exit(1);
            }
        }
        let mut worst = 0;
        for _ in 0..count {
            let mut errno = [0];
            sys::read(ready, &mut errno)?;
            worst = worst.max(errno[0]);
        }
        sys::close(ready)?;
        sys::close(tell)?;
        sys::close(wait)?;
        if worst == 0 { Ok(Self { go, count, last }) } else { Err(Error(i32::from(worst))) }
    }

    /// Lets one end that is alone, and waits for it and for no other child, who may
    /// have the pipe too.
    pub fn end(self) -> Result<Status> {
        sys::write(self.go, &[0])?;
        sys::close(self.go)?;
        sys::wait(self.last, 0).map(|(_, status)| status)
    }

    /// Lets them end, and waits until they have.
    pub fn let_go(self) -> Result<()> {
        sys::close(self.go)?;
        for _ in 0..self.count {
            sys::wait(-1, 0)?;
        }
        Ok(())
    }
}

fn sealed(_: &Context) -> Outcome {
    const NAME: &str = "security.rjail.second_line";
    let held = Held::start(1, || good().enter().map(drop));
    want!("a jail", held.as_ref().map(|h| h.count), Ok(1));
    want!("changing the second line", sys::sysctl_write(NAME, 0), Err(Error(EBUSY)));
    want!("its value", sys::sysctl_number(NAME), Ok(1));
    want!("letting it go", held.and_then(Held::let_go), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    want!("switching it off now", sys::sysctl_write(NAME, 0), Ok(()));
    want!("and on", sys::sysctl_write(NAME, 1), Ok(()));
    Ok(())
}

const MANY: usize = 300;

fn hundreds(_: &Context) -> Outcome {
    let mut malloc = Malloc::new().map_err(|e| Text::of(format_args!("{e:?}")))?;
    let held = Held::start(MANY, || good().enter().map(drop));
    want!("jails", held.as_ref().map(|h| h.count), Ok(MANY));
    want!("jails counted", live_jails(), Ok(300));
    // Every test is held to these numbers: they must be the right ones.
    let seen = malloc.in_use_lately("rjail").is_ok_and(|in_use| in_use.count >= 300);
    want!("malloc statistics see them", seen, true);
    want!("letting them go", held.and_then(Held::let_go), Ok(()));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

/// Hundreds of processes in one jail.
fn crowd(_: &Context) -> Outcome {
    let inside = in_child(|| {
        good().enter()?;
        let held = Held::start(MANY, || sys::setuid(1001))?;
        let jails = live_jails();
        held.let_go()?;
        jails
    });
    want!("jails seen by the crowd's parent", inside, Ok(Ok(Ok(1))));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

fn unload_busy(context: &Context) -> Outcome {
    let neighbour = context.world.neighbour;
    let [wait, go] = sys::pipe().unwrap_or([-1, -1]);
    let [ready, tell] = sys::pipe().unwrap_or([-1, -1]);
    let found = Shared::new(None).map_err(|e| Text::of(format_args!("{e:?}")))?;
    let child = sys::fork();
    if child == Ok(0) {
        let entered = good().enter();
        let _ = sys::write(tell, &[0]);
        let _ = sys::read(wait, &mut [0]);
        let secret = sys::open(c"/../secret", 0, 0).map(drop);
        found.set(Some((entered.map(drop), sys::kill(neighbour, 0), secret)));
        sys::exit(0);
    }
    want!("the jail's process", child.is_ok(), true);
    want!("it is in its jail", sys::read(ready, &mut [0]), Ok(1));
    want!("jails", live_jails(), Ok(1));
    want!("kldunload while it lives", unload(), Err(Error(EBUSY)));
    want!("jails after the refusal", live_jails(), Ok(1));
    want!("telling it to try", sys::write(go, &[0]), Ok(1));
    want!("its end", sys::wait(child.unwrap_or(-1), 0).map(|(_, s)| s), Ok(Status::Exited(0)));
    let still = (Ok(()), Err(Error(ESRCH)), Err(Error(ENOENT)));
    want!("what it could do then", found.get(), Some(still));
    want!("jails at last", settle(0), Ok(0));
    want!("kldunload", unload(), Ok(()));
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    Ok(())
}

/// Two processes ask all the time, one by sysctl(3) and one by rjail(2), while
/// the module goes and comes: nobody is left inside it.
fn unload_while_asked(_: &Context) -> Outcome {
    const MOST: u32 = 40;
    const LEAST: u32 = 5;
    const MILLISECONDS: i64 = 30_000;
    // Found once: modstat(2) itself reads a module that may be going, and takes
    // a debug kernel down (sys_modstat looks at the name after its lock).
    let number = sys::module_syscall(c"sys/rjail").unwrap_or(0);
    let args = good();
    let [asked, refusals] = [(), ()].map(|()| Shared::new(0_u32));
    let (Ok(asked), Ok(refusals)) = (asked, refusals) else {
        return Err(Text::of(format_args!("no memory")));
    };
    let ask_sysctl = || asked.set(asked.get() + u32::from(live_jails().is_ok()));
    // Refused, for the open directory, when the jail is made and must go again.
    let ask_rjail = || {
        let answer = sys::rjail(number, abi::operation::CREATE, address_of(&args.0));
        refusals.set(refusals.get() + u32::from(answer == Err(Error(EPERM))));
    };
    let questions: [&dyn Fn(); 2] = [&ask_sysctl, &ask_rjail];
    // A call by a number that has just gone answers ENOSYS, without the signal.
    want!("kern.signosys", sys::sysctl_write("kern.signosys", 0), Ok(()));
    let askers = questions.map(|ask| {
        let child = sys::fork();
        if child == Ok(0) {
            let _ = sys::alarm(120);
            let _ = sys::open(c"/jail", O_DIRECTORY, 0);
            loop {
                ask();
            }
        }
        child
    });
    want!("the processes that ask", askers.map(|child| child.is_ok()), [true; 2]);
    let (mut rounds, mut refused) = (0, 0);
    let until = sys::uptime() + MILLISECONDS;
    while rounds < LEAST || rounds < MOST && sys::uptime() < until {
        rounds += 1;
        // Such a jail is in the way for a moment.
        while let Err(error) = unload() {
            want!("kldunload", error, Error(EBUSY));
            refused += 1;
            sys::pause(1);
        }
        want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
        sys::pause(20);
    }
    for child in askers.map(|child| child.unwrap_or(-1)) {
        want!("its end", sys::kill(child, 9), Ok(()));
        want!("its status", sys::wait(child, 0).map(|(_, s)| s), Ok(Status::Killed(9)));
    }
    want!("kern.signosys", sys::sysctl_write("kern.signosys", 1), Ok(()));
    let [asked, refusals] = [asked.get(), refusals.get()];
    want!("both were answered, and often", asked.min(refusals) > rounds, true);
    say!("    # {rounds} unloads, {refused} put off, under {asked} sysctls and {refusals} jails");
    want!("jails at last", settle(0), Ok(0));
    Ok(())
}

fn preloaded(_: &Context) -> Outcome {
    want!("the module is there", sys::kldfind(MODULE_FILE).is_ok(), true);
    want!("kldunload", unload(), Err(Error(EBUSY)));
    want!("and still works", in_child(|| good().enter().is_ok()), Ok(Ok(true)));
    want!("jails afterwards", settle(0), Ok(0));
    Ok(())
}

fn churn(context: &Context) -> Outcome {
    let began = sys::uptime();
    let deadline = began + context.churn_seconds * 1000;
    let mut malloc = Malloc::new().map_err(|e| Text::of(format_args!("{e:?}")))?;
    // The first rounds fill the kernel's own caches.
    for _ in 0..3 {
        round()?;
    }
    let mut before = [0; Malloc::MOST];
    let types = malloc.counts(&mut before);
    want!("malloc statistics", types.is_ok(), true);
    let mut rounds = 0;
    while rounds < context.churn && sys::uptime() < deadline {
        round()?;
        rounds += 1;
        if rounds % 100 == 0 {
            say!("    # churn: {rounds} rounds in {} ms", sys::uptime() - began);
        }
    }
    say!("    # churn: {rounds} times load, jail, exit, unload in {} ms", sys::uptime() - began);
    // What the kernel frees later, it frees within moments.
    sys::pause(1000);
    let mut after = [0; Malloc::MOST];
    want!("number of malloc types", malloc.counts(&mut after), types);
    let mut leaks = 0;
    for (kind, (was, is)) in before.iter().zip(after).enumerate() {
        let name = malloc.name(kind);
        let ours = matches!(name, "prison" | "cred") || name.starts_with("rjail");
        // A leak of one a round, of whatever type; and of ours not even one.
        if is > was + u64::from(rounds / 2).max(8) || ours && is > *was {
            say!("    # malloc type {name}: {was} allocations, then {is}");
            leaks += 1;
        }
    }
    want!("malloc types that grew", leaks, 0);
    want!("rounds done", rounds, context.churn);
    Ok(())
}

/// Load, jail, exit, unload.
fn round() -> Outcome {
    want!("kldload", sys::kldload(MODULE).map(drop), Ok(()));
    want!("a jail", in_child(|| good().enter().is_ok()), Ok(Ok(true)));
    want!("jails afterwards", settle(0), Ok(0));
    want!("kldunload", unload(), Ok(()));
    Ok(())
}
