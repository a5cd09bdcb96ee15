/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel macros and inline functions as functions that Rust can call.  Each is
 * the macro and nothing else; what to do and when is decided in src/.
 */
#ifndef _RJAIL_HELPERS_H_
#define	_RJAIL_HELPERS_H_

#include <sys/fcntl.h>
#include <sys/filio.h>
#include <sys/sockio.h>
#include <sys/ttycom.h>

struct cdev;
struct cpuset;
struct mac_policy_conf;
struct prison;
struct prison_racct;
struct proc;
struct sx;
struct sysctl_oid;
struct thread;
struct ucred;
struct vnode;

/* The slot of the policy in every label. */
extern int rjail_slot;

/* How often the policy was armed. */
extern u_int rjail_armings;

int	 rjail_c_arm(int on);
void	 rjail_policy_init(struct mac_policy_conf *);

#ifdef RJAIL_FAULT
bool	 rjail_c_fails(void);
#else
/* Nothing, but in the tests' own module: whether memory is to be missing. */
static inline bool
rjail_c_fails(void)
{

	return (false);
}
#endif
void	*rjail_c_malloc(size_t, size_t align);
void	*rjail_c_malloc_now(size_t, size_t align);
void	 rjail_c_free(void *);
void	*rjail_c_malloc_prison(size_t);
void	 rjail_c_free_prison(void *);
void	 rjail_c_report_held(int jid, u_int references, u_int users);
void	 rjail_c_panic(const char *, size_t) __dead2;

void	 rjail_c_sx_init(struct sx *, const char *);
void	 rjail_c_sx_destroy(struct sx *);
void	 rjail_c_sx_xlock(struct sx *);
void	 rjail_c_sx_xunlock(struct sx *);
bool	 rjail_c_sx_try_slock(struct sx *);
void	 rjail_c_sx_sunlock(struct sx *);

bool	 rjail_c_denied(const struct ucred *, uint64_t jid, int priv);
void	 rjail_c_explain(int error, const char *message, uint64_t p1,
	    uint64_t p2);

struct thread *rjail_c_curthread(void);
void	 rjail_c_proc_lock(struct proc *);
void	 rjail_c_proc_unlock(struct proc *);
struct proc *rjail_c_session_leader(void);
bool	 rjail_c_root_narrowed(struct thread *, const struct vnode *root);
bool	 rjail_c_directories_shared(struct proc *);
bool	 rjail_c_memory_shared(struct proc *);
bool	 rjail_c_single_thread(struct proc *, int *error);
void	 rjail_c_single_thread_end(struct proc *);
struct rjail_lowest {
	int	 directory;
	int	 jail;		/* stands for one of the kernel's */
	int	 receiver;	/* of descriptors that others send */
};
void	 rjail_c_lowest_descriptors(struct thread *, struct rjail_lowest *);
struct ucred *rjail_c_opener(int fd, const struct vnode *);
void	 rjail_c_prison_relink(struct prison *from, struct prison *to,
	    struct proc *);

int	 rjail_c_namei_directory(const char *path, bool machine,
	    struct vnode **);
void	 rjail_c_vnode_unlock(struct vnode *);
void	 rjail_c_vref(struct vnode *);

bool	 rjail_c_is_controlling_terminal(struct cdev *);
struct ucred *rjail_c_socket_owner(struct vnode *);
int	 rjail_c_routes_asked(const struct sysctl_oid *, const int *, int);

uint64_t rjail_c_uptime(void);

int	 rjail_c_prison_init(struct prison *, int sysvipc);
void	 rjail_c_prison_destroy(struct prison *);
int	 rjail_c_prison_join(struct prison *, void *jail);
bool	 rjail_c_prison_is_alive(struct prison *);
int	 rjail_c_prison_lost_last(struct prison *);
struct vnode *rjail_c_prison_root(struct prison *);
bool	 rjail_c_prison_allows(struct ucred *, int priv);
void	 rjail_c_prison_emptied(struct prison *, bool memory);
void	 rjail_c_prison_hostname(struct prison *, char *, size_t);
bool	 rjail_c_prison_name_taken(const char *);
int	 rjail_c_cpuset(struct prison *, struct cpuset **);
int	 rjail_c_racct_attach(struct prison *);
void	 rjail_c_racct_detach(struct prison *);
void	 rjail_c_racct_changed(struct proc *, struct ucred *from,
	    struct ucred *to);
void	 rjail_c_rctl_changed(struct proc *, struct ucred *to);

/* ioctl(2)'s commands that are interposed. */
static const u_long rjail_ioctl_sti = TIOCSTI;
static const u_long rjail_ioctl_foreground = TIOCSPGRP;
static const u_long rjail_ioctl_setown = FIOSETOWN;
static const u_long rjail_ioctl_spgrp = SIOCSPGRP;

typedef void rjail_told(struct proc *, bool session, bool ending, void *);
void	 rjail_c_interpose(struct proc *);
void	 rjail_c_named(int id, rjail_told *, void *);
void	 rjail_c_reaper(int id, rjail_told *, void *);
void	 rjail_c_described(int fd, rjail_told *, void *);
int	 rjail_c_ioctl_int(struct thread *, int fd, u_long, int);

void	 rjail_c_teardown_enqueue(void);
void	 rjail_c_teardown_drain(void);
void	 rjail_c_reap_threads(void);
void	 rjail_c_disarm_init(void);
void	 rjail_c_disarm_in(u_int seconds);
void	 rjail_c_disarm_drain(void);

#endif /* !_RJAIL_HELPERS_H_ */
