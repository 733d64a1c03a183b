/* Serial number arithmetic (RFC 1982) on 32 bits: TCP sequence numbers and timestamps wrap. */
#ifndef SEQ_H
#define SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* a before b. At a distance of exactly 2^31 both orders hold: the cautious reading, "old". */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* seq in [start, start + len) */
static inline bool seq_in(uint32_t seq, uint32_t start, uint32_t len)
{
	return seq - start < len;
}

#endif
