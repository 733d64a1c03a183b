#include "image_upload.h"

#include <string.h>

#include "boot/flash_map.h"
#include "boot/record.h"
#include "image_rc.h"
#include "log.h"
#include "port/port.h"

/*
 * What makes a slot hold an image, its header, is written last, when all else is there: an upload that breaks off is no image,
 * whatever lay in the slot before, whenever the power goes.
 */
enum { HEAD_BYTES = PORT_FLASH_UNIT > IMAGE_HEADER_BYTES ? PORT_FLASH_UNIT : IMAGE_HEADER_BYTES };

static_assert(HEAD_BYTES % PORT_FLASH_UNIT == 0, "the header ends at a program unit");

static struct {
	bool open;
	unsigned slot;
	uint32_t len, off, erased;  /* off: next byte wanted; erased: blocks before this are blank or written */
	uint8_t head[HEAD_BYTES];   /* the first bytes */
	uint8_t unit[PORT_FLASH_UNIT]; /* those since the last whole program unit */
	bool has_sha;
	uint8_t sha[IMAGE_DIGEST_BYTES];
} up;

void image_upload_forget(void)
{
	up.open = false;
}

bool image_erase(unsigned slot)
{
	for (uint32_t off = 0; off < FLASH_SLOT_BYTES; off += PORT_FLASH_BLOCK) {
		if (!port_flash_erase(FLASH_SLOT(slot) + off, PORT_FLASH_BLOCK)) {
			return false;
		}
		port_watchdog_feed();
	}
	return true;
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

/* Erases what up.off to end falls into, as far as it has not been. */
static bool erase_up_to(uint32_t end)
{
	for (; up.erased < end; up.erased += PORT_FLASH_BLOCK) {
		if (!port_flash_erase(FLASH_SLOT(up.slot) + up.erased, PORT_FLASH_BLOCK)) {
			return false;
		}
	}
	return true;
}

/* Takes at most len bytes of what belongs to the head, to a unit begun, or to whole units. Returns how many, 0: failed. */
static size_t take(const uint8_t *data, size_t len)
{
	size_t in_unit = up.off % PORT_FLASH_UNIT, n = len;

	if (up.off < HEAD_BYTES) {
		n = len < HEAD_BYTES - up.off ? len : HEAD_BYTES - up.off;
		memcpy(up.head + up.off, data, n);
	} else if (in_unit == 0 && len >= PORT_FLASH_UNIT) {
		n = len - len % PORT_FLASH_UNIT;
		n = port_flash_write(FLASH_SLOT(up.slot) + up.off, data, (uint32_t)n) ? n : 0;
	} else {
		n = len < PORT_FLASH_UNIT - in_unit ? len : PORT_FLASH_UNIT - in_unit;
		memcpy(up.unit + in_unit, data, n);
		if (in_unit + n == PORT_FLASH_UNIT) {
			uint32_t at = FLASH_SLOT(up.slot) + up.off - (uint32_t)in_unit;

			n = port_flash_write(at, up.unit, PORT_FLASH_UNIT) ? n : 0;
		}
	}
	return n;
}

/* Each turn takes at least a byte. */
static bool append(const uint8_t *data, size_t len)
{
	if (!erase_up_to(up.off + (uint32_t)len)) {
		return false;
	}
	while (len > 0) {
		size_t n = take(data, len);

		if (n == 0) {
			return false;
		}
		up.off += (uint32_t)n;
		data += n;
		len -= n;
	}
	return true;
}

/* The last unit, filled up, and then the header. */
static bool complete(void)
{
	static const uint8_t blank = 0xFF;

	while (up.off % PORT_FLASH_UNIT != 0 || up.off < HEAD_BYTES) {
		if (!append(&blank, 1)) {
			return false;
		}
	}
	return port_flash_write(FLASH_SLOT(up.slot), up.head, HEAD_BYTES);
}

static enum image_error prove(uint32_t len)
{
	struct image_info info = { 0 };
	enum image_error e = image_read(up.slot, &info);

	if (e == IMAGE_OK && info.total_len > len) {
		return IMAGE_TRUNCATED;
	}
	port_watchdog_feed();
	return e == IMAGE_OK ? image_verify(up.slot, boot_record_load().security_counter, &info) : e;
}

/* The proof at the end of an upload: what would not boot is refused here, where someone hears the reason. */
static int finish(struct upload_result *result)
{
	uint8_t sha[IMAGE_DIGEST_BYTES];
	enum image_error e = complete() ? image_sha256(up.slot, up.len, sha) : IMAGE_FLASH_FAILED;

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
	if (!append(p->data, p->data_len)) {
		return refuse(IMAGE_RC_FLASH_WRITE_FAILED, "flash cannot be written");
	}
	result->off = up.off;
	return up.off == up.len ? finish(result) : 0;
}
