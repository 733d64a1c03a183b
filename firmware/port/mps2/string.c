/*
 * In place of newlib's, which are built for any core and for speed over kilobytes, 600 bytes of flash together. This one reads
 * and writes words at any address, and most of what is cleared and compared here are headers and addresses. memmove moves what
 * stands behind a removed object, and bytes into replies, which take the line 40 times as long. Frames are copied with newlib's
 * memcpy.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Without it the compiler sees in each of these the function that it is, and calls it. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

AS_WRITTEN void *memmove(void *to, const void *from, size_t n)
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

AS_WRITTEN void *memset(void *to, int byte, size_t n)
{
	uint32_t word = (uint8_t)byte * 0x01010101u;
	uint8_t *d = to;

	for (; n >= 4; n -= 4, d += 4)
		__builtin_memcpy(d, &word, 4);
	for (; n > 0; n--)
		*d++ = (uint8_t)byte;
	return to;
}

static uint32_t word_at(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, 4);
	return v;
}

/* Equal words are passed over; the bytes of the first other one decide. */
AS_WRITTEN int memcmp(const void *one, const void *other, size_t n)
{
	const uint8_t *a = one, *b = other;

	for (; n >= 4 && word_at(a) == word_at(b); n -= 4, a += 4, b += 4) {
	}
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return *a - *b;
	}
	return 0;
}

AS_WRITTEN size_t strlen(const char *text)
{
	const char *end = text;

	while (*end)
		end++;
	return (size_t)(end - text);
}
