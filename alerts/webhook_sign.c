/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/webhook_sign.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/crypto.h"

enum { SEED = 32, HMAC_LEAST = 24, HMAC_MOST = 64 }; /* bytes; the last two as the standard says */

struct webhook_signer {
	uint8_t *hmac;          /* owned, in locked memory; NULL: no v1 */
	size_t hmac_n;
	struct crypto_key *key; /* owned; NULL: no v1a */
};

void webhook_signer_free(struct webhook_signer **signer)
{
	struct webhook_signer *s = TAKE(*signer);
	if (!s)
		return;
	char *hmac = (char *)s->hmac;
	crypto_secret_free(&hmac);
	crypto_key_free(&s->key);
	free(s);
}

/* What stands behind the prefix. */
static int read_key(const char *path, const char *prefix, uint8_t *ret, size_t *ret_n, struct diag *diag)
{
	CLEANUP(secret_free) struct secret *text = NULL;
	int r = secret_read(path, &text, diag);
	if (r)
		return r;
	struct strview all = secret_text(text);
	if (sv_starts(all, sv_from(prefix)) && crypto_base64_decode_some(sv_from_index(all, strlen(prefix)), ret, HMAC_MOST, ret_n) == 0)
		return 0;
	diag_error(diag, (struct place){ .file = path }, "should hold a key as %s and base64", prefix);
	return -EINVAL;
}

static int read_hmac(struct webhook_signer *s, const char *path, struct diag *diag)
{
	s->hmac = (uint8_t *)crypto_secret_new(HMAC_MOST);
	int r = s->hmac ? read_key(path, "whsec_", s->hmac, &s->hmac_n, diag) : -ENOMEM;
	if (!r && s->hmac_n < HMAC_LEAST) {
		diag_error(diag, (struct place){ .file = path }, "the secret has %zu bytes, 24 to 64 are safe", s->hmac_n);
		r = -EINVAL;
	}
	return r;
}

/* The seed, alone or with the public key behind it. */
static int read_ed25519(struct webhook_signer *s, const char *path, struct diag *diag)
{
	uint8_t public_key[CRYPTO_PUBLIC];
	size_t n = 0;
	char *memory = crypto_secret_new(HMAC_MOST);
	uint8_t *bytes = (uint8_t *)memory;
	int r = bytes ? read_key(path, "whsk_", bytes, &n, diag) : -ENOMEM;
	if (!r && n != SEED && n != SEED + CRYPTO_PUBLIC)
		r = -EMSGSIZE;
	else if (!r)
		r = crypto_key_from_seed(bytes, &s->key);
	if (!r && n > SEED) {
		crypto_key_public(s->key, public_key);
		r = memcmp(public_key, bytes + SEED, sizeof(public_key)) != 0 ? -EMSGSIZE : 0;
	}
	if (r == -EMSGSIZE)
		diag_error(diag, (struct place){ .file = path }, "should hold an Ed25519 key: whsk_ and base64 of 32 bytes, or of 64 with the public key that belongs to them");
	crypto_secret_free(&memory);
	return r;
}

int webhook_signer_new(const char *hmac_path, const char *ed25519_path, struct webhook_signer **ret, struct diag *diag)
{
	CLEANUP(webhook_signer_free) struct webhook_signer *s = NULL;
	int r = 0;
	if (!hmac_path[0] && !ed25519_path[0]) {
		*ret = NULL;
		return 0;
	}
	if (crypto_init())
		return -EIO;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (hmac_path[0])
		r = read_hmac(s, hmac_path, diag);
	if (!r && ed25519_path[0])
		r = read_ed25519(s, ed25519_path, diag);
	if (!r)
		*ret = TAKE(s);
	return r;
}

void webhook_sign(const struct webhook_signer *s, struct strview id, uint64_t seconds, struct strview body, struct buf *out)
{
	CLEANUP(buf_done) struct buf signed_text = { 0 };
	uint8_t hash[CRYPTO_HASH], signature[CRYPTO_SIGNATURE];
	buf_add_sv(&signed_text, id);
	buf_add_format(&signed_text, ".%llu.", (unsigned long long)seconds);
	if (s->hmac) {
		const struct strview parts[] = { buf_sv(&signed_text), body };
		crypto_hmac_sha256((struct strview){ (const char *)s->hmac, s->hmac_n }, parts, ARRAY_SIZE(parts), hash);
		buf_add_z(out, "v1,");
		crypto_base64(out, hash, sizeof(hash));
	}
	if (s->key) {
		buf_add_sv(&signed_text, body);
		crypto_key_sign(s->key, buf_sv(&signed_text), signature);
		buf_add_z(out, s->hmac ? " v1a," : "v1a,");
		crypto_base64(out, signature, sizeof(signature));
	}
	out->failed |= signed_text.failed;
}
