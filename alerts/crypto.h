/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All cryptography there is, behind one file: SHA-256, Ed25519, base64, randomness, locked memory. Another library needs another
 * crypto.c and nothing else. Secrets leave this file only as a text in locked memory, for the file that keeps them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"

enum {
	CRYPTO_HASH = 32,      /* bytes of a SHA-256 */
	CRYPTO_PUBLIC = 32,    /* bytes of an Ed25519 public key */
	CRYPTO_SIGNATURE = 64, /* bytes of an Ed25519 signature */
	CRYPTO_SECRET = 32,    /* bytes that a key pair can be made of again */
};

struct crypto_key; /* a signing key, in locked memory that is wiped when it is freed */

/* Needed once before all else, more often does no harm; 0 or -EIO. */
int crypto_init(void) MUST_CHECK;

/* SHA-256 over the parts, one after the other: by the CPU's own instructions where it has them, else as crypto_sha256_portable. */
void crypto_sha256(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH]);
/* The same by the library, whatever the CPU has: what the other way is compared with. */
void crypto_sha256_portable(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH]);

/* SHA-256 of two texts, each with that byte before it: cheaper than one after the other where the CPU has instructions for it. */
void crypto_sha256_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH]);
void crypto_sha256_two_portable(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH]);

/* HMAC-SHA256 over the parts, one after the other. */
void crypto_hmac_sha256(struct strview key, const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH]);

/* A fresh key pair; 0 or -ENOMEM. Memory that cannot be locked is taken all the same: see crypto_key_is_locked. */
int crypto_key_new(struct crypto_key **ret) MUST_CHECK;
/* The pair that a seed of 32 bytes stands for. For tests: real keys come from crypto_key_new. */
int crypto_key_from_seed(const uint8_t seed[static 32], struct crypto_key **ret) MUST_CHECK;
int crypto_key_copy(const struct crypto_key *key, struct crypto_key **ret) MUST_CHECK;
void crypto_key_free(struct crypto_key **key);

/*
 * The secret of a key as text (base64), for the one file that keeps it: out has its memory from crypto_secret_new. And the key of such a
 * text: 0, -EINVAL when it is none, -ENOMEM.
 */
void crypto_key_add_secret(const struct crypto_key *key, struct buf *out);
int crypto_key_from_secret(struct strview text, struct crypto_key **ret) MUST_CHECK;
/* n zero bytes, locked as far as the limit of locked memory allows, wiped when freed; NULL when there is no memory. */
char *crypto_secret_new(size_t n) MUST_CHECK;
void crypto_secret_free(char **p);
/* False when the limit of locked memory did not allow it: the secret might reach swap. */
bool crypto_key_is_locked(const struct crypto_key *key) PURE;
void crypto_key_public(const struct crypto_key *key, uint8_t ret_public[static CRYPTO_PUBLIC]);
void crypto_key_sign(const struct crypto_key *key, struct strview text, uint8_t ret_signature[static CRYPTO_SIGNATURE]);

bool crypto_verify(const uint8_t public_key[static CRYPTO_PUBLIC], struct strview text, const uint8_t signature[static CRYPTO_SIGNATURE]);

/* Standard alphabet with padding. */
void crypto_base64(struct buf *out, const void *bytes, size_t n);
/* At most max bytes, into memory that may hold a secret; *ret_n: how many. 0 or -EINVAL. */
int crypto_base64_decode_some(struct strview text, uint8_t *ret, size_t max, size_t *ret_n) MUST_CHECK;
/* Exactly n bytes in their only form: no blanks, no missing padding, no stray bits; 0 or -EINVAL. */
int crypto_base64_decode(struct strview text, uint8_t *ret, size_t n) MUST_CHECK;

void crypto_random(void *bytes, size_t n);
