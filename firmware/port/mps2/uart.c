/*
 * CMSDK UART 0, one byte deep each way. Its interrupts move bytes between the chip and two rings, so that none is lost while
 * the loop is busy with a frame, and no frame waits for the line. Each ring has one who writes it and one who reads it: the
 * handler moves one index, the loop the other.
 *
 * The boot loader takes bytes by looking: one that comes while it proves an image is for that image, and stays in the chip.
 */
#include <stdatomic.h>

#include "mps2.h"
#include "port/port.h"

enum { BAUD = 115200, STALL_US = 1000000, DOZE_US = 1000 };
enum { RX_BYTES = 512, TX_BYTES = 6144, TX_BURST = 128 };

_Static_assert(TX_BYTES > PORT_REPLY_BYTES, "the longest reply never waits for the line");

static uint8_t rx[RX_BYTES], tx[TX_BYTES];
static volatile uint32_t rx_head, rx_tail, tx_head, tx_tail;   /* read at head, write at tail; one place stays free */
static volatile uint32_t overruns;
static volatile bool rx_waits;      /* the ring was full: the chip keeps what comes, its interrupt is off */
static bool looking;                /* in the boot loader */
static bool line_dead;              /* nobody took the last bytes for STALL_US */

static uint32_t used(uint32_t head, uint32_t tail, uint32_t size)
{
	return tail >= head ? tail - head : tail + size - head;
}

static uint32_t after(uint32_t at, uint32_t size)
{
	return at + 1 == size ? 0 : at + 1;
}

void uart_init(bool by_looking)
{
	looking = by_looking;
	UART0->bauddiv = CLOCK_HZ / BAUD;
	UART0->ctrl = UART_TX_ENABLE | UART_RX_ENABLE | UART_RX_IRQ | UART_TX_IRQ;
	NVIC_ENABLE = looking ? IRQ_UART0_TX : IRQ_UART0_TX | IRQ_UART0_RX;
}

/* Bounded by the ring. The interrupt is taken back before the chip is looked at: a byte that comes later sets it anew. */
void uart_rx_entry(void)
{
	UART0->int_clear = UART_INT_RX;
	NVIC_CLEAR_PENDING = IRQ_UART0_RX; /* in the boot loader no handler's start does that: no WFI would wait any more */
	while (UART0->state & UART_RX_FULL) {
		uint32_t next = after(rx_tail, RX_BYTES);

		if (next == rx_head) {
			rx_waits = true;
			NVIC_DISABLE = IRQ_UART0_RX;
			break;
		}
		rx[rx_tail] = (uint8_t)UART0->data;
		atomic_signal_fence(memory_order_release);
		rx_tail = next;
	}
	if (UART0->state & UART_RX_OVERRUN) {
		UART0->state = UART_RX_OVERRUN;
		overruns = overruns + 1;
	}
}

/*
 * A transmitter takes one byte a time. An emulated one takes all at once: after TX_BURST its interrupt is taken back, and the
 * loop, which has frames to look at meanwhile, calls again.
 */
void uart_tx_entry(void)
{
	uint32_t n;

	UART0->int_clear = UART_INT_TX;
	for (n = 0; n < TX_BURST && tx_head != tx_tail && !(UART0->state & UART_TX_FULL); n++) {
		UART0->data = tx[tx_head];
		tx_head = after(tx_head, TX_BYTES);
	}
	if (n == TX_BURST) {
		UART0->int_clear = UART_INT_TX;
		NVIC_CLEAR_PENDING = IRQ_UART0_TX;
	}
}

static bool can_send(void)
{
	return tx_head != tx_tail && !(UART0->state & UART_TX_FULL);
}

static void send_on(void)
{
	if (can_send()) {
		NVIC_SET_PENDING = IRQ_UART0_TX;
	}
}

/* No request is taken whose reply might have to wait for the line: its bytes wait instead, and the frames do not. */
static bool room_for_a_reply(void)
{
	return TX_BYTES - 1u - used(tx_head, tx_tail, TX_BYTES) >= PORT_REPLY_BYTES;
}

bool uart_calls(void)
{
	return can_send() || (room_for_a_reply() && (rx_head != rx_tail || (looking && (UART0->state & UART_RX_FULL))));
}

uint32_t port_serial_overruns(void)
{
	return overruns;
}

size_t port_serial_read(uint8_t *buf, size_t cap)
{
	size_t n = 0;

	send_on();
	if (looking) {
		uart_rx_entry();
	}
	while (n < cap && rx_head != rx_tail && room_for_a_reply()) {
		atomic_signal_fence(memory_order_acquire);
		buf[n++] = rx[rx_head];
		rx_head = after(rx_head, RX_BYTES);
	}
	if (n > 0 && rx_waits) {
		rx_waits = false;
		if (!looking) {
			NVIC_ENABLE = IRQ_UART0_RX;
			NVIC_SET_PENDING = IRQ_UART0_RX;
		}
	}
	if (n > 0) {
		activity_note();
	}
	return n;
}

/*
 * Until as few bytes are left to send, or none has left for STALL_US: a real transmitter always drains, an emulated one stands
 * still while nobody reads the socket behind it. Asleep between two bytes.
 */
static bool wait_used_at_most(uint32_t most)
{
	uint32_t stood = tx_head;
	uint64_t until_us = port_now_us() + (line_dead ? 0 : STALL_US);

	while (used(tx_head, tx_tail, TX_BYTES) > most) {
		if (stood != tx_head) {
			stood = tx_head;
			until_us = port_now_us() + STALL_US;
			line_dead = false;
			port_watchdog_feed(); /* a slow line is no hang: what is left to send is bounded, and a byte further */
		} else if (port_now_us() >= until_us) {
			line_dead = true;
			return false;
		}
		ethernet_drain();
		send_on();
		doze(DOZE_US);
	}
	line_dead = false;
	return true;
}

void uart_flush(void)
{
	(void)wait_used_at_most(0);
}

void port_serial_write(const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t next = after(tx_tail, TX_BYTES);

		if (next == tx_head && !wait_used_at_most(TX_BYTES - 2u)) {
			return;
		}
		tx[tx_tail] = buf[i];
		atomic_signal_fence(memory_order_release);
		tx_tail = next;
	}
	send_on();
	activity_note();
}
