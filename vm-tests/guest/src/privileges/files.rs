// SPDX-License-Identifier: BSD-2-Clause
//! Files and file systems. The jail's root is a tmpfs.

use super::calls::{ask, get};
use super::scene::{DIRECTORY, FILE, NOTHING, OTHER, SECOND, Scene, USER, directory, file, stat};
use super::{Attempt, attempt, errno};
use crate::errno::{EACCES, EFAULT, EFTYPE, EINVAL, EISDIR, ENOENT, EPERM, ESTALE};
use crate::sys::{self, Error, address_of};

/// `RJAIL_CHFLAGS`.
const CHFLAGS: u32 = 0x04;
/// `RJAIL_EXTATTR`.
const EXTATTR: u32 = 0x100;
const AT_FDCWD: i32 = -100;
const X_OK: i32 = 1;
const SET_USER_ID: u64 = 0o4000;
const NO_DEVICE: usize = 0x7f00;
const MNT_EXPORTED: i32 = 0x100;
const MNT_SUIDDIR: i32 = 0x0010_0000;
const NFSSVC_FORCEDISM: i32 = i32::MIN;

pub const ATTEMPTS: &[Attempt] = &[
    attempt("PRIV_VFS_READ", "open(2) of a file of mode 0, to read", |_| {
        errno(sys::open(FILE, 0, 0))
    })
    .prepare(|_| file(OTHER, 0))
    .root(0)
    .user(EACCES, EACCES),
    attempt("PRIV_VFS_WRITE", "open(2) of a file of mode 0, to write", |_| {
        errno(sys::open(FILE, 1, 0))
    })
    .prepare(|_| file(OTHER, 0))
    .root(0)
    .user(EACCES, EACCES),
    attempt("PRIV_VFS_EXEC", "eaccess(2) to run another user's program", |_| {
        ask!(EACCESS, FILE, X_OK)
    })
    .prepare(|_| file(OTHER, 0o100))
    .root(0)
    .user(EACCES, EACCES),
    attempt("PRIV_VFS_LOOKUP", "eaccess(2) of no file in a closed directory", |_| {
        ask!(EACCESS, c"privilege.directory/nothing", 0)
    })
    .prepare(|_| directory(OTHER, 0o700))
    .root(ENOENT)
    .user(EACCES, EACCES),
    attempt("PRIV_VFS_ADMIN", "chmod(2) of another user's file", |_| {
        errno(sys::chmod(FILE, 0o600))
    })
    .before(|_| file(OTHER, 0o644))
    .root(0),
    attempt("PRIV_VFS_CHOWN", "chown(2) to another user", |_| {
        errno(sys::chown(FILE, OTHER, OTHER))
    })
    .before(|_| file(USER, 0o644))
    .root(0),
    attempt("PRIV_VFS_SETGID", "chmod g+s of a file of a foreign group", |_| {
        errno(sys::chmod(FILE, 0o2755))
    })
    .prepare(|_| file(USER, 0o755))
    .root(0),
    attempt("PRIV_VFS_STICKYFILE", "chmod +t of a file", |_| errno(sys::chmod(FILE, 0o1755)))
        .prepare(|_| file(USER, 0o755))
        .root(0)
        .user(EFTYPE, EFTYPE),
    attempt(
        "PRIV_VFS_RETAINSUGID",
        "write(2) to a set-user-id file: EPERM, the bit is gone",
        |_| {
            let written = sys::open(FILE, 1, 0).and_then(|fd| sys::write(fd, b"x"));
            match written.and_then(|_| stat()) {
                Ok(words) if words[3] & SET_USER_ID == 0 => EPERM,
                answer => errno(answer),
            }
        },
    )
    .prepare(|_| file(OTHER, 0o4777))
    .root(0),
    attempt("PRIV_VFS_GENERATION", "stat(2) shows st_gen: EPERM, it is 0", |_| match stat() {
        Ok(words) if words[17] == 0 => EPERM,
        answer => errno(answer),
    })
    .prepare(|_| file(0, 0o644)),
    attempt("PRIV_VFS_SYSFLAGS", "chflags schg", |_| {
        const SF_IMMUTABLE: usize = 0x0002_0000;
        errno(sys::chflags(FILE, SF_IMMUTABLE))
    })
    .prepare(|_| file(USER, 0o644))
    .with(CHFLAGS, 0),
    attempt("PRIV_VFS_CHFLAGS_DEV", "chflags(2) of a device node, to none", |_| {
        errno(sys::chflags(c"dev/null", 0))
    })
    .root(0),
    attempt("PRIV_VFS_EXTATTR_SYSTEM", "extattr_set_file(2) in the system's name space", |_| {
        const SYSTEM: i32 = 2;
        ask!(EXTATTR_SET_FILE, FILE, SYSTEM, c"name", &[1_u8; 4], 4)
    })
    .prepare(|_| file(USER, 0o644))
    .with(EXTATTR, 0),
    attempt("PRIV_VFS_LINK", "link(2), security.bsd.hardlink_check_uid=1", |_| {
        ask!(LINK, FILE, SECOND)
    })
    .before(|_| sys::sysctl_write("security.bsd.hardlink_check_uid", 1))
    .prepare(|_| {
        sys::chmod(c".", 0o777)?;
        file(OTHER, 0o644)
    })
    .after(|_| {
        let _ = sys::sysctl_write("security.bsd.hardlink_check_uid", 0);
        let _ = sys::chmod(c".", 0o755);
    })
    .root(0),
    attempt("PRIV_VFS_CHROOT", "chroot(2)", |_| errno(sys::chroot(DIRECTORY)))
        .prepare(|_| directory(0, 0o755))
        .root(0),
    attempt("PRIV_VFS_MKNOD_DEV", "mknod(2) of a device", |_| {
        ask!(MKNODAT, AT_FDCWD, SECOND, 0o020_600, NO_DEVICE)
    }),
    attempt("PRIV_VFS_MKNOD_WHT", "mknod(2) of a whiteout", |_| {
        let answer = ask!(MKNODAT, AT_FDCWD, SECOND, 0o160_000, 0);
        if answer == 0 {
            let _ = get!(UNDELETE, SECOND);
        }
        answer
    }),
    attempt("PRIV_VFS_READ_DIR", "read(2) of /dev, security.bsd.allow_read_dir=1", |_| {
        errno(sys::open(c"dev", 0, 0).and_then(|fd| sys::read(fd, &mut [0; 512])))
    })
    .before(|_| sys::sysctl_write("security.bsd.allow_read_dir", 1))
    .after(|_| {
        let _ = sys::sysctl_write("security.bsd.allow_read_dir", 0);
    })
    .inside(EISDIR)
    .user(EISDIR, EISDIR),
    attempt("PRIV_VFS_GETFH", "getfh(2)", |_| ask!(GETFH, c".", &mut [0_u8; 28])),
    attempt("PRIV_VFS_FHOPEN", "fhopen(2) of no file", |_| ask!(FHOPEN, &[0_u8; 28], 0))
        .outside(ESTALE),
    attempt("PRIV_VFS_FHSTAT", "fhstat(2) of no file", |_| {
        ask!(FHSTAT, &[0_u8; 28], &mut [0_u64; 28])
    })
    .outside(ESTALE),
    attempt("PRIV_VFS_FHSTATFS", "fhstatfs(2) of no file", |_| {
        ask!(FHSTATFS, &[0_u8; 28], &mut [0_u64; 293])
    })
    .outside(ESTALE),
    attempt("PRIV_VFS_MOUNT", "nmount(2) on nothing", |_| mount(0)).outside(ENOENT),
    attempt("PRIV_VFS_MOUNT_EXPORTED", "nmount(2) with MNT_EXPORTED, vfs.usermount=1", |_| {
        mount(MNT_EXPORTED)
    })
    .before(|_| sys::sysctl_write("vfs.usermount", 1))
    .after(|_| {
        let _ = sys::sysctl_write("vfs.usermount", 0);
    })
    .behind("PRIV_VFS_MOUNT")
    .outside(ENOENT),
    attempt("PRIV_VFS_MOUNT_SUIDDIR", "nmount(2) with MNT_SUIDDIR, vfs.usermount=1", |_| {
        mount(MNT_SUIDDIR)
    })
    .before(|_| sys::sysctl_write("vfs.usermount", 1))
    .after(|_| {
        let _ = sys::sysctl_write("vfs.usermount", 0);
    })
    .behind("PRIV_VFS_MOUNT")
    .outside(ENOENT),
    attempt(
        "PRIV_VFS_MOUNT_NONUSER",
        "nmount(2) of a tmpfs, vfs.usermount=1: EPERM, it is a user's mount",
        |_| {
            const MNT_USER: u64 = 0x8000;
            let mut words = [0_u64; 293];
            let mounted = sys::nmount(c"tmpfs", DIRECTORY);
            match mounted.and_then(|()| get!(STATFS, DIRECTORY, &mut words)) {
                Ok(_) if words[1] & MNT_USER != 0 => EPERM,
                answer => errno(answer),
            }
        },
    )
    .before(|_| sys::sysctl_write("vfs.usermount", 1))
    .prepare(|_| directory(USER, 0o755))
    .after(unmount)
    .behind("PRIV_VFS_MOUNT"),
    attempt("PRIV_VFS_MOUNT_OWNER", "unmount(2) of another user's mount, vfs.usermount=1", |_| {
        errno(sys::unmount(DIRECTORY, 0))
    })
    .before(|scene| {
        sys::sysctl_write("vfs.usermount", 1)?;
        directory(OTHER, 0o755)?;
        scene.start(|| {
            super::scene::become_user(OTHER)?;
            sys::nmount(c"tmpfs", c"/jail/privilege.directory")
        })
    })
    .after(unmount)
    .behind("PRIV_VFS_UNMOUNT"),
    attempt("PRIV_VFS_UNMOUNT", "unmount(2) of nothing", |_| errno(sys::unmount(NOTHING, 0)))
        .outside(EINVAL),
    attempt("PRIV_NFS_DAEMON", "nfssvc(2) without its argument", |_| {
        ask!(NFSSVC, NFSSVC_FORCEDISM, 0)
    })
    .outside(EFAULT),
    attempt("PRIV_NFS_LOCKD", "fcntl(F_SETLK_REMOTE) for no machine", |scene| {
        const F_SETLK_REMOTE: i32 = 14;
        const F_UNLCK: u64 = 2;
        ask!(FCNTL, scene.fd, F_SETLK_REMOTE, &[0_u64, 0, F_UNLCK << 32, 0])
    })
    .prepare(|scene| {
        file(USER, 0o644)?;
        scene.fd = sys::open(FILE, 2, 0)?;
        Ok(())
    })
    .outside(EINVAL),
    attempt("PRIV_DEVFS_RULE", "ioctl(DEVFSIO_SGETNEXT) of /dev, no rule set being there", |_| {
        const DEVFSIO_SGETNEXT: usize = 0xc002_440c;
        match sys::open(c"dev", 0, 0) {
            Ok(fd) => ask!(IOCTL, fd, DEVFSIO_SGETNEXT, &mut [0_u16]),
            Err(Error(number)) => number,
        }
    })
    .outside(ENOENT),
    attempt("PRIV_DEVFS_SYMLINK", "symlink(2) in /dev", |_| {
        ask!(SYMLINK, c"null", c"dev/privilege.second")
    }),
];

/// No user mounts or has mounted anything.
fn unmount(_: &Scene) {
    const MNT_FORCE: i32 = 0x0008_0000;
    let _ = sys::unmount(c"/jail/privilege.directory", MNT_FORCE);
    let _ = sys::sysctl_write("vfs.usermount", 0);
}

/// Tries to mount a file system where no directory is.
fn mount(flags: i32) -> i32 {
    let (kind, path) = (c"tmpfs", NOTHING);
    let [fstype, fspath] = [c"fstype", c"fspath"];
    let words =
        [fstype, kind, fspath, path].map(|text| [address_of(text), text.to_bytes_with_nul().len()]);
    let [[a, b], [c, d], [e, f], [g, h]] = words;
    ask!(NMOUNT, &[a, b, c, d, e, f, g, h], 4, flags)
}
