/* The state of one slot, for whoever has to change it: slots.c and slot_life.c have the commands. */
#include "slot_state.h"

#include "edges.h"

/* A slot begins IDLE when it is filled, and ends by being wiped: neither is an edge. */
static const struct edge_table slot_edges = {
	.machine = OFF_MACHINE_SLOT,
	.to = {
		/* A standby that ends leaves a kept slot IDLE, whatever came of it. */
		[OFF_SLOT_IDLE] = EDGE(OFF_SLOT_IDLE) | EDGE(OFF_SLOT_ACTIVE) | EDGE(OFF_SLOT_PAUSED),
		[OFF_SLOT_ACTIVE] = EDGE(OFF_SLOT_PROBING) | EDGE(OFF_SLOT_BROKEN) | EDGE(OFF_SLOT_WOKEN) | EDGE(OFF_SLOT_PAUSED) |
				    EDGE(OFF_SLOT_IDLE),
		[OFF_SLOT_PROBING] = EDGE(OFF_SLOT_PROBING) | EDGE(OFF_SLOT_ACTIVE) | EDGE(OFF_SLOT_BROKEN) | EDGE(OFF_SLOT_WOKEN) |
				     EDGE(OFF_SLOT_PAUSED) | EDGE(OFF_SLOT_IDLE),
		[OFF_SLOT_BROKEN] = EDGE(OFF_SLOT_IDLE),
		/* Woken again: the host is on its way, and its slot hears more. */
		[OFF_SLOT_WOKEN] = EDGE(OFF_SLOT_WOKEN) | EDGE(OFF_SLOT_BROKEN) | EDGE(OFF_SLOT_IDLE),
		[OFF_SLOT_PAUSED] = EDGE(OFF_SLOT_IDLE) | EDGE(OFF_SLOT_ACTIVE),
	},
};

void slot_set_state(struct engine *e, struct eng_slot *s, enum off_slot_state to)
{
	edge_take(e, &slot_edges, &s->state, (uint8_t)to);
}

void slot_break(struct engine *e, struct eng_slot *s, uint16_t reason)
{
	slot_set_state(e, s, OFF_SLOT_BROKEN);
	s->close_reason = reason;
}

uint8_t slot_index(const struct engine *e, const struct eng_slot *s)
{
	return (uint8_t)(s - e->slots);
}
