/*
 * Which wake patterns a frame is compared with at all: a few of the 33, found with one look at the frame. Two bytes tell
 * the bitmaps apart where most of them differ (a port, say): the frame's two bytes lead to a bucket, and the bucket's chain to
 * the patterns that want these there. Those that compare nothing at that place stand behind every bucket.
 */
#ifndef PATTERN_INDEX_H
#define PATTERN_INDEX_H

#include "bytes.h"
#include "engine_state.h"

/* The patterns in the table are now these: after each that was added, removed or cleared. Keys must be in place. */
void pattern_index_build(struct engine *e);
struct pattern_key pattern_key_of(const struct eng_pattern_cfg *c);

static inline uint32_t pattern_bucket(uint16_t two_bytes)
{
	return (two_bytes ^ two_bytes >> 8) % PATTERN_BUCKETS;
}

/* The first of the chain, 0: none; the next of key k - 1 is its `next`. All patterns that match the packet are in it. */
static inline uint8_t pattern_first(const struct pattern_index *x, const uint8_t *frame, uint16_t end)
{
	return x->at + 2 <= end ? x->first[pattern_bucket(raw16(frame + x->at))] : x->loose;
}

/* False: it does not match. A key lies before the end of its pattern or within the Ethernet header: it can always be read. */
static inline bool pattern_key_fits(const struct pattern_key *k, const uint8_t *frame, uint16_t end)
{
	return k->end <= end && ((raw32(frame + k->at) ^ k->value) & k->mask) == 0;
}

#endif
