/* Linked into the boot loader only. */
#include "rom_services.h"

extern const struct rom_services rom_services;

const struct rom_services rom_services = {
	.magic = ROM_SERVICES_MAGIC,
	.sha256_init = crypto_hash_sha256_init,
	.sha256_update = crypto_hash_sha256_update,
	.sha256_final = crypto_hash_sha256_final,
	.ed25519_verify = crypto_sign_ed25519_verify_detached,
};
