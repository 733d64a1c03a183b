/* Vector table, first instructions, fault. Interrupts but those of the serial line have no handler: they only end a WFI (board.c). */
#include <stddef.h>
#include <stdint.h>

#include "mps2.h"
#include "port/port.h"

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_bottom, _stack_top;
extern const void *const vectors[18];
extern const struct rom_services rom_services __attribute__((weak)); /* boot/rom_services.h; NULL in an image */
int main(int argc, char **argv);
void reset_entry(void);
void fault_entry(void);

void reset_entry(void)
{
	uint32_t *from = &_data_load;

	__asm__ volatile("cpsid i" ::: "memory");
	for (uint32_t *to = &_data_start; to < &_data_end;) {
		*to++ = *from++;
	}
	for (uint32_t *to = &_bss_start; to < &_bss_end;) {
		*to++ = 0;
	}
	/* Up to this function's own frame; volatile: the compiler must not make it a call, which would lie in the way. */
	for (volatile uint32_t *to = &_stack_bottom; to < (uint32_t *)__builtin_frame_address(0) - 16; to++) {
		*to = STACK_PAINT;
	}
	SCB_VTOR = (uint32_t)vectors;
	main(0, NULL);
	fault_entry();
}

void fault_entry(void)
{
	handoff_put(&(struct boot_handoff){ .reset_cause = RESET_FAULT, .slot = SLOT_NONE });
	SCB_AIRCR = AIRCR_RESET;
	for (;;) {
	}
}

/* The watchdog's first period is over (NMI). At the end of the second one it resets, unless it is fed. */
static void watchdog_entry(void)
{
}

__attribute__((section(".vectors"), used)) const void *const vectors[18] = {
	&_stack_top, (const void *)reset_entry, (const void *)watchdog_entry, (const void *)fault_entry,
	(const void *)fault_entry, (const void *)fault_entry, (const void *)fault_entry, &rom_services,
	[16] = (const void *)uart_rx_entry, (const void *)uart_tx_entry,
};
