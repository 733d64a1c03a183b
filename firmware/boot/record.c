#include "record.h"

#include <stddef.h>

#include "flash_map.h"
#include "port/port.h"

#define MAGIC 0x424f4f54u /* "BOOT" */

static uint32_t crc32(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = 0xFFFFFFFFu;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
		}
	}
	return ~crc;
}

static uint32_t block_offset(uint32_t block)
{
	return FLASH_RECORD + block * PORT_FLASH_BLOCK;
}

static bool read_block(uint32_t block, struct boot_record *r)
{
	return port_flash_read(block_offset(block), r, sizeof(*r)) && r->magic == MAGIC &&
	       r->crc == crc32(r, offsetof(struct boot_record, crc)) && r->active < FLASH_SLOTS;
}

/* Block of the newest sound record, -1 when there is none. */
static int newest(struct boot_record *out)
{
	struct boot_record r;
	int found = -1;

	for (uint32_t block = 0; block < FLASH_RECORD_BLOCKS; block++) {
		/* Signed distance: right across the wrap of the sequence number. */
		if (read_block(block, &r) && (found < 0 || (int32_t)(r.sequence - out->sequence) > 0)) {
			*out = r;
			found = (int)block;
		}
	}
	return found;
}

struct boot_record boot_record_load(void)
{
	struct boot_record r;

	if (newest(&r) < 0) {
		r = (struct boot_record){ .active = 0, .pending = SLOT_NONE, .trial = TRIAL_NONE };
	}
	return r;
}

bool boot_record_store(struct boot_record *r)
{
	struct boot_record old = { .sequence = 0 };
	uint32_t block = newest(&old) == 0 ? 1 : 0;

	r->magic = MAGIC;
	r->sequence = old.sequence + 1;
	r->reserved = 0;
	r->crc = crc32(r, offsetof(struct boot_record, crc));
	return port_flash_erase(block_offset(block), PORT_FLASH_BLOCK) &&
	       port_flash_write(block_offset(block), r, sizeof(*r));
}
