/* The table of wake patterns. */
#ifndef PATTERN_H
#define PATTERN_H

#include "engine_state.h"

void patterns_clear(struct engine *e);
/* Payload patterns go with their slot. */
void patterns_forget_slots(struct engine *e);

#endif
