/* The table of offloaded connections. */
#ifndef SLOTS_H
#define SLOTS_H

#include "engine_state.h"
#include "parse.h"

struct eng_slot *slot_find(struct engine *e, const struct pkt *p);
struct eng_slot *slot_by_addresses(struct engine *e, const struct pkt *p);
struct eng_slot *slot_by_handle(struct engine *e, uint8_t slot, uint16_t gen);
uint8_t slots_free_all(struct engine *e);
/* Slots with OFF_SLOT_KEEP become IDLE, the others are freed. */
void slots_end_standby(struct engine *e);
/* An off_rc for a part of what the host says of a slot. */
int slot_check_next_hop(const struct eng_slot_cfg *c);
int slot_check_intervals(const struct eng_slot_cfg *c);

#endif
