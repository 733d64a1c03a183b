/*
 * What proves an image lives once in flash: the boot loader's copy, cryptography and all, serves the image too (26 KiB less in
 * every image), and what the image says of an upload is what the boot loader will say. Its functions use the caller's stack and
 * constants only, so they run anywhere; the boot loader's linker script holds them to that. For a port whose boot loader runs
 * from where it lies, a Cortex-M: the table's address stands in its vector 7, which the processor leaves free.
 */
#ifndef ROM_SERVICES_H
#define ROM_SERVICES_H

#include <stdint.h>

#include <crypto_hash_sha256.h>
#include <crypto_sign_ed25519.h>

#include "image.h"

#define ROM_SERVICES_MAGIC 0x526f4d31u /* "RoM1" */
#define ROM_IMAGES_MAGIC 0x526f4d32u   /* "RoM2": where a boot loader of before has something else, behind its table */

struct rom_services {
	uint32_t magic;
	/* For images of before, which bring the rest of the proof themselves. */
	int (*sha256_init)(crypto_hash_sha256_state *st);
	int (*sha256_update)(crypto_hash_sha256_state *st, const unsigned char *in, unsigned long long len);
	int (*sha256_final)(crypto_hash_sha256_state *st, unsigned char *out);
	int (*ed25519_verify)(const unsigned char *sig, const unsigned char *m, unsigned long long len, const unsigned char *pk);
	uint32_t images_magic;
	/* boot/image.h */
	const char *(*image_error_text)(enum image_error e);
	enum image_error (*image_check_header)(const uint8_t header[IMAGE_HEADER_BYTES], uint32_t file_len);
	enum image_error (*image_read)(unsigned slot, struct image_info *info);
	enum image_error (*image_verify)(unsigned slot, uint32_t min_counter, struct image_info *info);
	enum image_error (*image_sha256)(unsigned slot, uint32_t len, uint8_t digest[IMAGE_DIGEST_BYTES]);
	void (*image_version_text)(const struct image_info *info, char out[IMAGE_VERSION_CHARS]);
};

#endif
