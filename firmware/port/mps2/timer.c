/* Time from TIMER0, which counts 2^32 ticks of 40 ns down and starts again (171 s); TIMER1 as alarm clock. */
#include "mps2.h"
#include "port/port.h"

static uint64_t total_ticks;
static uint32_t last;
static uint64_t rings_at_us = UINT64_MAX;

void timer_init(void)
{
	TIMER0->reload = UINT32_MAX;
	TIMER0->value = UINT32_MAX;
	TIMER0->ctrl = TIMER_ENABLE;
	last = UINT32_MAX - TIMER0->value;
	TIMER1->reload = UINT32_MAX;
	TIMER1->ctrl = TIMER_ENABLE | TIMER_IRQ_ENABLE;
}

/* Has to be called once per 171 s; the main loop never sleeps longer than 10 s. */
uint64_t port_now_us(void)
{
	uint32_t now = UINT32_MAX - TIMER0->value;

	/* An emulated timer may step back a little when it starts again: hold still then, never jump a whole period. */
	if (last - now > CLOCK_HZ / 1000u) {
		total_ticks += now - last;
		last = now;
	}
	return total_ticks / TICKS_PER_US;
}

/*
 * TIMER1 runs all the time. Its count alone is written, and only when it would ring too late: to ring early costs one turn
 * of the loop, while every setting wakes QEMU's other thread, just when frames come one behind the other. Whether it has
 * rung is what the timer says: clocks that differ by a tick would lose the alarm.
 */
void wake_in(uint32_t us)
{
	const uint32_t longest_us = UINT32_MAX / TICKS_PER_US;
	uint32_t wait_us = us < longest_us ? us : longest_us;
	uint64_t due_us = port_now_us() + wait_us;

	if (rings_at_us <= due_us && !(TIMER1->int_clear & TIMER_RUNG)) {
		return;
	}
	rings_at_us = due_us;
	TIMER1->int_clear = TIMER_RUNG;
	NVIC_CLEAR_PENDING = IRQ_TIMER1;
	TIMER1->value = wait_us * TICKS_PER_US;
}
