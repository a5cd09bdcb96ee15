/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/cpuset.h>
#include <sys/domain.h>
#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/jail.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mount.h>
#include <sys/mman.h>
#include <sys/mutex.h>
#include <sys/namei.h>
#include <sys/osd.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/racct.h>
#include <sys/rctl.h>
#include <sys/signalvar.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sx.h>
#include <sys/sysctl.h>
#include <sys/taskqueue.h>
#include <sys/ucred.h>
#include <sys/un.h>
#include <sys/unpcb.h>
#include <sys/vnode.h>

#include <vm/vm.h>
#include <vm/pmap.h>
#include <vm/vm_map.h>

#include <fs/devfs/devfs.h>
#include <fs/devfs/devfs_int.h>

#include "entry.h"
#include "helpers.h"

static MALLOC_DEFINE(M_RJAIL, "rjail", "rjail: prisons, as the label knows them");
static MALLOC_DEFINE(M_RJAIL_PRISON, "rjail_prison",
    "rjail: prisons, as the kernel knows them");

#ifdef RJAIL_FAULT
/*
 * The module that the tests load instead: of one process the allocation of a
 * given number finds no memory.  The kernel environment says which one, before
 * there are sysctls: as the module is loaded.
 */
static int rjail_fault_pid;
static u_int rjail_fault_nth, rjail_fault_seen;
static u_int rjail_fault_more;
SYSCTL_NODE(_debug, OID_AUTO, rjail_fault, CTLFLAG_RW | CTLFLAG_MPSAFE, NULL,
    "rjail: memory that is not there");
SYSCTL_INT(_debug_rjail_fault, OID_AUTO, pid, CTLFLAG_RWTUN | CTLFLAG_MPSAFE,
    &rjail_fault_pid, 0, "Whose allocations are counted; 0: nobody's");
SYSCTL_UINT(_debug_rjail_fault, OID_AUTO, nth, CTLFLAG_RWTUN | CTLFLAG_MPSAFE,
    &rjail_fault_nth, 0, "The one that fails, from 1; 0: none");
SYSCTL_UINT(_debug_rjail_fault, OID_AUTO, more, CTLFLAG_RW | CTLFLAG_MPSAFE,
    &rjail_fault_more, 0, "How many after it fail as well");
SYSCTL_UINT(_debug_rjail_fault, OID_AUTO, seen, CTLFLAG_RW | CTLFLAG_MPSAFE,
    &rjail_fault_seen, 0, "How many there were");

bool
rjail_c_fails(void)
{
	u_int number;

	/* Others, the tasks among them, find memory. */
	if (rjail_fault_pid == 0 || rjail_fault_pid != curproc->p_pid)
		return (false);
	number = atomic_fetchadd_int(&rjail_fault_seen, 1) + 1;
	return (rjail_fault_nth != 0 && number >= rjail_fault_nth &&
	    number - rjail_fault_nth <= rjail_fault_more);
}
#endif

/*
 * What malloc(9) aligns to by itself, to a pointer, is not asked for: sizes would
 * be rounded up to a power of two, and domains gone through.
 */
static void *
rjail_c_malloc_as(size_t size, size_t align, int flags)
{
	if (align <= sizeof(void *))
		return (malloc(size, M_RJAIL, flags));
	return (malloc_aligned(size, align, M_RJAIL, flags));
}

void *
rjail_c_malloc(size_t size, size_t align)
{
	if (rjail_c_fails())
		return (NULL);
	return (rjail_c_malloc_as(size, align, M_WAITOK));
}

/* Zeroed, and only if there is some at once. */
void *
rjail_c_malloc_now(size_t size, size_t align)
{
	if (rjail_c_fails())
		return (NULL);
	return (rjail_c_malloc_as(size, align, M_NOWAIT | M_ZERO));
}

void
rjail_c_free(void *p)
{
	free(p, M_RJAIL);
}

void *
rjail_c_malloc_prison(size_t size)
{
	if (rjail_c_fails())
		return (NULL);
	return (malloc(size, M_RJAIL_PRISON, M_WAITOK | M_ZERO));
}

void
rjail_c_free_prison(void *p)
{
	free(p, M_RJAIL_PRISON);
}

void
rjail_c_report_held(int jid, u_int references, u_int users)
{
	printf("rjail: jail %d is gone, but the kernel counts %u references and "
	    "%u users where 1 and 1 were expected; its memory is kept\n",
	    jid, references, users);
}

void
rjail_c_panic(const char *text, size_t len)
{
	panic("rjail: %.*s", (int)len, text);
}

void
rjail_c_sx_init(struct sx *sx, const char *name)
{
	sx_init(sx, name);
}

void
rjail_c_sx_destroy(struct sx *sx)
{
	sx_destroy(sx);
}

void
rjail_c_sx_xlock(struct sx *sx)
{
	sx_xlock(sx);
}

void
rjail_c_sx_xunlock(struct sx *sx)
{
	sx_xunlock(sx);
}

bool
rjail_c_sx_try_slock(struct sx *sx)
{
	return (sx_try_slock(sx) != 0);
}

void
rjail_c_sx_sunlock(struct sx *sx)
{
	sx_sunlock(sx);
}

struct thread *
rjail_c_curthread(void)
{
	return (curthread);
}

void
rjail_c_proc_lock(struct proc *p)
{
	PROC_LOCK(p);
}

void
rjail_c_proc_unlock(struct proc *p)
{
	PROC_UNLOCK(p);
}

/*
 * The leader of the caller's session, locked; NULL when it is gone, or somebody
 * holds a lock of the two for too long.  Nothing here waits for a process: a
 * hook may be inside a lock that those who hold one wait for.
 */
struct proc *
rjail_c_session_leader(void)
{
	struct proc *leader, *p = curproc;
	struct session *s;
	int tries;

	for (tries = 0; tries < 10000; tries++, cpu_spinwait()) {
		if (!PROC_TRYLOCK(p))
			continue;
		s = p->p_session;
		SESS_LOCK(s);
		leader = s->s_leader;
		if (leader == p) {
			SESS_UNLOCK(s);
			return (p);
		}
		if (leader == NULL || PROC_TRYLOCK(leader)) {
			SESS_UNLOCK(s);
			PROC_UNLOCK(p);
			return (leader);
		}
		SESS_UNLOCK(s);
		PROC_UNLOCK(p);
	}
	return (NULL);
}

/* True when there are other threads, now stopped; as fork1() and execve() do. */
bool
rjail_c_single_thread(struct proc *p, int *error)
{
	bool threads;

	PROC_LOCK(p);
	threads = (p->p_flag & P_HADTHREADS) != 0;
	*error = threads ? thread_single(p, SINGLE_BOUNDARY) : 0;
	PROC_UNLOCK(p);
	return (threads && *error == 0);
}

void
rjail_c_single_thread_end(struct proc *p)
{
	PROC_LOCK(p);
	thread_single_end(p, SINGLE_BOUNDARY);
	PROC_UNLOCK(p);
}

/* Whether chroot(2) has left a directory, not this one, that ".." never passes. */
bool
rjail_c_root_narrowed(struct thread *td, const struct vnode *root)
{
	struct pwd *pwd;
	struct pwddesc *pdp = td->td_proc->p_pd;
	bool narrowed;

	PWDDESC_XLOCK(pdp);
	pwd = PWDDESC_XLOCKED_LOAD_PWD(pdp);
	narrowed = pwd->pwd_jdir != NULL && pwd->pwd_jdir != root;
	PWDDESC_XUNLOCK(pdp);
	return (narrowed);
}

/*
 * Whether another process uses the directories, the memory (vfork(2), RFMEM) or
 * the signal handlers (RFSIGSHARE).  Somebody who only looks, ps(1) say, holds a
 * reference for a moment as well.
 */
static bool
rjail_c_shared(volatile u_int *count)
{
	int tries;

	for (tries = 0; tries < 10; tries++) {
		if (refcount_load(count) == 1)
			return (false);
		pause("rjail", 1);
	}
	return (true);
}

bool
rjail_c_directories_shared(struct proc *p)
{
	return (rjail_c_shared(&p->p_pd->pd_refcount));
}

bool
rjail_c_memory_shared(struct proc *p)
{
	return (rjail_c_shared(&p->p_vmspace->vm_refcnt) ||
	    sigacts_shared(p->p_sigacts));
}

static bool
rjail_c_is_directory(struct file *fp)
{
	return (fp->f_type == DTYPE_VNODE && fp->f_vnode != NULL &&
	    fp->f_vnode->v_type == VDIR);
}

static bool
rjail_c_is_jail(struct file *fp)
{
#ifdef DTYPE_JAILDESC
	return (fp->f_type == DTYPE_JAILDESC);
#else
	return (false);
#endif
}

/*
 * A UNIX-domain socket that somebody can send a descriptor to: not one for
 * datagrams that has no name and that nobody is connected to, as syslog(3)'s.
 * Nobody can connect to that later but by giving it a name, from inside.
 */
static bool
rjail_c_is_receiver(struct file *fp)
{
	struct socket *so;
	struct unpcb *unp;

	if (fp->f_type != DTYPE_SOCKET)
		return (false);
	so = fp->f_data;
	if (so->so_proto->pr_domain->dom_family != AF_UNIX)
		return (false);
	if (so->so_type != SOCK_DGRAM)
		return (true);
	unp = sotounpcb(so);
	return (atomic_load_ptr(&unp->unp_addr) != NULL ||
	    !LIST_EMPTY(&unp->unp_refs));
}

/* The lowest descriptor of each kind, or -1. */
void
rjail_c_lowest_descriptors(struct thread *td, struct rjail_lowest *lowest)
{
	struct filedesc *fdp = td->td_proc->p_fd;
	struct file *fp;
	int fd;

	*lowest = (struct rjail_lowest){
		.directory = -1, .jail = -1, .receiver = -1,
	};
	FILEDESC_SLOCK(fdp);
	for (fd = 0; fd < fdp->fd_nfiles; fd++) {
		fp = fdp->fd_ofiles[fd].fde_file;
		if (fp == NULL)
			continue;
		if (lowest->directory == -1 && rjail_c_is_directory(fp))
			lowest->directory = fd;
		if (lowest->jail == -1 && rjail_c_is_jail(fp))
			lowest->jail = fd;
		if (lowest->receiver == -1 && rjail_c_is_receiver(fp))
			lowest->receiver = fd;
	}
	FILEDESC_SUNLOCK(fdp);
}

/* Of one of this file: who opened it, referenced; or NULL. */
struct ucred *
rjail_c_opener(int fd, const struct vnode *vp)
{
	struct filedesc *fdp = curthread->td_proc->p_fd;
	struct file *fp;
	struct ucred *cred = NULL;

	/* No reference: the last one, given back, would close the file. */
	FILEDESC_SLOCK(fdp);
	fp = fget_noref(fdp, fd);
	if (fp != NULL && fp->f_vnode == vp)
		cred = crhold(fp->f_cred);
	FILEDESC_SUNLOCK(fdp);
	return (cred);
}

/* Moves a process between the lists that prison_proc_iterate() walks. */
void
rjail_c_prison_relink(struct prison *from, struct prison *to, struct proc *p)
{
	sx_xlock(&allproc_lock);
	prison_proc_unlink(from, p);
	prison_proc_link(to, p);
	sx_xunlock(&allproc_lock);
}

/*
 * Looks up a path of kernel memory, from the caller's directories or, a path without
 * a slash in front, from the machine's root; the vnode comes back locked.
 */
int
rjail_c_namei_directory(const char *path, bool machine, struct vnode **vpp)
{
	struct nameidata nd;
	int error;

	NDINIT(&nd, LOOKUP, FOLLOW | LOCKLEAF, UIO_SYSSPACE, path);
	if (machine) {
		/* namei() gives the reference back. */
		vref(rootvnode);
		nd.ni_startdir = rootvnode;
	}
	error = namei(&nd);
	if (error != 0)
		return (error);
	NDFREE_PNBUF(&nd);
	*vpp = nd.ni_vp;
	return (0);
}

void
rjail_c_vnode_unlock(struct vnode *vp)
{
	VOP_UNLOCK(vp);
}

void
rjail_c_vref(struct vnode *vp)
{
	vref(vp);
}

/* Whether a device is the controlling terminal of the caller's session. */
bool
rjail_c_is_controlling_terminal(struct cdev *dev)
{
	struct proc *p = curproc;
	bool controls;

	PROC_LOCK(p);
	controls = (p->p_flag & P_CONTROLT) != 0 &&
	    p->p_session->s_ttydp == cdev2priv(dev);
	PROC_UNLOCK(p);
	return (controls);
}

/*
 * The locks that sockets are bound to their vnodes under.  Private to
 * uipc_usrreq.c; the kernel linker finds it all the same, unless
 * debug.link_elf_leak_locals is 0, and then refuses the module.
 */
extern struct mtx_pool *unp_vp_mtxpool;

/*
 * NET_RT_*, of a sysctl of the routing tables and what is about them; else -1.
 * What is left of its number: protocol, family, NET_RT_*, more.
 */
int
rjail_c_routes_asked(const struct sysctl_oid *oid, const int *name, int length)
{
	if (oid->oid_parent != SYSCTL_STATIC_CHILDREN(_net) ||
	    oid->oid_number != PF_ROUTE)
		return (-1);
	return (length > 2 ? name[2] : 0);
}

/*
 * Who made the socket bound to a locked vnode, referenced, or NULL.  It asks as
 * connect(2) does right after its own check, under the same lock.
 */
struct ucred *
rjail_c_socket_owner(struct vnode *vp)
{
	struct mtx *lock = mtx_pool_find(unp_vp_mtxpool, vp);
	struct ucred *owner = NULL;
	struct unpcb *unp;

	ASSERT_VOP_LOCKED(vp, "rjail_c_socket_owner");
	mtx_lock(lock);
	VOP_UNP_CONNECT(vp, &unp);
	if (unp != NULL)
		owner = crhold(unp->unp_socket->so_cred);
	mtx_unlock(lock);
	return (owner);
}

/* Since the machine started, in fractions of 2^-32 seconds. */
uint64_t
rjail_c_uptime(void)
{
	return (sbinuptime());
}

/*
 * The kernel runs this when the last process of the prison has gone, with a
 * reference that it took for the purpose.
 */
static void
rjail_c_prison_complete(void *jail, int pending __unused)
{
	rjail_entry_emptied(jail);
}

/*
 * Tells what else keeps data for prisons (System V IPC, mac_do(4), linux(4)) of
 * a new one, in the words of jail_set(2): sysvipc is a JAIL_SYS_ value.
 */
static int
rjail_c_prison_announce(struct prison *pr, int sysvipc)
{
	static const char *const kinds[] = { "sysvmsg", "sysvsem", "sysvshm" };
	struct vfsoptlist opts;
	struct vfsopt opt[nitems(kinds)];
	int error, i;

	sx_assert(&allprison_lock, SX_XLOCKED);
	if (rjail_c_fails())
		return (ENOMEM);
	TAILQ_INIT(&opts);
	for (i = 0; i < (int)nitems(kinds); i++) {
		opt[i] = (struct vfsopt){
			.name = __DECONST(char *, kinds[i]),
			.value = &sysvipc,
			.len = sizeof(sysvipc),
			.pos = -1,
		};
		TAILQ_INSERT_TAIL(&opts, &opt[i], link);
	}
	error = osd_jail_call(pr, PR_METHOD_CREATE, &opts);
	if (error == 0)
		error = osd_jail_call(pr, PR_METHOD_SET, &opts);
	return (error);
}

/* Counts a jail in, or off, where kill(-1) outside asks whether there are any. */
static void
rjail_c_prison_count(struct prison *pr, int by)
{
	struct prison *above;

	sx_assert(&allprison_lock, SX_XLOCKED);
	for (above = pr->pr_parent; above != NULL; above = above->pr_parent)
		above->pr_childcount += by;
}

int
rjail_c_prison_init(struct prison *pr, int sysvipc)
{
	int error;

	LIST_INIT(&pr->pr_children);
	LIST_INIT(&pr->pr_proclist);
	LIST_INIT(&pr->pr_descs);
	mtx_init(&pr->pr_mtx, "rjail prison", NULL, MTX_DEF | MTX_DUPOK);
	pr->pr_klist = knlist_alloc(&pr->pr_mtx);
	sx_xlock(&allprison_lock);
	rjail_c_prison_count(pr, 1);
	error = rjail_c_prison_announce(pr, sysvipc);
	sx_xunlock(&allprison_lock);
	return (error);
}

/*
 * A user more, a process or a descriptor: -1 when the last one has gone before, 1 for
 * the first, which is counted already.  After the last the kernel's task hands jail
 * back: see above.
 */
int
rjail_c_prison_join(struct prison *pr, void *jail)
{
	int joined;

	mtx_lock(&pr->pr_mtx);
	if (pr->pr_state != PRISON_STATE_ALIVE)
		joined = -1;
	else if (pr->pr_task.ta_func == NULL) {
		TASK_INIT(&pr->pr_task, 0, rjail_c_prison_complete, jail);
		joined = 1;
	} else {
		/* Of a last one the kernel's task has not heard yet, it will. */
		refcount_acquire(&pr->pr_uref);
		joined = 0;
	}
	mtx_unlock(&pr->pr_mtx);
	return (joined);
}

bool
rjail_c_prison_is_alive(struct prison *pr)
{
	bool alive;

	mtx_lock(&pr->pr_mtx);
	alive = pr->pr_state == PRISON_STATE_ALIVE;
	mtx_unlock(&pr->pr_mtx);
	return (alive);
}

/*
 * Why the kernel's task runs: -1 not because of a last user, which would be a
 * counting bug; 0 because of one after whom another came; 1 because of the last.
 */
int
rjail_c_prison_lost_last(struct prison *pr)
{
	int lost;

	mtx_lock(&pr->pr_mtx);
	if ((pr->pr_flags & PR_COMPLETE_PROC) == 0)
		lost = -1;
	else if (refcount_release_if_not_last(&pr->pr_uref))
		lost = 0;
	else {
		lost = 1;
		pr->pr_state = PRISON_STATE_DYING;
	}
	pr->pr_flags &= ~PR_COMPLETE_PROC;
	mtx_unlock(&pr->pr_mtx);
	return (lost);
}

/* Its root, referenced; NULL when it has left it. */
struct vnode *
rjail_c_prison_root(struct prison *pr)
{
	struct vnode *vp = NULL;

	mtx_lock(&pr->pr_mtx);
	if (pr->pr_state == PRISON_STATE_ALIVE) {
		vp = pr->pr_root;
		vrefact(vp);
	}
	mtx_unlock(&pr->pr_mtx);
	return (vp);
}

/*
 * Whether the kernel's own check lets a superuser of the prison have a privilege.
 * Two have functions of their own: one does not ask about prisons, the other
 * refuses it to all.
 */
bool
rjail_c_prison_allows(struct ucred *cred, int priv)
{
	switch (priv) {
	case PRIV_VFS_LOOKUP:
		return (true);
	case PRIV_VFS_GENERATION:
		return (false);
	default:
		return (prison_priv_check(cred, priv) == 0);
	}
}

/*
 * What the kernel does for its own jails then: prison_cleanup().  Where nobody made
 * shared memory, the table of its names, of all jails, is not gone through.
 */
void
rjail_c_prison_emptied(struct prison *pr, bool memory)
{
	sx_xlock(&allprison_lock);
	mtx_lock(&pr->pr_mtx);
	KNOTE_LOCKED(pr->pr_klist, NOTE_JAIL_REMOVE);
	mtx_unlock(&pr->pr_mtx);
	if (memory)
		shm_remove_prison(pr);
	(void)osd_jail_call(pr, PR_METHOD_REMOVE, NULL);
	sx_xunlock(&allprison_lock);
}

void
rjail_c_prison_destroy(struct prison *pr)
{
	sx_xlock(&allprison_lock);
	rjail_c_prison_count(pr, -1);
	sx_xunlock(&allprison_lock);
	mtx_lock(&pr->pr_mtx);
	knlist_detach(pr->pr_klist);
	mtx_unlock(&pr->pr_mtx);
	osd_jail_exit(pr);
	mtx_destroy(&pr->pr_mtx);
}

void
rjail_c_prison_hostname(struct prison *pr, char *name, size_t size)
{
	mtx_lock(&pr->pr_mtx);
	(void)strlcpy(name, pr->pr_hostname, size);
	mtx_unlock(&pr->pr_mtx);
}

/* Whether a jail of the kernel's own is called so. */
bool
rjail_c_prison_name_taken(const char *name)
{
	struct prison *pr;

	sx_slock(&allprison_lock);
	pr = prison_find_name(&prison0, name);
	if (pr != NULL)
		mtx_unlock(&pr->pr_mtx);
	sx_sunlock(&allprison_lock);
	return (pr != NULL);
}

int
rjail_c_cpuset(struct prison *parent, struct cpuset **set)
{
	return (rjail_c_fails() ? ENOMEM : cpuset_create_root(parent, set));
}

int
rjail_c_racct_attach(struct prison *pr)
{
#ifdef RACCT
	if (racct_enable) {
		if (rjail_c_fails())
			return (ENOMEM);
		pr->pr_prison_racct = prison_racct_find(pr->pr_name);
		if (pr->pr_prison_racct == NULL)
			return (ENOMEM);
	}
#endif
	return (0);
}

void
rjail_c_racct_detach(struct prison *pr)
{
#ifdef RACCT
	if (pr->pr_prison_racct != NULL) {
		prison_racct_free(pr->pr_prison_racct);
		pr->pr_prison_racct = NULL;
	}
#endif
}

void
rjail_c_racct_changed(struct proc *p, struct ucred *from, struct ucred *to)
{
#ifdef RACCT
	racct_proc_ucred_changed(p, from, to);
#endif
}

void
rjail_c_rctl_changed(struct proc *p, struct ucred *to)
{
#ifdef RCTL
	rctl_proc_ucred_changed(p, to);
#endif
}

static void
rjail_c_teardown(void *context __unused, int pending __unused)
{
	rjail_entry_teardown();
}

static struct task rjail_c_teardown_task =
    TASK_INITIALIZER(0, rjail_c_teardown, NULL);

void
rjail_c_teardown_enqueue(void)
{
	taskqueue_enqueue(taskqueue_thread, &rjail_c_teardown_task);
}

/* The kernel's queue of prison tasks, ours among them, comes first: it feeds ours. */
TASKQUEUE_DECLARE(jail_remove);

void
rjail_c_teardown_drain(void)
{
	taskqueue_drain_all(taskqueue_jail_remove);
	taskqueue_drain(taskqueue_thread, &rjail_c_teardown_task);
}

/* Threads that have exited may still hold their credential until reaped. */
void
rjail_c_reap_threads(void)
{
	thread_reap_barrier();
}

static void
rjail_c_disarm(void *context __unused, int pending __unused)
{
	rjail_entry_idle();
}

static struct timeout_task rjail_c_disarm_task;

void
rjail_c_disarm_init(void)
{
	TIMEOUT_TASK_INIT(taskqueue_thread, &rjail_c_disarm_task, 0,
	    rjail_c_disarm, NULL);
}

void
rjail_c_disarm_in(u_int seconds)
{
	taskqueue_enqueue_timeout(taskqueue_thread, &rjail_c_disarm_task,
	    seconds * hz);
}

void
rjail_c_disarm_drain(void)
{
	taskqueue_cancel_timeout(taskqueue_thread, &rjail_c_disarm_task, NULL);
	taskqueue_drain_timeout(taskqueue_thread, &rjail_c_disarm_task);
}
