#include "slot_ports.h"

#include <string.h>

void slot_ports_note(struct engine *e)
{
	memset(e->slot_ports, 0, sizeof e->slot_ports);
	for (int i = 0; i < ENG_SLOTS; i++) {
		const struct eng_slot *s = &e->slots[i];
		uint32_t bit = slot_ports_bit(s->cfg.remote_port, s->cfg.local_port);

		if (s->used)
			e->slot_ports[bit / 32] |= 1u << (bit % 32);
	}
}
