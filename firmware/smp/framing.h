/*
 * SMP over a serial line, as Zephyr and mcumgr do it.
 *
 * A message travels as lines of text. The first starts with 06 09, the others with 04 14, each ends with LF and holds at
 * most 127 bytes in all. Between marker and LF stands base64. Decoded and put together the lines give
 * u16 length (big endian, of what follows) | message | u16 CRC (XMODEM, over the message).
 * Anything else on the line is text for people and is skipped.
 */
#ifndef SMP_FRAMING_H
#define SMP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smp_group.h"

enum {
	FRAMING_LINE_SEND = 127,    /* Zephyr's limit, marker and LF included */
	FRAMING_LINE_ACCEPT = 128,  /* what some clients send: one more */
	FRAMING_OVERHEAD = 4,       /* length and CRC */
};

struct framing {
	uint8_t state;              /* enum in framing.c */
	bool open;                  /* a message was begun and not yet finished or given up */
	uint16_t line_len;
	uint8_t quad_len, pad;
	uint32_t quad;              /* up to four base64 digits, 6 bits each */
	uint32_t crc_errors;        /* whole messages whose CRC did not hold */
	uint16_t len;               /* bytes in buf */
	uint8_t buf[SMP_MESSAGE_BYTES + FRAMING_OVERHEAD];
};

/* Takes one byte of the line. Returns a whole message with a good CRC, valid until the next call, or NULL. */
const uint8_t *framing_rx(struct framing *f, uint8_t byte, size_t *len);

/* Wipes the message that framing_rx gave: it may hold a password. */
void framing_forget(struct framing *f);

/* Cuts a message into lines and hands them to write(), several lines at once. */
void framing_tx(const uint8_t *msg, size_t len, void (*write)(const uint8_t *bytes, size_t len));

/* CRC-16/XMODEM: polynomial 0x1021, start 0. */
uint16_t framing_crc16(uint16_t crc, const uint8_t *p, size_t len);

#endif
