/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few system calls with which a process reaches another without the kernel
 * asking a hook: processes in a jail have them from here, by a system call
 * vector of their own, which is the kernel's but for how a call is fetched.
 * Nobody else's vector is touched.  Nothing is decided here.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/capsicum.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/procdesc.h>
#include <sys/sx.h>
#include <sys/syscall.h>
#include <sys/syscallsubr.h>
#include <sys/sysent.h>

#include <machine/frame.h>

#include <compat/freebsd32/freebsd32_syscall.h>

#include "entry.h"
#include "helpers.h"

static sy_call_t rjail_interposed_call;
static sy_call_t rjail_interposed_exec;

/* The same numbers in the 32-bit ABI. */
static const struct {
	int code;
	sy_call_t *call;
} rjail_interposed[] = {
	{ SYS_ioctl, rjail_interposed_call },
	{ SYS_fcntl, rjail_interposed_call },
	{ SYS_ktrace, rjail_interposed_call },
	{ SYS_ptrace, rjail_interposed_call },
	{ SYS_sched_setscheduler, rjail_interposed_call },
	{ SYS_procctl, rjail_interposed_call },
	{ SYS_pdgetpid, rjail_interposed_call },
	{ SYS_setpgid, rjail_interposed_call },
	/* Brings back the kernel's own vector. */
	{ SYS_execve, rjail_interposed_exec },
	{ SYS_fexecve, rjail_interposed_exec },
	{ SYS___mac_execve, rjail_interposed_exec },
};
CTASSERT(FREEBSD32_SYS_freebsd32_ioctl == SYS_ioctl);
CTASSERT(FREEBSD32_SYS_freebsd32_fcntl == SYS_fcntl);
CTASSERT(FREEBSD32_SYS_ktrace == SYS_ktrace);
CTASSERT(FREEBSD32_SYS_freebsd32_ptrace == SYS_ptrace);
CTASSERT(FREEBSD32_SYS_sched_setscheduler == SYS_sched_setscheduler);
CTASSERT(FREEBSD32_SYS_freebsd32_procctl == SYS_procctl);
CTASSERT(FREEBSD32_SYS_pdgetpid == SYS_pdgetpid);
CTASSERT(FREEBSD32_SYS_setpgid == SYS_setpgid);
CTASSERT(FREEBSD32_SYS_freebsd32_execve == SYS_execve);
CTASSERT(FREEBSD32_SYS_freebsd32_fexecve == SYS_fexecve);

/* One for each of the kernel's own: 64 bits in two sizes of address, 32 bits. */
static struct rjail_vector {
	struct sysentvec own;		/* first: p_sysent points here */
	struct sysentvec *kernel;	/* NULL: free; (l) to write */
	int (*fetch)(struct thread *);	/* the kernel's */
	struct sysent calls[nitems(rjail_interposed)];
} rjail_vectors[4];

/* Place in calls, and one more; 0 for what is as ever. */
static uint8_t rjail_slots[SYS_MAXSYSCALL] = {
	/* Which call these make is known once it is fetched. */
	[SYS_syscall] = UINT8_MAX,
	[SYS___syscall] = UINT8_MAX,
};
CTASSERT(nitems(rjail_interposed) < UINT8_MAX);
CTASSERT(FREEBSD32_SYS_syscall == SYS_syscall);
CTASSERT(FREEBSD32_SYS___syscall == SYS___syscall);

static struct mtx rjail_vectors_lock;			/* (l) */
MTX_SYSINIT(rjail_vectors, &rjail_vectors_lock, "rjail vectors", MTX_DEF);

static int __noinline
rjail_fetch_interposed(struct rjail_vector *v, struct thread *td)
{
	struct syscall_args *sa = &td->td_sa;
	struct sysent *call;
	int error, slot;

	error = v->fetch(td);
	slot = sa->code < nitems(rjail_slots) ? rjail_slots[sa->code] : 0;
	if (slot != 0 && slot != UINT8_MAX) {
		call = &v->calls[slot - 1];
		/* What dtrace(1) has switched on since. */
		call->sy_entry = sa->callp->sy_entry;
		call->sy_return = sa->callp->sy_return;
		sa->callp = call;
	}
	return (error);
}

/* How a jailed process's system call is fetched: sv_fetch_syscall_args. */
static int
rjail_fetch(struct thread *td)
{
	struct rjail_vector *v = (struct rjail_vector *)td->td_proc->p_sysent;
	u_int code = td->td_frame->tf_rax;

	/* Every call in a jail comes by here: the others go straight on. */
	if (__predict_true(code < nitems(rjail_slots) && rjail_slots[code] == 0))
		return (v->fetch(td));
	return (rjail_fetch_interposed(v, td));
}

static sy_call_t *
rjail_kernels(struct thread *td)
{
	struct rjail_vector *v = (struct rjail_vector *)td->td_proc->p_sysent;

	return (v->kernel->sv_table[td->td_sa.code].sy_call);
}

static int
rjail_interposed_call(struct thread *td, void *args)
{
	sy_call_t *call = rjail_kernels(td);
	int error;

	if (rjail_entry_interpose(td, td->td_sa.code, args,
	    SV_PROC_FLAG(td->td_proc, SV_ILP32) != 0, &error))
		return (error);
	return (call(td, args));
}

static int
rjail_interposed_exec(struct thread *td, void *args)
{
	sy_call_t *call = rjail_kernels(td);
	int error;

	error = call(td, args);
	/* The one thread that is left, before it is in the new program. */
	rjail_c_interpose(td->td_proc);
	return (error);
}

static struct rjail_vector *
rjail_vector_of(struct sysentvec *kernel)
{
	struct rjail_vector *v;
	int i, slot;

	mtx_assert(&rjail_vectors_lock, MA_OWNED);
	for (i = 0; i < (int)nitems(rjail_vectors); i++) {
		v = &rjail_vectors[i];
		if (v->kernel == kernel)
			return (v);
		if (v->kernel != NULL)
			continue;
		v->own = *kernel;
		v->fetch = kernel->sv_fetch_syscall_args;
		v->own.sv_fetch_syscall_args = rjail_fetch;
		for (slot = 0; slot < (int)nitems(rjail_interposed); slot++) {
			v->calls[slot] =
			    kernel->sv_table[rjail_interposed[slot].code];
			v->calls[slot].sy_call = rjail_interposed[slot].call;
			rjail_slots[rjail_interposed[slot].code] = slot + 1;
		}
		v->kernel = kernel;
		return (v);
	}
	return (NULL);
}

/*
 * From now on the running process's system calls come here first.  It has one
 * thread, which is in a system call.  Other ABIs, linux(4)'s say, stay as they are:
 * their modules count who uses their vectors.
 */
void
rjail_c_interpose(struct proc *p)
{
	static const char elf[] = "FreeBSD ELF";
	struct sysentvec *sv = p->p_sysent;
	struct rjail_vector *v;

	if (sv->sv_fetch_syscall_args == rjail_fetch ||
	    strncmp(sv->sv_name, elf, sizeof(elf) - 1) != 0)
		return;
	mtx_lock(&rjail_vectors_lock);
	v = rjail_vector_of(sv);
	mtx_unlock(&rjail_vectors_lock);
	if (v != NULL)
		p->p_sysent = &v->own;
}

/*
 * Tells of the process of this number, or of every one of the group of minus
 * this number: locked, whether of the caller's session, whether about to end.
 */
void
rjail_c_named(int id, rjail_told *tell, void *to)
{
	struct pgrp *pg;
	struct proc *p;

	sx_slock(&proctree_lock);
	if (id >= 0) {
		p = pfind(id);
		if (p != NULL) {
			tell(p, p->p_session == curproc->p_session,
			    (p->p_flag & P_WEXIT) != 0, to);
			PROC_UNLOCK(p);
		}
	} else if ((pg = pgfind(-id)) != NULL) {
		PGRP_UNLOCK(pg);
		LIST_FOREACH(p, &pg->pg_members, p_pglist) {
			PROC_LOCK(p);
			tell(p, pg->pg_session == curproc->p_session,
			    (p->p_flag & P_WEXIT) != 0, to);
			PROC_UNLOCK(p);
		}
	}
	sx_sunlock(&proctree_lock);
}

/* The same of whom the orphans of a process, 0 for the running one, come to. */
void
rjail_c_reaper(int id, rjail_told *tell, void *to)
{
	struct proc *p, *reaper;

	sx_slock(&proctree_lock);
	p = id == 0 ? curproc : pfind(id);
	if (p != NULL) {
		if (id != 0)
			PROC_UNLOCK(p);
		reaper = (p->p_treeflag & P_TREE_REAPER) != 0 ? p : p->p_reaper;
		PROC_LOCK(reaper);
		tell(reaper, false, false, to);
		PROC_UNLOCK(reaper);
	}
	sx_sunlock(&proctree_lock);
}

/* The same of whom a process descriptor of the running process stands for. */
void
rjail_c_described(int fd, rjail_told *tell, void *to)
{
	struct proc *p;

	if (procdesc_find(curthread, fd, &cap_pdgetpid_rights, &p) != 0)
		return;
	tell(p, false, false, to);
	PROC_UNLOCK(p);
}

/* ioctl(2) with a number that the caller cannot change any more. */
int
rjail_c_ioctl_int(struct thread *td, int fd, u_long command, int value)
{
	return (kern_ioctl(td, fd, command, (caddr_t)&value));
}
