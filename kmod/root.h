/* SPDX-License-Identifier: BSD-2-Clause */
/* For src/kernel/path.rs: directories, their paths and their mounts. */
#ifndef _RJAIL_ROOT_H_
#define	_RJAIL_ROOT_H_

struct componentname;
struct mount;
struct prison;
struct thread;
struct vnode;

bool	 rjail_c_vnode_is_directory(const struct vnode *);
int	 rjail_c_vnode_unlock_any(struct vnode *);
void	 rjail_c_vnode_lock_again(struct vnode *, int how);
int	 rjail_c_path(struct vnode *, char **path, char **memory);
void	 rjail_c_path_free(char *memory);
int	 rjail_c_directory(struct vnode *, int32_t mount[2], uint64_t *file,
	    struct vnode **above);
struct vnode *rjail_c_jail_directory(struct thread *);

int	 rjail_c_watch_lookups(int on);
bool	 rjail_c_goes_up(const struct componentname *);
bool	 rjail_c_moves_directory(const struct componentname *);
void	 rjail_c_moves_init(void);
void	 rjail_c_moves_fini(void);
int	 rjail_c_move_begin(struct vnode *from);
struct vnode *rjail_c_move_from(void);
void	 rjail_c_move_allow(struct vnode *to);
bool	 rjail_c_move_allowed(struct vnode *to);

void	 rjail_c_mount_id(const struct mount *, int32_t id[2]);
const char *rjail_c_mount_path(const struct mount *);
struct mount *rjail_c_mount_next_loopback(struct mount *);
void	 rjail_c_mount_unbusy(struct mount *);
struct vnode *rjail_c_mount_root(struct mount *);
struct vnode *rjail_c_lowest(struct vnode *);

bool	 rjail_c_prison_is_rooted(struct prison *);
struct vnode *rjail_c_prison_leave_root(struct prison *);

#endif /* !_RJAIL_ROOT_H_ */
