/* At most so many a second, counted in windows of one second. */
#ifndef RATE_H
#define RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint64_t window_us;
	uint16_t used;
};

bool rate_take(struct rate *r, uint64_t now, uint16_t limit);

#endif
