/* What ends a sleep. One place tells the host, counts the reason and moves the power state on. */
#include "wake.h"

#include "events.h"
#include "offload_timers.h"
#include "power.h"
#include "router_heard.h"
#include "slot_state.h"

static void count_wake(struct engine *e, uint16_t reason)
{
	static const struct {
		uint16_t reason;
		uint8_t counter;
	} map[] = {
		{OFF_WAKE_PACKET, C_wake_packet},           {OFF_WAKE_TCP_DATA, C_wake_tcp_data},
		{OFF_WAKE_TCP_FIN, C_wake_tcp_fin},         {OFF_WAKE_TCP_RST, C_wake_tcp_rst},
		{OFF_WAKE_KA_TIMEOUT, C_wake_ka_timeout},   {OFF_WAKE_ADDR_CONFLICT, C_wake_addr_conflict},
		{OFF_WAKE_ROUTER_CHANGED, C_wake_router_changed},
		{OFF_WAKE_HOST_TIMER, C_wake_host_timer},   {OFF_WAKE_UNPARSEABLE_IN_SLOT, C_wake_unparseable},
		{OFF_WAKE_MEDIA_CONNECT, C_wake_link},      {OFF_WAKE_MEDIA_DISCONNECT, C_wake_link},
		{OFF_WAKE_IPSEC, C_wake_ipsec},             {OFF_WAKE_UDP_DATA, C_wake_udp_data},
		{OFF_WAKE_DHCP_NAK, C_wake_dhcp},           {OFF_WAKE_DHCP_EXPIRED, C_wake_dhcp},
		{OFF_WAKE_DHCP_CHANGED, C_wake_dhcp},
		{OFF_WAKE_NO_MORE_TOKENS, C_wake_no_more_tokens}, {OFF_WAKE_BUFFER_FULL, C_wake_buffer_full},
	};

	for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
		if (map[i].reason == reason)
			count_frame(e, (enum eng_counter_id)map[i].counter);
	}
}

static void mark_slot(struct engine *e, uint8_t slot)
{
	if (slot != NO_SLOT && e->slots[slot].state != OFF_SLOT_BROKEN)
		slot_set_state(e, &e->slots[slot], OFF_SLOT_WOKEN);
}

static void wake_report(struct engine *e, uint16_t reason, uint8_t slot, uint32_t pattern_id, const struct eng_frame *f, bool tagged)
{
	uint64_t now = now_us(e);
	struct eng_event ev = {
		.kind = OFF_EVENT_WAKE, .slot = slot, .gen = slot == NO_SLOT ? 0 : e->slots[slot].gen, .reason = reason,
		.subreason = e->power == OFF_PREPARED ? OFF_WAKE_RX_WHILE_PREPARE : 0, .epoch = e->epoch, .wake_seq = ++e->wakes,
		.pattern_id = pattern_id, .t_rx_us = f ? f->t_rx_us : now, .t_wake_us = now,
	};

	if (f) {
		ev.orig_size = f->orig_len;
		ev.saved_size = f->saved_len;
		ev.l2_flags = (uint16_t)((f->flags & OFF_FRAME_MULTICAST ? OFF_EVENT_MULTICAST : 0) | (tagged ? OFF_EVENT_TAGGED : 0));
	}
	if (e->power == OFF_D3 && !e->speaking)
		ev.l2_flags |= OFF_EVENT_YIELDED;
	event_put(e, &ev);
}

/*
 * A host to which the wire is left goes ahead without an answer of ours: but it has to hear where a next hop has moved to
 * before it sends. An answer that comes meanwhile is kept for the host, and would not count.
 */
static bool may_yield(const struct engine *e)
{
	for (int i = 0; i < ENG_SLOTS; i++) {
		const struct eng_slot *s = &e->slots[i];

		if (s->next_hop_moves || s->state == OFF_SLOT_PROBING || s->payload.reply_due)
			return false;
	}
	return e->yield_ms != 0 && !offload_owes(e); /* to what the host has not heard */
}

/* Real time, as the host's way is. */
static void yield_where_possible(struct engine *e)
{
	e->speaking = !may_yield(e);
	e->power_timer_us = now_us(e) + (uint64_t)e->yield_ms * 1000;
}

void speak_again(struct engine *e)
{
	for (int i = 0; i < ENG_EVENTS; i++)
		e->events[i].l2_flags &= (uint16_t)~OFF_EVENT_YIELDED;
	e->speaking = true;
}

/* One event a sleep. A reason that comes while the host is already being woken only marks its slot. */
void wake(struct engine *e, uint16_t reason, uint8_t slot, uint32_t pattern_id, const struct eng_frame *frame, bool tagged)
{
	mark_slot(e, slot);
	if (e->power != OFF_D3 && e->power != OFF_PREPARED) {
		count_frame(e, C_wake_suppressed);
		return;
	}
	count_wake(e, reason);
	if (e->power == OFF_PREPARED)
		count_frame(e, C_wake_while_prepare);
	if (e->power == OFF_D3) {
		router_hand_over(e);
		yield_where_possible(e);
	}
	wake_report(e, reason, slot, pattern_id, frame, tagged);
	e->last_wake_reason = reason;
	set_power(e, e->power == OFF_D3 ? OFF_WOKEN : OFF_AWAKE);
}

void eng_stalled(struct engine *e)
{
	wake_report(e, OFF_WAKE_FIRMWARE_STALLED, NO_SLOT, NO_PATTERN, NULL, false);
	e->last_wake_reason = OFF_WAKE_FIRMWARE_STALLED;
}
