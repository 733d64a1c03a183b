#include "image_upload.h"

#include <string.h>

#include "boot/flash_map.h"
#include "boot/record.h"
#include "image_rc.h"
#include "log.h"
#include "port/port.h"

static struct {
	bool open;
	unsigned slot;
	uint32_t len, off, erased;  /* off: next byte wanted; erased: blocks before this are blank or written */
	bool has_sha;
	uint8_t sha[IMAGE_DIGEST_BYTES];
} up;

void image_upload_forget(void)
{
	up.open = false;
}

bool image_erase(unsigned slot)
{
	return port_flash_erase(FLASH_SLOT(slot), PORT_FLASH_BLOCK) && port_flash_erase(FLASH_SLOT(slot), FLASH_SLOT_BYTES);
}

static int rc_of(enum image_error e)
{
	switch (e) {
	case IMAGE_OK:
		return 0;
	case IMAGE_NONE:
		return IMAGE_RC_INVALID_MAGIC;
	case IMAGE_TOO_LARGE:
		return IMAGE_RC_TOO_LARGE;
	case IMAGE_OTHER_LOAD_ADDRESS:
	case IMAGE_OTHER_BOARD:
		return IMAGE_RC_INVALID_FLASH_ADDRESS;
	case IMAGE_UNSIGNED:
		return IMAGE_RC_NO_TLVS;
	case IMAGE_BAD_TLV:
		return IMAGE_RC_INVALID_TLV;
	case IMAGE_TRUNCATED:
		return IMAGE_RC_INVALID_LENGTH;
	case IMAGE_ROLLBACK:
		return IMAGE_RC_CURRENT_IS_NEWER;
	case IMAGE_FLASH_FAILED:
		return IMAGE_RC_FLASH_READ_FAILED;
	default:
		return IMAGE_RC_INVALID_HASH;
	}
}

static int refuse(int rc, const char *why)
{
	log_line("image refused: %s", why);
	up.open = false;
	return rc;
}

/* Compares as mcumgr does: major, minor, revision; the build number does not count. */
static bool newer(const uint8_t *h, const struct image_info *running)
{
	uint32_t theirs = (uint32_t)h[20] << 24 | (uint32_t)h[21] << 16 | (uint32_t)h[23] << 8 | h[22];
	uint32_t ours = (uint32_t)running->major << 24 | (uint32_t)running->minor << 16 | running->revision;

	return theirs > ours;
}

static int check_first(const struct image_info *running, const struct upload_piece *p)
{
	if (!p->has_len) {
		return IMAGE_RC_INVALID_LENGTH;
	}
	if (p->data_len < IMAGE_HEADER_BYTES) {
		return refuse(IMAGE_RC_INVALID_HEADER, "first piece is shorter than an image header");
	}
	if (p->len > FLASH_SLOT_BYTES) {
		return refuse(IMAGE_RC_TOO_LARGE, image_error_text(IMAGE_TOO_LARGE));
	}
	enum image_error e = image_check_header(p->data, p->len);

	if (e != IMAGE_OK) {
		return refuse(rc_of(e), image_error_text(e));
	}
	if (p->only_newer && running && !newer(p->data, running)) {
		return refuse(IMAGE_RC_CURRENT_IS_NEWER, "not newer than the running version");
	}
	return 0;
}

static bool same_upload(unsigned slot, const struct upload_piece *p)
{
	return up.open && up.slot == slot && up.has_sha && p->sha && p->has_len && p->len == up.len &&
	       memcmp(p->sha, up.sha, sizeof(up.sha)) == 0;
}

static void begin(unsigned slot, const struct upload_piece *p)
{
	up.open = true;
	up.slot = slot;
	up.len = p->len;
	up.off = 0;
	up.erased = 0;
	up.has_sha = p->sha != NULL;
	if (p->sha) {
		memcpy(up.sha, p->sha, sizeof(up.sha));
	}
}

static bool append(const struct upload_piece *p)
{
	uint32_t base = FLASH_SLOT(up.slot), end = up.off + (uint32_t)p->data_len;

	while (up.erased < end) {
		if (!port_flash_erase(base + up.erased, PORT_FLASH_BLOCK)) {
			return false;
		}
		up.erased += PORT_FLASH_BLOCK;
	}
	if (!port_flash_write(base + up.off, p->data, (uint32_t)p->data_len)) {
		return false;
	}
	up.off = end;
	return true;
}

static enum image_error prove(uint32_t len)
{
	struct image_info info = { 0 };
	enum image_error e = image_read(up.slot, &info);

	if (e == IMAGE_OK && info.total_len > len) {
		return IMAGE_TRUNCATED;
	}
	return e == IMAGE_OK ? image_verify(up.slot, boot_record_load().security_counter, &info) : e;
}

/* The proof at the end of an upload: what would not boot is refused here, where someone hears the reason. */
static int finish(struct upload_result *result)
{
	uint8_t sha[IMAGE_DIGEST_BYTES];
	enum image_error e = image_sha256(FLASH_SLOT(up.slot), up.len, sha);

	up.open = false;
	if (e == IMAGE_OK) {
		result->match = !up.has_sha || memcmp(sha, up.sha, sizeof(sha)) == 0;
		e = prove(up.len);
	}
	if (e == IMAGE_OK && result->match) {
		result->complete = true;
		return 0;
	}
	image_erase(up.slot);
	return e == IMAGE_OK ? refuse(IMAGE_RC_INVALID_HASH, "file damaged on the way (sha differs)") :
			       refuse(rc_of(e), image_error_text(e));
}

int image_upload(unsigned slot, const struct image_info *running, const struct upload_piece *p, struct upload_result *result)
{
	if (p->off == 0) {
		if (!same_upload(slot, p)) {
			int rc = check_first(running, p);

			if (rc != 0) {
				return rc;
			}
			begin(slot, p);
		} else {
			result->off = up.off;
			if (up.off > 0) {
				return 0;
			}
		}
	}
	if (!up.open || p->off != up.off) {
		result->off = up.open ? up.off : 0;
		return 0;
	}
	if (p->data_len > up.len - up.off) {
		return refuse(IMAGE_RC_DATA_OVERRUN, "more data than its stated length");
	}
	if (!append(p)) {
		return refuse(IMAGE_RC_FLASH_WRITE_FAILED, "flash cannot be written");
	}
	result->off = up.off;
	return up.off == up.len ? finish(result) : 0;
}
