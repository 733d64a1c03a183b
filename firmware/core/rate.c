/* A window of a second, not a bucket: a burst at its border may be twice the limit, which still bounds an ACK loop. */
#include "rate.h"

bool rate_take(struct rate *r, uint64_t now, uint16_t limit)
{
	if (now - r->window_us >= 1000000u) {
		r->window_us = now;
		r->used = 0;
	}
	if (r->used >= limit)
		return false;
	r->used++;
	return true;
}
