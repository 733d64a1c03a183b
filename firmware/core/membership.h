/* Group membership for the sleeping host. */
#ifndef MEMBERSHIP_H
#define MEMBERSHIP_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void group_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void group_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int group_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);
bool group_due(struct engine *e, struct eng_offload *o, uint64_t now);

#endif
