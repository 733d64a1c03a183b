/* The table of protocol offloads; each protocol has a file with judge, apply and check. */
#ifndef OFFLOADS_H
#define OFFLOADS_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void offload_init(struct engine *e);
void offload_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void offload_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
void offload_clear(struct engine *e);

#endif
