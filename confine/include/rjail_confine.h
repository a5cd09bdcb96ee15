/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rjail: for programs that jail themselves after start-up.  Load libraries, read
 * the configuration, start threads; then rjail_confine(), and give up root.  What
 * is loaded and open stays; what is opened afterwards is the jail's.
 *
 * FreeBSD 15.1; needs nothing but libc.  Rust has the crate confine.
 */
#ifndef _RJAIL_CONFINE_H_
#define	_RJAIL_CONFINE_H_

#include <rjail.h>

#include <errno.h>
#include <exterr.h>
#include <stdio.h>
#include <string.h>

/* Why a process was not let in: the steps of entry, in their order. */
#define	RJAIL_STEP_NOT_PRIVILEGED	1	/* only the superuser makes jails */
#define	RJAIL_STEP_JAILED		2	/* it is in a jail already */
#define	RJAIL_STEP_NATIVE_JAILED	3	/* it is in a native jail */
#define	RJAIL_STEP_ROOT_NARROWED	4	/* chroot(2) gave it another root */
#define	RJAIL_STEP_OPEN_DIRECTORY	5	/* it has a directory open */
#define	RJAIL_STEP_OPEN_JAIL		6	/* it has a jail descriptor open */
#define	RJAIL_STEP_DESCRIPTORS_SHARED	7	/* with another process */
#define	RJAIL_STEP_DIRECTORIES_SHARED	8	/* root and working directory */
#define	RJAIL_STEP_MEMORY_SHARED	9	/* or signal handlers */

struct rjail_refusal {
	int	step;		/* RJAIL_STEP_*, or 0: errno says it all */
	int	descriptor;	/* that is in the way of steps 5, 6; else -1 */
	char	text[128];	/* as a sentence, without a newline */
};

static inline const char *
rjail_step_text(int step)
{
	static const char *const texts[] = {
		"only the superuser makes jails",
		"the process is in a jail already",
		"the process is in a native jail",
		"chroot(2) has given the process another root before",
		"the process holds a directory open",
		"the process holds a jail descriptor open",
		"another process shares the descriptor table",
		"another process shares the root and working directory",
		"another process shares the memory or the signal handlers",
	};

	return (step >= 1 && step <= 9 ? texts[step - 1] : NULL);
}

/*
 * Fills in why the rjail(2) that has just failed on this thread did, from errno
 * and from what libc keeps of the kernel's extended error.
 */
static inline void
rjail_refused(struct rjail_refusal *why)
{
	char said[256], *numbers;
	unsigned long long p1, p2;
	int error;
	unsigned int category;

	error = errno;
	why->step = 0;
	why->descriptor = -1;
	/* "errno 1 category 29290 (src sys/...:12) p1 0x5 p2 0x3" */
	if (uexterr_gettext(said, sizeof(said)) == 0 &&
	    (numbers = strstr(said, "errno ")) != NULL &&
	    sscanf(numbers, "errno %*d category %u", &category) == 1 &&
	    category == RJAIL_EXTERR_CATEGORY &&
	    (numbers = strstr(numbers, " p1 ")) != NULL &&
	    sscanf(numbers, " p1 %llx p2 %llx", &p1, &p2) == 2 &&
	    p1 >= 1 && p1 <= 9) {
		why->step = (int)p1;
		if (why->step == RJAIL_STEP_OPEN_DIRECTORY ||
		    why->step == RJAIL_STEP_OPEN_JAIL)
			why->descriptor = (int)p2;
	}
	if (why->descriptor != -1)
		snprintf(why->text, sizeof(why->text), "%s: descriptor %d",
		    rjail_step_text(why->step), why->descriptor);
	else if (why->step != 0)
		snprintf(why->text, sizeof(why->text), "%s",
		    rjail_step_text(why->step));
	else if (error == ENOSYS)
		snprintf(why->text, sizeof(why->text),
		    "the module rjail is not in this kernel");
	else
		strlcpy(why->text, strerror(error), sizeof(why->text));
	errno = error;
}

/*
 * rjail(2): makes a jail and enters it, with all threads and for good.  Returns
 * its number, or -1 with errno and, unless why is NULL, the reason; nothing has
 * changed then.
 */
static inline int64_t
rjail_confine(const struct rjail_args *args, struct rjail_refusal *why)
{
	int64_t jid;

	jid = rjail(args);
	if (jid == -1 && why != NULL)
		rjail_refused(why);
	return (jid);
}

#endif /* !_RJAIL_CONFINE_H_ */
