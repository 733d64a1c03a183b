/* What the boot loader starts when things are not as they should be. */
#include "boot_scene.h"

static uint8_t old_image[IMAGE_BYTES], new_image[IMAGE_BYTES];

/* The old image in slot 0, trusted; the new one in slot 1, asked for as `trial` says. */
static void scene(enum trial trial)
{
	struct boot_record r = { .active = 0, .pending = 1, .trial = (uint8_t)trial };

	nor_worn = false;
	nor_blank();
	lay(FLASH_SLOT(0), old_image, IMAGE_BYTES);
	lay(FLASH_SLOT(1), new_image, IMAGE_BYTES);
	CHECK(boot_record_store(&r));
}

/* A trial whose beginning cannot be written down would never end. */
static void a_flash_that_takes_no_record_starts_no_trial(void)
{
	scene(TRIAL_ONCE);
	nor_worn = true;
	CHECK(boot(RESET_POWER_ON, false) == 'o');
	uint32_t first = started.boot_id;

	CHECK((first & BOOT_ID_UNKEPT) && boot(RESET_SOFTWARE, false) == 'o');
	CHECK((started.boot_id & BOOT_ID_UNKEPT) && started.boot_id != first);
	lay(FLASH_SLOT(0) + 32, (const uint8_t[PORT_FLASH_UNIT]){ 0 }, PORT_FLASH_UNIT);
	CHECK(boot(RESET_POWER_ON, false) == 0);
	nor_worn = false;
	lay(FLASH_SLOT(0), old_image, IMAGE_BYTES);
	CHECK(boot(RESET_POWER_ON, false) == 'n' && !(started.boot_id & BOOT_ID_UNKEPT));
}

static void an_image_for_good_has_to_answer_first(void)
{
	scene(TRIAL_FOR_GOOD);
	CHECK(boot(RESET_SOFTWARE, false) == 'n' && boot(RESET_WATCHDOG, false) == 'o' && boot(RESET_POWER_ON, false) == 'o');
	scene(TRIAL_FOR_GOOD);
	CHECK(boot(RESET_SOFTWARE, false) == 'n');
	image_group_serves();
	CHECK(boot(RESET_WATCHDOG, false) == 'n' && boot_record_load().active == 1);
	scene(TRIAL_ONCE);
	CHECK(boot(RESET_SOFTWARE, false) == 'n');
	image_group_serves();
	CHECK(boot(RESET_SOFTWARE, false) == 'o');
}

static void crash(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		CHECK(boot(i % 2 ? RESET_WATCHDOG : RESET_FAULT, false) == 'o');
	}
}

static void an_image_that_keeps_crashing_leaves_the_boot_loader(void)
{
	scene(TRIAL_NONE);
	crash(BOOT_CRASHES_MAX - 1);
	CHECK(boot(RESET_WATCHDOG, false) == 0 && boot(RESET_FAULT, false) == 0);
	CHECK(boot(RESET_POWER_ON, false) == 'o');
	crash(BOOT_CRASHES_MAX - 1);
	CHECK(boot(RESET_SOFTWARE, false) == 'o');
	crash(BOOT_CRASHES_MAX - 1);
	image_group_serves();
	crash(BOOT_CRASHES_MAX - 1);
	/* The crash of an image on trial is that image's. */
	scene(TRIAL_ONCE);
	CHECK(boot(RESET_SOFTWARE, false) == 'n');
	crash(BOOT_CRASHES_MAX);
	CHECK(boot(RESET_WATCHDOG, false) == 0);
}

static void spoil_copy(void)
{
	image_copy[IMAGE_HEADER_BYTES + 5] ^= 1;
}

static void what_is_proved_is_what_runs(void)
{
	scene(TRIAL_NONE);
	after_load = spoil_copy;
	CHECK(boot(RESET_POWER_ON, false) == 0);
	after_load = NULL;
	CHECK(boot(RESET_POWER_ON, false) == 'o');
}

int main(void)
{
	make_image(old_image, 'o');
	make_image(new_image, 'n');
	nor_doing = "worn";
	a_flash_that_takes_no_record_starts_no_trial();
	nor_doing = "for good";
	an_image_for_good_has_to_answer_first();
	nor_doing = "crashes";
	an_image_that_keeps_crashing_leaves_the_boot_loader();
	nor_doing = "proof";
	what_is_proved_is_what_runs();
	return 0;
}
