// SPDX-License-Identifier: BSD-2-Clause
//! Making a jail, holding it, entering it: the module's state, and the sequence
//! behind rjail(2), rjail_hold(2) and rjail_attach(2). C source of what it answers to:
//! `kern_jail_set` and `do_jail_attach` in `sys/kern/kern_jail.c`.

#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::mem::take;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use crate::arming::Arming;
use crate::kernel::counted::{Counted, Graveyard};
use crate::kernel::credential::{Credential, Jail, JailRef};
use crate::kernel::crowd::{Crowd, Holders, Notice, everybody};
use crate::kernel::hold;
use crate::kernel::lock::Sx;
use crate::kernel::policy;
use crate::kernel::process::Current;
use crate::kernel::second_line::{NativePrison, Plan, User};
use crate::kernel::task;
use crate::kernel::vnode::Directory;
use crate::killer::{self, MEMBERS};
use crate::prison::{Addresses, Default, JailFlags, Jid, Name, Prison, Registry, State};
use crate::request::{Request, Text, switch};
use crate::root::{self, Entrant};
use crate::watch::Watch;
use crate::{Errno, Result};

/// Every jail. Lock: `registry`.
pub(crate) static REGISTRY: Sx<Registry<Jail>> = Sx::new(Registry::new());

/// Jails whose last reference is gone.
static GRAVEYARD: Graveyard<Jail> = Graveyard::new();

/// Whether look-ups are watched. Lock: `watch`.
pub(crate) static WATCH: Sx<Watch> = Sx::new(Watch::NEW);

/// Whether the policy is there. Lock: `arming`.
pub(crate) static ARMING: Sx<Arming> = Sx::new(Arming::NEW);

/// Whether new jails get a `struct prison`. Changes under `registry`, while no
/// jail exists.
static SECOND_LINE: AtomicBool = AtomicBool::new(true);

/// How many jails there are, dying ones included, for hooks that ask often.
/// Changes under `registry`.
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether there has been any since the module was loaded.
static EVER: AtomicBool = AtomicBool::new(false);

/// What `Watch::crossing` says, for the hook that asks.
static CROSSING: AtomicBool = AtomicBool::new(false);

/// What jails get that ask for the defaults: bits of [`JailFlags`].
static DEFAULTS: AtomicU32 = AtomicU32::new(Default::FLAGS.bits());

impl Counted for Jail {
    fn graveyard() -> &'static Graveyard<Self> {
        &GRAVEYARD
    }

    fn wake() {
        task::enqueue();
    }
}

/// rjail(2): makes a jail and puts the caller in it.
///
/// # Errors
/// As [`make`] and [`enter`]; the caller is as it was, and the jail is gone.
pub(crate) fn create(current: &mut Current, _: Admitted, request: Request) -> Result<Jid> {
    let (jail, root) = make(current, request)?;
    enter(current, &jail, &root)
}

/// rjail_hold(2): makes a jail, and a descriptor of the caller's that keeps it.
///
/// # Errors
/// As [`make`]; `ENFILE`, `EMFILE`: the jail is gone.
pub(crate) fn hold(current: &Current, _: Admitted, request: Request) -> Result<i32> {
    let (jail, _) = make(current, request)?;
    let user = join(&jail)?;
    hold::open(current, &jail, user)
}

/// rjail_attach(2): puts the caller in a jail that exists.
///
/// # Errors
/// `ENOENT`: there is none of that number that can be entered; as [`enter`].
pub(crate) fn attach(current: &mut Current, _: Admitted, jid: u64) -> Result<Jid> {
    let jail = find(jid, false).ok_or(Errno::ENOENT)?;
    let root = root_of(current, &jail)?;
    enter(current, &jail, &root)
}

/// The root of a jail, and that the caller may make it its own.
///
/// # Errors
/// `ENOENT`: nobody is in the jail any more, or, with the label alone, its directory
/// is not where it was; `EACCES`.
fn root_of(current: &Current, jail: &Jail) -> Result<Directory> {
    if let Some(prison) = jail.second_line() {
        return prison.root().ok_or(Errno::ENOENT)?.ask(current);
    }
    // The label alone keeps no directory: only the one that it was will do.
    let path = Text::new(&jail.view().path)?;
    let root = Directory::look_up_from_machine(current, &path)?;
    if root.identity()? == jail.view().root { Ok(root) } else { Err(Errno::ENOENT) }
}

/// Counts a user more of a jail.
///
/// # Errors
/// `ENOENT`: it is closed, or the last one has gone.
fn join(jail: &JailRef) -> Result<User<'_>> {
    match jail.second_line() {
        Some(prison) => {
            // What counts is the kernel's count of users.
            jail.life(true).admit()?;
            let user = prison.join(jail).ok_or(Errno::ENOENT)?;
            jail.begin();
            Ok(user)
        }
        None => {
            jail.life(is_peopled(jail)).admit()?;
            jail.begin();
            Ok(User::UNCOUNTED)
        }
    }
}

/// Whether a process is in it that is no zombie.
pub(crate) fn is_peopled(jail: &Jail) -> bool {
    Crowd::lock().count(jail) != (0, 0)
}

/// Puts the caller in a jail.
///
/// All that can fail comes first; once the root is set nothing can, and until then
/// the caller is as it was.
///
/// # Errors
/// `EPERM`, `EBUSY`: [`root::admit`]. `ENOENT`: [`join`]. Those of cpuset(2).
fn enter(current: &mut Current, jail: &JailRef, root: &Directory) -> Result<Jid> {
    // 5. Nobody else in the process moves; what the kernel must allocate is
    // allocated.
    let credential = Credential::labelled()?;
    let mut alone = current.single_thread()?;
    // 6. The process leaves nothing open behind itself.
    let open = alone.descriptors();
    let entrant = Entrant {
        root_narrowed: alone.root_narrowed(root),
        open_directory: open.directory,
        open_jail: open.jail,
        descriptors_shared: alone.descriptors_shared(),
        directories_shared: alone.directories_shared(),
        memory_shared: alone.memory_shared(),
        ..Entrant::READY
    };
    root::admit(&entrant).map_err(|refusal| alone.current().refuse(refusal))?;
    watch(|watch| watch.entered(open.receiver.is_some()))?;
    // 7. In: processors and root, whose change can still be refused, then the
    // credential, which cannot. No order for the jail is carried out meanwhile.
    let members = MEMBERS.lock();
    let user = join(jail)?;
    alone.take_processors(jail)?;
    root.enter(alone.current())?;
    alone.put_on(credential, jail, user);
    drop(members);
    Notice::Entered.tell(jail.jid(), alone.current().pid());
    Ok(jail.jid())
}

/// Makes a jail, which is gone unless somebody joins it.
///
/// # Errors
/// `EINVAL`: a flag, an address or a host name. Those of the path:
/// [`Directory::look_up`]. `EEXIST`: there is a jail of that name. `ENOMEM`,
/// `EAGAIN`; those of the MAC framework.
fn make(current: &Current, mut request: Request) -> Result<(JailRef, Directory)> {
    // 1. Who asks: `admit_early` has said, before the arguments were read.
    // 2. What for.
    let mut flags = JailFlags::from_bits(request.flags).ok_or(Errno::EINVAL)?;
    if request.defaults {
        flags |= defaults();
    }
    let (ip4, ip6) = (take(&mut request.ip4), take(&mut request.ip6));
    let addresses = Addresses::new(ip4, ip6, request.loopback)?;
    validate_hostname(request.hostname.as_bytes())?;
    // 3. Where: found once, kept by reference, never looked up again.
    let root = Directory::look_up(current, request.path.as_c_str())?;
    // 4. The jail, whole, and known by its number. The policy comes first: what is
    // made before has no label, and is outside.
    let _armed = Armed::new()?;
    let jail = build(current, request, addresses, flags, &root)?;
    Notice::Made.tell(jail.jid(), 0);
    Ok((jail, root))
}
/// Says that [`admit_early`] let the running system call pass.
pub(crate) struct Admitted(());

/// Whether the caller is in no jail, of either kind: inside nothing is told of jails.
///
/// # Errors
/// `EPERM`.
pub(crate) fn admit_outside(current: &Current) -> Result {
    if current.jail().is_some() || current.native_jailed() { Err(Errno::EPERM) } else { Ok(()) }
}

/// Whether the caller may make jails at all, whatever the arguments are. The
/// answer holds for the system call: its credential does not change meanwhile.
///
/// # Errors
/// `EPERM`.
pub(crate) fn admit_early(current: &Current) -> Result<Admitted> {
    let entrant = Entrant {
        privileged: current.may_make_jails(),
        jailed: current.jail().is_some(),
        native_jailed: current.native_jailed(),
        ..Entrant::READY
    };
    root::admit(&entrant).map(|()| Admitted(())).map_err(|refusal| current.refuse(refusal))
}

/// A host name is not empty, and every byte of it can be printed: it comes back
/// in logs and on terminals. The kernel's own jails take anything.
fn validate_hostname(name: &[u8]) -> Result {
    if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

fn build(
    current: &Current,
    request: Request,
    addresses: Addresses,
    flags: JailFlags,
    root: &Directory,
) -> Result<JailRef> {
    let jid = REGISTRY.lock().allot()?;
    let view = root.view()?;
    let lines = second_line();
    let native = if lines {
        let plan = Plan {
            jid,
            flags,
            named: &request.named,
            root: Some(root.clone()),
            // Where the name cache does not know it, what the caller said will do.
            path: if view.path.is_empty() { request.path.as_bytes() } else { &view.path },
            hostname: &request.hostname,
            name: &request.name,
            addresses: &addresses,
        };
        let native = NativePrison::new(current, plan)?;
        // The two would share their limits.
        if native.name_taken() {
            return Err(Errno::EEXIST);
        }
        Some(native)
    } else {
        None
    };
    let prison = Prison::new(jid, flags, &request.named, addresses, native);
    let jail = JailRef::new(prison.seen_from(view).called(request.name))?;
    let mut registry = REGISTRY.lock();
    if !jail.name().is_none() && registry.any(|other| bears(other, jail.name())) {
        return Err(Errno::EEXIST);
    }
    if lines != second_line() {
        // Somebody changed the mode while this jail was not yet counted.
        return Err(Errno::EAGAIN);
    }
    registry.insert(jid, &jail)?;
    LIVE.store(registry.live(), Ordering::Relaxed);
    EVER.store(true, Ordering::Relaxed);
    drop(registry);
    Ok(jail)
}

/// Whether a jail is called so. What is left of one that is dying, a connection's
/// credential say, keeps no name from the next.
fn bears(jail: &Jail, name: &Name) -> bool {
    let used = || jail.second_line().is_none_or(NativePrison::is_alive);
    jail.name() == name && jail.life(used()).state() != State::Dying
}

/// Takes apart the jails that nothing holds any more. Runs in the module's task.
pub(crate) fn teardown() {
    for jail in GRAVEYARD.take_all() {
        let (jid, closed) = (jail.jid(), jail.is_closed());
        if jail.second_line().is_none() {
            // Nobody else has seen the last process go.
            Notice::Emptied.tell(jid, 0);
        }
        drop(jail);
        if closed {
            killer::forget_closed();
        }
        Notice::Freed.tell(jid, 0);
        let mut registry = REGISTRY.lock();
        registry.remove(jid);
        LIVE.store(registry.live(), Ordering::Relaxed);
    }
    if none() {
        // It can always be taken out again.
        let _ = watch(|watch| if none() { watch.emptied() } else { watch });
        disarm_later();
    }
}

/// Says that the policy is there, and stays as long.
struct Armed(());

impl Armed {
    /// Has it there. Sleeps.
    ///
    /// # Errors
    /// What the MAC framework says; nothing has changed.
    fn new() -> Result<Self> {
        ARMING.lock().begin(policy::arm).map(|()| Self(()))
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        let mut arming = ARMING.lock();
        arming.end();
        disarm_if_idle(&arming);
    }
}

/// Has the policy go after a while, if nobody needs it then.
fn disarm_later() {
    disarm_if_idle(&ARMING.lock());
}

fn disarm_if_idle(arming: &Arming) {
    if arming.idle(!none()) {
        task::disarm_in(arming.linger());
    }
}

/// Has the policy go, if nobody needs it. Sleeps, under no lock.
///
/// # Errors
/// What the MAC framework says.
pub(crate) fn disarm() -> Result {
    // No jail is left, so no label refers to one: a jail that is not counted off
    // yet has references, and who makes one is counted.
    ARMING.lock().disarm(!none(), policy::arm)
}

/// Whether the policy is there.
pub(crate) fn armed() -> bool {
    ARMING.lock().armed()
}

/// `security.rjail.linger`.
pub(crate) fn linger() -> u32 {
    ARMING.lock().linger()
}

/// Sets it, for a wait that has begun too.
///
/// # Errors
/// `EINVAL`.
pub(crate) fn set_linger(seconds: i32) -> Result {
    ARMING.lock().set_linger(seconds)?;
    disarm_later();
    Ok(())
}

/// Changes whether look-ups are watched.
///
/// # Errors
/// What the MAC framework says; nothing has changed. Sleeps.
fn watch(change: impl FnOnce(Watch) -> Watch) -> Result {
    let mut watch = WATCH.lock();
    let new = change(*watch);
    watch.settle(new, policy::watch_lookups)
}

/// Whether look-ups are watched now.
pub(crate) fn watching() -> bool {
    WATCH.lock().on()
}

/// `security.rjail.watch_lookups`.
pub(crate) fn watch_lookups() -> bool {
    WATCH.lock().allowed()
}

/// Sets it.
///
/// # Errors
/// `EINVAL` for neither 0 nor 1; as [`watch`].
pub(crate) fn set_watch_lookups(on: i32) -> Result {
    let on = switch(on)?;
    watch(|watch| watch.with_allowed(on))
}

/// `security.rjail.unix_cross_jail`: whether sockets are connected across a jail's
/// border, jails made before included.
pub(crate) fn unix_cross_jail() -> bool {
    CROSSING.load(Ordering::Relaxed)
}

/// Sets it. Look-ups are watched before the first socket is connected.
///
/// # Errors
/// As [`set_watch_lookups`].
pub(crate) fn set_unix_cross_jail(on: i32) -> Result {
    let on = switch(on)?;
    watch(|watch| watch.with_crossing(on, !none()))?;
    CROSSING.store(on, Ordering::Relaxed);
    Ok(())
}

/// Every jail that is not dying.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn all() -> Result<Vec<JailRef>> {
    REGISTRY.lock().all()
}

/// Whether there has never been a jail.
#[inline]
pub(crate) fn never() -> bool {
    !EVER.load(Ordering::Relaxed)
}

/// Whether there is no jail. It may be made a moment later; whoever makes it has
/// not yet entered.
#[inline]
pub(crate) fn none() -> bool {
    LIVE.load(Ordering::Relaxed) == 0
}

/// How many jails exist, dying ones included.
pub(crate) fn live() -> usize {
    REGISTRY.lock().live()
}

/// The jail with this number, or the next greater one that is not dying.
pub(crate) fn find(jid: u64, next: bool) -> Option<JailRef> {
    let mut registry = REGISTRY.lock();
    if next { registry.find_next(jid) } else { registry.find(Jid::new(jid)?) }
}

/// How a jail stands, and what has its credentials.
pub(crate) struct Standing {
    pub(crate) state: State,
    /// Zombies included.
    pub(crate) processes: u32,
    pub(crate) credentials: u32,
    /// Looked for only while there is no process.
    pub(crate) holders: Holders,
}

/// Looks at all processes, and if need be at their files and at all connections. May be
/// a moment old. Sleeps.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn standing(jail: &JailRef) -> Result<Standing> {
    let (mut processes, mut ending) = (0_u32, 0_u32);
    everybody(jail, |member| {
        processes = processes.saturating_add(1);
        ending = ending.saturating_add(u32::from(!member.is_zombie()));
    });
    let state = jail.life(ending != 0).state();
    // Beside the credentials: ours, and the one that stands for all users.
    let beside =
        1 + usize::from(jail.is_begun() && jail.second_line().is_some_and(NativePrison::is_alive));
    let credentials = JailRef::count(jail).saturating_sub(beside);
    let holders = if processes == 0 { Holders::of(jail)? } else { Holders::NONE };
    let credentials = u32::try_from(credentials).unwrap_or(u32::MAX);
    Ok(Standing { state, processes, credentials, holders })
}

/// Waits for what is dying; whether no jail is left then.
///
/// # Errors
/// `EBUSY`.
pub(crate) fn quiesce() -> Result {
    task::drain();
    if live() != 0 {
        // A thread that has exited may hold the last credential until reaped.
        task::reap_threads();
        task::drain();
    }
    if live() == 0 { Ok(()) } else { Err(Errno::EBUSY) }
}

/// Whether jails get a `struct prison`.
pub(crate) fn second_line() -> bool {
    SECOND_LINE.load(Ordering::Relaxed)
}

/// Decides that for the jails to come.
///
/// # Errors
/// `EINVAL` for neither 0 nor 1, `EBUSY` while a jail exists.
pub(crate) fn set_second_line(on: i32) -> Result {
    let on = switch(on)?;
    let registry = REGISTRY.lock();
    if registry.live() != 0 && on != second_line() {
        return Err(Errno::EBUSY);
    }
    SECOND_LINE.store(on, Ordering::Relaxed);
    drop(registry);
    Ok(())
}

/// What a jail gets that asks for the defaults.
fn defaults() -> JailFlags {
    JailFlags::from_bits_truncate(DEFAULTS.load(Ordering::Relaxed))
}

/// The value of one of the sysctls that say so.
pub(crate) fn default(which: Default) -> i32 {
    which.value(defaults())
}

/// Sets it.
///
/// # Errors
/// `EINVAL`.
pub(crate) fn set_default(which: Default, value: i32) -> Result {
    let change = |bits| {
        let flags = JailFlags::from_bits_truncate(bits);
        which.set(flags, value).ok().map(|flags| flags.bits())
    };
    let changed = DEFAULTS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    changed.map(drop).map_err(|_| Errno::EINVAL)
}
