// SPDX-License-Identifier: BSD-2-Clause
//! The second line: a `struct prison` of rjail's own making. C source:
//! `sys/sys/jail.h`, `kern_jail_set` and `prison_deref` in `sys/kern/kern_jail.c`.
//!
//! The kernel never lists it, so no jail system call reaches it. rjail anchors
//! `pr_ref`, so the kernel's own hold and free never see zero. `pr_uref` counts
//! the processes, and the descriptor that holds the jail: of the last one the kernel
//! lets the count stand at one and queues the prison's task, which is rjail's.

use core::ffi::{CStr, c_char, c_int};
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

use sys_bindings as c;

use super::credential::{Credential, JailRef};
use super::memory::try_collect;
use super::process::Current;
use super::vnode::Directory;
use crate::address::{Address, Loopback};
use crate::prison::{Addresses, JailFlags, Jid, Name, SystemV};
use crate::privilege::{Named, Opens};
use crate::request::Text;
use crate::{Errno, Result, address};

/// The kernel's `struct prison_ip`, private to kern_jail.c: an epoch context, a
/// 32-bit count, then the addresses without padding. [`self_check`] asks the
/// kernel whether that is so.
const ADDRESSES_AT: usize = size_of::<c::epoch_context>() + size_of::<u32>();

/// What the flags of a jail are in `pr_allow`. What native jails have by
/// default and rjail has no flag for, debugging and the superuser, stays on.
const ALLOW: &[(JailFlags, u32)] = &[
    (JailFlags::empty(), c::PR_ALLOW_UNPRIV_DEBUG.cast_unsigned()),
    (JailFlags::empty(), c::PR_ALLOW_SUSER.cast_unsigned()),
    (JailFlags::SET_HOSTNAME, c::PR_ALLOW_SET_HOSTNAME.cast_unsigned()),
    (JailFlags::RAW_SOCKETS, c::PR_ALLOW_RAW_SOCKETS.cast_unsigned()),
    (JailFlags::SYSVIPC, c::PR_ALLOW_SYSVIPC.cast_unsigned()),
    (JailFlags::CHFLAGS, c::PR_ALLOW_CHFLAGS.cast_unsigned()),
    (JailFlags::MLOCK, c::PR_ALLOW_MLOCK.cast_unsigned()),
    (JailFlags::RESERVED_PORTS, c::PR_ALLOW_RESERVED_PORTS.cast_unsigned()),
    (JailFlags::QUOTAS, c::PR_ALLOW_QUOTAS.cast_unsigned()),
    (JailFlags::READ_MSGBUF, c::PR_ALLOW_READ_MSGBUF.cast_unsigned()),
    (JailFlags::EXTATTR, c::PR_ALLOW_EXTATTR.cast_unsigned()),
    (JailFlags::SETTIME, c::PR_ALLOW_SETTIME.cast_unsigned()),
    (JailFlags::ADJTIME, c::PR_ALLOW_ADJTIME.cast_unsigned()),
    (JailFlags::SOCKET_AF, c::PR_ALLOW_SOCKET_AF.cast_unsigned()),
];

/// `pr_allow` of a jail: for its flags, and what privileges given by name need.
/// Of the latter the label lets pass the named ones alone.
fn allow(flags: JailFlags, named: &Named) -> u32 {
    let bits = |flags: JailFlags| {
        ALLOW.iter().filter(|(flag, _)| flags.contains(*flag)).fold(0, |bits, (_, bit)| bits | bit)
    };
    named.opens().fold(bits(flags), |all, opens| {
        all | match opens {
            Opens::Nothing => 0,
            Opens::Flag(flag) => bits(flag),
            Opens::SetAudit => c::PR_ALLOW_SETAUDIT.cast_unsigned(),
        }
    })
}

/// `pr_flags`: a host name and IP addresses of its own, sources chosen among
/// the latter.
const FLAGS: u32 = (c::PR_HOST
    | c::PR_IP4
    | c::PR_IP4_USER
    | c::PR_IP4_SADDRSEL
    | c::PR_IP6
    | c::PR_IP6_USER
    | c::PR_IP6_SADDRSEL)
    .cast_unsigned();

/// A prison that the kernel can use, and rjail keeps.
///
/// # Invariants
/// - Allocated and filled in by [`NativePrison::new`]; alive until dropped.
/// - One of `pr_ref` is this value's own: the anchor. `pr_uref` is the number
///   of users, and one before the first and after the last.
/// - It owns what its fields point at: the root's use count, the address list,
///   the cpuset and a reference of the parent.
pub(crate) struct NativePrison(NonNull<c::prison>);

// SAFETY: the kernel shares a prison among all threads; rjail changes one only
// before it is shared and after it is no more.
unsafe impl Send for NativePrison {}
// SAFETY: as for `Send`.
unsafe impl Sync for NativePrison {}

/// What a prison is made from.
pub(crate) struct Plan<'a> {
    pub(crate) jid: Jid,
    pub(crate) flags: JailFlags,
    pub(crate) named: &'a Named,
    /// None only for the scratch prison: at boot there is no root yet.
    pub(crate) root: Option<Directory>,
    pub(crate) path: &'a [u8],
    pub(crate) hostname: &'a Text,
    pub(crate) name: &'a Name,
    pub(crate) addresses: &'a Addresses,
}

impl NativePrison {
    /// Makes a child of the caller's prison. Sleeps.
    ///
    /// # Errors
    /// `ENOMEM`, `EINVAL` (a count that does not fit).
    pub(crate) fn new(current: &Current, plan: Plan<'_>) -> Result<Self> {
        // SAFETY: sleeping is allowed; the memory comes zeroed, which is a
        // `struct prison` of empty lists, null pointers and zero counts.
        let memory = unsafe { c::rjail_c_malloc_prison(size_of::<c::prison>()) };
        let prison = NonNull::new(memory.cast::<c::prison>()).ok_or(Errno::ENOMEM)?;
        let inet = plan.addresses.inet().list.iter().map(Ipv4Addr::octets);
        let inet6 = plan.addresses.inet6().list.iter().map(Ipv6Addr::octets);
        let lists = AddressList::new(inet).and_then(|inet| Ok((inet, AddressList::new(inet6)?)));
        let (inet, inet6) = lists.inspect_err(|_| {
            // SAFETY: allocated above; nobody else has it.
            unsafe { c::rjail_c_free_prison(memory) };
        })?;
        // SAFETY: the caller's credential and its prison are alive.
        let parent = unsafe { (*current.credential()).cr_prison };
        // SAFETY: alive as said.
        unsafe { c::prison_hold(parent) };
        // SAFETY: the caller lives in the parent, so it is alive in that sense.
        unsafe { c::prison_proc_hold(parent) };
        // SAFETY: the memory is ours, zeroed and large enough.
        let pr = unsafe { &mut *prison.as_ptr() };
        // SAFETY: alive; what is read is constant, or may be a moment old.
        let above = unsafe { &*parent };

        pr.pr_id = plan.jid.native();
        pr.pr_ref = 1;
        pr.pr_uref = 1;
        pr.pr_state = c::PRISON_STATE_ALIVE;
        pr.pr_parent = parent;
        pr.pr_flags = FLAGS;
        // What the machine forbids itself, security.bsd.unprivileged_proc_debug
        // say, no jail has.
        pr.pr_allow = allow(plan.flags, plan.named) & above.pr_allow;
        pr.pr_enforce_statfs = plan.flags.enforce_statfs();
        pr.pr_securelevel = above.pr_securelevel;
        pr.pr_devfs_rsnum = above.pr_devfs_rsnum;
        pr.pr_osreldate = above.pr_osreldate;
        pr.pr_osrelease = above.pr_osrelease;
        pr.pr_vnet = above.pr_vnet;
        for (family, list) in [(c::PR_INET, inet), (c::PR_INET6, inet6)] {
            if let Some(slot) = pr.pr_addrs.get_mut(family as usize) {
                *slot = list.into_raw().cast();
            }
        }
        pr.pr_root = plan.root.map_or(ptr::null_mut(), Directory::into_raw);
        copy(&mut pr.pr_hostname, plan.hostname.as_bytes());
        pr.pr_hostuuid = NO_UUID;
        let number = Decimal::new(plan.jid);
        // As a C string; a name is shorter than the room for it.
        if plan.name.is_none() {
            copy(&mut pr.pr_name, number.bytes());
        } else {
            copy(&mut pr.pr_name, plan.name.bytes());
        }
        // What POSIX names begin with, and the mounts that are seen below it: with
        // the latter out of sight, no two jails have one.
        if plan.flags.enforce_statfs() == 1 {
            copy(&mut pr.pr_path, plan.path);
        } else {
            own_names(&mut pr.pr_path, &number);
        }
        let sysvipc = match plan.flags.system_v() {
            SystemV::None => c::JAIL_SYS_DISABLE,
            SystemV::Own => c::JAIL_SYS_NEW,
            SystemV::Hosts => c::JAIL_SYS_INHERIT,
        };
        // SAFETY: ours alone; makes the mutex, the lists and what modules keep.
        let error = unsafe { c::rjail_c_prison_init(prison.as_ptr(), sysvipc) };
        // From here on dropping it takes it apart.
        let made = Self(prison);
        Errno::check(error)?;
        // A set of its own, so that no set of the machine's can be named inside.
        let cpuset = &raw mut pr.pr_cpuset;
        // SAFETY: the parent is alive and has a set; `cpuset` is a place for one.
        Errno::check(unsafe { c::rjail_c_cpuset(parent, cpuset) })?;
        // SAFETY: ours alone, and its name is set.
        let error = unsafe { c::rjail_c_racct_attach(prison.as_ptr()) };
        Errno::check(error).map(|()| made)
    }

    /// The kernel's own.
    pub(crate) const fn as_ptr(&self) -> *mut c::prison {
        self.0.as_ptr()
    }

    /// Whether a jail of the kernel's own has its name.
    pub(crate) fn name_taken(&self) -> bool {
        // SAFETY: alive; a constant C string.
        let name = unsafe { (*self.as_ptr()).pr_name.as_ptr() };
        // SAFETY: as above. Sleeps.
        unsafe { c::rjail_c_prison_name_taken(name) }
    }

    fn counts(&self) -> (u32, u32) {
        // SAFETY: alive (invariant); the kernel changes counts atomically.
        let references = unsafe { &raw mut (*self.as_ptr()).pr_ref };
        // SAFETY: as above.
        let users = unsafe { &raw mut (*self.as_ptr()).pr_uref };
        let load = |count: *mut u32| {
            // SAFETY: aligned, alive, and never accessed but atomically.
            unsafe { AtomicU32::from_ptr(count) }.load(Ordering::Acquire)
        };
        (load(references), load(users))
    }

    /// Counts a user more, a process or a descriptor; none when the last has gone. The
    /// first takes a reference of the jail's, which [`Self::emptied`] gives back after
    /// the last.
    pub(crate) fn join(&self, jail: &JailRef) -> Option<User<'_>> {
        let raw = JailRef::into_raw(JailRef::clone(jail));
        let context = ptr::with_exposed_provenance_mut(raw);
        // SAFETY: alive; the reference goes to the kernel's task if this is the first.
        let joined = unsafe { c::rjail_c_prison_join(self.as_ptr(), context) };
        if joined != 1 {
            // SAFETY: the one of above, which was not taken.
            drop(unsafe { JailRef::from_raw(raw) });
        }
        // Not `then_some`: a `User` that nobody counted must not be dropped.
        (joined >= 0).then(|| User(Some(self)))
    }

    /// One whom [`User::keep`] left to somebody, who is done with it.
    pub(crate) const fn kept_user(&self) -> User<'_> {
        User(Some(self))
    }

    /// Whether the last user has not gone yet.
    pub(crate) fn is_alive(&self) -> bool {
        // SAFETY: alive.
        unsafe { c::rjail_c_prison_is_alive(self.as_ptr()) }
    }

    /// Its root directory, as long as somebody uses it.
    pub(crate) fn root(&self) -> Option<Directory> {
        // SAFETY: alive.
        let root = unsafe { c::rjail_c_prison_root(self.as_ptr()) };
        // SAFETY: null, or a use count that is ours.
        unsafe { Directory::from_raw(root) }
    }

    /// The kernel ran the prison's task: a last user is gone. `memory`: a process may
    /// have made POSIX shared memory.
    pub(crate) fn emptied(&self, memory: bool) -> Emptied {
        // SAFETY: alive.
        let lost = unsafe { c::rjail_c_prison_lost_last(self.as_ptr()) };
        if lost < 0 {
            self.report();
            return Emptied::Miscounted;
        }
        if lost > 0 {
            // SAFETY: alive; no process is left.
            unsafe { c::rjail_c_prison_emptied(self.as_ptr(), memory) };
            self.leave_root();
        }
        // SAFETY: the reference that the kernel took for its task.
        unsafe { c::prison_free(self.as_ptr()) };
        if lost > 0 { Emptied::Left } else { Emptied::Joined }
    }

    /// Whether it still has a root of its own, and somebody who could leave it.
    pub(crate) fn is_rooted(&self) -> bool {
        // SAFETY: alive.
        unsafe { c::rjail_c_prison_is_rooted(self.as_ptr()) }
    }

    /// Lets go of the root directory, so that it can be unmounted although a
    /// credential lingers, of a connection in `TIME_WAIT` say.
    ///
    /// Nobody is left who could look a name up: the kernel looks at `pr_root`
    /// with the credential of the running thread, and no thread has this one any
    /// more. What compares it (`restrict_rights`, with a file's credential) must
    /// find no address that another vnode may get, and what follows it finds a
    /// vnode: the machine's root is one for good, and a root to every look-up.
    fn leave_root(&self) {
        // SAFETY: alive; the reference of its old root comes back to us.
        let root = unsafe { c::rjail_c_prison_leave_root(self.as_ptr()) };
        // SAFETY: that reference. May sleep: the kernel's task calls this.
        drop(unsafe { Directory::from_raw(root) });
    }

    fn report(&self) {
        let (references, users) = self.counts();
        // SAFETY: alive (invariant); constant.
        let jid = unsafe { (*self.as_ptr()).pr_id };
        // SAFETY: prints three numbers.
        unsafe { c::rjail_c_report_held(jid, references, users) };
    }

    /// Whether nothing but the anchor holds it.
    fn is_idle(&self) -> bool {
        self.counts() == (1, 1)
    }
}

/// What became of a prison whose last user went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emptied {
    /// Nobody uses it, and nobody will.
    Left,
    /// Another came first: the kernel's task will run again.
    Joined,
    /// The anchor was dropped, which is a counting bug: the memory stays.
    Miscounted,
}

/// Somebody who uses a jail, and keeps it: counted in `pr_uref` where there is a second
/// line.
pub(crate) struct User<'a>(Option<&'a NativePrison>);

impl User<'_> {
    /// One of a jail that the label alone confines.
    pub(crate) const UNCOUNTED: Self = Self(None);

    /// Leaves it to the kernel or to [`NativePrison::kept_user`].
    pub(crate) const fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        if let Some(prison) = self.0 {
            // SAFETY: one of `pr_uref` is ours.
            unsafe { c::prison_proc_free(prison.as_ptr()) };
        }
    }
}

/// Takes it apart. Sleeps.
///
/// Both counts must stand at one. Anything else is a counting bug: it is
/// reported, and the memory is kept for good, because somebody may use it.
impl Drop for NativePrison {
    fn drop(&mut self) {
        let pr = self.as_ptr();
        // Somebody would be left with a pointer to freed memory.
        if !self.is_idle() {
            self.report();
            return;
        }
        // Only the anchor: no credential points here, so no code of the kernel
        // can come to it any more.
        // SAFETY: ours alone; each field as `new` left it.
        let fields = unsafe { &mut *pr };
        // SAFETY: the use count that `new` took over.
        drop(unsafe { Directory::from_raw(fields.pr_root) });
        // SAFETY: what `rjail_c_racct_attach` took, if it did.
        unsafe { c::rjail_c_racct_detach(pr) };
        // SAFETY: what `rjail_c_prison_init` made.
        unsafe { c::rjail_c_prison_destroy(pr) };
        if !fields.pr_cpuset.is_null() {
            // SAFETY: the set that `new` made.
            unsafe { c::cpuset_rel(fields.pr_cpuset) };
        }
        let parent = fields.pr_parent;
        for list in fields.pr_addrs {
            // SAFETY: as `AddressList::into_raw` gave it, or null; the last use.
            drop(unsafe { AddressList::from_raw(list.cast()) });
        }
        // SAFETY: allocated in `new`; the last use.
        unsafe { c::rjail_c_free_prison(pr.cast()) };
        // SAFETY: the two that `new` took.
        unsafe { c::prison_proc_free(parent) };
        // SAFETY: as above.
        unsafe { c::prison_free(parent) };
    }
}

/// The addresses of one family in the kernel's layout; null for none.
///
/// # Invariants
/// Null, or allocated by [`Self::new`] and nobody else's.
struct AddressList(*mut u8);

impl AddressList {
    /// The kernel looks at the first and searches the others by halves, so those
    /// are in order: `prison_ip_check`. Sleeps.
    ///
    /// # Errors
    /// `ENOMEM`, `EINVAL` (a count that does not fit).
    fn new<const N: usize>(addresses: impl ExactSizeIterator<Item = [u8; N]>) -> Result<Self> {
        let addresses_len = addresses.len();
        if addresses_len == 0 {
            return Ok(Self(ptr::null_mut()));
        }
        let count = u32::try_from(addresses_len).map_err(|_| Errno::EINVAL)?;
        let size = addresses_len.saturating_mul(N).saturating_add(ADDRESSES_AT);
        // SAFETY: sleeping is allowed; zeroed memory is an unused epoch context.
        let list = unsafe { c::rjail_c_malloc_prison(size) }.cast::<u8>();
        let list = NonNull::new(list).ok_or(Errno::ENOMEM)?;
        // SAFETY: inside the allocation, which malloc(9) aligns to 8 or more.
        let counter = unsafe { list.add(size_of::<c::epoch_context>()) }.cast::<u32>();
        // SAFETY: as above, and nobody else has it.
        unsafe { counter.write(count) };
        // SAFETY: inside the allocation.
        let places = unsafe { list.add(ADDRESSES_AT) }.cast::<[u8; N]>();
        // SAFETY: the `count` places after the counter: zeroed, and nobody else's.
        let places = unsafe { slice::from_raw_parts_mut(places.as_ptr(), addresses_len) };
        for (place, address) in places.iter_mut().zip(addresses) {
            *place = address;
        }
        if let Some((_, others)) = places.split_first_mut() {
            address::sort(others);
        }
        Ok(Self(list.as_ptr()))
    }

    /// Hands it to a `struct prison`.
    fn into_raw(self) -> *mut u8 {
        let list = self.0;
        core::mem::forget(self);
        list
    }

    /// Takes it back.
    ///
    /// # Safety
    /// As [`Self::into_raw`] gave it, not used any more, or null.
    const unsafe fn from_raw(list: *mut u8) -> Self {
        Self(list)
    }
}

impl Drop for AddressList {
    fn drop(&mut self) {
        // SAFETY: null, which free(9) knows, or ours alone (invariant).
        unsafe { c::rjail_c_free_prison(self.0.cast()) };
    }
}

/// The host's number in a jail, which has none.
const NO_UUID: [c_char; 64] = {
    let (text, mut uuid, mut at) = (b"00000000-0000-0000-0000-000000000000", [0; _], 0);
    while at < text.len() {
        uuid[at] = text[at].cast_signed();
        at += 1;
    }
    uuid
};

fn copy(to: &mut [c_char], from: &[u8]) {
    // The last byte stays NUL: the array came zeroed.
    let room = to.len().saturating_sub(1);
    for (to, from) in to.iter_mut().take(room).zip(from) {
        *to = from.cast_signed();
    }
}

/// A path that no other jail has.
fn own_names(to: &mut [c_char], number: &Decimal) {
    const BEGIN: &[u8] = b"/rjail/";
    copy(to, BEGIN);
    copy(to.get_mut(BEGIN.len()..).unwrap_or_default(), number.bytes());
}

/// A jail's number as the kernel shows it.
struct Decimal {
    digits: [u8; 20],
    begin: usize,
}

impl Decimal {
    fn new(jid: Jid) -> Self {
        let mut digits = [0_u8; 20];
        let mut rest = jid.get();
        let mut begin = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' | (rest % 10).to_le_bytes()[0];
            rest /= 10;
            begin -= 1;
            if rest == 0 {
                break;
            }
        }
        Self { digits, begin }
    }

    fn bytes(&self) -> &[u8] {
        self.digits.get(self.begin..).unwrap_or_default()
    }
}

/// Why no jail can be made.
pub(crate) enum Unfit {
    /// What the kernel sees differently: its `struct prison` is not the one that the
    /// headers described.
    Differs(&'static CStr),
    /// It could not be asked.
    Failed(Errno),
}

impl From<&'static CStr> for Unfit {
    fn from(what: &'static CStr) -> Self {
        Self::Differs(what)
    }
}

impl From<Errno> for Unfit {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

type Fit<T = ()> = core::result::Result<T, Unfit>;

/// Makes a scratch prison and asks the kernel's own accessors for what was put
/// in. Sleeps.
///
/// # Errors
/// As [`Unfit`] says.
pub(crate) fn self_check(current: &Current) -> Fit {
    // Not in order, because the kernel searches them by halves.
    const NUMBERS: [u8; 5] = [198, 192, 203, 100, 45];
    let inet = try_collect(NUMBERS.into_iter().map(Accessible::in_scratch));
    let inet6 = try_collect(NUMBERS.into_iter().map(Accessible::in_scratch));
    let addresses = Addresses::new(inet?, inet6?, Loopback::Rewrite)?;
    let hostname = Text::from_static(c"rjail-self-check.invalid");
    let scratch = Scratch::new(current, &addresses, &hostname)?;
    let cred = scratch.credential.as_ptr();

    let mut name = [0_u8; 64];
    // SAFETY: the credential is alive and points at the scratch prison.
    unsafe { c::getcredhostname(cred, name.as_mut_ptr().cast(), name.len()) };
    if CStr::from_bytes_until_nul(&name).ok() != Some(hostname.as_c_str()) {
        return Err(c"pr_hostname is elsewhere".into());
    }
    // SAFETY: the credential is alive and points at the scratch prison.
    unsafe { check_list(cred, addresses.inet().list) }?;
    // SAFETY: as above.
    unsafe { check_list(cred, addresses.inet6().list) }?;
    // SAFETY: as above.
    if !unsafe { c::prison_flag(cred, c::PR_HOST.cast_unsigned()) } {
        return Err(c"pr_flags is elsewhere".into());
    }
    let asked = [(c::PR_ALLOW_CHFLAGS, true), (c::PR_ALLOW_MLOCK, false)];
    for (bit, wanted) in asked {
        // SAFETY: as above.
        if unsafe { c::prison_allow(cred, bit.cast_unsigned()) } != wanted {
            return Err(c"pr_allow is elsewhere".into());
        }
    }
    let machine = &raw mut c::prison0;
    // SAFETY: both prisons are alive.
    let child = unsafe { c::prison_ischild(machine, scratch.prison.as_ptr()) };
    if !child {
        return Err(c"pr_parent is elsewhere".into());
    }
    scratch.give_back()
}

/// An address as the kernel's accessors know it.
trait Accessible: Address {
    /// `struct in_addr`, or its like.
    type Kernels;
    /// What it says when the kernel sees another list, or none.
    const FIRST: &'static CStr;
    const MISSING: &'static CStr;
    const OPEN: &'static CStr;

    /// One of the scratch prison's; those of 1 and 2 are not.
    fn in_scratch(number: u8) -> Self;
    /// For the kernel.
    fn to_kernel(self) -> Self::Kernels;
    /// From the kernel.
    fn from_kernel(address: &Self::Kernels) -> Self;

    /// The jail's address for whoever has asked for another.
    ///
    /// # Safety
    /// A live credential.
    unsafe fn get(cred: *mut c::ucred, into: &mut Self::Kernels) -> c_int;

    /// Whether it is one of the jail's.
    ///
    /// # Safety
    /// A live credential.
    unsafe fn check(cred: *mut c::ucred, address: &Self::Kernels) -> c_int;
}

impl Accessible for Ipv4Addr {
    type Kernels = c::in_addr;
    const FIRST: &'static CStr = c"the address list has another layout (first address)";
    const MISSING: &'static CStr = c"the address list has another layout (an address is missing)";
    const OPEN: &'static CStr = c"the address list does not confine";

    fn in_scratch(number: u8) -> Self {
        Self::new(number, 0, 2, 1)
    }

    fn to_kernel(self) -> c::in_addr {
        c::in_addr { s_addr: network_order(self) }
    }

    fn from_kernel(address: &c::in_addr) -> Self {
        Self::from_octets(address.s_addr.to_ne_bytes())
    }

    unsafe fn get(cred: *mut c::ucred, into: &mut c::in_addr) -> c_int {
        // SAFETY: as the caller says.
        unsafe { c::prison_get_ip4(cred, into) }
    }

    unsafe fn check(cred: *mut c::ucred, address: &c::in_addr) -> c_int {
        // SAFETY: as the caller says.
        unsafe { c::prison_check_ip4(cred, address) }
    }
}

impl Accessible for Ipv6Addr {
    type Kernels = c::in6_addr;
    const FIRST: &'static CStr = c"the IPv6 list has another layout (first address)";
    const MISSING: &'static CStr = c"the IPv6 list has another layout (an address is missing)";
    const OPEN: &'static CStr = c"the IPv6 list does not confine";

    // They differ at the end, IPv4's at the front.
    fn in_scratch(number: u8) -> Self {
        Self::new(0xfd00, 0xdb8, 0, 0, 0, 0, 0, number.into())
    }

    fn to_kernel(self) -> c::in6_addr {
        network_order6(self)
    }

    fn from_kernel(address: &c::in6_addr) -> Self {
        host_order6(address)
    }

    unsafe fn get(cred: *mut c::ucred, into: &mut c::in6_addr) -> c_int {
        // SAFETY: as the caller says.
        unsafe { c::prison_get_ip6(cred, into) }
    }

    unsafe fn check(cred: *mut c::ucred, address: &c::in6_addr) -> c_int {
        // SAFETY: as the caller says.
        unsafe { c::prison_check_ip6(cred, address) }
    }
}

/// Whether the kernel finds this list in the credential's prison, and no more.
///
/// # Safety
/// A live credential, whose prison is alive.
unsafe fn check_list<A: Accessible>(
    cred: *mut c::ucred,
    list: &[A],
) -> core::result::Result<(), &'static CStr> {
    let mut first = A::ANY.to_kernel();
    // SAFETY: as the caller says.
    let error = unsafe { A::get(cred, &mut first) };
    if error != 0 || Some(A::from_kernel(&first)) != list.first().copied() {
        return Err(A::FIRST);
    }
    for address in list {
        // SAFETY: as the caller says.
        if unsafe { A::check(cred, &address.to_kernel()) } != 0 {
            return Err(A::MISSING);
        }
    }
    // SAFETY: as the caller says.
    if unsafe { A::check(cred, &A::in_scratch(1).to_kernel()) } == 0 {
        return Err(A::OPEN);
    }
    Ok(())
}

/// The scratch prison and a credential in it.
struct Scratch {
    credential: Credential,
    prison: NativePrison,
}

impl Scratch {
    fn new(current: &Current, addresses: &Addresses, hostname: &Text) -> Result<Self> {
        let flags = JailFlags::CHFLAGS;
        let (named, name, path, jid) = (&Named::NONE, &Name::NONE, b"/", Jid::FIRST);
        let plan = Plan { jid, flags, named, root: None, path, hostname, name, addresses };
        let prison = NativePrison::new(current, plan)?;
        let credential = Credential::new().ok_or(Errno::ENOMEM)?;
        // SAFETY: `credential` is empty and ours; the source is alive.
        unsafe { c::crcopy(credential.as_ptr(), current.credential()) };
        // SAFETY: ours, and crcopy gave it a reference of this prison.
        let parent = unsafe { (*credential.as_ptr()).cr_prison };
        // SAFETY: alive: `prison` anchors it.
        unsafe { c::prison_hold(prison.as_ptr()) };
        // SAFETY: ours alone.
        unsafe { (*credential.as_ptr()).cr_prison = prison.as_ptr() };
        // SAFETY: the reference of crcopy, which nothing points at any more.
        unsafe { c::prison_free(parent) };
        Ok(Self { credential, prison })
    }

    fn give_back(self) -> Fit {
        drop(self.credential);
        if self.prison.is_idle() { Ok(()) } else { Err(c"pr_ref or pr_uref is elsewhere".into()) }
    }
}

/// The host name that a jail sees, up to its NUL: its own, or without a second
/// line the machine's.
pub(crate) fn hostname(prison: Option<&NativePrison>) -> [u8; c::MAXHOSTNAMELEN as usize] {
    let mut name = [0; c::MAXHOSTNAMELEN as usize];
    let machine = &raw mut c::prison0;
    let prison = prison.map_or(machine, NativePrison::as_ptr);
    // SAFETY: alive, and `name` has that much room. Takes the prison's lock.
    unsafe { c::rjail_c_prison_hostname(prison, name.as_mut_ptr().cast(), name.len()) };
    name
}

/// As `struct in_addr` keeps it.
pub(crate) const fn network_order(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

/// As `struct in6_addr` keeps it.
pub(crate) const fn network_order6(address: Ipv6Addr) -> c::in6_addr {
    c::in6_addr { __u6_addr: c::in6_addr__bindgen_ty_1 { __u6_addr8: address.octets() } }
}

/// From it.
pub(crate) const fn host_order6(address: &c::in6_addr) -> Ipv6Addr {
    // SAFETY: bytes, which are always some address.
    Ipv6Addr::from_octets(unsafe { address.__u6_addr.__u6_addr8 })
}
