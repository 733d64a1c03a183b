/*
 * The serial line's two rings. The UART's interrupts move bytes between them and the chip, so that none is lost while the loop
 * is busy with a frame, and no frame waits for the line.
 *
 * Each ring has one who writes it and one who reads it: a handler moves one index, the loop the other, and each only when the
 * byte is written, or read. So neither needs the other to stand still: a handler between two instructions of the loop adds to
 * what there is to read and to the room there is to write, and what the loop has seen stays true.
 */
#include <stdatomic.h>

#include "chip.h"
#include "cortex_m.h"
#include "port/port.h"

enum { STALL_US = 1000000, DOZE_US = 1000 };
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

/* Bounded by the ring. */
void serial_receive(void)
{
	while (uart_has_byte()) {
		uint32_t next = after(rx_tail, RX_BYTES);

		if (next == rx_head) {
			rx_waits = true;
			uart_rx_hold();
			return;
		}
		rx[rx_tail] = uart_take();
		atomic_signal_fence(memory_order_release);
		rx_tail = next;
	}
}

/*
 * A transmitter takes a byte or a FIFO of them. An emulated one takes all at once: after TX_BURST its interrupt is taken back by
 * the handler, and the loop, which has frames to look at meanwhile, calls again (send_on). So it does when that takes back the
 * word of a transmitter that ran empty just then.
 */
bool serial_transmit(void)
{
	uint32_t n;

	for (n = 0; n < TX_BURST && tx_head != tx_tail && uart_can_take(); n++) {
		uart_give(tx[tx_head]);
		tx_head = after(tx_head, TX_BYTES);
	}
	return n == TX_BURST;
}

void serial_overrun(void)
{
	overruns = overruns + 1;
}

static bool can_send(void)
{
	return tx_head != tx_tail && uart_can_take();
}

static void send_on(void)
{
	if (can_send()) {
		uart_call();
	}
}

/* No request is taken whose reply might have to wait for the line: its bytes wait instead, and the frames do not. */
static bool room_for_a_reply(void)
{
	return TX_BYTES - 1u - used(tx_head, tx_tail, TX_BYTES) >= PORT_REPLY_BYTES;
}

bool serial_calls(void)
{
	return can_send() || (room_for_a_reply() && (rx_head != rx_tail || (uart_looks() && uart_has_byte())));
}

uint32_t port_serial_overruns(void)
{
	return overruns;
}

size_t port_serial_read(uint8_t *buf, size_t cap)
{
	size_t n = 0;

	send_on();
	if (uart_looks()) {
		uart_look();
	}
	while (n < cap && rx_head != rx_tail && room_for_a_reply()) {
		atomic_signal_fence(memory_order_acquire);
		buf[n++] = rx[rx_head];
		rx_head = after(rx_head, RX_BYTES);
	}
	/* A handler that fills the ring anew in between holds again: it runs after uart_rx_go_on, whatever was said before. */
	if (n > 0 && rx_waits) {
		rx_waits = false;
		uart_rx_go_on();
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
			port_watchdog_feed(); /* a slow line is no hang: what is left to send is bounded, and a byte further */
		} else if (port_now_us() >= until_us) {
			line_dead = true;
			return false;
		}
		ethernet_rescue();
		send_on();
		doze(DOZE_US);
	}
	line_dead = false;
	return true;
}

void serial_flush(void)
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
