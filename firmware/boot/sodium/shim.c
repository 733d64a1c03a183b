/*
 * What libsodium's Ed25519 verification asks of the rest of libsodium. Verification handles public values only, so none of
 * these guards a secret; the full library's versions bring in memory protection that a bare machine does not have, and variables,
 * which a board that lends this code to another program has no place for (boot/rom_services.h).
 */
#include <stddef.h>
#include <string.h>

#include <crypto_hash_sha512.h>
#include <crypto_verify_32.h>

void sodium_memzero(void *p, size_t len);
int sodium_memcmp(const void *a, const void *b, size_t len);
int sodium_is_zero(const unsigned char *n, size_t len);
void _crypto_sign_ed25519_ref10_hinit(crypto_hash_sha512_state *hs, int prehashed);

void sodium_memzero(void *p, size_t len)
{
	memset(p, 0, len);
}

int sodium_memcmp(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) == 0 ? 0 : -1;
}

int crypto_verify_32(const unsigned char *a, const unsigned char *b)
{
	return sodium_memcmp(a, b, crypto_verify_32_BYTES);
}

int sodium_is_zero(const unsigned char *n, size_t len)
{
	unsigned char any = 0;

	for (size_t i = 0; i < len; i++) {
		any = (unsigned char)(any | n[i]);
	}
	return any == 0;
}

/* Plain Ed25519, not its pre-hashed variant: the hash starts with the signature. */
void _crypto_sign_ed25519_ref10_hinit(crypto_hash_sha512_state *hs, int prehashed)
{
	(void)prehashed;
	crypto_hash_sha512_init(hs);
}
