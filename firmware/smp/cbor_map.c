#include "cbor_map.h"

#include <string.h>

#include <zcbor_decode.h>

static struct cbor_field *find(struct cbor_field *fields, size_t n, const struct zcbor_string *key)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(fields[i].key) == key->len && memcmp(fields[i].key, key->value, key->len) == 0) {
			return &fields[i];
		}
	}
	return NULL;
}

static bool read_value(zcbor_state_t *st, struct cbor_field *f)
{
	struct zcbor_string str;
	bool flag;

	f->present = true;
	switch (f->kind) {
	case CBOR_UINT:
		return zcbor_uint32_decode(st, &f->number);
	case CBOR_BOOL:
		if (!zcbor_bool_decode(st, &flag)) {
			return false;
		}
		f->number = flag;
		return true;
	default:
		if (!(f->kind == CBOR_TEXT ? zcbor_tstr_decode(st, &str) : zcbor_bstr_decode(st, &str))) {
			return false;
		}
		f->bytes = str.value;
		f->len = str.len;
		return true;
	}
}

/* A number, a float, true, null: what stands in its first byte's lower bits is it, or says how many bytes follow. */
static bool skip_scalar(zcbor_state_t *st)
{
	uint8_t additional = ZCBOR_ADDITIONAL(*st->payload);
	size_t more = additional < ZCBOR_VALUE_IS_1_BYTE ? 0 : (size_t)1 << (additional - ZCBOR_VALUE_IS_1_BYTE);

	/* 28 to 31 are no lengths; `more` is the sender's word: 8 bytes may be more than are left. */
	if (additional > ZCBOR_VALUE_IS_8_BYTES || more >= (size_t)(st->payload_end - st->payload)) {
		return false;
	}
	st->payload += 1 + more;
	st->elem_count--;
	return true;
}

/*
 * Skips the value of a key we do not know: a scalar or a string. A list goes as deep as the sender likes, our stack does not;
 * so a list, a map or a tag is refused.
 */
static bool skip(zcbor_state_t *st)
{
	struct zcbor_string str;

	if (st->payload >= st->payload_end || st->elem_count == 0) {
		return false;
	}
	switch (ZCBOR_MAJOR_TYPE(*st->payload)) {
	case ZCBOR_MAJOR_TYPE_LIST:
	case ZCBOR_MAJOR_TYPE_MAP:
	case ZCBOR_MAJOR_TYPE_TAG:
		return false;
	case ZCBOR_MAJOR_TYPE_BSTR:
		return zcbor_bstr_decode(st, &str);
	case ZCBOR_MAJOR_TYPE_TSTR:
		return zcbor_tstr_decode(st, &str);
	default:
		return skip_scalar(st);
	}
}

bool cbor_map_read(const uint8_t *body, size_t len, struct cbor_field *fields, size_t n_fields)
{
	struct zcbor_string key;

	if (len == 0) {
		return true;
	}
	ZCBOR_STATE_D(st, 3, body, len, 1, 0);
	st->constant_state->enforce_canonical = false;
	if (!zcbor_map_start_decode(st)) {
		return false;
	}
	/* Each turn eats at least a byte, so the message's length bounds the loop. */
	while (!zcbor_array_at_end(st)) {
		if (!zcbor_tstr_decode(st, &key)) {
			return false;
		}
		struct cbor_field *f = find(fields, n_fields, &key);

		if (!(f ? read_value(st, f) : skip(st))) {
			return false;
		}
	}
	return zcbor_map_end_decode(st);
}
