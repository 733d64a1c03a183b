/*
 * libFuzzer: the boot loader's proof of an image, over a slot that holds the input and is blank behind it. First byte of the
 * input: what is put right that random bytes never hit (bit 0 the SHA-256, bit 1 the key's hash, bit 2 the board's name).
 * The signature check itself is a stand-in that takes one value, so that what lies behind it is reached too; the real one has
 * RFC 8032's vectors (test_boot_crypto.c). Checked: no read outside the slot; nothing is accepted whose hash, key, board and
 * signature this file, which shares no code with the loader, does not find right.
 */
#include <crypto_hash_sha256.h>
#include <crypto_sign_ed25519.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boot/flash_map.h"
#include "boot/image.h"
#include "port/port.h"
#include "signing_key.h"

enum { MIN_COUNTER = 5, MEND_HASH = 1, MEND_KEY = 2, MEND_BOARD = 4, SLOT = 1 };
enum { T_KEYHASH = 0x01, T_SHA256 = 0x10, T_SIGNATURE = 0x24, T_COUNTER = 0x50, T_BOARD = 0xA0 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t image[FLASH_SLOT_BYTES];
static const uint8_t good_signature[4] = {'g', 'o', 'o', 'd'};

static void expect(bool ok)
{
	if (!ok)
		abort();
}

const char *port_board(void) { return "native"; }
uint32_t port_load_addr(void) { return 0; }

bool port_flash_read(uint32_t off, void *buf, uint32_t len)
{
	expect(off >= FLASH_SLOT(SLOT) && len <= FLASH_SLOT_BYTES && off - FLASH_SLOT(SLOT) <= FLASH_SLOT_BYTES - len);
	memcpy(buf, image + (off - FLASH_SLOT(SLOT)), len);
	return true;
}

const uint8_t *port_image_load(uint32_t off, uint32_t at, uint32_t n, uint32_t len) { (void)off, (void)at, (void)n, (void)len; return NULL; }

int crypto_sign_ed25519_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long len,
					const unsigned char *key)
{
	(void)m;
	(void)key;
	expect(len == IMAGE_DIGEST_BYTES);
	return memcmp(sig, good_signature, sizeof good_signature) == 0 ? 0 : -1;
}

static uint32_t le(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* The last value of a type in an area of the input that starts at `at`; NULL when it is not there, whole. */
static uint8_t *find(uint32_t at, uint16_t magic, uint16_t type, uint32_t want_len)
{
	uint8_t *found = NULL;

	if (at > sizeof image || sizeof image - at < 4 || le(image + at, 2) != magic)
		return NULL;
	uint32_t end = at + le(image + at + 2, 2);

	for (at += 4; at + 4 <= end && at + 4 <= sizeof image; at += 4 + le(image + at + 2, 2)) {
		uint32_t len = le(image + at + 2, 2);

		if (le(image + at, 2) == type && len == want_len && at + 4 + len <= sizeof image)
			found = image + at + 4;
	}
	return found;
}

struct parts {
	uint32_t covered;            /* bytes under the hash */
	uint8_t *digest, *key_hash, *signature, *board, *counter;
};

static bool take_apart(struct parts *p)
{
	uint64_t end = (uint64_t)le(image + 8, 2) + le(image + 12, 4), covered = end + le(image + 10, 2);

	if (covered > sizeof image)
		return false;
	uint32_t behind = (uint32_t)covered;
	*p = (struct parts){.covered = behind, .digest = find(behind, 0x6907, T_SHA256, 32),
		.key_hash = find(behind, 0x6907, T_KEYHASH, 32), .signature = find(behind, 0x6907, T_SIGNATURE, 64),
		.board = find((uint32_t)end, 0x6908, T_BOARD, 6), .counter = find((uint32_t)end, 0x6908, T_COUNTER, 4)};
	return true;
}

static void mend(const struct parts *p, uint8_t what)
{
	if ((what & MEND_BOARD) && p->board)
		memcpy(p->board, "native", 6);
	if ((what & MEND_KEY) && p->key_hash)
		crypto_hash_sha256(p->key_hash, signing_key_der, sizeof signing_key_der);
	if ((what & MEND_HASH) && p->digest)
		crypto_hash_sha256(p->digest, image, p->covered);
}

static void check_accepted(const struct image_info *info)
{
	uint8_t digest[32], key[32];
	struct parts p;

	expect(take_apart(&p) && p.digest && p.key_hash && p.signature && p.board && p.counter);
	crypto_hash_sha256(digest, image, p.covered);
	crypto_hash_sha256(key, signing_key_der, sizeof signing_key_der);
	expect(memcmp(digest, p.digest, 32) == 0 && memcmp(digest, info->digest, 32) == 0);
	expect(memcmp(key, p.key_hash, 32) == 0 && memcmp(p.board, "native", 6) == 0);
	expect(memcmp(p.signature, good_signature, sizeof good_signature) == 0);
	expect(info->security_counter == le(p.counter, 4) && info->security_counter >= MIN_COUNTER);
	expect(info->covered_len == p.covered && info->payload_off + info->payload_len <= p.covered && info->total_len <= FLASH_SLOT_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_info info;
	char version[IMAGE_VERSION_CHARS];
	struct parts p;

	if (size < 1 || size - 1 > sizeof image)
		return 0;
	memset(image, 0xFF, sizeof image);
	memcpy(image, data + 1, size - 1);
	if (take_apart(&p))
		mend(&p, data[0]);
	expect(image_error_text(image_check_header(image, (uint32_t)size - 1)) != NULL);
	if (image_read(SLOT, &info) == IMAGE_OK) {
		image_version_text(&info, version);
		expect(strlen(version) < sizeof version);
	}
	if (image_verify(SLOT, MIN_COUNTER, &info) == IMAGE_OK)
		check_accepted(&info);
	return 0;
}
