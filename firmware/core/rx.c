/*
 * What happens to a received frame. Order in D3: checks of the frame itself, then address resolution, then the slot it
 * belongs to, then patterns, then policy (drop). A slot's own frames never reach the patterns unless the slot's flags
 * say that they do not concern it; an ARP request may be answered and wake by a pattern, both.
 */
#include "rx.h"

#include "buffer.h"
#include "bytes.h"
#include "next_hop.h"
#include "offloads.h"
#include "pattern_match.h"
#include "router.h"
#include "router_heard.h"
#include "slot_state.h"
#include "slots.h"
#include "tcp.h"
#include "udp_ka.h"
#include "vlan.h"
#include "wake.h"

/*
 * Not for this host, its own frame come back, or from a group, which no station is (an answer would go to all of it):
 * whether it is well formed is not our business, and costs no time.
 */
static bool not_us(const struct engine *e, const uint8_t *frame)
{
	return (!(frame[0] & 1) && !same_mac(frame, e->mac)) || (frame[6] & 1) || same_mac(frame + 6, e->mac);
}

/* Takes the frame apart. Reasons to look no further, in any power state; C_COUNT when there is none. */
static enum eng_counter_id rx_refuse(const struct engine *e, struct pkt *p, const uint8_t *frame, uint16_t len)
{
	if (len >= ETH_HEADER_BYTES && not_us(e, frame))
		return C_rx_not_us;
	enum parse_result r = pkt_parse(p, frame, len);
	/* While preparing, slots and offloads are still to come: commit knows whose VLAN it is. */
	if (e->power != OFF_PREPARED && p->vid && !vlan_ours(e, p))
		return C_rx_vlan_drop;
	switch (r) {
	case PARSE_OK:
		return C_COUNT;
	case PARSE_BAD_IP_CSUM:
		return C_rx_bad_ip_csum;
	case PARSE_BAD_L4_CSUM:
		return C_rx_bad_l4_csum;
	case PARSE_VLAN:
		return C_rx_vlan_drop;
	default:
		return C_rx_bad_len;
	}
}

static void judge_tcp(struct engine *e, const struct pkt *p, struct verdict *v)
{
	const struct eng_slot *s = p->group ? NULL : slot_find(e, p);

	if (!s)
		return;
	v->slot = slot_index(e, s);
	v->tcp = (uint8_t)tcp_judge(e, s, p);
	v->detail = (uint8_t)tcp_detail((enum tcp_verdict)v->tcp);
	bool host_matter = v->tcp == TCP_DATA || v->tcp == TCP_FIN_ONLY || v->tcp == TCP_NOT_OURS;
	if (!host_matter)
		v->reason = C_rx_slot_consumed;
	if (!(e->arm & OFF_ARM_TCP))
		return;
	v->wake = tcp_wake_reason(s, (enum tcp_verdict)v->tcp);
	if (TAKES_PATTERN(TCP_PAYLOAD) && v->tcp == TCP_DATA)
		payload_judge(e, p, v);
	/* Behind data that does not wake, too: the peer will say no more. */
	if (!v->wake && (v->tcp == TCP_DATA || v->tcp == TCP_FIN_ONLY) && (s->cfg.flags & OFF_SLOT_WAKE_ON_FIN) && tcp_fin_is_news(s, p))
		v->wake = OFF_WAKE_TCP_FIN;
}

/* Fail open: what may belong to a slot but does not show its ports is the host's to sort out. */
static void judge_hidden(struct engine *e, const struct pkt *p, struct verdict *v)
{
	const struct eng_slot *s = NULL;

	if (p->kind == PKT_FRAGMENT)
		v->reason = C_rx_frag;
	if (!p->group && (e->arm & OFF_ARM_TCP) && (p->proto == PROTO_TCP || p->kind == PKT_TOO_DEEP))
		s = slot_by_addresses(e, p);
	if (s && s->state != OFF_SLOT_BROKEN) {
		v->slot = slot_index(e, s);
		v->wake = OFF_WAKE_UNPARSEABLE_IN_SLOT;
	}
}

/* Nobody's yet. Field by field, as in pkt_start. */
static void verdict_start(struct verdict *v)
{
	v->reason = C_rx_dropped_policy;
	v->detail = C_rx_total;
	v->slot = v->offload = NO_SLOT;
	v->tcp = 0;
	v->answer = v->conflict = v->broken = v->keep = v->final = false;
	v->wake = OFF_WAKE_NONE;
	v->pattern_id = NO_PATTERN;
	v->hits = 0;
}

void rx_judge(struct engine *e, const struct pkt *p, struct verdict *v)
{
	verdict_start(v);
	if (p->vid && !vlan_ours(e, p))
		v->reason = C_rx_vlan_drop;
	if (p->martian || v->reason == C_rx_vlan_drop)
		return;
	offload_judge(e, p, v);
	if (p->kind == PKT_TCP)
		judge_tcp(e, p, v);
	else if (p->kind == PKT_FRAGMENT || p->kind == PKT_TOO_DEEP)
		judge_hidden(e, p, v);
	if (v->answer)
		v->reason = C_rx_offload_answered;
	if (p->vid && v->reason == C_rx_dropped_policy)
		v->reason = C_rx_vlan_drop;
	if (v->reason != C_rx_slot_consumed && !v->broken && !v->final && !p->vid)
		pattern_judge(e, p, v);
	if (v->wake)
		v->reason = C_rx_wake;
}

void rx_count_hits(struct engine *e, uint64_t hits)
{
	if (hits == 0)
		return;
	for (uint8_t i = 0; hits >> i; i++)
		e->patterns[i].hits += (uint32_t)(hits >> i & 1);
}

/* Everything a frame causes but the wake itself. */
void rx_apply_quiet(struct engine *e, const struct pkt *p, const struct verdict *v)
{
	rx_count_hits(e, v->hits);
	if (p->kind == PKT_ARP || p->kind == PKT_ICMP)
		next_hop_learn(e, p);
	else if (p->kind == PKT_FRAGMENT)
		udp_ka_note_fragment(e, p);
	if (v->offload != NO_SLOT)
		offload_apply(e, p, v);
	if (v->slot != NO_SLOT && p->kind == PKT_TCP)
		tcp_apply(e, &e->slots[v->slot], p, (enum tcp_verdict)v->tcp);
	if (v->detail != C_rx_total)
		count_frame(e, (enum eng_counter_id)v->detail);
	count_frame(e, (enum eng_counter_id)v->reason);
}

static void rx_asleep(struct engine *e, const struct pkt *p)
{
	struct verdict v;

	rx_judge(e, p, &v);
	if (v.keep && v.wake == OFF_WAKE_NONE)
		router_keep(e, p, &v); /* or wakes: too many to keep */
	if (v.wake == OFF_WAKE_NONE) {
		rx_apply_quiet(e, p, &v);
		return;
	}
	uint64_t now = now_us(e);    /* before anything is sent */
	rx_apply_quiet(e, p, &v);
	buffer_put(e, p, now, OFF_FRAME_WAKE, v.pattern_id, v.slot);
	wake(e, v.wake, v.slot, v.pattern_id, buffer_at(e, (uint16_t)(e->frame_count - 1)), p->tagged);
	router_note(e, p);           /* behind those that were kept */
}

static void rx_keep(struct engine *e, const struct pkt *p, uint8_t slot)
{
	bool kept = buffer_put(e, p, now_us(e), 0, NO_PATTERN, slot);

	if (kept && e->power != OFF_PREPARED)
		router_note(e, p);   /* the host will hear it; what is captured, commit judges first */
	count_frame(e, kept ? C_rx_buffered : C_rx_overflow);
}

/* The peer repeats what the host will read anyway: keep one copy, leave the room to news. */
static void keep_new(struct engine *e, const struct pkt *p, uint8_t slot)
{
	if (slot != NO_SLOT && buffer_has_segment(e, slot, p)) {
		count_frame(e, C_wake_dup_collapsed);
		count_frame(e, C_rx_slot_consumed);
	} else {
		rx_keep(e, p, slot);
	}
}

/* Host on its way: the device still speaks for it, but what the host will hear anyway it leaves to the host. */
static void rx_woken(struct engine *e, const struct pkt *p)
{
	struct verdict v;

	rx_judge(e, p, &v);
	bool slot_woken = v.slot != NO_SLOT && e->slots[v.slot].state == OFF_SLOT_WOKEN;
	bool device_matter = v.answer || (v.reason == C_rx_slot_consumed && v.tcp != TCP_DATA && (!slot_woken || v.tcp == TCP_PEER_KA));

	v.hits = 0;                  /* the host is awake to them: no pattern woke it */
	if (device_matter) {
		if (v.answer)
			v.reason = C_rx_offload_answered;
		rx_apply_quiet(e, p, &v);
		return;
	}
	if (v.conflict)
		offload_apply(e, p, &v);
	if (v.slot != NO_SLOT && v.wake) {
		if (v.tcp == TCP_RST_EXACT)
			slot_break(e, &e->slots[v.slot], OFF_WAKE_TCP_RST);
		wake(e, v.wake, v.slot, v.pattern_id, NULL, false);
	}
	keep_new(e, p, v.slot);
}

static uint8_t woken_slot_of(struct engine *e, const struct pkt *p)
{
	const struct eng_slot *s = p->kind == PKT_TCP && !p->group ? slot_find(e, p) : NULL;

	return s && s->state == OFF_SLOT_WOKEN ? slot_index(e, s) : NO_SLOT;
}

void eng_rx(struct engine *e, const uint8_t *frame, uint16_t len)
{
	struct pkt p;

	count_frame(e, C_rx_total);
	if (e->power == OFF_D0 || e->power == OFF_EXPIRED) {
		router_listen(e, frame, len);
		count_frame(e, C_rx_dropped_policy);
		return;
	}
	enum eng_counter_id no = rx_refuse(e, &p, frame, len);
	if (no != C_COUNT)
		count_frame(e, no);
	else if (e->power == OFF_D3)
		rx_asleep(e, &p);
	else if (e->power == OFF_PREPARED)
		rx_keep(e, &p, NO_SLOT);
	else if (speaks(e))
		rx_woken(e, &p);
	else
		keep_new(e, &p, woken_slot_of(e, &p));
}
