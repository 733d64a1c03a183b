/* One request in hand: what every handler of the offload group gets. Handlers return an off_rc, or SMP_DEFER. */
#ifndef OFFLOAD_IO_H
#define OFFLOAD_IO_H

#include <offload_decode.h>
#include <offload_encode.h>
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

/* All generated functions have this form: 0 is success. Bytes behind the map make the request malformed. */
#define OFFLOAD_DECODE(type, io, out)                                                                  \
	do {                                                                                               \
		size_t used_;                                                                              \
		if (cbor_decode_##type((io)->req, (io)->req_len, (out), &used_) || used_ != (io)->req_len) \
			return OFF_BAD_ARG;                                                                \
	} while (0)
#define OFFLOAD_REPLY(type, io, in) (cbor_encode_##type((io)->rsp, (io)->cap, (in), (io)->len) ? OFF_BAD_LEN : OFF_OK)

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
