/* What a router advertisement says, one thing after the other (RFC 4861 4.2, 4.6; RFC 4191, 8106, 8781). */
#ifndef RA_ELEMENTS_H
#define RA_ELEMENTS_H

#include "parse.h"

#define RA_FOREVER_S 0xFFFFFFFFu

/* One thing that an advertisement says: a later one that says it of the same takes its place. */
struct ra_element {
	uint32_t key;                /* which router, and what it speaks of: itself, a prefix, a list of name servers; never 0 */
	uint32_t value;              /* what it says of that, but for how long */
	uint32_t life_s;             /* RA_FOREVER_S also for what has no lifetime */
};

struct ra_reader {
	const struct pkt *p;
	const uint8_t *again;        /* a prefix whose second lifetime is next */
	uint16_t at;                 /* 0: nothing is read yet */
	uint32_t router;
};

/* Of an advertisement that nd_well_formed() has found sound. */
struct ra_reader ra_read(const struct pkt *p);
/* False at the end. Bounded by the options, which take at least 8 bytes each: two for a prefix. */
bool ra_next(struct ra_reader *r, struct ra_element *el);

#endif
