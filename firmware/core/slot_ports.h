/*
 * Which pairs of ports the offloaded connections have: a set of 256 bits. Most segments that a sleeping host hears are of none
 * of them, and one look tells; a bit may be set by another pair, so who finds it set goes on looking.
 */
#ifndef SLOT_PORTS_H
#define SLOT_PORTS_H

#include "engine_state.h"

/* After slots were added or freed. */
void slot_ports_note(struct engine *e);

static inline uint32_t slot_ports_bit(uint16_t remote, uint16_t local)
{
	uint32_t mix = (uint32_t)(remote ^ local);

	return (mix ^ mix >> 8) % SLOT_PORT_BITS;
}

/* False: no slot has them. */
static inline bool slot_ports_known(const struct engine *e, uint16_t remote, uint16_t local)
{
	uint32_t bit = slot_ports_bit(remote, local);

	return e->slot_ports[bit / 32] >> (bit % 32) & 1;
}

#endif
