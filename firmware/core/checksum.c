#include "checksum.h"

#include "bytes.h"

/* 32 bits hold 65,537 words of 0xFFFF: more than any frame, so the carries are folded once at the end. */
uint32_t csum_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	while (len >= 2) {
		sum += get_be16(p);
		p += 2;
		len -= 2;
	}
	return len ? sum + ((uint32_t)p[0] << 8) : sum;
}

uint32_t csum_pseudo(const uint8_t *src, const uint8_t *dst, uint8_t ip_len, uint8_t proto, uint32_t l4_len)
{
	uint32_t sum = csum_add(0, src, ip_len);

	sum = csum_add(sum, dst, ip_len);
	return sum + proto + (l4_len >> 16) + (l4_len & 0xFFFFu);
}

uint16_t csum_finish(uint32_t sum)
{
	sum = (sum & 0xFFFFu) + (sum >> 16);
	sum = (sum & 0xFFFFu) + (sum >> 16);
	return (uint16_t)~sum;
}
