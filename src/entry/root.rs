// SPDX-License-Identifier: BSD-2-Clause
//! Standing inside, and the edge of a jail's root. C source: `change_dir` and
//! `kern_renameat` in `sys/kern/vfs_syscalls.c`.

use alloc::vec::Vec;
use core::ffi::c_int;
use core::ptr;

use sys_bindings as c;

use crate::kernel::credential::{JailRef, jid_of};
use crate::kernel::lookup;
use crate::kernel::memory::try_push;
use crate::kernel::path::{self, Loopbacks, Move, Unlocked, Upwards};
use crate::kernel::policy;
use crate::kernel::second_line::NativePrison;
use crate::{Errno, Result, jail, root};

/// chdir(2), fchdir(2), chroot(2), fchroot(2).
///
/// A directory from which no way leads up is let pass: see [`root::may_stand`].
///
/// # Safety
/// Called by the MAC framework alone: the credential of the running thread, and
/// a directory that is referenced and locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_vnode_check_chdir(
    cred: *mut c::ucred,
    directory: *mut c::vnode,
    _label: *mut c::label,
) -> c_int {
    // SAFETY: alive during the call.
    if unsafe { jid_of(cred) }.is_none() {
        return 0;
    }
    // SAFETY: as this function's caller says.
    unsafe { chdir_inside(directory) }
}

/// A step of a look-up: the framework calls it only while [`crate::watch`] says so.
/// The kernel stops ".." at the root by itself, and there it does not ask.
///
/// # Safety
/// Called by the MAC framework alone: the credential of the running thread, a
/// directory that is referenced and locked, and the step.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_vnode_check_lookup(
    cred: *mut c::ucred,
    directory: *mut c::vnode,
    _label: *mut c::label,
    step: *mut c::componentname,
) -> c_int {
    // SAFETY: alive during the call.
    if unsafe { jid_of(cred) }.is_none() {
        return 0;
    }
    // SAFETY: as this function's caller says.
    unsafe { look_up_inside(directory, step) }
}

/// # Safety
/// Referenced and locked, by the running thread; the step of its look-up.
#[inline(never)]
unsafe fn look_up_inside(directory: *mut c::vnode, step: *const c::componentname) -> c_int {
    // SAFETY: as the caller says.
    if !unsafe { lookup::goes_up(step) } {
        return 0;
    }
    // SAFETY: as the caller says; after the hook the kernel looks whether the
    // directory is still there.
    Errno::from_result(unsafe { stand(directory) }.and_then(|answer| answer))
}

/// # Safety
/// Referenced and locked, by the running thread.
#[inline(never)]
unsafe fn chdir_inside(directory: *mut c::vnode) -> c_int {
    // SAFETY: as the caller says; the kernel looks only now whether the directory
    // may be searched.
    match unsafe { stand(directory) } {
        Ok(answer) => Errno::from_result(answer),
        Err(_) => 0,
    }
}

/// What [`root::may_stand`] says, if a way leads up; or `ERESTART`.
///
/// # Errors
/// Of the way up.
///
/// # Safety
/// Referenced and locked, by the running thread; the lock is let go of meanwhile.
unsafe fn stand(directory: *mut c::vnode) -> Result<Result> {
    // SAFETY: always there.
    let td = unsafe { c::rjail_c_curthread() };
    // SAFETY: it is curthread.
    let Some(top) = (unsafe { path::jail_directory(td) }) else { return Ok(Ok(())) };
    if ptr::eq(top.as_ptr(), directory) {
        return Ok(Ok(()));
    }
    let _waits = match policy::may_wait() {
        Ok(waits) => waits,
        Err(begin_again) => return Ok(Err(begin_again)),
    };
    // SAFETY: as the caller says.
    let _unlocked = unsafe { Unlocked::new(directory) };
    let root = top.identity()?;
    drop(top);
    // SAFETY: the caller of the hook has a reference.
    let mut upwards = unsafe { Upwards::from(directory) };
    let answer = root::may_stand(root, &mut upwards);
    upwards.end().map(|()| answer)
}

/// The first half of rename(2): what is moved, and out of where. For everybody:
/// it is those outside who can move a directory out of a jail.
///
/// # Safety
/// Called by the MAC framework alone, with referenced vnodes.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_vnode_check_rename_from(
    _cred: *mut c::ucred,
    from: *mut c::vnode,
    _from_label: *mut c::label,
    moved: *mut c::vnode,
    _moved_label: *mut c::label,
    _name: *mut c::componentname,
) -> c_int {
    // Once there was a jail, what a thread remembers of its last move may be old,
    // and must go.
    if jail::never() {
        return 0;
    }
    // SAFETY: referenced; as this function's caller says.
    unsafe { rename_from(from, moved) }
}

/// # Safety
/// Both are referenced.
#[inline(never)]
unsafe fn rename_from(from: *mut c::vnode, moved: *mut c::vnode) -> c_int {
    // SAFETY: as the caller says.
    if unsafe { path::is_directory(moved) } { Errno::from_result(Move::begin(from)) } else { 0 }
}

/// The second half: into where. With a jail there, the answer is never a plain
/// yes the first time: finding the paths takes letting go of locks, on which the
/// file system relies from the look-up to the rename, so both are done again.
///
/// # Safety
/// Called by the MAC framework alone, after the first half in the same thread,
/// whose vnodes are still referenced; these are referenced and locked.
#[unsafe(no_mangle)]
unsafe extern "C" fn rjail_vnode_check_rename_to(
    _cred: *mut c::ucred,
    to: *mut c::vnode,
    _to_label: *mut c::label,
    over: *mut c::vnode,
    _over_label: *mut c::label,
    same_directory: c_int,
    name: *mut c::componentname,
) -> c_int {
    if jail::none() || same_directory != 0 {
        return 0;
    }
    // SAFETY: as this function's caller says.
    unsafe { rename_to(to, over, name) }
}

/// # Safety
/// As [`rjail_vnode_check_rename_to`].
#[inline(never)]
unsafe fn rename_to(
    to: *mut c::vnode,
    over: *mut c::vnode,
    name: *const c::componentname,
) -> c_int {
    // SAFETY: the target of a rename.
    if !unsafe { path::moves_directory(name) } {
        return 0;
    }
    let Some(moved) = Move::current() else {
        // The first jail was made since the first half: once more.
        return Errno::ERELOOKUP.number();
    };
    // SAFETY: referenced.
    if unsafe { moved.is_allowed(to) } {
        return 0;
    }
    let Ok(_waits) = policy::may_wait() else { return Errno::ERELOOKUP.number() };
    let over = if ptr::eq(over, to) { ptr::null_mut() } else { over };
    // They are locked again in the order of the declarations' end: parent first.
    // SAFETY: null or locked; the rename either fails or begins again.
    let _over = unsafe { Unlocked::new(over) };
    // SAFETY: as above.
    let _to = unsafe { Unlocked::new(to) };
    // SAFETY: both are referenced, nothing is locked.
    if let Err(errno) = unsafe { may_move(moved.from(), to) } {
        return errno.number();
    }
    // SAFETY: both are referenced.
    unsafe { moved.allow(to) };
    Errno::ERELOOKUP.number()
}

/// # Safety
/// Both are referenced, and the running thread holds no vnode's lock.
unsafe fn may_move(from: *mut c::vnode, to: *mut c::vnode) -> Result {
    let jails = jail::all()?;
    let rooted = |jail: &&JailRef| jail.second_line().is_none_or(NativePrison::is_rooted);
    let mut views = Vec::new();
    for jail in jails.iter().filter(rooted) {
        try_push(&mut views, jail.view())?;
    }
    let upwards = |vnode| {
        // SAFETY: as the caller says.
        unsafe { Upwards::from(vnode) }.collect().map_err(|errno| match errno {
            Errno::ENOMEM => errno,
            _ => Errno::EXDEV,
        })
    };
    let (above_from, above_to) = (upwards(from)?, upwards(to)?);
    root::may_move(views.iter().map(|view| view.root), &above_from, &above_to)?;

    let mut shown = Vec::new();
    let mut mounts = Loopbacks::all();
    // SAFETY: as the caller says.
    while let Some(mount) = unsafe { mounts.next_root() } {
        // SAFETY: referenced.
        let above = match unsafe { Upwards::from(mount.as_ptr()) }.collect() {
            Ok(above) => above,
            Err(Errno::ENOMEM) => return Err(Errno::ENOMEM),
            // One that is going away shows nothing.
            Err(_) => continue,
        };
        if views.iter().any(|view| above.contains(&view.root)) {
            // SAFETY: referenced, and for the rest as the caller says.
            if let Some(lowest) = unsafe { path::lowest(mount.as_ptr()) } {
                try_push(&mut shown, lowest.identity()?)?;
            }
        }
    }
    let shows = |vnode: *mut c::vnode, above| {
        // SAFETY: as the caller says.
        let lowest = unsafe { path::lowest(vnode) }.ok_or(Errno::EXDEV)?;
        if ptr::eq(lowest.as_ptr(), vnode) { Ok(above) } else { upwards(lowest.as_ptr()) }
    };
    let roots = shown.iter().copied().chain(views.iter().map(|view| view.shown));
    root::may_move(roots, &shows(from, above_from)?, &shows(to, above_to)?)
}
