/*
 * mDNS answers for the sleeping host (RFC 6762). One offload is one record, prebuilt by the host and answered over the IP
 * version of its address; each answer carries one record, so none outgrows the MTU. A question that asks for a unicast
 * answer (QU), or comes from a port other than 5353 (a legacy resolver), is answered to the asker, the others to the
 * group, each record at most once a second; one that others may have, too, some time later. Only questions to the group
 * count: they come from the link. What the asker says it knows already is not answered; known answers that would follow in
 * another packet (TC) are not waited for.
 */
#include "mdns.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "fnv.h"
#include "ip_tx.h"
#include "tx.h"
#include "vlan.h"

enum {
	MDNS_PORT = 5353,
	DNS_HEADER_BYTES = 12, QUESTION_TAIL_BYTES = 4, RECORD_TAIL_BYTES = 10,
	FLAGS_QUERY_MASK = 0xF80F,   /* QR, opcode and response code: all 0 in a query (RFC 6762 18) */
	FLAGS_ANSWER = 0x8400,       /* a response, authoritative */
	CLASS_IN = 1, CLASS_ANY = 255, TYPE_ANY = 255, TYPE_CNAME = 5, TYPE_PTR = 12, TYPE_SRV = 33,
	SRV_HEAD_BYTES = 6,
	TOP_BIT = 0x8000,            /* of the class: unicast answer wanted, or the record is the only one (cache flush) */
	LEGACY_TTL_S = 10,           /* RFC 6762 6.7: a legacy resolver does not hear later changes */
	POINTERS_MAX = 8,
	ENTRIES_MAX = 64,            /* questions and answers looked at in one packet */
	ANSWER_BYTES_MAX = DNS_HEADER_BYTES + 2 * ENG_MDNS_BYTES + QUESTION_TAIL_BYTES + RECORD_TAIL_BYTES + ENG_MDNS_BYTES,
	SECOND_US = 1000000,
	WAIT_LEAST_US = 20000, WAIT_MOST_US = 120000,
};

static const uint8_t group4[4] = {224, 0, 0, 251}, group6[16] = {0xFF, 2, [15] = 0xFB};

/* A DNS message: `n` bytes from `b`. Offsets into it are checked before each use. */
struct message {
	const uint8_t *b;
	uint16_t n;
	uint16_t asked;              /* type and class of the question that is answered */
};

struct question {
	uint16_t name, type;
	bool unicast;
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool label_equal(const uint8_t *a, const uint8_t *b, uint8_t n)
{
	for (uint8_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

/* Where a name that may be compressed ends in the message, 0 when it is broken. */
static uint16_t name_end(const struct message *m, uint16_t at)
{
	while (at < m->n) {
		if (m->b[at] == 0)
			return (uint16_t)(at + 1);
		if (m->b[at] >= 0xC0)
			return at + 2 <= m->n ? (uint16_t)(at + 2) : 0;
		if (m->b[at] > 63)
			return 0;
		at = (uint16_t)(at + 1 + m->b[at]);
	}
	return 0;
}

/*
 * The message's name at `at` against `name`, which is whole and in wire form. Pointers must lead backwards, so a loop of
 * them ends; case does not matter.
 */
static bool name_equal(const struct message *m, uint16_t at, const uint8_t *name, uint8_t name_len)
{
	uint8_t done = 0, pointers = 0;

	while (at < m->n && done < name_len) {
		uint8_t n = m->b[at];

		if (n >= 0xC0) {
			uint16_t to = at + 2 <= m->n ? get_be16(m->b + at) & 0x3FFF : m->n;

			if (to >= at || ++pointers > POINTERS_MAX)
				return false;
			at = to;
			continue;
		}
		if (n > 63 || n != name[done] || at + 1 + n > m->n || done + 1 + n > name_len)
			return false;
		if (!label_equal(m->b + at + 1, name + done + 1, n))
			return false;
		done = (uint8_t)(done + 1 + n);
		if (n == 0)
			return done == name_len;
		at = (uint16_t)(at + 1 + n);
	}
	return false;
}

/* The data of a record in the message against ours; names inside it may be compressed, ours are not. */
static bool rdata_equal(const struct message *m, uint16_t at, uint16_t n, const struct eng_mdns_cfg *c)
{
	uint8_t head = c->rrtype == TYPE_SRV ? SRV_HEAD_BYTES : 0;

	if (c->rrtype != TYPE_PTR && c->rrtype != TYPE_CNAME && c->rrtype != TYPE_SRV)
		return n == c->rdata_len && memcmp(m->b + at, c->rdata, n) == 0;
	if (n < head || c->rdata_len < head || memcmp(m->b + at, c->rdata, head) != 0)
		return false;
	return name_equal(m, (uint16_t)(at + head), c->rdata + head, (uint8_t)(c->rdata_len - head));
}

static bool read_question(const struct message *m, uint16_t *at, struct question *q)
{
	uint16_t end = name_end(m, *at);

	if (end == 0 || m->n - end < QUESTION_TAIL_BYTES)
		return false;
	uint16_t class = get_be16(m->b + end + 2);

	*q = (struct question){.name = *at, .type = get_be16(m->b + end), .unicast = (class & TOP_BIT) != 0};
	if ((class & 0x7FFF) != CLASS_IN && (class & 0x7FFF) != CLASS_ANY)
		q->name = m->n;              /* asks nothing that we have */
	*at = (uint16_t)(end + QUESTION_TAIL_BYTES);
	return true;
}

/* RFC 6762 7.1: an answer that the asker knows with at least half of its time left is not given again. */
static bool known(const struct message *m, uint16_t at, uint16_t count, const struct eng_mdns_cfg *c)
{
	for (uint16_t i = 0; i < count && i < ENTRIES_MAX; i++) {
		uint16_t end = name_end(m, at);

		if (end == 0 || m->n - end < RECORD_TAIL_BYTES)
			return false;
		const uint8_t *r = m->b + end;
		uint16_t n = get_be16(r + 8), data = (uint16_t)(end + RECORD_TAIL_BYTES);

		if (n > m->n - data)
			return false;
		if (get_be16(r) == c->rrtype && (get_be16(r + 2) & 0x7FFF) == CLASS_IN && get_be32(r + 4) >= c->ttl_s - c->ttl_s / 2 &&
		    name_equal(m, at, c->name, c->name_len) && rdata_equal(m, data, n, c))
			return true;
		at = (uint16_t)(data + n);
	}
	return false;
}

enum wanted { NOTHING, KNOWN, TO_GROUP, TO_ASKER, LEGACY };

/* What the message wants of this record. A broken message wants nothing more from where it breaks. */
static enum wanted wants(struct message *m, const struct eng_mdns_cfg *c, bool legacy)
{
	uint16_t at = DNS_HEADER_BYTES, questions = get_be16(m->b + 4);
	enum wanted w = NOTHING;
	struct question q;

	for (uint16_t i = 0; i < questions; i++) {
		if (i >= ENTRIES_MAX || !read_question(m, &at, &q))
			return NOTHING;
		if ((q.type != c->rrtype && q.type != TYPE_ANY) || !name_equal(m, q.name, c->name, c->name_len))
			continue;
		m->asked = (uint16_t)(at - QUESTION_TAIL_BYTES);
		if (w != TO_GROUP)           /* one question for everybody is enough to tell everybody */
			w = legacy ? LEGACY : q.unicast ? TO_ASKER : TO_GROUP;
	}
	return w != NOTHING && known(m, at, get_be16(m->b + 6), c) ? KNOWN : w;
}

static bool read_message(const struct pkt *p, struct message *m)
{
	const uint8_t *group = p->ip_len == 4 ? group4 : group6;

	*m = (struct message){.b = p->frame + p->payload, .n = p->payload_len};
	return p->dport == MDNS_PORT && memcmp(p->dst, group, p->ip_len) == 0 && m->n >= DNS_HEADER_BYTES &&
	       (get_be16(m->b + 2) & FLAGS_QUERY_MASK) == 0;
}

/* A station without an address: there is nobody to send a unicast answer to. */
static bool nobody(const struct pkt *p)
{
	return all_zero(p->src, p->ip_len);
}

static enum wanted wanted_of(const struct engine *e, const struct eng_offload *o, const struct pkt *p, struct message *m)
{
	if (!offload_hears(&o->cfg, OFF_OFFLOAD_MDNS, p) || o->cfg.ip.len != p->ip_len)
		return NOTHING;
	enum wanted w = wants(m, &e->more[o->more].cfg.mdns, p->sport != MDNS_PORT);

	if (w <= KNOWN || w == TO_GROUP || !nobody(p))
		return w;
	return w == TO_ASKER ? TO_GROUP : NOTHING;
}

void mdns_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	struct message m;

	if (!read_message(p, &m))
		return;
	for (uint8_t i = 0; i < e->n_offloads && !v->answer; i++) {
		enum wanted w = wanted_of(e, &e->offloads[i], p, &m);

		if (w == KNOWN)
			v->detail = C_mdns_suppressed;
		if (w > KNOWN) {
			v->detail = C_rx_total;
			v->offload = i;      /* the first of those that answer */
			v->answer = true;
		}
	}
}

static uint16_t mdns_put(uint8_t *to, uint16_t at, const uint8_t *from, uint16_t n)
{
	memcpy(to + at, from, n);
	return (uint16_t)(at + n);
}

/* A legacy resolver gets its id, its question and no cache-flush bit; everybody else id 0 and no question (RFC 6762 6.7). */
static uint16_t put_answer(uint8_t *b, const struct eng_offload_cfg *o, const struct eng_mdns_cfg *c, const struct message *m)
{
	bool legacy = m != NULL;
	uint32_t ttl = legacy && c->ttl_s > LEGACY_TTL_S ? LEGACY_TTL_S : c->ttl_s;
	bool flush = (o->flags & OFF_MDNS_UNIQUE) && !legacy;
	uint16_t at = DNS_HEADER_BYTES;

	memset(b, 0, DNS_HEADER_BYTES);
	put_be16(b, legacy ? get_be16(m->b) : 0);
	put_be16(b + 2, FLAGS_ANSWER);
	put_be16(b + 6, 1);
	if (legacy) {
		put_be16(b + 4, 1);
		at = mdns_put(b, at, c->name, c->name_len);
		at = mdns_put(b, at, m->b + m->asked, QUESTION_TAIL_BYTES);
	}
	at = mdns_put(b, at, c->name, c->name_len);
	put_be16(b + at, c->rrtype);
	put_be16(b + at + 2, flush ? TOP_BIT | CLASS_IN : CLASS_IN);
	put_be32(b + at + 4, ttl);
	put_be16(b + at + 8, c->rdata_len);
	return mdns_put(b, (uint16_t)(at + RECORD_TAIL_BYTES), c->rdata, c->rdata_len);
}

/* dst: NULL for the group. m: the question of a legacy resolver, which is at `port`; NULL else. */
static bool mdns_send(struct engine *e, const struct eng_offload *o, const uint8_t *dst, const uint8_t *mac, uint16_t port,
		      const struct message *m)
{
	uint8_t f[IP_TX_HEAD_MAX + UDP_HEADER_BYTES + ANSWER_BYTES_MAX], answer[ANSWER_BYTES_MAX], group_mac[6];
	struct ip_tx t = {
		.dst_mac = dst ? mac : group_mac, .src_mac = e->mac, .src = o->cfg.ip.b,
		.dst = dst ? dst : o->cfg.ip.len == 4 ? group4 : group6, .ip_len = o->cfg.ip.len, .proto = PROTO_UDP, .ttl = 255,
		.tci = o->cfg.vlan_tci,
	};
	uint16_t n = put_answer(answer, &o->cfg, &e->more[o->more].cfg.mdns, m);

	ip_group_mac(group_mac, t.dst, t.ip_len);
	uint16_t at = ip_put(f, &t, (uint16_t)(UDP_HEADER_BYTES + n));
	memcpy(f + at + UDP_HEADER_BYTES, answer, n);
	udp_put(f + at, &t, MDNS_PORT, port, n, false);
	return eng_tx(e, f, (uint16_t)(at + UDP_HEADER_BYTES + n));
}

static void mdns_answered(struct engine *e, struct eng_offload *o, bool group)
{
	uint64_t now = now_us(e);

	if (group)
		o->sent_us = now ? now : 1;
	o->answered++;
	count(e, C_mdns_answered);
}

/* 20 to 120 ms (RFC 6762 6), which depends on the station and the moment. */
static uint64_t mdns_wait_us(const struct engine *e, const struct eng_offload *o)
{
	uint64_t now = now_us(e);
	uint32_t h = fnv(fnv(fnv(FNV_BEGIN, (const uint8_t *)&now, sizeof now), e->mac, 6), (const uint8_t *)&o->cfg.id, 4);

	return WAIT_LEAST_US + h % (WAIT_MOST_US - WAIT_LEAST_US);
}

/* An answer waits already: one to everybody tells all who ask meanwhile. */
static void mdns_join(struct eng_more *m, struct eng_offload *o, const struct pkt *p, enum wanted w)
{
	if (w != TO_ASKER || memcmp(m->asker_ip, p->src, p->ip_len) != 0)
		o->pending = TO_GROUP;
}

static void mdns_answer_later(struct engine *e, struct eng_offload *o, const struct pkt *p, enum wanted w)
{
	struct eng_more *m = more_of(e, o);

	if (o->pending) {
		mdns_join(m, o, p, w);
		return;
	}
	memcpy(m->asker_ip, p->src, p->ip_len);
	memcpy(m->asker_mac, p->frame + 6, 6);
	o->pending = (uint8_t)w;
	o->due_us = now_us(e) + mdns_wait_us(e, o);
}

bool mdns_due(struct engine *e, struct eng_offload *o, uint64_t now)
{
	(void)now;

	const struct eng_more *m = more_of(e, o);
	bool group = o->pending == TO_GROUP;

	if (!mdns_send(e, o, group ? NULL : m->asker_ip, m->asker_mac, MDNS_PORT, NULL))
		return false;
	o->pending = 0;
	o->due_us = NEVER_US;
	mdns_answered(e, o, group);
	return true;
}

/*
 * A record that others may have, too, is answered some time later, or all would speak at once; one that is ours alone, and
 * a legacy resolver, which takes the first answer it gets and shares it with nobody, at once.
 */
static void mdns_answer(struct engine *e, struct eng_offload *o, const struct pkt *p, const struct message *m, enum wanted w)
{
	bool group = w == TO_GROUP, legacy = w == LEGACY;

	/*
	 * RFC 6762 6: not within a second of the last time, or many askers make a storm. A probe, whose records stand among the
	 * authorities, claims the name 250 ms after the last one that nobody answered.
	 */
	uint32_t least_us = get_be16(m->b + 8) ? SECOND_US / 4 : SECOND_US;
	if (group && o->sent_us != 0 && now_us(e) - o->sent_us < least_us)
		count(e, C_mdns_suppressed);
	else if (!legacy && !(o->cfg.flags & OFF_MDNS_UNIQUE))
		mdns_answer_later(e, o, p, w);
	else if (mdns_send(e, o, group ? NULL : p->src, p->frame + 6, legacy ? p->sport : MDNS_PORT, legacy ? m : NULL))
		mdns_answered(e, o, group);
}

void mdns_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	struct message m;

	(void)v;                     /* of all that are asked, not of the one it names */
	if (!read_message(p, &m))
		return;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		enum wanted w = wanted_of(e, &e->offloads[i], p, &m);

		if (w > KNOWN)
			mdns_answer(e, &e->offloads[i], p, &m, w);
	}
}

/* Labels of 1 to 63 bytes that end with the empty one exactly where the name does. */
static bool whole_name(const uint8_t *name, uint8_t n)
{
	uint8_t at = 0;

	while (at < n && name[at] != 0 && name[at] <= 63)
		at = (uint8_t)(at + 1 + name[at]);
	return n > 1 && at == n - 1 && name[at] == 0;
}

int mdns_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const struct eng_mdns_cfg *m = &more->mdns;

	if (!ip_usable(&c->ip))
		return OFF_BAD_ADDR;
	if (m->name_len > ENG_MDNS_BYTES || m->rdata_len > ENG_MDNS_BYTES || m->rdata_len == 0)
		return OFF_BAD_LEN;
	/* RFC 6762 10.1: a record with no time to live says goodbye; RFC 2181 8: so does one of 2^31 s or more. */
	bool lives = m->ttl_s != 0 && m->ttl_s <= INT32_MAX;
	return lives && whole_name(m->name, m->name_len) && m->rrtype != 0 && m->rrtype != TYPE_ANY ? OFF_OK : OFF_BAD_ARG;
}
