/*
 * The boot record: which slot is trusted, which is on trial. Two blocks of flash are written in turn, each record with a
 * sequence number and a CRC: whenever the power goes, the older or the newer record is whole.
 */
#ifndef BOOT_RECORD_H
#define BOOT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum trial {
	TRIAL_NONE = 0,
	TRIAL_ONCE = 1,             /* start `pending` at the next boot, once */
	TRIAL_RUNNING = 2,          /* it was started and has not been confirmed yet */
	TRIAL_FOR_GOOD = 3,         /* start `pending` at the next boot and keep it */
};

struct boot_record {
	uint32_t magic, sequence;
	uint8_t active;             /* slot of the confirmed image */
	uint8_t pending;            /* slot of the image on trial, SLOT_NONE without one */
	uint8_t trial;              /* enum trial */
	uint8_t reserved;
	uint32_t boots;             /* boots since the flash was blank: the boot id */
	uint32_t security_counter;  /* of the newest confirmed image; images with less are refused */
	uint32_t crc;               /* CRC-32 of everything before */
};

/* The newest sound record; on a blank flash slot 0 active and all else zero. */
struct boot_record boot_record_load(void);
/* Writes it with the next sequence number into the block that does not hold the newest one. */
bool boot_record_store(struct boot_record *r);

#endif
