#include "reply_cache.h"

#include <stdbool.h>
#include <string.h>

enum { ENTRIES = REPLY_CACHE_SHORTS + 1, LONG = REPLY_CACHE_SHORTS };

static struct entry {
	uint8_t age;                /* requests since; REPLY_CACHE_REQUESTS: nothing is kept here */
	struct reply_key key;
	uint16_t len;
} entries[ENTRIES];
static uint8_t shorts[REPLY_CACHE_SHORTS][REPLY_CACHE_SHORT_BYTES], one_long[REPLY_CACHE_LONG_BYTES];

static uint8_t *bytes_of(unsigned i)
{
	return i == LONG ? one_long : shorts[i];
}

void reply_cache_clear(void)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		entries[i].age = REPLY_CACHE_REQUESTS;
	}
}

static unsigned oldest_short(void)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < REPLY_CACHE_SHORTS; i++) {
		if (entries[i].age > entries[oldest].age) {
			oldest = i;
		}
	}
	return oldest;
}

void reply_cache_put(struct reply_key key, const uint8_t *msg, size_t len)
{
	unsigned i = len <= REPLY_CACHE_SHORT_BYTES ? oldest_short() : LONG;

	if (len > REPLY_CACHE_LONG_BYTES) {
		return;
	}
	memcpy(bytes_of(i), msg, len);
	entries[i] = (struct entry){ .age = 0, .key = key, .len = (uint16_t)len };
}

static bool same(const struct reply_key *a, const struct reply_key *b)
{
	return a->op == b->op && a->seq == b->seq && a->cmd == b->cmd && a->crc == b->crc;
}

const uint8_t *reply_cache_take(struct reply_key key, size_t *len)
{
	const uint8_t *found = NULL;

	for (unsigned i = 0; i < ENTRIES; i++) {
		struct entry *e = &entries[i];

		if (e->age < REPLY_CACHE_REQUESTS) {
			e->age++;
		}
		if (e->age >= REPLY_CACHE_REQUESTS || e->key.seq != key.seq) {
			continue;
		}
		if (same(&e->key, &key)) {
			found = bytes_of(i);
			*len = e->len;
		} else {
			e->age = REPLY_CACHE_REQUESTS;
		}
	}
	return found;
}
