/*
 * Reading a request map whose keys come in any order, with keys we do not know among them: the OS and image groups are
 * spoken by every mcumgr client there is. (The offload group's codec, message.c, reads canonical order.)
 */
#ifndef SMP_CBOR_MAP_H
#define SMP_CBOR_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cbor_kind { CBOR_UINT, CBOR_BOOL, CBOR_TEXT, CBOR_BYTES };

struct cbor_field {
	const char *key;
	enum cbor_kind kind;
	bool present;               /* set when found; an absent field keeps its value */
	uint32_t number;            /* CBOR_UINT; CBOR_BOOL: 0 or 1 */
	const uint8_t *bytes;       /* CBOR_TEXT, CBOR_BYTES: inside the request */
	size_t len;
};

/* False when the body is no map, or a known key has a value of another type. An empty body is an empty map. */
bool cbor_map_read(const uint8_t *body, size_t len, struct cbor_field *fields, size_t n_fields);

#endif
