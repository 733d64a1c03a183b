/* Router advertisements while the host sleeps. */
#ifndef ROUTER_H
#define ROUTER_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void router_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* One that v->keep says to keep for the host; without room it wakes now. */
void router_keep(struct engine *e, const struct pkt *p, struct verdict *v);
/* When the host must hear what is kept, NEVER_US: nothing is; and waking it then. */
uint64_t router_next_us(const struct engine *e);
void router_due(struct engine *e);
/* What the host hears in D0, where frames are not taken apart otherwise. */
void router_listen(struct engine *e, const uint8_t *frame, uint16_t len);

#endif
