/* UART 0, a PL011 with FIFOs of 16 bytes, one interrupt for both ways. The rings are port/cortex_m's. */
#include "lm3s.h"

/* Divisor in 64ths: 50 MHz / (16 x 115200). */
enum { BAUD = 115200, DIVISOR_64 = (CLOCK_HZ * 4u + BAUD / 2u) / BAUD };

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

/* Interrupts are taken back before the chip is looked at: a byte that comes later sets them anew. */
void uart_entry(void)
{
	UART_IRQ_CLEAR = UART_INT_RX | UART_INT_RX_TIMEOUT | UART_INT_TX;
	serial_receive();
	if (serial_transmit()) {
		UART_IRQ_CLEAR = UART_INT_TX;
	}
}
