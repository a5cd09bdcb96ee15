/* SPDX-License-Identifier: BSD-2-Clause */
/* What the Rust half offers the C half: src/entry/. */
#ifndef _RJAIL_ENTRY_H_
#define	_RJAIL_ENTRY_H_

#include <sys/acl.h>

struct componentname;
struct inpcb;
struct ksem;
struct label;
struct mount;
struct msqid_kernel;
struct proc;
struct semid_kernel;
struct shmfd;
struct shmid_kernel;
struct sockaddr;
struct socket;
struct sysctl_oid;
struct sysctl_req;
struct thread;
struct ucred;
struct vnode;

/* Module: all return an errno. */
int	rjail_entry_load(void);
int	rjail_entry_self_check(const char **what);
int	rjail_entry_quiesce(void);
int	rjail_entry_disarm(void);
void	rjail_entry_idle(void);
void	rjail_entry_unload(void);
void	rjail_entry_teardown(void);
void	rjail_entry_emptied(void *jail);
void	rjail_entry_born(const struct proc *);
void	rjail_entry_let_go(const struct ucred *);

/* System calls. */
int	rjail_entry_syscall(struct thread *, int operation, void *, int64_t *);

/* Whether a jailed process's call is settled, and how: kmod/interpose.c. */
bool	rjail_entry_interpose(struct thread *, int code, const void *args,
	    bool ilp32, int *error);

/* osd(9): jail_attach(2) and its kin. */
int	rjail_entry_jail_attach(const struct ucred *);

/* Sysctls. */
uint64_t rjail_entry_jails(void);
uint64_t rjail_entry_jid(const struct ucred *);
int	rjail_entry_second_line(void);
int	rjail_entry_set_second_line(int);
int	rjail_entry_default(int which);
int	rjail_entry_set_default(int which, int value);
int	rjail_entry_unix_cross_jail(void);
int	rjail_entry_set_unix_cross_jail(int);
int	rjail_entry_armed(void);
int	rjail_entry_linger(void);
int	rjail_entry_set_linger(int);
int	rjail_entry_watching(void);
int	rjail_entry_watch_lookups(void);
int	rjail_entry_set_watch_lookups(int);

/* Hooks, named after the MAC operation they answer. */
void	rjail_cred_init_label(struct label *);
void	rjail_cred_copy_label(struct label *, struct label *);
void	rjail_cred_destroy_label(struct label *);
int	rjail_cred_check_visible(struct ucred *, struct ucred *);
int	rjail_inpcb_check_visible(struct ucred *, struct inpcb *, struct label *);
int	rjail_kenv_check_dump(struct ucred *);
int	rjail_kenv_check_get(struct ucred *, char *);
int	rjail_kld_check_stat(struct ucred *);
int	rjail_mount_check_stat(struct ucred *, struct mount *, struct label *);
void	rjail_posixsem_create(struct ucred *, struct ksem *, struct label *);
void	rjail_posixsem_init_label(struct label *);
int	rjail_posixsem_check_open(struct ucred *, struct ksem *,
	    struct label *);
int	rjail_posixsem_check_unlink(struct ucred *, struct ksem *,
	    struct label *);
void	rjail_posixshm_create(struct ucred *, struct shmfd *, struct label *);
void	rjail_posixshm_init_label(struct label *);
int	rjail_posixshm_check_open(struct ucred *, struct shmfd *,
	    struct label *, accmode_t);
int	rjail_posixshm_check_unlink(struct ucred *, struct shmfd *,
	    struct label *);
int	rjail_priv_check(struct ucred *, int);
int	rjail_proc_check_debug(struct ucred *, struct proc *);
int	rjail_proc_check_sched(struct ucred *, struct proc *);
int	rjail_proc_check_signal(struct ucred *, struct proc *, int);
int	rjail_proc_check_wait(struct ucred *, struct proc *);
int	rjail_socket_check_bind(struct ucred *, struct socket *, struct label *,
	    struct sockaddr *);
int	rjail_socket_check_connect(struct ucred *, struct socket *,
	    struct label *, struct sockaddr *);
int	rjail_socket_check_create(struct ucred *, int, int, int);
int	rjail_socket_check_listen(struct ucred *, struct socket *,
	    struct label *);
int	rjail_socket_check_visible(struct ucred *, struct socket *,
	    struct label *);
int	rjail_system_check_sysctl(struct ucred *, struct sysctl_oid *, void *,
	    int, struct sysctl_req *);
int	rjail_sysvmsq_check_msqctl(struct ucred *, struct msqid_kernel *,
	    struct label *, int);
int	rjail_sysvmsq_check_msqget(struct ucred *, struct msqid_kernel *,
	    struct label *);
int	rjail_sysvmsq_check_msqrcv(struct ucred *, struct msqid_kernel *,
	    struct label *);
int	rjail_sysvmsq_check_msqsnd(struct ucred *, struct msqid_kernel *,
	    struct label *);
int	rjail_sysvsem_check_semctl(struct ucred *, struct semid_kernel *,
	    struct label *, int);
int	rjail_sysvsem_check_semget(struct ucred *, struct semid_kernel *,
	    struct label *);
int	rjail_sysvsem_check_semop(struct ucred *, struct semid_kernel *,
	    struct label *, size_t);
int	rjail_sysvshm_check_shmat(struct ucred *, struct shmid_kernel *,
	    struct label *, int);
int	rjail_sysvshm_check_shmctl(struct ucred *, struct shmid_kernel *,
	    struct label *, int);
int	rjail_sysvshm_check_shmget(struct ucred *, struct shmid_kernel *,
	    struct label *, int);
int	rjail_vnode_check_open(struct ucred *, struct vnode *, struct label *,
	    accmode_t);
int	rjail_vnode_check_revoke(struct ucred *, struct vnode *,
	    struct label *);

int	rjail_vnode_check_deleteacl(struct ucred *, struct vnode *,
	    struct label *, acl_type_t);
int	rjail_vnode_check_deleteextattr(struct ucred *, struct vnode *,
	    struct label *, int, const char *);
int	rjail_vnode_check_setacl(struct ucred *, struct vnode *, struct label *,
	    acl_type_t, struct acl *);
int	rjail_vnode_check_setextattr(struct ucred *, struct vnode *,
	    struct label *, int, const char *);
int	rjail_vnode_check_setflags(struct ucred *, struct vnode *,
	    struct label *, u_long);
int	rjail_vnode_check_setmode(struct ucred *, struct vnode *,
	    struct label *, mode_t);
int	rjail_vnode_check_setowner(struct ucred *, struct vnode *,
	    struct label *, uid_t, gid_t);
int	rjail_vnode_check_setutimes(struct ucred *, struct vnode *,
	    struct label *, struct timespec, struct timespec);

int	rjail_vnode_check_chdir(struct ucred *, struct vnode *, struct label *);
int	rjail_vnode_check_lookup(struct ucred *, struct vnode *, struct label *,
	    struct componentname *);
int	rjail_vnode_check_rename_from(struct ucred *, struct vnode *,
	    struct label *, struct vnode *, struct label *,
	    struct componentname *);
int	rjail_vnode_check_rename_to(struct ucred *, struct vnode *,
	    struct label *, struct vnode *, struct label *, int samedir,
	    struct componentname *);

#endif /* !_RJAIL_ENTRY_H_ */
