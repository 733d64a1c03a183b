/* Watchdog 0: counts down twice. The end of the first period raises an interrupt that nobody takes, that of the second resets. */
#include "lm3s.h"
#include "port/port.h"

enum { FEED_EVERY_US = 100000 };    /* setting a timer wakes QEMU's other thread: not in every turn of the loop */

void port_watchdog_feed(void)
{
	static uint64_t fed_us;
	static bool started;
	uint64_t now_us = port_now_us();

	if (!started) {
		started = true;
		kept_put(RESET_WATCHDOG);   /* from now on a reset that nobody announces is its doing */
		WATCHDOG_LOAD = PORT_WATCHDOG_US * TICKS_PER_US;
		WATCHDOG_CONTROL = WATCHDOG_RUN | WATCHDOG_RESETS;
	} else if (now_us - fed_us < FEED_EVERY_US) {
		return;
	}
	fed_us = now_us;
	WATCHDOG_CLEAR = 1;
}
