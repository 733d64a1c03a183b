/* What becomes of a received frame. */
#ifndef RX_H
#define RX_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void rx_judge(struct engine *e, const struct pkt *p, struct verdict *v);
void rx_count_hits(struct engine *e, uint64_t hits);
void rx_apply_quiet(struct engine *e, const struct pkt *p, const struct verdict *v);

#endif
