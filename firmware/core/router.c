/*
 * Router advertisements while the host sleeps: a changed one wakes, a repeated one does not (armed by OFF_NS_RA_WAKE).
 *
 * What counts is a fingerprint of everything a host would act on. Lifetimes go into it only as "over" or "not over": they
 * count down from one advertisement to the next, and a host learns nothing from that. The device listens while the host
 * is awake, too, so that what the host has heard itself is no news. A router it has never heard wakes: rather once too
 * often than asleep behind a router that is gone.
 */
#include "router.h"

#include <string.h>

#include "bytes.h"
#include "nd_options.h"
#include "vlan.h"

#define FNV_OFFSET 0xCBF29CE484222325ull
#define FNV_PRIME 0x100000001B3ull

static uint64_t mix(uint64_t h, const uint8_t *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		h = (h ^ b[i]) * FNV_PRIME;
	return h;
}

static uint64_t mix_lifetime(uint64_t h, uint32_t lifetime)
{
	const uint8_t left = lifetime != 0;

	return mix(h, &left, 1);
}

/* Prefixes have two lifetimes at byte 4 and 8; routes and name servers have one at byte 4. */
static uint64_t mix_option(uint64_t h, const uint8_t *o)
{
	uint16_t n = (uint16_t)(o[1] * 8);
	bool prefix = o[0] == ND_PREFIX && n >= 16, timed = o[0] == ND_ROUTE || o[0] == ND_RDNSS || o[0] == ND_DNSSL;

	if (!prefix && !timed)
		return mix(h, o, n);
	h = mix_lifetime(mix(h, o, 4), get_be32(o + 4));
	if (!prefix)
		return mix(h, o + 8, (uint16_t)(n - 8));
	return mix(mix_lifetime(h, get_be32(o + 8)), o + 12, (uint16_t)(n - 12));
}

static uint64_t fingerprint(const struct pkt *p)
{
	const uint8_t *m = p->frame + p->l4, *o;
	uint16_t at = (uint16_t)(p->l4 + ND_RA_BYTES);
	bool bad = false;
	uint64_t h = mix(FNV_OFFSET, m + 4, 2);        /* hop limit, M, O and preference */

	h = mix_lifetime(h, get_be16(m + 6));
	h = mix(h, m + 8, 8);                          /* reachable time, retransmission timer */
	while ((o = nd_option(p, &at, &bad)) != NULL)
		h = mix_option(h, o);
	return h;
}

/* RFC 4861 6.1.2: from a link-local address, nothing else of a router is believed. */
static bool ra_valid(const struct pkt *p)
{
	return nd_well_formed(p, ND_RA_BYTES) && p->src[0] == 0xFE && (p->src[1] & 0xC0) == 0x80;
}

static bool watching(const struct engine *e, const struct pkt *p)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (e->offloads[i].cfg.flags & OFF_NS_RA_WAKE && offload_hears(&e->offloads[i].cfg, OFF_OFFLOAD_NS, p))
			return true;
	}
	return false;
}

static int router_of(const struct engine *e, const struct pkt *p)
{
	for (int i = 0; i < ENG_ROUTERS; i++) {
		if (e->routers[i].used && e->routers[i].vid == p->vid && memcmp(e->routers[i].ip, p->src, 16) == 0)
			return i;
	}
	return -1;
}

void router_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	if (!ra_valid(p)) {
		v->detail = C_nd_invalid;
		v->broken = true;
		return;
	}
	if (!watching(e, p))
		return;
	int i = router_of(e, p);
	if (i >= 0 && e->routers[i].print == fingerprint(p))
		v->detail = C_ra_same;
	else
		v->wake = OFF_WAKE_ROUTER_CHANGED;
}

void router_note(struct engine *e, const struct pkt *p)
{
	if (p->kind != PKT_ICMP || p->ip_len != 16 || p->frame[p->l4] != ND_RA || !ra_valid(p))
		return;
	int i = router_of(e, p);

	if (i < 0) {
		i = e->next_router;
		e->next_router = (uint8_t)((i + 1) % ENG_ROUTERS);
	}
	e->routers[i].used = true;
	e->routers[i].vid = p->vid;
	memcpy(e->routers[i].ip, p->src, 16);
	e->routers[i].print = fingerprint(p);
}

/* To everybody, as advertisements are: no other frame costs more than this look while the host is awake. */
void router_listen(struct engine *e, const uint8_t *frame, uint16_t len)
{
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct pkt p;

	if (len > ETH_HEADER_BYTES && memcmp(frame, all_nodes_mac, 6) == 0 && pkt_parse(&p, frame, len) == PARSE_OK && watching(e, &p))
		router_note(e, &p);
}
