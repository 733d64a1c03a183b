/*
 * Requests of the offload group: decode (zcbor, generated), call the engine, encode. A request that does not decode is
 * BAD_ARG and has changed nothing.
 */
#include "offload_group.h"

#include <offload_decode.h>
#include <offload_encode.h>
#include <string.h>

#include "core/offload_rc.h"
#include "offload_lists.h"
#include "port/port.h"

#ifndef OFFLOAD_TEST_BUILD
#define OFFLOAD_TEST_BUILD 0
#endif

enum { ABI = 1, GROUP_ID = 100, EVENT_BYTES_MAX = 256 };

/* NDIS_PM_WOL_* and NDIS_PM_PROTOCOL_OFFLOAD_* bits, so that logs compare with Windows traces. */
enum {
	NDIS_WOL_BITMAP = 0x1, NDIS_WOL_MAGIC = 0x2, NDIS_WOL_IPV4_SYN = 0x4, NDIS_WOL_IPV6_SYN = 0x8,
	NDIS_WOL_IPV4_WILDCARD = 0x200, NDIS_WOL_IPV6_WILDCARD = 0x800, NDIS_WOL_EAPOL = 0x10000,
	NDIS_OFFLOAD_ARP = 0x1,
};

struct io {
	const uint8_t *req;
	size_t req_len;
	uint8_t *rsp;
	size_t cap;
	size_t *len;
};

static struct {
	struct engine *e;
	const uint8_t *digest;
	const char *version;
	uint8_t reset_cause;
	uint32_t boot_id;
	bool waiting;                /* a standing event request is with the server */
	uint32_t after;
} g;

static struct {
	uint8_t kind;
	bool fresh;                  /* the order's own reply goes out unharmed */
	uint16_t left, delay_ms;
} fault;

/* All generated functions have this form: 0 is success. Bytes behind the map make the request malformed. */
#define DECODE(type, io, out)                                                                          \
	do {                                                                                           \
		size_t used_;                                                                          \
		if (cbor_decode_##type((io)->req, (io)->req_len, (out), &used_) || used_ != (io)->req_len) \
			return OFF_BAD_ARG;                                                            \
	} while (0)
#define REPLY(type, io, in) (cbor_encode_##type((io)->rsp, (io)->cap, (in), (io)->len) ? OFF_BAD_LEN : OFF_OK)

static int reply_empty(const struct io *io)
{
	io->rsp[0] = 0xA0;
	*io->len = 1;
	return OFF_OK;
}

static struct zcbor_string text(const char *s)
{
	return (struct zcbor_string){ .value = (const uint8_t *)s, .len = strlen(s) };
}

static struct eng_ip ip_from(const struct zcbor_string *s)
{
	struct eng_ip ip = { .len = (uint8_t)s->len };

	memcpy(ip.b, s->value, s->len);      /* at most 16: the CDDL says so */
	return ip;
}

static uint32_t epoch_now(void)
{
	struct eng_status st;

	eng_status(g.e, &st);
	return st.epoch;
}

static int hello(const struct io *io)
{
	struct hello_rsp r = {
		.abi = ABI, .board = text(port_board()), .epoch = epoch_now(), .digest = { .value = g.digest, .len = 32 },
		.now_us = port_now_us(), .boot_id = g.boot_id, .version = text(g.version), .test_build = OFFLOAD_TEST_BUILD,
		.reset_cause = g.reset_cause,
	};

	return REPLY(hello_rsp, io, &r);
}

static int attach(const struct io *io)
{
	struct attach_req q;
	uint8_t freed = 0;

	DECODE(attach_req, io, &q);
	int rc = eng_attach(g.e, (uint16_t)q.owner, &freed);
	if (rc != OFF_OK)
		return rc;
	g.waiting = false;
	fault.left = 0;
	struct attach_rsp r = { .epoch = epoch_now(), .boot_id = g.boot_id, .freed_slots = freed };
	return REPLY(attach_rsp, io, &r);
}

static int caps(const struct io *io)
{
	struct caps_rsp r = {
		.mtu = ENG_FRAME_BYTES - 14, .timer_res_us = 1, .MaxTcpSlots = ENG_SLOTS, .ka_min_ms = ENG_KA_MIN_MS,
		.ka_max_ms = ENG_KA_MAX_MS, .max_message = SMP_MESSAGE_BYTES, .BufferedFrames = ENG_FRAMES,
		.MaxWoLPatternSize = ENG_PATTERN_BYTES, .MinWoLPatternSize = 1, .MaxWoLPatternOffset = ENG_MAX_OFFSET,
		.NumTotalWoLPatterns = ENG_PATTERNS, .MaxWoLPacketSaveBuffer = ENG_FRAME_BYTES,
		.SupportedProtocolOffloads = NDIS_OFFLOAD_ARP, .NumArpOffloadIPv4Addresses = ENG_OFFLOADS,
		.SupportedWoLPacketPatterns = NDIS_WOL_BITMAP | NDIS_WOL_MAGIC | NDIS_WOL_IPV4_SYN | NDIS_WOL_IPV6_SYN |
					      NDIS_WOL_IPV4_WILDCARD | NDIS_WOL_IPV6_WILDCARD | NDIS_WOL_EAPOL,
	};

	return REPLY(caps_rsp, io, &r);
}

static int time_sync(const struct io *io)
{
	struct time_sync_rsp r = { .t2_us = port_now_us() };
	struct time_sync_req q;

	DECODE(time_sync_req, io, &q);
	r.t1_ns = q.t1_ns;
	r.t3_us = port_now_us();
	return REPLY(time_sync_rsp, io, &r);
}

static int counters(const struct io *io)
{
	return offload_counters_encode(g.e, io->rsp, io->cap, io->len);
}

static int counters_clear(const struct io *io)
{
	eng_counters_clear(g.e);
	return reply_empty(io);
}

static struct eng_slot_cfg slot_from(const struct add_tcp_slot_req *q)
{
	struct eng_slot_cfg c = {
		.owner = (uint16_t)q->owner, .flags = q->flags, .local = ip_from(&q->local), .remote = ip_from(&q->remote),
		.local_port = (uint16_t)q->local_port, .remote_port = (uint16_t)q->remote_port, .ttl = (uint8_t)q->ttl,
		.tos = (uint8_t)q->tos, .df = q->df, .ip_id = (uint16_t)q->ip_id, .mss = (uint16_t)q->mss,
		.snd_una = q->snd_una, .snd_nxt = q->snd_nxt, .snd_wl1 = q->snd_wl1, .snd_wnd = q->snd_wnd,
		.max_snd_wnd = q->max_snd_wnd, .rcv_nxt = q->rcv_nxt, .rcv_wnd = q->rcv_wnd, .rcv_wup = q->rcv_wup,
		.snd_wscale = (uint8_t)q->snd_wscale, .rcv_wscale = (uint8_t)q->rcv_wscale, .ts_on = q->ts_on,
		.ts_hz = q->ts_hz, .tsval = q->tsval, .ts_recent = q->ts_recent, .ts_recent_age_ms = q->ts_recent_age_ms,
		.t0_us = q->t0_us, .ka_idle_ms = q->ka_idle_ms, .ka_intvl_ms = q->ka_intvl_ms,
		.idle_elapsed_ms = q->idle_elapsed_ms, .ka_cnt = (uint8_t)q->ka_cnt,
	};

	memcpy(c.local_mac, q->local_mac.value, 6);
	memcpy(c.next_hop_mac, q->next_hop_mac.value, 6);
	return c;
}

static int slot_add(const struct io *io)
{
	struct add_tcp_slot_req q;
	uint8_t slot = 0;
	uint16_t gen = 0;

	DECODE(add_tcp_slot_req, io, &q);
	struct eng_slot_cfg c = slot_from(&q);
	int rc = eng_slot_add(g.e, &c, &slot, &gen);
	struct slot_ref r = { .gen = gen, .slot = slot };
	return rc != OFF_OK ? rc : REPLY(slot_ref, io, &r);
}

static int slot_remove(const struct io *io)
{
	struct eng_slot_state st;
	struct slot_ref q;

	DECODE(slot_ref, io, &q);
	int rc = eng_slot_remove(g.e, (uint8_t)q.slot, (uint16_t)q.gen, &st);
	return rc != OFF_OK ? rc : offload_slot_state(&st, io->rsp, io->cap, io->len);
}

static int slot_get(const struct io *io)
{
	struct eng_slot_state st;
	struct slot_ref q;

	DECODE(slot_ref, io, &q);
	int rc = eng_slot_get(g.e, (uint8_t)q.slot, (uint16_t)q.gen, &st);
	return rc != OFF_OK ? rc : offload_slot_state(&st, io->rsp, io->cap, io->len);
}

static int slot_list(const struct io *io)
{
	return offload_slot_list(g.e, io->rsp, io->cap, io->len);
}

/* False when longer than any pattern may be. */
static bool pattern_bytes(struct eng_pattern_cfg *c, const struct add_pattern_req *q)
{
	size_t data = q->data_present ? q->data.data.len : 0, mask = q->mask_present ? q->mask.mask.len : 0;

	if (data > sizeof c->data || mask > sizeof c->mask)
		return false;
	if (data)
		memcpy(c->data, q->data.data.value, data);
	if (mask)
		memcpy(c->mask, q->mask.mask.value, mask);
	c->data_len = (uint16_t)data;
	c->mask_len = (uint16_t)mask;
	return true;
}

static int pattern_add(const struct io *io)
{
	struct add_pattern_req q;

	DECODE(add_pattern_req, io, &q);
	struct eng_pattern_cfg c = {
		.id = q.id, .type = (uint8_t)q.type, .priority = q.priority_present ? (uint8_t)q.priority.priority : 0,
		.flags = q.flags_present ? (uint16_t)q.flags.flags : 0, .offset = q.offset_present ? (uint16_t)q.offset.offset : 0,
		.port_set = q.port_present, .port = q.port_present ? (uint16_t)q.port.port : 0,
		.sport_set = q.sport_present, .sport = q.sport_present ? (uint16_t)q.sport.sport : 0,
	};

	if (q.ip_present)
		c.dst = ip_from(&q.ip.ip);
	if (q.src_present)
		c.src = ip_from(&q.src.src);
	int rc = pattern_bytes(&c, &q) ? eng_pattern_add(g.e, &c) : OFF_BAD_LEN;
	return rc != OFF_OK ? rc : reply_empty(io);
}

static int pattern_remove(const struct io *io)
{
	struct pattern_ref q;

	DECODE(pattern_ref, io, &q);
	int rc = eng_pattern_remove(g.e, q.id);
	return rc != OFF_OK ? rc : reply_empty(io);
}

static int pattern_list(const struct io *io)
{
	return offload_pattern_list(g.e, io->rsp, io->cap, io->len);
}

static int offload_add(const struct io *io)
{
	struct add_offload_req q;

	DECODE(add_offload_req, io, &q);
	struct eng_offload_cfg c = {
		.id = q.id, .type = (uint8_t)q.type, .flags = q.flags_present ? (uint16_t)q.flags.flags : 0, .ip = ip_from(&q.ip),
	};

	if (q.remote_present)
		c.remote = ip_from(&q.remote.remote);
	memcpy(c.mac, q.mac.value, 6);
	int rc = eng_offload_add(g.e, &c);
	return rc != OFF_OK ? rc : reply_empty(io);
}

static int offload_remove(const struct io *io)
{
	struct offload_ref q;

	DECODE(offload_ref, io, &q);
	int rc = eng_offload_remove(g.e, q.id);
	return rc != OFF_OK ? rc : reply_empty(io);
}

static int offload_list(const struct io *io)
{
	return offload_offload_list(g.e, io->rsp, io->cap, io->len);
}

static int reply_power(const struct io *io, int rc)
{
	struct eng_status st;

	eng_status(g.e, &st);
	struct power_rsp r = { .epoch = st.epoch, .power = st.power, .captured = st.buffered };
	return rc != OFF_OK ? rc : REPLY(power_rsp, io, &r);
}

static int prepare(const struct io *io)
{
	struct prepare_req q;

	DECODE(prepare_req, io, &q);
	return reply_power(io, eng_prepare(g.e, q.epoch, (uint8_t)q.target, q.arm, q.mac.value, q.wake_timer_ms));
}

static int with_epoch(const struct io *io, int (*command)(struct engine *, uint32_t))
{
	struct epoch_req q;

	DECODE(epoch_req, io, &q);
	return reply_power(io, command(g.e, q.epoch));
}

static int commit(const struct io *io)
{
	return with_epoch(io, eng_commit);
}

static int abort_entry(const struct io *io)
{
	return with_epoch(io, eng_abort);
}

static int host_awake(const struct io *io)
{
	return with_epoch(io, eng_host_awake);
}

static int drain(const struct io *io)
{
	struct drain_req q;

	DECODE(drain_req, io, &q);
	return offload_drain(g.e, q.ack, (uint16_t)q.max_bytes, io->rsp, io->cap, io->len);
}

static int release(const struct io *io)
{
	return offload_release(g.e, io->rsp, io->cap, io->len);
}

static int status(const struct io *io)
{
	struct eng_status st;

	eng_status(g.e, &st);
	struct status_rsp r = {
		.arm = st.arm, .lost = st.lost, .epoch = st.epoch, .owner = st.owner, .power = st.power, .wakes = st.wakes,
		.buffered = st.buffered, .events_pending = st.events_pending, .last_wake_reason = st.last_wake_reason,
	};

	return REPLY(status_rsp, io, &r);
}

static int encode_event(const struct eng_event *ev, const struct io *io)
{
	struct event_rsp r = {
		.n = ev->n, .gen = ev->gen, .kind = ev->kind, .slot = ev->slot, .epoch = ev->epoch, .reason = ev->reason,
		.l2_flags = ev->l2_flags, .t_rx_us = ev->t_rx_us, .wake_seq = ev->wake_seq, .subreason = ev->subreason,
		.t_wake_us = ev->t_wake_us, .pattern_id = ev->pattern_id, .SavedPacketSize = ev->saved_size,
		.OriginalPacketSize = ev->orig_size,
	};

	return REPLY(event_rsp, io, &r);
}

static int event_wait(const struct io *io)
{
	struct event_wait_req q;

	DECODE(event_wait_req, io, &q);
	const struct eng_event *ev = eng_event_after(g.e, q.after);
	g.waiting = ev == NULL;
	g.after = q.after;
	return ev ? encode_event(ev, io) : SMP_DEFER;
}

void offload_group_poll(void)
{
	static uint8_t body[EVENT_BYTES_MAX];
	const struct eng_event *ev = g.waiting ? eng_event_after(g.e, g.after) : NULL;
	size_t len = 0;

	if (ev && encode_event(ev, &(struct io){ .rsp = body, .cap = sizeof body, .len = &len }) == OFF_OK) {
		g.waiting = false;
		smp_reply_deferred(body, len);
	}
}

static int fault_inject(const struct io *io)
{
	struct fault_inject_req q;

	DECODE(fault_inject_req, io, &q);
	if (q.kind < OFF_FAULT_DROP_REPLY || q.kind > OFF_FAULT_DROP_EVENT)
		return OFF_UNSUPPORTED;
	fault.kind = (uint8_t)q.kind;
	fault.left = (uint16_t)q.n;
	fault.delay_ms = (uint16_t)q.delay_ms;
	fault.fresh = true;
	return reply_empty(io);
}

bool offload_fault_on_reply(bool is_event, uint16_t *delay_ms, bool *corrupt)
{
	*delay_ms = 0;
	*corrupt = false;
	if (fault.fresh && !is_event) {
		fault.fresh = false;
		return false;
	}
	if (fault.left == 0 || is_event != (fault.kind == OFF_FAULT_DROP_EVENT))
		return false;
	fault.left--;
	*delay_ms = fault.kind == OFF_FAULT_DELAY_REPLY ? fault.delay_ms : 0;
	*corrupt = fault.kind == OFF_FAULT_CORRUPT_REPLY;
	return fault.kind == OFF_FAULT_DROP_REPLY || fault.kind == OFF_FAULT_DROP_EVENT;
}

static int clock_scale(const struct io *io)
{
	struct clock_scale_req q;

	DECODE(clock_scale_req, io, &q);
	if (q.minute_us == 0)
		return OFF_BAD_ARG;
	eng_set_minute_us(g.e, q.minute_us);
	return reply_empty(io);
}

static const struct {
	uint8_t op, cmd;
	bool test_only;
	int (*run)(const struct io *io);
} commands[] = {
	{ SMP_READ, 0x01, false, hello },          { SMP_WRITE, 0x01, false, attach },
	{ SMP_READ, 0x02, false, caps },           { SMP_READ, 0x03, false, time_sync },
	{ SMP_READ, 0x04, false, counters },       { SMP_WRITE, 0x05, false, counters_clear },
	{ SMP_WRITE, 0x10, false, slot_add },      { SMP_WRITE, 0x11, false, slot_remove },
	{ SMP_READ, 0x12, false, slot_get },       { SMP_READ, 0x13, false, slot_list },
	{ SMP_WRITE, 0x20, false, pattern_add },   { SMP_WRITE, 0x21, false, pattern_remove },
	{ SMP_READ, 0x23, false, pattern_list },   { SMP_WRITE, 0x28, false, offload_add },
	{ SMP_WRITE, 0x29, false, offload_remove }, { SMP_READ, 0x2B, false, offload_list },
	{ SMP_WRITE, 0x30, false, prepare },       { SMP_WRITE, 0x31, false, commit },
	{ SMP_WRITE, 0x32, false, abort_entry },   { SMP_WRITE, 0x33, false, host_awake },
	{ SMP_READ, 0x34, false, drain },          { SMP_WRITE, 0x35, false, release },
	{ SMP_READ, 0x36, false, status },         { SMP_READ, 0x40, false, event_wait },
	{ SMP_WRITE, 0x50, true, fault_inject },   { SMP_WRITE, 0x52, true, clock_scale },
};

static int handle(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t rsp_cap, size_t *rsp_len)
{
	const struct io io = { .req = req, .req_len = req_len, .rsp = rsp, .cap = rsp_cap, .len = rsp_len };

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (commands[i].op == op && commands[i].cmd == cmd && (OFFLOAD_TEST_BUILD || !commands[i].test_only))
			return commands[i].run(&io);
	}
	return SMP_NOT_SUPPORTED;
}

const struct smp_group offload_group = { .id = GROUP_ID, .handle = handle };

void offload_group_init(struct engine *e, const uint8_t running_digest[32], const char *version, uint8_t reset_cause,
			uint32_t boot_id)
{
	memset(&g, 0, sizeof g);
	memset(&fault, 0, sizeof fault);
	g.e = e;
	g.digest = running_digest;
	g.version = version;
	g.reset_cause = reset_cause;
	g.boot_id = boot_id;
}

bool offload_group_cacheable(uint8_t op, uint8_t cmd)
{
	return op == SMP_WRITE && cmd != 0x01;
}
