/*
 * In place of the protocol offloads, in a profile that has none: nothing is answered, kept for the host or learnt from
 * announcements, and nobody listens to routers.
 */
#include "core/offloads.h"

#include "core/arp.h"
#include "core/nd.h"
#include "core/offload_timers.h"
#include "core/router.h"
#include "core/router_heard.h"
#include "core/udp_ka.h"

_Static_assert(ENG_OFFLOADS == 0, "the Makefile's WITHOUT_ of this profile takes offloads away, its header has room for some");

uint64_t eng_offload_types(void)
{
	return 0;
}

void offload_init(struct engine *e)
{
	(void)e;
}

void offload_clear(struct engine *e)
{
	(void)e;
}

void offload_judge(const struct engine *e, const struct pkt *p, struct verdict *v)
{
	(void)e, (void)p, (void)v;
}

void offload_apply(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	(void)e, (void)p, (void)v;
}

void offload_poll(struct engine *e, uint64_t now)
{
	(void)e, (void)now;
}

uint64_t offload_next_us(const struct engine *e)
{
	(void)e;
	return NEVER_US;
}

void offload_rescale(struct engine *e)
{
	(void)e;
}

bool offload_owes(const struct engine *e)
{
	(void)e;
	return false;
}

void offload_flush(struct engine *e)
{
	(void)e;
}

void offload_forget(struct engine *e)
{
	(void)e;
}

bool arp_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac)
{
	(void)p, (void)ip, (void)mac;
	return false;
}

bool nd_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac)
{
	(void)p, (void)ip, (void)mac;
	return false;
}

void udp_ka_note_fragment(struct engine *e, const struct pkt *p)
{
	(void)e, (void)p;
}

void router_keep(struct engine *e, const struct pkt *p, struct verdict *v)
{
	(void)e, (void)p, (void)v;
}

uint64_t router_next_us(const struct engine *e)
{
	(void)e;
	return NEVER_US;
}

void router_due(struct engine *e)
{
	(void)e;
}

void router_listen(struct engine *e, const uint8_t *frame, uint16_t len)
{
	(void)e, (void)frame, (void)len;
}

void router_note(struct engine *e, const struct pkt *p)
{
	(void)e, (void)p;
}

void router_hand_over(struct engine *e)
{
	(void)e;
}
