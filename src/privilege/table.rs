// SPDX-License-Identifier: BSD-2-Clause
//! The table: every privilege that a FreeBSD kernel names, and what root in a
//! jail gets of it.
//!
//! Answers to `sys/priv.h` for the names and to `prison_priv_check()` in
//! `kern/kern_jail.c` for the native verdict beside ours. "Native" is a jail on
//! the machine's own network stack, as every jail of rjail is, so what the
//! kernel lets a jail with a stack of its own do is no difference here. `paper`
//! is Kamp and Watson, "Jails: Confining the omnipotent root", by section.
//!
//! To add a name: put the row into its group, in the order of names.

#![forbid(unsafe_code)]

use super::{Asked, Barred, Native, Opens, Row, Verdict};
use crate::prison::JailFlags;

macro_rules! privileges {
    ($($group:literal { $($variant:ident $name:literal => $row:expr;)* })*) => {
        /// A privilege, as priv(9) names it. No numbers: those are the kernel's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Privilege {$($(
            #[doc = concat!("`", $name, "`")]
            #[doc(alias = $name)]
            $variant,
        )*)*}

        /// Every privilege, in the order of [`Privilege`].
        pub const TABLE: [Row; [$($(Privilege::$variant,)*)*].len()] = [$($(
            Row { privilege: Privilege::$variant, name: $name, group: $group, ..$row },
        )*)*];

        impl Privilege {
            /// Every privilege, in the table's order.
            pub const ALL: [Self; TABLE.len()] = [$($(Self::$variant,)*)*];
        }

        /// The names alone, in the same order.
        pub static NAMES: [&str; TABLE.len()] = [$($($name,)*)*];
    };
}

const NO_CALLER: &str = "no caller in 15.1";

const fn row(verdict: Verdict, reason: &'static str, source: &'static str) -> Row {
    Row {
        privilege: Privilege::CredSetuid,
        name: "",
        group: "",
        verdict,
        reason,
        source,
        opens: match verdict {
            Verdict::AllowWith(flag) => Opens::Flag(flag),
            _ => Opens::Nothing,
        },
        barred: match verdict {
            Verdict::Deny => Some(Barred::BySecondLine),
            _ => None,
        },
        native: Native::Same,
        asked: Asked::Superuser,
        second_line: false,
        since: 0,
    }
}

const fn allow(reason: &'static str, source: &'static str) -> Row {
    row(Verdict::Allow, reason, source)
}

const fn with(flags: JailFlags, reason: &'static str, source: &'static str) -> Row {
    row(Verdict::AllowWith(flags), reason, source)
}

const fn by_name(reason: &'static str, source: &'static str) -> Row {
    row(Verdict::ByName, reason, source)
}

const fn deny(reason: &'static str, source: &'static str) -> Row {
    row(Verdict::Deny, reason, source)
}

impl Row {
    /// Native lets it pass; why not here.
    const fn tighter(mut self, native: &'static str) -> Self {
        self.native = Native::Tighter(native);
        self
    }

    /// Line two would let it pass, and this promise would be broken.
    const fn breaks(mut self, promise: u8) -> Self {
        self.barred = Some(Barred::ByPromise(promise));
        self
    }

    /// Line two would let it pass, and the kernel gives it to nobody in a jail.
    const fn given_to_nobody(mut self) -> Self {
        self.barred = Some(Barred::ByKernel);
        self
    }

    /// What line two asks before it lets the privilege pass.
    const fn opens(mut self, opens: Opens) -> Self {
        self.opens = opens;
        self
    }

    /// Without uid 0 as well: the verdict reaches users.
    const fn everyone(mut self) -> Self {
        self.asked = Asked::Everyone;
        self
    }

    /// Line two keeps what this reaches apart per jail; without it, refuse.
    const fn second_line(mut self) -> Self {
        self.second_line = true;
        self
    }

    /// Kernels before this release may lack the name.
    const fn since(mut self, release: u16) -> Self {
        self.since = release;
        self
    }
}

privileges! {
    "Credentials" {
        CredSetcred "PRIV_CRED_SETCRED" => allow(
            "Uids and groups label what is inside the jail, and the whole set at once is no more \
             than each alone.",
            "paper 5; kern_setcred() in kern/kern_prot.c",
        )
        .since(15);
        CredSetegid "PRIV_CRED_SETEGID" => allow(
            "A group id is a label inside the jail.",
            "paper 5; sys_setegid() in kern/kern_prot.c",
        );
        CredSeteuid "PRIV_CRED_SETEUID" => allow(
            "A user id is a label inside the jail.",
            "paper 5; sys_seteuid() in kern/kern_prot.c",
        );
        CredSetgid "PRIV_CRED_SETGID" => allow(
            "A group id is a label inside the jail.",
            "paper 5; sys_setgid() in kern/kern_prot.c",
        );
        CredSetgroups "PRIV_CRED_SETGROUPS" => allow(
            "Group ids are labels inside the jail; login needs them.",
            "paper 5; kern_setgroups() in kern/kern_prot.c",
        );
        CredSetregid "PRIV_CRED_SETREGID" => allow(
            "A group id is a label inside the jail.",
            "paper 5; sys_setregid() in kern/kern_prot.c",
        );
        CredSetresgid "PRIV_CRED_SETRESGID" => allow(
            "A group id is a label inside the jail.",
            "paper 5; sys_setresgid() in kern/kern_prot.c",
        );
        CredSetresuid "PRIV_CRED_SETRESUID" => allow(
            "A user id is a label inside the jail.",
            "paper 5; sys_setresuid() in kern/kern_prot.c",
        );
        CredSetreuid "PRIV_CRED_SETREUID" => allow(
            "A user id is a label inside the jail.",
            "paper 5; sys_setreuid() in kern/kern_prot.c",
        );
        CredSetuid "PRIV_CRED_SETUID" => allow(
            "A user id is a label inside the jail; every login and daemon needs it.",
            "paper 5; sys_setuid() in kern/kern_prot.c",
        );
    }
    "Processes" {
        DebugDenied "PRIV_DEBUG_DENIED" => deny(
            "A process that asked not to be traced is left alone, whoever asks.",
            "p_candebug() in kern/kern_prot.c",
        );
        DebugDiffcred "PRIV_DEBUG_DIFFCRED" => allow(
            "Root may debug other users; only processes of its own jail ever get as far as this \
             question.",
            "paper 6.3; p_candebug() in kern/kern_prot.c",
        );
        DebugDiffjail "PRIV_DEBUG_DIFFJAIL" => deny(
            "It reaches into another jail, and a jail has none below it.",
            "paper 4; p_candebug() in kern/kern_prot.c",
        )
        .breaks(1)
        .tighter("native jails can have children and let their root debug into them")
        .since(15);
        DebugSugid "PRIV_DEBUG_SUGID" => allow(
            "Root may debug a set-user-id program of its own jail.",
            "paper 6.3; p_candebug() in kern/kern_prot.c",
        );
        DebugUnpriv "PRIV_DEBUG_UNPRIV" => allow(
            "Debugging one's own processes is everybody's as long as the host allows it; the jail \
             takes nothing away.",
            "p_candebug() in kern/kern_prot.c",
        )
        .everyone();
        Ktrace "PRIV_KTRACE" => by_name(
            "Marks a trace as root's, and 15.1 gives it to those alone who may set audit ids.",
            "ktrops() and ktrcanset() in kern/kern_ktrace.c",
        )
        .opens(Opens::SetAudit)
        .tighter(
            "native grants it to a jail with allow.setaudit: that flag's test stands after this \
             case label, whose comment means root in any jail",
        );
        ProcLimit "PRIV_PROC_LIMIT" => allow(
            "The limit on one user's processes is the jail's affair; the machine's own is \
             PRIV_MAXPROC.",
            "fork1() in kern/kern_fork.c, _proc_set_cred() in kern/kern_prot.c",
        );
        ProcMemWrite "PRIV_PROC_MEM_WRITE" => allow(
            "Writing the memory of a process that the caller may debug, which was decided first; \
             everybody has it, the jail takes nothing away.",
            "vmspace_rwmem() in kern/sys_process.c",
        )
        .everyone()
        .since(15);
        ProcSetlogin "PRIV_PROC_SETLOGIN" => allow(
            "The login name labels a session; login and sshd need it.",
            "sys_setlogin() in kern/kern_prot.c",
        );
        ProcSetloginclass "PRIV_PROC_SETLOGINCLASS" => allow(
            "The login class labels the jail's own processes.",
            "sys_setloginclass() in kern/kern_loginclass.c",
        );
        ProcSetrlimit "PRIV_PROC_SETRLIMIT" => allow(
            "Limits of the jail's own processes may be raised; what the machine and rctl(8) set \
             still holds.",
            "kern_proc_setrlimit() in kern/kern_resource.c",
        );
        Seejailproc "PRIV_SEEJAILPROC" => deny(
            "It looks into other jails, and a jail has none below it.",
            "paper 4; cr_canseejailproc() in kern/kern_prot.c",
        )
        .breaks(1)
        .tighter(
                "native jails can have children and let their root see them when \
                 security.bsd.see_jail_proc is 0",
            )
        .since(15);
        Seeothergids "PRIV_SEEOTHERGIDS" => allow(
            "Sees past groups, never past the jail, which is asked first.",
            "paper 6.3; cr_canseeothergids() in kern/kern_prot.c",
        );
        Seeotheruids "PRIV_SEEOTHERUIDS" => allow(
            "Sees past users, never past the jail, which is asked first.",
            "paper 6.3; cr_canseeotheruids() in kern/kern_prot.c",
        );
        SignalDiffcred "PRIV_SIGNAL_DIFFCRED" => allow(
            "Root signals any process of its own jail.",
            "paper 5; cr_cansignal() in kern/kern_prot.c",
        );
        SignalDiffjail "PRIV_SIGNAL_DIFFJAIL" => deny(
            "It reaches into another jail, and a jail has none below it.",
            "paper 4; cr_cansignal() in kern/kern_prot.c",
        )
        .breaks(1)
        .tighter("native jails can have children and let their root signal into them")
        .since(15);
        SignalSugid "PRIV_SIGNAL_SUGID" => allow(
            "Root signals a set-user-id program of its own jail.",
            "paper 5; cr_cansignal() in kern/kern_prot.c",
        );
    }
    "Scheduling" {
        SchedCpuset "PRIV_SCHED_CPUSET" => deny(
            "Which processors a jail uses is decided outside it.",
            "cpuset_modify() and cpuset_setproc() in kern/kern_cpuset.c",
        )
        .breaks(5)
        .tighter("a native jail may change the sets that lie below its own");
        SchedCpusetIntr "PRIV_SCHED_CPUSET_INTR" => deny(
            "Which CPU takes an interrupt is the machine's affair.",
            "_intr_event_bind() in kern/kern_intr.c",
        );
        SchedDiffcred "PRIV_SCHED_DIFFCRED" => allow(
            "Root reschedules other users of its own jail.",
            "paper 6.3; p_cansched() in kern/kern_prot.c",
        );
        SchedDiffjail "PRIV_SCHED_DIFFJAIL" => deny(
            "It reaches into another jail, and a jail has none below it.",
            "paper 4; p_cansched() in kern/kern_prot.c",
        )
        .breaks(1)
        .tighter("native jails can have children and let their root reschedule them")
        .since(15);
        SchedIdprio "PRIV_SCHED_IDPRIO" => deny(
            "An idle-class process can hold a lock that the whole machine waits for.",
            "sys_rtprio() in kern/kern_resource.c",
        )
        .since(15);
        SchedRtprio "PRIV_SCHED_RTPRIO" => deny(
            "A real-time process starves the machine, jails and host alike.",
            "paper 4; sys_rtprio() in kern/kern_resource.c, do_lock_pp() in kern/kern_umtx.c",
        );
        SchedSet "PRIV_SCHED_SET" => deny(
            "Scheduling class of a thread: the machine's CPU is everybody's.",
            "paper 4; no caller in 15.1",
        );
        SchedSetparam "PRIV_SCHED_SETPARAM" => deny(
            "Scheduling parameters of a thread: the machine's CPU is everybody's.",
            "paper 4; no caller in 15.1",
        );
        SchedSetpolicy "PRIV_SCHED_SETPOLICY" => deny(
            "Real-time policies starve the machine, jails and host alike.",
            "paper 4; kern_sched_setscheduler() in kern/p1003_1b.c, thread_create() in \
             kern/kern_thr.c",
        );
        SchedSetpriority "PRIV_SCHED_SETPRIORITY" => deny(
            "A lower nice value takes CPU from processes outside the jail.",
            "paper 4; donice() in kern/kern_resource.c",
        );
    }
    "Jails" {
        JailAttach "PRIV_JAIL_ATTACH" => deny(
            "A jail is entered by making it or by being born in it, and a jailed process is in \
             one already.",
            "paper 4 and 6.1; sys_jail_attach() in kern/kern_jail.c",
        )
        .breaks(5)
        .tighter("native jails can have children, held back by children.max");
        JailRemove "PRIV_JAIL_REMOVE" => deny(
            "There is no jail below this one to remove.",
            "paper 6.1; sys_jail_remove() in kern/kern_jail.c, jaildesc_alloc() in \
             kern/kern_jaildesc.c",
        )
        .breaks(5)
        .tighter("native jails can have children, held back by children.max");
        JailSet "PRIV_JAIL_SET" => deny(
            "A jail can not be changed once made, nor make another.",
            "paper 6.1; kern_jail_set() in kern/kern_jail.c, jaildesc_alloc() in \
             kern/kern_jaildesc.c",
        )
        .breaks(5)
        .tighter("native jails can have children, held back by children.max");
    }
    "Interprocess communication" {
        IpcAdmin "PRIV_IPC_ADMIN" => with(
            JailFlags::SYSVIPC.union(JailFlags::SYSVIPC_OWN),
            "Objects of System V IPC, other owners' among them, come with the flag or not at all.",
            "ipcperm() in kern/sysv_ipc.c",
        )
        .opens(Opens::Nothing)
        .tighter(
                "native grants it always, and a jail without allow.sysvipc finds nothing to use \
                 it on",
            );
        IpcMsgsize "PRIV_IPC_MSGSIZE" => by_name(
            "Enlarges a queue beyond the limit that protects memory the whole machine shares.",
            "kern_msgctl() in kern/sysv_msg.c",
        )
        .tighter("native grants it always");
        IpcRead "PRIV_IPC_READ" => with(
            JailFlags::SYSVIPC.union(JailFlags::SYSVIPC_OWN),
            "Objects of System V IPC, other owners' among them, come with the flag or not at all.",
            "ipcperm() in kern/sysv_ipc.c",
        )
        .opens(Opens::Nothing)
        .tighter(
                "native grants it always, and a jail without allow.sysvipc finds nothing to use \
                 it on",
            );
        IpcWrite "PRIV_IPC_WRITE" => with(
            JailFlags::SYSVIPC.union(JailFlags::SYSVIPC_OWN),
            "Objects of System V IPC, other owners' among them, come with the flag or not at all.",
            "ipcperm() in kern/sysv_ipc.c",
        )
        .opens(Opens::Nothing)
        .tighter(
                "native grants it always, and a jail without allow.sysvipc finds nothing to use \
                 it on",
            );
        MqAdmin "PRIV_MQ_ADMIN" => allow(
            "POSIX message queues are named below the jail's root, a separation that line two \
             alone makes.",
            "do_unlink() and mqfs_setattr() in kern/uipc_mqueue.c",
        )
        .second_line();
        Pipebuf "PRIV_PIPEBUF" => deny(
            "The last part of the kernel's pipe buffers is kept for the host, to mend what went \
             wrong.",
            "pipespace_new() in kern/sys_pipe.c",
        )
        .since(15);
        SemWrite "PRIV_SEM_WRITE" => deny(
            "A POSIX semaphore answers to its mode and owner.",
            "ksem_access() in kern/uipc_sem.c",
        );
    }
    "Files" {
        VfsAdmin "PRIV_VFS_ADMIN" => allow(
            "Modes, times and access lists label files inside the jail's root.",
            "paper 5; vaccess() in kern/vfs_subr.c",
        );
        VfsBlockreserve "PRIV_VFS_BLOCKRESERVE" => by_name(
            "The reserve keeps a full file system workable for its owner, who is the host.",
            "ffs_alloc() in ufs/ffs/ffs_alloc.c",
        )
        .tighter("native grants it always, and its own comment wonders why");
        VfsChflagsDev "PRIV_VFS_CHFLAGS_DEV" => allow(
            "User flags on a device node that the host put inside the jail; system flags are \
             PRIV_VFS_SYSFLAGS.",
            "setfflags() in kern/vfs_syscalls.c",
        );
        VfsChown "PRIV_VFS_CHOWN" => allow(
            "Owners label files inside the jail's root.",
            "paper 5; ufs_chown() in ufs/ufs/ufs_vnops.c",
        );
        VfsChroot "PRIV_VFS_CHROOT" => allow(
            "A narrower root is harmless as long as none of the ways out of one works, which \
             src/root.rs sees to.",
            "paper 6.2; kern_chroot() in kern/vfs_syscalls.c",
        );
        VfsExec "PRIV_VFS_EXEC" => allow(
            "Searching and running any file inside the jail's root.",
            "paper 5; vaccess() in kern/vfs_subr.c",
        );
        VfsExtattrSystem "PRIV_VFS_EXTATTR_SYSTEM" => with(
            JailFlags::EXTATTR,
            "The system's attributes hold access lists and labels that the host may rely on.",
            "extattr_check_cred() in kern/vfs_subr.c",
        );
        VfsFchroot "PRIV_VFS_FCHROOT" => allow(
            "chroot(2) by descriptor, under the same rules; 15.1 asks PRIV_VFS_CHROOT for both.",
            "paper 6.2; no caller in 15.1",
        );
        VfsFhopen "PRIV_VFS_FHOPEN" => deny(
            "A file handle names any file of its file system, also outside the root.",
            "paper 6.2; kern_fhopen() and kern_linkat() in kern/vfs_syscalls.c",
        );
        VfsFhstat "PRIV_VFS_FHSTAT" => deny(
            "A file handle names any file of its file system, also outside the root.",
            "paper 6.2; kern_fhstat() in kern/vfs_syscalls.c",
        );
        VfsFhstatfs "PRIV_VFS_FHSTATFS" => deny(
            "A file handle names any file system, also one the jail does not see.",
            "paper 6.2; kern_fhstatfs() in kern/vfs_syscalls.c",
        );
        VfsGeneration "PRIV_VFS_GENERATION" => deny(
            "Generation numbers are what makes file handles hard to guess.",
            "priv_check_cred_vfs_generation() in kern/kern_priv.c",
        );
        VfsGetfh "PRIV_VFS_GETFH" => deny(
            "A file handle outlives the root that it was taken under.",
            "paper 6.2; kern_getfhat() in kern/vfs_syscalls.c",
        );
        VfsLink "PRIV_VFS_LINK" => allow(
            "A hard link to another user's file, both names inside the jail's root.",
            "can_hardlink() in kern/vfs_syscalls.c",
        );
        VfsLookup "PRIV_VFS_LOOKUP" => allow(
            "Searching any directory inside the jail's root; the most asked of all.",
            "paper 5; priv_check_cred_vfs_lookup() in kern/kern_priv.c",
        );
        VfsMknodBad "PRIV_VFS_MKNOD_BAD" => deny(
            "Bad-sector nodes are history.",
            NO_CALLER,
        );
        VfsMknodDev "PRIV_VFS_MKNOD_DEV" => deny(
            "A device that the host did not put into the jail does not exist for it.",
            "paper 5 and 6.6; kern_mknodat() in kern/vfs_syscalls.c",
        );
        VfsMknodWht "PRIV_VFS_MKNOD_WHT" => deny(
            "Whiteouts manipulate stacked mounts, which are the host's.",
            "paper 5; kern_mknodat() in kern/vfs_syscalls.c",
        );
        VfsRead "PRIV_VFS_READ" => allow(
            "Reading any file inside the jail's root.",
            "paper 4; vaccess() in kern/vfs_subr.c",
        );
        VfsReadDir "PRIV_VFS_READ_DIR" => deny(
            "The raw bytes of a directory still show names that were removed.",
            "vn_io_fault() in kern/vfs_vnops.c",
        )
        .given_to_nobody()
        .tighter(
                "prison_priv_check() has no objection, but priv_check_cred() then refuses every \
                 jail unless another policy grants it",
            );
        VfsRetainsugid "PRIV_VFS_RETAINSUGID" => allow(
            "Set-user-id bits of files inside the jail's root stay when it writes or gives them \
             away.",
            "ffs_write() in ufs/ffs/ffs_vnops.c",
        );
        VfsSetgid "PRIV_VFS_SETGID" => allow(
            "The set-group-id bit labels files inside the jail's root.",
            "paper 5; ufs_chmod() in ufs/ufs/ufs_vnops.c",
        );
        VfsStat "PRIV_VFS_STAT" => allow(
            "Attributes of any file inside the jail's root.",
            "vaccess_acl_nfs4() in kern/subr_acl_nfs4.c",
        );
        VfsStickyfile "PRIV_VFS_STICKYFILE" => allow(
            "The sticky bit labels files inside the jail's root.",
            "paper 5; ufs_chmod() in ufs/ufs/ufs_vnops.c",
        );
        VfsSysflags "PRIV_VFS_SYSFLAGS" => with(
            JailFlags::CHFLAGS,
            "The system's file flags go with the securelevel and protect files from root itself.",
            "paper 5; ufs_setattr() in ufs/ufs/ufs_vnops.c",
        );
        VfsWrite "PRIV_VFS_WRITE" => allow(
            "Writing and deleting any file inside the jail's root.",
            "paper 5; vaccess() in kern/vfs_subr.c",
        );
    }
    "File systems" {
        AfsAdmin "PRIV_AFS_ADMIN" => deny(
            "The AFS client serves the whole machine.",
            NO_CALLER,
        );
        AfsDaemon "PRIV_AFS_DAEMON" => deny(
            "The AFS client serves the whole machine.",
            NO_CALLER,
        );
        Netncp "PRIV_NETNCP" => deny(
            "Another user's server connection is kept per machine, not per jail.",
            NO_CALLER,
        );
        Netsmb "PRIV_NETSMB" => deny(
            "Another user's server connection is kept per machine, not per jail.",
            "secpolicy_smb() in contrib/openzfs/module/os/freebsd/spl/spl_policy.c",
        );
        NfsDaemon "PRIV_NFS_DAEMON" => deny(
            "The NFS server exports the machine's file systems from inside the kernel.",
            "sys_nfssvc() in nfs/nfs_nfssvc.c",
        );
        NfsLockd "PRIV_NFS_LOCKD" => deny(
            "The lock daemon locks on behalf of other machines.",
            "sys_nlm_syscall() in nlm/nlm_prot_impl.c, kern_fcntl() in kern/kern_descrip.c",
        );
        NnpfsDebug "PRIV_NNPFS_DEBUG" => deny(
            "Debugging a file system driver is debugging the kernel.",
            NO_CALLER,
        );
        UfsExtattrctl "PRIV_UFS_EXTATTRCTL" => deny(
            "Turns attributes on or off for a whole file system.",
            "ufs_extattrctl() in ufs/ufs/ufs_extattr.c",
        );
        UfsQuotaoff "PRIV_UFS_QUOTAOFF" => deny(
            "Turns accounting off for a whole file system, the host's users included.",
            "quotaoff() in ufs/ufs/ufs_quota.c",
        );
        UfsQuotaon "PRIV_UFS_QUOTAON" => deny(
            "Turns accounting on for a whole file system, the host's users included.",
            "quotaon() in ufs/ufs/ufs_quota.c",
        );
        UfsSetuse "PRIV_UFS_SETUSE" => deny(
            "Rewrites what the file system believes to be in use.",
            "_setuse() in ufs/ufs/ufs_quota.c",
        );
        VfsExceedquota "PRIV_VFS_EXCEEDQUOTA" => deny(
            "A quota binds the jail, and so its root.",
            "chkdq() and chkiq() in ufs/ufs/ufs_quota.c",
        );
        VfsGetquota "PRIV_VFS_GETQUOTA" => with(
            JailFlags::QUOTAS,
            "Quotas belong to the file system, which other jails and the host may share.",
            "_getquota() in ufs/ufs/ufs_quota.c",
        )
        .tighter(
                "native grants it always, and quotactl(2) refuses a jail without allow.quotas \
                 before it asks",
            );
        VfsMount "PRIV_VFS_MOUNT" => deny(
            "Mounting is the host's.",
            "paper 5; vfs_domount() in kern/vfs_mount.c",
        )
        .breaks(2)
        .tighter("native grants it to a jail with allow.mount and enforce_statfs below 2");
        VfsMountExported "PRIV_VFS_MOUNT_EXPORTED" => deny(
            "Exporting to other machines is the host's.",
            "paper 5; vfs_domount() in kern/vfs_mount.c",
        );
        VfsMountNonuser "PRIV_VFS_MOUNT_NONUSER" => deny(
            "Mounting is the host's.",
            "paper 5; vfs_domount() in kern/vfs_mount.c",
        )
        .breaks(2)
        .tighter("native grants it to a jail with allow.mount and enforce_statfs below 2");
        VfsMountOwner "PRIV_VFS_MOUNT_OWNER" => deny(
            "A mount seen from the jail is not the jail's.",
            "paper 5; vfs_suser() in kern/vfs_subr.c",
        )
        .breaks(2)
        .tighter("native grants it to a jail with allow.mount and enforce_statfs below 2");
        VfsMountPerm "PRIV_VFS_MOUNT_PERM" => deny(
            "Mounting a disk whose node the caller may not read would read it.",
            "paper 5; ffs_mount() in ufs/ffs/ffs_vfsops.c",
        );
        VfsMountSuiddir "PRIV_VFS_MOUNT_SUIDDIR" => deny(
            "Lets files change owner by where they are made.",
            "paper 5; vfs_domount() in kern/vfs_mount.c",
        );
        VfsSetquota "PRIV_VFS_SETQUOTA" => with(
            JailFlags::QUOTAS,
            "Quotas belong to the file system, which other jails and the host may share.",
            "_setquota() in ufs/ufs/ufs_quota.c",
        )
        .tighter(
                "native grants it always, and quotactl(2) refuses a jail without allow.quotas \
                 before it asks",
            );
        VfsUnmount "PRIV_VFS_UNMOUNT" => deny(
            "Unmounting would show what the mount covers.",
            "paper 5; kern_unmount() in kern/vfs_mount.c",
        )
        .breaks(2)
        .tighter("native grants it to a jail with allow.mount and enforce_statfs below 2");
        ZfsInject "PRIV_ZFS_INJECT" => deny(
            "Injects faults into the machine's storage.",
            "secpolicy_zinject() in contrib/openzfs/module/os/freebsd/spl/spl_policy.c",
        );
        ZfsJail "PRIV_ZFS_JAIL" => deny(
            "Which dataset belongs to which jail is the host's to say.",
            "zone_dataset_attach() in contrib/openzfs/module/os/freebsd/spl/spl_zone.c",
        );
        ZfsPoolConfig "PRIV_ZFS_POOL_CONFIG" => deny(
            "Pools are the machine's disks.",
            "secpolicy_sys_config() in contrib/openzfs/module/os/freebsd/spl/spl_policy.c",
        );
    }
    "Memory" {
        KmemRead "PRIV_KMEM_READ" => deny(
            "Kernel memory holds everybody's secrets. The kernel gives this to everybody who can \
             open the device; inside a jail nobody has it, so that a stray /dev/mem is of no use, \
             nor a live dump.",
            "paper 5; memopen() in dev/mem/memdev.c, livedump_start() in kern/kern_vnodedumper.c",
        )
        .breaks(1)
        .tighter("native relies on the device not being there")
        .everyone();
        KmemWrite "PRIV_KMEM_WRITE" => deny(
            "Kernel memory is the kernel.",
            "paper 5; memopen() in dev/mem/memdev.c",
        );
        Swapoff "PRIV_SWAPOFF" => deny(
            "Swap is the machine's.",
            "kern_swapoff() in vm/swap_pager.c",
        );
        Swapon "PRIV_SWAPON" => deny(
            "Swap is the machine's.",
            "sys_swapon() in vm/swap_pager.c",
        );
        VmMadvProtect "PRIV_VM_MADV_PROTECT" => deny(
            "A process that is never killed for memory makes another die.",
            "protect_set() in kern/kern_procctl.c",
        );
        VmMlock "PRIV_VM_MLOCK" => with(
            JailFlags::MLOCK,
            "Wired memory is taken from the whole machine. Outside, \
             security.bsd.unprivileged_mlock gives it to everybody; inside, the flag decides for \
             root and user alike.",
            "kern_mlock() and sys_mlockall() in vm/vm_mmap.c",
        )
        .everyone();
        VmMunlock "PRIV_VM_MUNLOCK" => with(
            JailFlags::MLOCK,
            "Goes with PRIV_VM_MLOCK, for root and user alike.",
            "kern_munlock() and sys_munlockall() in vm/vm_mmap.c",
        )
        .everyone();
        VmSwapNoquota "PRIV_VM_SWAP_NOQUOTA" => deny(
            "Overcommits the swap space of the whole machine.",
            "swap_reserve_by_cred() in vm/swap_pager.c",
        );
        VmSwapNorlimit "PRIV_VM_SWAP_NORLIMIT" => deny(
            "A user's share of swap is a limit set by the host.",
            "swap_reserve_by_cred_rlimit() in vm/swap_pager.c",
        );
    }
    "Time" {
        Adjtime "PRIV_ADJTIME" => with(
            JailFlags::ADJTIME.union(JailFlags::SETTIME),
            "The machine has one clock.",
            "kern_adjtime() in kern/kern_ntptime.c",
        )
        .opens(Opens::Flag(JailFlags::ADJTIME));
        ClockSettime "PRIV_CLOCK_SETTIME" => with(
            JailFlags::SETTIME,
            "The machine has one clock.",
            "kern_clock_settime() in kern/kern_time.c, sys_ffclock_setestimate() in \
             kern/kern_ffclock.c",
        );
        NtpAdjtime "PRIV_NTP_ADJTIME" => with(
            JailFlags::ADJTIME.union(JailFlags::SETTIME),
            "The machine has one clock.",
            "kern_ntp_adjtime() in kern/kern_ntptime.c",
        )
        .opens(Opens::Flag(JailFlags::ADJTIME));
        Settimeofday "PRIV_SETTIMEOFDAY" => with(
            JailFlags::SETTIME,
            "The machine has one clock.",
            "kern_settimeofday() in kern/kern_time.c",
        );
    }
    "Machine" {
        Acct "PRIV_ACCT" => deny(
            "Accounting records every process of the machine.",
            "sys_acct() in kern/kern_acct.c",
        );
        CpuctlUpdate "PRIV_CPUCTL_UPDATE" => deny(
            "Microcode is the machine.",
            "cpuctl_ioctl() in dev/cpuctl/cpuctl.c",
        );
        CpuctlWrmsr "PRIV_CPUCTL_WRMSR" => deny(
            "Model-specific registers are the machine.",
            "cpuctl_ioctl() in dev/cpuctl/cpuctl.c",
        );
        DdbCapture "PRIV_DDB_CAPTURE" => deny(
            "The debugger's log is a view of the kernel.",
            "sysctl_debug_ddb_capture_data() in ddb/db_capture.c",
        );
        Driver "PRIV_DRIVER" => deny(
            "Drivers attach, detach and program hardware.",
            "paper 6.6; devctl2_ioctl() in kern/subr_bus.c and many drivers",
        );
        DtraceKernel "PRIV_DTRACE_KERNEL" => deny(
            "Traces the whole kernel and everybody in it.",
            "dtrace_cred2priv() in cddl/contrib/opensolaris/uts/common/dtrace/dtrace.c",
        );
        DtraceProc "PRIV_DTRACE_PROC" => deny(
            "Probes sit in the kernel, which does not know of jails there.",
            "dtrace_cred2priv() in cddl/contrib/opensolaris/uts/common/dtrace/dtrace.c",
        );
        DtraceUser "PRIV_DTRACE_USER" => deny(
            "Probes sit in the kernel, which does not know of jails there.",
            "dtrace_cred2priv() in cddl/contrib/opensolaris/uts/common/dtrace/dtrace.c",
        );
        FirmwareLoad "PRIV_FIRMWARE_LOAD" => deny(
            "Loads code into a device, and a module to find it.",
            "paper 5; firmware_get_flags() in kern/subr_firmware.c",
        );
        Io "PRIV_IO" => deny(
            "I/O ports are the machine.",
            "paper 5; ioopen() in dev/io/iodev.c, amd64_set_ioperm() in amd64/amd64/sys_machdep.c",
        );
        KdbSetBackend "PRIV_KDB_SET_BACKEND" => deny(
            "The debugger stops the machine.",
            "kdb_dbbe_select() in kern/subr_kdb.c",
        )
        .since(15);
        KenvSet "PRIV_KENV_SET" => deny(
            "The kernel's environment configures the machine.",
            "paper 5; sys_kenv() in kern/kern_environment.c",
        );
        KenvUnset "PRIV_KENV_UNSET" => deny(
            "The kernel's environment configures the machine.",
            "paper 5; sys_kenv() in kern/kern_environment.c",
        );
        Keyboard "PRIV_KEYBOARD" => deny(
            "The console's key map is the machine's.",
            "key_change_ok() in dev/kbd/kbd.c",
        );
        KldLoad "PRIV_KLD_LOAD" => deny(
            "A module is the kernel.",
            "paper 5; kern_kldload() in kern/kern_linker.c",
        );
        KldUnload "PRIV_KLD_UNLOAD" => deny(
            "A module is the kernel, and this one is a module.",
            "paper 5; kern_kldunload() in kern/kern_linker.c",
        );
        Maxfiles "PRIV_MAXFILES" => deny(
            "The last open files of the machine are kept for the host; the kernel asks by real \
             uid.",
            "_falloc_noinstall() in kern/kern_descrip.c",
        );
        Maxproc "PRIV_MAXPROC" => deny(
            "The last processes of the machine are kept for the host; the kernel asks by real uid.",
            "fork1() in kern/kern_fork.c, thread_count_inc_try() in kern/kern_thread.c",
        );
        Msgbuf "PRIV_MSGBUF" => with(
            JailFlags::READ_MSGBUF,
            "Kernel messages tell of the whole machine. Outside, \
             security.bsd.unprivileged_read_msgbuf gives them to everybody; inside, the flag \
             decides for root and user alike.",
            "sysctl_kern_msgbuf() in kern/subr_prf.c",
        )
        .everyone();
        PmcManage "PRIV_PMC_MANAGE" => deny(
            "Performance counters are the machine's.",
            "pmc_syscall_handler() in dev/hwpmc/hwpmc_mod.c",
        );
        PmcSystem "PRIV_PMC_SYSTEM" => deny(
            "Counts what the whole machine does.",
            "pmc_do_op_pmcallocate() in dev/hwpmc/hwpmc_mod.c",
        );
        RandomReseed "PRIV_RANDOM_RESEED" => deny(
            "The machine has one random number generator.",
            NO_CALLER,
        );
        RctlAddRule "PRIV_RCTL_ADD_RULE" => deny(
            "Resource rules bind the jail, and so its root.",
            "sys_rctl_add_rule() in kern/kern_rctl.c",
        );
        RctlGetLimits "PRIV_RCTL_GET_LIMITS" => deny(
            "Rules name users and jails outside.",
            "sys_rctl_get_limits() in kern/kern_rctl.c",
        );
        RctlGetRacct "PRIV_RCTL_GET_RACCT" => deny(
            "Shows what users and jails outside consume.",
            "sys_rctl_get_racct() in kern/kern_rctl.c",
        );
        RctlGetRules "PRIV_RCTL_GET_RULES" => deny(
            "Rules name users and jails outside.",
            "sys_rctl_get_rules() in kern/kern_rctl.c",
        );
        RctlRemoveRule "PRIV_RCTL_REMOVE_RULE" => deny(
            "Resource rules bind the jail, and so its root.",
            "sys_rctl_remove_rule() in kern/kern_rctl.c",
        );
        Reboot "PRIV_REBOOT" => deny(
            "There is one machine.",
            "sys_reboot() in kern/kern_shutdown.c",
        );
        Setdumper "PRIV_SETDUMPER" => deny(
            "A crash dump is all of kernel memory.",
            "dumper_insert() in kern/kern_shutdown.c",
        );
        SysctlDebug "PRIV_SYSCTL_DEBUG" => deny(
            "Prints the kernel's tree of variables to its console.",
            "sysctl_sysctl_debug() in kern/kern_sysctl.c",
        );
        SysctlMemlock "PRIV_SYSCTL_MEMLOCK" => deny(
            "Lets large requests wire memory side by side; refused, they queue and still succeed.",
            "userland_sysctl() in kern/kern_sysctl.c",
        )
        .since(15);
        SysctlWrite "PRIV_SYSCTL_WRITE" => deny(
            "Kernel variables configure the machine.",
            "paper 5; sysctl_root() in kern/kern_sysctl.c",
        );
        SysctlWritejail "PRIV_SYSCTL_WRITEJAIL" => allow(
            "Variables that line two keeps per jail: host name, securelevel, host id. Without \
             line two they are the machine's own.",
            "paper 5; sysctl_root() in kern/kern_sysctl.c",
        )
        .second_line();
        Vm86Intcall "PRIV_VM86_INTCALL" => deny(
            "Calls the BIOS with the kernel's rights.",
            "vm86_sysarch() in i386/i386/vm86.c",
        );
        VmmPptdev "PRIV_VMM_PPTDEV" => deny(
            "Hands a PCI device to a guest, and with it all of memory.",
            "vmmdev_ioctl() in dev/vmm/vmm_dev.c",
        )
        .breaks(1)
        .tighter("native passes it on to vmm(4), which asks for allow.vmm_ppt")
        .since(15);
    }
    "Audit and other policies" {
        AuditControl "PRIV_AUDIT_CONTROL" => deny(
            "The audit trail is the host's, of what jails do above all.",
            "sys_auditon() in security/audit/audit_syscalls.c",
        );
        AuditFailstop "PRIV_AUDIT_FAILSTOP" => deny(
            "When nothing can be audited nothing should run, jails last.",
            "audit_syscall_enter() in security/audit/audit.c",
        );
        AuditGetaudit "PRIV_AUDIT_GETAUDIT" => by_name(
            "Reads by whom the host believes a process to be run.",
            "sys_getaudit() in security/audit/audit_syscalls.c",
        )
        .opens(Opens::SetAudit)
        .tighter("native grants it to a jail with allow.setaudit");
        AuditSetaudit "PRIV_AUDIT_SETAUDIT" => by_name(
            "Changes whom the host's audit trail blames.",
            "sys_setaudit() in security/audit/audit_syscalls.c",
        )
        .opens(Opens::SetAudit)
        .tighter("native grants it to a jail with allow.setaudit");
        AuditSubmit "PRIV_AUDIT_SUBMIT" => deny(
            "A jail could write what it likes into the host's audit trail.",
            "sys_audit() in security/audit/audit_syscalls.c",
        );
        MacPartition "PRIV_MAC_PARTITION" => deny(
            "A label that another policy confines by is not the jail's to change.",
            "partition_cred_check_relabel() in security/mac_partition/mac_partition.c",
        );
        MacPrivs "PRIV_MAC_PRIVS" => deny(
            "Another policy's privileges are the host's to give.",
            NO_CALLER,
        );
        VeriexecControl "PRIV_VERIEXEC_CONTROL" => deny(
            "Says which programs the machine may run.",
            "verifiedexecioctl() in dev/veriexec/verified_exec.c",
        )
        .since(15);
        VeriexecDirect "PRIV_VERIEXEC_DIRECT" => deny(
            "Overrides what the host verified; asked of granting policies only, which rjail is \
             not.",
            "mac_veriexec_fingerprint_check_image() in \
             security/mac_veriexec/veriexec_fingerprint.c",
        )
        .since(15);
        VeriexecNoverify "PRIV_VERIEXEC_NOVERIFY" => deny(
            "Overrides what the host verified; asked of granting policies only, which rjail is \
             not.",
            "mac_veriexec_check_vp() in security/mac_veriexec/mac_veriexec.c",
        )
        .since(15);
    }
    "Terminals and devices" {
        DevfsRule "PRIV_DEVFS_RULE" => deny(
            "Rules say which devices a jail sees.",
            "paper 6.6; devfs_rules_ioctl() in fs/devfs/devfs_rule.c",
        );
        DevfsSymlink "PRIV_DEVFS_SYMLINK" => deny(
            "Every jail with the same mount of devfs would follow it.",
            "devfs_symlink() in fs/devfs/devfs_vnops.c",
        );
        TtyConsole "PRIV_TTY_CONSOLE" => deny(
            "Console output is the machine's.",
            "tty_generic_ioctl() in kern/tty.c",
        );
        TtyDrainwait "PRIV_TTY_DRAINWAIT" => deny(
            "How long a line drains is the host's to set.",
            "tty_generic_ioctl() in kern/tty.c",
        );
        TtyDtrwait "PRIV_TTY_DTRWAIT" => deny(
            "Modem lines are hardware.",
            NO_CALLER,
        );
        TtyExclusive "PRIV_TTY_EXCLUSIVE" => deny(
            "A terminal taken for exclusive use stays its owner's.",
            "ttydev_open() in kern/tty.c",
        );
        TtySeta "PRIV_TTY_SETA" => deny(
            "Initial settings of a serial line are the host's.",
            "ttyil_ioctl() in kern/tty.c",
        );
        TtySti "PRIV_TTY_STI" => deny(
            "Typing on somebody else's terminal runs commands as them, and the terminal may be \
             the host's.",
            "tty_sti_check() in kern/tty.c",
        );
    }
    "Sockets" {
        NetinetBindany "PRIV_NETINET_BINDANY" => deny(
            "Binds addresses that are not the jail's.",
            "paper 6.4; ip_ctloutput() in netinet/ip_output.c",
        );
        NetinetGetcred "PRIV_NETINET_GETCRED" => allow(
            "Whose connection it is, for identd; only connections that the jail sees get an \
             answer.",
            "paper 6.4; tcp_getcred() in netinet/tcp_subr.c, udp_getcred() in netinet/udp_usrreq.c",
        );
        NetinetKtlskeys "PRIV_NETINET_KTLSKEYS" => deny(
            "Session keys of connections that are not the asking user's own.",
            "cr_canexport_ktlskeys() in netinet/in_prot.c",
        )
        .since(15);
        NetinetRaw "PRIV_NETINET_RAW" => with(
            JailFlags::RAW_SOCKETS,
            "A raw socket sees and forges packets; the paper forbids it, ping wants it.",
            "paper 5; rip_attach() in netinet/raw_ip.c",
        );
        NetinetReservedport "PRIV_NETINET_RESERVEDPORT" => with(
            JailFlags::RESERVED_PORTS,
            "Low ports on its own addresses, nobody else's.",
            "paper 5; in_pcbbind_avail() in netinet/in_pcb.c",
        );
        NetinetReuseport "PRIV_NETINET_REUSEPORT" => allow(
            "Sharing a port of the jail's own address with another of its users; both sockets \
             must still ask for it.",
            "in_pcbbind_avail() in netinet/in_pcb.c",
        );
        NetinetSethdropts "PRIV_NETINET_SETHDROPTS" => allow(
            "IPv6 header options of its own packets, from its own addresses.",
            "ip6_setpktopt() in netinet6/ip6_output.c",
        );
    }
    "Network configuration" {
        C4bResetCtlr "PRIV_C4B_RESET_CTLR" => deny(
            "Loads firmware into an ISDN controller.",
            NO_CALLER,
        );
        C4bTrace "PRIV_C4B_TRACE" => deny(
            "Traces everybody's calls.",
            NO_CALLER,
        );
        Net80211CreateVap "PRIV_NET80211_CREATE_VAP" => deny(
            "Makes a wireless interface.",
            "paper 5; ieee80211_priv_check_create_vap() in net80211/ieee80211_freebsd.c",
        );
        Net80211VapGetkey "PRIV_NET80211_VAP_GETKEY" => deny(
            "Reads the machine's wireless keys.",
            "paper 5; ieee80211_priv_check_vap_getkey() in net80211/ieee80211_freebsd.c",
        );
        Net80211VapManage "PRIV_NET80211_VAP_MANAGE" => deny(
            "Configures a wireless interface.",
            "paper 5; ieee80211_priv_check_vap_manage() in net80211/ieee80211_freebsd.c",
        );
        Net80211VapSetmac "PRIV_NET80211_VAP_SETMAC" => deny(
            "Changes a wireless interface's address.",
            "paper 5; ieee80211_priv_check_vap_setmac() in net80211/ieee80211_freebsd.c",
        );
        NetatmAdd "PRIV_NETATM_ADD" => deny(
            "Configures ATM, which is gone.",
            "paper 5; no caller in 15.1",
        );
        NetatmCfg "PRIV_NETATM_CFG" => deny(
            "Configures ATM, which is gone.",
            "paper 5; no caller in 15.1",
        );
        NetatmDel "PRIV_NETATM_DEL" => deny(
            "Configures ATM, which is gone.",
            "paper 5; no caller in 15.1",
        );
        NetatmSet "PRIV_NETATM_SET" => deny(
            "Configures ATM, which is gone.",
            "paper 5; no caller in 15.1",
        );
        NetbluetoothRaw "PRIV_NETBLUETOOTH_RAW" => deny(
            "Talks to the controller itself.",
            "paper 5; ng_btsocket_hci_raw_attach() in \
             netgraph/bluetooth/socket/ng_btsocket_hci_raw.c",
        );
        NetgraphControl "PRIV_NETGRAPH_CONTROL" => deny(
            "Rewires the network inside the kernel.",
            "paper 5; ngc_attach() in netgraph/ng_socket.c",
        );
        NetgraphTty "PRIV_NETGRAPH_TTY" => deny(
            "Rewires a terminal into the network.",
            "paper 5; no caller in 15.1",
        );
        NetinetAddrctrl6 "PRIV_NETINET_ADDRCTRL6" => deny(
            "IPv6 address policy is the machine's.",
            "paper 5; in6_control_ioctl() in netinet6/in6.c",
        );
        NetinetAlifetime6 "PRIV_NETINET_ALIFETIME6" => deny(
            "Address lifetimes are the machine's.",
            "paper 5; no caller in 15.1",
        );
        NetinetCarp "PRIV_NETINET_CARP" => deny(
            "Takes over addresses from other machines, and holds their password.",
            "paper 5; carp_ioctl() in netinet/ip_carp.c",
        );
        NetinetDivert "PRIV_NETINET_DIVERT" => deny(
            "Sees and rewrites the machine's packets.",
            "paper 5; div_attach() in netinet/ip_divert.c",
        );
        NetinetDummynet "PRIV_NETINET_DUMMYNET" => deny(
            "Shapes the machine's traffic.",
            "paper 5; ip_dn_ctl() in netpfil/ipfw/ip_dummynet.c",
        );
        NetinetHashkey "PRIV_NETINET_HASHKEY" => deny(
            "The key that spreads connections over CPUs must stay secret.",
            "sysctl_rss_key() in net/rss_config.c",
        );
        NetinetIpfw "PRIV_NETINET_IPFW" => deny(
            "The firewall is the machine's.",
            "paper 5; ipfw_ctl3() in netpfil/ipfw/ip_fw_sockopt.c",
        );
        NetinetIpsec "PRIV_NETINET_IPSEC" => deny(
            "A socket could bypass the policy that the host set for everybody.",
            "paper 5; ipsec_set_pcbpolicy() in netipsec/ipsec_pcb.c",
        );
        NetinetMroute "PRIV_NETINET_MROUTE" => deny(
            "Routes multicast for the machine.",
            "paper 5; rip_ctloutput() in netinet/raw_ip.c",
        );
        NetinetNd6 "PRIV_NETINET_ND6" => deny(
            "Neighbour discovery is the machine's.",
            "paper 5; in6_control_ioctl() in netinet6/in6.c",
        );
        NetinetPf "PRIV_NETINET_PF" => deny(
            "The firewall is the machine's.",
            "paper 5; netpfil/pf/pf_nl.c, pfsyncioctl() in netpfil/pf/if_pfsync.c",
        );
        NetinetScope6 "PRIV_NETINET_SCOPE6" => deny(
            "IPv6 scopes are the machine's.",
            "paper 5; in6_control_ioctl() in netinet6/in6.c",
        );
        NetAddifaddr "PRIV_NET_ADDIFADDR" => deny(
            "Gives the machine an address.",
            "paper 5; in_aifaddr_ioctl() in netinet/in.c, netlink/route/iface.c",
        );
        NetAddifgroup "PRIV_NET_ADDIFGROUP" => deny(
            "Groups interfaces, for the firewall to go by.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetAddmulti "PRIV_NET_ADDMULTI" => deny(
            "Receives multicast on an interface, for everybody.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetBpf "PRIV_NET_BPF" => deny(
            "Shows who watches the network.",
            "paper 5; bpf_stats_sysctl() in net/bpf.c",
        );
        NetBridge "PRIV_NET_BRIDGE" => deny(
            "Joins networks.",
            "paper 5; bridge_ioctl() in net/if_bridge.c",
        );
        NetDelifaddr "PRIV_NET_DELIFADDR" => deny(
            "Takes an address from the machine.",
            "paper 5; in_difaddr_ioctl() in netinet/in.c, netlink/route/iface.c",
        );
        NetDelifgroup "PRIV_NET_DELIFGROUP" => deny(
            "Groups interfaces, for the firewall to go by.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetDelmulti "PRIV_NET_DELMULTI" => deny(
            "Stops multicast on an interface, for everybody.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetGif "PRIV_NET_GIF" => deny(
            "Makes a tunnel.",
            "paper 5; gif_ioctl() in net/if_gif.c",
        );
        NetGre "PRIV_NET_GRE" => deny(
            "Makes a tunnel.",
            "paper 5; gre_ioctl() in net/if_gre.c",
        );
        NetHwioctl "PRIV_NET_HWIOCTL" => deny(
            "Talks to network hardware.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetIfcreate "PRIV_NET_IFCREATE" => deny(
            "Makes an interface.",
            "paper 5; ifioctl() in net/if.c, tunclone() in net/if_tuntap.c",
        );
        NetIfdestroy "PRIV_NET_IFDESTROY" => deny(
            "Destroys an interface.",
            "paper 5; ifioctl() in net/if.c",
        );
        NetLagg "PRIV_NET_LAGG" => deny(
            "Configures a link aggregate.",
            "paper 5; lagg_ioctl() in net/if_lagg.c",
        );
        NetMe "PRIV_NET_ME" => deny(
            "Makes a tunnel.",
            "paper 5; me_ioctl() in net/if_me.c",
        )
        .since(15);
        NetOvpn "PRIV_NET_OVPN" => deny(
            "Configures a tunnel.",
            "paper 5; ovpn_ioctl() in net/if_ovpn.c",
        )
        .since(15);
        NetRaw "PRIV_NET_RAW" => deny(
            "Speaks to the IPsec key engine, or past all protocols to the hardware.",
            "paper 5; key_attach() in netipsec/keysock.c",
        );
        NetRoute "PRIV_NET_ROUTE" => deny(
            "The routing table is the machine's.",
            "paper 5; net/rtsock.c, netlink/route",
        )
        .breaks(1)
        .tighter("native grants it to a jail with allow.routing");
        NetSetifcap "PRIV_NET_SETIFCAP" => deny(
            "Configures an interface.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifdescr "PRIV_NET_SETIFDESCR" => deny(
            "Configures an interface.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetiffib "PRIV_NET_SETIFFIB" => deny(
            "Moves an interface to another routing table.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifflags "PRIV_NET_SETIFFLAGS" => deny(
            "Takes an interface up, down or promiscuous.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifmac "PRIV_NET_SETIFMAC" => deny(
            "Labels an interface for other policies.",
            "paper 5; mac_ifnet_ioctl_set() in security/mac/mac_net.c",
        );
        NetSetifmetric "PRIV_NET_SETIFMETRIC" => deny(
            "Configures an interface.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifmtu "PRIV_NET_SETIFMTU" => deny(
            "Configures an interface.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifname "PRIV_NET_SETIFNAME" => deny(
            "Configures an interface.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifphys "PRIV_NET_SETIFPHYS" => deny(
            "Configures an interface's hardware or tunnel ends.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetifvnet "PRIV_NET_SETIFVNET" => deny(
            "Moves an interface between network stacks; this jail has none of its own.",
            "paper 5; ifioctl() in net/if.c",
        );
        NetSetlanpcp "PRIV_NET_SETLANPCP" => deny(
            "Sets the priority of an interface's frames.",
            "paper 5; ether_ioctl() in net/if_ethersubr.c",
        );
        NetSetlladdr "PRIV_NET_SETLLADDR" => deny(
            "Changes an interface's hardware address.",
            "paper 5; ifhwioctl() in net/if.c",
        );
        NetSetvlanpcp "PRIV_NET_SETVLANPCP" => deny(
            "Sets the priority of an interface's frames; another name for PRIV_NET_SETLANPCP.",
            "paper 5; vlan_ioctl() in net/if_vlan.c",
        );
        NetTap "PRIV_NET_TAP" => deny(
            "Makes an interface that a program feeds.",
            "paper 5; no caller in 15.1",
        );
        NetVxlan "PRIV_NET_VXLAN" => deny(
            "Makes a tunnel.",
            "paper 5; vxlan_ioctl() in net/if_vxlan.c",
        );
        NetWg "PRIV_NET_WG" => deny(
            "Configures a tunnel and holds its keys.",
            "paper 5; wg_ioctl() in dev/wg/if_wg.c",
        )
        .since(15);
    }
    "Modules without a name" {
        Module0 "PRIV_MODULE0" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module1 "PRIV_MODULE1" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module2 "PRIV_MODULE2" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module3 "PRIV_MODULE3" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module4 "PRIV_MODULE4" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module5 "PRIV_MODULE5" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module6 "PRIV_MODULE6" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module7 "PRIV_MODULE7" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module8 "PRIV_MODULE8" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module9 "PRIV_MODULE9" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module10 "PRIV_MODULE10" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module11 "PRIV_MODULE11" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module12 "PRIV_MODULE12" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module13 "PRIV_MODULE13" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module14 "PRIV_MODULE14" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
        Module15 "PRIV_MODULE15" => deny(
            "Whoever uses it has not said what for.",
            "paper 6.6; no caller in 15.1",
        );
    }
}
