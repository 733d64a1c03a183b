/* Events for the host, and the wake that makes most of them. */
#ifndef EVENTS_H
#define EVENTS_H

#include "engine_state.h"

void event_put(struct engine *e, struct eng_event *ev);
void events_clear(struct engine *e);
void wake(struct engine *e, uint16_t reason, uint8_t slot, uint32_t pattern_id, const struct eng_frame *frame, bool tagged);

#endif
