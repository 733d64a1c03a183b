/*
 * Keep-alive of the slots. A slot is quiet for ka_idle, then a probe every ka_intvl; ka_cnt probes without an answer
 * end it. Only what is heard restarts the idle time. A probe that the wire did not take was not sent, so not lost; while
 * the link is down no connection ends (edge case 18).
 * Payload keep-alives come every ka_idle instead, whatever is heard: the peer's application waits for them.
 */
#include "keepalive.h"

#include "clock.h"
#include "payload_ka.h"
#include "slot_state.h"
#include "tcp_tx.h"
#include "tx.h"
#include "wake.h"

static void ka_arm(struct engine *e, struct eng_slot *s, uint64_t from_us, uint32_t wait_ms)
{
	s->ka_from_us = from_us;
	s->ka_wait_ms = wait_ms;
	s->ka_due_us = from_us + scale_us(e, wait_ms);
	s->probe_failed = false;
}

/* idle_elapsed_ms had passed when the peer was last heard of, or the slot was added. */
void ka_start(struct engine *e, struct eng_slot *s)
{
	uint32_t idle = s->cfg.ka_idle_ms, elapsed = s->cfg.idle_elapsed_ms;

	ka_arm(e, s, s->last_rx_us, elapsed < idle ? idle - elapsed : 0);
}

/* From where its time counts: a payload's from the last one, whatever was heard; a probe's from what was heard. */
static void arm_idle(struct engine *e, struct eng_slot *s)
{
	if (payload_ka_on(s) && s->payload.next_from_us)
		ka_arm(e, s, s->payload.next_from_us, s->payload.next_wait_ms);
	else
		ka_start(e, s);
}

/* What became due while nothing was sent is due now, and is not late. */
static void ka_forgive(struct engine *e, struct eng_slot *s)
{
	uint64_t now = now_us(e);

	if (s->ka_due_us < now)
		ka_arm(e, s, now, 0);
}

static uint32_t retry_ms(const struct eng_slot *s)
{
	return payload_ka_on(s) ? payload_ka_wait_ms(s) : s->cfg.ka_intvl_ms;
}

void ka_begin_again(struct engine *e, struct eng_slot *s)
{
	s->unanswered = 0;
	payload_ka_forgive(s);               /* an answer may have come while nobody knew the slot */
	if (payload_ka_unacked(s))           /* what we sent must be sent again */
		ka_arm(e, s, now_us(e), 0);
	else
		arm_idle(e, s);
	ka_forgive(e, s);
}

void ka_reschedule(struct engine *e, struct eng_slot *s)
{
	s->payload.next_wait_ms = s->cfg.ka_idle_ms;
	if (s->state == OFF_SLOT_PROBING)
		ka_arm(e, s, s->ka_from_us, retry_ms(s));
	else
		arm_idle(e, s);
	ka_forgive(e, s);
}

/* The next payload, where the last was repeated, or a closed window asked after. */
static void ka_go_on(struct engine *e, struct eng_slot *s)
{
	struct payload_ka *k = &s->payload;
	uint64_t now = now_us(e);

	arm_idle(e, s);
	if (s->ka_due_us < now) {
		k->next_wait_ms = k->next_from_us == k->sent_us ? s->cfg.ka_idle_ms : 0;   /* not across the answer to the last */
		k->next_from_us = now;
		arm_idle(e, s);
	}
}

void ka_heard(struct engine *e, struct eng_slot *s)
{
	bool waited = s->state == OFF_SLOT_PROBING;

	s->last_rx_us = now_us(e);
	s->cfg.idle_elapsed_ms = 0;
	if (payload_ka_unacked(s))           /* alive, but what we sent must be sent again */
		return;
	s->unanswered = 0;
	if (waited)
		slot_set_state(e, s, OFF_SLOT_ACTIVE);
	if (!payload_ka_on(s))
		ka_start(e, s);
	else if (waited)
		ka_go_on(e, s);
}

void ka_rescale(struct engine *e)
{
	for (int i = 0; i < ENG_SLOTS; i++)
		ka_arm(e, &e->slots[i], e->slots[i].ka_from_us, e->slots[i].ka_wait_ms);
}

static bool probing(const struct eng_slot *s)
{
	return s->used && (s->state == OFF_SLOT_ACTIVE || s->state == OFF_SLOT_PROBING);
}

/* The slot that is due longest; of equal ones the lowest, whose next deadline then lies behind the others'. */
static const struct eng_slot *most_due(const struct engine *e)
{
	const struct eng_slot *best = NULL;

	for (int i = 0; i < ENG_SLOTS; i++) {
		const struct eng_slot *s = &e->slots[i];

		if (probing(s) && (!best || s->ka_due_us < best->ka_due_us))
			best = s;
	}
	return best;
}

static void ka_give_up(struct engine *e, struct eng_slot *s)
{
	s->ka_lost++;
	count(e, C_ka_timeout);
	slot_break(e, s, OFF_WAKE_KA_TIMEOUT);
	if ((s->cfg.flags & OFF_SLOT_WAKE_ON_TIMEOUT) && (e->arm & OFF_ARM_TCP))
		wake(e, OFF_WAKE_KA_TIMEOUT, slot_index(e, s), NO_PATTERN, NULL, false);
}

static void note_late(struct engine *e, const struct eng_slot *s, uint64_t now)
{
	static const uint16_t timer_late_limit_us[] = {250, 500, 1000, 2000, 5000, 10000, 50000};
	uint64_t late_us = now - s->ka_due_us;
	unsigned i = 0;

	if (s->probe_failed)
		return;
	if (late_us > e->counter[C_timer_late_max_us])
		e->counter[C_timer_late_max_us] = late_us;
	while (i < sizeof timer_late_limit_us / sizeof timer_late_limit_us[0] && late_us > timer_late_limit_us[i])
		i++;
	count(e, (enum eng_counter_id)(C_timer_late_250us + i));
}

static void put_off(struct engine *e, struct eng_slot *s, uint64_t now)
{
	count(e, C_tx_busy_retry);
	s->probe_failed = true;
	s->ka_due_us = now + tx_retry_us(e);
}

static void ka_probe(struct engine *e, struct eng_slot *s, uint64_t now)
{
	note_late(e, s, now);
	if (!(payload_ka_on(s) ? payload_ka_send(e, s, now) : tcp_send(e, s, s->cfg.snd_una - 1))) {
		put_off(e, s, now);
		return;
	}
	if (s->unanswered)
		s->ka_lost++;
	s->unanswered++;
	s->ka_sent++;
	count(e, C_ka_tx);
	slot_set_state(e, s, OFF_SLOT_PROBING);
	e->ka_gap_us = now + ENG_KA_SPACING_US;
	ka_arm(e, s, now, retry_ms(s));
}

/* The answer to the last probe or payload may have met a dead link: one more is sent before the connection counts as lost. */
static void wait_for_link(struct engine *e, struct eng_slot *s, uint64_t now)
{
	if (s->unanswered && s->unanswered >= s->cfg.ka_cnt)
		s->unanswered--;
	payload_ka_forgive(s);
	put_off(e, s, now);
}

void ka_poll(struct engine *e, uint64_t now)
{
	if (!speaks(e) || now < e->ka_gap_us)
		return;
	const struct eng_slot *due = most_due(e);
	if (!due || due->ka_due_us > now)
		return;
	struct eng_slot *s = &e->slots[slot_index(e, due)];
	if (e->link == LINK_DOWN)
		wait_for_link(e, s, now);
	else if (s->unanswered >= s->cfg.ka_cnt || payload_ka_unanswered(s))
		ka_give_up(e, s);
	else if (payload_ka_exhausted(s) && (e->arm & OFF_ARM_TCP))
		wake(e, OFF_WAKE_NO_MORE_TOKENS, slot_index(e, s), NO_PATTERN, NULL, false);
	else
		ka_probe(e, s, now);
}

uint64_t ka_next_us(const struct engine *e)
{
	const struct eng_slot *due = speaks(e) ? most_due(e) : NULL;

	if (!due)
		return NEVER_US;
	return due->ka_due_us > e->ka_gap_us ? due->ka_due_us : e->ka_gap_us;
}
