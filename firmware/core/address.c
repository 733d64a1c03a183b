/* What an address is, read by whoever is given one by the host or by the wire. */
#include "address.h"

#include <string.h>

bool all_zero(const uint8_t *b, uint8_t n)
{
	uint8_t any = 0;

	for (uint8_t i = 0; i < n; i++)
		any |= b[i];
	return any == 0;
}

bool ip_equal(const struct eng_ip *ip, const uint8_t *b, uint8_t len)
{
	return ip->len == len && memcmp(ip->b, b, len) == 0;
}

bool ip6_unspecified(const uint8_t *ip)
{
	return all_zero(ip, 16);
}

bool ip6_link_local(const uint8_t *ip)
{
	return ip[0] == 0xFE && (ip[1] & 0xC0) == 0x80;
}

/* ::/128, ::1/128 and ::ffff:0:0/96 begin with ten zeros; what else does is IPv4 in a form that RFC 4291 2.5.5.1 gave up. */
bool ip_usable(const struct eng_ip *ip)
{
	if (ip->len == 4)
		return ip->b[0] != 0 && ip->b[0] != 127 && ip->b[0] < 224;
	return ip->len == 16 && ip->b[0] != 0xFF && !all_zero(ip->b, 10);
}
