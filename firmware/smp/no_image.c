/* For a board whose flash is not written: its image is the one it was made with, and there is no group `image`. */
#include "image_group.h"

/* BUILD_VERSION: what the build gives signed images of the same sources (Makefile). */
_Static_assert(sizeof(BUILD_VERSION) <= IMAGE_VERSION_CHARS, "hello has no room for this VERSION");

static int handle(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	(void)op, (void)cmd, (void)req, (void)req_len, (void)rsp, (void)cap, (void)rsp_len;
	return SMP_NOT_SUPPORTED;
}

const struct smp_group image_group = { .id = 1, .handle = handle };
const bool image_group_updates = false;

void image_group_running(unsigned running_slot, struct image_name *name)
{
	(void)running_slot;
	*name = (struct image_name){ .version = BUILD_VERSION };
}

void image_group_init(unsigned running_slot, bool (*may_write)(void))
{
	(void)running_slot, (void)may_write;
}

void image_group_serves(void)
{
}
