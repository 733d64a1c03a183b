/* Reset, what outlives it, and sleeping on the LM3S6965. There is no boot loader, and no flash that is written. */
#include "lm3s.h"
#include "port/port.h"

#define KEPT_MAGIC 0x6b657074u      /* "kept": RAM holds anything after power on */

struct kept {
	uint32_t magic, boots;
	uint8_t cause, reserved[3];
};

extern struct kept _kept;           /* last bytes of RAM, touched by no start-up code */
static struct boot_handoff handoff;

void reset_note(uint8_t cause)
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

const char *port_board(void)
{
	return "lm3s6965evb";
}

struct boot_handoff port_handoff(void)
{
	return handoff;
}

/*
 * Interrupts of the line have a handler. All others have none: they are let in while the processor is deaf to every one, and
 * what is pending ends the WFI all the same.
 */
void wait_for_interrupt(void)
{
	NVIC_ENABLE_0 = IRQ_TIMER0;
	NVIC_ENABLE_1 = IRQ_1_ETHERNET;
	__asm__ volatile("dsb\n\twfi" ::: "memory");
	NVIC_DISABLE_0 = IRQ_TIMER0;
	NVIC_DISABLE_1 = IRQ_1_ETHERNET;
}

/* There is no recovery to go to. */
void port_reset(bool to_recovery)
{
	(void)to_recovery;
	serial_flush();
	reset_note(RESET_SOFTWARE);
	system_reset();
}
