/* The clock: specification time, which a test may run faster, in device time. */
#ifndef CLOCK_H
#define CLOCK_H

#include "engine_state.h"

/* Specification milliseconds to device µs; 64 bits hold 24 h at the largest scale. Never 0, so a timer always advances. */
uint64_t scale_us(const struct engine *e, uint32_t ms);

#endif
