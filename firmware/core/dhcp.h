/* DHCPv4 lease renewal for the sleeping host. */
#ifndef DHCP_H
#define DHCP_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void dhcp_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void dhcp_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int dhcp_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);
void dhcp_arm(struct engine *e, struct eng_offload *o);
bool dhcp_due(struct engine *e, struct eng_offload *o, uint64_t now);

#endif
