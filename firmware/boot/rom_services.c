/* Linked into such a boot loader only. */
#include "rom_services.h"

extern const struct rom_services rom_services;

const struct rom_services rom_services = {
	.magic = ROM_SERVICES_MAGIC,
	.sha256_init = crypto_hash_sha256_init,
	.sha256_update = crypto_hash_sha256_update,
	.sha256_final = crypto_hash_sha256_final,
	.ed25519_verify = crypto_sign_ed25519_verify_detached,
	.images_magic = ROM_IMAGES_MAGIC,
	.image_error_text = image_error_text,
	.image_check_header = image_check_header,
	.image_read = image_read,
	.image_verify = image_verify,
	.image_sha256 = image_sha256,
	.image_version_text = image_version_text,
};
