/*
 * SMSC LAN9118, promiscuous, by programmed I/O. Its receive FIFO holds 10 KiB; frames that come while the loop waits for
 * the serial line, its ring being full, are moved to a ring in RAM.
 */
#include <string.h>

#include "mps2.h"
#include "port/port.h"

enum { RING_WORDS = 1024, FCS_BYTES = 4, MAX_FRAME_BYTES = 1532, MAX_FRAME_WORDS = 1 + MAX_FRAME_BYTES / 4, TX_COMMAND_BYTES = 8 };
enum { MAC_CR = 1, MAC_CR_FULL_DUPLEX = 1 << 20, MAC_CR_PROMISCUOUS = 1 << 18, MAC_CR_TX = 1 << 3, MAC_CR_RX = 1 << 2 };
enum { TX_ON = 2, SOFT_RESET = 1, IRQ_ON_HIGH_PUSH_PULL = 0x111, INT_RX_STATUS_LEVEL = 1 << 3 };
enum { RX_STATUS_ERROR = 1 << 15, TX_FIRST_AND_LAST = 1 << 13 | 1 << 12, RESET_TURNS = 1000000 };
#define MAC_BUSY 0x80000000u
enum { MAC_READ = 1 << 30, MAC_MII_ACC = 6, MAC_MII_DATA = 7, MII_PHY_1 = 1 << 11, MII_WRITE = 1 << 1, MII_BUSY = 1 << 0 };
enum { PHY_STATUS = 1, PHY_INT_SOURCE = 29, PHY_INT_MASK = 30 };        /* registers of the PHY */
enum { PHY_STATUS_LINK = 1 << 2, PHY_INTS_LINK = 1 << 7 | 1 << 6 | 1 << 4 }; /* energy, negotiated, link down */

static uint32_t ring[RING_WORDS];   /* length in bytes, then the frame's words, and so on */
static uint32_t head, tail;         /* read at head, write at tail; counted without wrapping */

static void mac_wait(void)
{
	for (int i = 0; i < RESET_TURNS && (LAN_MAC_CMD & MAC_BUSY); i++) {
	}
}

static void mac_write(uint32_t reg, uint32_t value)
{
	mac_wait();
	LAN_MAC_DATA = value;
	LAN_MAC_CMD = MAC_BUSY | reg;
}

static uint32_t mac_read(uint32_t reg)
{
	mac_wait();
	LAN_MAC_CMD = MAC_BUSY | MAC_READ | reg;
	mac_wait();
	return LAN_MAC_DATA;
}

static void mii(uint32_t command)
{
	mac_write(MAC_MII_ACC, MII_PHY_1 | command | MII_BUSY);
	for (int i = 0; i < RESET_TURNS && (mac_read(MAC_MII_ACC) & MII_BUSY); i++) {
	}
}

static uint32_t phy_read(uint32_t reg)
{
	mii(reg << 6);
	return mac_read(MAC_MII_DATA);
}

static void phy_watch(void)
{
	mac_write(MAC_MII_DATA, PHY_INTS_LINK);
	mii((uint32_t)PHY_INT_MASK << 6 | MII_WRITE);
	LAN_INT_EN |= LAN_INT_PHY;
}

/* The first call begins to watch: the boot loader, which never asks, is not woken by a link. */
enum port_link port_eth_link(void)
{
	static enum port_link link;

	if (link == PORT_LINK_UNKNOWN) {
		phy_watch();
	} else if (!(LAN_INT_STS & LAN_INT_PHY)) {
		return link;
	}
	(void)phy_read(PHY_INT_SOURCE);      /* takes the interrupt back: what changes from now on sets it anew */
	LAN_INT_STS = LAN_INT_PHY;
	(void)phy_read(PHY_STATUS);          /* a link that went is told once, whatever it is now (IEEE 802.3 22.2.4.2.13) */
	return link = phy_read(PHY_STATUS) & PHY_STATUS_LINK ? PORT_LINK_UP : PORT_LINK_DOWN;
}

void ethernet_init(bool receives)
{
	LAN_HW_CFG = SOFT_RESET;
	for (int i = 0; i < RESET_TURNS && (LAN_HW_CFG & SOFT_RESET); i++) {
	}
	LAN_IRQ_CFG = IRQ_ON_HIGH_PUSH_PULL; /* the reset value is active low: an idle line would call all the time */
	head = tail = 0;
	if (!receives) {
		return;
	}
	mac_write(MAC_CR, MAC_CR_FULL_DUPLEX | MAC_CR_PROMISCUOUS | MAC_CR_TX | MAC_CR_RX);
	LAN_TX_CFG = TX_ON;
	LAN_RX_CFG = 0;
	LAN_FIFO_INT = 0;
	LAN_INT_STS = UINT32_MAX;
	LAN_INT_EN = INT_RX_STATUS_LEVEL;
}

static bool chip_has_frame(void)
{
	return (LAN_RX_FIFO_INF >> 16) & 0xFFu;
}

bool ethernet_has_frame(void)
{
	return head != tail || chip_has_frame();
}

/* The length of the frame whose status word this is, FCS and all: so much has to be read out of the chip. */
static uint32_t received_bytes(uint32_t status)
{
	return (status >> 16) & 0x3FFFu;
}

/* How much of it is kept: without FCS, at most cap; nothing of one that the chip calls damaged. */
static uint32_t kept_bytes(uint32_t status, uint32_t cap)
{
	uint32_t len = received_bytes(status);

	if ((status & RX_STATUS_ERROR) || len <= FCS_BYTES) {
		return 0;
	}
	return len - FCS_BYTES < cap ? len - FCS_BYTES : cap;
}

/* Takes one frame out of the chip. Returns how many bytes of it are in buf. */
static uint16_t take_frame(uint8_t *buf, uint16_t cap)
{
	uint32_t status = LAN_RX_STATUS, len = received_bytes(status), keep = kept_bytes(status, cap);

	for (uint32_t at = 0; at < len; at += 4) {
		uint32_t word = LAN_RX_DATA;

		if (at < keep) {
			memcpy(buf + at, &word, keep - at < 4 ? keep - at : 4);
		}
	}
	return (uint16_t)keep;
}

/* Straight into the ring: a frame that the chip calls damaged is not counted, and the next one is written over it. */
void ethernet_drain(void)
{
	while (RING_WORDS - (tail - head) > MAX_FRAME_WORDS && chip_has_frame()) {
		uint32_t status = LAN_RX_STATUS, len = received_bytes(status), keep = kept_bytes(status, MAX_FRAME_BYTES);

		ring[tail % RING_WORDS] = keep;
		for (uint32_t at = 0, to = tail + 1; at < len; at += 4, to++) {
			uint32_t word = LAN_RX_DATA;

			if (at < keep) {
				ring[to % RING_WORDS] = word;
			}
		}
		tail += keep > 0 ? 1 + (keep + 3u) / 4u : 0;
	}
}

static uint16_t pop(uint8_t *buf, uint16_t cap)
{
	uint32_t len = ring[head++ % RING_WORDS];

	for (uint32_t at = 0; at < len; at += 4) {
		uint32_t word = ring[head++ % RING_WORDS];

		if (at < cap) {
			uint32_t left = (len < cap ? len : cap) - at;

			memcpy(buf + at, &word, left < 4 ? left : 4);
		}
	}
	return (uint16_t)(len < cap ? len : cap);
}

uint16_t port_eth_read(uint8_t *buf, uint16_t cap)
{
	uint16_t len = 0;

	if (head != tail) {
		len = pop(buf, cap);
	}
	while (len == 0 && chip_has_frame()) {
		len = take_frame(buf, cap);
	}
	if (len > 0) {
		activity_note();
	}
	return len;
}

bool port_eth_write(const uint8_t *frame, uint16_t len)
{
	while ((LAN_TX_FIFO_INF >> 16) & 0xFFu) {
		(void)LAN_TX_STATUS; /* one a frame sent; the FIFO of them must not fill up */
	}
	if ((LAN_TX_FIFO_INF & 0xFFFFu) < len + TX_COMMAND_BYTES + 3u) {
		return false;
	}
	LAN_TX_DATA = TX_FIRST_AND_LAST | len;
	LAN_TX_DATA = len;
	for (uint32_t at = 0; at < len; at += 4) {
		uint32_t word = 0;

		memcpy(&word, frame + at, len - at < 4 ? len - at : 4);
		LAN_TX_DATA = word;
	}
	return true;
}
