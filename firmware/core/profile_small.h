/*
 * For a microcontroller with 64 KiB of flash and 128 KiB of RAM: the build holds its image to that, with room to spare
 * (FLASH_LIMIT_ and RAM_LIMIT_ of its port.mk). All of `full` fits.
 */
#include "profile_full.h"
