/* A flash so small that the power can be cut at every unit of every write. PORT_FLASH_UNIT comes from the command line. */
#ifndef FLASH_LAYOUT_H
#define FLASH_LAYOUT_H

#define PORT_FLASH_BLOCK 128u
#define PORT_FLASH_SLOT_BYTES (3u * PORT_FLASH_BLOCK)
#define PORT_FLASH_SLOT_0 PORT_FLASH_BLOCK
#define PORT_FLASH_SLOT_1 (PORT_FLASH_SLOT_0 + PORT_FLASH_SLOT_BYTES)
#define PORT_FLASH_RECORD (PORT_FLASH_SLOT_1 + PORT_FLASH_SLOT_BYTES)
#define PORT_FLASH_BYTES (PORT_FLASH_RECORD + 2u * PORT_FLASH_BLOCK)

#endif
