#include "offload_lists.h"

#include <zcbor_encode.h>

#include "reply_cache.h"
#include "smp_group.h"

enum {
	NESTING = 4,
	DRAIN_HEAD_BYTES = 40,       /* map, keys, lost, more, list header and ends, all at their longest */
	DRAIN_ROW_BYTES = 1 + 5 + 9 + 3 + 3 + 5 + 3 + 1,
	SLOT_NUMBERS = 26,
	SLOT_FIELDS = SLOT_NUMBERS + 2, /* and the next hop's MAC, the VLAN's TCI */
	FRAME_FIELDS = 6,
	END_FIELDS = 4,
	PATTERN_FIELDS = 11,
	PATTERN_SHOWN_BYTES = 32,
	/* A pattern at its longest: list header, id, type, hits, three of 16 bits, two addresses, length, data, mask. */
	PATTERN_ROW_BYTES = 1 + 5 + 2 + 5 + 3 * 3 + 2 * 17 + 2 + 34 + 5,
	END_BYTES = 1 + 2 * (17 + 3),
	/* A slot at its longest: 2 bytes of list header, 2 numbers of 8 bits, 4 of 16, 21 of 32, and the MAC. */
	SLOT_ROW_BYTES = 2 + 2 * 2 + 4 * 3 + 21 * 5 + 7,
	RELEASE_BYTES = 8 + 1 + 6 + 5 + 6 + 1 + ENG_SLOTS * SLOT_ROW_BYTES, /* SMP header, map, epoch, slots */
};
_Static_assert((int)RELEASE_BYTES <= (int)REPLY_CACHE_LONG_BYTES, "the reply to a release is kept for its repetition");
_Static_assert((int)RELEASE_BYTES + 5 + 3 + ENG_SLOTS * (int)END_BYTES <= (int)SMP_MESSAGE_BYTES, "a list of slots is one message");
_Static_assert(8 + 1 + 9 + 3 + (ENG_PATTERNS + 1) * (int)PATTERN_ROW_BYTES <= (int)SMP_MESSAGE_BYTES, "so is one of patterns");
_Static_assert(8 + 1 + 6 + (int)SLOT_ROW_BYTES <= (int)REPLY_CACHE_SHORT_BYTES, "and that to the removal of one slot");

static int finish(bool ok, const zcbor_state_t *s, const uint8_t *rsp, size_t *len)
{
	*len = (size_t)(s->payload - rsp);
	return ok ? OFF_OK : OFF_BAD_LEN;
}

static bool put_row(zcbor_state_t *s, const uint32_t *v, size_t n)
{
	bool ok = zcbor_list_start_encode(s, n);

	for (size_t i = 0; ok && i < n; i++) {
		ok = zcbor_uint32_put(s, v[i]);
	}
	return ok && zcbor_list_end_encode(s, n);
}

static bool put_slot(zcbor_state_t *s, const struct eng_slot_state *t)
{
	const uint32_t v[SLOT_NUMBERS] = {
		t->slot, t->gen, t->state, t->close_reason, t->snd_una, t->snd_nxt, t->rcv_nxt, t->snd_wnd, t->tsval_last,
		t->ts_recent, t->last_rx_age_ms, t->next_ka_due_ms, t->ka_sent, t->ka_acked, t->ka_lost, t->peer_ka_answered,
		t->challenge_acks, t->dup_data, t->paws_drops, t->payloads_sent, t->payloads_answered, t->payload_counter,
		t->tokens_used, t->payload_age_ms, t->owner, t->next_hop_moves,
	};

	bool ok = zcbor_list_start_encode(s, SLOT_FIELDS);

	for (size_t i = 0; ok && i < SLOT_NUMBERS; i++) {
		ok = zcbor_uint32_put(s, v[i]);
	}
	return ok && zcbor_bstr_encode_ptr(s, (const char *)t->next_hop_mac, 6) && zcbor_uint32_put(s, t->vlan_tci) &&
	       zcbor_list_end_encode(s, SLOT_FIELDS);
}

int offload_slot_state(const struct eng_slot_state *st, uint8_t *rsp, size_t cap, size_t *len)
{
	ZCBOR_STATE_E(s, NESTING, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(s, 1) && zcbor_tstr_put_lit(s, "state") && put_slot(s, st) && zcbor_map_end_encode(s, 1);

	return finish(ok, s, rsp, len);
}

static bool put_bytes(zcbor_state_t *s, const uint8_t *bytes, size_t len)
{
	return zcbor_bstr_encode_ptr(s, (const char *)bytes, len);
}

static bool put_ends(zcbor_state_t *s, const struct engine *e, const struct eng_slot_state *st, uint8_t n)
{
	bool ok = zcbor_tstr_put_lit(s, "ends") && zcbor_list_start_encode(s, ENG_SLOTS);

	for (uint8_t i = 0; ok && i < n; i++) {
		const struct eng_slot_cfg *c = eng_slot_cfg_of(e, st[i].slot);

		ok = zcbor_list_start_encode(s, END_FIELDS) && put_bytes(s, c->local.b, c->local.len) &&
		     zcbor_uint32_put(s, c->local_port) && put_bytes(s, c->remote.b, c->remote.len) &&
		     zcbor_uint32_put(s, c->remote_port) && zcbor_list_end_encode(s, END_FIELDS);
	}
	return ok && zcbor_list_end_encode(s, ENG_SLOTS);
}

static bool put_slots(zcbor_state_t *s, const struct eng_slot_state *st, uint8_t n)
{
	bool ok = zcbor_tstr_put_lit(s, "slots") && zcbor_list_start_encode(s, ENG_SLOTS);

	for (uint8_t i = 0; ok && i < n; i++) {
		ok = put_slot(s, &st[i]);
	}
	return ok && zcbor_list_end_encode(s, ENG_SLOTS);
}

int offload_slot_list(const struct engine *e, uint8_t *rsp, size_t cap, size_t *len)
{
	struct eng_slot_state st[ENG_SLOTS];
	uint8_t n = eng_slot_list(e, st);
	ZCBOR_STATE_E(s, NESTING, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(s, 2) && put_ends(s, e, st, n) && put_slots(s, st, n) && zcbor_map_end_encode(s, 2);

	return finish(ok, s, rsp, len);
}

int offload_release(struct engine *e, uint8_t *rsp, size_t cap, size_t *len)
{
	struct eng_slot_state st[ENG_SLOTS];
	struct eng_status status;
	uint8_t n;
	int rc = eng_release(e, st, &n);

	if (rc != OFF_OK) {
		return rc;
	}
	eng_status(e, &status);
	ZCBOR_STATE_E(s, NESTING, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(s, 2) && zcbor_tstr_put_lit(s, "epoch") && zcbor_uint32_put(s, status.epoch) &&
		  put_slots(s, st, n) && zcbor_map_end_encode(s, 2);
	return finish(ok, s, rsp, len);
}

/* The password of a magic packet is a secret, and what an application says to its peer may be one. */
static bool put_pattern(zcbor_state_t *s, const struct eng_pattern_cfg *c, uint32_t hits)
{
	const uint32_t v[] = { c->id, c->type, hits, c->offset, c->port, c->sport };
	uint32_t data_len = c->type == OFF_PATTERN_MAGIC ? 0u : c->data_len;
	uint32_t most = c->type == OFF_PATTERN_TCP_PAYLOAD ? 0u : PATTERN_SHOWN_BYTES;
	uint32_t shown = data_len < most ? data_len : most;
	bool ok = zcbor_list_start_encode(s, PATTERN_FIELDS);

	for (size_t i = 0; ok && i < sizeof v / sizeof v[0]; i++) {
		ok = zcbor_uint32_put(s, v[i]);
	}
	return ok && put_bytes(s, c->dst.b, c->dst.len) && put_bytes(s, c->src.b, c->src.len) && zcbor_uint32_put(s, data_len) &&
	       put_bytes(s, c->data, shown) && put_bytes(s, c->mask, (shown + 7) / 8) && zcbor_list_end_encode(s, PATTERN_FIELDS);
}

int offload_pattern_list(const struct engine *e, uint8_t *rsp, size_t cap, size_t *len)
{
	const struct eng_pattern_cfg *c;
	uint32_t hits;
	ZCBOR_STATE_E(s, NESTING, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(s, 1) && zcbor_tstr_put_lit(s, "patterns") && zcbor_list_start_encode(s, ENG_PATTERNS + 1);

	for (uint8_t i = 0; ok && (c = eng_pattern_at(e, i, &hits)) != NULL; i++) {
		ok = put_pattern(s, c, hits);
	}
	ok = ok && zcbor_list_end_encode(s, ENG_PATTERNS + 1) && zcbor_map_end_encode(s, 1);
	return finish(ok, s, rsp, len);
}

int offload_offload_list(const struct engine *e, uint8_t *rsp, size_t cap, size_t *len)
{
	uint32_t id, answered;
	uint8_t type;
	ZCBOR_STATE_E(s, NESTING, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(s, 1) && zcbor_tstr_put_lit(s, "offloads") && zcbor_list_start_encode(s, ENG_OFFLOADS);

	for (uint8_t i = 0; ok && eng_offload_at(e, i, &id, &type, &answered); i++) {
		ok = put_row(s, (const uint32_t[]){ id, type, answered, eng_offload_lease_s(e, i) }, 4);
	}
	ok = ok && zcbor_list_end_encode(s, ENG_OFFLOADS) && zcbor_map_end_encode(s, 1);
	return finish(ok, s, rsp, len);
}

static bool put_frame(zcbor_state_t *s, const struct eng_frame *f)
{
	return zcbor_list_start_encode(s, FRAME_FIELDS) && zcbor_uint32_put(s, f->index) && zcbor_uint64_put(s, f->t_rx_us) &&
	       zcbor_uint32_put(s, f->orig_len) && zcbor_uint32_put(s, f->flags) && zcbor_uint32_put(s, f->pattern_id) &&
	       zcbor_bstr_encode_ptr(s, (const char *)f->bytes, f->saved_len) && zcbor_list_end_encode(s, FRAME_FIELDS);
}

/* How many frames fit into `bytes`. One always goes: it fits into a message, whatever the client asked for. */
static uint16_t frames_that_fit(const struct engine *e, size_t bytes)
{
	size_t used = DRAIN_HEAD_BYTES;
	const struct eng_frame *f;
	uint16_t n = 0;

	while ((f = eng_frame_at(e, n)) != NULL) {
		used += DRAIN_ROW_BYTES + f->saved_len;
		if (n > 0 && used > bytes) {
			break;
		}
		n++;
	}
	return n;
}

int offload_drain(struct engine *e, uint32_t ack, uint16_t max_bytes, uint8_t *rsp, size_t cap, size_t *len)
{
	struct eng_status status;

	eng_frames_ack(e, ack);
	eng_status(e, &status);
	uint16_t n = frames_that_fit(e, max_bytes < cap ? max_bytes : cap);
	ZCBOR_STATE_E(s, NESTING, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(s, 3) && zcbor_tstr_put_lit(s, "lost") && zcbor_uint32_put(s, status.lost) &&
		  zcbor_tstr_put_lit(s, "more") && zcbor_bool_put(s, n < status.buffered) && zcbor_tstr_put_lit(s, "frames") &&
		  zcbor_list_start_encode(s, n);

	for (uint16_t i = 0; ok && i < n; i++) {
		ok = put_frame(s, eng_frame_at(e, i));
	}
	ok = ok && zcbor_list_end_encode(s, n) && zcbor_map_end_encode(s, 3);
	return finish(ok, s, rsp, len);
}
