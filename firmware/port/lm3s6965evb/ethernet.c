/*
 * The chip's own MAC, promiscuous, by programmed I/O: one FIFO of 2 KiB each way, read and written by words. A frame is in it
 * behind 2 bytes of its length, and before its FCS.
 *
 * Its PHY is not asked: QEMU has none, so the port cannot tell the state of the link.
 */
#include "lm3s.h"
#include "port/port.h"

enum { LENGTH_BYTES = 2, FCS_BYTES = 4, HEADER_BYTES = 14 };

void ethernet_init(void)
{
	MAC_IRQ_MASK = MAC_INT_RX;
	MAC_RX = MAC_RX_RESET;
	MAC_THRESHOLD = MAC_WHOLE_FRAMES;
	MAC_TX = MAC_TX_ON | MAC_TX_PAD | MAC_TX_CRC | MAC_TX_DUPLEX;
	MAC_RX = MAC_RX_ON | MAC_RX_ALL_GROUPS | MAC_RX_PROMISCUOUS | MAC_RX_NO_BAD;
}

enum port_link port_eth_link(void)
{
	return PORT_LINK_UNKNOWN;
}

bool ethernet_has_frame(void)
{
	return MAC_FRAMES & 0x3Fu;
}

/* The chip's word for the length takes the FIFO's 2 KiB: whatever it says, no more than that is read. */
static uint16_t take_frame(uint8_t *buf, uint16_t cap)
{
	uint32_t word = MAC_DATA, total = word & 0x7FFu;
	uint32_t len = total > LENGTH_BYTES + FCS_BYTES ? total - LENGTH_BYTES - FCS_BYTES : 0, have = 0;

	word >>= 16;
	for (uint32_t at = LENGTH_BYTES; at < total; at++) {
		if (at % 4u == 0) {
			word = MAC_DATA;
		}
		if (have < len && have < cap) {
			buf[have++] = (uint8_t)word;
		}
		word >>= 8;
	}
	return (uint16_t)have;
}

uint16_t port_eth_read(uint8_t *buf, uint16_t cap)
{
	uint16_t len = 0;

	if (ethernet_has_frame()) {
		len = take_frame(buf, cap);
		activity_note();
	}
	return len;
}

/* What goes before the frame is the length of what stands behind its header. */
bool port_eth_write(const uint8_t *frame, uint16_t len)
{
	if (len < HEADER_BYTES || MAC_SEND) {
		return false;
	}
	uint32_t word = len - (uint32_t)HEADER_BYTES, at = LENGTH_BYTES;

	for (uint32_t i = 0; i < len; i++) {
		word |= (uint32_t)frame[i] << 8 * (at % 4u);
		if (++at % 4u == 0) {
			MAC_DATA = word;
			word = 0;
		}
	}
	if (at % 4u != 0) {
		MAC_DATA = word;
	}
	MAC_SEND = 1;
	return true;
}
