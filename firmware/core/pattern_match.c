/*
 * Which wake patterns a frame matches. Of several, the one with the highest priority is reported, of equal ones the one
 * with the lowest id; the hits of all are counted. A bitmap sees the frame from its destination MAC to the end of the
 * packet: padding behind it does not exist. A program sees the frame as a capture would show it, with padding. Both see a
 * priority tag where it stands; the other types look behind it. Frames of a VLAN match nothing (vlan.c).
 */
#include "pattern_match.h"

#include <string.h>

#include "bpf.h"
#include "bytes.h"
#include "pattern_index.h"
#include "seq.h"

/* Four mask bits, lowest first, as four bytes of 0x00 or 0xFF. */
static uint32_t spread(const uint8_t *mask, uint32_t i)
{
	static const uint8_t bytes[16][4] = {
		{0, 0, 0, 0},       {255, 0, 0, 0},       {0, 255, 0, 0},       {255, 255, 0, 0},
		{0, 0, 255, 0},     {255, 0, 255, 0},     {0, 255, 255, 0},     {255, 255, 255, 0},
		{0, 0, 0, 255},     {255, 0, 0, 255},     {0, 255, 0, 255},     {255, 255, 0, 255},
		{0, 0, 255, 255},   {255, 0, 255, 255},   {0, 255, 255, 255},   {255, 255, 255, 255},
	};

	return raw32(bytes[mask[i >> 3] >> (i & 4) & 15]);
}

static bool mask_bit(const uint8_t *mask, uint32_t i)
{
	return mask[i >> 3] >> (i & 7) & 1;
}

/* The n bytes at f are the pattern's, as far as the mask says so. */
static bool same_bytes(const struct eng_pattern_cfg *c, const uint8_t *f)
{
	uint32_t i = 0, n = c->data_len;

	for (; i + 4 <= n; i += 4) {
		if ((raw32(f + i) ^ raw32(c->data + i)) & spread(c->mask, i))
			return false;
	}
	for (; i < n; i++) {
		if (mask_bit(c->mask, i) && f[i] != c->data[i])
			return false;
	}
	return true;
}

/* Looks at every byte whatever they are: the time taken says nothing about the password. */
static bool same_secret(const uint8_t *a, const uint8_t *b, uint16_t n)
{
	uint8_t diff = 0;

	for (uint16_t i = 0; i < n; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

/* At `at` the FF have just ended. */
static bool magic_body(const struct engine *e, const struct eng_pattern_cfg *c, const struct pkt *p, uint32_t at)
{
	if (at + 16u * 6u + c->data_len > p->end)
		return false;
	for (uint32_t i = 0; i < 16; i++) {
		if (memcmp(p->frame + at + i * 6, e->mac, 6) != 0)
			return false;
	}
	return same_secret(p->frame + at + 16 * 6, c->data, c->data_len);
}

/*
 * Six FF in a row cover one of every six places, so looking at those is enough. The address behind them is no multicast
 * one, so it does not begin with FF: it begins where the FF end.
 */
static bool match_magic(const struct engine *e, const struct eng_pattern_cfg *c, const struct pkt *p)
{
	for (uint32_t i = ETH_HEADER_BYTES + 5; i < p->end; i += 6) {
		uint32_t from = i, to = i;

		if (p->frame[i] != 0xFF)
			continue;
		while (from > ETH_HEADER_BYTES && p->frame[from - 1] == 0xFF)
			from--;
		while (to < p->end && p->frame[to] == 0xFF)
			to++;
		if (to - from >= 6 && magic_body(e, c, p, to))
			return true;
		i = to;
	}
	return false;
}

static bool ip_fits(const struct eng_ip *want, const uint8_t *have, uint8_t have_len)
{
	return want->len == 0 || (want->len == have_len && memcmp(want->b, have, have_len) == 0);
}

static bool match_endpoints(const struct eng_pattern_cfg *c, const struct pkt *p)
{
	return (!c->port_set || c->port == p->dport) && (!c->sport_set || c->sport == p->sport) &&
	       ip_fits(&c->dst, p->dst, p->ip_len) && ip_fits(&c->src, p->src, p->ip_len);
}

/* SYN set, ACK, RST and FIN clear; the ECN bits are free: an ECN set-up SYN is a SYN. One to a group is none (RFC 9293 3.9.2.3). */
static bool match_syn(const struct eng_pattern_cfg *c, const struct pkt *p, uint8_t ip_len)
{
	return p->kind == PKT_TCP && !p->group && p->ip_len == ip_len && (p->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN &&
	       match_endpoints(c, p);
}

/* IEEE 802.1X: packet type 1 (EAPOL-Start), or type 0 (EAP) holding an EAP request (1) for the identity (1). */
static bool match_eapol(const struct pkt *p)
{
	const uint8_t *b = p->frame + p->l3;
	uint32_t room = (uint32_t)(p->end - p->l3);

	if (p->ethertype != ETHERTYPE_EAPOL || room < 4 || get_be16(b + 2) > room - 4)
		return false;
	return b[1] == 1 || (b[1] == 0 && get_be16(b + 2) >= 5 && b[4] == 1 && b[8] == 1);
}

static bool match(const struct engine *e, const struct eng_pattern *q, const struct pkt *p)
{
	const struct eng_pattern_cfg *c = &q->cfg;

	switch (c->type) {
	case OFF_PATTERN_BITMAP:
		return same_bytes(c, p->frame + c->offset); /* its key has looked at the length */
	case OFF_PATTERN_MAGIC:
		return match_magic(e, c, p);
	case OFF_PATTERN_IPV4_SYN:
		return TAKES_PATTERN(IPV4_SYN) && match_syn(c, p, 4);
	case OFF_PATTERN_IPV6_SYN:
		return TAKES_PATTERN(IPV6_SYN) && match_syn(c, p, 16);
	case OFF_PATTERN_UDP_PORT:
		/* The first fragment as well: the host puts the datagram together. */
		return TAKES_PATTERN(UDP_PORT) && p->ports && p->proto == PROTO_UDP && match_endpoints(c, p);
	case OFF_PATTERN_EAPOL:
		return TAKES_PATTERN(EAPOL) && match_eapol(p);
	case OFF_PATTERN_PROGRAM:
		return TAKES_PATTERN(PROGRAM) && bpf_run(&e->prog_pool[q->prog_at], q->prog_n, p->frame, p->len) != 0;
	default:
		return false;        /* of a slot or of the link */
	}
}

const struct eng_pattern_cfg *pattern_better(const struct eng_pattern_cfg *a, const struct eng_pattern_cfg *b)
{
	if (!b)
		return a;
	return (a->priority != b->priority ? a->priority > b->priority : a->id < b->id) ? a : b;
}

void pattern_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	const struct eng_pattern_cfg *best = NULL;

	for (uint8_t next = pattern_first(&e->index, p->frame, p->end); next; next = e->keys[next - 1].next) {
		const struct eng_pattern *q = &e->patterns[next - 1];

		if (!pattern_key_fits(&e->keys[next - 1], p->frame, p->end))
			continue;
		if (!(e->arm & (q->cfg.type == OFF_PATTERN_MAGIC ? OFF_ARM_MAGIC : OFF_ARM_PATTERNS)) || !match(e, q, p))
			continue;
		v->hits |= 1ull << (next - 1);
		best = pattern_better(&q->cfg, best);
	}
	if (best && v->wake == OFF_WAKE_NONE) {
		v->wake = OFF_WAKE_PACKET;
		v->pattern_id = best->id;
	}
}

/* Where the news in a segment begins: a pattern must not match what the host has had long ago. */
static bool match_payload(const struct engine *e, const struct eng_pattern_cfg *c, const struct pkt *p, uint8_t slot)
{
	uint32_t old = e->slots[slot].cfg.rcv_nxt - p->seq, skip = old < p->payload_len ? old : 0;

	return skip + c->offset + c->data_len <= p->payload_len && same_bytes(c, p->frame + p->payload + skip + c->offset);
}

/*
 * Data that nobody acknowledges is repeated, and in the end its peer resets the connection. RFC 1122 4.2.3.5 lets a stack
 * doubt the path from R1 = 3 repetitions on; Windows gives up after 5, Linux after 15. So the third wakes: some seconds
 * after the data, as the peer doubles its waiting each time, and with two left for the host to come back in. Where data is
 * not to wake at all (WAKE_ON_DATA), the host has said that it may be lost.
 */
enum { UNMATCHED_REPETITIONS = 3 };

static bool repeated(const struct eng_slot *s, const struct pkt *p)
{
	return (s->cfg.flags & OFF_SLOT_WAKE_ON_DATA) && s->unread >= UNMATCHED_REPETITIONS && seq_leq(p->seq, s->cfg.rcv_nxt);
}

/*
 * Each segment is looked at by itself: what a pattern looks for may lie across two of them and is not seen then.
 * Data that does not wake stays unacknowledged, so the peer repeats it, and the host gets it whenever it comes back.
 */
void payload_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	const struct eng_pattern_cfg *best = NULL;
	bool any = false, unmatched_wakes = false;

	for (uint8_t i = 0; i < e->n_patterns; i++) {
		const struct eng_pattern_cfg *c = &e->patterns[i].cfg;

		if (c->type != OFF_PATTERN_TCP_PAYLOAD || c->slot != v->slot)
			continue;
		any = true;
		unmatched_wakes |= c->flags & OFF_PATTERN_WAKE_UNMATCHED;
		if (match_payload(e, c, p, v->slot)) {
			v->hits |= 1ull << i;
			best = pattern_better(c, best);
		}
	}
	if (!any)
		return;
	v->wake = best || unmatched_wakes || repeated(&e->slots[v->slot], p) ? OFF_WAKE_TCP_DATA : OFF_WAKE_NONE;
	if (best)
		v->pattern_id = best->id;
	if (!v->wake) {
		v->reason = C_rx_slot_consumed;
		v->detail = C_tcp_data_unmatched;
	}
}
