/* Overwrites what must not stay in memory: passwords, tokens, bytes of the host's connections (edge case 108). */
#ifndef WIPE_H
#define WIPE_H

#include <stddef.h>
#include <string.h>

/* Unlike a plain memset it is not left out when nothing reads p again. */
static inline void wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
