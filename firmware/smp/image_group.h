/* mcumgr image group (id 1): state, upload, erase. The same code serves the image and the boot loader's recovery. */
#ifndef SMP_IMAGE_GROUP_H
#define SMP_IMAGE_GROUP_H

#include <stdbool.h>

#include "boot/image.h"
#include "smp_group.h"

extern const struct smp_group image_group;

/* Whether the flash is written, so that there is a boot loader too: the OS group names it. */
extern const bool image_group_updates;

/* Which image runs, as hello gives it: of one that no slot holds the digest is zeros. */
struct image_name {
	uint8_t digest[IMAGE_DIGEST_BYTES];
	char version[IMAGE_VERSION_CHARS];
};

void image_group_running(unsigned running_slot, struct image_name *name);

/* running_slot: SLOT_NONE in the boot loader. may_write: asked before anything changes the flash; NULL is always. */
void image_group_init(unsigned running_slot, bool (*may_write)(void));

/*
 * The running image has answered a request, so it can be replaced over the line: what the record keeps of crashes is settled,
 * and an image that was to stay without a word of its own is confirmed. To be called once a boot.
 */
void image_group_serves(void);

#endif
