/*
 * What the host has heard of each router, thing by thing: prefixes may be split over several advertisements (RFC 4861
 * 6.2.3). Lifetimes are real seconds, which the bench's clock does not scale: the host's kernel counts them.
 */
#include "router_heard.h"

#include "address.h"
#include "buffer.h"
#include "nd_options.h"

#define SECOND_US 1000000ull
#define SIXTH_US 166667ull           /* of a second: no division of 64 bits */

/* So much of a lifetime is left when it is renewed, and so much too long may be believed. */
static uint64_t sixth_us(uint32_t life_s)
{
	return life_s * SIXTH_US;
}

static uint64_t over_us(uint64_t from_us, uint32_t life_s)
{
	return life_s == RA_FOREVER_S ? NEVER_US : from_us + life_s * SECOND_US;
}

bool ra_valid(const struct pkt *p)
{
	return nd_well_formed(p, ND_RA_BYTES) && ip6_link_local(p->src);
}

/* Its row, or the one that makes room for it: the one noted first. */
static uint8_t row_of(const struct engine *e, uint32_t key)
{
	for (uint8_t i = 0; i < ENG_HEARD; i++) {
		if (e->heard[i].key == key)
			return i;
	}
	return e->next_heard;
}

enum ra_news heard_compare(const struct engine *e, const struct ra_element *el, uint64_t *renew_us)
{
	const struct eng_heard *h = &e->heard[row_of(e, el->key)];
	uint64_t now = now_us(e), known = over_us(h->at_us, h->life_s), said = over_us(now, el->life_s);
	bool over = known <= now;

	if (h->key != el->key || h->value != el->value)
		return RA_NEWS;
	if (over || el->life_s == 0)
		return over == (el->life_s == 0) ? RA_SAME : RA_NEWS;
	if (said < known)            /* a lifetime that has fallen, or counts down with the clock */
		return known - said > sixth_us(h->life_s) ? RA_NEWS : RA_SAME;
	if (said - known < SECOND_US)  /* lifetimes are whole seconds: rounding */
		return RA_SAME;
	*renew_us = known - sixth_us(h->life_s);
	return RA_LONGER;
}

void router_note(struct engine *e, const struct pkt *p)
{
	struct ra_element el;

	if (p->kind != PKT_ICMP || p->ip_len != 16 || p->frame[p->l4] != ND_RA || !ra_valid(p))
		return;
	for (struct ra_reader r = ra_read(p); ra_next(&r, &el);) {
		uint8_t i = row_of(e, el.key);

		if (e->heard[i].key != el.key)
			e->next_heard = (uint8_t)((i + 1) % ENG_HEARD);
		e->heard[i] = (struct eng_heard){
			.key = el.key, .value = el.value, .life_s = el.life_s, .at_us = now_us(e)};
	}
}

/* Asleep, the buffer holds kept advertisements alone, and what wakes stands behind them. */
void router_hand_over(struct engine *e)
{
	struct pkt p;

	if (e->ra_due_us == 0)
		return;
	e->ra_due_us = 0;
	for (uint16_t i = 0; i < e->frame_count; i++) {
		const struct eng_frame *f = buffer_at(e, i);

		if (pkt_parse(&p, f->bytes, f->saved_len) == PARSE_OK)
			router_note(e, &p);
	}
}
