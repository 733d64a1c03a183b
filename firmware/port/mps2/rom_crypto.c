/*
 * Linked into images only: libsodium's functions by name, the boot loader's code behind them. With a boot loader that has
 * no such table every check fails, and so every upload is refused: nothing unproved is taken.
 */
#include <stddef.h>
#include <string.h>

#include "rom_services.h"

extern const struct rom_services *const _rom_vectors[]; /* address 0, from the linker script */

static const struct rom_services *rom(void)
{
	const struct rom_services *r = _rom_vectors[7];

	return r && r->magic == ROM_SERVICES_MAGIC ? r : NULL;
}

int crypto_hash_sha256_init(crypto_hash_sha256_state *st)
{
	return rom() ? rom()->sha256_init(st) : -1;
}

int crypto_hash_sha256_update(crypto_hash_sha256_state *st, const unsigned char *in, unsigned long long len)
{
	return rom() ? rom()->sha256_update(st, in, len) : -1;
}

int crypto_hash_sha256_final(crypto_hash_sha256_state *st, unsigned char *out)
{
	memset(out, 0, crypto_hash_sha256_BYTES);
	return rom() ? rom()->sha256_final(st, out) : -1;
}

int crypto_hash_sha256(unsigned char *out, const unsigned char *in, unsigned long long len)
{
	crypto_hash_sha256_state st;

	return crypto_hash_sha256_init(&st) | crypto_hash_sha256_update(&st, in, len) | crypto_hash_sha256_final(&st, out);
}

int crypto_sign_ed25519_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long len,
					const unsigned char *pk)
{
	return rom() ? rom()->ed25519_verify(sig, m, len, pk) : -1;
}
