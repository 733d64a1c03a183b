#include "record.h"

#include <stddef.h>
#include <string.h>

#include "flash_map.h"
#include "port/port.h"
#include "smp/log.h"

#define MAGIC 0x424f4f54u /* "BOOT" */

/* A place for one record: whole program units. */
enum { PLACE_BYTES = PORT_FLASH_UNIT > 32u ? PORT_FLASH_UNIT : 32u, PLACES = PORT_FLASH_BLOCK / PLACE_BYTES };

static_assert(sizeof(struct boot_record) <= PLACE_BYTES, "a record fits into its place");
static_assert(PLACE_BYTES % PORT_FLASH_UNIT == 0 && PORT_FLASH_BLOCK % PLACE_BYTES == 0, "places are whole units of a block");

struct place {
	uint32_t block, index;
};

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

static uint32_t offset(struct place at)
{
	return block_offset(at.block) + at.index * PLACE_BYTES;
}

/* Numbers from the flash: a slot beyond the last is an index into nothing, whatever its CRC says. */
static bool sound(const struct boot_record *r)
{
	return r->magic == MAGIC && r->active < FLASH_SLOTS && r->crc == crc32(r, offsetof(struct boot_record, crc));
}

static bool blank(struct place at)
{
	uint8_t bytes[PLACE_BYTES];

	if (!port_flash_read(offset(at), bytes, sizeof(bytes))) {
		return false;
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (bytes[i] != 0xFF) {
			return false;
		}
	}
	return true;
}

/*
 * The newest record of a block: the last sound one, as they are written in order. Behind it there may be places that a power
 * cut has spoilt. False when there is none.
 */
static bool last_of(uint32_t block, struct boot_record *r)
{
	for (uint32_t i = PLACES; i-- > 0;) {
		if (port_flash_read(offset((struct place){ block, i }), r, sizeof(*r)) && sound(r)) {
			return true;
		}
	}
	return false;
}

/* Block of the newest sound record, -1 when there is none. */
static int newest(struct boot_record *out)
{
	struct boot_record r;
	int found = -1;

	for (uint32_t block = 0; block < FLASH_RECORD_BLOCKS; block++) {
		/* Signed distance: right across the wrap of the sequence number. */
		if (last_of(block, &r) && (found < 0 || (int32_t)(r.sequence - out->sequence) > 0)) {
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

/* The first place of a block behind all that is written, PLACES when it is full. */
static uint32_t first_free(uint32_t block)
{
	uint32_t i = PLACES;

	while (i > 0 && blank((struct place){ block, i - 1 })) {
		i--;
	}
	return i;
}

/* Read back: worn flash takes a write and keeps another. */
static bool put(struct place at, const struct boot_record *r)
{
	uint8_t bytes[PLACE_BYTES];
	struct boot_record kept;

	memset(bytes, 0xFF, sizeof(bytes));
	memcpy(bytes, r, sizeof(*r));
	return port_flash_write(offset(at), bytes, sizeof(bytes)) && port_flash_read(offset(at), &kept, sizeof(kept)) &&
	       memcmp(&kept, r, sizeof(kept)) == 0;
}

bool boot_record_store(struct boot_record *r)
{
	struct boot_record old = { .sequence = 0 };
	int in = newest(&old);
	struct place at = { in < 0 ? 0 : (uint32_t)in, 0 };

	r->magic = MAGIC;
	r->sequence = old.sequence + 1;
	r->crc = crc32(r, offsetof(struct boot_record, crc));
	/* A place that does not keep what is written costs that place: the next one is tried. */
	for (at.index = in < 0 ? PLACES : first_free(at.block); at.index < PLACES; at.index++) {
		if (put(at, r)) {
			return true;
		}
	}
	at = (struct place){ in == 0, 0 };
	/* Erased also when it looks blank: an erase that a power cut stopped may leave bits that hold for now only. */
	if (port_flash_erase(block_offset(at.block), PORT_FLASH_BLOCK) && put(at, r)) {
		return true;
	}
	log_line("the flash takes no boot record");
	return false;
}
