/* A watchdog that counts down twice: the end of the first period raises an interrupt, that of the second resets. */
#include "chip.h"
#include "cortex_m.h"
#include "port/port.h"

enum { FEED_EVERY_US = 100000 };    /* setting a timer wakes QEMU's other thread: not in every turn of the loop */

void port_watchdog_feed(void)
{
	static uint64_t fed_us;
	static bool started;
	uint64_t now_us = port_now_us();

	if (!started) {
		started = true;
		reset_note(RESET_WATCHDOG);   /* from now on a reset that nobody announces is its doing */
		watchdog_start();
	} else if (now_us - fed_us < FEED_EVERY_US) {
		return;
	}
	fed_us = now_us;
	watchdog_restart();
}
