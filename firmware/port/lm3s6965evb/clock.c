/* 50 MHz from the crystal; time from SysTick, which counts 2^24 ticks down and starts again (0.3 s); TIMER0 as alarm clock. */
#include "lm3s.h"
#include "port/port.h"

enum { LOCK_TURNS = 100000, CHANCE_READS = 256, WAKE_MAX_US = 200000 };

/* 1 or 2 s: hello may take 5 after a reset (contract section 7). A clock that stands longer is broken. */
enum { STILL_READS = 10000000 };

static uint64_t total_ticks;
static uint32_t last;

static void start_pll(void)
{
	uint32_t rcc = (SYSCTL_RCC & ~(uint32_t)RCC_DIVIDE) | RCC_BYPASS;

	SYSCTL_RCC = rcc;
	rcc &= ~(uint32_t)(RCC_XTAL | RCC_SOURCE | RCC_PLL_OFF | RCC_NO_MAIN | RCC_BY);
	rcc |= RCC_XTAL_8MHZ | RCC_BY_4 | RCC_DIVIDE;   /* of the PLL's 200 MHz */
	SYSCTL_RCC = rcc;
	for (int i = 0; i < LOCK_TURNS && !(SYSCTL_RIS & RIS_PLL_LOCKED); i++) {
	}
	SYSCTL_RCC = rcc & ~(uint32_t)RCC_BYPASS;
}

void clock_init(void)
{
	start_pll();
	SYSCTL_RCGC0 |= RCGC0_WATCHDOG;
	SYSCTL_RCGC1 |= RCGC1_TIMER0 | RCGC1_UART0;
	SYSCTL_RCGC2 |= RCGC2_PHY | RCGC2_MAC | RCGC2_GPIO_A;
	SYSTICK_LOAD = SYSTICK_MAX;
	SYSTICK_NOW = 0;
	SYSTICK_CONTROL = SYSTICK_RUN | SYSTICK_OF_CORE;
	last = SYSTICK_MAX - SYSTICK_NOW;
	TIMER_CONTROL = 0;
	TIMER_CONFIG = 0;       /* 32 bits */
	TIMER_MODE = TIMER_ONCE;
	TIMER_IRQ_MASK = TIMER_INT;
}

/* Has to be called once per 0.3 s: wake_in sees to that. */
uint64_t port_now_us(void)
{
	uint32_t now = SYSTICK_MAX - SYSTICK_NOW, gone = (now - last) & SYSTICK_MAX;

	/* An emulated timer may step back a little: hold still then, never jump a whole period. */
	if (gone < SYSTICK_MAX - CLOCK_HZ / 1000u) {
		total_ticks += gone;
		last = now;
	}
	return total_ticks / TICKS_PER_US;
}

void wake_in(uint32_t us)
{
	TIMER_CONTROL = 0;
	TIMER_IRQ_CLEAR = TIMER_INT;
	NVIC_CLEAR_PENDING_0 = IRQ_TIMER0;
	TIMER_LOAD = (us < WAKE_MAX_US ? us : WAKE_MAX_US) * TICKS_PER_US;
	TIMER_CONTROL = TIMER_RUN;
}

/*
 * What the crystal and the flash's waiting, or the emulator's host, make of so many reads of a running clock. An emulated one stands
 * until a thread of the emulator has started it: reads before that would give the same at every boot.
 */
uint32_t clock_chance(void)
{
	uint32_t mixed = 2166136261u;   /* FNV-1a, by words */
	uint32_t still = SYSTICK_NOW;

	for (int i = 0; i < STILL_READS && SYSTICK_NOW == still; i++) {
	}
	for (int i = 0; i < CHANCE_READS; i++) {
		mixed = (mixed ^ SYSTICK_NOW) * 16777619u;
	}
	return mixed;
}
