/* SPDX-License-Identifier: BSD-2-Clause */
/* What bindgen reads: the kernel's headers, then the shim's own. */
#include "opt_inet.h"
#include "opt_inet6.h"

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/acl.h>
#include <sys/conf.h>
#include <sys/cpuset.h>
#include <sys/domain.h>
#include <sys/epoch.h>
#include <sys/fcntl.h>
#include <sys/filedesc.h>
#include <sys/jail.h>
#include <sys/ksem.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/procctl.h>
#include <sys/protosw.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sx.h>
#include <sys/sysctl.h>
#include <sys/syscallsubr.h>
#include <sys/syscall.h>
#include <sys/sysent.h>
#include <sys/ucred.h>
#include <sys/vnode.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>

#include <compat/freebsd32/freebsd32_syscall.h>

#include <security/mac/mac_framework.h>
#include <security/mac/mac_policy.h>
#include <security/mac/mac_internal.h>

#include "crowd.h"
#include "helpers.h"
#include "rjail.h"
#include "root.h"
