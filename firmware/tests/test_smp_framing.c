/* Framing: round trips of every length, noise of every kind in between, and bytes nobody meant. */
#include "fake_port.h"
#include "framing.h"

static struct framing f;
static uint8_t message[SMP_MESSAGE_BYTES];

static void fill(size_t len)
{
	for (size_t i = 0; i < len; i++) {
		message[i] = (uint8_t)rand();
	}
}

/* Feeds bytes; returns how many messages came out, each of which must be `message`. */
static unsigned feed(const uint8_t *p, size_t n, size_t want_len)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *m = framing_rx(&f, p[i], &len);

		if (m) {
			CHECK(len == want_len && memcmp(m, message, len) == 0);
			count++;
		}
	}
	return count;
}

static void encode(size_t len)
{
	fake_line_len = 0;
	framing_tx(message, len, port_serial_write);
	for (size_t i = 0, start = 0; i < fake_line_len; i++) {
		if (fake_line[i] == '\n') {
			CHECK(i + 1 - start <= FRAMING_LINE_SEND);
			start = i + 1;
		}
	}
}

static void known_frame(void)
{
	/* The example of smp's documentation: "Hello, world!" in one line. */
	static const char line[] = "\x06\x09" "AA9IZWxsbywgd29ybGQhet4=\n";

	memcpy(message, "Hello, world!", 13);
	CHECK(feed((const uint8_t *)line, sizeof(line) - 1, 13) == 1);
	encode(13);
	CHECK(fake_line_len == sizeof(line) - 1 && memcmp(fake_line, line, fake_line_len) == 0);
}

static void damaged(size_t len)
{
	fill(len);
	encode(len);
	for (int i = 0; i < 200; i++) {
		size_t at = (size_t)rand() % fake_line_len;
		uint8_t was = fake_line[at];

		fake_line[at] ^= (uint8_t)(1u << rand() % 8);
		feed(fake_line, fake_line_len, len); /* nothing, or the same message: base64's unused last bits do not count */
		fake_line[at] = was;
		CHECK(feed(fake_line, fake_line_len, len) == 1); /* what follows a damaged frame is whole again */
	}
}

static void noise(void)
{
	static uint8_t junk[65536];

	memset(junk, 0xFF, sizeof(junk));
	CHECK(feed(junk, sizeof(junk), 0) == 0);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(junk); i++) {
			junk[i] = (uint8_t)rand();
		}
		feed(junk, sizeof(junk), 0);
		fill(64);
		encode(64);
		CHECK(feed(fake_line, fake_line_len, 64) == 1);
	}
}

int main(void)
{
	srand(1);
	known_frame();
	for (size_t len = 1; len <= SMP_MESSAGE_BYTES; len += len < 300 ? 1 : 61) {
		fill(len);
		encode(len);
		CHECK(feed((const uint8_t *)"boot ok\r\n", 9, 0) == 0);
		CHECK(feed(fake_line, fake_line_len, len) == 1);
	}
	fill(SMP_MESSAGE_BYTES);
	encode(SMP_MESSAGE_BYTES);
	CHECK(feed(fake_line, fake_line_len, SMP_MESSAGE_BYTES) == 1);
	damaged(10);
	damaged(500);
	noise();
	return 0;
}
