/* FNV-1a, 32 bits: one number for many bytes. Spreads and tells apart; keeps no secret. */
#ifndef FNV_H
#define FNV_H

#include <stdint.h>

#define FNV_BEGIN 2166136261u

static inline uint32_t fnv(uint32_t h, const uint8_t *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

#endif
