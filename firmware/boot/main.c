/*
 * The boot loader: decides which slot to start, proves the image, starts it. Without a good image, or when asked to, it
 * stays and takes one over the serial line (SMP OS and image groups).
 */
#include <stddef.h>

#include "flash_map.h"
#include "image.h"
#include "port/port.h"
#include "record.h"
#include "smp/image_group.h"
#include "smp/log.h"
#include "smp/os_group.h"
#include "smp/server.h"

/* The image is to stay: proved here, since the record forgets the old one. */
static void adopt(struct boot_record *r, unsigned slot)
{
	struct image_info info;
	enum image_error e = image_verify(slot, r->security_counter, &info);

	if (e != IMAGE_OK) {
		log_line("image in slot %u refused: %s", slot, image_error_text(e));
		return;
	}
	r->active = (uint8_t)slot;
	if (info.security_counter > r->security_counter) {
		r->security_counter = info.security_counter;
	}
}

/*
 * Settles what a test that was asked for, or one that was not confirmed, means for this boot. Returns the slot to start.
 * The record is written before the image starts: whatever that does, the next boot is the one after the trial.
 */
static unsigned settle_trial(struct boot_record *r)
{
	unsigned slot = r->pending;

	if (r->trial == TRIAL_ONCE && slot < FLASH_SLOTS) {
		r->trial = TRIAL_RUNNING;
		return slot;
	}
	if (r->trial == TRIAL_RUNNING) {
		log_line("image in slot %u was not confirmed: back to slot %u", slot, (unsigned)r->active);
	} else if (r->trial == TRIAL_FOR_GOOD && slot < FLASH_SLOTS) {
		adopt(r, slot);
	}
	r->trial = TRIAL_NONE;
	r->pending = SLOT_NONE;
	return r->active;
}

/* Starts the image, or returns because there is none to trust. */
static void start(unsigned slot, const struct boot_record *r, struct boot_handoff handoff)
{
	struct image_info info;
	char version[IMAGE_VERSION_CHARS];
	enum image_error e = image_verify(slot, r->security_counter, &info);

	if (e != IMAGE_OK) {
		log_line("slot %u: %s", slot, image_error_text(e));
		return;
	}
	image_version_text(&info, version);
	log_line("starting %s from slot %u", version, slot);
	handoff.slot = (uint8_t)slot;
	port_start_image(info.payload_off, info.payload_len, &handoff);
	log_line("slot %u: could not be started", slot);
}

static void choose_and_start(struct boot_handoff handoff)
{
	struct boot_record r = boot_record_load();
	unsigned slot = settle_trial(&r);

	r.boots++;
	if (!boot_record_store(&r)) {
		log_line("boot record cannot be written");
	}
	start(slot, &r, handoff);
	start(1u - slot, &r, handoff); /* better the other image than none */
}

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

		smp_server_rx(bytes, n);
		os_group_poll();
		if (n == 0) {
			port_idle(5000); /* a reset that was asked for is due after 10 ms */
		}
	}
}

int main(int argc, char **argv)
{
	port_init(argc, argv);
	struct boot_handoff handoff = port_handoff();

	log_line("offload-boot on %s, reset cause %u", port_board(), (unsigned)handoff.reset_cause);
	if (!handoff.recovery) {
		choose_and_start(handoff);
	}
	recover();
}
