/* The boot record survives a power cut at every step of a write, wherever in its two blocks it stands, and wears them little. */
#include "boot_scene.h"

enum { PLACES = PORT_FLASH_BLOCK / 32 };

static char doing[80];

/* Cuts the power at a step of a store. What is read then is the old record or the new one, never a third. */
static bool cut_at(unsigned records, long step, enum nor_cut how)
{
	struct boot_record r = { .active = 1, .pending = SLOT_NONE };
	volatile bool through = false;

	snprintf(doing, sizeof(doing), "%u records, step %ld, kind %d", records, step, (int)how);
	nor_blank();
	for (uint32_t i = 0; i < records; i++) {
		r.boots = 100;
		CHECK(boot_record_store(&r));
	}
	nor_steps = 0;
	nor_cut_at = step;
	nor_cut = how;
	if (setjmp(nor_dark) == 0) {
		r.boots = 200;
		r.active = 0;
		boot_record_store(&r);
		through = true;
	}
	nor_cut_at = -1;
	r = boot_record_load();
	CHECK((r.boots == 100 && r.active == 1) || (r.boots == 200 && r.active == 0) || (records == 0 && r.boots == 0));
	/* And the next ones are kept again. */
	for (uint32_t i = 0; i < PLACES + 1; i++) {
		r.boots = 300 + i;
		CHECK(boot_record_store(&r) && boot_record_load().boots == 300 + i);
	}
	return through;
}

int main(void)
{
	struct boot_record r;

	nor_doing = doing;
	nor_blank();
	r = boot_record_load();
	CHECK(r.active == 0 && r.trial == TRIAL_NONE && r.pending == SLOT_NONE);
	for (unsigned records = 0; records < 2 * PLACES + 2; records++) {
		bool through = false;

		for (long step = 0; !through; step++) {
			for (enum nor_cut how = CUT_BEFORE; how < NOR_CUTS; how++) {
				through = cut_at(records, step, how);
			}
		}
	}
	nor_blank();
	nor_erases = 0;
	for (unsigned i = 0; i < 100 * PLACES; i++) {
		CHECK(boot_record_store(&r));
	}
	CHECK(nor_erases <= 100);
	nor_worn = true;
	CHECK(!boot_record_store(&r));
	return 0;
}
