/* The protocol offloads that speak by themselves. */
#ifndef OFFLOAD_TIMERS_H
#define OFFLOAD_TIMERS_H

#include "engine_state.h"

void offload_arm(struct engine *e, struct eng_offload *o);
void offload_poll(struct engine *e, uint64_t now);
uint64_t offload_next_us(const struct engine *e);
void offload_rescale(struct engine *e);
/* An answer waits out its delay. */
bool offload_owes(const struct engine *e);
/* Answers owed to the network go out before the host takes over, and are forgotten before the next sleep. */
void offload_flush(struct engine *e);
void offload_forget(struct engine *e);

#endif
