/* SPDX-License-Identifier: Apache-2.0 */
/* FIPS 180-4, with the four rounds of a step and the message schedule left to the CPU. */
#include "alerts/sha256_cpu.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "engine/base/attr.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1")))

enum { BLOCK = 64, HAS_SHA = 1u << 29, HAS_SSE41 = 1u << 19, HAS_SSSE3 = 1u << 9 };

SHA256_BARE bool sha256_cpu_has(void)
{
	unsigned a, b, c, d;
	__cpuid(0, a, b, c, d); /* the functions of the header are instrumented where they are not inlined, its macros never */
	if (a < 7)
		return false;
	__cpuid(1, a, b, c, d);
	if (!(c & HAS_SSE41) || !(c & HAS_SSSE3))
		return false;
	__cpuid_count(7, 0, a, b, c, d);
	return b & HAS_SHA;
}

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The eight words as the instructions want them, highest first. */
struct words {
	__m128i abef, cdgh;
};

/* Four rounds with the four message words w, numbers i to i + 3. */
WITH_SHA static inline void four_rounds(struct words *s, __m128i w, size_t i)
{
	__m128i sum = _mm_add_epi32(w, _mm_load_si128((const __m128i *)(const void *)(round_constants + i)));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, sum);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* The four message words that follow sixteen: w0 has the oldest four. */
WITH_SHA static inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
	__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
	return _mm_sha256msg2_epu32(sum, w3);
}

WITH_SHA static inline __m128i load_words(const uint8_t *p)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203); /* the message is big-endian */
	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), swap);
}

WITH_SHA static inline void one_block(struct words *s, const uint8_t *p)
{
	const struct words before = *s;
	__m128i w0 = load_words(p), w1 = load_words(p + 16), w2 = load_words(p + 32), w3 = load_words(p + 48);
	four_rounds(s, w0, 0);
	four_rounds(s, w1, 4);
	four_rounds(s, w2, 8);
	four_rounds(s, w3, 12);
	for (size_t i = 16; i < 64; i += 16) {
		w0 = next_words(w0, w1, w2, w3);
		four_rounds(s, w0, i);
		w1 = next_words(w1, w2, w3, w0);
		four_rounds(s, w1, i + 4);
		w2 = next_words(w2, w3, w0, w1);
		four_rounds(s, w2, i + 8);
		w3 = next_words(w3, w0, w1, w2);
		four_rounds(s, w3, i + 12);
	}
	s->abef = _mm_add_epi32(s->abef, before.abef);
	s->cdgh = _mm_add_epi32(s->cdgh, before.cdgh);
}

WITH_SHA static inline struct words load_state(const uint32_t state[static 8])
{
	__m128i abcd = _mm_loadu_si128((const __m128i *)(const void *)state), efgh = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
	__m128i badc = _mm_shuffle_epi32(abcd, 0xb1), hgfe = _mm_shuffle_epi32(efgh, 0x1b);
	return (struct words){ .abef = _mm_alignr_epi8(badc, hgfe, 8), .cdgh = _mm_blend_epi16(hgfe, badc, 0xf0) };
}

WITH_SHA static inline void store_state(uint32_t state[static 8], const struct words *s)
{
	__m128i feba = _mm_shuffle_epi32(s->abef, 0x1b), dchg = _mm_shuffle_epi32(s->cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

WITH_SHA static void take_blocks(uint32_t state[static 8], const uint8_t *p, size_t n)
{
	struct words s = load_state(state);
	for (; n; n--, p += BLOCK)
		one_block(&s, p);
	store_state(state, &s);
}

/*
 * A block of each of two messages, round by round in turn: the rounds of one message wait for one another, and the CPU has time for
 * those of the other meanwhile.
 */
WITH_SHA static inline void one_block_of_two(struct words s[static 2], const uint8_t *p, const uint8_t *q)
{
	const struct words before[2] = { s[0], s[1] };
	__m128i v[4], w[4];
	for (size_t i = 0; i < 4; i++) {
		v[i] = load_words(p + 16 * i);
		w[i] = load_words(q + 16 * i);
		four_rounds(&s[0], v[i], 4 * i);
		four_rounds(&s[1], w[i], 4 * i);
	}
	for (size_t i = 4; i < 16; i += 4) {
		for (size_t k = 0; k < 4; k++) {
			v[k] = next_words(v[k], v[(k + 1) % 4], v[(k + 2) % 4], v[(k + 3) % 4]);
			w[k] = next_words(w[k], w[(k + 1) % 4], w[(k + 2) % 4], w[(k + 3) % 4]);
			four_rounds(&s[0], v[k], 4 * (i + k));
			four_rounds(&s[1], w[k], 4 * (i + k));
		}
	}
	for (size_t i = 0; i < 2; i++) {
		s[i].abef = _mm_add_epi32(s[i].abef, before[i].abef);
		s[i].cdgh = _mm_add_epi32(s[i].cdgh, before[i].cdgh);
	}
}

/* Whole blocks are taken where they stand; what begins or ends within a block is gathered in rest. */
struct progress {
	uint32_t state[8];
	uint8_t rest[2 * BLOCK];
	size_t n_rest;
};

static void take_part(struct progress *p, const uint8_t *bytes, size_t n)
{
	if (p->n_rest) {
		size_t more = MIN(n, BLOCK - p->n_rest);
		memcpy(p->rest + p->n_rest, bytes, more);
		p->n_rest += more;
		bytes += more;
		n -= more;
		if (p->n_rest < BLOCK)
			return;
		take_blocks(p->state, p->rest, 1);
	}
	take_blocks(p->state, bytes, n / BLOCK);
	p->n_rest = n % BLOCK;
	memcpy(p->rest, bytes + n - p->n_rest, p->n_rest);
}

/* The end of the message: how many blocks of rest are left to take. */
static size_t pad(struct progress *p, uint64_t n_bytes)
{
	size_t n_blocks = p->n_rest < BLOCK - sizeof(uint64_t) ? 1 : 2;
	uint64_t bits = htobe64(n_bytes * 8);
	memset(p->rest + p->n_rest, 0, sizeof(p->rest) - p->n_rest);
	p->rest[p->n_rest] = 0x80;
	memcpy(p->rest + n_blocks * BLOCK - sizeof(bits), &bits, sizeof(bits));
	return n_blocks;
}

static void tell_hash(const struct progress *p, uint8_t ret_hash[static 32])
{
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = htobe32(p->state[i]);
		memcpy(ret_hash + 4 * i, &word, sizeof(word));
	}
}

#define NO_PROGRESS { .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } }

void sha256_cpu(const struct strview *parts, size_t n, uint8_t ret_hash[static 32])
{
	struct progress p = NO_PROGRESS;
	uint64_t n_bytes = 0;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			take_part(&p, (const uint8_t *)parts[i].p, parts[i].n);
		n_bytes += parts[i].n;
	}
	take_blocks(p.state, p.rest, pad(&p, n_bytes));
	tell_hash(&p, ret_hash);
}

WITH_SHA static void take_blocks_of_two(struct progress p[static 2], const uint8_t *first, const uint8_t *second, size_t n)
{
	struct words s[2] = { load_state(p[0].state), load_state(p[1].state) };
	for (; n; n--, first += BLOCK, second += BLOCK)
		one_block_of_two(s, first, second);
	store_state(p[0].state, &s[0]);
	store_state(p[1].state, &s[1]);
}

void sha256_cpu_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][32])
{
	struct progress p[2] = { NO_PROGRESS, NO_PROGRESS };
	size_t at[2], end[2];
	for (size_t i = 0; i < 2; i++) {
		at[i] = MIN(text[i].n, BLOCK - 1);
		p[i].rest[0] = before;
		if (at[i])
			memcpy(p[i].rest + 1, text[i].p, at[i]);
		p[i].n_rest = 1 + at[i];
	}
	if (p[0].n_rest == BLOCK && p[1].n_rest == BLOCK) {
		const uint8_t *first = (const uint8_t *)text[0].p + at[0], *second = (const uint8_t *)text[1].p + at[1];
		size_t n = MIN(text[0].n - at[0], text[1].n - at[1]) / BLOCK;
		take_blocks_of_two(p, p[0].rest, p[1].rest, 1);
		take_blocks_of_two(p, first, second, n);
		for (size_t i = 0; i < 2; i++) {
			p[i].n_rest = 0;
			at[i] += n * BLOCK;
		}
	}
	for (size_t i = 0; i < 2; i++) { /* the longer one's rest, alone */
		if (p[i].n_rest == BLOCK || at[i] < text[i].n)
			take_part(&p[i], (const uint8_t *)text[i].p + at[i], text[i].n - at[i]);
		end[i] = pad(&p[i], 1 + (uint64_t)text[i].n);
	}
	size_t both = MIN(end[0], end[1]);
	take_blocks_of_two(p, p[0].rest, p[1].rest, both);
	for (size_t i = 0; i < 2; i++) {
		take_blocks(p[i].state, p[i].rest + both * BLOCK, end[i] - both);
		tell_hash(&p[i], ret_hash[i]);
	}
}

#else

bool sha256_cpu_has(void)
{
	return false;
}

void sha256_cpu(const struct strview *parts, size_t n, uint8_t ret_hash[static 32])
{
	(void)parts, (void)n, (void)ret_hash;
	assert(!"asked for instructions that this CPU has not");
}

void sha256_cpu_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][32])
{
	(void)before, (void)text, (void)ret_hash;
	assert(!"asked for instructions that this CPU has not");
}

#endif
