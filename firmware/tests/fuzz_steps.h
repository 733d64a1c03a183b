/*
 * What the fuzzers of the engine share: the engine, its clock and its judge, and inputs that are steps: kind, length (2 bytes,
 * big endian), that many bytes.
 */
#ifndef FUZZ_STEPS_H
#define FUZZ_STEPS_H

#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/engine_state.h"
#include "core/parse.h"
#include "fuzz_frame.h"

enum { STEP_HEAD = 3 };

struct fuzz_step {
	uint8_t kind;
	uint16_t len;
	const uint8_t *bytes;
};

static struct engine e;
static uint64_t clock_us;

static inline void expect(bool ok)
{
	if (!ok)
		abort();
}

static inline uint64_t now(void *ctx)
{
	(void)ctx;
	return clock_us;
}

static inline bool tx(void *ctx, const uint8_t *frame, uint16_t len)
{
	(void)ctx;
	return len >= ETH_MIN_BYTES && (frame[6] & 1) == 0;
}

static inline void check_sum(void)
{
#define ADD(name) +e.counter[C_##name]
	expect(e.counter[C_rx_total] == 0 ENG_REASONS(ADD));
}

/* Takes the next step off the input; a length that says more than there is means the rest. */
static inline bool fuzz_next(const uint8_t **data, size_t *size, struct fuzz_step *s)
{
	if (*size < STEP_HEAD)
		return false;
	size_t left = *size - STEP_HEAD;
	uint16_t len = get_be16(*data + 1);

	*s = (struct fuzz_step){.kind = **data, .len = len < left ? len : (uint16_t)left, .bytes = *data + STEP_HEAD};
	*data += STEP_HEAD + s->len;
	*size = left - s->len;
	return true;
}

static inline void fuzz_steps(const uint8_t *data, size_t size, void (*step)(uint8_t kind, uint8_t *p, uint16_t len))
{
	struct fuzz_step s;

	while (fuzz_next(&data, &size, &s)) {
		uint8_t *copy = malloc(s.len ? s.len : 1u); /* exactly this long: an over-read is seen */
		memcpy(copy, s.bytes, s.len);
		step(s.kind, copy, s.len);
		free(copy);
		check_sum();
	}
}

#endif
