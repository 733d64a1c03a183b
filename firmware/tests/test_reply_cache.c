/* The reply cache: what is found, for how long, and when the last place for a length is taken. */
#include "fake_port.h"
#include "smp/reply_cache.h"

enum { WRITE = 2, PAUSE = 0x14 };

static uint8_t reply[REPLY_CACHE_LONG_BYTES + 1];

static struct reply_key key(unsigned seq, uint8_t cmd)
{
	return (struct reply_key){ .op = WRITE, .seq = (uint8_t)seq, .cmd = cmd, .crc = (uint16_t)(seq * 257u) };
}

static bool known(unsigned seq, uint8_t cmd)
{
	size_t len = 0;
	const uint8_t *r = reply_cache_take(key(seq, cmd), &len);

	CHECK(!r || (len > 0 && r[0] == (uint8_t)seq));
	return r != NULL;
}

static void put(unsigned seq, uint8_t cmd, size_t len)
{
	reply[0] = (uint8_t)seq;
	reply_cache_put(key(seq, cmd), reply, len);
}

static void age(unsigned requests)
{
	for (unsigned i = 0; i < requests; i++) {
		CHECK(!known(200, 0));
	}
}

static void kept_for_half_of_the_numbers(void)
{
	for (size_t len = 10; len <= REPLY_CACHE_LONG_BYTES; len += REPLY_CACHE_LONG_BYTES - 10) {
		reply_cache_clear();
		put(7, PAUSE, len);
		CHECK(known(7, PAUSE));
		age(REPLY_CACHE_REQUESTS - 3);
		CHECK(known(7, PAUSE));
		CHECK(!known(7, PAUSE));
	}
}

static void shorts_leave_in_their_order(void)
{
	reply_cache_clear();
	for (unsigned seq = 0; seq < REPLY_CACHE_SHORTS + 2; seq++) {
		put(seq, PAUSE, REPLY_CACHE_SHORT_BYTES);
		CHECK(known(seq, PAUSE));
	}
	CHECK(!known(0, PAUSE) && !known(1, PAUSE));
	for (unsigned seq = 2; seq < REPLY_CACHE_SHORTS + 2; seq++) {
		CHECK(known(seq, PAUSE));
	}
}

static void a_long_one_takes_the_place_of_the_long_one(void)
{
	reply_cache_clear();
	put(1, PAUSE, 10);
	put(2, PAUSE, REPLY_CACHE_LONG_BYTES);
	put(3, PAUSE, REPLY_CACHE_SHORT_BYTES + 1);
	CHECK(known(1, PAUSE) && !known(2, PAUSE) && known(3, PAUSE));
	put(4, PAUSE, REPLY_CACHE_LONG_BYTES + 1);
	CHECK(!known(4, PAUSE) && known(3, PAUSE));
}

static void another_request_ends_its_number(void)
{
	reply_cache_clear();
	put(7, PAUSE, 10);
	CHECK(!known(7, PAUSE + 1));
	CHECK(!known(7, PAUSE));
}

int main(void)
{
	kept_for_half_of_the_numbers();
	shorts_leave_in_their_order();
	a_long_one_takes_the_place_of_the_long_one();
	another_request_ends_its_number();
	return 0;
}
