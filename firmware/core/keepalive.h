/* Keep-alive of the slots: when a probe is due, and what its loss means. */
#ifndef KEEPALIVE_H
#define KEEPALIVE_H

#include "engine_state.h"

void ka_start(struct engine *e, struct eng_slot *s);
void ka_heard(struct engine *e, struct eng_slot *s);
/* Probing begins anew: the next probe is due when the idle time is over, at once if it is. */
void ka_begin_again(struct engine *e, struct eng_slot *s);
/* Its intervals have changed. */
void ka_reschedule(struct engine *e, struct eng_slot *s);
void ka_rescale(struct engine *e);
void ka_poll(struct engine *e, uint64_t now);
uint64_t ka_next_us(const struct engine *e);

#endif
