/* Router advertisements while the host sleeps. */
#ifndef ROUTER_H
#define ROUTER_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void router_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* Note what the host hears itself. */
void router_note(struct engine *e, const struct pkt *p);
/* The same in D0, where frames are not taken apart otherwise. */
void router_listen(struct engine *e, const uint8_t *frame, uint16_t len);

#endif
