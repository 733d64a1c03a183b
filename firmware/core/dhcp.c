/*
 * DHCPv4 lease renewal for the sleeping host (RFC 2131 4.4.5): a REQUEST to the server at T1, again after half of what is
 * left, from T2 on to everybody; an ACK starts the lease anew, a NAK or the end of the lease wakes the host. Times count
 * from when the host added the offload, so a host that has been awake in between adds it anew before it sleeps.
 *
 * An ACK may give other parameters than the host has (RFC 2131 4.4.5): another mask, router, name server or route wakes.
 * What the host has it says with the offload; of what it does not say, the first ACK counts. An ACK that leaves one out
 * says nothing of it. What counts is a number made of the option's bytes.
 */
#include "dhcp.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "clock.h"
#include "fnv.h"
#include "ip_tx.h"
#include "next_hop.h"
#include "tx.h"
#include "vlan.h"
#include "wake.h"

enum {
	CLIENT_PORT = 68, SERVER_PORT = 67, TTL = 64,
	XID_AT = 4, CIADDR_AT = 12, YIADDR_AT = 16, CHADDR_AT = 28, COOKIE_AT = 236, OPTIONS_AT = 240,
	MESSAGE_BYTES = 300,         /* RFC 1542 2.1: relays may drop what is shorter */
	OPT_MASK = 1, OPT_ROUTER = 3, OPT_DNS = 6, OPT_PARAMETERS = 55, OPT_ROUTES = 121,
	OPT_LEASE = 51, OPT_TYPE = 53, OPT_SERVER = 54, OPT_T1 = 58, OPT_T2 = 59, OPT_CLIENT_ID = 61, OPT_END = 255,
	TYPE_REQUEST = 3, TYPE_ACK = 5, TYPE_NAK = 6,
	RETRY_MIN_MS = 60000,        /* RFC 2131 4.4.5 */
	QUIET = 0, ASKING = 1, OVER = 2, /* eng_more.state */
};
#define COOKIE 0x63825363u
#define FOREVER_S 0xFFFFFFFFu

struct reply {
	uint8_t type;
	uint32_t lease_s, t1_s, t2_s;
	const uint8_t *server;
	uint32_t prints[ENG_DHCP_WATCHED];   /* of the options in `watched`; 0: it is not there */
};

static const uint8_t watched[ENG_DHCP_WATCHED] = {OPT_MASK, OPT_ROUTER, OPT_DNS, OPT_ROUTES};

/* What the server is to tell (RFC 2132 9.8); RFC 3442 wants routes before routers. */
static const uint8_t parameters[] = {OPT_MASK, OPT_ROUTES, OPT_ROUTER, OPT_DNS, OPT_LEASE, OPT_T1, OPT_T2};

static const uint8_t everybody[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static uint64_t seconds_us(const struct engine *e, uint32_t s)
{
	return (uint64_t)s * e->minute_us / 60u;
}

/* A lease of which elapsed_us have gone. Deadlines that have passed already are due now. */
static void dhcp_begin(struct engine *e, struct eng_offload *o, const struct reply *r, uint64_t elapsed_us)
{
	struct eng_more *m = more_of(e, o);
	uint64_t now = now_us(e), at[3] = {seconds_us(e, r->t1_s), seconds_us(e, r->t2_s), seconds_us(e, r->lease_s)};

	for (int i = 0; i < 3; i++)
		at[i] = at[i] > elapsed_us ? now + at[i] - elapsed_us : now;
	m->state = QUIET;
	m->t2_us = at[1];
	m->end_us = r->lease_s == FOREVER_S ? NEVER_US : at[2];
	o->due_us = r->lease_s == FOREVER_S ? NEVER_US : at[0];
}

/* RFC 2131 4.4.5: T1 is half, T2 seven eighths of the lease unless the server says otherwise, and says so sensibly. */
static void settle(struct reply *r)
{
	if (r->t2_s == 0 || r->t2_s >= r->lease_s)
		r->t2_s = (uint32_t)((uint64_t)r->lease_s * 7 / 8);
	if (r->t1_s == 0 || r->t1_s > r->t2_s)
		r->t1_s = r->lease_s - r->lease_s / 2;     /* never 0: that would ask again at each answer */
	if (r->t2_s && r->t1_s > r->t2_s)
		r->t1_s = r->t2_s;
}

/* An option that comes in several parts is one (RFC 3396). */
static void take_print(struct reply *r, uint8_t code, const uint8_t *v, uint8_t n)
{
	for (uint8_t i = 0; i < ENG_DHCP_WATCHED; i++) {
		if (watched[i] != code)
			continue;
		r->prints[i] = fnv(r->prints[i] ? r->prints[i] : FNV_BEGIN, v, n);
		if (r->prints[i] == 0)
			r->prints[i] = 1;
	}
}

/* From `at` to `n`. Codes and lengths come from outside: a length past the end ends the message there, as malformed. */
static bool read_options(const uint8_t *b, uint16_t at, uint16_t n, struct reply *r)
{
	while (at < n && b[at] != OPT_END) {
		if (b[at] == 0) {
			at++;
			continue;
		}
		if (n - at < 2 || b[at + 1] > n - at - 2)
			return false;
		const uint8_t *v = b + at + 2;
		bool word = b[at + 1] == 4;

		if (b[at] == OPT_TYPE && b[at + 1] == 1)
			r->type = v[0];
		else if (b[at] == OPT_SERVER && word)
			r->server = v;
		else if (b[at] == OPT_LEASE && word)
			r->lease_s = get_be32(v);
		else if (b[at] == OPT_T1 && word)
			r->t1_s = get_be32(v);
		else if (b[at] == OPT_T2 && word)
			r->t2_s = get_be32(v);
		take_print(r, b[at], v, b[at + 1]);
		at = (uint16_t)(at + 2 + b[at + 1]);
	}
	return true;
}

void dhcp_arm(struct engine *e, struct eng_offload *o)
{
	struct eng_more *m = more_of(e, o);
	const struct eng_dhcp_cfg *c = &m->cfg.dhcp;
	struct reply has = {0}, r = {.lease_s = c->lease_s, .t1_s = c->t1_s};

	if (m->end_us)               /* it runs, or is over */
		return;
	read_options(c->options, 0, c->options_len, &has);
	memcpy(m->prints, has.prints, sizeof m->prints);
	settle(&r);
	dhcp_begin(e, o, &r, c->elapsed_ms ? scale_us(e, c->elapsed_ms) : 0);
}

static bool changed(const struct eng_more *m, const struct reply *r)
{
	for (uint8_t i = 0; i < ENG_DHCP_WATCHED; i++) {
		if (m->prints[i] && r->prints[i] && m->prints[i] != r->prints[i])
			return true;
	}
	return false;
}

/*
 * An answer to what this offload asked: same transaction, same station, from the server that holds the lease or, once
 * everybody was asked, from any. An ACK must be for our address and say for how long.
 */
static bool is_answer(const struct engine *e, const struct eng_offload *o, const struct pkt *p, struct reply *r)
{
	const struct eng_more *m = &e->more[o->more];
	const uint8_t *b = p->frame + p->payload;

	*r = (struct reply){0};
	if (m->state != ASKING || p->payload_len < OPTIONS_AT || b[0] != 2 || b[1] != 1 || b[2] != 6)
		return false;
	if (get_be32(b + XID_AT) != m->xid || memcmp(b + CHADDR_AT, o->cfg.mac, 6) != 0 || get_be32(b + COOKIE_AT) != COOKIE)
		return false;
	if (!read_options(b, OPTIONS_AT, p->payload_len, r) || !r->server)
		return false;
	if (memcmp(r->server, o->cfg.remote.b, 4) != 0 && !m->any_server)
		return false;
	if (r->type == TYPE_ACK)
		return memcmp(b + YIADDR_AT, o->cfg.ip.b, 4) == 0 && r->lease_s != 0;
	return r->type == TYPE_NAK;
}

void dhcp_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	struct reply r;

	if (p->ip_len != 4 || p->sport != SERVER_PORT || p->dport != CLIENT_PORT)
		return;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (!offload_hears(&e->offloads[i].cfg, OFF_OFFLOAD_DHCP, p) || !is_answer(e, &e->offloads[i], p, &r))
			continue;
		v->offload = i;
		v->final = true;
		if (r.type == TYPE_NAK)
			v->wake = OFF_WAKE_DHCP_NAK;
		else if (changed(&e->more[e->offloads[i].more], &r))
			v->wake = OFF_WAKE_DHCP_CHANGED;
		else
			v->answer = true;
		return;
	}
}

static void dhcp_end(struct engine *e, struct eng_offload *o)
{
	more_of(e, o)->state = OVER;
	more_of(e, o)->end_us = 1;   /* 0 would begin it anew at a change of the clock */
	o->due_us = NEVER_US;
}

void dhcp_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	struct eng_offload *o = &e->offloads[v->offload];
	struct reply r;

	if (!is_answer(e, o, p, &r))
		return;
	if (r.type == TYPE_NAK) {
		dhcp_end(e, o);
		return;
	}
	memcpy(o->cfg.remote.b, r.server, 4);
	memcpy(more_of(e, o)->cfg.next_hop.mac, p->frame + 6, 6);
	for (uint8_t i = 0; i < ENG_DHCP_WATCHED; i++) {
		if (r.prints[i])
			more_of(e, o)->prints[i] = r.prints[i];
	}
	settle(&r);
	dhcp_begin(e, o, &r, 0);
	o->answered++;
	count(e, C_dhcp_renewed);
}

static void put_message(uint8_t *b, const struct eng_offload *o, const struct eng_more *m)
{
	const struct eng_dhcp_cfg *c = &m->cfg.dhcp;
	uint8_t *opt = b + OPTIONS_AT;

	memset(b, 0, MESSAGE_BYTES);
	b[0] = 1;
	b[1] = 1;
	b[2] = 6;
	put_be32(b + XID_AT, m->xid);
	memcpy(b + CIADDR_AT, o->cfg.ip.b, 4);             /* renewing: the address stands here, in no option */
	memcpy(b + CHADDR_AT, o->cfg.mac, 6);
	put_be32(b + COOKIE_AT, COOKIE);
	*opt++ = OPT_TYPE;
	*opt++ = 1;
	*opt++ = TYPE_REQUEST;
	*opt++ = OPT_PARAMETERS;
	*opt++ = sizeof parameters;
	memcpy(opt, parameters, sizeof parameters);
	opt += sizeof parameters;
	if (c->len) {
		*opt++ = OPT_CLIENT_ID;
		*opt++ = c->len;
		memcpy(opt, c->client_id, c->len);
		opt += c->len;
	}
	*opt = OPT_END;
}

static bool dhcp_send(struct engine *e, const struct eng_offload *o, const struct eng_more *m)
{
	uint8_t f[ETH_TX_HEAD_MAX + IPV4_HEADER_BYTES + UDP_HEADER_BYTES + MESSAGE_BYTES];
	struct ip_tx t = {
		.dst_mac = m->any_server ? everybody : m->cfg.next_hop.mac, .src_mac = e->mac, .src = o->cfg.ip.b,
		.dst = m->any_server ? everybody : o->cfg.remote.b, .ip_len = 4, .proto = PROTO_UDP, .ttl = TTL,
		.tci = o->cfg.vlan_tci,
	};
	uint16_t at = ip_put(f, &t, UDP_HEADER_BYTES + MESSAGE_BYTES);

	put_message(f + at + UDP_HEADER_BYTES, o, m);
	udp_put(f + at, &t, CLIENT_PORT, SERVER_PORT, MESSAGE_BYTES, false);
	return eng_tx(e, f, (uint16_t)(at + UDP_HEADER_BYTES + MESSAGE_BYTES));
}

/* Half of what is left until T2, then until the end, but never more often than once a minute. */
static uint64_t retry_us(const struct engine *e, const struct eng_more *m, uint64_t now)
{
	uint64_t half = ((now < m->t2_us ? m->t2_us : m->end_us) - now) / 2, least = scale_us(e, RETRY_MIN_MS);
	uint64_t next = now + (half > least ? half : least);

	return next < m->end_us ? next : m->end_us;
}

bool dhcp_due(struct engine *e, struct eng_offload *o, uint64_t now)
{
	struct eng_more *m = more_of(e, o);

	if (now >= m->end_us) {
		dhcp_end(e, o);
		wake(e, OFF_WAKE_DHCP_EXPIRED, NO_SLOT, NO_PATTERN, NULL, false);
		return true;
	}
	if (m->state == QUIET)
		m->xid = m->cfg.dhcp.xid + o->answered;
	m->any_server = now >= m->t2_us;
	if (!dhcp_send(e, o, m))
		return false;
	m->state = ASKING;
	o->due_us = retry_us(e, m, now);
	count(e, C_dhcp_requests);
	return true;
}

uint32_t eng_offload_lease_s(const struct engine *e, uint8_t i)
{
	const struct eng_offload *o = &e->offloads[i < e->n_offloads ? i : 0];
	uint64_t now = now_us(e);

	if (i >= e->n_offloads || o->cfg.type != OFF_OFFLOAD_DHCP || e->more[o->more].end_us <= now)
		return 0;
	if (e->more[o->more].end_us == NEVER_US)
		return FOREVER_S;
	return (uint32_t)((e->more[o->more].end_us - now) * 60u / e->minute_us);
}

int dhcp_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const struct eng_dhcp_cfg *d = &more->dhcp;

	if (c->ip.len != 4 || c->remote.len != 4 || !ip_usable(&c->ip) || !ip_usable(&c->remote) ||
	    next_hop_check(&more->next_hop, &c->ip) != OFF_OK)
		return OFF_BAD_ADDR;
	if (d->lease_s == 0 || d->t1_s > d->lease_s)
		return OFF_BAD_INTERVAL;
	if (d->len > ENG_DHCP_CLIENT_ID_BYTES || d->options_len > ENG_DHCP_OPTIONS_BYTES)
		return OFF_BAD_LEN;
	struct reply r = {0};
	return read_options(d->options, 0, d->options_len, &r) ? OFF_OK : OFF_BAD_ARG;
}
