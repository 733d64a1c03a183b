/* Which wake patterns a frame matches. */
#ifndef PATTERN_MATCH_H
#define PATTERN_MATCH_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void pattern_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* New data on v->slot: if the slot has payload patterns, they decide whether it wakes. */
void payload_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
const struct eng_pattern_cfg *pattern_better(const struct eng_pattern_cfg *a, const struct eng_pattern_cfg *b);

#endif
