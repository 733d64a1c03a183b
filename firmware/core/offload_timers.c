/*
 * The one timer loop of the protocol offloads that speak by themselves. What a type does when its time has come stands
 * in its own file.
 */
#include "offload_timers.h"

#include <string.h>

#include "offload_type.h"
#include "tx.h"

void offload_arm(struct engine *e, struct eng_offload *o)
{
	const struct offload_type *t = offload_type_of(o->cfg.type);

	if (t && t->arm)
		t->arm(e, o);
}

static bool offload_act(struct engine *e, struct eng_offload *o, uint64_t now)
{
	const struct offload_type *t = offload_type_of(o->cfg.type);

	if (t && t->due)
		return t->due(e, o, now);
	o->due_us = NEVER_US;        /* it has no timer */
	return true;
}

static void offload_run(struct engine *e, struct eng_offload *o, uint64_t now)
{
	if (offload_act(e, o, now))
		return;
	count(e, C_tx_busy_retry);
	o->due_us = now + tx_retry_us(e);
}

void offload_poll(struct engine *e, uint64_t now)
{
	for (uint8_t i = 0; i < e->n_offloads && speaks(e); i++) {
		if (e->offloads[i].due_us <= now)
			offload_run(e, &e->offloads[i], now);
	}
}

uint64_t offload_next_us(const struct engine *e)
{
	uint64_t next = NEVER_US;

	for (uint8_t i = 0; i < e->n_offloads && speaks(e); i++) {
		if (e->offloads[i].due_us < next)
			next = e->offloads[i].due_us;
	}
	return next;
}

void offload_rescale(struct engine *e)
{
	for (uint8_t i = 0; i < e->n_offloads; i++)
		offload_arm(e, &e->offloads[i]);
}

/* An answer that waits out its delay, as opposed to a timer that the host started. */
static bool owed(const struct eng_offload *o)
{
	return o->pending != 0 && o->due_us != NEVER_US;
}

bool offload_owes(const struct engine *e)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (owed(&e->offloads[i]))
			return true;
	}
	return false;
}

void offload_flush(struct engine *e)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (owed(&e->offloads[i]))
			offload_run(e, &e->offloads[i], now_us(e));
	}
	offload_forget(e);
}

void offload_forget(struct engine *e)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (owed(&e->offloads[i]))
			e->offloads[i].due_us = NEVER_US;
		e->offloads[i].pending = 0;
	}
	memset(e->asked, 0, sizeof e->asked);
}
