/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories, their paths and their mounts. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/filedesc.h>
#include <sys/jail.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/namei.h>
#include <sys/osd.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/vnode.h>

#include "root.h"

bool
rjail_c_vnode_is_directory(const struct vnode *vp)
{
	return (vp->v_type == VDIR);
}

/* Lets go of a lock that the caller's caller holds; how it was held. */
int
rjail_c_vnode_unlock_any(struct vnode *vp)
{
	int how;

	how = VOP_ISLOCKED(vp);
	VOP_UNLOCK(vp);
	return (how);
}

void
rjail_c_vnode_lock_again(struct vnode *vp, int how)
{
	vn_lock(vp, how | LK_RETRY);
}

/* From the machine's root; locks what the name cache does not know. */
int
rjail_c_path(struct vnode *vp, char **path, char **memory)
{
	return (vn_fullpath_global(vp, path, memory));
}

void
rjail_c_path_free(char *memory)
{
	free(memory, M_TEMP);
}

/* The directory above which ".." never goes, referenced; or NULL. */
struct vnode *
rjail_c_jail_directory(struct thread *td)
{
	struct pwd *pwd;
	struct vnode *vp;

	pwd = pwd_hold(td);
	vp = pwd->pwd_jdir;
	if (vp != NULL)
		vref(vp);
	pwd_drop(pwd);
	return (vp);
}

bool
rjail_c_moves_directory(const struct componentname *cnp)
{
	return ((cnp->cn_flags & WILLBEDIR) != 0);
}

/*
 * A directory that a thread moves.  rename(2) asks twice: out of where, and then
 * into where.  To walk up from there the second question would have to let go of
 * locks that the file system relies on; so it remembers what it found and has
 * rename(2) begin again.  Held, not referenced: nobody else gets the addresses,
 * and nothing keeps the file system from being unmounted.
 */
struct rjail_move {
	struct vnode *pending;		/* out of this one, now */
	struct vnode *from, *to;	/* may be done; held, or NULL */
};
static int rjail_c_move_slot;
static MALLOC_DEFINE(M_RJAIL_MOVE, "rjail_move", "rjail: directories on the move");

static void
rjail_c_move_forget(struct rjail_move *move)
{
	if (move->from != NULL) {
		vdrop(move->from);
		vdrop(move->to);
		move->from = move->to = NULL;
	}
}

static void
rjail_c_move_free(void *value)
{
	rjail_c_move_forget(value);
	free(value, M_RJAIL_MOVE);
}

static struct rjail_move *
rjail_c_move_own(void)
{
	return (osd_thread_get_unlocked(curthread, rjail_c_move_slot));
}

void
rjail_c_moves_init(void)
{
	rjail_c_move_slot = osd_thread_register(rjail_c_move_free);
}

void
rjail_c_moves_fini(void)
{
	osd_thread_deregister(rjail_c_move_slot);
}

/* NULL: none that matters. */
int
rjail_c_move_begin(struct vnode *from)
{
	struct rjail_move *move = rjail_c_move_own();
	int error;

	if (move == NULL && from != NULL) {
		move = malloc(sizeof(*move), M_RJAIL_MOVE, M_WAITOK | M_ZERO);
		error = osd_thread_set(curthread, rjail_c_move_slot, move);
		if (error != 0) {
			free(move, M_RJAIL_MOVE);
			return (error);
		}
	}
	if (move != NULL)
		move->pending = from;
	return (0);
}

struct vnode *
rjail_c_move_from(void)
{
	struct rjail_move *move = rjail_c_move_own();

	return (move == NULL ? NULL : move->pending);
}

void
rjail_c_move_allow(struct vnode *to)
{
	struct rjail_move *move = rjail_c_move_own();

	rjail_c_move_forget(move);
	vhold(move->pending);
	vhold(to);
	move->from = move->pending;
	move->to = to;
}

/* Whether this very move was allowed the last time; asked once. */
bool
rjail_c_move_allowed(struct vnode *to)
{
	struct rjail_move *move = rjail_c_move_own();
	bool allowed;

	allowed = move->from != NULL && move->from == move->pending &&
	    move->to == to;
	rjail_c_move_forget(move);
	return (allowed);
}

void
rjail_c_mount_of(struct vnode *vp, int32_t id[2])
{
	struct mount *mp;

	mp = atomic_load_ptr(&vp->v_mount);
	if (mp != NULL)
		rjail_c_mount_id(mp, id);
}

void
rjail_c_mount_id(const struct mount *mp, int32_t id[2])
{
	id[0] = mp->mnt_stat.f_fsid.val[0];
	id[1] = mp->mnt_stat.f_fsid.val[1];
}

const char *
rjail_c_mount_path(const struct mount *mp)
{
	return (mp->mnt_stat.f_mntonname);
}

/* Referenced. */
struct vnode *
rjail_c_prison_root(struct prison *pr)
{
	struct vnode *vp;

	mtx_lock(&pr->pr_mtx);
	vp = pr->pr_root;
	if (vp != NULL)
		vref(vp);
	mtx_unlock(&pr->pr_mtx);
	return (vp);
}

/* Puts the machine's root in its place; the reference is the caller's. */
struct vnode *
rjail_c_prison_leave_root(struct prison *pr)
{
	struct vnode *vp;

	vref(rootvnode);
	mtx_lock(&pr->pr_mtx);
	vp = pr->pr_root;
	pr->pr_root = rootvnode;
	mtx_unlock(&pr->pr_mtx);
	return (vp);
}
