#include "choose.h"

#include "flash_map.h"
#include "image.h"
#include "port/port.h"
#include "record.h"
#include "smp/log.h"

static bool on_trial(const struct boot_record *r)
{
	return r->trial == TRIAL_RUNNING || r->trial == TRIAL_FOR_GOOD_RUNNING;
}

/*
 * Settles what a test that was asked for, or one that was not confirmed, means for this boot. Returns the slot to start.
 * The record is written before the image starts: whatever that does, the next boot is the one after the trial.
 */
static unsigned settle_trial(struct boot_record *r)
{
	if ((r->trial == TRIAL_ONCE || r->trial == TRIAL_FOR_GOOD) && r->pending < FLASH_SLOTS) {
		r->trial = r->trial == TRIAL_ONCE ? TRIAL_RUNNING : TRIAL_FOR_GOOD_RUNNING;
		return r->pending;
	}
	if (on_trial(r)) {
		log_line("image in slot %u was not confirmed: back to slot %u", (unsigned)r->pending, (unsigned)r->active);
	}
	r->trial = TRIAL_NONE;
	r->pending = SLOT_NONE;
	return r->active;
}

/* Boots in a row that the trusted image did not survive; that of a trial is settled by going back. */
static void count_crashes(struct boot_record *r, uint8_t cause)
{
	bool crashed = (cause == RESET_WATCHDOG || cause == RESET_FAULT) && !on_trial(r);

	r->crashes = crashed ? (uint8_t)(r->crashes + (r->crashes < UINT8_MAX)) : 0;
}

/* Starts the image, or returns because there is none to trust. */
static void start(unsigned slot, const struct boot_record *r, struct boot_handoff handoff)
{
	struct image_info info;
	char version[IMAGE_VERSION_CHARS];

	port_watchdog_feed(); /* a proof takes a second of a slow board */
	enum image_error e = image_load(slot, r->security_counter, &info);

	if (e != IMAGE_OK) {
		log_line("slot %u: %s", slot, image_error_text(e));
		return;
	}
	image_version_text(&info, version);
	log_line("starting %s from slot %u", version, slot);
	handoff.slot = (uint8_t)slot;
	port_start_image(&handoff);
	log_line("slot %u: could not be started", slot);
}

/*
 * A record that cannot be written cannot end a trial either: the image on trial would start at every boot. So the trusted
 * image, or none. The boot number is one of chance, since the flash would give the same again, and the host would not see
 * that the device has restarted; its highest bit tells the host why.
 */
static void start_trusted(struct boot_handoff handoff)
{
	struct boot_record r = boot_record_load();

	handoff.boot_id = BOOT_ID_UNKEPT | ((uint32_t)port_now_us() * 2654435761u >> 1);
	start(r.active, &r, handoff);
}

void boot_choose_and_start(struct boot_handoff handoff)
{
	struct boot_record r = boot_record_load();

	count_crashes(&r, handoff.reset_cause);
	unsigned slot = settle_trial(&r);

	r.boots = (r.boots + 1) & ~BOOT_ID_UNKEPT;
	if (!boot_record_store(&r)) {
		start_trusted(handoff);
		return;
	}
	handoff.boot_id = r.boots;
	if (r.crashes >= BOOT_CRASHES_MAX) {
		log_line("slot %u: %u crashes in a row, not started again before a power cut or a reset over SMP", slot,
			 (unsigned)r.crashes);
		return;
	}
	start(slot, &r, handoff);
	start(1u - slot, &r, handoff); /* better the other image than none */
}
