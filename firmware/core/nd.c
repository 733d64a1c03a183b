/*
 * Neighbour discovery for the sleeping host: answers solicitations for its addresses (RFC 4861 7.2.4) and other stations'
 * duplicate address detection (RFC 4862 5.4.3), and notices a station that claims one of them: that wakes the host.
 *
 * S is set in an answer to somebody who asked and clear in one to a probe, whose sender has no address yet: that one goes
 * to everybody. The other way round a peer could never confirm that we are reachable. The advertisement is built from
 * nothing, so that no option of the question (a nonce, RFC 7527) can come back.
 */
#include "nd.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "ip_tx.h"
#include "nd_options.h"
#include "router.h"
#include "tx.h"
#include "vlan.h"

enum { NA_ROUTER = 0x80, NA_SOLICITED = 0x40, NA_OVERRIDE = 0x20, NA_BYTES = 32, TARGET = 8 };

static const uint8_t all_nodes[16] = {0xFF, 0x02, [15] = 1};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};

/* ff02::1:ff00:0/104, and for the group of one address its last three bytes too. */
static bool solicited_node(const uint8_t *group, const uint8_t *address)
{
	static const uint8_t prefix[13] = {0xFF, 0x02, [11] = 1, [12] = 0xFF};

	return memcmp(group, prefix, 13) == 0 && (!address || memcmp(group + 13, address + 13, 3) == 0);
}

/* RFC 4861 7.1.1. *lladdr: whom to answer, NULL when the question does not say. */
static bool ns_valid(const struct pkt *p, const uint8_t **lladdr)
{
	bool bad = !nd_well_formed(p, ND_NS_BYTES);

	if (bad || p->frame[p->l4 + TARGET] == 0xFF)
		return false;
	*lladdr = nd_lladdr(p, ND_SOURCE_LLADDR, &bad);
	if (ip6_unspecified(p->src))
		return !bad && !*lladdr && solicited_node(p->dst, NULL);
	return !bad;
}

/* RFC 4861 7.1.2 */
static bool na_valid(const struct pkt *p, const uint8_t **lladdr)
{
	const uint8_t *m = p->frame + p->l4;
	bool bad = !nd_well_formed(p, ND_NS_BYTES);

	if (bad || m[TARGET] == 0xFF || (p->dst[0] == 0xFF && (m[4] & NA_SOLICITED)) || ip6_unspecified(p->src))
		return false;
	*lladdr = nd_lladdr(p, ND_TARGET_LLADDR, &bad);
	return !bad;
}

bool nd_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac)
{
	const uint8_t *m = p->frame + p->l4;

	*mac = NULL;
	if (m[0] == ND_NS && ns_valid(p, mac))
		*ip = p->src;
	else if (m[0] == ND_NA && na_valid(p, mac) && (m[4] & NA_OVERRIDE))
		*ip = m + TARGET;
	else
		return false;
	return *mac != NULL;
}

static bool is_target(const struct eng_offload_cfg *c, const uint8_t *ip)
{
	return ip_equal(&c->ip, ip, 16) || ip_equal(&c->ip2, ip, 16);
}

/* Our own word, come back over a loop in the network. */
static bool own_voice(const struct engine *e, const struct eng_offload_cfg *c, const struct pkt *p, const uint8_t *lladdr)
{
	return memcmp(p->frame + 6, c->mac, 6) == 0 ||
	       (lladdr && (memcmp(lladdr, c->mac, 6) == 0 || memcmp(lladdr, e->mac, 6) == 0));
}

static void claim(struct verdict *v, uint8_t i)
{
	v->offload = i;
	v->conflict = true;
	v->detail = C_nd_conflict;
	v->wake = OFF_WAKE_ADDR_CONFLICT;
}

static void judge_probe(const struct eng_offload_cfg *c, uint8_t i, struct verdict *v)
{
	if (c->flags & OFF_NS_DAD_WAKE)
		claim(v, i);
	else if (!(c->flags & OFF_NS_DAD_IGNORE)) {
		v->offload = i;
		v->answer = true;
	}
}

/*
 * Where a question for `target` may go (RFC 4861 7.1.1, 7.2.3): to an address of the host, the target's group, or everybody;
 * a probe's was checked to be a solicited-node group before. Other groups the host has not joined for this address.
 */
static bool sent_to_us(const struct eng_offload_cfg *c, const struct pkt *p, const uint8_t *target)
{
	return is_target(c, p->dst) || solicited_node(p->dst, target) || memcmp(p->dst, all_nodes, 16) == 0;
}

/* A restriction to one asker holds for probes as well, as it does for ARP: they come from nobody. */
static void judge_ns_for(const struct eng_offload_cfg *c, uint8_t i, const struct pkt *p, struct verdict *v)
{
	const uint8_t *target = p->frame + p->l4 + TARGET;

	if (is_target(c, p->src)) {
		claim(v, i);
	} else if (is_target(c, target) && sent_to_us(c, p, target) &&
		   (c->remote.len == 0 || ip_equal(&c->remote, p->src, 16))) {
		if (ip6_unspecified(p->src)) {
			judge_probe(c, i, v);
			return;
		}
		v->offload = i;
		v->answer = true;
	}
}

static void judge_na_for(const struct eng_offload_cfg *c, uint8_t i, const struct pkt *p, struct verdict *v)
{
	if (is_target(c, p->frame + p->l4 + TARGET))
		claim(v, i);
}

void nd_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	uint8_t type = p->frame[p->l4];
	const uint8_t *lladdr = NULL;

	if (p->ip_len != 16)
		return;
	if (type == ND_RA) {
		router_judge(e, p, v);
		return;
	}
	if (type != ND_NS && type != ND_NA)
		return;
	if (type == ND_NS ? !ns_valid(p, &lladdr) : !na_valid(p, &lladdr)) {
		v->detail = type == ND_NS ? C_ns_invalid : C_nd_invalid;
		v->broken = true;
		return;
	}
	for (uint8_t i = 0; i < e->n_offloads && v->offload == NO_SLOT; i++) {
		const struct eng_offload_cfg *c = &e->offloads[i].cfg;

		if (!offload_hears(c, OFF_OFFLOAD_NS, p) || own_voice(e, c, p, lladdr))
			continue;
		if (type == ND_NS)
			judge_ns_for(c, i, p, v);
		else
			judge_na_for(c, i, p, v);
	}
}

static void put_na(uint8_t *m, const struct eng_offload_cfg *c, const uint8_t *target, bool probe)
{
	memset(m, 0, NA_BYTES);
	m[0] = ND_NA;
	m[4] = (uint8_t)(NA_OVERRIDE | (probe ? 0 : NA_SOLICITED) | (c->flags & OFF_NS_ROUTER ? NA_ROUTER : 0));
	memcpy(m + TARGET, target, 16);
	m[ND_NS_BYTES] = ND_TARGET_LLADDR;
	m[ND_NS_BYTES + 1] = 1;
	memcpy(m + ND_NS_BYTES + 2, c->mac, 6);
}

static bool na_send(struct engine *e, const struct eng_offload_cfg *c, const struct pkt *p, bool probe)
{
	uint8_t f[IP_TX_HEAD_MAX + NA_BYTES];
	const uint8_t *target = p->frame + p->l4 + TARGET;
	bool bad = false;
	const uint8_t *asker = nd_lladdr(p, ND_SOURCE_LLADDR, &bad);
	const struct ip_tx t = {
		.dst_mac = probe ? all_nodes_mac : asker ? asker : p->frame + 6, .src_mac = e->mac, .src = target,
		.dst = probe ? all_nodes : p->src, .ip_len = 16, .proto = PROTO_ICMPV6, .ttl = ND_HOP_LIMIT,
		.tci = c->vlan_tci,
	};
	uint16_t at = ip_put(f, &t, NA_BYTES);

	put_na(f + at, c, target, probe);
	put_be16(f + at + 2, l4_csum(&t, f + at, NA_BYTES));
	return eng_tx(e, f, (uint16_t)(at + NA_BYTES));
}

void nd_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	struct eng_offload *o = &e->offloads[v->offload];
	bool probe = ip6_unspecified(p->src);

	if (v->answer && na_send(e, &o->cfg, p, probe)) {
		o->answered++;
		count(e, probe ? C_ns_dad_answered : C_ns_answered);
	}
}

static bool nd_usable(const struct eng_ip *ip)
{
	return ip->len == 16 && ip_usable(ip);
}

int nd_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const uint16_t dad = OFF_NS_DAD_WAKE | OFF_NS_DAD_IGNORE;

	(void)more;                  /* the common fields alone */
	if ((c->flags & dad) == dad)
		return OFF_BAD_ARG;
	if (!nd_usable(&c->ip) || (c->ip2.len != 0 && !nd_usable(&c->ip2)))
		return OFF_BAD_ADDR;
	return c->remote.len == 0 || nd_usable(&c->remote) ? OFF_OK : OFF_BAD_ADDR;
}
