/* The log ring: whole lines, a cursor that goes on, and what is said of that which is gone. */
#include "fake_port.h"
#include "smp/log.h"

static uint8_t out[LOG_BYTES];
static uint32_t next_cursor, lost;

static size_t read_from(uint32_t cursor)
{
	fake_line_len = 0;
	return log_read(cursor, out, &next_cursor, &lost);
}

static void check_text(size_t len, const char *want)
{
	CHECK(len == strlen(want) && memcmp(out, want, len) == 0);
}

int main(void)
{
	CHECK(read_from(0) == 0 && next_cursor == 0 && lost == 0);
	log_line("first %u", 1u);
	check_text(read_from(0), "first 1\r\n");
	uint32_t middle = next_cursor;
	log_line("second");
	check_text(read_from(middle), "second\r\n");
	CHECK(read_from(next_cursor) == 0 && lost == 0);

	/* A cursor of another boot, ahead of everything here: all there is. */
	check_text(read_from(1000000), "first 1\r\nsecond\r\n");
	CHECK(lost == 0);

	for (unsigned i = 0; i < 300; i++) {
		log_line("line %u", i);
		size_t n = read_from(0);

		CHECK(n <= LOG_BYTES && n > 0 && out[n - 1] == '\n' && (strchr("fsl", out[0])));
		CHECK(lost + n == next_cursor);
	}
	CHECK(lost > 0);
	CHECK(read_from(lost) > LOG_BYTES - 20 && lost == 0);
	return 0;
}
