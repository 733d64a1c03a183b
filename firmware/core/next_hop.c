/*
 * The next hop of a sleeping connection moves to another MAC: a gateway fails over, a server's address goes to another
 * machine (edge case 19). Both announce themselves, by ARP or by neighbour discovery, and whoever hears it is to update
 * what he has (RFC 826 "merge"; RFC 4861 7.2.3 and 7.2.5). A slot with OFF_SLOT_LEARN_NEXT_HOP does, and a UDP or DHCP
 * offload that was told the next hop's address; the others go on, and the loss of a slot's probes wakes the host.
 *
 * Anybody on the link can send such a frame; a sleeping host believes it no more and no less than its kernel would.
 * What cannot be a next hop is not believed: a multicast MAC (arp.c and nd.c refuse it), an empty one, and the host's own;
 * nor is what is said in another VLAN.
 */
#include "next_hop.h"

#include <string.h>

#include "address.h"
#include "arp.h"
#include "nd.h"
#include "vlan.h"

/* Its address is needed only to believe what it announces. Our own would make us believe ourselves. */
int next_hop_check(const struct eng_hop *h, const struct eng_ip *own)
{
	if (h->mac[0] & 1)
		return OFF_BAD_ADDR;
	if (h->ip.len == 0)
		return OFF_OK;
	return h->ip.len == own->len && ip_usable(&h->ip) && !ip_equal(&h->ip, own->b, own->len) ? OFF_OK : OFF_BAD_ADDR;
}

struct news {
	const uint8_t *ip, *mac;
	uint8_t ip_len;
};

/* own_mac: that of the slot or offload, which need not be the one given at prepare. */
static bool next_hop_take(struct engine *e, struct eng_hop *h, const uint8_t *own_mac, const struct news *n)
{
	if (!ip_equal(&h->ip, n->ip, n->ip_len) || memcmp(h->mac, n->mac, 6) == 0 || all_zero(n->mac, 6) ||
	    memcmp(n->mac, e->mac, 6) == 0 || memcmp(n->mac, own_mac, 6) == 0)
		return false;
	memcpy(h->mac, n->mac, 6);
	count(e, C_next_hop_moved);
	return true;
}

void next_hop_learn(struct engine *e, const struct pkt *p)
{
	bool is_arp = p->kind == PKT_ARP;
	struct news n = {.ip_len = is_arp ? 4 : 16};

	if (p->martian || (!is_arp && (p->kind != PKT_ICMP || p->ip_len != 16)))
		return;
	if (!(is_arp ? arp_sender(p, &n.ip, &n.mac) : nd_sender(p, &n.ip, &n.mac)))
		return;
	for (int i = 0; i < ENG_SLOTS; i++) {
		struct eng_slot *s = &e->slots[i];

		if (s->used && (s->cfg.flags & OFF_SLOT_LEARN_NEXT_HOP) && same_vlan(s->cfg.vlan_tci, p) &&
		    next_hop_take(e, &s->cfg.next_hop, s->cfg.local_mac, &n))
			s->next_hop_moves++;
	}
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		struct eng_offload *o = &e->offloads[i];

		if (o->more != NO_SLOT && same_vlan(o->cfg.vlan_tci, p))
			next_hop_take(e, &more_of(e, o)->cfg.next_hop, o->cfg.mac, &n);
	}
}
