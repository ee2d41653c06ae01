/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/op.h"

static void the_required_text_is_read_off_the_pattern(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *required;
	} cases[] = {
		{ "abc", "abc" },
		{ ".*abc.*", "abc" },
		{ "ab*cde", "cde" },
		{ "abc?de", "ab" },
		{ "abcd+e", "abcd" },
		{ "ab{2}cde", "cde" },
		{ "a{2,}?bcd", "bcd" },
		{ "foo[a-z]+barbar", "barbar" },
		{ "foo[]x]ba", "foo" },
		{ "foo(bar|baz)quux", "quux" },
		{ "foo(?:b[)]ar)*quux", "quux" },
		{ "a\\.b\\/c", "a.b/c" },
		{ "\\d+evil\\s", "evil" },
		{ "^/etc/$", "/etc/" },
		{ "", "" },
		{ "(?m-s)^a.*bcd$", "bcd" },
		{ "(?-s)abc.", "abc" },
		{ "(?m)", "" },
		/* not plain */
		{ "(?is)abc", "" },
		{ "(?m-s:abc)", "" },
		{ "(?m-s", "" },
		{ "abc|def", "" },
		{ "(?i)abc", "" },
		{ "abc(?i)def", "" },
		{ "(?=abc)abc", "" },
		{ "abc(*ACCEPT)def", "" },
		{ "abc(x(*ACCEPT))def", "" },
		{ "\\Qa|b\\E", "" },
		{ "\\x41bcd", "" },
		{ "\\101bcd", "" },
		{ "a{x|y}bc", "" },
		{ "a[[:alpha:]]bcd", "" },
		{ "[\\c]x]", "" }, /* \c takes any byte that follows it */
		{ "(\\c)x)", "" },
		{ "(\\c[x)abc", "" },
		{ "((?#[)x)|(a(bc]))efgh", "" },
		{ "((?x)#[\nx)|(a(bc]))efgh", "" },
		{ "abc)", "" },
		{ "abc\\", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char best[64], run[64];
		size_t n = regex_required(sv_from(cases[i].pattern), best, run);
		if (!sv_is((struct strview){ best, n }, cases[i].required))
			fail_msg("%s: '%.*s'", cases[i].pattern, (int)n, best);
	}
}

static const char *text_of(unsigned *random, const char *alphabet, size_t n, char *into)
{
	size_t letters = strlen(alphabet);
	for (size_t i = 0; i < n; i++) {
		*random = *random * 1664525u + 1013904223u;
		into[i] = alphabet[(*random >> 16) % letters];
	}
	into[n] = '\0';
	return into;
}

/* Over random patterns and texts: whoever matches holds the text, as a pattern with an empty group before it tells. */
static void a_text_without_the_required_text_does_not_match(void **state)
{
	(void)state;
	struct matcher *m = NULL;
	unsigned random = 7;
	size_t matches = 0;
	assert_int_equal(matcher_new(&m), 0);
	for (int i = 0; i < 20000; i++) {
		char pattern[32] = "(?:)", text[24], message[80];
		text_of(&random, "aabbcc*+?.[[]](){}|\\\\2,:?^#", 1 + random % 10, pattern + 4);
		struct regex *re = NULL, *plain = NULL;
		size_t offset;
		/* (?=) at the front makes the reader give up: the oracle */
		char oracle[40] = "(?=)";
		memcpy(oracle + 4, pattern, sizeof(pattern));
		bool is_good = regex_new(sv_from(oracle), REGEX_ANYWHERE, &plain, message, sizeof(message), &offset) == 0 &&
			       regex_new(sv_from(pattern), REGEX_ANYWHERE, &re, message, sizeof(message), &offset) == 0;
		for (int k = 0; is_good && k < 10; k++) {
			struct value v = { .class = CLASS_STR, .kind = KIND_STR, .s = sv_from(text_of(&random, "abc*2,{}|", random % 12, text)) };
			struct operand with = { .regex = re }, without = { .regex = plain };
			assert_int_equal(regex_literal(plain).n, 0);
			bool holds = op_regex(m, &v, &without);
			matches += holds && regex_literal(re).n;
			if (op_regex(m, &v, &with) != holds)
				fail_msg("%s on %s", pattern, text);
		}
		regex_free(&re);
		regex_free(&plain);
	}
	assert_true(matches > 100);
	matcher_free(&m);
}

/* Inside a call the end of the pattern is no end of the text: the outer one alone is. */
static void patterns_that_call_themselves_match_as_written(void **state)
{
	static const struct { const char *pattern, *text; bool whole, anywhere; } cases[] = {
		{ "|.(?0)", "\nx", false, true }, /* the call takes its empty branch: one byte is taken, the other is left */
		{ "\\((?:[^()]|(?R))*\\)", "(a(b)c)", true, true },
		{ "\\((?:[^()]|(?R))*\\)", "(a(b)c", false, true },
		{ "(a|b(?1)c)", "bbacc", true, true },
		{ "(?<x>a|b(?&x)c)", "bacc", false, true },
		{ "(?<x>a|b(?P>x)c)", "bac", true, true },
		{ "(a|b\\g<1>c)", "bac", true, true },
		{ "(a|b(?-1)c)", "bac", true, true },
	};
	(void)state;
	struct matcher *m = NULL;
	assert_int_equal(matcher_new(&m), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (enum regex_reach reach = REGEX_WHOLE; reach <= REGEX_ANYWHERE; reach++) {
			struct regex *re = NULL;
			char message[80];
			size_t offset;
			struct value v = { .class = CLASS_STR, .kind = KIND_STR, .s = sv_from(cases[i].text) };
			assert_int_equal(regex_new(sv_from(cases[i].pattern), reach, &re, message, sizeof(message), &offset), 0);
			struct operand operand = { .regex = re };
			if (op_regex(m, &v, &operand) != (reach == REGEX_WHOLE ? cases[i].whole : cases[i].anywhere))
				fail_msg("%s on %s, %s", cases[i].pattern, cases[i].text, reach == REGEX_WHOLE ? "whole" : "anywhere");
			regex_free(&re);
		}
	matcher_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_required_text_is_read_off_the_pattern),
		cmocka_unit_test(a_text_without_the_required_text_does_not_match),
		cmocka_unit_test(patterns_that_call_themselves_match_as_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
