/*
 * Power states and who owns the host's identity (offload_rc.h draws the states). The epoch moves at every change of
 * owner: attach, prepare (HOST to NONE), commit (NONE to DEVICE), host awake (DEVICE to NONE), release and abort (to HOST).
 * A commit that finds a waking frame changes no owner, so no epoch: the host goes on from the epoch of its prepare.
 */
#include "engine.h"

#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "engine_state.h"
#include "events.h"
#include "keepalive.h"
#include "lease.h"
#include "link.h"
#include "offload_timers.h"
#include "offloads.h"
#include "parse.h"
#include "pattern.h"
#include "power.h"
#include "router.h"
#include "router_heard.h"
#include "rx.h"
#include "slot_state.h"
#include "slots.h"
#include "verdict.h"
#include "wake.h"

size_t eng_size(void)
{
	return sizeof(struct engine);
}

void eng_init(struct engine *e, const struct eng_env *env, uint32_t boot_id)
{
	memset(e, 0, sizeof *e);
	e->env = *env;
	e->boot_id = boot_id;
	e->epoch = 1;
	e->owner = OFF_OWNER_HOST;   /* in D0, which is 0, as is a slot's IDLE */
	e->minute_us = 60000000u;
	e->next_index = 1;
	for (int i = 0; i < ENG_SLOTS; i++)
		e->slots[i].gen = 1;
	offload_init(e);
}

void eng_set_minute_us(struct engine *e, uint32_t minute_us)
{
	e->minute_us = minute_us;
	ka_rescale(e);
	offload_rescale(e);
}

/* Everything that a host gave, and what came of it; returns how many slots were freed. */
static uint8_t forget_host(struct engine *e)
{
	uint8_t freed = slots_free_all(e);

	patterns_clear(e);
	offload_clear(e);
	memset(e->heard, 0, sizeof e->heard);
	e->ra_due_us = 0;
	e->lost = 0;
	e->arm = 0;
	e->last_wake_reason = OFF_WAKE_NONE;
	buffer_clear(e);
	events_clear(e);
	return freed;
}

int eng_attach(struct engine *e, uint16_t owner, uint32_t lease_ms, uint8_t *freed_slots)
{
	if (lease_ms < ENG_LEASE_MIN_MS || lease_ms > ENG_LEASE_MAX_MS)
		return OFF_BAD_INTERVAL;
	*freed_slots = forget_host(e);
	e->owner_id = owner;
	e->lease_ms = lease_ms;
	eng_lease_renew(e);
	set_power(e, OFF_D0);
	set_owner(e, OFF_OWNER_HOST);
	return OFF_OK;
}

int eng_prepare(struct engine *e, uint32_t epoch, uint8_t target, uint32_t arm, const uint8_t mac[6], uint32_t wake_timer_ms,
		uint32_t yield_ms)
{
	if (e->power != OFF_D0)
		return OFF_BAD_STATE;
	if (epoch != e->epoch)
		return OFF_STALE_EPOCH;
	if (target != 2 && target != 3)
		return OFF_BAD_ARG;
	if (arm & ~(uint32_t)ENG_ARM)
		return OFF_UNSUPPORTED;
	if (mac[0] & 1)
		return OFF_BAD_ADDR;
	if (yield_ms > ENG_YIELD_MAX_MS)
		return OFF_BAD_INTERVAL;
	memcpy(e->mac, mac, 6);
	e->arm = arm;
	e->wake_timer_ms = wake_timer_ms;
	e->yield_ms = yield_ms;
	e->lost = 0;
	e->link_changes = 0;
	e->next_index = 1;
	e->last_wake_reason = OFF_WAKE_NONE;
	buffer_clear(e);
	events_clear(e);
	offload_forget(e);
	set_power(e, OFF_PREPARED);
	set_owner(e, OFF_OWNER_NONE);
	return OFF_OK;
}

/* It was well formed when it came. Now cut short, it could be a waking one, as one that found no room. */
static void judge_kept(struct engine *e, const struct eng_frame *f, struct pkt *p, struct verdict *v)
{
	enum parse_result r = pkt_parse(p, f->bytes, f->saved_len);

	rx_judge(e, p, v);
	if (r != PARSE_OK && !v->wake)
		v->wake = OFF_WAKE_BUFFER_FULL;
}

static void wake_by_kept(struct engine *e, struct eng_frame *f, const struct pkt *p, const struct verdict *v)
{
	rx_count_hits(e, v->hits);
	router_note(e, p);
	if (v->wake == OFF_WAKE_TCP_RST)
		slot_break(e, &e->slots[v->slot], v->wake);
	f->flags |= OFF_FRAME_WAKE;
	f->pattern_id = v->pattern_id;
	e->counter[C_rx_buffered]--;
	count(e, C_rx_wake);
	wake(e, v->wake, v->slot, v->pattern_id, f, p->tagged);
}

/* First pass of commit: nothing is answered yet, so the host can still be given everything as it came. */
static bool captured_wake(struct engine *e)
{
	for (uint16_t i = 0; i < e->frame_count; i++) {
		struct eng_frame *f = buffer_at(e, i);
		struct pkt p;
		struct verdict v;

		judge_kept(e, f, &p, &v);
		if (v.wake == OFF_WAKE_NONE)
			continue;
		wake_by_kept(e, f, &p, &v);
		return true;
	}
	if (link_wakes(e))
		return true;
	/* A frame that found no room could have been a waking one. */
	if (e->lost)
		wake(e, OFF_WAKE_BUFFER_FULL, NO_SLOT, NO_PATTERN, NULL, false);
	return e->lost != 0;
}

/*
 * Second pass: the device is the host now and deals with what came in between as if it came now. What one frame changes
 * (a reset ends its slot) may let a later one wake after all: the host gets it and what is behind it.
 */
static void process_captured(struct engine *e)
{
	while (e->frame_count) {
		struct eng_frame *f = buffer_at(e, 0);
		struct pkt p;
		struct verdict v;

		judge_kept(e, f, &p, &v);
		if (v.wake) {
			wake_by_kept(e, f, &p, &v);
			return;
		}
		e->counter[C_rx_buffered]--;
		rx_apply_quiet(e, &p, &v);
		eng_frames_ack(e, f->index);
	}
}

int eng_commit(struct engine *e, uint32_t epoch)
{
	if (e->power != OFF_PREPARED)
		return OFF_BAD_STATE;
	if (epoch != e->epoch)
		return OFF_STALE_EPOCH;
	if (captured_wake(e))
		return OFF_WAKE_PENDING;
	set_power(e, OFF_D3);
	set_owner(e, OFF_OWNER_DEVICE);
	e->power_timer_us = e->wake_timer_ms ? now_us(e) + scale_us(e, e->wake_timer_ms) : NEVER_US;
	process_captured(e);         /* may wake: the timer is another one then */
	return OFF_OK;
}

int eng_abort(struct engine *e, uint32_t epoch)
{
	if (e->power != OFF_PREPARED && e->power != OFF_AWAKE)
		return OFF_BAD_STATE;
	if (epoch != e->epoch)
		return OFF_STALE_EPOCH;
	slots_end_standby(e);        /* their state is the host's again; captured frames stay for a drain */
	set_power(e, OFF_D0);
	set_owner(e, OFF_OWNER_HOST);
	return OFF_OK;
}

int eng_host_awake(struct engine *e, uint32_t epoch)
{
	if (e->power != OFF_D3 && e->power != OFF_WOKEN)
		return OFF_BAD_STATE;
	if (epoch != e->epoch)
		return OFF_STALE_EPOCH;
	offload_flush(e);
	router_hand_over(e);
	set_power(e, OFF_AWAKE);
	set_owner(e, OFF_OWNER_NONE);
	return OFF_OK;
}

int eng_release(struct engine *e, struct eng_slot_state out[ENG_SLOTS], uint8_t *n)
{
	if (e->power != OFF_AWAKE)
		return OFF_BAD_STATE;
	*n = eng_slot_list(e, out);
	slots_end_standby(e);
	buffer_clear(e);
	events_clear(e);
	set_power(e, OFF_D0);
	set_owner(e, OFF_OWNER_HOST);
	return OFF_OK;
}

/* The host may be asleep after all and have lost count: the event is a wake. */
static void tell_lease_over(struct engine *e, uint64_t now)
{
	struct eng_event ev = {
		.kind = OFF_EVENT_WAKE, .slot = NO_SLOT, .reason = OFF_WAKE_LEASE_EXPIRED, .epoch = e->epoch, .wake_seq = ++e->wakes,
		.pattern_id = NO_PATTERN, .t_rx_us = now, .t_wake_us = now,
	};

	event_put(e, &ev);
	e->last_wake_reason = OFF_WAKE_LEASE_EXPIRED;
}

static void end_lease(struct engine *e, uint64_t now)
{
	forget_host(e);
	count(e, C_lease_expired);
	set_power(e, OFF_EXPIRED);
	set_owner(e, OFF_OWNER_NONE);
	tell_lease_over(e, now);
}

static uint64_t timer_next_us(const struct engine *e)
{
	return e->power == OFF_D3 || (e->power == OFF_WOKEN && !e->speaking) ? e->power_timer_us : NEVER_US;
}

static void timer_due(struct engine *e)
{
	if (e->power == OFF_D3)
		wake(e, OFF_WAKE_HOST_TIMER, NO_SLOT, NO_PATTERN, NULL, false);
	else
		speak_again(e);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint32_t eng_poll(struct engine *e)
{
	uint64_t now = now_us(e);

	if (lease_over(e, now))
		end_lease(e, now);
	if (now >= timer_next_us(e))
		timer_due(e);
	if (now >= router_next_us(e))
		router_due(e);
	ka_poll(e, now);
	offload_poll(e, now);
	uint64_t next = earlier(earlier(lease_next_us(e), timer_next_us(e)), earlier(ka_next_us(e), offload_next_us(e)));
	next = earlier(next, router_next_us(e));

	if (next <= now)
		return 0;
	return next - now < UINT32_MAX ? (uint32_t)(next - now) : UINT32_MAX;
}

void eng_status(const struct engine *e, struct eng_status *out)
{
	*out = (struct eng_status){
		.arm = e->arm, .lost = e->lost, .epoch = e->epoch, .wakes = e->wakes, .owner = e->owner, .power = e->power,
		.events_pending = e->n_events, .buffered = e->frame_count, .last_wake_reason = e->last_wake_reason,
		.owner_id = e->owner_id, .lease_left_ms = lease_left_ms(e),
	};
	for (int i = 0; i < ENG_SLOTS; i++)
		out->next_hops_moved = (uint8_t)(out->next_hops_moved + (e->slots[i].next_hop_moves != 0));
}
