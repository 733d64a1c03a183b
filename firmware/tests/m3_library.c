/*
 * What the port brings along instead of the compiler's libraries, in QEMU. Division: for dividends and divisors of every width,
 * what it gives is the quotient and the remainder if quotient * divisor + remainder is the dividend again and the remainder is
 * the smaller. memmove: every short distance and length, both ways. memset, memcmp, strlen: every short place and length, each
 * byte that differs. Prints what is wrong on UART 0, then "done".
 */
#include <string.h>

#include "port/mps2/mps2.h"

enum { ROUNDS = 40 };

int main(void);
void reset_entry(void);

extern uint32_t _stack_top;

__attribute__((section(".vectors"), used)) const void *const vectors[16] = {&_stack_top, (const void *)reset_entry};

static void print(const char *text)
{
	while (*text) {
		while (UART0->state & UART_TX_FULL) {
		}
		UART0->data = (uint8_t)*text++;
	}
}

static void print_hex(uint64_t n)
{
	char digits[18] = "                 ";

	for (int i = 15; i >= 0; i--) {
		digits[i] = "0123456789abcdef"[n & 15];
		n >>= 4;
	}
	print(digits);
}

/* Knuth's MMIX constants; the upper bits are the random ones. */
static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state ^ *state >> 29;
}

static void check(uint64_t n, uint64_t d)
{
	volatile uint64_t by = d;
	uint64_t q = n / by, r = n % by;

	if (q * d + r == n && r < d) {
		return;
	}
	print_hex(n);
	print_hex(d);
	print_hex(q);
	print_hex(r);
	print("wrong\n");
}

static void check_division(void)
{
	uint64_t state = 1;

	for (unsigned high = 0; high < 64; high++) {
		for (unsigned wide = 0; wide < 64; wide++) {
			uint64_t edge = (uint64_t)1 << wide, top = (uint64_t)1 << high;

			check(top, edge);
			check(top - 1, edge);
			check(UINT64_MAX >> high, UINT64_MAX >> wide);
			check(UINT64_MAX << high, edge + 1);
			for (int i = 0; i < ROUNDS; i++) {
				check(next(&state) >> high, (next(&state) >> wide) | 1);
			}
		}
	}
}

enum { ROOM = 48 };

static void check_move(unsigned to, unsigned from, unsigned n)
{
	void *(*volatile move)(void *, const void *, size_t) = memmove;
	uint8_t bytes[ROOM];

	for (unsigned i = 0; i < ROOM; i++) {
		bytes[i] = (uint8_t)i;
	}
	bool good = move(bytes + to, bytes + from, n) == bytes + to;

	for (unsigned i = 0; i < ROOM; i++) {
		good = good && bytes[i] == (i >= to && i < to + n ? i - to + from : i);
	}
	if (!good) {
		print("wrong move\n");
	}
}

static void check_moves(void)
{
	for (unsigned to = 0; to < ROOM; to++) {
		for (unsigned from = 0; from < ROOM; from++) {
			for (unsigned n = 0; n <= ROOM - (to > from ? to : from); n++) {
				check_move(to, from, n);
			}
		}
	}
}

static void check_set(unsigned at, unsigned n)
{
	void *(*volatile set)(void *, int, size_t) = memset;
	uint8_t bytes[ROOM] = {0};
	bool good = set(bytes + at, 0x1A5, n) == bytes + at;

	for (unsigned i = 0; i < ROOM; i++) {
		good = good && bytes[i] == (i >= at && i < at + n ? 0xA5 : 0);
	}
	if (!good) {
		print("wrong set\n");
	}
}

/* Equal bytes at two places, then with each of them greater by one, which a signed char would not be. */
static void check_compare(unsigned at, unsigned n)
{
	int (*volatile compare)(const void *, const void *, size_t) = memcmp;
	uint8_t one[ROOM], other[ROOM];

	for (unsigned i = 0; i < n; i++) {
		one[i] = other[at + i] = (uint8_t)(i * 37u + 0x7Fu);
	}
	one[n] = 1;
	other[at + n] = 2;           /* behind the end */
	bool good = compare(one, other + at, n) == 0;

	for (unsigned i = 0; i < n; i++) {
		other[at + i] ^= 0x80;
		bool less = one[i] < other[at + i];

		good = good && (compare(one, other + at, n) < 0) == less && (compare(other + at, one, n) > 0) == less;
		other[at + i] ^= 0x80;
	}
	if (!good) {
		print("wrong compare\n");
	}
}

static void check_length(unsigned at, unsigned n)
{
	size_t (*volatile length)(const char *) = strlen;
	char text[ROOM];

	for (unsigned i = 0; i < ROOM; i++) {
		text[i] = i == at + n ? 0 : 'a';
	}
	if (length(text + at) != n) {
		print("wrong length\n");
	}
}

static void check_bytes(void)
{
	for (unsigned at = 0; at < 8; at++) {
		for (unsigned n = 0; n < ROOM - 8; n++) {
			check_set(at, n);
			check_compare(at, n);
			check_length(at, n);
		}
	}
}

int main(void)
{
	UART0->bauddiv = 16;
	UART0->ctrl = UART_TX_ENABLE;
	check_division();
	check_moves();
	check_bytes();
	print("done\n");
	return 0;
}

void reset_entry(void)
{
	main();
	for (;;) {
	}
}
