/*
 * Messages of the offload group by tables: one decoder and one encoder for all of them. proto/messages.py makes the tables
 * and the structs from offload.cddl, so that the file stays the one definition; zcbor's own generator would write a function
 * a field, four times the flash.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zcbor_common.h>

enum message_kind_name { MESSAGE_U8, MESSAGE_U16, MESSAGE_U32, MESSAGE_U64, MESSAGE_BOOL, MESSAGE_BYTES, MESSAGE_TEXT, MESSAGE_LIST };

/* What a value may be. Numbers: from lo to hi, U64 any. BYTES, TEXT: lo to hi bytes. LIST: the next hi fields in a list. */
struct message_kind {
	uint8_t name;
	uint16_t lo;
	uint32_t hi;
};

enum { MESSAGE_REQUIRED = 0xFF };

struct message_field {
	uint16_t key;               /* where it begins in message_keys; fields inside of a list have none */
	uint16_t offset;            /* of the value in the struct */
	uint8_t has;                /* offset of the flag that says whether an optional field is there; MESSAGE_REQUIRED: always */
	uint8_t kind;               /* in message_kinds */
};

struct message {
	const struct message_field *fields; /* in canonical order of their keys */
	uint16_t size_bytes;        /* of the struct */
	uint8_t n_fields;
};

/* Generated. */
extern const char message_keys[];
extern const struct message_kind message_kinds[];

/*
 * True when `body` is this message and nothing behind it: canonical CBOR, every key in its place, none twice, none unknown,
 * every value within its bounds. `out` is the message's struct; what is absent is 0 there. Strings point into the body.
 */
bool message_decode(const struct message *m, const uint8_t *body, size_t body_len, void *out);
/* Sets *len; false when it does not fit into `cap`. */
bool message_encode(const struct message *m, const void *in, uint8_t *body, size_t cap, size_t *len);

#endif
