#include "os_group.h"

#include <stdbool.h>
#include <string.h>

#include <zcbor_encode.h>

#include "port/handoff.h"
#include "cbor_map.h"
#include "image_group.h"
#include "log.h"
#include "port/port.h"

enum { ECHO = 0, RESET = 5, PARAMS = 6, BOOTLOADER_INFO = 8 };

/* Long enough for a UART's FIFO to run empty at 115200 baud, short for everyone else. */
enum { RESET_AFTER_US = 10000 };

/* MCUboot's name for "any of two slots runs, not by swapping": images are copied to RAM and started there. */
enum { MODE_RAM_LOAD = 6, BOOT_MODE_RECOVERY = 1 };

static struct {
	bool wanted, recovery;
	uint64_t at_us;
} reset;

static int done(const zcbor_state_t *st, const uint8_t *rsp, bool ok, size_t *rsp_len)
{
	*rsp_len = (size_t)(st->payload - rsp);
	return ok ? 0 : SMP_TOO_LARGE;
}

static int echo(const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	struct cbor_field d = { .key = "d", .kind = CBOR_TEXT };

	if (!cbor_map_read(req, req_len, &d, 1) || !d.present) {
		return SMP_INVALID;
	}
	ZCBOR_STATE_E(st, 2, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 1) && zcbor_tstr_put_lit(st, "r") &&
		  zcbor_tstr_encode_ptr(st, (const char *)d.bytes, d.len) && zcbor_map_end_encode(st, 1);
	return done(st, rsp, ok, rsp_len);
}

static int params(uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	ZCBOR_STATE_E(st, 2, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 2) && zcbor_tstr_put_lit(st, "buf_size") &&
		  zcbor_uint32_put(st, SMP_MESSAGE_BYTES) && zcbor_tstr_put_lit(st, "buf_count") &&
		  zcbor_uint32_put(st, 1) && zcbor_map_end_encode(st, 2);
	return done(st, rsp, ok, rsp_len);
}

/* Without a query: the name. Query "mode": how it starts images. We answer as MCUboot, whose format and ways these are; who is
 * told of it looks for slots to write, so a board that has none has no boot loader to name. */
static int bootloader_info(const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	struct cbor_field query = { .key = "query", .kind = CBOR_TEXT };

	if (!cbor_map_read(req, req_len, &query, 1)) {
		return SMP_INVALID;
	}
	bool mode = query.len == 4 && memcmp(query.bytes, "mode", 4) == 0;

	if (query.present && !mode) {
		return SMP_NOT_SUPPORTED;
	}
	ZCBOR_STATE_E(st, 2, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 1);

	if (mode) {
		ok = ok && zcbor_tstr_put_lit(st, "mode") && zcbor_uint32_put(st, MODE_RAM_LOAD);
	} else {
		ok = ok && zcbor_tstr_put_lit(st, "bootloader") && zcbor_tstr_put_lit(st, "MCUboot");
	}
	ok = ok && zcbor_map_end_encode(st, 1);
	return done(st, rsp, ok, rsp_len);
}

static int ask_reset(const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	struct cbor_field mode = { .key = "boot_mode", .kind = CBOR_UINT };

	if (!cbor_map_read(req, req_len, &mode, 1)) {
		return SMP_INVALID;
	}
	reset.wanted = true;
	reset.recovery = mode.number == BOOT_MODE_RECOVERY;
	reset.at_us = port_now_us() + RESET_AFTER_US;
	ZCBOR_STATE_E(st, 2, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 1) && zcbor_map_end_encode(st, 1);
	return done(st, rsp, ok, rsp_len);
}

static int handle(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	if (cmd == ECHO) { /* mcumgr takes it read or written */
		return echo(req, req_len, rsp, cap, rsp_len);
	}
	if (op == SMP_WRITE && cmd == RESET) {
		return ask_reset(req, req_len, rsp, cap, rsp_len);
	}
	if (op == SMP_READ && cmd == PARAMS) {
		return params(rsp, cap, rsp_len);
	}
	if (op == SMP_READ && cmd == BOOTLOADER_INFO && image_group_updates) {
		return bootloader_info(req, req_len, rsp, cap, rsp_len);
	}
	return SMP_NOT_SUPPORTED;
}

const struct smp_group os_group = { .id = 0, .handle = handle };

bool os_group_resetting(void)
{
	return reset.wanted;
}

bool os_group_poll(void)
{
	if (reset.wanted && port_now_us() >= reset.at_us) {
		log_line("reset asked for over SMP");
		port_reset(reset.recovery);
	}
	return reset.wanted;
}
