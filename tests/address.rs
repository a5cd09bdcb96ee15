// SPDX-License-Identifier: BSD-2-Clause
//! The rules of addresses: tables over family, address and kind of jail, then
//! properties over random lists. What holds for one family holds for the other,
//! so the tables are played for both.

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use rjail::address::Any::{BothFamilies, OneFamily};
use rjail::address::Lines::{Both, LabelAlone};
use rjail::address::Loopback::{Refuse, Rewrite, Share};
use rjail::address::{
    Address, Any, Dual, Ends, Families, Lines, Loopback, MAX, Own, Socket, Sockets, Source,
    disconnect, family, kind, lines_of_socket, list, listen_dual, local, local_dual, names_raw,
    permits_list, permits_socket, pin, primary, protocol, remote, remote_dual, sort, source,
    validate,
};
use rjail::prison::Addresses;
use rjail::{Errno, Result};

const NOT_OURS: Errno = Errno::EADDRNOTAVAIL;
const NO_FAMILY: Errno = Errno::EAFNOSUPPORT;
const LOOPBACKS: [Loopback; 3] = [Rewrite, Refuse, Share];
const LINES: [Lines; 2] = [Both, LabelAlone];

/// The addresses of the tables, in one family.
struct Names<A> {
    /// Two of the jail's, and one that is not.
    own: [A; 2],
    other: A,
    any: A,
    localhost: A,
    /// Nobody's to have, though sockets are asked for it.
    group: A,
}

const INET: Names<Ipv4Addr> = Names {
    own: [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3)],
    other: Ipv4Addr::new(10, 0, 0, 9),
    any: Ipv4Addr::UNSPECIFIED,
    localhost: Ipv4Addr::LOCALHOST,
    group: Ipv4Addr::new(224, 0, 0, 1),
};

const fn fd00(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last)
}

const INET6: Names<Ipv6Addr> = Names {
    own: [fd00(2), fd00(3)],
    other: fd00(9),
    any: Ipv6Addr::UNSPECIFIED,
    localhost: Ipv6Addr::LOCALHOST,
    group: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
};

const LOOPBACK_2: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Plays a table for both families.
macro_rules! both_families {
    ($play:ident) => {
        $play(&INET);
        $play(&INET6);
    };
}

/// A jail with these addresses, which says this of the machine's own.
const fn own<A>(list: &[A], loopback: Loopback) -> Own<'_, A> {
    Own { list, loopback }
}

/// One row: a list, what is asked for, then the answers with both lines and with
/// the label alone.
fn row<A: Address>(
    rule: impl Fn(A, Lines) -> Result<A>,
    asked: A,
    wanted: [Result<A>; 2],
    why: impl Debug,
) {
    assert_eq!(rule(asked, Both), wanted[0], "{why:?}, {asked:?}, both lines");
    assert_eq!(rule(asked, LabelAlone), wanted[1], "{why:?}, {asked:?}, label alone");
}

#[test]
fn bind_with_one_address() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, _] = name.own;
        for loopback in [Rewrite, Refuse] {
            let rule = |asked, lines| local(own(&[a], loopback), asked, OneFamily, lines);
            row(rule, a, [Ok(a); 2], loopback);
            row(rule, name.any, [Ok(a); 2], loopback);
            row(rule, name.other, [Err(NOT_OURS); 2], loopback);
            row(rule, name.group, [Err(NOT_OURS); 2], loopback);
            let localhost = if loopback == Rewrite { Ok(a) } else { Err(NOT_OURS) };
            row(rule, name.localhost, [localhost; 2], loopback);
        }
    }
    both_families!(play);
    let rule = |asked, lines| local(own(&INET.own[..1], Rewrite), asked, OneFamily, lines);
    row(rule, Ipv4Addr::BROADCAST, [Err(NOT_OURS); 2], "broadcast");
    row(rule, LOOPBACK_2, [Err(NOT_OURS); 2], "as in a native jail");
}

/// A socket of both families: the kernel filters what arrives for either.
#[test]
fn bind_to_any_of_both_families() {
    for list in [&INET6.own[..1], &INET6.own] {
        let rule = |asked, lines| local(own(list, Rewrite), asked, BothFamilies, lines);
        row(rule, INET6.any, [Ok(INET6.any), Ok(list[0])], list);
        row(rule, INET6.localhost, [Ok(list[0]); 2], list);
        row(rule, INET6.other, [Err(NOT_OURS); 2], list);
    }
}

#[test]
fn bind_with_several_addresses() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, b] = name.own;
        let rule = |asked, lines| local(own(&[a, b], Rewrite), asked, OneFamily, lines);
        row(rule, a, [Ok(a); 2], "first");
        row(rule, b, [Ok(b); 2], "second");
        // The kernel filters what arrives; alone, nobody would.
        row(rule, name.any, [Ok(name.any), Ok(a)], "any");
        row(rule, name.localhost, [Ok(a); 2], "loopback");
        row(rule, name.other, [Err(NOT_OURS); 2], "not ours");
    }
    both_families!(play);
}

#[test]
fn bind_with_a_loopback_address_of_its_own() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, _] = name.own;
        for loopback in LOOPBACKS {
            let list = [a, name.localhost];
            let rule = |asked, lines| local(own(&list, loopback), asked, OneFamily, lines);
            row(rule, name.localhost, [Ok(name.localhost); 2], loopback);
            row(rule, name.any, [Ok(name.any), Ok(a)], loopback);
        }
    }
    both_families!(play);
    let list = [INET.own[0], LOOPBACK_2];
    let rule = |asked, lines| local(own(&list, Rewrite), asked, OneFamily, lines);
    row(rule, INET.localhost, [Ok(list[0]); 2], "another than the one it has");
    row(rule, LOOPBACK_2, [Ok(LOOPBACK_2); 2], "the one it has");
}

#[test]
fn without_an_address_there_is_no_family() {
    fn play<A: Address>(name: &Names<A>) {
        for loopback in LOOPBACKS {
            let none = own(&[], loopback);
            for asked in [name.own[0], name.any, name.localhost, name.other, name.group] {
                let nothing = [Err(NO_FAMILY); 2];
                row(|asked, lines| local(none, asked, OneFamily, lines), asked, nothing, "bind");
                row(|asked, lines| local(none, asked, BothFamilies, lines), asked, nothing, "bind");
                row(|asked, lines| remote(none, asked, lines), asked, nothing, "connect");
                assert_eq!(pin(none, asked), Err(NO_FAMILY));
            }
            assert_eq!(primary(none), Err(NO_FAMILY));
        }
    }
    both_families!(play);
}

#[test]
fn connect() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, b] = name.own;
        for list in [&[a][..], &[a, b]] {
            for loopback in LOOPBACKS {
                let rule = |asked, lines| remote(own(list, loopback), asked, lines);
                for asked in [name.other, a, b, name.group] {
                    row(rule, asked, [Ok(asked); 2], loopback);
                }
                row(rule, name.any, [Ok(name.any), Ok(a)], loopback);
                let localhost = match loopback {
                    Rewrite => Ok(a),
                    Refuse => Err(NOT_OURS),
                    Share => Ok(name.localhost),
                };
                row(rule, name.localhost, [localhost; 2], loopback);
                let has = [a, name.localhost];
                let rule = |asked, lines| remote(own(&has, loopback), asked, lines);
                row(rule, name.localhost, [Ok(name.localhost); 2], "its own");
            }
        }
    }
    both_families!(play);
    // Not only 127.0.0.1 is the machine's.
    let list = &INET.own;
    for (loopback, wanted) in
        [(Rewrite, Ok(list[0])), (Refuse, Err(NOT_OURS)), (Share, Ok(LOOPBACK_2))]
    {
        let rule = |asked, lines| remote(own(list, loopback), asked, lines);
        row(rule, LOOPBACK_2, [wanted; 2], loopback);
    }
}

#[test]
fn source_of_an_unbound_socket() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, b] = name.own;
        let jail = own(&name.own, Rewrite);
        assert_eq!(pin(jail, name.other), Ok(a));
        assert_eq!(pin(jail, name.any), Ok(a));
        assert_eq!(pin(jail, b), Ok(b), "to itself from itself");
        assert_eq!(primary(own(&[b, a], Rewrite)), Ok(b), "the order given, not sorted");
    }
    both_families!(play);
}

fn bound<A>(local: A, port: u16) -> Ends<A> {
    Ends { local, port, connected: false }
}

/// The kernel forgets the source of a datagram socket that connects again.
#[test]
fn a_socket_that_connects_again() {
    fn play<A: Address>(name: &Names<A>) {
        let jail = own(&name.own, Rewrite);
        let [a, _] = name.own;
        for ends in [bound(name.any, 0), bound(a, 80), bound(name.other, 80)] {
            let ends = Ends { connected: true, ..ends };
            let again = source(jail, ends, name.other, LabelAlone);
            assert_eq!(again, Err(Errno::EISCONN), "{ends:?}, label alone");
        }
        let ends = Ends { connected: true, ..bound(a, 80) };
        assert_eq!(source(jail, ends, name.other, Both), Ok(Source::Keep));
    }
    both_families!(play);
}

#[test]
fn a_socket_of_somebody_else_has_no_second_line() {
    assert_eq!(lines_of_socket(Both, true), Both);
    assert_eq!(lines_of_socket(Both, false), LabelAlone);
    assert_eq!(lines_of_socket(LabelAlone, true), LabelAlone);
    assert_eq!(lines_of_socket(LabelAlone, false), LabelAlone);
}

#[test]
fn addresses_in_order() {
    fn play<A: Address>(name: &Names<A>) {
        let mut list = [name.other, name.own[1], name.own[0], name.localhost, name.any];
        sort(&mut list);
        assert!(list.is_sorted());
    }
    both_families!(play);
    sort::<Ipv4Addr>(&mut []);
}

/// Rows: the socket as it is, then the answers with both lines and with the
/// label alone.
#[test]
fn a_socket_about_to_speak() {
    fn play<A: Address>(name: &Names<A>) {
        let stopped = Err(Errno::EADDRNOTAVAIL);
        let [a, b] = name.own;
        let jail = own(&name.own, Rewrite);
        let rows = [
            (bound(name.any, 0), Ok(Source::Keep), Ok(Source::Bind(a))),
            (bound(a, 80), Ok(Source::Keep), Ok(Source::Keep)),
            (bound(b, 80), Ok(Source::Keep), Ok(Source::Keep)),
            // From outside.
            (bound(name.other, 80), stopped, stopped),
            (bound(name.localhost, 80), stopped, stopped),
            (bound(name.any, 80), Ok(Source::Keep), stopped),
        ];
        for (ends, both, alone) in rows {
            assert_eq!(source(jail, ends, name.other, Both), both, "{ends:?}, both lines");
            assert_eq!(source(jail, ends, name.other, LabelAlone), alone, "{ends:?}, label alone");
        }
        let itself = source(jail, bound(name.any, 0), b, LabelAlone);
        assert_eq!(itself, Ok(Source::Bind(b)), "to itself");
        for lines in LINES {
            for ends in [bound(name.any, 0), bound(name.other, 1)] {
                assert_eq!(source(own(&[], Rewrite), ends, name.other, lines), Err(NO_FAMILY));
            }
        }
    }
    both_families!(play);
}

#[test]
fn lists_that_can_be_a_jails() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, b] = name.own;
        for list in [&[][..], &[a], &[a, b], &[name.localhost], &[name.localhost, a]] {
            assert_eq!(validate(list), Ok(()), "{list:?}");
        }
    }
    both_families!(play);
    assert_eq!(validate(&[LOOPBACK_2]), Ok(()));
    // As native jails have it: neither is an address that an interface loses.
    for text in ["2001:db8::1", "::10.0.0.2", "64:ff9b::1", "fec0::1"] {
        assert_eq!(validate::<Ipv6Addr>(&[text.parse().expect("an address")]), Ok(()), "{text}");
    }
}

#[test]
fn lists_that_cannot() {
    fn play<A: Address>(name: &Names<A>) {
        let [a, b] = name.own;
        for list in [&[name.any][..], &[name.group], &[a, name.any], &[a, a], &[a, b, a]] {
            assert_eq!(validate(list), Err(Errno::EINVAL), "{list:?}");
        }
    }
    both_families!(play);
    assert_eq!(validate(&[Ipv4Addr::BROADCAST]), Err(Errno::EINVAL));
    for text in ["::ffff:10.0.0.2", "::ffff:0.0.0.0", "fe80::1", "fe80:1::1", "febf::1"] {
        let list: [Ipv6Addr; 1] = [text.parse().expect("an address")];
        assert_eq!(validate(&list), Err(Errno::EINVAL), "{text}");
    }
}

#[test]
fn the_most_addresses() {
    fn play<A: Address>(name: &Names<A>, number: fn(u16) -> A) {
        let list: Vec<A> = (0x100..).map(number).take(MAX).collect();
        assert_eq!(validate(&list), Ok(()));
        let more = [&list[..], &[name.other]].concat();
        assert_eq!(validate(&more), Err(Errno::EINVAL));
    }
    play(&INET, |n| Ipv4Addr::from(0x0a01_0000 + u32::from(n)));
    play(&INET6, fd00);
}

#[test]
fn an_ipv6_socket_is_bound_as_its_address_says() {
    let mapped = |a: Ipv4Addr| a.to_ipv6_mapped();
    let ([a, b], [a6, _]) = (INET.own, INET6.own);
    let (inet, inet6) = (own(&INET.own[..1], Rewrite), own(&INET6.own[..1], Rewrite));
    // Asked for; then the answers with both lines, alone, and where it is for
    // IPv6 alone.
    let rows = [
        (a6, Ok(a6), Ok(a6), Ok(a6)),
        (INET6.any, Ok(INET6.any), Ok(a6), Ok(a6)),
        (INET6.localhost, Ok(a6), Ok(a6), Ok(a6)),
        (INET6.other, Err(NOT_OURS), Err(NOT_OURS), Err(NOT_OURS)),
        (mapped(a), Ok(mapped(a)), Ok(mapped(a)), Err(NOT_OURS)),
        (mapped(INET.any), Ok(mapped(a)), Ok(mapped(a)), Err(NOT_OURS)),
        (mapped(INET.localhost), Ok(mapped(a)), Ok(mapped(a)), Err(NOT_OURS)),
        (mapped(b), Err(NOT_OURS), Err(NOT_OURS), Err(NOT_OURS)),
        (mapped(INET.group), Err(NOT_OURS), Err(NOT_OURS), Err(NOT_OURS)),
    ];
    for (asked, both, alone, v6only) in rows {
        assert_eq!(local_dual(inet, inet6, asked, false, Both), both, "{asked}");
        assert_eq!(local_dual(inet, inet6, asked, false, LabelAlone), alone, "{asked}, alone");
        assert_eq!(local_dual(inet, inet6, asked, true, Both), v6only, "{asked}, v6only");
    }
    let none = own(&[][..], Rewrite);
    assert_eq!(local_dual(none, inet6, mapped(a), false, Both), Err(NO_FAMILY));
    assert_eq!(local_dual(none, inet6, INET6.any, false, Both), Ok(INET6.any));
}

/// An unbound datagram socket of both families.
const UNBOUND: Dual = Dual {
    inet6: Ends { local: INET6.any, port: 0, connected: false },
    inet: Ends { local: INET.any, port: 0, connected: false },
    speaks_inet6: true,
    speaks_inet: true,
    v6only: false,
    datagrams: true,
};

/// One bound to an IPv6 address: the kernel's IPv4 half of it is the end of that.
fn bound6(local: Ipv6Addr) -> Dual {
    let [.., a, b, c, d] = local.octets();
    Dual {
        inet6: bound(local, 80),
        inet: bound(Ipv4Addr::new(a, b, c, d), 80),
        speaks_inet: false,
        ..UNBOUND
    }
}

/// One bound to an IPv4 address, which is in the same place, zeros before it.
fn bound4(local: Ipv4Addr) -> Dual {
    Dual {
        inet6: bound(local.to_ipv6_compatible(), 80),
        inet: bound(local, 80),
        speaks_inet6: false,
        ..UNBOUND
    }
}

#[test]
fn an_ipv6_socket_speaks_as_the_address_says() {
    let mapped = |a: Ipv4Addr| a.to_ipv6_mapped();
    let ([a, _], [a6, _]) = (INET.own, INET6.own);
    let (inet, inet6) = (own(&INET.own, Rewrite), own(&INET6.own, Rewrite));
    let (other, other6) = (mapped(INET.other), INET6.other);
    let bound_any = Dual { inet6: bound(INET6.any, 80), inet: bound(INET.any, 80), ..UNBOUND };
    let stream = Dual { datagrams: false, ..UNBOUND };
    let v6only = Dual { v6only: true, speaks_inet: false, ..UNBOUND };
    // An address of the jail's that ends in the bytes of a host's.
    let alias: Ipv6Addr = "fd00::10.0.0.9".parse().expect("an address");
    let list = [alias];
    let aliased = own(&list, Rewrite);
    let keep = |remote| Ok((remote, Source::Keep));
    let bind = |remote, source| Ok((remote, Source::Bind(source)));
    let ask = |socket, asked, lines| remote_dual(inet, inet6, asked, socket, lines);

    // The socket, whom it asks for, then the answers with both lines and alone.
    let rows = [
        (UNBOUND, other6, keep(other6), bind(other6, a6)),
        (UNBOUND, INET6.localhost, keep(a6), bind(a6, a6)),
        // Bound first, so that nobody binds it meanwhile to what the kernel
        // would take four bytes of.
        (UNBOUND, other, bind(other, INET6.any), bind(other, mapped(a))),
        (UNBOUND, mapped(INET.localhost), bind(mapped(a), INET6.any), bind(mapped(a), mapped(a))),
        (stream, other, keep(other), bind(other, mapped(a))),
        (bound_any, other, keep(other), Err(NOT_OURS)),
        (bound_any, other6, keep(other6), Err(NOT_OURS)),
        (v6only, other, Err(Errno::EINVAL), Err(Errno::EINVAL)),
        (v6only, other6, keep(other6), bind(other6, a6)),
        (bound6(a6), other6, keep(other6), keep(other6)),
        (bound6(a6), other, Err(NO_FAMILY), Err(NO_FAMILY)),
        (bound6(other6), INET6.own[1], Err(NOT_OURS), Err(NOT_OURS)),
        (bound4(a), other, keep(other), keep(other)),
        (bound4(a), other6, Err(NO_FAMILY), Err(NO_FAMILY)),
        (bound4(INET.other), other, Err(NOT_OURS), Err(NOT_OURS)),
    ];
    for (socket, asked, both, alone) in rows {
        assert_eq!(ask(socket, asked, Both), both, "{socket:?} to {asked}");
        assert_eq!(ask(socket, asked, LabelAlone), alone, "{socket:?} to {asked}, alone");
    }
    let one = own(&INET.own[..1], Rewrite);
    assert_eq!(
        remote_dual(one, inet6, other, UNBOUND, Both),
        bind(other, mapped(a)),
        "its only one"
    );
    for lines in LINES {
        let spoofed = remote_dual(inet, aliased, other, bound6(alias), lines);
        assert_eq!(spoofed, Err(NO_FAMILY), "from the end of {alias}");
        let refused = own(&INET.own, Refuse);
        let localhost = mapped(INET.localhost);
        assert_eq!(remote_dual(refused, inet6, localhost, UNBOUND, lines), Err(NOT_OURS));
        let none = own(&[][..], Rewrite);
        assert_eq!(remote_dual(none, inet6, other, UNBOUND, lines), Err(NO_FAMILY));
    }
}

#[test]
fn an_ipv6_socket_listens_on_the_jails_address() {
    let (inet, inet6) = (own(&INET.own, Rewrite), own(&INET6.own, Rewrite));
    let ([a, _], [a6, _]) = (INET.own, INET6.own);
    let bind = Ok(Source::Bind(a6));
    let rows = [
        (UNBOUND, Ok(Source::Keep), bind),
        (bound6(a6), Ok(Source::Keep), Ok(Source::Keep)),
        (bound4(a), Ok(Source::Keep), Ok(Source::Keep)),
        (bound6(INET6.other), Err(NOT_OURS), Err(NOT_OURS)),
        (bound4(INET.other), Err(NOT_OURS), Err(NOT_OURS)),
    ];
    for (socket, both, alone) in rows {
        assert_eq!(listen_dual(inet, inet6, socket, Both), both, "{socket:?}");
        assert_eq!(listen_dual(inet, inet6, socket, LabelAlone), alone, "{socket:?}, alone");
    }
    assert_eq!(listen_dual(inet, own(&[], Rewrite), UNBOUND, Both), Err(NO_FAMILY));
}

/// A name that is none makes the kernel forget the source, and fail then.
#[test]
fn a_socket_that_disconnects() {
    let (free, connected) = (bound(INET.own[0], 80), Ends { connected: true, ..UNBOUND.inet });
    for lines in LINES {
        assert_eq!(disconnect(&free, lines), Ok(()));
    }
    assert_eq!(disconnect(&connected, Both), Ok(()));
    assert_eq!(disconnect(&connected, LabelAlone), Err(Errno::EISCONN));
}

const INET_ALONE: Families = Families { inet: true, inet6: false };
const BOTH_FAMILIES: Families = Families { inet: true, inet6: true };
const NONE: Sockets = Sockets { raw: false, other_families: false };
const RAW: Sockets = Sockets { raw: true, ..NONE };
const OTHERS: Sockets = Sockets { other_families: true, ..NONE };

fn ip(domain: i32, kind: i32, protocol: i32) -> Socket {
    Socket { domain, kind, protocol }
}

fn of(domain: i32) -> Socket {
    Socket { domain, kind: kind::DGRAM, protocol: 0 }
}

const YES: Result = Ok(());
const NO: Result = Err(Errno::EPROTONOSUPPORT);
const NOT_ALLOWED: Result = Err(Errno::EPERM);

/// Rows: with no flag, for raw sockets, for other families, and with the label
/// alone and both.
#[test]
fn sockets_of_ip() {
    let rows = [
        (kind::STREAM, 0, [YES; 4]),
        (kind::STREAM, protocol::TCP, [YES; 4]),
        (kind::DGRAM, 0, [YES; 4]),
        (kind::DGRAM, protocol::UDP, [YES; 4]),
        (kind::DGRAM, protocol::UDPLITE, [YES; 4]),
        (kind::RAW, protocol::ICMP, [NOT_ALLOWED, YES, NOT_ALLOWED, NOT_ALLOWED]),
        (kind::RAW, protocol::ICMPV6, [NOT_ALLOWED, YES, NOT_ALLOWED, NOT_ALLOWED]),
        (kind::RAW, protocol::DIVERT, [NO; 4]),
        // It binds by socket option, which no hook sees.
        (kind::STREAM, protocol::SCTP, [NO, NO, YES, NO]),
        (kind::SEQPACKET, protocol::SCTP, [NO, NO, YES, NO]),
        (kind::SEQPACKET, 0, [NO, NO, YES, NO]),
        (kind::DGRAM, protocol::TCP, [NO, NO, YES, NO]),
        (0, 0, [NO, NO, YES, NO]),
        (-1, -1, [NO, NO, YES, NO]),
    ];
    let all = Sockets { raw: true, other_families: true };
    for domain in [family::INET, family::INET6] {
        for (kind, protocol, wanted) in rows {
            let asked = ip(domain, kind, protocol);
            for (may, lines, wanted) in [
                (NONE, Both, wanted[0]),
                (RAW, Both, wanted[1]),
                (OTHERS, Both, wanted[2]),
                (all, LabelAlone, wanted[3]),
            ] {
                let got = permits_socket(BOTH_FAMILIES, asked, may, lines);
                assert_eq!(got, wanted, "{asked:?} with {may:?}, {lines:?}");
                let without = permits_socket(Families::default(), asked, may, lines);
                assert_eq!(without, NO, "{asked:?} without an address");
            }
        }
        let one = Families { inet: domain == family::INET, inet6: domain == family::INET6 };
        for asked in [family::INET, family::INET6] {
            let got = permits_socket(one, of(asked), NONE, Both);
            assert_eq!(got, if asked == domain { YES } else { NO }, "{asked} with {one:?}");
        }
    }
}

#[test]
fn sockets_beside_ip() {
    let rows = [
        (family::UNIX, YES, YES),
        (family::ROUTE, YES, NO),
        (family::NETLINK, YES, NO),
        (family::NETGRAPH, NO, NO),
        (0, NO, NO),
        (-1, NO, NO),
        (i32::MAX, NO, NO),
    ];
    for (domain, both, alone) in rows {
        for has in [INET_ALONE, BOTH_FAMILIES, Families::default()] {
            assert_eq!(permits_socket(has, of(domain), NONE, Both), both, "{domain}");
            assert_eq!(permits_socket(has, of(domain), RAW, Both), both, "{domain}");
            assert_eq!(permits_socket(has, of(domain), RAW, LabelAlone), alone, "{domain} alone");
        }
    }
}

/// The flag opens what is no family of the Internet's, and nothing for the
/// label alone.
#[test]
fn sockets_of_other_families() {
    for domain in (-1..64).chain([i32::MAX, i32::MIN]) {
        for kind in 0..8 {
            let asked = Socket { domain, kind, protocol: 0 };
            let others = permits_socket(INET_ALONE, asked, OTHERS, Both);
            if domain == family::INET6 {
                assert_eq!(others, NO, "{asked:?}");
            } else if domain != family::INET {
                assert_eq!(others, YES, "{asked:?}");
            }
            let alone = permits_socket(INET_ALONE, asked, NONE, LabelAlone);
            assert_eq!(permits_socket(INET_ALONE, asked, OTHERS, LabelAlone), alone, "{asked:?}");
        }
    }
}

/// Addresses near each other and the special ones, so that lists and questions
/// meet.
/// Whose header nobody checks has no address to give.
#[test]
fn a_raw_socket_of_somebody_else() {
    for kind in 0..8 {
        assert_eq!(names_raw(kind, Both), Ok(()), "the kernel looks at what it sends");
        let wanted = if kind == kind::RAW { Err(Errno::EPERM) } else { Ok(()) };
        assert_eq!(names_raw(kind, LabelAlone), wanted, "type {kind}");
    }
}

#[test]
fn lists_of_interfaces_and_routes() {
    for what in -1..16 {
        let all = what == list::NEXT_HOPS || what == list::GROUPS;
        let wanted = if all { Err(Errno::EPERM) } else { Ok(()) };
        assert_eq!(permits_list(what, Both), wanted, "NET_RT_* {what}");
        assert_eq!(permits_list(what, LabelAlone), Err(Errno::EPERM), "nobody cuts it");
    }
}

fn an_inet() -> impl Strategy<Value = Ipv4Addr> {
    let special = vec![INET.any, INET.localhost, LOOPBACK_2, Ipv4Addr::BROADCAST, INET.group];
    prop_oneof![
        4 => (0..8u8).prop_map(|n| Ipv4Addr::new(10, 0, 0, n)),
        2 => prop::sample::select(special),
        1 => any::<u32>().prop_map(Ipv4Addr::from),
    ]
}

fn an_inet6() -> impl Strategy<Value = Ipv6Addr> {
    let mapped = INET.own[0].to_ipv6_mapped();
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let special = vec![INET6.any, INET6.localhost, INET6.group, mapped, link_local];
    prop_oneof![
        4 => (0..8u16).prop_map(fd00),
        2 => prop::sample::select(special),
        1 => any::<u128>().prop_map(Ipv6Addr::from),
    ]
}

/// A jail's list and what it says of the machine's own addresses.
fn jail<A: Address>(
    address: impl Strategy<Value = A>,
) -> impl Strategy<Value = (Vec<A>, Loopback)> {
    let list = vec(address, 0..6).prop_filter("a jail's list", |list| validate(list).is_ok());
    (list, prop::sample::select(LOOPBACKS.to_vec()))
}

fn lines() -> impl Strategy<Value = Lines> {
    prop_oneof![Just(Both), Just(LabelAlone)]
}

fn any_of() -> impl Strategy<Value = Any> {
    prop_oneof![Just(OneFamily), Just(BothFamilies)]
}

type Check = std::result::Result<(), TestCaseError>;

/// Every promise about one question that one jail asks, and its socket.
fn promises<A: Address>(
    (list, loopback): &(Vec<A>, Loopback),
    asked: A,
    port: u16,
    any: Any,
    lines: Lines,
) -> Check {
    let jail = own(list, *loopback);

    // What a socket is bound to is the jail's, or "any" where the kernel filters.
    match local(jail, asked, any, lines) {
        Ok(got) if list.contains(&got) => {}
        Ok(got) => {
            prop_assert_eq!(got, A::ANY);
            prop_assert!(lines == Both && (list.len() > 1 || any == BothFamilies));
        }
        Err(Errno::EAFNOSUPPORT) => prop_assert!(list.is_empty()),
        Err(errno) => {
            prop_assert_eq!(errno, Errno::EADDRNOTAVAIL);
            prop_assert!(!list.contains(&asked));
        }
    }

    // Asking again for what was given changes nothing: the kernel may.
    if let Ok(got) = local(jail, asked, any, lines) {
        prop_assert_eq!(local(jail, got, any, lines), Ok(got));
    }
    if let Ok(got) = remote(jail, asked, lines) {
        prop_assert_eq!(remote(jail, got, lines), Ok(got));
    }

    // The source of an unbound socket is the jail's, always, and can be bound.
    match pin(jail, asked) {
        Ok(got) => {
            prop_assert!(list.contains(&got));
            prop_assert_eq!(local(jail, got, any, lines), Ok(got));
        }
        Err(errno) => {
            prop_assert_eq!(errno, Errno::EAFNOSUPPORT);
            prop_assert!(list.is_empty());
        }
    }

    // With the label alone a socket that may speak is on the jail's address, or
    // is about to be; with both, the kernel chooses among the jail's.
    match source(jail, bound(asked, port), asked, lines) {
        Ok(Source::Keep) if lines == Both && asked == A::ANY => {}
        Ok(Source::Keep) => prop_assert!(list.contains(&asked)),
        Ok(Source::Bind(chosen)) => prop_assert!(list.contains(&chosen)),
        Err(_) => prop_assert!(!list.contains(&asked)),
    }

    // The machine's loopback is reached only by who has it or shares it, and
    // bound only by who has it.
    if local(jail, A::LOCALHOST, any, lines) == Ok(A::LOCALHOST) {
        prop_assert!(list.contains(&A::LOCALHOST));
    }
    if let Ok(got) = remote(jail, asked, lines) {
        let reached = got.is_loopback() && !list.contains(&got);
        prop_assert!(!reached || *loopback == Share);
    }

    // The label alone permits as much, and no more.
    prop_assert_eq!(
        local(jail, asked, any, Both).is_ok(),
        local(jail, asked, any, LabelAlone).is_ok()
    );
    let (both, alone) = (remote(jail, asked, Both), remote(jail, asked, LabelAlone));
    prop_assert_eq!(both.is_ok(), alone.is_ok());
    Ok(())
}

/// Any list at all: an answer, no panic, and only good lists pass.
fn only_good_lists_pass<A: Address>(list: &[A], bad: impl Fn(&A) -> bool) -> Check {
    let mut sorted = list.to_vec();
    sorted.sort();
    sorted.dedup();
    let good = list.len() <= MAX && !list.iter().any(bad) && sorted.len() == list.len();
    prop_assert_eq!(validate(list), if good { Ok(()) } else { Err(Errno::EINVAL) });
    Ok(())
}

proptest! {
    #[test]
    fn promises_of_inet(
        jail in jail(an_inet()), asked in an_inet(), port: u16, any in any_of(), lines in lines(),
    ) {
        promises(&jail, asked, port, any, lines)?;
    }

    #[test]
    fn promises_of_inet6(
        jail in jail(an_inet6()), asked in an_inet6(), port: u16, any in any_of(), lines in lines(),
    ) {
        promises(&jail, asked, port, any, lines)?;
    }

    #[test]
    fn only_good_lists_of_inet_pass(list in vec(an_inet(), 0..300)) {
        only_good_lists_pass(&list, |a| {
            a.is_unspecified() || a.is_broadcast() || a.is_multicast()
        })?;
    }

    #[test]
    fn only_good_lists_of_inet6_pass(list in vec(an_inet6(), 0..300)) {
        only_good_lists_pass(&list, |a| {
            let special = a.is_unspecified() || a.is_multicast();
            special || a.to_ipv4_mapped().is_some() || (a.segments()[0] & 0xffc0) == 0xfe80
        })?;
    }

    /// An IPv6 socket that may speak does so from an address of the jail's, of the
    /// family it speaks, or is about to, or the kernel chooses one.
    #[test]
    fn promises_of_an_ipv6_socket(
        (list, loopback) in jail(an_inet()),
        (list6, _) in jail(an_inet6()),
        asked in an_inet6(),
        local in prop_oneof![an_inet6(), an_inet().prop_map(|a| a.to_ipv6_compatible())],
        (port, speaks, v6only, datagrams) in (any::<u16>(), 1..4u8, any::<bool>(), any::<bool>()),
        lines in lines(),
    ) {
        let (inet, inet6) = (own(&list, loopback), own(&list6, loopback));
        let v4 = bound6(local).inet.local;
        let socket = Dual {
            inet6: bound(local, port),
            inet: bound(v4, port),
            speaks_inet: speaks & 1 != 0 && !v6only,
            speaks_inet6: speaks & 2 != 0,
            v6only,
            datagrams,
        };
        let Ok((got, source)) = remote_dual(inet, inet6, asked, socket, lines) else {
            return Ok(());
        };
        prop_assert_eq!(got.to_ipv4_mapped().is_some(), asked.to_ipv4_mapped().is_some());
        let again = remote_dual(inet, inet6, got, socket, lines);
        prop_assert_eq!(again, Ok((got, source)));
        let is_the_jails = |a: Ipv6Addr| a.to_ipv4_mapped().map_or(inet6.has(a), |a| inet.has(a));
        match (source, got.to_ipv4_mapped()) {
            (Source::Bind(chosen), Some(_)) if chosen.is_unspecified() => {
                prop_assert!(lines == Both && list.len() > 1);
            }
            (Source::Bind(chosen), _) => prop_assert!(is_the_jails(chosen)),
            (Source::Keep, Some(_)) => {
                prop_assert!(inet.has(v4) || (lines == Both && v4.is_unspecified()));
                prop_assert!(socket.speaks_inet);
            }
            (Source::Keep, None) => {
                prop_assert!(inet6.has(local) || (lines == Both && local.is_unspecified()));
                prop_assert!(socket.speaks_inet6);
            }
        }
        if let Ok(mine) = local_dual(inet, inet6, asked, v6only, lines) {
            prop_assert_eq!(local_dual(inet, inet6, mine, v6only, lines), Ok(mine));
        }
    }

    /// What was put together is good, and who shares has the loopback address.
    #[test]
    fn addresses_put_together(
        inet in vec(an_inet(), 0..6),
        inet6 in vec(an_inet6(), 0..6),
        loopback in prop::sample::select(LOOPBACKS.to_vec()),
    ) {
        let made = Addresses::new(inet.clone(), inet6.clone(), loopback);
        prop_assert_eq!(made.is_ok(), validate(&inet).is_ok() && validate(&inet6).is_ok());
        let Ok(made) = made else { return Ok(()) };
        prop_assert!(made.inet().list.starts_with(&inet));
        prop_assert!(made.inet6().list.starts_with(&inet6));
        prop_assert_eq!(validate(made.inet().list), Ok(()));
        let shared = loopback == Share && !inet6.is_empty();
        let has = inet6.contains(&Ipv6Addr::LOCALHOST);
        prop_assert_eq!(made.inet6().has(Ipv6Addr::LOCALHOST), shared || has);
    }

    /// The same for sockets, whatever is asked.
    #[test]
    fn the_label_alone_permits_no_more_sockets(
        inet in any::<bool>(),
        inet6 in any::<bool>(),
        domain in prop_oneof![-1..64i32, any::<i32>()],
        kind in prop_oneof![0..8i32, any::<i32>()],
        protocol in prop_oneof![0..300i32, any::<i32>()],
        raw in any::<bool>(),
        other_families in any::<bool>(),
    ) {
        let has = Families { inet, inet6 };
        let (asked, may) = (Socket { domain, kind, protocol }, Sockets { raw, other_families });
        let (both, alone) =
            (permits_socket(has, asked, may, Both), permits_socket(has, asked, may, LabelAlone));
        if alone.is_ok() {
            prop_assert_eq!(both, Ok(()));
        }
        let missing = (domain == family::INET && !inet) || (domain == family::INET6 && !inet6);
        if missing {
            prop_assert_eq!(both, NO);
        }
        if !raw && [family::INET, family::INET6].contains(&domain) && kind == self::kind::RAW {
            prop_assert!(both.is_err());
        }
    }
}
