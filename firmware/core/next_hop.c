/*
 * The next hop of a sleeping connection moves to another MAC: a gateway fails over, a server's address goes to another
 * machine (edge case 19). Both announce themselves, by ARP or by neighbour discovery, and whoever hears it is to update
 * what he has (RFC 826 "merge"; RFC 4861 7.2.3 and 7.2.5). A slot with OFF_SLOT_LEARN_NEXT_HOP does; the others go on, and
 * the loss of their probes wakes the host.
 *
 * Anybody on the link can send such a frame; a sleeping host believes it no more and no less than its kernel would.
 * What cannot be a next hop is not believed: a multicast MAC (arp.c and nd.c refuse it), an empty one, and the host's own.
 */
#include <string.h>

#include "engine_state.h"

static bool usable(const struct engine *e, const struct eng_slot_cfg *c, const uint8_t *mac)
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, 6) != 0 && memcmp(mac, e->mac, 6) != 0 && memcmp(mac, c->local_mac, 6) != 0;
}

static void move(struct engine *e, struct eng_slot *s, const uint8_t *mac)
{
	memcpy(s->cfg.next_hop_mac, mac, 6);
	s->next_hop_moves++;
	count(e, C_next_hop_moved);
}

void next_hop_learn(struct engine *e, const struct pkt *p)
{
	const uint8_t *ip, *mac;
	bool is_arp = p->kind == PKT_ARP;

	if (p->martian || (!is_arp && (p->kind != PKT_ICMP || p->ip_len != 16)))
		return;
	if (!(is_arp ? arp_sender(p, &ip, &mac) : nd_sender(p, &ip, &mac)))
		return;
	for (int i = 0; i < ENG_SLOTS; i++) {
		struct eng_slot *s = &e->slots[i];

		if (s->used && (s->cfg.flags & OFF_SLOT_LEARN_NEXT_HOP) && ip_equal(&s->cfg.next_hop_ip, ip, is_arp ? 4 : 16) &&
		    usable(e, &s->cfg, mac) && memcmp(s->cfg.next_hop_mac, mac, 6) != 0)
			move(e, s, mac);
	}
}
