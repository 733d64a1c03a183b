/*
 * Payload keep-alives: bytes of the application's own protocol in place of the probe, as nl80211's WoWLAN TCP connection has
 * them. A payload is a template with a counter, a token and a masked range put in; the n-th can be built again at any time,
 * so nothing is kept to repeat it. One is out at a time: the next waits for the acknowledgement of the last. Of what the
 * peer sends, the expected answer alone is taken from the stream, and only when it is a segment of its own.
 */
#include "payload_ka.h"

#include <string.h>

#include "tcp_tx.h"

enum {
	MASK_BYTES = 4,              /* RFC 6455 5.3 */
	OWED_BYTES_MAX = 16384,      /* sent in one sleep: the host takes them back into a send buffer, which is no larger */
	BACKOFF_DOUBLINGS = 8,
};

/* Neither side of the comparisons can wrap, whatever the numbers are. */
static bool fits(struct eng_span s, uint32_t size)
{
	return s.len <= size && s.offset <= size - s.len;
}

/* Of two spans that fit. */
static bool overlap(struct eng_span a, struct eng_span b)
{
	return a.len && b.len && a.offset < b.offset + b.len && b.offset < a.offset + a.len;
}

static int check_payload(const struct eng_payload_cfg *c)
{
	if (c->data_len == 0 || c->data_len > ENG_PAYLOAD_BYTES || c->counter.len > 4)
		return OFF_BAD_LEN;
	if (!fits(c->counter, c->data_len) || !fits(c->token, c->data_len) || !fits(c->mask, c->data_len))
		return OFF_BAD_LEN;
	if (overlap(c->counter, c->token) || overlap(c->mask, c->token) || (c->mask.len && c->token.len != MASK_BYTES))
		return OFF_BAD_ARG;
	if (c->tokens_len > ENG_TOKENS_BYTES || (c->token.len ? c->tokens_len % c->token.len : c->tokens_len) != 0)
		return OFF_BAD_LEN;
	return OFF_OK;
}

static int check_reply(const struct eng_payload_cfg *c)
{
	if (c->reply_len > ENG_PAYLOAD_BYTES)
		return OFF_BAD_LEN;
	if (!c->reply_counts)
		return OFF_OK;
	if (c->counter.len == 0)
		return OFF_BAD_ARG;
	return fits((struct eng_span){c->reply_counter, c->counter.len}, c->reply_len) ? OFF_OK : OFF_BAD_LEN;
}

int payload_ka_check(const struct eng_slot_cfg *c)
{
	if (!c->payload)
		return OFF_OK;
	if (c->snd_una != c->snd_nxt)        /* the host's own bytes: we could not repeat them */
		return OFF_BAD_ARG;
	int rc = check_payload(c->payload);
	return rc != OFF_OK ? rc : check_reply(c->payload);
}

void payload_ka_start(struct eng_slot *s)
{
	if (s->cfg.payload)
		s->payload.cfg = *s->cfg.payload;
	s->cfg.payload = NULL;               /* the caller's */
}

void payload_ka_forget(struct eng_slot *s)
{
	memset(&s->payload, 0, sizeof s->payload);
}

/* Little-endian, as nl80211 has it. */
static void put_counter(uint8_t *at, uint32_t value, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* The n-th payload since the host gave us the connection, from 0. */
static void build(const struct eng_payload_cfg *c, uint32_t n, uint8_t out[ENG_PAYLOAD_BYTES])
{
	uint8_t *mask = out + c->token.offset;

	memcpy(out, c->data, c->data_len);
	put_counter(out + c->counter.offset, c->counter_start + n, c->counter.len);
	memcpy(out + c->token.offset, c->tokens + n * c->token.len, c->token.len);
	for (uint32_t i = 0; i < c->mask.len; i++)
		out[c->mask.offset + i] ^= mask[i % MASK_BYTES];
}

bool payload_ka_unacked(const struct eng_slot *s)
{
	return payload_ka_on(s) && s->cfg.snd_una != s->cfg.snd_nxt;
}

bool payload_ka_unanswered(const struct eng_slot *s)
{
	const struct payload_ka *k = &s->payload;

	return k->reply_due && !payload_ka_unacked(s) && k->missed + 1u >= s->cfg.ka_cnt;
}

void payload_ka_forgive(struct eng_slot *s)
{
	struct payload_ka *k = &s->payload;

	if (!payload_ka_unanswered(s))
		return;
	if (k->missed)
		k->missed--;
	else
		k->reply_due = false;
}

bool payload_ka_exhausted(const struct eng_slot *s)
{
	const struct payload_ka *k = &s->payload;
	uint64_t with_next = (uint64_t)k->sent + 1;

	if (!payload_ka_on(s) || payload_ka_unacked(s))
		return false;
	return with_next * k->cfg.data_len > OWED_BYTES_MAX || with_next * k->cfg.token.len > k->cfg.tokens_len;
}

static bool payload_ka_send_nth(struct engine *e, struct eng_slot *s, uint32_t n, uint32_t seq)
{
	uint8_t bytes[ENG_PAYLOAD_BYTES];

	build(&s->payload.cfg, n, bytes);
	return tcp_send_data(e, s, seq, bytes, s->payload.cfg.data_len);
}

static void next_in(struct payload_ka *k, uint64_t now, uint32_t wait_ms)
{
	k->next_from_us = now;
	k->next_wait_ms = wait_ms;
}

static bool send_new(struct engine *e, struct eng_slot *s, uint64_t now)
{
	struct payload_ka *k = &s->payload;

	if (!payload_ka_send_nth(e, s, k->sent, s->cfg.snd_nxt))
		return false;
	s->cfg.snd_nxt += k->cfg.data_len;
	k->sent++;
	k->sent_us = now;
	if (k->reply_due)
		k->missed++;
	k->reply_due = k->cfg.reply_len != 0;
	next_in(k, now, s->cfg.ka_idle_ms);
	count(e, C_ka_payload_tx);
	return true;
}

bool payload_ka_send(struct engine *e, struct eng_slot *s, uint64_t now)
{
	struct payload_ka *k = &s->payload;

	if (payload_ka_unacked(s))
		return payload_ka_send_nth(e, s, k->sent - 1, s->cfg.snd_nxt - k->cfg.data_len);
	if (s->cfg.snd_wnd >= k->cfg.data_len && !payload_ka_exhausted(s))
		return send_new(e, s, now);
	if (!tcp_send(e, s, s->cfg.snd_una - 1))     /* the window is closed: its opening is asked for as a stack would */
		return false;
	next_in(k, now, s->cfg.ka_intvl_ms);
	return true;
}

uint32_t payload_ka_wait_ms(const struct eng_slot *s)
{
	unsigned doublings = s->unanswered > 1 ? s->unanswered - 1u : 0;
	uint64_t ms = (uint64_t)s->cfg.ka_intvl_ms << (doublings < BACKOFF_DOUBLINGS ? doublings : BACKOFF_DOUBLINGS);

	return ms < ENG_KA_MAX_MS ? (uint32_t)ms : ENG_KA_MAX_MS;
}

static bool bytes_are_reply(const struct payload_ka *k, const uint8_t *b)
{
	uint8_t want[ENG_PAYLOAD_BYTES], differ = 0;

	memcpy(want, k->cfg.reply, k->cfg.reply_len);
	if (k->cfg.reply_counts)
		put_counter(want + k->cfg.reply_counter, k->cfg.counter_start + k->sent - 1, k->cfg.counter.len);
	for (uint8_t i = 0; i < k->cfg.reply_len; i++) {
		if (k->cfg.reply_mask[i / 8] >> i % 8 & 1)
			differ |= want[i] ^ b[i];
	}
	return differ == 0;
}

bool payload_ka_is_reply(const struct eng_slot *s, const struct pkt *p)
{
	const struct payload_ka *k = &s->payload;

	/* In order, whole, with room for it, acknowledging what it answers; no FIN, no urgent data. */
	if (!k->reply_due || p->seq != s->cfg.rcv_nxt || p->payload_len != k->cfg.reply_len || p->payload_len > tcp_window(s))
		return false;
	if (p->ack != s->cfg.snd_nxt || (p->flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG)) != TCP_ACK)
		return false;
	return bytes_are_reply(k, p->frame + p->payload);
}

void payload_ka_take_reply(struct eng_slot *s)
{
	struct payload_ka *k = &s->payload;

	s->cfg.rcv_nxt += k->cfg.reply_len;
	s->unread = 0;
	s->cfg.rcv_wnd += k->cfg.reply_len;  /* read at once: the window's right edge goes with it */
	k->reply_due = false;
	k->missed = 0;
	k->answered++;
}

void payload_ka_describe(const struct eng_slot *s, uint64_t now, struct eng_slot_state *o)
{
	const struct payload_ka *k = &s->payload;
	uint32_t unused_bits = 32 - 8 * k->cfg.counter.len;
	uint64_t age_ms = (now - k->sent_us) / 1000u;

	o->payload_age_ms = k->sent && age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
	o->payloads_sent = k->sent;
	o->payloads_answered = k->answered;
	o->tokens_used = k->cfg.token.len ? k->sent : 0;
	o->payload_counter = k->cfg.counter.len ? (k->cfg.counter_start + k->sent) & UINT32_MAX >> unused_bits : 0;
}
