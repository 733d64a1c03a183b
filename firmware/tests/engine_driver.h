/* For whoever drives the engine as a library: engine_driver.c. */
#ifndef ENGINE_DRIVER_H
#define ENGINE_DRIVER_H

#include "engine.h"

/* What became of a frame. */
struct drv_verdict {
	const char *reason;          /* the counter that it ended in, one of ENG_REASONS */
	uint32_t answers;            /* frames sent because of it */
	uint16_t wake;               /* enum off_wake_reason; NONE also when the host is being woken already */
};

/* False, and nothing done, when the frame is longer than eng_rx can say. */
bool drv_rx(struct engine *e, const uint8_t *frame, size_t len, struct drv_verdict *out);

/* A field of a structure of engine.h, or with an empty `name` the whole of it. */
struct drv_field {
	const char *structure, *name;
	size_t offset, bytes;
};

/* The i-th; NULL at the end. */
const struct drv_field *drv_layout(uint16_t i);

#endif
