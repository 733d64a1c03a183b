/*
 * UART 0, a PL011 with FIFOs of 16 bytes. Its interrupt moves bytes between them and two rings, so that none is lost while the
 * loop is busy with a frame, and no frame waits for the line. Each ring has one who writes it and one who reads it: the handler
 * moves one index, the loop the other.
 */
#include <stdatomic.h>

#include "lm3s.h"
#include "port/port.h"

/* Divisor in 64ths: 50 MHz / (16 x 115200). */
enum { BAUD = 115200, DIVISOR_64 = (CLOCK_HZ * 4u + BAUD / 2u) / BAUD, STALL_US = 1000000, DOZE_US = 1000 };
enum { RX_BYTES = 512, TX_BYTES = 6144, TX_BURST = 128 };

_Static_assert(TX_BYTES > PORT_REPLY_BYTES, "the longest reply never waits for the line");

static uint8_t rx[RX_BYTES], tx[TX_BYTES];
static volatile uint32_t rx_head, rx_tail, tx_head, tx_tail;   /* read at head, write at tail; one place stays free */
static volatile uint32_t overruns;
static volatile bool rx_waits;      /* the ring was full: the chip keeps what comes, its interrupt is off */
static bool line_dead;              /* nobody took the last bytes for STALL_US */

static uint32_t used(uint32_t head, uint32_t tail, uint32_t size)
{
	return tail >= head ? tail - head : tail + size - head;
}

static uint32_t after(uint32_t at, uint32_t size)
{
	return at + 1 == size ? 0 : at + 1;
}

void uart_init(void)
{
	GPIO_A_FUNCTION |= GPIO_A_UART0;
	GPIO_A_DIGITAL |= GPIO_A_UART0;
	UART_IBRD = DIVISOR_64 / 64u;
	UART_FBRD = DIVISOR_64 % 64u;
	UART_LINE = UART_8_BITS | UART_FIFO;
	UART_CONTROL = UART_ON;
	UART_IRQ_MASK = UART_INT_RX | UART_INT_RX_TIMEOUT | UART_INT_TX;
	NVIC_ENABLE_0 = IRQ_UART0;
}

static bool rx_full(void)
{
	return after(rx_tail, RX_BYTES) == rx_head;
}

/* Bounded by the ring. What it has no room for stays in the chip: one interrupt for both ways, so the mask alone is let down. */
static void receive(void)
{
	while (!rx_full() && !(UART_FLAGS & UART_RX_EMPTY)) {
		uint32_t data = UART_DATA;

		overruns = overruns + ((data & UART_OVERRUN) ? 1u : 0u);
		rx[rx_tail] = (uint8_t)data;
		atomic_signal_fence(memory_order_release);
		rx_tail = after(rx_tail, RX_BYTES);
	}
	rx_waits = rx_full();
}

/*
 * An emulated transmitter takes all at once: after TX_BURST its interrupt is taken back, and the loop, which has frames to look
 * at meanwhile, calls again (send_on). So it does when that takes back the word of a transmitter that ran empty just then.
 */
static void transmit(void)
{
	for (uint32_t n = 0; n < TX_BURST && tx_head != tx_tail && !(UART_FLAGS & UART_TX_FULL); n++) {
		UART_DATA = tx[tx_head];
		tx_head = after(tx_head, TX_BYTES);
	}
}

/* Interrupts are taken back before the chip is looked at: a byte that comes later sets them anew. */
void uart_entry(void)
{
	UART_IRQ_CLEAR = UART_INT_RX | UART_INT_RX_TIMEOUT | UART_INT_TX;
	receive();
	transmit();
	UART_IRQ_CLEAR = UART_INT_TX;
	UART_IRQ_MASK = UART_INT_TX | (rx_waits ? 0u : (uint32_t)UART_INT_RX | UART_INT_RX_TIMEOUT);
}

static bool can_send(void)
{
	return tx_head != tx_tail && !(UART_FLAGS & UART_TX_FULL);
}

static void send_on(void)
{
	if (can_send()) {
		NVIC_SET_PENDING_0 = IRQ_UART0;
	}
}

/* No request is taken whose reply might have to wait for the line: its bytes wait instead, and the frames do not. */
static bool room_for_a_reply(void)
{
	return TX_BYTES - 1u - used(tx_head, tx_tail, TX_BYTES) >= PORT_REPLY_BYTES;
}

bool uart_calls(void)
{
	return can_send() || (rx_head != rx_tail && room_for_a_reply());
}

uint32_t port_serial_overruns(void)
{
	return overruns;
}

size_t port_serial_read(uint8_t *buf, size_t cap)
{
	size_t n = 0;

	send_on();
	while (n < cap && rx_head != rx_tail && room_for_a_reply()) {
		atomic_signal_fence(memory_order_acquire);
		buf[n++] = rx[rx_head];
		rx_head = after(rx_head, RX_BYTES);
	}
	if (n > 0) {
		if (rx_waits) {
			NVIC_SET_PENDING_0 = IRQ_UART0;
		}
		activity_note();
	}
	return n;
}

/*
 * Until as few bytes are left to send, or none has left for STALL_US: a real transmitter always drains, an emulated one may
 * stand still. Asleep between two bytes.
 */
static bool wait_used_at_most(uint32_t most)
{
	uint32_t stood = tx_head;
	uint64_t until_us = port_now_us() + (line_dead ? 0 : STALL_US);

	while (used(tx_head, tx_tail, TX_BYTES) > most) {
		if (stood != tx_head) {
			stood = tx_head;
			until_us = port_now_us() + STALL_US;
			port_watchdog_feed(); /* a slow line is no hang: what is left to send is bounded, and a byte further */
		} else if (port_now_us() >= until_us) {
			line_dead = true;
			return false;
		}
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
