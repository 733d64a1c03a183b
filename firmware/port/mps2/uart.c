/*
 * CMSDK UART 0, one byte deep each way, an interrupt for each. The rings are port/cortex_m's.
 *
 * The boot loader takes bytes by looking: one that comes while it proves an image is for that image, and stays in the chip.
 */
#include "mps2.h"

enum { BAUD = 115200 };

static bool looking;                /* in the boot loader */

void uart_init(bool by_looking)
{
	looking = by_looking;
	UART0->bauddiv = CLOCK_HZ / BAUD;
	UART0->ctrl = UART_TX_ENABLE | UART_RX_ENABLE | UART_RX_IRQ | UART_TX_IRQ;
	NVIC_ENABLE = looking ? IRQ_UART0_TX : IRQ_UART0_TX | IRQ_UART0_RX;
}

bool uart_looks(void)
{
	return looking;
}

/* The interrupt is taken back before the chip is looked at: a byte that comes later sets it anew. */
void uart_rx_entry(void)
{
	UART0->int_clear = UART_INT_RX;
	NVIC_CLEAR_PENDING = IRQ_UART0_RX; /* in the boot loader no handler's start does that: no WFI would wait any more */
	serial_receive();
	if (UART0->state & UART_RX_OVERRUN) {
		UART0->state = UART_RX_OVERRUN;
		serial_overrun();
	}
}

void uart_tx_entry(void)
{
	UART0->int_clear = UART_INT_TX;
	if (serial_transmit()) {
		UART0->int_clear = UART_INT_TX;
		NVIC_CLEAR_PENDING = IRQ_UART0_TX;
	}
}
