/*
 * libFuzzer: the verifier of BPF programs and the machine that runs what it took. Input: number of operations, the program as
 * it comes over the line (8 bytes each), then a frame. Checked: an accepted program ends, reads inside the frame (ASan: the
 * frame is exactly as long as it says) and gives what a second machine, written from the instruction set alone, gives.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct machine {
	uint32_t a, x, m[BPF_SCRATCH];
	const uint8_t *frame;
	size_t len;
};

/* Big-endian; false when the frame does not have all of it. */
static bool fetch(const struct machine *s, uint64_t at, unsigned size, uint32_t *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size; i++) {
		if (at + i >= s->len)
			return false;
		v = v << 8 | s->frame[at + i];
	}
	*out = v;
	return true;
}

static bool compute(uint32_t *a, unsigned operation, uint32_t v)
{
	static const bool divides[16] = {[3] = true, [9] = true};

	if (divides[operation] && v == 0)
		return false;
	const uint32_t results[] = {*a + v, *a - v, *a * v, divides[operation] ? *a / v : 0, *a | v, *a & v, v > 31 ? 0 : *a << (v & 31),
		v > 31 ? 0 : *a >> (v & 31), 0u - *a, divides[operation] ? *a % v : 0, *a ^ v};

	*a = results[operation];
	return true;
}

/* One operation by its number in McCanne and Jacobson's table; true: goes on at *pc. */
static bool turn(struct machine *s, const struct bpf_op *op, uint32_t *pc, uint32_t *result)
{
	uint32_t v = op->code & 8 ? s->x : op->k;

	switch (op->code) {
	case 0x20: return fetch(s, op->k, 4, &s->a);
	case 0x28: return fetch(s, op->k, 2, &s->a);
	case 0x30: return fetch(s, op->k, 1, &s->a);
	case 0x40: return fetch(s, (uint64_t)s->x + op->k, 4, &s->a);
	case 0x48: return fetch(s, (uint64_t)s->x + op->k, 2, &s->a);
	case 0x50: return fetch(s, (uint64_t)s->x + op->k, 1, &s->a);
	case 0x80: s->a = (uint32_t)s->len; return true;
	case 0x81: s->x = (uint32_t)s->len; return true;
	case 0x00: s->a = op->k; return true;
	case 0x01: s->x = op->k; return true;
	case 0x60: s->a = s->m[op->k]; return true;
	case 0x61: s->x = s->m[op->k]; return true;
	case 0x02: s->m[op->k] = s->a; return true;
	case 0x03: s->m[op->k] = s->x; return true;
	case 0xB1:
		if (!fetch(s, op->k, 1, &s->x))
			return false;
		s->x = (s->x & 15) * 4;
		return true;
	case 0x07: s->x = s->a; return true;
	case 0x87: s->a = s->x; return true;
	case 0x05: *pc += op->k; return true;
	case 0x15: case 0x1D: *pc += s->a == v ? op->jt : op->jf; return true;
	case 0x25: case 0x2D: *pc += s->a > v ? op->jt : op->jf; return true;
	case 0x35: case 0x3D: *pc += s->a >= v ? op->jt : op->jf; return true;
	case 0x45: case 0x4D: *pc += s->a & v ? op->jt : op->jf; return true;
	case 0x06: *result = op->k; return false;
	case 0x16: *result = s->a; return false;
	default:
		if ((op->code & 7) != 4)
			abort();             /* accepted, and not in the table */
		return compute(&s->a, op->code >> 4, v);
	}
}

static uint32_t reference(const struct bpf_op *ops, uint16_t n, const uint8_t *frame, size_t len)
{
	struct machine s = {.frame = frame, .len = len};
	uint32_t result = 0;

	for (uint32_t pc = 0; turn(&s, &ops[pc], &pc, &result);) {
		if (++pc >= n)
			abort();                     /* ran out of its code */
	}
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bpf_op ops[256];

	if (size < 1 || size < 1u + BPF_OP_BYTES * (size_t)data[0])
		return 0;
	uint16_t n = data[0];
	size_t len = size - 1 - BPF_OP_BYTES * (size_t)n;

	bpf_read(ops, data + 1, n);
	if (!bpf_verify(ops, n))
		return 0;
	uint8_t *frame = malloc(len ? len : 1); /* exactly this long: an over-read is seen */

	memcpy(frame, data + size - len, len);
	if (bpf_run(ops, n, frame, (uint32_t)len) != reference(ops, n, frame, len))
		abort();
	free(frame);
	return 0;
}
