/* Segments the device sends for a slot: an ACK, a probe, which is an ACK at SND.UNA - 1, or a payload keep-alive. */
#include "tcp_tx.h"

#include <string.h>

#include "bytes.h"
#include "ip_tx.h"
#include "parse.h"
#include "tx.h"

enum { TS_OPTION_BYTES = 12, TX_MAX = IP_TX_HEAD_MAX + TCP_HEADER_BYTES + TS_OPTION_BYTES + ENG_PAYLOAD_BYTES };

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

/* The checksum field is 0. */
static void put_tcp(uint8_t *t, const struct eng_slot *s, uint32_t seq, uint32_t tsval, uint16_t header_len, bool data)
{
	const struct eng_slot_cfg *c = &s->cfg;

	memset(t, 0, header_len);
	put_be16(t, c->local_port);
	put_be16(t + 2, c->remote_port);
	put_be32(t + 4, seq);
	put_be32(t + 8, c->rcv_nxt);
	t[12] = (uint8_t)(header_len / 4 << 4);
	t[13] = data ? TCP_PSH | TCP_ACK : TCP_ACK;
	put_be16(t + 14, window_field(s));
	if (c->ts_on) {
		put_be32(t + 20, 0x0101080Au); /* NOP NOP TS, length 10: the layout of every stack */
		put_be32(t + 24, tsval);
		put_be32(t + 28, c->ts_recent);
	}
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
	uint8_t f[TX_MAX];
	struct eng_slot_cfg *c = &s->cfg;
	uint16_t header_len = c->ts_on ? TCP_HEADER_BYTES + TS_OPTION_BYTES : TCP_HEADER_BYTES;
	uint16_t l4_len = (uint16_t)(header_len + len);
	uint32_t tsval = c->ts_on ? tsval_now(e, s) : 0;
	const struct ip_tx t = {
		.dst_mac = c->next_hop.mac, .src_mac = c->local_mac, .src = c->local.b, .dst = c->remote.b, .ip_len = c->local.len,
		.proto = PROTO_TCP, .ttl = c->ttl, .tos = c->tos, .ip_id = c->ip_id++, .may_fragment = !c->df,
		.tci = c->vlan_tci, .flow_label = c->flow_label,
	};
	uint16_t at = ip_put(f, &t, l4_len);

	put_tcp(f + at, s, seq, tsval, header_len, len != 0);
	if (len)
		memcpy(f + at + header_len, data, len);
	put_be16(f + at + 16, l4_csum(&t, f + at, l4_len));
	if (!eng_tx(e, f, (uint16_t)(at + l4_len)))
		return false;
	remember_sent(s, tsval);
	return true;
}
