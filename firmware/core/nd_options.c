/* What the messages of neighbour discovery have in common: nd.c and router.c go on from here. */
#include "nd_options.h"

#include <stddef.h>

const uint8_t *nd_option(const struct pkt *p, uint16_t *at, bool *bad)
{
	uint16_t room = (uint16_t)(p->end - *at);
	const uint8_t *o = p->frame + *at;

	if (room == 0)
		return NULL;
	if (room < 8 || o[1] == 0 || o[1] * 8 > room) {
		*bad = true;
		return NULL;
	}
	*at = (uint16_t)(*at + o[1] * 8);
	return o;
}

bool nd_well_formed(const struct pkt *p, uint16_t fixed_bytes)
{
	bool bad = p->frag_header || p->frame[p->l3 + 7] != ND_HOP_LIMIT || p->frame[p->l4 + 1] != 0 || p->end - p->l4 < fixed_bytes;
	uint16_t at = (uint16_t)(p->l4 + fixed_bytes);

	while (!bad && nd_option(p, &at, &bad))
		;
	return !bad;
}

const uint8_t *nd_lladdr(const struct pkt *p, uint8_t option, bool *bad)
{
	uint16_t at = (uint16_t)(p->l4 + ND_NS_BYTES);
	const uint8_t *o;

	while ((o = nd_option(p, &at, bad)) != NULL) {
		if (o[0] == option) {
			*bad = o[1] != 1 || (o[2] & 1);
			return o + 2;
		}
	}
	return NULL;
}
