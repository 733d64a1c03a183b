/*
 * 1 MiB of PSRAM that stands for a NOR flash which is written by words.
 *   0x00000   64 KiB  unused: here a board that starts from its flash has the boot loader
 *   0x10000  384 KiB  slot 0
 *   0x70000  384 KiB  slot 1
 *   0xD0000    8 KiB  boot record
 *   0xD2000           unused
 */
#ifndef FLASH_LAYOUT_H
#define FLASH_LAYOUT_H

#define PORT_FLASH_BYTES 0x100000u
#define PORT_FLASH_BLOCK 4096u
#define PORT_FLASH_UNIT 4u
#define PORT_FLASH_SLOT_0 0x10000u
#define PORT_FLASH_SLOT_1 0x70000u
#define PORT_FLASH_SLOT_BYTES 0x60000u
#define PORT_FLASH_RECORD 0xD0000u

#endif
