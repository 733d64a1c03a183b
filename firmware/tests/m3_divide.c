/*
 * The board's own 64-bit division, in QEMU: for dividends and divisors of every width, what it gives is the quotient and the
 * remainder if quotient * divisor + remainder is the dividend again and the remainder is the smaller. Prints the wrong ones
 * on UART 0, then "done".
 */
#include "port/mps2/mps2.h"

enum { ROUNDS = 40 };

int main(void);
void reset_entry(void);

extern uint32_t _stack_top;

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {&_stack_top, (const void *)reset_entry};

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

int main(void)
{
	uint64_t state = 1;

	UART0->bauddiv = 16;
	UART0->ctrl = UART_TX_ENABLE;
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
	print("done\n");
	return 0;
}

void reset_entry(void)
{
	main();
	for (;;) {
	}
}
