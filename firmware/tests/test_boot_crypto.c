/* Ed25519 and SHA-256 as built for the boot loader, against RFC 8032 section 7.1 and FIPS 180-4. */
#include <crypto_hash_sha256.h>
#include <crypto_sign_ed25519.h>

#include "fake_port.h"

static size_t from_hex(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v;

		CHECK(sscanf(hex + 2 * i, "%2x", &v) == 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

static const struct { const char *key, *message, *signature; } vectors[] = {
	{ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void check_vector(size_t i)
{
	uint8_t key[32], message[8], signature[64];

	CHECK(from_hex(key, vectors[i].key) == sizeof(key));
	CHECK(from_hex(signature, vectors[i].signature) == sizeof(signature));
	size_t len = from_hex(message, vectors[i].message);

	CHECK(crypto_sign_ed25519_verify_detached(signature, message, len, key) == 0);
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK(crypto_sign_ed25519_verify_detached(signature, message, len, key) != 0);
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	message[0] ^= 1;
	CHECK(crypto_sign_ed25519_verify_detached(signature, message, len ? len : 1, key) != 0);
}

int main(void)
{
	uint8_t digest[32], want[32];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		check_vector(i);
	}
	from_hex(want, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypto_hash_sha256(digest, (const uint8_t *)"abc", 3);
	CHECK(memcmp(digest, want, sizeof(want)) == 0);
	return 0;
}
