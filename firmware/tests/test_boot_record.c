/* The boot record survives a power cut at every byte of a write. */
#include "boot/record.h"
#include "fake_port.h"

/* Cuts the power after n changed bytes of a store. What is read then is the old record or the new one, never a third. */
static void cut_after(long n)
{
	struct boot_record r, old;

	memset(fake_flash, 0xFF, sizeof(fake_flash));
	for (uint32_t i = 0; i < 3; i++) {
		r = boot_record_load();
		r.boots = 100 + i;
		r.active = 1;
		CHECK(boot_record_store(&r));
	}
	old = boot_record_load();
	CHECK(old.boots == 102 && old.active == 1);
	if (setjmp(fake_power_cut) == 0) {
		fake_bytes_until_cut = n;
		r = old;
		r.boots = 200;
		r.active = 0;
		boot_record_store(&r);
	}
	fake_bytes_until_cut = -1;
	r = boot_record_load();
	CHECK((r.boots == 102 && r.active == 1) || (r.boots == 200 && r.active == 0));
}

int main(void)
{
	memset(fake_flash, 0xFF, sizeof(fake_flash));
	struct boot_record r = boot_record_load();

	CHECK(r.active == 0 && r.trial == TRIAL_NONE && r.pending == SLOT_NONE);
	for (long n = 0; n < (long)PORT_FLASH_BLOCK + 64; n++) {
		cut_after(n);
	}
	return 0;
}
