/* Events for the host. wake.c makes most of them. */
#ifndef EVENTS_H
#define EVENTS_H

#include "engine_state.h"

void event_put(struct engine *e, struct eng_event *ev);
void events_clear(struct engine *e);

#endif
