/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories, their paths and their mounts. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
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

#include "helpers.h"
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

/*
 * The file number and the mount of a directory; unless above is NULL, the directory
 * above it, referenced: NULL above the machine's root.  Asks the file systems, not
 * namei(9): the caller may be a hook, which must not come to another.
 */
int
rjail_c_directory(struct vnode *vp, int32_t mount[2], uint64_t *file,
    struct vnode **above)
{
	struct componentname cn = {
		.cn_nameiop = LOOKUP,
		.cn_flags = ISLASTCN | ISDOTDOT,
		.cn_cred = thread0.td_ucred,
		.cn_pnbuf = __DECONST(char *, ".."),
		.cn_nameptr = __DECONST(char *, ".."),
		.cn_namelen = 2,
	};
	struct vattr va;
	struct vnode *covered;
	int error;

	if (above != NULL)
		*above = NULL;
	error = vn_lock(vp, LK_SHARED);
	if (error != 0)
		return (error);
	error = VOP_GETATTR(vp, &va, cn.cn_cred);
	if (error != 0) {
		VOP_UNLOCK(vp);
		return (error);
	}
	rjail_c_mount_id(vp->v_mount, mount);
	*file = va.va_fileid;
	if (above == NULL) {
		VOP_UNLOCK(vp);
		return (0);
	}
	vref(vp);
	/* From the root of a mount to what it covers. */
	while (vp != rootvnode && (vp->v_vflag & VV_ROOT) != 0) {
		covered = vp->v_mount->mnt_vnodecovered;
		if (covered != NULL)
			vref(covered);
		vput(vp);
		if (covered == NULL)
			return (0);
		vp = covered;
		error = vn_lock(vp, LK_SHARED);
		if (error != 0) {
			vrele(vp);
			return (error);
		}
	}
	if (vp != rootvnode) {
		cn.cn_lkflags = vp->v_mount->mnt_kern_flag &
		    MNTK_LOOKUP_SHARED ? LK_SHARED : LK_EXCLUSIVE;
		error = VOP_LOOKUP(vp, above, &cn);
		if (error == 0)
			VOP_UNLOCK(*above);
		else
			*above = NULL;
	}
	vput(vp);
	return (error);
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
rjail_c_goes_up(const struct componentname *cnp)
{
	return ((cnp->cn_flags & ISDOTDOT) != 0);
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
	u_int arming;			/* as often had the policy been armed */
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
		if (rjail_c_fails())
			return (ENOMEM);
		move = malloc(sizeof(*move), M_RJAIL_MOVE, M_WAITOK | M_ZERO);
		error = rjail_c_fails() ? ENOMEM :
		    osd_thread_set(curthread, rjail_c_move_slot, move);
		if (error != 0) {
			free(move, M_RJAIL_MOVE);
			return (error);
		}
	}
	if (move != NULL) {
		move->pending = from;
		move->arming = rjail_armings;
	}
	return (0);
}

/* NULL too where the policy came between the questions: the first was not asked. */
struct vnode *
rjail_c_move_from(void)
{
	struct rjail_move *move = rjail_c_move_own();

	if (move == NULL || move->arming != rjail_armings)
		return (NULL);
	return (move->pending);
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

/*
 * The next mount that shows what lies elsewhere, busy; lets go of the one
 * before.  One that is being unmounted is passed over.
 */
struct mount *
rjail_c_mount_next_loopback(struct mount *mp)
{
	struct mount *next;

	mtx_lock(&mountlist_mtx);
	if (mp == NULL)
		next = TAILQ_FIRST(&mountlist);
	else {
		next = TAILQ_NEXT(mp, mnt_list);
		vfs_unbusy(mp);
	}
	for (; next != NULL; next = TAILQ_NEXT(next, mnt_list)) {
		if ((next->mnt_vfc->vfc_flags & VFCF_LOOPBACK) != 0 &&
		    vfs_busy(next, MBF_NOWAIT | MBF_MNTLSTLOCK) == 0)
			return (next);
	}
	mtx_unlock(&mountlist_mtx);
	return (NULL);
}

void
rjail_c_mount_unbusy(struct mount *mp)
{
	vfs_unbusy(mp);
}

/* Referenced; NULL when the file system does not say. */
struct vnode *
rjail_c_mount_root(struct mount *mp)
{
	struct vnode *vp;

	if (VFS_ROOT(mp, LK_SHARED, &vp) != 0)
		return (NULL);
	VOP_UNLOCK(vp);
	return (vp);
}

/* What a vnode shows, below all file systems that show another; referenced. */
struct vnode *
rjail_c_lowest(struct vnode *vp)
{
	struct vnode *low;

	return (VOP_GETLOWVNODE(vp, &low, FREAD) == 0 ? low : NULL);
}

bool
rjail_c_prison_is_rooted(struct prison *pr)
{
	return (atomic_load_ptr(&pr->pr_root) != rootvnode);
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
