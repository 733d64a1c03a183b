/* Vector table, first instructions, fault. Interrupts but those of the serial line have no handler: they only end a WFI (board.c). */
#include <stddef.h>
#include <stdint.h>

#include "lm3s.h"
#include "port/port.h"

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_bottom, _stack_top;
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
	main(0, NULL);
	fault_entry();
}

void fault_entry(void)
{
	kept_put(RESET_FAULT);
	SCB_AIRCR = AIRCR_RESET;
	for (;;) {
	}
}

__attribute__((section(".vectors"), used)) const void *const vectors[UART0_VECTOR + 1] = {
	&_stack_top, (const void *)reset_entry, (const void *)fault_entry, (const void *)fault_entry,
	(const void *)fault_entry, (const void *)fault_entry, (const void *)fault_entry,
	[UART0_VECTOR] = (const void *)uart_entry,
};
