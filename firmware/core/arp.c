/*
 * ARP for the sleeping host: answers requests and probes for its addresses (RFC 826, RFC 5227), and notices another
 * station that claims one: that wakes the host, with at most one defence in 10 s in its name.
 */
#include "arp.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "ip_tx.h"
#include "tx.h"
#include "vlan.h"

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

struct arp {
	uint16_t op;
	const uint8_t *sha, *spa, *tpa;
};

/* Ethernet and IPv4, request or reply, from a station that can exist. THA means nothing in a request. */
static bool arp_read(const struct pkt *p, struct arp *a)
{
	const uint8_t *b = p->frame + p->l3;

	*a = (struct arp){.op = get_be16(b + 6), .sha = b + 8, .spa = b + 14, .tpa = b + 24};
	return get_be16(b) == 1 && get_be16(b + 2) == ETHERTYPE_IPV4 && b[4] == 6 && b[5] == 4 &&
	       (a->op == ARP_REQUEST || a->op == ARP_REPLY) && !(a->sha[0] & 1);
}

bool arp_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac)
{
	struct arp a;

	if (!arp_read(p, &a) || (p->group && memcmp(p->frame, broadcast, 6) != 0))
		return false;
	*ip = a.spa;
	*mac = a.sha;
	return true;
}

static bool may_ask(const struct eng_offload_cfg *c, const struct arp *a, const struct pkt *p)
{
	bool asked_us = !p->group || memcmp(p->frame, broadcast, 6) == 0;

	return a->op == ARP_REQUEST && asked_us && memcmp(a->tpa, c->ip.b, 4) == 0 &&
	       (c->remote.len == 0 || memcmp(a->spa, c->remote.b, 4) == 0);
}

static void judge_one(const struct engine *e, uint8_t i, const struct arp *a, const struct pkt *p, struct verdict *v)
{
	const struct eng_offload_cfg *c = &e->offloads[i].cfg;

	if (memcmp(a->spa, c->ip.b, 4) == 0) {
		v->offload = i;
		v->conflict = true;
		v->wake = OFF_WAKE_ADDR_CONFLICT;
	} else if (may_ask(c, a, p)) {
		v->offload = i;
		v->answer = true;
	}
}

void arp_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	struct arp a;

	if (!arp_read(p, &a)) {
		v->detail = C_arp_invalid;
		v->broken = true;
		return;
	}
	for (uint8_t i = 0; i < e->n_offloads && v->offload == NO_SLOT; i++) {
		/* Our own word come back over a loop in the network is no conflict. */
		const struct eng_offload_cfg *c = &e->offloads[i].cfg;

		if (offload_hears(c, OFF_OFFLOAD_ARP, p) && memcmp(a.sha, e->mac, 6) != 0 && memcmp(a.sha, c->mac, 6) != 0)
			judge_one(e, i, &a, p, v);
	}
}

static bool arp_send(struct engine *e, const struct eng_offload_cfg *c, uint16_t op, const uint8_t *to, const uint8_t *tha,
		     const uint8_t *tpa)
{
	uint8_t f[ETH_MIN_BYTES], *b = f + eth_put(f, to, e->mac, c->vlan_tci, ETHERTYPE_ARP);

	put_be16(b, 1);
	put_be16(b + 2, ETHERTYPE_IPV4);
	b[4] = 6;
	b[5] = 4;
	put_be16(b + 6, op);
	memcpy(b + 8, c->mac, 6);
	memcpy(b + 14, c->ip.b, 4);
	memcpy(b + 18, tha, 6);
	memcpy(b + 24, tpa, 4);
	return eng_tx(e, f, (uint16_t)(b + ARP_BYTES - f));
}

static void arp_answer(struct engine *e, struct eng_offload *o, const struct pkt *p)
{
	const uint8_t *b = p->frame + p->l3;

	if (arp_send(e, &o->cfg, ARP_REPLY, b + 8, b + 8, b + 14)) {
		o->answered++;
		count(e, C_arp_answered);
	}
}

/* An announcement: RFC 5227 2.3, a request with both addresses ours and THA zero. */
static void arp_defend(struct engine *e, struct eng_offload *o)
{
	static const uint8_t nobody[6];
	uint64_t now = now_us(e);

	count(e, C_arp_conflict);
	if (o->defended_us != 0 && now - o->defended_us < ENG_DEFENCE_US)
		return;
	if (arp_send(e, &o->cfg, ARP_REQUEST, broadcast, nobody, o->cfg.ip.b)) {
		o->defended_us = now ? now : 1;
		count(e, C_arp_defended);
	}
}

void arp_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	if (v->answer)
		arp_answer(e, &e->offloads[v->offload], p);
	if (v->conflict)
		arp_defend(e, &e->offloads[v->offload]);
}

int arp_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	(void)more;                  /* the common fields alone */
	bool lengths = c->ip.len == 4 && c->ip2.len == 0 && (c->remote.len == 0 || c->remote.len == 4);
	return lengths && ip_usable(&c->ip) ? OFF_OK : OFF_BAD_ADDR;
}
