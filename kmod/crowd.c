/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes of jails: who they are, their signals, who is born meanwhile; and
 * what else has their credentials.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/devctl.h>
#include <sys/eventhandler.h>
#include <sys/file.h>
#include <sys/jail.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/signalvar.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sx.h>
#include <sys/ucred.h>

#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>
#include <netinet/udp.h>
#include <netinet/udp_var.h>

#include "crowd.h"
#include "entry.h"
#include "helpers.h"

/* Nobody is added to the list meanwhile. */
void
rjail_c_allproc_lock(void)
{
	sx_slock(&allproc_lock);
}

void
rjail_c_allproc_unlock(void)
{
	sx_sunlock(&allproc_lock);
}

/* Every process that has not gone, each locked. */
void
rjail_c_allproc_each(rjail_c_see_t *see, void *context)
{
	struct proc *p;

	sx_assert(&allproc_lock, SA_LOCKED);
	FOREACH_PROC_IN_SYSTEM(p) {
		PROC_LOCK(p);
		see(p, context);
		PROC_UNLOCK(p);
	}
}

/* Those that are ending as well, and zombies. */
void
rjail_c_pidhash_each(rjail_c_see_t *see, void *context)
{
	struct proc *p;
	u_long i, j;

	for (i = 0; i <= pidhashlock; i++) {
		sx_slock(&pidhashtbl_lock[i]);
		for (j = i; j <= pidhash; j += pidhashlock + 1) {
			LIST_FOREACH(p, &pidhashtbl[j], p_hash) {
				PROC_LOCK(p);
				see(p, context);
				PROC_UNLOCK(p);
			}
		}
		sx_sunlock(&pidhashtbl_lock[i]);
	}
}

bool
rjail_c_is_new(const struct proc *p)
{
	return (p->p_state == PRS_NEW);
}

bool
rjail_c_is_zombie(const struct proc *p)
{
	return (p->p_state == PRS_ZOMBIE);
}

/*
 * A signal for a process whose fork(2) is not through: kern_psignal() would throw
 * it away.  The new thread looks at its signals before it runs its program.
 */
void
rjail_c_signal_newborn(struct proc *p, int sig)
{
	struct sigacts *ps;
	bool ignored;

	PROC_LOCK(p);
	ps = p->p_sigacts;
	mtx_lock(&ps->ps_mtx);
	ignored = SIGISMEMBER(ps->ps_sigignore, sig);
	mtx_unlock(&ps->ps_mtx);
	if (!ignored) {
		SIGADDSET(p->p_sigqueue.sq_kill, sig);
		SIGADDSET(p->p_sigqueue.sq_signals, sig);
		signotify(FIRST_THREAD_IN_PROC(p));
	}
	PROC_UNLOCK(p);
}

/*
 * Waits until every fork(2) has passed that is under way in a process group, as
 * killpg(2) does.  The group may be gone: its memory stays a group's, and its lock
 * a lock.
 */
void
rjail_c_forks_pass(struct pgrp *pg)
{
	sx_xlock(&pg->pg_killsx);
	sx_xunlock(&pg->pg_killsx);
}

static void
rjail_c_born(void *context __unused, struct proc *parent __unused,
    struct proc *child, int flags __unused)
{
	rjail_entry_born(child);
}

static eventhandler_tag rjail_c_births;

/* Switched off, nobody is left inside it. */
void
rjail_c_births_watch(bool on)
{
	if (on)
		rjail_c_births = EVENTHANDLER_REGISTER(process_fork,
		    rjail_c_born, NULL, EVENTHANDLER_PRI_ANY);
	else
		EVENTHANDLER_DEREGISTER(process_fork, rjail_c_births);
}

/* For as short as the kernel sleeps. */
void
rjail_c_pause(void)
{
	pause("rjail", 1);
}

/* EWOULDBLOCK when the time is over, something else when a signal came. */
int
rjail_c_pause_sig(uint64_t milliseconds)
{
	return (pause_sbt("rjailk", milliseconds * SBT_1MS, 0, C_CATCH));
}

/* Files. */

struct rjail_c_counted {
	rjail_c_ours_t	*ours;
	void		*context;
	u_int		 found;
};

static void
rjail_c_count_pids(struct proc *p, void *context)
{
	if (p->p_state == PRS_NORMAL && (p->p_flag & P_SYSTEM) == 0)
		++*(u_int *)context;
}

struct rjail_c_pids {
	pid_t	*at;
	u_int	 used;
	u_int	 room;
};

static void
rjail_c_keep_pid(struct proc *p, void *context)
{
	struct rjail_c_pids *pids = context;

	if (p->p_state == PRS_NORMAL && (p->p_flag & P_SYSTEM) == 0 &&
	    pids->used < pids->room)
		pids->at[pids->used++] = p->p_pid;
}

static int
rjail_c_count_file(struct proc *p __unused, int fd __unused, struct file *fp,
    void *context)
{
	struct rjail_c_counted *counted = context;

	if (!rjail_c_is_hold(fp) && counted->ours(fp->f_cred, counted->context))
		counted->found++;
	return (0);
}

/* Descriptors, of all processes, whose file was opened with such a credential. */
int
rjail_c_files(rjail_c_ours_t *ours, void *context, u_int *found)
{
	struct rjail_c_counted counted = { .ours = ours, .context = context };
	struct rjail_c_pids pids = { 0 };
	struct proc *p;
	u_int i;

	rjail_c_allproc_lock();
	rjail_c_allproc_each(rjail_c_count_pids, &pids.room);
	rjail_c_allproc_unlock();
	/* Who is forked from here on is not looked at, but for a few. */
	pids.room += 16;
	if (rjail_c_fails())
		return (ENOMEM);
	pids.at = mallocarray(pids.room, sizeof(*pids.at), M_TEMP, M_WAITOK);
	rjail_c_allproc_lock();
	rjail_c_allproc_each(rjail_c_keep_pid, &pids);
	rjail_c_allproc_unlock();
	for (i = 0; i < pids.used; i++) {
		if (pget(pids.at[i], PGET_HOLD | PGET_NOTWEXIT | PGET_NOTID,
		    &p) != 0)
			continue;
		(void)fget_remote_foreach(curthread, p, rjail_c_count_file,
		    &counted);
		PRELE(p);
	}
	free(pids.at, M_TEMP);
	*found = counted.found;
	return (0);
}

/* Connections and ports. */

VNET_DECLARE(struct inpcbinfo, ripcbinfo);
#define	V_ripcbinfo	VNET(ripcbinfo)

u_int
rjail_c_connections(rjail_c_ours_t *ours, void *context)
{
	struct inpcbinfo *kinds[4];
	struct inpcb *inp;
	u_int found = 0;
	int i;

	CURVNET_SET(TD_TO_VNET(curthread));
	kinds[0] = &V_tcbinfo;
	kinds[1] = &V_udbinfo;
	kinds[2] = &V_ulitecbinfo;
	kinds[3] = &V_ripcbinfo;
	for (i = 0; i < (int)nitems(kinds); i++) {
		struct inpcb_iterator all = INP_ALL_ITERATOR(kinds[i],
		    INPLOOKUP_RLOCKPCB);

		while ((inp = inp_next(&all)) != NULL)
			if (ours(inp->inp_cred, context))
				found++;
	}
	CURVNET_RESTORE();
	return (found);
}

#define	RJAIL_DIGITS	20	/* of the greatest number of 64 bits */

/* Writes a number so that it ends here; where it begins. */
static char *
rjail_c_decimal(char *end, uint64_t number)
{
	do {
		*--end = '0' + number % 10;
		number /= 10;
	} while (number != 0);
	return (end);
}

/* The same with a word. */
static char *
rjail_c_before(char *end, const char *word)
{
	size_t length = strlen(word);

	return (memcpy(end - length, word, length));
}

/* Tells devd(8); neither sleeps nor fails. */
void
rjail_c_notify(const char *type, uint64_t jid, int pid)
{
	char data[sizeof("jid= pid=") + 2 * RJAIL_DIGITS], *begin;

	/* From the end: snprintf(9) is as dear as the rest of it. */
	begin = data + sizeof(data) - 1;
	*begin = '\0';
	if (pid != 0) {
		begin = rjail_c_decimal(begin, pid);
		begin = rjail_c_before(begin, " pid=");
	}
	begin = rjail_c_decimal(begin, jid);
	begin = rjail_c_before(begin, "jid=");
	devctl_notify("RJAIL", "JAIL", type, begin);
}
