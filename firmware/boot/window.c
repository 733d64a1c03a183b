#include "window.h"

#include <stddef.h>

#include "port/port.h"

/* At 115200 baud 230 characters: the word comes whole whenever the window opens, when it is repeated without a break. */
enum { BOOT_WINDOW_US = 20000 };

/* No text of a console, no frame of SMP; its first letter comes only once, so that a false start costs nothing. */
static const char word[] = "boot-recovery\n";

bool boot_recovery_asked(void)
{
	uint64_t now_us = port_now_us();
	const uint64_t until_us = now_us + BOOT_WINDOW_US;
	size_t matched = 0;

	for (; now_us < until_us; now_us = port_now_us()) {
		uint8_t byte;

		if (port_serial_read(&byte, 1) == 0) {
			port_idle((uint32_t)(until_us - now_us));
			continue;
		}
		matched = byte == (uint8_t)word[matched] ? matched + 1 : byte == (uint8_t)word[0];
		if (matched == sizeof(word) - 1) {
			return true;
		}
	}
	return false;
}
