/* Neighbour discovery for the sleeping host. */
#ifndef ND_H
#define ND_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void nd_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/*
 * Whom a frame of neighbour discovery says to be where: an advertisement that overrides, or a solicitation that names its
 * sender's address.
 */
bool nd_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac);
void nd_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int nd_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);

#endif
