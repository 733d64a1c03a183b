/* Messages of neighbour discovery as they come from the wire (RFC 4861). */
#ifndef ND_OPTIONS_H
#define ND_OPTIONS_H

#include "parse.h"

enum nd_type { ND_RA = 134, ND_NS = 135, ND_NA = 136 };
enum nd_option { ND_SOURCE_LLADDR = 1, ND_TARGET_LLADDR = 2, ND_PREFIX = 3, ND_MTU = 5, ND_ROUTE = 24, ND_RDNSS = 25, ND_DNSSL = 31,
		 ND_PREF64 = 38 };
enum { ND_NS_BYTES = 24, ND_RA_BYTES = 16, ND_HOP_LIMIT = 255 };

/*
 * The option at `*at`, which is moved behind it; NULL at the end, and NULL with *bad set where a length is 0 or runs past
 * the packet. Bounded: each step takes at least 8 bytes.
 */
const uint8_t *nd_option(const struct pkt *p, uint16_t *at, bool *bad);

/*
 * What RFC 4861 6.1.2, 7.1.1 and 7.1.2 have in common: hop limit 255 (so nobody beyond a router sent it), code 0, a fixed
 * part that is there, options with lengths. And no fragment header (RFC 6980). The checksum was checked before.
 */
bool nd_well_formed(const struct pkt *p, uint16_t fixed_bytes);

/* The address in the first option of that kind, NULL when there is none; *bad for one that is no Ethernet address. */
const uint8_t *nd_lladdr(const struct pkt *p, uint8_t option, bool *bad);

#endif
