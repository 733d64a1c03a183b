/*
 * Ping for the sleeping host: ICMP and ICMPv6 echo requests to one of its addresses get their bytes back (RFC 1122
 * 3.2.2.6, RFC 4443 4.2). Only what was sent to this very station and address: an answer to a group would let one small
 * frame set off many. The reply has the host's usual TTL and no options. Over IPv4 routers may fragment it, as they may the
 * Linux kernel's: its way back can have a smaller MTU than the request's had, and nobody here would hear of that.
 */
#include "echo.h"

#include <string.h>

#include "address.h"
#include "buffer.h"
#include "bytes.h"
#include "checksum.h"
#include "ip_tx.h"
#include "tx.h"
#include "vlan.h"

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

		if (offload_hears(c, OFF_OFFLOAD_ECHO, p) && ip_equal(&c->ip, p->dst, p->ip_len) &&
		    (c->remote.len == 0 || ip_equal(&c->remote, p->src, p->ip_len))) {
			v->offload = i;
			v->answer = true;
			return;
		}
	}
}

static uint16_t put_reply(uint8_t *f, const struct engine *e, const struct eng_offload *o, const struct pkt *p)
{
	const struct eng_offload_cfg *c = &o->cfg;
	bool v4 = p->ip_len == 4;
	uint16_t n = (uint16_t)(p->end - p->l4);
	const struct ip_tx t = {
		.dst_mac = p->frame + 6, .src_mac = e->mac, .src = p->dst, .dst = p->src, .ip_len = p->ip_len, .proto = p->proto,
		.ttl = ECHO_TTL, .tos = v4 ? p->frame[p->l3 + 1] : 0, .tci = c->vlan_tci,
		.may_fragment = true, .ip_id = (uint16_t)(o->answered + 1), /* another each time (RFC 6864 4.2) */
	};
	uint16_t at = ip_put(f, &t, n);
	uint8_t *m = f + at;

	memcpy(m, p->frame + p->l4, n);
	m[0] = v4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY;
	put_be16(m + 2, 0);
	put_be16(m + 2, v4 ? csum_finish(csum_add(0, m, n)) : l4_csum(&t, m, n));
	return (uint16_t)(at + n);
}

void echo_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	uint8_t *f = v->answer ? buffer_scratch(e) : NULL;
	struct eng_offload *o = &e->offloads[v->offload];

	if (f && eng_tx(e, f, put_reply(f, e, o, p))) {
		o->answered++;
		count(e, C_echo_answered);
	}
}

int echo_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	(void)more;                  /* the common fields alone */
	bool lengths = c->ip2.len == 0 && (c->remote.len == 0 || c->remote.len == c->ip.len);
	return lengths && ip_usable(&c->ip) ? OFF_OK : OFF_BAD_ADDR;
}
