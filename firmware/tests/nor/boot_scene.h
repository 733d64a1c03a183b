/*
 * A device for tests of booting and updating: nor_flash.h, the real boot loader's choice, record, proof and image group, and
 * small images. Only the signature is a stand-in (its vectors are in test_boot_crypto.c). Include it in one file.
 */
#ifndef BOOT_SCENE_H
#define BOOT_SCENE_H

#include <crypto_hash_sha256.h>
#include <crypto_sign_ed25519.h>
#include <zcbor_encode.h>

#include "boot/choose.h"
#include "boot/image.h"
#include "boot/record.h"
#include "nor_flash.h"
#include "signing_key.h"
#include "smp/image_group.h"
#include "smp/smp_group.h"

enum { STATE = 0, UPLOAD = 1, ERASE = 5 };
enum { PAYLOAD_BYTES = 37, BOARD_BYTES = 6, IMAGE_BYTES = IMAGE_HEADER_BYTES + PAYLOAD_BYTES + 4 + 4 + BOARD_BYTES + 4 + 36 + 36 + 68 };
static_assert(IMAGE_BYTES > PORT_FLASH_BLOCK && IMAGE_BYTES % PORT_FLASH_BLOCK != 0 && IMAGE_BYTES <= PORT_FLASH_SLOT_BYTES,
	      "more than a block, so that a half image is one that lacks blocks");

static uint8_t image_copy[PORT_FLASH_SLOT_BYTES];
static jmp_buf started_jmp;
static struct boot_handoff started;
static uint64_t clock_us;

const char *port_board(void) { return "native"; }
uint32_t port_load_addr(void) { return 0; }
void port_watchdog_feed(void) {}
uint64_t port_now_us(void) { return clock_us += 7; }
void port_reset(bool to_recovery) { (void)to_recovery; abort(); }
void port_serial_write(const uint8_t *buf, size_t len) { (void)buf, (void)len; }

/* Copies; a test may have the flash read otherwise from then on. */
static void (*after_load)(void);
const uint8_t *port_image_load(uint32_t flash_off, uint32_t payload_off, uint32_t payload_len, uint32_t total_len)
{
	CHECK(payload_off + payload_len <= total_len && total_len <= sizeof(image_copy));
	port_flash_read(flash_off, image_copy, total_len);
	if (after_load) {
		after_load();
	}
	return image_copy;
}

void port_start_image(const struct boot_handoff *handoff)
{
	started = *handoff;
	longjmp(started_jmp, 1);
}

int crypto_sign_ed25519_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long len,
					const unsigned char *key)
{
	(void)key;
	return memcmp(sig, m, (size_t)len);
}

/* --- images -------------------------------------------------------------------------------------------------------- */

static inline uint8_t *put_tlv(uint8_t *p, uint16_t type, const void *value, uint16_t len)
{
	const uint8_t head[4] = { (uint8_t)type, (uint8_t)(type >> 8), (uint8_t)len, (uint8_t)(len >> 8) };

	memcpy(p, head, sizeof(head));
	memcpy(p + sizeof(head), value, len);
	return p + sizeof(head) + len;
}

/* An image whose payload is full of `letter`; all have the same length, so that the trailer of one fits the header of another. */
static inline void make_image(uint8_t out[IMAGE_BYTES], char letter)
{
	uint8_t head[IMAGE_HEADER_BYTES] = { 0x3d, 0xb8, 0xf3, 0x96, [8] = IMAGE_HEADER_BYTES, [10] = 4 + 4 + BOARD_BYTES,
					     [12] = PAYLOAD_BYTES, [20] = (uint8_t)letter };
	const uint8_t covered_tlvs[4] = { 0x08, 0x69, 4 + 4 + BOARD_BYTES, 0 }, tlvs[4] = { 0x07, 0x69, 4 + 36 + 36 + 68, 0 };
	uint8_t digest[32], key[32], signature[64] = { 0 };
	uint8_t *p = out;

	memcpy(p, head, sizeof(head));
	memset(p + sizeof(head), letter, PAYLOAD_BYTES);
	p += sizeof(head) + PAYLOAD_BYTES;
	memcpy(p, covered_tlvs, 4);
	p = put_tlv(p + 4, 0xA0, "native", BOARD_BYTES);
	crypto_hash_sha256(digest, out, (unsigned long long)(p - out));
	crypto_hash_sha256(key, signing_key_der, sizeof(signing_key_der));
	memcpy(signature, digest, sizeof(digest));
	memcpy(p, tlvs, 4);
	p = put_tlv(p + 4, 0x10, digest, 32);
	p = put_tlv(p, 0x01, key, 32);
	p = put_tlv(p, 0x24, signature, 64);
	CHECK(p == out + IMAGE_BYTES);
}

/* Puts bytes into the flash as they would lie there after a whole upload, or a part of one. */
static inline void lay(uint32_t off, const uint8_t *data, uint32_t len)
{
	uint32_t whole = (len + PORT_FLASH_UNIT - 1) / PORT_FLASH_UNIT * PORT_FLASH_UNIT;

	memcpy(nor.bytes + off, data, len);
	nor_mark(off, whole, UNIT_WRITTEN);
}

/* The letter of the sound image in a slot, 0 without one. */
static inline char letter_in(unsigned slot)
{
	struct image_info info;

	return image_verify(slot, 0, &info) == IMAGE_OK ? (char)info.major : 0;
}

/* --- the device ---------------------------------------------------------------------------------------------------- */

/* Power on, or a reset. Returns the letter of what runs, 0 when the boot loader stays. The cut, if any, goes past this. */
static inline char boot(uint8_t cause, bool to_recovery)
{
	started = (struct boot_handoff){ .slot = SLOT_NONE };
	if (!to_recovery && setjmp(started_jmp) == 0) {
		boot_choose_and_start((struct boot_handoff){ .reset_cause = cause, .slot = SLOT_NONE });
	}
	image_group_init(started.slot, NULL);
	return started.slot == SLOT_NONE ? 0 : (char)image_copy[20];
}

static inline int command(uint8_t cmd, zcbor_state_t *st, const uint8_t *req)
{
	static uint8_t rsp[1024];
	size_t rsp_len;

	return image_group.handle(SMP_WRITE, cmd, req, (size_t)(st->payload - req), rsp, sizeof(rsp), &rsp_len);
}

static inline int upload_piece(const uint8_t *image, uint32_t off, uint32_t len)
{
	uint8_t req[512], sha[32];

	crypto_hash_sha256(sha, image, IMAGE_BYTES);
	ZCBOR_STATE_E(st, 2, req, sizeof(req), 1);
	CHECK(zcbor_map_start_encode(st, 4) && zcbor_tstr_put_lit(st, "off") && zcbor_uint32_put(st, off) &&
	      zcbor_tstr_put_lit(st, "data") && zcbor_bstr_encode_ptr(st, (const char *)image + off, len) &&
	      zcbor_tstr_put_lit(st, "len") && zcbor_uint32_put(st, IMAGE_BYTES) && zcbor_tstr_put_lit(st, "sha") &&
	      zcbor_bstr_encode_ptr(st, (const char *)sha, sizeof(sha)) && zcbor_map_end_encode(st, 4));
	return command(UPLOAD, st, req);
}

/* In pieces whose lengths fit no unit. Returns the first error, 0 when all was taken. */
static inline int upload(const uint8_t *image, uint32_t bytes)
{
	enum { PIECE_BYTES = 53 };

	for (uint32_t off = 0; off < bytes; off += PIECE_BYTES) {
		int rc = upload_piece(image, off, bytes - off < PIECE_BYTES ? bytes - off : PIECE_BYTES);

		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

/* letter 0: the running image. */
static inline int set_state(const uint8_t *image, bool confirm)
{
	uint8_t req[128], digest[32];

	ZCBOR_STATE_E(st, 2, req, sizeof(req), 1);
	CHECK(zcbor_map_start_encode(st, 2));
	if (image) {
		crypto_hash_sha256(digest, image, IMAGE_HEADER_BYTES + PAYLOAD_BYTES + 4 + 4 + BOARD_BYTES);
		CHECK(zcbor_tstr_put_lit(st, "hash") && zcbor_bstr_encode_ptr(st, (const char *)digest, sizeof(digest)));
	}
	CHECK(zcbor_tstr_put_lit(st, "confirm") && zcbor_bool_put(st, confirm) && zcbor_map_end_encode(st, 2));
	return command(STATE, st, req);
}

static inline int erase_slot(unsigned slot)
{
	uint8_t req[32];

	ZCBOR_STATE_E(st, 2, req, sizeof(req), 1);
	CHECK(zcbor_map_start_encode(st, 1) && zcbor_tstr_put_lit(st, "slot") && zcbor_uint32_put(st, slot) &&
	      zcbor_map_end_encode(st, 1));
	return command(ERASE, st, req);
}

#endif
