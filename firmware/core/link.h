/* Link up and down as reasons to wake. */
#ifndef LINK_H
#define LINK_H

#include "engine_state.h"

/* While preparing: true when a change of the link wakes. */
bool link_wakes(struct engine *e);

#endif
