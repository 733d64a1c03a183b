/*
 * Wake patterns. Of several that match, the one with the highest priority is reported, of equal ones the one with the
 * lowest id; the hits of all are counted. A bitmap sees the frame from its destination MAC to the end of the packet:
 * padding behind it does not exist.
 */
#include <string.h>

#include "bytes.h"
#include "engine_state.h"

static bool mask_bit(const uint8_t *mask, uint16_t i)
{
	return mask[i >> 3] >> (i & 7) & 1;
}

static bool match_bitmap(const struct eng_pattern_cfg *c, const struct pkt *p)
{
	if ((uint32_t)c->offset + c->data_len > p->end)
		return false;
	for (uint16_t i = 0; i < c->data_len; i++) {
		if (mask_bit(c->mask, i) && p->frame[c->offset + i] != c->data[i])
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

/* At `at` the six FF have just ended. */
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

static bool match_magic(const struct engine *e, const struct eng_pattern_cfg *c, const struct pkt *p)
{
	unsigned run = 0;

	for (uint32_t i = ETH_HEADER_BYTES; i < p->end; i++) {
		run = p->frame[i] == 0xFF ? run + 1 : 0;
		if (run >= 6 && magic_body(e, c, p, i + 1))
			return true;
	}
	return false;
}

static bool ip_fits(const struct eng_ip *want, const uint8_t *have, uint8_t have_len)
{
	return want->len == 0 || (want->len == have_len && memcmp(want->b, have, have_len) == 0);
}

static bool match_endpoints(const struct eng_pattern_cfg *c, const struct pkt *p)
{
	return ip_fits(&c->dst, p->dst, p->ip_len) && ip_fits(&c->src, p->src, p->ip_len) &&
	       (!c->port_set || c->port == p->dport) && (!c->sport_set || c->sport == p->sport);
}

/* SYN set, ACK, RST and FIN clear; the ECN bits are free: an ECN set-up SYN is a SYN. */
static bool match_syn(const struct eng_pattern_cfg *c, const struct pkt *p, uint8_t ip_len)
{
	return p->kind == PKT_TCP && p->ip_len == ip_len && (p->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN &&
	       match_endpoints(c, p);
}

/* IEEE 802.1X: EAPOL packet type 0 (EAP) holding an EAP request (1) for the identity (1). */
static bool match_eapol(const struct pkt *p)
{
	const uint8_t *b = p->frame + p->l3;

	return p->ethertype == ETHERTYPE_EAPOL && p->end - p->l3 >= 9 && b[1] == 0 && get_be16(b + 2) >= 5 && b[4] == 1 && b[8] == 1;
}

static bool match(const struct engine *e, const struct eng_pattern_cfg *c, const struct pkt *p)
{
	switch (c->type) {
	case OFF_PATTERN_BITMAP:
		return match_bitmap(c, p);
	case OFF_PATTERN_MAGIC:
		return match_magic(e, c, p);
	case OFF_PATTERN_IPV4_SYN:
		return match_syn(c, p, 4);
	case OFF_PATTERN_IPV6_SYN:
		return match_syn(c, p, 16);
	case OFF_PATTERN_UDP_PORT:
		return p->kind == PKT_UDP && match_endpoints(c, p);
	case OFF_PATTERN_EAPOL:
		return match_eapol(p);
	default:
		return false;
	}
}

static bool better(const struct eng_pattern_cfg *a, const struct eng_pattern_cfg *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
}

void pattern_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	const struct eng_pattern_cfg *best = NULL;

	for (uint8_t i = 0; i < e->n_patterns; i++) {
		const struct eng_pattern_cfg *c = &e->patterns[i].cfg;

		if (!(e->arm & (c->type == OFF_PATTERN_MAGIC ? ARM_MAGIC : ARM_PATTERNS)) || !match(e, c, p))
			continue;
		v->hits |= 1ull << i;
		if (!best || better(c, best))
			best = c;
	}
	if (best && v->wake == OFF_WAKE_NONE) {
		v->wake = OFF_WAKE_PACKET;
		v->pattern_id = best->id;
	}
}

static int check_bitmap(const struct eng_pattern_cfg *c)
{
	uint8_t any = 0;

	if (c->data_len == 0 || c->data_len > ENG_PATTERN_BYTES || c->mask_len != (c->data_len + 7) / 8 || c->offset > ENG_MAX_OFFSET)
		return OFF_BAD_LEN;
	for (uint16_t i = 0; i < c->data_len; i++)
		any |= mask_bit(c->mask, i);
	return any ? OFF_OK : OFF_BAD_ARG; /* compares nothing: would wake on everything */
}

static bool ip_is(const struct eng_ip *ip, uint8_t len)
{
	return ip->len == 0 || ip->len == len;
}

static int check(const struct eng_pattern_cfg *c)
{
	if (c->id == NO_PATTERN)
		return OFF_BAD_ARG;
	if (c->flags)
		return OFF_UNSUPPORTED;
	switch (c->type) {
	case OFF_PATTERN_BITMAP:
		return check_bitmap(c);
	case OFF_PATTERN_MAGIC:
		return c->data_len == 0 || c->data_len == 4 || c->data_len == 6 ? OFF_OK : OFF_BAD_LEN;
	case OFF_PATTERN_IPV4_SYN:
		return ip_is(&c->dst, 4) && ip_is(&c->src, 4) ? OFF_OK : OFF_BAD_ADDR;
	case OFF_PATTERN_IPV6_SYN:
		return ip_is(&c->dst, 16) && ip_is(&c->src, 16) ? OFF_OK : OFF_BAD_ADDR;
	case OFF_PATTERN_UDP_PORT:
		return (ip_is(&c->dst, 4) || ip_is(&c->dst, 16)) && c->src.len == 0 ? OFF_OK : OFF_BAD_ADDR;
	case OFF_PATTERN_EAPOL:
		return OFF_OK;
	default:
		return OFF_UNSUPPORTED;
	}
}

static int room(const struct engine *e, const struct eng_pattern_cfg *c)
{
	bool magic = c->type == OFF_PATTERN_MAGIC;
	int same_kind = 0;

	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (e->patterns[i].cfg.id == c->id)
			return OFF_DUP_ID;
		same_kind += (e->patterns[i].cfg.type == OFF_PATTERN_MAGIC) == magic;
	}
	return same_kind < (magic ? 1 : ENG_PATTERNS) ? OFF_OK : OFF_LIST_FULL;
}

int eng_pattern_add(struct engine *e, const struct eng_pattern_cfg *c)
{
	if (e->power != OFF_D0 && e->power != OFF_PREPARED)
		return OFF_NOT_ACCEPTED;
	int rc = check(c);
	if (rc == OFF_OK)
		rc = room(e, c);
	if (rc == OFF_OK)
		e->patterns[e->n_patterns++] = (struct eng_pattern){.cfg = *c};
	return rc;
}

int eng_pattern_remove(struct engine *e, uint32_t id)
{
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (e->patterns[i].cfg.id != id)
			continue;
		e->n_patterns--;
		memmove(&e->patterns[i], &e->patterns[i + 1], (size_t)(e->n_patterns - i) * sizeof e->patterns[0]);
		return OFF_OK;
	}
	return OFF_NOT_FOUND;
}

bool eng_pattern_at(const struct engine *e, uint8_t i, uint32_t *id, uint8_t *type, uint32_t *hits)
{
	if (i >= e->n_patterns)
		return false;
	*id = e->patterns[i].cfg.id;
	*type = e->patterns[i].cfg.type;
	*hits = e->patterns[i].hits;
	return true;
}
