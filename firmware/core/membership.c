/*
 * Group membership for the sleeping host: IGMPv1 to v3 (RFC 1112, 2236, 3376) and MLDv1/v2 (RFC 2710, 3810). Without
 * reports a snooping switch stops forwarding the group. One offload is one group: `ip` is the host's address, `remote`
 * the group, joined for any source. Every report names one group, so none can outgrow the MTU; each waits a part of the
 * querier's maximum response time that depends on host and group only: spread over hosts and groups, the same every run.
 *
 * A query about sources of a group is answered about these sources (RFC 3376 5.2, RFC 3810 6.2), if there is room to remember
 * them until the answer is due. If not, the answer is what it is to a query about the group: joined for any source, which
 * is as true, and what the querier does with it keeps these sources flowing.
 */
#include "membership.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "checksum.h"
#include "fnv.h"
#include "ip_tx.h"
#include "tx.h"
#include "vlan.h"

enum {
	IGMP_QUERY = 0x11, IGMP_V1_REPORT = 0x12, IGMP_V2_REPORT = 0x16, IGMP_V3_REPORT = 0x22,
	MLD_QUERY = 130, MLD_V1_REPORT = 131, MLD_V2_REPORT = 143,
	IGMP_V3_QUERY_BYTES = 12, MLD_V1_QUERY_BYTES = 24, MLD_V2_QUERY_BYTES = 28,
	MODE_IS_INCLUDE = 1,         /* of those sources that were asked about */
	MODE_IS_EXCLUDE = 2,         /* with no sources: everything sent to the group is wanted */
	REPORT_BYTES_MAX = 28 + ENG_ASKED_BYTES, /* MLDv2, one record */
	TOS_CONTROL = 0xC0,          /* internetwork control (RFC 3376 4); RFC 3810 has no such rule */
	SPACING_US = 100000,         /* two reports of a group: queries with a response time of 0 cannot make a storm */
};
#define V1_RESPONSE_US 10000000u     /* RFC 2236 4: a version 1 query has no field for it */

/* `version` as IGMP counts: 2 is also MLDv1, 3 is also MLDv2. group: NULL in a general query. */
struct query {
	uint8_t version;
	uint16_t n_sources;          /* the reader has checked that so many addresses are there */
	const uint8_t *group, *sources;
	uint64_t max_us;
};

static const uint8_t all_hosts4[4] = {224, 0, 0, 1}, igmp_routers[4] = {224, 0, 0, 22};
static const uint8_t all_hosts6[16] = {0xFF, 2, [15] = 1}, mld_routers[16] = {0xFF, 2, [15] = 0x16};

/* RFC 3376 4.1.1, RFC 3810 5.1.3: above a limit, a mantissa of `bits` bits behind a hidden one, and a 3-bit exponent. */
static uint64_t response_code(uint32_t code, uint8_t bits)
{
	uint32_t limit = 1u << (bits + 3);

	if (code < limit)
		return code;
	return (uint64_t)((code & ((1u << bits) - 1)) | 1u << bits) << ((code >> bits & 7) + 3);
}

static bool read_igmp_query(const struct pkt *p, struct query *q)
{
	const uint8_t *m = p->frame + p->l4;
	uint16_t n = (uint16_t)(p->end - p->l4);

	if (p->frame[p->l3 + 8] != 1 || (n > IGMP_BYTES && n < IGMP_V3_QUERY_BYTES))
		return false;
	if (n >= IGMP_V3_QUERY_BYTES && n - IGMP_V3_QUERY_BYTES < get_be16(m + 10) * 4)
		return false;
	q->version = n >= IGMP_V3_QUERY_BYTES ? 3 : m[1] ? 2 : 1;
	q->max_us = q->version == 1 ? V1_RESPONSE_US : (q->version == 2 ? m[1] : response_code(m[1], 4)) * 100000u;
	q->group = all_zero(m + 4, 4) ? NULL : m + 4;
	q->n_sources = q->version == 3 ? get_be16(m + 10) : 0;
	q->sources = m + IGMP_V3_QUERY_BYTES;
	return true;
}

/* RFC 3810 6.2: from a link-local address, hop limit 1, with a router alert; anything else is dropped. */
static bool read_mld_query(const struct pkt *p, struct query *q)
{
	const uint8_t *h = p->frame + p->l3, *m = p->frame + p->l4;
	uint16_t n = (uint16_t)(p->end - p->l4);

	if (h[7] != 1 || !ip6_link_local(p->src) || h[6] != 0 || m[1] != 0)
		return false;
	if (n < MLD_V1_QUERY_BYTES || (n > MLD_V1_QUERY_BYTES && n < MLD_V2_QUERY_BYTES))
		return false;
	if (n >= MLD_V2_QUERY_BYTES && n - MLD_V2_QUERY_BYTES < get_be16(m + 26) * 16)
		return false;
	q->version = n >= MLD_V2_QUERY_BYTES ? 3 : 2;
	q->max_us = (q->version == 2 ? get_be16(m + 4) : response_code(get_be16(m + 4), 12)) * 1000u;
	q->group = all_zero(m + 8, 16) ? NULL : m + 8;
	q->n_sources = q->version == 3 ? get_be16(m + 26) : 0;
	q->sources = m + MLD_V2_QUERY_BYTES;
	return true;
}

/* The hop-by-hop header stands first (its bytes were checked by the parser); its options, one of them the alert. */
static bool has_router_alert(const struct pkt *p)
{
	const uint8_t *x = p->frame + p->l3 + IPV6_HEADER_BYTES;
	uint16_t end = (uint16_t)((x[1] + 1) * 8), at = 2;

	while (at < end) {
		uint16_t n = x[at] == 0 ? 1 : at + 1 < end ? (uint16_t)(x[at + 1] + 2) : end;

		if (x[at] == 5 && n == 4 && at + n <= end)
			return get_be16(x + at + 2) == 0;
		at = (uint16_t)(at + n);
	}
	return false;
}

static bool is_query(const struct pkt *p)
{
	uint8_t type = p->frame[p->l4];

	return (p->kind == PKT_IGMP && type == IGMP_QUERY) || (p->kind == PKT_ICMP && p->ip_len == 16 && type == MLD_QUERY);
}

static bool read_query(const struct pkt *p, struct query *q)
{
	return p->kind == PKT_IGMP ? read_igmp_query(p, q) : read_mld_query(p, q) && has_router_alert(p);
}

/* RFC 3376 4.1.12: to all hosts, to the group, or to this host. */
static bool concerns(const struct eng_offload *o, const struct pkt *p, const struct query *q)
{
	const struct eng_offload_cfg *c = &o->cfg;
	const uint8_t *all = p->ip_len == 4 ? all_hosts4 : all_hosts6;

	if (!offload_hears(c, OFF_OFFLOAD_GROUP, p) || c->ip.len != p->ip_len)
		return false;
	if (q->group && memcmp(q->group, c->remote.b, p->ip_len) != 0)
		return false;
	return memcmp(p->dst, all, p->ip_len) == 0 || memcmp(p->dst, c->ip.b, p->ip_len) == 0 ||
	       (q->group && memcmp(p->dst, q->group, p->ip_len) == 0);
}

void group_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	struct query q;

	if ((p->kind != PKT_IGMP && p->kind != PKT_ICMP) || !is_query(p))
		return;
	if (!read_query(p, &q)) {
		v->detail = C_group_query_invalid;
		v->broken = true;
		return;
	}
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (concerns(&e->offloads[i], p, &q)) {
			v->offload = i;      /* any of them: they answer together */
			v->answer = true;
			return;
		}
	}
}

/* Of [0, max_us): the upper bits of the hash, which depend on every byte. */
static uint64_t delay_us(const struct engine *e, const struct eng_offload *o, uint64_t max_us)
{
	uint32_t h = fnv(fnv(FNV_BEGIN, e->mac, 6), o->cfg.remote.b, o->cfg.remote.len);

	h = (h ^ h >> 16) * 0x85EBCA6Bu;
	return (max_us >> 16) * (h >> 16) + ((max_us & 0xFFFFu) * (h >> 16) >> 16);
}

static struct eng_asked *asked_of(struct engine *e, const struct eng_offload *o)
{
	for (uint8_t i = 0; i < ENG_ASKED; i++) {
		if (e->asked[i].bytes != 0 && e->asked[i].offload_id == o->cfg.id)
			return &e->asked[i];
	}
	return NULL;
}

static struct eng_asked *asked_new(struct engine *e, const struct eng_offload *o)
{
	for (uint8_t i = 0; i < ENG_ASKED; i++) {
		if (e->asked[i].bytes == 0) {
			e->asked[i].offload_id = o->cfg.id;
			return &e->asked[i];
		}
	}
	return NULL;
}

static void asked_forget(struct engine *e, const struct eng_offload *o)
{
	struct eng_asked *a = asked_of(e, o);

	if (a)
		a->bytes = 0;
}

static bool has_source(const struct eng_asked *a, const uint8_t *source, uint8_t len)
{
	for (uint8_t at = 0; at < a->bytes; at = (uint8_t)(at + len)) {
		if (memcmp(a->sources + at, source, len) == 0)
			return true;
	}
	return false;
}

/* Each source once; false when they do not fit, which ends the loop after ENG_ASKED_BYTES whatever the query says. */
static bool add_sources(struct eng_asked *a, const struct query *q, uint8_t len)
{
	for (uint16_t i = 0; i < q->n_sources; i++) {
		const uint8_t *source = q->sources + i * len;

		if (has_source(a, source, len))
			continue;
		if (a->bytes + len > ENG_ASKED_BYTES)
			return false;
		memcpy(a->sources + a->bytes, source, len);
		a->bytes = (uint8_t)(a->bytes + len);
	}
	return true;
}

/* RFC 3376 5.2, rules 3 to 5: sources are added to those of the answer that is due; an answer about the group stays one. */
static void ask(struct engine *e, const struct eng_offload *o, const struct query *q)
{
	struct eng_asked *a = o->pending ? asked_of(e, o) : NULL;

	if (o->pending == 0)
		asked_forget(e, o);
	if (o->pending == 0 && q->n_sources)
		a = asked_new(e, o);
	if (a && (q->n_sources == 0 || !add_sources(a, q, o->cfg.remote.len)))
		a->bytes = 0;
}

/* RFC 3376 5.2: an answer that is due earlier stands; of two versions the older is understood by both queriers. */
static void schedule(struct engine *e, struct eng_offload *o, const struct query *q)
{
	uint64_t now = now_us(e), due = now + delay_us(e, o, q->max_us);

	if (o->sent_us != 0 && due < o->sent_us + SPACING_US)
		due = o->sent_us + SPACING_US;
	if (due < o->due_us)
		o->due_us = due;
	ask(e, o, q);
	if (o->pending == 0 || q->version < o->pending)
		o->pending = q->version;
}

void group_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	struct query q;

	(void)v;                     /* of all that are asked, not of the one it names */
	if (!read_query(p, &q))
		return;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (concerns(&e->offloads[i], p, &q))
			schedule(e, &e->offloads[i], &q);
	}
}

/* The message for `version`, checksum field 0; returns its length. asked: NULL, or the sources of a version 3 answer. */
static uint16_t put_report(uint8_t *m, const struct eng_offload_cfg *c, uint8_t version, const struct eng_asked *asked)
{
	bool v4 = c->ip.len == 4;
	uint8_t group_at = version < 3 ? (v4 ? 4 : 8) : 12;

	memset(m, 0, REPORT_BYTES_MAX);
	if (version == 3) {
		m[0] = v4 ? IGMP_V3_REPORT : MLD_V2_REPORT;
		put_be16(m + 6, 1);
		m[8] = asked ? MODE_IS_INCLUDE : MODE_IS_EXCLUDE;
	} else {
		m[0] = !v4 ? MLD_V1_REPORT : version == 2 ? IGMP_V2_REPORT : IGMP_V1_REPORT;
	}
	uint16_t n = (uint16_t)(group_at + c->remote.len);
	memcpy(m + group_at, c->remote.b, c->remote.len);
	if (version == 3 && asked) {
		put_be16(m + 10, asked->bytes / c->remote.len);
		memcpy(m + n, asked->sources, asked->bytes);
		n = (uint16_t)(n + asked->bytes);
	}
	return n;
}

bool group_due(struct engine *e, struct eng_offload *o, uint64_t now)
{
	uint8_t f[IP_TX_HEAD_MAX + REPORT_BYTES_MAX], message[REPORT_BYTES_MAX], mac[6];
	const struct eng_offload_cfg *c = &o->cfg;
	bool v4 = c->ip.len == 4;
	const uint8_t *dst = o->pending < 3 ? c->remote.b : v4 ? igmp_routers : mld_routers;
	struct ip_tx t = {
		.dst_mac = mac, .src_mac = e->mac, .src = c->ip.b, .dst = dst, .ip_len = c->ip.len,
		.proto = v4 ? PROTO_IGMP : PROTO_ICMPV6, .ttl = 1, .router_alert = true,
		.tos = v4 ? TOS_CONTROL : 0, .tci = c->vlan_tci,
	};
	uint16_t n = put_report(message, c, o->pending, asked_of(e, o));

	put_be16(message + 2, v4 ? csum_finish(csum_add(0, message, n)) : l4_csum(&t, message, n));
	ip_group_mac(mac, dst, c->ip.len);
	uint16_t at = ip_put(f, &t, n);
	memcpy(f + at, message, n);
	if (!eng_tx(e, f, (uint16_t)(at + n)))
		return false;
	asked_forget(e, o);
	o->pending = 0;
	o->due_us = NEVER_US;
	o->sent_us = now ? now : 1;
	o->answered++;
	count(e, C_group_reports);
	return true;
}

int group_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const uint8_t *g = c->remote.b;

	(void)more;                  /* the common fields alone */
	if (c->ip.len != c->remote.len || (c->ip.len != 4 && c->ip.len != 16))
		return OFF_BAD_ADDR;
	if (c->ip.len == 4)
		return (g[0] & 0xF0) == 0xE0 && memcmp(g, all_hosts4, 4) != 0 && ip_usable(&c->ip) ? OFF_OK : OFF_BAD_ADDR;
	/* RFC 3810 5.2.13: reports come from a link-local address; nobody reports ff02::1, nor scopes 0 and 1 (RFC 3810 6). */
	return g[0] == 0xFF && (g[1] & 15) > 1 && memcmp(g, all_hosts6, 16) != 0 && ip6_link_local(c->ip.b) ? OFF_OK : OFF_BAD_ADDR;
}
