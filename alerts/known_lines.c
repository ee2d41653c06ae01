/* SPDX-License-Identifier: Apache-2.0 */
/* 64 bits of SHA-256 are enough here: to have a line taken for known, one would have to find another one for a hash of a line that is not signed yet. */
#include "alerts/known_lines.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/crypto.h"

static uint64_t hash_of(struct strview line)
{
	uint8_t hash[CRYPTO_HASH];
	uint64_t n;
	crypto_sha256(&line, 1, hash);
	memcpy(&n, hash, sizeof(n));
	return n;
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int known_lines_add(struct known_lines *k, struct strview line)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 256;
		uint64_t *more = reallocarray(k->hash, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		k->hash = more;
		k->cap = cap;
	}
	k->hash[k->n++] = hash_of(line);
	k->is_mixed = true;
	return 0;
}

bool known_lines_has(struct known_lines *k, struct strview line)
{
	if (k->n == 0)
		return false;
	if (k->is_mixed)
		qsort(k->hash, k->n, sizeof(*k->hash), compare);
	k->is_mixed = false;
	const uint64_t wanted = hash_of(line);
	return bsearch(&wanted, k->hash, k->n, sizeof(*k->hash), compare) != NULL;
}

void known_lines_clear(struct known_lines *k)
{
	k->n = 0;
}

void known_lines_done(struct known_lines *k)
{
	free(k->hash);
	*k = (struct known_lines){ 0 };
}
