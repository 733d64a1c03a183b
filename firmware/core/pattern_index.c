#include "pattern_index.h"

#include <string.h>

/* Where bitmaps differ, if anywhere: the headers up to the ports behind an IPv6 header. Looked at for each pattern added. */
enum { SPLIT_AT_MOST = 60 };

static bool compares(const struct eng_pattern_cfg *c, uint32_t i)
{
	return c->mask[i >> 3] >> (i & 7) & 1;
}

/*
 * Of all places of a bitmap the four bytes with the most compared ones, of equals the last: frames of one kind begin alike
 * and differ towards their end. Shorter than four, the key reaches back over bytes that it does not compare.
 */
struct pattern_key pattern_key_of(const struct eng_pattern_cfg *c)
{
	uint32_t end = (uint32_t)c->offset + c->data_len, first = c->offset, best = 0;
	struct pattern_key k = {.end = (uint16_t)end};

	if (c->type != OFF_PATTERN_BITMAP)
		return (struct pattern_key){0};
	for (uint32_t at = end > 4 && c->data_len >= 4 ? first : end > 4 ? end - 4 : 0; at + 4 <= (end > 4 ? end : 4); at++) {
		uint8_t value[4] = {0}, mask[4] = {0};
		uint32_t compared = 0;

		for (uint32_t i = 0; i < 4; i++) {
			uint32_t j = at + i - first; /* wraps below the pattern: not less than data_len then */

			if (j < c->data_len && compares(c, j)) {
				value[i] = c->data[j];
				mask[i] = 0xFF;
				compared++;
			}
		}
		if (compared >= best) {
			best = compared;
			k.at = (uint16_t)at;
			k.value = raw32(value);
			k.mask = raw32(mask);
		}
	}
	return k;
}

/* The pattern wants certain bytes at both places of the frame: those of `bucket`. */
static bool bucket_of(const struct eng_pattern_cfg *c, uint32_t at, uint32_t *bucket)
{
	uint32_t i = at - c->offset; /* wraps below the pattern */

	if (c->type != OFF_PATTERN_BITMAP || i >= c->data_len || i + 1 >= c->data_len || !compares(c, i) || !compares(c, i + 1))
		return false;
	*bucket = pattern_bucket(raw16(c->data + i));
	return true;
}

/* In how many buckets the patterns would be. */
static uint32_t buckets_at(const struct engine *e, uint32_t at)
{
	uint32_t bucket, used = 0, n = 0;

	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (bucket_of(&e->patterns[i].cfg, at, &bucket) && !(used >> bucket & 1)) {
			used |= 1u << bucket;
			n++;
		}
	}
	return n;
}

static void choose_place(struct engine *e)
{
	uint32_t best = 0;

	for (uint16_t at = 0; at <= SPLIT_AT_MOST; at++) {
		uint32_t n = buckets_at(e, at);

		if (n > best) {
			best = n;
			e->index.at = at;
		}
	}
}

static void put_before(struct engine *e, uint8_t pattern, uint8_t *first)
{
	e->keys[pattern].next = *first;
	*first = (uint8_t)(pattern + 1);
}

/* First those without a bucket: their chain is the end of each bucket's. */
void pattern_index_build(struct engine *e)
{
	struct pattern_index *x = &e->index;
	uint32_t bucket;

	*x = (struct pattern_index){0};
	choose_place(e);
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (!bucket_of(&e->patterns[i].cfg, x->at, &bucket))
			put_before(e, i, &x->loose);
	}
	memset(x->first, x->loose, sizeof x->first);
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (bucket_of(&e->patterns[i].cfg, x->at, &bucket))
			put_before(e, i, &x->first[bucket]);
	}
}
