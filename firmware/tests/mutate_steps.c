/*
 * libFuzzer's mutator for inputs that are a list of steps (kind, length in 2 bytes big endian, bytes). Its own mutations tear
 * the lengths apart; these take out, repeat and exchange whole steps, change the bytes of one, or one item of its CBOR, with
 * the lengths right afterwards. Every fourth input is left to libFuzzer.
 */
#include <stdint.h>
#include <string.h>

#include "core/bytes.h"
#include "fuzz_frame.h"

enum { STEPS_MAX = 256, ITEMS_MAX = 128, HEAD = 3, BYTES_MAX = 8192, UINT = 0, BYTES = 2, TEXT = 3 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t out_size,
				 unsigned int seed);

struct steps {
	size_t n, at[STEPS_MAX + 1]; /* at[n]: the end */
};

static uint32_t state;

/* xorshift32 */
static uint32_t roll(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static struct steps split(const uint8_t *data, size_t size)
{
	struct steps s = {.n = 0};
	size_t at = 0;

	while (s.n < STEPS_MAX && size - at >= HEAD) {
		size_t len = get_be16(data + at + 1), left = size - at - HEAD;

		s.at[s.n++] = at;
		at += HEAD + (len < left ? len : left);
	}
	s.at[s.n] = at;
	return s;
}

/* Puts `with` where `cut` bytes at `at` were; the size stays when it does not fit. */
static size_t put_in(uint8_t *data, size_t size, size_t max, size_t at, size_t cut, const uint8_t *with, size_t len)
{
	if (size - cut + len > max)
		return size;
	memmove(data + at + len, data + at + cut, size - at - cut);
	memcpy(data + at, with, len);
	return size - cut + len;
}

static size_t repeat(uint8_t *data, size_t size, size_t max, const struct steps *s)
{
	static uint8_t copy[BYTES_MAX];
	size_t from = roll((uint32_t)s->n), to = roll((uint32_t)s->n + 1), len = s->at[from + 1] - s->at[from];

	if (len > sizeof copy)
		return size;
	memcpy(copy, data + s->at[from], len);
	return put_in(data, size, max, s->at[to], 0, copy, len);
}

static size_t exchange(uint8_t *data, size_t size, const struct steps *s)
{
	static uint8_t copy[BYTES_MAX];
	size_t i = roll((uint32_t)s->n), first = s->at[i], second = s->at[i + 1];

	if (i + 1 == s->n || second - first > sizeof copy)
		return size;
	size_t moved = s->at[i + 2] - second;

	memcpy(copy, data + first, second - first);
	memmove(data + first, data + second, moved);
	memcpy(data + first + moved, copy, second - first);
	return size;
}

static size_t cbor_head(uint8_t *out, uint8_t major, uint32_t v)
{
	size_t n = v < 24 ? 0 : v < 0x100 ? 1 : v < 0x10000 ? 2 : 4;

	out[0] = (uint8_t)(major << 5 | (n == 0 ? v : n == 1 ? 24 : n == 2 ? 25 : 26));
	for (size_t i = 0; i < n; i++)
		out[1 + i] = (uint8_t)(v >> 8 * (n - 1 - i));
	return 1 + n;
}

struct item {
	size_t at, head, len;        /* len: of the content of a string, else 0 */
	uint8_t major;
};

/* The items in a row, of whatever depth: a list's or map's head is followed by what is in it. */
static size_t find_items(const uint8_t *p, size_t at, size_t end, struct item *items)
{
	size_t n = 0;

	while (at < end && n < ITEMS_MAX) {
		uint8_t info = p[at] & 31, major = p[at] >> 5;
		size_t more = info < 24 ? 0 : info <= 27 ? (size_t)1 << (info - 24) : end, value = info < 24 ? info : 0;

		if (more >= end - at)
			break;
		for (size_t i = 0; i < more; i++)
			value = value << 8 | p[at + 1 + i];
		size_t len = major == BYTES || major == TEXT ? value : 0;

		if (len > end - at - 1 - more)
			break;
		items[n++] = (struct item){.at = at, .head = 1 + more, .len = len, .major = major};
		at += 1 + more + len;
	}
	return n;
}

static uint32_t number(void)
{
	static const uint32_t edges[] = {0, 1, 2, 3, 7, 31, 32, 33, 64, 127, 128, 255, 256, 1000, 1514, 32767, 32768, 65535, 65536,
					 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};

	return roll(2) ? edges[roll(sizeof edges / sizeof edges[0])] : roll(64);
}

/* Another number, or a string of other bytes and another length; keys stay, mostly: half of the text strings are spared. */
static size_t change_item(uint8_t *data, size_t size, size_t max, size_t body, size_t end)
{
	static struct item items[ITEMS_MAX];
	static uint8_t with[BYTES_MAX + 8];
	size_t n = find_items(data, body + fuzz_cbor_at, end, items), len;

	if (n == 0)
		return size;
	const struct item *it = &items[roll((uint32_t)n)];

	if (it->major == UINT) {
		len = cbor_head(with, UINT, number());
	} else if ((it->major == BYTES || (it->major == TEXT && roll(4) == 0)) && it->len <= 512) {
		static uint8_t content[1024];

		memcpy(content, data + it->at + it->head, it->len);
		size_t content_len = LLVMFuzzerMutate(content, it->len, roll(4) ? (it->len ? it->len : 1) : sizeof content);
		size_t head = cbor_head(with, it->major, (uint32_t)content_len);

		memcpy(with + head, content, content_len);
		len = head + content_len;
	} else {
		return size;
	}
	return put_in(data, size, max, it->at, it->head + it->len, with, len);
}

static size_t change_bytes(uint8_t *data, size_t size, size_t max, size_t body, size_t end)
{
	static uint8_t with[BYTES_MAX];
	size_t len = end - body;

	if (len > 2048)
		return size;
	memcpy(with, data + body, len);
	len = LLVMFuzzerMutate(with, len, roll(2) ? (len ? len : 1) : 2048);
	return put_in(data, size, max, body, end - body, with, len);
}

static size_t inside(uint8_t *data, size_t size, size_t max, const struct steps *s)
{
	size_t i = roll((uint32_t)s->n), body = s->at[i] + HEAD, end = s->at[i + 1];
	size_t after = roll(2) ? change_item(data, size, max, body, end) : change_bytes(data, size, max, body, end);
	size_t len = end - body + after - size;

	put_be16(data + s->at[i] + 1, (uint16_t)len);
	return after;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct steps s = split(data, size);

	state = seed * 2654435761u | 1;
	uint32_t way = roll(8);

	if (s.n == 0 || way < 2)
		return LLVMFuzzerMutate(data, size, max_size);
	if (way == 2)
		return repeat(data, size, max_size, &s);
	if (way == 3)
		return exchange(data, size, &s);
	if (way == 4 && s.n > 1) {
		size_t i = roll((uint32_t)s.n);

		return put_in(data, size, max_size, s.at[i], s.at[i + 1] - s.at[i], data, 0);
	}
	return inside(data, size, max_size, &s);
}

/* The first steps of one, the last of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t out_size,
				 unsigned int seed)
{
	struct steps x = split(a, a_size), y = split(b, b_size);

	state = seed * 2654435761u | 1;
	size_t first = x.at[roll((uint32_t)x.n + 1)], from = y.at[roll((uint32_t)y.n + 1)], rest = y.at[y.n] - from;

	first = first < out_size ? first : 0;
	rest = rest <= out_size - first ? rest : 0;
	memcpy(out, a, first);
	memcpy(out + first, b + from, rest);
	return first + rest ? first + rest : 1;
}
