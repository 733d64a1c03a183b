/* READ 0x04: the counters as one map, written name by name: a generated struct would hold the list a third time. */
#include <string.h>
#include <zcbor_encode.h>

#include "offload_group.h"

int offload_counters_encode(const struct engine *e, uint8_t *rsp, size_t rsp_cap, size_t *rsp_len)
{
	ZCBOR_STATE_E(s, 2, rsp, rsp_cap, 1);
	uint16_t n = 0;

	while (eng_counter_name(n)) {
		n++;
	}
	bool ok = zcbor_map_start_encode(s, n);
	for (uint16_t i = 0; ok && i < n; i++) {
		const char *name = eng_counter_name(i);

		ok = zcbor_tstr_encode_ptr(s, name, strlen(name)) && zcbor_uint64_put(s, eng_counter(e, i));
	}
	ok = ok && zcbor_map_end_encode(s, n);
	*rsp_len = (size_t)(s->payload - rsp);
	return ok ? OFF_OK : OFF_BAD_LEN;
}
