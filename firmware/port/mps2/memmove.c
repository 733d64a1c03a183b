/*
 * newlib's memmove is 250 bytes, for a speed that nobody here needs: it moves what stands behind a removed object, and bytes
 * into replies, which take the line 40 times as long. Frames are copied with memcpy.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Without the attribute the compiler sees a memmove in this and calls it. */
__attribute__((optimize("no-tree-loop-distribute-patterns"))) void *memmove(void *to, const void *from, size_t n)
{
	const uint8_t *s = from;
	uint8_t *d = to;

	/* From the end that the source does not lose by it. */
	if (d <= s) {
		for (size_t i = 0; i < n; i++)
			d[i] = s[i];
	} else {
		while (n-- > 0)
			d[n] = s[n];
	}
	return to;
}
