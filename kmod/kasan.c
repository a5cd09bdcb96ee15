/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On a kernel with KASAN alone.  The C of the module is compiled to check each
 * access; the Rust half is not, but what it has copied, compared or filled, and
 * what it copies from and to processes, comes through here to the kernel's own
 * checked functions: within the module these names are found first.
 */
#include <sys/param.h>
#include <sys/systm.h>

#if defined(KASAN) && defined(SAN_NEEDS_INTERCEPTORS)

#undef	bcmp
#undef	copyin
#undef	copyinstr
#undef	copyout
#undef	memcmp
#undef	memcpy
#undef	memmove
#undef	memset

int
bcmp(const void *a, const void *b, size_t len)
{
	return (kasan_memcmp(a, b, len));
}

int
copyin(const void *from, void *to, size_t len)
{
	return (kasan_copyin(from, to, len));
}

int
copyinstr(const void *from, void *to, size_t len, size_t *copied)
{
	return (kasan_copyinstr(from, to, len, copied));
}

int
copyout(const void *from, void *to, size_t len)
{
	return (kasan_copyout(from, to, len));
}

int
memcmp(const void *a, const void *b, size_t len)
{
	return (kasan_memcmp(a, b, len));
}

void *
memcpy(void *to, const void *from, size_t len)
{
	return (kasan_memcpy(to, from, len));
}

void *
memmove(void *to, const void *from, size_t len)
{
	return (kasan_memmove(to, from, len));
}

void *
memset(void *to, int byte, size_t len)
{
	return (kasan_memset(to, byte, len));
}

#endif /* KASAN && SAN_NEEDS_INTERCEPTORS */
