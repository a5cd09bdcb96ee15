/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rjail: the public interface.
 *
 * The kernel module and C programs include this one file; it needs nothing but
 * libc.  System call numbers are dynamic: rjail(), below, asks the kernel for
 * its own by name and works with whatever number the module got.
 */
#ifndef _RJAIL_H_
#define	_RJAIL_H_

#include <sys/types.h>
#include <netinet/in.h>

/* Version of the structures that this header describes. */
#define	RJAIL_VERSION		1

/* What the system call is to do: its first argument. */
#define	RJAIL_CREATE		1	/* struct rjail_args */
#define	RJAIL_GET		2	/* struct rjail_info */
#define	RJAIL_ATTACH		3	/* struct rjail_attach */
#define	RJAIL_KILL		4	/* struct rjail_kill */
#define	RJAIL_WHY		5	/* struct rjail_why */
#define	RJAIL_HOLD		6	/* struct rjail_args */

/* Most addresses a jail can have, of each family. */
#define	RJAIL_MAX_IP4		255
#define	RJAIL_MAX_IP6		255

/*
 * What 127.0.0.1 and ::1 are inside, unless the jail was given them as
 * addresses of its own: its first address; nothing, EADDRNOTAVAIL; the
 * machine's, which then count as addresses of the jail.
 */
#define	RJAIL_LOOPBACK_REWRITE	0
#define	RJAIL_LOOPBACK_REFUSE	1
#define	RJAIL_LOOPBACK_SHARE	2

/*
 * What root in the jail may do beyond the default; sealed once made.
 * Bits not named here are refused with EINVAL.
 */
#define	RJAIL_SET_HOSTNAME	0x00000001u	/* change its own host name */
#define	RJAIL_RAW_SOCKETS	0x00000002u	/* SOCK_RAW: ping, traceroute */
#define	RJAIL_CHFLAGS		0x00000004u	/* system file flags */
#define	RJAIL_SYSVIPC		0x00000008u	/* System V IPC, shared with the host */
#define	RJAIL_MLOCK		0x00000010u	/* wire memory */
#define	RJAIL_RESERVED_PORTS	0x00000020u	/* ports below 1024 */
#define	RJAIL_QUOTAS		0x00000040u	/* administer quotas */
#define	RJAIL_READ_MSGBUF	0x00000080u	/* read the kernel's message buffer */
#define	RJAIL_EXTATTR		0x00000100u	/* system extended attributes */
#define	RJAIL_SETTIME		0x00000200u	/* set the machine's clock */
#define	RJAIL_ADJTIME		0x00000400u	/* slew the machine's clock */
#define	RJAIL_STATFS_BELOW	0x00000800u	/* see mounts below its root */
#define	RJAIL_STATFS_ALL	0x00001000u	/* see all mounts */
#define	RJAIL_SOCKET_AF		0x00002000u	/* other families; SCTP */
#define	RJAIL_TUN		0x00004000u	/* tun(4) and tap(4) devices */
#define	RJAIL_ALL_DEVICES	0x00008000u	/* whatever devfs shows */
#define	RJAIL_SYSVIPC_OWN	0x00010000u	/* System V IPC of its own */
#define	RJAIL_FLAGS_ALL		0x0001ffffu

/* And those that the sysctls under security.rjail name for new jails. */
#define	RJAIL_DEFAULTS		0x80000000u

/* The jail of the paper: its own name, its own low ports, nothing more. */
#define	RJAIL_PAPER		(RJAIL_SET_HOSTNAME | RJAIL_RESERVED_PORTS)

/*
 * Arguments of rjail(2).  Set size to sizeof(struct rjail_args) and version to
 * RJAIL_VERSION; later versions append fields.
 */
struct rjail_args {
	uint32_t	 size;		/* of this structure, bytes */
	uint32_t	 version;	/* RJAIL_VERSION */
	const char	*path;		/* the jail's root, a directory */
	const char	*hostname;	/* the jail's host name */
	/*
	 * Its addresses, network byte order; the first of each family is what
	 * it speaks from.  Without one, the family does not exist inside.
	 */
	const struct in_addr *ip4;
	uint32_t	 ip4s;		/* how many, 0 to RJAIL_MAX_IP4 */
	uint32_t	 flags;		/* RJAIL_* */
	/*
	 * Single privileges: "+PRIV_KTRACE -PRIV_VFS_CHROOT" adds one and takes
	 * one away, whatever the flags say; names as <sys/priv.h> has them,
	 * blanks between.  NULL for none.
	 */
	const char	*privileges;
	const struct in6_addr *ip6;	/* its IPv6 addresses, as ip4 */
	uint32_t	 ip6s;		/* how many, 0 to RJAIL_MAX_IP6 */
	uint32_t	 loopback;	/* RJAIL_LOOPBACK_* */
	/*
	 * What rctl(8) knows it by, jail:NAME: up to 64 letters, digits, '_', '-'
	 * and '.', beginning with none of the last two, and no number; no other
	 * jail's.  NULL for its number.
	 */
	const char	*name;
};
#define	RJAIL_MAX_NAME		64

/*
 * Arguments of rjail_get(2).  Set size, version, jid and which, and what is
 * wanted beside the numbers: a place and the room there is.  Of a list as much
 * is written as has room; of a string all or nothing.
 */
struct rjail_info {
	uint32_t	 size;		/* of this structure, bytes */
	uint32_t	 version;	/* RJAIL_VERSION */
	int64_t		 jid;		/* in: whose; out: of this jail */
	uint32_t	 which;		/* in: RJAIL_THIS and so on */
	uint32_t	 flags;		/* RJAIL_* */
	uint32_t	 lines;		/* 2; 1: the label alone */
	uint32_t	 ip4s;		/* in: room at ip4; out: addresses */
	uint32_t	 rows;		/* in: room at ledger; out: there are */
	uint32_t	 unnamed;	/* denied: numbers without a name */
	int32_t		 last_unnamed;	/* the last of them */
	uint32_t	 missed;	/* in no count: no memory */
	struct rjail_privilege *ledger;	/* or NULL */
	struct in_addr	*ip4;		/* or NULL; network order, primary first */
	char		*hostname;	/* or NULL */
	char		*path;		/* or NULL; from the machine's root */
	uint32_t	 hostname_size;	/* in: room; out: bytes with the NUL */
	uint32_t	 path_size;	/* in: room; out: bytes with the NUL */
	uint32_t	 state;		/* RJAIL_ALIVE and so on */
	uint32_t	 processes;	/* zombies included */
	uint32_t	 descriptors;	/* that hold it: rjail_hold(2) */
	uint32_t	 credentials;	/* of processes, files, sockets, ... */
	/* What has such a credential; counted while there is no process. */
	uint32_t	 files;		/* open in processes outside */
	uint32_t	 connections;	/* and ports: TCP, UDP, raw IP */
	struct in6_addr	*ip6;		/* or NULL; primary first */
	uint32_t	 ip6s;		/* in: room at ip6; out: addresses */
	uint32_t	 loopback;	/* RJAIL_LOOPBACK_* */
	char		*name;		/* or NULL; empty when it was given none */
	uint32_t	 name_size;	/* in: room; out: bytes with the NUL */
	uint32_t	 spare;		/* 0 */
};
/* which */
#define	RJAIL_THIS		0	/* the jail of that number */
#define	RJAIL_NEXT		1	/* of the next greater one */
#define	RJAIL_HELD_BY		2	/* that this descriptor holds */
/* state */
#define	RJAIL_ALIVE		0	/* can be entered */
#define	RJAIL_CLOSING		1	/* closed, processes still ending */
#define	RJAIL_DYING		2	/* none left; something has its credential */

/* One privilege, as one jail has it: what it did with it. */
struct rjail_privilege {
	char		 name[32];	/* as <sys/priv.h>, NULs to the end */
	int32_t		 number;	/* the kernel's */
	uint32_t	 state;		/* RJAIL_HELD */
	uint64_t	 allowed;	/* times; stops at 2^32 - 1 */
	uint64_t	 denied;	/* times; stops at 2^24 - 1 */
};
#define	RJAIL_HELD		0x00000001u	/* root in the jail has it */

/* Arguments of rjail_attach(2). */
struct rjail_attach {
	uint32_t	 size;		/* of this structure, bytes */
	uint32_t	 version;	/* RJAIL_VERSION */
	int64_t		 jid;		/* which jail */
};

/* Arguments of rjail_kill(2). */
struct rjail_kill {
	uint32_t	 size;		/* of this structure, bytes */
	uint32_t	 version;	/* RJAIL_VERSION */
	int64_t		 jid;		/* which jail */
	int32_t		 signal;	/* or 0: only count */
	uint32_t	 flags;		/* RJAIL_CLOSE, or 0 */
	uint64_t	 milliseconds;	/* RJAIL_CLOSE: wait this long at most */
};
#define	RJAIL_CLOSE		0x00000001u	/* nobody enters any more */
#define	RJAIL_MAX_WAIT		3600000u	/* milliseconds */

/*
 * Arguments of rjail_why(2): set size, version, jid and privilege, and text and
 * text_size, or NULL.  The rest is the answer.
 */
struct rjail_why {
	uint32_t	 size;		/* of this structure, bytes */
	uint32_t	 version;	/* RJAIL_VERSION */
	int64_t		 jid;		/* which jail */
	const char	*privilege;	/* name, as <sys/priv.h> */
	char		*text;		/* a sentence, or NULL */
	uint32_t	 text_size;	/* in: room; out: bytes with the NUL */
	uint32_t	 allowed;	/* root in the jail may use it: 1, or 0 */
	uint32_t	 line;		/* 0; the line that refuses: 1, 2 */
	uint32_t	 by;		/* RJAIL_BY_*: what settles it */
	uint32_t	 flags;		/* any one of these would give it */
	int32_t		 number;	/* of the privilege, in this kernel */
};
#define	RJAIL_BY_TABLE		0	/* the same for every jail */
#define	RJAIL_BY_FLAG		1	/* one of flags, given or missing */
#define	RJAIL_BY_NAME		2	/* +NAME, given or missing */
#define	RJAIL_BY_TAKEN		3	/* -NAME */
#define	RJAIL_BY_SECOND_LINE	4	/* the kernel's own check alone */

/* Category of the extended errors of 15.x; p1 is the jail, p2 the privilege. */
#define	RJAIL_EXTERR_CATEGORY	0x726a

#ifndef _KERNEL
#include <sys/param.h>
#include <sys/syscall.h>
#include <sys/sysctl.h>
#include <errno.h>
#include <unistd.h>

static inline int64_t
rjail_syscall(int operation, void *structure)
{
	int number;
	size_t size = sizeof(number);

	if (sysctlbyname("security.rjail.syscall", &number, &size, NULL, 0) == -1 ||
	    number <= 0) {
		errno = ENOSYS;
		return (-1);
	}
	return (__syscall((quad_t)number, operation, structure));
}

/*
 * Make a jail and enter it.  Returns the jail's number, or -1 with errno:
 * ENOSYS when the module is not loaded; EPERM without privilege, from inside
 * a jail, after chroot(2) to another root or with a directory open; EBUSY while
 * the process shares its descriptor table or its directories with another;
 * EEXIST when there is a jail of that name; EINVAL, EFAULT, ENAMETOOLONG, ENOENT,
 * ENOTDIR, EACCES, ENOMEM as their names say.  After an error nothing has changed.  With exterrctl(2) on, a process
 * that may not enter is told why: category 0x726a, p1 the step (src/root.rs),
 * p2 the descriptor that is in the way.
 */
static inline int64_t
rjail(const struct rjail_args *args)
{
	return (rjail_syscall(RJAIL_CREATE, __DECONST(void *, args)));
}

/*
 * Describe a jail.  Returns its number, or -1 with errno: ENOSYS as above;
 * EPERM from inside a jail; ENOENT when there is no such jail; EBADF for a
 * descriptor that holds none; EINVAL, EFAULT.
 */
static inline int64_t
rjail_get(struct rjail_info *info)
{
	return (rjail_syscall(RJAIL_GET, info));
}

/*
 * Make a jail and stay outside.  Returns a descriptor that holds the jail: while
 * it is open the jail exists, although no process is in it.  Neither fork(2) nor
 * a message passes it on; execve(2) closes it.  Errors as rjail(), and EMFILE,
 * ENFILE.
 */
static inline int
rjail_hold(const struct rjail_args *args)
{
	return ((int)rjail_syscall(RJAIL_HOLD, __DECONST(void *, args)));
}

/*
 * Enter a jail that exists.  Returns its number, or -1 with errno: ENOENT when
 * there is none of that number, or it is closing or dying; the rest as rjail().
 */
static inline int64_t
rjail_attach(int64_t jid)
{
	struct rjail_attach attach = {
		.size = sizeof(attach), .version = RJAIL_VERSION, .jid = jid,
	};

	return (rjail_syscall(RJAIL_ATTACH, &attach));
}

/*
 * Send a signal to every process of a jail, once, atomically with respect to
 * fork(2): no child escapes.  With RJAIL_CLOSE, for which the signal is SIGKILL,
 * nobody enters the jail any more, what is forked in it dies at birth, and the
 * call returns when the jail is empty.  Returns how many processes were
 * signalled, or -1 with errno: EPERM without privilege or from inside a jail;
 * ENOENT when there is no such jail; EINVAL for a signal, a flag or a time;
 * EWOULDBLOCK when the time is over and EINTR when a signal came, the jail being
 * closed then all the same.
 */
static inline int64_t
rjail_kill(int64_t jid, int signal, uint32_t flags, uint64_t milliseconds)
{
	struct rjail_kill kill = {
		.size = sizeof(kill), .version = RJAIL_VERSION, .jid = jid,
		.signal = signal, .flags = flags, .milliseconds = milliseconds,
	};

	return (rjail_syscall(RJAIL_KILL, &kill));
}

/*
 * Could root in the jail use a privilege, and why (not)?  Returns the jail's
 * number, or -1 with errno: EPERM from inside a jail; ENOENT when there is no
 * such jail; EINVAL for a name that this kernel has not; EFAULT, ENAMETOOLONG.
 */
static inline int64_t
rjail_why(struct rjail_why *why)
{
	return (rjail_syscall(RJAIL_WHY, why));
}
#endif /* !_KERNEL */

#endif /* !_RJAIL_H_ */
