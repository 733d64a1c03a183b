/*
 * A NOR flash in memory, and a power supply that fails. Erase works by blocks and raises bits, a write only lets them fall, by
 * units of PORT_FLASH_UNIT. Each unit written and each block erased is a step at which the power can go, with nothing of it
 * done, a part, or all. What a cut has touched is doubtful: a unit may or may not take another write, and a block whose erase
 * was cut must be erased again before anything is written to it. Include it in one file.
 */
#ifndef NOR_FLASH_H
#define NOR_FLASH_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/flash_map.h"
#include "port/port.h"

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n%s\n", __FILE__, __LINE__, #cond, nor_doing); \
			abort(); \
		} \
	} while (0)

enum nor_cut { CUT_BEFORE, CUT_WITHIN, CUT_AFTER, NOR_CUTS };
enum nor_unit { UNIT_BLANK, UNIT_WRITTEN, UNIT_TORN_WRITE, UNIT_TORN_ERASE };
enum { NOR_UNITS = PORT_FLASH_BYTES / PORT_FLASH_UNIT };

struct nor {
	uint8_t bytes[PORT_FLASH_BYTES];
	uint8_t state[NOR_UNITS];       /* enum nor_unit */
};

static struct nor nor;
static long nor_steps;                  /* since nor_power_on */
static long nor_cut_at = -1;            /* the step at which the power goes; -1: it stays */
static enum nor_cut nor_cut;
static jmp_buf nor_dark;                /* where the world goes on without power */
static bool nor_worn;                   /* takes no write and no erase any more */
static unsigned nor_erases;             /* of any block */
static uint32_t nor_random = 1;
static const char *nor_doing = "";

static inline uint8_t nor_noise(void)
{
	nor_random = nor_random * 1664525u + 1013904223u;
	return (uint8_t)(nor_random >> 24);
}

static inline void nor_blank(void)
{
	memset(&nor, 0, sizeof(nor));
	memset(nor.bytes, 0xFF, sizeof(nor.bytes));
}

static inline void nor_mark(uint32_t off, uint32_t len, enum nor_unit state)
{
	memset(nor.state + off / PORT_FLASH_UNIT, (int)state, len / PORT_FLASH_UNIT);
}

/* Applies one step of an operation to [off, off + len), in whole or as the cut wants it. `data` NULL: erase. */
static inline void nor_step(uint32_t off, const uint8_t *data, uint32_t len)
{
	bool last = nor_steps++ == nor_cut_at;

	if (last && nor_cut == CUT_BEFORE) {
		longjmp(nor_dark, 1);
	}
	for (uint32_t i = 0; i < len; i++) {
		uint8_t reached = last && nor_cut == CUT_WITHIN ? nor_noise() : 0xFF; /* bits that have come to where they should */

		if (data) {
			nor.bytes[off + i] &= (uint8_t)(data[i] | (uint8_t)~reached);
		} else {
			nor.bytes[off + i] |= reached;
		}
	}
	if (last && nor_cut == CUT_WITHIN) {
		nor_mark(off, len, data ? UNIT_TORN_WRITE : UNIT_TORN_ERASE);
	} else {
		nor_mark(off, len, data ? UNIT_WRITTEN : UNIT_BLANK);
	}
	if (last) {
		longjmp(nor_dark, 1);
	}
}

bool port_flash_read(uint32_t off, void *buf, uint32_t len)
{
	CHECK(off <= PORT_FLASH_BYTES && len <= PORT_FLASH_BYTES - off);
	memcpy(buf, nor.bytes + off, len);
	return true;
}

bool port_flash_write(uint32_t off, const void *buf, uint32_t len)
{
	CHECK(off % PORT_FLASH_UNIT == 0 && len % PORT_FLASH_UNIT == 0 && off <= PORT_FLASH_BYTES && len <= PORT_FLASH_BYTES - off);
	for (uint32_t at = 0; at < len && !nor_worn; at += PORT_FLASH_UNIT) {
		enum nor_unit state = nor.state[(off + at) / PORT_FLASH_UNIT];

		CHECK(state != UNIT_WRITTEN && state != UNIT_TORN_ERASE);
		if (state == UNIT_TORN_WRITE && (nor_noise() & 1)) {
			return false;
		}
		nor_step(off + at, (const uint8_t *)buf + at, PORT_FLASH_UNIT);
	}
	return !nor_worn;
}

bool port_flash_erase(uint32_t off, uint32_t len)
{
	CHECK(off % PORT_FLASH_BLOCK == 0 && len % PORT_FLASH_BLOCK == 0 && off <= PORT_FLASH_BYTES && len <= PORT_FLASH_BYTES - off);
	for (uint32_t at = 0; at < len && !nor_worn; at += PORT_FLASH_BLOCK) {
		nor_erases++;
		nor_step(off + at, NULL, PORT_FLASH_BLOCK);
	}
	return !nor_worn;
}

#endif
