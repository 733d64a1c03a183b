/* The way out to the wire. */
#ifndef TX_H
#define TX_H

#include "engine_state.h"

/* Short frames are padded, so the buffer must hold ETH_MIN_BYTES. */
bool eng_tx(struct engine *e, uint8_t *frame, uint16_t len);

/* How long after the wire took nothing it is tried again. */
static inline uint64_t tx_retry_us(const struct engine *e)
{
	return e->link == LINK_DOWN ? ENG_LINK_RETRY_US : ENG_TX_RETRY_US;
}

#endif
