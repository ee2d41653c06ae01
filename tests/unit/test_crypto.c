/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/crypto.h"
#include "alerts/sha256_cpu.h"
#include "engine/base/clock.h"

typedef void sha256_function(const struct strview *parts, size_t n, uint8_t ret_hash[static CRYPTO_HASH]);

enum { LENGTH_MAX = 300, PARTS_MAX = 8 };

static const struct {
	const char *what;
	sha256_function *function;
} ways[] = {
	{ "as the program has it", crypto_sha256 },
	{ "by the library", crypto_sha256_portable },
	{ "by the CPU", sha256_cpu },
};

/* The last way is there on some CPUs only. */
static size_t n_ways(void)
{
	return ARRAY_SIZE(ways) - !sha256_cpu_has();
}

static void fill(uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i * 131 + (i >> 8) * 17 + 7);
}

static void known_texts_have_their_known_hashes(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct strview text;
		const char *hash;
	} cases[] = {
		{ "nothing", { "", 0 }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", { "abc", 3 }, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "the example of two blocks", { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56 },
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	for (size_t w = 0; w < n_ways(); w++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			uint8_t hash[CRYPTO_HASH];
			char text[2 * CRYPTO_HASH + 1];
			ways[w].function(&cases[i].text, 1, hash);
			for (size_t k = 0; k < CRYPTO_HASH; k++)
				(void)snprintf(text + 2 * k, 3, "%02x", hash[k]);
			if (strcmp(text, cases[i].hash) != 0)
				fail_msg("%s, %s: %s", ways[w].what, cases[i].what, text);
		}
	}
}

static void every_length_hashes_alike_in_every_way(void **state)
{
	(void)state;
	uint8_t bytes[LENGTH_MAX + 1], expected[CRYPTO_HASH], hash[CRYPTO_HASH];
	const size_t n = n_ways();
	fill(bytes, sizeof(bytes));
	for (size_t len = 0; len <= LENGTH_MAX; len++) {
		for (size_t shift = 0; shift < 2; shift++) { /* at an odd address too */
			const struct strview whole = { (const char *)bytes + (len < LENGTH_MAX ? shift : 0), len };
			crypto_sha256_portable(&whole, 1, expected);
			for (size_t w = 0; w < n; w++) {
				ways[w].function(&whole, 1, hash);
				if (memcmp(hash, expected, CRYPTO_HASH) != 0)
					fail_msg("%s differs at %zu bytes", ways[w].what, len);
			}
		}
	}
}

static void parts_hash_as_their_whole(void **state)
{
	(void)state;
	uint8_t bytes[4096], expected[CRYPTO_HASH], hash[CRYPTO_HASH];
	const size_t n_possible = n_ways();
	fill(bytes, sizeof(bytes));
	srand(1);
	for (int round = 0; round < 3000; round++) {
		struct strview part[PARTS_MAX];
		size_t n = 0, most = round % 2 ? 150 : sizeof(bytes) / PARTS_MAX;
		for (size_t i = 0; i < PARTS_MAX; i++) {
			part[i] = (struct strview){ (const char *)bytes + n, (size_t)rand() % most };
			n += part[i].n;
		}
		crypto_sha256_portable(&(struct strview){ (const char *)bytes, n }, 1, expected);
		for (size_t w = 0; w < n_possible; w++) {
			ways[w].function(part, PARTS_MAX, hash);
			if (memcmp(hash, expected, CRYPTO_HASH) != 0)
				fail_msg("%s differs in round %d", ways[w].what, round);
		}
	}
}

typedef void sha256_of_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][CRYPTO_HASH]);

static void two_texts_hash_as_each_alone(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		sha256_of_two *function;
	} two_ways[] = { { "as the program has it", crypto_sha256_two }, { "by the library", crypto_sha256_two_portable }, { "by the CPU", sha256_cpu_two } };
	const size_t n = ARRAY_SIZE(two_ways) - !sha256_cpu_has();
	static const size_t lengths[] = { 0, 1, 54, 55, 56, 62, 63, 64, 65, 118, 119, 120, 127, 128, 183, 250, 300 };
	uint8_t bytes[2 * LENGTH_MAX], expected[2][CRYPTO_HASH], hash[2][CRYPTO_HASH];
	fill(bytes, sizeof(bytes));
	for (size_t a = 0; a < ARRAY_SIZE(lengths); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(lengths); b++) {
			const uint8_t before = (uint8_t)(a + b);
			const struct strview text[2] = { { (const char *)bytes, lengths[a] }, { (const char *)bytes + LENGTH_MAX, lengths[b] } };
			for (size_t i = 0; i < 2; i++)
				crypto_sha256_portable((const struct strview[]){ { (const char *)&before, 1 }, text[i] }, 2, expected[i]);
			for (size_t w = 0; w < n; w++) {
				two_ways[w].function(before, text, hash);
				if (memcmp(hash, expected, sizeof(hash)) != 0)
					fail_msg("%s differs at %zu and %zu bytes", two_ways[w].what, lengths[a], lengths[b]);
			}
		}
	}
}

/* Told, not judged: which way this machine goes, and what a record of 1 KiB costs each. */
static void what_it_costs(void **state)
{
	(void)state;
	uint8_t bytes[1024], hash[CRYPTO_HASH];
	const struct strview whole = { (const char *)bytes, sizeof(bytes) };
	enum { ROUNDS = 2000 };
	fill(bytes, sizeof(bytes));
	for (size_t w = 0; w < n_ways(); w++) {
		uint64_t begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		for (int i = 0; i < ROUNDS; i++)
			ways[w].function(&whole, 1, hash);
		print_message("# SHA-256 of 1 KiB, %s: %llu ns\n", ways[w].what, (unsigned long long)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin) / ROUNDS);
	}
	if (!sha256_cpu_has())
		print_message("# SHA-256 by the CPU: this one has no instructions for it\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_their_known_hashes),
		cmocka_unit_test(every_length_hashes_alike_in_every_way),
		cmocka_unit_test(parts_hash_as_their_whole),
		cmocka_unit_test(two_texts_hash_as_each_alone),
		cmocka_unit_test(what_it_costs),
	};
	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
