#include "message.h"

#include <string.h>

#include <zcbor_decode.h>
#include <zcbor_encode.h>

enum { NESTING = 2 };                /* a map, and a list in it */

static const struct message_kind *kind_of(const struct message_field *f)
{
	return &message_kinds[f->kind];
}

/* --- decoding --- */

/*
 * 32 bits are read at most, so that a longer number fails in zcbor already; then the bounds, which are the sender's to break.
 * Only a number within them is stored, so a narrow member never takes the low bits of a wide one.
 */
static bool take_number(zcbor_state_t *st, const struct message_kind *k, void *to)
{
	uint32_t v;

	if (!zcbor_uint32_decode(st, &v) || v < k->lo || v > k->hi)
		return false;
	switch (k->name) {
	case MESSAGE_U8:
		*(uint8_t *)to = (uint8_t)v;
		return true;
	case MESSAGE_U16:
		*(uint16_t *)to = (uint16_t)v;
		return true;
	default:
		*(uint32_t *)to = v;
		return true;
	}
}

/* zcbor has checked that the string's length, the sender's word, ends within the body. */
static bool take_value(zcbor_state_t *st, const struct message_kind *k, void *to)
{
	struct zcbor_string *s = to;

	switch (k->name) {
	case MESSAGE_U64:
		return zcbor_uint64_decode(st, to);
	case MESSAGE_BOOL:
		return zcbor_bool_decode(st, to);
	case MESSAGE_BYTES:
		return zcbor_bstr_decode(st, s) && s->len >= k->lo && s->len <= k->hi;
	case MESSAGE_TEXT:
		return zcbor_tstr_decode(st, s) && s->len >= k->lo && s->len <= k->hi;
	default:
		return take_number(st, k, to);
	}
}

/* A list holds its values and no others. */
static bool take_list(zcbor_state_t *st, const struct message_field *f, uint32_t n, uint8_t *out)
{
	bool ok = zcbor_list_start_decode(st);

	for (uint32_t i = 0; ok && i < n; i++)
		ok = take_value(st, kind_of(&f[i]), out + f[i].offset);
	return ok && zcbor_list_end_decode(st);
}

static bool is_key(const struct zcbor_string *key, const struct message_field *f)
{
	const char *wanted = &message_keys[f->key];

	return key->len == strlen(wanted) && memcmp(key->value, wanted, key->len) == 0;
}

/* How many rows of the table a field takes: a list's values are rows of their own. */
static uint32_t rows_of(const struct message_field *f)
{
	return kind_of(f)->name == MESSAGE_LIST ? 1 + kind_of(f)->hi : 1;
}

/*
 * Walks the table once, with the next key of the body in hand. A key that is not the row's waits for its row behind optional
 * ones; one that is unknown, doubled or out of order waits for ever, and at the end it is still in hand.
 */
static bool take_fields(zcbor_state_t *st, const struct message *m, uint8_t *out)
{
	struct zcbor_string key;
	bool more = !zcbor_array_at_end(st);

	if (more && !zcbor_tstr_decode(st, &key))
		return false;
	for (uint32_t i = 0; i < m->n_fields; i += rows_of(&m->fields[i])) {
		const struct message_field *f = &m->fields[i];
		const struct message_kind *k = kind_of(f);

		if (!more || !is_key(&key, f)) {
			if (f->has == MESSAGE_REQUIRED)
				return false;
			continue;
		}
		if (!(k->name == MESSAGE_LIST ? take_list(st, f + 1, k->hi, out) : take_value(st, k, out + f->offset)))
			return false;
		if (f->has != MESSAGE_REQUIRED)
			*(bool *)(out + f->has) = true;
		more = !zcbor_array_at_end(st);
		if (more && !zcbor_tstr_decode(st, &key))
			return false;
	}
	return !more;
}

bool message_decode(const struct message *m, const uint8_t *body, size_t body_len, void *out)
{
	ZCBOR_STATE_D(st, NESTING, body, body_len, 1, 0);

	memset(out, 0, m->size_bytes);
	return zcbor_map_start_decode(st) && take_fields(st, m, out) && zcbor_map_end_decode(st) && st->payload == body + body_len;
}

/* --- encoding --- */

static bool put_value(zcbor_state_t *st, const struct message_kind *k, const void *from)
{
	switch (k->name) {
	case MESSAGE_U8:
		return zcbor_uint32_put(st, *(const uint8_t *)from);
	case MESSAGE_U16:
		return zcbor_uint32_put(st, *(const uint16_t *)from);
	case MESSAGE_U32:
		return zcbor_uint32_put(st, *(const uint32_t *)from);
	case MESSAGE_U64:
		return zcbor_uint64_put(st, *(const uint64_t *)from);
	case MESSAGE_BOOL:
		return zcbor_bool_put(st, *(const bool *)from);
	case MESSAGE_BYTES:
		return zcbor_bstr_encode(st, from);
	default:
		return zcbor_tstr_encode(st, from);
	}
}

static bool put_list(zcbor_state_t *st, const struct message_field *f, uint32_t n, const uint8_t *in)
{
	bool ok = zcbor_list_start_encode(st, n);

	for (uint32_t i = 0; ok && i < n; i++)
		ok = put_value(st, kind_of(&f[i]), in + f[i].offset);
	return ok && zcbor_list_end_encode(st, n);
}

static bool put_field(zcbor_state_t *st, const struct message_field *f, const uint8_t *in)
{
	const struct message_kind *k = kind_of(f);
	const char *key = &message_keys[f->key];

	if (f->has != MESSAGE_REQUIRED && !*(const bool *)(in + f->has))
		return true;
	return zcbor_tstr_encode_ptr(st, key, strlen(key)) &&
	       (k->name == MESSAGE_LIST ? put_list(st, f + 1, k->hi, in) : put_value(st, k, in + f->offset));
}

bool message_encode(const struct message *m, const void *in, uint8_t *body, size_t cap, size_t *len)
{
	ZCBOR_STATE_E(st, NESTING, body, cap, 1);
	bool ok = zcbor_map_start_encode(st, m->n_fields);

	for (uint32_t i = 0; ok && i < m->n_fields; i += rows_of(&m->fields[i]))
		ok = put_field(st, &m->fields[i], in);
	ok = ok && zcbor_map_end_encode(st, m->n_fields);
	*len = (size_t)(st->payload - body);
	return ok;
}
