/* SPDX-License-Identifier: BSD-2-Clause */
/* For src/kernel/crowd.rs and hold.rs: processes of jails, and what holds one. */
#ifndef _RJAIL_CROWD_H_
#define	_RJAIL_CROWD_H_

struct file;
struct pgrp;
struct proc;
struct thread;
struct ucred;

typedef void rjail_c_see_t(struct proc *, void *);
typedef bool rjail_c_ours_t(const struct ucred *, void *);

void	 rjail_c_allproc_lock(void);
void	 rjail_c_allproc_unlock(void);
void	 rjail_c_allproc_each(rjail_c_see_t *, void *);
void	 rjail_c_pidhash_each(rjail_c_see_t *, void *);
bool	 rjail_c_is_new(const struct proc *);
bool	 rjail_c_is_zombie(const struct proc *);
void	 rjail_c_signal_newborn(struct proc *, int sig);
void	 rjail_c_forks_pass(struct pgrp *);
void	 rjail_c_births_watch(bool on);
void	 rjail_c_pause(void);
int	 rjail_c_pause_sig(uint64_t milliseconds);

int	 rjail_c_files(rjail_c_ours_t *, void *, u_int *found);
u_int	 rjail_c_connections(rjail_c_ours_t *, void *);

int	 rjail_c_hold_alloc(struct thread *, struct ucred *, struct file **);
int	 rjail_c_hold_install(struct thread *, struct file *, int *fd);
struct ucred *rjail_c_held(struct thread *, int fd);
bool	 rjail_c_is_hold(const struct file *);

void	 rjail_c_notify(const char *type, uint64_t jid, int pid);

#endif /* !_RJAIL_CROWD_H_ */
