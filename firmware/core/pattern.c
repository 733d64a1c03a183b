/* The table of wake patterns: what may go in, and out. pattern_match.c says what they match. */
#include "pattern.h"

#include <string.h>

#include "bpf.h"
#include "pattern_index.h"
#include "wipe.h"

static int check_bitmap(const struct eng_pattern_cfg *c)
{
	uint8_t any = 0;

	if (c->data_len == 0 || c->data_len > ENG_PATTERN_BYTES || c->mask_len != (c->data_len + 7) / 8 || c->offset > ENG_MAX_OFFSET)
		return OFF_BAD_LEN;
	for (uint16_t i = 0; i < c->data_len; i++)
		any |= (uint8_t)(c->mask[i >> 3] >> (i & 7) & 1);
	return any ? OFF_OK : OFF_BAD_ARG; /* compares nothing: would wake on everything */
}

static bool ip_is(const struct eng_ip *ip, uint8_t len)
{
	return ip->len == 0 || ip->len == len;
}

/* A slot's handle may be given out again: the pattern must be for the connection that the host means. */
static int check_slot_payload(const struct engine *e, const struct eng_pattern_cfg *c)
{
	if (c->slot >= ENG_SLOTS || !e->slots[c->slot].used || e->slots[c->slot].gen != c->gen)
		return OFF_STALE_HANDLE;
	return check_bitmap(c);
}

static uint16_t pool_used(const struct engine *e)
{
	uint16_t used = 0;

	for (uint8_t i = 0; i < e->n_patterns; i++)
		used = (uint16_t)(used + e->patterns[i].prog_n);
	return used;
}

/* The free end of the pool takes the program in, so that it is verified as it would run. */
static int check_program(struct engine *e, const struct eng_pattern_cfg *c)
{
	uint16_t n = c->prog_len / BPF_OP_BYTES, used = pool_used(e);

	if (n == 0 || n > ENG_PROGRAM_OPS || c->prog_len % BPF_OP_BYTES)
		return OFF_BAD_LEN;
	if (n > ENG_POOL_OPS - used)
		return OFF_LIST_FULL;
	bpf_read(&e->prog_pool[used], c->prog, n);
	return bpf_verify(&e->prog_pool[used], n) ? OFF_OK : OFF_BAD_ARG;
}

uint32_t eng_pattern_types(const struct engine *e)
{
	const uint32_t link = PATTERN_BIT(LINK_UP) | PATTERN_BIT(LINK_DOWN);

	return (uint32_t)ENG_PATTERN_TYPES & (e->env.link_events ? ~0u : ~link);
}

static int pattern_check(struct engine *e, const struct eng_pattern_cfg *c)
{
	if (c->id == NO_PATTERN)
		return OFF_BAD_ARG;
	if (c->type >= 32 || !(eng_pattern_types(e) >> c->type & 1u))
		return OFF_UNSUPPORTED;
	if (c->flags & ~(c->type == OFF_PATTERN_TCP_PAYLOAD ? OFF_PATTERN_WAKE_UNMATCHED : 0u))
		return OFF_UNSUPPORTED;
	switch (c->type) {
	case OFF_PATTERN_BITMAP:
		return check_bitmap(c);
	case OFF_PATTERN_MAGIC:
		return c->data_len == 0 || c->data_len == 4 || c->data_len == 6 ? OFF_OK : OFF_BAD_LEN;
	case OFF_PATTERN_IPV4_SYN:
		return ip_is(&c->dst, 4) && ip_is(&c->src, 4) ? OFF_OK : OFF_BAD_ADDR;
	case OFF_PATTERN_IPV6_SYN:
		return ip_is(&c->dst, 16) && ip_is(&c->src, 16) ? OFF_OK : OFF_BAD_ADDR;
	case OFF_PATTERN_UDP_PORT:
		return (ip_is(&c->dst, 4) || ip_is(&c->dst, 16)) && c->src.len == 0 ? OFF_OK : OFF_BAD_ADDR;
	case OFF_PATTERN_EAPOL:
	case OFF_PATTERN_LINK_UP:
	case OFF_PATTERN_LINK_DOWN:
		return OFF_OK;
	case OFF_PATTERN_TCP_PAYLOAD:
		return TAKES_PATTERN(TCP_PAYLOAD) ? check_slot_payload(e, c) : OFF_UNSUPPORTED;
	case OFF_PATTERN_PROGRAM:
		return TAKES_PATTERN(PROGRAM) ? check_program(e, c) : OFF_UNSUPPORTED;
	default:
		return OFF_UNSUPPORTED;
	}
}

static int room(const struct engine *e, const struct eng_pattern_cfg *c)
{
	bool magic = c->type == OFF_PATTERN_MAGIC;
	int same_kind = 0;

	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (e->patterns[i].cfg.id == c->id)
			return OFF_DUP_ID;
		same_kind += (e->patterns[i].cfg.type == OFF_PATTERN_MAGIC) == magic;
	}
	return same_kind < (magic ? 1 : ENG_PATTERNS) ? OFF_OK : OFF_LIST_FULL;
}

static void pattern_put(struct engine *e, const struct eng_pattern_cfg *c)
{
	struct eng_pattern *q = &e->patterns[e->n_patterns];

	memset(q, 0, sizeof *q);     /* no copy on the stack: it may hold a password */
	q->cfg = *c;
	if (c->type == OFF_PATTERN_PROGRAM) {
		q->prog_at = (uint8_t)pool_used(e);
		q->prog_n = (uint8_t)(c->prog_len / BPF_OP_BYTES);
	}
	q->cfg.prog = NULL;          /* the caller's */
	e->keys[e->n_patterns++] = pattern_key_of(c);
	pattern_index_build(e);
}

int eng_pattern_add(struct engine *e, const struct eng_pattern_cfg *c)
{
	if (e->power != OFF_D0)      /* what is captured from prepare on is judged by what was armed then (edge case 100) */
		return OFF_NOT_ACCEPTED;
	int rc = pattern_check(e, c);
	if (rc == OFF_OK)
		rc = room(e, c);
	if (rc == OFF_OK)
		pattern_put(e, c);
	return rc;
}

/* Closes the gap that the program leaves in the pool: those behind it move down. */
static void free_program(struct engine *e, const struct eng_pattern *gone)
{
	uint8_t at = gone->prog_at, n = gone->prog_n;

	if (!TAKES_PATTERN(PROGRAM) || n == 0)
		return;
	memmove(&e->prog_pool[at], &e->prog_pool[at + n], (size_t)(ENG_POOL_OPS - at - n) * sizeof e->prog_pool[0]);
	wipe(&e->prog_pool[ENG_POOL_OPS - n], n * sizeof e->prog_pool[0]);
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (e->patterns[i].prog_n && e->patterns[i].prog_at > at)
			e->patterns[i].prog_at = (uint8_t)(e->patterns[i].prog_at - n);
	}
}

static void take_out(struct engine *e, uint8_t i)
{
	free_program(e, &e->patterns[i]);
	e->n_patterns--;
	memmove(&e->patterns[i], &e->patterns[i + 1], (size_t)(e->n_patterns - i) * sizeof e->patterns[0]);
	memmove(&e->keys[i], &e->keys[i + 1], (size_t)(e->n_patterns - i) * sizeof e->keys[0]);
	wipe(&e->patterns[e->n_patterns], sizeof e->patterns[0]);
	wipe(&e->keys[e->n_patterns], sizeof e->keys[0]);
	pattern_index_build(e);
}

int eng_pattern_remove(struct engine *e, uint32_t id)
{
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (e->patterns[i].cfg.id == id) {
			take_out(e, i);
			return OFF_OK;
		}
	}
	return OFF_NOT_FOUND;
}

void patterns_clear(struct engine *e)
{
	e->n_patterns = 0;
	wipe(e->patterns, sizeof e->patterns);
	wipe(e->keys, sizeof e->keys);
	pattern_index_build(e);
	wipe(e->prog_pool, sizeof e->prog_pool);
}

void patterns_forget_slots(struct engine *e)
{
	for (uint8_t i = e->n_patterns; i-- > 0;) {
		const struct eng_pattern_cfg *c = &e->patterns[i].cfg;

		if (c->type == OFF_PATTERN_TCP_PAYLOAD && (!e->slots[c->slot].used || e->slots[c->slot].gen != c->gen))
			take_out(e, i);
	}
}

const struct eng_pattern_cfg *eng_pattern_at(const struct engine *e, uint8_t i, uint32_t *hits)
{
	if (i >= e->n_patterns)
		return NULL;
	*hits = e->patterns[i].hits;
	return &e->patterns[i].cfg;
}
