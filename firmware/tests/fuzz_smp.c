/*
 * libFuzzer: everything that can come over the serial line, against framing, server and all groups, with a flash behind.
 * Random bytes never hit a CRC, so the step kinds that mean a message are framed here. Checked: whatever goes out is whole
 * SMP messages with true lengths, one reply at most a request, flash untouched while the device speaks for the host, and the
 * sum of the counters.
 */
#include "boot/flash_map.h"
#include "port/handoff.h"
#include "fuzz_steps.h"
#include "port/port.h"
#include "smp/framing.h"
#include "smp/image_group.h"
#include "smp/offload_group.h"
#include "smp/os_group.h"
#include "smp/server.h"

enum { OFFLOAD_GROUP = 100, HEADER = 8, PIECE_HEAD = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const size_t fuzz_cbor_at = PIECE_HEAD;

static uint8_t flash[PORT_FLASH_BYTES];
static bool flash_dirty;
static struct framing heard;    /* what a client hears */
static unsigned replies;

/* --- port ---------------------------------------------------------------------------------------------------------- */

uint64_t port_now_us(void) { return clock_us; }
const char *port_board(void) { return "native"; }
uint32_t port_load_addr(void) { return 0; }
void port_watchdog_feed(void) {}
void port_reset(bool to_recovery) { (void)to_recovery; abort(); }

void port_serial_write(const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t n;
		const uint8_t *m = framing_rx(&heard, buf[i], &n);

		if (m) {
			expect(n >= HEADER && get_be16(m + 2) == n - HEADER && (m[0] & 1) && m[HEADER] >= 0xA0);
			replies++;
		}
	}
}

const uint8_t *port_image_load(uint32_t off, uint32_t at, uint32_t n, uint32_t len) { (void)off, (void)at, (void)n, (void)len; return NULL; }

bool port_flash_read(uint32_t off, void *buf, uint32_t len)
{
	if (off > PORT_FLASH_BYTES || len > PORT_FLASH_BYTES - off)
		return false;
	memcpy(buf, flash + off, len);
	return true;
}

static bool may_change(uint32_t off, uint32_t len)
{
	expect(e.power == OFF_D0 || e.power == OFF_EXPIRED);
	expect(off >= PORT_FLASH_SLOT_0);         /* the boot loader's own place */
	flash_dirty = true;
	return off <= PORT_FLASH_BYTES && len <= PORT_FLASH_BYTES - off;
}

bool port_flash_write(uint32_t off, const void *buf, uint32_t len)
{
	expect(off % PORT_FLASH_UNIT == 0 && len % PORT_FLASH_UNIT == 0);
	if (!may_change(off, len))
		return false;
	for (uint32_t i = 0; i < len; i++)
		flash[off + i] &= ((const uint8_t *)buf)[i];
	return true;
}

bool port_flash_erase(uint32_t off, uint32_t len)
{
	expect(off % PORT_FLASH_BLOCK == 0 && len % PORT_FLASH_BLOCK == 0);
	if (!may_change(off, len))
		return false;
	memset(flash + off, 0xFF, len);
	return true;
}

/* --- the image's wiring, as main.c does it ---------------------------------------------------------------------------- */

static bool may_write(void) { return e.power == OFF_D0 || e.power == OFF_EXPIRED; }

static void boot(void)
{
	static const struct smp_group *const groups[] = {&os_group, &image_group, &offload_group, NULL};
	static const struct eng_env env = {.tx = tx, .now_us = now, .link_events = true};
	static const uint8_t digest[32];
	static const struct smp_server_cfg cfg = {.groups = groups, .retry_group = OFFLOAD_GROUP,
		.cacheable = offload_group_cacheable, .fault = offload_fault_on_reply};

	if (flash_dirty)
		memset(flash, 0xFF, sizeof flash);
	flash_dirty = false;
	clock_us = 0;
	heard = (struct framing){0};
	eng_init(&e, &env, 1);
	smp_server_init(&cfg);
	image_group_init(0, may_write);
	offload_group_init(&e, digest, "1.0.0", 0, 1);
}

/* --- steps ---------------------------------------------------------------------------------------------------------- */

static void send(const uint8_t *message, size_t len)
{
	unsigned before = replies;

	framing_tx(message, len, smp_server_rx);
	expect(replies <= before + 2);       /* its own, and one that a fault had held back */
}

/* operation, group, command and sequence number in four bytes, then the body: the header's lengths are right. */
static void request(const uint8_t *p, uint16_t len)
{
	static const uint16_t groups[] = {0, 1, OFFLOAD_GROUP, 999};
	static uint8_t m[HEADER + 65536];

	if (len < PIECE_HEAD)
		return;
	uint16_t body = (uint16_t)(len - PIECE_HEAD);
	m[0] = (uint8_t)(p[0] & 0x1F);
	m[1] = 0;
	put_be16(m + 2, body);
	put_be16(m + 4, groups[p[1] % 4]);
	m[6] = p[3];
	m[7] = p[2];
	memcpy(m + HEADER, p + PIECE_HEAD, body);
	send(m, (size_t)HEADER + body);
}

/* What an interrupted write, or anyone, may have left in the flash. */
static void spoil_flash(const uint8_t *p, uint16_t len)
{
	uint32_t off = len < 4 ? PORT_FLASH_BYTES : get_be32(p) % PORT_FLASH_BYTES;

	for (uint32_t i = 4; i < len && off < PORT_FLASH_BYTES; i++)
		flash[off++] = p[i];
	flash_dirty = true;
}

static void step(uint8_t kind, uint8_t *p, uint16_t len)
{
	switch (kind % 8) {
	case 0: smp_server_rx(p, len); break;
	case 1: if (len) send(p, len); break;
	case 2: clock_us += len < 2 ? 1000u : get_be16(p) * 1000u; break;
	case 3: eng_rx(&e, p, len); break;
	case 4: spoil_flash(p, len); break;
	case 6: fuzz_frame_mend(p, len, e.mac); eng_rx(&e, p, len); break;
	default: request(p, len); break;
	}
	eng_poll(&e);
	offload_group_poll();
	smp_server_poll();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	boot();
	fuzz_steps(data, size, step);
	return 0;
}
