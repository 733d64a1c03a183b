/* CMSDK UART 0: one byte deep, so it is read in every turn of the main loop. */
#include "mps2.h"
#include "port/port.h"

enum { BAUD = 115200, STALL_US = 1000000 };

static bool line_dead;      /* nobody took the last bytes for STALL_US */

void uart_init(void)
{
	UART0->bauddiv = CLOCK_HZ / BAUD;
	UART0->ctrl = UART_TX_ENABLE | UART_RX_ENABLE | UART_RX_IRQ;
}

bool uart_has_byte(void)
{
	return UART0->state & UART_RX_FULL;
}

size_t port_serial_read(uint8_t *buf, size_t cap)
{
	size_t n = 0;

	while (n < cap && uart_has_byte()) {
		buf[n++] = (uint8_t)UART0->data;
	}
	if (n > 0) {
		activity_note();
	}
	return n;
}

/* A real transmitter always drains. An emulated one stands still while nobody reads the socket behind it. */
static bool wait_room(void)
{
	if (!(UART0->state & UART_TX_FULL)) {
		return true;
	}
	uint64_t until_us = port_now_us() + (line_dead ? 0 : STALL_US);

	do {
		ethernet_drain();
		if (!(UART0->state & UART_TX_FULL)) {
			port_watchdog_feed(); /* a slow line is no hang: the message is of bounded length, and a byte further */
			return true;
		}
	} while (port_now_us() < until_us);
	return false;
}

void port_serial_write(const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!wait_room()) {
			line_dead = true;
			return;
		}
		line_dead = false;
		UART0->data = buf[i];
	}
	activity_note();
}
