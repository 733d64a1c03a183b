/*
 * libFuzzer: requests of the offload group without line and framing, which cost most of fuzz_smp's time: made for the many
 * executions that edge case 107 asks for. Kind of a step: bit 7 write, the others the command id; two ids that no command has are a frame and time. Checked: a reply is a CBOR map inside its
 * buffer, a refusal is a number of offload_rc.h and says nothing more, and the sum of the counters.
 */
#include "fuzz_steps.h"
#include "port/port.h"
#include "smp/offload_group.h"
#include "smp/server.h"

enum { WRITE_BIT = 0x80, CMD_FRAME = 0x7E, CMD_TIME = 0x7F, BODY_BYTES = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const size_t fuzz_cbor_at = 0;

static struct engine blank;
static uint8_t body[BODY_BYTES], rsp[SMP_MESSAGE_BYTES - 8];

uint64_t port_now_us(void) { return clock_us; }
const char *port_board(void) { return "native"; }

void port_serial_write(const uint8_t *buf, size_t len)
{
	(void)buf;
	(void)len;
}

void smp_reply_deferred(const uint8_t *reply, size_t len) { expect(len > 0 && len <= sizeof rsp && reply[0] >> 5 == 5); }

/* The frames of the buffer are most of the engine's bytes, and nobody reads those that are not counted. */
static void boot(void)
{
	static const struct eng_env env = {.tx = tx, .now_us = now, .link_events = true};
	static const uint8_t digest[32];

	clock_us = 0;
	if (blank.epoch == 0)
		eng_init(&blank, &env, 1);
	memcpy(&e, &blank, offsetof(struct engine, frames));
	offload_group_init(&e, digest, "1.0.0", 0, 1);
}

static void request(uint8_t kind, const uint8_t *p, uint16_t len)
{
	size_t out = 0;
	uint8_t power = e.power;
	int rc = offload_group.handle(kind & WRITE_BIT ? SMP_WRITE : SMP_READ, kind & 0x7F, p, len, rsp, sizeof rsp, &out);

	if (rc == OFF_OK)
		expect(out > 0 && out <= sizeof rsp && rsp[0] >> 5 == 5);
	else
		expect(rc == SMP_DEFER || rc == SMP_NOT_SUPPORTED || (rc > 0 && rc <= OFF_NOT_ACCEPTED));
	expect((kind & WRITE_BIT) || e.power == power);      /* what only reads changes no state */
}

static void step(uint8_t kind, uint8_t *p, uint16_t len)
{
	switch (kind & 0x7F) {
	case CMD_TIME: clock_us += len < 2 ? 1000u : get_be16(p) * 1000u; break;
	case CMD_FRAME:
		if (kind & WRITE_BIT)
			fuzz_frame_mend(p, len, e.mac);
		eng_rx(&e, p, len);
		break;
	default: request(kind, p, len); break;
	}
	eng_poll(&e);
	offload_group_poll();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_step s;

	boot();
	while (fuzz_next(&data, &size, &s) && s.len <= BODY_BYTES) {
		uint8_t *copy = body + BODY_BYTES - s.len;  /* ends where the array ends: an over-read is seen, without a malloc */

		memcpy(copy, s.bytes, s.len);
		step(s.kind, copy, s.len);
	}
	check_sum();
	return 0;
}
