/* What the host has heard routers say. */
#ifndef ROUTER_HEARD_H
#define ROUTER_HEARD_H

#include "engine_state.h"
#include "parse.h"
#include "ra_elements.h"

enum ra_news {
	RA_SAME,
	RA_LONGER,                   /* nothing new, but it would last longer for the host */
	RA_NEWS,
};

/* RFC 4861 6.1.2: from a link-local address, nothing else of a router is believed. */
bool ra_valid(const struct pkt *p);
/* renew_us: when the host must have heard it again; of RA_LONGER only. */
enum ra_news heard_compare(const struct engine *e, const struct ra_element *el, uint64_t *renew_us);
/* The host hears this frame; one that is no sound advertisement changes nothing. */
void router_note(struct engine *e, const struct pkt *p);
/* The host wakes: it hears what was kept for it. */
void router_hand_over(struct engine *e);

#endif
