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

/* True when somebody will read the reason: rjail_c_explain() takes it. */
bool
rjail_c_denied(const struct ucred *cred, uint64_t jid, int priv)
{
	struct thread *td = curthread;

	SDT_PROBE3(rjail, privilege, check, denied, jid, priv, td->td_proc);
#if __has_include(<sys/exterrvar.h>)
	/*
	 * The thread keeps the message.  One that is in a jail keeps the jail,
	 * and so the module; one of the kernel's that only borrowed the
	 * credential does not.
	 */
	return ((td->td_pflags2 & TDP2_UEXTERR) != 0 && td->td_ucred == cred &&
	    (td->td_pflags & TDP_KTHREAD) == 0);
#else
	return (false);
#endif
}

void
rjail_c_explain(uint64_t jid, int priv, const char *message)
{
#if __has_include(<sys/exterrvar.h>)
	(void)exterr_set(EPERM, EXTERR_CATEGORY, message, jid, priv, __LINE__);
#endif
}

/*
 * Why the caller may not enter.  It is in no jail, so nothing keeps the module
 * as long as the thread keeps a message: numbers alone, the step of the entry
 * and the descriptor that is in the way.
 */
int
rjail_c_exterr_entry(int error, u_int step, int descriptor)
{
#if __has_include(<sys/exterrvar.h>)
	return (exterr_set(error, EXTERR_CATEGORY, NULL, step, descriptor,
	    __LINE__));
#else
	return (error);
#endif
}
