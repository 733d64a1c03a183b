/* What state a slot is in. */
#ifndef SLOT_STATE_H
#define SLOT_STATE_H

#include "engine_state.h"

uint8_t slot_index(const struct engine *e, const struct eng_slot *s);
/* Only this changes s->state, over a legal edge. */
void slot_set_state(struct engine *e, struct eng_slot *s, enum off_slot_state to);
/* BROKEN, and why: an off_wake_reason. */
void slot_break(struct engine *e, struct eng_slot *s, uint16_t reason);

#endif
