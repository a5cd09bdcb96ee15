/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptor that keeps a jail without processes.
 *
 * The file's own credential, f_cred, is in the jail, and keeps it.  The kernel lets
 * go of it when rjail_hold_close() has returned: so nobody is in the module any more
 * when the jail, and with it the module, can go.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/capsicum.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/sx.h>
#include <sys/ucred.h>
#include <sys/user.h>

#include "crowd.h"
#include "entry.h"
#include "helpers.h"

static int
rjail_hold_stat(struct file *fp __unused, struct stat *sb,
    struct ucred *cred __unused)
{
	bzero(sb, sizeof(*sb));
	return (0);
}

static int
rjail_hold_close(struct file *fp, struct thread *td __unused)
{
	rjail_entry_let_go(fp->f_cred);
	return (0);
}

static int
rjail_hold_fill_kinfo(struct file *fp __unused, struct kinfo_file *kif,
    struct filedesc *fdp __unused)
{
	kif->kf_type = KF_TYPE_UNKNOWN;
	return (0);
}

static const struct fileops rjail_hold_ops = {
	.fo_read = invfo_rdwr,
	.fo_write = invfo_rdwr,
	.fo_truncate = invfo_truncate,
	.fo_ioctl = invfo_ioctl,
	.fo_poll = invfo_poll,
	.fo_kqfilter = invfo_kqfilter,
	.fo_stat = rjail_hold_stat,
	.fo_close = rjail_hold_close,
	.fo_chmod = invfo_chmod,
	.fo_chown = invfo_chown,
	.fo_sendfile = invfo_sendfile,
	.fo_fill_kinfo = rjail_hold_fill_kinfo,
	.fo_cmp = file_kcmp_generic,
	.fo_flags = 0,	/* DFLAG_PASSABLE it is not */
};

bool
rjail_c_is_hold(const struct file *fp)
{
	return (fp->f_ops == &rjail_hold_ops);
}

/* From 0 on, the file's end lets go of the jail. */
int
rjail_c_hold_alloc(struct thread *td, struct ucred *cred, struct file **fpp)
{
	struct file *fp;
	int error;

	error = rjail_c_fails() ? ENOMEM : falloc_noinstall(td, &fp);
	if (error != 0)
		return (error);
	crfree(fp->f_cred);
	fp->f_cred = crhold(cred);
	finit(fp, FREAD, DTYPE_NONE, NULL, &rjail_hold_ops);
	*fpp = fp;
	return (0);
}

/* Without room for a descriptor the file ends. */
int
rjail_c_hold_install(struct thread *td, struct file *fp, int *fd)
{
	int error;

	error = rjail_c_fails() ? ENOMEM :
	    finstall(td, fp, fd, O_CLOEXEC | O_CLOFORK, NULL);
	fdrop(fp, td);
	return (error);
}

/* The credential of one of ours, referenced, or NULL. */
struct ucred *
rjail_c_held(struct thread *td, int fd)
{
	struct filedesc *fdp = td->td_proc->p_fd;
	struct file *fp;
	struct ucred *cred = NULL;

	/* No reference: the last one, given back, would close the file. */
	FILEDESC_SLOCK(fdp);
	fp = fget_noref(fdp, fd);
	if (fp != NULL && rjail_c_is_hold(fp))
		cred = crhold(fp->f_cred);
	FILEDESC_SUNLOCK(fdp);
	return (cred);
}
