/*
 * The boot record: which slot is trusted, which is on trial. Records are appended, each with a sequence number and a CRC, in
 * two blocks of flash: the one that does not hold the newest is erased when the other is full. Whenever the power goes, the
 * older or the newer record is whole; a block is erased once in PORT_FLASH_BLOCK / 32 records (128 boots with blocks of 4 KiB).
 */
#ifndef BOOT_RECORD_H
#define BOOT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum trial {
	TRIAL_NONE = 0,
	TRIAL_ONCE = 1,             /* start `pending` at the next boot, once */
	TRIAL_RUNNING = 2,          /* it was started and has not been confirmed yet */
	TRIAL_FOR_GOOD = 3,         /* as ONCE, and it is confirmed without a word as soon as it answers a request */
	TRIAL_FOR_GOOD_RUNNING = 4,
};

struct boot_record {
	uint32_t magic, sequence;
	uint8_t active;             /* slot of the confirmed image */
	uint8_t pending;            /* slot of the image on trial, SLOT_NONE without one */
	uint8_t trial;              /* enum trial */
	uint8_t crashes;            /* boots in a row that a watchdog or a fault ended before a request was answered */
	uint32_t boots;             /* boots since the flash was blank: the boot id */
	uint32_t security_counter;  /* of the newest confirmed image; images with less are refused */
	uint32_t crc;               /* CRC-32 of everything before: against torn writes, not against people (boot/README.md) */
};

/* The newest sound record; on a blank flash slot 0 active and all else zero. */
struct boot_record boot_record_load(void);
/* Appends it with the next sequence number. False, and said in the log: the flash does not take it, the old one counts. */
bool boot_record_store(struct boot_record *r);

#endif
