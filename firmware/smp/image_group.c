#include "image_group.h"

#include <string.h>

#include <zcbor_encode.h>

#include "boot/flash_map.h"
#include "boot/image.h"
#include "boot/record.h"
#include "cbor_map.h"
#include "image_rc.h"
#include "image_upload.h"
#include "log.h"
#include "port/port.h"

enum { STATE = 0, UPLOAD = 1, ERASE = 5 };

static struct {
	unsigned running;
	bool (*may_write)(void);
	struct {
		bool known, good;       /* known: tried since it last changed; a signature costs tenths of a second */
	} proof[FLASH_SLOTS];
} g;

const bool image_group_updates = true;

void image_group_running(unsigned running_slot, struct image_name *name)
{
	struct image_info image;

	*name = (struct image_name){ .version = "0.0.0+0" };
	if (running_slot < FLASH_SLOTS && image_read(running_slot, &image) == IMAGE_OK) {
		memcpy(name->digest, image.digest, sizeof(name->digest));
		image_version_text(&image, name->version);
	}
}

void image_group_init(unsigned running_slot, bool (*may_write)(void))
{
	memset(&g, 0, sizeof(g));
	g.running = running_slot;
	g.may_write = may_write;
	if (running_slot < FLASH_SLOTS) {
		g.proof[running_slot].known = g.proof[running_slot].good = true;
	}
	image_upload_forget();
}

/* A proof takes a second of a slow board, and one request may ask for three. */
static enum image_error prove_slot(unsigned slot, const struct boot_record *r, struct image_info *info)
{
	port_watchdog_feed();
	return image_verify(slot, r->security_counter, info);
}

static bool sound(unsigned slot, const struct boot_record *r)
{
	struct image_info info;

	return prove_slot(slot, r, &info) == IMAGE_OK;
}

/* Would the boot loader start it? */
static bool bootable(unsigned slot, const struct boot_record *r)
{
	if (!g.proof[slot].known) {
		g.proof[slot].known = true;
		g.proof[slot].good = sound(slot, r);
	}
	return g.proof[slot].good;
}

/* Contents of a slot or the least security counter changed. The boot loader has proved the running image, for this boot. */
static void forget_proofs(void)
{
	for (unsigned slot = 0; slot < FLASH_SLOTS; slot++) {
		g.proof[slot].known = slot == g.running;
	}
}

/* The slot uploads go to: the one that does not run. In recovery: the one that holds nothing to lose. */
static unsigned target_slot(void)
{
	struct boot_record r = boot_record_load();

	if (g.running < FLASH_SLOTS) {
		return 1 - g.running;
	}
	return sound(r.active, &r) ? 1u - r.active : r.active;
}

static bool put_flag(zcbor_state_t *st, const char *name, bool on)
{
	return zcbor_tstr_put_term(st, name, 16) && zcbor_bool_put(st, on);
}

static bool put_image(zcbor_state_t *st, unsigned slot, const struct boot_record *r)
{
	struct image_info info;
	char version[IMAGE_VERSION_CHARS];
	bool pending = r->pending == slot && (r->trial == TRIAL_ONCE || r->trial == TRIAL_FOR_GOOD);

	if (image_read(slot, &info) != IMAGE_OK) {
		return true; /* an empty slot has no row */
	}
	image_version_text(&info, version);
	return zcbor_map_start_encode(st, 9) && zcbor_tstr_put_lit(st, "image") && zcbor_uint32_put(st, 0) &&
	       zcbor_tstr_put_lit(st, "slot") && zcbor_uint32_put(st, slot) && zcbor_tstr_put_lit(st, "version") &&
	       zcbor_tstr_put_term(st, version, sizeof(version)) && zcbor_tstr_put_lit(st, "hash") &&
	       zcbor_bstr_encode_ptr(st, (const char *)info.digest, sizeof(info.digest)) && put_flag(st, "bootable", bootable(slot, r)) &&
	       put_flag(st, "pending", pending) && put_flag(st, "confirmed", r->active == slot) &&
	       put_flag(st, "active", g.running == slot) &&
	       put_flag(st, "permanent", pending && r->trial == TRIAL_FOR_GOOD) && zcbor_map_end_encode(st, 9);
}

static int state_read(uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	struct boot_record r = boot_record_load();

	ZCBOR_STATE_E(st, 4, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 2) && zcbor_tstr_put_lit(st, "images") && zcbor_list_start_encode(st, FLASH_SLOTS);

	for (unsigned slot = 0; ok && slot < FLASH_SLOTS; slot++) {
		ok = put_image(st, slot, &r);
	}
	ok = ok && zcbor_list_end_encode(st, FLASH_SLOTS) && zcbor_tstr_put_lit(st, "splitStatus") &&
	     zcbor_uint32_put(st, 0) && zcbor_map_end_encode(st, 2);
	*rsp_len = (size_t)(st->payload - rsp);
	return ok ? 0 : SMP_TOO_LARGE;
}

/* The slot whose image has this digest; SLOT_NONE when neither has. */
static unsigned find_digest(const uint8_t *digest)
{
	struct image_info info;

	for (unsigned slot = 0; slot < FLASH_SLOTS; slot++) {
		if (image_read(slot, &info) == IMAGE_OK && memcmp(info.digest, digest, sizeof(info.digest)) == 0) {
			return slot;
		}
	}
	return SLOT_NONE;
}

static int store(struct boot_record *r)
{
	return boot_record_store(r) ? 0 : IMAGE_RC_FLASH_WRITE_FAILED;
}

static int confirm_running(void)
{
	struct boot_record r = boot_record_load();
	struct image_info info;

	if (image_read(g.running, &info) != IMAGE_OK) {
		return IMAGE_RC_NO_IMAGE;
	}
	bool on_trial = r.trial == TRIAL_RUNNING || r.trial == TRIAL_FOR_GOOD_RUNNING;

	if (r.active == g.running && r.trial == TRIAL_NONE && info.security_counter <= r.security_counter) {
		return 0; /* it is confirmed already */
	}
	r.active = (uint8_t)g.running;
	if (on_trial) {
		r.trial = TRIAL_NONE;
		r.pending = SLOT_NONE;
	}
	if (info.security_counter > r.security_counter) {
		r.security_counter = info.security_counter;
		forget_proofs();
	}
	log_line("image in slot %u confirmed", g.running);
	return store(&r);
}

void image_group_serves(void)
{
	struct boot_record r = boot_record_load();

	if (r.trial == TRIAL_FOR_GOOD_RUNNING && r.pending == g.running) {
		confirm_running();
	} else if (r.crashes > 0) {
		r.crashes = 0;
		store(&r);
	}
}

static int set_pending(unsigned slot, bool for_good)
{
	struct boot_record r = boot_record_load();
	struct image_info info;
	enum image_error e = prove_slot(slot, &r, &info);

	if (e != IMAGE_OK) {
		log_line("image in slot %u refused: %s", slot, image_error_text(e));
		return IMAGE_RC_INVALID_HASH;
	}
	r.pending = (uint8_t)slot;
	r.trial = for_good ? TRIAL_FOR_GOOD : TRIAL_ONCE;
	return store(&r);
}

static int state_write(const uint8_t *req, size_t req_len)
{
	struct cbor_field f[] = { { .key = "hash", .kind = CBOR_BYTES }, { .key = "confirm", .kind = CBOR_BOOL } };

	if (!cbor_map_read(req, req_len, f, 2)) {
		return SMP_INVALID;
	}
	bool confirm = f[1].number != 0;

	if (f[0].present && f[0].len != IMAGE_DIGEST_BYTES) {
		return IMAGE_RC_INVALID_HASH;
	}
	if (!f[0].present && (!confirm || g.running >= FLASH_SLOTS)) {
		return confirm ? IMAGE_RC_NO_IMAGE : IMAGE_RC_INVALID_HASH;
	}
	unsigned slot = f[0].present ? find_digest(f[0].bytes) : g.running;

	if (slot >= FLASH_SLOTS) {
		return IMAGE_RC_HASH_NOT_FOUND;
	}
	if (slot == g.running) {
		return confirm ? confirm_running() : IMAGE_RC_TEST_TO_ACTIVE_DENIED;
	}
	return set_pending(slot, confirm);
}

/*
 * Gets a slot ready to be changed: it must not be booted any more, should the power go in the middle. The trusted image is
 * never given away while it would start: whatever else is asked for, a trial not least, leads back to it. When it would not
 * start and the other one would, that one is in fact what every boot leads to, and the record says so first: else what comes
 * into this slot would be trusted unconfirmed.
 */
static int withdraw(unsigned slot)
{
	struct boot_record r = boot_record_load();
	bool changed = r.pending == slot;

	if (slot == r.active) {
		if (sound(slot, &r)) {
			log_line("slot %u is to go back to: confirm the running one first", slot);
			return IMAGE_RC_NO_FREE_SLOT;
		}
		if (sound(1u - slot, &r)) {
			r.active = (uint8_t)(1u - slot);
			changed = true;
		}
	}
	forget_proofs();
	if (r.pending == slot) {
		r.pending = SLOT_NONE;
		r.trial = TRIAL_NONE;
	}
	return changed ? store(&r) : 0;
}

static int upload(const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	struct cbor_field f[] = {
		{ .key = "off", .kind = CBOR_UINT },     { .key = "data", .kind = CBOR_BYTES },
		{ .key = "len", .kind = CBOR_UINT },     { .key = "sha", .kind = CBOR_BYTES },
		{ .key = "upgrade", .kind = CBOR_BOOL }, { .key = "image", .kind = CBOR_UINT },
	};
	struct image_info running;
	struct upload_result result = { 0 };

	if (!cbor_map_read(req, req_len, f, sizeof(f) / sizeof(f[0])) || !f[1].present) {
		return SMP_INVALID;
	}
	if (!f[0].present || f[5].number != 0) {
		return f[0].present ? IMAGE_RC_INVALID_SLOT : IMAGE_RC_INVALID_OFFSET;
	}
	struct upload_piece piece = {
		.off = f[0].number, .data = f[1].bytes, .data_len = f[1].len, .has_len = f[2].present, .len = f[2].number,
		.sha = f[3].len == IMAGE_DIGEST_BYTES ? f[3].bytes : NULL, .only_newer = f[4].number != 0,
	};
	bool have_running = g.running < FLASH_SLOTS && image_read(g.running, &running) == IMAGE_OK;
	static unsigned slot; /* chosen by the first piece: in recovery the choice costs a signature check */
	int rc = 0;

	if (piece.off == 0) {
		slot = target_slot();
		rc = withdraw(slot);
	}
	if (rc != 0) {
		return rc;
	}
	rc = image_upload(slot, have_running ? &running : NULL, &piece, &result);
	if (result.complete) {
		forget_proofs();
	}
	if (rc != 0) {
		return rc;
	}
	ZCBOR_STATE_E(st, 2, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 2) && zcbor_tstr_put_lit(st, "off") && zcbor_uint32_put(st, result.off) &&
		  (!result.complete || put_flag(st, "match", result.match)) && zcbor_map_end_encode(st, 2);

	*rsp_len = (size_t)(st->payload - rsp);
	return ok ? 0 : SMP_TOO_LARGE;
}

static int erase(const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	struct cbor_field f = { .key = "slot", .kind = CBOR_UINT };
	unsigned slot = target_slot();

	if (!cbor_map_read(req, req_len, &f, 1)) {
		return SMP_INVALID;
	}
	if (f.present) {
		slot = f.number;
	}
	if (slot >= FLASH_SLOTS || slot == g.running) {
		return IMAGE_RC_INVALID_SLOT;
	}
	int rc = withdraw(slot);

	if (rc != 0) {
		return rc;
	}
	image_upload_forget();
	if (!image_erase(slot)) {
		return IMAGE_RC_FLASH_ERASE_FAILED;
	}
	ZCBOR_STATE_E(st, 2, rsp, cap, 1);
	bool ok = zcbor_map_start_encode(st, 1) && zcbor_map_end_encode(st, 1);

	*rsp_len = (size_t)(st->payload - rsp);
	return ok ? 0 : SMP_TOO_LARGE;
}

static int handle(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	if (op == SMP_READ) {
		return cmd == STATE ? state_read(rsp, cap, rsp_len) : SMP_NOT_SUPPORTED;
	}
	if (g.may_write && !g.may_write()) {
		return SMP_BUSY;
	}
	switch (cmd) {
	case STATE: {
		int rc = state_write(req, req_len);

		return rc != 0 ? rc : state_read(rsp, cap, rsp_len);
	}
	case UPLOAD:
		return upload(req, req_len, rsp, cap, rsp_len);
	case ERASE:
		return erase(req, req_len, rsp, cap, rsp_len);
	default:
		return SMP_NOT_SUPPORTED;
	}
}

const struct smp_group image_group = { .id = 1, .handle = handle };
