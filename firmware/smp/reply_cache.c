#include "reply_cache.h"

#include <stdbool.h>
#include <string.h>

enum {
	ENTRIES = 4,
	ENTRY_BYTES = 2048, /* the longest write reply is release: 16 slot states of at most 125 bytes */
};

static struct {
	bool used;
	struct reply_key key;
	uint16_t len;
	uint8_t msg[ENTRY_BYTES];
} entries[ENTRIES];
static unsigned next;

void reply_cache_clear(void)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		entries[i].used = false;
	}
}

void reply_cache_put(struct reply_key key, const uint8_t *msg, size_t len)
{
	if (len > ENTRY_BYTES) {
		return;
	}
	memcpy(entries[next].msg, msg, len);
	entries[next].len = (uint16_t)len;
	entries[next].key = key;
	entries[next].used = true;
	next = (next + 1) % ENTRIES;
}

const uint8_t *reply_cache_find(struct reply_key key, size_t *len)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		const struct reply_key *k = &entries[i].key;

		if (entries[i].used && k->seq == key.seq && k->cmd == key.cmd && k->crc == key.crc) {
			*len = entries[i].len;
			return entries[i].msg;
		}
	}
	return NULL;
}
