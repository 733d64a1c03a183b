/* Who hears frames of a VLAN. */
#ifndef VLAN_H
#define VLAN_H

#include "engine_state.h"
#include "parse.h"

bool same_vlan(uint16_t tci, const struct pkt *p);
/* A slot or a protocol offload is in the VLAN of the frame. */
bool vlan_ours(const struct engine *e, const struct pkt *p);
bool tci_ok(uint16_t tci);
/* It is of that type, and in the VLAN that the frame came in. */
bool offload_hears(const struct eng_offload_cfg *c, uint8_t type, const struct pkt *p);

#endif
