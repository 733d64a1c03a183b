/* Segments that the device sends for a slot. */
#ifndef TCP_TX_H
#define TCP_TX_H

#include "engine_state.h"

uint32_t tcp_window(const struct eng_slot *s);
bool tcp_send(struct engine *e, struct eng_slot *s, uint32_t seq);
bool tcp_send_data(struct engine *e, struct eng_slot *s, uint32_t seq, const uint8_t *data, uint16_t len);

#endif
