/* Time from TIMER0, which counts 2^32 ticks of 40 ns down and starts again (171 s); TIMER1 as alarm clock. */
#include "mps2.h"
#include "port/port.h"

static uint64_t total_ticks;
static uint32_t last;

void timer_init(void)
{
	TIMER0->reload = UINT32_MAX;
	TIMER0->value = UINT32_MAX;
	TIMER0->ctrl = TIMER_ENABLE;
	last = UINT32_MAX - TIMER0->value;
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

void timer_wake_in(uint32_t us)
{
	const uint32_t longest_us = UINT32_MAX / TICKS_PER_US;
	uint32_t ticks = (us < longest_us ? us : longest_us) * TICKS_PER_US;

	TIMER1->ctrl = 0;
	TIMER1->int_clear = 1;
	TIMER1->reload = ticks > 0 ? ticks : 1;
	TIMER1->value = ticks > 0 ? ticks : 1;
	TIMER1->ctrl = TIMER_ENABLE | TIMER_IRQ_ENABLE;
}

void timer_wake_cancel(void)
{
	TIMER1->ctrl = 0;
	TIMER1->int_clear = 1;
}
