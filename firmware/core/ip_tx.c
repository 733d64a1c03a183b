#include "ip_tx.h"

#include <string.h>

#include "bytes.h"
#include "checksum.h"

uint16_t eth_put(uint8_t *f, const uint8_t *dst, const uint8_t *src, uint16_t tci, uint16_t ethertype)
{
	uint16_t at = ETH_HEADER_BYTES;

	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	if (tci) {
		put_be16(f + 12, ETHERTYPE_VLAN);
		put_be16(f + 14, tci);
		at = ETH_TX_HEAD_MAX;
	}
	put_be16(f + at - 2, ethertype);
	return at;
}

/* With DF, identification 0 will do: a datagram that is never fragmented needs none (RFC 6864 4.1). */
static uint16_t put_ipv4(uint8_t *h, const struct ip_tx *t, uint16_t l4_len)
{
	uint16_t n = t->router_alert ? IPV4_HEADER_BYTES + ROUTER_ALERT_IPV4_BYTES : IPV4_HEADER_BYTES;

	h[0] = (uint8_t)(0x40 | n / 4);
	h[1] = t->tos;
	put_be16(h + 2, (uint16_t)(n + l4_len));
	put_be16(h + 4, t->ip_id);
	put_be16(h + 6, t->may_fragment ? 0 : 0x4000);
	h[8] = t->ttl;
	h[9] = t->proto;
	put_be16(h + 10, 0);
	memcpy(h + 12, t->src, 4);
	memcpy(h + 16, t->dst, 4);
	if (t->router_alert)
		put_be32(h + 20, 0x94040000u);             /* RFC 2113 */
	put_be16(h + 10, csum_finish(csum_add(0, h, n)));
	return n;
}

static uint16_t put_ipv6(uint8_t *h, const struct ip_tx *t, uint16_t l4_len)
{
	uint16_t extra = t->router_alert ? ROUTER_ALERT_IPV6_BYTES : 0;

	put_be32(h, 0x60000000u | (uint32_t)t->tos << 20 | t->flow_label);
	put_be16(h + 4, (uint16_t)(extra + l4_len));
	h[6] = t->router_alert ? 0 : t->proto;
	h[7] = t->ttl;
	memcpy(h + 8, t->src, 16);
	memcpy(h + 24, t->dst, 16);
	if (t->router_alert) {
		h[40] = t->proto;
		h[41] = 0;
		put_be32(h + 42, 0x05020000u);             /* RFC 2711: router alert, for MLD */
		put_be16(h + 46, 0x0100);                  /* PadN of none fills the eight bytes */
	}
	return (uint16_t)(IPV6_HEADER_BYTES + extra);
}

uint16_t ip_put(uint8_t *f, const struct ip_tx *t, uint16_t l4_len)
{
	bool v4 = t->ip_len == 4;
	uint16_t at = eth_put(f, t->dst_mac, t->src_mac, t->tci, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);

	return (uint16_t)(at + (v4 ? put_ipv4(f + at, t, l4_len) : put_ipv6(f + at, t, l4_len)));
}

void ip_group_mac(uint8_t mac[6], const uint8_t *group, uint8_t ip_len)
{
	if (ip_len == 4) {
		put_be16(mac, 0x0100);
		put_be32(mac + 2, 0x5E000000u | (get_be32(group) & 0x7FFFFFu));
	} else {
		put_be16(mac, 0x3333);
		memcpy(mac + 2, group + 12, 4);
	}
}

uint16_t l4_csum(const struct ip_tx *t, const uint8_t *m, uint16_t n)
{
	return csum_finish(csum_add(csum_pseudo(t->src, t->dst, t->ip_len, t->proto, n), m, n));
}

void udp_put(uint8_t *u, const struct ip_tx *t, uint16_t sport, uint16_t dport, uint16_t payload_len, bool no_csum)
{
	uint16_t n = (uint16_t)(UDP_HEADER_BYTES + payload_len);

	put_be16(u, sport);
	put_be16(u + 2, dport);
	put_be16(u + 4, n);
	put_be16(u + 6, 0);
	if (no_csum)
		return;
	uint16_t csum = l4_csum(t, u, n);
	put_be16(u + 6, csum ? csum : 0xFFFF);             /* 0 would say "none" */
}
