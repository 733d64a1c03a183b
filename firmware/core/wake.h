/* The wake of the host. */
#ifndef WAKE_H
#define WAKE_H

#include "engine_state.h"

/* frame: the waking one, NULL when it was none; tagged: it came with a VLAN tag. */
void wake(struct engine *e, uint16_t reason, uint8_t slot, uint32_t pattern_id, const struct eng_frame *frame, bool tagged);

/* The host to which the wire was left has not come: an event that goes out now does not say that it is. */
void speak_again(struct engine *e);

#endif
