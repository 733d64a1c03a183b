/*
 * Instructions that the Cortex-M3 needs for one frame that wakes nobody: the objects of the shipped image, in QEMU with
 * -icount shift=0, where each instruction takes 1 ns. The timer ticks once in 40 of them, so a frame is handed in REPEATS times.
 * Prints one number a frame on UART 0, then the two that must be equal: a magic packet whose password is wrong in its first
 * byte, and in its last. Ends with "done".
 */
#include "bench_scene.h"
#include "port/mps2/mps2.h"

enum { FRAMES = 600, REPEATS = 40, NS_PER_TICK = 40 };

int main(void);
void reset_entry(void);

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_top;

static struct scene s;

__attribute__((section(".vectors"), used)) const void *const vectors[16] = {&_stack_top, (const void *)reset_entry};

void reset_entry(void)
{
	uint32_t *from = &_data_load;

	for (uint32_t *to = &_data_start; to < &_data_end;)
		*to++ = *from++;
	for (uint32_t *to = &_bss_start; to < &_bss_end;)
		*to++ = 0;
	main();
	for (;;) {
	}
}

static void print(const char *text)
{
	while (*text) {
		while (UART0->state & UART_TX_FULL) {
		}
		UART0->data = (uint8_t)*text++;
	}
}

static void print_number(uint32_t n)
{
	char digits[12];
	int at = 11;

	digits[at] = 0;
	digits[--at] = '\n';
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	print(digits + at);
}

static uint32_t instructions(void)
{
	uint32_t start = TIMER0->value;

	for (int i = 0; i < REPEATS; i++)
		eng_rx(&s.e, s.frame, s.len);
	return (start - TIMER0->value) * NS_PER_TICK / REPEATS;
}

static void magic_with_password(const char *password)
{
	scene_udp(&s, 9, 6 + 16 * 6 + 6);
	memset(s.frame + FRAME_PAYLOAD, 0xFF, 6);
	for (int i = 0; i < 16; i++)
		memcpy(s.frame + FRAME_PAYLOAD + 6 + i * 6, scene_host_mac, 6);
	memcpy(s.frame + FRAME_PAYLOAD + 6 + 16 * 6, password, 6);
	scene_l4_csum(&s, s.frame + FRAME_UDP_CSUM);
}

static void with_passwords(void)
{
	const struct eng_pattern_cfg c = {.id = 100, .type = OFF_PATTERN_MAGIC, .data_len = 6, .data = "secret"};
	uint8_t freed;

	eng_attach(&s.e, 1, ENG_LEASE_DEFAULT_MS, &freed);
	eng_pattern_add(&s.e, &c);
	scene_sleep(&s);
	magic_with_password("Xecret");
	print_number(instructions());
	magic_with_password("secreX");
	print_number(instructions());
}

int main(void)
{
	UART0->bauddiv = 16;
	UART0->ctrl = UART_TX_ENABLE;
	TIMER0->reload = UINT32_MAX;
	TIMER0->value = UINT32_MAX;
	TIMER0->ctrl = TIMER_ENABLE;
	scene_init(&s);
	scene_add_all(&s);
	scene_sleep(&s);
	for (int i = 0; i < FRAMES; i++) {
		scene_other(&s);
		print_number(instructions());
	}
	print(s.e.power == OFF_D3 ? "slept\n" : "woke\n");
	with_passwords();
	print("done\n");
	return 0;
}
