/* Reset, what outlives it, and sleeping on the LM3S6965. There is no boot loader, and no flash that is written. */
#include "lm3s.h"
#include "port/port.h"

/*
 * After something came in, the loop looks again for this long before it sleeps: inside a message byte follows byte in some us
 * on QEMU, and waking from WFI costs more than ten. IDLE_MAX_US: the clock wants to be read (clock.c).
 */
enum { STAY_AWAKE_US = 60, SPIN_TURNS = 40, IDLE_MAX_US = 200000 };

#define KEPT_MAGIC 0x6b657074u      /* "kept": RAM holds anything after power on */

struct kept {
	uint32_t magic, boots;
	uint8_t cause, reserved[3];
};

extern struct kept _kept;           /* last bytes of RAM, touched by no start-up code */
static struct boot_handoff handoff;
static uint64_t awake_until_us;

void kept_put(uint8_t cause)
{
	_kept.magic = KEPT_MAGIC;
	_kept.cause = cause;
}

/*
 * Whoever resets says so beforehand; the watchdog's word stands from its start on. The number of the boot is of chance after
 * power on, for nothing is kept then, and one more after a reset.
 */
static void handoff_take(void)
{
	bool kept = _kept.magic == KEPT_MAGIC;

	_kept.boots = kept ? _kept.boots + 1u : clock_chance();
	handoff = (struct boot_handoff){ .slot = SLOT_NONE, .boot_id = _kept.boots | BOOT_ID_UNKEPT };
	handoff.reset_cause = kept ? _kept.cause : RESET_POWER_ON;
	_kept.magic = 0;
}

void port_init(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	clock_init();
	handoff_take();
	ethernet_init();
	uart_init();
	__asm__ volatile("cpsie i" ::: "memory");
}

uint32_t port_stack_low_water(void)
{
	extern const uint32_t _stack_bottom, _stack_top;
	const uint32_t *p = &_stack_bottom;

	while (p < &_stack_top && *p == STACK_PAINT) {
		p++;
	}
	return (uint32_t)(p - &_stack_bottom) * 4u;
}

const char *port_board(void)
{
	return "lm3s6965evb";
}

struct boot_handoff port_handoff(void)
{
	return handoff;
}

void activity_note(void)
{
	awake_until_us = port_now_us() + STAY_AWAKE_US;
}

/*
 * Interrupts of the line have a handler. All others have none: they are let in while the processor is deaf to every one, and
 * what is pending ends the WFI all the same.
 */
static void wait_for_interrupt(void)
{
	NVIC_ENABLE_0 = IRQ_TIMER0;
	NVIC_ENABLE_1 = IRQ_1_ETHERNET;
	__asm__ volatile("dsb\n\twfi" ::: "memory");
	NVIC_DISABLE_0 = IRQ_TIMER0;
	NVIC_DISABLE_1 = IRQ_1_ETHERNET;
}

void doze(uint32_t max_us)
{
	__asm__ volatile("cpsid i" ::: "memory");
	clock_wake_in(max_us);
	wait_for_interrupt();
	__asm__ volatile("cpsie i" ::: "memory");
}

/* Order matters: sources are cleared first and looked at afterwards, so that what comes in between leaves its interrupt pending. */
void port_idle(uint32_t max_us)
{
	if (max_us == 0) {
		return;
	}
	if (port_now_us() < awake_until_us) {
		for (int i = 0; i < SPIN_TURNS; i++) {
			__asm__ volatile("nop");
		}
		return;
	}
	__asm__ volatile("cpsid i" ::: "memory");
	MAC_IRQ = MAC_INT_RX;
	NVIC_CLEAR_PENDING_1 = IRQ_1_ETHERNET;
	clock_wake_in(max_us < IDLE_MAX_US ? max_us : IDLE_MAX_US);
	if (!uart_calls() && !ethernet_has_frame()) {
		wait_for_interrupt();
	}
	__asm__ volatile("cpsie i" ::: "memory");
}

/* There is no recovery to go to. */
void port_reset(bool to_recovery)
{
	(void)to_recovery;
	uart_flush();
	kept_put(RESET_SOFTWARE);
	__asm__ volatile("dsb" ::: "memory");
	SCB_AIRCR = AIRCR_RESET;
	for (;;) {
	}
}
