/*
 * Linked into such images only: image.h by name, the boot loader's code behind it. With a boot loader that has no such table
 * no slot can be read, and every upload is refused: nothing unproved is taken.
 */
#include <stddef.h>

#include "rom_services.h"

extern const struct rom_services *const _rom_vectors[]; /* address 0, from the linker script */

static const struct rom_services *rom(void)
{
	const struct rom_services *r = _rom_vectors[7];

	return r && r->magic == ROM_SERVICES_MAGIC && r->images_magic == ROM_IMAGES_MAGIC ? r : NULL;
}

const char *image_error_text(enum image_error e)
{
	return rom() ? rom()->image_error_text(e) : "the boot loader is too old to prove it";
}

enum image_error image_check_header(const uint8_t header[IMAGE_HEADER_BYTES], uint32_t file_len)
{
	return rom() ? rom()->image_check_header(header, file_len) : IMAGE_FLASH_FAILED;
}

enum image_error image_read(unsigned slot, struct image_info *info)
{
	return rom() ? rom()->image_read(slot, info) : IMAGE_FLASH_FAILED;
}

enum image_error image_verify(unsigned slot, uint32_t min_counter, struct image_info *info)
{
	return rom() ? rom()->image_verify(slot, min_counter, info) : IMAGE_FLASH_FAILED;
}

enum image_error image_sha256(unsigned slot, uint32_t len, uint8_t digest[IMAGE_DIGEST_BYTES])
{
	return rom() ? rom()->image_sha256(slot, len, digest) : IMAGE_FLASH_FAILED;
}

/* Of what image_read has read. */
void image_version_text(const struct image_info *info, char out[IMAGE_VERSION_CHARS])
{
	rom()->image_version_text(info, out);
}
