/* Vector table. Interrupts but those of the serial line have no handler: they only end a WFI (board.c). */
#include "lm3s.h"

extern const uint32_t _stack_top;

__attribute__((section(".vectors"), used)) const void *const vectors[UART0_VECTOR + 1] = {
	&_stack_top, (const void *)reset_entry, (const void *)fault_entry, (const void *)fault_entry,
	(const void *)fault_entry, (const void *)fault_entry, (const void *)fault_entry,
	[UART0_VECTOR] = (const void *)uart_entry,
};
