/*
 * What a board provides: these functions, and flash_layout.h (see boot/flash_map.h) beside them. Everything above is the same
 * on every board.
 */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handoff.h"

/* argc, argv: of a process; 0 and NULL on bare metal. */
void port_init(int argc, char **argv);
const char *port_board(void);                       /* "native", "mps2-an385": must match the image's board TLV */
uint64_t port_now_us(void);                         /* free running since boot, never backwards */

/* Serial line. Reads what is there (0: nothing); writes all of it. Overruns: how often bytes came that found no room. */
#define PORT_REPLY_BYTES 5720u                      /* what the longest reply takes on the line */
size_t port_serial_read(uint8_t *buf, size_t cap);
uint32_t port_serial_overruns(void);
void port_serial_write(const uint8_t *buf, size_t len);

/* Ethernet. Returns the length of one frame without FCS, 0 when there is none. tx: false when the wire takes none now. */
uint16_t port_eth_read(uint8_t *buf, uint16_t cap);
bool port_eth_write(const uint8_t *frame, uint16_t len);
/* Asked every turn, so cheap while nothing changes; a change ends port_idle. UNKNOWN, then for ever: the port cannot tell. */
enum port_link { PORT_LINK_UNKNOWN, PORT_LINK_DOWN, PORT_LINK_UP };
enum port_link port_eth_link(void);

/*
 * Flash: offset 0 is its start. Return false on a bad range or a failed write. A write is whole program units, each blank
 * before: a flash with ECC takes no second one.
 */
bool port_flash_read(uint32_t off, void *buf, uint32_t len);
bool port_flash_write(uint32_t off, const void *buf, uint32_t len);
bool port_flash_erase(uint32_t off, uint32_t len);  /* whole blocks, to 0xFF */

/*
 * The watchdog. The first call starts it, in the boot loader, and nothing stops it: when calls stay away for longer than
 * PORT_WATCHDOG_US, at the latest after twice as long, the board resets with RESET_WATCHDOG. Cheap: called in every turn.
 */
#define PORT_WATCHDOG_US 2000000u
void port_watchdog_feed(void);

/*
 * Sleep until a byte, a frame, a change of the link or max_us; may return early. In the boot loader (the handoff's slot is
 * SLOT_NONE) a byte or max_us alone: nobody takes frames there, and one that waits would end every sleep at once. So leave
 * the MAC off there, or do not look at it.
 */
void port_idle(uint32_t max_us);
/* Bytes of the stack that no call has ever used; 0 where the port does not know. */
uint32_t port_stack_low_water(void);
void port_reset(bool to_recovery) __attribute__((noreturn));
struct boot_handoff port_handoff(void);             /* what came across the last reset */

/* Address that images for this port are linked to run at: MCUboot's load address, 0 where it has no meaning. */
uint32_t port_load_addr(void);

/*
 * Boot loader only. Load: copies the image of total_len bytes at flash_off to where it can run; its payload lies at
 * payload_off in it. Returns the copy, NULL when that fails. Start: the payload of that copy, which has been proved. Returns
 * if it cannot.
 */
const uint8_t *port_image_load(uint32_t flash_off, uint32_t payload_off, uint32_t payload_len, uint32_t total_len);
void port_start_image(const struct boot_handoff *handoff);

#endif
