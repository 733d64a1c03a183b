/* Who may speak as the host. engine.c has the commands that change it. */
#include "power.h"

void set_owner(struct engine *e, uint8_t owner)
{
	e->owner = owner;
	e->epoch++;
}
