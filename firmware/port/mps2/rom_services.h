/*
 * Cryptography lives once in flash: the boot loader's copy serves the image too (24 KiB less in every image). Its functions
 * use the caller's stack and constants only, so they run anywhere. The table's address stands in the boot loader's vector 7,
 * which the Cortex-M3 leaves free.
 */
#ifndef ROM_SERVICES_H
#define ROM_SERVICES_H

#include <stdint.h>

#include <crypto_hash_sha256.h>
#include <crypto_sign_ed25519.h>

#define ROM_SERVICES_MAGIC 0x526f4d31u /* "RoM1": the number counts changes of this struct */

struct rom_services {
	uint32_t magic;
	int (*sha256_init)(crypto_hash_sha256_state *st);
	int (*sha256_update)(crypto_hash_sha256_state *st, const unsigned char *in, unsigned long long len);
	int (*sha256_final)(crypto_hash_sha256_state *st, unsigned char *out);
	int (*ed25519_verify)(const unsigned char *sig, const unsigned char *m, unsigned long long len, const unsigned char *pk);
};

#endif
