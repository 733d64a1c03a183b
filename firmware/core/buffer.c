/* Received frames kept for the host: a ring in arrival order. A full ring keeps what it has and counts what it loses. */
#include "buffer.h"

#include <string.h>

#include "seq.h"
#include "wipe.h"

static uint16_t at(const struct engine *e, uint16_t i)
{
	uint16_t k = (uint16_t)(e->frame_head + i);

	return k < ENG_FRAMES ? k : (uint16_t)(k - ENG_FRAMES);
}

struct eng_frame *buffer_at(struct engine *e, uint16_t i)
{
	return i < e->frame_count ? &e->frames[at(e, i)] : NULL;
}

const struct eng_frame *eng_frame_at(const struct engine *e, uint16_t i)
{
	return i < e->frame_count ? &e->frames[at(e, i)] : NULL;
}

static void remember_segment(struct frame_seg *g, const struct pkt *p, uint8_t slot)
{
	*g = (struct frame_seg){.slot = NO_SLOT};
	if (slot != NO_SLOT && p->kind == PKT_TCP)
		*g = (struct frame_seg){.slot = slot, .fin = p->flags & TCP_FIN, .len = p->payload_len, .seq = p->seq};
}

static void save(struct eng_frame *f, const struct pkt *p, uint64_t t_rx_us, uint16_t flags)
{
	uint16_t most = p->tagged ? ENG_TAGGED_FRAME_BYTES : ENG_FRAME_BYTES;

	f->t_rx_us = t_rx_us;
	f->orig_len = p->len;
	f->saved_len = p->len < most ? p->len : most;
	f->flags = (uint16_t)(flags | (p->group ? OFF_FRAME_MULTICAST : 0));
	memcpy(f->bytes, p->frame, f->saved_len);
}

bool buffer_put(struct engine *e, const struct pkt *p, uint64_t t_rx_us, uint16_t flags, uint32_t pattern_id, uint8_t slot)
{
	if (e->frame_count == ENG_FRAMES) {
		e->lost++;
		return false;
	}
	uint16_t k = at(e, e->frame_count++);
	struct eng_frame *f = &e->frames[k];

	f->index = e->next_index++;
	f->pattern_id = pattern_id;
	save(f, p, t_rx_us, flags);
	remember_segment(&e->segs[k], p, slot);
	if (e->frame_count > e->counter[C_buf_high_water])
		e->counter[C_buf_high_water] = e->frame_count;
	return true;
}

void buffer_put_at(struct engine *e, uint16_t i, const struct pkt *p, uint64_t t_rx_us)
{
	if (i < e->frame_count)
		save(buffer_at(e, i), p, t_rx_us, 0);
	else
		buffer_put(e, p, t_rx_us, 0, NO_PATTERN, NO_SLOT);
}

uint8_t *buffer_scratch(struct engine *e)
{
	return e->frame_count < ENG_FRAMES ? e->frames[at(e, e->frame_count)].bytes : NULL;
}

/* True when one kept segment of the slot already holds every byte (and the FIN) of this one. */
bool buffer_has_segment(const struct engine *e, uint8_t slot, const struct pkt *p)
{
	if (p->kind != PKT_TCP || (p->flags & (TCP_SYN | TCP_RST)) || (p->payload_len == 0 && !(p->flags & TCP_FIN)))
		return false;
	for (uint16_t i = 0; i < e->frame_count; i++) {
		const struct frame_seg *g = &e->segs[at(e, i)];

		if (g->slot == slot && seq_leq(g->seq, p->seq) && seq_leq(p->seq + p->payload_len, g->seq + g->len) &&
		    (g->fin || !(p->flags & TCP_FIN)))
			return true;
	}
	return false;
}

static void buffer_drop_first(struct engine *e)
{
	struct eng_frame *f = &e->frames[e->frame_head];

	wipe(f->bytes, f->saved_len);
	e->frame_head = at(e, 1);
	e->frame_count--;
}

/* Indices start at 1 at every prepare and do not wrap in one sleep. */
void eng_frames_ack(struct engine *e, uint32_t ack)
{
	while (e->frame_count && e->frames[e->frame_head].index <= ack)
		buffer_drop_first(e);
}

void buffer_clear(struct engine *e)
{
	while (e->frame_count)
		buffer_drop_first(e);
	e->frame_head = 0;
}
