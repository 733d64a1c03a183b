/*
 * Images in MCUboot's format, as imgtool makes them:
 *   header (32 bytes, padded to hdr_size) | payload | protected TLVs | TLVs
 * The protected TLVs (board name, security counter) are covered by the hash, the others carry hash, key hash and signature.
 * Everything here is read from flash that anyone may have written: each length is checked before it is used.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum image_error {
	IMAGE_OK = 0,
	IMAGE_NONE,                 /* no image header */
	IMAGE_TOO_LARGE,            /* its lengths go beyond the slot */
	IMAGE_BAD_TLV,
	IMAGE_TRUNCATED,            /* upload shorter than the image says it is */
	IMAGE_OTHER_LOAD_ADDRESS,   /* built for another kind of board */
	IMAGE_OTHER_BOARD,
	IMAGE_BAD_HASH,
	IMAGE_UNSIGNED,
	IMAGE_OTHER_KEY,
	IMAGE_BAD_SIGNATURE,
	IMAGE_ROLLBACK,
	IMAGE_FLASH_FAILED,
};

enum { IMAGE_HEADER_BYTES = 32, IMAGE_DIGEST_BYTES = 32, IMAGE_VERSION_CHARS = 25 };

struct image_info {
	uint8_t major, minor;
	uint16_t revision;
	uint32_t build;
	uint32_t payload_off;       /* from the start of the image */
	uint32_t payload_len, load_addr;
	uint32_t covered_len;       /* header to the last protected TLV: what the hash is of */
	uint32_t total_len;         /* header to the last TLV */
	uint32_t security_counter;
	uint8_t digest[IMAGE_DIGEST_BYTES];
};

/* One clause for the log, without a full stop. */
const char *image_error_text(enum image_error e);

/* Looks at a header alone, as soon as the first bytes of an upload are there. file_len: bytes that will follow in all. */
enum image_error image_check_header(const uint8_t header[IMAGE_HEADER_BYTES], uint32_t file_len);

/* Reads header and TLVs of the image in a slot and checks their lengths. No cryptography, so quick, and no proof. */
enum image_error image_read(unsigned slot, struct image_info *info);

/* The whole proof: board, hash, key, signature, security counter of at least min_counter. */
enum image_error image_verify(unsigned slot, uint32_t min_counter, struct image_info *info);

/*
 * Boot loader only: the same proof, of a copy in memory (port_image_load). What was proved is what port_start_image starts:
 * a flash that reads otherwise the second time, by age or by an attacker's hand, changes nothing.
 */
enum image_error image_load(unsigned slot, uint32_t min_counter, struct image_info *info);

/* SHA-256 of the first len bytes of a slot. */
enum image_error image_sha256(unsigned slot, uint32_t len, uint8_t digest[IMAGE_DIGEST_BYTES]);

/* "1.2.3+4" */
void image_version_text(const struct image_info *info, char out[IMAGE_VERSION_CHARS]);

#endif
