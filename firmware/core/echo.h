/* Ping for the sleeping host. */
#ifndef ECHO_H
#define ECHO_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void echo_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void echo_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int echo_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);

#endif
