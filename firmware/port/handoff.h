/* What outlives a reset: why it came, and what the boot loader tells the image it starts. The port carries it across. */
#ifndef PORT_HANDOFF_H
#define PORT_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

enum reset_cause { RESET_POWER_ON = 0, RESET_SOFTWARE = 1, RESET_WATCHDOG = 2, RESET_FAULT = 3 };

enum { SLOT_NONE = 255 };

#define BOOT_ID_UNKEPT 0x80000000u  /* in boot_id: the flash keeps no boot record, so the number is one of chance */

struct boot_handoff {
	uint8_t reset_cause;        /* enum reset_cause */
	uint8_t slot;               /* the running image's, SLOT_NONE in the boot loader */
	bool recovery;              /* the reset asked for serial recovery */
	uint32_t boot_id;           /* another one at every boot */
};

/* In words, for the log. */
static inline const char *reset_cause_name(uint8_t cause)
{
	switch (cause) {
	case RESET_POWER_ON:
		return "power on";
	case RESET_SOFTWARE:
		return "software reset";
	case RESET_WATCHDOG:
		return "watchdog";
	case RESET_FAULT:
		return "fault";
	default:  /* what the port carried across is no more than bytes */
		return "unknown";
	}
}

#endif
