/* Flash, reset, handing over and sleeping on the MPS2. */
#include <string.h>

#include "boot/flash_map.h"
#include "mps2.h"
#include "port/port.h"

#define HANDOFF_MAGIC 0x68616e64u   /* "hand": RAM holds anything after power on */

struct kept {
	uint32_t magic;
	uint8_t cause, slot, recovery, reserved;
	uint32_t boot_id;
};

extern struct kept _kept;        /* last bytes of RAM, touched by no start-up code */
static struct boot_handoff handoff;

void handoff_put(const struct boot_handoff *h)
{
	_kept = (struct kept){ HANDOFF_MAGIC, h->reset_cause, h->slot, h->recovery, 0, h->boot_id };
}

void reset_note(uint8_t cause)
{
	handoff_put(&(struct boot_handoff){ .reset_cause = cause, .slot = SLOT_NONE });
}

static bool in_boot_loader(void)
{
	return (uintptr_t)&in_boot_loader < IMAGE_ADDR;
}

/*
 * What a program says before it resets, or starts another, is its last word. Nobody says anything before the watchdog resets,
 * so that is said beforehand, as long as it runs; an image that never took what was meant for it hung before it could. (A
 * reset pin that leaves the RAM alone would be taken for the watchdog; the AN385 has none.)
 */
static void handoff_take(void)
{
	handoff = (struct boot_handoff){ .reset_cause = RESET_POWER_ON, .slot = SLOT_NONE };
	if (_kept.magic == HANDOFF_MAGIC) {
		handoff.reset_cause = _kept.cause;
		handoff.slot = _kept.slot;
		handoff.recovery = _kept.recovery;
		handoff.boot_id = _kept.boot_id;
	}
	if (in_boot_loader() && handoff.slot != SLOT_NONE) {
		handoff = (struct boot_handoff){ .reset_cause = RESET_WATCHDOG, .slot = SLOT_NONE };
	}
	_kept.magic = 0;
}

void port_init(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	handoff_take();
	timer_init();
	ethernet_init(!in_boot_loader());
	uart_init(in_boot_loader());
	__asm__ volatile("cpsie i" ::: "memory");
}

const char *port_board(void)
{
	return "mps2-an385";
}

uint32_t port_load_addr(void)
{
	return IMAGE_ADDR;
}

struct boot_handoff port_handoff(void)
{
	return handoff;
}

static bool in_flash(uint32_t off, uint32_t len)
{
	return off <= PORT_FLASH_BYTES && len <= PORT_FLASH_BYTES - off;
}

static uint8_t *flash_at(uint32_t off)
{
	return (uint8_t *)(FLASH_BASE + off);
}

bool port_flash_read(uint32_t off, void *buf, uint32_t len)
{
	if (in_flash(off, len)) {
		memcpy(buf, flash_at(off), len);
	}
	return in_flash(off, len);
}

/* As the flash that the PSRAM stands for: whole words, and each only once after an erase. */
bool port_flash_write(uint32_t off, const void *buf, uint32_t len)
{
	if (!in_flash(off, len) || off % PORT_FLASH_UNIT != 0 || len % PORT_FLASH_UNIT != 0) {
		return false;
	}
	for (uint32_t i = 0; i < len; i++) {
		if (flash_at(off)[i] != 0xFF) {
			return false;
		}
	}
	memcpy(flash_at(off), buf, len);
	return true;
}

bool port_flash_erase(uint32_t off, uint32_t len)
{
	if (!in_flash(off, len) || off % PORT_FLASH_BLOCK != 0 || len % PORT_FLASH_BLOCK != 0) {
		return false;
	}
	memset(flash_at(off), 0xFF, len);
	return true;
}

/*
 * Interrupts of the line have handlers. All others have none: they are let in while the processor is deaf to every one, and
 * what is pending ends the WFI all the same.
 */
void wait_for_interrupt(void)
{
	const uint32_t wakers = IRQ_TIMER1 | IRQ_ETHERNET | IRQ_UART0_RX;

	NVIC_ENABLE = wakers;
	__asm__ volatile("dsb\n\twfi" ::: "memory");
	NVIC_DISABLE = IRQ_TIMER1 | IRQ_ETHERNET | (in_boot_loader() ? IRQ_UART0_RX : 0);
}

void port_reset(bool to_recovery)
{
	serial_flush();
	handoff_put(&(struct boot_handoff){ .reset_cause = RESET_SOFTWARE, .slot = SLOT_NONE, .recovery = to_recovery });
	system_reset();
}

static uint32_t program_bytes;

/*
 * The payload comes to IMAGE_ADDR, so the header before it. Its length is a 16-bit number: it stays above the boot loader,
 * which ends at 64 KiB. A whole slot fits into the SRAM behind.
 */
const uint8_t *port_image_load(uint32_t flash_off, uint32_t payload_off, uint32_t payload_len, uint32_t total_len)
{
	uint8_t *copy = (uint8_t *)(IMAGE_ADDR - payload_off);

	program_bytes = payload_len;
	return payload_off <= UINT16_MAX && port_flash_read(flash_off, copy, total_len) ? copy : NULL;
}

/* A program whose first instruction does not lie in it would lock the processor up. */
void port_start_image(const struct boot_handoff *h)
{
	const uint32_t *theirs = (const uint32_t *)IMAGE_ADDR;

	if (!(theirs[1] & THUMB) || theirs[1] - IMAGE_ADDR >= program_bytes) {
		return;
	}
	serial_flush();
	handoff_put(h);
	__asm__ volatile("cpsid i" ::: "memory");
	NVIC_DISABLE = UINT32_MAX;
	NVIC_CLEAR_PENDING = UINT32_MAX;
	SCB_VTOR = IMAGE_ADDR;
	__asm__ volatile("dsb\n\tisb\n\tmsr msp, %0\n\tbx %1" ::"r"(theirs[0]), "r"(theirs[1]) : "memory");
}
