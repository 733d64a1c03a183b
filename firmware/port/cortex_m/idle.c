/* Sleeping between two turns of the loop. */
#include "chip.h"
#include "cortex_m.h"
#include "port/port.h"

/*
 * After something came in, the loop looks again for this long before it sleeps: inside a message byte follows byte in 7 us
 * on QEMU, and waking from WFI costs 30. Longer is worse there: a looking processor keeps QEMU's other thread, which brings
 * the bytes, from its lock (measured: echo 290 us with 60, 430 us with 120, 1 ms with 400). A board's 87 us (115200 baud)
 * are slept through.
 */
enum { STAY_AWAKE_US = 60, SPIN_TURNS = 40 };

static uint64_t awake_until_us;

void activity_note(void)
{
	awake_until_us = port_now_us() + STAY_AWAKE_US;
}

void doze(uint32_t max_us)
{
	__asm__ volatile("cpsid i" ::: "memory");
	wake_in(max_us);
	wait_for_interrupt();
	__asm__ volatile("cpsie i" ::: "memory");
}

/* Order matters: sources are cleared first and looked at afterwards, so that what comes in between leaves its interrupt pending. */
static void sleep(uint32_t max_us)
{
	__asm__ volatile("cpsid i" ::: "memory");
	ethernet_watch();
	wake_in(max_us);
	if (!serial_calls() && !ethernet_calls()) {
		wait_for_interrupt();
	}
	__asm__ volatile("cpsie i" ::: "memory");
}

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
	sleep(max_us);
}
