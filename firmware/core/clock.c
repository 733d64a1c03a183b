/* Specification time: a test may run it faster than the clock (eng_set_minute_us). */
#include "clock.h"

uint64_t scale_us(const struct engine *e, uint32_t ms)
{
	uint64_t us = (uint64_t)ms * e->minute_us / 60000u;

	return us ? us : 1;
}
