/* CMSDK watchdog: counts down twice. The end of the first period is an NMI (startup.c), that of the second resets. */
#include "mps2.h"
#include "port/port.h"

enum { FEED_EVERY_US = 100000 };    /* setting a timer wakes QEMU's other thread: not in every turn of the loop */

void port_watchdog_feed(void)
{
	static uint64_t fed_us;
	static bool started;
	uint64_t now_us = port_now_us();

	if (!started) {
		started = true;
		handoff_expect_watchdog();
		WATCHDOG->load = PORT_WATCHDOG_US * TICKS_PER_US;
		WATCHDOG->ctrl = WATCHDOG_RUN | WATCHDOG_RESETS;
	} else if (now_us - fed_us < FEED_EVERY_US) {
		return;
	}
	fed_us = now_us;
	WATCHDOG->int_clear = 1;
}
