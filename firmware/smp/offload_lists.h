/*
 * Replies that hold lists of rows: written row by row with the zcbor runtime, as no struct holds a whole list.
 * proto/offload.cddl stays the definition, and the Python side checks against it.
 */
#ifndef OFFLOAD_LISTS_H
#define OFFLOAD_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/engine.h"

int offload_slot_state(const struct eng_slot_state *st, uint8_t *rsp, size_t cap, size_t *len);
int offload_slot_list(const struct engine *e, uint8_t *rsp, size_t cap, size_t *len);
int offload_release(struct engine *e, uint8_t *rsp, size_t cap, size_t *len);
int offload_pattern_list(const struct engine *e, uint8_t *rsp, size_t cap, size_t *len);
int offload_offload_list(const struct engine *e, uint8_t *rsp, size_t cap, size_t *len);
int offload_drain(struct engine *e, uint32_t ack, uint16_t max_bytes, uint8_t *rsp, size_t cap, size_t *len);

#endif
