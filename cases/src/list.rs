// SPDX-License-Identifier: BSD-2-Clause
//! The cases, by topic.
//!
//! The flags of the subject's jail are those of the paper (`RJAIL_PAPER`): its
//! own host name, its own reserved ports.

use crate::Addr::{Any, Broadcast, Foreign, Host, Jail, Loopback, Sibling};
use crate::Answer::{At, In, Named, No, NotPlayed, Ok};
use crate::Errno::{
    EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECHILD, ECONNREFUSED, EINVAL, ENOENT, ENOSYS,
    EOPNOTSUPP, EPERM, EPROTONOSUPPORT, ESRCH,
};
use crate::Family::{Inet, Inet6};
use crate::Place::{Elsewhere, JailRoot, MachineRoot};
use crate::Proto::{Tcp, Udp};
use crate::Who::{Child, Init, Myself, Neighbour};
use crate::{Answer, Case, Difference, Kind, Name, Op, Topic, Who};

const fn case(topic: Topic, name: &'static str, about: &'static str, probe: Op) -> Case {
    Case {
        name,
        topic,
        about,
        setup: &[],
        probe,
        outside: Ok,
        inside: Ok,
        first_line: None,
        native: None,
        without_rjail: None,
    }
}

const fn jail(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Jail, name, about, probe)
}

const fn process(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Process, name, about, probe)
}

const fn visibility(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Visibility, name, about, probe)
}

const fn address(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Address, name, about, probe)
}

const fn root(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Root, name, about, probe)
}

const fn device(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Device, name, about, probe)
}

const fn local(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Local, name, about, probe)
}

const fn privilege(name: &'static str, about: &'static str, probe: Op) -> Case {
    case(Topic::Privilege, name, about, probe)
}

/// Why a native jail opens what is not its own.
const NO_RULES: &str = "only devfs rules would hide it, and the mount has none";

/// Why a native jail connects.
const NO_BORDER: &str = "a native jail connects to whatever it can name";

impl Case {
    /// The steps before the attempt.
    const fn after(mut self, setup: &'static [Op]) -> Self {
        self.setup = setup;
        self
    }

    /// What the attempt answers outside and inside; both are `Ok` unless said.
    const fn answers(mut self, outside: Answer, inside: Answer) -> Self {
        self.outside = outside;
        self.inside = inside;
        self
    }

    const fn first_line(mut self, answer: Answer, why: &'static str) -> Self {
        self.first_line = Some(Difference { answer, why });
        self
    }

    const fn native(mut self, answer: Answer, why: &'static str) -> Self {
        self.native = Some(Difference { answer, why });
        self
    }

    const fn without_rjail(mut self, answer: Answer, why: &'static str) -> Self {
        self.without_rjail = Some(Difference { answer, why });
        self
    }
}

/// Every case, in the order they are played.
pub const CASES: &[Case] = &[
    // Creation and entry; one-way, and nothing to change afterwards.
    jail("jail_enter", "make and enter a jail", Op::EnterJail).answers(Ok, No(EPERM)),
    jail(
        "jail_enter_holding_directory",
        "enter a jail with a directory open",
        Op::EnterJailHoldingDirectory,
    )
    .answers(No(EPERM), No(EPERM)),
    jail("jail_enter_after_chroot", "enter a jail after chroot", Op::EnterJail)
        .after(&[Op::Chroot("dir")])
        .answers(No(EPERM), No(EPERM))
        .without_rjail(Ok, "a native jail takes a process whose root was narrowed"),
    jail("jail_enter_after_chroot_to_root", "enter a jail after chroot to /", Op::EnterJail)
        .after(&[Op::Chroot("/")])
        .answers(No(EPERM), No(EPERM))
        .without_rjail(Ok, "a native jail takes a process whose root was set before"),
    jail("jail_make_native", "make a native jail", Op::NativeJail).answers(Ok, No(EPERM)),
    jail("jail_hostname", "read the host name", Op::Hostname)
        .answers(Named(Name::Machine), Named(Name::Jail))
        .first_line(Named(Name::Machine), "the kernel looks for the name behind cr_prison only"),
    jail("jail_set_hostname", "change the host name", Op::SetHostname)
        .first_line(No(EPERM), "there is one name only, the machine's, so no jail may write it"),
    jail("jail_child_inside", "find a child in the own jail", Op::Listed(Child)),
    // Across the boundary: no such process.
    process("process_signal_neighbour", "signal a process of the host", Op::Signal(Neighbour))
        .answers(Ok, No(ESRCH)),
    process("process_signal_sibling", "signal a process of another jail", Op::Signal(Who::Sibling))
        .answers(Ok, No(ESRCH)),
    process("process_signal_init", "signal process 1", Op::Signal(Init)).answers(Ok, No(ESRCH)),
    process("process_signal_child", "signal the own child", Op::Signal(Child)),
    process("process_signal_myself", "signal itself", Op::Signal(Myself)),
    process(
        "process_signal_group_neighbour",
        "signal a process group of the host",
        Op::SignalGroup(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    process("process_signal_group_child", "signal the child's group", Op::SignalGroup(Child)),
    process(
        "process_debug_neighbour",
        "attach a debugger to a process of the host",
        Op::Attach(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    process(
        "process_debug_sibling",
        "attach a debugger to another jail's process",
        Op::Attach(Who::Sibling),
    )
    .answers(Ok, No(ESRCH)),
    process("process_debug_child", "attach a debugger to the own child", Op::Attach(Child)),
    process("process_wait_neighbour", "wait for a process of the host", Op::Wait(Neighbour))
        .answers(No(ECHILD), No(ECHILD)),
    process("process_wait_child", "wait for the own child", Op::Wait(Child)),
    process(
        "process_priority_neighbour",
        "read the priority of a host process",
        Op::Priority(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    process(
        "process_renice_neighbour",
        "lower the priority of a host process",
        Op::SetPriority(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    process(
        "process_renice_sibling",
        "lower the priority of another jail's process",
        Op::SetPriority(Who::Sibling),
    )
    .answers(Ok, No(ESRCH)),
    process("process_renice_child", "lower the priority of the own child", Op::SetPriority(Child)),
    process(
        "process_schedparam_neighbour",
        "ask how a host process is scheduled",
        Op::SchedParam(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    // What can be learnt of others.
    visibility(
        "visibility_list_neighbour",
        "find a host process in the process list",
        Op::Listed(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    visibility(
        "visibility_list_sibling",
        "find another jail's process in the list",
        Op::Listed(Who::Sibling),
    )
    .answers(Ok, No(ESRCH)),
    visibility("visibility_list_init", "find process 1 in the process list", Op::Listed(Init))
        .answers(Ok, No(ESRCH)),
    visibility("visibility_list_myself", "find itself in the process list", Op::Listed(Myself)),
    visibility(
        "visibility_arguments_neighbour",
        "read the arguments of a host process",
        Op::Arguments(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    visibility(
        "visibility_arguments_child",
        "read the arguments of the own child",
        Op::Arguments(Child),
    ),
    visibility(
        "visibility_group_neighbour",
        "ask for a host process's group",
        Op::GroupOf(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    visibility(
        "visibility_session_neighbour",
        "ask for a host process's session",
        Op::SessionOf(Neighbour),
    )
    .answers(Ok, No(ESRCH)),
    visibility("visibility_group_child", "ask for the child's group", Op::GroupOf(Child)),
    // One address.
    address("address_bind_own", "bind the jail's address", Op::Bind(Inet, Udp, Jail, 0))
        .answers(At(Jail), At(Jail)),
    address("address_bind_host", "bind the host's address", Op::Bind(Inet, Udp, Host, 0))
        .answers(At(Host), No(EADDRNOTAVAIL)),
    address("address_bind_sibling", "bind another jail's address", Op::Bind(Inet, Tcp, Sibling, 0))
        .answers(At(Sibling), No(EADDRNOTAVAIL)),
    address("address_bind_foreign", "bind an address nobody has", Op::Bind(Inet, Udp, Foreign, 0))
        .answers(No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)),
    address(
        "address_bind_broadcast",
        "bind the broadcast address",
        Op::Bind(Inet, Udp, Broadcast, 0),
    )
    .answers(No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)),
    address("address_bind_any_udp", "bind INADDR_ANY (UDP)", Op::Bind(Inet, Udp, Any, 0))
        .answers(At(Any), At(Jail)),
    address("address_bind_any_tcp", "bind INADDR_ANY (TCP)", Op::Bind(Inet, Tcp, Any, 0))
        .answers(At(Any), At(Jail)),
    address("address_bind_loopback", "bind 127.0.0.1", Op::Bind(Inet, Tcp, Loopback, 0))
        .answers(At(Loopback), At(Jail)),
    address("address_bind_port_80", "bind port 80", Op::Bind(Inet, Tcp, Jail, 80))
        .answers(At(Jail), At(Jail)),
    address("address_listen_unbound", "listen without bind", Op::Listen(Inet))
        .answers(At(Any), At(Jail)),
    address(
        "address_connect_loopback_udp",
        "connect to 127.0.0.1 (UDP)",
        Op::Connect(Inet, Udp, Loopback),
    )
    .answers(At(Loopback), At(Jail)),
    address(
        "address_connect_loopback_tcp",
        "reach the host's service at 127.0.0.1",
        Op::Connect(Inet, Tcp, Loopback),
    )
    .answers(At(Loopback), No(ECONNREFUSED)),
    address(
        "address_connect_host",
        "reach the host's service at its address",
        Op::Connect(Inet, Tcp, Host),
    )
    .answers(At(Host), At(Host)),
    address(
        "address_connect_from_tcp",
        "connect to the host: from which address",
        Op::ConnectFrom(Inet, Tcp, Host),
    )
    .answers(At(Host), At(Jail)),
    address(
        "address_connect_from_udp",
        "connect to another jail: from which address",
        Op::ConnectFrom(Inet, Udp, Sibling),
    )
    .answers(At(Sibling), At(Jail)),
    address("address_send_host", "send to the host's service", Op::Send(Inet, Host))
        .answers(At(Host), At(Host)),
    address(
        "address_send_loopback",
        "send to the host's service at 127.0.0.1",
        Op::Send(Inet, Loopback),
    )
    .answers(At(Loopback), No(EAGAIN)),
    address(
        "address_send_from_host",
        "send to the host: from which address",
        Op::SendFrom(Inet, Host),
    )
    .answers(At(Host), At(Jail)),
    address(
        "address_send_from_sibling",
        "send to another jail: from which address",
        Op::SendFrom(Inet, Sibling),
    )
    .answers(At(Sibling), At(Jail)),
    // The same of IPv6.
    address(
        "address_inet6_bind_own",
        "bind the jail's IPv6 address",
        Op::Bind(Inet6, Udp, Jail, 0),
    )
    .answers(At(Jail), At(Jail)),
    address(
        "address_inet6_bind_host",
        "bind the host's IPv6 address",
        Op::Bind(Inet6, Udp, Host, 0),
    )
    .answers(At(Host), No(EADDRNOTAVAIL)),
    address(
        "address_inet6_bind_sibling",
        "bind another jail's IPv6 address",
        Op::Bind(Inet6, Tcp, Sibling, 0),
    )
    .answers(At(Sibling), No(EADDRNOTAVAIL)),
    address(
        "address_inet6_bind_foreign",
        "bind an IPv6 address nobody has",
        Op::Bind(Inet6, Udp, Foreign, 0),
    )
    .answers(No(EADDRNOTAVAIL), No(EADDRNOTAVAIL)),
    address("address_inet6_bind_any_udp", "bind :: (UDP)", Op::Bind(Inet6, Udp, Any, 0))
        .answers(At(Any), At(Jail)),
    address("address_inet6_bind_any_tcp", "bind :: (TCP)", Op::Bind(Inet6, Tcp, Any, 0))
        .answers(At(Any), At(Jail)),
    address("address_inet6_bind_loopback", "bind ::1", Op::Bind(Inet6, Tcp, Loopback, 0))
        .answers(At(Loopback), At(Jail)),
    address("address_inet6_bind_port_80", "bind port 80 of IPv6", Op::Bind(Inet6, Tcp, Jail, 80))
        .answers(At(Jail), At(Jail)),
    address("address_inet6_listen_unbound", "listen without bind, IPv6", Op::Listen(Inet6))
        .answers(At(Any), At(Jail)),
    address(
        "address_inet6_connect_loopback_udp",
        "connect to ::1 (UDP)",
        Op::Connect(Inet6, Udp, Loopback),
    )
    .answers(At(Loopback), At(Jail)),
    address(
        "address_inet6_connect_loopback_tcp",
        "reach the host's service at ::1",
        Op::Connect(Inet6, Tcp, Loopback),
    )
    .answers(At(Loopback), No(ECONNREFUSED)),
    address(
        "address_inet6_connect_host",
        "reach the host's service at its IPv6 address",
        Op::Connect(Inet6, Tcp, Host),
    )
    .answers(At(Host), At(Host)),
    address(
        "address_inet6_connect_from_tcp",
        "connect to the host by IPv6: from which address",
        Op::ConnectFrom(Inet6, Tcp, Host),
    )
    .answers(At(Host), At(Jail)),
    address(
        "address_inet6_connect_from_udp",
        "connect to another jail by IPv6: from which address",
        Op::ConnectFrom(Inet6, Udp, Sibling),
    )
    .answers(At(Sibling), At(Jail)),
    address("address_inet6_send_host", "send to the host's service by IPv6", Op::Send(Inet6, Host))
        .answers(At(Host), At(Host)),
    address(
        "address_inet6_send_loopback",
        "send to the host's service at ::1",
        Op::Send(Inet6, Loopback),
    )
    .answers(At(Loopback), No(EAGAIN))
    .native(
        At(Loopback),
        "the kernel asks no jail about the datagrams of an IPv6 socket that is not connected",
    ),
    address(
        "address_inet6_send_from_host",
        "send to the host by IPv6: from which address",
        Op::SendFrom(Inet6, Host),
    )
    .answers(At(Host), At(Jail)),
    address(
        "address_inet6_send_from_sibling",
        "send to another jail by IPv6: from which address",
        Op::SendFrom(Inet6, Sibling),
    )
    .answers(At(Sibling), At(Jail)),
    address("address_socket_raw", "open a raw socket", Op::Socket(Kind::RawIcmp))
        .answers(Ok, No(EPERM)),
    address("address_socket_ipv6", "open an IPv6 socket", Op::Socket(Kind::Udp6)),
    address("address_socket_local", "open a local socket", Op::Socket(Kind::Local)),
    address("address_socket_route", "open a routing socket", Op::Socket(Kind::Route))
        .first_line(No(EPROTONOSUPPORT), "nobody would cut what it tells to the jail's address"),
    address("address_socket_netgraph", "open a netgraph socket", Op::Socket(Kind::Netgraph))
        .answers(No(EAFNOSUPPORT), No(EPROTONOSUPPORT))
        .native(
            No(EAFNOSUPPORT),
            "netgraph is not loaded, and the kernel says so before it asks the jail",
        ),
    // The root directory.
    root("root_climb", "climb out with ..", Op::Climb).answers(In(MachineRoot), In(JailRoot)),
    root("root_climb_from_below", "climb out with .. from a directory below", Op::Climb)
        .after(&[Op::Mkdir("dir/below"), Op::Chdir("dir/below")])
        .answers(In(MachineRoot), In(JailRoot)),
    root("root_open_inside", "open a file of the jail", Op::Open("etc/motd")),
    root("root_open_absolute", "open /secret, a file of the host", Op::Open("/secret"))
        .answers(Ok, No(ENOENT)),
    root("root_open_dotdot", "open ../secret", Op::Open("../secret")).answers(Ok, No(ENOENT)),
    root(
        "root_open_many_dotdots",
        "open etc/../../../../secret",
        Op::Open("etc/../../../../secret"),
    )
    .answers(Ok, No(ENOENT)),
    root("root_where", "see where / is", Op::WhereIsRoot).answers(In(MachineRoot), In(JailRoot)),
    root("root_chroot", "chroot again", Op::Chroot("dir")),
    root("root_chroot_where", "chroot again, and see where / is", Op::WhereIsRoot)
        .after(&[Op::Chroot("dir")])
        .answers(In(Elsewhere), In(Elsewhere)),
    root("root_chroot_up", "chroot to .., and see where / is", Op::WhereIsRoot)
        .after(&[Op::Chroot("..")])
        .answers(In(MachineRoot), In(JailRoot)),
    root("root_chroot_climb", "chroot below and climb out with ..", Op::Climb)
        .after(&[Op::Mkdir("dir/below"), Op::Chroot("dir/below")])
        .answers(In(MachineRoot), In(JailRoot)),
    root("root_chroot_holding", "chroot again with a directory open", Op::Chroot("dir"))
        .after(&[Op::KeepDirectory("etc")])
        .answers(Ok, No(EPERM)),
    root("root_chroot_dropped", "chroot again after closing the directory", Op::Chroot("dir"))
        .after(&[Op::KeepDirectory("etc"), Op::DropDirectory]),
    root("root_fchdir", "fchdir to a directory of the jail", Op::FchdirKept)
        .after(&[Op::KeepDirectory("dir")]),
    root("root_fchdir_up", "fchdir to .. and climb", Op::Climb)
        .after(&[Op::KeepDirectory(".."), Op::FchdirKept])
        .answers(In(MachineRoot), In(JailRoot)),
    root("root_fchdir_climb", "chroot, fchdir to a directory above and climb", Op::Climb)
        .after(&[Op::Chroot("dir"), Op::KeepDirectory("."), Op::FchdirKept])
        .answers(In(MachineRoot), In(JailRoot)),
    // Devices, in a devfs mount without rules.
    device("device_open_null", "open /dev/null", Op::Open("dev/null")),
    device("device_open_random", "open /dev/random", Op::Open("dev/random")),
    device("device_open_mem", "read the machine's memory", Op::Open("dev/mem"))
        .answers(Ok, No(EPERM))
        .native(Ok, NO_RULES),
    device("device_open_bpf", "listen to the network at /dev/bpf", Op::Open("dev/bpf"))
        .answers(Ok, No(EPERM))
        .native(Ok, NO_RULES),
    device("device_open_klog", "open the kernel's log", Op::Open("dev/klog"))
        .answers(Ok, No(EPERM))
        .native(Ok, NO_RULES),
    device("device_revoke_null", "take /dev/null away from everybody", Op::Revoke("dev/null"))
        .answers(Ok, No(EPERM))
        .native(Ok, "revoke(2) asks for the owner, and root owns what it can name"),
    device("device_revoke_file", "revoke a file", Op::Revoke("file"))
        .answers(No(EINVAL), No(EINVAL)),
    // UNIX-domain sockets in a directory that both sides reach.
    local(
        "local_connect_neighbour",
        "connect to a host's local socket",
        Op::ConnectLocal(Neighbour),
    )
    .answers(Ok, No(EACCES))
    .native(Ok, NO_BORDER),
    local("local_send_neighbour", "send to a host's local socket", Op::SendLocal(Neighbour))
        .answers(Ok, No(EACCES))
        .native(Ok, NO_BORDER),
    local("local_connect_own", "connect to the own local socket", Op::ConnectLocal(Myself)),
    local("local_send_own", "send to the own local socket", Op::SendLocal(Myself)),
    local("local_connect_closed", "connect to a local socket nobody has", Op::ConnectClosed)
        .answers(No(ECONNREFUSED), No(ECONNREFUSED)),
    // What root keeps.
    privilege("privilege_setuid", "setuid to another user", Op::Setuid),
    privilege("privilege_setgroups", "set its groups", Op::Setgroups),
    privilege("privilege_chown", "chown a file", Op::Chown("file")),
    privilege("privilege_chmod", "chmod another user's file", Op::Chmod("theirs")),
    privilege("privilege_mkfifo", "make a fifo", Op::Mkfifo("fifo")),
    privilege("privilege_raise_limit", "raise a hard limit", Op::RaiseLimit),
    privilege("privilege_setlogin", "set the login name", Op::SetLogin),
    // What it loses.
    privilege("privilege_chflags", "make a file immutable", Op::Chflags("file"))
        .answers(Ok, No(EPERM)),
    privilege("privilege_mknod", "make a device node", Op::Mknod("node")).answers(Ok, No(EPERM)),
    privilege("privilege_mount", "mount a file system", Op::Mount("dir")).answers(Ok, No(EPERM)),
    privilege("privilege_unmount", "unmount where nothing is mounted", Op::Unmount)
        .answers(No(EINVAL), No(EPERM)),
    privilege("privilege_set_time", "set the clock", Op::SetTime).answers(Ok, No(EPERM)),
    privilege("privilege_adjust_time", "slew the clock", Op::AdjTime).answers(Ok, No(EPERM)),
    privilege("privilege_kldload", "load a kernel module that is not there", Op::KldLoad)
        .answers(No(ENOENT), No(EPERM)),
    privilege("privilege_kldunload", "unload a kernel module that is not there", Op::KldUnload)
        .answers(No(ENOENT), No(EPERM)),
    privilege("privilege_reboot", "reboot", Op::Reboot).answers(NotPlayed, No(EPERM)),
    privilege("privilege_sysctl", "write a sysctl", Op::SysctlWrite).answers(Ok, No(EPERM)),
    privilege("privilege_kenv", "write the kernel environment", Op::KenvSet).answers(Ok, No(EPERM)),
    privilege("privilege_acct", "switch accounting off", Op::Acct).answers(Ok, No(EPERM)),
    privilege("privilege_swapoff", "stop swapping on what is no swap device", Op::SwapOff)
        .answers(No(EINVAL), No(EPERM)),
    privilege("privilege_file_handle", "get a file handle", Op::FileHandle).answers(Ok, No(EPERM)),
    privilege("privilege_mlock", "wire memory", Op::Mlock).answers(Ok, No(EPERM)),
    privilege("privilege_real_time", "take real-time priority", Op::RealTime)
        .answers(Ok, No(EPERM)),
    privilege("privilege_io_ports", "reach the hardware's I/O ports", Op::IoPorts)
        .answers(Ok, No(EPERM)),
    privilege("privilege_message_buffer", "read the kernel's messages", Op::MessageBuffer)
        .answers(Ok, No(EPERM)),
    privilege("privilege_quota", "read another user's quota", Op::Quota)
        .answers(No(EOPNOTSUPP), No(EPERM))
        .first_line(No(EOPNOTSUPP), "the file system answers, and it has no quotas"),
    privilege("privilege_audit", "read the audit policy", Op::Audit)
        .answers(Ok, No(ENOSYS))
        .first_line(No(EPERM), "the kernel hides auditing only from what it sees jailed"),
];

/// The cases that the demonstration shows, in its order.
pub const DEMO: &[&str] = &[
    "process_signal_neighbour",
    "visibility_list_neighbour",
    "process_debug_neighbour",
    "privilege_kldload",
    "privilege_mount",
    "privilege_mknod",
    "address_socket_raw",
    "address_bind_host",
    "address_bind_any_tcp",
    "address_connect_loopback_tcp",
    "address_connect_from_tcp",
    "root_climb",
    "root_chroot_climb",
    "root_fchdir_climb",
    "root_open_dotdot",
    "device_open_mem",
    "local_connect_neighbour",
    "privilege_set_time",
    "privilege_reboot",
    "privilege_sysctl",
    "jail_enter",
    "jail_hostname",
    "privilege_chown",
    "address_bind_port_80",
    "privilege_setuid",
    "process_signal_child",
];
