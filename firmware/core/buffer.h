/* Received frames kept for the host: a ring, oldest first; the first frames are kept, later ones are lost. */
#ifndef BUFFER_H
#define BUFFER_H

#include "engine_state.h"
#include "parse.h"

bool buffer_put(struct engine *e, const struct pkt *p, uint64_t t_rx_us, uint16_t flags, uint32_t pattern_id, uint8_t slot);
/* In the place of the i-th, or behind the last. */
void buffer_put_at(struct engine *e, uint16_t i, const struct pkt *p, uint64_t t_rx_us);
bool buffer_has_segment(const struct engine *e, uint8_t slot, const struct pkt *p);
struct eng_frame *buffer_at(struct engine *e, uint16_t i);
void buffer_clear(struct engine *e);
/* Room to build a frame of ENG_TAGGED_FRAME_BYTES in, until the next buffer_put; NULL when the ring is full. */
uint8_t *buffer_scratch(struct engine *e);

#endif
