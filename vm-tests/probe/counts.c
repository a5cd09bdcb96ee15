/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel counts and tells nobody: who refers to the machine's own prison, and
 * who to its root directory.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/jail.h>
#include <sys/kernel.h>
#include <sys/sysctl.h>
#include <sys/vnode.h>

static int
probe_sysctl_counts(SYSCTL_HANDLER_ARGS)
{
	uint64_t counts[] = {
		atomic_load_int(&prison0.pr_ref),
		atomic_load_int(&prison0.pr_uref),
		atomic_load_int(&rootvnode->v_usecount),
		atomic_load_int(&rootvnode->v_holdcnt),
	};

	return (SYSCTL_OUT(req, counts, sizeof(counts)));
}
SYSCTL_PROC(_debug, OID_AUTO, rjail_counts,
    CTLTYPE_OPAQUE | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0, probe_sysctl_counts,
    "Q", "References to the machine's prison and to its root directory");
