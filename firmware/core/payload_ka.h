/* Payload keep-alives: what they are made of, and what is known of their answers. */
#ifndef PAYLOAD_KA_H
#define PAYLOAD_KA_H

#include "engine_state.h"
#include "parse.h"

static inline bool payload_ka_on(const struct eng_slot *s)
{
	return ENG_TOKENS_BYTES != 0 && s->payload.cfg.data_len != 0;
}
int payload_ka_check(const struct eng_slot_cfg *c);
/* Copies what cfg.payload points to. */
void payload_ka_start(struct eng_slot *s);
void payload_ka_forget(struct eng_slot *s);
bool payload_ka_unacked(const struct eng_slot *s);
/* The peer's TCP took ka_cnt payloads, its application answered none. */
bool payload_ka_unanswered(const struct eng_slot *s);
/* If so, one of them is not held against it. */
void payload_ka_forgive(struct eng_slot *s);
bool payload_ka_exhausted(const struct eng_slot *s);
/* A new payload, the last one again, or a probe of a closed window; false when the wire took nothing. */
bool payload_ka_send(struct engine *e, struct eng_slot *s, uint64_t now);
/* Until the last payload is sent again: doubles each time. */
uint32_t payload_ka_wait_ms(const struct eng_slot *s);
bool payload_ka_is_reply(const struct eng_slot *s, const struct pkt *p);
void payload_ka_take_reply(struct eng_slot *s);
void payload_ka_describe(const struct eng_slot *s, uint64_t now, struct eng_slot_state *o);

#endif
