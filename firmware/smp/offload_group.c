/*
 * Requests of the offload group: decode, call the engine, encode (message.c). A request that does not decode is
 * BAD_ARG and has changed nothing.
 */
#include "offload_group.h"

#include <string.h>

#include "log.h"
#include "offload_io.h"
#include "offload_lists.h"
#include "port/port.h"
#include "reply_cache.h"

#ifndef OFFLOAD_TEST_BUILD
#define OFFLOAD_TEST_BUILD 0
#endif

enum { ABI = 1, GROUP_ID = 100, CMD_ATTACH = 0x01 };

/* NDIS_PM_WOL_* and NDIS_PM_PROTOCOL_OFFLOAD_* bits, so that logs compare with Windows traces. */
enum {
	NDIS_WOL_BITMAP = 0x1, NDIS_WOL_MAGIC = 0x2, NDIS_WOL_IPV4_SYN = 0x4, NDIS_WOL_IPV6_SYN = 0x8,
	NDIS_WOL_IPV4_WILDCARD = 0x200, NDIS_WOL_IPV6_WILDCARD = 0x800, NDIS_WOL_EAPOL = 0x10000,
	NDIS_OFFLOAD_ARP = 0x1, NDIS_OFFLOAD_NS = 0x2,
	NDIS_WAKE_ON_MEDIA_CONNECT = 0x1, NDIS_WAKE_ON_MEDIA_DISCONNECT = 0x2,
};

/* Own offload types have no NDIS bit: theirs is 1 << type. */
enum {
	OWN_OFFLOAD_ECHO = 1 << OFF_OFFLOAD_ECHO,
};

static struct {
	struct engine *e;
	const uint8_t *digest;
	const char *version;
	uint8_t reset_cause;
	uint32_t boot_id, client;
} g;

static struct zcbor_string text(const char *s)
{
	return (struct zcbor_string){ .value = (const uint8_t *)s, .len = strlen(s) };
}

static uint32_t epoch_now(void)
{
	struct eng_status st;

	eng_status(g.e, &st);
	return st.epoch;
}

static int hello(const struct io *io)
{
	struct hello_req q;

	OFFLOAD_DECODE(hello_req, io, &q);
	if (q.has_client && q.client != g.client) {
		g.client = q.client;
		reply_cache_clear();
	}
	struct hello_rsp r = {
		.abi = ABI, .board = text(port_board()), .epoch = epoch_now(), .digest = { .value = g.digest, .len = 32 },
		.now_us = port_now_us(), .boot_id = g.boot_id, .version = text(g.version), .test_build = OFFLOAD_TEST_BUILD,
		.reset_cause = g.reset_cause,
	};

	return OFFLOAD_REPLY(hello_rsp, io, &r);
}

/* A host that attaches starts afresh, its sequence numbers too. */
static int attach(const struct io *io)
{
	struct attach_req q;
	uint8_t freed = 0;

	reply_cache_clear();
	OFFLOAD_DECODE(attach_req, io, &q);
	int rc = eng_attach(g.e, q.owner, q.has_lease_ms ? q.lease_ms : ENG_LEASE_DEFAULT_MS, &freed);
	if (rc != OFF_OK)
		return rc;
	struct attach_rsp r = { .epoch = epoch_now(), .boot_id = g.boot_id, .freed_slots = freed };
	return OFFLOAD_REPLY(attach_rsp, io, &r);
}

/* Its own link is the one event of these that a device may notice: as a pattern, so where the port reports it. */
static uint32_t wake_up_events(void)
{
	uint32_t types = eng_pattern_types(g.e);

	return (types >> OFF_PATTERN_LINK_UP & 1u ? NDIS_WAKE_ON_MEDIA_CONNECT : 0u) |
	       (types >> OFF_PATTERN_LINK_DOWN & 1u ? NDIS_WAKE_ON_MEDIA_DISCONNECT : 0u);
}

/* A SYN pattern without addresses and ports is NDIS's wildcard. */
static uint32_t ndis_patterns(void)
{
	return (TAKES_PATTERN(BITMAP) ? NDIS_WOL_BITMAP : 0u) | (TAKES_PATTERN(MAGIC) ? NDIS_WOL_MAGIC : 0u) |
	       (TAKES_PATTERN(IPV4_SYN) ? NDIS_WOL_IPV4_SYN | NDIS_WOL_IPV4_WILDCARD : 0u) |
	       (TAKES_PATTERN(IPV6_SYN) ? NDIS_WOL_IPV6_SYN | NDIS_WOL_IPV6_WILDCARD : 0u) | (TAKES_PATTERN(EAPOL) ? NDIS_WOL_EAPOL : 0u);
}

static int caps(const struct io *io)
{
	const struct caps_rsp r = {
		.has_ns_flags = true, .has_slot_flags = true, .has_program_ops = true, .has_token_bytes = true,
		.has_yield_max_ms = true, .has_offload_count = true, .has_offload_types = true, .has_pattern_types = true,
		.mtu = ENG_FRAME_BYTES - 14,
		.ns_flags = ENG_NS_FLAGS,
		.ka_max_ms = ENG_KA_MAX_MS,
		.ka_min_ms = ENG_KA_MIN_MS,
		.slot_flags = ENG_SLOT_FLAGS,
		.MaxTcpSlots = ENG_SLOTS,
		.max_message = SMP_MESSAGE_BYTES,
		.program_ops = ENG_PROGRAM_OPS,
		.token_bytes = ENG_TOKENS_BYTES,
		.timer_res_us = 1,
		.yield_max_ms = ENG_YIELD_MAX_MS,
		.offload_count = ENG_OFFLOADS,
		.offload_types = eng_offload_types(),
		.pattern_types = eng_pattern_types(g.e),
		.BufferedFrames = ENG_FRAMES - 1,
		.MaxWoLPatternSize = ENG_PATTERN_BYTES,
		.MinWoLPatternSize = 1,
		.MaxWoLPatternOffset = ENG_MAX_OFFSET,
		.NumTotalWoLPatterns = ENG_PATTERNS,
		.SupportedWakeUpEvents = wake_up_events(),
		.MaxWoLPacketSaveBuffer = ENG_FRAME_BYTES,
		.SupportedProtocolOffloads = ENG_OFFLOADS ? NDIS_OFFLOAD_ARP | NDIS_OFFLOAD_NS | OWN_OFFLOAD_ECHO : 0,
		.NumArpOffloadIPv4Addresses = ENG_OFFLOADS,
		.SupportedWoLPacketPatterns = ndis_patterns(),
	};

	return OFFLOAD_REPLY(caps_rsp, io, &r);
}

static int time_sync(const struct io *io)
{
	struct time_sync_rsp r = { .t2_us = port_now_us() };
	struct time_sync_req q;

	OFFLOAD_DECODE(time_sync_req, io, &q);
	r.t1_ns = q.t1_ns;
	r.t3_us = port_now_us();
	return OFFLOAD_REPLY(time_sync_rsp, io, &r);
}

static int counters(const struct io *io)
{
	return offload_counters_encode(g.e, io->rsp, io->cap, io->len);
}

static int counters_clear(const struct io *io)
{
	offload_counters_clear(g.e);
	return offload_reply_empty(io);
}

static int get_log(const struct io *io)
{
	uint8_t *text = io->rsp + io->cap - LOG_BYTES; /* the far end of the buffer, which this reply does not reach */
	struct get_log_req q;
	struct get_log_rsp r = { .log = { .value = text } };

	OFFLOAD_DECODE(get_log_req, io, &q);
	r.log.len = log_read(q.cursor, text, &r.next, &r.lost);
	return OFFLOAD_REPLY(get_log_rsp, io, &r);
}

static int reply_power(const struct io *io, int rc)
{
	struct eng_status st;

	eng_status(g.e, &st);
	struct power_rsp r = {
		.epoch = st.epoch, .power = st.power, .captured = st.buffered, .has_moved = st.next_hops_moved != 0,
		.moved = st.next_hops_moved,
	};
	return rc != OFF_OK ? rc : OFFLOAD_REPLY(power_rsp, io, &r);
}

static int prepare(const struct io *io)
{
	struct prepare_req q;

	OFFLOAD_DECODE(prepare_req, io, &q);
	uint32_t yield_ms = q.has_yield_ms ? q.yield_ms : 0;

	return reply_power(io, eng_prepare(g.e, q.epoch, q.target, q.arm, q.mac.value, q.wake_timer_ms, yield_ms));
}

static int with_epoch(const struct io *io, int (*command)(struct engine *, uint32_t))
{
	struct epoch_req q;

	OFFLOAD_DECODE(epoch_req, io, &q);
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

	OFFLOAD_DECODE(drain_req, io, &q);
	return offload_drain(g.e, q.ack, q.max_bytes, io->rsp, io->cap, io->len);
}

static int release(const struct io *io)
{
	return offload_release(g.e, io->rsp, io->cap, io->len);
}

static int status(const struct io *io)
{
	struct eng_status st;

	eng_status(g.e, &st);
	const struct status_rsp r = {
		.arm = st.arm,
		.lost = st.lost,
		.epoch = st.epoch,
		.owner = st.owner,
		.power = st.power,
		.wakes = st.wakes,
		.buffered = st.buffered,
		.owner_id = st.owner_id,
		.lease_left_ms = st.lease_left_ms,
		.events_pending = st.events_pending,
		.last_wake_reason = st.last_wake_reason,
	};

	return OFFLOAD_REPLY(status_rsp, io, &r);
}

static int clock_scale(const struct io *io)
{
	struct clock_scale_req q;

	OFFLOAD_DECODE(clock_scale_req, io, &q);
	if (q.minute_us == 0)
		return OFF_BAD_ARG;
	eng_set_minute_us(g.e, q.minute_us);
	return offload_reply_empty(io);
}

/* What a profile does without has no function: SMP's rc 8, as for a number that nobody knows. */
#define IF_OFFLOADS(run) (ENG_OFFLOADS ? (run) : NULL)
#define IF_SLOT_LIFE(run) (ENG_SLOT_LIFE ? (run) : NULL)

static const struct {
	uint8_t op, cmd;
	bool test_only;
	int (*run)(const struct io *io);
} commands[] = {
	{ SMP_READ, 0x01, false, hello },          { SMP_WRITE, 0x01, false, attach },
	{ SMP_READ, 0x02, false, caps },           { SMP_READ, 0x03, false, time_sync },
	{ SMP_READ, 0x04, false, counters },       { SMP_WRITE, 0x05, false, counters_clear },
	{ SMP_READ, 0x06, false, get_log },
	{ SMP_WRITE, 0x10, false, offload_slot_add },      { SMP_WRITE, 0x11, false, offload_slot_remove },
	{ SMP_READ, 0x12, false, offload_slot_get },       { SMP_READ, 0x13, false, offload_slots },
	{ SMP_WRITE, 0x14, false, IF_SLOT_LIFE(offload_slot_pause) },
	{ SMP_WRITE, 0x15, false, IF_SLOT_LIFE(offload_slot_resume) },
	{ SMP_WRITE, 0x16, false, IF_SLOT_LIFE(offload_slot_update) },
	{ SMP_WRITE, 0x20, false, offload_pattern_add },   { SMP_WRITE, 0x21, false, offload_pattern_remove },
	{ SMP_READ, 0x23, false, offload_patterns },
	{ SMP_WRITE, 0x28, false, IF_OFFLOADS(offload_proto_add) },
	{ SMP_WRITE, 0x29, false, IF_OFFLOADS(offload_proto_remove) },
	{ SMP_READ, 0x2B, false, IF_OFFLOADS(offload_protos) },
	{ SMP_WRITE, 0x30, false, prepare },       { SMP_WRITE, 0x31, false, commit },
	{ SMP_WRITE, 0x32, false, abort_entry },   { SMP_WRITE, 0x33, false, host_awake },
	{ SMP_READ, 0x34, false, drain },          { SMP_WRITE, 0x35, false, release },
	{ SMP_READ, 0x36, false, status },         { SMP_READ, 0x40, false, offload_event_wait },
	{ SMP_WRITE, 0x50, true, offload_fault_inject },   { SMP_WRITE, 0x52, true, clock_scale },
};

/* After the end of its lease a host changes nothing before it has attached. */
static bool lease_over(void)
{
	struct eng_status st;

	eng_status(g.e, &st);
	return st.power == OFF_EXPIRED;
}

/* WAKE_PENDING is an error and a change at once: commit has gone to AWAKE. */
static bool changed(int rc)
{
	return rc == OFF_OK || rc == OFF_WAKE_PENDING;
}

static int handle(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t rsp_cap, size_t *rsp_len)
{
	const struct io io = { .e = g.e, .req = req, .req_len = req_len, .rsp = rsp, .cap = rsp_cap, .len = rsp_len };

	size_t n = sizeof commands / sizeof commands[0], i = 0;

	while (i < n && (commands[i].op != op || commands[i].cmd != cmd))
		i++;
	if (i == n || !commands[i].run || (commands[i].test_only && !OFFLOAD_TEST_BUILD))
		return SMP_NOT_SUPPORTED;
	if (op == SMP_WRITE && cmd != CMD_ATTACH && lease_over())
		return OFF_RESUME_REQUIRED;
	int rc = commands[i].run(&io);
	if (op == SMP_WRITE && changed(rc))
		eng_lease_renew(g.e);
	return rc;
}

const struct smp_group offload_group = { .id = GROUP_ID, .handle = handle };

void offload_group_init(struct engine *e, const uint8_t running_digest[32], const char *version, uint8_t reset_cause,
			uint32_t boot_id)
{
	memset(&g, 0, sizeof g);
	offload_events_reset();
	g.e = e;
	g.digest = running_digest;
	g.version = version;
	g.reset_cause = reset_cause;
	g.boot_id = boot_id;
}

bool offload_group_cacheable(uint8_t op, uint8_t cmd, int rc)
{
	return op == SMP_WRITE && cmd != CMD_ATTACH && changed(rc);
}
