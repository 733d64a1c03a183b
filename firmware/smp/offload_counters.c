/*
 * READ 0x04: the counters as one map, written name by name: a message's struct would hold the list a third time. First the
 * engine's, then those of the device around it.
 */
#include <string.h>

#include <zcbor_encode.h>

#include "offload_group.h"

static const struct device_counters_source *source;

enum { DEVICE_ROWS = 6 };

static bool put(zcbor_state_t *s, const char *name, uint64_t value)
{
	return zcbor_tstr_encode_ptr(s, name, strlen(name)) && zcbor_uint64_put(s, value);
}

static bool put_device(zcbor_state_t *s)
{
	const struct device_counters d = source ? source->read() : (struct device_counters){ .uptime_ms = 0 };

	return put(s, "serial_crc_err", d.serial_crc_err) && put(s, "serial_retry", d.serial_retry) &&
	       put(s, "serial_overrun", d.serial_overrun) && put(s, "turn_max_us", d.turn_max_us) && put(s, "uptime_ms", d.uptime_ms) &&
	       put(s, "stack_low_water", d.stack_low_water);
}

void offload_counters_init(const struct device_counters_source *from)
{
	source = from;
}

void offload_counters_clear(struct engine *e)
{
	eng_counters_clear(e);
	if (source) {
		source->clear();
	}
}

int offload_counters_encode(const struct engine *e, uint8_t *rsp, size_t rsp_cap, size_t *rsp_len)
{
	ZCBOR_STATE_E(s, 2, rsp, rsp_cap, 1);
	uint16_t n = 0;

	while (eng_counter_name(n)) {
		n++;
	}
	bool ok = zcbor_map_start_encode(s, (size_t)n + DEVICE_ROWS);
	for (uint16_t i = 0; ok && i < n; i++) {
		ok = put(s, eng_counter_name(i), eng_counter(e, i));
	}
	ok = ok && put_device(s) && zcbor_map_end_encode(s, (size_t)n + DEVICE_ROWS);
	*rsp_len = (size_t)(s->payload - rsp);
	return ok ? OFF_OK : OFF_BAD_LEN;
}
