/*
 * VLANs of IEEE 802.1Q (edge case 54). A slot or a protocol offload may be in one: it hears the frames with that VID, whatever
 * their priority, and what it sends has its TCI. The others hear untagged frames, and those with VID 0, which are priority
 * tags, and answer untagged. Frames of a VLAN that nobody is in are counted and dropped; from prepare on they are kept until
 * commit, as who will be in it may still be added. Those of one that somebody is in wake for slots and offloads only:
 * patterns and the magic packet are for frames without a VLAN.
 */
#include "vlan.h"

enum { VID_RESERVED = 0xFFF };

bool same_vlan(uint16_t tci, const struct pkt *p)
{
	return (tci & VLAN_VID_MASK) == p->vid;
}

bool offload_hears(const struct eng_offload_cfg *c, uint8_t type, const struct pkt *p)
{
	return c->type == type && same_vlan(c->vlan_tci, p);
}

/* 0 is none; else with a VID that a VLAN can have. */
bool tci_ok(uint16_t tci)
{
	uint16_t vid = tci & VLAN_VID_MASK;

	return tci == 0 || (vid != 0 && vid != VID_RESERVED);
}

bool vlan_ours(const struct engine *e, const struct pkt *p)
{
	for (int i = 0; i < ENG_SLOTS; i++) {
		if (e->slots[i].used && same_vlan(e->slots[i].cfg.vlan_tci, p))
			return true;
	}
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (same_vlan(e->offloads[i].cfg.vlan_tci, p))
			return true;
	}
	return false;
}
