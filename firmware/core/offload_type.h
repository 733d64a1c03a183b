/*
 * What a type of protocol offload is to the others: one row of the table in offload_types.c. A function that a type has no
 * use for is NULL.
 */
#ifndef OFFLOAD_TYPE_H
#define OFFLOAD_TYPE_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

struct offload_type {
	uint8_t number;              /* enum off_offload_type */
	bool has_more;               /* with a row of struct eng_more */
	uint16_t flags;              /* that the host may set; others are refused, UNSUPPORTED */
	uint16_t hears;              /* KIND() of the packets that `judge` is for */
	uint64_t only_for;           /* bit i: for an offload of number i; 0: always, as `judge` knows broken packets, too */
	/* Whether a packet concerns an offload of this type. Nothing to say: it leaves the verdict as it is. */
	void (*judge)(const struct engine *e, const struct pkt *p, struct verdict *v);
	/* Does what the verdict says: it named an offload of this type. */
	void (*apply)(struct engine *e, const struct pkt *p, const struct verdict *v);
	/* An off_rc for what the host gave. more: NULL for types without. */
	int (*check)(const struct eng_offload_cfg *c, const struct eng_offload_more *more);
	/* With a timer: sets due_us when the offload was added or the clock scale changed. */
	void (*arm)(struct engine *e, struct eng_offload *o);
	/* due_us has come: acts and sets the next; false when the wire took nothing, then it is called again. */
	bool (*due)(struct engine *e, struct eng_offload *o, uint64_t now);
};

#define KIND(kind) (1u << (kind))
#define NUMBER(number) (1ull << (number))
enum { OFFLOAD_TYPES = 8 };           /* at most 8: a bit each in engine.hearing */

extern const struct offload_type offload_types[OFFLOAD_TYPES];

/* NULL: there is none of that number. */
const struct offload_type *offload_type_of(uint8_t number);

#endif
