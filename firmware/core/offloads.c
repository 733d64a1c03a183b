/*
 * The protocol offloads that a host has: what the device answers in its name. offload_types.c knows the types, each type's
 * own file knows its protocol. A frame concerns at most one offload: the first in the order of addition.
 */
#include "offloads.h"

#include <string.h>

#include "offload_timers.h"
#include "offload_type.h"
#include "vlan.h"
#include "wipe.h"

/* Bit i: row i of the table has something to judge. */
static uint8_t rows_with_work(const struct engine *e)
{
	uint64_t given = 0;
	uint8_t rows = 0;

	for (uint8_t i = 0; i < e->n_offloads; i++)
		given |= NUMBER(e->offloads[i].cfg.type);
	for (uint8_t i = 0; i < OFFLOAD_TYPES; i++) {
		if (offload_types[i].only_for == 0 || (offload_types[i].only_for & given))
			rows |= (uint8_t)(1u << i);
	}
	return rows;
}

/* From the table, so that a frame that nobody waits for costs no walk over all types. Whenever an offload came or went. */
static void hear(struct engine *e)
{
	uint8_t rows = rows_with_work(e);

	for (uint8_t kind = 0; kind < PKT_KINDS; kind++) {
		e->hearing[kind] = 0;
		for (uint8_t i = 0; i < OFFLOAD_TYPES; i++) {
			if (offload_types[i].hears & KIND(kind))
				e->hearing[kind] |= (uint8_t)(rows & 1u << i);
		}
	}
}

void offload_init(struct engine *e)
{
	hear(e);
}

/* A type judges what no other before it had a word about. */
void offload_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	for (uint32_t rows = e->hearing[p->kind]; rows; rows &= rows - 1) {
		offload_types[__builtin_ctz(rows)].judge(e, p, v);
		if (v->offload != NO_SLOT || v->broken || v->final)
			return;
	}
}

void offload_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	const struct offload_type *t = offload_type_of(e->offloads[v->offload].cfg.type);

	if (t && t->apply)
		t->apply(e, p, v);
}

uint64_t eng_offload_types(void)
{
	uint64_t types = 0;

	for (uint8_t i = 0; i < OFFLOAD_TYPES; i++)
		types |= 1ull << offload_types[i].number;
	return types;
}

static int offload_check(const struct offload_type *t, const struct eng_offload_cfg *c, const struct eng_offload_more *m)
{
	if (c->flags & ~t->flags)
		return OFF_UNSUPPORTED;
	if (c->mac[0] & 1)
		return OFF_BAD_ADDR;
	return tci_ok(c->vlan_tci) ? t->check(c, m) : OFF_BAD_ARG;
}

/* Index of a free row of `more`, NO_SLOT when there is none. */
static uint8_t more_free(const struct engine *e)
{
	for (uint8_t i = 0; i < ENG_OFFLOADS_MORE; i++) {
		if (!e->more[i].used)
			return i;
	}
	return NO_SLOT;
}

static int offload_append(struct engine *e, const struct eng_offload_cfg *c, const struct eng_offload_more *m)
{
	uint8_t row = m ? more_free(e) : NO_SLOT;

	if (e->n_offloads == ENG_OFFLOADS || (m && row == NO_SLOT))
		return OFF_LIST_FULL;
	if (m) {
		e->more[row] = (struct eng_more){.used = true};
		e->more[row].cfg = *m;
	}
	struct eng_offload *o = &e->offloads[e->n_offloads++];
	*o = (struct eng_offload){.cfg = *c, .more = row, .due_us = NEVER_US};
	offload_arm(e, o);
	hear(e);
	return OFF_OK;
}

int eng_offload_add(struct engine *e, const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const struct offload_type *t = offload_type_of(c->type);
	const struct eng_offload_more *m = t && t->has_more ? more : NULL;

	if (e->power != OFF_D0 && e->power != OFF_PREPARED)
		return OFF_NOT_ACCEPTED;
	if (!t)
		return OFF_UNSUPPORTED;
	int rc = t->has_more && !more ? OFF_BAD_ARG : offload_check(t, c, m);
	if (rc != OFF_OK)
		return rc;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (e->offloads[i].cfg.id == c->id)
			return OFF_DUP_ID;
	}
	return offload_append(e, c, m);
}

int eng_offload_remove(struct engine *e, uint32_t id)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (e->offloads[i].cfg.id != id)
			continue;
		if (e->offloads[i].more != NO_SLOT)
			wipe(more_of(e, &e->offloads[i]), sizeof(struct eng_more));
		e->n_offloads--;
		memmove(&e->offloads[i], &e->offloads[i + 1], (size_t)(e->n_offloads - i) * sizeof e->offloads[0]);
		hear(e);
		return OFF_OK;
	}
	return OFF_NOT_FOUND;
}

bool eng_offload_at(const struct engine *e, uint8_t i, uint32_t *id, uint8_t *type, uint32_t *answered)
{
	if (i >= e->n_offloads)
		return false;
	*id = e->offloads[i].cfg.id;
	*type = e->offloads[i].cfg.type;
	*answered = e->offloads[i].answered;
	return true;
}

void offload_clear(struct engine *e)
{
	e->n_offloads = 0;
	memset(e->more, 0, sizeof e->more);
	hear(e);
}
