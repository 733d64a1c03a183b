/* Who owns the identity of the host. */
#ifndef POWER_H
#define POWER_H

#include "engine_state.h"

/* Every change of the owner of the identity bumps the epoch. */
void set_owner(struct engine *e, uint8_t owner);

#endif
