/* SPDX-License-Identifier: Apache-2.0 */
/* The libsodium back end. The only file that includes it. */
#include "alerts/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>

#include "alerts/sha256_cpu.h"

_Static_assert(CRYPTO_HASH == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(CRYPTO_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(CRYPTO_SIGNATURE == crypto_sign_BYTES, "Ed25519 signature");

struct crypto_key {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t public_key[CRYPTO_PUBLIC];
	bool is_locked;
};

int crypto_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void crypto_sha256_portable(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH])
{
	crypto_hash_sha256_state state;
	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < n; i++)
		crypto_hash_sha256_update(&state, (const unsigned char *)parts[i].p, parts[i].n);
	crypto_hash_sha256_final(&state, ret_hash);
}

void crypto_sha256_two_portable(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH])
{
	for (size_t i = 0; i < 2; i++)
		crypto_sha256_portable((const struct strview[]){ { (const char *)&before, 1 }, text[i] }, 2, ret_hash[i]);
}

void crypto_hmac_sha256(struct strview key, const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH])
{
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.p, key.n);
	for (size_t i = 0; i < n; i++)
		crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i].p, parts[i].n);
	crypto_auth_hmacsha256_final(&state, ret_hash);
	sodium_memzero(&state, sizeof(state));
}

#if defined(__x86_64__)
typedef void sha256_function(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH]);

/*
 * Called by the loader, once, before anything of ours runs: what it answers is where calls of crypto_sha256 go, in memory that is
 * read-only from then on. So there is no variable to set, and no question to the CPU for each hash.
 */
__attribute__((used)) SHA256_BARE static sha256_function *choose_sha256(void)
{
	return sha256_cpu_has() ? sha256_cpu : crypto_sha256_portable;
}

typedef void sha256_of_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH]);

__attribute__((used)) SHA256_BARE static sha256_of_two *choose_sha256_of_two(void)
{
	return sha256_cpu_has() ? sha256_cpu_two : crypto_sha256_two_portable;
}

void crypto_sha256(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH]) __attribute__((ifunc("choose_sha256")));
void crypto_sha256_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH])
	__attribute__((ifunc("choose_sha256_of_two")));
#else
void crypto_sha256(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH])
{
	crypto_sha256_portable(parts, n, ret_hash);
}

void crypto_sha256_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH])
{
	crypto_sha256_two_portable(before, text, ret_hash);
}
#endif

/*
 * sodium_malloc: guard pages around, kept out of core dumps, wiped by sodium_free, and locked where the limit allows. It does not say
 * when locking failed, so ask again: locking twice does no harm.
 */
static struct crypto_key *key_alloc(void)
{
	struct crypto_key *key = sodium_malloc(sizeof(*key));
	if (key)
		key->is_locked = mlock(key, sizeof(*key)) == 0;
	return key;
}

int crypto_key_new(struct crypto_key **ret)
{
	struct crypto_key *key = key_alloc();
	if (!key)
		return -ENOMEM;
	crypto_sign_keypair(key->public_key, key->secret);
	(void)sodium_mprotect_readonly(key); /* a second wall only; signing works without it */
	*ret = key;
	return 0;
}

int crypto_key_from_seed(const uint8_t seed[static 32], struct crypto_key **ret)
{
	struct crypto_key *key = key_alloc();
	if (!key)
		return -ENOMEM;
	crypto_sign_seed_keypair(key->public_key, key->secret, seed);
	(void)sodium_mprotect_readonly(key); /* see crypto_key_new */
	*ret = key;
	return 0;
}

int crypto_key_copy(const struct crypto_key *key, struct crypto_key **ret)
{
	struct crypto_key *copy = key_alloc();
	if (!copy)
		return -ENOMEM;
	memcpy(copy->secret, key->secret, sizeof(copy->secret));
	memcpy(copy->public_key, key->public_key, sizeof(copy->public_key));
	(void)sodium_mprotect_readonly(copy); /* see crypto_key_new */
	*ret = copy;
	return 0;
}

enum { SECRET_TEXT = (CRYPTO_SECRET + 2) / 3 * 4 };

void crypto_key_add_secret(const struct crypto_key *key, struct buf *out)
{
	uint8_t seed[CRYPTO_SECRET];
	char text[SECRET_TEXT + 1];
	crypto_sign_ed25519_sk_to_seed(seed, key->secret);
	sodium_bin2base64(text, sizeof(text), seed, sizeof(seed), sodium_base64_VARIANT_ORIGINAL);
	buf_add(out, text, SECRET_TEXT);
	sodium_memzero(text, sizeof(text));
	sodium_memzero(seed, sizeof(seed));
}

int crypto_key_from_secret(struct strview text, struct crypto_key **ret)
{
	uint8_t seed[CRYPTO_SECRET];
	int r = crypto_base64_decode(text, seed, sizeof(seed));
	if (!r)
		r = crypto_key_from_seed(seed, ret);
	sodium_memzero(seed, sizeof(seed));
	return r;
}

char *crypto_secret_new(size_t n)
{
	char *p = sodium_malloc(n);
	if (p)
		sodium_memzero(p, n);
	return p;
}

void crypto_secret_free(char **p)
{
	sodium_free(*p); /* wipes it; NULL is fine */
	*p = NULL;
}

void crypto_key_free(struct crypto_key **key)
{
	sodium_free(*key); /* makes it writable, wipes it, unlocks it; NULL is fine */
	*key = NULL;
}

bool crypto_key_is_locked(const struct crypto_key *key)
{
	return key->is_locked;
}

void crypto_key_public(const struct crypto_key *key, uint8_t ret_public[static CRYPTO_PUBLIC])
{
	memcpy(ret_public, key->public_key, CRYPTO_PUBLIC);
}

void crypto_key_sign(const struct crypto_key *key, struct strview text, uint8_t ret_signature[static CRYPTO_SIGNATURE])
{
	crypto_sign_detached(ret_signature, NULL, (const unsigned char *)text.p, text.n, key->secret);
}

bool crypto_verify(const uint8_t public_key[static CRYPTO_PUBLIC], struct strview text, const uint8_t signature[static CRYPTO_SIGNATURE])
{
	return crypto_sign_verify_detached(signature, (const unsigned char *)text.p, text.n, public_key) == 0;
}

void crypto_base64(struct buf *out, const void *bytes, size_t n)
{
	const size_t chunk = 768; /* a multiple of 3: chunks join without padding */
	char text[768 / 3 * 4 + 1];
	const unsigned char *p = bytes;
	for (size_t at = 0; at < n; at += chunk) {
		sodium_bin2base64(text, sizeof(text), p + at, MIN(chunk, n - at), sodium_base64_VARIANT_ORIGINAL);
		buf_add_z(out, text);
	}
	sodium_memzero(text, sizeof(text)); /* it may be of a password */
}

int crypto_base64_decode(struct strview text, uint8_t *ret, size_t n)
{
	uint8_t bytes[128];
	size_t got = 0;
	const char *end = NULL;
	assert(n <= sizeof(bytes));
	bool is_good = text.n == (n + 2) / 3 * 4 &&
		       sodium_base642bin(bytes, sizeof(bytes), text.p, text.n, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) == 0 && got == n &&
		       end == text.p + text.n;
	if (is_good)
		memcpy(ret, bytes, n);
	sodium_memzero(bytes, sizeof(bytes)); /* it may be a secret, or a part of one */
	return is_good ? 0 : -EINVAL;
}

int crypto_base64_decode_some(struct strview text, uint8_t *ret, size_t max, size_t *ret_n)
{
	const char *end = NULL;
	if (sodium_base642bin(ret, max, text.p, text.n, NULL, ret_n, &end, sodium_base64_VARIANT_ORIGINAL) != 0 || end != text.p + text.n)
		return -EINVAL;
	return 0;
}

void crypto_random(void *bytes, size_t n)
{
	randombytes_buf(bytes, n);
}
