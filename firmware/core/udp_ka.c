/*
 * UDP keep-alives: the NAT-T one of RFC 3948 (one byte 0xFF between ports 4500) and any other of up to 32 bytes. Both
 * hold a NAT binding open. What IPsec traffic means to a sleeping host: a keep-alive nothing, IKE behind its four zero
 * bytes and ESP a wake, when they come from the tunnel's other end; its port may have changed (RFC 3947 4).
 *
 * A datagram in fragments (IKE_AUTH with certificates ordinarily is) wakes, too, and is put together by the host's kernel,
 * which needs all of them. Only the first one shows its ports. If it comes first, as senders send it, it decides, and the
 * others are the host's to hear because it is awake; those behind one for another port are told by their identification.
 * One that comes before its first fragment, or without it, wakes on the suspicion: dropped, it would be missing in the
 * host, and the whole datagram would be lost. A stranger gains nothing by it that a forged first fragment would not give.
 */
#include "udp_ka.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "clock.h"
#include "ip_tx.h"
#include "next_hop.h"
#include "tx.h"
#include "vlan.h"

enum {
	NON_ESP_MARKER_BYTES = 4,
	IKE_HEADER_BYTES = 28,       /* RFC 7296 3.1 */
	ESP_BYTES_MIN = 12,          /* SPI, sequence number, and a last block of at least 32 bits (RFC 4303 2.4) */
	TTL = 64,
	FRAGMENT_LIFE_US = 30000000, /* what Linux gives fragments to come together (ipfrag_time); RFC 8200 4.5: 60 s */
};

static const uint8_t natt_byte = 0xFF;

static bool is_natt_keep_alive(const struct pkt *p)
{
	return p->payload_len == 1 && p->frame[p->payload] == natt_byte;
}

/* An SPI is never 0 (RFC 4303 2.1): four zero bytes say that IKE follows. */
static bool is_ipsec(const struct pkt *p)
{
	const uint8_t *b = p->frame + p->payload;

	if (p->payload_len < ESP_BYTES_MIN)
		return false;
	return get_be32(b) != 0 || p->payload_len >= NON_ESP_MARKER_BYTES + IKE_HEADER_BYTES;
}

static void judge_natt(const struct eng_offload_cfg *c, const struct pkt *p, struct verdict *v)
{
	if (is_natt_keep_alive(p)) {
		v->answer = true;            /* dealt with: nothing goes out, nobody else looks */
		v->detail = C_natt_ka_ignored;
		v->final = true;
	} else if (memcmp(p->src, c->remote.b, p->ip_len) == 0 && is_ipsec(p)) {
		v->wake = OFF_WAKE_IPSEC;
		v->final = true;
	}
}

static void judge_udp(const struct eng_offload_cfg *c, const struct eng_udp_cfg *u, const struct pkt *p, struct verdict *v)
{
	bool same_flow = memcmp(p->src, c->remote.b, p->ip_len) == 0 && p->sport == u->remote_port;

	if (same_flow && (c->flags & OFF_UDP_WAKE_ON_DATA)) {
		v->wake = OFF_WAKE_UDP_DATA;
		v->final = true;
	}
}

/* RFC 791 3.2, RFC 8200 4.5: with both addresses and the protocol it names a datagram. */
static uint32_t datagram_id(const struct pkt *p)
{
	return p->ip_len == 4 ? get_be16(p->frame + p->l3 + 4) : get_be32(p->frame + p->l4 - 4);
}

/* Between the two stations of the flow, whatever the ports. */
static bool between(const struct eng_offload *o, const struct pkt *p)
{
	return ip_equal(&o->cfg.ip, p->dst, p->ip_len) && memcmp(o->cfg.remote.b, p->src, p->ip_len) == 0;
}

static bool same_ports(const struct eng_offload_cfg *c, const struct eng_udp_cfg *u, const struct pkt *p)
{
	return p->dport == u->local_port && (c->type == OFF_OFFLOAD_NATT || p->sport == u->remote_port);
}

static bool is_udp_flow(const struct eng_offload_cfg *c, const struct pkt *p)
{
	return offload_hears(c, OFF_OFFLOAD_NATT, p) || offload_hears(c, OFF_OFFLOAD_UDP, p);
}

/* No checksum can be had of a part, and no keep-alive is as long as two. */
static void judge_fragment(const struct engine *e, const struct eng_offload *o, const struct pkt *p, struct verdict *v)
{
	const struct eng_more *m = &e->more[o->more];
	bool natt = o->cfg.type == OFF_OFFLOAD_NATT;

	if (!between(o, p) || (!natt && !(o->cfg.flags & OFF_UDP_WAKE_ON_DATA)))
		return;
	if (p->ports ? !same_ports(&o->cfg, &m->cfg.udp, p) : now_us(e) < m->other_until_us && datagram_id(p) == m->other_id)
		return;
	v->wake = natt ? OFF_WAKE_IPSEC : OFF_WAKE_UDP_DATA;
	v->final = true;
}

void udp_ka_note_fragment(struct engine *e, const struct pkt *p)
{
	if (p->kind != PKT_FRAGMENT || p->proto != PROTO_UDP || !p->ports)
		return;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		const struct eng_offload *o = &e->offloads[i];

		if (!is_udp_flow(&o->cfg, p) || !between(o, p) || same_ports(&o->cfg, &more_of(e, o)->cfg.udp, p))
			continue;
		more_of(e, o)->other_id = datagram_id(p);
		more_of(e, o)->other_until_us = now_us(e) + FRAGMENT_LIFE_US;
	}
}

static void judge_whole(const struct engine *e, const struct eng_offload *o, const struct pkt *p, struct verdict *v)
{
	const struct eng_udp_cfg *u = &e->more[o->more].cfg.udp;

	if (p->dport != u->local_port || !ip_equal(&o->cfg.ip, p->dst, p->ip_len))
		return;
	if (o->cfg.type == OFF_OFFLOAD_NATT)
		judge_natt(&o->cfg, p, v);
	else
		judge_udp(&o->cfg, u, p, v);
}

void udp_ka_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	if (p->proto != PROTO_UDP || p->group)
		return;
	for (uint8_t i = 0; i < e->n_offloads && !v->final; i++) {
		const struct eng_offload *o = &e->offloads[i];

		if (!is_udp_flow(&o->cfg, p))
			continue;
		if (p->kind == PKT_FRAGMENT)
			judge_fragment(e, o, p, v);
		else
			judge_whole(e, o, p, v);
		if (v->final)
			v->offload = i;
	}
}

/* The first one: what has passed of the interval before the host gave it to us counts. */
void udp_ka_arm(struct engine *e, struct eng_offload *o)
{
	struct eng_more *m = more_of(e, o);
	const struct eng_udp_cfg *u = &m->cfg.udp;

	if (m->from_us == 0) {
		m->from_us = now_us(e);
		m->wait_ms = u->elapsed_ms < u->interval_ms ? u->interval_ms - u->elapsed_ms : 0;
	}
	o->due_us = m->from_us + scale_us(e, m->wait_ms);
}

static bool udp_ka_send(struct engine *e, const struct eng_offload *o, const struct eng_offload_more *more)
{
	const struct eng_udp_cfg *u = &more->udp;
	uint8_t f[IP_TX_HEAD_MAX + UDP_HEADER_BYTES + ENG_UDP_PAYLOAD_BYTES];
	bool natt = o->cfg.type == OFF_OFFLOAD_NATT;
	uint16_t n = natt ? 1 : u->len;
	struct ip_tx t = {
		.dst_mac = more->next_hop.mac, .src_mac = e->mac, .src = o->cfg.ip.b, .dst = o->cfg.remote.b,
		.ip_len = o->cfg.ip.len, .proto = PROTO_UDP, .ttl = TTL,
		.tci = o->cfg.vlan_tci,
	};
	uint16_t at = ip_put(f, &t, (uint16_t)(UDP_HEADER_BYTES + n));

	memcpy(f + at + UDP_HEADER_BYTES, natt ? &natt_byte : u->payload, n);
	/* RFC 3948 2.3: SHOULD be zero over IPv4; over IPv6 there is no datagram without one. */
	udp_put(f + at, &t, u->local_port, u->remote_port, n, natt && t.ip_len == 4);
	return eng_tx(e, f, (uint16_t)(at + UDP_HEADER_BYTES + n));
}

bool udp_ka_due(struct engine *e, struct eng_offload *o, uint64_t now)
{
	struct eng_more *m = more_of(e, o);

	if (!udp_ka_send(e, o, &m->cfg))
		return false;
	m->from_us = now ? now : 1;
	m->wait_ms = m->cfg.udp.interval_ms;
	udp_ka_arm(e, o);
	o->answered++;
	count(e, C_udp_ka_tx);
	return true;
}

int udp_ka_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const struct eng_udp_cfg *u = &more->udp;

	if (c->ip.len != c->remote.len || !ip_usable(&c->ip) || !ip_usable(&c->remote) || next_hop_check(&more->next_hop, &c->ip) != OFF_OK)
		return OFF_BAD_ADDR;
	if (u->local_port == 0 || u->remote_port == 0)
		return OFF_BAD_PORT;
	if (u->interval_ms < ENG_KA_MIN_MS || u->interval_ms > ENG_KA_MAX_MS)
		return OFF_BAD_INTERVAL;
	return u->len <= ENG_UDP_PAYLOAD_BYTES ? OFF_OK : OFF_BAD_LEN;
}
