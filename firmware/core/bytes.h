/*
 * Big-endian fields at any address: no alignment, no type punning. Each is one load or store and a swap: from single bytes gcc
 * makes no word for a Cortex-M3, though that takes words from anywhere.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stdint.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(v) __builtin_bswap16(v)
#define BE32(v) __builtin_bswap32(v)
#else
#define BE16(v) (v)
#define BE32(v) (v)
#endif

static inline uint16_t get_be16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, 2);
	return BE16(v);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, 4);
	return BE32(v);
}

/* Four bytes as they lie in memory, for comparing and for sums that do not mind the byte order. */
static inline uint32_t raw32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, 4);
	return v;
}

static inline uint16_t raw16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, 2);
	return v;
}

/* For every frame: memcmp of a small library goes byte by byte. */
static inline bool same_mac(const uint8_t *a, const uint8_t *b)
{
	return raw32(a) == raw32(b) && raw16(a + 4) == raw16(b + 4);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	v = BE16(v);
	__builtin_memcpy(p, &v, 2);
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	v = BE32(v);
	__builtin_memcpy(p, &v, 4);
}

#endif
