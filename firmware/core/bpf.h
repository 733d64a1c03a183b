/*
 * Classic BPF programs as wake patterns: the machine of McCanne and Jacobson, as libpcap's compiler writes for it.
 * A program comes from the host, so from outside: it is verified before it is stored, and what it cannot do by
 * construction (jump back, leave its code, leave its scratch memory, divide by a constant 0) needs no check at run time.
 * Only the frame is unknown then: a load beyond its end, or a division by X when X is 0, ends the program with "no match".
 */
#ifndef BPF_H
#define BPF_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BPF_OP_BYTES = 8,            /* on the wire: code, jt, jf, k, little-endian */
	BPF_SCRATCH = 16,
};

struct bpf_op {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/* Reads n operations from the wire. */
void bpf_read(struct bpf_op *out, const uint8_t *wire, uint16_t n);
/* True when the n operations are safe to run on any frame and end. */
bool bpf_verify(const struct bpf_op *ops, uint16_t n);
/* What the program returns: 0 is no match. Only for programs that bpf_verify took. Runs at most n operations. */
uint32_t bpf_run(const struct bpf_op *ops, uint16_t n, const uint8_t *frame, uint32_t len);

#endif
