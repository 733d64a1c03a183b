/* UDP keep-alives for the sleeping host. */
#ifndef UDP_KA_H
#define UDP_KA_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void udp_ka_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* Of a first fragment: those behind it are its flow's, or nobody's. */
void udp_ka_note_fragment(struct engine *e, const struct pkt *p);
int udp_ka_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);
void udp_ka_arm(struct engine *e, struct eng_offload *o);
bool udp_ka_due(struct engine *e, struct eng_offload *o, uint64_t now);

#endif
