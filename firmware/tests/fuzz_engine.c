/*
 * libFuzzer: frames with right checksums, group commands and time, in any order, against the engine and its SMP group.
 * Checked after every step: the sum of the counters.
 */
#include "fuzz_steps.h"
#include "smp/offload_group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const size_t fuzz_cbor_at = 2;     /* behind operation and command */

static const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 1};

static bool busy_tx(void *ctx, const uint8_t *frame, uint16_t len)
{
	return tx(ctx, frame, len) && frame[6] == 2 && !(clock_us & 1);
}

uint64_t port_now_us(void)
{
	return clock_us;
}

void port_serial_write(const uint8_t *buf, size_t len)
{
	(void)buf;
	(void)len;
}

const char *port_board(void)
{
	return "fuzz";
}

void smp_reply_deferred(const uint8_t *body, size_t len)
{
	expect(len > 0 && body[0] != 0);
}

static void slot_for(const uint8_t *f, uint16_t len)
{
	struct eng_slot_cfg c = {
		.flags = 0x1F, .local_mac = {2, 0, 0, 0, 0, 1}, .next_hop = {.mac = {2, 0, 0, 0, 0, 2}}, .ttl = 64, .rcv_wnd = 8192,
		.max_snd_wnd = 65535, .ka_idle_ms = 60, .ka_intvl_ms = 10, .ka_cnt = 3, .ts_hz = 1000,
	};
	uint8_t slot;
	uint16_t gen;

	if (len < 54)
		return;
	c.local.len = c.remote.len = 4;
	memcpy(c.remote.b, f + 26, 4);
	memcpy(c.local.b, f + 30, 4);
	c.remote_port = get_be16(f + 34);
	c.local_port = get_be16(f + 36);
	c.rcv_nxt = c.rcv_wup = get_be32(f + 38) + f[53] % 8u;
	c.snd_una = c.snd_nxt = get_be32(f + 42);
	c.ts_on = f[52] & 1;
	eng_slot_add(&e, &c, &slot, &gen);
}

static void command(const uint8_t *req, uint16_t len)
{
	static uint8_t rsp[SMP_MESSAGE_BYTES - 8];
	size_t out = 0;

	if (len >= 2)
		offload_group.handle(req[0] & 2, req[1], req + 2, len - 2u, rsp, sizeof rsp, &out);
}

static void step(uint8_t kind, uint8_t *p, uint16_t len)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct eng_slot_state out[ENG_SLOTS];
	uint8_t n;

	switch (kind % 12) {
	case 0: eng_prepare(&e, e.epoch, 3, ENG_ARM, mac, len ? p[0] * 10u : 50, len > 1 ? p[1] : 0); break;
	case 1: eng_commit(&e, e.epoch); break;
	case 2: eng_host_awake(&e, e.epoch); break;
	case 3: eng_release(&e, out, &n); break;
	case 4: command(p, len); break;
	case 5: slot_for(p, len); break;
	case 6: clock_us += len * 1000u + (len ? p[0] * 100000u : 0u); break;
	case 7: eng_rx(&e, p, len); break;
	case 9: eng_link(&e, len & 1); break;
	default: fuzz_frame_mend(p, len, host_mac); eng_rx(&e, p, len); break;
	}
	eng_poll(&e);
	offload_group_poll();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t digest[32];
	static const struct eng_env env = {.tx = busy_tx, .now_us = now, .link_events = true};

	clock_us = 0;
	eng_init(&e, &env, 1);
	offload_group_init(&e, digest, "1.0.0", 0, 1);
	fuzz_steps(data, size, step);
	return 0;
}
