// SPDX-License-Identifier: BSD-2-Clause
//! The rules of addresses: tables, then properties over random lists.

use std::net::{Ipv4Addr, SocketAddrV4};

use proptest::collection::vec;
use proptest::prelude::*;
use rjail::address::Lines::{Both, LabelAlone};
use rjail::address::{
    Lines, MAX, Socket, Sockets, Source, family, kind, lines_of_socket, local, permits_socket, pin,
    primary, protocol, remote, sort, source, validate,
};
use rjail::{Errno, Result};

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const LOOPBACK_2: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BROADCAST: Ipv4Addr = Ipv4Addr::BROADCAST;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

const NOT_OURS: Result<Ipv4Addr> = Err(Errno::EADDRNOTAVAIL);
const NO_IPV4: Result<Ipv4Addr> = Err(Errno::EAFNOSUPPORT);

type Row<'a> = (&'a [Ipv4Addr], Ipv4Addr, Result<Ipv4Addr>, Result<Ipv4Addr>);

fn table(rows: &[Row<'_>], rule: fn(&[Ipv4Addr], Ipv4Addr, Lines) -> Result<Ipv4Addr>) {
    for &(list, asked, both, alone) in rows {
        assert_eq!(rule(list, asked, Both), both, "{list:?} asked for {asked}, both lines");
        assert_eq!(rule(list, asked, LabelAlone), alone, "{list:?} asked for {asked}, label alone");
    }
}

#[test]
fn bind_with_one_address() {
    let one: &[_] = &[A];
    table(
        &[
            (one, A, Ok(A), Ok(A)),
            (one, ANY, Ok(A), Ok(A)),
            (one, LOOPBACK, Ok(A), Ok(A)),
            (one, OTHER, NOT_OURS, NOT_OURS),
            (one, LOOPBACK_2, NOT_OURS, NOT_OURS),
            (one, BROADCAST, NOT_OURS, NOT_OURS),
            (one, GROUP, NOT_OURS, NOT_OURS),
        ],
        local,
    );
}

#[test]
fn bind_with_several_addresses() {
    let two: &[_] = &[A, B];
    table(
        &[
            (two, A, Ok(A), Ok(A)),
            (two, B, Ok(B), Ok(B)),
            // The kernel filters what arrives; alone, nobody would.
            (two, ANY, Ok(ANY), Ok(A)),
            (two, LOOPBACK, Ok(A), Ok(A)),
            (two, OTHER, NOT_OURS, NOT_OURS),
        ],
        local,
    );
}

#[test]
fn bind_with_a_loopback_address_of_its_own() {
    let own: &[_] = &[A, LOOPBACK];
    table(
        &[
            (own, LOOPBACK, Ok(LOOPBACK), Ok(LOOPBACK)),
            (own, LOOPBACK_2, NOT_OURS, NOT_OURS),
            (&[A, LOOPBACK_2], LOOPBACK, Ok(A), Ok(A)),
            (&[A, LOOPBACK_2], LOOPBACK_2, Ok(LOOPBACK_2), Ok(LOOPBACK_2)),
        ],
        local,
    );
}

#[test]
fn bind_without_an_address() {
    for asked in [A, ANY, LOOPBACK, OTHER, BROADCAST] {
        table(&[(&[], asked, NO_IPV4, NO_IPV4)], local);
    }
}

#[test]
fn connect() {
    let (one, two): (&[_], &[_]) = (&[A], &[A, B]);
    table(
        &[
            (one, LOOPBACK, Ok(A), Ok(A)),
            (two, LOOPBACK, Ok(A), Ok(A)),
            (&[A, LOOPBACK], LOOPBACK, Ok(LOOPBACK), Ok(LOOPBACK)),
            (one, OTHER, Ok(OTHER), Ok(OTHER)),
            (one, A, Ok(A), Ok(A)),
            (one, LOOPBACK_2, Ok(LOOPBACK_2), Ok(LOOPBACK_2)),
            (one, ANY, Ok(ANY), Ok(A)),
            (&[], LOOPBACK, NO_IPV4, NO_IPV4),
            (&[], OTHER, NO_IPV4, NO_IPV4),
        ],
        remote,
    );
}

#[test]
fn source_of_an_unbound_socket() {
    assert_eq!(pin(&[A, B], OTHER), Ok(A));
    assert_eq!(pin(&[A, B], ANY), Ok(A));
    assert_eq!(pin(&[A, B], B), Ok(B), "to itself from itself");
    assert_eq!(pin(&[], OTHER), NO_IPV4);
    assert_eq!(primary(&[B, A]), Ok(B), "the order given, not sorted");
}

fn bound(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}

/// The kernel forgets the source of a datagram socket that connects again.
#[test]
fn a_socket_that_connects_again() {
    for socket in [bound(ANY, 0), bound(A, 80), bound(OTHER, 80)] {
        let again = source(&[A, B], socket, true, OTHER, LabelAlone);
        assert_eq!(again, Err(Errno::EISCONN), "{socket}, label alone");
    }
    assert_eq!(source(&[A, B], bound(A, 80), true, OTHER, Both), Ok(Source::Keep));
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
    let mut list = [OTHER, B, A, LOOPBACK, ANY];
    sort(&mut list);
    assert!(list.is_sorted());
    sort(&mut []);
}

/// Rows: the socket as it is, then the answers with both lines and with the
/// label alone.
#[test]
fn a_socket_about_to_speak() {
    const STOPPED: Result<Source> = Err(Errno::EADDRNOTAVAIL);
    let rows = [
        (bound(ANY, 0), Ok(Source::Keep), Ok(Source::Bind(A))),
        (bound(A, 80), Ok(Source::Keep), Ok(Source::Keep)),
        (bound(B, 80), Ok(Source::Keep), Ok(Source::Keep)),
        // From outside.
        (bound(OTHER, 80), STOPPED, STOPPED),
        (bound(LOOPBACK, 80), STOPPED, STOPPED),
        (bound(ANY, 80), Ok(Source::Keep), STOPPED),
    ];
    for (socket, both, alone) in rows {
        assert_eq!(source(&[A, B], socket, false, OTHER, Both), both, "{socket}, both lines");
        assert_eq!(
            source(&[A, B], socket, false, OTHER, LabelAlone),
            alone,
            "{socket}, label alone"
        );
    }
    assert_eq!(
        source(&[A, B], bound(ANY, 0), false, B, LabelAlone),
        Ok(Source::Bind(B)),
        "to itself"
    );
    for lines in [Both, LabelAlone] {
        assert_eq!(source(&[], bound(ANY, 0), false, OTHER, lines), Err(Errno::EAFNOSUPPORT));
        assert_eq!(source(&[], bound(OTHER, 1), false, OTHER, lines), Err(Errno::EAFNOSUPPORT));
    }
}

#[test]
fn lists_that_can_be_a_jails() {
    for list in [&[] as &[_], &[A], &[A, B], &[LOOPBACK], &[LOOPBACK_2, A]] {
        assert_eq!(validate(list), Ok(()), "{list:?}");
    }
}

#[test]
fn lists_that_cannot() {
    for list in [&[ANY] as &[_], &[BROADCAST], &[GROUP], &[A, ANY], &[A, A], &[A, B, A]] {
        assert_eq!(validate(list), Err(Errno::EINVAL), "{list:?}");
    }
}

#[test]
fn the_most_addresses() {
    let list: Vec<Ipv4Addr> =
        (1..).map(|n: u32| Ipv4Addr::from(0x0a00_0000 + n)).take(MAX).collect();
    assert_eq!(validate(&list), Ok(()));
    let mut more = list.clone();
    more.push(OTHER);
    more.push(Ipv4Addr::new(10, 1, 0, 1));
    assert_eq!(validate(more.get(..=MAX).unwrap_or_default()), Err(Errno::EINVAL));
}

const NONE: Sockets = Sockets { raw: false, other_families: false };
const RAW: Sockets = Sockets { raw: true, ..NONE };
const OTHERS: Sockets = Sockets { other_families: true, ..NONE };

const ICMP: Socket = Socket { domain: family::INET, kind: kind::RAW, protocol: protocol::ICMP };

fn inet(kind: i32, protocol: i32) -> Socket {
    Socket { domain: family::INET, kind, protocol }
}

fn of(domain: i32) -> Socket {
    Socket { domain, kind: kind::DGRAM, protocol: 0 }
}

/// Rows: with both lines and no flag, with the flag, with the label alone and
/// the flag.
#[test]
fn sockets_that_a_jail_may_create() {
    const YES: Result = Ok(());
    const NO: Result = Err(Errno::EPROTONOSUPPORT);
    const NOT_ALLOWED: Result = Err(Errno::EPERM);
    let rows = [
        (of(family::UNIX), YES, YES, YES),
        (inet(kind::STREAM, 0), YES, YES, YES),
        (inet(kind::STREAM, protocol::TCP), YES, YES, YES),
        (inet(kind::DGRAM, protocol::UDP), YES, YES, YES),
        (ICMP, NOT_ALLOWED, YES, NOT_ALLOWED),
        (inet(kind::RAW, protocol::DIVERT), NO, NO, NO),
        // SCTP binds by socket option, which no hook sees.
        (inet(kind::STREAM, 132), YES, YES, NO),
        (of(family::ROUTE), YES, YES, NO),
        (of(family::NETLINK), YES, YES, NO),
        (of(family::INET6), NO, NO, NO),
        (of(family::NETGRAPH), NO, NO, NO),
        (of(0), NO, NO, NO),
        (of(-1), NO, NO, NO),
        (of(i32::MAX), NO, NO, NO),
    ];
    for (asked, plain, raw, alone) in rows {
        assert_eq!(permits_socket(&[A], asked, NONE, Both), plain, "{asked:?}");
        assert_eq!(permits_socket(&[A], asked, RAW, Both), raw, "{asked:?} with RAW_SOCKETS");
        assert_eq!(permits_socket(&[A], asked, RAW, LabelAlone), alone, "{asked:?} alone");
    }
}

/// The flag opens what is no family of the Internet's, and nothing for the
/// label alone.
#[test]
fn sockets_of_other_families() {
    for domain in (-1..64).chain([i32::MAX, i32::MIN]) {
        for kind in 0..8 {
            let asked = Socket { domain, kind, protocol: 0 };
            let plain = permits_socket(&[A], asked, NONE, Both);
            let others = permits_socket(&[A], asked, OTHERS, Both);
            if [family::INET, family::INET6].contains(&domain) {
                assert_eq!(others, plain, "{asked:?}");
            } else {
                assert_eq!(others, Ok(()), "{asked:?}");
            }
            let alone = permits_socket(&[A], asked, NONE, LabelAlone);
            assert_eq!(permits_socket(&[A], asked, OTHERS, LabelAlone), alone, "{asked:?}");
        }
    }
}

#[test]
fn without_an_address_there_is_no_ipv4() {
    for asked in [inet(kind::STREAM, 0), inet(kind::DGRAM, 0), ICMP] {
        for lines in [Both, LabelAlone] {
            assert_eq!(permits_socket(&[], asked, RAW, lines), Err(Errno::EPROTONOSUPPORT));
        }
    }
    assert_eq!(permits_socket(&[], of(family::UNIX), NONE, LabelAlone), Ok(()));
}

/// Addresses near each other and the special ones, so that lists and questions
/// meet.
fn an_address() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        4 => (0..8u8).prop_map(|n| Ipv4Addr::new(10, 0, 0, n)),
        2 => prop::sample::select(vec![ANY, LOOPBACK, LOOPBACK_2, BROADCAST, GROUP]),
        1 => any::<u32>().prop_map(Ipv4Addr::from),
    ]
}

fn a_list() -> impl Strategy<Value = Vec<Ipv4Addr>> {
    vec(an_address(), 0..6).prop_filter("a jail's list", |list| validate(list).is_ok())
}

fn lines() -> impl Strategy<Value = Lines> {
    prop_oneof![Just(Both), Just(LabelAlone)]
}

proptest! {
    /// What a socket is bound to is the jail's, or "any" where the kernel
    /// filters.
    #[test]
    fn a_bound_address_is_the_jails(list in a_list(), asked in an_address(), lines in lines()) {
        match local(&list, asked, lines) {
            Ok(got) if list.contains(&got) => {}
            Ok(got) => {
                prop_assert_eq!(got, ANY);
                prop_assert!(list.len() > 1 && lines == Both);
            }
            Err(Errno::EAFNOSUPPORT) => prop_assert!(list.is_empty()),
            Err(errno) => {
                prop_assert_eq!(errno, Errno::EADDRNOTAVAIL);
                prop_assert!(!list.contains(&asked));
            }
        }
    }

    /// Asking again for what was given changes nothing: the kernel may.
    #[test]
    fn rewriting_is_idempotent(list in a_list(), asked in an_address(), lines in lines()) {
        if let Ok(got) = local(&list, asked, lines) {
            prop_assert_eq!(local(&list, got, lines), Ok(got));
        }
        if let Ok(got) = remote(&list, asked, lines) {
            prop_assert_eq!(remote(&list, got, lines), Ok(got));
        }
    }

    /// The source of an unbound socket is the jail's, always.
    #[test]
    fn a_pinned_source_is_the_jails(list in a_list(), to in an_address()) {
        match pin(&list, to) {
            Ok(got) => prop_assert!(list.contains(&got)),
            Err(errno) => {
                prop_assert_eq!(errno, Errno::EAFNOSUPPORT);
                prop_assert!(list.is_empty());
            }
        }
    }

    /// What was pinned can be bound.
    #[test]
    fn a_pinned_source_can_be_bound(list in a_list(), to in an_address(), lines in lines()) {
        if let Ok(source) = pin(&list, to) {
            prop_assert_eq!(local(&list, source, lines), Ok(source));
        }
    }

    /// With the label alone a socket that may speak is on the jail's address,
    /// or is about to be.
    #[test]
    fn who_speaks_has_the_jails_address(
        list in a_list(),
        (address, port) in (an_address(), any::<u16>()),
        to in an_address(),
    ) {
        match source(&list, bound(address, port), false, to, LabelAlone) {
            Ok(Source::Keep) => prop_assert!(list.contains(&address)),
            Ok(Source::Bind(chosen)) => prop_assert!(list.contains(&chosen)),
            Err(_) => prop_assert!(!list.contains(&address)),
        }
    }

    /// 127.0.0.1 is reached only by a jail that has it.
    #[test]
    fn the_hosts_loopback_is_out_of_reach(list in a_list(), lines in lines()) {
        for rule in [local, remote] {
            if rule(&list, LOOPBACK, lines) == Ok(LOOPBACK) {
                prop_assert!(list.contains(&LOOPBACK));
            }
        }
    }

    /// The label alone is never looser than both lines.
    #[test]
    fn the_label_alone_permits_no_more(list in a_list(), asked in an_address()) {
        prop_assert_eq!(local(&list, asked, Both).is_ok(), local(&list, asked, LabelAlone).is_ok());
    }

    /// The same for sockets, whatever is asked.
    #[test]
    fn the_label_alone_permits_no_more_sockets(
        list in a_list(),
        domain in prop_oneof![-1..64i32, any::<i32>()],
        kind in prop_oneof![0..8i32, any::<i32>()],
        protocol in prop_oneof![0..300i32, any::<i32>()],
        raw in any::<bool>(),
        other_families in any::<bool>(),
    ) {
        let (asked, may) = (Socket { domain, kind, protocol }, Sockets { raw, other_families });
        let (both, alone) =
            (permits_socket(&list, asked, may, Both), permits_socket(&list, asked, may, LabelAlone));
        if alone.is_ok() {
            prop_assert_eq!(both, Ok(()));
        }
        if domain == family::INET6 {
            prop_assert_eq!(both, Err(Errno::EPROTONOSUPPORT));
        }
        if !raw && domain == family::INET && kind == self::kind::RAW {
            prop_assert!(both.is_err());
        }
    }

    /// Any list at all: an answer, no panic, and only good lists pass.
    #[test]
    fn only_good_lists_pass(list in vec(an_address(), 0..300)) {
        let bad = |address: &Ipv4Addr| [ANY, BROADCAST].contains(address) || address.is_multicast();
        let mut sorted = list.clone();
        sorted.sort();
        sorted.dedup();
        let good = list.len() <= MAX && !list.iter().any(bad) && sorted.len() == list.len();
        prop_assert_eq!(validate(&list), if good { Ok(()) } else { Err(Errno::EINVAL) });
    }
}
