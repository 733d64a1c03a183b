#include "checksum.h"

#include "bytes.h"

/* To 16 bits, each carry added in again. The sum of fewer than 2^32 words of 32 bits. */
static uint32_t fold(uint64_t sum)
{
	uint32_t low = (uint32_t)sum + (uint32_t)(sum >> 32);

	low += low < (uint32_t)sum;
	low = (low & 0xFFFFu) + (low >> 16);
	return (low & 0xFFFFu) + (low >> 16);
}

static uint32_t swapped_on_little_endian(uint32_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap16((uint16_t)word);
#else
	return word;
#endif
}

/*
 * Four bytes at a time, in the order of this machine: swapping the bytes of a ones' complement sum is the same as summing
 * swapped words (RFC 1071 2(B)). 32 bytes a round: for four of them a Cortex-M3 needs three instructions, load, add, carry.
 * `sum` has room: 32 bits hold 65,537 words of 0xFFFF, and one call adds less than three.
 */
uint32_t csum_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	const uint8_t *rounds = p + (len & ~31u), *fours = p + (len & ~3u);
	uint64_t words = 0;

	for (; p != rounds; p += 32) {
		words += ((uint64_t)raw32(p) + raw32(p + 4)) + ((uint64_t)raw32(p + 8) + raw32(p + 12));
		words += ((uint64_t)raw32(p + 16) + raw32(p + 20)) + ((uint64_t)raw32(p + 24) + raw32(p + 28));
	}
	for (; p != fours; p += 4)
		words += raw32(p);
	sum += swapped_on_little_endian(fold(words));
	if (len & 2) {
		sum += get_be16(p);
		p += 2;
	}
	return len & 1 ? sum + ((uint32_t)p[0] << 8) : sum;
}

bool csum_header_right(const uint8_t *p, uint32_t len)
{
	uint64_t words = 0;

	for (const uint8_t *stop = p + len; p != stop; p += 4)
		words += raw32(p);
	return fold(words) == 0xFFFF;
}

uint32_t csum_pseudo(const uint8_t *src, const uint8_t *dst, uint8_t ip_len, uint8_t proto, uint32_t l4_len)
{
	uint32_t sum = 0;

	for (uint8_t i = 0; i < ip_len; i = (uint8_t)(i + 2))
		sum += (uint32_t)get_be16(src + i) + get_be16(dst + i);
	return sum + proto + (l4_len >> 16) + (l4_len & 0xFFFFu);
}

uint16_t csum_finish(uint32_t sum)
{
	sum = (sum & 0xFFFFu) + (sum >> 16);
	sum = (sum & 0xFFFFu) + (sum >> 16);
	return (uint16_t)~sum;
}
