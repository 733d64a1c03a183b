/* In place of payload keep-alives, in a profile whose slots send empty probes alone: a slot with one is refused, UNSUPPORTED. */
#include "core/payload_ka.h"

_Static_assert(ENG_TOKENS_BYTES == 0, "the Makefile's WITHOUT_ of this profile takes payload_ka away, its header has tokens");

int payload_ka_check(const struct eng_slot_cfg *c)
{
	return c->payload ? OFF_UNSUPPORTED : OFF_OK;
}

void payload_ka_start(struct eng_slot *s)
{
	(void)s;
}

void payload_ka_forget(struct eng_slot *s)
{
	(void)s;
}

bool payload_ka_unacked(const struct eng_slot *s)
{
	(void)s;
	return false;
}

bool payload_ka_unanswered(const struct eng_slot *s)
{
	(void)s;
	return false;
}

void payload_ka_forgive(struct eng_slot *s)
{
	(void)s;
}

bool payload_ka_exhausted(const struct eng_slot *s)
{
	(void)s;
	return false;
}

bool payload_ka_send(struct engine *e, struct eng_slot *s, uint64_t now)
{
	(void)e, (void)s, (void)now;
	return false;
}

uint32_t payload_ka_wait_ms(const struct eng_slot *s)
{
	return s->cfg.ka_intvl_ms;
}

bool payload_ka_is_reply(const struct eng_slot *s, const struct pkt *p)
{
	(void)s, (void)p;
	return false;
}

void payload_ka_take_reply(struct eng_slot *s)
{
	(void)s;
}

void payload_ka_describe(const struct eng_slot *s, uint64_t now, struct eng_slot_state *o)
{
	(void)s, (void)now;
	o->payload_age_ms = UINT32_MAX; /* none was sent */
}
