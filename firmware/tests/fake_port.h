/* A port in memory for tests of smp/ and boot/: flash is an array, the serial line a buffer. Include it in one file. */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/flash_map.h"
#include "port/port.h"

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(1); \
		} \
	} while (0)

static uint8_t fake_flash[FLASH_BYTES];
static uint8_t fake_line[65536];
static size_t fake_line_len;
static long fake_bytes_until_cut = -1;  /* flash bytes that still change before the power goes; -1: it stays */
static jmp_buf fake_power_cut;

static inline bool fake_step(void)
{
	if (fake_bytes_until_cut == 0) {
		longjmp(fake_power_cut, 1);
	}
	fake_bytes_until_cut -= fake_bytes_until_cut > 0;
	return true;
}

const char *port_board(void) { return "native"; }
uint32_t port_load_addr(void) { return 0; }
uint64_t port_now_us(void) { return 0; }
void port_reset(bool to_recovery) { (void)to_recovery; abort(); }

void port_serial_write(const uint8_t *buf, size_t len)
{
	CHECK(len <= sizeof(fake_line) - fake_line_len);
	memcpy(fake_line + fake_line_len, buf, len);
	fake_line_len += len;
}

bool port_flash_read(uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, fake_flash + off, len);
	return true;
}

bool port_flash_write(uint32_t off, const void *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len && fake_step(); i++) {
		fake_flash[off + i] = ((const uint8_t *)buf)[i];
	}
	return true;
}

bool port_flash_erase(uint32_t off, uint32_t len)
{
	for (uint32_t i = 0; i < len && fake_step(); i++) {
		fake_flash[off + i] = 0xFF;
	}
	return true;
}

#endif
