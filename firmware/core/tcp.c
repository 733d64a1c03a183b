/*
 * The receive side of a slot: RFC 9293 3.10.7.4, with RFC 5961 (RST, SYN, ACK) and RFC 7323 (PAWS). It differs from a
 * full stack in one thing: RCV.NXT never moves. What would move it (data, FIN) wakes the host, which gets the segment.
 * The one exception is the answer to a payload keep-alive (payload_ka.c), which the host is told of when it wakes.
 */
#include "tcp.h"

#include "keepalive.h"
#include "payload_ka.h"
#include "rate.h"
#include "seq.h"
#include "slot_state.h"
#include "tcp_tx.h"

/*
 * RFC 7323 5.5: after 24 days of silence the peer's clock may have gone half way round; after 36 minutes, if it counts
 * microseconds, which both ends do if one does.
 */
#define TS_VALID_US (24ull * 86400ull * 1000000ull)
#define TS_VALID_FAST_US (1ull << 31)

static bool paws_rejects(const struct engine *e, const struct eng_slot *s, const struct pkt *p)
{
	uint64_t age = now_us(e) - s->ts_recent_us + (uint64_t)s->cfg.ts_recent_age_ms * 1000u;
	/* RFC 7323 5.2: s < t if 0 < t - s < 2^31. Half way round is not older, as kernels have it: not seq_lt. */
	bool older = s->cfg.ts_recent - p->tsval - 1u < (1u << 31) - 1u;

	return p->ts && older && age <= (s->cfg.ts_hz == 1000u ? TS_VALID_US : TS_VALID_FAST_US);
}

static enum tcp_verdict judge_rst(const struct eng_slot *s, const struct pkt *p)
{
	if (p->seq == s->cfg.rcv_nxt)
		return TCP_RST_EXACT;
	return seq_in(p->seq, s->cfg.rcv_nxt, tcp_window(s)) ? TCP_RST_IN_WINDOW : TCP_RST_OUTSIDE;
}

/* Every byte of the segment was received before, its FIN was not: that is what trimming leaves (RFC 9293 3.10.7.4). */
static bool only_fin_is_new(const struct eng_slot *s, const struct pkt *p)
{
	return (p->flags & TCP_FIN) && p->seq + p->payload_len == s->cfg.rcv_nxt;
}

/* RFC 9293 3.10.7.4: what lies outside the window is trimmed off, "including SYN and FIN"; one at RCV.NXT needs no room. */
bool tcp_fin_is_news(const struct eng_slot *s, const struct pkt *p)
{
	return (p->flags & TCP_FIN) &&
	       (only_fin_is_new(s, p) || seq_in(p->seq + p->payload_len, s->cfg.rcv_nxt, tcp_window(s)));
}

/*
 * RFC 9293 table 6: does the segment touch the receive window? One thing more is taken: a FIN needs no room, so stacks
 * send it into a closed window, and kernels take it there.
 */
static bool acceptable(const struct eng_slot *s, const struct pkt *p, uint32_t seg_len)
{
	uint32_t window = tcp_window(s), nxt = s->cfg.rcv_nxt;

	if ((p->flags & TCP_ACK) && only_fin_is_new(s, p))
		return true;
	if (seg_len == 0)
		return window == 0 ? p->seq == nxt : seq_in(p->seq, nxt, window);
	return window != 0 && (seq_in(p->seq, nxt, window) || seq_in(p->seq + seg_len - 1, nxt, window));
}

static enum tcp_verdict judge_unacceptable(const struct eng_slot *s, const struct pkt *p, uint32_t seg_len)
{
	uint32_t nxt = s->cfg.rcv_nxt;

	/* RFC 1122 4.2.3.6: no byte or one of garbage, at a sequence number we have had. */
	if (p->seq == nxt - 1 && seg_len <= 1 && !(p->flags & TCP_FIN))
		return TCP_PEER_KA;
	if (p->seq == nxt && tcp_window(s) == 0)
		return TCP_ZERO_WINDOW_PROBE;
	if (seg_len != 0 && seq_leq(p->seq + seg_len, nxt))
		return TCP_OLD_DATA;
	return TCP_OUTSIDE;
}

/*
 * RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, as a distance back from SND.NXT. Less than 2^31 may be in
 * flight, and the window is below 2^30 (slots.c): the sum does not wrap, and a number half way round is outside.
 */
static bool ack_valid(const struct eng_slot *s, const struct pkt *p)
{
	uint32_t in_flight = s->cfg.snd_nxt - s->cfg.snd_una;

	return (p->flags & TCP_ACK) && s->cfg.snd_nxt - p->ack <= in_flight + s->cfg.max_snd_wnd;
}

/*
 * In the order of RFC 9293 3.10.7.4, so that what has several of RST, SYN and FIN is the first of them: a RST whatever
 * else is set, then a SYN. What has no ACK is dropped only as the fifth check: before, it is answered like any other.
 */
enum tcp_verdict tcp_judge(const struct engine *e, const struct eng_slot *s, const struct pkt *p)
{
	uint32_t seg_len = p->payload_len + (p->flags & TCP_FIN ? 1u : 0u);

	if (s->state == OFF_SLOT_BROKEN)
		return TCP_NOT_OURS;
	if (p->flags & TCP_RST)      /* RFC 7323 5.2: a RST is not subject to PAWS */
		return judge_rst(s, p);
	if (p->flags & TCP_SYN)
		return TCP_SYN_ANY;
	if (s->cfg.ts_on && !p->ts)
		return TCP_NO_TS;
	if (s->cfg.ts_on && paws_rejects(e, s, p))
		return TCP_PAWS;
	if (!acceptable(s, p, seg_len))
		return judge_unacceptable(s, p, seg_len);
	if (!(p->flags & TCP_ACK))
		return TCP_BAD_FLAGS;
	if (!ack_valid(s, p))
		return TCP_ACK_INVALID;
	if (p->payload_len && !only_fin_is_new(s, p))
		return payload_ka_is_reply(s, p) ? TCP_KA_REPLY : TCP_DATA;
	return p->flags & TCP_FIN ? TCP_FIN_ONLY : TCP_PURE_ACK;
}

/* What each verdict counts, answers and means to the idle timer. */
static const struct {
	uint8_t detail;
	enum { SILENT, CHALLENGE, ANSWER } reply;
	bool heard;
} rules[TCP_VERDICTS] = {
	[TCP_BAD_FLAGS] = {C_tcp_bad_flags, SILENT, false},
	[TCP_NO_TS] = {C_tcp_no_ts, SILENT, false},
	[TCP_PAWS] = {C_paws_drop, ANSWER, false},
	[TCP_RST_IN_WINDOW] = {C_rst_in_window, CHALLENGE, false},
	[TCP_RST_OUTSIDE] = {C_rst_out_of_window, SILENT, false},
	[TCP_SYN_ANY] = {C_syn_challenged, CHALLENGE, false},
	[TCP_PEER_KA] = {C_rx_total, ANSWER, true},
	[TCP_ZERO_WINDOW_PROBE] = {C_zero_window_answered, ANSWER, true},
	[TCP_OLD_DATA] = {C_dup_data_acked, ANSWER, true},
	[TCP_OUTSIDE] = {C_tcp_out_of_window, CHALLENGE, false},
	[TCP_ACK_INVALID] = {C_ack_invalid, CHALLENGE, false},
	[TCP_PURE_ACK] = {C_rx_total, SILENT, true},
	[TCP_DATA] = {C_rx_total, SILENT, true},
	[TCP_KA_REPLY] = {C_ka_reply_rx, ANSWER, true},
	[TCP_FIN_ONLY] = {C_rx_total, SILENT, true},
};

enum eng_counter_id tcp_detail(enum tcp_verdict v)
{
	return (enum eng_counter_id)rules[v].detail;
}

uint16_t tcp_wake_reason(const struct eng_slot *s, enum tcp_verdict v)
{
	if (v == TCP_DATA && (s->cfg.flags & OFF_SLOT_WAKE_ON_DATA))
		return OFF_WAKE_TCP_DATA;
	if (v == TCP_RST_EXACT && (s->cfg.flags & OFF_SLOT_WAKE_ON_RST))
		return OFF_WAKE_TCP_RST;
	return OFF_WAKE_NONE;
}

static void note_acked(struct eng_slot *s, const struct pkt *p)
{
	if (seq_lt(s->cfg.snd_una, p->ack))
		s->cfg.snd_una = p->ack;
}

/* A valid ACK whose data, if any, is ours to take: what a sleeping host's stack would remember of it. */
static void take_ack(struct engine *e, struct eng_slot *s, const struct pkt *p)
{
	struct eng_slot_cfg *c = &s->cfg;

	/* RFC 7323 4.3: only a segment that starts at or before the last ACK sent may move TS.Recent. */
	if (c->ts_on && p->ts && seq_leq(p->seq, c->rcv_wup)) {
		c->ts_recent = p->tsval;
		c->ts_recent_age_ms = 0;
		s->ts_recent_us = now_us(e);
	}
	note_acked(s, p);
	/* RFC 9293 3.10.7.4: an older segment or acknowledgement must not bring back an older window. */
	if (seq_leq(c->snd_wl1, p->seq) && seq_leq(c->snd_una, p->ack)) {
		c->snd_wl1 = p->seq;
		c->snd_wnd = (uint32_t)p->window << c->snd_wscale;
		if (c->snd_wnd > c->max_snd_wnd)
			c->max_snd_wnd = c->snd_wnd;
	}
	if (s->unanswered && !payload_ka_unacked(s)) {
		s->ka_acked++;
		count_frame(e, C_ka_rx_ack);
	}
}

static bool tcp_answer(struct engine *e, struct eng_slot *s, bool challenge)
{
	bool allowed = challenge ? rate_take(&s->challenges, now_us(e), ENG_CHALLENGES_PER_S)
				 : rate_take(&s->answers, now_us(e), ENG_ANSWERS_PER_S);

	if (!allowed) {
		count_frame(e, C_ack_rate_limited);
		return false;
	}
	return tcp_send(e, s, s->cfg.snd_nxt);
}

static void note(struct engine *e, struct eng_slot *s, enum tcp_verdict v, bool sent)
{
	if (v == TCP_PAWS)
		s->paws_drops++;
	if (v == TCP_OLD_DATA)
		s->dup_data++;
	if (sent && rules[v].reply == CHALLENGE)
		s->challenge_acks++;
	if (sent && v == TCP_RST_IN_WINDOW)
		count_frame(e, C_rst_challenged);
	if (sent && v == TCP_PEER_KA) {
		s->peer_ka_answered++;
		count_frame(e, C_peer_ka_answered);
	}
}

/* What the peer repeats until it is acknowledged. What lies behind a hole is not: it may come once. */
static void note_unread(struct eng_slot *s, const struct pkt *p)
{
	if (seq_leq(p->seq, s->cfg.rcv_nxt) && s->unread < UINT8_MAX)
		s->unread++;
}

void tcp_apply(struct engine *e, struct eng_slot *s, const struct pkt *p, enum tcp_verdict v)
{
	bool sent = false;

	if (v == TCP_PURE_ACK || v == TCP_KA_REPLY)
		take_ack(e, s, p);
	if (v == TCP_KA_REPLY)
		payload_ka_take_reply(s);
	if (v == TCP_DATA)
		note_unread(s, p);
	if ((v == TCP_DATA || v == TCP_FIN_ONLY) && payload_ka_on(s))
		note_acked(s, p);            /* else the payload would be sent again beside data that does not wake */
	if (v == TCP_RST_EXACT)
		slot_break(e, s, OFF_WAKE_TCP_RST);
	if (rules[v].reply != SILENT && (v != TCP_PEER_KA || (s->cfg.flags & OFF_SLOT_ANSWER_PEER_KA)))
		sent = tcp_answer(e, s, rules[v].reply == CHALLENGE);
	note(e, s, v, sent);
	if (rules[v].heard && ack_valid(s, p))   /* any sequence number of half of them is old data: that alone proves no peer */
		ka_heard(e, s);
}
