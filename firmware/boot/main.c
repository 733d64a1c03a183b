/*
 * The boot loader: decides which slot to start, proves the image, starts it. Without a good image, or when asked to, it
 * stays and takes one over the serial line (SMP OS and image groups).
 */
#include <stddef.h>

#include "choose.h"
#include "port/port.h"
#include "smp/image_group.h"
#include "smp/log.h"
#include "smp/os_group.h"
#include "smp/server.h"
#include "window.h"

static void __attribute__((noreturn)) recover(void)
{
	static const struct smp_group *const groups[] = { &os_group, &image_group, NULL };
	static const struct smp_server_cfg cfg = { .groups = groups };
	uint8_t bytes[256];

	log_line("serial recovery: waiting for an image");
	smp_server_init(&cfg);
	image_group_init(SLOT_NONE, NULL);
	for (;;) {
		size_t n = port_serial_read(bytes, sizeof(bytes));

		port_watchdog_feed();
		for (size_t i = 0; i < n && !os_group_resetting(); i++) {
			smp_server_rx(&bytes[i], 1);
		}
		os_group_poll();
		if (n == 0) {
			port_idle(5000); /* a reset that was asked for is due after 10 ms */
		}
	}
}

int main(int argc, char **argv)
{
	port_init(argc, argv);
	port_watchdog_feed();
	struct boot_handoff handoff = port_handoff();

	log_line("offload-boot on %s after %s", port_board(), reset_cause_name(handoff.reset_cause));
	/* A software reset was asked for over SMP: who can do that can ask for recovery with it. */
	if (handoff.reset_cause != RESET_SOFTWARE && boot_recovery_asked()) {
		handoff.recovery = true;
	}
	if (!handoff.recovery) {
		boot_choose_and_start(handoff);
	}
	recover();
}
