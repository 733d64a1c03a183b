/*
 * Receiving an image into the slot that does not run, piece by piece, as mcumgr's clients send it. A piece at the wrong
 * offset is not an error: the answer is the offset wanted. An upload that begins again with the same sha256 goes on where
 * it stopped. Blocks are erased just before the first byte that falls into them; the header is written last of all.
 */
#ifndef SMP_IMAGE_UPLOAD_H
#define SMP_IMAGE_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/image.h"

struct upload_piece {
	uint32_t off;
	const uint8_t *data;
	size_t data_len;
	bool has_len;               /* the next ones come with the first piece only */
	uint32_t len;               /* of the whole file */
	const uint8_t *sha;         /* of the whole file, NULL: client did not say */
	bool only_newer;            /* refuse a version that is not above the running one */
};

struct upload_result {
	uint32_t off;               /* next byte wanted */
	bool complete, match;
};

/* Returns 0 or an error of mcumgr's image group. The slot is left without an image after an error. */
int image_upload(unsigned slot, const struct image_info *running, const struct upload_piece *piece,
		 struct upload_result *result);

/* Gives up the upload under way, if any. */
void image_upload_forget(void);

/* Makes a slot hold no image: its header goes first, so a power cut leaves none either. */
bool image_erase(unsigned slot);

#endif
