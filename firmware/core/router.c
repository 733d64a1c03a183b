/*
 * Router advertisements while the host sleeps (armed by OFF_NS_RA_WAKE). Most repeat what the host knows, and yet it must
 * not sleep through all of them: each begins the lifetimes of its router, prefixes and name servers anew, and a host that
 * hears none has no default route any more when they are over (RFC 4861 6.3.4, 6.3.5). An advertisement
 *  - wakes if it says anything new: something never heard, another value, a lifetime that is over or has begun again, or
 *    one that has fallen so that the host would believe too long (by more than a sixth of it: 1800 s that become 599);
 *  - is kept if it makes anything last longer. The newest of each kind is handed over at the next wake, whatever wakes; at
 *    the latest when a sixth is left of a lifetime that the host knows, which wakes it. So it wakes once in five sixths of
 *    the shortest lifetime, and only if the router still speaks;
 *  - else is dropped, as one whose lifetimes count down with the clock.
 * The host counts a lifetime from when it hears it: it believes longer, by the time for which the last advertisement was
 * kept, in a router that has gone without a word.
 *
 * The device listens while the host is awake, too. A router it has never heard wakes: rather once too often than asleep
 * behind a router that is gone.
 */
#include "router.h"

#include <string.h>

#include "buffer.h"
#include "bytes.h"
#include "fnv.h"
#include "router_heard.h"
#include "vlan.h"
#include "wake.h"

static bool watching(const struct engine *e, const struct pkt *p)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (e->offloads[i].cfg.flags & OFF_NS_RA_WAKE && offload_hears(&e->offloads[i].cfg, OFF_OFFLOAD_NS, p))
			return true;
	}
	return false;
}

/* The most that it says to the host; if that is RA_LONGER, *due_us is when it must hear it. */
static enum ra_news compare(const struct engine *e, const struct pkt *p, uint64_t *due_us)
{
	struct ra_element el;
	enum ra_news most = RA_SAME;

	*due_us = NEVER_US;
	for (struct ra_reader r = ra_read(p); ra_next(&r, &el);) {
		uint64_t renew_us = NEVER_US;
		enum ra_news n = heard_compare(e, &el, &renew_us);

		if (n > most)
			most = n;
		if (renew_us < *due_us)
			*due_us = renew_us;
	}
	return most;
}

void router_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	uint64_t due_us;

	if (!ra_valid(p)) {
		v->detail = C_nd_invalid;
		v->broken = true;
		return;
	}
	if (!watching(e, p))
		return;
	enum ra_news n = compare(e, p, &due_us);
	if (n == RA_NEWS || due_us <= now_us(e)) {
		v->wake = OFF_WAKE_ROUTER_CHANGED;
		return;
	}
	v->detail = C_ra_same;
	v->keep = n == RA_LONGER;
}

/* What an advertisement speaks of, whatever it says: of two that are alike the newer one tells all. */
static uint32_t shape(const struct pkt *p)
{
	struct ra_element el;
	uint32_t h = FNV_BEGIN;

	for (struct ra_reader r = ra_read(p); ra_next(&r, &el);)
		h = fnv(h, (const uint8_t *)&el.key, sizeof el.key);
	return h;
}

/* Asleep, the buffer holds what is kept here and nothing else. The index of one like it, or of the first free frame. */
static uint16_t place_of(struct engine *e, const struct pkt *p)
{
	uint32_t wanted = shape(p);
	struct pkt kept;
	uint16_t i = 0;

	for (; i < e->frame_count; i++) {
		const struct eng_frame *f = buffer_at(e, i);

		if (pkt_parse(&kept, f->bytes, f->saved_len) == PARSE_OK && shape(&kept) == wanted)
			break;
	}
	return i;
}

void router_keep(struct engine *e, const struct pkt *p, struct verdict *v)
{
	uint16_t i = place_of(e, p);
	uint64_t due_us;

	if (i >= ENG_RA_KEPT) {
		v->wake = OFF_WAKE_ROUTER_CHANGED;
		v->reason = C_rx_wake;
		return;
	}
	v->reason = C_rx_buffered;
	buffer_put_at(e, i, p, now_us(e));
	compare(e, p, &due_us);
	if (e->ra_due_us == 0 || due_us < e->ra_due_us)
		e->ra_due_us = due_us;
}

uint64_t router_next_us(const struct engine *e)
{
	return e->power == OFF_D3 && e->ra_due_us != 0 ? e->ra_due_us : NEVER_US;
}

void router_due(struct engine *e)
{
	struct eng_frame *f = buffer_at(e, 0);

	if (f)
		f->flags |= OFF_FRAME_WAKE;
	wake(e, OFF_WAKE_ROUTER_CHANGED, NO_SLOT, NO_PATTERN, f, f && get_be16(f->bytes + 12) == ETHERTYPE_VLAN);
}

/* To everybody, as advertisements are: no other frame costs more than this look while the host is awake. */
void router_listen(struct engine *e, const uint8_t *frame, uint16_t len)
{
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct pkt p;

	if (len > ETH_HEADER_BYTES && memcmp(frame, all_nodes_mac, 6) == 0 && pkt_parse(&p, frame, len) == PARSE_OK && watching(e, &p))
		router_note(e, &p);
}
