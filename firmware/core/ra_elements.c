#include "ra_elements.h"

#include <stddef.h>

#include "bytes.h"
#include "fnv.h"
#include "nd_options.h"

enum { PREFIX_BYTES = 32, PREF64_BYTES = 16, VALID_AT = 4, PREFERRED_AT = 8 };

struct ra_reader ra_read(const struct pkt *p)
{
	const uint8_t vid[2] = {(uint8_t)(p->vid >> 8), (uint8_t)p->vid};

	return (struct ra_reader){.p = p, .router = fnv(fnv(FNV_BEGIN, p->src, 16), vid, 2)};
}

/* Hop limit, flags and timers are the router's last word: one value, whichever of several advertisements has them. */
static void read_header(const struct ra_reader *r, struct ra_element *el)
{
	const uint8_t *m = r->p->frame + r->p->l4;

	el->key = r->router;
	el->value = fnv(fnv(FNV_BEGIN, m + 4, 2), m + 8, 8);
	el->life_s = get_be16(m + 6);
}

/* A prefix is valid for one time and preferred for another: two elements. */
static void read_prefix(const struct ra_reader *r, const uint8_t *o, uint8_t lifetime_at, struct ra_element *el)
{
	el->key = fnv(fnv(fnv(r->router, &lifetime_at, 1), o + 2, 1), o + 16, 16);
	el->value = o[3];
	el->life_s = get_be32(o + lifetime_at);
}

/* o[1] is not 0 and o[1] * 8 bytes are there: nd_option() has seen to it. */
static void read_option(const struct ra_reader *r, const uint8_t *o, struct ra_element *el)
{
	uint16_t n = (uint16_t)(o[1] * 8);

	*el = (struct ra_element){.key = fnv(r->router, o, 1), .life_s = RA_FOREVER_S};
	if (o[0] == ND_ROUTE) {
		el->key = fnv(fnv(el->key, o + 2, 1), o + 8, (uint16_t)(n - 8));
		el->value = o[3];
		el->life_s = get_be32(o + 4);
	} else if (o[0] == ND_RDNSS || o[0] == ND_DNSSL) {
		el->key = fnv(el->key, o + 8, (uint16_t)(n - 8));
		el->life_s = get_be32(o + 4);
	} else if (o[0] == ND_PREF64 && n == PREF64_BYTES) {
		const uint8_t plc = o[3] & 7;                      /* RFC 8781 4: 13 bits of 8 s each above a length code */

		el->key = fnv(fnv(el->key, &plc, 1), o + 4, 12);
		el->life_s = get_be16(o + 2) & 0xFFF8u;
	} else if (o[0] == ND_SOURCE_LLADDR || o[0] == ND_MTU) {
		el->value = fnv(FNV_BEGIN, o, n);
	} else {
		el->key = fnv(el->key, o, n);                      /* not known here: told by its bytes */
	}
}

static bool next(struct ra_reader *r, struct ra_element *el)
{
	bool bad = false;

	if (r->at == 0) {
		r->at = (uint16_t)(r->p->l4 + ND_RA_BYTES);
		read_header(r, el);
		return true;
	}
	if (r->again) {
		read_prefix(r, r->again, PREFERRED_AT, el);
		r->again = NULL;
		return true;
	}
	const uint8_t *o = nd_option(r->p, &r->at, &bad);
	if (!o)
		return false;
	if (o[0] == ND_PREFIX && o[1] * 8 >= PREFIX_BYTES) {
		read_prefix(r, o, VALID_AT, el);
		r->again = o;
	} else {
		read_option(r, o, el);
	}
	return true;
}

bool ra_next(struct ra_reader *r, struct ra_element *el)
{
	if (!next(r, el))
		return false;
	if (el->key == 0)
		el->key = 1;
	return true;
}
