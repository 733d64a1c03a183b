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

/*
 * Skips the value of a key we do not know. Scalars only: zcbor skips lists by recursion as deep as the sender likes, our
 * stack is not that deep.
 */
static bool skip(zcbor_state_t *st)
{
	if (st->payload >= st->payload_end) {
		return false;
	}
	switch (ZCBOR_MAJOR_TYPE(*st->payload)) {
	case ZCBOR_MAJOR_TYPE_LIST:
	case ZCBOR_MAJOR_TYPE_MAP:
	case ZCBOR_MAJOR_TYPE_TAG:
		return false;
	default:
		return zcbor_any_skip(st, NULL);
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
