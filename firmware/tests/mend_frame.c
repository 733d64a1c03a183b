#include <string.h>

#include "core/bytes.h"
#include "core/checksum.h"
#include "core/parse.h"
#include "fuzz_frame.h"

enum { MEND_EXT_MAX = 12 };         /* more headers than the engine walks */

/* The checksum of whatever stands at t, n bytes: where its field is depends on the protocol alone. */
static void mend_l4(uint8_t *t, uint16_t n, uint8_t proto, const uint8_t *src, const uint8_t *dst, uint8_t ip_len)
{
	uint16_t at = proto == PROTO_TCP ? 16 : proto == PROTO_UDP ? 6 : 2;
	bool plain = proto == PROTO_ICMP || proto == PROTO_IGMP;

	if (n < 8 || n < at + 2u || (!plain && proto != PROTO_TCP && proto != PROTO_UDP && proto != PROTO_ICMPV6))
		return;
	if (proto == PROTO_UDP && (get_be16(t + 4) < 8 || get_be16(t + 4) > n))
		put_be16(t + 4, n);
	if (proto == PROTO_UDP)
		n = get_be16(t + 4);
	put_be16(t + at, 0);
	uint16_t sum = csum_finish(csum_add(plain ? 0 : csum_pseudo(src, dst, ip_len, proto, n), t, n));
	put_be16(t + at, proto == PROTO_UDP && sum == 0 ? 0xFFFF : sum);
}

static void mend_ipv4(uint8_t *h, uint16_t room)
{
	if (room < 20)
		return;
	uint16_t header = (uint16_t)((h[0] & 15) * 4);

	if (get_be16(h + 2) > room || get_be16(h + 2) < header)
		put_be16(h + 2, room);
	if (header < 20 || header > get_be16(h + 2))
		return;
	put_be16(h + 10, 0);
	put_be16(h + 10, csum_finish(csum_add(0, h, header)));
	mend_l4(h + header, (uint16_t)(get_be16(h + 2) - header), h[9], h + 12, h + 16, 4);
}

static void mend_ipv6(uint8_t *h, uint16_t room)
{
	if (room < 40)
		return;
	if (get_be16(h + 4) > room - 40)
		put_be16(h + 4, (uint16_t)(room - 40));
	uint8_t proto = h[6];
	uint16_t at = 40, end = (uint16_t)(40 + get_be16(h + 4));

	for (int i = 0; i < MEND_EXT_MAX && (proto == 0 || proto == 43 || proto == 44 || proto == 60) && end - at >= 8; i++) {
		uint16_t n = proto == 44 ? 8 : (uint16_t)((h[at + 1] + 1) * 8);

		if (n > end - at)
			return;
		proto = h[at];
		at = (uint16_t)(at + n);
	}
	mend_l4(h + at, (uint16_t)(end - at), proto, h + 8, h + 24, 16);
}

void fuzz_frame_mend(uint8_t *f, uint16_t len, const uint8_t mac[6])
{
	if (len < ETH_HEADER_BYTES)
		return;
	uint16_t l3 = get_be16(f + 12) == ETHERTYPE_VLAN && len >= 18 ? 18 : 14, ethertype = get_be16(f + l3 - 2);

	if (!(f[0] & 1))
		memcpy(f, mac, 6);
	if (ethertype == ETHERTYPE_IPV4)
		mend_ipv4(f + l3, (uint16_t)(len - l3));
	else if (ethertype == ETHERTYPE_IPV6)
		mend_ipv6(f + l3, (uint16_t)(len - l3));
}
