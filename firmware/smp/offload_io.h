/* One request in hand: what every handler of the offload group gets. Handlers return an off_rc, or SMP_DEFER. */
#ifndef OFFLOAD_IO_H
#define OFFLOAD_IO_H

#include <offload_messages.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine.h"
#include "smp_group.h"

struct io {
	struct engine *e;
	const uint8_t *req;
	size_t req_len;
	uint8_t *rsp;
	size_t cap;
	size_t *len;
};

/* `type`: a rule of offload.cddl, whose struct `out` or `in` is. */
#define OFFLOAD_DECODE(type, io, out)                                                         \
	do {                                                                                      \
		if (!message_decode(&type##_message, (io)->req, (io)->req_len, (out)))                \
			return OFF_BAD_ARG;                                                               \
	} while (0)
#define OFFLOAD_REPLY(type, io, in) \
	(message_encode(&type##_message, (in), (io)->rsp, (io)->cap, (io)->len) ? OFF_OK : OFF_BAD_LEN)

static inline int offload_reply_empty(const struct io *io)
{
	io->rsp[0] = 0xA0;
	*io->len = 1;
	return OFF_OK;
}

/* offload_objects.c */
int offload_slot_add(const struct io *io);
int offload_slot_remove(const struct io *io);
int offload_slot_get(const struct io *io);
int offload_slots(const struct io *io);
int offload_slot_pause(const struct io *io);
int offload_slot_resume(const struct io *io);
int offload_slot_update(const struct io *io);
int offload_pattern_add(const struct io *io);
int offload_pattern_remove(const struct io *io);
int offload_patterns(const struct io *io);
int offload_proto_add(const struct io *io);
int offload_proto_remove(const struct io *io);
int offload_protos(const struct io *io);

/* offload_events.c */
void offload_events_reset(void);
int offload_event_wait(const struct io *io);
int offload_fault_inject(const struct io *io);

#endif
