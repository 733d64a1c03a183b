#include "server.h"

#include <string.h>

#include <zcbor_encode.h>

#include "core/wipe.h"
#include "framing.h"
#include "port/port.h"
#include "reply_cache.h"

enum { HEADER = 8, VERSION_SHIFT = 3, VERSION_1 = 0, MAX_KNOWN_VERSION = 1, NOT_KEPT = 0xFF };

/*
 * Test builds delay a reply up to this length: all but lists, frames and counters. A longer one is lost, and comes when it is
 * asked for again, which is a delay too.
 */
enum { HELD_BYTES = 512 };

/* mcumgr's numbers for errors of the protocol. */
enum { MGMT_UNKNOWN = 1, MGMT_INVALID = 3, MGMT_MSGSIZE = 7, MGMT_NOTSUP = 8, MGMT_BUSY = 10, MGMT_TOO_NEW = 13 };

struct header {
	uint8_t op, version, seq, cmd;
	uint16_t group, len;
};

static struct {
	struct smp_server_cfg cfg;
	struct framing framing;
	uint32_t retries, answered;
	uint8_t reply[SMP_MESSAGE_BYTES];
	bool waiting;               /* a deferred reply is owed to */
	struct header waiter;
	uint8_t held[HELD_BYTES];
	size_t held_len;            /* 0: no reply is held back */
	uint64_t held_until_us;
} s;

static struct header parse_header(const uint8_t *m)
{
	return (struct header){
		.op = m[0] & 7u,
		.version = (m[0] >> VERSION_SHIFT) & 3u,
		.len = (uint16_t)(m[2] << 8 | m[3]),
		.group = (uint16_t)(m[4] << 8 | m[5]),
		.seq = m[6],
		.cmd = m[7],
	};
}

/* A reply's header is the request's with the operation one up. */
static void put_header(uint8_t *m, const struct header *h, size_t body_len)
{
	m[0] = (uint8_t)(h->version << VERSION_SHIFT | (h->op + 1u));
	m[1] = 0;
	m[2] = (uint8_t)(body_len >> 8);
	m[3] = (uint8_t)body_len;
	m[4] = (uint8_t)(h->group >> 8);
	m[5] = (uint8_t)h->group;
	m[6] = h->seq;
	m[7] = h->cmd;
}

static void send_corrupt(void)
{
	/* A frame whose CRC is right and whose content is not would test nothing: spoil it behind the framing. */
	static const uint8_t noise[] = "\x06\x09" "AAoDAAAAAGQAA!!!\n";

	port_serial_write(noise, sizeof(noise) - 1);
}

static void hold(const uint8_t *msg, size_t len, uint16_t delay_ms)
{
	if (s.held_len > 0) {
		framing_tx(s.held, s.held_len, port_serial_write);
		s.held_len = 0;
	}
	if (len > sizeof(s.held)) {
		return;
	}
	memcpy(s.held, msg, len);
	s.held_len = len;
	s.held_until_us = port_now_us() + delay_ms * 1000u;
}

static void send(const struct header *h, bool is_event, uint8_t *msg, size_t len)
{
	uint16_t delay_ms = 0;
	bool corrupt = false;

	if (s.cfg.fault && h->group == s.cfg.retry_group && s.cfg.fault(is_event, &delay_ms, &corrupt)) {
		return;
	}
	if (corrupt) {
		send_corrupt();
	} else if (delay_ms > 0) {
		hold(msg, len, delay_ms);
	} else {
		framing_tx(msg, len, port_serial_write);
	}
}

/* Version 1 clients know only {"rc": n}; so do errors that are not a group's own. */
static size_t put_error(uint8_t *body, size_t cap, const struct header *h, int rc)
{
	static const uint8_t protocol[] = { [-SMP_NOT_SUPPORTED] = MGMT_NOTSUP, [-SMP_INVALID] = MGMT_INVALID,
					    [-SMP_BUSY] = MGMT_BUSY, [-SMP_TOO_LARGE] = MGMT_MSGSIZE };
	bool known = rc < 0 && (size_t)-rc < sizeof(protocol);
	uint32_t n = rc > 0 ? (h->version == VERSION_1 ? MGMT_UNKNOWN : (uint32_t)rc) : known ? protocol[-rc] : MGMT_UNKNOWN;
	bool grouped = rc > 0 && h->version != VERSION_1;

	ZCBOR_STATE_E(st, 2, body, cap, 1);
	zcbor_map_start_encode(st, 1);
	if (grouped) {
		zcbor_tstr_put_lit(st, "err");
		zcbor_map_start_encode(st, 2);
	}
	zcbor_tstr_put_lit(st, "rc");
	zcbor_uint32_put(st, n);
	if (grouped) {
		zcbor_tstr_put_lit(st, "group");
		zcbor_uint32_put(st, h->group);
		zcbor_map_end_encode(st, 2);
	}
	zcbor_map_end_encode(st, 1);
	return (size_t)(st->payload - body);
}

static const struct smp_group *find_group(uint16_t id)
{
	for (const struct smp_group *const *g = s.cfg.groups; *g; g++) {
		if ((*g)->id == id) {
			return *g;
		}
	}
	return NULL;
}

static int run(const struct header *h, const uint8_t *body, uint8_t *rsp, size_t *rsp_len)
{
	const struct smp_group *g = find_group(h->group);

	return g ? g->handle(h->op, h->cmd, body, h->len, rsp, sizeof(s.reply) - HEADER, rsp_len) : SMP_NOT_SUPPORTED;
}

/* Runs the request and sends what comes of it. */
static void answer(const struct header *h, const uint8_t *body)
{
	bool mine = h->group == s.cfg.retry_group && s.cfg.cacheable;
	/* Those of other groups count too, and find nothing: their operation is none that is kept. */
	struct reply_key key = { mine ? h->op : NOT_KEPT, h->seq, h->cmd, mine ? framing_crc16(0, body, h->len) : 0 };
	size_t len = 0;
	const uint8_t *kept = reply_cache_take(key, &len);

	if (kept) {
		s.retries++;
		memcpy(s.reply, kept, len);
		send(h, false, s.reply, len);
		return;
	}
	int rc = run(h, body, s.reply + HEADER, &len);
	if (rc == SMP_DEFER) {
		s.waiting = true;
		s.waiter = *h;
		return;
	}
	if (rc != 0) {
		len = put_error(s.reply + HEADER, sizeof(s.reply) - HEADER, h, rc);
	}
	put_header(s.reply, h, len);
	if (mine && s.cfg.cacheable(h->op, h->cmd, rc)) {
		reply_cache_put(key, s.reply, HEADER + len);
	}
	send(h, false, s.reply, HEADER + len);
	s.answered++;
	wipe(s.reply, HEADER + len);     /* frames, when it was a drain */
}

static void refuse(const struct header *h, uint32_t mgmt_rc)
{
	ZCBOR_STATE_E(st, 2, s.reply + HEADER, 16, 1);
	zcbor_map_start_encode(st, 1);
	zcbor_tstr_put_lit(st, "rc");
	zcbor_uint32_put(st, mgmt_rc);
	zcbor_map_end_encode(st, 1);
	size_t len = (size_t)(st->payload - (s.reply + HEADER));
	put_header(s.reply, h, len);
	framing_tx(s.reply, HEADER + len, port_serial_write);
}

static void take_message(const uint8_t *msg, size_t len)
{
	if (len < HEADER) {
		return;
	}
	struct header h = parse_header(msg);

	/* The header's length is the sender's word; the framing's is what came. Replies (odd operations) are not for us. */
	if ((h.op != SMP_READ && h.op != SMP_WRITE) || h.len != len - HEADER) {
		return;
	}
	if (h.version > MAX_KNOWN_VERSION) {
		h.version = MAX_KNOWN_VERSION;
		refuse(&h, MGMT_TOO_NEW);
		return;
	}
	answer(&h, msg + HEADER);
}

void smp_server_init(const struct smp_server_cfg *cfg)
{
	memset(&s, 0, sizeof(s));
	s.cfg = *cfg;
	reply_cache_clear();
}

void smp_server_rx(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t msg_len;
		const uint8_t *msg = framing_rx(&s.framing, bytes[i], &msg_len);

		if (msg) {
			take_message(msg, msg_len);
			framing_forget(&s.framing);
		}
	}
}

void smp_reply_deferred(const uint8_t *body, size_t len)
{
	if (!s.waiting || len > sizeof(s.reply) - HEADER) {
		return;
	}
	s.waiting = false;
	memcpy(s.reply + HEADER, body, len);
	put_header(s.reply, &s.waiter, len);
	send(&s.waiter, true, s.reply, HEADER + len);
	wipe(s.reply, HEADER + len);
}

bool smp_server_poll(void)
{
	if (s.held_len > 0 && port_now_us() >= s.held_until_us) {
		framing_tx(s.held, s.held_len, port_serial_write);
		wipe(s.held, s.held_len);
		s.held_len = 0;
	}
	return s.held_len > 0;
}

struct smp_server_stats smp_server_stats(void)
{
	return (struct smp_server_stats){ .crc_errors = s.framing.crc_errors, .retries = s.retries,
					  .answered = s.answered };
}

void smp_server_stats_clear(void)
{
	s.framing.crc_errors = 0;
	s.retries = 0;
}
