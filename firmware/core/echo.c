/*
 * Ping for the sleeping host: ICMP and ICMPv6 echo requests to one of its addresses get their bytes back (RFC 1122
 * 3.2.2.6, RFC 4443 4.2). Only what was sent to this very station and address: an answer to a group would let one small
 * frame set off many. The reply has the host's usual TTL and no options.
 */
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "engine_state.h"
#include "nd.h"

enum { ECHO_TTL = 64, ICMP_ECHO = 8, ICMP_ECHO_REPLY = 0, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129 };

static uint16_t reply_bytes(const struct pkt *p)
{
	uint16_t header = p->ip_len == 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;

	return (uint16_t)(ETH_HEADER_BYTES + header + (p->end - p->l4));
}

void echo_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	const uint8_t *m = p->frame + p->l4;

	if (m[0] != (p->ip_len == 4 ? ICMP_ECHO : ICMP6_ECHO) || m[1] != 0 || p->group || reply_bytes(p) > ENG_FRAME_BYTES ||
	    (p->ip_len == 16 && ip6_unspecified(p->src)))
		return;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		const struct eng_offload_cfg *c = &e->offloads[i].cfg;

		if (c->type == OFF_OFFLOAD_ECHO && ip_equal(&c->ip, p->dst, p->ip_len) &&
		    (c->remote.len == 0 || ip_equal(&c->remote, p->src, p->ip_len))) {
			v->offload = i;
			v->answer = true;
			return;
		}
	}
}

static void put_ipv4(uint8_t *h, const struct pkt *p, uint16_t n)
{
	h[0] = 0x45;
	h[1] = p->frame[p->l3 + 1];
	put_be16(h + 2, (uint16_t)(IPV4_HEADER_BYTES + n));
	h[6] = 0x40;                 /* DF: such a packet needs no identification (RFC 6864) */
	h[8] = ECHO_TTL;
	h[9] = PROTO_ICMP;
	memcpy(h + 12, p->dst, 4);
	memcpy(h + 16, p->src, 4);
	put_be16(h + 10, csum_finish(csum_add(0, h, IPV4_HEADER_BYTES)));
}

static void put_ipv6(uint8_t *h, const struct pkt *p, uint16_t n)
{
	h[0] = 0x60;
	put_be16(h + 4, n);
	h[6] = PROTO_ICMPV6;
	h[7] = ECHO_TTL;
	memcpy(h + 8, p->dst, 16);
	memcpy(h + 24, p->src, 16);
}

static uint16_t put_reply(uint8_t *f, const struct engine *e, const struct pkt *p)
{
	bool v4 = p->ip_len == 4;
	uint16_t n = (uint16_t)(p->end - p->l4), len = reply_bytes(p);
	uint8_t *h = f + ETH_HEADER_BYTES, *m = h + (v4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES);

	memset(f, 0, len < ETH_MIN_BYTES ? ETH_MIN_BYTES : (size_t)(m - f));
	memcpy(f, p->frame + 6, 6);
	memcpy(f + 6, e->mac, 6);
	put_be16(f + 12, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	if (v4)
		put_ipv4(h, p, n);
	else
		put_ipv6(h, p, n);
	memcpy(m, p->frame + p->l4, n);
	m[0] = v4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY;
	put_be16(m + 2, 0);
	put_be16(m + 2, csum_finish(csum_add(v4 ? 0 : csum_pseudo(p->dst, p->src, 16, PROTO_ICMPV6, n), m, n)));
	return len < ETH_MIN_BYTES ? ETH_MIN_BYTES : len;
}

void echo_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	uint8_t *f = v->answer ? buffer_scratch(e) : NULL;

	if (f && eng_tx(e, f, put_reply(f, e, p))) {
		e->offloads[v->offload].answered++;
		count(e, C_echo_answered);
	}
}

int echo_check(const struct eng_offload_cfg *c)
{
	static const uint8_t zero[16];

	if ((c->ip.len != 4 && c->ip.len != 16) || c->ip2.len != 0 || (c->remote.len != 0 && c->remote.len != c->ip.len))
		return OFF_BAD_ADDR;
	if (memcmp(c->ip.b, zero, c->ip.len) == 0 || (c->ip.len == 4 ? c->ip.b[0] >= 224 : c->ip.b[0] == 0xFF))
		return OFF_BAD_ADDR;
	return OFF_OK;
}
