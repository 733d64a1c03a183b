/*
 * Replies to the last few writes. A client whose reply was lost sends the same request again: it gets the kept reply, and
 * the command is not carried out twice. Same request: sequence number, command and CRC of the body agree.
 */
#ifndef SMP_REPLY_CACHE_H
#define SMP_REPLY_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct reply_key {
	uint8_t seq, cmd;
	uint16_t crc;
};

void reply_cache_clear(void);
/* A reply too long to keep is not kept; its request would be carried out again. */
void reply_cache_put(struct reply_key key, const uint8_t *msg, size_t len);
/* NULL when there is none. */
const uint8_t *reply_cache_find(struct reply_key key, size_t *len);

#endif
