/* For a board whose flash is not written: its image is the one it was made with, and there is no group `image`. */
#include "boot/image.h"
#include "image_group.h"

static int handle(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *rsp_len)
{
	(void)op, (void)cmd, (void)req, (void)req_len, (void)rsp, (void)cap, (void)rsp_len;
	return SMP_NOT_SUPPORTED;
}

const struct smp_group image_group = { .id = 1, .handle = handle };

void image_group_init(unsigned running_slot, bool (*may_write)(void))
{
	(void)running_slot, (void)may_write;
}

void image_group_serves(void)
{
}

enum image_error image_read(unsigned slot, struct image_info *info)
{
	(void)slot, (void)info;
	return IMAGE_FLASH_FAILED;
}

void image_version_text(const struct image_info *info, char out[IMAGE_VERSION_CHARS])
{
	(void)info;
	out[0] = '\0';
}
