/* Segments the device sends for a slot: an ACK, a probe, which is an ACK at SND.UNA - 1, or a payload keep-alive. */
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "engine_state.h"

enum { TS_OPTION_BYTES = 12, TX_MAX = ETH_HEADER_BYTES + IPV6_HEADER_BYTES + TCP_HEADER_BYTES + TS_OPTION_BYTES + ENG_PAYLOAD_BYTES };

/* What is left of the window we last advertised: its right edge stays where the host put it. */
uint32_t tcp_window(const struct eng_slot *s)
{
	uint32_t used = s->cfg.rcv_nxt - s->cfg.rcv_wup;

	return used < s->cfg.rcv_wnd ? s->cfg.rcv_wnd - used : 0;
}

/* Rounded up as Linux does: rounding down would take back bytes the peer was promised. */
static uint16_t window_field(const struct eng_slot *s)
{
	uint32_t unit = 1u << s->cfg.rcv_wscale;
	uint64_t field = ((uint64_t)tcp_window(s) + unit - 1) >> s->cfg.rcv_wscale;

	return field > 0xFFFF ? 0xFFFF : (uint16_t)field;
}

/*
 * Real time, whatever the clock scale: the peer measures it. It never goes back, nor stands still, however long nothing is
 * sent: a microsecond clock goes half way round in 36 minutes. T0 may lie ahead of us by the error of the host's estimate.
 */
static uint32_t tsval_now(const struct engine *e, const struct eng_slot *s)
{
	uint64_t now = now_us(e), us = now > s->cfg.t0_us ? now - s->cfg.t0_us : 0;

	return s->cfg.tsval + (uint32_t)(s->cfg.ts_hz == 1000u ? us / 1000u : us);
}

static uint16_t put_ipv4(uint8_t *h, struct eng_slot_cfg *c, uint16_t l4_len)
{
	memset(h, 0, IPV4_HEADER_BYTES);
	h[0] = 0x45;
	h[1] = c->tos;
	put_be16(h + 2, (uint16_t)(IPV4_HEADER_BYTES + l4_len));
	put_be16(h + 4, c->ip_id++);
	put_be16(h + 6, c->df ? 0x4000 : 0);
	h[8] = c->ttl;
	h[9] = PROTO_TCP;
	memcpy(h + 12, c->local.b, 4);
	memcpy(h + 16, c->remote.b, 4);
	put_be16(h + 10, csum_finish(csum_add(0, h, IPV4_HEADER_BYTES)));
	return IPV4_HEADER_BYTES;
}

static uint16_t put_ipv6(uint8_t *h, const struct eng_slot_cfg *c, uint16_t l4_len)
{
	put_be32(h, 0x60000000u | ((uint32_t)c->tos << 20));
	put_be16(h + 4, l4_len);
	h[6] = PROTO_TCP;
	h[7] = c->ttl;
	memcpy(h + 8, c->local.b, 16);
	memcpy(h + 24, c->remote.b, 16);
	return IPV6_HEADER_BYTES;
}

/* The payload lies behind the header already. */
static void put_tcp(uint8_t *t, const struct eng_slot *s, uint32_t seq, uint32_t tsval, uint16_t header_len, uint16_t l4_len)
{
	const struct eng_slot_cfg *c = &s->cfg;

	memset(t, 0, header_len);
	put_be16(t, c->local_port);
	put_be16(t + 2, c->remote_port);
	put_be32(t + 4, seq);
	put_be32(t + 8, c->rcv_nxt);
	t[12] = (uint8_t)(header_len / 4 << 4);
	t[13] = l4_len > header_len ? TCP_PSH | TCP_ACK : TCP_ACK;
	put_be16(t + 14, window_field(s));
	if (c->ts_on) {
		put_be32(t + 20, 0x0101080Au); /* NOP NOP TS, length 10: the layout of every stack */
		put_be32(t + 24, tsval);
		put_be32(t + 28, c->ts_recent);
	}
	uint32_t sum = csum_pseudo(c->local.b, c->remote.b, c->local.len, PROTO_TCP, l4_len);
	put_be16(t + 16, csum_finish(csum_add(sum, t, l4_len)));
}

/* The right edge stays, its base moves to RCV.NXT, as in the host after an ACK. */
static void remember_sent(struct eng_slot *s, uint32_t tsval)
{
	s->cfg.rcv_wnd = tcp_window(s);
	s->cfg.rcv_wup = s->cfg.rcv_nxt;
	s->tsval_last = tsval;
}

bool tcp_send(struct engine *e, struct eng_slot *s, uint32_t seq)
{
	return tcp_send_data(e, s, seq, NULL, 0);
}

bool tcp_send_data(struct engine *e, struct eng_slot *s, uint32_t seq, const uint8_t *data, uint16_t len)
{
	uint8_t f[TX_MAX] = {0};
	uint16_t header_len = s->cfg.ts_on ? TCP_HEADER_BYTES + TS_OPTION_BYTES : TCP_HEADER_BYTES;
	uint16_t l4_len = (uint16_t)(header_len + len);
	uint32_t tsval = s->cfg.ts_on ? tsval_now(e, s) : 0;
	bool v4 = s->cfg.local.len == 4;

	memcpy(f, s->cfg.next_hop_mac, 6);
	memcpy(f + 6, s->cfg.local_mac, 6);
	put_be16(f + 12, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	uint16_t at = ETH_HEADER_BYTES;
	at = (uint16_t)(at + (v4 ? put_ipv4(f + at, &s->cfg, l4_len) : put_ipv6(f + at, &s->cfg, l4_len)));
	if (len)
		memcpy(f + at + header_len, data, len);
	put_tcp(f + at, s, seq, tsval, header_len, l4_len);
	at = (uint16_t)(at + l4_len);
	if (!eng_tx(e, f, at < ETH_MIN_BYTES ? ETH_MIN_BYTES : at))
		return false;
	remember_sent(s, tsval);
	return true;
}
