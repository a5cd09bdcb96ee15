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

/* Version of struct rjail_args that this header describes. */
#define	RJAIL_VERSION		1

/* Most addresses a jail can have. */
#define	RJAIL_MAX_IP4		255

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
#define	RJAIL_FLAGS_ALL		0x000007ffu

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
	const struct in_addr *ip4;	/* its addresses, network byte order */
	uint32_t	 ip4s;		/* how many, 0 to RJAIL_MAX_IP4 */
	uint32_t	 flags;		/* RJAIL_* */
};

#ifndef _KERNEL
#include <sys/param.h>
#include <sys/module.h>
#include <sys/syscall.h>
#include <errno.h>
#include <unistd.h>

/*
 * Make a jail and enter it.  Returns the jail's number, or -1 with errno:
 * ENOSYS when the module is not loaded; EPERM without privilege, from inside
 * a jail, after chroot(2) or with a directory open; EBUSY while the process
 * shares its descriptor table or its directories with another; EINVAL, EFAULT,
 * ENAMETOOLONG, ENOENT, ENOTDIR, EACCES, ENOMEM as their names say.  After an
 * error nothing has changed.
 */
static inline int64_t
rjail(const struct rjail_args *args)
{
	struct module_stat st = { .version = sizeof(st) };
	int mod;

	mod = modfind("sys/rjail");
	if (mod == -1 || modstat(mod, &st) == -1) {
		errno = ENOSYS;
		return (-1);
	}
	return (__syscall((quad_t)st.data.intval, args));
}
#endif /* !_KERNEL */

#endif /* !_RJAIL_H_ */
