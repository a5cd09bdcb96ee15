// SPDX-License-Identifier: BSD-2-Clause
//! Clone, drop, look-up, attach, fork, kill, close and teardown, in three threads,
//! in every order.
//!
//! The jail keeps a value in a cell that loom watches: readers read it, teardown
//! writes to it, and a run in which no order of memory puts one before the other
//! fails; so does one that leaks, frees twice, or finds the dead.

#![expect(
    unsafe_code,
    reason = "references kept as addresses, as a label keeps them; and the watched cell"
)]

use counting::kernel::counted::{Counted, Graveyard, Ref};
use counting::prison::{Jid, Registry};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

struct Jail {
    jid: Jid,
    alive: UnsafeCell<bool>,
}

loom::lazy_static! {
    static ref GRAVEYARD: Graveyard<Jail> = Graveyard::new();
    static ref WAKES: AtomicUsize = AtomicUsize::new(0);
}

// SAFETY: readers only read, and loom fails the run in which one could while the
// drop writes.
unsafe impl Sync for Jail {}

impl Counted for Jail {
    fn graveyard() -> &'static Graveyard<Self> {
        &GRAVEYARD
    }
    fn wake() {
        WAKES.fetch_add(1, Ordering::Relaxed);
    }
}

impl Jail {
    /// What a hook does with a jail.
    fn look(&self) {
        // SAFETY: loom fails the run where this and `drop` could come at once.
        assert!(self.alive.with(|alive| unsafe { *alive }));
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        // SAFETY: as in `look`.
        self.alive.with_mut(|alive| unsafe { *alive = false });
    }
}

/// A credential: its label keeps a reference as an address.
struct Credential(usize);

impl Credential {
    fn of(jail: Ref<Jail>) -> Self {
        Self(Ref::into_raw(jail))
    }

    /// crcopy(9), or a thread that begins to use a shared one.
    fn copy(&self) -> Self {
        // SAFETY: this credential keeps its reference until its drop.
        Self::of(unsafe { Ref::clone_raw(self.0) }.expect("a jail"))
    }

    fn look(&self) {
        // SAFETY: as above.
        unsafe { Ref::<Jail>::borrow_raw(self.0) }.expect("a jail").look();
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        // SAFETY: the one time it is taken back.
        drop(unsafe { Ref::<Jail>::from_raw(self.0) });
    }
}

struct Kernel {
    registry: Mutex<Box<Registry<Jail>>>,
    torn: AtomicUsize,
}

impl Kernel {
    fn new() -> Arc<Self> {
        Arc::new(Self { registry: Mutex::new(Box::default()), torn: AtomicUsize::new(0) })
    }

    /// A jail, and the credential of its first process.
    fn jail(&self) -> (Jid, Credential) {
        let mut registry = self.registry.lock().expect("lock");
        let jid = registry.allot().expect("numbers");
        let jail = Ref::new(Jail { jid, alive: UnsafeCell::new(true) }).expect("memory");
        registry.insert(jid, &jail).expect("memory");
        (jid, Credential::of(jail))
    }

    fn find(&self, jid: Jid) -> Option<Ref<Jail>> {
        self.registry.lock().expect("lock").find(jid)
    }

    /// The teardown task: once, with what is there.
    fn task(&self) {
        for jail in GRAVEYARD.take_all() {
            let jid = jail.jid;
            jail.look();
            drop(jail);
            assert!(self.registry.lock().expect("lock").remove(jid), "struck out once");
            self.torn.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All threads are gone: each jail was queued once, woke the task once, and is
    /// taken apart once.
    fn end(&self, jails: usize) {
        self.task();
        assert_eq!(WAKES.load(Ordering::Relaxed), jails, "each death wakes the task");
        assert_eq!(self.torn.load(Ordering::Relaxed), jails, "each jail taken apart once");
        assert_eq!(self.registry.lock().expect("lock").live(), 0);
    }
}

/// Runs a test for every order, and says how many there were.
fn every_order(test: impl Fn() + Sync + Send + 'static) {
    let orders = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&orders);
    loom::model(move || {
        count.fetch_add(1, Ordering::Relaxed);
        test();
    });
    let orders = orders.load(Ordering::Relaxed);
    println!("{orders} orders");
    assert!(orders > 10, "loom explored nothing: {orders}");
}

fn both(one: impl FnOnce() + 'static, other: impl FnOnce() + 'static, main: impl FnOnce()) {
    let (one, other) = (thread::spawn(one), thread::spawn(other));
    main();
    one.join().expect("no panic");
    other.join().expect("no panic");
}

#[test]
fn copies_that_come_and_go() {
    every_order(|| {
        let kernel = Kernel::new();
        let (_, first) = kernel.jail();
        let (one, other) = (first.copy(), first.copy());
        both(
            move || {
                let copy = one.copy();
                drop(one);
                copy.look();
            },
            move || {
                other.look();
                drop(other);
            },
            move || drop(first),
        );
        kernel.end(1);
    });
}

#[test]
fn look_up_last_exit_and_teardown() {
    every_order(|| {
        let kernel = Kernel::new();
        let (jid, first) = kernel.jail();
        let asks = Arc::clone(&kernel);
        both(
            move || drop(first),
            move || {
                if let Some(jail) = asks.find(jid) {
                    jail.look();
                }
            },
            || kernel.task(),
        );
        assert!(kernel.find(jid).is_none(), "the dead are not found");
        kernel.end(1);
    });
}

#[test]
fn attach_fork_last_exit_and_teardown() {
    every_order(|| {
        let kernel = Kernel::new();
        let (jid, first) = kernel.jail();
        let attaches = Arc::clone(&kernel);
        both(
            move || drop(first),
            move || {
                let Some(jail) = attaches.find(jid) else { return };
                let parent = Credential::of(jail);
                let child = parent.copy();
                drop(parent);
                child.look();
            },
            || kernel.task(),
        );
        kernel.end(1);
    });
}

#[test]
fn kill_close_and_exit() {
    every_order(|| {
        let kernel = Kernel::new();
        let (jid, first) = kernel.jail();
        // Held by a descriptor.
        let held = kernel.find(jid).expect("alive");
        let kills = Arc::clone(&kernel);
        both(
            move || {
                held.look();
                drop(held);
            },
            move || {
                let next = kills.registry.lock().expect("lock").find_next(0);
                if let Some(jail) = next {
                    jail.look();
                }
            },
            move || drop(first),
        );
        kernel.end(1);
    });
}

#[test]
fn all_jails_listed_while_one_dies() {
    every_order(|| {
        let kernel = Kernel::new();
        let (_, first) = kernel.jail();
        let (lists, tears) = (Arc::clone(&kernel), Arc::clone(&kernel));
        both(
            move || {
                let all = lists.registry.lock().expect("lock").all().expect("memory");
                all.iter().for_each(|jail| jail.look());
            },
            move || tears.task(),
            move || drop(first),
        );
        kernel.end(1);
    });
}

#[test]
fn two_jails_die_while_the_task_runs() {
    every_order(|| {
        let kernel = Kernel::new();
        let ((_, one), (_, other)) = (kernel.jail(), kernel.jail());
        both(move || drop(one), move || drop(other), || kernel.task());
        kernel.end(2);
    });
}

#[test]
fn a_jail_is_made_while_another_dies() {
    every_order(|| {
        let kernel = Kernel::new();
        let (first, credential) = kernel.jail();
        let (makes, tears) = (Arc::clone(&kernel), Arc::clone(&kernel));
        both(
            move || {
                let (jid, credential) = makes.jail();
                assert!(jid > first);
                credential.look();
            },
            move || tears.task(),
            move || drop(credential),
        );
        kernel.end(2);
    });
}
