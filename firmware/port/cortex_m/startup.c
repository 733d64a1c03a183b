/* First instructions, fault, reset, and how deep the stack was. The vector table is the port's. */
#include <stddef.h>

#include "cortex_m.h"
#include "port/port.h"

#define STACK_PAINT 0xA5A5A5A5u

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_bottom, _stack_top;
int main(int argc, char **argv);

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

void system_reset(void)
{
	__asm__ volatile("dsb" ::: "memory");
	SCB_AIRCR = AIRCR_RESET;
	for (;;) {
	}
}

void fault_entry(void)
{
	reset_note(RESET_FAULT);
	system_reset();
}

uint32_t port_stack_low_water(void)
{
	const uint32_t *p = &_stack_bottom;

	while (p < &_stack_top && *p == STACK_PAINT) {
		p++;
	}
	return (uint32_t)(p - &_stack_bottom) * 4u;
}
