#include "image.h"

#include <stdbool.h>
#include <string.h>

#include <crypto_hash_sha256.h>
#include <crypto_sign_ed25519.h>

#include "flash_map.h"
#include "port/port.h"
#include "signing_key.h"

#define MAGIC 0x96f3b83du
#define TLV_INFO_MAGIC 0x6907u
#define TLV_PROT_INFO_MAGIC 0x6908u

enum { FLAG_NON_BOOTABLE = 0x10 };
enum { TLV_KEYHASH = 0x01, TLV_SHA256 = 0x10, TLV_ED25519 = 0x24, TLV_SECURITY_COUNTER = 0x50, TLV_BOARD = 0xA0 };
enum { TLV_HEADER_BYTES = 4, KEY_BYTES = 32, SIGNATURE_BYTES = 64, BOARD_MAX = 32 };

/* Where the TLVs lie and which were found. Offsets are from the start of the slot; 0: not there. */
struct tlvs {
	uint32_t digest, key_hash, signature, board, counter;
	uint16_t board_len;
};

static uint16_t u16le(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32le(const uint8_t *p)
{
	return (uint32_t)u16le(p) | (uint32_t)u16le(p + 2) << 16;
}

const char *image_error_text(enum image_error e)
{
	static const char *const text[] = {
		[IMAGE_OK] = "good",
		[IMAGE_NONE] = "no image header (wrong magic)",
		[IMAGE_TOO_LARGE] = "larger than the slot",
		[IMAGE_BAD_TLV] = "damaged trailer (TLV)",
		[IMAGE_TRUNCATED] = "shorter than its header says",
		[IMAGE_OTHER_LOAD_ADDRESS] = "made for another kind of board (load address)",
		[IMAGE_OTHER_BOARD] = "made for another board (board name)",
		[IMAGE_BAD_HASH] = "corrupted (SHA-256 differs)",
		[IMAGE_UNSIGNED] = "not signed",
		[IMAGE_OTHER_KEY] = "signed with a key this device does not trust",
		[IMAGE_BAD_SIGNATURE] = "signature is wrong",
		[IMAGE_ROLLBACK] = "older than allowed (security counter)",
		[IMAGE_FLASH_FAILED] = "flash cannot be read",
	};
	return text[e];
}

enum image_error image_check_header(const uint8_t h[IMAGE_HEADER_BYTES], uint32_t file_len)
{
	uint32_t header = u16le(h + 8), protected_len = u16le(h + 10), payload = u32le(h + 12);

	if (u32le(h) != MAGIC || (u32le(h + 16) & FLAG_NON_BOOTABLE) || header < IMAGE_HEADER_BYTES) {
		return IMAGE_NONE;
	}
	/* Each term is below 2^32 and the first two below 2^17, so test the big one alone before adding. */
	if (payload > FLASH_SLOT_BYTES || header + protected_len + payload > FLASH_SLOT_BYTES) {
		return IMAGE_TOO_LARGE;
	}
	if (header + protected_len + payload + TLV_HEADER_BYTES > file_len) {
		return IMAGE_TRUNCATED;
	}
	return u32le(h + 4) == port_load_addr() ? IMAGE_OK : IMAGE_OTHER_LOAD_ADDRESS;
}

static void note_tlv(struct tlvs *t, bool covered, uint16_t type, uint32_t off, uint16_t len)
{
	if (!covered && type == TLV_SHA256 && len == IMAGE_DIGEST_BYTES) {
		t->digest = off;
	} else if (!covered && type == TLV_KEYHASH && len == IMAGE_DIGEST_BYTES) {
		t->key_hash = off;
	} else if (!covered && type == TLV_ED25519 && len == SIGNATURE_BYTES) {
		t->signature = off;
	} else if (covered && type == TLV_BOARD && len <= BOARD_MAX) {
		t->board = off;
		t->board_len = len;
	} else if (covered && type == TLV_SECURITY_COUNTER && len == 4) {
		t->counter = off;
	}
}

/*
 * Walks one TLV area at off. Its own length field covers its 4-byte head. Sets *end behind it.
 * Each turn moves at least 4 bytes on within an area of at most 64 KiB, so the walk ends.
 */
static enum image_error walk_tlvs(uint32_t base, uint32_t off, bool covered, struct tlvs *t, uint32_t *end)
{
	uint8_t h[TLV_HEADER_BYTES];

	if (off > FLASH_SLOT_BYTES - TLV_HEADER_BYTES || !port_flash_read(base + off, h, sizeof(h))) {
		return IMAGE_TOO_LARGE;
	}
	if (u16le(h) != (covered ? TLV_PROT_INFO_MAGIC : TLV_INFO_MAGIC)) {
		return IMAGE_BAD_TLV;
	}
	*end = off + u16le(h + 2);
	if (*end > FLASH_SLOT_BYTES) {
		return IMAGE_TOO_LARGE;
	}
	for (off += TLV_HEADER_BYTES; off < *end;) {
		if (*end - off < TLV_HEADER_BYTES || !port_flash_read(base + off, h, sizeof(h)) ||
		    u16le(h + 2) > *end - off - TLV_HEADER_BYTES) {
			return IMAGE_BAD_TLV;
		}
		note_tlv(t, covered, u16le(h), off + TLV_HEADER_BYTES, u16le(h + 2));
		off += TLV_HEADER_BYTES + u16le(h + 2);
	}
	return IMAGE_OK;
}

static enum image_error read_tlvs(uint32_t base, const uint8_t *h, struct tlvs *t, uint32_t *total)
{
	uint32_t end = u16le(h + 8) + u32le(h + 12), protected_len = u16le(h + 10), behind = end + protected_len;
	enum image_error e = IMAGE_OK;

	*t = (struct tlvs){ 0 };
	if (protected_len > 0) {
		e = walk_tlvs(base, end, true, t, &end);
	}
	if (e == IMAGE_OK && end != behind) {
		return IMAGE_BAD_TLV; /* two statements of one length differ: the hash would cover something else */
	}
	return e == IMAGE_OK ? walk_tlvs(base, end, false, t, total) : e;
}

static enum image_error read_all(unsigned slot, struct image_info *info, struct tlvs *t)
{
	uint32_t base = FLASH_SLOT(slot);
	uint8_t h[IMAGE_HEADER_BYTES], counter[4] = { 0 };

	if (!port_flash_read(base, h, sizeof(h))) {
		return IMAGE_FLASH_FAILED;
	}
	enum image_error e = image_check_header(h, FLASH_SLOT_BYTES);

	if (e == IMAGE_OK) {
		e = read_tlvs(base, h, t, &info->total_len);
	}
	if (e != IMAGE_OK) {
		return e;
	}
	info->major = h[20];
	info->minor = h[21];
	info->revision = u16le(h + 22);
	info->build = u32le(h + 24);
	info->payload_off = base + u16le(h + 8);
	info->payload_len = u32le(h + 12);
	info->load_addr = u32le(h + 4);
	memset(info->digest, 0, sizeof(info->digest));
	if ((t->digest && !port_flash_read(base + t->digest, info->digest, sizeof(info->digest))) ||
	    (t->counter && !port_flash_read(base + t->counter, counter, sizeof(counter)))) {
		return IMAGE_FLASH_FAILED;
	}
	info->security_counter = u32le(counter);
	return IMAGE_OK;
}

enum image_error image_read(unsigned slot, struct image_info *info)
{
	struct tlvs t;

	return read_all(slot, info, &t);
}

enum image_error image_sha256(uint32_t off, uint32_t len, uint8_t digest[IMAGE_DIGEST_BYTES])
{
	crypto_hash_sha256_state hash;
	uint8_t chunk[256];

	crypto_hash_sha256_init(&hash);
	while (len > 0) {
		uint32_t n = len < sizeof(chunk) ? len : (uint32_t)sizeof(chunk);

		if (!port_flash_read(off, chunk, n)) {
			return IMAGE_FLASH_FAILED;
		}
		crypto_hash_sha256_update(&hash, chunk, n);
		off += n;
		len -= n;
	}
	crypto_hash_sha256_final(&hash, digest);
	return IMAGE_OK;
}

static enum image_error check_board(uint32_t base, const struct tlvs *t)
{
	char name[BOARD_MAX];
	size_t want = strlen(port_board());

	if (!t->board || t->board_len != want || !port_flash_read(base + t->board, name, t->board_len)) {
		return IMAGE_OTHER_BOARD;
	}
	return memcmp(name, port_board(), want) == 0 ? IMAGE_OK : IMAGE_OTHER_BOARD;
}

static enum image_error check_hash(uint32_t base, const struct image_info *info, uint32_t protected_len, const struct tlvs *t)
{
	uint8_t digest[IMAGE_DIGEST_BYTES];
	uint32_t covered = info->payload_off - base + info->payload_len + protected_len;

	if (!t->digest) {
		return IMAGE_BAD_TLV;
	}
	enum image_error e = image_sha256(base, covered, digest);

	return e != IMAGE_OK ? e : memcmp(digest, info->digest, sizeof(digest)) == 0 ? IMAGE_OK : IMAGE_BAD_HASH;
}

/* imgtool names the key by the SHA-256 of its DER form and signs the digest. */
static enum image_error check_signature(uint32_t base, const struct image_info *info, const struct tlvs *t)
{
	uint8_t key_hash[IMAGE_DIGEST_BYTES], trusted[IMAGE_DIGEST_BYTES], signature[SIGNATURE_BYTES];

	if (!t->key_hash || !t->signature) {
		return IMAGE_UNSIGNED;
	}
	if (!port_flash_read(base + t->key_hash, key_hash, sizeof(key_hash)) ||
	    !port_flash_read(base + t->signature, signature, sizeof(signature))) {
		return IMAGE_FLASH_FAILED;
	}
	crypto_hash_sha256(trusted, signing_key_der, sizeof(signing_key_der));
	if (memcmp(key_hash, trusted, sizeof(trusted)) != 0) {
		return IMAGE_OTHER_KEY;
	}
	/* The raw key is the tail of its DER form. */
	return crypto_sign_ed25519_verify_detached(signature, info->digest, sizeof(info->digest),
						   signing_key_der + sizeof(signing_key_der) - KEY_BYTES) == 0 ?
		       IMAGE_OK : IMAGE_BAD_SIGNATURE;
}

enum image_error image_verify(unsigned slot, uint32_t min_counter, struct image_info *info)
{
	uint32_t base = FLASH_SLOT(slot);
	uint8_t h[IMAGE_HEADER_BYTES];
	struct tlvs t;
	enum image_error e = read_all(slot, info, &t);

	if (e == IMAGE_OK) {
		e = check_board(base, &t);
	}
	if (e == IMAGE_OK) {
		e = port_flash_read(base, h, sizeof(h)) ? check_hash(base, info, u16le(h + 10), &t) : IMAGE_FLASH_FAILED;
	}
	if (e == IMAGE_OK) {
		e = check_signature(base, info, &t);
	}
	if (e == IMAGE_OK && info->security_counter < min_counter) {
		e = IMAGE_ROLLBACK;
	}
	return e;
}

static char *put_decimal(char *p, uint32_t v)
{
	char digits[10];
	int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n > 0) {
		*p++ = digits[--n];
	}
	return p;
}

void image_version_text(const struct image_info *info, char out[IMAGE_VERSION_CHARS])
{
	char *p = put_decimal(out, info->major);

	*p++ = '.';
	p = put_decimal(p, info->minor);
	*p++ = '.';
	p = put_decimal(p, info->revision);
	*p++ = '+';
	p = put_decimal(p, info->build);
	*p = '\0';
}
