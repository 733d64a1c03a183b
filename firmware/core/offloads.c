/*
 * The table of protocol offloads: what the device answers in the host's name. It knows the types, each type's own file
 * knows its protocol. A frame concerns at most one offload: the first in the order of addition.
 */
#include "offloads.h"

#include <string.h>

#include "arp.h"
#include "dhcp.h"
#include "echo.h"
#include "mdns.h"
#include "membership.h"
#include "nd.h"
#include "offload_timers.h"
#include "udp_ka.h"
#include "vlan.h"
#include "wipe.h"

void offload_judge(struct engine *e, const struct pkt *p, struct verdict *v)
{
	if (p->kind == PKT_ARP) {
		arp_judge(e, p, v);
	} else if (p->kind == PKT_ICMP) {
		if (p->ip_len == 16)
			nd_judge(e, p, v);
		if (v->offload == NO_SLOT && !v->broken)
			echo_judge(e, p, v);
	}
	if (p->kind == PKT_IGMP || p->kind == PKT_ICMP) {
		group_judge(e, p, v);
	} else if (p->kind == PKT_FRAGMENT) {
		udp_ka_judge(e, p, v);
	} else if (p->kind == PKT_UDP) {
		udp_ka_judge(e, p, v);
		if (!v->final)
			dhcp_judge(e, p, v);
		if (!v->final)
			mdns_judge(e, p, v);
	}
}

void offload_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	switch (e->offloads[v->offload].cfg.type) {
	case OFF_OFFLOAD_ARP:
		arp_apply(e, p, v);
		break;
	case OFF_OFFLOAD_NS:
		nd_apply(e, p, v);
		break;
	case OFF_OFFLOAD_ECHO:
		echo_apply(e, p, v);
		break;
	case OFF_OFFLOAD_GROUP:
		group_apply(e, p);
		break;
	case OFF_OFFLOAD_DHCP:
		dhcp_apply(e, p, v);
		break;
	case OFF_OFFLOAD_MDNS:
		mdns_apply(e, p);
		break;
	default:
		break;
	}
}

/* The types with more than the common fields; `m` is NULL when the host gave none. */
static bool has_more(uint8_t type)
{
	return type == OFF_OFFLOAD_NATT || type == OFF_OFFLOAD_UDP || type == OFF_OFFLOAD_DHCP || type == OFF_OFFLOAD_MDNS;
}

uint64_t eng_offload_types(void)
{
	return 1ull << OFF_OFFLOAD_ARP | 1ull << OFF_OFFLOAD_NS | 1ull << OFF_OFFLOAD_ECHO | 1ull << OFF_OFFLOAD_GROUP |
	       1ull << OFF_OFFLOAD_NATT | 1ull << OFF_OFFLOAD_UDP | 1ull << OFF_OFFLOAD_DHCP | 1ull << OFF_OFFLOAD_MDNS;
}

static uint16_t flags_of(uint8_t type)
{
	switch (type) {
	case OFF_OFFLOAD_NS:
		return ENG_NS_FLAGS;
	case OFF_OFFLOAD_UDP:
		return OFF_UDP_WAKE_ON_DATA;
	case OFF_OFFLOAD_MDNS:
		return OFF_MDNS_UNIQUE;
	default:
		return 0;
	}
}

static int check(const struct eng_offload_cfg *c, const struct eng_offload_more *m)
{
	if (c->flags & ~flags_of(c->type))
		return OFF_UNSUPPORTED;
	if (c->mac[0] & 1)
		return OFF_BAD_ADDR;
	if (!tci_ok(c->vlan_tci))
		return OFF_BAD_ARG;
	switch (c->type) {
	case OFF_OFFLOAD_ARP:
		return arp_check(c);
	case OFF_OFFLOAD_NS:
		return nd_check(c);
	case OFF_OFFLOAD_ECHO:
		return echo_check(c);
	case OFF_OFFLOAD_GROUP:
		return group_check(c);
	case OFF_OFFLOAD_NATT:
	case OFF_OFFLOAD_UDP:
		return udp_ka_check(c, m);
	case OFF_OFFLOAD_DHCP:
		return dhcp_check(c, m);
	case OFF_OFFLOAD_MDNS:
		return mdns_check(c, &m->mdns);
	default:
		return OFF_UNSUPPORTED;
	}
}

/* Index of a free row of `more`, NO_SLOT when there is none. */
static uint8_t more_free(const struct engine *e)
{
	for (uint8_t i = 0; i < ENG_OFFLOADS_MORE; i++) {
		if (!e->more[i].used)
			return i;
	}
	return NO_SLOT;
}

static int append(struct engine *e, const struct eng_offload_cfg *c, const struct eng_offload_more *m)
{
	uint8_t row = m ? more_free(e) : NO_SLOT;

	if (e->n_offloads == ENG_OFFLOADS || (m && row == NO_SLOT))
		return OFF_LIST_FULL;
	if (m) {
		e->more[row] = (struct eng_more){.used = true};
		e->more[row].cfg = *m;
	}
	struct eng_offload *o = &e->offloads[e->n_offloads++];
	*o = (struct eng_offload){.cfg = *c, .more = row, .due_us = NEVER_US};
	offload_arm(e, o);
	return OFF_OK;
}

int eng_offload_add_more(struct engine *e, const struct eng_offload_cfg *c, const struct eng_offload_more *more)
{
	const struct eng_offload_more *m = has_more(c->type) ? more : NULL;

	if (e->power != OFF_D0 && e->power != OFF_PREPARED)
		return OFF_NOT_ACCEPTED;
	int rc = has_more(c->type) && !more ? OFF_BAD_ARG : check(c, m);
	if (rc != OFF_OK)
		return rc;
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (e->offloads[i].cfg.id == c->id)
			return OFF_DUP_ID;
	}
	return append(e, c, m);
}

int eng_offload_add(struct engine *e, const struct eng_offload_cfg *c)
{
	return eng_offload_add_more(e, c, NULL);
}

int eng_offload_remove(struct engine *e, uint32_t id)
{
	for (uint8_t i = 0; i < e->n_offloads; i++) {
		if (e->offloads[i].cfg.id != id)
			continue;
		if (e->offloads[i].more != NO_SLOT)
			wipe(more_of(e, &e->offloads[i]), sizeof(struct eng_more));
		e->n_offloads--;
		memmove(&e->offloads[i], &e->offloads[i + 1], (size_t)(e->n_offloads - i) * sizeof e->offloads[0]);
		return OFF_OK;
	}
	return OFF_NOT_FOUND;
}

bool eng_offload_at(const struct engine *e, uint8_t i, uint32_t *id, uint8_t *type, uint32_t *answered)
{
	if (i >= e->n_offloads)
		return false;
	*id = e->offloads[i].cfg.id;
	*type = e->offloads[i].cfg.type;
	*answered = e->offloads[i].answered;
	return true;
}

void offload_clear(struct engine *e)
{
	e->n_offloads = 0;
	memset(e->more, 0, sizeof e->more);
}
