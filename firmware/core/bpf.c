#include "bpf.h"

#include "bytes.h"
#include "profile.h"

/* Fields of a code: class, then for loads size and mode, for arithmetic and jumps operation and source of the operand. */
enum {
	LD = 0, LDX = 1, ST = 2, STX = 3, ALU = 4, JMP = 5, RET = 6, MISC = 7,
	W = 0x00, H = 0x08, B = 0x10,
	IMM = 0x00, ABS = 0x20, IND = 0x40, MEM = 0x60, LEN = 0x80, MSH = 0xA0,
	ADD = 0x00, SUB = 0x10, MUL = 0x20, DIV = 0x30, OR = 0x40, AND = 0x50, LSH = 0x60, RSH = 0x70, NEG = 0x80, MOD = 0x90,
	XOR = 0xA0,
	JA = 0x00, JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40,
	K = 0x00, X = 0x08,
	RET_A = 0x10, TAX = 0x00, TXA = 0x80,
};

void bpf_read(struct bpf_op *out, const uint8_t *wire, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++, wire += BPF_OP_BYTES) {
		out[i] = (struct bpf_op){
			.code = (uint16_t)(wire[0] | wire[1] << 8), .jt = wire[2], .jf = wire[3],
			.k = wire[4] | (uint32_t)wire[5] << 8 | (uint32_t)wire[6] << 16 | (uint32_t)wire[7] << 24,
		};
	}
}

static bool jump_ok(const struct bpf_op *op, uint16_t behind)
{
	switch (op->code) {
	case JMP | JA:
		return op->k < behind;
	case JMP | JEQ | K: case JMP | JGT | K: case JMP | JGE | K: case JMP | JSET | K:
	case JMP | JEQ | X: case JMP | JGT | X: case JMP | JGE | X: case JMP | JSET | X:
		return op->jt < behind && op->jf < behind;
	default:
		return false;
	}
}

static bool op_ok(const struct bpf_op *op, uint16_t behind)
{
	switch (op->code) {
	case LD | W | ABS: case LD | H | ABS: case LD | B | ABS: case LD | W | IND: case LD | H | IND: case LD | B | IND:
	case LD | W | LEN: case LD | IMM: case LDX | W | LEN: case LDX | IMM: case LDX | B | MSH:
	case ALU | ADD | K: case ALU | SUB | K: case ALU | MUL | K: case ALU | OR | K: case ALU | AND | K: case ALU | XOR | K:
	case ALU | ADD | X: case ALU | SUB | X: case ALU | MUL | X: case ALU | OR | X: case ALU | AND | X: case ALU | XOR | X:
	case ALU | DIV | X: case ALU | MOD | X: case ALU | LSH | X: case ALU | RSH | X: case ALU | NEG:
	case RET | K: case RET | RET_A: case MISC | TAX: case MISC | TXA:
		return true;
	case LD | MEM: case LDX | MEM: case ST: case STX:
		return op->k < BPF_SCRATCH;
	case ALU | DIV | K: case ALU | MOD | K:
		return op->k != 0;
	case ALU | LSH | K: case ALU | RSH | K:
		return op->k < 32;   /* more is undefined in C, and no compiler of filters writes it */
	default:
		return jump_ok(op, behind);
	}
}

/* `behind`: operations after this one. A jump of j goes to the j-th of them, so it stays inside and goes forward. */
bool bpf_verify(const struct bpf_op *ops, uint16_t n)
{
	if (n == 0 || n > ENG_PROGRAM_OPS)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		if (!op_ok(&ops[i], (uint16_t)(n - i - 1)))
			return false;
	}
	return ops[n - 1].code == (RET | K) || ops[n - 1].code == (RET | RET_A);
}

/* The bytes [base + k, base + k + size) of the frame, big-endian. False when they are not all there: 64 bits do not wrap. */
static bool load(uint32_t *out, const uint8_t *frame, uint32_t len, uint32_t base, const struct bpf_op *op)
{
	uint64_t at = (uint64_t)base + op->k;
	uint32_t size = (op->code & 0x18) == W ? 4 : (op->code & 0x18) == H ? 2 : 1;

	if (at + size > len)
		return false;
	*out = size == 4 ? get_be32(frame + at) : size == 2 ? get_be16(frame + at) : frame[at];
	return true;
}

/* False: division by 0. */
static bool alu(uint32_t *a, uint16_t code, uint32_t v)
{
	switch (code & 0xF0) {
	case ADD: *a += v; break;
	case SUB: *a -= v; break;
	case MUL: *a *= v; break;
	case OR: *a |= v; break;
	case AND: *a &= v; break;
	case XOR: *a ^= v; break;
	case LSH: *a = v < 32 ? *a << v : 0; break;
	case RSH: *a = v < 32 ? *a >> v : 0; break;
	case NEG: *a = 0u - *a; break;
	case DIV:
		if (v == 0)
			return false;
		*a /= v;
		break;
	default:                     /* MOD */
		if (v == 0)
			return false;
		*a %= v;
		break;
	}
	return true;
}

static bool holds(uint16_t code, uint32_t a, uint32_t v)
{
	switch (code & 0xF0) {
	case JEQ:
		return a == v;
	case JGT:
		return a > v;
	case JGE:
		return a >= v;
	default:
		return (a & v) != 0;
	}
}

uint32_t bpf_run(const struct bpf_op *ops, uint16_t n, const uint8_t *frame, uint32_t len)
{
	uint32_t a = 0, x = 0, m[BPF_SCRATCH] = {0};

	for (uint32_t pc = 0; pc < n; pc++) {
		const struct bpf_op *op = &ops[pc];
		uint32_t v = op->code & X ? x : op->k; /* the operand of ALU and JMP */

		switch (op->code & 7) {
		case LD:
			if ((op->code & 0xE0) == IMM)
				a = op->k;
			else if ((op->code & 0xE0) == LEN)
				a = len;
			else if ((op->code & 0xE0) == MEM)
				a = m[op->k];
			else if (!load(&a, frame, len, (op->code & 0xE0) == IND ? x : 0, op))
				return 0;
			break;
		case LDX:
			if ((op->code & 0xE0) == IMM)
				x = op->k;
			else if ((op->code & 0xE0) == LEN)
				x = len;
			else if ((op->code & 0xE0) == MEM)
				x = m[op->k];
			else if (!load(&x, frame, len, 0, op))
				return 0;
			else
				x = (x & 15) * 4; /* MSH: the length of an IPv4 header */
			break;
		case ST:
			m[op->k] = a;
			break;
		case STX:
			m[op->k] = x;
			break;
		case ALU:
			if (!alu(&a, op->code, v))
				return 0;
			break;
		case JMP:
			if (op->code == (JMP | JA))
				pc += op->k;
			else
				pc += holds(op->code, a, v) ? op->jt : op->jf;
			break;
		case RET:
			return op->code & RET_A ? a : op->k;
		default:
			if (op->code & TXA)
				a = x;
			else
				x = a;
			break;
		}
	}
	return 0;
}
