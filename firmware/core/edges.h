/*
 * The edges of the engine's state machines. Each has a table of the legal ones and a setter over this one assignment.
 * An illegal edge is a fault of the engine itself: nothing from outside leads there.
 */
#ifndef EDGES_H
#define EDGES_H

#include "engine_state.h"

#define EDGE(state) (1u << (state))

struct edge_table {
	enum off_state_machine machine;
	uint8_t to[ENG_STATES];      /* row `from`: an EDGE() for each state that may follow; its own bit: it may be set again */
};

/*
 * *state becomes `to` if the table has that edge. If not, a test build stops here, where a debugger, a fuzzer or the fault
 * handler sees who called; a release build leaves the state and tells the host by an event.
 */
void edge_take(struct engine *e, const struct edge_table *t, uint8_t *state, uint8_t to);

#endif
