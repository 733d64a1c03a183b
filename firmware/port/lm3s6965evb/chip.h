/* What port/cortex_m asks of the chip, inline: cortex_m.h. */
#ifndef CHIP_H
#define CHIP_H

#include "lm3s.h"
#include "port/port.h"

static inline bool uart_has_byte(void)
{
	return !(UART_FLAGS & UART_RX_EMPTY);
}

static inline uint8_t uart_take(void)
{
	uint32_t data = UART_DATA;

	if (data & UART_OVERRUN) {
		serial_overrun();
	}
	return (uint8_t)data;
}

static inline bool uart_can_take(void)
{
	return !(UART_FLAGS & UART_TX_FULL);
}

static inline void uart_give(uint8_t byte)
{
	UART_DATA = byte;
}

static inline void uart_call(void)
{
	NVIC_SET_PENDING_0 = IRQ_UART0;
}

/* One interrupt for both ways, so the mask alone is let down. */
static inline void uart_rx_hold(void)
{
	UART_IRQ_MASK = UART_INT_TX;
}

static inline void uart_rx_go_on(void)
{
	UART_IRQ_MASK = UART_INT_RX | UART_INT_RX_TIMEOUT | UART_INT_TX;
	uart_call();
}

static inline bool uart_looks(void)
{
	return false;
}

static inline void uart_look(void)
{
}

static inline void ethernet_watch(void)
{
	MAC_IRQ = MAC_INT_RX;
	NVIC_CLEAR_PENDING_1 = IRQ_1_ETHERNET;
}

static inline bool ethernet_calls(void)
{
	return ethernet_has_frame();
}

/* The chip's 2 KiB are all the room that there is. */
static inline void ethernet_rescue(void)
{
}

/* The end of the first period raises an interrupt that nobody takes. */
static inline void watchdog_start(void)
{
	WATCHDOG_LOAD = PORT_WATCHDOG_US * TICKS_PER_US;
	WATCHDOG_CONTROL = WATCHDOG_RUN | WATCHDOG_RESETS;
}

static inline void watchdog_restart(void)
{
	WATCHDOG_CLEAR = 1;
}

#endif
