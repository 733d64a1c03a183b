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

/* What the bytes of an image are read from: its slot, or the copy in memory that is to run. Offsets are the image's own. */
struct source {
	const uint8_t *copy;        /* NULL: the slot */
	uint32_t at, len;           /* of the slot in the flash; of either */
};

static bool read_at(const struct source *from, uint32_t off, void *buf, uint32_t len)
{
	if (off > from->len || len > from->len - off) {
		return false;
	}
	if (!from->copy) {
		return port_flash_read(from->at + off, buf, len);
	}
	memcpy(buf, from->copy + off, len);
	return true;
}

static struct source in_flash(unsigned slot)
{
	return (struct source){ .at = FLASH_SLOT(slot), .len = FLASH_SLOT_BYTES };
}

/* Where the TLVs lie and which were found. Offsets are from the start of the image; 0: not there. */
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
static enum image_error walk_tlvs(const struct source *from, uint32_t off, bool covered, struct tlvs *t, uint32_t *end)
{
	uint8_t h[TLV_HEADER_BYTES];

	if (off > FLASH_SLOT_BYTES - TLV_HEADER_BYTES || !read_at(from, off, h, sizeof(h))) {
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
		if (*end - off < TLV_HEADER_BYTES || !read_at(from, off, h, sizeof(h)) ||
		    u16le(h + 2) > *end - off - TLV_HEADER_BYTES) {
			return IMAGE_BAD_TLV;
		}
		note_tlv(t, covered, u16le(h), off + TLV_HEADER_BYTES, u16le(h + 2));
		off += TLV_HEADER_BYTES + u16le(h + 2);
	}
	return IMAGE_OK;
}

static enum image_error read_tlvs(const struct source *from, const uint8_t *h, struct tlvs *t, uint32_t *total)
{
	uint32_t end = u16le(h + 8) + u32le(h + 12), protected_len = u16le(h + 10), behind = end + protected_len;
	enum image_error e = IMAGE_OK;

	*t = (struct tlvs){ 0 };
	if (protected_len > 0) {
		e = walk_tlvs(from, end, true, t, &end);
	}
	if (e == IMAGE_OK && end != behind) {
		return IMAGE_BAD_TLV; /* two statements of one length differ: the hash would cover something else */
	}
	return e == IMAGE_OK ? walk_tlvs(from, end, false, t, total) : e;
}

static enum image_error read_all(const struct source *from, struct image_info *info, struct tlvs *t)
{
	uint8_t h[IMAGE_HEADER_BYTES], counter[4] = { 0 };

	if (!read_at(from, 0, h, sizeof(h))) {
		return IMAGE_FLASH_FAILED;
	}
	enum image_error e = image_check_header(h, FLASH_SLOT_BYTES);

	if (e == IMAGE_OK) {
		e = read_tlvs(from, h, t, &info->total_len);
	}
	if (e != IMAGE_OK) {
		return e;
	}
	info->major = h[20];
	info->minor = h[21];
	info->revision = u16le(h + 22);
	info->build = u32le(h + 24);
	info->payload_off = u16le(h + 8);
	info->covered_len = info->payload_off + u32le(h + 12) + u16le(h + 10);
	info->payload_len = u32le(h + 12);
	info->load_addr = u32le(h + 4);
	memset(info->digest, 0, sizeof(info->digest));
	if ((t->digest && !read_at(from, t->digest, info->digest, sizeof(info->digest))) ||
	    (t->counter && !read_at(from, t->counter, counter, sizeof(counter)))) {
		return IMAGE_FLASH_FAILED;
	}
	info->security_counter = u32le(counter);
	return IMAGE_OK;
}

enum image_error image_read(unsigned slot, struct image_info *info)
{
	const struct source from = in_flash(slot);
	struct tlvs t;

	return read_all(&from, info, &t);
}

/* SHA-256 of the first len bytes. */
static enum image_error sha256(const struct source *from, uint32_t len, uint8_t digest[IMAGE_DIGEST_BYTES])
{
	uint32_t off = 0;
	crypto_hash_sha256_state hash;
	uint8_t chunk[256];

	crypto_hash_sha256_init(&hash);
	while (len > 0) {
		uint32_t n = len < sizeof(chunk) ? len : (uint32_t)sizeof(chunk);

		if (!read_at(from, off, chunk, n)) {
			return IMAGE_FLASH_FAILED;
		}
		crypto_hash_sha256_update(&hash, chunk, n);
		off += n;
		len -= n;
	}
	crypto_hash_sha256_final(&hash, digest);
	return IMAGE_OK;
}

enum image_error image_sha256(unsigned slot, uint32_t len, uint8_t digest[IMAGE_DIGEST_BYTES])
{
	const struct source from = in_flash(slot);

	return sha256(&from, len, digest);
}

static enum image_error check_board(const struct source *from, const struct tlvs *t)
{
	char name[BOARD_MAX];
	size_t want = strlen(port_board());

	if (!t->board || t->board_len != want || !read_at(from, t->board, name, t->board_len)) {
		return IMAGE_OTHER_BOARD;
	}
	return memcmp(name, port_board(), want) == 0 ? IMAGE_OK : IMAGE_OTHER_BOARD;
}

static enum image_error check_hash(const struct source *from, const struct image_info *info, const struct tlvs *t)
{
	uint8_t digest[IMAGE_DIGEST_BYTES];

	if (!t->digest) {
		return IMAGE_BAD_TLV;
	}
	enum image_error e = sha256(from, info->covered_len, digest);

	return e != IMAGE_OK ? e : memcmp(digest, info->digest, sizeof(digest)) == 0 ? IMAGE_OK : IMAGE_BAD_HASH;
}

/* imgtool names the key by the SHA-256 of its DER form and signs the digest. */
static enum image_error check_signature(const struct source *from, const struct image_info *info, const struct tlvs *t)
{
	uint8_t key_hash[IMAGE_DIGEST_BYTES], trusted[IMAGE_DIGEST_BYTES], signature[SIGNATURE_BYTES];

	if (!t->key_hash || !t->signature) {
		return IMAGE_UNSIGNED;
	}
	if (!read_at(from, t->key_hash, key_hash, sizeof(key_hash)) ||
	    !read_at(from, t->signature, signature, sizeof(signature))) {
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

static enum image_error verify(const struct source *from, uint32_t min_counter, struct image_info *info)
{
	struct tlvs t;
	enum image_error e = read_all(from, info, &t);

	if (e == IMAGE_OK) {
		e = check_board(from, &t);
	}
	if (e == IMAGE_OK) {
		e = check_hash(from, info, &t);
	}
	if (e == IMAGE_OK) {
		e = check_signature(from, info, &t);
	}
	if (e == IMAGE_OK && info->security_counter < min_counter) {
		e = IMAGE_ROLLBACK;
	}
	return e;
}

enum image_error image_verify(unsigned slot, uint32_t min_counter, struct image_info *info)
{
	const struct source from = in_flash(slot);

	return verify(&from, min_counter, info);
}

enum image_error image_load(unsigned slot, uint32_t min_counter, struct image_info *info)
{
	struct image_info claimed;
	enum image_error e = image_read(slot, &claimed);

	if (e != IMAGE_OK) {
		return e;
	}
	const struct source copy = {
		.copy = port_image_load(FLASH_SLOT(slot), claimed.payload_off, claimed.payload_len, claimed.total_len),
		.len = claimed.total_len,
	};

	e = copy.copy ? verify(&copy, min_counter, info) : IMAGE_FLASH_FAILED;
	/* The port placed the program where the first reading said: a second one that differs has proved something else. */
	if (e == IMAGE_OK && (info->payload_off != claimed.payload_off || info->payload_len != claimed.payload_len)) {
		e = IMAGE_FLASH_FAILED;
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
