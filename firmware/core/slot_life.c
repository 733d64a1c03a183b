/*
 * What a host may do to a slot that it has: pause it, resume it, change what the device needs to go on with it.
 *
 * A paused slot keeps its place, its handle and its payload patterns, and is nobody's connection meanwhile: no probe, no
 * answer, and its frames go where those of an unknown connection go (patterns, then dropped and counted), so the peer
 * repeats what it sends. The idle time runs on, as it does at every NAT on the way: resumed, the next probe is due at idle
 * minus what has passed. A pause holds until the slot is resumed or freed, over standbys and over adding the slot again.
 * All of it is taken in every power state: what counts is the slot's own.
 */
#include <string.h>

#include "engine_state.h"
#include "keepalive.h"
#include "slot_state.h"
#include "slots.h"

int eng_slot_pause(struct engine *e, uint8_t slot, uint16_t gen)
{
	struct eng_slot *s = slot_by_handle(e, slot, gen);

	if (!s)
		return OFF_STALE_HANDLE;
	if (s->state != OFF_SLOT_IDLE && s->state != OFF_SLOT_ACTIVE && s->state != OFF_SLOT_PROBING)
		return OFF_BAD_STATE;
	s->resumes_to = s->state == OFF_SLOT_IDLE ? OFF_SLOT_IDLE : OFF_SLOT_ACTIVE;
	slot_set_state(e, s, OFF_SLOT_PAUSED);
	return OFF_OK;
}

int eng_slot_resume(struct engine *e, uint8_t slot, uint16_t gen)
{
	struct eng_slot *s = slot_by_handle(e, slot, gen);

	if (!s)
		return OFF_STALE_HANDLE;
	if (s->state != OFF_SLOT_PAUSED)
		return OFF_BAD_STATE;
	slot_set_state(e, s, (enum off_slot_state)s->resumes_to);
	ka_begin_again(e, s);
	return OFF_OK;
}

static bool changes(const struct eng_slot_update *u)
{
	return u->idle_set || u->intvl_set || u->mac_set || u->next_hop_ip.len;
}

/* The slot's fields as they would be. */
static struct eng_slot_cfg updated(const struct eng_slot *s, const struct eng_slot_update *u)
{
	struct eng_slot_cfg c = s->cfg;

	if (u->idle_set)
		c.ka_idle_ms = u->ka_idle_ms;
	if (u->intvl_set)
		c.ka_intvl_ms = u->ka_intvl_ms;
	if (u->mac_set)
		memcpy(c.next_hop.mac, u->next_hop_mac, 6);
	if (u->next_hop_ip.len)
		c.next_hop.ip = u->next_hop_ip;
	return c;
}

int eng_slot_update(struct engine *e, uint8_t slot, uint16_t gen, const struct eng_slot_update *u)
{
	struct eng_slot *s = slot_by_handle(e, slot, gen);

	if (!s)
		return OFF_STALE_HANDLE;
	if (s->state == OFF_SLOT_BROKEN || s->state == OFF_SLOT_WOKEN)
		return OFF_BAD_STATE;
	if (!changes(u))
		return OFF_BAD_ARG;
	struct eng_slot_cfg c = updated(s, u);
	int rc = slot_check_next_hop(&c);
	if (rc == OFF_OK)
		rc = slot_check_intervals(&c);
	if (rc != OFF_OK)
		return rc;
	s->cfg = c;
	if (u->idle_set || u->intvl_set)
		ka_reschedule(e, s);
	return OFF_OK;
}
