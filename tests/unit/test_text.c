/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/enrich/text.h"

static void equal_strings_are_kept_once(void **state)
{
	(void)state;
	struct text *text = NULL;
	assert_int_equal(text_new(1 << 16, &text), 0);
	text_id a = text_keep(text, SV("/bin/true")), b = text_keep(text, SV("/bin/true")), c = text_keep(text, SV("/bin/truf"));
	assert_true(a != 0 && a == b && c != a);
	text_drop(text, &a);
	assert_int_equal(a, 0);
	assert_true(sv_is(text_get(text, b), "/bin/true"));
	text_drop(text, &b);
	text_drop(text, &b); /* none: nothing happens */
	assert_true(sv_is(text_get(text, c), "/bin/truf"));
	text_drop(text, &c);
	assert_int_equal(text_used_bytes(text), 0);
	text_free(&text);
}

static void strings_may_hold_any_bytes_up_to_the_longest(void **state)
{
	(void)state;
	struct text *text = NULL;
	char *big = malloc(TEXT_MAX + 1);
	assert_non_null(big);
	memset(big, 0xff, TEXT_MAX + 1);
	assert_int_equal(text_new(1 << 16, &text), 0);
	for (size_t n = 1; n <= TEXT_MAX; n += n < 300 ? 1 : 61) {
		text_id id = text_keep(text, (struct strview){ big, n });
		assert_true(id != 0);
		assert_true(sv_equal(text_get(text, id), (struct strview){ big, n }));
		text_drop(text, &id);
	}
	text_id longest = text_keep(text, (struct strview){ big, TEXT_MAX });
	assert_int_equal(text_get(text, longest).n, TEXT_MAX);
	assert_int_equal(text_keep(text, (struct strview){ big, TEXT_MAX + 1 }), 0);
	assert_int_equal(text_keep(text, SV("")), 0);
	assert_null(text_get(text, 0).p);
	text_id nul = text_keep(text, SV("a\0b"));
	assert_int_equal(text_get(text, nul).n, 3);
	text_free(&text);
	free(big);
}

/* A pool filled with short strings and emptied takes long ones, and the other way round. */
static void no_mix_of_lengths_wedges_the_pool(void **state)
{
	(void)state;
	enum { MANY = 4096, PAGES = 8 };
	static const size_t lengths[] = { 8, 4000, 100, 8000, 700, 20, 2000 };
	struct text *text = NULL;
	text_id *ids = calloc(MANY, sizeof(*ids));
	char *s = malloc(TEXT_MAX);
	assert_true(ids && s);
	assert_int_equal(text_new(PAGES * TEXT_PAGE, &text), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = 0;
		memset(s, 'x', TEXT_MAX);
		for (; n < MANY; n++) {
			(void)snprintf(s, 9, "%08u", (unsigned)n % 100000000);
			s[8] = 'x';
			ids[n] = text_keep(text, (struct strview){ s, lengths[i] });
			if (!ids[n])
				break;
		}
		assert_true(n >= PAGES * (TEXT_PAGE / (lengths[i] * 2 + 32)) && n < MANY);
		assert_true(text_used_bytes(text) == PAGES * TEXT_PAGE);
		for (size_t k = 0; k < n; k++) {
			(void)snprintf(s, 9, "%08u", (unsigned)k % 100000000);
			s[8] = 'x';
			assert_true(sv_equal(text_get(text, ids[k]), (struct strview){ s, lengths[i] }));
		}
		while (n--)
			text_drop(text, &ids[n]);
		assert_int_equal(text_used_bytes(text), 0);
	}
	text_free(&text);
	free(ids);
	free(s);
}

static void random_use_keeps_every_string_whole(void **state)
{
	(void)state;
	enum { PLACES = 200 };
	struct {
		text_id id;
		uint32_t value;
		size_t n;
	} kept[PLACES] = { 0 };
	struct text *text = NULL;
	char s[TEXT_MAX];
	uint64_t random = 7;
	size_t failed = 0;
	assert_int_equal(text_new(20 * TEXT_PAGE, &text), 0);
	for (size_t step = 0; step < 30000; step++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint32_t r = (uint32_t)(random >> 33);
		size_t at = r % PLACES;
		memset(s, (int)(kept[at].value & 0xff), sizeof(s));
		if (kept[at].id)
			assert_true(sv_equal(text_get(text, kept[at].id), (struct strview){ s, kept[at].n }));
		text_drop(text, &kept[at].id);
		kept[at].value = r / 1024 % 16;
		kept[at].n = r / 16384 % (step % 20 ? 200 : TEXT_MAX) + 1;
		memset(s, (int)kept[at].value, sizeof(s));
		kept[at].id = text_keep(text, (struct strview){ s, kept[at].n });
		failed += kept[at].id == 0;
	}
	assert_true(failed > 0 && failed < 10000);
	for (size_t i = 0; i < PLACES; i++)
		text_drop(text, &kept[i].id);
	assert_int_equal(text_used_bytes(text), 0);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_are_kept_once),
		cmocka_unit_test(strings_may_hold_any_bytes_up_to_the_longest),
		cmocka_unit_test(no_mix_of_lengths_wedges_the_pool),
		cmocka_unit_test(random_use_keeps_every_string_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
