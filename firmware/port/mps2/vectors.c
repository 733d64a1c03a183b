/* Vector table. Interrupts but those of the serial line have no handler: they only end a WFI (board.c). */
#include "mps2.h"

extern const uint32_t _stack_top;
extern const struct rom_services rom_services __attribute__((weak)); /* boot/rom_services.h; NULL in an image */

/* The watchdog's first period is over (NMI). At the end of the second one it resets, unless it is fed. */
static void watchdog_entry(void)
{
}

__attribute__((section(".vectors"), used)) const void *const vectors[18] = {
	&_stack_top, (const void *)reset_entry, (const void *)watchdog_entry, (const void *)fault_entry,
	(const void *)fault_entry, (const void *)fault_entry, (const void *)fault_entry, &rom_services,
	[16] = (const void *)uart_rx_entry, (const void *)uart_tx_entry,
};
