/*
 * The scene of the filter benchmarks, the same bytes on every machine: a sleeping engine with 16 connections and 32 bitmap
 * patterns, and frames for it. A pattern begins at the Ethernet type, as those of a Windows driver do, and compares it, the
 * IP protocol, a UDP destination port and about half of up to 98 bytes of payload. A near miss is a frame that matches but
 * for one flipped bit that is compared, with right checksums.
 */
#ifndef BENCH_SCENE_H
#define BENCH_SCENE_H

#include <string.h>

#include "core/bytes.h"
#include "core/checksum.h"
#include "core/engine_state.h"
#include "core/parse.h"

enum {
	SCENE_PATTERN_AT = 12, SCENE_PORT = 5000,
	FRAME_IP = 14, FRAME_IP_CSUM = 24, FRAME_PROTO = 23, FRAME_UDP = 34, FRAME_DPORT = 36, FRAME_UDP_CSUM = 40, FRAME_PAYLOAD = 42,
};

struct scene {
	struct engine e;
	uint64_t now_us;
	uint32_t seed;
	struct eng_pattern_cfg patterns[ENG_PATTERNS];
	uint8_t frame[ENG_FRAME_BYTES + 2];
	uint16_t len;
};

static const uint8_t scene_host_mac[6] = {2, 0, 0, 0, 0, 1}, scene_peer_mac[6] = {2, 0, 0, 0, 0, 2};

/* xorshift32: Marsaglia, Xorshift RNGs (2003). */
static uint32_t scene_random(struct scene *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 17;
	s->seed ^= s->seed << 5;
	return s->seed;
}

static void scene_fill(struct scene *s, uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(scene_random(s) >> 11);
}

static bool scene_tx(void *ctx, const uint8_t *frame, uint16_t len)
{
	(void)ctx, (void)frame, (void)len;
	return true;
}

static uint64_t scene_now(void *ctx)
{
	return ((struct scene *)ctx)->now_us;
}

static struct eng_slot_cfg scene_slot(uint16_t port)
{
	return (struct eng_slot_cfg){
		.flags = 0x1F, .local_mac = {2, 0, 0, 0, 0, 1}, .next_hop = {.mac = {2, 0, 0, 0, 0, 2}}, .local = {4, {192, 0, 2, 1}},
		.remote = {4, {192, 0, 2, 2}}, .local_port = port, .remote_port = 443, .ttl = 64, .mss = 1460, .snd_una = 1000,
		.snd_nxt = 1000, .rcv_nxt = 5000, .rcv_wup = 5000, .rcv_wnd = 8192, .snd_wnd = 65535, .max_snd_wnd = 65535,
		.ka_idle_ms = 3600000, .ka_intvl_ms = 60000, .ka_cnt = 9, .ts_hz = 1000,
	};
}

/* A byte of the frame that the pattern is to compare. */
static void scene_compare(struct eng_pattern_cfg *c, uint32_t at, uint8_t value)
{
	uint32_t i = at - SCENE_PATTERN_AT;

	c->data[i] = value;
	c->mask[i >> 3] = (uint8_t)(c->mask[i >> 3] | 1u << (i & 7));
}

static void scene_pattern(struct scene *s, uint32_t i)
{
	struct eng_pattern_cfg *c = &s->patterns[i];
	uint32_t payload = 16 + scene_random(s) % 83, port = SCENE_PORT + i;

	*c = (struct eng_pattern_cfg){.id = i, .type = OFF_PATTERN_BITMAP, .offset = SCENE_PATTERN_AT};
	c->data_len = (uint16_t)(FRAME_PAYLOAD - SCENE_PATTERN_AT + payload);
	c->mask_len = (uint16_t)((c->data_len + 7) / 8);
	scene_compare(c, SCENE_PATTERN_AT, ETHERTYPE_IPV4 >> 8);
	scene_compare(c, SCENE_PATTERN_AT + 1, ETHERTYPE_IPV4 & 0xFF);
	scene_compare(c, FRAME_PROTO, PROTO_UDP);
	scene_compare(c, FRAME_DPORT, (uint8_t)(port >> 8));
	scene_compare(c, FRAME_DPORT + 1, (uint8_t)port);
	for (uint32_t k = 0; k < payload; k++) {
		if (scene_random(s) & 0x10000)
			scene_compare(c, FRAME_PAYLOAD + k, (uint8_t)(scene_random(s) >> 11));
	}
}

static void scene_sleep(struct scene *s)
{
	eng_prepare(&s->e, s->e.epoch, 3, ENG_ARM, scene_host_mac, 0, 0);
	eng_commit(&s->e, s->e.epoch);
}

static bool scene_add_all(struct scene *s)
{
	bool ok = true;
	uint8_t slot;
	uint16_t gen;

	for (uint16_t i = 0; i < ENG_SLOTS; i++) {
		struct eng_slot_cfg c = scene_slot((uint16_t)(40000 + i));
		c.flags |= OFF_SLOT_KEEP;
		ok = eng_slot_add(&s->e, &c, &slot, &gen) == OFF_OK && ok;
	}
	for (uint32_t i = 0; i < ENG_PATTERNS; i++)
		ok = eng_pattern_add(&s->e, &s->patterns[i]) == OFF_OK && ok;
	return ok;
}

static void scene_init(struct scene *s)
{
	const struct eng_env env = {.ctx = s, .tx = scene_tx, .now_us = scene_now};

	s->now_us = 1000000;
	s->seed = 0x2545F491u;
	eng_init(&s->e, &env, 1);
	for (uint32_t i = 0; i < ENG_PATTERNS; i++)
		scene_pattern(s, i);
}

/* Ethernet and IPv4 header around l4_len bytes; the caller has put nothing there yet. */
static uint8_t *scene_ip(struct scene *s, uint8_t proto, uint16_t l4_len)
{
	static const uint8_t addresses[8] = {192, 0, 2, 2, 192, 0, 2, 1};
	uint8_t *h = s->frame + 14;

	memset(s->frame, 0, 34);
	memcpy(s->frame, scene_host_mac, 6);
	memcpy(s->frame + 6, scene_peer_mac, 6);
	put_be16(s->frame + 12, ETHERTYPE_IPV4);
	h[0] = 0x45;
	put_be16(h + 2, (uint16_t)(20 + l4_len));
	put_be16(h + 4, (uint16_t)scene_random(s));
	h[8] = 64;
	h[9] = proto;
	memcpy(h + 12, addresses, 8);
	put_be16(h + 10, csum_finish(csum_add(0, h, 20)));
	s->len = (uint16_t)(34 + l4_len);
	scene_fill(s, h + 20, l4_len);
	return h + 20;
}

static void scene_l4_csum(struct scene *s, uint8_t *at)
{
	const uint8_t *h = s->frame + 14;
	uint16_t n = (uint16_t)(get_be16(h + 2) - 20);

	put_be16(at, 0);
	uint16_t sum = csum_finish(csum_add(csum_pseudo(h + 12, h + 16, 4, h[9], n), h + 20, n));
	put_be16(at, sum || h[9] == PROTO_TCP ? sum : 0xFFFF);
	while (s->len < 60)
		s->frame[s->len++] = 0;
}

static void scene_udp(struct scene *s, uint16_t port, uint16_t payload)
{
	uint8_t *u = scene_ip(s, PROTO_UDP, (uint16_t)(8 + payload));

	put_be16(u + 2, port);
	put_be16(u + 4, (uint16_t)(8 + payload));
}

static bool scene_compared(const struct eng_pattern_cfg *c, uint32_t byte)
{
	return c->mask[byte >> 3] >> (byte & 7) & 1;
}

/* A frame that pattern i matches and no other. */
static void scene_match(struct scene *s, uint32_t i)
{
	const struct eng_pattern_cfg *c = &s->patterns[i];

	scene_udp(s, (uint16_t)(SCENE_PORT + i), (uint16_t)(c->data_len - (FRAME_PAYLOAD - SCENE_PATTERN_AT) + scene_random(s) % 64));
	for (uint32_t k = FRAME_PAYLOAD - SCENE_PATTERN_AT; k < c->data_len; k++) {
		if (scene_compared(c, k))
			s->frame[SCENE_PATTERN_AT + k] = c->data[k];
	}
	scene_l4_csum(s, s->frame + FRAME_UDP_CSUM);
}

/* The checksum at `csum` after a word that it covers changed (RFC 1624, equation 3). */
static void scene_mend(uint8_t *csum, uint16_t before, uint16_t after)
{
	uint16_t sum = csum_finish((uint16_t)~get_be16(csum) + (uint32_t)(uint16_t)~before + after);

	put_be16(csum, sum ? sum : 0xFFFF);
}

/*
 * Flips one bit that pattern i compares in its matching frame. Not the one that makes UDP ICMP: its checksum would lie in
 * bytes that are compared.
 */
static void scene_spoil(struct scene *s, uint32_t i)
{
	const struct eng_pattern_cfg *c = &s->patterns[i];
	uint32_t byte;
	uint8_t bit;

	do {
		byte = scene_random(s) % c->data_len;
		bit = (uint8_t)(1u << (scene_random(s) >> 13 & 7));
	} while (!scene_compared(c, byte) || (SCENE_PATTERN_AT + byte == FRAME_PROTO && bit == (PROTO_UDP ^ PROTO_ICMP)));
	byte += SCENE_PATTERN_AT;
	uint8_t *word = s->frame + (byte & ~1u);
	uint16_t before = get_be16(word);
	s->frame[byte] ^= bit;
	if (byte >= FRAME_UDP)
		scene_mend(s->frame + FRAME_UDP_CSUM, before, get_be16(word));
	else if (byte >= FRAME_IP)
		scene_mend(s->frame + FRAME_IP_CSUM, before, get_be16(word));
}

/* What a host hears that nobody is to wake for: one of four kinds, in the sizes 60, 576 and 1514 as 7 : 4 : 1 (IMIX). */
static void scene_other(struct scene *s)
{
	uint32_t kind = scene_random(s) % 4, mix = scene_random(s) % 12;
	uint16_t size = mix < 7 ? 60 : mix < 11 ? 576 : 1514;

	if (kind == 0) {
		uint32_t i = scene_random(s) % ENG_PATTERNS;
		scene_match(s, i);
		scene_spoil(s, i);
	} else if (kind == 1) {      /* a datagram to another port */
		scene_udp(s, (uint16_t)(1900 + scene_random(s) % 2000), (uint16_t)(size - 42));
		scene_l4_csum(s, s->frame + FRAME_UDP_CSUM);
	} else if (kind == 2) {      /* a segment of no connection */
		uint8_t *t = scene_ip(s, PROTO_TCP, (uint16_t)(size - 34));
		put_be16(t + 2, (uint16_t)(50000 + scene_random(s) % 1000));
		t[12] = 0x50;
		t[13] = TCP_ACK;
		scene_l4_csum(s, t + 16);
	} else {                     /* broadcast of a protocol that is not IP */
		memset(s->frame, 0xFF, 6);
		memcpy(s->frame + 6, scene_peer_mac, 6);
		put_be16(s->frame + 12, 0x88B5);
		s->len = size;
		scene_fill(s, s->frame + 14, size - 14u);
	}
}

#endif
