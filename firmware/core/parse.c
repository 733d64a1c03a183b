#include "parse.h"

#include <string.h>

#include "address.h"
#include "bytes.h"
#include "checksum.h"

/* Bytes of the packet from offset `at`; offsets never run past end, so this never wraps. */
static uint16_t left(const struct pkt *p, uint16_t at)
{
	return (uint16_t)(p->end - at);
}

static bool l4_csum_ok(const struct pkt *p, uint16_t l4_len)
{
	return csum_finish(csum_add(csum_pseudo(p->src, p->dst, p->ip_len, p->proto, l4_len), p->frame + p->l4, l4_len)) == 0;
}

/* RFC 9293 3.1, RFC 7323 3.2. An option that lies about its length makes the segment unusable: false. */
static bool parse_tcp_options(struct pkt *p, uint16_t at, uint16_t stop)
{
	while (at < stop) {
		const uint8_t *o = p->frame + at;

		if (o[0] == 0)
			return true;
		if (o[0] == 1) {
			at++;
			continue;
		}
		if (stop - at < 2 || o[1] < 2 || o[1] > stop - at)
			return false;
		if (o[0] == 8) {
			if (o[1] != 10)
				return false;
			p->ts = true;
			p->tsval = get_be32(o + 2);
			p->tsecr = get_be32(o + 6);
		}
		at = (uint16_t)(at + o[1]);
	}
	return true;
}

static enum parse_result parse_tcp(struct pkt *p)
{
	const uint8_t *t = p->frame + p->l4;
	uint16_t n = left(p, p->l4);

	if (n < TCP_HEADER_BYTES)
		return PARSE_BAD_LEN;
	if (!l4_csum_ok(p, n))
		return PARSE_BAD_L4_CSUM;
	/* The low nibble of byte 12 is reserved or AccECN: masked, not trusted to be 0. */
	uint16_t header = (uint16_t)((t[12] >> 4) * 4);
	if (header < TCP_HEADER_BYTES || header > n)
		return PARSE_BAD_LEN;
	p->kind = PKT_TCP;
	p->ports = true;
	p->sport = get_be16(t);
	p->dport = get_be16(t + 2);
	p->seq = get_be32(t + 4);
	p->ack = get_be32(t + 8);
	p->flags = t[13] & 0x3F;
	p->window = get_be16(t + 14);
	p->payload = (uint16_t)(p->l4 + header);
	p->payload_len = (uint16_t)(n - header);
	return parse_tcp_options(p, (uint16_t)(p->l4 + TCP_HEADER_BYTES), p->payload) ? PARSE_OK : PARSE_BAD_LEN;
}

static enum parse_result parse_udp(struct pkt *p)
{
	const uint8_t *u = p->frame + p->l4;

	if (left(p, p->l4) < UDP_HEADER_BYTES)
		return PARSE_BAD_LEN;
	uint16_t n = get_be16(u + 4);
	if (n < UDP_HEADER_BYTES || n > left(p, p->l4))
		return PARSE_BAD_LEN;
	/* Checksum 0 means "none" over IPv4 only. */
	bool none = get_be16(u + 6) == 0;
	if (none ? p->ip_len != 4 : !l4_csum_ok(p, n))
		return PARSE_BAD_L4_CSUM;
	p->kind = PKT_UDP;
	p->ports = true;
	p->sport = get_be16(u);
	p->dport = get_be16(u + 2);
	p->payload = (uint16_t)(p->l4 + UDP_HEADER_BYTES);
	p->payload_len = (uint16_t)(n - UDP_HEADER_BYTES);
	return PARSE_OK;
}

static enum parse_result parse_icmp(struct pkt *p)
{
	uint16_t n = left(p, p->l4);
	bool v4 = p->ip_len == 4;

	if (n < 8)
		return PARSE_BAD_LEN;
	if (v4 ? csum_finish(csum_add(0, p->frame + p->l4, n)) != 0 : !l4_csum_ok(p, n))
		return PARSE_BAD_L4_CSUM;
	p->kind = PKT_ICMP;
	p->payload = (uint16_t)(p->l4 + 8);
	p->payload_len = (uint16_t)(n - 8);
	return PARSE_OK;
}

static enum parse_result parse_igmp(struct pkt *p)
{
	uint16_t n = left(p, p->l4);

	if (n < IGMP_BYTES)
		return PARSE_BAD_LEN;
	p->kind = PKT_IGMP;
	return csum_finish(csum_add(0, p->frame + p->l4, n)) == 0 ? PARSE_OK : PARSE_BAD_L4_CSUM;
}

static enum parse_result parse_l4(struct pkt *p)
{
	switch (p->proto) {
	case PROTO_TCP:
		return parse_tcp(p);
	case PROTO_UDP:
		return parse_udp(p);
	case PROTO_ICMP:
		return p->ip_len == 4 ? parse_icmp(p) : PARSE_OK;
	case PROTO_IGMP:
		return p->ip_len == 4 ? parse_igmp(p) : PARSE_OK;
	case PROTO_ICMPV6:
		return p->ip_len == 16 ? parse_icmp(p) : PARSE_OK;
	default:
		return PARSE_OK;
	}
}

/* Ports of a fragment: only the first one has them, and only when they fit. */
static void parse_fragment(struct pkt *p, uint16_t offset)
{
	p->kind = PKT_FRAGMENT;
	if (offset == 0 && (p->proto == PROTO_TCP || p->proto == PROTO_UDP) && left(p, p->l4) >= 4) {
		p->ports = true;
		p->sport = get_be16(p->frame + p->l4);
		p->dport = get_be16(p->frame + p->l4 + 2);
	}
}

static bool martian4(const uint8_t *src, const uint8_t *dst, uint8_t proto)
{
	if (src[0] >= 224 || src[0] == 127 || dst[0] == 127 || raw32(dst) == 0 || raw32(src) == raw32(dst))
		return true;
	/* 0.0.0.0 speaks only while it looks for an address (DHCP, so UDP), or as a snooping switch without one (RFC 4541 2.1.1). */
	return raw32(src) == 0 && proto != PROTO_UDP && proto != PROTO_IGMP;
}

static enum parse_result parse_ipv4(struct pkt *p)
{
	const uint8_t *h = p->frame + p->l3;
	uint16_t room = (uint16_t)(p->len - p->l3);

	if (room < IPV4_HEADER_BYTES || h[0] >> 4 != 4)
		return PARSE_BAD_LEN;
	uint16_t header = (uint16_t)((h[0] & 15) * 4), total = get_be16(h + 2), frag = get_be16(h + 6);
	if (header < IPV4_HEADER_BYTES || total < header || total > room)
		return PARSE_BAD_LEN;
	if (!csum_header_right(h, header))
		return PARSE_BAD_IP_CSUM;
	p->end = (uint16_t)(p->l3 + total);
	p->l4 = (uint16_t)(p->l3 + header);
	p->ip_len = 4;
	p->proto = h[9];
	p->src = h + 12;
	p->dst = h + 16;
	p->martian = martian4(p->src, p->dst, p->proto);
	if (frag & 0x3FFF) {
		parse_fragment(p, frag & 0x1FFF);
		return PARSE_OK;
	}
	return parse_l4(p);
}

/* :: speaks only while it looks for an address, or joins a group meanwhile: ICMPv6. */
static bool martian6(const uint8_t *src, const uint8_t *dst, uint8_t proto)
{
	static const uint8_t loopback[16] = {[15] = 1}, mapped[12] = {[10] = 0xFF, [11] = 0xFF};

	if (ip6_unspecified(dst) || (ip6_unspecified(src) && proto != PROTO_ICMPV6))
		return true;
	return src[0] == 0xFF || memcmp(src, dst, 16) == 0 || memcmp(src, loopback, 16) == 0 ||
	       memcmp(dst, loopback, 16) == 0 || memcmp(src, mapped, 12) == 0 || memcmp(dst, mapped, 12) == 0;
}

/* Walks the chain from p->l4 (RFC 8200 4.1), at most IPV6_EXT_MAX headers. */
static enum parse_result parse_ipv6_chain(struct pkt *p)
{
	for (int i = 0; i <= IPV6_EXT_MAX; i++) {
		const uint8_t *x = p->frame + p->l4;
		uint8_t here = p->proto;

		if (here != 0 && here != 43 && here != 44 && here != 60)
			return parse_l4(p);
		if (left(p, p->l4) < 8)
			return PARSE_BAD_LEN;
		uint16_t n = here == 44 ? 8 : (uint16_t)((x[1] + 1) * 8);
		if (n > left(p, p->l4))
			return PARSE_BAD_LEN;
		p->proto = x[0];
		p->l4 = (uint16_t)(p->l4 + n);
		p->frag_header |= here == 44;
		p->martian |= here == 43 && x[3] != 0;     /* RFC 5095, RFC 8200 4.4: has further to go, and we do not route */
		if (here == 44 && (get_be16(x + 2) & 0xFFF9u) != 0) {
			parse_fragment(p, get_be16(x + 2) >> 3);
			return PARSE_OK;
		}
	}
	p->kind = PKT_TOO_DEEP;
	return PARSE_OK;
}

static enum parse_result parse_ipv6(struct pkt *p)
{
	const uint8_t *h = p->frame + p->l3;
	uint16_t room = (uint16_t)(p->len - p->l3);

	if (room < IPV6_HEADER_BYTES || h[0] >> 4 != 6)
		return PARSE_BAD_LEN;
	if (get_be16(h + 4) > room - IPV6_HEADER_BYTES)
		return PARSE_BAD_LEN;
	p->end = (uint16_t)(p->l3 + IPV6_HEADER_BYTES + get_be16(h + 4));
	p->l4 = (uint16_t)(p->l3 + IPV6_HEADER_BYTES);
	p->ip_len = 16;
	p->proto = h[6];
	p->src = h + 8;
	p->dst = h + 24;
	enum parse_result r = parse_ipv6_chain(p);
	p->martian |= martian6(p->src, p->dst, p->proto);
	return r;
}

static enum parse_result parse_arp(struct pkt *p)
{
	if (p->len - p->l3 < ARP_BYTES)
		return PARSE_BAD_LEN;
	p->kind = PKT_ARP;
	p->end = (uint16_t)(p->l3 + ARP_BYTES);
	return PARSE_OK;
}

/* One 802.1Q tag. Whose VLAN it is, the caller knows. */
static bool parse_tag(struct pkt *p)
{
	if (p->len < p->l3 + VLAN_TAG_BYTES)
		return false;
	p->tagged = true;
	p->vid = get_be16(p->frame + p->l3) & VLAN_VID_MASK;
	p->ethertype = get_be16(p->frame + p->l3 + 2);
	p->l3 = (uint16_t)(p->l3 + VLAN_TAG_BYTES);
	return true;
}

/* Field by field: the compiler sets two words at a time then, and calls memset, ten times as long, for one initializer. */
static void pkt_start(struct pkt *p, const uint8_t *frame, uint16_t len)
{
	p->frame = frame;
	p->len = p->end = len;
	p->ethertype = p->vid = 0;
	p->l3 = ETH_HEADER_BYTES;
	p->l4 = p->payload = p->payload_len = 0;
	p->kind = PKT_OTHER;
	p->ip_len = p->proto = 0;
	p->group = p->tagged = p->martian = p->frag_header = p->ports = false;
	p->src = p->dst = NULL;
	p->sport = p->dport = 0;
	p->seq = p->ack = 0;
	p->window = p->flags = 0;
	p->ts = false;
	p->tsval = p->tsecr = 0;
}

enum parse_result pkt_parse(struct pkt *p, const uint8_t *frame, uint16_t len)
{
	pkt_start(p, frame, len);
	if (len < ETH_HEADER_BYTES)
		return PARSE_BAD_LEN;
	p->group = frame[0] & 1;
	p->ethertype = get_be16(frame + 12);
	if (p->ethertype == ETHERTYPE_VLAN && !parse_tag(p))
		return PARSE_BAD_LEN;
	switch (p->ethertype) {
	case ETHERTYPE_IPV4:
		return parse_ipv4(p);
	case ETHERTYPE_IPV6:
		return parse_ipv6(p);
	case ETHERTYPE_ARP:
		return parse_arp(p);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_SERVICE_VLAN:
		return PARSE_VLAN;
	default:
		return PARSE_OK;
	}
}
