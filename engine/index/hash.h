/* SPDX-License-Identifier: Apache-2.0 */
/* A hash under a secret key, for tables whose keys come from outside. Tables compare whole keys: the hash only finds the place. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/strview.h"

struct hash_key {
	uint64_t a, b;
};

/* Random; from a fixed number where there is no randomness to be had, which costs only the protection against chosen keys. */
void hash_key_init(struct hash_key *key);

static inline uint64_t hash_fold(uint64_t x, uint64_t y)
{
	__extension__ unsigned __int128 product = (unsigned __int128)x * y;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load64(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t hash_load32(const char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* Sixteen bytes in one register, where there is one of that width. */
typedef uint64_t hash_pair __attribute__((vector_size(16)));

static inline hash_pair hash_load128(const char *p)
{
	hash_pair v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* memcmp without a call, for what is short and mostly the same. */
static inline bool hash_same_bytes(const char *a, const char *b, size_t n)
{
	if (n > 128)
		return memcmp(a, b, n) == 0;
	if (n >= 16) {
		hash_pair differs = hash_load128(a + n - 16) ^ hash_load128(b + n - 16);
		for (size_t i = 0; i + 16 < n; i += 16)
			differs |= hash_load128(a + i) ^ hash_load128(b + i);
		return (differs[0] | differs[1]) == 0;
	}
	if (n >= 8) {
		uint64_t last = hash_load64(a + n - 8) ^ hash_load64(b + n - 8);
		return (last | (hash_load64(a) ^ hash_load64(b))) == 0;
	}
	if (n >= 4)
		return hash_load32(a) == hash_load32(b) && hash_load32(a + n - 4) == hash_load32(b + n - 4);
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static inline uint64_t hash_bytes(const struct hash_key *key, const char *p, size_t n, uint64_t seed)
{
	uint64_t h = (seed ^ key->a) + n, first = 0, last = 0;
	for (; n > 16; p += 16, n -= 16)
		h = hash_fold(hash_load64(p) ^ key->b, hash_load64(p + 8) ^ h);
	if (n >= 8) {
		first = hash_load64(p);
		last = hash_load64(p + n - 8);
	} else if (n >= 4) {
		first = hash_load32(p);
		last = hash_load32(p + n - 4);
	} else if (n) {
		first = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
	}
	return hash_fold(first ^ key->b, last ^ h);
}
