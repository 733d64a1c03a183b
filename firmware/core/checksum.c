#include "checksum.h"

#include "bytes.h"

static uint32_t fold(uint64_t sum)
{
	sum = (sum & 0xFFFFFFFFu) + (sum >> 32);
	sum = (sum & 0xFFFFu) + (sum >> 16 & 0xFFFFu) + (sum >> 32);
	return (uint32_t)((sum & 0xFFFFu) + (sum >> 16));
}

/*
 * Four bytes at a time, in the order of this machine: swapping the bytes of a ones' complement sum is the same as summing
 * swapped words (RFC 1071 2(B)). `sum` has room: 32 bits hold 65,537 words of 0xFFFF, and one call adds less than two.
 */
uint32_t csum_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	uint64_t words = 0;

	for (; len >= 16; len -= 16, p += 16)
		words += (uint64_t)raw32(p) + raw32(p + 4) + ((uint64_t)raw32(p + 8) + raw32(p + 12));
	for (; len >= 4; len -= 4, p += 4)
		words += raw32(p);
	uint32_t native = fold(words);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	native = (native & 0xFFu) << 8 | (native >> 8 & 0xFFu) | (native >> 16) << 8;
#endif
	sum += native;
	if (len >= 2) {
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
