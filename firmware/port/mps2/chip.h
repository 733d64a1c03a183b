/* What port/cortex_m asks of the chip, inline: cortex_m.h. */
#ifndef CHIP_H
#define CHIP_H

#include "mps2.h"
#include "port/port.h"

static inline bool uart_has_byte(void)
{
	return UART0->state & UART_RX_FULL;
}

static inline uint8_t uart_take(void)
{
	return (uint8_t)UART0->data;
}

static inline bool uart_can_take(void)
{
	return !(UART0->state & UART_TX_FULL);
}

static inline void uart_give(uint8_t byte)
{
	UART0->data = byte;
}

static inline void uart_call(void)
{
	NVIC_SET_PENDING = IRQ_UART0_TX;
}

static inline void uart_rx_hold(void)
{
	NVIC_DISABLE = IRQ_UART0_RX;
}

static inline void uart_look(void)
{
	uart_rx_entry();
}

/* Where the loop looks, the next look is soon enough. */
static inline void uart_rx_go_on(void)
{
	if (!uart_looks()) {
		NVIC_ENABLE = IRQ_UART0_RX;
		NVIC_SET_PENDING = IRQ_UART0_RX;
	}
}

static inline void ethernet_watch(void)
{
	LAN_INT_STS = ~(uint32_t)LAN_INT_PHY;
	NVIC_CLEAR_PENDING = IRQ_ETHERNET;
}

static inline bool ethernet_calls(void)
{
	return ethernet_has_frame() || (LAN_INT_STS & LAN_INT_PHY);
}

static inline void ethernet_rescue(void)
{
	ethernet_drain();
}

/* The end of the first period is an NMI (vectors.c). */
static inline void watchdog_start(void)
{
	WATCHDOG->load = PORT_WATCHDOG_US * TICKS_PER_US;
	WATCHDOG->ctrl = WATCHDOG_RUN | WATCHDOG_RESETS;
}

static inline void watchdog_restart(void)
{
	WATCHDOG->int_clear = 1;
}

#endif
