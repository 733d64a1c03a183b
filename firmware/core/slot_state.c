/* The state of one slot, for whoever has to change it: slots.c and slot_life.c have the commands. */
#include "slot_state.h"

void slot_break(struct eng_slot *s, uint16_t reason)
{
	s->state = OFF_SLOT_BROKEN;
	s->close_reason = reason;
}

uint8_t slot_index(const struct engine *e, const struct eng_slot *s)
{
	return (uint8_t)(s - e->slots);
}
