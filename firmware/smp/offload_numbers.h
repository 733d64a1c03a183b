/*
 * Replies that are maps of many numbers, written row by row with the zcbor runtime: a generated encoder takes four times
 * the flash. Rows stand in the order of proto/offload.cddl; a test holds the replies against it.
 */
#ifndef OFFLOAD_NUMBERS_H
#define OFFLOAD_NUMBERS_H

#include <stddef.h>
#include <zcbor_encode.h>

#include "offload_io.h"

struct number_row {
	const char *name;
	uint64_t value;
};

bool number_put(zcbor_state_t *s, const char *name, uint64_t value);
bool numbers_put(zcbor_state_t *s, const struct number_row *rows, size_t n);
/* The whole reply; an off_rc. */
int numbers_reply(const struct io *io, const struct number_row *rows, size_t n);

#endif
