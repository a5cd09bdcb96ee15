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

/* The framework never takes a slot back: a reload finds its own here. */
#define	RJAIL_SLOT_KENV	"rjail.mac_slot"

int rjail_slot;

static struct mac_policy_conf rjail_policy;
static module_t rjail_module;
static bool rjail_ready;	/* system call registered */

/* System calls. */

struct rjail_create_args {
	const struct rjail_args *args;
};
CTASSERT(sizeof(struct rjail_create_args) == sizeof(register_t));

static int
sys_rjail(struct thread *td, void *v)
{
	struct rjail_create_args *uap = v;
	int64_t jid;
	int error;

	error = rjail_entry_create(td, uap->args, &jid);
	if (error == 0)
		td->td_retval[0] = jid;
	return (error);
}

static struct sysent rjail_sysent = {
	.sy_narg = sizeof(struct rjail_create_args) / sizeof(register_t),
	.sy_call = sys_rjail,
	.sy_auevent = AUE_JAIL,
};
static struct sysent rjail_old_sysent;
static int rjail_offset = NO_SYSCALL;

/* Sysctls. */

static SYSCTL_NODE(_security, OID_AUTO, rjail, CTLFLAG_RW | CTLFLAG_MPSAFE, 0,
    "Jails of the module rjail");

static const char rjail_version[] = "0.1.0";
SYSCTL_STRING(_security_rjail, OID_AUTO, version, CTLFLAG_RD | CTLFLAG_CAPRD,
    __DECONST(char *, rjail_version), 0, "Version of the module");

static int
rjail_sysctl_jails(SYSCTL_HANDLER_ARGS)
{
	uint64_t jails = rjail_entry_jails();

	return (sysctl_handle_64(oidp, &jails, 0, req));
}
SYSCTL_PROC(_security_rjail, OID_AUTO, jails,
    CTLTYPE_U64 | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0, rjail_sysctl_jails,
    "QU", "Jails that exist, dying ones included");

static int
rjail_sysctl_jid(SYSCTL_HANDLER_ARGS)
{
	uint64_t jid = rjail_entry_jid(req->td->td_ucred);

	return (sysctl_handle_64(oidp, &jid, 0, req));
}
SYSCTL_PROC(_security_rjail, OID_AUTO, jid,
    CTLTYPE_U64 | CTLFLAG_RD | CTLFLAG_MPSAFE | CTLFLAG_CAPRD, NULL, 0,
    rjail_sysctl_jid, "QU", "Number of the caller's jail, 0 outside");

static int
rjail_sysctl_jailed(SYSCTL_HANDLER_ARGS)
{
	int jailed = rjail_entry_jid(req->td->td_ucred) != 0;

	return (sysctl_handle_int(oidp, &jailed, 0, req));
}
SYSCTL_PROC(_security_rjail, OID_AUTO, jailed,
    CTLTYPE_INT | CTLFLAG_RD | CTLFLAG_MPSAFE | CTLFLAG_CAPRD, NULL, 0,
    rjail_sysctl_jailed, "I", "Is the caller in a jail of rjail?");

static int
rjail_sysctl_second_line(SYSCTL_HANDLER_ARGS)
{
	int error, on = rjail_entry_second_line();

	error = sysctl_handle_int(oidp, &on, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	return (rjail_entry_set_second_line(on));
}
SYSCTL_PROC(_security_rjail, OID_AUTO, second_line,
    CTLTYPE_INT | CTLFLAG_RWTUN | CTLFLAG_NOFETCH | CTLFLAG_MPSAFE, NULL, 0,
    rjail_sysctl_second_line, "I",
    "Give jails a struct prison as well; changes only while no jail exists");

/* Module event. */

static int
rjail_slot_recall(void)
{
	int slot;

	if (!getenv_int(RJAIL_SLOT_KENV, &slot))
		return (0);
	if (slot < 0 || slot >= MAC_MAX_SLOTS) {
		printf("rjail: kenv " RJAIL_SLOT_KENV "=%d is not a slot\n", slot);
		return (EINVAL);
	}
	rjail_slot = slot;
	rjail_policy.mpc_field_off = NULL;
	return (0);
}

static void
rjail_slot_remember(void)
{
	char slot[12];

	snprintf(slot, sizeof(slot), "%d", rjail_slot);
	(void)kern_setenv(RJAIL_SLOT_KENV, slot);
}

/* What needs a running kernel: at boot it waits for the SYSINIT below. */
static int
rjail_complete(void)
{
	const char *what = NULL;
	modspecific_t ms = { 0 };
	int error, on;

	error = rjail_entry_self_check(&what);
	if (error != 0) {
		printf("rjail: this kernel is not the one rjail was built for: "
		    "%s (error %d); no jail can be made\n", what, error);
		return (error);
	}
	if (getenv_int("security.rjail.second_line", &on)) {
		error = rjail_entry_set_second_line(on);
		if (error != 0) {
			printf("rjail: security.rjail.second_line=%d: "
			    "0 or 1 is wanted\n", on);
			return (error);
		}
	}
	error = kern_syscall_register(sysent, &rjail_offset, &rjail_sysent,
	    &rjail_old_sysent, 0);
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
	error = rjail_entry_load();
	if (error != 0)
		return (error);
	/*
	 * At boot the policy goes on the framework's static list, which takes
	 * no lock per check and cannot be left again; later, on the other.
	 */
	if (!cold) {
		rjail_policy.mpc_loadtime_flags |= MPC_LOADTIME_FLAG_UNLOADOK;
		error = rjail_slot_recall();
	}
	if (error == 0)
		error = mac_policy_modevent(mod, MOD_LOAD, &rjail_policy);
	if (error != 0) {
		rjail_entry_unload();
		return (error);
	}
	rjail_module = mod;
	if (cold)
		return (0);
	rjail_slot_remember();
	error = rjail_complete();
	if (error != 0) {
		rjail_module = NULL;
		(void)mac_policy_modevent(mod, MOD_UNLOAD, &rjail_policy);
		rjail_entry_unload();
	}
	return (error);
}

static int
rjail_unload(module_t mod)
{
	int error;

	if (rjail_module == NULL)
		return (0);
	if ((rjail_policy.mpc_loadtime_flags & MPC_LOADTIME_FLAG_UNLOADOK) == 0)
		return (EBUSY);
	/* After this nobody can enter: a caller inside rjail(2) is drained. */
	if (rjail_ready) {
		error = kern_syscall_deregister(sysent, rjail_offset,
		    &rjail_old_sysent);
		if (error != 0)
			return (error);
		rjail_ready = false;
		rjail_offset = NO_SYSCALL;
	}
	error = rjail_entry_quiesce();
	if (error == 0)
		error = mac_policy_modevent(mod, MOD_UNLOAD, &rjail_policy);
	if (error != 0) {
		(void)rjail_complete();
		return (error);
	}
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
		return (rjail_unload(mod));
	case MOD_SHUTDOWN:
		return (0);
	default:
		return (EOPNOTSUPP);
	}
}

/* User land finds the system call's number under this name: modfind(2). */
static moduledata_t rjail_moduledata = {
	"sys/rjail",
	rjail_module_event,
	NULL
};
DECLARE_MODULE(rjail, rjail_moduledata, SI_SUB_MAC_POLICY, SI_ORDER_MIDDLE);
MODULE_VERSION(rjail, 1);
MODULE_DEPEND(rjail, kernel_mac_support, MAC_VERSION, MAC_VERSION, MAC_VERSION);

/* The policy. */

static struct mac_policy_ops rjail_policy_ops = {
	.mpo_cred_check_visible = rjail_cred_check_visible,
	.mpo_cred_copy_label = rjail_cred_copy_label,
	.mpo_cred_destroy_label = rjail_cred_destroy_label,
	.mpo_cred_init_label = rjail_cred_init_label,
	.mpo_inpcb_check_visible = rjail_inpcb_check_visible,
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
};

static struct mac_policy_conf rjail_policy = {
	.mpc_name = "rjail",
	.mpc_fullname = "rjail",
	.mpc_ops = &rjail_policy_ops,
	.mpc_field_off = &rjail_slot,
};
