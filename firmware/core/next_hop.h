/* The station that takes what is sent. */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include "engine_state.h"
#include "parse.h"

/* An off_rc: its MAC; and its address, which is of the family of `own` and not the same. */
int next_hop_check(const struct eng_hop *h, const struct eng_ip *own);
/* What a station says of its own address, taken by the slots and protocol offloads that send to it. */
void next_hop_learn(struct engine *e, const struct pkt *p);

#endif
