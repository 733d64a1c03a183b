/*
 * The flash of every port, 1 MiB:
 *   0x00000   64 KiB  boot loader on boards that start from this flash; unused on native and QEMU
 *   0x10000  384 KiB  slot 0
 *   0x70000  384 KiB  slot 1
 *   0xD0000    8 KiB  boot record, two blocks written in turn
 *   0xD2000           unused
 */
#ifndef BOOT_FLASH_MAP_H
#define BOOT_FLASH_MAP_H

#define FLASH_BYTES 0x100000u
#define FLASH_SLOTS 2u
#define FLASH_SLOT_0 0x10000u
#define FLASH_SLOT_BYTES 0x60000u
#define FLASH_RECORD 0xD0000u
#define FLASH_RECORD_BLOCKS 2u

#define FLASH_SLOT(n) (FLASH_SLOT_0 + (n) * FLASH_SLOT_BYTES)

#endif
