/* Maps of mcumgr requests: values of keys nobody knows are skipped to their last byte, and refused when that is not there. */
#include "fake_port.h"
#include "cbor_map.h"

enum { UNKNOWN_AT = 6 };             /* {"d": "x", "u": ... */

static uint8_t body[64] = { 0xA2, 0x61, 'd', 0x61, 'x', 0x61, 'u' };

/* Reads the map with these bytes behind the unknown key, in memory that ends where they do. */
static bool reads(const uint8_t *value, size_t len)
{
	struct cbor_field d = { .key = "d", .kind = CBOR_TEXT };
	size_t whole = UNKNOWN_AT + 1 + len;
	uint8_t *exact = malloc(whole);

	CHECK(exact);
	memcpy(exact, body, UNKNOWN_AT + 1);
	memcpy(exact + UNKNOWN_AT + 1, value, len);
	bool ok = cbor_map_read(exact, whole, &d, 1);

	CHECK(!ok || (d.present && d.len == 1 && d.bytes[0] == 'x'));
	free(exact);
	return ok;
}

static void whole_or_not_at_all(const char *value, size_t len)
{
	CHECK(reads((const uint8_t *)value, len));
	for (size_t cut = 0; cut < len; cut++) {
		CHECK(!reads((const uint8_t *)value, cut));
	}
}

#define WHOLE(value) whole_or_not_at_all(value, sizeof(value) - 1)
#define REFUSED(value) CHECK(!reads((const uint8_t *)value, sizeof(value) - 1))

int main(void)
{
	WHOLE("\x00");
	WHOLE("\x17");
	WHOLE("\x18\xFF");
	WHOLE("\x19\xFF\xFF");
	WHOLE("\x1A\xFF\xFF\xFF\xFF");
	WHOLE("\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
	WHOLE("\x3B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
	WHOLE("\xF5");
	WHOLE("\xF6");
	WHOLE("\xF9\x3C\x00");
	WHOLE("\xFB\x7E\x37\xE4\x3C\x88\x00\x75\x9C");
	WHOLE("\x40");
	WHOLE("\x43xyz");
	WHOLE("\x78\x05hello");
	REFUSED("\x1C");
	REFUSED("\x1F");
	REFUSED("\xFC");
	REFUSED("\xFF");
	REFUSED("\x5F\x41x\xFF");
	REFUSED("\x80");
	REFUSED("\x81\x00");
	REFUSED("\xA0");
	REFUSED("\xC1\x00");
	REFUSED("\x5B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
	REFUSED("\x7B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFx");
	return 0;
}
