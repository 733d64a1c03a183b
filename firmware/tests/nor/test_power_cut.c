/*
 * A power cut at every write and every erase of whole updates, from every state of the record and of both slots, on a flash
 * whose bits only fall. Never an unconfirmed image for good, and never a device that starts nothing, when one would have.
 *
 * "For good" is what runs when nobody says anything any more and the power comes and goes.
 */
#include "boot_scene.h"

enum slot_state { BLANK, HALF, ROTTEN, OLD, OTHER, SLOT_STATES };
enum way { UPDATE, UPDATE_FOR_GOOD, NEVER_CONFIRMED, CONTRARY, IN_RECOVERY, WAYS };
enum { EVERY_NTH = PORT_FLASH_UNIT >= 32 ? 1 : PORT_FLASH_UNIT >= 8 ? 5 : 37 }; /* small units, many steps: then fewer states */

static uint8_t old_image[IMAGE_BYTES], other_image[IMAGE_BYTES], new_image[IMAGE_BYTES];
static char doing[160];

/* Whom a cut may leave running for good. */
static struct {
	char trusted;           /* confirmed and sound; 0: none */
	char sound[2];
	char confirmed;         /* is being told to stay: until that is done, either may */
} world;

static void lay_slot(unsigned slot, enum slot_state state)
{
	static const uint8_t nothing[4];

	switch (state) {
	case HALF: lay(FLASH_SLOT(slot), other_image, PORT_FLASH_BLOCK); break;
	case ROTTEN: lay(FLASH_SLOT(slot), old_image, IMAGE_BYTES); memcpy(nor.bytes + FLASH_SLOT(slot) + 40, nothing, 4); break;
	case OLD: lay(FLASH_SLOT(slot), old_image, IMAGE_BYTES); break;
	case OTHER: lay(FLASH_SLOT(slot), other_image, IMAGE_BYTES); break;
	default: break;
	}
}

/* --- what a host does ---------------------------------------------------------------------------------------------- */

static void confirm_by(char running, void (*how)(void))
{
	world.confirmed = running;
	how();
	world.trusted = running;
}

/* The first request of a boot is answered: an image that waits for no more than that is confirmed by it. */
static void heard(char running)
{
	const struct boot_record r = boot_record_load();

	if (running && r.trial == TRIAL_FOR_GOOD_RUNNING && r.pending == started.slot) {
		confirm_by(running, image_group_serves);
	} else if (running) {
		image_group_serves();
	}
}

static void say_confirm(void)
{
	CHECK(set_state(NULL, true) == 0);
}

static void update(char running, bool for_good)
{
	heard(running);
	if (upload(new_image, IMAGE_BYTES) != 0 || set_state(new_image, for_good) != 0) {
		return;
	}
	running = boot(RESET_SOFTWARE, false);
	heard(running);
	if (!for_good && running == 'n') {
		confirm_by(running, say_confirm);
	}
}

/* A host that means ill, or does not know what it does: with the new image on trial it takes the old one's place away. */
static void contrary(char running)
{
	heard(running);
	upload(new_image, IMAGE_BYTES);
	set_state(new_image, false);
	running = boot(RESET_SOFTWARE, false);
	set_state(old_image, false);
	set_state(other_image, false);
	upload(other_image, IMAGE_BYTES / 2);
	erase_slot(0);
	erase_slot(1);
	upload(other_image, IMAGE_BYTES);
}

static void live(enum way way)
{
	char running = boot(RESET_POWER_ON, way == IN_RECOVERY);

	switch (way) {
	case UPDATE: case IN_RECOVERY: update(running, false); break;
	case UPDATE_FOR_GOOD: update(running, true); break;
	case NEVER_CONFIRMED:
		heard(running);
		upload(new_image, IMAGE_BYTES);
		set_state(new_image, false);
		boot(RESET_SOFTWARE, false);
		break;
	default: contrary(running); break;
	}
}

/* --- what must hold ------------------------------------------------------------------------------------------------ */

/* Nobody speaks, the power comes and goes. Returns what runs in the end. */
static char left_alone(void)
{
	char runs = 0;

	for (int i = 0; i < 3; i++) {
		runs = boot(i == 1 ? RESET_WATCHDOG : RESET_POWER_ON, false);
	}
	return runs;
}

static void judge(void)
{
	char runs = left_alone();

	if (world.trusted) {
		CHECK(runs && (runs == world.trusted || runs == world.confirmed));
	} else if (world.sound[0] || world.sound[1]) {
		CHECK(runs && (runs == world.sound[0] || runs == world.sound[1] || runs == world.confirmed));
	}
}

static void note_world(void)
{
	struct boot_record r = boot_record_load();

	world.sound[0] = letter_in(0);
	world.sound[1] = letter_in(1);
	world.trusted = world.sound[r.active];
	world.confirmed = 0;
}

/* Returns whether the cut came: false when there are no more steps. */
static bool live_until_dark(enum way way, long at, enum nor_cut how)
{
	nor_steps = 0;
	nor_cut_at = at;
	nor_cut = how;
	if (setjmp(nor_dark) == 0) {
		live(way);
	}
	nor_cut_at = -1;
	return nor_steps > at;
}

/* From one flash, one way, with a cut at each of its steps. Returns the number of cuts. */
static unsigned long cuts(const struct nor *from, enum way way, const char *name)
{
	unsigned long n = 0;
	bool dark = true;

	for (long at = 0; dark; at++) {
		for (enum nor_cut how = CUT_BEFORE; how < NOR_CUTS; how++, n++) {
			snprintf(doing, sizeof(doing), "%s, way %d, cut at step %ld, kind %d", name, (int)way, at, (int)how);
			nor = *from;
			note_world();
			dark = live_until_dark(way, at, how);
			judge();
		}
	}
	return n;
}

/* --- every state --------------------------------------------------------------------------------------------------- */

static unsigned long from_state(enum slot_state s0, enum slot_state s1, struct boot_record r, unsigned records)
{
	struct nor from;
	unsigned long runs = 0;
	char name[100];

	nor_blank();
	lay_slot(0, s0);
	lay_slot(1, s1);
	for (unsigned i = 0; i < records; i++) {
		CHECK(boot_record_store(&r));
	}
	from = nor;
	snprintf(name, sizeof(name), "slots %d %d, active %u, pending %u, trial %u, %u records", (int)s0, (int)s1, r.active, r.pending,
		 r.trial, records);
	for (enum way way = 0; way < WAYS; way++) {
		runs += cuts(&from, way, name);
	}
	return runs;
}

static unsigned long every_state(void)
{
	unsigned long runs = 0;
	unsigned n = 0;

	/* Pairs of slots, then active, pending and trial; a full block of records, and others, by turns. */
	for (unsigned i = 0; i < SLOT_STATES * SLOT_STATES * 2 * 3 * 5; i++) {
		const struct boot_record r = { .active = (uint8_t)(i % 2), .pending = (uint8_t)(i / 2 % 3 == 2 ? SLOT_NONE : i / 2 % 3),
					       .trial = (uint8_t)(i / 6 % 5), .boots = i };

		if (n++ % EVERY_NTH == 0) {
			runs += from_state(i / 30 % SLOT_STATES, i / 30 / SLOT_STATES, r, i * 7 % 11);
		}
	}
	return runs;
}

/* The control of all the cuts: an update that nothing disturbs arrives. */
static void undisturbed(void)
{
	for (enum way way = UPDATE; way <= UPDATE_FOR_GOOD; way++) {
		nor_blank();
		lay_slot(0, OLD);
		note_world();
		CHECK(left_alone() == 'o');
		live(way);
		CHECK(left_alone() == 'n');
	}
	nor_blank();
	lay_slot(0, OLD);
	live(NEVER_CONFIRMED);
	CHECK(started.slot == 1 && left_alone() == 'o');
}

int main(void)
{
	nor_doing = doing;
	make_image(old_image, 'o');
	make_image(other_image, 'x');
	make_image(new_image, 'n');
	undisturbed();
	printf("units of %u bytes: %lu power cuts\n", PORT_FLASH_UNIT, every_state());
	return 0;
}
