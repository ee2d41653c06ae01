/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: against fnmatch(3), which means the same over texts without NUL, and beyond it. */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/op.h"

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

static void random_text(uint32_t *state, const char *alphabet, char *out, size_t max)
{
	size_t n = next_random(state) % max;
	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[next_random(state) % strlen(alphabet)];
	out[n] = '\0';
}

static void patterns_mean_what_fnmatch_says(void **state)
{
	(void)state;
	uint32_t seed = 1;
	size_t matched = 0;
	for (int i = 0; i < 400000; i++) {
		char pattern[10], text[8];
		random_text(&seed, i & 1 ? "abA*?[]!-\\/" : "ab*?[a-b]", pattern, sizeof(pattern));
		random_text(&seed, "abA-]/", text, sizeof(text));
		int flags = i & 2 ? FNM_CASEFOLD : 0;
		bool want = fnmatch(pattern, text, flags) == 0;
		matched += want;
		if (glob_match(sv_from(pattern), sv_from(text), flags != 0) != want)
			fail_msg("'%s' on '%s'%s: fnmatch says %d", pattern, text, flags ? ", folded" : "", want);
	}
	assert_true(matched > 10000);
}

static void classes_and_odd_bytes_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *pattern;
		struct strview text;
		bool matches;
	} cases[] = {
		{ "[[:digit:]x]*", SV("7a"), true },
		{ "[[:digit:]x]*", SV("xa"), true },
		{ "[![:alpha:]]", SV("a"), false },
		{ "[![:alpha:]]", SV("1"), true },
		{ "[[:upper:]]", SV("a"), false },
		{ "[[:space:]]", SV("\n"), true },
		{ "a*b", SV("a\0\xff\nb"), true },
		{ "a?b", SV("a\0b"), true },
		{ "a", SV("a\0"), false },
		{ "", SV(""), true },
		{ "*", SV(""), true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (glob_match(sv_from(cases[i].pattern), cases[i].text, false) != cases[i].matches)
			fail_msg("%s: row %zu", cases[i].pattern, i);
}

/* Many stars over a long text that almost matches: quadratic at worst, so this ends at once. */
static void many_stars_do_not_explode(void **state)
{
	(void)state;
	char text[20001], pattern[201];
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < 200; i += 2) {
		pattern[i] = '*';
		pattern[i + 1] = 'a';
	}
	pattern[199] = 'b';
	assert_false(glob_match((struct strview){ pattern, 200 }, (struct strview){ text, 20000 }, false));
}

static void paths_match_by_whole_components(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *path;
		bool matches;
	} cases[] = {
		{ "/usr", "/usr", true },          { "/usr", "/usr/bin/ls", true },           { "/usr", "/usr2", false },
		{ "/usr/", "/usr", true },         { "/usr/bin", "/usr", false },             { "/", "/anything", true },
		{ "/", "relative", false },        { "usr", "/usr", false },                  { "usr", "usr/bin", true },
		{ "/home/*/.ssh", "/home/a/.ssh/id", true }, { "/home/*/.ssh", "/home/.ssh", false }, { "/home/*/.ssh", "/home/a/b/.ssh", false },
		{ "/lib*/x", "/lib64/x/y", true }, { "//usr//bin", "/usr/bin", true },        { "", "/", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (path_prefix_match(sv_from(cases[i].prefix), sv_from(cases[i].path)) != cases[i].matches)
			fail_msg("'%s' on '%s'", cases[i].prefix, cases[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_mean_what_fnmatch_says),
		cmocka_unit_test(classes_and_odd_bytes_are_known),
		cmocka_unit_test(many_stars_do_not_explode),
		cmocka_unit_test(paths_match_by_whole_components),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
