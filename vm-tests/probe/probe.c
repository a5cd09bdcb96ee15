/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rjail_probe.ko: a module of the VM tests, no part of rjail.  Through it a test
 * asks the running kernel instead of being told: what a prison makes of each
 * privilege, what the whole of priv(9) does, and which static probes fire.  It
 * plays other MAC policies, which have label slots, and reads where KASAN sees it.
 *
 * A question is what is written to a sysctl, its answer what the same call
 * reads; so only who may write sysctls, root outside any jail, can ask.  The
 * structures are those of vm-tests/guest/src/probe.rs.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/eventhandler.h>
#include <sys/jail.h>
#include <sys/kernel.h>
#include <sys/linker.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/sched.h>
#include <sys/sdt.h>
#include <sys/smp.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>

#include <machine/md_var.h>

#include <security/mac/mac_policy.h>

static struct sysctl_ctx_list probe_sysctls;

/* Fills it from what the caller writes. */
static int
probe_asked(struct sysctl_req *req, void *question, size_t size)
{
	if (req->newptr == NULL || req->newlen != size)
		return (EINVAL);
	return (SYSCTL_IN(req, question, size));
}

/*
 * Privileges.
 */

#define	PROBE_NUMBERS	1024
CTASSERT(_PRIV_HIGHEST <= PROBE_NUMBERS);

/* One bit a privilege number. */
struct probe_bits {
	uint64_t	word[PROBE_NUMBERS / 64];
};

struct probe_verdicts {
	struct probe_bits valid;	/* the header says so */
	struct probe_bits asked;	/* line two has a verdict ... */
	struct probe_bits line_two;	/* ... which lets root have it */
	struct probe_bits both;		/* the kernel lets the process have it */
};

static void
probe_set(struct probe_bits *bits, int number)
{
	bits->word[number / 64] |= (uint64_t)1 << number % 64;
}

static int
probe_cred_hold(pid_t pid, struct ucred **cred)
{
	struct proc *p;

	p = pfind(pid);
	if (p == NULL)
		return (ESRCH);
	*cred = crhold(p->p_ucred);
	PROC_UNLOCK(p);
	return (0);
}

/* Nobody's root: uid 0 in a prison, with the label of who was never jailed. */
static struct ucred *
probe_root_in(struct prison *pr)
{
	struct ucred *root;

	root = crget();
	prison_hold(pr);
	root->cr_prison = pr;
	return (root);
}

/*
 * What a prison makes of a privilege.  Two have functions of their own, which
 * prison_priv_check() may not be asked about.  One of them looks at the prison
 * and then both look for a superuser, as for any other privilege is done after
 * the prison has agreed; so where the prison has no superuser, their refusal
 * says nothing about it.
 */
static bool
probe_line_two(struct ucred *root, int number, bool *asked)
{
	*asked = true;
	switch (number) {
	case PRIV_VFS_LOOKUP:
		*asked = prison_allow(root, PR_ALLOW_SUSER);
		return (priv_check_cred_vfs_lookup(root) == 0);
	case PRIV_VFS_GENERATION:
		*asked = prison_allow(root, PR_ALLOW_SUSER);
		return (priv_check_cred_vfs_generation(root) == 0);
	default:
		return (prison_priv_check(root, number) == 0);
	}
}

/* The pid of a process; every verdict about it. */
static int
probe_sysctl_verdicts(SYSCTL_HANDLER_ARGS)
{
	struct probe_verdicts verdicts = { 0 };
	struct ucred *cred, *root;
	int error, number, pid;
	bool asked;

	error = probe_asked(req, &pid, sizeof(pid));
	if (error == 0)
		error = probe_cred_hold(pid, &cred);
	if (error != 0)
		return (error);
	root = probe_root_in(cred->cr_prison);
	for (number = 0; number < PROBE_NUMBERS; number++) {
		if (!PRIV_VALID(number))
			continue;
		probe_set(&verdicts.valid, number);
		if (probe_line_two(root, number, &asked) && asked)
			probe_set(&verdicts.line_two, number);
		if (asked)
			probe_set(&verdicts.asked, number);
		if (priv_check_cred(cred, number) == 0)
			probe_set(&verdicts.both, number);
	}
	/* The process may be gone: its jail goes with the credential, not before. */
	crfree(root);
	crfree(cred);
	return (SYSCTL_OUT(req, &verdicts, sizeof(verdicts)));
}

/* A probe of a module, for the tests to watch: pid, number, answer. */
SDT_PROVIDER_DEFINE(rjail_probe);
SDT_PROBE_DEFINE3(rjail_probe, , , asked, "pid_t", "int", "int");

/* The pid of a process and a number; the errno of the kernel's answer. */
static int
probe_sysctl_ask(SYSCTL_HANDLER_ARGS)
{
	struct ucred *cred;
	int answer, error, question[2];

	error = probe_asked(req, question, sizeof(question));
	if (error != 0)
		return (error);
	if (!PRIV_VALID(question[1]))
		return (EDOM);
	error = probe_cred_hold(question[0], &cred);
	if (error != 0)
		return (error);
	answer = priv_check_cred(cred, question[1]);
	crfree(cred);
	SDT_PROBE3(rjail_probe, , , asked, question[0], question[1], answer);
	return (SYSCTL_OUT(req, &answer, sizeof(answer)));
}

/*
 * Static probes: the part of the sdt(4) provider that makes them fire, without
 * DTrace.
 */

#define	PROBE_SLOTS	4
#define	PROBE_KEPT	16	/* last firings a slot keeps */

struct probe_question {
	uint32_t	what;
#define	PROBE_ON	1
#define	PROBE_READ	2
#define	PROBE_OFF	3
	uint32_t	slot;	/* not to PROBE_ON, which finds one */
	int32_t		pid;	/* to PROBE_ON: whose firings; 0: everybody's */
	char		name[116];	/* provider:module:function:name */
};

struct probe_firing {
	uint64_t	number;	/* from 1; 0: none yet */
	int64_t		pid;
	uint64_t	args[6];
};

struct probe_answer {
	uint32_t	slot;
	uint32_t	tracepoints;	/* places in the code */
	uint64_t	fired;
	struct probe_firing last[PROBE_KEPT];
};

#ifdef KDTRACE_HOOKS

#define	PROBE_PLACES	64	/* most tracepoints a probe may have */
#define	PROBE_CODE	5	/* bytes of code at a tracepoint */
#define	PROBE_JUMP	0xe9	/* what a switched-on one begins with */

struct probe_place {
	struct sdt_tracepoint *point;
	linker_file_t	file;
	uint8_t		code[PROBE_CODE];	/* while it was off */
};

struct probe_slot {
	bool		on;
	int		pid;
	u_int		places;
	struct probe_place place[PROBE_PLACES];
	uint64_t	fired;
	struct probe_firing last[PROBE_KEPT];
};

static struct probe_slot probe_slots[PROBE_SLOTS];
static struct probe_answer probe_answer;
static eventhandler_tag probe_unload_tag;

/*
 * Who has it may change the slots.  Not a lock, because module events come with
 * the linker's own, which comes after it for everybody else: they are turned
 * away instead.
 */
static struct mtx probe_gate;
static bool probe_busy, probe_closed;

static int
probe_enter(void)
{
	int error = 0;

	mtx_lock(&probe_gate);
	while (probe_busy)
		(void)msleep(&probe_busy, &probe_gate, 0, "rjprobe", 0);
	if (probe_closed)
		error = ENXIO;
	else
		probe_busy = true;
	mtx_unlock(&probe_gate);
	return (error);
}

static void
probe_leave(void)
{
	mtx_lock(&probe_gate);
	probe_busy = false;
	wakeup(&probe_busy);
	mtx_unlock(&probe_gate);
}

/* Runs wherever a probe is: under any lock, in any context. */
static void
probe_fired(uint32_t id, uintptr_t arg0, uintptr_t arg1, uintptr_t arg2,
    uintptr_t arg3, uintptr_t arg4, uintptr_t arg5)
{
	struct probe_firing *firing;
	struct probe_slot *slot;
	uint64_t number;
	int pid;

	if (id == 0 || id > PROBE_SLOTS)
		return;
	slot = &probe_slots[id - 1];
	pid = curthread->td_proc->p_pid;
	if (!slot->on || (slot->pid != 0 && slot->pid != pid))
		return;
	number = atomic_fetchadd_64(&slot->fired, 1);
	firing = &slot->last[number % PROBE_KEPT];
	firing->pid = pid;
	firing->args[0] = arg0;
	firing->args[1] = arg1;
	firing->args[2] = arg2;
	firing->args[3] = arg3;
	firing->args[4] = arg4;
	firing->args[5] = arg5;
	atomic_store_rel_64(&firing->number, number + 1);
}

/* Every processor stands still while one changes the code. */
struct probe_change {
	struct probe_slot *slot;
	int		cpu;
	u_int		arrived, done;
	bool		on;
};

static void
probe_change_code(void *arg)
{
	struct probe_change *change = arg;
	struct probe_place *place;
	void *code;
	u_int i;
	bool wp;

	if (change->cpu != curcpu) {
		atomic_add_rel_int(&change->arrived, 1);
		while (atomic_load_acq_int(&change->done) == 0)
			cpu_spinwait();
		return;
	}
	while (atomic_load_acq_int(&change->arrived) != mp_ncpus - 1)
		cpu_spinwait();
	for (i = 0; i < change->slot->places; i++) {
		place = &change->slot->place[i];
		code = (void *)place->point->patchpoint;
		if (change->on) {
			memcpy(place->code, code, PROBE_CODE);
			sdt_tracepoint_patch(place->point->patchpoint,
			    place->point->target);
		} else {
			/*
			 * Not sdt_tracepoint_restore(), which leaves five
			 * instructions where one was: a thread interrupted
			 * between them would go on inside the next jump.
			 */
			wp = disable_wp();
			memcpy(code, place->code, PROBE_CODE);
			restore_wp(wp);
		}
	}
	atomic_store_rel_int(&change->done, 1);
}

static void
probe_change(struct probe_slot *slot, bool on)
{
	struct probe_change change = { .slot = slot, .on = on };

	sched_pin();
	change.cpu = curcpu;
	smp_rendezvous(NULL, probe_change_code, NULL, &change);
	sched_unpin();
}

/* Is this its name, all four parts? */
static bool
probe_is(const struct sdt_probe *probe, const char *name)
{
	const char *parts[] =
	    { probe->prov->name, probe->mod, probe->func, probe->name };
	size_t length;
	u_int i;

	for (i = 0; i < nitems(parts); i++) {
		length = strlen(parts[i]);
		if (strncmp(name, parts[i], length) != 0)
			return (false);
		name += length;
		if (*name++ != (i + 1 < nitems(parts) ? ':' : '\0'))
			return (false);
	}
	return (true);
}

struct probe_search {
	const char	*name;
	struct probe_slot *slot;
};

/* Adds a file's tracepoints of the probe to the slot. */
static int
probe_search_file(linker_file_t file, void *arg)
{
	struct probe_search *search = arg;
	struct probe_slot *slot = search->slot;
	struct sdt_tracepoint *begin, *end, *point;

	if (linker_file_lookup_set(file, __XSTRING(_SDT_TRACEPOINT_SET), &begin,
	    &end, NULL) != 0)
		return (0);
	for (point = begin; point < end; point++) {
		if (!probe_is(point->probe, search->name) ||
		    !sdt_tracepoint_valid(point->patchpoint, point->target))
			continue;
		/* DTrace's, or on in another slot. */
		if (point->probe->id != 0 ||
		    *(uint8_t *)point->patchpoint == PROBE_JUMP)
			return (EBUSY);
		if (slot->places == PROBE_PLACES)
			return (E2BIG);
		slot->place[slot->places].point = point;
		slot->place[slot->places].file = file;
		slot->places++;
	}
	return (0);
}

/* A file whose code is changed stays. */
static void
probe_unload_try(void *arg __unused, linker_file_t file, int *error)
{
	struct probe_slot *slot;
	u_int i;

	for (slot = probe_slots; slot < &probe_slots[PROBE_SLOTS]; slot++)
		for (i = 0; i < atomic_load_acq_int(&slot->places); i++)
			if (slot->place[i].file == file)
				*error = EBUSY;
}

static bool
probe_any_on(void)
{
	u_int i;

	for (i = 0; i < PROBE_SLOTS; i++)
		if (probe_slots[i].on)
			return (true);
	return (false);
}

static int
probe_on(const char *name, int pid, uint32_t *number)
{
	struct probe_search search = { .name = name };
	struct probe_slot *slot;
	uint32_t id;
	u_int i;
	int error;

	for (id = 1; id <= PROBE_SLOTS && probe_slots[id - 1].on; id++)
		;
	if (id > PROBE_SLOTS)
		return (ENOSPC);
	/* Either all probes are this module's or none is. */
	if (sdt_probe_func != probe_fired && sdt_probe_func != sdt_probe_stub)
		return (EBUSY);
	if (sdt_probes_enabled && !probe_any_on())
		return (EBUSY);
	slot = search.slot = &probe_slots[id - 1];
	error = linker_file_foreach(probe_search_file, &search);
	if (error == 0 && slot->places == 0)
		error = ENOENT;
	if (error != 0) {
		slot->places = 0;
		return (error);
	}
	slot->pid = pid;
	slot->fired = 0;
	memset(slot->last, 0, sizeof(slot->last));
	slot->on = true;
	for (i = 0; i < slot->places; i++)
		slot->place[i].point->probe->id = id;
	sdt_probe_func = probe_fired;
	sdt_probes_enabled = true;
	probe_change(slot, true);
	*number = id;
	return (0);
}

static void
probe_off(struct probe_slot *slot)
{
	u_int i;

	if (!slot->on)
		return;
	probe_change(slot, false);
	slot->on = false;
	for (i = 0; i < slot->places; i++)
		slot->place[i].point->probe->id = 0;
	atomic_store_rel_int(&slot->places, 0);
	if (!probe_any_on())
		sdt_probes_enabled = false;
}

static int
probe_answer_about(uint32_t number, struct sysctl_req *req)
{
	struct probe_slot *slot = &probe_slots[number - 1];

	probe_answer.slot = number;
	probe_answer.tracepoints = slot->places;
	probe_answer.fired = atomic_load_acq_64(&slot->fired);
	memcpy(probe_answer.last, slot->last, sizeof(probe_answer.last));
	return (SYSCTL_OUT(req, &probe_answer, sizeof(probe_answer)));
}

/* A probe to switch on, to read or to switch off; its firings so far. */
static int
probe_sysctl_sdt(SYSCTL_HANDLER_ARGS)
{
	struct probe_question question;
	int error;

	error = probe_asked(req, &question, sizeof(question));
	if (error != 0)
		return (error);
	question.name[sizeof(question.name) - 1] = '\0';
	error = probe_enter();
	if (error != 0)
		return (error);
	switch (question.what) {
	case PROBE_ON:
		error = probe_on(question.name, question.pid, &question.slot);
		break;
	case PROBE_READ:
	case PROBE_OFF:
		if (question.slot == 0 || question.slot > PROBE_SLOTS ||
		    !probe_slots[question.slot - 1].on)
			error = EINVAL;
		break;
	default:
		error = EINVAL;
	}
	if (error == 0) {
		error = probe_answer_about(question.slot, req);
		if (question.what == PROBE_OFF ||
		    (question.what == PROBE_ON && error != 0))
			probe_off(&probe_slots[question.slot - 1]);
	}
	probe_leave();
	return (error);
}

static void
probe_sdt_load(void)
{
	mtx_init(&probe_gate, "rjail_probe", NULL, MTX_DEF);
	probe_unload_tag = EVENTHANDLER_REGISTER(kld_unload_try,
	    probe_unload_try, NULL, EVENTHANDLER_PRI_ANY);
}

/* Everything as it was, and nobody left inside probe_fired(). */
static int
probe_sdt_quiesce(void)
{
	u_int i;
	int error = 0;

	mtx_lock(&probe_gate);
	if (probe_busy)
		error = EBUSY;
	else
		probe_closed = true;
	mtx_unlock(&probe_gate);
	if (error != 0)
		return (error);
	for (i = 0; i < PROBE_SLOTS; i++)
		probe_off(&probe_slots[i]);
	if (sdt_probe_func == probe_fired) {
		error = quiesce_all_cpus("rjprobe", PCATCH);
		if (error != 0) {
			probe_closed = false;
			return (error);
		}
		sdt_probe_func = sdt_probe_stub;
	}
	return (0);
}

static void
probe_sdt_unload(void)
{
	EVENTHANDLER_DEREGISTER(kld_unload_try, probe_unload_tag);
	mtx_destroy(&probe_gate);
}

#else /* !KDTRACE_HOOKS */

static int
probe_sysctl_sdt(SYSCTL_HANDLER_ARGS)
{
	return (ENOSYS);
}

static void
probe_sdt_load(void)
{
}

static int
probe_sdt_quiesce(void)
{
	return (0);
}

static void
probe_sdt_unload(void)
{
}

#endif /* KDTRACE_HOOKS */

/*
 * Other policies of the MAC framework: with a label slot each, and no hook; the
 * last has no slot, and whatever name.
 */

#define	PROBE_SLOTTED	4
#define	PROBE_NAMED	PROBE_SLOTTED

struct probe_policy_question {
	uint32_t	what;
#define	PROBE_REGISTER	1
#define	PROBE_UNREGISTER	2
	uint32_t	which;
	char		name[24];	/* for PROBE_NAMED */
};

struct probe_policy_answer {
	int32_t		error;
	int32_t		slot;	/* of the last time it was registered */
};

static struct mac_policy_ops probe_policy_ops;
static int probe_policy_slot[PROBE_SLOTTED] = { -1, -1, -1, -1 };
static char probe_policy_name[24] = "rjail_probe";

#define	PROBE_POLICY(number)						\
	[number] = {							\
		.mpc_name = "rjail_probe" #number,			\
		.mpc_fullname = "another policy of the tests",		\
		.mpc_ops = &probe_policy_ops,				\
		.mpc_loadtime_flags = MPC_LOADTIME_FLAG_UNLOADOK,	\
		.mpc_field_off = &probe_policy_slot[number],		\
	}

static struct mac_policy_conf probe_policies[] = {
	PROBE_POLICY(0),
	PROBE_POLICY(1),
	PROBE_POLICY(2),
	PROBE_POLICY(3),
	[PROBE_NAMED] = {
		.mpc_name = probe_policy_name,
		.mpc_fullname = "another policy of the tests",
		.mpc_ops = &probe_policy_ops,
		.mpc_loadtime_flags = MPC_LOADTIME_FLAG_UNLOADOK,
	},
};

/* A policy that comes or goes; what the framework says, and its slot. */
static int
probe_sysctl_policy(SYSCTL_HANDLER_ARGS)
{
	struct probe_policy_question question;
	struct probe_policy_answer answer = { .slot = -1 };
	int error;

	error = probe_asked(req, &question, sizeof(question));
	if (error != 0)
		return (error);
	if (question.which >= nitems(probe_policies) ||
	    (question.what != PROBE_REGISTER &&
	    question.what != PROBE_UNREGISTER))
		return (EINVAL);
	if (question.what == PROBE_REGISTER && question.which == PROBE_NAMED)
		strlcpy(probe_policy_name, question.name,
		    sizeof(probe_policy_name));
	answer.error = mac_policy_modevent(NULL,
	    question.what == PROBE_REGISTER ? MOD_LOAD : MOD_UNLOAD,
	    &probe_policies[question.which]);
	if (question.which < PROBE_SLOTTED)
		answer.slot = probe_policy_slot[question.which];
	return (SYSCTL_OUT(req, &answer, sizeof(answer)));
}

static void
probe_policies_unload(void)
{
	u_int i;

	for (i = 0; i < nitems(probe_policies); i++)
		(void)mac_policy_modevent(NULL, MOD_UNLOAD, &probe_policies[i]);
}

/* Loaded at boot, they come before every other module's: so many. */
static int
probe_policies_event(module_t mod __unused, int type, void *data __unused)
{
	int i, wanted;

	if (type == MOD_LOAD && cold &&
	    getenv_int("rjail_probe.policies", &wanted))
		for (i = 0; i < wanted && i < PROBE_SLOTTED; i++)
			(void)mac_policy_modevent(NULL, MOD_LOAD,
			    &probe_policies[i]);
	return (0);
}

static moduledata_t probe_policies_moduledata = {
	"rjail_probe_policies",
	probe_policies_event,
	NULL
};
DECLARE_MODULE(rjail_probe_policies, probe_policies_moduledata,
    SI_SUB_MAC_POLICY, SI_ORDER_FIRST);
MODULE_DEPEND(rjail_probe, kernel_mac_support, MAC_VERSION, MAC_VERSION,
    MAC_VERSION);

/*
 * A fault that KASAN reports, if this file was compiled for it as rjail's own
 * are: the byte behind an allocation, or one that was freed.
 */
static int
probe_sysctl_wild(SYSCTL_HANDLER_ARGS)
{
	const volatile uint8_t *byte;
	int error, read, which;
	uint8_t *memory;

	error = probe_asked(req, &which, sizeof(which));
	if (error != 0)
		return (error);
	memory = malloc(40, M_TEMP, M_WAITOK | M_ZERO);
	byte = memory;
	if (which != 0)
		free(memory, M_TEMP);
	read = byte[which != 0 ? 0 : 40];
	if (which == 0)
		free(memory, M_TEMP);
	return (SYSCTL_OUT(req, &read, sizeof(read)));
}

/*
 * Module event.
 */

static int
probe_load(void)
{
	const int flags = CTLTYPE_OPAQUE | CTLFLAG_RW | CTLFLAG_MPSAFE;
	struct sysctl_oid_list *list;
	struct sysctl_oid *node;

	sysctl_ctx_init(&probe_sysctls);
	node = SYSCTL_ADD_NODE(&probe_sysctls, SYSCTL_STATIC_CHILDREN(_debug),
	    OID_AUTO, "rjail_probe", CTLFLAG_RW | CTLFLAG_MPSAFE, NULL,
	    "Questions of rjail's tests");
	if (node == NULL)
		return (ENOMEM);
	probe_sdt_load();
	list = SYSCTL_CHILDREN(node);
	SYSCTL_ADD_PROC(&probe_sysctls, list, OID_AUTO, "verdicts", flags, NULL,
	    0, probe_sysctl_verdicts, "S", "Every privilege, about a process");
	SYSCTL_ADD_PROC(&probe_sysctls, list, OID_AUTO, "ask", flags, NULL, 0,
	    probe_sysctl_ask, "S", "One privilege, about a process");
	SYSCTL_ADD_PROC(&probe_sysctls, list, OID_AUTO, "sdt", flags, NULL, 0,
	    probe_sysctl_sdt, "S", "Firings of a static probe");
	SYSCTL_ADD_PROC(&probe_sysctls, list, OID_AUTO, "policy", flags, NULL,
	    0, probe_sysctl_policy, "S", "Another policy comes or goes");
	SYSCTL_ADD_PROC(&probe_sysctls, list, OID_AUTO, "wild", flags, NULL, 0,
	    probe_sysctl_wild, "S", "Reads where nobody may");
	return (0);
}

static int
probe_unload(void)
{
	int error;

	error = probe_sdt_quiesce();
	if (error != 0)
		return (error);
	/* Waits for callers inside. */
	(void)sysctl_ctx_free(&probe_sysctls);
	probe_policies_unload();
	probe_sdt_unload();
	return (0);
}

static int
probe_module_event(module_t mod __unused, int type, void *data __unused)
{
	switch (type) {
	case MOD_LOAD:
		return (probe_load());
	case MOD_UNLOAD:
		return (probe_unload());
	case MOD_SHUTDOWN:
		return (0);
	default:
		return (EOPNOTSUPP);
	}
}

static moduledata_t probe_moduledata = {
	"rjail_probe",
	probe_module_event,
	NULL
};
DECLARE_MODULE(rjail_probe, probe_moduledata, SI_SUB_DRIVERS, SI_ORDER_ANY);
MODULE_VERSION(rjail_probe, 1);
