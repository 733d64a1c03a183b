/*
 * Replies to the last few requests that changed something. A client whose reply was lost sends the same request again: it
 * gets the kept reply, and the command is not carried out twice. Same request: operation, sequence number, command and CRC of
 * the body agree.
 *
 * A sequence number has 8 bits, so every client comes back to it: after 256 requests, a little earlier when it leaves out
 * those in flight. A repetition comes within a few requests. Half of the way is where the two are told apart, as with every
 * number that wraps (RFC 1982): after REPLY_CACHE_REQUESTS further requests of any kind a reply is forgotten, so that a
 * command is never taken for the same one of a round before, though half of what was sent in between did not arrive. A
 * client that counts otherwise, or not at all, is done with a request when its number carries another one: this forgets it
 * too.
 */
#ifndef SMP_REPLY_CACHE_H
#define SMP_REPLY_CACHE_H

#include <stddef.h>
#include <stdint.h>

enum {
	REPLY_CACHE_REQUESTS = 128,
	/* One place for a long reply, the list of all slots that release gives; the others answer with one slot at most. */
	REPLY_CACHE_LONG_BYTES = 2116, REPLY_CACHE_SHORT_BYTES = 152, REPLY_CACHE_SHORTS = 8,
};

struct reply_key {
	uint8_t op, seq, cmd;
	uint16_t crc;
};

void reply_cache_clear(void);
/* A reply too long to keep is not kept; its request would be carried out again. */
void reply_cache_put(struct reply_key key, const uint8_t *msg, size_t len);
/* Of a request that has come, once: its kept reply, or NULL, and then it is a new request. */
const uint8_t *reply_cache_take(struct reply_key key, size_t *len);

#endif
