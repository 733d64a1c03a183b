/* The one check of all state changes. */
#include "edges.h"

#include "events.h"

#ifndef OFFLOAD_TEST_BUILD
#define OFFLOAD_TEST_BUILD 0
#endif

static void edge_fault(struct engine *e, enum off_state_machine machine, const uint8_t *state, uint8_t to)
{
	struct eng_event ev = {
		.kind = OFF_EVENT_FAULT, .slot = NO_SLOT, .reason = (uint16_t)machine, .subreason = (uint16_t)(*state << 8 | to),
		.epoch = e->epoch, .wake_seq = e->wakes, .pattern_id = NO_PATTERN, .t_rx_us = now_us(e), .t_wake_us = now_us(e),
	};

	for (uint8_t i = 0; i < ENG_SLOTS; i++) {
		if (state == &e->slots[i].state) {
			ev.slot = i;
			ev.gen = e->slots[i].gen;
		}
	}
	event_put(e, &ev);
}

void edge_take(struct engine *e, const struct edge_table *t, uint8_t *state, uint8_t to)
{
	if (*state >= ENG_STATES || !(t->to[*state] & EDGE(to))) {
		if (OFFLOAD_TEST_BUILD)
			__builtin_trap();
		edge_fault(e, t->machine, state, to);
		return;
	}
#ifdef ENG_NOTE_EDGES
	e->edges_legal[t->machine] = t;
	e->edges_taken[t->machine][*state] |= (uint8_t)EDGE(to);
#endif
	*state = to;
}

#ifdef ENG_NOTE_EDGES
/* Row `from` of a machine's table, 0 before its first edge; *taken: those of them that were taken. */
uint8_t eng_edges(const struct engine *e, uint8_t machine, uint8_t from, uint8_t *taken);

uint8_t eng_edges(const struct engine *e, uint8_t machine, uint8_t from, uint8_t *taken)
{
	*taken = e->edges_taken[machine][from];
	return e->edges_legal[machine] ? e->edges_legal[machine]->to[from] : 0;
}
#endif
