/* Events for the host, numbered from 1 since boot and kept until the host has named a later one. */
#include "events.h"

#include <string.h>

static void event_drop_first(struct engine *e)
{
	memmove(&e->events[0], &e->events[1], (ENG_EVENTS - 1) * sizeof e->events[0]);
	e->n_events--;
}

/* A full queue loses its oldest: the newest says what the device does now. */
void event_put(struct engine *e, struct eng_event *ev)
{
	if (e->n_events == ENG_EVENTS) {
		event_drop_first(e);
		count(e, C_events_lost);
	}
	ev->n = ++e->event_n;
	e->events[e->n_events++] = *ev;
}

void events_clear(struct engine *e)
{
	e->n_events = 0;
}

const struct eng_event *eng_event_after(struct engine *e, uint32_t after)
{
	if (after > e->event_n)      /* a number of an earlier boot: it must not free what it never saw */
		after = 0;
	while (e->n_events && e->events[0].n <= after)
		event_drop_first(e);
	return e->n_events ? &e->events[0] : NULL;
}

const struct eng_event *eng_event_at(const struct engine *e, uint8_t i)
{
	return i < e->n_events ? &e->events[i] : NULL;
}
