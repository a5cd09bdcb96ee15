/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rjail.ko: where the kernel meets the module.  Module event, system call,
 * sysctls and, last in the file, the MAC policy.  Nothing is decided here.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/jail.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/osd.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/syscallsubr.h>
#include <sys/sysctl.h>
#include <sys/sysent.h>
#include <sys/sysproto.h>
#include <sys/ucred.h>

#include <security/audit/audit.h>
#include <security/mac/mac_framework.h>
#include <security/mac/mac_policy.h>
#include <security/mac/mac_internal.h>

#include "entry.h"
#include "helpers.h"
#include "rjail.h"
#include "root.h"

/* The framework never takes a slot back: a reload finds its own here. */
#define	RJAIL_SLOT_KENV	"rjail.mac_slot"

int rjail_slot;
u_int rjail_armings;

static struct mac_policy_conf rjail_slot_policy;
static module_t rjail_module;
static bool rjail_ready;	/* system call registered */
static bool rjail_preloaded;	/* by the boot loader: stays until the next boot */

/*
 * The system call: one, because all modules of a kernel together have ten.
 */

struct rjail_syscall_args {
	register_t	operation;
	void		*structure;
};
CTASSERT(sizeof(struct rjail_syscall_args) == 2 * sizeof(register_t));

static int
sys_rjail(struct thread *td, void *v)
{
	struct rjail_syscall_args *uap = v;
	int64_t jid;
	int error;

	error = rjail_entry_syscall(td, (int)uap->operation, uap->structure,
	    &jid);
	if (error == 0)
		td->td_retval[0] = jid;
	return (error);
}

static struct sysent rjail_sysent = {
	.sy_narg = sizeof(struct rjail_syscall_args) / sizeof(register_t),
	.sy_call = sys_rjail,
	.sy_auevent = AUE_JAIL,
};
static struct sysent rjail_old_sysent;
static int rjail_offset = NO_SYSCALL;

/*
 * Sysctls.  Dynamic ones, because only those wait, when they are removed, for
 * a caller that is still inside a handler.
 */

static const char rjail_version[] = "0.1.0";
static struct sysctl_ctx_list rjail_sysctls;

static int
rjail_sysctl_jails(SYSCTL_HANDLER_ARGS)
{
	uint64_t jails = rjail_entry_jails();

	return (sysctl_handle_64(oidp, &jails, 0, req));
}

static int
rjail_sysctl_jid(SYSCTL_HANDLER_ARGS)
{
	uint64_t jid = rjail_entry_jid(req->td->td_ucred);

	return (sysctl_handle_64(oidp, &jid, 0, req));
}

static int
rjail_sysctl_armed(SYSCTL_HANDLER_ARGS)
{
	int armed = rjail_entry_armed();

	return (sysctl_handle_int(oidp, &armed, 0, req));
}

static int
rjail_sysctl_watching(SYSCTL_HANDLER_ARGS)
{
	int watching = rjail_entry_watching();

	return (sysctl_handle_int(oidp, &watching, 0, req));
}

static int
rjail_sysctl_jailed(SYSCTL_HANDLER_ARGS)
{
	int jailed = rjail_entry_jid(req->td->td_ucred) != 0;

	return (sysctl_handle_int(oidp, &jailed, 0, req));
}

/* What is set by sysctl and, before the first jail, by the loader. */
static const struct rjail_switch {
	const char *name;
	int (*get)(void);
	int (*set)(int);
	const char *what;
} rjail_switches[] = {
	{ "security.rjail.second_line",
	    rjail_entry_second_line, rjail_entry_set_second_line,
	    "Give jails a struct prison as well; "
	    "changes only while no jail exists" },
	{ "security.rjail.unix_cross_jail",
	    rjail_entry_unix_cross_jail, rjail_entry_set_unix_cross_jail,
	    "Let UNIX-domain sockets be connected across the border of a jail, "
	    "both ways" },
	{ "security.rjail.watch_lookups",
	    rjail_entry_watch_lookups, rjail_entry_set_watch_lookups,
	    "Watch \"..\" while a jail exists that a directory of outside can "
	    "reach; look-ups everywhere take the kernel's slow path then" },
	{ "security.rjail.linger",
	    rjail_entry_linger, rjail_entry_set_linger,
	    "Seconds that the policy stays armed after the last jail" },
};

static int
rjail_sysctl_switch(SYSCTL_HANDLER_ARGS)
{
	const struct rjail_switch *sw = arg1;
	int error, on = sw->get();

	error = sysctl_handle_int(oidp, &on, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	return (sw->set(on));
}

static int
rjail_sysctl_default(SYSCTL_HANDLER_ARGS)
{
	int error, value = rjail_entry_default((int)arg2);

	error = sysctl_handle_int(oidp, &value, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	return (rjail_entry_set_default((int)arg2, value));
}

/* In the order of Default in src/prison/defaults.rs. */
static const struct {
	const char *name;
	const char *what;
} rjail_defaults[] = {
	{ "set_hostname_allowed", "may change their own host name" },
	{ "socket_unixiproute_only",
	    "have UNIX, IP, routing and netlink sockets alone" },
	{ "sysvipc_allowed", "share System V IPC with the host" },
	{ "enforce_statfs", "see all mounts (0), those below their root (1), "
	    "that of their root (2)" },
	{ "allow_raw_sockets", "may open raw sockets" },
	{ "chflags_allowed", "may change system file flags" },
};

static int
rjail_sysctls_add(void)
{
	struct sysctl_oid *node;
	struct sysctl_oid_list *list;
	char what[128];
	int i;

	sysctl_ctx_init(&rjail_sysctls);
	node = rjail_c_fails() ? NULL :
	    SYSCTL_ADD_NODE(&rjail_sysctls, SYSCTL_STATIC_CHILDREN(_security),
	    OID_AUTO, "rjail", CTLFLAG_RW | CTLFLAG_MPSAFE, NULL,
	    "Jails of the module rjail");
	if (node == NULL) {
		printf("rjail: no memory for sysctls (error %d)\n", ENOMEM);
		return (ENOMEM);
	}
	list = SYSCTL_CHILDREN(node);
	/*
	 * modfind(2) takes as long as there are modules.  First, because names are
	 * looked for in this order, and this one for each call.
	 */
	SYSCTL_ADD_INT(&rjail_sysctls, list, OID_AUTO, "syscall",
	    CTLFLAG_RD | CTLFLAG_MPSAFE, &rjail_offset, 0,
	    "Number of the system call");
	SYSCTL_ADD_STRING(&rjail_sysctls, list, OID_AUTO, "version",
	    CTLFLAG_RD | CTLFLAG_CAPRD, __DECONST(char *, rjail_version), 0,
	    "Version of the module");
	SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO, "jails",
	    CTLTYPE_U64 | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0,
	    rjail_sysctl_jails, "QU", "Jails that exist, dying ones included");
	SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO, "jid",
	    CTLTYPE_U64 | CTLFLAG_RD | CTLFLAG_MPSAFE | CTLFLAG_CAPRD, NULL, 0,
	    rjail_sysctl_jid, "QU", "Number of the caller's jail, 0 outside");
	SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO, "jailed",
	    CTLTYPE_INT | CTLFLAG_RD | CTLFLAG_MPSAFE | CTLFLAG_CAPRD, NULL, 0,
	    rjail_sysctl_jailed, "I", "Is the caller in a jail of rjail?");
	SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO, "watching",
	    CTLTYPE_INT | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0,
	    rjail_sysctl_watching, "I", "Are look-ups watched now?");
	SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO, "armed",
	    CTLTYPE_INT | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0,
	    rjail_sysctl_armed, "I",
	    "Does the MAC framework know the policy now?");
	for (i = 0; i < (int)nitems(rjail_switches); i++)
		SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO,
		    strrchr(rjail_switches[i].name, '.') + 1,
		    CTLTYPE_INT | CTLFLAG_RW | CTLFLAG_MPSAFE,
		    __DECONST(struct rjail_switch *, &rjail_switches[i]), 0,
		    rjail_sysctl_switch, "I", rjail_switches[i].what);
	for (i = 0; i < (int)nitems(rjail_defaults); i++) {
		snprintf(what, sizeof(what), "New jails that ask for the "
		    "defaults %s", rjail_defaults[i].what);
		SYSCTL_ADD_PROC(&rjail_sysctls, list, OID_AUTO,
		    rjail_defaults[i].name,
		    CTLTYPE_INT | CTLFLAG_RWTUN | CTLFLAG_MPSAFE, NULL, i,
		    rjail_sysctl_default, "I", what);
	}
	return (0);
}

/*
 * What the kernel asks modules about prisons (osd(9)).  Its own attach, by
 * descriptor, asks the credential that opened the descriptor and not the one
 * that attaches.
 */
static int
rjail_jail_attach(void *prison __unused, void *td)
{
	return (rjail_entry_jail_attach(((struct thread *)td)->td_ucred));
}

static const osd_method_t rjail_jail_methods[PR_MAXMETHOD] = {
	[PR_METHOD_ATTACH] = rjail_jail_attach,
};
static int rjail_jail_slot;

/* Module event. */

/* Whether a policy that is registered has this slot; says which. */
static bool
rjail_slot_taken(int slot)
{
	struct mac_policy_list_head *lists[] =
	    { &mac_static_policy_list, &mac_policy_list };
	struct mac_policy_conf *policy;
	bool taken = false;
	int i;

	mac_policy_slock_sleep();
	for (i = 0; i < (int)nitems(lists); i++) {
		LIST_FOREACH(policy, lists[i], mpc_list) {
			if (policy->mpc_field_off == NULL ||
			    *policy->mpc_field_off != slot)
				continue;
			printf("rjail: kenv " RJAIL_SLOT_KENV "=%d is the slot "
			    "of %s\n", slot, policy->mpc_name);
			taken = true;
		}
	}
	mac_policy_sunlock_sleep();
	return (taken);
}

/*
 * A slot in labels: that of an earlier load, or of a policy without a hook, which
 * is then of no further use.
 */
static int
rjail_slot_get(module_t mod)
{
	char text[12];
	int error, slot;

	/* At boot nobody can have had one. */
	if (rjail_preloaded || !getenv_int(RJAIL_SLOT_KENV, &slot)) {
		error = rjail_c_fails() ? ENOMEM :
		    mac_policy_modevent(mod, MOD_LOAD, &rjail_slot_policy);
		if (error != 0) {
			printf("rjail: no label slot is left (error %d): the MAC "
			    "framework has %d and takes none back; boot without "
			    "one of the other policies, or with rjail before "
			    "them\n", error, MAC_MAX_SLOTS);
			return (error);
		}
		(void)mac_policy_modevent(mod, MOD_UNLOAD, &rjail_slot_policy);
		if (!rjail_preloaded) {
			snprintf(text, sizeof(text), "%d", rjail_slot);
			(void)kern_setenv(RJAIL_SLOT_KENV, text);
		}
		return (0);
	}
	if (slot < 0 || slot >= MAC_MAX_SLOTS) {
		printf("rjail: kenv " RJAIL_SLOT_KENV "=%d is not a slot\n", slot);
		return (EINVAL);
	}
	if (rjail_slot_taken(slot))
		return (EBUSY);
	rjail_slot = slot;
	return (0);
}

static int
rjail_syscall_add(void)
{
	modspecific_t ms = { 0 };
	int error;

	error = rjail_c_fails() ? ENOMEM : kern_syscall_register(sysent,
	    &rjail_offset, &rjail_sysent, &rjail_old_sysent, 0);
	if (error != 0) {
		printf("rjail: no free system call (error %d)\n", error);
		return (error);
	}
	ms.intval = rjail_offset;
	MOD_XLOCK;
	module_setspecific(rjail_module, &ms);
	MOD_XUNLOCK;
	rjail_ready = true;
	return (0);
}

/* What needs a running kernel: at boot it waits for the SYSINIT below. */
static int
rjail_complete(void)
{
	const char *what = NULL;
	int error, i, on;

	rjail_c_disarm_init();
	error = rjail_entry_self_check(&what);
	if (error != 0 && what == NULL) {
		printf("rjail: this kernel could not be checked (error %d); "
		    "no jail can be made\n", error);
		return (error);
	}
	if (error != 0) {
		printf("rjail: this kernel is not the one rjail was built for: "
		    "%s (error %d); no jail can be made\n", what, error);
		return (error);
	}
	for (i = 0; i < (int)nitems(rjail_switches); i++) {
		if (!getenv_int(rjail_switches[i].name, &on))
			continue;
		error = rjail_switches[i].set(on);
		if (error != 0) {
			printf("rjail: %s=%d: not a value that it can have\n",
			    rjail_switches[i].name, on);
			return (error);
		}
	}
	error = rjail_sysctls_add();
	if (error == 0)
		error = rjail_syscall_add();
	if (error != 0)
		(void)sysctl_ctx_free(&rjail_sysctls);
	return (error);
}

static void
rjail_complete_boot(void *arg __unused)
{
	if (rjail_module != NULL && !rjail_ready)
		(void)rjail_complete();
}
SYSINIT(rjail_complete, SI_SUB_SYSCALLS, SI_ORDER_ANY, rjail_complete_boot, NULL);

static int
rjail_load(module_t mod)
{
	int error;

	if (osreldate != __FreeBSD_version) {
		printf("rjail: built for FreeBSD %d, this is %d: build it from "
		    "this kernel's headers\n", __FreeBSD_version, osreldate);
		return (ENOEXEC);
	}
	rjail_preloaded = cold;
	/* First: at boot there are no tasks yet whose end could be waited for. */
	error = rjail_slot_get(mod);
	if (error == 0)
		error = rjail_entry_load();
	if (error != 0)
		return (error);
	rjail_jail_slot = osd_jail_register(NULL, rjail_jail_methods);
	rjail_module = mod;
	if (cold)
		return (0);
	error = rjail_complete();
	if (error != 0) {
		rjail_module = NULL;
		osd_jail_deregister(rjail_jail_slot);
		rjail_entry_unload();
	}
	return (error);
}

static int
rjail_unload(void)
{
	int error;

	if (rjail_module == NULL)
		return (0);
	if (rjail_preloaded)
		return (EBUSY);
	/* After this nobody can enter: a caller inside rjail(2) is drained. */
	if (rjail_ready) {
		error = kern_syscall_deregister(sysent, rjail_offset,
		    &rjail_old_sysent);
		if (error != 0)
			return (error);
		rjail_offset = NO_SYSCALL;
	}
	error = rjail_entry_quiesce();
	if (error != 0) {
		if (rjail_ready)
			(void)rjail_syscall_add();
		return (error);
	}
	rjail_ready = false;
	/* Waits for callers inside; nothing below fails any more. */
	(void)sysctl_ctx_free(&rjail_sysctls);
	osd_jail_deregister(rjail_jail_slot);
	error = rjail_entry_disarm();
	KASSERT(error == 0, ("rjail: the policy may be unloaded, yet: %d", error));
	rjail_entry_unload();
	rjail_module = NULL;
	return (0);
}

static int
rjail_module_event(module_t mod, int type, void *data __unused)
{
	switch (type) {
	case MOD_LOAD:
		return (rjail_load(mod));
	case MOD_QUIESCE:
		return (rjail_entry_quiesce());
	case MOD_UNLOAD:
		return (rjail_unload());
	case MOD_SHUTDOWN:
		return (0);
	default:
		return (EOPNOTSUPP);
	}
}

/* The system call's number is found under this name too: modfind(2). */
static moduledata_t rjail_moduledata = {
	"sys/rjail",
	rjail_module_event,
	NULL
};
DECLARE_MODULE(rjail, rjail_moduledata, SI_SUB_MAC_POLICY, SI_ORDER_MIDDLE);
MODULE_VERSION(rjail, 1);
MODULE_DEPEND(rjail, kernel_mac_support, MAC_VERSION, MAC_VERSION, MAC_VERSION);

/* The policy. */

static struct mac_policy_ops rjail_no_ops;

static struct mac_policy_conf rjail_slot_policy = {
	.mpc_name = "rjail_slot",
	.mpc_fullname = "rjail: a slot in labels",
	.mpc_ops = &rjail_no_ops,
	.mpc_loadtime_flags = MPC_LOADTIME_FLAG_UNLOADOK,
	.mpc_field_off = &rjail_slot,
};

/*
 * The framework has two lists of policies: a lock is taken for the one, whose
 * policies may go, and none for the other, which is for those of the boot.  The
 * policy of a module that stays until the next boot goes on the second, and stays
 * there as well: readers that take no lock may be anywhere on it.
 *
 * Called with both lists locked against writers, and the first against readers.
 */
void
rjail_policy_init(struct mac_policy_conf *policy)
{
	struct mac_policy_conf *each, **end = &LIST_FIRST(&mac_static_policy_list);

	if (!rjail_preloaded)
		return;
	LIST_REMOVE(policy, mpc_list);
	LIST_FOREACH(each, &mac_static_policy_list, mpc_list)
		end = &LIST_NEXT(each, mpc_list);
	policy->mpc_list.le_next = NULL;
	policy->mpc_list.le_prev = end;
	/* Readers take no lock: they see an entry that is whole. */
	atomic_store_rel_ptr((uintptr_t *)end, (uintptr_t)policy);
}

static struct mac_policy_ops rjail_policy_ops = {
	.mpo_init = rjail_policy_init,
	.mpo_cred_check_visible = rjail_cred_check_visible,
	.mpo_cred_copy_label = rjail_cred_copy_label,
	.mpo_cred_destroy_label = rjail_cred_destroy_label,
	.mpo_cred_init_label = rjail_cred_init_label,
	.mpo_inpcb_check_visible = rjail_inpcb_check_visible,
	.mpo_kenv_check_dump = rjail_kenv_check_dump,
	.mpo_kenv_check_get = rjail_kenv_check_get,
	.mpo_kld_check_stat = rjail_kld_check_stat,
	.mpo_mount_check_stat = rjail_mount_check_stat,
	.mpo_posixsem_check_open = rjail_posixsem_check_open,
	.mpo_posixsem_check_unlink = rjail_posixsem_check_unlink,
	.mpo_posixsem_create = rjail_posixsem_create,
	.mpo_posixsem_init_label = rjail_posixsem_init_label,
	.mpo_posixshm_check_open = rjail_posixshm_check_open,
	.mpo_posixshm_check_unlink = rjail_posixshm_check_unlink,
	.mpo_posixshm_create = rjail_posixshm_create,
	.mpo_posixshm_init_label = rjail_posixshm_init_label,
	.mpo_priv_check = rjail_priv_check,
	.mpo_proc_check_debug = rjail_proc_check_debug,
	.mpo_proc_check_sched = rjail_proc_check_sched,
	.mpo_proc_check_signal = rjail_proc_check_signal,
	.mpo_proc_check_wait = rjail_proc_check_wait,
	.mpo_socket_check_bind = rjail_socket_check_bind,
	.mpo_socket_check_connect = rjail_socket_check_connect,
	.mpo_socket_check_create = rjail_socket_check_create,
	.mpo_socket_check_listen = rjail_socket_check_listen,
	.mpo_socket_check_visible = rjail_socket_check_visible,
	.mpo_system_check_sysctl = rjail_system_check_sysctl,
	.mpo_sysvmsq_check_msqctl = rjail_sysvmsq_check_msqctl,
	.mpo_sysvmsq_check_msqget = rjail_sysvmsq_check_msqget,
	.mpo_sysvmsq_check_msqrcv = rjail_sysvmsq_check_msqrcv,
	.mpo_sysvmsq_check_msqsnd = rjail_sysvmsq_check_msqsnd,
	.mpo_sysvsem_check_semctl = rjail_sysvsem_check_semctl,
	.mpo_sysvsem_check_semget = rjail_sysvsem_check_semget,
	.mpo_sysvsem_check_semop = rjail_sysvsem_check_semop,
	.mpo_sysvshm_check_shmat = rjail_sysvshm_check_shmat,
	.mpo_sysvshm_check_shmctl = rjail_sysvshm_check_shmctl,
	.mpo_sysvshm_check_shmget = rjail_sysvshm_check_shmget,
	.mpo_vnode_check_chdir = rjail_vnode_check_chdir,
	.mpo_vnode_check_deleteacl = rjail_vnode_check_deleteacl,
	.mpo_vnode_check_deleteextattr = rjail_vnode_check_deleteextattr,
	.mpo_vnode_check_open = rjail_vnode_check_open,
	.mpo_vnode_check_rename_from = rjail_vnode_check_rename_from,
	.mpo_vnode_check_rename_to = rjail_vnode_check_rename_to,
	.mpo_vnode_check_revoke = rjail_vnode_check_revoke,
	.mpo_vnode_check_setacl = rjail_vnode_check_setacl,
	.mpo_vnode_check_setextattr = rjail_vnode_check_setextattr,
	.mpo_vnode_check_setflags = rjail_vnode_check_setflags,
	.mpo_vnode_check_setmode = rjail_vnode_check_setmode,
	.mpo_vnode_check_setowner = rjail_vnode_check_setowner,
	.mpo_vnode_check_setutimes = rjail_vnode_check_setutimes,
};

/*
 * A policy of its own, because the kernel's lockless look-up is off as long as
 * any policy has this hook.
 */
static struct mac_policy_ops rjail_lookup_policy_ops = {
	.mpo_vnode_check_lookup = rjail_vnode_check_lookup,
};

static struct mac_policy_conf rjail_lookup_policy = {
	.mpc_name = "rjail_lookup",
	.mpc_fullname = "rjail: look-ups are watched",
	.mpc_ops = &rjail_lookup_policy_ops,
	.mpc_loadtime_flags = MPC_LOADTIME_FLAG_UNLOADOK,
};

int
rjail_c_watch_lookups(int on)
{
	if (on && rjail_c_fails())
		return (ENOMEM);
	return (mac_policy_modevent(rjail_module, on ? MOD_LOAD : MOD_UNLOAD,
	    &rjail_lookup_policy));
}

static struct mac_policy_conf rjail_policy = {
	.mpc_name = "rjail",
	.mpc_fullname = "rjail",
	.mpc_ops = &rjail_policy_ops,
	.mpc_loadtime_flags = MPC_LOADTIME_FLAG_UNLOADOK,
};

int
rjail_c_arm(int on)
{
	if (on && rjail_c_fails())
		return (ENOMEM);
	if (on)
		rjail_armings++;
	else if (rjail_preloaded)
		return (EBUSY);
	return (mac_policy_modevent(rjail_module, on ? MOD_LOAD : MOD_UNLOAD,
	    &rjail_policy));
}
