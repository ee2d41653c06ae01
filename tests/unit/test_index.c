/* SPDX-License-Identifier: Apache-2.0 */
/* The structures of engine/index, each on its own against the plain way to do the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/index/searcher.h"
#include "engine/index/bitset.h"
#include "engine/index/lists.h"
#include "engine/index/number_index.h"
#include "engine/index/trie.h"
#include "engine/index/values.h"
#include "engine/index/verdicts.h"

static unsigned next(unsigned *random)
{
	*random = *random * 1664525u + 1013904223u;
	return *random >> 12;
}

/* Texts of few letters, so that they begin, end and overlap with one another. */
static struct strview random_text(unsigned *random, char *into, size_t n, unsigned letters)
{
	for (size_t i = 0; i < n; i++)
		into[i] = (char)(next(random) % 50 ? 'a' + next(random) % letters : next(random));
	return (struct strview){ into, n };
}

enum { TEXTS = 60, LONGEST = 14, HAY = 300 };

struct texts {
	char bytes[TEXTS][LONGEST];
	struct strview text[TEXTS];
	bool found[TEXTS];
};

static void make_texts(struct texts *t, unsigned *random, size_t shortest)
{
	for (size_t i = 0; i < TEXTS; i++)
		t->text[i] = random_text(random, t->bytes[i], shortest + next(random) % (LONGEST - shortest), 2 + next(random) % 3);
}

/* --- automaton ------------------------------------------------------------------------------------------------------------ */

static void note_literal(void *context, uint32_t id, size_t end)
{
	struct texts *t = context;
	assert_true(end >= t->text[id].n);
	t->found[id] = true;
}

/* One of the two. */
static void assert_finds(const struct automaton *a, const struct searcher *s, struct texts *t, struct strview hay)
{
	memset(t->found, 0, sizeof(t->found));
	/* of its own size, so that a byte read beyond it is noticed */
	char *exact = malloc(hay.n + 1);
	assert_non_null(exact);
	memcpy(exact, hay.p, hay.n);
	exact = realloc(exact, hay.n ? hay.n : 1);
	assert_non_null(exact);
	if (a)
		automaton_scan(a, (struct strview){ exact, hay.n }, note_literal, t);
	else
		searcher_scan(s, (struct strview){ exact, hay.n }, note_literal, t);
	free(exact);
	for (size_t i = 0; i < TEXTS; i++) {
		bool holds = hay.n && memmem(hay.p, hay.n, t->text[i].p, t->text[i].n);
		if (holds != t->found[i])
			fail_msg("'" SV_FMT "' in '" SV_FMT "': %d", SV_ARG(t->text[i]), SV_ARG(hay), t->found[i]);
	}
}

static void the_automaton_finds_what_memmem_finds(void **state)
{
	(void)state;
	unsigned random = 1;
	for (int round = 0; round < 300; round++) {
		struct texts t;
		struct literal literals[TEXTS];
		struct automaton *a = NULL;
		make_texts(&t, &random, round % 3 ? 4 : 1);
		for (size_t i = 0; i < TEXTS; i++)
			literals[i] = (struct literal){ t.text[i], (uint32_t)i };
		assert_int_equal(automaton_new(literals, TEXTS, &a), 0);
		for (int k = 0; k < 20; k++) {
			char hay[HAY];
			assert_finds(a, NULL, &t, random_text(&random, hay, next(&random) % (k ? 40 : HAY), 2 + next(&random) % 3));
		}
		automaton_free(&a);
	}
}

/* Enough literals and bytes for whatever the build searches large sets with. */
static void the_searcher_finds_what_memmem_finds(void **state)
{
	(void)state;
	enum { OTHERS = 400 };
	unsigned random = 11;
	for (int round = 0; round < 20; round++) {
		static char others[OTHERS][16];
		struct texts t;
		struct literal literals[TEXTS + OTHERS];
		struct searcher *s = NULL;
		make_texts(&t, &random, round % 2 ? 4 : 1);
		for (size_t i = 0; i < TEXTS; i++)
			literals[i] = (struct literal){ t.text[i], (uint32_t)i };
		for (size_t i = 0; i < OTHERS; i++) /* found nowhere */
			literals[TEXTS + i] = (struct literal){ { others[i], (size_t)snprintf(others[i], sizeof(others[i]), "ZZ%zuZZ", i) }, TEXTS };
		assert_int_equal(searcher_new(literals, TEXTS + OTHERS, &s), 0);
		assert_true(searcher_bytes(s) > 0);
		for (int k = 0; k < 30; k++) {
			char hay[HAY];
			assert_finds(NULL, s, &t, random_text(&random, hay, next(&random) % HAY, 2 + next(&random) % 3));
		}
		searcher_free(&s);
	}
}

static void count_literal(void *context, uint32_t id, size_t end)
{
	(void)id;
	(void)end;
	++*(size_t *)context;
}

/* Literals made to be entered over and over: work is by the text's length and what is found, not by their number. */
static void the_automaton_takes_each_byte_once(void **state)
{
	(void)state;
	enum { N = 2000, HAY_BYTES = 1 << 20 };
	static char texts[N][64];
	static struct literal literals[N];
	for (size_t i = 0; i < N; i++) { /* another end each, of one beginning */
		memset(texts[i], 'a', 50);
		(void)snprintf(texts[i] + 50, 14, "%zu", i);
		literals[i] = (struct literal){ sv_from(texts[i]), (uint32_t)i };
	}
	struct automaton *a = NULL;
	char *hay = malloc(HAY_BYTES);
	assert_non_null(hay);
	memset(hay, 'a', HAY_BYTES);
	memcpy(hay + HAY_BYTES - 4, "1234", 4);
	assert_int_equal(automaton_new(literals, N, &a), 0);
	size_t found = 0;
	automaton_scan(a, (struct strview){ hay, HAY_BYTES }, count_literal, &found);
	assert_int_equal(found, 4); /* 1, 12, 123, 1234 */
	free(hay);
	automaton_free(&a);
}

static void an_automaton_without_literals_finds_nothing(void **state)
{
	(void)state;
	struct automaton *a = NULL;
	size_t found = 0;
	assert_int_equal(automaton_new(NULL, 0, &a), 0);
	automaton_scan(a, SV("anything"), count_literal, &found);
	automaton_scan(a, SV(""), count_literal, &found);
	assert_int_equal(found, 0);
	automaton_free(&a);
}

/* --- tries ---------------------------------------------------------------------------------------------------------------- */

static void note_text(void *context, uint32_t id)
{
	struct texts *t = context;
	assert_false(t->found[id]);
	t->found[id] = true;
}

static void tries_find_beginnings_and_ends(void **state)
{
	(void)state;
	unsigned random = 2;
	for (int round = 0; round < 300; round++) {
		struct texts t;
		struct trie_text texts[TEXTS];
		bool is_forwards = round % 2;
		struct trie *trie = NULL;
		make_texts(&t, &random, 1);
		for (size_t i = 0; i < TEXTS; i++)
			texts[i] = (struct trie_text){ t.text[i], (uint32_t)i };
		assert_int_equal(trie_new(texts, TEXTS, is_forwards ? TRIE_FORWARDS : TRIE_BACKWARDS, &trie), 0);
		for (int k = 0; k < 30; k++) {
			char bytes[HAY];
			struct strview hay = random_text(&random, bytes, next(&random) % 20, 2 + next(&random) % 3);
			memset(t.found, 0, sizeof(t.found));
			trie_find(trie, hay, note_text, &t);
			for (size_t i = 0; i < TEXTS; i++)
				if (t.found[i] != (is_forwards ? sv_starts(hay, t.text[i]) : sv_ends(hay, t.text[i])))
					fail_msg("'" SV_FMT "' and '" SV_FMT "'", SV_ARG(t.text[i]), SV_ARG(hay));
		}
		trie_free(&trie);
	}
}

/* --- sets and lists ------------------------------------------------------------------------------------------------------- */

static void a_set_gives_each_number_once_in_order(void **state)
{
	(void)state;
	enum { MOST = 20000 };
	struct bitset set;
	unsigned random = 3;
	assert_int_equal(bitset_init(&set, MOST), 0);
	for (int round = 0; round < 50; round++) {
		static bool is_in[MOST];
		memset(is_in, 0, sizeof(is_in));
		size_t n = next(&random) % 300, from = 0;
		for (size_t i = 0; i < n; i++) {
			uint32_t v = next(&random) % MOST;
			bitset_add(&set, v);
			is_in[v] = true;
		}
		uint32_t v, expected = 0;
		while (bitset_take(&set, &from, &v)) {
			while (expected < MOST && !is_in[expected])
				expected++;
			assert_int_equal(v, expected);
			expected++;
		}
		while (expected < MOST && !is_in[expected])
			expected++;
		assert_int_equal(expected, MOST);
	}
	bitset_done(&set);
}

static void equal_lists_have_one_id(void **state)
{
	(void)state;
	struct lists l;
	size_t n;
	assert_int_equal(lists_init(&l, 4, 8), 0);
	uint16_t fixed = lists_id(&l, (const uint32_t[]){ 7 }, 1);
	lists_fix(&l);
	uint16_t a = lists_id(&l, (const uint32_t[]){ 1, 2, 3 }, 3);
	assert_int_equal(lists_id(&l, NULL, 0), LIST_EMPTY);
	assert_true(a != LIST_NONE && a != fixed);
	assert_int_equal(lists_id(&l, (const uint32_t[]){ 1, 2, 3 }, 3), a);
	assert_true(lists_id(&l, (const uint32_t[]){ 1, 2 }, 2) != a);
	assert_int_equal(lists_id(&l, (const uint32_t[]){ 9 }, 1), LIST_NONE); /* the empty one and three others are four */
	lists_empty(&l);
	assert_int_equal(lists_id(&l, (const uint32_t[]){ 7 }, 1), fixed);
	assert_int_equal(lists_id(&l, (const uint32_t[]){ 1, 2, 3, 4, 5, 6, 7, 8 }, 8), LIST_NONE); /* no room for its items */
	assert_int_equal(lists_items(&l, lists_id(&l, (const uint32_t[]){ 5, 6 }, 2), &n)[1], 6);
	assert_int_equal(n, 2);
	lists_done(&l);
}

/* --- values and answers ----------------------------------------------------------------------------------------------------- */

static uint16_t value_list(struct values *v, uint16_t input, struct strview text, uint16_t otherwise)
{
	uint64_t hash = values_hash(v, input, text);
	const struct value_place *found = values_find(v, input, text, hash);
	if (found)
		return found->list;
	struct value_place *place = values_put(v, input, text, hash);
	if (place)
		place->list = otherwise;
	return LIST_NONE;
}

/* Whatever is pushed out: what is found is what was put in for that very value. */
static void four_places_hold_no_wrong_value(void **state)
{
	(void)state;
	struct values v;
	unsigned random = 4;
	size_t hits = 0;
	assert_int_equal(values_init(&v, 4), 0);
	for (int i = 0; i < 20000; i++) {
		char bytes[700];
		uint16_t input = (uint16_t)(next(&random) % 3), which = (uint16_t)(next(&random) % 6);
		size_t n = (size_t)which * which * 20 + which;
		memset(bytes, 'a' + which, n);
		uint16_t list = value_list(&v, input, (struct strview){ bytes, n }, (uint16_t)(100 * input + which + 1));
		hits += list != LIST_NONE;
		if (list != LIST_NONE)
			assert_int_equal(list, 100 * input + which + 1);
	}
	assert_true(hits > 1000);
	assert_true(v.evictions > 100);
	assert_true(v.n <= 4 + 2 * (VALUE_SIZES - 1));
	values_done(&v);
}

static void a_value_stands_beside_another_the_second_time_only(void **state)
{
	(void)state;
	struct values v;
	assert_int_equal(values_init(&v, 1), 0); /* one pair of places for each size */
	assert_int_equal(value_list(&v, 0, SV("first"), 1), LIST_NONE);
	assert_int_equal(value_list(&v, 0, SV("second"), 2), LIST_NONE); /* seen once: noted */
	assert_int_equal(v.n, 1);
	assert_int_equal(value_list(&v, 0, SV("second"), 2), LIST_NONE); /* comes in now */
	assert_int_equal(v.n, 2);
	assert_int_equal(value_list(&v, 0, SV("first"), 9), 1);
	assert_int_equal(value_list(&v, 0, SV("second"), 9), 2);
	assert_int_equal(value_list(&v, 0, SV("third"), 3), LIST_NONE); /* seen once: noted */
	assert_int_equal(v.evictions, 0);
	assert_int_equal(value_list(&v, 0, SV("third"), 3), LIST_NONE); /* comes in now */
	assert_int_equal(v.evictions, 1);
	assert_int_equal(value_list(&v, 0, SV("third"), 9), 3);
	values_done(&v);
}

static void values_longer_than_a_page_are_not_kept(void **state)
{
	(void)state;
	struct values v;
	static char bytes[VALUE_MAX + 1];
	assert_int_equal(values_init(&v, 8), 0);
	struct strview most = { bytes, VALUE_MAX }, more = { bytes, VALUE_MAX + 1 };
	assert_int_equal(value_list(&v, 0, most, 5), LIST_NONE);
	assert_int_equal(value_list(&v, 0, most, 6), 5);
	assert_null(values_put(&v, 0, more, 1));
	values_done(&v);
}

static void answers_are_those_of_the_whole_key(void **state)
{
	(void)state;
	struct verdicts v;
	unsigned random = 5;
	size_t hits = 0;
	assert_int_equal(verdicts_init(&v, 4), 0);
	for (int i = 0; i < 5000; i++) {
		uint16_t key[VERDICT_KEY_MAX] = { 1 };
		uint64_t hash;
		size_t n = 1 + next(&random) % 3;
		for (size_t k = 1; k < n; k++)
			key[k] = (uint16_t)(next(&random) % 2);
		key[0] = (uint16_t)n;
		uint16_t expected = (uint16_t)(n * 100 + key[1] * 10u + key[2]);
		const struct answer *a = verdicts_find(&v, key, n, &hash);
		hits += a != NULL;
		if (a)
			assert_int_equal(a->matches, expected);
		else
			verdicts_put(&v, key, n, hash, expected, 0);
	}
	assert_true(hits > 500);
	verdicts_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_automaton_finds_what_memmem_finds),
		cmocka_unit_test(the_searcher_finds_what_memmem_finds),
		cmocka_unit_test(the_automaton_takes_each_byte_once),
		cmocka_unit_test(an_automaton_without_literals_finds_nothing),
		cmocka_unit_test(tries_find_beginnings_and_ends),
		cmocka_unit_test(a_set_gives_each_number_once_in_order),
		cmocka_unit_test(equal_lists_have_one_id),
		cmocka_unit_test(four_places_hold_no_wrong_value),
		cmocka_unit_test(a_value_stands_beside_another_the_second_time_only),
		cmocka_unit_test(values_longer_than_a_page_are_not_kept),
		cmocka_unit_test(answers_are_those_of_the_whole_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
