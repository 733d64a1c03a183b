/* The table of offloaded connections: add, find, free. A handle is (slot, generation); every free ends a generation. */
#include "slots.h"

#include <string.h>

#include "address.h"
#include "keepalive.h"
#include "next_hop.h"
#include "pattern.h"
#include "payload_ka.h"
#include "seq.h"
#include "slot_ports.h"
#include "slot_state.h"
#include "vlan.h"

#define FLOW_LABEL_MAX 0xFFFFFu

static int check_addresses(const struct eng_slot_cfg *c)
{
	if (c->local.len != c->remote.len || !ip_usable(&c->local) || !ip_usable(&c->remote) || ip_equal(&c->local, c->remote.b, c->remote.len))
		return OFF_BAD_ADDR;
	if (c->local_mac[0] & 1)
		return OFF_BAD_ADDR;
	return c->local_port && c->remote_port ? OFF_OK : OFF_BAD_PORT;
}

int slot_check_next_hop(const struct eng_slot_cfg *c)
{
	if ((c->flags & OFF_SLOT_LEARN_NEXT_HOP) && c->next_hop.ip.len == 0)
		return OFF_BAD_ADDR;
	return next_hop_check(&c->next_hop, &c->local);
}

static bool interval_ok(uint32_t ms)
{
	return ms >= ENG_KA_MIN_MS && ms <= ENG_KA_MAX_MS;
}

int slot_check_intervals(const struct eng_slot_cfg *c)
{
	return interval_ok(c->ka_idle_ms) && interval_ok(c->ka_intvl_ms) ? OFF_OK : OFF_BAD_INTERVAL;
}

/* Of what a host asks for, all or nothing: an option of its connection that it names and we do not speak is refused. */
static int check_flags(const struct eng_slot_cfg *c)
{
	return c->flags & ~(uint32_t)ENG_SLOT_FLAGS ? OFF_UNSUPPORTED : OFF_OK;
}

/* A TCI and a flow label come with their flags. */
static bool headers_ok(const struct eng_slot_cfg *c)
{
	bool labelled = (c->flags & OFF_SLOT_FLOW_LABEL) && c->local.len == 16;

	return tci_ok(c->vlan_tci) && !(c->flags & OFF_SLOT_VLAN) == !c->vlan_tci && c->flow_label <= (labelled ? FLOW_LABEL_MAX : 0);
}

static int check_numbers(const struct eng_slot_cfg *c)
{
	if (!headers_ok(c) || c->ka_cnt == 0 || c->ttl == 0 || c->snd_wscale > 14 || c->rcv_wscale > 14)
		return OFF_BAD_ARG;
	/* RFC 7323 2.3: the largest window is 2^30 - 1 after scaling; anything larger breaks serial comparison. */
	if (c->rcv_wnd >= 1u << 30 || c->max_snd_wnd >= 1u << 30)
		return OFF_BAD_ARG;
	if (seq_lt(c->snd_nxt, c->snd_una) || seq_lt(c->rcv_nxt, c->rcv_wup))
		return OFF_BAD_ARG;
	return c->ts_on && c->ts_hz != 1000u && c->ts_hz != 1000000u ? OFF_UNSUPPORTED : OFF_OK;
}

static bool same_tuple(const struct eng_slot_cfg *a, const struct eng_slot_cfg *b)
{
	return ((a->vlan_tci ^ b->vlan_tci) & VLAN_VID_MASK) == 0 && a->local_port == b->local_port && a->remote_port == b->remote_port && ip_equal(&a->local, b->local.b, b->local.len) &&
	       ip_equal(&a->remote, b->remote.b, b->remote.len);
}

/* The device knows the connection's frames. A place that is kept or paused takes the connection's state anew. */
static bool speaks_for(const struct eng_slot *s)
{
	return s->state != OFF_SLOT_IDLE && s->state != OFF_SLOT_PAUSED;
}

static int choose(const struct engine *e, const struct eng_slot_cfg *c, uint8_t *slot)
{
	int at = -1;

	for (uint8_t i = 0; i < ENG_SLOTS; i++) {
		if (e->slots[i].used && same_tuple(&e->slots[i].cfg, c)) {
			*slot = i;
			return speaks_for(&e->slots[i]) ? OFF_DUP_TUPLE : OFF_OK;
		}
		if (!e->slots[i].used && at < 0)
			at = i;
	}
	if (at < 0)
		return OFF_NO_SLOT;
	*slot = (uint8_t)at;
	return OFF_OK;
}

static void fill(struct engine *e, struct eng_slot *s, const struct eng_slot_cfg *c)
{
	uint16_t gen = s->gen;
	bool paused = s->used && s->state == OFF_SLOT_PAUSED;
	enum off_slot_state state = (c->flags & OFF_SLOT_KEEP) && e->power == OFF_D0 ? OFF_SLOT_IDLE : OFF_SLOT_ACTIVE;

	*s = (struct eng_slot){.cfg = *c, .used = true, .gen = gen, .resumes_to = (uint8_t)state, .tsval_last = c->tsval};
	slot_set_state(e, s, paused ? OFF_SLOT_PAUSED : state);      /* from IDLE, where the line above puts it */
	s->cfg.tos &= 0xFC;          /* RFC 3168 6.1.4: an ACK without data is not ECN capable */
	s->last_rx_us = s->ts_recent_us = now_us(e);
	payload_ka_start(s);
	ka_start(e, s);
}

int eng_slot_add(struct engine *e, const struct eng_slot_cfg *c, uint8_t *slot, uint16_t *gen)
{
	if (e->power != OFF_D0 && e->power != OFF_PREPARED)
		return OFF_BAD_STATE;
	int rc = check_addresses(c);
	if (rc == OFF_OK)
		rc = slot_check_next_hop(c);
	if (rc == OFF_OK)
		rc = check_flags(c);
	if (rc == OFF_OK)
		rc = slot_check_intervals(c);
	if (rc == OFF_OK)
		rc = check_numbers(c);
	if (rc == OFF_OK)
		rc = payload_ka_check(c);
	if (rc == OFF_OK)
		rc = choose(e, c, slot);
	if (rc != OFF_OK)
		return rc;
	fill(e, &e->slots[*slot], c);
	slot_ports_note(e);
	*gen = e->slots[*slot].gen;
	return OFF_OK;
}

/* Generation 0 is never given out, so a zeroed handle is always stale. */
static void slot_free(struct eng_slot *s)
{
	uint16_t gen = (uint16_t)(s->gen + 1);

	*s = (struct eng_slot){.gen = gen ? gen : 1};
}

uint8_t slots_free_all(struct engine *e)
{
	uint8_t n = 0;

	for (int i = 0; i < ENG_SLOTS; i++) {
		if (e->slots[i].used) {
			slot_free(&e->slots[i]);
			n++;
		}
	}
	slot_ports_note(e);
	return n;
}

void slots_end_standby(struct engine *e)
{
	for (int i = 0; i < ENG_SLOTS; i++) {
		struct eng_slot *s = &e->slots[i];

		payload_ka_forget(s);        /* its tokens are secrets */
		if (s->used && !(s->cfg.flags & OFF_SLOT_KEEP))
			slot_free(s);
		else if (s->state == OFF_SLOT_PAUSED)
			s->resumes_to = OFF_SLOT_IDLE;
		else
			slot_set_state(e, s, OFF_SLOT_IDLE);
	}
	slot_ports_note(e);
	patterns_forget_slots(e);
}

static bool addresses_match(const struct eng_slot *s, const struct pkt *p)
{
	return s->used && speaks_for(s) && ip_equal(&s->cfg.local, p->dst, p->ip_len) && ip_equal(&s->cfg.remote, p->src, p->ip_len) &&
	       same_vlan(s->cfg.vlan_tci, p);
}

struct eng_slot *slot_find(struct engine *e, const struct pkt *p)
{
	if (!slot_ports_known(e, p->sport, p->dport))
		return NULL;
	for (int i = 0; i < ENG_SLOTS; i++) {
		struct eng_slot *s = &e->slots[i];

		if (s->cfg.remote_port == p->sport && s->cfg.local_port == p->dport && addresses_match(s, p))
			return s;
	}
	return NULL;
}

/* For what hides its ports: fragments and over-long header chains. */
struct eng_slot *slot_by_addresses(struct engine *e, const struct pkt *p)
{
	if (p->ports)
		return p->proto == PROTO_TCP ? slot_find(e, p) : NULL;
	for (int i = 0; i < ENG_SLOTS; i++) {
		if (addresses_match(&e->slots[i], p) && e->slots[i].state != OFF_SLOT_BROKEN)
			return &e->slots[i];
	}
	return NULL;
}

static uint32_t ms_until(uint64_t then_us, uint64_t from_us)
{
	uint64_t ms = then_us > from_us ? (then_us - from_us) / 1000u : 0;

	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static void describe(const struct engine *e, uint8_t i, struct eng_slot_state *o)
{
	const struct eng_slot *s = &e->slots[i];
	bool timed = s->state == OFF_SLOT_ACTIVE || s->state == OFF_SLOT_PROBING;
	uint64_t now = now_us(e);

	*o = (struct eng_slot_state){
		.slot = i, .gen = s->gen, .state = s->state, .close_reason = s->close_reason,
		.snd_una = s->cfg.snd_una, .snd_nxt = s->cfg.snd_nxt, .rcv_nxt = s->cfg.rcv_nxt, .snd_wnd = s->cfg.snd_wnd,
		.tsval_last = s->tsval_last, .ts_recent = s->cfg.ts_recent,
		.last_rx_age_ms = ms_until(now, s->last_rx_us), .next_ka_due_ms = timed ? ms_until(s->ka_due_us, now) : 0,
		.ka_sent = s->ka_sent, .ka_acked = s->ka_acked, .ka_lost = s->ka_lost,
		.peer_ka_answered = s->peer_ka_answered, .challenge_acks = s->challenge_acks,
		.dup_data = s->dup_data, .paws_drops = s->paws_drops, .owner = s->cfg.owner, .next_hop_moves = s->next_hop_moves,
	};
	payload_ka_describe(s, now, o);
	memcpy(o->next_hop_mac, s->cfg.next_hop.mac, 6);
	o->vlan_tci = s->cfg.vlan_tci;
}

static bool handle_ok(const struct engine *e, uint8_t slot, uint16_t gen)
{
	return slot < ENG_SLOTS && e->slots[slot].used && e->slots[slot].gen == gen;
}

struct eng_slot *slot_by_handle(struct engine *e, uint8_t slot, uint16_t gen)
{
	return handle_ok(e, slot, gen) ? &e->slots[slot] : NULL;
}

int eng_slot_get(const struct engine *e, uint8_t slot, uint16_t gen, struct eng_slot_state *out)
{
	if (!handle_ok(e, slot, gen))
		return OFF_STALE_HANDLE;
	describe(e, slot, out);
	return OFF_OK;
}

int eng_slot_remove(struct engine *e, uint8_t slot, uint16_t gen, struct eng_slot_state *out)
{
	int rc = eng_slot_get(e, slot, gen, out);

	if (rc == OFF_OK) {
		slot_free(&e->slots[slot]);
		slot_ports_note(e);
		patterns_forget_slots(e);
	}
	return rc;
}

uint8_t eng_slot_list(const struct engine *e, struct eng_slot_state out[ENG_SLOTS])
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < ENG_SLOTS; i++) {
		if (e->slots[i].used)
			describe(e, i, &out[n++]);
	}
	return n;
}

const struct eng_slot_cfg *eng_slot_cfg_of(const struct engine *e, uint8_t slot)
{
	return &e->slots[slot].cfg;
}
