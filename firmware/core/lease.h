/* The owner's lease. */
#ifndef LEASE_H
#define LEASE_H

#include "engine_state.h"

bool lease_over(const struct engine *e, uint64_t now);
uint64_t lease_next_us(const struct engine *e);
uint32_t lease_left_ms(const struct engine *e);

#endif
