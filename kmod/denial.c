/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a denial is heard of: by dtrace(1) through a probe, by the program through
 * the extended error of 15.x.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/proc.h>
#include <sys/sdt.h>
#include <sys/ucred.h>

#include "helpers.h"
#include "rjail.h"

#if __has_include(<sys/exterrvar.h>)
#define	EXTERR_CATEGORY	RJAIL_EXTERR_CATEGORY
#include <sys/exterrvar.h>
#endif

SDT_PROVIDER_DEFINE(rjail);
SDT_PROBE_DEFINE3(rjail, privilege, check, denied, "uint64_t", "int",
    "struct proc *");

/* True when the thread asks for reasons, and may keep a message of the module's. */
bool
rjail_c_denied(const struct ucred *cred, uint64_t jid, int priv)
{
	struct thread *td = curthread;

	SDT_PROBE3(rjail, privilege, check, denied, jid, priv, td->td_proc);
#if __has_include(<sys/exterrvar.h>)
	/*
	 * The thread keeps the pointer.  One that is in a jail keeps the jail,
	 * and so the module; one of the kernel's that only borrowed the
	 * credential does not.
	 */
	return ((td->td_pflags2 & TDP2_UEXTERR) != 0 && td->td_ucred == cred &&
	    (td->td_pflags & TDP_KTHREAD) == 0);
#else
	return (false);
#endif
}

/* A message only after rjail_c_denied(); without one, two numbers say it. */
void
rjail_c_explain(int error, const char *message, uint64_t p1, uint64_t p2)
{
#if __has_include(<sys/exterrvar.h>)
	(void)exterr_set(error, EXTERR_CATEGORY, message, p1, p2, __LINE__);
#endif
}
