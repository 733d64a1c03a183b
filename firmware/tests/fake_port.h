/* A port in memory for tests of smp/ and boot/: flash is an array (tests/nor has a true one), the serial line a buffer. Include it in one file. */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

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

static uint8_t fake_flash[PORT_FLASH_BYTES];
static uint8_t fake_line[65536];
static size_t fake_line_len;

const char *port_board(void) { return "native"; }
uint32_t port_load_addr(void) { return 0; }
void port_watchdog_feed(void) {}
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
	memcpy(fake_flash + off, buf, len);
	return true;
}

bool port_flash_erase(uint32_t off, uint32_t len)
{
	memset(fake_flash + off, 0xFF, len);
	return true;
}

const uint8_t *port_image_load(uint32_t flash_off, uint32_t payload_off, uint32_t payload_len, uint32_t total_len)
{
	(void)payload_off, (void)payload_len, (void)total_len;
	return fake_flash + flash_off;
}

#endif
