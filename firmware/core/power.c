/* Power states and whose the host's identity is: offload_rc.h draws them, engine.c has the commands that change them. */
#include "power.h"

#include "edges.h"

/* Attach leads to D0 from everywhere; the lease ends in any but D0. */
static const struct edge_table power_edges = {
	.machine = OFF_MACHINE_POWER,
	.to = {
		[OFF_D0] = EDGE(OFF_D0) | EDGE(OFF_PREPARED),
		[OFF_PREPARED] = EDGE(OFF_D3) | EDGE(OFF_AWAKE) | EDGE(OFF_D0) | EDGE(OFF_EXPIRED),
		[OFF_D3] = EDGE(OFF_WOKEN) | EDGE(OFF_AWAKE) | EDGE(OFF_D0) | EDGE(OFF_EXPIRED),
		[OFF_WOKEN] = EDGE(OFF_AWAKE) | EDGE(OFF_D0) | EDGE(OFF_EXPIRED),
		[OFF_AWAKE] = EDGE(OFF_D0) | EDGE(OFF_EXPIRED),
		[OFF_EXPIRED] = EDGE(OFF_D0),
	},
};

void set_power(struct engine *e, enum off_power to)
{
	edge_take(e, &power_edges, &e->power, (uint8_t)to);
}

void set_owner(struct engine *e, uint8_t owner)
{
	e->owner = owner;
	e->speaking = owner == OFF_OWNER_DEVICE;
	e->epoch++;
}
