/*
 * The flash: two slots for images and the boot record. Where they lie, and what the flash can do, is the port's word
 * (port/NAME/flash_layout.h):
 *   PORT_FLASH_BYTES    size; offset 0 of every call is its first byte
 *   PORT_FLASH_BLOCK    erase unit of the slots and of the record
 *   PORT_FLASH_UNIT     program unit: writes begin and end at its multiples, and each is written once after an erase
 *   PORT_FLASH_SLOT_0, PORT_FLASH_SLOT_1, PORT_FLASH_SLOT_BYTES, PORT_FLASH_RECORD (two blocks)
 */
#ifndef BOOT_FLASH_MAP_H
#define BOOT_FLASH_MAP_H

#include <assert.h>

#include "flash_layout.h"

#define FLASH_SLOTS 2u
#define FLASH_SLOT_BYTES PORT_FLASH_SLOT_BYTES
#define FLASH_SLOT(n) ((n) == 0u ? PORT_FLASH_SLOT_0 : PORT_FLASH_SLOT_1)
#define FLASH_RECORD PORT_FLASH_RECORD
#define FLASH_RECORD_BLOCKS 2u

#define FLASH_WHOLE_BLOCKS(bytes) ((bytes) % PORT_FLASH_BLOCK == 0u)

static_assert(PORT_FLASH_UNIT > 0u && PORT_FLASH_BLOCK % PORT_FLASH_UNIT == 0u, "a block is whole program units");
static_assert(FLASH_WHOLE_BLOCKS(PORT_FLASH_SLOT_0) && FLASH_WHOLE_BLOCKS(PORT_FLASH_SLOT_1) &&
	      FLASH_WHOLE_BLOCKS(PORT_FLASH_SLOT_BYTES) && FLASH_WHOLE_BLOCKS(PORT_FLASH_RECORD),
	      "slots and record begin and end at blocks: to erase one must not touch another");
static_assert(PORT_FLASH_SLOT_0 + PORT_FLASH_SLOT_BYTES <= PORT_FLASH_SLOT_1 &&
	      PORT_FLASH_SLOT_1 + PORT_FLASH_SLOT_BYTES <= PORT_FLASH_RECORD &&
	      PORT_FLASH_RECORD + FLASH_RECORD_BLOCKS * PORT_FLASH_BLOCK <= PORT_FLASH_BYTES,
	      "slot 0, slot 1, record, in this order, inside the flash");

#endif
