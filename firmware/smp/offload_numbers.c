#include "offload_numbers.h"

#include <string.h>

bool number_put(zcbor_state_t *s, const char *name, uint64_t value)
{
	return zcbor_tstr_encode_ptr(s, name, strlen(name)) && zcbor_uint64_put(s, value);
}

bool numbers_put(zcbor_state_t *s, const struct number_row *rows, size_t n)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		ok = number_put(s, rows[i].name, rows[i].value);
	}
	return ok;
}

int numbers_reply(const struct io *io, const struct number_row *rows, size_t n)
{
	ZCBOR_STATE_E(s, 2, io->rsp, io->cap, 1);
	bool ok = zcbor_map_start_encode(s, n) && numbers_put(s, rows, n) && zcbor_map_end_encode(s, n);

	*io->len = (size_t)(s->payload - io->rsp);
	return ok ? OFF_OK : OFF_BAD_LEN;
}
