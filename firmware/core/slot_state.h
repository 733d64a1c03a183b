/* What state a slot is in. */
#ifndef SLOT_STATE_H
#define SLOT_STATE_H

#include "engine_state.h"

uint8_t slot_index(const struct engine *e, const struct eng_slot *s);
void slot_break(struct eng_slot *s, uint16_t reason);

#endif
