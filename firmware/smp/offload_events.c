/* The standing event request, and the faults that tests order for replies. */
#include <string.h>

#include "core/wipe.h"
#include "offload_group.h"
#include "offload_io.h"

enum {
	EVENT_BYTES_MAX = 512,
	INLINE_FRAME_BYTES = 256,    /* longer ones cost more time in front of the wake than a drain behind it */
};

static struct {
	struct engine *e;            /* NULL: no request is with the server */
	uint32_t after;
} waiting;

static struct {
	uint8_t kind;
	bool fresh;                  /* the order's own reply goes out unharmed */
	uint16_t left, delay_ms;
} fault;

void offload_events_reset(void)
{
	memset(&waiting, 0, sizeof waiting);
	memset(&fault, 0, sizeof fault);
}

/* The waking frame as a part of its event; empty when it is long, or others came before it. */
static struct zcbor_string short_wake_frame(const struct engine *e, const struct eng_event *ev)
{
	const struct eng_frame *f = ev->kind == OFF_EVENT_WAKE ? eng_frame_at(e, 0) : NULL;

	if (!f || !(f->flags & OFF_FRAME_WAKE) || f->index != 1 || f->saved_len > INLINE_FRAME_BYTES)
		return (struct zcbor_string){ .value = (const uint8_t *)"", .len = 0 };
	return (struct zcbor_string){ .value = f->bytes, .len = f->saved_len };
}

static int encode_event(const struct engine *e, const struct eng_event *ev, const struct io *io)
{
	struct event_rsp r = {
		.event_n = ev->n, .event_gen = ev->gen, .event_kind = ev->kind, .event_slot = ev->slot, .event_epoch = ev->epoch,
		.event_reason = ev->reason, .event_l2_flags = ev->l2_flags, .event_t_rx_us = ev->t_rx_us,
		.event_wake_seq = ev->wake_seq, .event_subreason = ev->subreason, .event_t_wake_us = ev->t_wake_us,
		.event_pattern_id = ev->pattern_id, .event_SavedPacketSize = ev->saved_size,
		.event_OriginalPacketSize = ev->orig_size, .event_frame = short_wake_frame(e, ev),
	};

	return OFFLOAD_REPLY(event_rsp, io, &r);
}

int offload_event_wait(const struct io *io)
{
	struct event_wait_req q;

	OFFLOAD_DECODE(event_wait_req, io, &q);
	const struct eng_event *ev = eng_event_after(io->e, q.after);
	waiting.e = ev ? NULL : io->e;
	waiting.after = q.after;
	return ev ? encode_event(io->e, ev, io) : SMP_DEFER;
}

void offload_group_poll(void)
{
	static uint8_t body[EVENT_BYTES_MAX];
	const struct eng_event *ev = waiting.e ? eng_event_after(waiting.e, waiting.after) : NULL;
	size_t len = 0;

	if (ev && encode_event(waiting.e, ev, &(struct io){ .rsp = body, .cap = sizeof body, .len = &len }) == OFF_OK) {
		waiting.e = NULL;
		smp_reply_deferred(body, len);
		wipe(body, len);             /* a frame may be in it */
	}
}

int offload_fault_inject(const struct io *io)
{
	struct fault_inject_req q;

	OFFLOAD_DECODE(fault_inject_req, io, &q);
	if (q.kind < OFF_FAULT_DROP_REPLY || q.kind > OFF_FAULT_HANG)
		return OFF_UNSUPPORTED;
	fault.kind = q.kind;
	fault.left = q.n;
	fault.delay_ms = q.delay_ms;
	fault.fresh = true;
	return offload_reply_empty(io);
}

bool offload_fault_hang(void)
{
	return fault.left > 0 && fault.kind == OFF_FAULT_HANG;
}

bool offload_fault_on_reply(bool is_event, uint16_t *delay_ms, bool *corrupt)
{
	*delay_ms = 0;
	*corrupt = false;
	if (fault.fresh && !is_event) {
		fault.fresh = false;
		return false;
	}
	if (fault.left == 0 || fault.kind == OFF_FAULT_HANG || is_event != (fault.kind == OFF_FAULT_DROP_EVENT))
		return false;
	fault.left--;
	*delay_ms = fault.kind == OFF_FAULT_DELAY_REPLY ? fault.delay_ms : 0;
	*corrupt = fault.kind == OFF_FAULT_CORRUPT_REPLY;
	return fault.kind == OFF_FAULT_DROP_REPLY || fault.kind == OFF_FAULT_DROP_EVENT;
}
