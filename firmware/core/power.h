/* The power state, and who owns the identity of the host. */
#ifndef POWER_H
#define POWER_H

#include "engine_state.h"

/* Only this changes e->power, over a legal edge. */
void set_power(struct engine *e, enum off_power to);
/* Every change of the owner of the identity bumps the epoch. The device speaks if it is the owner. */
void set_owner(struct engine *e, uint8_t owner);

#endif
