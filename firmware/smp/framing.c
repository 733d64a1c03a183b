#include "framing.h"

#include "core/wipe.h"
#include "port/port.h"

enum state { TEXT, MARK_FIRST, MARK_NEXT, DATA };

enum { FIRST_0 = 0x06, FIRST_1 = 0x09, NEXT_0 = 0x04, NEXT_1 = 0x14 };

uint16_t framing_crc16(uint16_t crc, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc = (uint16_t)(crc ^ (p[i] << 8));
		for (int bit = 0; bit < 8; bit++) {
			crc = (uint16_t)((uint32_t)crc << 1 ^ ((crc & 0x8000u) ? 0x1021u : 0u));
		}
	}
	return crc;
}

/* Base64 of message, length and CRC, and three bytes of framing for each 124 of that. */
_Static_assert((SMP_MESSAGE_BYTES + 6u) / 3u * 4u + (SMP_MESSAGE_BYTES / 93u + 1u) * 3u <= PORT_REPLY_BYTES,
	       "a port with room for PORT_REPLY_BYTES takes any reply");

/* Value of a base64 digit, -1 for any other byte. */
static int digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void framing_forget(struct framing *f)
{
	wipe(f->buf, f->len);
	f->len = 0;
}

static void give_up(struct framing *f)
{
	f->open = false;
	f->state = TEXT;
	framing_forget(f);
}

static uint16_t stated_length(const struct framing *f)
{
	return (uint16_t)((f->buf[0] << 8) | f->buf[1]);
}

/* Appends the bytes of a full quad. False when they do not fit: the length is the sender's word, the buffer is ours. */
static bool flush_quad(struct framing *f)
{
	unsigned bytes = 3u - f->pad;

	for (unsigned i = 0; i < bytes; i++) {
		if (f->len >= sizeof(f->buf)) {
			return false;
		}
		f->buf[f->len++] = (uint8_t)(f->quad >> (16u - 8u * i));
	}
	f->quad = 0;
	f->quad_len = 0;
	f->pad = 0;
	return true;
}

static bool take_digit(struct framing *f, uint8_t c)
{
	int v = digit(c);

	if (c == '=' && f->quad_len >= 2) {
		f->pad++;
		v = 0;
	} else if (v < 0 || f->pad > 0) {
		return false; /* not base64, or a digit behind the padding */
	}
	f->quad = (f->quad << 6) | (uint32_t)v;
	return ++f->quad_len < 4 || flush_quad(f);
}

static void start_line(struct framing *f, bool first)
{
	if (first) {
		f->len = 0;
		f->open = true;
	}
	f->quad = 0;
	f->quad_len = 0;
	f->pad = 0;
	f->line_len = 2;
	f->state = f->open ? DATA : TEXT;
}

/* At LF: is the message whole and sound? One that is too long or damaged is dropped, one that is short goes on. */
static const uint8_t *end_line(struct framing *f, size_t *len)
{
	uint16_t want = f->len >= 2 ? stated_length(f) : 0;
	uint16_t have = f->len >= 2 ? (uint16_t)(f->len - 2) : 0;

	f->state = TEXT;
	if (f->quad_len != 0 || have > want || want > SMP_MESSAGE_BYTES + 2) {
		give_up(f);
		return NULL;
	}
	if (have < want || want <= 2) {
		f->open = want > 2;
		return NULL;
	}
	f->open = false;
	*len = want - 2u;
	/* A CRC run over a message and its own CRC leaves 0. */
	if (framing_crc16(0, f->buf + 2, want) != 0) {
		f->crc_errors++;
		framing_forget(f);
		return NULL;
	}
	return f->buf + 2;
}

const uint8_t *framing_rx(struct framing *f, uint8_t c, size_t *len)
{
	/* Neither marker byte is a base64 digit, so a marker always starts afresh, whatever noise stands before it. */
	if (c == FIRST_0 || c == NEXT_0) {
		f->state = c == FIRST_0 ? MARK_FIRST : MARK_NEXT;
		return NULL;
	}
	switch (f->state) {
	case MARK_FIRST:
	case MARK_NEXT:
		if (c == (f->state == MARK_FIRST ? FIRST_1 : NEXT_1)) {
			start_line(f, f->state == MARK_FIRST);
		} else {
			f->state = TEXT;
		}
		return NULL;
	case DATA:
		if (c == '\n') {
			return end_line(f, len);
		}
		if (++f->line_len >= FRAMING_LINE_ACCEPT || (c != '\r' && !take_digit(f, c))) {
			give_up(f);
		}
		return NULL;
	default:
		return NULL;
	}
}

/* i-th byte of length | message | CRC. */
static uint8_t source(const uint8_t *msg, size_t len, uint16_t crc, size_t i)
{
	uint16_t total = (uint16_t)(len + 2);

	if (i < 2) {
		return (uint8_t)(i == 0 ? total >> 8 : total);
	}
	if (i < len + 2) {
		return msg[i - 2];
	}
	return (uint8_t)(i == len + 2 ? crc >> 8 : crc);
}

static void encode_quad(uint8_t out[4], const uint8_t in[3], size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

	for (unsigned i = 0; i < 4; i++) {
		out[i] = i <= n ? (uint8_t)digits[(v >> (18u - 6u * i)) & 63u] : (uint8_t)'=';
	}
}

void framing_tx(const uint8_t *msg, size_t len, void (*write)(const uint8_t *bytes, size_t len))
{
	enum { QUADS = (FRAMING_LINE_SEND - 3) / 4, LINES = 8 }; /* 8 lines a write: few system calls, 1 KiB of stack */
	uint8_t out[LINES * FRAMING_LINE_SEND];
	uint16_t crc = framing_crc16(0, msg, len);
	size_t total = len + FRAMING_OVERHEAD, at = 0, n = 0;

	while (at < total) {
		out[n++] = at == 0 ? FIRST_0 : NEXT_0;
		out[n++] = at == 0 ? FIRST_1 : NEXT_1;
		for (unsigned q = 0; q < QUADS && at < total; q++) {
			uint8_t in[3] = { 0 };
			size_t k = total - at < 3 ? total - at : 3;

			for (size_t i = 0; i < k; i++) {
				in[i] = source(msg, len, crc, at++);
			}
			encode_quad(out + n, in, k);
			n += 4;
		}
		out[n++] = '\n';
		if (n + FRAMING_LINE_SEND > sizeof(out)) {
			write(out, n);
			n = 0;
		}
	}
	if (n > 0) {
		write(out, n);
	}
}
