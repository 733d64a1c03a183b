/* What an address is, read by whoever is given one by the host or by the wire. */
#include "address.h"

#include <string.h>

bool ip_equal(const struct eng_ip *ip, const uint8_t *b, uint8_t len)
{
	return ip->len == len && memcmp(ip->b, b, len) == 0;
}

bool ip6_unspecified(const uint8_t *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip, zero, 16) == 0;
}

bool ip_unicast(const struct eng_ip *ip)
{
	static const uint8_t zero[16];

	if (memcmp(ip->b, zero, ip->len) == 0)
		return false;
	return ip->len == 4 ? ip->b[0] < 224 : ip->b[0] != 0xFF;
}
