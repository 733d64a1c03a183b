/* mDNS answers for the sleeping host. */
#ifndef MDNS_H
#define MDNS_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void mdns_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void mdns_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
bool mdns_due(struct engine *e, struct eng_offload *o, uint64_t now);
int mdns_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);

#endif
